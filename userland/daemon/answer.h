/* SPDX-License-Identifier: GPL-2.0 */
/*
 * answer.h: an answer under way, shared by the files that make one: view.c takes requests, and
 * view_*.c make objects, each kind by a function that appends the next one.
 *
 * An answer keeps where it stands as indices, checked each time against what is there, or as a
 * prefix: what is shown may change between any two objects.
 */
#ifndef SLUICE_DAEMON_ANSWER_H
#define SLUICE_DAEMON_ANSWER_H

#include "base/table.h"
#include "base/text.h"
#include "fib/fib.h"
#include "daemon/view.h"
#include "image/image.h"

struct count;
struct image_set;

/* Where a flow comes from and leads to. */
struct flow_routes {
	struct prefix source, destination;	/* of table main; family ADDR_NONE: of no route */
	unsigned int nexthops;		/* as fib_group_hop(), by the destination */
	struct fib_nexthop nexthop;
};

struct view_answer {
	const struct view *view;
	json_t *request;
	int (*next)(struct view_answer *a, struct text *out);
	size_t at;			/* index: where it stands in a list */
	size_t shown;
	uint32_t counter;		/* of next hops: the last one that was looked at */
	struct fib_cursor routes;
	struct prefix within;		/* routes: only those in it; family ADDR_NONE: all */
	struct table interfaces;	/* uint32_t ifindex -> char [IF_NAMESIZE] */
	struct vec counts;		/* of struct count: of the rules from counts_first on */
	size_t counts_first;
	struct vec entries;		/* of struct set_entry: of the set that at stands at */
	size_t entry;
	bool entries_read;
	uint64_t number;		/* of the last drop that was shown */
	struct vec flows;		/* of struct flow_record: those that were asked for */
	struct vec flow_routes;		/* of struct flow_routes, one each; none if nothing is routed */
	struct image_measure measure;	/* name and key of them */
	double interval_s;
	struct text error, hint;
};

/* Each appends the next object. Return: as view_next(). */
int next_status(struct view_answer *a, struct text *out);
int next_port(struct view_answer *a, struct text *out);
int next_group(struct view_answer *a, struct text *out);
int next_counter(struct view_answer *a, struct text *out);
int next_document(struct view_answer *a, struct text *out);
int next_route(struct view_answer *a, struct text *out);
int next_route_get(struct view_answer *a, struct text *out);
int next_flow(struct view_answer *a, struct text *out);
int next_rule(struct view_answer *a, struct text *out);
int next_set(struct view_answer *a, struct text *out);
int next_element(struct view_answer *a, struct text *out);
int next_drop(struct view_answer *a, struct text *out);
int next_delete(struct view_answer *a, struct text *out);
int next_flush(struct view_answer *a, struct text *out);

/** open_route(), open_route_get() - looks at the request before the first route. */
void open_route(struct view_answer *a);
void open_route_get(struct view_answer *a);

/** answer_put() - appends @object as a line, and gives it up. Return: 1. */
int answer_put(struct text *out, json_t *object);

/** answer_refuse() - sets the error. Return: -1. */
int answer_refuse(struct view_answer *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** answer_asked() - a string of the request, NULL if it is not there. */
const char *answer_asked(const struct view_answer *a, const char *name);

/** answer_asked_for() - whether the request has @name, and it is true. */
bool answer_asked_for(const struct view_answer *a, const char *name);

json_t *json_number(uint64_t n);
json_t *json_count(const struct count *count);
void json_set_count(json_t *o, const struct count *count);

/** json_address() - 4 or 16 bytes in network order as text. */
json_t *json_address(uint8_t family, const uint8_t *bytes);

/** answer_interface() - the name of an interface of the kernel's, "" if it is not there. */
const char *answer_interface(struct view_answer *a, uint32_t ifindex);

/** view_port_facts() - what the kernel says of port @number; all zero if nothing is known. */
const struct port *view_port_facts(const struct view *v, uint16_t number);
bool view_port_is_up(const struct view *v, uint16_t number);

/** view_port_mode() - "native", "generic" or "none". */
const char *view_port_mode(const struct view *v, uint16_t number);

/** view_port_name() - in the policy; "" if it is not there. */
const char *view_port_name(const struct view *v, uint16_t number);

/** view_set() - a set, without "object". @fill: and how full it is, for which all of it is read. */
json_t *view_set(struct view_answer *a, const struct image_set *set, bool fill);

/** view_counter_named() - reads the counter of the running image that has this name. Return: as view_counter(). */
bool view_counter_named(const struct view *v, const char *name, struct count *count);

/** view_counter() - reads a counter. Return: false if it cannot be read: what is not known is not 0. */
bool view_counter(const struct view *v, uint32_t counter, struct count *count);

#endif
