// SPDX-License-Identifier: GPL-2.0
/*
 * Heavy flows, as the last report has them. Each is shown with the routes of table main that its ends are in,
 * and the next hop that its packets take, as they are when it is asked: all looked up at once (fib_match()).
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "bpf/path_hash.h"
#include "daemon/answer.h"
#include "datapath/datapath.h"
#include "flow/flow.h"
#include "policy/eval.h"

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
		return json_address(key->family, key->source);
	case FLOW_IP_DST:
		return json_address(key->family, key->destination);
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
	json_object_set_new(o, "interval", json_number(r->interval));
	json_object_set_new(o, "interval_s", json_real(interval_s(r)));
	json_object_set_new(o, "at", json_integer(at));
	json_object_set_new(o, "bytes", json_number(r->bytes));
	json_object_set_new(o, "packets", json_number(r->packets));
	json_object_set_new(o, "threshold", json_number(r->threshold));
	json_object_set_new(o, "sampling", json_real(r->sampling));
	json_object_set_new(o, "miss", json_real(r->miss));
	json_object_set_new(o, "unseen_max", json_number(r->unseen_max));
	json_object_set_new(o, "lost_bytes", json_number(r->lost_bytes));
	json_object_set_new(o, "lost_packets", json_number(r->lost_packets));
	json_object_set_new(o, "slots", json_number(r->slots));
	json_object_set_new(o, "used", json_number(r->used));
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
	return answer_put(out, o);
}

/* ---- where flows come from, and lead to ------------------------------------------------ */

/* 0: the key does not say, or packets of the flow may differ. */
static uint32_t hash_of(const struct view *v, unsigned int fields, const struct flow_key *key,
			const struct addr *end)
{
	const unsigned int rest = FLOW_IP_PROTO | FLOW_L4_SRC | FLOW_L4_DST;
	uint64_t seed = v->datapath ? datapath_names(v->datapath)->hash_seed : 0;
	uint32_t hash, other;

	if (!end[0].family || !end[1].family)
		return 0;
	hash = fib_hash(v->fib, seed, &end[0], &end[1],
			PATH_REST(key->sport, key->dport, key->protocol));
	if ((fields & rest) == rest)
		return hash;
	/* Where addresses are all that counts, what the key lacks makes no difference. */
	other = fib_hash(v->fib, seed, &end[0], &end[1], ~0ull);
	return hash == other ? hash : 0;
}

static void find_routes(struct view_answer *a)
{
	const struct view *v = a->view;
	size_t n = 2 * a->flows.len;
	struct addr *end = xcalloc(n ? n : 1, sizeof(*end));
	struct fib_match *match = xcalloc(n ? n : 1, sizeof(*match));

	for (size_t i = 0; i < a->flows.len; i++) {
		const struct flow_key *key = &((struct flow_record *)vec_at(&a->flows, i))->key;

		if (a->measure.key & FLOW_IP_SRC)
			end[2 * i] = addr_from_bytes(key->family, key->source);
		if (a->measure.key & FLOW_IP_DST)
			end[2 * i + 1] = addr_from_bytes(key->family, key->destination);
	}
	fib_match(v->fib, end, match, n);
	for (size_t i = 0; i < a->flows.len; i++) {
		const struct flow_key *key = &((struct flow_record *)vec_at(&a->flows, i))->key;
		struct flow_routes *r = vec_push(&a->flow_routes);

		r->source = match[2 * i].prefix;
		r->destination = match[2 * i + 1].prefix;
		r->nexthops = fib_group_hop(v->fib, match[2 * i + 1].group,
					    hash_of(v, a->measure.key, key, &end[2 * i]), &r->nexthop);
	}
	free(match);
	free(end);
}

static void set_prefix(json_t *o, const char *name, const struct prefix *p)
{
	char text[PREFIX_STRLEN];

	if (p->addr.family)
		json_object_set_new(o, name, json_string(prefix_format(p, text)));
}

static void set_routes(struct view_answer *a, json_t *o, const struct flow_routes *r)
{
	const struct fib_nexthop *hop = &r->nexthop;
	char text[ADDR_STRLEN];
	json_t *to;

	set_prefix(o, "source_prefix", &r->source);
	set_prefix(o, "destination_prefix", &r->destination);
	if (r->nexthops > 1)
		json_object_set_new(o, "nexthops", json_integer(r->nexthops));
	if (r->nexthops != 1)
		return;
	to = json_pack("{ss}", "reason", eval_reason_name(hop->reason));
	if (hop->via.family)
		json_object_set_new(to, "via", json_string(addr_format(&hop->via, text)));
	if (hop->ifindex)
		json_object_set_new(to, "interface", json_text(answer_interface(a, hop->ifindex)));
	if (hop->port)
		json_object_set_new(to, "port", json_text(view_port_name(a->view, hop->port)));
	json_object_set_new(o, "nexthop", to);
}

/* ---- flows ------------------------------------------------------------------------------ */

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
	if (a->view->fib && a->view->image->config.route)
		find_routes(a);
}

static int put_flow(struct view_answer *a, size_t number, struct text *out)
{
	const struct flow_record *f = vec_at(&a->flows, number);
	json_t *key = json_object(), *o;

	for (size_t i = 0; i < KEY_FIELDS; i++)
		if (a->measure.key & key_fields[i].field)
			json_object_set_new(key, key_fields[i].name,
					    key_value(&f->key, key_fields[i].field));
	o = json_pack("{ss so so so so}", "object", "flow", "measure", json_text(a->measure.name),
		      "key", key, "bytes", json_number(f->bytes), "packets", json_number(f->packets));
	json_object_set_new(o, "low", json_number(f->low));
	json_object_set_new(o, "high", json_number(f->high));
	json_object_set_new(o, "exact", json_boolean(f->exact));
	json_object_set_new(o, "rate_Bps", json_real(a->interval_s > 0 ? f->bytes / a->interval_s : 0));
	json_object_set_new(o, "intervals", json_number(f->intervals));
	if (number < a->flow_routes.len)
		set_routes(a, o, vec_at(&a->flow_routes, number));
	return answer_put(out, o);
}

int next_flow(struct view_answer *a, struct text *out)
{
	const struct view *v = a->view;
	const struct image_measure *m = v->image ? &v->image->measure : NULL;
	const char *name = answer_asked(a, "measure");

	if (a->at == 0) {
		if (name && (!m || strcmp(name, m->name)))
			return answer_refuse(a, "there is no measure \"%s\"", name);
		if (!m || !*m->name)
			return 0;
		a->at++;
		if (v->report)
			copy_flows(a, m, v->report);
		return put_measure(v, m, out);
	}
	if (a->at > a->flows.len)
		return 0;
	return put_flow(a, a->at++ - 1, out);
}
