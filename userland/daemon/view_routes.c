// SPDX-License-Identifier: GPL-2.0
/*
 * Routes can be a million: they are written as text directly, not by way of jansson, and those that
 * are passed over are passed over a few at a time.
 */
#include <linux/neighbour.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/json.h"
#include "daemon/answer.h"
#include "policy/eval.h"

#define STEPS 256	/* routes that are passed over at once at most */

/* What the kernel knows of a neighbour, as ip neigh says it; NULL: nothing. */
static const char *state_name(uint16_t state)
{
	switch (state) {
	case NUD_INCOMPLETE:	return "incomplete";
	case NUD_REACHABLE:	return "reachable";
	case NUD_STALE:		return "stale";
	case NUD_DELAY:		return "delay";
	case NUD_PROBE:		return "probe";
	case NUD_FAILED:	return "failed";
	case NUD_NOARP:		return "noarp";
	case NUD_PERMANENT:	return "permanent";
	default:		return NULL;
	}
}

/*
 * @on_link: the route is a neighbour itself, so that "via" would say nothing new. @backup: it is not
 * taken now.
 */
static void append_nexthop(struct view_answer *a, const struct fib_nexthop *n, bool on_link,
			   bool backup, struct text *out)
{
	char buf[ADDR_STRLEN];

	text_printf(out, "{\"reason\":\"%s\"", eval_reason_name(n->reason));
	if (n->via.family && !on_link)
		text_printf(out, ",\"via\":\"%s\"", addr_format(&n->via, buf));
	if (n->ifindex) {
		text_printf(out, ",\"interface\":");
		json_append_text(out, answer_interface(a, n->ifindex));
	}
	if (n->port) {
		text_printf(out, ",\"port\":");
		json_append_text(out, view_port_name(a->view, n->port));
	}
	if (n->reason == REASON_forwarded)
		text_printf(out, ",\"mac\":\"%s\",\"mtu\":%u", mac_format(n->dst_mac, buf), n->mtu);
	if (n->vlan)
		text_printf(out, ",\"vlan\":%u", n->vlan & 0xfffu);
	if (state_name(n->state))
		text_printf(out, ",\"neighbour\":\"%s\"", state_name(n->state));
	text_printf(out, ",\"weight\":%u", n->weight);
	if (backup)
		text_printf(out, ",\"backup\":true}");
	else
		text_printf(out, ",\"buckets\":%u}", n->buckets);
}

/* The fields of a route, without the braces. */
static void append_route(struct view_answer *a, const struct fib_route *r, struct text *out)
{
	char prefix[PREFIX_STRLEN];

	text_printf(out, "\"prefix\":\"%s\",\"kind\":\"%s\",\"table\":%u,\"metric\":%u,\"protocol\":%u",
		    prefix_format(&r->prefix, prefix), eval_reason_name(r->reason), r->table,
		    r->metric, r->protocol);
	text_printf(out, ",\"origin\":\"%s\"", r->fixed ? "store" : "kernel");
	text_printf(out, ",\"best\":%s,\"host\":%s,\"published\":%s,\"standby\":%s,\"group\":%u",
		    r->best ? "true" : "false", r->host ? "true" : "false",
		    r->published ? "true" : "false", r->stands_in ? "true" : "false", r->group);
	text_printf(out, ",\"nexthops\":[");
	for (unsigned int i = 0; i < r->nexthops + r->backups; i++) {
		if (i)
			text_append(out, ",", 1);
		append_nexthop(a, &r->nexthop[i], r->host, i >= r->nexthops, out);
	}
	text_append(out, "]", 1);
}

/* From the start, or since an apply in the middle of an answer. */
static int refuse_unrouted(struct view_answer *a)
{
	text_printf(&a->hint, "\"route main;\" in the policy mirrors the kernel's");
	return answer_refuse(a, "sluice has no routes: the running policy does not route");
}

int next_route(struct view_answer *a, struct text *out)
{
	json_int_t family = json_integer_value(json_object_get(a->request, "family"));
	struct fib_route r;

	for (int i = 0; i < STEPS; i++) {
		if (!a->view->fib)
			return refuse_unrouted(a);
		if (!fib_route_next(a->view->fib, family, &a->routes, &r))
			return 0;
		if (a->within.addr.family && !prefix_contains(&a->within, &r.prefix))
			return 0;	/* they come in order: the rest lies behind */
		if (!answer_asked_for(a, "all") && (!r.best || r.host))
			continue;
		text_printf(out, "{\"object\":\"route\",");
		append_route(a, &r, out);
		text_append(out, "}\n", 2);
		return 1;
	}
	return 1;
}

static void append_answer(struct view_answer *a, const char *address,
			  const struct fib_answer *answer, struct text *out)
{
	text_printf(out, "{\"object\":\"route\",\"address\":\"%s\",", address);
	if (answer->found)
		append_route(a, &answer->route, out);
	else
		text_printf(out, "\"kind\":\"no_route\",\"nexthops\":[]");
	text_printf(out, ",\"table_group\":%u,\"table_kind\":\"%s\",\"agrees\":%s}\n", answer->group,
		    eval_reason_name(answer->reason), answer->agrees ? "true" : "false");
}

int next_route_get(struct view_answer *a, struct text *out)
{
	const json_t *list = json_object_get(a->request, "address");
	const char *text = json_string_value(json_array_get(list, a->at));
	char canonical[ADDR_STRLEN];
	struct fib_answer answer;
	struct addr addr;

	if (a->at >= json_array_size(list))
		return 0;
	if (!a->view->fib)
		return refuse_unrouted(a);
	a->at++;
	if (!text || addr_parse(text, &addr))
		return answer_refuse(a, "\"%s\" is not an address", text ? text : "");
	if (a->routes.table >= fib_tables(a->view->fib))	/* an apply in the middle of an answer */
		return refuse_unrouted(a);
	fib_lookup_in(a->view->fib, a->routes.table, &addr, &answer);
	append_answer(a, addr_format(&addr, canonical), &answer, out);
	return 1;
}

/* The table that is asked for, by number or VRF; main without either. Return: false if it was refused. */
static bool choose_table(struct view_answer *a)
{
	const json_t *number = json_object_get(a->request, "table");
	const char *vrf = answer_asked(a, "vrf");
	int table = 0;

	json_int_t kernel = json_integer_value(number);

	if (number || vrf)
		table = kernel == (uint32_t)kernel ? fib_table_find(a->view->fib, kernel, vrf) : -ENOENT;
	if (table >= 0) {
		a->routes.table = table;
		return true;
	}
	text_printf(&a->hint, "\"sluice policy show\" shows the tables that it routes by");
	if (vrf)
		answer_refuse(a, "the running policy does not route by the table of a VRF %s", vrf);
	else
		answer_refuse(a, "the running policy does not route by table %lld",
			      (long long)kernel);
	return false;
}

void open_route_get(struct view_answer *a)
{
	if (a->view->fib)
		choose_table(a);
}

void open_route(struct view_answer *a)
{
	const char *prefix = answer_asked(a, "prefix");

	if (!a->view->fib || !a->view->image || !a->view->image->config.route) {
		refuse_unrouted(a);
	} else if (prefix && prefix_parse(prefix, &a->within)) {
		answer_refuse(a, "\"%s\" is not a prefix", prefix);
	} else if (!choose_table(a)) {
		return;
	} else if (prefix) {
		a->routes.prefix = a->within;	/* the walk begins there */
		json_object_set_new(a->request, "family",
				    json_integer(a->within.addr.family));
	}
}
