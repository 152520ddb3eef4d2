// SPDX-License-Identifier: GPL-2.0
/*
 * userland/analyse on rule lists: against every packet of small domains, and against packets
 * that aim at the answers on ClassBench's sets. SLOW=1: the sets of 100,000 rules too. CASES=n sets how many
 * packets of small domains are asked about at least, of each property (some 700,000 and more as it is).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyse/cubes.h"
#include "analyse/dead.h"
#include "analyse/diagram.h"
#include "analyse/difference.h"
#include "analyse/regions.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;
static bool slow;
static unsigned long cases;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- small domains ------------------------------------------------------------------ */

/*
 * Prefixes of up to so many bits, protocols and ports of up to so many values: then a packet for each
 * combination of one bit and one value more than that is every packet that a list can tell from others.
 */
#define BITS	4
#define VALUES	3

static const struct mix small[] = {
	{ .v6 = 30, .centres = 64, .lengths = BITS, .prefixes = 2, .fields = 2, .kinds = 2, .values = VALUES },
	{ .v6 = 0, .centres = 64, .lengths = 2, .prefixes = 3, .fields = 2, .kinds = 2, .values = VALUES },
	{ .v6 = 50, .centres = 64, .lengths = 1, .prefixes = 1, .fields = 1, .kinds = 1, .values = VALUES },
};

/* Packets that the second half of the tests takes to be possible. */
static const struct rule_test only_tcp[] = {
	{ RULES_PROTO, RULE_RANGE, 1, 1 },
};
static const struct rule_test no_port[] = {
	{ RULES_PROTO, RULE_RANGE, 0, 0 }, { RULES_PROTO, RULE_RANGE, 2, 255 },
	{ RULES_DPORT, RULE_RANGE, 0, 0 }, { RULES_VLAN, RULE_RANGE, 7, 9 },
};
static const struct rule possible[] = {
	{ .families = RULE_IP4 | RULE_IP6, .tests = 1, .test = only_tcp },
	{ .families = RULE_ALL, .tests = 4, .test = no_port },
};

static bool can_be(const struct rule_packet *p)
{
	struct rule_packet q = *p;

	q.field[RULES_VLAN] = 7;	/* whatever it takes where nobody asks */
	return rule_matches(&possible[0], &q) || rule_matches(&possible[1], &q);
}

static struct vec all_packets(bool some)
{
	static const uint8_t families[] = { ADDR_NONE, ADDR_V4, ADDR_V6 };
	struct vec packets = VEC(struct rule_packet);

	for (unsigned int f = 0; f < 3; f++)
		for (unsigned int s = 0; s < (f ? 1 << BITS : 1); s++)
			for (unsigned int d = 0; d < (f ? 1 << BITS : 1); d++)
				for (unsigned int v = 0; v < (VALUES + 1) * (VALUES + 1); v++) {
					struct rule_packet p = { 0 };

					p.addr[0].family = p.addr[1].family = families[f];
					p.addr[0].bytes[0] = s << (8 - BITS);
					p.addr[1].bytes[0] = d << (8 - BITS);
					p.field[RULES_PROTO] = v % (VALUES + 1);
					p.field[RULES_DPORT] = v / (VALUES + 1);
					if (!some || can_be(&p))
						vec_append(&packets, &p);
				}
	return packets;
}

static struct regions *close_regions(struct regions *r, bool some, uint32_t classes)
{
	struct text why = { 0 };

	for (unsigned int i = 0; some && i < 2; i++)
		regions_possible(r, &possible[i]);
	if (classes)
		regions_classes(r, classes);
	if (regions_close(r, &why))
		fail_msg("%s", text_string(&why));
	return r;
}

static struct regions *regions_of(const struct rule_list *list, bool some, uint32_t classes)
{
	struct regions *r = regions_new();

	for (size_t i = 0; i < list->rules.len; i++)
		regions_add(r, 0, rule_at(list, i), i, 0);
	return close_regions(r, some, classes);
}

/* Whether the rules of @covers have all packets that @rule has. */
static bool covered(const struct rule_list *list, uint32_t rule, const struct vec *covers,
		    size_t without, const struct vec *packets)
{
	for (size_t i = 0; i < packets->len; i++) {
		const struct rule_packet *p = vec_at(packets, i);
		bool has = false;

		if (!rule_matches(rule_at(list, rule), p))
			continue;
		for (size_t k = 0; k < covers->len && !has; k++) {
			const struct region_rule *c = vec_at(covers, k);

			has = k != without && rule_matches(rule_at(list, c->number), p);
		}
		if (!has)
			return false;
	}
	return true;
}

static size_t shown, needless;	/* rules that cover dead ones; those without which the others still do */

static void check_dead(const struct rule_list *list, bool some, uint32_t classes, const struct vec *packets)
{
	struct regions *r = regions_of(list, some, classes);
	bool *alive = xcalloc(list->rules.len + 1, sizeof(*alive));
	struct vec dead = VEC(struct dead_rule);
	size_t next = 0;

	for (size_t i = 0; i < packets->len; i++) {
		uint32_t n = rule_list_match(list, vec_at(packets, i));

		if (n != RULES_NONE)
			alive[n] = true;
	}
	assert_int_equal(dead_rules(r, 0, true, &dead), 0);
	for (uint32_t i = 0; i < list->rules.len; i++) {
		struct region_query q = { .boxes = 1, .box = { i }, .befores = 1, .before = { { 0, i, 0, 0 } } };
		struct rule_packet w;
		const struct dead_rule *d = vec_at(&dead, next);

		if (alive[i]) {
			assert_int_equal(regions_find(r, &q, &w, NULL), 1);
			assert_int_equal(rule_list_match(list, &w), i);
			assert_true(!some || can_be(&w));
			assert_true(!some || w.field[RULES_PROTO] == 1 || w.field[RULES_VLAN] == 7);
			continue;
		}
		assert_true(next++ < dead.len);
		assert_int_equal(d->number, i);
		assert_true(covered(list, i, &d->covers, SIZE_MAX, packets));
		for (size_t k = 0; k < d->covers.len; k++, shown++)
			needless += covered(list, i, &d->covers, k, packets);
	}
	assert_int_equal(next, dead.len);
	dead_rules_free(&dead);
	free(alive);
	regions_free(r);
}

static void test_dead(void **state)
{
	unsigned long tried = 0;

	(void)state;
	for (unsigned int round = 0; round < 240 || tried < cases; round++) {
		const struct mix *m = &small[round % 3];
		bool some = round / 3 % 2;
		struct vec packets = all_packets(some);
		struct rule_list list = mix_list(&seed, m, 1 + below(&seed, 40));

		tried += packets.len;
		check_dead(&list, some, 0, &packets);
		check_dead(&list, some, 2, &packets);
		rule_list_free(&list);
		vec_free(&packets);
	}
	printf("# %lu packets; %zu rules cover dead ones, %zu of them need not\n", tried, shown, needless);
	assert_true(shown > 1000 && needless < shown / 20);
}

/* ---- boxes that meet ------------------------------------------------------------------ */

static void test_meeting(void **state)
{
	struct vec packets = all_packets(false);

	(void)state;
	for (unsigned int round = 0; round < 30; round++) {
		struct rule_list list[2] = {
			mix_list(&seed, &small[round % 3], 1 + below(&seed, 12)),
			mix_list(&seed, &small[round % 3], 1 + below(&seed, 12)),
		};
		struct regions *r = regions_new();
		struct vec meet = VEC(uint32_t);
		size_t n = list[0].rules.len;

		for (unsigned int l = 0; l < 2; l++)
			for (size_t i = 0; i < list[l].rules.len; i++)
				regions_add(r, l, rule_at(&list[l], i), i, 0);
		close_regions(r, false, 0);
		for (uint32_t a = 0; a < n; a++) {
			regions_meeting(r, a, 1, &meet);
			for (uint32_t b = 0, at = 0; b < list[1].rules.len; b++) {
				struct region_query q = {
					.boxes = 2, .box = { a, n + b }, .befores = 1, .before = { { 1, b, 0, 0 } },
				};
				bool some = false, listed;
				struct rule_packet w;

				for (size_t i = 0; i < packets.len && !some; i++)
					some = rule_matches(rule_at(&list[0], a), vec_at(&packets, i)) &&
					       rule_list_match(&list[1], vec_at(&packets, i)) == b;
				assert_int_equal(regions_find(r, &q, &w, NULL), some);
				if (some) {
					assert_true(rule_matches(rule_at(&list[0], a), &w));
					assert_int_equal(rule_list_match(&list[1], &w), b);
				}
				listed = at < meet.len && *(uint32_t *)vec_at(&meet, at) == n + b;
				at += listed;
				assert_true(listed || !some);
			}
		}
		vec_free(&meet);
		regions_free(r);
		rule_list_free(&list[0]);
		rule_list_free(&list[1]);
	}
	vec_free(&packets);
}

/* ---- difference ----------------------------------------------------------------------- */

/* Rules, each with what it does: two outcomes, and lanes 1 and 2. */
static struct difference_list list_does(const struct rule_list *list, const uint32_t *does)
{
	struct difference_list d = DIFFERENCE_LIST;

	for (uint32_t i = 0; i < list->rules.len; i++) {
		uint32_t what = does[rule_at(list, i)->action];
		struct difference_entry e = { rule_at(list, i), i, what < 2 ? 0 : what - 1, what };

		vec_append(&d.entries, &e);
	}
	d.end = 0;
	return d;
}

/* Some rules of @list taken out, put in, moved. */
static struct rule_list edited(const struct rule_list *list, const struct mix *m, uint32_t actions)
{
	struct rule_list other = RULE_LIST;
	struct rule_room room;

	for (size_t i = 0; i < list->rules.len; i++) {
		switch (below(&seed, 12)) {
		case 0:
			break;
		case 1:
			rule_list_add(&other, mix_rule(&seed, m, below(&seed, actions), &room));
			/* fall through */
		default:
			rule_list_add(&other, rule_at(list, i));
		}
	}
	for (unsigned int i = 0; i < 2 && other.rules.len > 1; i++) {
		struct rule **a = vec_at(&other.rules, below(&seed, other.rules.len));
		struct rule **b = vec_at(&other.rules, below(&seed, other.rules.len)), *c = *a;

		*a = *b;
		*b = c;
	}
	return other;
}

static size_t by_parts, by_rules;

static void check_difference(const struct difference_list *a, const struct difference_list *b,
			     const struct vec *packets, bool some)
{
	struct vec can = VEC(const struct rule *);
	struct difference_options options = { .possible = some ? &can : NULL };
	struct text why = { 0 };
	struct difference d;
	bool any = false;

	for (unsigned int i = 0; i < 2; i++)
		*(const struct rule **)vec_push(&can) = &possible[i];
	assert_int_equal(difference_find(a, b, &options, &d, &why), 0);
	assert_false(d.undecided);
	for (size_t i = 0; i < packets->len; i++) {
		const struct rule_packet *p = vec_at(packets, i);

		for (uint32_t lane = 0; lane < 3; lane++) {
			bool differs = difference_treats(a, lane, p, NULL) != difference_treats(b, lane, p, NULL);
			bool has = false, parts = false;

			any |= differs;
			for (size_t c = 0; c < d.classes.len; c++) {
				const struct difference_class *class = vec_at(&d.classes, c);

				if (class->lane != lane)
					continue;
				has |= difference_class_has(class, a, b, p);
				if (class->parts.len)
					parts |= difference_parts_have(class, a, b, p);
				else
					parts |= difference_class_has(class, a, b, p);
			}
			assert_int_equal(has, differs);
			assert_int_equal(parts, differs);
		}
	}
	for (size_t c = 0; c < d.classes.len; c++) {
		const struct difference_class *class = vec_at(&d.classes, c);

		*(class->parts.len ? &by_parts : &by_rules) += 1;
		assert_true(!some || can_be(&class->witness));
		assert_true(difference_class_has(class, a, b, &class->witness));
		assert_true(!class->parts.len || difference_parts_have(class, a, b, &class->witness));
	}
	assert_int_equal(any, d.classes.len != 0);
	difference_free(&d);
	options.first = true;
	assert_int_equal(difference_find(a, b, &options, &d, &why), 0);
	assert_int_equal(d.classes.len, any);
	difference_free(&d);
	vec_free(&can);
}

static void test_difference(void **state)
{
	unsigned long tried = 0;

	(void)state;
	for (unsigned int round = 0; round < 120 || tried < cases; round++) {
		const struct mix *m = &small[round % 3];
		bool some = round / 3 % 2;
		struct vec packets = all_packets(some);
		struct rule_list x = mix_list(&seed, m, 1 + below(&seed, 30)), y = edited(&x, m, 30);
		struct difference_list a, b;
		uint32_t does[30];

		for (unsigned int i = 0; i < 30; i++)
			does[i] = below(&seed, 4);
		a = list_does(&x, does);
		b = list_does(&y, does);
		tried += packets.len;
		check_difference(&a, &b, &packets, some);
		check_difference(&a, &a, &packets, some);
		difference_list_free(&a);
		difference_list_free(&b);
		rule_list_free(&x);
		rule_list_free(&y);
		vec_free(&packets);
	}
	printf("# %lu packets; %zu classes said by their packets, %zu by their rules\n", tried, by_parts, by_rules);
	assert_true(by_parts > 100);
}

/* ---- the diagram as the oracle ---------------------------------------------------------- */

/* What each rule of a list decides of, as diagrams; behind the last, what none does. */
static const struct dd **deciders(struct dd_space *s, const struct rule_list *list)
{
	const struct dd **decides = xcalloc(list->rules.len + 1, sizeof(*decides));
	const struct dd *seen = dd_none(s);

	for (size_t i = 0; i < list->rules.len; i++) {
		const struct dd *rule = diagram_of_rule(s, rule_at(list, i));

		decides[i] = dd_difference(s, rule, seen);
		seen = dd_union(s, seen, rule);
	}
	decides[list->rules.len] = dd_not(s, seen);
	return decides;
}

static const struct dd *cube_diagram(struct dd_space *s, const struct cube *c)
{
	struct vec prefixes[2] = { VEC(struct prefix), VEC(struct prefix) }, all = VEC(struct rule_test);
	struct rule rule = {
		.families = c->family == ADDR_V4 ? RULE_IP4 : c->family == ADDR_V6 ? RULE_IP6 : RULE_NOT_IP,
	};
	const struct dd *d;

	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		for (uint32_t i = 0; i < c->in[CUBE_FIELD + f].count; i++) {
			const struct span *x = &c->in[CUBE_FIELD + f].span[i];
			struct rule_test t = { f, RULE_RANGE, x->first, x->last };

			vec_append(&all, &t);
		}
	for (unsigned int side = 0; side < 2; side++) {
		spans_prefixes(c->family, &c->in[side], &prefixes[side]);
		rule.prefixes[side] = prefixes[side].len;
		rule.prefix[side] = prefixes[side].data;
	}
	rule.tests = all.len;
	rule.test = all.data;
	d = diagram_of_rule(s, &rule);
	vec_free(&prefixes[0]);
	vec_free(&prefixes[1]);
	vec_free(&all);
	return d;
}

static const struct dd *cubes_diagram(struct dd_space *s, const struct vec *cubes)
{
	const struct dd *d = dd_none(s);

	for (size_t i = 0; i < cubes->len; i++)
		d = dd_union(s, d, cube_diagram(s, vec_at(cubes, i)));
	return d;
}

/* What the rules of a class decide of. */
static const struct dd *rules_diagram(struct dd_space *s, const struct dd **decides, size_t n,
				      const struct vec *numbers)
{
	const struct dd *d = dd_none(s);

	for (size_t i = 0; i < numbers->len; i++) {
		uint32_t number = *(uint32_t *)vec_at(numbers, i);

		d = dd_union(s, d, decides[number == DIFFERENCE_END ? n : number]);
	}
	return d;
}

static const struct dd *class_diagram(struct dd_space *s, const struct difference_class *class,
				      const struct difference_list *const list[2])
{
	const struct dd *d = dd_none(s);

	for (size_t i = 0; i < class->parts.len; i++) {
		const struct difference_part *p = vec_at(&class->parts, i);
		const struct dd *part = cubes_diagram(s, &p->cubes);

		for (unsigned int k = 0; k < 2; k++)
			for (size_t e = 0; e < p->except[k].len; e++) {
				const struct difference_entry *x =
					vec_at(&list[k]->entries, *(uint32_t *)vec_at(&p->except[k], e));

				part = dd_difference(s, part, diagram_of_rule(s, x->box));
			}
		d = dd_union(s, d, part);
	}
	return d;
}

static struct difference_list outcomes_of(const struct rule_list *list)
{
	struct difference_list d = DIFFERENCE_LIST;

	for (uint32_t i = 0; i < list->rules.len; i++) {
		struct difference_entry e = { rule_at(list, i), i, 0, rule_at(list, i)->action & 1 };

		vec_append(&d.entries, &e);
	}
	return d;
}

/* Dead rules are those that decide of nothing; the classes of a difference are what differs, exactly. */
static void check_oracle(struct rule_list *x, struct rule_list *y, const char *name)
{
	struct dd_space *s = diagram_list_space((size_t)1 << 30);
	const struct dd **decides[2] = { deciders(s, x), deciders(s, y) }, *differ = dd_none(s);
	const struct dd *drops[2] = { dd_none(s), dd_none(s) };
	struct difference_list a = outcomes_of(x), b = outcomes_of(y);
	const struct difference_list *const lists[2] = { &a, &b };
	struct regions *r = regions_of(x, false, 0);
	struct difference_options options = { 0 };
	struct vec dead = VEC(struct dead_rule);
	struct text why = { 0 };
	struct difference d;
	size_t next = 0, rules = 0;

	assert_int_equal(dead_rules(r, 0, false, &dead), 0);
	for (uint32_t i = 0; i < x->rules.len; i++) {
		bool is = next < dead.len && ((struct dead_rule *)vec_at(&dead, next))->number == i;

		assert_non_null(decides[0][i]);
		assert_int_equal(is, decides[0][i] == dd_none(s));
		next += is;
	}
	for (unsigned int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < (l ? y : x)->rules.len; i++)
			if (rule_at(l ? y : x, i)->action & 1)
				drops[l] = dd_union(s, drops[l], decides[l][i]);
	assert_int_equal(difference_find(&a, &b, &options, &d, &why), 0);
	for (size_t i = 0; i < d.classes.len; i++) {
		const struct difference_class *c = vec_at(&d.classes, i);
		const struct dd *by_rules = dd_intersection(s, cubes_diagram(s, &c->within),
			dd_intersection(s, rules_diagram(s, decides[0], x->rules.len, &c->rules[0]),
					rules_diagram(s, decides[1], y->rules.len, &c->rules[1])));
		const struct dd *by_parts = class_diagram(s, c, lists);

		rules += !c->parts.len;
		assert_true(!c->parts.len || dd_difference(s, by_parts, by_rules) == dd_none(s));
		differ = dd_union(s, differ, c->parts.len ? by_parts : by_rules);
	}
	assert_non_null(differ);
	assert_ptr_equal(differ, dd_differ(s, drops[0], drops[1]));
	if (name)
		printf("# %s: %zu rules, %zu dead, %zu classes, %zu of them said by their rules: as the diagram "
		       "has it\n", name, x->rules.len, dead.len, d.classes.len, rules);
	dead_rules_free(&dead);
	difference_free(&d);
	difference_list_free(&a);
	difference_list_free(&b);
	regions_free(r);
	free(decides[0]);
	free(decides[1]);
	dd_space_free(s);
}

static void test_oracle(void **state)
{
	static const struct mix mixes[] = {
		{ .v6 = 30, .centres = 3, .prefixes = 2, .fields = 3 },
		{ .v6 = 20, .centres = 2, .lengths = 12, .prefixes = 1, .fields = 2, .kinds = 3, .values = 6 },
	};

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		const struct mix *m = &mixes[i % 2];
		struct rule_list x = mix_list(&seed, m, 1 + below(&seed, 14)), y = edited(&x, m, 1000);

		check_oracle(&x, &y, NULL);
		rule_list_free(&x);
		rule_list_free(&y);
	}
}

/* ---- ClassBench ---------------------------------------------------------------------------- */

static struct rule_list read_set(const char *name, struct source *source)
{
	struct rule_list list = RULE_LIST;
	struct text error = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", classbench_folder(), name);
	if (classbench_read(path, source, &list, &error))
		fail_msg("%s", text_string(&error));
	return list;
}

/* What is said to be dead hides from packets that aim; what is not shows a packet. */
static void check_set(const char *name)
{
	struct source source = { 0 };
	struct rule_list list = read_set(name, &source);
	double began = seconds(), closed, ended;
	struct regions *r = regions_of(&list, false, 0);
	struct vec dead = VEC(struct dead_rule);
	size_t asked = 0;

	closed = seconds();
	assert_int_equal(dead_rules(r, 0, true, &dead), 0);
	ended = seconds();
	printf("# %s: %zu rules, %zu dead: partition %.3f s, questions %.3f s\n", name, list.rules.len,
	       dead.len, closed - began, ended - closed);
	for (size_t i = 0; i < dead.len; i++) {
		const struct dead_rule *d = vec_at(&dead, i);

		assert_true(d->covers.len > 0);
		for (unsigned int k = 0; k < 100000 / (dead.len + 1) / (slow ? 1 : 50) + 1; k++) {
			struct rule_packet p = aim_packet(&seed, rule_at(&list, d->number),
							  rule_at(&list, d->number));
			bool has = false;

			if (!rule_matches(rule_at(&list, d->number), &p))
				continue;
			asked++;
			for (size_t c = 0; c < d->covers.len && !has; c++)
				has = rule_matches(rule_at(&list, ((struct region_rule *)
						   vec_at(&d->covers, c))->number), &p);
			assert_true(has);
		}
	}
	for (uint32_t i = below(&seed, 50), next = 0; i < list.rules.len; i += 1 + below(&seed, 500)) {
		struct region_query q = { .boxes = 1, .box = { i }, .befores = 1, .before = { { 0, i, 0, 0 } } };
		struct rule_packet w;

		while (next < dead.len && ((struct dead_rule *)vec_at(&dead, next))->number < i)
			next++;
		if (next < dead.len && ((struct dead_rule *)vec_at(&dead, next))->number == i)
			continue;
		assert_int_equal(regions_find(r, &q, &w, NULL), 1);
		assert_int_equal(rule_list_match(&list, &w), i);
	}
	printf("# %s: %zu packets aimed at dead rules hit none\n", name, asked);
	dead_rules_free(&dead);
	regions_free(r);
	rule_list_free(&list);
	free(source.name);
}

/* Edits of a set: the answer holds for packets that aim at what was edited, and what is said. */
static void check_edits(const char *name, unsigned int edits, size_t packets)
{
	struct source source = { 0 };
	struct rule_list x = read_set(name, &source), y;
	struct difference_options options = { 0 };
	struct difference_list list[2] = { DIFFERENCE_LIST, DIFFERENCE_LIST };
	struct text why = { 0 };
	struct difference d;
	size_t inside = 0, said = 0;
	uint32_t n = x.rules.len;
	double began;

	y = list_copy(&x);
	for (unsigned int i = 0; i < edits; i++) {
		struct rule **a = vec_at(&y.rules, below(&seed, n)), **b = vec_at(&y.rules, below(&seed, n));
		struct rule *c = *a;

		switch (i % 3) {
		case 0:			/* in another place */
			*a = *b;
			*b = c;
			break;
		case 1:			/* with another end */
			c->action ^= 1;
			break;
		case 2:			/* of other rules' addresses: the one goes */
			*a = rule_copy(*b);
			rule_free(c);
			break;
		}
	}
	for (unsigned int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < n; i++) {
			struct rule *rule = rule_at(l ? &y : &x, i);
			struct difference_entry e = { rule, i, 0, rule->action & 1 };

			vec_append(&list[l].entries, &e);
		}
	began = seconds();
	assert_int_equal(difference_find(&list[0], &list[1], &options, &d, &why), 0);
	printf("# %s: %u edits: %zu classes of %zu pairs, %.3f s\n", name, edits, d.classes.len, d.pairs,
	       seconds() - began);
	assert_false(d.undecided);
	assert_true(edits ? edits < 30 || d.classes.len : !d.classes.len);	/* two may swap unseen */
	for (size_t i = 0; i < packets && d.classes.len; i++) {
		const struct difference_class *class = vec_at(&d.classes, below(&seed, d.classes.len));
		const struct vec *rules = &class->changed[!class->changed[0].len];
		uint32_t rule = *(uint32_t *)vec_at(rules, below(&seed, rules->len));
		struct rule_packet p = class->witness;
		bool differs, has = false;

		if (below(&seed, 4) && rule < n)
			p = aim_packet(&seed, rule_at(class->changed[0].len ? &x : &y, rule),
				       rule_at(&x, below(&seed, n)));
		differs = difference_treats(&list[0], 0, &p, NULL) != difference_treats(&list[1], 0, &p, NULL);
		for (size_t c = 0; c < d.classes.len && !has; c++) {
			const struct difference_class *k = vec_at(&d.classes, c);

			has = k->parts.len ? difference_parts_have(k, &list[0], &list[1], &p) :
			      difference_class_has(k, &list[0], &list[1], &p);
			said += k->parts.len != 0;
		}
		assert_int_equal(has, differs);
		inside += differs;
	}
	printf("# %s: of %zu packets %zu differ\n", name, packets, inside);
	assert_true(edits < 30 || (inside && inside < packets && said));
	difference_free(&d);
	for (unsigned int l = 0; l < 2; l++)
		difference_list_free(&list[l]);
	rule_list_free(&x);
	rule_list_free(&y);
	free(source.name);
}

static void test_edits(void **state)
{
	static const char *const sets[] = { "acl1", "fw1", "ipc1" };
	char name[32];

	(void)state;
	if (!classbench_folder())
		skip();
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s_10000", sets[i]);
		check_edits(name, 0, 0);
		check_edits(name, 1 + below(&seed, 3), 200);
		check_edits(name, 30, 1000);
		if (!slow)
			continue;
		snprintf(name, sizeof(name), "%s_100000", sets[i]);
		check_edits(name, 0, 0);
		check_edits(name, 2, 200);
		check_edits(name, 100, 5000);
	}
}

/* Some rules with another end, some out of their places. */
static struct rule_list disturbed(const struct rule_list *list, unsigned int edits)
{
	struct rule_list other = list_copy(list);

	for (unsigned int i = 0; i < edits; i++) {
		struct rule **a = vec_at(&other.rules, below(&seed, other.rules.len));
		struct rule **b = vec_at(&other.rules, below(&seed, other.rules.len)), *c = *a;

		if (i % 2) {
			c->action ^= 1;
		} else {
			*a = *b;
			*b = c;
		}
	}
	return other;
}

static void test_oracle_sets(void **state)
{
	static const char *const sets[] = { "Ruleset/1k_1/acl1_seed_1.rules", "Ruleset/1k_1/fw1_seed_1.rules",
					    "Ruleset/1k_1/ipc1_seed_1.rules", "Ruleset/4k_1/acl1_seed_1.rules" };

	(void)state;
	if (!classbench_folder())
		skip();
	for (unsigned int i = 0; i < (slow ? 4 : 3); i++) {
		struct source source = { 0 };
		struct rule_list x = read_set(sets[i], &source), y = disturbed(&x, 20);

		check_oracle(&x, &y, sets[i]);
		rule_list_free(&x);
		rule_list_free(&y);
		free(source.name);
	}
}

static void test_sets(void **state)
{
	(void)state;
	if (!classbench_folder()) {
		print_message("no recorded rule sets in %s/acl\n", data_folder());
		skip();
	}
	check_set("acl1_10000");
	check_set("fw1_10000");
	check_set("ipc1_10000");
	if (slow) {
		check_set("acl1_100000");
		check_set("fw1_100000");
		check_set("ipc1_100000");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_meeting),
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_oracle_sets),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_edits),
	};

	cases = cases_wanted(0);
	slow = getenv("SLOW") && *getenv("SLOW");
	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	printf("# SEED=%llu repeats this\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("analyse", tests, NULL, NULL);
}
