// SPDX-License-Identifier: GPL-2.0
/*
 * userland/analyse/beside, judged by policy/eval: static routes and multicast groups of two policies do
 * different things with some packet of a small domain if, and only if, a change is told; and the packet that is shown
 * of a change is one of those. Policies are random, from a printed seed; SEED=n repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "analyse/beside.h"
#include "base/text.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "policy/tree.h"
#include "selftests/unit/chance.h"

/* ---- the world ---------------------------------------------------------------------- */

#define PORTS 4

static struct eval_port ports[PORTS] = {
	{ 1, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 65535 },
	{ 2, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 65535 },
	{ 3, "eth2", { 2, 0, 0, 0, 0, 3 }, true, 65535 },
	{ 4, "eth3", { 2, 0, 0, 0, 0, 4 }, true, 65535 },
};

static const char *const names[PORTS] = { "wan", "lan", "fa", "fb" };

/* Everybody is known, and each by another address. */
static bool neighbour(void *context, unsigned int number, const struct addr *a, uint8_t mac[6])
{
	(void)context;
	memcpy(mac, (uint8_t[6]){ 6, number, a->bytes[0], a->bytes[1], a->bytes[2], a->bytes[3] }, 6);
	return true;
}

static const struct eval_env world = { .ports = ports, .ports_len = PORTS, .neighbour = neighbour };

static uint8_t frame[FRAME_MAX];

/* What becomes of a packet, as text. @groups: it is for a group, else for an address. */
static void say_fate(const struct policy *p, const struct frame_fields *fields, bool groups, struct text *out)
{
	struct frame_fields f = *fields;
	struct eval_result r;
	unsigned int in = f.value[FIELD_IN];

	if (!groups)
		f.value[FIELD_ETH_DST] = 0x020000000001 + in;
	policy_eval(p, &world, 1 + in, frame, frame_build(&f, frame), &r);
	for (size_t i = 0; i < r.outcomes.len; i++) {
		const struct eval_outcome *o = vec_at(&r.outcomes, i);
		unsigned int seen = 0;

		text_printf(out, "%s ", eval_reason_name(o->reason));
		/* In the order of the ports, not of the legs. */
		for (unsigned int port = 0; port <= PORTS; port++)
			for (size_t k = 0; k < o->outputs.len; k++) {
				const struct eval_output *x = vec_at(&o->outputs, k);

				if ((x->host ? 0 : x->port) != port)
					continue;
				seen++;
				text_printf(out, "%u:", port);
				for (size_t at = 0; at < x->len && at < 60; at++)
					text_printf(out, "%02x", x->frame[at]);
				text_printf(out, " ");
			}
		assert_int_equal(seen, o->outputs.len);
	}
	eval_result_free(&r);
}

static bool fates_differ(const struct policy *const p[2], const struct frame_fields *f, bool groups)
{
	struct text fate[2] = { { 0 }, { 0 } };
	bool differ;

	for (unsigned int i = 0; i < 2; i++)
		say_fate(p[i], f, groups, &fate[i]);
	differ = strcmp(text_string(&fate[0]), text_string(&fate[1])) != 0;
	text_free(&fate[0]);
	text_free(&fate[1]);
	return differ;
}

/* Whatever ports are up. */
static bool ever_differ(const struct policy *const p[2], const struct frame_fields *f, bool groups)
{
	bool differ = false;

	for (unsigned int up = 0; up < 1u << PORTS && !differ; up++) {
		for (unsigned int i = 0; i < PORTS; i++)
			ports[i].up = groups || up >> i & 1;
		differ = fates_differ(p, f, groups);
		if (groups)
			break;
	}
	return differ;
}

/* ---- policies at random --------------------------------------------------------------- */

static void put_static(struct text *t)
{
	unsigned int len = 28 + below(5), first = below(PORTS), hops = below(4);

	text_printf(t, "route 10.0.0.%u/%u ", below(16) & ~0u << (32 - len), len);
	if (!hops)
		text_printf(t, "drop");
	for (unsigned int i = 0; i < hops && i < 2; i++) {
		text_printf(t, i ? " else " : "via ");
		if (below(2))
			text_printf(t, "10.9.9.%u on ", below(3));
		text_printf(t, "%s", names[(first + i) % PORTS]);
	}
	text_printf(t, ";\n");
}

static void put_group(struct text *t)
{
	static const char *const rewrites[] = { "", "", " vlan 7", " ttl 9", " vlan 7 ttl 9" };
	unsigned int len = 29 + below(4), some = 1 + below(7);
	const char *comma = "";

	if (below(2))
		text_printf(t, "(*, ");
	else
		text_printf(t, "(192.0.2.%u, ", 1 + below(3));
	text_printf(t, "239.1.1.%u/%u) from %s to ", below(8) & ~0u << (32 - len), len, names[below(2)]);
	for (unsigned int i = 0; i < 3; i++) {
		if (!(some >> i & 1))
			continue;
		text_printf(t, "%s%s%s", comma, i ? names[1 + i] : "host", i ? rewrites[below(5)] : "");
		comma = ", ";
	}
	text_printf(t, ";\n");
}

/* Some lines, or, of @like, most of them. */
static struct vec lines_at_random(void (*put)(struct text *), const struct vec *like)
{
	struct vec lines = VEC(char *);

	for (size_t i = 0; like && i < like->len; i++)
		if (below(6)) {
			char *copy = xstrdup(*(char **)vec_at(like, i));

			vec_append(&lines, &copy);
		}
	for (unsigned int n = like ? below(3) : 1 + below(6); n; n--) {
		struct text t = { 0 };

		put(&t);
		vec_append(&lines, &t.data);
	}
	return lines;
}

static void free_lines(struct vec *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		free(*(char **)vec_at(lines, i));
	vec_free(lines);
}

/* NULL: two lines of one prefix, or of one group. */
static struct policy *parse(const struct vec *lines, bool groups)
{
	struct text t = { 0 };
	struct diags diags;
	struct policy *p;

	for (unsigned int i = 0; i < PORTS; i++)
		text_printf(&t, "port %s = \"eth%u\"; ", names[i], i);
	text_printf(&t, "route main;\n%s", groups ? "multicast {\n" : "");
	for (size_t i = 0; i < lines->len; i++)
		text_printf(&t, "%s", *(char **)vec_at(lines, i));
	text_printf(&t, groups ? "}\n" : "");
	diags_init(&diags);
	p = policy_parse_text("test", t.data, t.len, &diags);
	if (diags.errors) {
		policy_free(p);
		p = NULL;
	}
	diags_free(&diags);
	text_free(&t);
	return p;
}

/* ---- every packet ------------------------------------------------------------------------ */

static struct frame_fields packet(unsigned int in, struct addr src, struct addr dst)
{
	struct frame_fields f = { 0 };
	struct text why = { 0 };

	frame_set(&f, FIELD_IN, in);
	frame_set_address(&f, FIELD_IP_SRC, &src);
	frame_set_address(&f, FIELD_IP_DST, &dst);
	frame_set(&f, FIELD_IP_PROTO, 17);
	assert_int_equal(frame_settle(&f, &why, NULL), 0);
	return f;
}

static bool any_differs(const struct policy *const p[2], bool groups)
{
	for (unsigned int in = 0; in < PORTS; in++)
		for (unsigned int dst = 0; dst < 16; dst++)
			for (unsigned int src = 0; src < (groups ? 4 : 1); src++) {
				struct frame_fields f = packet(in, addr_v4(0xc0000201 + src),
							       addr_v4((groups ? 0xef010100 : 0x0a000000) + dst));

				if (ever_differ(p, &f, groups))
					return true;
			}
	return false;
}

/* What is shown of a change shows it. */
static void check_shown(const struct policy *const p[2], const struct beside_change *c, bool groups)
{
	struct source source = { .name = "packet", .text = c->packet, .len = strlen(c->packet) };
	struct frame_fields f;
	struct diags diags;
	bool differ = false;

	diags_init(&diags);
	assert_int_equal(frame_parse(p[c->of], &source, &f, &diags), 0);
	diags_free(&diags);
	/* A route is for whatever port: which of two ways is taken may hang on it. */
	for (unsigned int in = 0; in < PORTS && !differ; in++) {
		if (!groups)
			f.value[FIELD_IN] = in;
		differ = ever_differ(p, &f, groups);
	}
	if (!differ)
		fail_msg("%s %s: %s: not shown by %s", c->kind, c->name, c->sentence, c->packet);
}

static void compare(bool groups)
{
	size_t same = 0, differ = 0, changes = 0;

	for (unsigned int round = 0; differ < 200 || same < 20; round++) {
		struct vec lines[2], out = VEC(struct beside_change);
		const struct policy *p[2];

		assert_true(round < 20000);
		lines[0] = lines_at_random(groups ? put_group : put_static, NULL);
		lines[1] = lines_at_random(groups ? put_group : put_static, &lines[0]);
		for (unsigned int i = 0; i < 2; i++)
			p[i] = parse(&lines[i], groups);
		if (p[0] && p[1]) {
			bool any = any_differs(p, groups);

			beside_compare(p[0], p[1], &out);
			if (any != (out.len != 0)) {
				for (unsigned int i = 0; i < 2; i++)
					for (size_t k = 0; k < lines[i].len; k++)
						fprintf(stderr, "%c %s", "-+"[i], *(char **)vec_at(&lines[i], k));
				fail_msg("eval %s a difference, and there %s", any ? "sees" : "does not see",
					 out.len ? "is one" : "is none");
			}
			for (size_t i = 0; i < out.len; i++)
				check_shown(p, vec_at(&out, i), groups);
			*(any ? &differ : &same) += 1;
			changes += out.len;
		}
		for (unsigned int i = 0; i < 2; i++) {
			if (p[i])
				policy_free((struct policy *)p[i]);
			free_lines(&lines[i]);
		}
		beside_free(&out);
	}
	printf("# %s: %zu pairs of policies differ, by %zu changes; %zu do not\n", groups ? "groups" : "routes", differ,
	       changes, same);
}

static void test_statics(void **state)
{
	(void)state;
	compare(false);
}

static void test_groups(void **state)
{
	(void)state;
	compare(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statics),
		cmocka_unit_test(test_groups),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
	printf("# SEED=%llu repeats this\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
