/* SPDX-License-Identifier: GPL-2.0 */
/*
 * act.bpf.h: what the rules do that a packet meets.
 *
 * In the order of their numbers: those that go on, as far as they stand before the one that
 * ends the search, and then that one. Every rule counts; a police rule that is over its rate drops
 * the packet, and nothing behind it acts.
 *
 * What CPUs share is changed without locks:
 *  - An element that is inserted anew by several at once is inserted by one; the others find it, or
 *    count the set as full if it is.
 *  - A meter is charged by compare and swap. A packet that loses METER_TRIES times in a row, each time
 *    to another CPU's that was charged, passes and is not charged: so of N CPUs that share a bucket
 *    not more than (N - 1) / METER_TRIES of the rate comes on top of it, and that only if they never
 *    stop to collide.
 *  - Packets without the field that a rate is kept for share one bucket.
 *  - A bucket that is new begins full. The map holds METERS_MAX of all rules; one that gave way to
 *    others begins full again.
 */
#ifndef SLUICE_ACT_BPF_H
#define SLUICE_ACT_BPF_H

#include "bpf/classify.bpf.h"

#define ACTIONS_MAX	8u	/* of one rule: POLICY_ACTIONS_MAX */
#define METER_TRIES	4
#define METER_FRAME_MAX	(1ull << 57)	/* units: the longest frame at a byte a second */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);		/* datapath: possible CPUs */
	__uint(key_size, sizeof(__u32));	/* CPU */
	__uint(value_size, sizeof(struct count));	/* datapath: of all rules */
} rule_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* datapath: the rules */
	__type(key, __u32);
	__type(value, __u32);
} rule_actions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);		/* datapath: as many as there are */
	__type(key, __u32);
	__type(value, struct action);
} actions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, METERS_MAX);
	__type(key, struct meter_key);
	__type(value, __u64);
} meters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENTS_BYTES);
} events SEC(".maps");

static __always_inline bool does(enum action_kind kind)
{
	return filter.kinds >> kind & 1;
}

static __always_inline void count_rule(const struct packet *p, __u32 rule)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct count *counts;

	if (p->testing)
		return;
	counts = bpf_map_lookup_elem(&rule_counts, &cpu);
	if (counts && rule < filter.rules) {
		counts[rule].packets++;
		counts[rule].bytes += p->length;
	}
}

/* ---- single actions ------------------------------------------------------------ */

/*
 * Takes @cost of the bucket. A bucket is full at the time *@full; the longer that is away, the
 * emptier it is. Times are modulo 2^64: one that lies further ahead than any packet can have put it
 * lies in the past. A frame longer than all of the burst passes if the bucket is full, and
 * what it takes too much is missing after. Return: whether there was not as much in it.
 */
static __always_inline bool take_tokens(__u64 *full, __u64 now, __u64 cost, __u64 burst)
{
	for (int i = 0; i < METER_TRIES; i++) {
		__u64 was = *(volatile __u64 *)full, wait = was - now;

		if (wait > burst + METER_FRAME_MAX)
			wait = 0;
		if (wait && wait + cost > burst)
			return true;
		if (__sync_val_compare_and_swap(full, was, now + wait + cost) == was)
			return false;
	}
	return false;
}

static __always_inline bool over_rate(struct xdp_md *ctx, const struct packet *p,
				      const struct action *a)
{
	struct meter_key key = { .meter = a->number };
	__u64 now, rate = a->rate, cost, start, *full;

	if (p->testing || !rate)
		return false;
	if (a->field != ACTION_FIELD_NONE)
		field_key(ctx, p, a->field, &key.value);
	now = bpf_ktime_get_boot_ns() * METER_UNITS;
	cost = (a->bytes ? p->length : 1) * (1000000000ull * METER_UNITS) / rate;
	full = bpf_map_lookup_elem(&meters, &key);
	if (!full) {
		start = now;
		bpf_map_update_elem(&meters, &key, &start, BPF_NOEXIST);
		full = bpf_map_lookup_elem(&meters, &key);
		if (!full)
			return false;
	}
	return take_tokens(full, now, cost, a->burst);
}

static __always_inline void insert(struct xdp_md *ctx, const struct packet *p, const struct action *a)
{
	struct set_value fresh = { .by = a->rule_key }, *value;
	__u32 number = a->number;
	struct set_key key = {};
	void *set;

	if (p->testing || !field_key(ctx, p, a->field, &key))
		return;
	set = bpf_map_lookup_elem(&sets, &number);
	if (!set)
		return;
	fresh.inserted = a->burst ? bpf_ktime_get_boot_ns() + a->burst : SET_STAYS;
	value = bpf_map_lookup_elem(set, &key);
	if (!value) {
		if (!bpf_map_update_elem(set, &key, &fresh, BPF_NOEXIST))
			return;
		value = bpf_map_lookup_elem(set, &key);
	}
	if (!value) {
		count(a->full, p->length);
		return;
	}
	/* One by hand may stay longer. */
	if (!value->inserted)
		value->by = a->rule_key;
	if (value->inserted < fresh.inserted)
		*(volatile __u64 *)&value->inserted = fresh.inserted;
}

/* Return: whether there was room for it. */
STAGE int tell(const struct packet *p, __u32 rule, __u32 text, __u8 reason)
{
	struct filter_event *e;

	if (!p)
		return false;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return false;
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->generation = generation_number();
	e->rule = rule;
	e->text = text;
	e->length = p->length;
	e->port = p->port;
	e->ethertype = bpf_ntohs(p->ethertype);
	e->sport = p->sport;
	e->dport = p->dport;
	e->family = p->family;
	e->protocol = p->protocol;
	e->reason = reason;
	__builtin_memcpy(e->source, p->source, 16);
	__builtin_memcpy(e->destination, p->destination, 16);
	bpf_ringbuf_submit(e, 0);
	return true;
}

static __always_inline void emit(const struct packet *p, const struct action *a, __u32 rule)
{
	if (!p->testing && !tell(p, rule, a->number, 0))
		count(filter.lost_events, p->length);
}

/* ---- the actions of one rule --------------------------------------------------------- */

#define ACTED_LAST	1	/* of its rule */
#define ACTED_OVER	2	/* over the rate: the packet is to be dropped */

/* Does action @at of rule @rule. */
STAGE int act_once(struct xdp_md *ctx, struct packet *p, __u32 rule, __u32 at)
{
	const struct action *a;

	if (!filter.kinds || !p)
		return ACTED_LAST;
	a = bpf_map_lookup_elem(&actions, &at);
	if (!a)
		return ACTED_LAST;
	if (does(ACTION_COUNT) && a->kind == ACTION_COUNT && !p->testing)
		count(a->number, p->length);
	else if (does(ACTION_POLICE) && a->kind == ACTION_POLICE && over_rate(ctx, p, a))
		return ACTED_OVER;
	else if (does(ACTION_INSERT) && a->kind == ACTION_INSERT)
		insert(ctx, p, a);
	else if (does(ACTION_EMIT) && a->kind == ACTION_EMIT)
		emit(p, a, rule);
	else if (does(ACTION_MARK) && a->kind == ACTION_MARK)
		p->mark = a->number;
	return a->last ? ACTED_LAST : 0;
}

/* Return: whether the packet is over a rate. */
STAGE int act_rule(struct xdp_md *ctx, struct packet *p, __u32 rule)
{
	__u32 *first;

	if (!filter.kinds || !p)
		return 0;
	count_rule(p, rule);
	first = bpf_map_lookup_elem(&rule_actions, &rule);
	if (!first || *first == RULES_NONE)
		return 0;
	for (__u32 i = 0; i < ACTIONS_MAX; i++) {
		int acted = act_once(ctx, p, rule, *first + i);

		if (acted & ACTED_OVER)
			return 1;
		if (acted & ACTED_LAST)
			break;
	}
	return 0;
}

/* ---- the stage -------------------------------------------------------------------------- */

/* The least of the rules that go on, from @from up, before @end; RULES_NONE: there is none. */
static __always_inline __u32 next_side(const struct matched *m, __u32 from, __u32 end)
{
	__u32 next = RULES_NONE;

	for (unsigned int l = 1; l < LAYERS_MAX && l < filter.layers; l++) {
		__u32 rule = m->side[l - 1];

		if (rule >= from && rule < end && rule < next)
			next = rule;
	}
	return next;
}

static __always_inline void trace_side(const struct packet *p, __u32 rule)
{
	__u32 at = trace.side;

	if ((config.trace || p->testing) && at < LAYERS_MAX - 1) {
		trace.side_rule[at] = rule;
		trace.side = at + 1;
	}
}

/* Rule @rule acts. Return: REASON_none, or REASON_policed. */
static __always_inline enum sluice_reason let_act(struct xdp_md *ctx, struct packet *p, __u32 rule)
{
	if (!act_rule(ctx, p, rule))
		return REASON_none;
	p->dropped_by = rule + 1;
	return REASON_policed;
}

/* Those that go on, before the one that ends the search. */
STAGE int act_sides(struct xdp_md *ctx, struct packet *p, const struct matched *m)
{
	__u32 from = 0, rule;

	if (filter.layers < 2 || !p || !m)
		return REASON_none;
	for (unsigned int l = 1; l < LAYERS_MAX && l < filter.layers; l++) {
		rule = next_side(m, from, m->rule);
		if (rule == RULES_NONE)
			break;
		trace_side(p, rule);
		if (let_act(ctx, p, rule))
			return REASON_policed;
		from = rule + 1;
	}
	return REASON_none;
}

/** act() - REASON_none if the packet goes on, else why it is to be dropped. */
static __always_inline enum sluice_reason act(struct xdp_md *ctx, struct packet *p,
					      const struct matched *m)
{
	if (filter.layers > 1 && act_sides(ctx, p, m))
		return REASON_policed;
	if (m->rule == RULES_NONE)
		return REASON_none;
	if (config.trace || p->testing)
		trace.rule = m->rule + 1;
	if (filter.kinds && m->action & ACTION_LISTED) {
		if (let_act(ctx, p, m->rule))
			return REASON_policed;
	} else {
		count_rule(p, m->rule);
	}
	if (!(m->action & ACTION_DROP))
		return REASON_none;
	p->dropped_by = m->rule + 1;
	return REASON_filtered;
}

#endif
