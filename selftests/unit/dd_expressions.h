/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dd_expressions.h: NetKAT expressions at random, what they mean said plainly, and the diagrams they
 * become. For the test and the fuzz target of userland/dd.
 *
 * The plain meaning takes one packet and says the set of what becomes of it: pairs of a packet (or
 * "gone") and a word of marks. It shares nothing with userland/dd but the header.
 */
#ifndef SLUICE_SELFTESTS_DD_EXPRESSIONS_H
#define SLUICE_SELFTESTS_DD_EXPRESSIONS_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "base/vec.h"
#include "dd/dd.h"

/* ---- expressions ----------------------------------------------------- */

enum kind { NONE, ALL, TEST, ASSIGN, MARK, UNION, SEQUENCE, IF, NOT, STAR, FIRST, INTERSECTION,
	    DIFFERENCE };

struct expression {
	enum kind kind;
	unsigned int field;
	dd_value first, last;		/* ASSIGN, MARK: first */
	const struct expression *a, *b, *p;
};

/* Where choices come from: a stream of numbers, of a seed or of a fuzzer. */
struct choices {
	uint32_t (*next)(struct choices *c);
	uint64_t state;
	const uint8_t *bytes;
	size_t left;
};

static uint32_t choose(struct choices *c, uint32_t n)
{
	return c->next(c) % n;
}

struct language {
	struct arena *arena;
	const struct dd_field *field;
	unsigned int fields;
	bool marks, stars, sets;	/* of what there may be: STAR only over what has no marks */
	dd_value (*value)(struct choices *c, const struct dd_field *field);
};

static struct expression *make(const struct language *l, enum kind kind)
{
	struct expression *e = arena_alloc(l->arena, sizeof(*e));

	e->kind = kind;
	return e;
}

static const struct expression *predicate(const struct language *l, struct choices *c, unsigned int depth)
{
	static const enum kind kinds[] = { TEST, TEST, TEST, UNION, SEQUENCE, NOT, NONE, ALL };
	struct expression *e = make(l, kinds[choose(c, depth ? 8 : 3)]);
	dd_value x;

	switch (e->kind) {
	case TEST:
		e->field = choose(c, l->fields);
		e->first = l->value(c, &l->field[e->field]);
		e->last = l->value(c, &l->field[e->field]);
		if (choose(c, 2))
			e->last = e->first;
		if (e->last < e->first) {
			x = e->first;
			e->first = e->last;
			e->last = x;
		}
		break;
	case UNION:
	case SEQUENCE:
		e->b = predicate(l, c, depth - 1);
		/* fall through */
	case NOT:
		e->a = predicate(l, c, depth - 1);
		break;
	default:
		break;
	}
	return e;
}

static const struct expression *expression(const struct language *l, struct choices *c, unsigned int depth)
{
	static const enum kind kinds[] = { TEST, ASSIGN, ASSIGN, MARK, UNION, UNION, SEQUENCE, SEQUENCE,
					   SEQUENCE, IF, STAR, FIRST, INTERSECTION, DIFFERENCE };
	struct language without = *l;
	struct expression *e;

	without.marks = false;
	e = make(l, kinds[choose(c, depth ? 14 : 4)]);
	if ((e->kind == MARK && !l->marks) || (e->kind == STAR && !l->stars) ||
	    (e->kind > STAR && !l->sets))
		e->kind = ASSIGN;
	switch (e->kind) {
	case TEST:
		return predicate(l, c, depth < 2 ? depth : 2);
	case ASSIGN:
		e->field = choose(c, l->fields);
		/* Of each field the value 1 is never assigned: one must stay (dd.h). */
		e->first = l->value(c, &l->field[e->field]);
		e->first -= e->first == 1;
		break;
	case MARK:
		e->first = 1 + choose(c, 2);
		break;
	case STAR:
		e->a = expression(&without, c, depth - 1);
		break;
	case IF:
		e->p = predicate(l, c, 2);
		/* fall through */
	default:
		e->a = expression(l, c, depth - 1);
		e->b = expression(l, c, depth - 1);
		break;
	}
	return e;
}

static const struct dd *diagram(struct dd_space *s, const struct expression *e)
{
	const struct dd *a = e->a ? diagram(s, e->a) : NULL, *b = e->b ? diagram(s, e->b) : NULL;

	switch (e->kind) {
	case NONE:
		return dd_none(s);
	case ALL:
		return dd_all(s);
	case TEST:
		return dd_test(s, e->field, e->first, e->last);
	case ASSIGN:
		return dd_assign(s, e->field, e->first);
	case MARK:
		return dd_mark(s, e->first);
	case UNION:
		return dd_union(s, a, b);
	case SEQUENCE:
		return dd_sequence(s, a, b);
	case IF:
		return dd_if(s, diagram(s, e->p), a, b);
	case NOT:
		return dd_not(s, a);
	case STAR:
		return dd_star(s, a);
	case FIRST:
		return dd_first(s, a, b);
	case INTERSECTION:
		return dd_intersection(s, a, b);
	case DIFFERENCE:
		return dd_difference(s, a, b);
	}
	return NULL;
}

/* ---- what they mean -------------------------------------------------- */

#define FIELDS_MAX	6
#define WORD_MAX	60

/* What becomes of a packet: another, or none; and what was marked on the way. */
struct fate {
	dd_value packet[FIELDS_MAX];	/* zero if gone */
	uint8_t gone;
	uint8_t marks;
	uint8_t word[WORD_MAX];
	uint8_t pad[2];
};
_Static_assert(sizeof(struct fate) == 16 * FIELDS_MAX + 64, "fate");

/*
 * A set of struct fate: sorted, none twice, and none that is gone with the beginning of another's word.
 */
static int compare_fates(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fate));
}

static bool begins(const struct fate *long_one, const struct fate *short_one)
{
	return long_one->marks >= short_one->marks &&
	       !memcmp(long_one->word, short_one->word, short_one->marks);
}

static void tidy_fates(struct vec *set)
{
	struct fate *f = set->data;
	size_t n = 0, kept = 0;

	if (!set->len)
		return;
	qsort(f, set->len, sizeof(*f), compare_fates);
	for (size_t i = 0; i < set->len; i++)
		if (!n || compare_fates(&f[n - 1], &f[i]))
			f[n++] = f[i];
	for (size_t i = 0; i < n; i++) {
		bool idle = f[i].gone && !f[i].marks;

		for (size_t j = 0; j < n; j++)
			idle |= j != i && f[i].gone && begins(&f[j], &f[i]) &&
				(!f[j].gone || f[j].marks > f[i].marks);
		/* Only gone ones are left out, so that what decided is still there. */
		f[i].pad[0] = idle;
	}
	for (size_t i = 0; i < n; i++)
		if (!f[i].pad[0])
			f[kept++] = f[i];
	set->len = kept;
}

static struct vec fates_of(const struct language *l, const struct expression *e, const struct fate *in);

static void add_fates(struct vec *to, const struct vec *from)
{
	for (size_t i = 0; i < from->len; i++)
		vec_append(to, vec_at(from, i));
}

/* @b on each fate of @first that is not gone. */
static struct vec go_on(const struct language *l, const struct vec *first, const struct expression *b)
{
	struct vec out = VEC(struct fate);

	for (size_t i = 0; i < first->len; i++) {
		const struct fate *f = vec_at(first, i);
		struct vec then;

		if (f->gone) {
			vec_append(&out, f);
			continue;
		}
		then = fates_of(l, b, f);
		add_fates(&out, &then);
		if (!then.len) {
			struct fate *gone = vec_append(&out, f);

			memset(gone->packet, 0, sizeof(gone->packet));
			gone->gone = 1;
		}
		vec_free(&then);
	}
	tidy_fates(&out);
	return out;
}

/* What both sets say, and the beginnings of words that both have. */
static struct vec common_fates(const struct vec *a, const struct vec *b)
{
	struct vec out = VEC(struct fate);

	for (size_t i = 0; i < a->len; i++) {
		for (size_t j = 0; j < b->len; j++) {
			const struct fate *x = vec_at(a, i), *y = vec_at(b, j);
			struct fate both = { .gone = 1 };

			if (!compare_fates(x, y)) {
				vec_append(&out, x);
				continue;
			}
			while (both.marks < x->marks && both.marks < y->marks &&
			       x->word[both.marks] == y->word[both.marks]) {
				both.word[both.marks] = x->word[both.marks];
				both.marks++;
			}
			vec_append(&out, &both);
		}
	}
	tidy_fates(&out);
	return out;
}

static struct vec other_fates(const struct vec *a, const struct vec *b)
{
	struct vec out = VEC(struct fate);

	for (size_t i = 0; i < a->len; i++) {
		const struct fate *x = vec_at(a, i);
		bool there = false;

		for (size_t j = 0; j < b->len; j++) {
			const struct fate *y = vec_at(b, j);

			there |= !compare_fates(x, y) || (x->gone && begins(y, x));
		}
		if (!there)
			vec_append(&out, x);
	}
	tidy_fates(&out);
	return out;
}

static bool same_fates(const struct vec *a, const struct vec *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len * sizeof(struct fate)));
}

static struct vec star_fates(const struct language *l, const struct expression *e, const struct fate *in)
{
	struct vec all = VEC(struct fate), more;
	bool grown;

	vec_append(&all, in);
	do {
		more = go_on(l, &all, e);
		add_fates(&more, &all);
		tidy_fates(&more);
		grown = !same_fates(&more, &all);
		vec_free(&all);
		all = more;
	} while (grown);
	return all;
}

/* A set of one fate, or of none. */
static struct vec perhaps(const struct fate *f, bool there)
{
	struct vec out = VEC(struct fate);

	if (there)
		vec_append(&out, f);
	return out;
}

/* Of a packet that has no marks yet. */
static struct vec fates_of_bare(const struct language *l, const struct expression *e,
				const struct fate *in)
{
	struct vec a = { 0 }, b = { 0 }, out;
	struct fate f = *in;

	switch (e->kind) {
	case NONE:
		return perhaps(in, false);
	case ALL:
		return perhaps(in, true);
	case TEST:
		return perhaps(in, e->first <= in->packet[e->field] && in->packet[e->field] <= e->last);
	case ASSIGN:
		f.packet[e->field] = e->first;
		return perhaps(&f, true);
	case MARK:
		f.word[f.marks++] = e->first;
		return perhaps(&f, true);
	case STAR:
		return star_fates(l, e->a, in);
	case IF:
		a = fates_of_bare(l, e->p, in);
		out = fates_of_bare(l, a.len ? e->a : e->b, in);
		break;
	case NOT:
		a = fates_of_bare(l, e->a, in);
		out = perhaps(in, !a.len);
		break;
	case SEQUENCE:
		a = fates_of_bare(l, e->a, in);
		out = go_on(l, &a, e->b);
		break;
	default:
		a = fates_of_bare(l, e->a, in);
		b = fates_of_bare(l, e->b, in);
		if (e->kind == INTERSECTION) {
			out = common_fates(&a, &b);
		} else if (e->kind == DIFFERENCE) {
			out = other_fates(&a, &b);
		} else {
			out = VEC(struct fate);
			add_fates(&out, &a);
			if (e->kind == UNION || !a.len)
				add_fates(&out, &b);
			tidy_fates(&out);
		}
	}
	vec_free(&a);
	vec_free(&b);
	return out;
}

/* Of one that has: its word, and what comes to it. */
static struct vec fates_of(const struct language *l, const struct expression *e, const struct fate *in)
{
	struct fate bare = *in;
	struct vec out;

	memset(bare.word, 0, sizeof(bare.word));
	bare.marks = 0;
	out = fates_of_bare(l, e, &bare);
	for (size_t i = 0; i < out.len; i++) {
		struct fate *o = vec_at(&out, i);

		assert(in->marks + o->marks <= WORD_MAX);
		memmove(o->word + in->marks, o->word, o->marks);
		memcpy(o->word, in->word, in->marks);
		o->marks += in->marks;
	}
	return out;
}

/* What a leaf makes of @in, a packet that came to it. */
static struct vec fates_of_leaf(const struct language *l, const struct dd *leaf, const struct fate *in)
{
	struct vec out = VEC(struct fate);

	for (size_t i = 0; i < dd_copies(leaf); i++) {
		const struct dd_list *copy = dd_copy(leaf, i);
		struct fate *f = vec_append(&out, in);

		if (copy->gone) {
			f->gone = 1;
			memset(f->packet, 0, sizeof(f->packet));
		}
		for (unsigned int j = 0; j < copy->assignments; j++)
			f->packet[copy->assignment[j].field] = copy->assignment[j].value;
		for (unsigned int j = 0; j < copy->marks; j++)
			f->word[f->marks++] = copy->mark[j];
	}
	(void)l;
	tidy_fates(&out);
	return out;
}

#endif
