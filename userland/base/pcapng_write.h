/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pcapng_write.h: a capture file (draft-ietf-opsawg-pcapng) with words beside each packet.
 *
 *	pcapng_begin(&file);
 *	pcapng_add(&file, frame, length, "drop: edge.sluice:12");
 *	text_write_file("out.pcap", file.data, file.len, 0644);
 */
#ifndef SLUICE_BASE_PCAPNG_WRITE_H
#define SLUICE_BASE_PCAPNG_WRITE_H

#include <stddef.h>

struct text;

/** pcapng_begin() - appends the head of a file of Ethernet frames. */
void pcapng_begin(struct text *file);

/** pcapng_add() - appends a frame. @comment: shown by those who read it; NULL: none. */
void pcapng_add(struct text *file, const void *frame, size_t length, const char *comment);

#endif
