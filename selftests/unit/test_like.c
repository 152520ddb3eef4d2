// SPDX-License-Identifier: GPL-2.0
/*
 * Tables that are laid out as those of another policy say what they said before: lists of some hundred rules,
 * of which some are changed, taken out or added, are laid out as the list before the change was; verify compares
 * the outcome with the policy. Lists as small as these change their shape often; SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "compile/compile.h"
#include "compile/like.h"
#include "policy/parse.h"
#include "verify/verify.h"

#define LISTS	16
#define CHANGES	4	/* of each */
#define TIME_MS	25	/* of verify */

static uint64_t state, packets;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint32_t pick(uint32_t n)
{
	return random64() % n;
}

struct subject {
	struct policy *policy;
	struct image *image;
	struct diags diags;
};

static void subject_free(struct subject *s)
{
	image_free(s->image);
	policy_free(s->policy);
	diags_free(&s->diags);
}

static void subject_make(struct subject *s, const char *text)
{
	struct numbering numbering;
	struct text said = { 0 };

	*s = (struct subject){ 0 };
	diags_init(&s->diags);
	s->policy = policy_parse_text("t.sluice", text, strlen(text), &s->diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	if (!s->diags.errors)
		compile_policy(s->policy, &numbering, NULL, &s->image, &s->diags);
	numbering_free(&numbering);
	if (!s->image) {
		diags_print(&s->diags, &said, false);
		fail_msg("%s", text_string(&said));
	}
}

static void agrees(const struct subject *s, const char *what)
{
	const struct verify_options options = { .time_ms = TIME_MS };
	struct verify_report report;
	struct text why = { 0 };

	if (!verify_image(s->policy, s->image, &options, &report, &why)) {
		packets += report.packets;
		return;
	}
	if (report.differ)
		verify_say_difference(s->policy, &report, &why);
	fail_msg("%s: %s", what, text_string(&why));
}

/* ---- lists of rules --------------------------------------------------------------- */

#define RULES_ALL	400

struct list {
	unsigned int n;
	bool six, marks;	/* IPv6 as well; some rules go on */
	unsigned int ports;	/* values of ports */
	char rule[RULES_ALL + CHANGES + 1][192];
};

/* Eight networks of 10.0.0.0/8 with what is in them. */
static int print_prefix(char *out, size_t size, bool six)
{
	unsigned int length = 12 + pick(21);
	uint32_t address = (10u << 24 | pick(8) << 20 | (random64() & 0xfffff)) & ~0u << (32 - length);

	if (six)
		return snprintf(out, size, "2001:db8:%x::/48", pick(64));
	return snprintf(out, size, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
			address >> 8 & 255, address & 255, length);
}

static void make_rule(struct list *l, unsigned int at)
{
	bool six = l->six && !pick(4);
	char from[64], to[64], ports[32] = "";
	unsigned int port = 1000 + 3 * pick(l->ports);

	print_prefix(from, sizeof(from), six);
	print_prefix(to, sizeof(to), six);
	if (pick(3))
		snprintf(ports, sizeof(ports), " and %s.dst == %u", pick(2) ? "tcp" : "udp", port);
	if (l->marks && !pick(5))
		snprintf(l->rule[at], sizeof(l->rule[at]), "\tcount \"c%u\" if ip.src == %s%s;\n", pick(9),
			 from, ports);
	else
		snprintf(l->rule[at], sizeof(l->rule[at]), "\t%s if ip.src == %s and ip.dst == %s%s;\n",
			 pick(2) ? "allow" : "drop", from, to, ports);
}

static void print_list(const struct list *l, struct text *out)
{
	out->len = 0;
	text_printf(out, "port wan = \"eth0\";\nfilter wan {\n");
	for (unsigned int i = 0; i < l->n; i++)
		text_printf(out, "%s", l->rule[i]);
	text_printf(out, "\tdrop;\n}\n");
}

/* One rule becomes another, is taken out, or is added. */
static void change(struct list *l)
{
	unsigned int at = pick(l->n);

	switch (pick(3)) {
	case 0:
		make_rule(l, at);
		break;
	case 1:
		memmove(l->rule[at], l->rule[at + 1], (l->n - at - 1) * sizeof(l->rule[0]));
		l->n--;
		break;
	case 2:
		memmove(l->rule[at + 1], l->rule[at], (l->n - at) * sizeof(l->rule[0]));
		l->n++;
		make_rule(l, at);
		break;
	}
}

/* ---- tests --------------------------------------------------------------------------- */

static void test_lists(void **unused)
{
	struct list *l = xcalloc(1, sizeof(*l));
	unsigned int fit = 0, all = 0;
	struct text text = { 0 };

	(void)unused;
	for (unsigned int i = 0; i < LISTS; i++) {
		struct subject first;

		l->n = 10 + pick(RULES_ALL - 10);
		l->six = i & 1;
		l->marks = i & 2;
		l->ports = i & 4 ? 3 : 50;
		for (unsigned int j = 0; j < l->n; j++)
			make_rule(l, j);
		print_list(l, &text);
		subject_make(&first, text_string(&text));
		filter_make_room(&first.image->filter, 0);
		agrees(&first, "with room");
		for (unsigned int j = 0; j < CHANGES; j++) {
			const struct classify_shape *like = &first.image->filter.shape;
			struct subject next;

			change(l);
			print_list(l, &text);
			subject_make(&next, text_string(&text));
			all++;
			if (!filter_lay_like(&next.image->filter, like)) {
				fit++;
				assert_memory_equal(&next.image->filter.shape, like, sizeof(*like));
				assert_int_equal(next.image->filter.area_bytes, first.image->filter.area_bytes);
			}
			agrees(&next, "laid out alike");
			subject_free(&next);
		}
		subject_free(&first);
	}
	printf("# %u of %u changed lists were laid out as the list before, %llu packets agree\n", fit, all,
	       (unsigned long long)packets);
	assert_true(fit * 8 > all);
	assert_true(packets > 10000);
	text_free(&text);
	free(l);
}

/* What is too large, or of other tables, is left as it is. */
static void test_misfits(void **unused)
{
	static const char *const other[] = {
		"port wan = \"eth0\"; filter wan { drop if ip.src == 10.0.0.0/8 and ip.ttl == 3; drop; }",
		"port wan = \"eth0\"; filter wan { count \"x\" if ip.src == 10.0.0.0/8 and udp.dst == 53; drop; }",
		"port wan = \"eth0\"; filter wan { drop; }",
		"port wan = \"eth0\";",
	};
	struct list *l = xcalloc(1, sizeof(*l));
	struct text text = { 0 };
	struct subject small, large;

	(void)unused;
	subject_make(&small, "port wan = \"eth0\"; filter wan {"
		     "	drop if ip.src == 10.0.0.0/8 and udp.dst == 53; drop; }");
	filter_make_room(&small.image->filter, 0);
	for (unsigned int i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		struct subject s;
		struct classify_shape was;

		subject_make(&s, other[i]);
		was = s.image->filter.shape;
		assert_int_equal(filter_lay_like(&s.image->filter, &small.image->filter.shape), -ENOSPC);
		assert_memory_equal(&was, &s.image->filter.shape, sizeof(was));
		if (was.layers)
			agrees(&s, other[i]);
		subject_free(&s);
	}
	l->n = RULES_ALL;
	l->ports = 300;
	for (unsigned int j = 0; j < l->n; j++)
		make_rule(l, j);
	print_list(l, &text);
	subject_make(&large, text_string(&text));
	assert_int_equal(filter_lay_like(&large.image->filter, &small.image->filter.shape), -ENOSPC);
	agrees(&large, "too large");
	/* No room over the budget. */
	size_t bytes = large.image->filter.area_bytes;

	filter_make_room(&large.image->filter, 4096);
	assert_int_equal(large.image->filter.area_bytes, bytes);
	subject_free(&large);
	subject_free(&small);
	text_free(&text);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_misfits),
	};
	const char *seed = getenv("SEED");

	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("# SEED=%llu\n", (unsigned long long)state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
