/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watch.bpf.h: while somebody looks, tells of packets that are dropped, so many a second.
 *
 * Else it is one word read, for packets that are dropped anyway. CPUs that read watch.next at the same
 * time may tell of one packet each: that is no more than there are CPUs.
 */
#ifndef SLUICE_WATCH_BPF_H
#define SLUICE_WATCH_BPF_H

#include "bpf/act.bpf.h"
#include "bpf/parse.bpf.h"

char watch_anchor[8] SEC(".data.watch");

static __always_inline void watch_drop(const struct packet *p, enum sluice_reason reason)
{
	struct watch *watch = (struct watch *)watch_anchor;
	__u64 now, until;

	asm("" : "+r"(watch));
	until = *(volatile __u64 *)&watch->until;
	if (!until || p->testing)
		return;
	now = bpf_ktime_get_boot_ns();
	if (now >= until || now < *(volatile __u64 *)&watch->next)
		return;
	*(volatile __u64 *)&watch->next = now + 1000000000ull / WATCH_PER_SECOND;
	tell(p, p->dropped_by - 1, 0, reason);
}

#endif
