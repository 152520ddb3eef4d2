// SPDX-License-Identifier: GPL-2.0
/*
 * What filters keep: what rules have counted, sets and what is in them.
 *
 * Rules can be a million: their counts are read some hundred at a time. What has been inserted into a
 * set is read whole when the answer comes to that set: it may change under every packet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "daemon/answer.h"
#include "daemon/drops.h"
#include "daemon/elements.h"
#include "datapath/datapath.h"
#include "policy/field.h"
#include "policy/tree.h"

#define COUNTS 256	/* that are read at once */

/* ---- rules -------------------------------------------------------------------- */

/* "edge.sluice:12" as its two parts. Return: the line. */
static unsigned long split_where(const char *where, struct text *file)
{
	const char *colon = strrchr(where, ':');

	text_append(file, where, colon ? (size_t)(colon - where) : strlen(where));
	return colon ? strtoul(colon + 1, NULL, 10) : 0;
}

/* What rule @number has counted. Return: false if that is not known, which is not 0. */
static bool rule_count(struct view_answer *a, uint32_t number, uint64_t key, struct count *count)
{
	const struct datapath *dp = a->view->datapath;
	uint32_t rules = dp ? datapath_rules(dp) : 0, n;

	if (number >= rules || datapath_rule_key(dp, number) != key)
		return false;
	if (number < a->counts_first || number >= a->counts_first + a->counts.len) {
		n = rules - number < COUNTS ? rules - number : COUNTS;
		vec_free(&a->counts);
		vec_reserve(&a->counts, n);
		if (datapath_rule_counts(dp, number, n, a->counts.data))
			return false;
		a->counts_first = number;
		a->counts.len = n;
	}
	*count = *(struct count *)vec_at(&a->counts, number - a->counts_first);
	return true;
}

/* The ports of the filter that it stands in. */
static json_t *rule_ports(const struct view *v, size_t number)
{
	json_t *ports = json_array();
	const struct policy_rule *rule;

	if (!v->policy || number >= v->policy->rules.len)
		return ports;
	rule = *(struct policy_rule **)vec_at(&v->policy->rules, number);
	for (size_t i = 0; i < rule->filter->ports.len; i++) {
		const struct policy_port_ref *ref = vec_at(&rule->filter->ports, i);

		json_array_append_new(ports, json_text(ref->name));
	}
	return ports;
}

static json_t *rule_json(struct view_answer *a, size_t number, const struct image_rule *rule,
			 const char *file, unsigned long line)
{
	json_t *o = json_pack("{ss so so so so so}", "object", "rule", "rule", json_number(number),
			      "file", json_text(file), "line", json_number(line), "ports",
			      rule_ports(a->view, number), "text", json_text(rule->text));
	struct count count;

	if (rule_count(a, number, rule->key, &count))
		json_set_count(o, &count);
	return o;
}

int next_rule(struct view_answer *a, struct text *out)
{
	const struct image *image = a->view->image;
	const char *wanted = answer_asked(a, "file");
	size_t number = a->at++;
	const struct image_rule *rule;
	struct text file = { 0 };
	unsigned long line;

	if (!image || number >= image->filter.rules.len)
		return 0;
	rule = vec_at(&image->filter.rules, number);
	line = split_where(rule->where, &file);
	if (!wanted || !strcmp(wanted, text_string(&file)))
		answer_put(out, rule_json(a, number, rule, text_string(&file), line));
	text_free(&file);
	return 1;
}

/* ---- sets ----------------------------------------------------------------------- */

static const struct image_set *set_at(const struct view *v, size_t i)
{
	return v->image && i < v->image->filter.sets.len ? vec_at(&v->image->filter.sets, i) : NULL;
}

/* In the words of the policy: what values it has. */
static enum policy_field set_field(const struct view *v, const char *name)
{
	for (size_t i = 0; v->policy && i < v->policy->sets.len; i++) {
		const struct policy_set *set = *(struct policy_set **)vec_at(&v->policy->sets, i);

		if (!strcmp(set->name, name))
			return set->field;
	}
	return FIELD_COUNT;
}

/* How many elements it has now, by who put them there; those that are both are in both. */
struct fill {
	size_t configured, inserted, elements;
};

static int read_entries(struct view_answer *a, const char *name)
{
	int err = -ENOENT;

	a->entries.len = 0;
	a->entry = 0;
	if (a->view->datapath)
		err = datapath_set_entries(a->view->datapath, name, &a->entries);
	return err;
}

/* The configuration that runs has it, and its time is not over. */
static bool is_configured(const struct view *v, const struct set_value *value, uint64_t now)
{
	return value->since && value->since <= v->loaded && v->loaded <= value->until &&
	       now < value->expires;
}

static struct fill measure_fill(const struct view *v, const struct vec *entries)
{
	uint64_t now = elements_now();
	struct fill fill = { 0 };

	for (size_t i = 0; i < entries->len; i++) {
		const struct set_entry *e = vec_at(entries, i);
		bool configured = is_configured(v, &e->value, now), inserted = now < e->value.inserted;

		fill.configured += configured;
		fill.inserted += inserted;
		fill.elements += configured || inserted;
	}
	return fill;
}

json_t *view_set(struct view_answer *a, const struct image_set *set, bool fill)
{
	enum policy_field field = set_field(a->view, set->name);
	json_t *o = json_pack("{so so}", "name", json_text(set->name), "size", json_number(set->size));
	char full[COUNTER_NAME_MAX];
	struct count count;

	if (field != FIELD_COUNT)
		json_object_set_new(o, "field", json_string(policy_field_name(field)));
	if (set->timeout_ns)
		json_object_set_new(o, "timeout_ms", json_number(set->timeout_ns / 1000000));
	if (fill && !read_entries(a, set->name)) {
		struct fill n = measure_fill(a->view, &a->entries);

		json_object_set_new(o, "elements", json_number(n.elements));
		json_object_set_new(o, "configured", json_number(n.configured));
		json_object_set_new(o, "inserted", json_number(n.inserted));
		json_object_set_new(o, "expired", json_number(a->entries.len - n.elements));
	}
	snprintf(full, sizeof(full), "set-full %s", set->name);
	if (view_counter_named(a->view, full, &count))
		json_object_set_new(o, "full_packets", json_number(count.packets));
	return o;
}

static int refuse_set(struct view_answer *a, const char *name)
{
	const struct image_set *set;

	for (size_t i = 0; (set = set_at(a->view, i)); i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "sets: ", set->name);
	return answer_refuse(a, "the running policy has no set \"%s\"", name);
}

int next_set(struct view_answer *a, struct text *out)
{
	const char *name = answer_asked(a, "name");
	const struct image_set *set;

	while ((set = set_at(a->view, a->at++))) {
		json_t *o;

		if (name && strcmp(name, set->name))
			continue;
		a->shown++;
		o = view_set(a, set, true);
		json_object_set_new(o, "object", json_string("set"));
		return answer_put(out, o);
	}
	return name && !a->shown ? refuse_set(a, name) : 0;
}

/* ---- elements ----------------------------------------------------------------------- */

static void set_left(json_t *o, uint64_t until, uint64_t now)
{
	if (until != SET_STAYS)
		json_object_set_new(o, "left_ms", json_number((until - now) / 1000000));
}

/* Where the rule stands that did: many may have one key's half, the first is named. */
static const char *inserter(const struct view *v, uint32_t by)
{
	for (size_t i = 0; i < v->image->filter.rules.len; i++) {
		const struct image_rule *rule = vec_at(&v->image->filter.rules, i);

		if ((uint32_t)rule->key == by)
			return rule->where;
	}
	return NULL;
}

static void put_element(struct view_answer *a, const struct image_set *set, const struct set_entry *e,
			struct text *out)
{
	enum policy_field field = set_field(a->view, set->name);
	const char *origin = answer_asked(a, "origin"), *where = NULL;
	bool of_rule = e->value.by != 0;
	uint64_t now = elements_now();
	struct text element = { 0 };
	json_t *o;

	element_print(field, &e->key, &element);
	if (is_configured(a->view, &e->value, now) && (!origin || !strcmp(origin, "store"))) {
		o = json_pack("{ss so ss ss}", "object", "element", "set", json_text(set->name),
			      "element", text_string(&element), "origin", "store");
		set_left(o, e->value.expires, now);
		answer_put(out, o);
	}
	if (now < e->value.inserted && (!origin || !strcmp(origin, "inserted"))) {
		o = json_pack("{ss so ss ss}", "object", "element", "set", json_text(set->name),
			      "element", text_string(&element), "origin", of_rule ? "rule" : "hand");
		if (of_rule)
			where = inserter(a->view, e->value.by);
		if (where)
			json_object_set_new(o, "rule", json_text(where));
		set_left(o, e->value.inserted, now);
		answer_put(out, o);
	}
	text_free(&element);
}

/* The set that a->at stands at, if it is wanted; its entries have been read. */
static const struct image_set *open_set(struct view_answer *a)
{
	const char *name = answer_asked(a, "set");
	const struct image_set *set;

	for (; (set = set_at(a->view, a->at)); a->at++) {
		if (name && strcmp(name, set->name))
			continue;
		if (!a->entries_read)
			read_entries(a, set->name);
		a->entries_read = true;
		return set;
	}
	return NULL;
}

int next_element(struct view_answer *a, struct text *out)
{
	const char *name = answer_asked(a, "set");
	const struct image_set *set = open_set(a);

	if (!set)
		return name && !a->shown ? refuse_set(a, name) : 0;
	a->shown++;
	if (a->entry < a->entries.len) {
		put_element(a, set, vec_at(&a->entries, a->entry++), out);
		return 1;
	}
	a->at++;
	a->entries_read = false;
	return 1;
}

/* ---- dropped packets ------------------------------------------------------------------- */

/* The first object says up to which number there were samples, and asks for more to come. */
int next_drop(struct view_answer *a, struct text *out)
{
	const json_t *after = json_object_get(a->request, "after");
	uint64_t number;
	const char *line;

	if (!a->view->drops || !a->view->datapath)
		return answer_refuse(a, "there is no data path");
	if (!a->shown++) {
		datapath_watch_drops(a->view->datapath, DROPS_WATCH_MS);
		a->number = json_is_integer(after) ? (uint64_t)json_integer_value(after) :
						     drops_last(a->view->drops);
		return answer_put(out, json_pack("{ss sI}", "object", "drops", "last",
						 (json_int_t)drops_last(a->view->drops)));
	}
	line = drops_next(a->view->drops, a->number, &number);
	if (!line)
		return 0;
	a->number = number;
	text_append(out, line, strlen(line));
	return 1;
}

/* ---- what is taken out ------------------------------------------------------------------ */

static int put_deleted(const char *name, int n, struct text *out)
{
	return answer_put(out, json_pack("{ss so si}", "object", "set", "name", json_text(name),
					 "deleted", n));
}

int next_delete(struct view_answer *a, struct text *out)
{
	const char *name = answer_asked(a, "set"), *word = answer_asked(a, "element");
	enum policy_field field = name ? set_field(a->view, name) : FIELD_COUNT;
	struct set_key key;
	int err;

	if (a->shown++)
		return 0;
	if (!name || !word || !a->view->datapath)
		return answer_refuse(a, "which element of which set?");
	if (field == FIELD_COUNT)
		return refuse_set(a, name);
	if (element_parse(field, word, &key))
		return put_deleted(name, 0, out);	/* no rule can have inserted it */
	err = datapath_set_delete(a->view->datapath, name, SET_INSERTED, &key);
	if (err && err != -ENOENT)
		return answer_refuse(a, "the element cannot be taken out: %s", strerror(-err));
	return put_deleted(name, !err, out);
}

int next_flush(struct view_answer *a, struct text *out)
{
	const char *name = answer_asked(a, "set");
	const struct image_set *set;
	int n;

	while ((set = set_at(a->view, a->at++))) {
		if (name && strcmp(name, set->name))
			continue;
		a->shown++;
		n = a->view->datapath ? datapath_set_flush(a->view->datapath, set->name, SET_INSERTED) : 0;
		if (n < 0)
			return answer_refuse(a, "the set %s cannot be emptied: %s", set->name, strerror(-n));
		return put_deleted(set->name, n, out);
	}
	return name && !a->shown ? refuse_set(a, name) : 0;
}
