/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wire.h: a router between wires, in network namespaces of the benchmark's own.
 *
 *	   ends                router               ends
 *	  [ src ]----veth----[ in   out0 ]----veth----[ rx0 ]
 *	   pump               [      out1 ]----veth----[ rx1 ]
 *	                         ...                    sinks
 *
 * The pump is a test run of live frames in the namespace "ends" that sends into
 * src; sinks are native XDP programs on rx0.. that count and drop. Every frame goes the whole
 * way on the CPU that pumps, so the CPU time of that thread is what a packet costs, and that of the
 * CPU's ksoftirqd: where a batch takes longer than softirqs may (2 ms), that goes on with it, while
 * the pump fills the rings. A smaller batch keeps such a machine from losing packets.
 * Every contender has a wire of its own, set up once; they take turns.
 */
#ifndef SLUICE_BENCH_WIRE_H
#define SLUICE_BENCH_WIRE_H

#include <stdint.h>

#include "tools/bench/wire_layout.h"

#define WIRE_OUTS_MAX 64

struct wire;

/**
 * wire_new() - lays it. In the router: "in" 10.9.0.1/24 with the address 02:00:00:00:09:01, neighbour
 * 10.9.0.7; outN 10.10.N.1/24 with 02:00:00:00:0a:N, neighbour 10.10.N.2 at
 * 02:00:00:00:0b:N. GRO is on for all, so that frames that were redirected are taken.
 * Return: 0, or -errno (said on standard error).
 */
int wire_new(unsigned int outs, struct wire **wire);
void wire_free(struct wire *w);

/** wire_enter() - moves this thread into the router's namespace; wire_leave(), back again. */
int wire_enter(const struct wire *w);
int wire_leave(void);

/** wire_run() - runs "ip", "tc" or "bridge" commands in the router, one a line. Return: 0 or -EIO (said). */
int wire_run(const struct wire *w, const char *program, const char *commands);

/** wire_feed() - runs @command in the router, by the shell, with @input. Return: its exit code, or -errno. */
int wire_feed(const struct wire *w, const char *command, const char *input);

/** wire_read() - runs @command in the router, and takes the first number that it says. Return: likewise. */
int wire_read(const struct wire *w, const char *command, uint64_t *number);

/** wire_ifindex() - in the router: of "in", or of outN. */
uint32_t wire_in(const struct wire *w);
uint32_t wire_out(const struct wire *w, unsigned int n);

/** wire_in_mac(), wire_out_mac() - of the router's side. */
void wire_in_mac(uint8_t mac[6]);
void wire_out_mac(unsigned int n, uint8_t mac[6]);

/** wire_attach() - a program of wire.bpf.c ("bare_broadcast", "fib_forward") onto "in". */
int wire_attach(struct wire *w, const char *program);

/**
 * wire_aim() - what the pump sends: UDP frames of @length bytes to @destinations[0 .. count - 1] in
 * turn (network order, count a power of two up to WIRE_TARGETS); to a multicast group if it is one.
 */
int wire_aim(struct wire *w, const uint32_t *destinations, unsigned int count, unsigned int length);

/** wire_batch() - how many frames the pump sends at once: 64, unless said. */
void wire_batch(struct wire *w, unsigned int frames);

/**
 * wire_pump() - sends @frames, and waits until @copies of each came out, or no more come.
 * @lost: copies that did not.
 * Return: nanoseconds a frame, or less than 0.
 */
double wire_pump(struct wire *w, unsigned int frames, unsigned int copies, uint64_t *lost);

/** wire_sunk() - what came out at rxN so far. */
uint64_t wire_sunk(struct wire *w, unsigned int n);

#endif
