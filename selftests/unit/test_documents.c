// SPDX-License-Identifier: GPL-2.0
/*
 * What policy_documents() reads by words alone is what a parse reads: the same documents under the same
 * names, of texts where "include" stands in many places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "policy/documents.h"
#include "policy/tree.h"

static const struct {
	const char *name, *text;
} files[] = {
	{ "plain", "port wan = \"eth0\";" },
	{ "empty", "" },
	{ "main", "include \"lib/a\";\n# include \"nowhere\";\ninclude\n# here\n\t\"./lib/../plain\" ;\n" },
	{ "lib/a", "include\"b\";include \"../lib/b\"; # twice\ninclude \"/abs\";" },
	{ "lib/b", "port fa = \"eth1\"; filter fa { count \"include \\\" it\"; emit \"include\"; drop; }" },
	{ "/abs", "let included = 22; port pre = \"eth7\"; let re-include = 5;" },
	{ "circle", "include \"circle\";" },
	{ "bom", "\xef\xbb\xbfinclude \"plain\";" },
	{ "wrong", "include plain;" },
	{ "open", "include \"plain" },
	{ "missing", "include \"nowhere\";" },
	{ "nameless", "include \"\";" },
};

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	unsigned int *asked = context;

	++*asked;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].name, name))
			continue;
		assert_true(strlen(files[i].text) <= limit);
		text_append(out, files[i].text, strlen(files[i].text));
		return 0;
	}
	return -ENOENT;
}

/* Both ways from the same names. Return: how many documents, less than 0: it says that a parse shall tell. */
static int compare(const char *const *names, size_t count)
{
	struct vec documents = VEC(struct policy_document);
	unsigned int asked = 0, by_parse = 0;
	struct diags diags;
	struct policy *p;
	int n;

	diags_init(&diags);
	p = policy_parse_documents(names, count, load, &by_parse, &diags);
	n = policy_documents(names, count, load, &asked, &documents);
	if (!n) {
		n = documents.len;
		assert_int_equal(p->sources.len, n);
		assert_int_equal(asked, by_parse);
		for (int i = 0; i < n; i++) {
			const struct source *s = *(struct source **)vec_at(&p->sources, i);
			const struct policy_document *d = vec_at(&documents, i);

			assert_string_equal(s->name, d->name);
			assert_non_null(strstr(text_string(&d->text), s->text));
		}
	} else {
		assert_true(diags.errors);
	}
	policy_documents_free(&documents);
	policy_free(p);
	diags_free(&diags);
	return n;
}

static void test_same(void **unused)
{
	static const char *const all[] = { "main", "plain", "./lib/b", "empty", "main" };

	(void)unused;
	assert_int_equal(compare(all, 1), 5);
	assert_int_equal(compare(all, 5), 6);
	assert_int_equal(compare((const char *[]){ "circle" }, 1), 1);
	assert_int_equal(compare((const char *[]){ "bom" }, 1), 2);
	assert_true(compare((const char *[]){ "wrong" }, 1) < 0);
	assert_true(compare((const char *[]){ "missing" }, 1) < 0);
	assert_true(compare((const char *[]){ "nameless" }, 1) < 0);
	assert_true(compare((const char *[]){ "nowhere" }, 1) < 0);
}

static void test_given(void **unused)
{
	struct vec documents = VEC(struct policy_document);
	const char *names[] = { "main" };
	unsigned int asked = 0;
	struct text text = { 0 };

	(void)unused;
	assert_int_equal(policy_documents(names, 1, load, &asked, &documents), 0);
	assert_int_equal(policy_load_given(&documents, "./lib/b", 1000, &text), 0);
	assert_string_equal(text_string(&text), files[4].text);
	assert_int_equal(policy_load_given(&documents, "lib/b", 5, &text), -EFBIG);
	assert_int_equal(policy_load_given(&documents, "lib/c", 1000, &text), -ENOENT);
	policy_documents_free(&documents);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
