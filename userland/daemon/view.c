// SPDX-License-Identifier: GPL-2.0
/*
 * Each kind of object has a function that makes the next one; an answer keeps where it stands
 * as indices, which are checked against what is there each time. Routes can be a
 * million: they are written as text directly, everything else by way of jansson.
 */
#include "daemon/view.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/table.h"
#include "base/text.h"
#include "compile/fib.h"
#include "datapath/datapath.h"
#include "flow/flow.h"
#include "image/image.h"
#include "lpm/lpm.h"
#include "policy/eval.h"
#include "policy/tree.h"

#define STEPS 256	/* objects that are passed over at once at most */

struct view_answer {
	const struct view *view;
	json_t *request;
	int (*next)(struct view_answer *a, struct text *out);
	size_t at, inner;		/* indices: of the list, of what one element of it has */
	size_t shown;
	struct fib_cursor routes;
	struct prefix within;		/* routes: only those in it; family ADDR_NONE: all */
	struct vec flows;		/* of struct flow_record: those that were asked for */
	struct image_measure measure;	/* name and key of them */
	double interval_s;
	struct table interfaces;	/* uint32_t ifindex -> char [IF_NAMESIZE] */
	struct text error, hint;
};

/* ---- small things ----------------------------------------------------------- */

static int put(struct text *out, json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT);

	text_append(out, line, strlen(line));
	text_append(out, "\n", 1);
	free(line);
	json_decref(object);
	return 1;
}

static int refuse(struct view_answer *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct view_answer *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(&a->error, format, args);
	va_end(args);
	return -1;
}

/* A string of the request, NULL if it is not there. */
static const char *asked(const struct view_answer *a, const char *name)
{
	return json_string_value(json_object_get(a->request, name));
}

static bool asked_for(const struct view_answer *a, const char *name)
{
	return json_is_true(json_object_get(a->request, name));
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *count_json(const struct count *count)
{
	return json_pack("{so so}", "packets", number(count->packets), "bytes",
			 number(count->bytes));
}

static void set_count(json_t *o, const struct count *count)
{
	json_object_set_new(o, "packets", number(count->packets));
	json_object_set_new(o, "bytes", number(count->bytes));
}

static json_t *bytes_address(uint8_t family, const uint8_t *bytes)
{
	struct addr a = addr_from_bytes(family, bytes);
	char text[ADDR_STRLEN];

	return json_string(addr_format(&a, text));
}

static const struct port *port_facts(const struct view *v, uint16_t number)
{
	static const struct port none;

	if (!v->datapath || number >= PORTS_MAX)
		return &none;
	return &datapath_ports(v->datapath)->port[number];
}

static bool port_is_up(const struct view *v, uint16_t number)
{
	const struct port *p = port_facts(v, number);

	return p->ifindex && p->flags & PORT_UP;
}

static const char *port_mode(const struct view *v, uint16_t number)
{
	return v->datapath ? datapath_port_mode(v->datapath, number) : "none";
}

static const char *port_name(const struct view *v, uint16_t number)
{
	const struct image_port *p = v->image ? image_port(v->image, number) : NULL;

	return p ? p->name : "";
}

/* Counts that cannot be read are left out: what is not known is not zero. */
static bool read_counter(const struct view *v, uint32_t counter, struct count *count)
{
	return v->datapath && !datapath_counter(v->datapath, counter, count);
}

/* ---- status ------------------------------------------------------------------ */

static json_t *status_ports(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; v->image && i < v->image->ports.len; i++) {
		const struct image_port *p = vec_at(&v->image->ports, i);

		json_array_append_new(list, json_pack("{so so ss sb}", "name", json_text(p->name),
						      "interface", json_text(p->interface), "mode",
						      port_mode(v, p->number), "up",
						      port_is_up(v, p->number)));
	}
	return list;
}

static json_t *status_routes(const struct view *v)
{
	bool wanted = v->image && v->image->config.route;
	struct lpm_stats ip4 = { 0 }, ip6 = { 0 };
	struct fib_stats fib = { 0 };
	json_t *o;

	if (!wanted)
		return json_pack("{sb}", "wanted", false);
	if (v->fib)
		fib_stats(v->fib, &fib);
	if (v->lpm4)
		lpm_stats(v->lpm4, &ip4);
	if (v->lpm6)
		lpm_stats(v->lpm6, &ip6);
	o = json_pack("{sb sb so so}", "wanted", true, "ready", v->fib_ready, "ip4",
		      number(fib.published[0]), "ip6", number(fib.published[1]));
	json_object_set_new(o, "ip4_max", number(v->image->limit4));
	json_object_set_new(o, "ip6_max", number(v->image->limit6));
	json_object_set_new(o, "not_taken", number(fib.left_out[0] + fib.left_out[1]));
	json_object_set_new(o, "table_bytes", number(ip4.bytes_used + ip6.bytes_used));
	json_object_set_new(o, "nexthop_groups", number(fib.groups));
	return o;
}

static json_t *status_groups(const struct view *v)
{
	size_t legs = v->image->legs.len, count = v->image->group_prefixes.len;

	for (size_t i = 0; i < v->image->groups.len; i++) {
		const struct image_group *g = vec_at(&v->image->groups, i);

		if (g->key.port == PORT_ANY)
			continue;
		count++;
		legs += !!(g->value.flags & GROUP_HOST);
	}
	for (size_t i = 0; i < v->image->group_prefixes.len; i++) {
		const struct image_group_prefix *g = vec_at(&v->image->group_prefixes, i);

		legs += !!(g->value.flags & GROUP_HOST);
	}
	return json_pack("{so so}", "count", number(count), "legs", number(legs));
}

static void add_note(json_t *notes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_note(json_t *notes, const char *format, ...)
{
	struct text note = { 0 };
	va_list args;

	va_start(args, format);
	text_vprintf(&note, format, args);
	va_end(args);
	json_array_append_new(notes, json_text(text_string(&note)));
	text_free(&note);
}

/* A port that is missing, or could not be attached, the daemon notes itself. */
static void port_notes(const struct view *v, json_t *notes)
{
	for (size_t i = 0; v->image && i < v->image->ports.len; i++) {
		const struct image_port *p = vec_at(&v->image->ports, i);
		const char *asked = p->generic ? "generic" : "native", *mode = port_mode(v, p->number);

		if (strcmp(mode, "none") && strcmp(mode, asked))
			add_note(notes, "port %s: attached in %s mode, the policy asks for %s", p->name,
				 mode, asked);
	}
}

static void fib_lines(const struct view *v, json_t *notes)
{
	struct text lines = { 0 };
	char *line, *rest;

	if (!v->fib || !v->image || !v->image->config.route)
		return;
	fib_notes(v->fib, &lines);
	if (!lines.len)
		return;
	for (line = strtok_r(lines.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		add_note(notes, "%s", line);
	text_free(&lines);
}

static json_t *status_notes(const struct view *v)
{
	json_t *notes = json_array();

	port_notes(v, notes);
	if (v->image && v->image->config.route && !v->fib_ready)
		add_note(notes, "the kernel's routes are still being read");
	fib_lines(v, notes);
	for (size_t i = 0; i < v->notes.len; i++)
		add_note(notes, "%s", *(char **)vec_at(&v->notes, i));
	return notes;
}

static int next_status(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	json_t *o;

	if (a->at++)
		return 0;
	o = json_pack("{ss ss ss si}", "object", "status", "version", SLUICE_VERSION, "build",
		      v->datapath ? datapath_names(v->datapath)->build : "", "pid", (int)getpid());
	if (v->netns)
		json_object_set_new(o, "netns", json_text(v->netns));
	json_object_set_new(o, "started", json_integer(v->started));
	json_object_set_new(o, "generation", number(v->generation));
	if (v->generation)
		json_object_set_new(o, "since", json_integer(v->since));
	json_object_set_new(o, "store", json_text(v->store ? v->store : ""));
	if (v->store_why)
		json_object_set_new(o, "store_why", json_text(v->store_why));
	json_object_set_new(o, "documents", number(v->policy ? v->policy->sources.len : 0));
	json_object_set_new(o, "ports", status_ports(v));
	json_object_set_new(o, "routes", status_routes(v));
	if (v->image)
		json_object_set_new(o, "groups", status_groups(v));
	json_object_set_new(o, "measures", v->image && *v->image->measure.name ?
			    json_pack("[o]", json_text(v->image->measure.name)) : json_array());
	json_object_set_new(o, "notes", status_notes(v));
	return put(out, o);
}

/* ---- ports ------------------------------------------------------------------- */

static bool is_named(const struct image_port *p, const char *name)
{
	return !name || !strcmp(name, p->name) || !strcmp(name, p->interface);
}

static json_t *reasons_json(const struct port_stats *stats)
{
	json_t *o = json_object();

	for (int r = 0; r < REASON_MAX; r++)
		if (stats->reason[r])
			json_object_set_new(o, eval_reason_name(r), number(stats->reason[r]));
	return o;
}

static json_t *port_json(const struct view *v, const struct image_port *p)
{
	const struct port *facts = port_facts(v, p->number);
	struct port_stats stats;
	char mac[MAC_STRLEN];
	json_t *o = json_pack("{ss so so si ss sb}", "object", "port", "name", json_text(p->name),
			      "interface", json_text(p->interface), "number", p->number, "mode",
			      port_mode(v, p->number), "up", port_is_up(v, p->number));

	if (facts->ifindex) {
		json_object_set_new(o, "ifindex", number(facts->ifindex));
		json_object_set_new(o, "mtu", number(facts->mtu));
		json_object_set_new(o, "mac", json_string(mac_format(facts->mac, mac)));
	}
	if (v->datapath && !datapath_port_stats(v->datapath, p->number, &stats)) {
		json_object_set_new(o, "rx", count_json(&stats.rx));
		json_object_set_new(o, "tx", count_json(&stats.tx));
		if (datapath_counts_failures(v->datapath))
			json_object_set_new(o, "tx_failed", number(stats.tx_failed));
		json_object_set_new(o, "reasons", reasons_json(&stats));
	}
	return o;
}

/* At the end of a list of ports: if one was asked for, it must have been there. */
static int end_of_ports(struct view_answer *a, const char *name)
{
	const struct view *v = a->view;

	if (!name || a->shown)
		return 0;
	for (size_t i = 0; v->image && i < v->image->ports.len; i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "ports: ",
			    ((struct image_port *)vec_at(&v->image->ports, i))->name);
	return refuse(a, "there is no port \"%s\"", name);
}

static int next_port(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const char *name = asked(a, "name");

	while (v->image && a->at < v->image->ports.len) {
		const struct image_port *p = vec_at(&v->image->ports, a->at++);

		if (!is_named(p, name))
			continue;
		a->shown++;
		return put(out, port_json(v, p));
	}
	return end_of_ports(a, name);
}

/* ---- groups ------------------------------------------------------------------ */

static json_t *leg_json(const struct view *v, const struct leg *leg)
{
	struct count sent, expired;
	json_t *o = json_pack("{so so sb}", "to", json_text(port_name(v, leg->port)), "interface",
			      json_text(port_facts(v, leg->port)->interface), "up",
			      port_is_up(v, leg->port));

	if (leg->flags & LEG_VLAN)
		json_object_set_new(o, "vlan", json_integer(leg->vlan & 0xfff));
	if (leg->flags & LEG_TTL)
		json_object_set_new(o, "ttl", json_integer(leg->ttl));
	if (read_counter(v, leg->counter, &sent))
		set_count(o, &sent);
	if (read_counter(v, leg->counter_ttl, &expired))
		json_object_set_new(o, "ttl_expired", number(expired.packets));
	return o;
}

/* Legs are sorted by group: where those of @group begin. */
static size_t first_leg(const struct image *image, uint32_t group)
{
	size_t low = 0, high = image->legs.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct image_leg *l = vec_at(&image->legs, middle);

		if (l->group < group)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* @group is a part of the key: an address, or a prefix. */
static json_t *group_json(const struct view *v, json_t *source, json_t *group, uint16_t port,
			  const struct group *value)
{
	json_t *legs = json_array();
	struct count in;
	json_t *o = json_pack("{ss so so so}", "object", "group", "source", source, "group", group,
			      "from", json_text(port_name(v, port)));

	if (read_counter(v, value->counter, &in))
		set_count(o, &in);
	for (size_t i = first_leg(v->image, value->number); i < v->image->legs.len; i++) {
		const struct image_leg *l = vec_at(&v->image->legs, i);

		if (l->group != value->number)
			break;
		json_array_append_new(legs, leg_json(v, &l->leg));
	}
	if (value->flags & GROUP_HOST)	/* gets the packet itself: as many as came in */
		json_array_append_new(legs, json_pack("{ss}", "to", "host"));
	json_object_set_new(o, "legs", legs);
	return o;
}

static json_t *exact_group(const struct view *v, const struct image_group *g)
{
	static const uint8_t any[16];
	json_t *source = memcmp(g->key.source, any, sizeof(any)) ?
			 bytes_address(g->key.family, g->key.source) : json_string("*");

	return group_json(v, source, bytes_address(g->key.family, g->key.group), g->key.port,
			  &g->value);
}

static json_t *prefix_group(const struct view *v, const struct image_group_prefix *g)
{
	struct prefix p = { addr_from_bytes(g->key.family, g->key.group),
			    g->key.prefixlen - GROUP_PREFIX_FIXED };
	char text[PREFIX_STRLEN];

	return group_json(v, json_string("*"), json_string(prefix_format(&p, text)),
			  ntohs(g->key.port), &g->value);
}

static int next_group(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const char *wanted = asked(a, "group");

	while (v->image && a->at < v->image->groups.len + v->image->group_prefixes.len) {
		size_t i = a->at++, exact = v->image->groups.len;
		const struct image_group *g = i < exact ? vec_at(&v->image->groups, i) : NULL;
		json_t *o;

		if (g && g->key.port == PORT_ANY)
			continue;
		o = g ? exact_group(v, g) : prefix_group(v, vec_at(&v->image->group_prefixes,
								  i - exact));
		if (!wanted || !strcmp(wanted, json_string_value(json_object_get(o, "group")))) {
			a->shown++;
			return put(out, o);
		}
		json_decref(o);
		return 1;
	}
	return wanted && !a->shown ? refuse(a, "there is no group \"%s\"", wanted) : 0;
}

/* ---- counters ----------------------------------------------------------------- */

static const char *const reason_sentences[] = {
#define X(name, verdict, sentence) sentence,
	SLUICE_REASONS(X)
#undef X
};

static const char *const verdict_names[] = {
	[VERDICT_PASS] = "pass", [VERDICT_DROP] = "drop",
	[VERDICT_FORWARD] = "forward", [VERDICT_COPY] = "copy",
};

/* Whether the request wants counters of this kind and name. */
static bool wants_counter(const struct view_answer *a, const char *kind, const char *name)
{
	const char *wanted_kind = asked(a, "kind"), *wanted = asked(a, "name");

	return (!wanted_kind || !strcmp(wanted_kind, kind)) && (!wanted || !strcmp(wanted, name));
}

/* All reasons of one port at once: they come from one reading. */
static void put_reasons(struct view_answer *a, const struct image_port *p, struct text *out)
{
	struct port_stats stats;

	if (!a->view->datapath || datapath_port_stats(a->view->datapath, p->number, &stats))
		return;
	for (int r = 1; r < REASON_MAX; r++) {
		const char *kind = verdict_names[eval_reason_verdict(r)];
		const char *name = eval_reason_name(r);

		if ((!stats.reason[r] && !asked_for(a, "zero")) || !wants_counter(a, kind, name))
			continue;
		a->shown++;
		put(out, json_pack("{ss ss ss so so ss}", "object", "counter", "kind", kind, "name",
				   name, "port", json_text(p->name), "packets",
				   number(stats.reason[r]), "what", reason_sentences[r]));
	}
}

static void put_counter(struct view_answer *a, const struct image_counter *c, struct text *out)
{
	struct count count;
	json_t *o;

	if (!wants_counter(a, "counter", c->name) || !read_counter(a->view, c->number, &count))
		return;
	if (!count.packets && !asked_for(a, "zero") && !asked(a, "name"))
		return;
	a->shown++;
	o = json_pack("{ss ss so}", "object", "counter", "kind", "counter", "name",
		      json_text(c->name));
	set_count(o, &count);
	put(out, o);
}

static bool is_reason(const char *name)
{
	for (int r = 1; r < REASON_MAX; r++)
		if (!strcmp(name, eval_reason_name(r)))
			return true;
	return false;
}

static int next_counter(struct view_answer *a, struct text *out)
{
	const struct image *image = a->view->image;
	const char *name = asked(a, "name");
	size_t i = a->at++;

	if (image && i < image->ports.len)
		put_reasons(a, vec_at(&image->ports, i), out);
	else if (image && i - image->ports.len < image->counters.len)
		put_counter(a, vec_at(&image->counters, i - image->ports.len), out);
	else if (name && !a->shown && !is_reason(name))
		return refuse(a, "there is no counter \"%s\"", name);
	else
		return 0;
	return 1;
}

/* ---- the policy ----------------------------------------------------------------- */

static int next_document(struct view_answer *a, struct text *out)
{
	const struct policy *p = a->view->policy;
	const char *name = asked(a, "name");

	while (p && a->at < p->sources.len) {
		const struct source *s = *(struct source **)vec_at(&p->sources, a->at++);

		if (name && strcmp(name, s->name))
			continue;
		a->shown++;
		return put(out, json_pack("{ss so so sI}", "object", "document", "name",
					  json_text(s->name), "text", json_text(s->text),
					  "generation", (json_int_t)a->view->generation));
	}
	if (!name || a->shown)
		return 0;
	for (size_t i = 0; p && i < p->sources.len; i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "documents: ",
			    (*(struct source **)vec_at(&p->sources, i))->name);
	return refuse(a, "there is no document \"%s\"", name);
}

/* ---- routes ----------------------------------------------------------------------- */

static const char *interface_name(struct view_answer *a, uint32_t ifindex)
{
	bool fresh;
	char *name = table_put(&a->interfaces, &ifindex, &fresh);

	if (fresh)
		if_indextoname(ifindex, name);
	return name;
}

/* @on_link: the route is a neighbour itself, so that "via" would say nothing new. */
static void append_nexthop(struct view_answer *a, const struct fib_nexthop *n, bool on_link,
			   struct text *out)
{
	char buf[ADDR_STRLEN];

	text_printf(out, "{\"reason\":\"%s\"", eval_reason_name(n->reason));
	if (n->via.family && !on_link)
		text_printf(out, ",\"via\":\"%s\"", addr_format(&n->via, buf));
	if (n->ifindex) {
		text_printf(out, ",\"interface\":");
		json_append_text(out, interface_name(a, n->ifindex));
	}
	if (n->port) {
		text_printf(out, ",\"port\":");
		json_append_text(out, port_name(a->view, n->port));
	}
	if (n->reason == REASON_forwarded)
		text_printf(out, ",\"mac\":\"%s\",\"mtu\":%u", mac_format(n->dst_mac, buf), n->mtu);
	if (n->vlan)
		text_printf(out, ",\"vlan\":%u", n->vlan & 0xfffu);
	text_printf(out, ",\"weight\":%u}", n->weight);
}

/* The fields of a route, without the braces. */
static void append_route(struct view_answer *a, const struct fib_route *r, struct text *out)
{
	char prefix[PREFIX_STRLEN];

	text_printf(out, "\"prefix\":\"%s\",\"kind\":\"%s\",\"table\":%u,\"metric\":%u,\"protocol\":%u",
		    prefix_format(&r->prefix, prefix), eval_reason_name(r->reason), r->table,
		    r->metric, r->protocol);
	text_printf(out, ",\"best\":%s,\"host\":%s,\"published\":%s,\"group\":%u,\"nexthops\":[",
		    r->best ? "true" : "false", r->host ? "true" : "false",
		    r->published ? "true" : "false", r->group);
	for (unsigned int i = 0; i < r->nexthops; i++) {
		if (i)
			text_append(out, ",", 1);
		append_nexthop(a, &r->nexthop[i], r->host, out);
	}
	text_append(out, "]", 1);
}

/* From the start, or since an apply in the middle of an answer. */
static int refuse_unrouted(struct view_answer *a)
{
	text_printf(&a->hint, "\"route main;\" in the policy mirrors the kernel's");
	return refuse(a, "sluice has no routes: the running policy does not route");
}

static int next_route(struct view_answer *a, struct text *out)
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
		if (!asked_for(a, "all") && (!r.best || r.host))
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

static int next_route_get(struct view_answer *a, struct text *out)
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
		return refuse(a, "\"%s\" is not an address", text ? text : "");
	fib_lookup(a->view->fib, &addr, &answer);
	append_answer(a, addr_format(&addr, canonical), &answer, out);
	return 1;
}

/* ---- flows ------------------------------------------------------------------------ */

static const struct {
	unsigned int field;
	const char *name;
} key_fields[] = {
	{ FLOW_IP_SRC, "ip.src" }, { FLOW_IP_DST, "ip.dst" }, { FLOW_IP_PROTO, "ip.proto" },
	{ FLOW_L4_SRC, "l4.src" }, { FLOW_L4_DST, "l4.dst" },
};

#define KEY_FIELDS (sizeof(key_fields) / sizeof(key_fields[0]))

static json_t *key_value(const struct flow_key *key, unsigned int field)
{
	switch (field) {
	case FLOW_IP_SRC:
		return bytes_address(key->family, key->source);
	case FLOW_IP_DST:
		return bytes_address(key->family, key->destination);
	case FLOW_IP_PROTO:
		return json_integer(key->protocol);
	case FLOW_L4_SRC:
		return json_integer(ntohs(key->sport));
	default:
		return json_integer(ntohs(key->dport));
	}
}

static double interval_s(const struct flow_report *r)
{
	return (r->end_ns - r->start_ns) / 1e9;
}

static void set_report(json_t *o, const struct flow_report *r, time_t at)
{
	json_object_set_new(o, "interval", number(r->interval));
	json_object_set_new(o, "interval_s", json_real(interval_s(r)));
	json_object_set_new(o, "at", json_integer(at));
	json_object_set_new(o, "bytes", number(r->bytes));
	json_object_set_new(o, "packets", number(r->packets));
	json_object_set_new(o, "threshold", number(r->threshold));
	json_object_set_new(o, "sampling", json_real(r->sampling));
	json_object_set_new(o, "miss", json_real(r->miss));
	json_object_set_new(o, "unseen_max", number(r->unseen_max));
	json_object_set_new(o, "lost_bytes", number(r->lost_bytes));
	json_object_set_new(o, "lost_packets", number(r->lost_packets));
	json_object_set_new(o, "slots", number(r->slots));
	json_object_set_new(o, "used", number(r->used));
}

static int put_measure(const struct view *v, const struct image_measure *m, struct text *out)
{
	json_t *key = json_array(), *o;

	for (size_t i = 0; i < KEY_FIELDS; i++)
		if (m->key & key_fields[i].field)
			json_array_append_new(key, json_string(key_fields[i].name));
	o = json_pack("{ss so so}", "object", "measure", "measure", json_text(m->name), "key", key);
	if (v->report)
		set_report(o, v->report, v->report_at);
	return put(out, o);
}

/* The next interval's report may come while this one is shown: what is asked for is copied. */
static void copy_flows(struct view_answer *a, const struct image_measure *m,
		       const struct flow_report *r)
{
	json_int_t limit = json_integer_value(json_object_get(a->request, "limit"));
	size_t n = limit > 0 && (size_t)limit < r->flows.len ? (size_t)limit : r->flows.len;

	strcpy(a->measure.name, m->name);
	a->measure.key = m->key;
	a->interval_s = interval_s(r);
	vec_reserve(&a->flows, n);
	for (size_t i = 0; i < n; i++)
		vec_append(&a->flows, vec_at(&r->flows, i));
}

static int put_flow(const struct view_answer *a, const struct flow_record *f, struct text *out)
{
	json_t *key = json_object(), *o;

	for (size_t i = 0; i < KEY_FIELDS; i++)
		if (a->measure.key & key_fields[i].field)
			json_object_set_new(key, key_fields[i].name,
					    key_value(&f->key, key_fields[i].field));
	o = json_pack("{ss so so so so}", "object", "flow", "measure", json_text(a->measure.name),
		      "key", key, "bytes", number(f->bytes), "packets", number(f->packets));
	json_object_set_new(o, "low", number(f->low));
	json_object_set_new(o, "high", number(f->high));
	json_object_set_new(o, "exact", json_boolean(f->exact));
	json_object_set_new(o, "rate_Bps", json_real(a->interval_s > 0 ? f->bytes / a->interval_s : 0));
	json_object_set_new(o, "intervals", number(f->intervals));
	return put(out, o);
}

static int next_flow(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const struct image_measure *m = v->image ? &v->image->measure : NULL;
	const char *name = asked(a, "measure");

	if (a->at == 0) {
		if (name && (!m || strcmp(name, m->name)))
			return refuse(a, "there is no measure \"%s\"", name);
		if (!m || !*m->name)
			return 0;
		a->at++;
		if (v->report)
			copy_flows(a, m, v->report);
		return put_measure(v, m, out);
	}
	if (a->at > a->flows.len)
		return 0;
	return put_flow(a, vec_at(&a->flows, a->at++ - 1), out);
}

/* ---- requests ----------------------------------------------------------------------- */

static int next_error(struct view_answer *a, struct text *out)
{
	(void)a;
	(void)out;
	return -1;
}

static void open_route(struct view_answer *a)
{
	const char *prefix = asked(a, "prefix");

	if (!a->view->fib || !a->view->image || !a->view->image->config.route) {
		refuse_unrouted(a);
	} else if (prefix && prefix_parse(prefix, &a->within)) {
		refuse(a, "\"%s\" is not a prefix", prefix);
	} else if (prefix) {
		a->routes.prefix = a->within;	/* the walk begins there */
		json_object_set_new(a->request, "family",
				    json_integer(a->within.addr.family));
	}
}

static const struct {
	const char *show;
	int (*next)(struct view_answer *a, struct text *out);
	void (*open)(struct view_answer *a);	/* NULL: nothing to look at first */
} shows[] = {
	{ "status", next_status, NULL },
	{ "port", next_port, NULL },
	{ "group", next_group, NULL },
	{ "counter", next_counter, NULL },
	{ "policy", next_document, NULL },
	{ "flow", next_flow, NULL },
	{ "route", next_route, open_route },
	{ "route get", next_route_get, open_route },
};

#define SHOWS (sizeof(shows) / sizeof(shows[0]))

static void refuse_unknown(struct view_answer *a, const char *show)
{
	if (show)
		refuse(a, "this sluiced (%s) cannot show \"%s\"", SLUICE_VERSION, show);
	else
		refuse(a, "the request does not say what to show");
	text_printf(&a->hint, "it can show ");
	for (size_t i = 0; i < SHOWS; i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "", shows[i].show);
}

struct view_answer *view_open(struct view *view, const json_t *request)
{
	struct view_answer *a = xcalloc(1, sizeof(*a));
	const char *show;
	size_t i = 0;

	a->view = view;
	a->request = json_deep_copy(request);
	a->flows = VEC(struct flow_record);
	a->interfaces = (struct table){ .key_size = sizeof(uint32_t), .value_size = IF_NAMESIZE };
	show = asked(a, "show");
	while (show && i < SHOWS && strcmp(show, shows[i].show))
		i++;
	if (!show || i == SHOWS)
		refuse_unknown(a, show);
	else if (shows[i].open)
		shows[i].open(a);
	a->next = a->error.len ? next_error : shows[i].next;
	return a;
}

int view_next(struct view_answer *a, struct text *out)
{
	return a->next(a, out);
}

const char *view_error(const struct view_answer *a)
{
	return text_string(&a->error);
}

const char *view_hint(const struct view_answer *a)
{
	return a->hint.len ? text_string(&a->hint) : NULL;
}

void view_close(struct view_answer *a)
{
	json_decref(a->request);
	vec_free(&a->flows);
	table_free(&a->interfaces);
	text_free(&a->error);
	text_free(&a->hint);
	free(a);
}
