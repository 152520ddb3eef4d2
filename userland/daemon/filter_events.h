/* SPDX-License-Identifier: GPL-2.0 */
/*
 * filter_events.h: what rules with "emit" tell, handed on to whoever listens to the store's events.
 *
 * A rule can match every packet, and a listener is a person or a program with a disk behind it:
 * so many events go on in a second at most. Those that do not are counted, and the number is told when
 * there is room again; so are those that the ring buffer had no room for.
 *
 *	emit {"rule":3, ...}		daemon/filter_event.h
 *	emit-lost {"events":1234}
 */
#ifndef SLUICE_DAEMON_FILTER_EVENTS_H
#define SLUICE_DAEMON_FILTER_EVENTS_H

#include <stdint.h>
#include <uv.h>

struct configuration;
struct datapath;
struct drops;
struct filter_events;
struct image;

#define EVENTS_PER_SECOND 200	/* that are handed on */
#define EVENTS_BURST	  400

/**
 * filter_events_open() - @dp: may have no ring buffer, then there are no events.
 * @drops: gets samples of dropped packets.
 */
struct filter_events *filter_events_open(uv_loop_t *loop, struct datapath *dp, struct drops *drops);

/** filter_events_tell() - @configuration: has the listeners. */
void filter_events_tell(struct filter_events *e, struct configuration *configuration);

/**
 * filter_events_run() - @image runs now, as generation @number of the data path: numbers of its rules
 * come. Those that wait are of the one before, and are handed on first; that may go then.
 */
void filter_events_run(struct filter_events *e, const struct image *image, uint32_t number);

/** filter_events_close() - the loop has yet to run the close callbacks. */
void filter_events_close(struct filter_events *e);

#endif
