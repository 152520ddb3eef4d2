// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <string.h>

#include "base/json.h"
#include "daemon/answer.h"
#include "flow/flow.h"

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
		      "key", key, "bytes", json_number(f->bytes), "packets", json_number(f->packets));
	json_object_set_new(o, "low", json_number(f->low));
	json_object_set_new(o, "high", json_number(f->high));
	json_object_set_new(o, "exact", json_boolean(f->exact));
	json_object_set_new(o, "rate_Bps", json_real(a->interval_s > 0 ? f->bytes / a->interval_s : 0));
	json_object_set_new(o, "intervals", json_number(f->intervals));
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
	return put_flow(a, vec_at(&a->flows, a->at++ - 1), out);
}
