/* SPDX-License-Identifier: GPL-2.0 */
/*
 * walk.h: an image's filter, walked natively as the programs walk it in the kernel.
 *
 * The tables are the image's, the walk through them is the programs' own text (bpf/rules.bpf.h,
 * bpf/lpm.bpf.h); what stands around it, from fields of a packet to numbers, is written anew here, from
 * the layouts. Four steps, so that many packets that share something share its cost:
 *
 *	walk_fields()	the fields of a packet, as the tables want them
 *	walk_class()	an address -> its class		walk_word()	-> a layer's word
 *	walk_service()	the fields -> a layer's service classes
 *	walk_layer()	two words, and a service class -> a rule
 *
 * walk_packet() takes all of them.
 */
#ifndef SLUICE_VERIFY_WALK_H
#define SLUICE_VERIFY_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/classify.h"
#include "image/image.h"
#include "policy/frame.h"

struct rules_classes;
struct rules_found;
struct text;

/**
 * walk_sound() - whether all that the shapes say lies within the image's memory, so that a walk
 * cannot leave it.
 * @why: if not, what does not fit.
 */
bool walk_sound(const struct image *image, struct text *why);

/** walk_port() - the number in the image of each of @p->ports; an array that the caller frees. */
uint16_t *walk_ports(const struct image *image, const struct policy *p);

/**
 * walk_fields() - what the tables see of a packet.
 * @port: numbers, by walk_ports(). @sets: bit i: set test i has it.
 */
void walk_fields(const struct image_filter *filter, const uint16_t *port,
		 const struct frame_fields *f, uint32_t sets, uint16_t field[RULES_FIELD_COUNT]);

/** walk_class() - what the look-up of an address yields. @side: 0 source, 1 destination. ADDR_NONE: 0. */
uint32_t walk_class(const struct image_filter *filter, unsigned int side, const struct addr *a);

uint32_t walk_word(const struct image_filter *filter, unsigned int layer, unsigned int side,
		   uint32_t class);

void walk_service(const struct image_filter *filter, unsigned int layer,
		  const uint16_t field[RULES_FIELD_COUNT], struct rules_classes *classes);

void walk_layer(const struct image_filter *filter, unsigned int layer, const uint32_t word[2],
		const struct rules_classes *classes, struct rules_found *found);

/**
 * walk_cells() - the cells that walk_layer() looks into between two words, as one number: where it is the same,
 * packets of the same service find the same (but for a chance of 2^-64 a pair).
 */
uint64_t walk_cells(const struct image_filter *filter, unsigned int layer, const uint32_t word[2]);

/* What one layer says of a packet. */
struct walk_answer {
	uint32_t box;		/* RULES_NONE: nothing */
	uint32_t rule;		/* number of the policy's rule */
	uint32_t action;	/* rules_head.action */
};

struct walk {
	bool filtered;		/* the port has a filter; else nothing of the rest */
	uint32_t class[2];
	struct walk_answer layer[LAYERS_MAX];
};

/** walk_packet() - all of it, for a settled packet. */
void walk_packet(const struct image *image, const uint16_t *port, const struct frame_fields *f,
		 uint32_t sets, struct walk *walk);

#endif
