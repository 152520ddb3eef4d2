/* SPDX-License-Identifier: GPL-2.0 */
/*
 * drops.h: samples of dropped packets, for as long as somebody looks.
 *
 * A program samples nothing until it is asked to, and then for DROPS_WATCH_MS, so many a second
 * (bpf/classify.h). Who looks asks again and again, each time for what came behind the number that it has
 * seen, and so keeps it going; when it goes away, sampling ends by itself. The last DROPS_KEPT are
 * kept: a reader that is slower sees a gap in the numbers.
 */
#ifndef SLUICE_DAEMON_DROPS_H
#define SLUICE_DAEMON_DROPS_H

#include <stdint.h>

struct drops;
struct filter_event;
struct image;
struct text;

#define DROPS_KEPT	1024
#define DROPS_WATCH_MS	3000

struct drops *drops_new(void);
void drops_free(struct drops *d);

/** drops_add() - a sample came; @image as for filter_event_print(). */
void drops_add(struct drops *d, const struct filter_event *event, const struct image *image);

/** drops_last() - the number of the last one; the first has 1. */
uint64_t drops_last(const struct drops *d);

/**
 * drops_next() - the oldest that is kept behind number @after.
 * @number: its number. Return: its line, ended; NULL: there is none.
 */
const char *drops_next(const struct drops *d, uint64_t after, uint64_t *number);

#endif
