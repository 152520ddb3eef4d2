/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pcapng.h: the packets of a pcapng file (draft-ietf-opsawg-pcapng).
 *
 * libpcap takes only files whose interfaces all have one link type and snap length;
 * captures of several interfaces are not like that. Blocks that carry no packet
 * are stepped over. Sections may differ in byte order.
 */
#ifndef SLUICE_TOOLS_PCAPNG_H
#define SLUICE_TOOLS_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

struct pcapng;

struct pcapng_packet {
	const uint8_t *bytes;		/* until the next one is read */
	uint32_t captured, length;	/* bytes that are there; bytes that there were */
	int link;			/* LINKTYPE_* of its interface */
	const char *interface;		/* the name of that, "": not said; until the next one is read */
};

#define PCAPNG_MAGIC	0x0a0d0d0au	/* the first four bytes, in either byte order */

/** pcapng_open() - reads from @file, which stands at its beginning and is the caller's. Never NULL. */
struct pcapng *pcapng_open(FILE *file);

/** pcapng_next() - Return: 1 and the next packet, 0 at the end, -EINVAL with a sentence. */
int pcapng_next(struct pcapng *p, struct pcapng_packet *packet, struct text *why);

void pcapng_close(struct pcapng *p);

#endif
