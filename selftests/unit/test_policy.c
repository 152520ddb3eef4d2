// SPDX-License-Identifier: GPL-2.0
/*
 * The parser by what it leaves behind: trees, documents and how they include one another,
 * limits at N and N + 1, and texts that were written to be slow. What it says about mistakes
 * stands in selftests/golden/policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "base/text.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "base/quantity.h"

/* ---- help --------------------------------------------------------------- */

static unsigned int errors_in(const struct text *t)
{
	struct diags diags;
	struct policy *p;
	unsigned int errors;

	diags_init(&diags);
	p = policy_parse_text("test", text_string(t), t->len, &diags);
	errors = diags.errors;
	policy_free(p);
	diags_free(&diags);
	return errors;
}

static struct policy *parse(const char *text)
{
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text, strlen(text), &diags);
	diags_print(&diags, &said, false);
	if (diags.errors) {
		fprintf(stderr, "%s", text_string(&said));
		fail_msg("%s", "a right policy is refused");
	}
	text_free(&said);
	diags_free(&diags);
	return p;
}

/* The first sentence that is said about @text, into @buf. */
static const char *first_sentence(const char *text, char *buf, size_t size)
{
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text, strlen(text), &diags);
	assert_true(diags.list.len > 0);
	snprintf(buf, size, "%s", ((struct diag *)vec_at(&diags.list, 0))->sentence);
	policy_free(p);
	diags_free(&diags);
	return buf;
}

/* ---- the tree ----------------------------------------------------------- */

static void test_tree(void **state)
{
	static const char text[] =
		"port wan = \"eth0\"; port lan = \"eth1\" mode generic;\n"
		"let src = { 192.0.2.9, 192.0.2.1, 2001:db8::1, 192.0.2.9 };\n"
		"let grp = { ff05::1, more };\n"
		"let more = { 239.1.1.2, 239.1.1.1 };\n"
		"let near = { 5, 1-2, 3, 7 };\n"
		"let num = { 7-9, 1, 10, 3-4, 8-20, 18446744073709551615 };\n"
		"route main limit ip6 5;\n"
		"multicast { (src, grp) from wan to lan vlan 7, host; }\n"
		"measure m by (l4.dst, ip.src) { threshold 10Mbit; interval 2m; }\n";
	struct policy *p = parse(text);
	const struct policy_group *g = vec_at(&p->groups, 0);
	const struct policy_route *r = vec_at(&p->routes, 0);
	const struct policy_measure *m = vec_at(&p->measures, 0);
	const struct policy_let *num = policy_let_find(p, "num");
	const struct policy_leg *legs = g->legs.data;
	const struct policy_port *wan = policy_port_find(p, "wan");
	const struct range *ranges = num->ranges.data;

	(void)state;
	assert_string_equal(wan->interface, "eth0");
	assert_int_equal(wan->mode, PORT_NATIVE);
	assert_int_equal(policy_port_find(p, "lan")->mode, PORT_GENERIC);
	assert_null(policy_port_find(p, "eth0"));
	assert_int_equal(wan->place.line, 1);
	assert_int_equal(wan->place.column, 6);
	assert_int_equal(wan->place.width, 3);

	assert_int_equal(num->ranges.len, 4);
	assert_int_equal(ranges[0].first, 1);
	assert_int_equal(ranges[1].first, 3);
	assert_int_equal(ranges[2].first, 7);
	assert_int_equal(ranges[2].last, 20);
	assert_int_equal(ranges[3].last, UINT64_MAX);

	/* neighbours are one range */
	assert_int_equal(policy_let_find(p, "near")->ranges.len, 3);

	assert_int_equal(r->limit4, POLICY_LIMIT4_DEFAULT);
	assert_int_equal(r->limit6, 5);

	assert_int_equal(g->sources.len, 3);
	assert_int_equal(g->groups.len, 3);
	assert_int_equal(g->entries.len, 2 * 2 + 1);
	for (size_t i = 0; i < g->entries.len; i++) {
		const struct policy_entry *e = vec_at(&g->entries, i);

		assert_int_equal(e->source.family, e->group.addr.family);
		assert_ptr_equal(e->port, wan);
	}
	assert_int_equal(g->legs.len, 2);
	assert_ptr_equal(legs[0].to.port, policy_port_find(p, "lan"));
	assert_int_equal(legs[0].vlan, 7);
	assert_true(legs[1].host);

	assert_int_equal(m->key, KEY_IP_SRC | KEY_L4_DST);
	assert_int_equal(m->threshold_ppm, 0);
	assert_int_equal(m->threshold_Bps, 1250000);
	assert_int_equal(m->interval_ms, 120000);
	assert_int_equal(m->slots, 8192);
	policy_free(p);
}

/* ---- documents ---------------------------------------------------------- */

struct store {
	const char *names[8], *texts[8];
	unsigned int asked[8];
};

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	struct store *s = context;

	for (size_t i = 0; i < 8 && s->names[i]; i++) {
		if (strcmp(s->names[i], name))
			continue;
		assert_true(strlen(s->texts[i]) <= limit);
		text_append(out, s->texts[i], strlen(s->texts[i]));
		s->asked[i]++;
		return 0;
	}
	return -ENOENT;
}

static char *printed(struct store *s, const char *const *names, size_t count)
{
	struct text out = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_documents(names, count, load, s, &diags);
	diags_print(&diags, &out, false);
	if (diags.errors) {
		fprintf(stderr, "%s", text_string(&out));
		fail_msg("%s", "right documents are refused");
	}
	text_free(&out);
	policy_print(p, &out);
	policy_free(p);
	diags_free(&diags);
	return out.data;
}

static void test_documents(void **state)
{
	static const char *const all[] = { "site/edge", "site/lib/ports", "common", "/abs" };
	static const char *const root[] = { "site/edge" };
	struct store s = {
		{ "site/edge", "site/lib/ports", "common", "/abs" },
		{ "include \"lib/ports\"; include \"./lib//../lib/ports\"; include \"../common\"; route main;",
		  "port a = \"eth0\"; include \"../../common\"; include \"/abs\";",
		  "port b = \"eth1\"; multicast { (*, g) from a to b; }",
		  "let g = 239.1.1.1;" },
		{ 0 },
	};
	struct diags diags;
	struct policy *p;
	char *one, *four;

	(void)state;
	one = printed(&s, root, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(s.asked[i], 1);
	four = printed(&s, all, 4);
	assert_string_equal(one, four);
	for (int i = 0; i < 4; i++)
		assert_int_equal(s.asked[i], 2);
	free(one);
	free(four);

	/* what is sent on is what was asked for */
	diags_init(&diags);
	p = policy_parse_documents(root, 1, load, &s, &diags);
	assert_int_equal(p->sources.len, 4);
	for (int i = 0; i < 4; i++)
		assert_string_equal((*(struct source **)vec_at(&p->sources, i))->name, all[i]);
	policy_free(p);
	diags_free(&diags);
}

static void test_documents_missing(void **state)
{
	static const char *const names[] = { "there", "not-there" };
	struct store s = { { "there" }, { "port a = \"x\"; multicast { (*, g) from b to a; }" }, { 0 } };
	struct diags diags;
	struct policy *p;

	(void)state;
	diags_init(&diags);
	p = policy_parse_documents(names, 2, load, &s, &diags);
	assert_int_equal(diags.errors, 1);	/* the names may be in what is missing */
	assert_true(p->incomplete);
	policy_free(p);
	diags_free(&diags);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/sluice-test-XXXXXX", path[64], back[PATH_MAX];
	static const char part[] = "port a = \"eth0\";", whole[] = "include \"part\"; route main;";
	struct diags diags;
	struct policy *p;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/part", folder);
	assert_int_equal(text_write_file(path, part, strlen(part), 0600), 0);
	snprintf(path, sizeof(path), "%s/whole", folder);
	assert_int_equal(text_write_file(path, whole, strlen(whole), 0600), 0);
	diags_init(&diags);
	p = policy_parse(path, &diags);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(p->ports.len, 1);
	policy_free(p);

	/* a text's includes are files of the working folder */
	assert_non_null(getcwd(back, sizeof(back)));
	assert_int_equal(chdir(folder), 0);
	p = policy_parse_text("<text>", whole, strlen(whole), &diags);
	assert_int_equal(chdir(back), 0);
	assert_int_equal(diags.errors, 0);
	assert_int_equal(p->ports.len, 1);
	policy_free(p);

	p = policy_parse("/tmp/sluice-test-there-is-none", &diags);
	assert_int_equal(diags.errors, 1);
	policy_free(p);
	diags_free(&diags);
	unlink(path);
	snprintf(path, sizeof(path), "%s/part", folder);
	unlink(path);
	rmdir(folder);
}

/* ---- limits ------------------------------------------------------------- */

static void test_ports_limit(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_printf(&t, "route main;\n");
	for (int i = 0; i < POLICY_PORTS_MAX; i++)
		text_printf(&t, "port p%d = \"eth%d\";\n", i, i);
	assert_int_equal(errors_in(&t), 0);
	text_printf(&t, "port one-more = \"eth\";\n");
	assert_int_equal(errors_in(&t), 1);
	text_free(&t);
}

static void test_string_limit(void **state)
{
	char name[POLICY_STRING_MAX + 3], text[POLICY_STRING_MAX + 64], said[128];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[POLICY_STRING_MAX] = '\0';
	snprintf(text, sizeof(text), "port a = \"%s\";", name);
	assert_non_null(strstr(first_sentence(text, said, sizeof(said)), "at most 15 bytes"));
	name[POLICY_STRING_MAX] = 'x';
	name[POLICY_STRING_MAX + 1] = '\0';
	snprintf(text, sizeof(text), "port a = \"%s\";", name);
	assert_non_null(strstr(first_sentence(text, said, sizeof(said)), "at most 4095 bytes"));
}

static int load_much(void *context, const char *name, size_t limit, struct text *out)
{
	size_t *size = context;
	char *blanks;

	(void)name;
	if (*size > limit)
		return -EFBIG;
	blanks = xcalloc(1, *size);
	memset(blanks, ' ', *size);
	text_append(out, blanks, *size);
	free(blanks);
	return 0;
}

static unsigned int errors_of_size(size_t each, size_t documents)
{
	static const char *const names[] = { "a", "b", "c" };
	unsigned int errors;
	struct diags diags;

	diags_init(&diags);
	policy_free(policy_parse_documents(names, documents, load_much, &each, &diags));
	errors = diags.errors;
	diags_free(&diags);
	return errors;
}

static void test_size_limit(void **state)
{
	(void)state;
	assert_int_equal(errors_of_size(POLICY_FILE_MAX, 1), 0);
	assert_int_equal(errors_of_size(POLICY_FILE_MAX + 1, 1), 1);
	assert_int_equal(errors_of_size(POLICY_FILE_MAX / 2, 2), 0);
	assert_int_equal(errors_of_size(POLICY_FILE_MAX / 2 + 1, 2), 1);
}

/* Values double from let to let: 2^23 are allowed in all. */
static void test_values_limit(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_printf(&t, "let a0 = { 1");
	for (int i = 1; i < 4096; i++)
		text_printf(&t, ", %d", 2 * i + 1);
	text_printf(&t, " };\n");
	for (int i = 1; i <= 2100; i++)
		text_printf(&t, "let a%d = { a0 };\n", i);
	assert_int_equal(errors_in(&t), 1);
	text_free(&t);
}

/* ---- texts written to be slow ------------------------------------------- */

static double seconds_for(struct text *t, unsigned int *errors)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	*errors = errors_in(t);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) * 1e-9;
}

#define SLOW 10		/* seconds of processor time; each takes a third of one at most */

static void test_slow_texts(void **state)
{
	static const char *const pieces[] = { "\"", "{", "}", "(", "port ", "include \"x\";", "let a = ",
		"multicast {", "1.", ":", "#", "a-", "((*, 239.1.1.1) from a to b, c", "filter {", "\n" };
	unsigned int errors;
	struct text t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (int n = 0; n < 200000; n++)
			text_printf(&t, "%s", pieces[i]);
		assert_true(seconds_for(&t, &errors) < SLOW);
		text_free(&t);
	}

	for (int n = 0; n < 100000; n++)
		text_printf(&t, "let a%d = { a%d };\n", n, n + 1);
	assert_true(seconds_for(&t, &errors) < SLOW);
	assert_true(errors > 0);
	text_free(&t);

	text_printf(&t, "port p = \"x\"; port q = \"y\"; multicast {\n");
	for (int n = 0; n < 50000; n++)
		text_printf(&t, "(*, 239.1.%d.%d) from p to q;\n", n / 250, n % 250);
	text_printf(&t, "}\n");
	assert_true(seconds_for(&t, &errors) < SLOW);
	assert_int_equal(errors, 1);
	text_free(&t);
}

/* ---- small parts -------------------------------------------------------- */

static void check_quantity(const char *text, int duration_err, uint64_t ms, int rate_err, uint64_t Bps,
			   int fraction_err, uint64_t ppm)
{
	uint64_t n = 0;
	struct quantity q;

	assert_int_equal(quantity_parse(text, &q), 0);
	assert_int_equal(quantity_duration(&q, &n), duration_err);
	if (!duration_err)
		assert_int_equal(n, ms);
	assert_int_equal(quantity_rate(&q, &n), rate_err);
	if (!rate_err)
		assert_int_equal(n, Bps);
	assert_int_equal(quantity_fraction(&q, &n), fraction_err);
	if (!fraction_err)
		assert_int_equal(n, ppm);
}

static void test_quantities(void **state)
{
	struct quantity q;
	uint64_t n;

	(void)state;
	check_quantity("1.5s", 0, 1500, -EINVAL, 0, -EINVAL, 0);
	check_quantity("2h", 0, 7200000, -EINVAL, 0, -EINVAL, 0);
	check_quantity("0.001s", 0, 1, -EINVAL, 0, -EINVAL, 0);
	check_quantity("0.0001s", -EDOM, 0, -EINVAL, 0, -EINVAL, 0);
	check_quantity("8bit", -EINVAL, 0, 0, 1, -EINVAL, 0);
	check_quantity("7bit", -EINVAL, 0, -EDOM, 0, -EINVAL, 0);
	check_quantity("2.5Gbit", -EINVAL, 0, 0, 312500000, -EINVAL, 0);
	check_quantity("1MBps", -EINVAL, 0, 0, 1000000, -EINVAL, 0);
	check_quantity("0.0001%", -EINVAL, 0, -EINVAL, 0, 0, 1);
	check_quantity("0.00001%", -EINVAL, 0, -EINVAL, 0, -EDOM, 0);
	check_quantity("18446744073709h", -ERANGE, 0, -EINVAL, 0, -EINVAL, 0);
	check_quantity("12", -EINVAL, 0, -EINVAL, 0, -EINVAL, 0);
	assert_int_equal(quantity_parse("18446744073710s", &q), -ERANGE);
	assert_int_equal(quantity_parse("99999999999999999999999s", &q), -ERANGE);
	assert_int_equal(quantity_parse("1.1234567s", &q), -EDOM);
	assert_int_equal(quantity_parse("1.s", &q), -EINVAL);
	assert_int_equal(quantity_parse("s", &q), -EINVAL);
	assert_int_equal(quantity_parse("1abcdefghi", &q), -EINVAL);
	assert_int_equal(quantity_parse("18446744073709.551614Tbit", &q), 0);
	assert_int_equal(quantity_rate(&q, &n), -ERANGE);
	q = quantity_whole(UINT64_MAX);
	assert_int_equal(quantity_number(&q, &n), -ERANGE);
	q = quantity_whole(UINT64_MAX / 1000000);
	assert_int_equal(quantity_number(&q, &n), 0);
	assert_int_equal(n, UINT64_MAX / 1000000);
}

static const char *nearest(const char *wanted)
{
	static const char *const known[] = { "wan", "lan", "application", "fa", "fb" };
	struct nearest n = NEAREST(wanted);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		nearest_try(&n, known[i]);
	return n.best;
}

static void test_nearest(void **state)
{
	char much[100];

	(void)state;
	assert_string_equal(nearest("wam"), "wan");
	assert_string_equal(nearest("WAN"), "wan");
	assert_string_equal(nearest("wna"), "wan");
	assert_string_equal(nearest("lann"), "lan");
	assert_string_equal(nearest("aplicatoin"), "application");
	assert_null(nearest("fc"));
	assert_null(nearest("uplink"));
	assert_null(nearest(""));
	memset(much, 'w', sizeof(much));
	much[99] = '\0';
	assert_null(nearest(much));
}

static void test_utf8(void **state)
{
	(void)state;
	assert_int_equal(utf8_len("a"), 1);
	assert_int_equal(utf8_len(""), 1);
	assert_int_equal(utf8_len("\xc3\xa9"), 2);
	assert_int_equal(utf8_len("\xe2\x82\xac"), 3);
	assert_int_equal(utf8_len("\xf0\x9f\x8c\x8a"), 4);
	assert_int_equal(utf8_len("\xf4\x8f\xbf\xbf"), 4);
	assert_int_equal(utf8_len("\xf4\x90\x80\x80"), 0);	/* beyond U+10FFFF */
	assert_int_equal(utf8_len("\xc0\xaf"), 0);		/* longer than it need be */
	assert_int_equal(utf8_len("\xc1\xbf"), 0);
	assert_int_equal(utf8_len("\xe0\x9f\xbf"), 0);
	assert_int_equal(utf8_len("\xed\xa0\x80"), 0);		/* half of a pair */
	assert_int_equal(utf8_len("\xf0\x8f\xbf\xbf"), 0);
	assert_int_equal(utf8_len("\x80"), 0);
	assert_int_equal(utf8_len("\xe2\x82"), 0);		/* cut */
	assert_int_equal(utf8_len("\xff"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_documents_missing),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_ports_limit),
		cmocka_unit_test(test_string_limit),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_values_limit),
		cmocka_unit_test(test_slow_texts),
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_utf8),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
