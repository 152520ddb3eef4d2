// SPDX-License-Identifier: GPL-2.0
// options: -max_len=1200
/*
 * Typed objects from outside, beside a policy: each line of the input is the type, the key (its words
 * with a blank between them) and, behind a tab, the value's bytes in hex. What is decoded writes back
 * as it came. What is right compiles, and is printed as a policy that is right by itself; what is
 * wrong has a diagnostic.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "compile/compile.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "policy/parse.h"
#include "policy/print.h"

#define LINES_MAX 40

static const char document[] =
	"port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n"
	"let groups = { 239.1.1.1, 239.1.1.2, ff0e::1 };\n"
	"multicast { (*, groups) from wan, fb to fa ttl 3; (10.0.0.9, 239.2.2.2) from wan to host;\n"
	"(*, 239.4.0.0/16) from wan to fa, host; }\n";

/* object_fetch() is not called. */
int client_dump(struct client *c, uint64_t generation, uint32_t type, const void *prefix,
		size_t prefix_len, client_object_fn each, void *ctx)
{
	(void)c, (void)generation, (void)type, (void)prefix, (void)prefix_len, (void)each, (void)ctx;
	return -ENOSYS;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static size_t read_hex(const char *text, const char *end, uint8_t *value, size_t room)
{
	size_t n = 0;

	for (; text + 1 < end && n < room && isxdigit(text[0]) && isxdigit(text[1]); text += 2) {
		char byte[3] = { text[0], text[1] };

		value[n++] = strtoul(byte, NULL, 16);
	}
	return n;
}

/* "3main 10.0.0.0/8<tab>0800..." */
static void read_line(const char *line, const char *end, struct vec *objects)
{
	const char *tab = memchr(line, '\t', end - line);
	const char *key_end = tab ? tab : end;
	uint8_t value[OBJECT_VALUE_MAX + 16], key[SLUICE_KEY_MAX + 16], again[SLUICE_KEY_MAX];
	size_t key_len = key_end - line - 1, value_len;
	struct text why = { 0 };
	struct object o;

	if (key_end <= line || key_len > sizeof(key))
		return;
	for (size_t i = 0; i < key_len; i++)
		key[i] = line[1 + i] == ' ' ? '\0' : line[1 + i];
	value_len = tab ? read_hex(tab + 1, end, value, sizeof(value)) : 0;
	if (object_decode(line[0] - '0', key, key_len, value, value_len, &o, &why)) {
		expect(why.len);
	} else {
		expect(object_key(&o, again) == key_len && !memcmp(again, key, key_len));
		vec_append(objects, &o);
	}
	text_free(&why);
}

static int compare(const void *a, const void *b)
{
	return object_cmp(a, b);
}

/* As the store has them: sorted, none twice. */
static void sort(struct vec *objects)
{
	struct object *o = objects->data;
	size_t kept = 0;

	if (!objects->len)
		return;
	qsort(o, objects->len, sizeof(*o), compare);
	for (size_t i = 1; i < objects->len; i++)
		if (compare(&o[kept], &o[i]))
			o[++kept] = o[i];
	objects->len = kept + 1;
}

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	(void)name, (void)limit;
	text_append(out, context, strlen(context));
	return 0;
}

/* What is printed of both is a policy that needs no objects, and says the same of groups. */
static void read_again(const struct policy *p)
{
	const char *name = "again";
	struct text text = { 0 };
	struct policy *again;
	struct diags diags;
	size_t entries[2] = { 0 };

	diags_init(&diags);
	policy_print(p, &text);
	again = policy_parse_configuration(&name, 1, load, (void *)text_string(&text), NULL, &diags);
	expect(!diags.errors);
	expect(again->ports.len == p->ports.len && again->routes.len == p->routes.len);
	for (size_t i = 0; i < p->groups.len; i++)
		entries[0] += ((struct policy_group *)vec_at(&p->groups, i))->entries.len;
	for (size_t i = 0; i < again->groups.len; i++)
		entries[1] += ((struct policy_group *)vec_at(&again->groups, i))->entries.len;
	expect(entries[0] == entries[1]);
	policy_free(again);
	diags_free(&diags);
	text_free(&text);
}

static void compile(const struct policy *p)
{
	struct numbering numbering;
	struct image *image = NULL;
	struct diags diags;

	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	expect(!compile_policy(p, &numbering, NULL, &image, &diags));
	expect(image->statics.len == p->statics.len);
	expect(image->config.route == (p->statics.len > 0));
	image_free(image);
	numbering_free(&numbering);
	diags_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *at = (const char *)bytes, *end = at + len, *next;
	struct vec objects = VEC(struct object);
	const char *name = "edge.sluice";
	struct text said = { 0 };
	struct policy *p;
	struct diags diags;

	for (int i = 0; i < LINES_MAX && at < end; i++, at = next + 1) {
		next = memchr(at, '\n', end - at);
		next = next ? next : end;
		read_line(at, next, &objects);
	}
	sort(&objects);
	diags_init(&diags);
	p = policy_parse_configuration(&name, 1, load, (void *)document, &objects, &diags);
	diags_print(&diags, &said, false);
	expect(!diags.errors == !strstr(text_string(&said), "error: "));
	if (!diags.errors) {
		read_again(p);
		compile(p);
	}
	policy_free(p);
	diags_free(&diags);
	text_free(&said);
	vec_free(&objects);
	return 0;
}
