// SPDX-License-Identifier: GPL-2.0
/*
 * build_filter.c: filters, their rules, and what these do.
 *
 * A filter is in the tree from its "{" on, so that rules can refer to it.
 */
#include "policy/build.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "policy/field.h"

void build_filter(struct document *doc, struct place at)
{
	struct policy *policy = doc->parser->policy;
	struct policy_filter *filter = new_node(doc, sizeof(*filter));

	filter->place = at;
	filter->ports = keep_list(doc, &doc->from);
	filter->rules = VEC(struct policy_rule *);
	*(struct policy_filter **)vec_push(&policy->filters) = filter;
	doc->filter = filter;
}

/* ---- actions: each is built in the same place, and copied when it is complete ----- */

struct policy_action *action_plain(struct document *doc, enum policy_action_kind kind, struct place at)
{
	doc->action = (struct policy_action){ .kind = kind, .place = at };
	return &doc->action;
}

struct policy_action *action_text(struct document *doc, enum policy_action_kind kind,
				  struct word string, struct place string_at, struct place at)
{
	struct policy_action *a = action_plain(doc, kind, at);
	size_t max = kind == DO_COUNT ? POLICY_COUNTER_MAX : POLICY_EVENT_MAX;
	const char *what = kind == DO_COUNT ? "the name of a counter" : "what an event says";

	a->text = string_of(doc, string);
	if (!*a->text)
		diag_error(diags_of(doc), string_at, "%s cannot be empty", what);
	else if (strlen(a->text) > max)
		diag_error(diags_of(doc), string_at, "%s has at most %zu bytes", what, max);
	return a;
}

struct policy_action *action_mark(struct document *doc, uint64_t mark, struct place mark_at,
				  struct place at)
{
	struct policy_action *a = action_plain(doc, DO_MARK, at);

	if (mark > UINT32_MAX)
		diag_error(diags_of(doc), mark_at, "a mark is at most %" PRIu32, UINT32_MAX);
	a->mark = mark;
	return a;
}

struct policy_action *action_insert(struct document *doc, enum policy_field field,
				    struct place field_at, struct word set, struct place set_at,
				    struct place at)
{
	struct policy_action *a = action_plain(doc, DO_INSERT, at);

	a->field = field;
	a->field_place = field_at;
	a->set_name = name_of(doc, set);
	a->set_place = set_at;
	return a;
}

/* ---- police ------------------------------------------------------------- */

static void refuse_rate(struct document *doc, const struct quantity *q, struct place at, int err)
{
	struct diags *diags = diags_of(doc);
	size_t len = strlen(q->unit);

	if (err == -EDOM) {
		diag_error(diags, at, "a rate is a whole number of packets or bytes a second");
	} else if (err == -ERANGE) {
		diag_error(diags, at, "a rate is 1pps to 1000000Mpps, or 1Bps to 1000GBps");
	} else if (!len) {
		diag_error(diags, at, "a rate needs a unit");
		diag_hint(diags, "write 1000pps for packets a second, 10Mbit or 1MBps for what they carry");
	} else if (len >= 3 && !strcmp(q->unit + len - 3, "bps")) {
		diag_error(diags, at, "\"%s\" could mean bits or bytes", q->unit);
		diag_hint(diags, "bits a second are written Mbit, bytes a second MBps");
	} else {
		diag_error(diags, at, "\"%s\" is no unit of a rate", q->unit);
		diag_hint(diags, "units: pps kpps Mpps; bit kbit Mbit Gbit Tbit; Bps kBps MBps GBps (a second)");
	}
}

struct policy_action *action_police(struct document *doc, const struct quantity *rate,
				    struct place rate_at, struct place at)
{
	struct policy_action *a = action_plain(doc, DO_POLICE, at);
	int err = quantity_packets(rate, &a->rate);

	if (err == -EINVAL) {
		err = quantity_rate(rate, &a->rate);
		a->bytes = err != -EINVAL;
	}
	if (!err && (!a->rate || a->rate > POLICY_RATE_MAX))
		err = -ERANGE;
	if (err)
		refuse_rate(doc, rate, rate_at, err);
	return a;
}

void police_burst(struct document *doc, struct policy_action *a, const struct quantity *q,
		  struct place word_at, struct place burst_at, struct place at)
{
	struct diags *diags = diags_of(doc);
	uint64_t least = a->bytes ? POLICY_BURST_LEAST : 1, burst = 0;
	int err = a->bytes ? quantity_size(q, &burst) : quantity_number(q, &burst);

	a->place = at;
	if (a->burst)
		diag_error(diags, word_at, "the burst is given twice");
	a->burst = least;
	if (err == -EINVAL && a->bytes) {
		diag_error(diags, burst_at, "the burst of a rate of bytes is a size");
		diag_hint(diags, "units: B kB MB GB");
	} else if (err == -EINVAL) {
		diag_error(diags, burst_at, "the burst of a rate of packets is a number of packets");
	} else if (err || burst < least || burst > POLICY_BURST_MAX) {
		diag_error(diags, burst_at, "a burst is %" PRIu64 " to %llu %s", least, POLICY_BURST_MAX,
			   a->bytes ? "bytes" : "packets");
	} else {
		a->burst = burst;
	}
}

void police_per(struct document *doc, struct policy_action *a, enum policy_field field,
		struct place word_at, struct place field_at, struct place at)
{
	struct diags *diags = diags_of(doc);

	a->place = at;
	if (a->per)
		diag_error(diags, word_at, "a rate is kept for the values of one field");
	a->per = true;
	a->field = field;
	a->field_place = field_at;
	if (field == FIELD_COUNT || field_keyed(field))
		return;
	diag_error(diags, field_at, "no rates are kept for the values of %s", policy_field_name(field));
	diag_hint(diags, "fields: in, ip.src, ip.dst, eth.src, eth.dst, vlan.id, ip.proto, l4.src, l4.dst");
}

/* Where no burst is said: what comes in a tenth of a second. */
void police_default(struct policy_action *a)
{
	uint64_t least = a->bytes ? POLICY_BURST_LEAST : 1;

	if (!a->burst)
		a->burst = a->rate / 10;
	if (a->burst < least)
		a->burst = least;
	if (a->burst > POLICY_BURST_MAX)
		a->burst = POLICY_BURST_MAX;
}

/* ---- rules -------------------------------------------------------------- */

void build_first_action(struct document *doc, const struct policy_action *a)
{
	doc->actions.len = 0;
	build_action(doc, a);
}

void build_action(struct document *doc, const struct policy_action *a)
{
	if (doc->actions.len == POLICY_ACTIONS_MAX)
		diag_error(diags_of(doc), a->place, "a rule has at most %d actions", POLICY_ACTIONS_MAX);
	if (doc->actions.len <= POLICY_ACTIONS_MAX)
		vec_append(&doc->actions, a);
}

struct policy_rule *build_rule(struct document *doc, struct policy_predicate *predicate, struct place at)
{
	struct parser *parser = doc->parser;
	struct policy_rule *rule;

	if (parser->rules == POLICY_RULES_MAX) {
		if (!parser->too_many_rules)
			diag_error(diags_of(doc), at, "the filters of a policy have at most %d rules",
				   POLICY_RULES_MAX);
		parser->too_many_rules = true;
		return NULL;
	}
	parser->rules++;
	rule = new_node(doc, sizeof(*rule));
	rule->filter = doc->filter;
	rule->place = at;
	rule->actions = keep_list(doc, &doc->actions);
	rule->predicate = predicate;
	*(struct policy_rule **)vec_push(&doc->filter->rules) = rule;
	return rule;
}
