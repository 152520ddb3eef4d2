/* SPDX-License-Identifier: GPL-2.0 */
/*
 * verified.h: policies of many kinds and their images, for the tests of userland/verify.
 */
#ifndef SLUICE_SELFTESTS_VERIFIED_H
#define SLUICE_SELFTESTS_VERIFIED_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "compile/compile.h"
#include "policy/parse.h"

static uint64_t state;

/* splitmix64 */
static inline uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline uint32_t pick(uint32_t n)
{
	return random64() % n;
}

/* A policy and its image. */
struct subject {
	struct policy *policy;
	struct image *image;
	struct diags diags;
};

static inline void subject_free(struct subject *s)
{
	image_free(s->image);
	policy_free(s->policy);
	diags_free(&s->diags);
}

/* @budget: 0: the usual one. */
static inline void subject_make(struct subject *s, const char *text, size_t budget)
{
	struct numbering numbering;
	struct text said = { 0 };

	*s = (struct subject){ 0 };
	diags_init(&s->diags);
	s->policy = policy_parse_text("t.sluice", text, strlen(text), &s->diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	if (!s->diags.errors)
		compile_policy(s->policy, &numbering, &(struct compile_options){ .budget = budget },
			       &s->image, &s->diags);
	numbering_free(&numbering);
	if (!s->image) {
		diags_print(&s->diags, &said, false);
		fail_msg("%s", text_string(&said));
	}
}

#define PORTS "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n"

static const char *const policies[] = {
	PORTS "filter wan { drop; }",
	PORTS "filter wan { allow if tcp.dst == 22; drop; }",
	PORTS "filter wan { allow if ip.src == 10.0.0.0/8 and tcp.dst in { 22, 80, 443, 1024-65535 };\n"
	"	drop if ip.dst == 192.0.2.0/24; allow if udp; drop; }\n"
	"filter fa, fb { drop if vlan.id == 7; allow if icmp; drop if ip6; }",
	PORTS "let mgmt = { 10.9.0.0/16, 10.8.1.0/24, 2001:db8:5::/48 };\n"
	"let ports = { 25, 80, 110-143, 8080 };\n"
	"filter wan {\n"
	"	drop if tcp.flags & (syn|fin) == syn|fin;\n"
	"	allow if ip.src in mgmt and tcp.dst in ports;\n"
	"	drop if ip.src == 10.0.0.0/8 and not (udp.dst == 53 or ip.ttl < 5);\n"
	"	allow if ip.dst in mgmt and ip.src != 10.9.3.0/24;\n"
	"	allow if ip.src == 10.9.3.4 and ip.dst == 10.8.1.128/25 and udp.src > 1023;\n"
	"	drop if ip.dst == 2001:db8:5:7::/64 and icmp.type == 128;\n"
	"	allow if pkt.len > 500 and ip.dscp == 46;\n"
	"	drop if ip.frag != none;\n"
	"	drop if eth.src == 02:00:00:00:00:77;\n"
	"	allow if eth.type == 0x0806;\n"
	"	drop; }\n",
	PORTS "set bad : ip.src size 64; set asked : l4.dst size 64;\n"
	"filter wan {\n"
	"	count \"all\";\n"
	"	count \"telnet\", mark 7 if tcp.dst == 23;\n"
	"	police 100pps burst 20 per ip.src if icmp;\n"
	"	drop if ip.src in bad;\n"
	"	insert ip.src into bad if tcp.dst in { 23, 2323, 5900-5910 };\n"
	"	emit \"web\" if tcp.dst == 80 and ip.src == 192.0.2.0/24;\n"
	"	allow if l4.dst in asked;\n"
	"	allow if socket == established;\n"
	"	drop if ip.dst in bad and socket != none;\n"
	"	count \"rest\", drop if ip.dst == 198.51.100.0/24;\n"
	"	mark 3 if ip.dst == 198.51.0.0/16;\n"
	"}\n",
};

#define WRITTEN (sizeof(policies) / sizeof(policies[0]))
enum { LIST_FEW = WRITTEN, LIST_SOME, LIST_PLANES, LIST_CHAINS, LIST_MANY, POLICIES };	/* that are drawn, besides */

/* One of the prefixes that rules share, some of them below others: @many or few. */
static inline void draw_prefix(bool many, struct text *out)
{
	static const char *const six[] = {
		"2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2::5/128",
	};

	if (!pick(6))
		text_printf(out, "%s", six[pick(4)]);
	else if (!pick(4))
		text_printf(out, "10.%u.0.0/16", pick(3));
	else if (!many)
		text_printf(out, "10.%u.%u.%u/28", pick(3), pick(4), 16 * pick(16));
	else
		text_printf(out, "%u.%u.%u.%u/%u", 10 + pick(4), pick(3), pick(40), 16 * pick(16),
			    28 + 4 * pick(2));
}

static inline void draw_test(const char *field, struct text *out)
{
	uint32_t first = pick(40) * 25;

	if (pick(2))
		text_printf(out, " and %s == %u", field, first);
	else
		text_printf(out, " and %s in { %u-%u }", field, first, first + pick(3000));
}

/* A list as firewalls have them: many narrow pairs, some wide ones, and services. */
static inline void draw_list(unsigned int rules, bool many, struct text *out)
{
	text_printf(out, PORTS "filter wan {\n");
	for (unsigned int i = 0; i < rules; i++) {
		/* What is about any address is about a service, or nothing behind it would be met. */
		unsigned int sides = pick(10) ? 2 : pick(2);

		text_printf(out, "	%s if %s", pick(2) ? "drop" : "allow", pick(8) ? "ip.proto < 200" : "tcp");
		if (sides != 0) {
			text_printf(out, " and ip.src == ");
			draw_prefix(many, out);
		}
		if (sides > 1) {
			text_printf(out, " and ip.dst == ");
			draw_prefix(many, out);
		}
		if (sides < 2 || pick(3))
			draw_test(pick(2) ? "tcp.dst" : "udp.dst", out);
		text_printf(out, ";\n");
	}
	text_printf(out, "	drop; }\n");
}

#define PLANES_SIDE 132		/* prefixes a side: more, and one plane for all would be too large */

/* So many rules between some prefix and any, and so few between two, that each plane takes its own form. */
static inline void draw_planes(struct text *out)
{
	text_printf(out, PORTS "filter wan {\n");
	for (unsigned int i = 0; i < 4 * PLANES_SIDE; i++) {
		const char *action = pick(2) ? "drop" : "allow";
		unsigned int service = 80 + pick(4), source = pick(PLANES_SIDE), destination = pick(PLANES_SIDE);

		if (i < PLANES_SIDE)
			text_printf(out, "	%s if ip.src == 10.0.%u.0/24 and tcp.dst == %u;\n", action, i, service);
		else if (i < 2 * PLANES_SIDE)
			text_printf(out, "	%s if ip.dst == 10.1.%u.0/24 and udp.dst == %u;\n", action,
				    i - PLANES_SIDE, service);
		else
			text_printf(out, "	%s if ip.src == 10.0.%u.0/24 and ip.dst == 10.1.%u.0/24 and "
				    "tcp.dst == %u;\n", action, source, destination, service + 4);
	}
	text_printf(out, "	allow if icmp; drop; }\n");
}

#define CHAINS_BUDGET	200000u		/* bytes: too few for two bands */
#define CHAINS_RULES	1200

/* One of the prefixes over some few addresses. */
static inline void draw_nested(unsigned int first, struct text *out)
{
	static const uint32_t hosts[] = {
		0x00000000, 0x00abcdef, 0x0055aa55, 0x00876543, 0x00f00dbe, 0x00123456, 0x00c0ffee, 0x00fedcba,
	};
	unsigned int len = 8 + pick(25);
	uint32_t a = (first << 24 | hosts[pick(8)]) & ~0u << (32 - len);

	text_printf(out, "%u.%u.%u.%u/%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, len);
}

/* Prefixes below prefixes below prefixes, and rules between nearly all of them. */
static inline void draw_chains(struct text *out)
{
	text_printf(out, PORTS "filter wan {\n");
	for (unsigned int i = 0; i < CHAINS_RULES; i++) {
		text_printf(out, "	%s if ip.src == ", pick(2) ? "drop" : "allow");
		draw_nested(10, out);
		text_printf(out, " and ip.dst == ");
		draw_nested(11, out);
		text_printf(out, " and ip.ttl < %u;\n", 60 + pick(8));
	}
	text_printf(out, "	drop; }\n");
}

/* Policy number @i. */
static inline void subject_number(struct subject *s, size_t i)
{
	struct text text = { 0 };

	if (i < WRITTEN) {
		subject_make(s, policies[i], 0);
		return;
	}
	if (i == LIST_PLANES || i == LIST_CHAINS) {
		uint64_t keep = state;

		/* Which form the tables take hangs on little: always the same ones. */
		state = 1;
		if (i == LIST_PLANES)
			draw_planes(&text);
		else
			draw_chains(&text);
		state = keep;
	} else {
		draw_list(i == LIST_FEW ? 40 : i == LIST_SOME ? 150 : 1500, i != LIST_FEW, &text);
	}
	subject_make(s, text.data, i == LIST_CHAINS ? CHAINS_BUDGET : 0);
	text_free(&text);
}

static inline int setup(void **ctx)
{
	const char *seed = getenv("SEED");

	(void)ctx;
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)state);
	return 0;
}

#endif
