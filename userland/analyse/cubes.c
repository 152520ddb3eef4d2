// SPDX-License-Identifier: GPL-2.0
#include "analyse/cubes.h"

#include <stdlib.h>
#include <string.h>

#define MERGE_MOST	128	/* more cubes than that are left as they are */

/* ---- numbers ----------------------------------------------------------------------- */

cube_number cube_last(uint8_t family, unsigned int dimension)
{
	if (dimension >= CUBE_FIELD)
		return rules_field_values(dimension - CUBE_FIELD) - 1;
	return family == ADDR_V4 ? UINT32_MAX : ~(cube_number)0;
}

static cube_number number_of(const struct addr *a)
{
	cube_number n = 0;

	for (unsigned int i = 0; i < addr_bits(a->family) / 8; i++)
		n = n << 8 | a->bytes[i];
	return n;
}

struct addr cube_address(uint8_t family, cube_number n)
{
	unsigned int bytes = addr_bits(family) / 8;
	struct addr a = { .family = family };

	for (unsigned int i = 0; i < bytes; i++)
		a.bytes[i] = n >> 8 * (bytes - 1 - i);
	return a;
}

/* ---- spans ------------------------------------------------------------------------- */

void spans_free(struct spans *s)
{
	free(s->span);
	*s = (struct spans){ 0 };
}

static struct spans spans_copy(const struct spans *s)
{
	struct spans copy = { s->count, NULL };

	if (s->count) {
		copy.span = xcalloc(s->count, sizeof(*copy.span));
		memcpy(copy.span, s->span, s->count * sizeof(*copy.span));
	}
	return copy;
}

static void spans_push(struct spans *s, cube_number first, cube_number last)
{
	if (!(s->count & (s->count - 1)))
		s->span = xrealloc(s->span, (s->count ? 2 * s->count : 1) * sizeof(*s->span));
	s->span[s->count++] = (struct span){ first, last };
}

static int span_cmp(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorts, joins what overlaps or touches; everything becomes count 0. */
static void spans_settle(struct spans *s, cube_number last)
{
	uint32_t n = 0;

	if (!s->count)
		return;
	qsort(s->span, s->count, sizeof(*s->span), span_cmp);
	for (uint32_t i = 0; i < s->count; i++) {
		if (n && (s->span[n - 1].last == last || s->span[i].first <= s->span[n - 1].last + 1)) {
			if (s->span[i].last > s->span[n - 1].last)
				s->span[n - 1].last = s->span[i].last;
		} else {
			s->span[n++] = s->span[i];
		}
	}
	s->count = n;
	if (n == 1 && !s->span[0].first && s->span[0].last == last)
		spans_free(s);
}

bool spans_equal(const struct spans *a, const struct spans *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->span, b->span, a->count * sizeof(*a->span)));
}

/* Return: whether they have a value in common; @both is set then. */
static bool spans_meet(const struct spans *a, const struct spans *b, struct spans *both)
{
	*both = (struct spans){ 0 };
	if (!a->count || !b->count) {
		*both = spans_copy(a->count ? a : b);
		return true;
	}
	for (uint32_t i = 0, k = 0; i < a->count && k < b->count;) {
		const struct span *x = &a->span[i], *y = &b->span[k];
		cube_number first = x->first > y->first ? x->first : y->first;
		cube_number last = x->last < y->last ? x->last : y->last;

		if (first <= last)
			spans_push(both, first, last);
		if (x->last < y->last)
			i++;
		else
			k++;
	}
	return both->count;
}

struct spans spans_without(const struct spans *s, cube_number first, cube_number last)
{
	struct spans rest = { 0 };

	if (!s->count)
		return rest;
	for (uint32_t i = 0; i < s->count; i++) {
		const struct span *x = &s->span[i];

		if (x->last < first)
			continue;
		if (x->first > last)
			break;
		if (x->first > first)
			spans_push(&rest, first, x->first - 1);
		if (x->last >= last)
			return rest;
		first = x->last + 1;
	}
	spans_push(&rest, first, last);
	return rest;
}

/* What @a has and @b has not. Return: whether there is any. */
static bool spans_minus(const struct spans *a, const struct spans *b, cube_number last,
			struct spans *rest)
{
	struct spans without = spans_without(b, 0, last);
	bool any = without.count && spans_meet(a, &without, rest);

	spans_free(&without);
	return any;
}

static struct spans spans_join(const struct spans *a, const struct spans *b, cube_number last)
{
	struct spans both = { 0 };

	if (!a->count || !b->count)
		return both;
	for (uint32_t i = 0; i < a->count; i++)
		spans_push(&both, a->span[i].first, a->span[i].last);
	for (uint32_t i = 0; i < b->count; i++)
		spans_push(&both, b->span[i].first, b->span[i].last);
	spans_settle(&both, last);
	return both;
}

static bool spans_have(const struct spans *s, cube_number n)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->span[i].first <= n && n <= s->span[i].last)
			return true;
	return !s->count;
}

void spans_prefixes(uint8_t family, const struct spans *s, struct vec *out)
{
	unsigned int bits = addr_bits(family);

	for (uint32_t i = 0; i < s->count; i++) {
		cube_number first = s->span[i].first, last = s->span[i].last;

		for (;;) {
			unsigned int host = 0;	/* bits of the largest prefix that begins at first */
			struct prefix p;

			while (host < bits && !(first >> host & 1) &&
			       last - first >= ((cube_number)2 << host) - 1)
				host++;
			p = (struct prefix){ .addr = cube_address(family, first), .len = bits - host };
			vec_append(out, &p);
			if (last - first == (host == 128 ? ~(cube_number)0 : ((cube_number)1 << host) - 1))
				break;
			first += (cube_number)1 << host;
		}
	}
}

/* ---- cubes ------------------------------------------------------------------------- */

static void cube_free(struct cube *c)
{
	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++)
		spans_free(&c->in[d]);
}

static struct cube cube_copy(const struct cube *c)
{
	struct cube copy = { .family = c->family };

	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++)
		copy.in[d] = spans_copy(&c->in[d]);
	return copy;
}

void cubes_copy(struct vec *to, const struct vec *from)
{
	for (size_t i = 0; i < from->len; i++) {
		struct cube copy = cube_copy(vec_at(from, i));

		vec_append(to, &copy);
	}
}

void cubes_free(struct vec *cubes)
{
	for (size_t i = 0; i < cubes->len; i++)
		cube_free(vec_at(cubes, i));
	vec_free(cubes);
}

/* The addresses of one side in @family. Return: whether there are any. */
static bool add_addresses(const struct rule *rule, unsigned int side, struct cube *c)
{
	struct spans *s = &c->in[side];

	for (uint32_t i = 0; i < rule->prefixes[side]; i++) {
		const struct prefix *p = &rule->prefix[side][i];
		cube_number first = number_of(&p->addr), size;

		if (p->addr.family != c->family)
			continue;
		size = p->len ? (cube_number)1 << (addr_bits(c->family) - p->len) : 0;
		spans_push(s, first, size ? first + (size - 1) : cube_last(c->family, side));
	}
	if (rule->prefixes[side] && !s->count)
		return false;
	spans_settle(s, cube_last(c->family, side));
	return true;
}

static void add_test(const struct rule_test *t, struct spans *s)
{
	uint32_t values = rules_field_values(t->field);

	if (t->kind == RULE_RANGE) {
		spans_push(s, t->a, t->b);
		return;
	}
	for (uint32_t v = 0, first; v < values; v++) {
		if ((v & t->b) != t->a)
			continue;
		first = v;
		while (v + 1 < values && ((v + 1) & t->b) == t->a)
			v++;
		spans_push(s, first, v);
	}
}

void cubes_of_rule(const struct rule *rule, struct vec *cubes)
{
	static const struct { uint8_t bit, family; } families[] = {
		{ RULE_IP4, ADDR_V4 }, { RULE_IP6, ADDR_V6 }, { RULE_NOT_IP, ADDR_NONE },
	};

	for (unsigned int f = 0; f < 3; f++) {
		struct cube c = { .family = families[f].family };

		if (!(rule->families & families[f].bit))
			continue;
		if (!add_addresses(rule, 0, &c) || !add_addresses(rule, 1, &c)) {
			cube_free(&c);
			continue;
		}
		for (uint32_t i = 0; i < rule->tests; i++)
			add_test(&rule->test[i], &c.in[CUBE_FIELD + rule->test[i].field]);
		for (unsigned int d = CUBE_FIELD; d < CUBE_DIMENSIONS; d++)
			spans_settle(&c.in[d], cube_last(c.family, d));
		vec_append(cubes, &c);
	}
}

/* Return: whether they have a packet in common; @both is set then. */
static bool cube_meet(const struct cube *a, const struct cube *b, struct cube *both)
{
	*both = (struct cube){ .family = a->family };
	if (a->family != b->family)
		return false;
	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++)
		if (!spans_meet(&a->in[d], &b->in[d], &both->in[d])) {
			cube_free(both);
			return false;
		}
	return true;
}

void cubes_meet(const struct vec *a, const struct vec *b, struct vec *out)
{
	struct cube both;

	for (size_t i = 0; i < a->len; i++)
		for (size_t k = 0; k < b->len; k++)
			if (cube_meet(vec_at(a, i), vec_at(b, k), &both))
				vec_append(out, &both);
}

/* @a without @b: for each field, what is outside of @b in it and inside in those before. */
static void cube_minus(const struct cube *a, const struct cube *b, struct vec *out)
{
	struct cube rest, inside;

	if (!cube_meet(a, b, &inside)) {
		rest = cube_copy(a);
		vec_append(out, &rest);
		return;
	}
	rest = cube_copy(a);
	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++) {
		struct spans outside;

		if (spans_minus(&a->in[d], &b->in[d], cube_last(a->family, d), &outside)) {
			struct cube piece = cube_copy(&rest);

			spans_free(&piece.in[d]);
			piece.in[d] = outside;
			vec_append(out, &piece);
		}
		spans_free(&rest.in[d]);
		rest.in[d] = spans_copy(&inside.in[d]);
	}
	cube_free(&rest);
	cube_free(&inside);
}

bool cubes_minus(struct vec *a, const struct vec *b, size_t most)
{
	struct vec left = CUBES;

	cubes_copy(&left, a);
	for (size_t k = 0; k < b->len; k++) {
		struct vec next = CUBES;

		for (size_t i = 0; i < left.len; i++)
			cube_minus(vec_at(&left, i), vec_at(b, k), &next);
		cubes_free(&left);
		left = next;
		if (left.len > 2 * most)
			cubes_merge(&left);
		if (left.len > 4 * most)
			break;
	}
	cubes_merge(&left);
	if (left.len > most) {
		cubes_free(&left);
		return false;
	}
	cubes_free(a);
	*a = left;
	return true;
}

/* Two cubes that differ in one dimension at most. Return: whether @a has become both. */
static bool join(struct cube *a, const struct cube *b)
{
	unsigned int differ = CUBE_DIMENSIONS;
	struct spans both;

	if (a->family != b->family)
		return false;
	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++) {
		if (spans_equal(&a->in[d], &b->in[d]))
			continue;
		if (differ != CUBE_DIMENSIONS)
			return false;
		differ = d;
	}
	if (differ == CUBE_DIMENSIONS)
		return true;
	both = spans_join(&a->in[differ], &b->in[differ], cube_last(a->family, differ));
	spans_free(&a->in[differ]);
	a->in[differ] = both;
	return true;
}

static bool cube_within(const struct cube *a, const struct cube *b)
{
	struct vec rest = CUBES;
	bool within;

	if (a->family != b->family)
		return false;
	cube_minus(a, b, &rest);
	within = !rest.len;
	cubes_free(&rest);
	return within;
}

void cubes_merge(struct vec *cubes)
{
	bool again = cubes->len <= MERGE_MOST;

	while (again) {
		again = false;
		for (size_t i = 0; i < cubes->len; i++)
			for (size_t k = cubes->len; k-- > 0;) {
				struct cube *a = vec_at(cubes, i), *b = vec_at(cubes, k);

				if (i == k || (!join(a, b) && !cube_within(b, a)))
					continue;
				cube_free(b);
				memmove(b, b + 1, (cubes->len - k - 1) * sizeof(*b));
				vec_pop(cubes);
				i -= k < i;
				again = true;
			}
	}
}

bool cubes_have(const struct vec *cubes, const struct rule_packet *p)
{
	for (size_t i = 0; i < cubes->len; i++) {
		const struct cube *c = vec_at(cubes, i);
		bool has = c->family == p->addr[0].family;

		for (unsigned int d = 0; d < CUBE_DIMENSIONS && has; d++)
			has = spans_have(&c->in[d], d < CUBE_FIELD ? c->family ? number_of(&p->addr[d]) : 0 :
					 p->field[d - CUBE_FIELD]);
		if (has)
			return true;
	}
	return false;
}
