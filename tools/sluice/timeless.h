/* SPDX-License-Identifier: GPL-2.0 */
/*
 * timeless.h: an image for packets that come as fast as they are read.
 *
 * The programs take the time from the kernel's clock, and a test run cannot give them another one: so rates
 * and time-outs would be those of the machine that replays, and neither the capture's nor twice the same.
 * Without them a replay says what the order of the packets decides: no packet is over a rate, and what a rule
 * inserted into a set stays there.
 */
#ifndef SLUICE_TOOLS_TIMELESS_H
#define SLUICE_TOOLS_TIMELESS_H

#include <stdbool.h>
#include <stdint.h>

struct image;

/** image_stop_time() - no rates, no time-outs; an element whose time is over before it begins stays away. */
void image_stop_time(struct image *image);

/** image_polices() - whether rule @number has a rate. */
bool image_polices(const struct image *image, uint32_t number);

#endif
