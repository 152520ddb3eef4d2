// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <unistd.h>

#include "base/delays.h"
#include "base/json.h"
#include "daemon/answer.h"
#include "daemon/steps.h"
#include "daemon/witnesses.h"
#include "datapath/datapath.h"
#include "lpm/lpm.h"
#include "policy/tree.h"

static json_t *status_ports(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; v->image && i < v->image->ports.len; i++) {
		const struct image_port *p = vec_at(&v->image->ports, i);

		json_array_append_new(list, json_pack("{so so ss sb}", "name", json_text(p->name),
						      "interface", json_text(p->interface), "mode",
						      view_port_mode(v, p->number), "up",
						      view_port_is_up(v, p->number)));
	}
	return list;
}

static json_t *status_updates(const struct delays *d)
{
	return json_pack("{so sf sf sf}", "count", json_number(d->all), "median_us",
			 delays_quantile_ns(d, 0.5) / 1e3, "p99_us", delays_quantile_ns(d, 0.99) / 1e3,
			 "max_us", d->longest_ns / 1e3);
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
		      json_number(fib.published[0]), "ip6", json_number(fib.published[1]));
	json_object_set_new(o, "ip4_max", json_number(v->image->routing.limit4));
	json_object_set_new(o, "ip6_max", json_number(v->image->routing.limit6));
	json_object_set_new(o, "static", json_number(v->image->statics.len));
	json_object_set_new(o, "not_taken", json_number(fib.left_out[0] + fib.left_out[1]));
	json_object_set_new(o, "table_bytes", json_number(ip4.bytes_used + ip6.bytes_used));
	json_object_set_new(o, "nexthop_groups", json_number(fib.groups));
	if (v->updates && v->updates->all)
		json_object_set_new(o, "updates", status_updates(v->updates));
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
	return json_pack("{so so}", "count", json_number(count), "legs", json_number(legs));
}

#define FILL_READ_MAX 262144	/* elements: sets with room for more are not counted for a status */

static json_t *status_sets(struct view_answer *a)
{
	const struct image *image = a->view->image;
	json_t *list = json_array();

	for (size_t i = 0; i < image->filter.sets.len; i++) {
		const struct image_set *set = vec_at(&image->filter.sets, i);

		json_array_append_new(list, view_set(a, set, set->size <= FILL_READ_MAX));
	}
	return list;
}

/* What is looked up for a packet: the tables of all layers, and of addresses. */
static size_t filter_bytes(const struct image_filter *filter)
{
	size_t bytes = filter->area_bytes;

	for (int side = 0; side < 2; side++)
		for (int family = 0; family < 2; family++)
			bytes += filter->shape.address[side][family].bytes;
	return bytes;
}

static unsigned int count_ports(const struct image *image)
{
	unsigned int n = 0;

	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		n += !!(image->config.port[p->number] & CONFIG_PORT_FILTER);
	}
	return n;
}

static json_t *status_filters(struct view_answer *a)
{
	const struct image_filter *filter = &a->view->image->filter;
	size_t meters = 0;

	for (size_t i = 0; i < filter->actions.len; i++)
		meters += ((struct action *)vec_at(&filter->actions, i))->kind == ACTION_POLICE;
	return json_pack("{so so so so so so}", "ports", json_number(count_ports(a->view->image)),
			 "rules", json_number(filter->rules.len), "layers",
			 json_number(filter->shape.layers), "table_bytes",
			 json_number(filter_bytes(filter)), "meters", json_number(meters), "sets",
			 status_sets(a));
}

static void status_host_copies(const struct view *v, json_t *o)
{
	const char *why, *by = datapath_host_copies(v->datapath, &why);

	json_object_set_new(o, "host_copies", json_string(by));
	if (why)
		json_object_set_new(o, "host_copies_why", json_text(why));
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
		const char *asked = p->generic ? "generic" : "native", *mode = view_port_mode(v, p->number);

		if (strcmp(mode, "none") && strcmp(mode, asked))
			add_note(notes, "port %s: attached in %s mode, the policy asks for %s", p->name,
				 mode, asked);
		if (v->datapath && datapath_port_lost_tc(v->datapath, p->number))
			add_note(notes, "port %s: its tc program was taken off (tc qdisc del?), so that frames "
				 "which XDP cannot copy are not copied; a reload (SIGHUP) puts it back", p->name);
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

static json_t *status_witnesses(const struct witnesses *w)
{
	const struct verify_report *r = &w->verify;
	json_t *o = json_object();

	json_object_set_new(o, "packets", json_number(r->packets));
	json_object_set_new(o, "evaluated", json_number(r->evaluated));
	json_object_set_new(o, "ran", json_number(w->ran));
	json_object_set_new(o, "left", json_number(w->left));
	json_object_set_new(o, "rules_met", json_number(r->rules_met));
	json_object_set_new(o, "lists", json_number(r->lists));
	json_object_set_new(o, "lists_met", json_number(r->lists_met));
	json_object_set_new(o, "cells", json_number(r->cells));
	json_object_set_new(o, "cells_seen", json_number(r->cells_seen));
	json_object_set_new(o, "complete", json_boolean(r->complete));
	json_object_set_new(o, "seconds", json_real(r->seconds));
	if (!w->partial)
		return o;
	json_object_set_new(o, "changed", json_number(w->changed + w->gone));
	json_object_set_new(o, "same", json_number(w->same));
	json_object_set_new(o, "same_met", json_number(w->same_met));
	json_object_set_new(o, "again", json_number(w->again));
	return o;
}

/* How long it was until what runs did, step by step. */
static json_t *status_commit(const struct steps *steps)
{
	json_t *o = json_pack("{sf}", "seconds", steps->all);

	for (enum step i = 0; i < STEP_MAX; i++)
		json_object_set_new(o, steps_name(i), json_real(steps->took[i]));
	return o;
}

static json_t *status_earlier(const struct earlier *e)
{
	return e->generation ? json_pack("{so}", "generation", json_number(e->generation)) : json_object();
}

int next_status(struct view_answer *a, struct text *out)
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
	json_object_set_new(o, "generation", json_number(v->generation));
	if (v->generation)
		json_object_set_new(o, "since", json_integer(v->since));
	if (v->earlier.runs)
		json_object_set_new(o, "earlier", status_earlier(&v->earlier));
	json_object_set_new(o, "store", json_text(v->store ? v->store : ""));
	if (v->store_why)
		json_object_set_new(o, "store_why", json_text(v->store_why));
	json_object_set_new(o, "documents", json_number(v->policy ? v->policy->sources.len : 0));
	json_object_set_new(o, "ports", status_ports(v));
	json_object_set_new(o, "routes", status_routes(v));
	if (v->image)
		json_object_set_new(o, "groups", status_groups(v));
	if (v->image && v->image->filter.rules.len)
		json_object_set_new(o, "filters", status_filters(a));
	if (v->witnesses && (v->witnesses->verify.packets || v->witnesses->partial))
		json_object_set_new(o, "witnesses", status_witnesses(v->witnesses));
	if (v->steps && v->steps->all)
		json_object_set_new(o, "commit", status_commit(v->steps));
	if (v->datapath)
		status_host_copies(v, o);
	json_object_set_new(o, "measures", v->image && *v->image->measure.name ?
			    json_pack("[o]", json_text(v->image->measure.name)) : json_array());
	json_object_set_new(o, "notes", status_notes(v));
	return answer_put(out, o);
}
