/* SPDX-License-Identifier: GPL-2.0 */
/*
 * filter_event.h: what programs tell of single packets, as the fields of a JSON object:
 *
 *	"length":60,"rule":3,"file":"edge.sluice","line":12,"text":"telnet","port":"wan",
 *	"src":"192.0.2.1","dst":"198.51.100.2","proto":"tcp","sport":40000,"dport":23
 *
 * What a rule emits has the text that it emits; a packet that was dropped has "reason", and, if a
 * rule did it, that rule's own text. A frame that is not IP has "ethertype" in place of addresses.
 */
#ifndef SLUICE_DAEMON_FILTER_EVENT_H
#define SLUICE_DAEMON_FILTER_EVENT_H

struct filter_event;
struct image;
struct text;

/**
 * filter_event_print() - appends the fields, without braces.
 * @image: whose numbers it has; NULL: that is gone, and numbers are all there is.
 */
void filter_event_print(const struct filter_event *event, const struct image *image,
			struct text *out);

#endif
