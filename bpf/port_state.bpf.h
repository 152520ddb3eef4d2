/* SPDX-License-Identifier: GPL-2.0 */
/*
 * port_state.bpf.h: whether a port's device can send, asked of the kernel's own word.
 *
 * A driver that loses its carrier clears a bit in struct net_device's state at once; so does the kernel
 * before it takes a device down. All that tells of it (link watch, notifier chains, netlink, the daemon)
 * comes later, and a packet that is redirected in between is lost in the driver. So a packet that has
 * a way out (a backup) looks at that word itself: the entry of tx that the redirect will use
 * leads to the device, and the entry is there as long as the device is.
 *
 * The word is read as kernel memory: plainly, where the kernel lets programs (bpf_rdonly_cast(), Linux
 * 6.2), else by bpf_probe_read_kernel(), which takes some ten times as long. A bad address
 * reads as zero either way. Where things lie is found out by userland (datapath/port_state.c).
 */
#ifndef SLUICE_PORT_STATE_BPF_H
#define SLUICE_PORT_STATE_BPF_H

#include <stdbool.h>

#include "bpf/maps.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, PORTS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
} tx SEC(".maps");

/* Something that begins with a word: the kernel's struct rb_node. */
struct kernel_word {
	unsigned long word;
};

static void *(*const rdonly_cast)(const void *object, __u32 type) = (void *)CALL_CAST;

static __always_inline unsigned long read_word(const void *at)
{
	unsigned long word = 0;

	if (config.sight.how == SIGHT_CAST)
		return ((struct kernel_word *)rdonly_cast(at, config.sight.word_type))->word;
	bpf_probe_read_kernel(&word, sizeof(word), at);
	return word;
}

/* __LINK_STATE_START, and not __LINK_STATE_NOCARRIER */
static __always_inline bool device_is_up(__u32 port)
{
	const char *entry, *device, *table;

	if (config.sight.how == SIGHT_NONE)
		return true;
	if (config.sight.how == SIGHT_CAST) {
		/* As the look-up does it, which as a call would take three times as long as all of this. */
		table = rdonly_cast(&tx, config.sight.word_type);
		table = (const char *)read_word(table + config.sight.table);
		entry = (const char *)read_word(table + port * sizeof(void *));
	} else {
		entry = bpf_map_lookup_elem(&tx, &port);
	}
	if (!entry)
		return false;
	device = (const char *)read_word(entry + config.sight.device);
	return (read_word(device + config.sight.state) & 5) == 1;
}

#endif
