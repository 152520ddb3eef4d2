// SPDX-License-Identifier: GPL-2.0
/*
 * dump.c: diagrams as text, and for Graphviz.
 *
 *	1 in
 *	    wan, lan	2
 *	    else	drop
 *	2 ip.src
 *	    10.0.0.0/8	count("mgmt")
 *	    else	drop
 *
 * Nodes are numbered as they are met from the top, leaves stand where they are met. A line has all the
 * values that lead to one place; "else" is where those lead that are not listed: of the places that
 * most edges lead to, the first.
 */
#include <inttypes.h>

#include "dd/space.h"

struct dump {
	struct dd_space *s;
	const struct dd_names *names;
	struct text *out;
	struct table numbers;	/* const struct dd * -> uint32_t, from 1 */
	struct vec order;	/* of const struct dd *: nodes by number */
};

static void put_number(dd_value v, struct text *out)
{
	char digits[48];
	size_t at = sizeof(digits);

	if (v > UINT64_MAX) {
		text_printf(out, "0x%" PRIx64 "%016" PRIx64, (uint64_t)(v >> 64), (uint64_t)v);
		return;
	}
	do {
		digits[--at] = '0' + (unsigned int)(v % 10);
		v /= 10;
	} while (v);
	text_append(out, digits + at, sizeof(digits) - at);
}

static void put_ranges(const struct dump *u, unsigned int field, const struct dd_range *r, size_t n)
{
	if (u->names && u->names->values) {
		u->names->values(u->names->context, field, r, n, u->out);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		text_printf(u->out, "%s", i ? ", " : "");
		put_number(r[i].first, u->out);
		if (r[i].first == r[i].last)
			continue;
		text_append(u->out, "-", 1);
		put_number(r[i].last, u->out);
	}
}

static void put_mark(const struct dump *u, uint32_t number)
{
	if (u->names && u->names->mark)
		u->names->mark(u->names->context, number, u->out);
	else if (number >= DD_SOURCE)
		text_printf(u->out, "source(%" PRIu32 ")", number - DD_SOURCE);
	else
		text_printf(u->out, "mark(%" PRIu32 ")", number);
}

static void put_list(const struct dump *u, const struct dd_list *l)
{
	const char *and = "";

	for (unsigned int i = 0; i < l->marks; i++, and = "; ") {
		text_printf(u->out, "%s", and);
		put_mark(u, l->mark[i]);
	}
	for (unsigned int i = 0; i < l->assignments; i++, and = "; ") {
		const struct dd_assignment *a = &l->assignment[i];

		text_printf(u->out, "%s%s := ", and, u->s->field[a->field].name);
		put_ranges(u, a->field, &(struct dd_range){ a->value, a->value }, 1);
	}
	if (l->gone)
		text_printf(u->out, "%sdrop", and);
	else if (!*and)
		text_printf(u->out, "id");
}

static void put_leaf(const struct dump *u, const struct dd *leaf)
{
	if (!leaf->n)
		text_printf(u->out, "drop");
	for (uint32_t i = 0; i < leaf->n; i++) {
		text_printf(u->out, "%s", i ? " + " : "");
		put_list(u, &lists_of(leaf)[i]->says);
	}
}

/*
 * Enters @d and whatever it leads to, in the order in which they are met, one level of fields after
 * the other.
 */
static void number(struct dump *u, const struct dd *d)
{
	bool fresh;
	uint32_t *n;

	if (is_leaf(d))
		return;
	n = table_put(&u->numbers, &d, &fresh);
	if (!fresh)
		return;
	*n = u->order.len + 1;
	vec_append(&u->order, &d);
}

static void number_all(struct dump *u, const struct dd *top)
{
	number(u, top);
	for (size_t i = 0; i < u->order.len; i++) {
		const struct dd *d = *(const struct dd **)vec_at(&u->order, i);

		for (uint32_t j = 0; j < d->n; j++)
			number(u, edges_of(d)[j].to);
	}
}

static uint32_t number_of(const struct dump *u, const struct dd *d)
{
	const uint32_t *n = table_get(&u->numbers, &d);

	return n ? *n : 0;
}

/*
 * Where "else" leads: the place of most edges, if they are two at least; NULL: every edge is written.
 */
static const struct dd *usual(const struct dd *d)
{
	struct table edges = TABLE(const struct dd *, uint32_t);
	const struct dd *best = NULL;
	uint32_t most = 1;

	for (uint32_t i = 0; i < d->n; i++)
		++*(uint32_t *)table_put(&edges, &edges_of(d)[i].to, NULL);
	for (uint32_t i = 0; i < d->n; i++) {
		uint32_t n = *(uint32_t *)table_get(&edges, &edges_of(d)[i].to);

		if (n > most) {
			most = n;
			best = edges_of(d)[i].to;
		}
	}
	table_free(&edges);
	return best;
}

static void put_place(const struct dump *u, const struct dd *d)
{
	if (is_leaf(d))
		put_leaf(u, d);
	else
		text_printf(u->out, "%" PRIu32, number_of(u, d));
}

/* The values of @d's edges to where edge @i leads; nothing, if an edge before it leads there. */
static void values_to(const struct dd *d, uint32_t i, struct vec *ranges)
{
	const struct edge *e = edges_of(d);

	ranges->len = 0;
	for (uint32_t j = 0; j < i; j++)
		if (e[j].to == e[i].to)
			return;
	for (uint32_t j = i; j < d->n; j++) {
		struct dd_range r = { j ? e[j - 1].last + 1 : 0, e[j].last };

		if (e[j].to == e[i].to)
			vec_append(ranges, &r);
	}
}

static void put_node(const struct dump *u, const struct dd *d)
{
	struct vec ranges = VEC(struct dd_range);
	const struct dd *rest = usual(d);

	text_printf(u->out, "%" PRIu32 " %s\n", number_of(u, d), u->s->field[d->field].name);
	for (uint32_t i = 0; i < d->n; i++) {
		const struct dd *to = edges_of(d)[i].to;

		values_to(d, i, &ranges);
		if (to == rest || !ranges.len)
			continue;
		text_printf(u->out, "    ");
		put_ranges(u, d->field, ranges.data, ranges.len);
		text_printf(u->out, "\t");
		put_place(u, to);
		text_printf(u->out, "\n");
	}
	if (rest) {
		text_printf(u->out, "    else\t");
		put_place(u, rest);
		text_printf(u->out, "\n");
	}
	vec_free(&ranges);
}

void dd_dump(struct dd_space *s, const struct dd *a, const struct dd_names *names, struct text *out)
{
	struct dump u = { .s = s, .names = names, .out = out,
			  .numbers = TABLE(const struct dd *, uint32_t),
			  .order = VEC(const struct dd *) };

	if (!a)
		return;
	number_all(&u, a);
	if (is_leaf(a)) {
		put_leaf(&u, a);
		text_append(out, "\n", 1);
	}
	for (size_t i = 0; i < u.order.len; i++)
		put_node(&u, *(const struct dd **)vec_at(&u.order, i));
	table_free(&u.numbers);
	vec_free(&u.order);
}

/* ---- Graphviz -------------------------------------------------------- */

/* @text as a label: quotes and backslashes are Graphviz's. */
static void put_label(struct text *out, const struct text *label)
{
	for (size_t i = 0; i < label->len; i++) {
		if (label->data[i] == '"' || label->data[i] == '\\')
			text_append(out, "\\", 1);
		text_append(out, &label->data[i], 1);
	}
}

/* A leaf is a box of its own for each node that leads to it: lines across the page say less. */
static void put_arrow(const struct dump *u, const struct dd *from, uint32_t i,
		      const struct vec *ranges)
{
	const struct edge *e = &edges_of(from)[i];
	struct text label = { 0 };
	struct dump to_label = *u;
	uint32_t n = number_of(u, from);

	to_label.out = &label;
	if (is_leaf(e->to)) {
		put_leaf(&to_label, e->to);
		text_printf(u->out, "\tl%" PRIu32 "_%" PRIu32 " [shape=box label=\"", n, i);
		put_label(u->out, &label);
		text_printf(u->out, "\"];\n\tn%" PRIu32 " -> l%" PRIu32 "_%" PRIu32, n, n, i);
	} else {
		text_printf(u->out, "\tn%" PRIu32 " -> n%" PRIu32, n, number_of(u, e->to));
	}
	label.len = 0;
	if (e->to == usual(from))
		text_printf(&label, "else");
	else
		put_ranges(&to_label, from->field, ranges->data, ranges->len);
	text_printf(u->out, " [label=\"");
	put_label(u->out, &label);
	text_printf(u->out, "\"];\n");
	text_free(&label);
}

void dd_dot(struct dd_space *s, const struct dd *a, const struct dd_names *names, struct text *out)
{
	struct dump u = { .s = s, .names = names, .out = out,
			  .numbers = TABLE(const struct dd *, uint32_t),
			  .order = VEC(const struct dd *) };
	struct vec ranges = VEC(struct dd_range);
	struct text label = { 0 };

	if (!a)
		return;
	number_all(&u, a);
	text_printf(out, "digraph policy {\n");
	if (is_leaf(a)) {
		u.out = &label;
		put_leaf(&u, a);
		text_printf(out, "\tl [shape=box label=\"");
		put_label(out, &label);
		text_printf(out, "\"];\n");
	}
	for (size_t i = 0; i < u.order.len; i++) {
		const struct dd *d = *(const struct dd **)vec_at(&u.order, i);

		text_printf(out, "\tn%zu [label=\"%s\"];\n", i + 1, s->field[d->field].name);
		for (uint32_t j = 0; j < d->n; j++) {
			values_to(d, j, &ranges);
			if (ranges.len)
				put_arrow(&u, d, j, &ranges);
		}
	}
	text_printf(out, "}\n");
	text_free(&label);
	vec_free(&ranges);
	table_free(&u.numbers);
	vec_free(&u.order);
}
