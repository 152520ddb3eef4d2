/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kept_packets.h: packets that showed something when a generation was asked, kept for the next one.
 *
 * Each is known by the rules that it met. When rules are numbered anew, the numbers follow; packets whose
 * rules are no more go. Of very many some are kept, each with the same chance (reservoir sampling: Vitter,
 * Random sampling with a reservoir, 1985).
 */
#ifndef SLUICE_DAEMON_KEPT_PACKETS_H
#define SLUICE_DAEMON_KEPT_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "verify/verify.h"

#define KEPT_PACKETS_MAX 16384

struct kept_packets {
	struct vec packets;	/* of struct witness */
	uint64_t seen;		/* how many there were to choose from */
	uint64_t random;
	uint64_t *met;		/* bit: rule that some packet met, kept or not */
	size_t rules;
	size_t at;		/* from where on they are asked again: the next ones each time */
};

void kept_packets_init(struct kept_packets *k, size_t rules);
void kept_packets_free(struct kept_packets *k);

/** kept_packets_add() - @w was the first to show something. */
void kept_packets_add(struct kept_packets *k, const struct witness *w);

/**
 * kept_packets_translate() - @w, in the numbers that rules have now.
 * @now: by old number; RULES_NONE: there is no such rule any more. @before: how many.
 * Return: whether it has all of its rules still.
 */
bool kept_packets_translate(struct witness *w, const uint32_t *now, size_t before);

/** kept_packets_met() - how many rules some packet met that are there still. */
size_t kept_packets_met(const struct kept_packets *k, const uint32_t *now);

/** kept_packets_follow() - @before's, in the numbers of now, go on in @k; @before is empty then. */
void kept_packets_follow(struct kept_packets *k, struct kept_packets *before, const uint32_t *now);

#endif
