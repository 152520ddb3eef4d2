/* SPDX-License-Identifier: GPL-2.0 */
/*
 * capture.h: the frames of a capture file, as they were on the wire.
 *
 * pcap and pcapng, plain or gzip. A frame that the capture cut short is filled up with
 * zeroes to its length, so that lengths in headers stay true. What was captured above
 * Ethernet (raw IP, loopback, Linux cooked) gets an Ethernet header, to 02:00:00:00:00:00.
 */
#ifndef SLUICE_TOOLS_CAPTURE_H
#define SLUICE_TOOLS_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct capture;

struct frame {
	const uint8_t *bytes;	/* until the next one is read */
	uint32_t length;
	uint32_t captured;	/* bytes of it that are the packet's; less than length: the rest is zeroes */
	const char *interface;	/* what it came in on, as a pcapng file says; "": not said */
};

/**
 * capture_open() - @any_link: take the bytes of a link type that is not known as Ethernet frames.
 * Return: 0, or -errno with a sentence that names the file.
 */
int capture_open(const char *path, bool any_link, struct capture **capture, struct text *why);

/**
 * capture_next() - Return: 1 and the next frame, 0 at the end, or -errno with a sentence:
 * nothing can be read behind what is broken, but -EPROTONOSUPPORT concerns this packet only.
 */
int capture_next(struct capture *capture, struct frame *frame, struct text *why);

void capture_close(struct capture *capture);

#endif
