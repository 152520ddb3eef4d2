/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe.h: what the data path does with a packet: asked of the very program that is attached.
 *
 * A test run of the XDP program on a frame that comes in at an interface of this network namespace:
 * nothing is sent, and all else is as with a packet of the wire, counters included. What the program did
 * the frame shows: the MAC address of the next hop, and of the interface it would leave by. So it knows
 * nothing of how the tables are made, and takes any XDP program that routes.
 */
#ifndef SLUICE_LAB_PROBE_H
#define SLUICE_LAB_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/text.h"

struct probe;

struct probe_says {
	bool forwards;		/* XDP_REDIRECT or XDP_TX; else these are zero */
	bool drops;
	uint8_t to[6], from[6];
};

/** probe_open() - for frames that come in at @interface. Return: 0; or -errno and a sentence. */
int probe_open(struct probe **p, const char *interface, struct text *why);
void probe_close(struct probe *p);

/** probe_in(), probe_source() - the interface; an address of its link that is not its own. */
uint32_t probe_in(const struct probe *p);
const struct addr *probe_source(const struct probe *p, uint8_t family);

/** probe_ask() - a UDP packet to @to, from probe_source(). Return: 0 or -errno. */
int probe_ask(const struct probe *p, const struct addr *to, struct probe_says *says);

#endif
