// SPDX-License-Identifier: GPL-2.0
/*
 * Diagrams against the plain meaning of expressions, and against the laws: of Kleene algebra
 * with tests (Kozen 1997), of NetKAT's packets (Anderson et al. 2014, figure 2), of sets. On small
 * domains each packet is tried, and equal meaning must be equal pointer both ways; on large ones,
 * IPv6 among them, packets are tried that lie at the borders. The seed is printed; SEED=n repeats
 * it, CASES=n sets how many expressions are made (5,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/text.h"
#include "cases.h"
#include "dd_expressions.h"

static uint64_t seed;
static unsigned long cases;

static uint32_t random_next(struct choices *c)
{
	c->state = c->state * 6364136223846793005ull + 1442695040888963407ull;
	return c->state >> 33;
}

static struct choices choices_of(uint64_t salt)
{
	return (struct choices){ .next = random_next, .state = seed ^ salt * 0x9e3779b97f4a7c15ull,
				 .left = 1 };
}

static dd_value any_value(struct choices *c, const struct dd_field *field)
{
	return choose(c, (uint32_t)field->last + 1);
}

static const struct dd_field small[] = { { "a", 2 }, { "b", 3 }, { "c", 2 } };
#define SMALL	(3 * 4 * 3)

static struct fate small_packet(unsigned int i)
{
	return (struct fate){ .packet = { i % 3, i / 3 % 4, i / 12 } };
}

/* ---- meaning --------------------------------------------------------- */

/* What an expression makes of every packet, as one number. */
static uint64_t fingerprint(const struct language *l, const struct expression *e)
{
	uint64_t h = 1;

	for (unsigned int i = 0; i < SMALL; i++) {
		struct fate in = small_packet(i);
		struct vec fates = fates_of(l, e, &in);
		uint64_t one[3] = { h, fates.len, fates.len ?
				    hash_bytes(fates.data, fates.len * sizeof(struct fate)) : 0 };

		h = hash_bytes(one, sizeof(one));
		vec_free(&fates);
	}
	return h;
}

static void assert_same_meaning(const struct language *l, const struct dd_space *s,
				const struct expression *e, const struct dd *d)
{
	for (unsigned int i = 0; i < SMALL; i++) {
		struct fate in = small_packet(i);
		struct vec want = fates_of(l, e, &in);
		struct vec got = fates_of_leaf(l, dd_eval(s, d, in.packet), &in);

		assert_true(same_fates(&want, &got));
		vec_free(&want);
		vec_free(&got);
	}
}

/* Every packet; and over all expressions, equal pointer exactly if equal meaning. */
static void check_batch(bool marks, bool stars, uint64_t salt, unsigned long n)
{
	struct table by_meaning = TABLE(uint64_t, const struct dd *);
	struct table by_pointer = TABLE(const struct dd *, uint64_t);
	struct choices c = choices_of(salt);
	struct dd_space *s = dd_space_new(small, 3, DD_BUDGET);
	size_t different = 0;

	for (unsigned long i = 0; i < n; i++) {
		struct arena arena = { 0 };
		const struct language l = { .arena = &arena, .field = small, .fields = 3,
					    .marks = marks, .stars = stars, .sets = true,
					    .value = any_value };
		const struct expression *e = expression(&l, &c, 1 + choose(&c, 4));
		const struct dd *d = diagram(s, e), **known;
		uint64_t meaning = fingerprint(&l, e), *same;
		bool fresh;

		assert_non_null(d);
		assert_same_meaning(&l, s, e, d);
		known = table_put(&by_meaning, &meaning, &fresh);
		if (fresh)
			*known = d;
		assert_ptr_equal(*known, d);
		same = table_put(&by_pointer, &d, &fresh);
		if (fresh)
			*same = meaning;
		assert_true(*same == meaning);
		different = by_meaning.len;
		arena_free(&arena);
	}
	/* Otherwise the expressions are dull, and all this shows nothing. */
	assert_true(different > n / 20);
	table_free(&by_meaning);
	table_free(&by_pointer);
	dd_space_free(s);
}

/* So many expressions are made in one space, and compared with each other. */
#define BATCH 20000ul

static void check_small(bool marks, bool stars, uint64_t salt)
{
	for (unsigned long i = 0; i < cases; i += BATCH)
		check_batch(marks, stars, salt + 100 * i, cases - i < BATCH ? cases - i : BATCH);
}

static void test_meaning(void **state)
{
	(void)state;
	check_small(false, false, 1);
}

static void test_meaning_stars(void **state)
{
	(void)state;
	check_small(false, true, 2);
}

static void test_meaning_marks(void **state)
{
	(void)state;
	check_small(true, false, 3);
}

/* ---- large domains --------------------------------------------------- */

static const struct dd_field large[] = {
	{ "port", 1024 }, { "src", ~(dd_value)0 }, { "dst", ~(dd_value)0 }, { "proto", 256 },
	{ "dport", 65536 }, { "vlan", 4096 },
};
#define LARGE	6

/* Few different ones, beside each other: borders, and the ends of the domain. */
static dd_value border_value(struct choices *c, const struct dd_field *field)
{
	dd_value v = field->last / 4 * choose(c, 5) + choose(c, 3);

	if (choose(c, 8) == 0)
		return field->last - choose(c, 2);
	return v > field->last ? v - 3 : v;
}

static void test_large(void **state)
{
	struct choices c = choices_of(4);
	struct dd_space *s = dd_space_new(large, LARGE, DD_BUDGET);

	(void)state;
	for (unsigned long i = 0; i < cases / 4; i++) {
		struct arena arena = { 0 };
		const struct language l = { .arena = &arena, .field = large, .fields = LARGE,
					    .marks = true, .sets = true, .value = border_value };
		const struct expression *e = expression(&l, &c, 1 + choose(&c, 4));
		const struct dd *d = diagram(s, e);

		assert_non_null(d);
		for (unsigned int j = 0; j < 30; j++) {
			struct fate in = { 0 };
			struct vec want, got;

			for (unsigned int f = 0; f < LARGE; f++)
				in.packet[f] = border_value(&c, &large[f]);
			want = fates_of(&l, e, &in);
			got = fates_of_leaf(&l, dd_eval(s, d, in.packet), &in);
			assert_true(same_fates(&want, &got));
			vec_free(&want);
			vec_free(&got);
		}
		arena_free(&arena);
		if (i % 2000 == 1999) {
			dd_space_free(s);
			s = dd_space_new(large, LARGE, DD_BUDGET);
		}
	}
	dd_space_free(s);
}

/* ---- laws ------------------------------------------------------------ */

#define same(x, y) assert_ptr_equal(x, y)

static void check_kleene(struct dd_space *s, const struct dd *p, const struct dd *q, const struct dd *r)
{
	const struct dd *none = dd_none(s), *all = dd_all(s);

	same(dd_union(s, p, dd_union(s, q, r)), dd_union(s, dd_union(s, p, q), r));
	same(dd_union(s, p, q), dd_union(s, q, p));
	same(dd_union(s, p, none), p);
	same(dd_union(s, p, p), p);
	same(dd_sequence(s, p, dd_sequence(s, q, r)), dd_sequence(s, dd_sequence(s, p, q), r));
	same(dd_sequence(s, all, p), p);
	same(dd_sequence(s, p, all), p);
	same(dd_sequence(s, p, dd_union(s, q, r)),
	     dd_union(s, dd_sequence(s, p, q), dd_sequence(s, p, r)));
	same(dd_sequence(s, dd_union(s, p, q), r),
	     dd_union(s, dd_sequence(s, p, r), dd_sequence(s, q, r)));
	same(dd_sequence(s, none, p), none);
}

/* @p, @q, @r: without marks. */
static void check_stars(struct dd_space *s, const struct dd *p, const struct dd *q, const struct dd *r)
{
	const struct dd *all = dd_all(s), *star = dd_star(s, p), *below, *x;

	same(dd_sequence(s, p, dd_none(s)), dd_none(s));
	same(dd_union(s, all, dd_sequence(s, p, star)), star);
	same(dd_union(s, all, dd_sequence(s, star, p)), star);
	/* q + p;x <= x => p*;q <= x; and the other way round */
	x = dd_union(s, dd_sequence(s, star, q), dd_sequence(s, star, r));
	below = dd_union(s, q, dd_sequence(s, p, x));
	same(dd_union(s, below, x), x);
	same(dd_union(s, dd_sequence(s, star, q), x), x);
	x = dd_union(s, dd_sequence(s, q, star), dd_sequence(s, r, star));
	same(dd_union(s, dd_union(s, q, dd_sequence(s, x, p)), x), x);
	same(dd_union(s, dd_sequence(s, q, star), x), x);
	same(dd_sequence(s, star, star), star);
	/* (p + q)* = p*;(q;p*)* */
	same(dd_star(s, dd_union(s, p, q)),
	     dd_sequence(s, star, dd_star(s, dd_sequence(s, q, star))));
}

static void check_tests(struct dd_space *s, const struct dd *a, const struct dd *b, const struct dd *c,
			const struct dd *p, const struct dd *q)
{
	const struct dd *none = dd_none(s), *all = dd_all(s);

	same(dd_union(s, a, dd_sequence(s, b, c)),
	     dd_sequence(s, dd_union(s, a, b), dd_union(s, a, c)));
	same(dd_union(s, a, all), all);
	same(dd_union(s, a, dd_not(s, a)), all);
	same(dd_sequence(s, a, b), dd_sequence(s, b, a));
	same(dd_sequence(s, a, dd_not(s, a)), none);
	same(dd_sequence(s, a, a), a);
	same(dd_not(s, dd_not(s, a)), a);
	same(dd_not(s, dd_union(s, a, b)), dd_sequence(s, dd_not(s, a), dd_not(s, b)));
	same(dd_not(s, dd_sequence(s, a, b)), dd_union(s, dd_not(s, a), dd_not(s, b)));
	same(dd_intersection(s, a, b), dd_sequence(s, a, b));
	same(dd_difference(s, a, b), dd_sequence(s, a, dd_not(s, b)));
	same(dd_differ(s, a, b), dd_union(s, dd_difference(s, a, b), dd_difference(s, b, a)));
	same(dd_star(s, a), all);
	assert_true(dd_is_predicate(dd_sequence(s, a, b)));
	same(dd_if(s, a, p, q),
	     dd_union(s, dd_sequence(s, a, p), dd_sequence(s, dd_not(s, a), q)));
	same(dd_if(s, dd_not(s, a), p, q), dd_if(s, a, q, p));
}

static void check_sets(struct dd_space *s, const struct dd *p, const struct dd *q, const struct dd *r)
{
	const struct dd *differ = dd_differ(s, p, q);

	same(dd_intersection(s, p, p), p);
	same(dd_intersection(s, p, q), dd_intersection(s, q, p));
	same(dd_intersection(s, p, dd_union(s, p, q)), p);
	same(dd_union(s, p, dd_intersection(s, p, q)), p);
	same(dd_intersection(s, p, dd_union(s, q, r)),
	     dd_union(s, dd_intersection(s, p, q), dd_intersection(s, p, r)));
	same(dd_difference(s, p, p), dd_none(s));
	same(dd_difference(s, p, dd_union(s, p, q)), dd_none(s));
	same(dd_union(s, dd_difference(s, p, q), q), dd_union(s, p, q));
	same(dd_first(s, p, dd_first(s, q, r)), dd_first(s, dd_first(s, p, q), r));
	/* They are alike outside of it, and in none of it. */
	same(dd_if(s, differ, dd_none(s), p), dd_if(s, differ, dd_none(s), q));
	assert_int_equal(differ == dd_none(s), p == q);
	same(dd_sequence(s, differ, dd_not(s, dd_differ(s, q, p))), dd_none(s));
	same(dd_if(s, dd_domain(s, p), p, q), dd_first(s, p, q));
}

static void check_packets(struct dd_space *s, struct choices *c, const struct dd *p)
{
	unsigned int f = choose(c, 3), g = (f + 1 + choose(c, 2)) % 3;
	dd_value v = 2 * choose(c, 2), w = 2 * choose(c, 2), x = 2 * choose(c, 2);
	const struct dd *fv = dd_test(s, f, v, v), *fw = dd_test(s, f, w, w);
	const struct dd *setv = dd_assign(s, f, v), *setw = dd_assign(s, f, w);
	const struct dd *gx = dd_test(s, g, x, x), *setx = dd_assign(s, g, x), *sum = dd_none(s);

	same(dd_sequence(s, setv, setx), dd_sequence(s, setx, setv));
	same(dd_sequence(s, setv, gx), dd_sequence(s, gx, setv));
	same(dd_sequence(s, setv, fv), setv);
	same(dd_sequence(s, fv, setv), fv);
	same(dd_sequence(s, setv, setw), setw);
	if (v != w)
		same(dd_sequence(s, fv, fw), dd_none(s));
	for (dd_value i = 0; i <= small[f].last; i++)
		sum = dd_union(s, sum, dd_test(s, f, i, i));
	same(sum, dd_all(s));
	same(dd_sequence(s, fv, p), dd_sequence(s, fv, dd_restrict(s, p, f, v)));
	same(dd_sequence(s, setv, p), dd_sequence(s, setv, dd_restrict(s, p, f, v)));
	same(dd_restrict(s, dd_restrict(s, p, f, v), g, x), dd_restrict(s, dd_restrict(s, p, g, x), f, v));
}

static void test_laws(void **state)
{
	struct choices c = choices_of(5);
	struct dd_space *s = dd_space_new(small, 3, DD_BUDGET);

	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct arena arena = { 0 };
		struct language l = { .arena = &arena, .field = small, .fields = 3, .marks = i & 1,
				      .stars = true, .sets = true, .value = any_value };
		const struct dd *p[3], *a[3];

		for (unsigned int j = 0; j < 3; j++) {
			p[j] = diagram(s, expression(&l, &c, choose(&c, 4)));
			a[j] = diagram(s, predicate(&l, &c, 3));
			assert_true(dd_is_predicate(a[j]));
		}
		check_kleene(s, p[0], p[1], p[2]);
		check_tests(s, a[0], a[1], a[2], p[0], p[1]);
		check_sets(s, p[0], p[1], p[2]);
		check_packets(s, &c, p[0]);
		if (!l.marks)
			check_stars(s, p[0], p[1], p[2]);
		assert_null(dd_refusal(s));
		arena_free(&arena);
		if (i % 10000 == 9999) {
			dd_space_free(s);
			s = dd_space_new(small, 3, DD_BUDGET);
		}
	}
	dd_space_free(s);
}

/* ---- witnesses and counts -------------------------------------------- */

static void test_witness(void **state)
{
	struct choices c = choices_of(6);
	struct dd_space *s = dd_space_new(small, 3, DD_BUDGET);

	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct arena arena = { 0 };
		const struct language l = { .arena = &arena, .field = small, .fields = 3,
					    .marks = true, .sets = true, .value = any_value };
		const struct dd *d = diagram(s, expression(&l, &c, choose(&c, 4)));
		struct fate liked = small_packet(choose(&c, SMALL)), f = liked;
		unsigned int n = 0;

		for (unsigned int j = 0; j < SMALL; j++) {
			struct fate in = small_packet(j);

			n += dd_eval(s, d, in.packet) != dd_none(s);
		}
		assert_true(dd_count(s, d) == n);
		assert_int_equal(dd_witness(s, d, f.packet), n > 0);
		if (n)
			assert_ptr_not_equal(dd_eval(s, d, f.packet), dd_none(s));
		if (dd_eval(s, d, liked.packet) != dd_none(s))
			assert_memory_equal(&f, &liked, sizeof(f));
		arena_free(&arena);
	}
	assert_true(dd_packets(s) == SMALL);
	dd_space_free(s);
}

/* ---- sources --------------------------------------------------------- */

/* Two lists of rules, equal but for where their lines stand. */
static void test_sources(void **state)
{
	struct dd_space *s = dd_space_new(small, 3, DD_BUDGET);
	const struct dd *d[2], *drop[2], *leaf;
	dd_value packet[3] = { 1, 0, 0 };

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		drop[i] = dd_sequence(s, dd_mark(s, DD_SOURCE + 7 + i), dd_none(s));
		d[i] = dd_if(s, dd_test(s, 0, 1, 1), drop[i],
			     dd_sequence(s, dd_mark(s, DD_SOURCE + 9), dd_mark(s, 5)));
	}
	assert_ptr_not_equal(d[0], d[1]);
	same(dd_meaning(s, d[0]), dd_meaning(s, d[1]));
	same(dd_meaning(s, d[0]), dd_if(s, dd_test(s, 0, 1, 1), dd_none(s), dd_mark(s, 5)));
	leaf = dd_eval(s, d[1], packet);
	assert_int_equal(dd_copies(leaf), 1);
	assert_true(dd_copy(leaf, 0)->gone);
	assert_int_equal(dd_copy(leaf, 0)->mark[0], DD_SOURCE + 8);
	same(dd_eval(s, dd_meaning(s, d[1]), packet), dd_none(s));
	dd_space_free(s);
}

/* ---- budget ---------------------------------------------------------- */

/* Rules that cross each other: every pair of values is a case of its own. */
static void test_budget(void **state)
{
	const struct dd_field fields[] = { { "x", 1u << 20 }, { "y", 1u << 20 } };
	struct dd_space *s = dd_space_new(fields, 2, 4 << 20);
	const struct dd *d = dd_none(s), *last;
	uint32_t i = 0;
	struct dd_stats stats;

	(void)state;
	for (i = 0; d && i < 100000; i++)
		d = dd_first(s, d, dd_sequence(s, dd_test(s, i & 1, i * 7, i * 7 + 20), dd_mark(s, i)));
	assert_null(d);
	assert_true(i > 10);
	assert_non_null(strstr(dd_refusal(s), "more than 4 MB"));
	/* And so it stays; NULL goes through everything. */
	last = dd_test(s, 0, 0, 0);
	assert_null(last);
	assert_null(dd_union(s, d, last));
	assert_null(dd_star(s, d));
	assert_null(dd_not(s, d));
	assert_null(dd_meaning(s, d));
	assert_null(dd_differ(s, d, dd_all(s)));
	assert_null(dd_restrict(s, d, 0, 0));
	assert_false(dd_witness(s, d, NULL));
	dd_stats(s, NULL, &stats);
	assert_true(stats.bytes < 16 << 20);
	dd_space_free(s);

	s = dd_space_new(fields, 2, DD_BUDGET);
	assert_null(dd_star(s, dd_mark(s, 1)));
	assert_non_null(strstr(dd_refusal(s), "in a loop"));
	dd_space_free(s);

	s = dd_space_new(small, 3, DD_BUDGET);
	assert_non_null(dd_assign(s, 0, 2));
	assert_non_null(dd_assign(s, 0, 0));
	assert_non_null(dd_assign(s, 0, 2));
	assert_null(dd_assign(s, 0, 1));
	assert_non_null(strstr(dd_refusal(s), "every value of a"));
	dd_space_free(s);
}

/* ---- dumps ----------------------------------------------------------- */

static const struct dd *story(struct dd_space *s)
{
	const struct dd *copies = dd_union(s, dd_assign(s, 5, 12), dd_mark(s, 3));
	const struct dd *web = dd_test(s, 4, 80, 80);
	const struct dd *net = dd_test(s, 1, (dd_value)0x20010db8 << 96,
				       ((dd_value)0x20010db9 << 96) - 1);

	return dd_if(s, dd_test(s, 0, 1, 2), dd_if(s, web, copies, dd_none(s)),
		     dd_sequence(s, net, dd_sequence(s, dd_mark(s, 9), web)));
}

static void test_dump(void **state)
{
	static const char want[] =
		"1 port\n"
		"    1-2\t3\n"
		"    else\t2\n"
		"2 src\n"
		"    0x20010db8000000000000000000000000-0x20010db8ffffffffffffffffffffffff\t4\n"
		"    else\tdrop\n"
		"3 dport\n"
		"    80\tmark(3) + vlan := 12\n"
		"    else\tdrop\n"
		"4 dport\n"
		"    80\tmark(9)\n"
		"    else\tmark(9); drop\n";
	struct dd_space *s = dd_space_new(large, LARGE, DD_BUDGET);
	struct text out = { 0 };

	(void)state;
	dd_dump(s, story(s), NULL, &out);
	assert_string_equal(text_string(&out), want);
	out.len = 0;
	dd_dump(s, dd_none(s), NULL, &out);
	dd_dump(s, dd_all(s), NULL, &out);
	assert_string_equal(text_string(&out), "drop\nid\n");
	out.len = 0;
	dd_dot(s, dd_test(s, 0, 3, 3), NULL, &out);
	assert_string_equal(text_string(&out),
			    "digraph policy {\n"
			    "\tn1 [label=\"port\"];\n"
			    "\tl1_0 [shape=box label=\"drop\"];\n"
			    "\tn1 -> l1_0 [label=\"else\"];\n"
			    "\tl1_1 [shape=box label=\"id\"];\n"
			    "\tn1 -> l1_1 [label=\"3\"];\n"
			    "}\n");
	text_free(&out);
	dd_space_free(s);
}

/* Equal meanings have equal texts, in spaces of their own too. */
static void test_dump_canonical(void **state)
{
	struct dd_space *s = dd_space_new(small, 3, DD_BUDGET), *t = dd_space_new(small, 3, DD_BUDGET);
	struct choices c = choices_of(7);

	(void)state;
	for (unsigned long i = 0; i < cases / 20; i++) {
		struct arena arena = { 0 };
		const struct language l = { .arena = &arena, .field = small, .fields = 3,
					    .marks = true, .value = any_value };
		const struct expression *e = expression(&l, &c, 3), *f = expression(&l, &c, 3);
		struct text one = { 0 }, other = { 0 };
		const struct dd *x = dd_union(s, diagram(s, e), diagram(s, f));
		const struct dd *y = diagram(t, f);

		y = dd_union(t, y, diagram(t, e));
		dd_dump(s, x, NULL, &one);
		dd_dump(t, y, NULL, &other);
		assert_string_equal(text_string(&one), text_string(&other));
		text_free(&one);
		text_free(&other);
		arena_free(&arena);
	}
	dd_space_free(s);
	dd_space_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_meaning_stars),
		cmocka_unit_test(test_meaning_marks),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_witness),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_dump_canonical),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
	cases = cases_wanted(5000);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
