// SPDX-License-Identifier: GPL-2.0
/*
 * txfail.bpf.c: frames that were redirected to a port and that its driver would not take.
 *
 * A redirect queues; whether the driver takes the frame shows when the queue is
 * flushed, behind all programs of ours. The kernel says so in a tracepoint, once a
 * flush. The frames are counted at the port, since a queue mixes legs and routes.
 */
#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/layout.h"
#include "bpf/maps.bpf.h"

/* The one field that is read of the kernel's; its offset is found when the program is loaded. */
struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

/* Arguments: from, to (struct net_device *), sent, drops, err. */
SEC("raw_tp/xdp_devmap_xmit")
int txfail(struct bpf_raw_tracepoint_args *args)
{
	struct net_device *to = (struct net_device *)args->args[1];
	int drops = args->args[3];
	struct port_stats *stats;
	__u32 port;

	if (drops <= 0)
		return 0;
	port = port_of(BPF_CORE_READ(to, ifindex));
	stats = port ? bpf_map_lookup_elem(&port_stats, &port) : NULL;
	if (stats)
		stats->tx_failed += drops;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
