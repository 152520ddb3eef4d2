// SPDX-License-Identifier: GPL-2.0
/* What the running policy names: its ports, groups and counters, and its own text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "daemon/answer.h"
#include "datapath/datapath.h"
#include "policy/eval.h"
#include "policy/tree.h"

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
			json_object_set_new(o, eval_reason_name(r), json_number(stats->reason[r]));
	return o;
}

/* Whether a document says so, or an object of the store. */
static json_t *origin(bool store)
{
	return json_string(store ? "store" : "policy");
}

static json_t *port_json(const struct view *v, const struct image_port *p)
{
	const struct port *facts = view_port_facts(v, p->number);
	struct port_stats stats;
	char mac[MAC_STRLEN];
	json_t *o = json_pack("{ss so so si ss sb so}", "object", "port", "name", json_text(p->name),
			      "interface", json_text(p->interface), "number", p->number, "mode",
			      view_port_mode(v, p->number), "up", view_port_is_up(v, p->number),
			      "origin", origin(p->store));

	if (facts->ifindex) {
		json_object_set_new(o, "ifindex", json_number(facts->ifindex));
		json_object_set_new(o, "mtu", json_number(facts->mtu));
		json_object_set_new(o, "mac", json_string(mac_format(facts->mac, mac)));
	}
	if (v->datapath && !datapath_port_stats(v->datapath, p->number, &stats)) {
		json_object_set_new(o, "rx", json_count(&stats.rx));
		json_object_set_new(o, "tx", json_count(&stats.tx));
		if (datapath_counts_failures(v->datapath))
			json_object_set_new(o, "tx_failed", json_number(stats.tx_failed));
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
	return answer_refuse(a, "there is no port \"%s\"", name);
}

int next_port(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const char *name = answer_asked(a, "name");

	while (v->image && a->at < v->image->ports.len) {
		const struct image_port *p = vec_at(&v->image->ports, a->at++);

		if (!is_named(p, name))
			continue;
		a->shown++;
		return answer_put(out, port_json(v, p));
	}
	return end_of_ports(a, name);
}

/* ---- groups ------------------------------------------------------------------ */

static json_t *leg_json(const struct view *v, const struct leg *leg, bool store)
{
	struct count sent, expired;
	json_t *o = json_pack("{so so sb so}", "to", json_text(view_port_name(v, leg->port)),
			      "interface", json_text(view_port_facts(v, leg->port)->interface), "up",
			      view_port_is_up(v, leg->port), "origin", origin(store));

	if (leg->flags & LEG_VLAN)
		json_object_set_new(o, "vlan", json_integer(leg->vlan & 0xfff));
	if (leg->flags & LEG_TTL)
		json_object_set_new(o, "ttl", json_integer(leg->ttl));
	if (view_counter(v, leg->counter, &sent))
		json_set_count(o, &sent);
	if (view_counter(v, leg->counter_ttl, &expired))
		json_object_set_new(o, "ttl_expired", json_number(expired.packets));
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
			  const struct group *value, bool store_host)
{
	json_t *legs = json_array();
	struct count in;
	json_t *o = json_pack("{ss so so so}", "object", "group", "source", source, "group", group,
			      "from", json_text(view_port_name(v, port)));

	if (view_counter(v, value->counter, &in))
		json_set_count(o, &in);
	for (size_t i = first_leg(v->image, value->number); i < v->image->legs.len; i++) {
		const struct image_leg *l = vec_at(&v->image->legs, i);

		if (l->group != value->number)
			break;
		json_array_append_new(legs, leg_json(v, &l->leg, l->store));
	}
	if (value->flags & GROUP_HOST)	/* gets the packet itself: as many as came in */
		json_array_append_new(legs, json_pack("{ss so}", "to", "host", "origin",
						      origin(store_host)));
	json_object_set_new(o, "legs", legs);
	return o;
}

static json_t *exact_group(const struct view *v, const struct image_group *g)
{
	static const uint8_t any[16];
	json_t *source = memcmp(g->key.source, any, sizeof(any)) ?
			 json_address(g->key.family, g->key.source) : json_string("*");

	return group_json(v, source, json_address(g->key.family, g->key.group), g->key.port,
			  &g->value, g->store_host);
}

static json_t *prefix_group(const struct view *v, const struct image_group_prefix *g)
{
	struct prefix p = { addr_from_bytes(g->key.family, g->key.group),
			    g->key.prefixlen - GROUP_PREFIX_FIXED };
	char text[PREFIX_STRLEN];

	return group_json(v, json_string("*"), json_string(prefix_format(&p, text)),
			  ntohs(g->key.port), &g->value, g->store_host);
}

int next_group(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const char *wanted = answer_asked(a, "group");

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
			return answer_put(out, o);
		}
		json_decref(o);
		return 1;
	}
	return wanted && !a->shown ? answer_refuse(a, "there is no group \"%s\"", wanted) : 0;
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
	const char *wanted_kind = answer_asked(a, "kind"), *wanted = answer_asked(a, "name");

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

		if ((!stats.reason[r] && !answer_asked_for(a, "zero")) || !wants_counter(a, kind, name))
			continue;
		a->shown++;
		answer_put(out, json_pack("{ss ss ss so so ss}", "object", "counter", "kind", kind, "name",
				   name, "port", json_text(p->name), "packets",
				   json_number(stats.reason[r]), "what", reason_sentences[r]));
	}
}

static void put_count(struct view_answer *a, const char *name, const struct count *count, struct text *out)
{
	json_t *o;

	if (!count->packets && !answer_asked_for(a, "zero") && !answer_asked(a, "name"))
		return;
	a->shown++;
	o = json_pack("{ss ss so}", "object", "counter", "kind", "counter", "name", json_text(name));
	json_set_count(o, count);
	answer_put(out, o);
}

static void put_counter(struct view_answer *a, const struct image_counter *c, struct text *out)
{
	struct count count;

	if (wants_counter(a, "counter", c->name) && view_counter(a->view, c->number, &count))
		put_count(a, c->name, &count, out);
}

/* The next one by next hop from number @a->counter on. Return: false if there is none. */
static bool put_hop_counter(struct view_answer *a, struct text *out)
{
	char via[ADDR_STRLEN], name[ADDR_STRLEN + 32];
	struct hop_name hop;
	struct count count;
	struct addr addr;

	if (!a->view->datapath || !a->view->image || !a->view->image->config.counted_hops)
		return false;
	while (++a->counter < HOP_COUNTERS_MAX) {
		if (datapath_hop_counter(a->view->datapath, a->counter, &hop, &count))
			continue;
		addr = addr_from_bytes(hop.family, hop.via);
		snprintf(name, sizeof(name), "nexthop %s %.16s", addr_format(&addr, via), hop.interface);
		if (wants_counter(a, "counter", name))
			put_count(a, name, &count, out);
		return true;
	}
	return false;
}

static bool is_reason(const char *name)
{
	for (int r = 1; r < REASON_MAX; r++)
		if (!strcmp(name, eval_reason_name(r)))
			return true;
	return false;
}

int next_counter(struct view_answer *a, struct text *out)
{
	const struct image *image = a->view->image;
	const char *name = answer_asked(a, "name");
	size_t i = a->at++;

	if (image && i < image->ports.len)
		put_reasons(a, vec_at(&image->ports, i), out);
	else if (image && i - image->ports.len < image->counters.len)
		put_counter(a, vec_at(&image->counters, i - image->ports.len), out);
	else if (put_hop_counter(a, out))
		return 1;
	else if (name && !a->shown && !is_reason(name))
		return answer_refuse(a, "there is no counter \"%s\"", name);
	else
		return 0;
	return 1;
}

/* ---- the policy ----------------------------------------------------------------- */

int next_document(struct view_answer *a, struct text *out)
{
	const struct policy *p = a->view->policy;
	const char *name = answer_asked(a, "name");

	while (p && a->at < p->sources.len) {
		const struct source *s = *(struct source **)vec_at(&p->sources, a->at++);

		if (name && strcmp(name, s->name))
			continue;
		a->shown++;
		return answer_put(out, json_pack("{ss so so sI}", "object", "document", "name",
					  json_text(s->name), "text", json_text(s->text),
					  "generation", (json_int_t)a->view->generation));
	}
	if (!name || a->shown)
		return 0;
	for (size_t i = 0; p && i < p->sources.len; i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "documents: ",
			    (*(struct source **)vec_at(&p->sources, i))->name);
	return answer_refuse(a, "there is no document \"%s\"", name);
}
