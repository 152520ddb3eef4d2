// SPDX-License-Identifier: GPL-2.0
/*
 * values.c: as addresses.c, over all values of a field. Each test has a random number; the
 * sum of those of the tests that a value meets says which they are.
 *
 * Some values differ though no test says so: protocols and ethertypes that decide which other
 * fields a packet has. Each of them is a kind of its own.
 */
#include "verify/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "bpf/rules.bpf.h"
#include "image/image.h"
#include "policy/tree.h"
#include "verify/tests.h"

#define SET_TESTS_ALL	6		/* set tests of which all combinations are taken */

/* The arrays of classes that a field of the tables has, in all layers. */
struct arrays {
	unsigned int count;
	struct {
		const struct rules_shape *shape;
		const struct rules_step *step;
	} of[LAYERS_MAX * RULES_FIELD_COUNT];
};

/* The search under way, for one field. */
struct finding {
	const struct policy *p;
	const struct image_filter *filter;
	const uint16_t *port;
	enum policy_field field;
	uint64_t random;
	struct vec ranges;		/* of struct mixed */
	struct arrays arrays;
};

/* A range of a test. */
struct mixed {
	uint64_t first, last, mix;
	bool special;		/* no rule's */
};

/* splitmix64 */
static uint64_t draw(struct finding *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void add_range(struct finding *f, uint64_t first, uint64_t last, uint64_t mix)
{
	*(struct mixed *)vec_push(&f->ranges) = (struct mixed){ first, last, mix, false };
}

/* A value that is told from others, whatever the rules test. */
static void add_special(struct finding *f, uint64_t value)
{
	*(struct mixed *)vec_push(&f->ranges) = (struct mixed){ value, value, draw(f), true };
}

static void take_tests(struct finding *f, const struct vec *tests)
{
	for (size_t i = 0; i < tests->len; i++) {
		const struct policy_predicate *t = *(const struct policy_predicate **)vec_at(tests, i);
		uint64_t mix = draw(f);

		for (size_t j = 0; j < t->ranges.len; j++) {
			const struct range *r = vec_at(&t->ranges, j);

			add_range(f, r->first, r->last, mix);
		}
	}
}

static void take_special(struct finding *f)
{
	static const unsigned int types[] = { 0x0800, 0x86dd, 0x8100, 0x88a8 };
	static const unsigned int protocols[] = { 0, 1, 2, 6, 17, 43, 44, 51, 58, 60 };

	switch (f->field) {
	case FIELD_ETH_TYPE:
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			add_special(f, types[i]);
		break;
	case FIELD_IP_PROTO:
		for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
			add_special(f, protocols[i]);
		break;
	case FIELD_IP_FRAG:
	case FIELD_SOCKET:
		for (unsigned int i = 0; i < 4; i++)
			add_special(f, i);
		break;
	case FIELD_IN:
		for (size_t i = 0; i < f->p->filters.len; i++) {
			const struct policy_filter *filter = *(struct policy_filter **)vec_at(&f->p->filters, i);
			uint64_t mix = draw(f);

			for (size_t j = 0; j < f->p->ports.len; j++)
				for (size_t k = 0; k < filter->ports.len; k++)
					if (((struct policy_port_ref *)vec_at(&filter->ports, k))->port ==
					    *(struct policy_port **)vec_at(&f->p->ports, j))
						add_range(f, j, j, mix);
		}
		break;
	default:
		break;
	}
}

/* ---- what the image makes of a value ------------------------------------------------ */

/* The field of the tables for a field of the policy; RULES_FIELD_COUNT: none. */
static unsigned int rules_field(enum policy_field field)
{
	static const uint8_t of[FIELD_COUNT + 1] = {
		[FIELD_IN] = RULES_IN, [FIELD_ETH_SRC] = RULES_ETH_SRC,
		[FIELD_ETH_DST] = RULES_ETH_DST, [FIELD_ETH_TYPE] = RULES_ETH_TYPE,
		[FIELD_VLAN_ID] = RULES_VLAN, [FIELD_VLAN_PCP] = RULES_PCP,
		[FIELD_IP_PROTO] = RULES_PROTO, [FIELD_IP_DSCP] = RULES_DSCP,
		[FIELD_IP_ECN] = RULES_ECN, [FIELD_IP_TTL] = RULES_TTL,
		[FIELD_IP_FRAG] = RULES_FRAG, [FIELD_L4_SRC] = RULES_SPORT,
		[FIELD_L4_DST] = RULES_DPORT, [FIELD_TCP_FLAGS] = RULES_TCP_FLAGS,
		[FIELD_ICMP_TYPE] = RULES_ICMP_TYPE, [FIELD_ICMP_CODE] = RULES_ICMP_CODE,
		[FIELD_PKT_LEN] = RULES_LENGTH, [FIELD_SOCKET] = RULES_SOCKET,
		[VALUES_SETS] = RULES_SETS,
	};

	return of[field];
}

static void find_arrays(const struct image_filter *filter, unsigned int field, struct arrays *a)
{
	a->count = 0;
	for (unsigned int l = 0; l < filter->shape.layers; l++) {
		const struct rules_shape *s = &filter->shape.layer[l];

		for (unsigned int i = 0; i < s->steps; i++) {
			if (s->step[i].field != field)
				continue;
			a->of[a->count].shape = s;
			a->of[a->count++].step = &s->step[i];
		}
	}
}

/* The classes of a number, in all layers, as one number. */
static uint64_t image_kind(const struct finding *f, uint32_t number)
{
	uint64_t kind = 0;

	for (unsigned int i = 0; i < f->arrays.count; i++) {
		const struct rules_step *step = f->arrays.of[i].step;

		kind = (kind ^ (1 + rules_half(f->filter->area, f->arrays.of[i].shape, step->classes,
					       number & step->mask))) * 0x9e3779b97f4a7c15ull;
	}
	return kind;
}

static uint32_t number_of(const struct finding *f, uint64_t value)
{
	switch (f->field) {
	case FIELD_IN:
		return f->port[value];
	case FIELD_VLAN_ID:
		return RULES_TAG | value;
	default:
		return value;
	}
}

/* ---- one of each kind ------------------------------------------------------------------ */

struct kind {
	uint64_t tests, image;
};

/* What was met so far: kinds, and for each set of tests the first value. */
struct met {
	struct table kinds;	/* struct kind -> uint32_t: place in the list */
	struct table first;	/* tests -> uint32_t: likewise */
	struct vec *list;
};

/*
 * @own: the sum of the rules' tests alone; @longest: of values of one kind the last one stands for them.
 * Return: the place of its kind in the list.
 */
static uint32_t meet(struct met *m, uint64_t value, uint64_t tests, uint64_t own, uint64_t image, bool longest)
{
	struct kind kind = { tests, image };
	struct value *v;
	uint32_t *at, place;
	bool fresh;

	at = table_put(&m->kinds, &kind, &fresh);
	if (!fresh) {
		if (longest)
			((struct value *)vec_at(m->list, *at))->value = value;
		return *at;
	}
	place = *at = m->list->len;
	v = vec_push(m->list);
	v->value = value;
	v->tests = own;
	at = table_put(&m->first, &tests, &fresh);
	if (fresh)
		*at = m->list->len - 1;
	else
		v->odd = ((struct value *)vec_at(m->list, *at))->odd = true;
	return place;
}

/* A packet can always be longer, and not always be shorter. */
static bool stands_last(enum policy_field field)
{
	return field == FIELD_PKT_LEN;
}

/* Neither policy nor image asks for it: all values are of one kind. */
static void meet_one(const struct finding *f, struct met *m)
{
	meet(m, stands_last(f->field) ? (1u << policy_field_bits(f->field)) - 1 : 0, 0, 0, 0, false);
}

/* All values, one after the other. */
static void meet_words(struct finding *f, struct met *m)
{
	uint32_t values = f->field == FIELD_IN ? f->p->ports.len : 1u << policy_field_bits(f->field);
	/* From a value on: what is to be added to the sums of the one before it. */
	uint64_t *mix = xcalloc(values + 1, sizeof(*mix)), tests = 0, own = 0, before = 0;
	uint64_t *rules = xcalloc(values + 1, sizeof(*rules));
	bool longest = stands_last(f->field);
	uint32_t place = 0;

	for (size_t i = 0; i < f->ranges.len; i++) {
		const struct mixed *r = vec_at(&f->ranges, i);
		/* "in != wan" has numbers that no port has. */
		uint64_t end = (r->last < values ? r->last : values - 1) + 1;

		if (r->first >= values)
			continue;
		mix[r->first] ^= r->mix;
		mix[end] ^= r->mix;
		if (r->special)
			continue;
		rules[r->first] ^= r->mix;
		rules[end] ^= r->mix;
	}
	for (uint32_t v = 0; v < values; v++) {
		uint64_t image = image_kind(f, number_of(f, v));

		tests ^= mix[v];
		own ^= rules[v];
		if (!v || mix[v] || image != before)
			place = meet(m, v, tests, own, image, longest);
		else if (longest)
			((struct value *)vec_at(m->list, place))->value = v;
		before = image;
	}
	free(mix);
	free(rules);
}

/* From here on the sum is another. */
struct edge {
	uint64_t at, sum;
};

static int compare_edges(const void *a, const void *b)
{
	uint64_t x = ((const struct edge *)a)->at, y = ((const struct edge *)b)->at;

	return x < y ? -1 : x > y;
}

/* The sums of all ranges, in order. */
static void sum_up(const struct vec *ranges, struct vec *edges)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ranges->len; i++) {
		const struct mixed *r = vec_at(ranges, i);

		*(struct edge *)vec_push(edges) = (struct edge){ r->first, r->mix };
		*(struct edge *)vec_push(edges) = (struct edge){ r->last + 1, r->mix };
	}
	qsort(edges->data, edges->len, sizeof(struct edge), compare_edges);
	for (size_t i = 0; i < edges->len; i++) {
		struct edge *e = vec_at(edges, i);

		e->sum = sum ^= e->sum;
	}
}

/* Which tests a value meets. */
static uint64_t sum_at(const struct vec *edges, uint64_t value)
{
	const struct edge *e = edges->data;
	size_t low = 0, high = edges->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e[middle].at <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? e[low - 1].sum : 0;
}

static uint64_t mac_of(const struct image_mac *m)
{
	uint64_t mac = 0;

	for (unsigned int b = 0; b < 6; b++)
		mac = mac << 8 | m->address[b];
	return mac;
}

/* Addresses of the link layer: those that the policy or the image names, and one beside each. */
static void meet_macs(struct finding *f, struct met *m)
{
	const uint64_t last = (1ull << 48) - 1;
	struct vec macs = VEC(uint64_t), edges = VEC(struct edge);
	struct table numbers = TABLE(uint64_t, uint32_t);
	uint64_t usual = f->field == FIELD_ETH_SRC ? 0x020000000002ull : 0x020000000001ull;

	vec_append(&macs, &usual);
	for (size_t i = 0; i < f->ranges.len; i++) {
		const struct mixed *r = vec_at(&f->ranges, i);
		const uint64_t near[] = { r->first, r->last, (r->first - 1) & last, (r->last + 1) & last };

		for (unsigned int j = 0; j < 4; j++)
			vec_append(&macs, &near[j]);
	}
	for (size_t i = 0; i < f->filter->macs.len; i++) {
		const struct image_mac *one = vec_at(&f->filter->macs, i);
		uint64_t mac = mac_of(one);

		*(uint32_t *)table_put(&numbers, &mac, NULL) = one->number;
		vec_append(&macs, &mac);
	}
	sum_up(&f->ranges, &edges);
	for (size_t i = 0; i < macs.len; i++) {
		uint64_t mac = *(uint64_t *)vec_at(&macs, i), sum;
		const uint32_t *number = table_get(&numbers, &mac);

		sum = sum_at(&edges, mac);
		meet(m, mac, sum, sum, image_kind(f, number ? *number : 0), false);
	}
	vec_free(&macs);
	vec_free(&edges);
	table_free(&numbers);
}

/* Of set tests every combination is a kind of its own. */
static bool meet_sets(struct finding *f, struct met *m)
{
	unsigned int n = f->p->set_tests.len;

	for (uint32_t v = 0; v < 1u << n; v++) {
		bool few = !(v & (v - 1)) || !(~v & ((1u << n) - 1) & ((~v & ((1u << n) - 1)) - 1));

		if (n <= SET_TESTS_ALL || few)
			meet(m, v, v, v, image_kind(f, v), false);
	}
	return n <= SET_TESTS_ALL;
}

static void find_field(const struct finding *all, const struct tests *tests, enum policy_field field,
		       struct values *out)
{
	struct finding f = *all;
	struct met m = {
		.kinds = TABLE(struct kind, uint32_t),
		.first = TABLE(uint64_t, uint32_t),
		.list = &out->of[field],
	};

	f.field = field;
	f.ranges = VEC(struct mixed);
	find_arrays(f.filter, rules_field(field), &f.arrays);
	if (field < FIELD_COUNT)
		take_tests(&f, &tests->of[field]);
	if (f.ranges.len)
		out->tested |= 1u << field;
	if (f.ranges.len && field == FIELD_L4_SRC)
		out->tested |= 1u << FIELD_TCP_SRC | 1u << FIELD_UDP_SRC;
	if (f.ranges.len && field == FIELD_L4_DST)
		out->tested |= 1u << FIELD_TCP_DST | 1u << FIELD_UDP_DST;
	take_special(&f);
	if (field == VALUES_SETS)
		out->all_sets = meet_sets(&f, &m);
	else if (field == FIELD_ETH_SRC || field == FIELD_ETH_DST)
		meet_macs(&f, &m);
	else if (field != FIELD_IN && !f.ranges.len && !f.arrays.count)
		meet_one(&f, &m);
	else
		meet_words(&f, &m);
	vec_free(&f.ranges);
	table_free(&m.kinds);
	table_free(&m.first);
}

void values_find(const struct policy *p, const struct tests *tests,
		 const struct image_filter *filter, const uint16_t *port, struct values *out)
{
	const struct finding all = { .p = p, .filter = filter, .port = port };

	out->tested = 0;
	for (unsigned int i = 0; i <= FIELD_COUNT; i++) {
		out->of[i] = VEC(struct value);
		if (i != FIELD_IP_SRC && i != FIELD_IP_DST && tests_field(i) == i)
			find_field(&all, tests, i, out);
	}
}

void values_free(struct values *v)
{
	for (unsigned int i = 0; i <= FIELD_COUNT; i++)
		vec_free(&v->of[i]);
}
