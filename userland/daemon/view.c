// SPDX-License-Identifier: GPL-2.0
/* Requests, and what the makers of objects (view_*.c) share. */
#include "daemon/view.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "daemon/answer.h"
#include "datapath/datapath.h"
#include "flow/flow.h"

/* ---- what all share ------------------------------------------------------------- */

int answer_put(struct text *out, json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT);

	text_append(out, line, strlen(line));
	text_append(out, "\n", 1);
	free(line);
	json_decref(object);
	return 1;
}

int answer_refuse(struct view_answer *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(&a->error, format, args);
	va_end(args);
	return -1;
}

const char *answer_asked(const struct view_answer *a, const char *name)
{
	return json_string_value(json_object_get(a->request, name));
}

bool answer_asked_for(const struct view_answer *a, const char *name)
{
	return json_is_true(json_object_get(a->request, name));
}

json_t *json_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *json_count(const struct count *count)
{
	return json_pack("{so so}", "packets", json_number(count->packets), "bytes",
			 json_number(count->bytes));
}

void json_set_count(json_t *o, const struct count *count)
{
	json_object_set_new(o, "packets", json_number(count->packets));
	json_object_set_new(o, "bytes", json_number(count->bytes));
}

json_t *json_address(uint8_t family, const uint8_t *bytes)
{
	struct addr a = addr_from_bytes(family, bytes);
	char text[ADDR_STRLEN];

	return json_string(addr_format(&a, text));
}

const char *answer_interface(struct view_answer *a, uint32_t ifindex)
{
	bool fresh;
	char *name = table_put(&a->interfaces, &ifindex, &fresh);

	if (fresh)
		if_indextoname(ifindex, name);
	return name;
}

const struct port *view_port_facts(const struct view *v, uint16_t number)
{
	static const struct port none;

	if (!v->datapath || number >= PORTS_MAX)
		return &none;
	return &datapath_ports(v->datapath)->port[number];
}

bool view_port_is_up(const struct view *v, uint16_t number)
{
	const struct port *p = view_port_facts(v, number);

	return p->ifindex && p->flags & PORT_UP;
}

const char *view_port_mode(const struct view *v, uint16_t number)
{
	return v->datapath ? datapath_port_mode(v->datapath, number) : "none";
}

const char *view_port_name(const struct view *v, uint16_t number)
{
	const struct image_port *p = v->image ? image_port(v->image, number) : NULL;

	return p ? p->name : "";
}

bool view_counter(const struct view *v, uint32_t counter, struct count *count)
{
	return v->datapath && !datapath_counter(v->datapath, counter, count);
}

bool view_counter_named(const struct view *v, const char *name, struct count *count)
{
	for (size_t i = 0; v->image && i < v->image->counters.len; i++) {
		const struct image_counter *c = vec_at(&v->image->counters, i);

		if (!strcmp(c->name, name))
			return view_counter(v, c->number, count);
	}
	return false;
}

/* ---- requests ----------------------------------------------------------------- */

static int next_error(struct view_answer *a, struct text *out)
{
	(void)a;
	(void)out;
	return -1;
}

struct answer_kind {
	const char *name;
	int (*next)(struct view_answer *a, struct text *out);
	void (*open)(struct view_answer *a);	/* NULL: nothing to look at first */
};

static const struct answer_kind shows[] = {
	{ "status", next_status, NULL },
	{ "port", next_port, NULL },
	{ "group", next_group, NULL },
	{ "counter", next_counter, NULL },
	{ "policy", next_document, NULL },
	{ "rule", next_rule, NULL },
	{ "set", next_set, NULL },
	{ "element", next_element, NULL },
	{ "drop", next_drop, NULL },
	{ "flow", next_flow, NULL },
	{ "route", next_route, open_route },
	{ "route get", next_route_get, open_route_get },
};

#define SHOWS (sizeof(shows) / sizeof(shows[0]))

/* What is changed here, as it is in no store: what was inserted into sets. */
static const struct answer_kind deeds[] = {
	{ "set delete", next_delete, NULL },
	{ "set flush", next_flush, NULL },
};

#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static const struct answer_kind *find_kind(const struct answer_kind *kinds, size_t n,
					   const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static void refuse_unknown(struct view_answer *a, const char *show, const char *deed)
{
	if (show || deed)
		answer_refuse(a, "this sluiced (%s) cannot %s \"%s\"", SLUICE_VERSION,
			      show ? "show" : "do", show ? show : deed);
	else
		answer_refuse(a, "the request does not say what to show");
	text_printf(&a->hint, "it can show ");
	for (size_t i = 0; i < SHOWS; i++)
		text_printf(&a->hint, "%s%s", i ? ", " : "", shows[i].name);
}

struct view_answer *view_open(struct view *view, const json_t *request)
{
	struct view_answer *a = xcalloc(1, sizeof(*a));
	const struct answer_kind *kind;
	const char *show, *deed;

	a->view = view;
	a->request = json_deep_copy(request);
	a->counts = VEC(struct count);
	a->entries = VEC(struct set_entry);
	a->flows = VEC(struct flow_record);
	a->flow_routes = VEC(struct flow_routes);
	a->interfaces = (struct table){ .key_size = sizeof(uint32_t), .value_size = IF_NAMESIZE };
	show = answer_asked(a, "show");
	deed = answer_asked(a, "do");
	kind = show ? find_kind(shows, SHOWS, show) : find_kind(deeds, DEEDS, deed);
	if (!kind)
		refuse_unknown(a, show, deed);
	else if (kind->open)
		kind->open(a);
	a->next = a->error.len ? next_error : kind->next;
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
	vec_free(&a->counts);
	vec_free(&a->entries);
	vec_free(&a->flows);
	vec_free(&a->flow_routes);
	table_free(&a->interfaces);
	text_free(&a->error);
	text_free(&a->hint);
	free(a);
}
