/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rule_lists.h: rule lists and packets for the tests of userland/rules: random ones that
 * overlap, hostile ones, ClassBench's, and packets that hit rules or just miss them.
 */
#ifndef SLUICE_SELFTESTS_RULE_LISTS_H
#define SLUICE_SELFTESTS_RULE_LISTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "rules/classbench.h"
#include "rules/rules.h"
#include "selftests/unit/lpm_routes.h"

static inline uint32_t below(uint64_t *state, uint32_t n)
{
	return random_next(state) % n;
}

static inline struct rule *rule_at(const struct rule_list *list, size_t i)
{
	return *(struct rule **)vec_at(&list->rules, i);
}

static inline struct rule_list list_copy(const struct rule_list *list)
{
	struct rule_list copy = RULE_LIST;

	for (size_t i = 0; i < list->rules.len; i++)
		rule_list_add(&copy, rule_at(list, i));
	return copy;
}

/* ---- random rules ------------------------------------------------------------- */

/* How a random list is made. */
struct mix {
	unsigned int v6;		/* rules in a hundred that name IPv6 prefixes */
	unsigned int centres;		/* addresses that prefixes lie around */
	unsigned int lengths;		/* prefixes have at most so many bits; 0: all */
	unsigned int prefixes;		/* a side names at most */
	unsigned int fields;		/* a rule tests at most */
	unsigned int kinds;		/* fields that are tested at all; 0: all those below */
	unsigned int values;		/* of each field: few make services meet; 0: any */
};

/* A rule with its arrays. */
struct rule_room {
	struct rule rule;
	struct prefix prefix[2][8];
	struct rule_test test[16];
};

static inline struct prefix mix_prefix(uint64_t *state, const struct mix *m, uint8_t family)
{
	unsigned int bits = m->lengths && m->lengths < addr_bits(family) ? m->lengths :
			    addr_bits(family);
	struct prefix p = { .addr = random_addr(state, family, m->centres),
			    .len = below(state, bits + 1) };

	return prefix_canonical(p);
}

static inline void mix_test(uint64_t *state, const struct mix *m, struct rule_test *t)
{
	static const uint8_t fields[] = {
		RULES_PROTO, RULES_DPORT, RULES_TCP_FLAGS, RULES_SPORT, RULES_IN, RULES_ICMP_TYPE,
		RULES_VLAN, RULES_DSCP, RULES_FRAG, RULES_SOCKET, RULES_SETS,
	};
	uint8_t field = fields[below(state, m->kinds ? m->kinds : sizeof(fields))];
	uint32_t values = rules_field_values(field), a, b;

	if (m->values && m->values < values)
		values = m->values;
	if (field == RULES_TCP_FLAGS || field == RULES_SETS) {
		b = field == RULES_SETS ? 1u << below(state, 16) : below(state, values);
		*t = (struct rule_test){ field, RULE_MASK, random_next(state) & b, b };
		return;
	}
	a = below(state, values);
	b = below(state, 3) ? a : below(state, values);
	*t = (struct rule_test){ field, RULE_RANGE, a < b ? a : b, a < b ? b : a };
}

static inline const struct rule *mix_rule(uint64_t *state, const struct mix *m, uint32_t action,
					  struct rule_room *room)
{
	struct rule *r = &room->rule;

	*r = (struct rule){ .families = RULE_ALL, .action = action, .test = room->test,
			    .prefix = { room->prefix[0], room->prefix[1] } };
	if (!below(state, 8))
		r->families = 1 + below(state, RULE_ALL);
	for (unsigned int side = 0; side < 2; side++) {
		r->prefixes[side] = below(state, 4) ? 1 + below(state, m->prefixes) : 0;
		for (uint32_t i = 0; i < r->prefixes[side]; i++)
			room->prefix[side][i] = mix_prefix(state, m, below(state, 100) < m->v6 ?
							   ADDR_V6 : ADDR_V4);
	}
	r->tests = m->fields ? below(state, m->fields + 1) : 0;
	for (uint32_t i = 0; i < r->tests; i++)
		mix_test(state, m, &room->test[i]);
	return r;
}

static inline struct rule_list mix_list(uint64_t *state, const struct mix *m, size_t n)
{
	struct rule_list list = RULE_LIST;
	struct rule_room room;

	for (size_t i = 0; i < n; i++)
		if (rule_list_add(&list, mix_rule(state, m, i, &room)))
			abort();
	return list;
}

/* ---- packets that aim -------------------------------------------------------------- */

/* An address within @p, or at its edge, or right beside it. */
static inline struct addr aim_addr(uint64_t *state, const struct prefix *p)
{
	unsigned int bits = addr_bits(p->addr.family), how = below(state, 8), flip;
	struct addr a = p->addr;

	for (unsigned int i = p->len; i < bits; i++)
		if (how == 0 || (how > 1 && random_next(state) & 1))
			a.bytes[i / 8] |= 0x80 >> i % 8;
	if (how == 7) {
		flip = p->len ? p->len - 1 - below(state, p->len < 3 ? p->len : 3) : below(state, bits);
		a.bytes[flip / 8] ^= 0x80 >> flip % 8;
	}
	return a;
}

static inline uint16_t aim_value(uint64_t *state, const struct rule_test *t)
{
	uint32_t values = rules_field_values(t->field), v;

	if (t->kind == RULE_MASK)
		v = (below(state, values) & ~t->b) | t->a;
	else
		v = below(state, 3) ? t->a + below(state, t->b - t->a + 1u) : below(state, 2) ? t->a : t->b;
	switch (below(state, 12)) {
	case 0:
		v++;
		break;
	case 1:
		v--;
		break;
	case 2:
		v ^= 1u << below(state, 16);
		break;
	}
	return v & (values - 1);
}

/* A packet that @rule matches, or nearly; what it does not say comes from @other. */
static inline struct rule_packet aim_packet(uint64_t *state, const struct rule *rule,
					    const struct rule *other)
{
	uint8_t family = below(state, 16) ? below(state, 2) ? ADDR_V4 : ADDR_V6 : ADDR_NONE;
	const struct rule *from[2] = { other, rule };
	struct rule_packet p = { 0 };

	/* The family of a prefix that one of the rules names. */
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int side = 0; side < 2; side++)
			if (from[i]->prefixes[side])
				family = from[i]->prefix[side][below(state, from[i]->prefixes[side])]
						 .addr.family;
	for (unsigned int side = 0; side < 2 && family != ADDR_NONE; side++) {
		p.addr[side] = random_addr(state, family, 4);
		for (unsigned int i = 0; i < 2; i++) {
			const struct prefix *prefix;

			if (!from[i]->prefixes[side])
				continue;
			prefix = &from[i]->prefix[side][below(state, from[i]->prefixes[side])];
			if (prefix->addr.family == family)
				p.addr[side] = aim_addr(state, prefix);
		}
	}
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		p.field[f] = below(state, 2) ? below(state, rules_field_values(f)) : 0;
	for (unsigned int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < from[i]->tests; k++)
			p.field[from[i]->test[k].field] = aim_value(state, &from[i]->test[k]);
	return p;
}

/* Near a rule of the list, sometimes where two of them cross. */
static inline struct rule_packet list_packet(uint64_t *state, const struct rule_list *list)
{
	static const struct rule anything = { .families = RULE_ALL };
	uint32_t n = list->rules.len;
	const struct rule *rule = n ? rule_at(list, below(state, n)) : &anything;
	const struct rule *other = n && below(state, 2) ? rule_at(list, below(state, n)) : rule;

	return aim_packet(state, rule, other);
}

static inline void packet_print(const struct rule_packet *p)
{
	char buf[ADDR_STRLEN];

	fprintf(stderr, "packet");
	for (unsigned int side = 0; side < 2; side++)
		fprintf(stderr, " %s", p->addr[side].family ? addr_format(&p->addr[side], buf) : "-");
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		if (p->field[f])
			fprintf(stderr, " %s=%u", rules_field_name(f), p->field[f]);
	fprintf(stderr, "\n");
}

static inline void rule_print(const char *what, const struct rule_list *list, uint32_t number)
{
	struct text line = { 0 };

	if (number < list->rules.len)
		rule_format(rule_at(list, number), &line);
	fprintf(stderr, "%s: %d %s\n", what, (int)number, text_string(&line));
	text_free(&line);
}

/* Whether the tables answer as the list does; says if not. */
static inline bool agrees(const struct rules *r, const struct rule_list *list,
			  const struct rule_packet *p)
{
	uint32_t want = rule_list_match(list, p), got = rules_match(r, p);

	if (want == got)
		return true;
	packet_print(p);
	rule_print("the list says", list, want);
	rule_print("the tables say", list, got);
	return false;
}

/* ---- recorded lists -------------------------------------------------------------------- */

static inline const char *data_folder(void)
{
	const char *given = getenv("SLUICE_DATA");

	return given ? given : "../shared/data";
}

/*
 * The folder where ClassBench's sets lie unpacked, build/classbench; they are unpacked by
 * whoever comes first. NULL: they are not there.
 */
static inline const char *classbench_folder(void)
{
	static const char *const archives[] = {
		"generated-classbench-acl1-fw1-ipc1-10k-100k", "vppacl-classbench-1k-2k-4k-8k",
		"vppacl-trace_shot-8k",
	};
	char command[1024];
	struct stat st;

	if (!stat("build/classbench/done", &st))
		return "build/classbench";
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(command, sizeof(command), "%s/acl/%s.tar.xz", data_folder(), archives[i]);
		if (stat(command, &st))
			return NULL;
	}
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(command, sizeof(command), "mkdir -p build/classbench && "
			 "tar -xJf '%s/acl/%s.tar.xz' -C build/classbench", data_folder(),
			 archives[i]);
		if (system(command))
			return NULL;
	}
	return system("touch build/classbench/done") ? NULL : "build/classbench";
}

#endif
