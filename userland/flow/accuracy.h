/* SPDX-License-Identifier: GPL-2.0 */
/*
 * accuracy.h: how far estimates are from the truth, beside packet-sampled NetFlow's in as much
 * memory. For tests and benchmarks.
 */
#ifndef SLUICE_FLOW_ACCURACY_H
#define SLUICE_FLOW_ACCURACY_H

#include "flow/flow.h"
#include "flow/traffic.h"

#define ACCURACY_TOP		100	/* flows a window that are looked at */
#define ACCURACY_NETFLOW_ENTRY	64	/* bytes of one of NetFlow's entries, as ours */

struct accuracy {
	unsigned int windows;
	double error, recall;		/* mean relative error of the true top; share of it with a record */
	double error_max;		/* of one window */
	unsigned int outside;		/* records whose bounds do not hold the truth: none */
	double sampled_max;		/* packets sampled, of all: the worst window */
	double netflow_error, netflow_recall;
	unsigned int netflow_n;		/* it samples one packet in so many, in its worst window */
};

/**
 * accuracy_measure() - runs @t through a flow memory of one CPU, in windows of @window_s seconds.
 * @bytes: of one epoch; NetFlow's table gets as much. NetFlow samples one packet in N, in each
 *	window with the least N for which its table does not overflow, as if it had known.
 * @count: the data path's flow_count(), built for these slots: accuracy_slots(@bytes).
 */
void accuracy_measure(struct accuracy *a, const struct traffic *t, double window_s, size_t bytes,
		      void (*count)(struct flow_control *element, uint64_t *key, uint32_t bytes),
		      uint64_t seed);

/** accuracy_slots() - as many as there is room for in an epoch of @bytes. */
unsigned int accuracy_slots(size_t bytes);

#endif
