/* SPDX-License-Identifier: GPL-2.0 */
/*
 * random_world.h: policies, frames, and the ports, routes, sets and sockets around them, at random, for tests of
 * userland/analyse that are judged by policy/eval. Chance is @seed's.
 */
#ifndef SLUICE_SELFTESTS_RANDOM_WORLD_H
#define SLUICE_SELFTESTS_RANDOM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyse/behaviour.h"
#include "base/diag.h"
#include "base/table.h"
#include "base/text.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "policy/tree.h"
#include "selftests/unit/predicates.h"

/* ---- the world ---------------------------------------------------------------------- */

static const struct eval_port ports[] = {
	{ 7, "eth0", { 2, 0, 0, 0, 0, 1 }, true, 65535 },
	{ 3, "eth1", { 2, 0, 0, 0, 0, 2 }, true, 65535 },
	{ 5, "eth2", { 2, 0, 0, 0, 0, 3 }, true, 65535 },
};
#define PORTS (sizeof(ports) / sizeof(ports[0]))

/* Any port may be the next hop of any address: nothing keeps a packet in but the filter. */
static const struct eval_nexthop nexthops[] = {
	{ REASON_forwarded, 7, 65535, { 2, 1 }, { 2, 2 }, 0 },
	{ REASON_forwarded, 3, 65535, { 2, 1 }, { 2, 2 }, 0 },
	{ REASON_forwarded, 5, 65535, { 2, 1 }, { 2, 2 }, 0 },
	{ .reason = REASON_local },
};

static const struct eval_nexthops *any_route(void *context, const struct addr *dst)
{
	static const struct eval_nexthops all = { nexthops, 4, 0 };

	(void)context, (void)dst;
	return &all;
}

/* Half of all values are in each set. */
static bool in_set(void *context, const struct policy_set *set, const struct addr *address, uint64_t number)
{
	uint64_t h = hash_bytes(set->name, strlen(set->name));

	(void)context;
	h ^= address ? hash_bytes(address->bytes, 16) : number * 0x9e3779b97f4a7c15ull;
	return (h >> 20 ^ h >> 41) & 1;
}

/* A frame's socket is what the packet says: one at a time is looked at. */
static unsigned int socket_now;

static unsigned int the_socket(void *context, const struct eval_flow *flow)
{
	(void)context, (void)flow;
	return socket_now;
}

/* Whether packets are over their rates. */
static bool over;

static bool is_over(void *context, const struct policy_rule *rule, const struct policy_action *action)
{
	(void)context, (void)rule, (void)action;
	return over;
}

static const struct eval_env world = {
	.police = is_over,
	.ports = ports, .ports_len = PORTS, .route = any_route, .in_set = in_set, .socket = the_socket,
};

/* ---- policies at random --------------------------------------------------------------- */

static void put_rule(struct text *t)
{
	static const char *const actions[] = {
		"allow", "drop", "allow", "drop", "count \"a\"", "count \"b\"", "mark 7", "mark 9", "mark 7, mark 9",
		"police 10pps burst 3", "insert ip.src into s", "emit \"e\"", "count \"a\", drop",
		"count \"b\", mark 9, allow",
	};

	text_printf(t, "%s if ", actions[below(14)]);
	if (below(5) == 0)
		text_printf(t, "%s in s and ", below(2) ? "ip.src" : "ip.dst");
	put_predicate(t, below(3));
	text_printf(t, ";\n");
}

/* Lines of rules, of which another policy can have some. */
static struct vec random_rules(unsigned int n)
{
	struct vec lines = VEC(char *);

	while (n--) {
		struct text t = { 0 };

		put_rule(&t);
		vec_append(&lines, &t.data);
	}
	return lines;
}

static void put_lines(struct text *t, const struct vec *lines, bool edit)
{
	for (size_t i = 0; i < lines->len; i++) {
		if (!edit || below(8))
			text_printf(t, "    %s", *(char **)vec_at(lines, i));
		if (edit && below(10) == 0)
			put_rule(t);
		if (edit && below(8) == 0 && i)
			text_printf(t, "    %s", *(char **)vec_at(lines, i - 1));
	}
}

#define HEAD(rest) "port wan = \"eth0\"; port lan = \"eth1\";" rest "\n" \
	"let web = tcp.dst in { 80, 443 }; let us = ip.src in 192.0.2.0/25 or arp;\n" \
	"set s : ip.src size 100;\n" \
	"multicast { (192.0.2.9, 239.1.1.1) from wan to lan, host; (*, 239.1.1.0/24) from wan to lan ttl 9; }\n" \
	"route main;\n"

static struct policy *parse(const struct text *text)
{
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text->data, text->len, &diags);
	diags_print(&diags, &said, false);
	if (diags.errors)
		fail_msg("%s\n%s", text->data, text_string(&said));
	text_free(&said);
	diags_free(&diags);
	return p;
}

/* ---- frames at random ------------------------------------------------------------------- */

static struct addr some_address(bool v6)
{
	struct addr a = addr_v4((below(4) ? 0xc0000200 : below(2) ? 0xef010100 : 0x0a000000) + below(256));

	if (!v6)
		return a;
	addr_parse(below(8) ? "2001:db8::" : "ff0e::", &a);
	a.bytes[15] = below(8);
	return a;
}

static unsigned int some_port(void)
{
	static const unsigned int known[] = { 0, 22, 23, 80, 443, 53 };

	return below(2) ? known[below(6)] : below(65536);
}

/* Return: whether there is such a packet. */
static bool random_fields(struct frame_fields *f)
{
	static const unsigned int protocols[] = { 6, 6, 6, 17, 17, 1, 58, 2, 47, 0 };
	unsigned int protocol = protocols[below(10)], frag = below(6) ? 0 : below(3);
	struct text why = { 0 };
	bool v6 = below(3) == 0;
	struct addr a;
	int err;

	*f = (struct frame_fields){ 0 };
	frame_set(f, FIELD_IN, below(2));
	frame_set(f, FIELD_ETH_SRC, 0x020000000000 + below(4));
	frame_set(f, FIELD_ETH_DST, 0x020000000000 + below(4));
	if (below(3) == 0) {
		frame_set(f, FIELD_VLAN_ID, below(2) ? below(4096) : below(8));
		frame_set(f, FIELD_VLAN_PCP, below(8));
	}
	if (below(8) == 0) {
		frame_set(f, FIELD_ETH_TYPE, below(2) ? 0x0806 : below(65536));
		goto settle;
	}
	a = some_address(v6);
	frame_set_address(f, FIELD_IP_SRC, &a);
	a = some_address(v6);
	frame_set_address(f, FIELD_IP_DST, &a);
	frame_set(f, FIELD_IP_PROTO, below(6) ? protocol : below(256));
	frame_set(f, FIELD_IP_FRAG, frag);
	frame_set(f, FIELD_IP_TTL, below(2) ? 64 : below(256));
	frame_set(f, FIELD_IP_DSCP, below(64));
	frame_set(f, FIELD_IP_ECN, below(4));
	protocol = f->value[FIELD_IP_PROTO];
	if (frag == 2)
		goto settle;
	if (protocol == 6 || protocol == 17) {
		frame_set(f, FIELD_L4_SRC, some_port());
		frame_set(f, FIELD_L4_DST, some_port());
		if (!frag)
			frame_set(f, FIELD_SOCKET, below(3));
	}
	if (protocol == 6)
		frame_set(f, FIELD_TCP_FLAGS, below(256));
	if (protocol == (v6 ? 58 : 1)) {
		frame_set(f, FIELD_ICMP_TYPE, below(256));
		frame_set(f, FIELD_ICMP_CODE, below(4));
	}
settle:
	if (below(4) == 0)
		frame_set(f, FIELD_PKT_LEN, below(2) ? 14 + below(80) : below(3000));
	err = frame_settle(f, &why, NULL);
	text_free(&why);
	return !err;
}

/* ---- frames, as the lists see them ------------------------------------------------------- */

static uint8_t frame[FRAME_MAX];

/* The packet as the lists see it: by what stands in the frame, read back. */
static struct rule_packet packet_of(const struct behaviours *b, const struct frame_fields *f, size_t len)
{
	struct frame_fields read;
	struct rule_packet p;
	uint16_t sets = 0;

	frame_read(frame, len, &read);
	frame_set(&read, FIELD_IN, f->value[FIELD_IN]);
	if (frame_has(f, FIELD_SOCKET))
		frame_set(&read, FIELD_SOCKET, f->value[FIELD_SOCKET]);
	for (size_t i = 0; i < b->sets.len; i++) {
		const struct behaviour_set *s = vec_at(&b->sets, i);
		const struct policy_set like = { .name = (char *)s->name };
		const struct addr *a = s->field == FIELD_IP_SRC ? &read.src : &read.dst;

		if (frame_has(&read, s->field) && in_set(NULL, &like, a, 0))
			sets |= 1u << i;
	}
	lower_packet(&b->names, &read, sets, &p);
	return p;
}

static unsigned int number_of_port(const struct policy *p, const struct frame_fields *f)
{
	const struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, f->value[FIELD_IN]);

	for (size_t i = 0; i < PORTS; i++)
		if (!strcmp(ports[i].interface, port->interface))
			return ports[i].number;
	return 0;
}

static void say(const struct behaviours *b, const struct rule_packet *p)
{
	struct text t = { 0 };

	behaviours_packet(b, 0, p, &t);
	fprintf(stderr, "packet %s\n", text_string(&t));
	text_free(&t);
}

#endif
