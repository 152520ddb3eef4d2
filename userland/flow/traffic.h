/* SPDX-License-Identifier: GPL-2.0 */
/*
 * traffic.h: streams of packets whose truth is known, for tests and benchmarks of measurement.
 *
 * From a published histogram of flow sizes (flow-models, AGH campus, 2015: an hour of
 * 6.5 million flows, unsampled), or from a capture.
 */
#ifndef SLUICE_FLOW_TRAFFIC_H
#define SLUICE_FLOW_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/vec.h"
#include "bpf/flow.h"

struct traffic_packet {
	uint32_t time_us;	/* from the start */
	uint32_t flow;		/* number: keys[flow] */
	uint32_t bytes;		/* of the frame */
};

struct traffic {
	struct vec packets;	/* of struct traffic_packet, in the order of time */
	struct vec keys;	/* of struct flow_key, by flow number, all different */
};

struct traffic_model {
	double flows_per_s;	/* that begin; the AGH hour has 1,810 */
	double seconds;
	double packet_rate_min;	/* packets a second of one flow: log-uniform */
	double packet_rate_max;
	double lifetime_max;	/* seconds of one flow, at whatever rate that takes */
	uint64_t seed;
};

#define TRAFFIC_MODEL_AGH .flows_per_s = 1810, .seconds = 5, .packet_rate_min = 2, \
	.packet_rate_max = 2000, .lifetime_max = 300

/**
 * traffic_generate() - packets of flows that begin at random and send evenly over their life;
 * flows that began before the start are there as in a steady state.
 * @histogram: CSV text with the head "bin_lo,bin_hi,flows_sum,packets_sum,octets_sum".
 * Return: 0, or -EINVAL if @histogram is not such a text.
 */
int traffic_generate(struct traffic *t, const char *histogram, const struct traffic_model *model);

/**
 * traffic_read_agh() - appends the AGH hour's histogram of flow sizes to @histogram.
 * @data: the folder that has pcap/agh-flow-models.tar.xz.
 * Return: 0, or -ENOENT.
 */
int traffic_read_agh(const char *data, struct text *histogram);

/**
 * traffic_read_pcap() - the IP packets of a capture, plain or gzip, by 5-tuple; frames' original
 * lengths count. Return: 0, or -ENOENT: no such capture, or nothing in it.
 */
int traffic_read_pcap(struct traffic *t, const char *path);

void traffic_free(struct traffic *t);

/** random_u64(), random_unit() - xorshift64*; the state must not be 0. In [0, 1). */
static inline uint64_t random_u64(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline double random_unit(uint64_t *state)
{
	return (random_u64(state) >> 11) * 0x1p-53;
}

#endif
