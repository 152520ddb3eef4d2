// SPDX-License-Identifier: GPL-2.0
#include "rules/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/* Words that the combination of two fields may look at: some tenths of a second. */
#define COMBINE_WORK	((size_t)1 << 27)

/* What a rule tested before, so that most rules need no more than a hash. */
struct seen {
	uint32_t service;
	const struct rule *rule;
};

void services_init(struct services *s)
{
	*s = (struct services){
		.known = TABLE(struct service, uint32_t),
		.seen = TABLE(uint64_t, struct seen),
		.list = VEC(struct service),
	};
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++) {
		intern_init(&s->sets[f]);
		intern_put(&s->sets[f], "", 0, NULL);	/* set 0: any value */
	}
	*(uint32_t *)table_put(&s->known, vec_push(&s->list), NULL) = 0;
}

static void forget_classes(struct services *s)
{
	for (unsigned int i = 0; i < s->steps; i++) {
		free(s->step[i].classes);
		free(s->step[i].combined);
	}
	for (unsigned int g = 0; g < s->groups; g++)
		free(s->group[g].bits);
	memset(s->step, 0, sizeof(s->step));
	memset(s->group, 0, sizeof(s->group));
	s->steps = s->groups = 0;
	free(s->column);
	free(s->decided);
	s->column = NULL;
	s->decided = NULL;
	s->classified = 0;
}

void services_free(struct services *s)
{
	forget_classes(s);
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		intern_free(&s->sets[f]);
	table_free(&s->known);
	table_free(&s->seen);
	vec_free(&s->list);
}

/* ---- services ------------------------------------------------------------ */

static void add_range(struct vec *ranges, uint16_t first, uint16_t last)
{
	struct service_range r = { first, last };

	vec_append(ranges, &r);
}

static void add_mask(struct vec *ranges, const struct rule_test *t)
{
	uint32_t values = rules_field_values(t->field);

	for (uint32_t v = 0, first; v < values; v++) {
		if ((v & t->b) != t->a)
			continue;
		first = v;
		while (v + 1 < values && ((v + 1) & t->b) == t->a)
			v++;
		add_range(ranges, first, v);
	}
}

static int service_range_cmp(const void *a, const void *b)
{
	const struct service_range *x = a, *y = b;

	return (int)x->first - (int)y->first;
}

/* Sorts, joins what overlaps or touches. */
static void join_ranges(struct vec *ranges)
{
	struct service_range *r = ranges->data;
	size_t n = 0;

	qsort(r, ranges->len, sizeof(*r), service_range_cmp);
	for (size_t i = 0; i < ranges->len; i++) {
		if (n && r[i].first <= (uint32_t)r[n - 1].last + 1) {
			if (r[i].last > r[n - 1].last)
				r[n - 1].last = r[i].last;
		} else {
			r[n++] = r[i];
		}
	}
	ranges->len = n;
}

/* The set of values that a rule takes of a field. */
static uint32_t field_set(struct services *s, const struct rule *rule, unsigned int field,
			  struct vec *ranges)
{
	const struct service_range *r;

	ranges->len = 0;
	for (uint32_t i = 0; i < rule->tests; i++) {
		const struct rule_test *t = &rule->test[i];

		if (t->field != field)
			continue;
		if (t->kind == RULE_MASK)
			add_mask(ranges, t);
		else
			add_range(ranges, t->a, t->b);
	}
	join_ranges(ranges);
	r = ranges->data;
	if (ranges->len == 1 && r->first == 0 && r->last == rules_field_values(field) - 1)
		return 0;
	return intern_put(&s->sets[field], r, ranges->len * sizeof(*r), NULL);
}

static struct service service_of(struct services *s, const struct rule *rule)
{
	struct vec ranges = VEC(struct service_range);
	struct service service = { 0 };

	for (uint32_t i = 0; i < rule->tests; i++) {
		unsigned int field = rule->test[i].field;

		if (!service.set[field])
			service.set[field] = field_set(s, rule, field, &ranges);
	}
	vec_free(&ranges);
	return service;
}

static uint32_t number_of(struct services *s, const struct rule *rule)
{
	struct service service = service_of(s, rule);
	bool fresh;
	uint32_t *number = table_put(&s->known, &service, &fresh);

	if (fresh) {
		*number = s->list.len;
		vec_append(&s->list, &service);
	}
	return *number;
}

uint32_t services_add(struct services *s, const struct rule *rule)
{
	uint64_t hash = hash_bytes(rule->test, rule->tests * sizeof(*rule->test));
	struct seen *seen;
	bool fresh;

	if (!rule->tests)
		return 0;
	seen = table_put(&s->seen, &hash, &fresh);
	if (fresh)
		*seen = (struct seen){ number_of(s, rule), rule };
	else if (seen->rule->tests != rule->tests ||
		 memcmp(seen->rule->test, rule->test, rule->tests * sizeof(*rule->test)))
		return number_of(s, rule);
	return seen->service;
}

uint32_t services_find(struct services *s, const struct rule *rule)
{
	struct service service = service_of(s, rule);
	const uint32_t *number = table_get(&s->known, &service);

	return number ? *number : RULES_NONE;
}

/* ---- classes of one field -------------------------------------------------- */

/* A bit for each service: what a class, at any step, stands for. */
struct bitmap {
	size_t words;		/* of 64 bits */
	uint64_t *bit;
};

static void bit_set(uint64_t *bits, size_t i)
{
	bits[i / 64] |= 1ull << i % 64;
}

static uint32_t service_set(const struct services *s, size_t service, unsigned int field)
{
	return ((struct service *)vec_at(&s->list, service))->set[field];
}

/* A set of values begins or ends at a value: chained by value. */
struct edge {
	uint32_t set, next;		/* index + 1 */
};

/* @first: by value, and one past the last. */
static void set_edges(const struct services *s, unsigned int field, const bool *used,
		      uint32_t *first, struct vec *edges)
{
	for (uint32_t set = 1; set < s->sets[field].items.len; set++) {
		size_t bytes;
		const struct service_range *r = intern_get(&s->sets[field], set, &bytes);

		for (size_t i = 0; used[set] && i < bytes / sizeof(*r); i++) {
			const uint32_t at[2] = { r[i].first, r[i].last + 1u };

			for (unsigned int k = 0; k < 2; k++) {
				struct edge e = { set, first[at[k]] };

				vec_append(edges, &e);
				first[at[k]] = edges->len;
			}
		}
	}
}

/* The services of a list, those of one set, come or go. */
static void toggle_services(uint32_t service, const uint32_t *next, struct bitmap *services)
{
	for (; service; service = next[service])
		services->bit[(service - 1) / 64] ^= 1ull << (service - 1) % 64;
}

/*
 * The classes of @field's values: *@step gets the array, @classes a bitmap of services
 * for each. Return: whether any service tests the field.
 */
static bool classify_field(const struct services *s, unsigned int field, struct service_step *step,
			   struct intern *classes)
{
	size_t nsets = s->sets[field].items.len, words = (nsets + 63) / 64;
	uint32_t values = rules_field_values(field), *first, *next, *at;
	struct vec edges = VEC(struct edge);
	struct intern of_sets;
	struct bitmap services;
	bool *used, any = false;
	uint64_t *active;

	if (nsets == 1)
		return false;
	used = xcalloc(nsets, sizeof(*used));
	first = xcalloc(nsets, sizeof(*first));
	next = xcalloc(s->list.len + 1, sizeof(*next));
	for (uint32_t i = s->list.len; i-- > 0;) {
		uint32_t set = service_set(s, i, field);

		used[set] = true;
		any |= set != 0;
		next[i + 1] = first[set];
		first[set] = i + 1;
	}
	if (!any)
		goto out;
	at = xcalloc(values + 1, sizeof(*at));
	set_edges(s, field, used, at, &edges);
	active = xcalloc(words, sizeof(*active));
	services.words = (s->list.len + 63) / 64;
	services.bit = xcalloc(services.words, sizeof(*services.bit));
	toggle_services(first[0], next, &services);
	intern_init(&of_sets);
	*step = (struct service_step){ .field = field, .classes = xcalloc(values, sizeof(uint16_t)) };
	for (uint32_t value = 0, class = 0; value < values; value++) {
		bool fresh;

		for (uint32_t e = at[value]; e; e = ((struct edge *)vec_at(&edges, e - 1))->next) {
			uint32_t set = ((struct edge *)vec_at(&edges, e - 1))->set;

			active[set / 64] ^= 1ull << set % 64;
			toggle_services(first[set], next, &services);
		}
		if (!value || at[value]) {
			class = intern_put(&of_sets, active, words * sizeof(*active), &fresh);
			/* Different sets, different services: the numbers agree. */
			if (fresh)
				intern_put(classes, services.bit,
					   services.words * sizeof(*services.bit), NULL);
		}
		step->classes[value] = class;
	}
	step->width = of_sets.items.len;
	intern_free(&of_sets);
	free(services.bit);
	free(active);
	free(at);
out:
	vec_free(&edges);
	free(used);
	free(first);
	free(next);
	return any;
}

/* ---- all fields ------------------------------------------------------------ */

static int step_cmp(const void *a, const void *b)
{
	const struct service_step *x = a, *y = b;

	return x->width != y->width ? x->width < y->width ? -1 : 1 :
	       x->field < y->field ? -1 : 1;
}

/*
 * The classes of a group, @all, and those of one more field become those of both, if neither
 * the array that combines them nor their bits take more than @limit.
 * Return: whether there are few enough; else @all and @step are as they were.
 */
static bool combine(struct intern *all, const struct intern *more, struct service_step *step,
		    size_t words, size_t limit, uint32_t most)
{
	size_t rows = all->items.len, width = more->items.len;
	struct intern combined;
	uint64_t *both;
	bool few = true;

	if (rows * width * sizeof(uint16_t) > limit || rows * width * words > COMBINE_WORK)
		return false;
	intern_init(&combined);
	both = xcalloc(words, sizeof(*both));
	step->combined_len = rows * width;
	step->combined = xcalloc(step->combined_len, sizeof(*step->combined));
	for (size_t i = 0; i < rows && few; i++) {
		const uint64_t *x = intern_get(all, i, NULL);

		for (size_t j = 0; j < width && few; j++) {
			const uint64_t *y = intern_get(more, j, NULL);

			for (size_t w = 0; w < words; w++)
				both[w] = x[w] & y[w];
			step->combined[i * width + j] =
				intern_put(&combined, both, words * sizeof(*both), NULL);
			few = combined.items.len <= most &&
			      combined.items.len * words * sizeof(*both) <= limit;
		}
	}
	free(both);
	if (few) {
		intern_free(all);
		*all = combined;
	} else {
		intern_free(&combined);
		free(step->combined);
		step->combined = NULL;
		step->combined_len = 0;
	}
	return few;
}

/* The classes of a finished group, as bits of services. */
static void write_bits(struct services *s, struct service_group *g, const struct intern *all)
{
	g->classes = all->items.len;
	g->bits = xcalloc((size_t)g->classes * s->bits_words, sizeof(*g->bits));
	for (size_t c = 0; c < g->classes; c++) {
		const uint64_t *has = intern_get(all, c, NULL);
		uint32_t *bits = g->bits + c * s->bits_words;

		for (size_t w = 0; w < s->bits_words; w++)
			bits[w] = has[w / 2] >> 32 * (w % 2);
	}
}

/* Group @g becomes group 0. */
static void put_first(struct services *s, unsigned int g)
{
	struct service_group first = s->group[g];

	s->group[g] = s->group[0];
	s->group[0] = first;
	for (unsigned int i = 0; i < s->steps; i++) {
		if (s->step[i].group == g)
			s->step[i].group = 0;
		else if (s->step[i].group == 0)
			s->step[i].group = g;
	}
}

/* Whether a service tests no fields but those of group @g. */
static bool is_decided(const struct services *s, size_t service, unsigned int g)
{
	for (unsigned int i = 0; i < s->steps; i++)
		if (s->step[i].group != g && service_set(s, service, s->step[i].field))
			return false;
	return true;
}

/* Squares of 64 classes by 64 services: bit by bit, most would be a line of the cache each. */
void services_columns(const struct services *s, unsigned int group, uint64_t *out, size_t words)
{
	const struct service_group *g = &s->group[group];

	for (size_t c = 0; c < g->classes; c += 64)
		for (size_t w = 0; w < s->bits_words; w += 2) {
			size_t rows = g->classes - c < 64 ? g->classes - c : 64;
			size_t first = 32 * w, services = s->list.len - first < 64 ? s->list.len - first : 64;
			uint64_t square[64] = { 0 };

			for (size_t i = 0; i < rows; i++) {
				const uint32_t *bits = g->bits + (c + i) * s->bits_words + w;

				square[i] = bits[0] | (w + 1 < s->bits_words ? (uint64_t)bits[1] << 32 : 0);
			}
			bits_transpose(square);
			for (size_t i = 0; i < services; i++)
				out[(first + i) * words + c / 64] = square[i];
		}
}

/* The group that decides the most services becomes the first; then its columns. */
static void choose_first(struct services *s)
{
	size_t best = 0, decided;
	unsigned int first = 0;

	for (unsigned int g = 0; g < s->groups; g++) {
		decided = 0;
		for (size_t i = 0; i < s->list.len; i++)
			decided += is_decided(s, i, g);
		if (decided > best) {
			best = decided;
			first = g;
		}
	}
	put_first(s, first);
	s->column_words = (s->group[0].classes + 63) / 64;
	s->column = xcalloc(s->list.len * s->column_words, sizeof(*s->column));
	s->decided = xcalloc(s->list.len, sizeof(*s->decided));
	for (size_t i = 0; i < s->list.len; i++)
		s->decided[i] = is_decided(s, i, 0);
	services_columns(s, 0, s->column, s->column_words);
}

/*
 * Every field's classes; then, the field with the fewest first, each joins the group of
 * the one before it, or begins another. Return: 0, or -E2BIG.
 */
static int classify(struct services *s, size_t limit, uint32_t most)
{
	size_t words = (s->list.len + 63) / 64;
	struct intern classes[RULES_FIELD_COUNT], all;
	uint64_t *every = xcalloc(words, sizeof(*every));
	int err = 0;

	s->bits_words = (s->list.len + 31) / 32;
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++) {
		intern_init(&classes[f]);
		if (classify_field(s, f, &s->step[s->steps], &classes[f]))
			s->steps++;
	}
	qsort(s->step, s->steps, sizeof(*s->step), step_cmp);
	/* One class that every service has, until the first field comes. */
	intern_init(&all);
	for (size_t i = 0; i < s->list.len; i++)
		bit_set(every, i);
	intern_put(&all, every, words * sizeof(*every), NULL);
	for (unsigned int i = 0; i < s->steps; i++) {
		struct intern *field = &classes[s->step[i].field];

		if (i) {
			if (combine(&all, field, &s->step[i], words, limit / 8, most)) {
				s->step[i].group = s->groups;
				continue;
			}
			if (s->groups + 2 > RULES_GROUPS_MAX) {
				err = -E2BIG;
				break;
			}
			write_bits(s, &s->group[s->groups++], &all);
		}
		s->step[i].group = s->groups;
		intern_free(&all);
		all = *field;
		intern_init(field);
	}
	if (!err && all.items.len * words * sizeof(*every) > limit)
		err = -E2BIG;
	if (!err)
		write_bits(s, &s->group[s->groups++], &all);
	intern_free(&all);
	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		intern_free(&classes[f]);
	free(every);
	return err ? err : services_bytes(s) > limit ? -E2BIG : 0;
}

int services_classify(struct services *s, size_t limit, uint32_t most, struct text *why)
{
	forget_classes(s);
	if (classify(s, limit, most)) {
		text_printf(why, "the rules test their fields beside the addresses in %zu different ways, "
			    "whose overlaps do not fit into %zu kB of tables: fewer different values and "
			    "ranges, or a larger budget, would help", s->list.len - 1, limit >> 10);
		forget_classes(s);
		return -E2BIG;
	}
	choose_first(s);
	s->classified = s->list.len;
	table_free(&s->seen);
	return 0;
}

size_t services_bytes(const struct services *s)
{
	size_t bytes = 0;

	for (unsigned int g = 0; g < s->groups; g++)
		bytes += (size_t)s->group[g].classes * s->bits_words * sizeof(uint32_t);
	for (unsigned int i = 0; i < s->steps; i++)
		bytes += (rules_field_values(s->step[i].field) + s->step[i].combined_len) *
			 sizeof(uint16_t);
	return bytes;
}

size_t services_memory(const struct services *s)
{
	size_t bytes = s->list.cap * sizeof(struct service) +
		       s->known.cap * (s->known.key_size + s->known.value_size + 1) +
		       s->seen.cap * (s->seen.key_size + s->seen.value_size + 1);

	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		bytes += intern_bytes(&s->sets[f]);
	return bytes + services_bytes(s) +
	       s->classified * s->column_words * sizeof(*s->column);
}
