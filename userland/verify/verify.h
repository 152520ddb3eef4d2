/* SPDX-License-Identifier: GPL-2.0 */
/*
 * verify.h: does an image do what its policy says? Asked with packets.
 *
 * Each packet (a witness) goes through the image, as the programs would walk it (verify/walk.h), and
 * through the policy's meaning; where they differ, the image is wrong, and the packet shows it.
 * verify.c says which packets are asked, and what follows if all of them agree.
 */
#ifndef SLUICE_VERIFY_VERIFY_H
#define SLUICE_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/rules.h"
#include "image/image.h"
#include "policy/frame.h"
#include "verify/match.h"

struct policy;
struct policy_rule;
struct text;

/* A packet that shows something. */
struct witness {
	struct frame_fields fields;	/* settled */
	uint32_t sets;			/* bit i: set test i has it, whatever the set has now */
	struct match policy;		/* which rules it meets */
	bool boundary;			/* it is a near miss of a rule, or stands at the edge of one */
};

/* verify_witness_fn - is handed each packet that is the first to show something. Return: go on. */
typedef bool verify_witness_fn(void *context, const struct witness *w);

/*
 * What has changed since an image of another policy was verified whole: packets that these rules have are asked,
 * and their near misses, between all kinds of addresses of theirs. What is neither a rule of these nor meets
 * what one of them has is left aside; so is what else may be wrong in an image that is new as a whole.
 */
struct verify_focus {
	const uint32_t *rules;		/* by number: new in the policy, changed, or at another place in the order */
	size_t rules_len;
	/* Rules of the policy before, which must still be there, that are no more: others have their
	 * packets now. Both policies have the same ports and sets, by number. */
	const struct policy_rule *const *gone;
	size_t gone_len;
};

struct verify_options {
	unsigned int time_ms;		/* after which no further packet is asked; 0: verify_time() */
	unsigned int eval_ms;		/* of that, policy/eval may have; 0: a tenth */
	verify_witness_fn *take;	/* NULL: nobody wants them */
	void *context;
	const struct verify_focus *focus;	/* NULL: everything */
};
#define VERIFY_TIME_MS	2000

/**
 * verify_time() - what is usually enough, in ms: a fifth of a second, and as much again for each 4000
 * rules; VERIFY_TIME_MS at most.
 */
unsigned int verify_time(const struct policy *p);

/* What was found. */
struct verify_report {
	uint64_t packets;		/* asked */
	uint64_t evaluated;		/* of those, asked of policy/eval as well */
	uint64_t witnesses;		/* that were the first to show something */
	size_t rules, rules_met;	/* of the policy; that some packet met */
	size_t cells, cells_seen;	/* of the tables, in use and within reach; that some packet looked at */
	bool complete;			/* every packet that policy or image can tell from others was asked */
	bool late;			/* it ended for want of time */
	double seconds;
	bool differ;			/* they did, and this is a packet: */
	struct witness witness;
	struct match image;		/* what the image says of it */
	char what[160];			/* if it is no question of rules: what is wrong */
	size_t lists, lists_met;	/* of actions; those of rules that some packet met */
	bool focused;			/* only what changed was asked: rules are those of the focus */
};

/**
 * verify_image() - asks, until something differs, all is asked, or time is up.
 * @p: checked; what @image was made of.
 * Return: 0: nothing differs; -EILSEQ: something does, and @report says what; -EINVAL: the
 * image's shapes lead out of its memory, with a sentence in @why.
 */
int verify_image(const struct policy *p, const struct image *image,
		 const struct verify_options *options, struct verify_report *report,
		 struct text *why);

/** verify_say() - the report in one line: "12345 packets agree: 12 of 13 rules met, 2 of 2 action lists, ...". */
void verify_say(const struct verify_report *report, struct text *out);

/** verify_say_difference() - the packet, what policy and image say of it, and the lines. */
void verify_say_difference(const struct policy *p, const struct verify_report *report,
			   struct text *out);

#endif
