// SPDX-License-Identifier: GPL-2.0
/*
 * look.c: questions about one diagram: a packet's leaf, a witness, how many packets, how large.
 *
 * In a canonical diagram whatever is not dd_none() has a packet that it makes something of: a
 * witness is found by walking down once, without turning back.
 */
#include "dd/space.h"

const struct dd *dd_eval(const struct dd_space *s, const struct dd *a, const dd_value *packet)
{
	(void)s;
	while (a && !is_leaf(a))
		a = node_next(a, packet[a->field]);
	return a;
}

bool dd_witness(const struct dd_space *s, const struct dd *a, dd_value *packet)
{
	if (!a || a == s->none)
		return false;
	while (!is_leaf(a)) {
		const struct dd *to = node_next(a, packet[a->field]);
		const struct edge *e = edges_of(a);

		if (to == s->none) {
			/* One of two neighbours leads somewhere. */
			uint32_t i = e[0].to == s->none;

			packet[a->field] = i ? e[0].last + 1 : 0;
			to = e[i].to;
		}
		a = to;
	}
	return true;
}

/* ---- counting -------------------------------------------------------- */

static long double values(const struct dd_space *s, unsigned int field)
{
	return (long double)s->field[field].last + 1;
}

/* Packets by the fields between @from and @to, both left out. */
static long double between(const struct dd_space *s, unsigned int from, unsigned int to)
{
	long double n = 1;

	for (unsigned int f = from; f < to && f < s->fields; f++)
		n *= values(s, f);
	return n;
}

/* By the field that @d asks and those behind it. */
static long double count(const struct dd_space *s, const struct dd *d, struct table *known)
{
	long double *seen = table_get(known, &d), n = 0;
	dd_value first = 0;

	if (seen)
		return *seen;
	if (is_leaf(d))
		return d != s->none;
	for (uint32_t i = 0; i < d->n; i++) {
		const struct edge *e = &edges_of(d)[i];
		/* As a difference of two numbers that may be rounded, narrow edges far up would be 0. */
		long double width = (long double)(dd_value)(e->last - first) + 1;

		n += width * between(s, d->field + 1, e->to->field) * count(s, e->to, known);
		first = e->last + 1;
	}
	*(long double *)table_put(known, &d, NULL) = n;
	return n;
}

long double dd_count(struct dd_space *s, const struct dd *a)
{
	struct table known = TABLE(const struct dd *, long double);
	long double n;

	if (!a)
		return 0;
	n = between(s, 0, a->field) * count(s, a, &known);
	table_free(&known);
	return n;
}

long double dd_packets(const struct dd_space *s)
{
	return between(s, 0, s->fields);
}

static void measure(const struct dd *d, struct table *seen, struct dd_stats *stats)
{
	bool fresh;

	table_put(seen, &d, &fresh);
	if (!fresh)
		return;
	if (is_leaf(d)) {
		stats->leaves++;
		return;
	}
	stats->nodes++;
	stats->edges += d->n;
	for (uint32_t i = 0; i < d->n; i++)
		measure(edges_of(d)[i].to, seen, stats);
}

void dd_stats(struct dd_space *s, const struct dd *a, struct dd_stats *stats)
{
	struct table seen = TABLE(const struct dd *, char);

	*stats = (struct dd_stats){ .bytes = space_bytes(s) };
	if (a)
		measure(a, &seen, stats);
	table_free(&seen);
}
