/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slower_ways.h: what runs as the policy asks, but by another way than it should, as this kernel cannot do it
 * better: said in `sluice status`.
 */
#ifndef SLUICE_DAEMON_SLOWER_WAYS_H
#define SLUICE_DAEMON_SLOWER_WAYS_H

struct datapath;
struct image;
struct notes;

/** slower_ways_note() - sets and clears the @notes on what @image, which runs now, asks of @dp. */
void slower_ways_note(const struct datapath *dp, const struct image *image, struct notes *notes);

#endif
