// SPDX-License-Identifier: GPL-2.0
#include "daemon/interfaces.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernel.h"
#include "base/table.h"
#include "base/text.h"
#include "base/vec.h"
#include "daemon/notes.h"
#include "daemon/routes.h"
#include "datapath/datapath.h"
#include "image/image.h"

#define VLAN_ID_LAST 4094

struct interfaces {
	struct datapath *dp;
	struct notes *notes;
	interfaces_heard_fn *heard;
	void *ctx;
	struct table links;		/* uint32_t ifindex -> struct kernel_link */
	const struct image *image;	/* what runs, or NULL */
	struct table vlans;		/* struct vlan_key -> uint8_t: told to the data path */
	bool vlans_known;		/* those of an earlier life were cleared away */
};

struct interfaces *interfaces_open(struct datapath *dp, struct notes *notes,
				   interfaces_heard_fn *heard, void *ctx)
{
	struct interfaces *in = xcalloc(1, sizeof(*in));

	in->dp = dp;
	in->notes = notes;
	in->heard = heard;
	in->ctx = ctx;
	in->links = TABLE(uint32_t, struct kernel_link);
	in->vlans = TABLE(struct vlan_key, uint8_t);
	return in;
}

void interfaces_close(struct interfaces *in)
{
	table_free(&in->links);
	table_free(&in->vlans);
	free(in);
}

static const struct kernel_link *find_link(const struct interfaces *in, const char *name)
{
	const void *key;
	void *value;
	size_t pos = 0;

	while (table_next(&in->links, &pos, &key, &value)) {
		const struct kernel_link *link = value;

		if (!strcmp(link->name, name))
			return link;
	}
	return NULL;
}

static const struct image_port *find_port(const struct image *image, const char *interface)
{
	for (size_t i = 0; image && i < image->ports.len; i++) {
		const struct image_port *port = vec_at(&image->ports, i);

		if (!strcmp(port->interface, interface))
			return port;
	}
	return NULL;
}

bool interfaces_exist(const struct interfaces *in, const char *name)
{
	return find_link(in, name) != NULL;
}

void interfaces_list(const struct interfaces *in, struct text *out)
{
	const void *key;
	void *value;
	size_t pos = 0, n = 0;

	while (table_next(&in->links, &pos, &key, &value)) {
		const struct kernel_link *link = value;

		if (!link->loopback)
			text_printf(out, "%s%s", n++ ? ", " : "", link->name);
	}
}

/* ---- facts for the data path -------------------------------------------------- */

/* @link NULL: there is none of the port's name. */
static void tell_facts(struct interfaces *in, const struct image_port *port,
		       const struct kernel_link *link, struct text *why)
{
	struct port facts = { 0 };

	snprintf(facts.interface, sizeof(facts.interface), "%s", port->interface);
	if (link) {
		facts.ifindex = link->ifindex;
		facts.mtu = link->mtu;
		facts.flags = link->up && link->carrier ? PORT_UP : 0;
		memcpy(facts.mac, link->mac, sizeof(facts.mac));
	}
	datapath_port_set(in->dp, port->number, &facts, why);
}

static void hear(const struct interfaces *in, const char *event, const struct image_port *port)
{
	if (in->heard)
		in->heard(in->ctx, event, port->name, port->interface);
}

/* A port that runs: tell the data path, attach where the interface is back, note what is wrong. */
static void follow(struct interfaces *in, const struct image_port *port,
		   const struct kernel_link *link)
{
	const struct port *before = &datapath_ports(in->dp)->port[port->number];
	bool was_there = before->ifindex != 0, was_up = before->flags & PORT_UP;
	bool up = link && link->up && link->carrier;
	struct text why = { 0 };
	char subject[64];

	tell_facts(in, port, link, &why);
	snprintf(subject, sizeof(subject), "port %s", port->name);
	if (!link)
		notes_set(in->notes, subject, "there is no interface %s; its part of the policy "
			  "waits for one of this name", port->interface);
	else if (why.len && if_nametoindex(port->interface) != link->ifindex)
		;	/* it has just gone, and the kernel is about to tell */
	else if (why.len)
		notes_set(in->notes, subject, "%s", why.data);
	else
		notes_clear(in->notes, subject);
	if (was_there != !!link)
		hear(in, link ? "port-back" : "port-gone", port);
	else if (link && was_up != up)
		hear(in, up ? "port-up" : "port-down", port);
	text_free(&why);
}

/* ---- VLANs ---------------------------------------------------------------------- */

/* Whether @link is a VLAN interface that takes packets in on a port. */
static bool vlan_of_port(const struct interfaces *in, const struct kernel_link *link,
			 struct vlan_key *key)
{
	const struct kernel_link *lower;
	const struct image_port *port;

	if (!link->vlan || !link->up)
		return false;
	lower = table_get(&in->links, &link->lower);
	port = lower ? find_port(in->image, lower->name) : NULL;
	if (!port)
		return false;
	*key = (struct vlan_key){ .port = port->number, .id = link->vlan };
	return true;
}

/* The pinned map may hold those of a daemon before this one. */
static void clear_vlans(struct interfaces *in)
{
	for (size_t i = 0; in->image && i < in->image->ports.len; i++) {
		const struct image_port *port = vec_at(&in->image->ports, i);

		for (uint16_t id = 0; id <= VLAN_ID_LAST; id++) {
			struct vlan_key key = { .port = port->number, .id = id };

			if (!table_get(&in->vlans, &key))
				datapath_vlan_set(in->dp, key.port, key.id, false);
		}
	}
}

static void tell_vlans(struct interfaces *in)
{
	struct table before = in->vlans;
	struct vlan_key vlan;
	const void *key;
	void *value;
	size_t pos = 0;

	in->vlans = TABLE(struct vlan_key, uint8_t);
	while (table_next(&in->links, &pos, &key, &value)) {
		if (!vlan_of_port(in, value, &vlan))
			continue;
		table_put(&in->vlans, &vlan, NULL);
		if (!table_get(&before, &vlan) &&
		    datapath_vlan_set(in->dp, vlan.port, vlan.id, true))
			notes_set(in->notes, "VLANs", "there are more than the %u that the data path "
				  "knows: packets of the others go to the stack", VLANS_MAX);
	}
	for (pos = 0; table_next(&before, &pos, &key, &value);) {
		const struct vlan_key *old = key;

		if (!table_get(&in->vlans, old))
			datapath_vlan_set(in->dp, old->port, old->id, false);
	}
	table_free(&before);
	if (!in->vlans_known && in->image) {
		in->vlans_known = true;
		clear_vlans(in);
	}
}

/* ---- what the kernel says ----------------------------------------------------------- */

/* A name that no interface has any more. */
static void name_is_free(struct interfaces *in, const char *name)
{
	const struct image_port *port = find_port(in->image, name);

	if (port && !find_link(in, name))
		follow(in, port, NULL);
}

void interfaces_set(struct interfaces *in, const struct kernel_link *link)
{
	const struct image_port *port = find_port(in->image, link->name);
	struct kernel_link *known, before;
	bool fresh;

	known = table_put(&in->links, &link->ifindex, &fresh);
	before = *known;
	*known = *link;
	if (!fresh && strcmp(before.name, link->name))
		name_is_free(in, before.name);
	if (port)
		follow(in, port, link);
	if (link->vlan || before.vlan || port || (!fresh && find_port(in->image, before.name)))
		tell_vlans(in);
}

void interfaces_gone(struct interfaces *in, uint32_t ifindex)
{
	struct kernel_link *known = table_get(&in->links, &ifindex), before;

	if (!known)
		return;
	before = *known;
	table_del(&in->links, &ifindex);
	name_is_free(in, before.name);
	tell_vlans(in);
}

/* ---- what runs -------------------------------------------------------------------------- */

void interfaces_publish(struct interfaces *in, const struct image *image)
{
	struct text ignored = { 0 };

	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *port = vec_at(&image->ports, i);

		if (!find_port(in->image, port->interface))
			tell_facts(in, port, find_link(in, port->interface), &ignored);
	}
	text_free(&ignored);
}

/* Notes on ports that are none any more. */
static void forget_notes(struct interfaces *in, const struct image *old, const struct image *image)
{
	for (size_t i = 0; old && i < old->ports.len; i++) {
		const struct image_port *port = vec_at(&old->ports, i);
		char subject[64];

		snprintf(subject, sizeof(subject), "port %s", port->name);
		if (!image || !image_port_named(image, port->name))
			notes_clear(in->notes, subject);
	}
}

/* A number that is no port of @image must not go on answering to an interface. */
static void let_go_of_others(struct interfaces *in, const struct image *image)
{
	const struct ports *ports = datapath_ports(in->dp);
	struct text ignored = { 0 };

	for (uint16_t number = 1; number < PORTS_MAX; number++) {
		struct port none = { 0 };

		if (!ports->port[number].ifindex || image_port(image, number))
			continue;
		memcpy(none.interface, ports->port[number].interface, sizeof(none.interface));
		datapath_port_set(in->dp, number, &none, &ignored);
	}
	text_free(&ignored);
}

void interfaces_run(struct interfaces *in, const struct image *image)
{
	forget_notes(in, in->image, image);
	in->image = image;
	if (image)
		let_go_of_others(in, image);
	for (size_t i = 0; image && i < image->ports.len; i++) {
		const struct image_port *port = vec_at(&image->ports, i);

		follow(in, port, find_link(in, port->interface));
	}
	tell_vlans(in);
}

/* ---- which are ports, for the routes --------------------------------------------------- */

static uint16_t port_number(const struct image *image, const struct image *also, const char *name)
{
	const struct image_port *port = find_port(image, name);

	return port && (!also || find_port(also, name)) ? port->number : 0;
}

void interfaces_route(const struct interfaces *in, struct routes *routes,
		      const struct image *image, const struct image *also)
{
	const void *key;
	void *value;
	size_t pos = 0;

	while (table_next(&in->links, &pos, &key, &value)) {
		const struct kernel_link *link = value;

		routes_port_set(routes, link->ifindex, port_number(image, also, link->name));
	}
}

void interfaces_route_one(const struct interfaces *in, struct routes *routes, uint32_t ifindex,
			  const struct image *image)
{
	const struct kernel_link *link = table_get(&in->links, &ifindex);

	routes_port_set(routes, ifindex, link ? port_number(image, NULL, link->name) : 0);
}
