// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "datapath/state.h"

/*
 * Enters the port into the slots where the programs look for its ifindex: one of
 * PORT_PROBES behind its hash. An old entry of the number is taken out after.
 */
static int set_slot(struct ports *ports, uint16_t number, uint32_t ifindex)
{
	uint32_t at = ifindex * PORT_HASH >> PORT_HASH_SHIFT;

	for (uint32_t i = 0; ifindex && i < PORT_PROBES; i++)
		if (ports->slot[at + i] == number)
			return 0;
	for (uint32_t i = 0; i < PORT_SLOTS + PORT_PROBES; i++)
		if (ports->slot[i] == number)
			ports->slot[i] = 0;
	for (uint32_t i = 0; ifindex && i < PORT_PROBES; i++) {
		if (ports->slot[at + i])
			continue;
		__atomic_store_n(&ports->slot[at + i], number, __ATOMIC_RELEASE);
		return 0;
	}
	return ifindex ? -ENOSPC : 0;
}

/* An interface that has just gone cannot be entered: that is no error, its entry is gone too. */
static int devmap_set(int map, uint32_t key, uint32_t ifindex, int egress)
{
	struct bpf_devmap_val value = { .ifindex = ifindex, .bpf_prog.fd = egress };

	if (!ifindex) {
		bpf_map_delete_elem(map, &key);
		return 0;
	}
	if (!bpf_map_update_elem(map, &key, &value, 0))
		return 0;
	return errno == ENODEV || errno == EINVAL ? 0 : -errno;
}

int tx_set(struct datapath *dp, uint16_t number)
{
	uint32_t ifindex = dp->ports->port[number].ifindex;

	/* A test run sends nothing, but the kernel wants a device: loopback. */
	if (!dp->dir)
		ifindex = 1;
	return devmap_set(dp->map[SHARED_TX], number, ifindex,
			  dp->dir && dp->tx_egress == 1 ? dp->egress : 0);
}

int leg_set(struct generation *gen, uint32_t group, uint16_t number)
{
	struct datapath *dp = gen->dp;

	if (!dp->dir)
		return 0;
	return devmap_set(gen->legs[group], number, dp->ports->port[number].ifindex, dp->egress);
}

static int legs_set(struct generation *gen, uint16_t number)
{
	int err = 0;

	for (size_t i = 0; !err && i < gen->image->legs.len; i++) {
		const struct image_leg *l = vec_at(&gen->image->legs, i);

		if (l->leg.port == number)
			err = leg_set(gen, l->group, number);
	}
	return err;
}

static int publish(struct datapath *dp, uint16_t number, const struct port *facts)
{
	struct port *port = &dp->ports->port[number];
	bool moved = port->ifindex != facts->ifindex;
	int err;

	if (moved)
		__atomic_store_n(&port->ifindex, 0, __ATOMIC_RELEASE);
	memcpy(port->interface, facts->interface, sizeof(port->interface));
	memcpy(port->mac, facts->mac, sizeof(port->mac));
	port->mtu = facts->mtu;
	__atomic_store_n(&port->flags, facts->flags, __ATOMIC_RELEASE);
	__atomic_store_n(&port->ifindex, facts->ifindex, __ATOMIC_RELEASE);
	err = set_slot(dp->ports, number, dp->dir ? facts->ifindex : 0);
	if (!err && moved)
		err = tx_set(dp, number);
	if (!err && moved && dp->running)
		err = legs_set(dp->running, number);
	if (!err && moved && dp->staged)
		err = legs_set(dp->staged, number);
	return err;
}

int datapath_port_set(struct datapath *dp, uint16_t number, const struct port *facts,
		      struct text *why)
{
	const struct image_port *wanted;
	int err;

	if (number == 0 || number >= PORTS_MAX)
		return -EINVAL;
	err = publish(dp, number, facts);
	if (err) {
		text_printf(why, "cannot publish the port %.16s: %s", facts->interface, strerror(-err));
		return err;
	}
	wanted = dp->running ? image_port(dp->running->image, number) : NULL;
	if (!dp->dir || !wanted)
		return 0;
	if (!facts->ifindex) {
		detach_port(dp, number);
		return 0;
	}
	err = attach_port(dp, number, facts->ifindex, wanted->interface, wanted->generic, why);
	return err ? err : attach_tc(dp, number, needs_tc(dp->running->image), why);
}

int datapath_vlan_set(struct datapath *dp, uint16_t number, uint16_t id, bool there)
{
	struct vlan_key key = { .port = number, .id = id };
	uint8_t one = 1;

	if (there)
		return bpf_map_update_elem(dp->map[SHARED_VLANS], &key, &one, 0) ? -errno : 0;
	if (bpf_map_delete_elem(dp->map[SHARED_VLANS], &key) && errno != ENOENT)
		return -errno;
	return 0;
}
