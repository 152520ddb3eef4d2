// SPDX-License-Identifier: GPL-2.0
/*
 * rules_walk.bpf.c: asks a rule list's tables for all packets of a list, inside XDP, and leaves
 * the answers.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct rules_classes;
struct rules_found;
int look_line(__u32 at, const struct rules_classes *classes, struct rules_found *found);
int look_band(__u32 x, __u32 destination, const struct rules_classes *classes,
	      struct rules_found *found);
#define RULES_LOOK_LINE(area, shape, at, classes, found) look_line(at, classes, found)
#define RULES_LOOK_BAND(area, shape, x, destination, classes, found) \
	look_band(x, destination, classes, found)

#include "bpf/rules.bpf.h"
#include "selftests/prog/rules_walk.h"

/* The loader puts the area's map in its place. */
char rules_anchor[8] __attribute__((section(".data.rules")));
const volatile struct rules_shape shape;

__u32 rounds;
struct question question[PACKETS];
__u32 rule[PACKETS], action[PACKETS];

/* The address of a map's value, in a register: else it would be a relocation at every use. */
static __always_inline const __u8 *area_start(void)
{
	const __u8 *area = (const __u8 *)rules_anchor;

	asm("" : "+r"(area));
	return area;
}

__attribute__((noinline)) int look_line(__u32 at, const struct rules_classes *classes,
					struct rules_found *found)
{
	return classes && found ? rules_line(area_start(), &shape, at, classes, found) : 0;
}

__attribute__((noinline)) int look_band(__u32 x, __u32 destination,
					const struct rules_classes *classes,
					struct rules_found *found)
{
	if (classes && found)
		rules_band(area_start(), &shape, x, destination, classes, found);
	return 0;
}

static long ask(__u32 i, void *unused)
{
	const struct question *q = &question[i & (PACKETS - 1)];
	struct rules_found found = RULES_FOUND_NONE;
	struct rules_classes classes = { 0 };
	const __u8 *area = area_start();

	rules_classify(area, &shape, q->field, &classes);
	rules_walk(area, &shape, q->word[0], q->word[1], &classes, &found);
	rule[i & (PACKETS - 1)] = found.rule;
	action[i & (PACKETS - 1)] = found.action;
	return 0;
}

SEC("xdp") int walk(struct xdp_md *ctx)
{
	bpf_loop(rounds, ask, NULL, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
