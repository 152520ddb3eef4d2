/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pcapng_write.h: a capture file (draft-ietf-opsawg-pcapng) with words beside each packet.
 *
 *	pcapng_begin(&file);
 *	pcapng_interface(&file, "eth0");
 *	pcapng_add(&file, 0, frame, length, "drop: edge.sluice:12");
 *	text_write_file("out.pcap", file.data, file.len, 0644);
 */
#ifndef SLUICE_BASE_PCAPNG_WRITE_H
#define SLUICE_BASE_PCAPNG_WRITE_H

#include <stddef.h>
#include <stdint.h>

struct text;

/** pcapng_begin() - appends the head of a file. */
void pcapng_begin(struct text *file);

/** pcapng_interface() - appends an interface of Ethernet frames; the first is number 0. @name: NULL: none. */
void pcapng_interface(struct text *file, const char *name);

/**
 * pcapng_add() - appends a frame that came in on interface number @interface.
 * @comment: shown by those who read it; NULL: none.
 */
void pcapng_add(struct text *file, uint32_t interface, const void *frame, size_t length,
		const char *comment);

#endif
