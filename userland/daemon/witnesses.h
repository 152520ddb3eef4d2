/* SPDX-License-Identifier: GPL-2.0 */
/*
 * witnesses.h: the last question before a generation runs: does the loaded program do what the policy says?
 *
 * Packets that show something (verify/verify.h: each rule, each boundary, each cell) go three ways:
 * through policy/eval, through the image as memory, and, by test run, through the very program that would
 * run next. Where two of them differ, the commit is refused, and the packet is kept.
 */
#ifndef SLUICE_DAEMON_WITNESSES_H
#define SLUICE_DAEMON_WITNESSES_H

#include <stdint.h>

#include "daemon/kept_packets.h"
#include "verify/verify.h"

struct generation;
struct image;
struct policy;
struct text;

/*
 * Where little has changed since a generation that was asked runs, the rules that changed are asked, and what
 * they could reach; rules that say the same of the same packets in the same order are taken as they
 * were found then. That the tables say the same of them, which are made anew, is asked with some of the
 * packets that were asked then.
 */
struct witnesses_before {
	const struct policy *policy;
	const struct image *image;
	const struct witnesses *witnesses;
};

/* What came of it. */
struct witnesses {
	struct verify_report verify;	/* image against policy; of what changed, if it is @partial */
	uint64_t ran;			/* packets that went through the program as well */
	uint64_t left;			/* packets that should have, and time was up */
	bool partial;
	size_t changed, gone;		/* partial: rules of this policy, and of the one before */
	size_t same, same_met;		/* rules that are as before; of those that some packet met, then */
	uint64_t again;			/* packets asked then that were asked once more; @ran has some of them */
	/* for the next one: */
	struct kept_packets kept;
	uint32_t *now;			/* partial: by number of the rules before, what they are now */
};
/**
 * witnesses_check() - asks them all; for at most @most_ms (0: verify_time()).
 * @generation: made of @image, staged and not committed.
 * @before: what runs, and was asked; NULL: nothing, or it is not to be relied on.
 * @keep: file for the packet of a difference.
 * Return: 0; -EILSEQ and sentences that name the packet, what each side says, and the file.
 */
int witnesses_check(const struct policy *policy, const struct image *image,
		    struct generation *generation, const struct witnesses_before *before,
		    unsigned int most_ms, const char *keep, struct witnesses *witnesses, struct text *why);

/** witnesses_follow() - @witnesses are those of what runs now, @before those of what did: which are freed. */
void witnesses_follow(struct witnesses *witnesses, struct witnesses *before);
void witnesses_free(struct witnesses *witnesses);

/** witnesses_say() - appends what was asked, in some words: "812 packets agree". */
void witnesses_say(const struct witnesses *witnesses, struct text *out);

#endif
