/* SPDX-License-Identifier: GPL-2.0 */
/*
 * traffic.h: the frames that "sluice-lab send" makes and "sluice-lab receive" accounts for:
 * UDP datagrams whose payload begins with a mark.
 */
#ifndef SLUICE_LAB_TRAFFIC_H
#define SLUICE_LAB_TRAFFIC_H

#include <stdint.h>

#define TRAFFIC_MAGIC	0x534c5543u	/* "SLUC" */
#define TRAFFIC_PORT	5001		/* UDP */
#define TRAFFIC_MAX	100000000u	/* numbers of one stream */

/* In network order. */
struct traffic_mark {
	uint32_t magic;
	uint32_t stream;	/* chosen by the user: tells senders apart */
	uint64_t sequence;	/* 0, 1, 2, ... */
} __attribute__((packed));

#endif
