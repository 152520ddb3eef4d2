// SPDX-License-Identifier: GPL-2.0
/*
 * lpm_churn.bpf.c: looks addresses up, inside XDP, while userland changes the table, and judges each
 * answer: it must be that of some state between the last one that was complete before the look-up
 * began, and the last one that was begun before it ended.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bpf/lpm.bpf.h"
#include "selftests/prog/lpm_churn.h"

struct churn_scene scene;

struct turn {
	__u64 seen, changed, held_up;
};

static long look(__u32 i, struct turn *t)
{
	__u32 w = i & (CHURN_WATCHED - 1), got, good = 0;
	__u64 from = LPM_LOAD(scene.done), to;

	if (scene.family == 4)
		got = lpm4(CHURN_NUMBER, scene.address[w][0] >> 32);
	else
		got = lpm6(CHURN_NUMBER, scene.address[w][0], scene.address[w][1]);
	to = LPM_LOAD(scene.begun);
	if (to - from >= 16) {
		t->held_up++;
		return 0;
	}
	for (__u32 k = 0; k < 16; k++)
		if (from + k <= to)
			good |= scene.wanted[(from + k) & (CHURN_STATES - 1)][w] == got;
	t->seen++;
	t->changed += from != to;
	/* Held up here: what it should have found is forgotten. */
	if (!good && LPM_LOAD(scene.begun) - from < CHURN_STATES / 2 &&
	    !__sync_fetch_and_add(&scene.wrong, 1)) {
		scene.wrong_at = w;
		scene.wrong_got = got;
		scene.wrong_from = from;
		scene.wrong_to = to;
	}
	return 0;
}

SEC("xdp") int read_on(struct xdp_md *ctx)
{
	struct turn t = {};

	bpf_loop(CHURN_LOOKUPS, look, &t, 0);
	__sync_fetch_and_add(&scene.seen, t.seen);
	__sync_fetch_and_add(&scene.changed, t.changed);
	__sync_fetch_and_add(&scene.held_up, t.held_up);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
