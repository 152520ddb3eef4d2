/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run.h: one verification under way, as its steps share it: verify.c says which steps there are.
 */
#ifndef SLUICE_VERIFY_RUN_H
#define SLUICE_VERIFY_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "bpf/classify.h"
#include "bpf/rules.bpf.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/tree.h"
#include "verify/addresses.h"
#include "verify/facts.h"
#include "verify/match.h"
#include "verify/seen.h"
#include "verify/tests.h"
#include "verify/values.h"
#include "verify/verify.h"

struct image;
struct image_filter;
struct sketch;

/* All fields of a packet but its addresses, and what the image makes of them. */
struct packet {
	struct frame_fields fields;
	uint32_t sets;
	bool filtered;			/* its port has a filter */
	bool boundary;
	uint8_t family;
	uint64_t tests;			/* of product_packet(): which of the rules' tests its fields meet: a hash */
	struct rules_classes classes[LAYERS_MAX];
};

/* Two addresses, by place in stand_ins; both of one family. */
struct context {
	uint32_t source, destination;
	uint8_t family;
};

/* A packet that met the rule that it was made for: it can be made again. */
struct base {
	const struct policy_rule *rule;
	uint32_t way;			/* which of its sketches */
	struct context context;		/* .family: that of the packet; ADDR_NONE: it has no addresses */
	uint32_t box;			/* of the image's first layer, which decided; RULES_NONE */
};

struct run {
	const struct policy *p;
	const struct image *image;
	const struct image_filter *filter;
	const struct verify_options *options;
	struct verify_report *report;
	uint16_t *port;
	struct tests tests;
	struct matcher *matcher;
	struct vec stand_ins[2];	/* of struct stand_in */
	struct values values;
	struct seen seen;
	uint64_t *met;			/* bit: rule */
	uint64_t *lists_met;		/* bit: action, the first of a list */
	struct vec bases;		/* of struct base */
	uint32_t *base_of;		/* by rule and family: the first, by place in bases + 1; 0: none */
	struct vec products;		/* of struct product: the forms of packets without addresses */
	const struct vec *among;	/* rules that may be met, by matcher_between(); NULL: all */
	struct vec ways;		/* of struct packet: one for each way through the classes */
	struct eval_env env;
	struct eval_port *env_ports;
	struct facts facts;		/* of the packet that the second judge is asked about */
	size_t unreachable;		/* cells that no packet looks at */
	double start, deadline, eval_time;
	double step_deadline;		/* of the step that is under way */
	bool step_over;
	unsigned int until_clock;
	bool stop;
};

/* ---- ask.c: one packet ---------------------------------------------------------------- */

struct stand_in *stand_in(const struct run *r, unsigned int side, size_t at);
const struct policy_rule *rule_at(const struct run *r, uint32_t number);

/** packet_prepare() - the rest of a packet whose fields and sets are there. */
void packet_prepare(const struct run *r, struct packet *k);

/** sets_possible() - @sets without those that a packet cannot be in for want of the field. */
uint32_t sets_possible(const struct policy *p, const struct frame_fields *f, uint32_t sets);

/**
 * ask() - asks both sides about @k between two addresses, which are set in it.
 * @first: set to what decided in the image's first layer; may be NULL.
 */
void ask(struct run *r, struct packet *k, const struct context *c, struct rules_found *first);

/** time_is_up() - whether the step has to end. */
bool time_is_up(struct run *r);

/** begin_step() - the next step may take this part of the time that is left. */
void begin_step(struct run *r, double part);

double run_clock(void);

/* ---- base.c: packets that meet a rule -------------------------------------------------- */

/** base_fill() - a packet that @s, of @rule, is aimed at; its addresses are still to be chosen. */
bool base_fill(const struct run *r, const struct policy_rule *rule, const struct sketch *s,
	       uint8_t family, struct packet *k);

/** base_port() - a port of the rule's filter; one that the sketch leaves, if there is one. */
uint64_t base_port(const struct run *r, const struct policy_rule *rule, const struct sketch *s);

/** base_packet() - the packet of @b again. */
bool base_packet(const struct run *r, const struct base *b, struct packet *k);

/* ---- form.c: packets without addresses ------------------------------------------------- */

/* What decides which fields a packet has. */
struct form {
	uint8_t family;
	bool tag;
	uint8_t frag;
	enum { FORM_TCP, FORM_UDP, FORM_ICMP, FORM_OTHER } protocol;
};

/* The fields of a form that have more than one kind of value, and how many combinations there are. */
struct product {
	struct form form;
	unsigned int fields;
	enum policy_field field[FIELD_COUNT + 1];
	uint64_t combinations;
};

/** products_find() - all forms that rules or tables can tell apart, into r->products. */
void products_find(struct run *r);

/** product_packet() - combination number @n. Return: whether there is such a packet. */
bool product_packet(const struct run *r, const struct product *p, uint64_t n, struct packet *k);

/* ---- the steps, in their order ----------------------------------------------------------- */

void ask_rules(struct run *r);		/* ask_rules.c */
void ask_odd(struct run *r);		/* ask_odd.c */
void ask_services(struct run *r);	/* ask_services.c */
void ask_used_cells(struct run *r);	/* ask_cells.c */
void ask_near_misses(struct run *r);	/* ask_rules.c */
void ask_all_of_few(struct run *r);	/* ask_all.c, if there are not many */
void ask_pairs(struct run *r);		/* ask_pairs.c */
void ask_all(struct run *r);		/* ask_all.c */

#endif
