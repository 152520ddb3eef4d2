/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agree.h: whether the data path sends packets where the kernel would.
 *
 * For an address the kernel names the ways on that it has, each with a neighbour and an interface: the
 * frame that the data path makes must bear the MAC addresses of one of them. Where it passes the packet
 * up the kernel does as it says, which is never wrong, and counted; where the kernel has no way on,
 * or is the destination itself, only that is right, or a drop.
 *
 * The two are asked one after the other while routes may change: an answer that differs is asked
 * for again, both sides anew, until patience ends. What agrees then was late; what does not, wrong.
 */
#ifndef SLUICE_LAB_AGREE_H
#define SLUICE_LAB_AGREE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/text.h"

struct agree;

struct agree_counts {
	unsigned long asked, forwarded;	/* forwarded: by the data path, rightly */
	unsigned long passed_up;	/* of the asked: though the kernel has a way on, to a known neighbour */
	unsigned long unresolved;	/* of the asked: passed up, and the neighbour is not known yet */
	unsigned long unroutable;	/* of the asked: the kernel has none, and so does sluice */
	unsigned long late, wrong;
};

/** agree_open() - frames come in at @interface of this network namespace. */
int agree_open(struct agree **a, const char *interface, unsigned int patience_ms, struct text *why);
void agree_close(struct agree *a);

/** agree_kernel() - what is asked, to change routes with. */
struct kernel *agree_kernel(const struct agree *a);

/** agree_can() - whether the port has an address of this family, so that one can ask. */
bool agree_can(const struct agree *a, uint8_t family);

/**
 * agree_probe(), agree_reference() - asks only the data path, or only the kernel. Return: whether that agrees
 * with what the other said last; nothing is counted.
 */
bool agree_probe(struct agree *a, const struct addr *to);
bool agree_reference(struct agree *a, const struct addr *to);

/** agree_ask() - asks both, with patience, and counts. Return: false: the answer is wrong, or none could be had. */
bool agree_ask(struct agree *a, const struct addr *to);

const struct agree_counts *agree_counts(const struct agree *a);

/** agree_report() - enters the counts into @line, a JSON object, under their names. */
void agree_report(const struct agree *a, json_t *line);

/** agree_wrongs() - a line for each of the first ten that were wrong. */
const char *agree_wrongs(const struct agree *a);

#endif
