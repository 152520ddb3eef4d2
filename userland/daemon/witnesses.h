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

#include "verify/verify.h"

struct generation;
struct image;
struct policy;
struct text;

/* What came of it. */
struct witnesses {
	struct verify_report verify;	/* image against policy */
	uint64_t ran;			/* packets that went through the program as well */
	uint64_t left;			/* packets that should have, and time was up */
};

/**
 * witnesses_check() - asks them all; for at most @most_ms (0: verify_time()).
 * @generation: made of @image, staged and not committed.
 * @keep: file for the packet of a difference.
 * Return: 0; -EILSEQ and sentences that name the packet, what each side says, and the file.
 */
int witnesses_check(const struct policy *policy, const struct image *image,
		    struct generation *generation, unsigned int most_ms, const char *keep,
		    struct witnesses *witnesses, struct text *why);

/** witnesses_say() - appends what was asked, in some words: "812 packets agree". */
void witnesses_say(const struct witnesses *witnesses, struct text *out);

#endif
