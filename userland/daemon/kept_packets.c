// SPDX-License-Identifier: GPL-2.0
#include "daemon/kept_packets.h"

#include <stdlib.h>

#include "base/kernel.h"

static bool has_met(const struct kept_packets *k, size_t rule)
{
	return rule < k->rules && k->met[rule / 64] >> (rule & 63) & 1;
}

static void meet(struct kept_packets *k, size_t rule)
{
	if (rule < k->rules)
		k->met[rule / 64] |= 1ull << (rule & 63);
}

void kept_packets_init(struct kept_packets *k, size_t rules)
{
	*k = (struct kept_packets){ .packets = VEC(struct witness), .random = 1, .rules = rules };
	k->met = xcalloc(rules / 64 + 1, sizeof(*k->met));
}

void kept_packets_free(struct kept_packets *k)
{
	vec_free(&k->packets);
	free(k->met);
	*k = (struct kept_packets){ .packets = VEC(struct witness) };
}

static void keep(struct kept_packets *k, const struct witness *w)
{
	k->seen++;
	if (k->packets.len < KEPT_PACKETS_MAX) {
		vec_append(&k->packets, w);
		return;
	}
	k->random = k->random * 6364136223846793005ull + 1442695040888963407ull;
	if ((k->random >> 33) % k->seen < KEPT_PACKETS_MAX)
		*(struct witness *)vec_at(&k->packets, (k->random >> 40) % KEPT_PACKETS_MAX) = *w;
}

void kept_packets_add(struct kept_packets *k, const struct witness *w)
{
	meet(k, w->policy.rule);
	for (uint32_t i = 0; i < w->policy.sides; i++)
		meet(k, w->policy.side[i]);
	keep(k, w);
}

bool kept_packets_translate(struct witness *w, const uint32_t *now, size_t before)
{
	struct match *m = &w->policy;

	if (m->rule != RULES_NONE) {
		if (m->rule >= before || now[m->rule] == RULES_NONE)
			return false;
		m->rule = now[m->rule];
	}
	for (uint32_t i = 0; i < m->sides; i++) {
		if (m->side[i] >= before || now[m->side[i]] == RULES_NONE)
			return false;
		m->side[i] = now[m->side[i]];
	}
	return true;
}

size_t kept_packets_met(const struct kept_packets *k, const uint32_t *now)
{
	size_t n = 0;

	for (size_t i = 0; i < k->rules; i++)
		n += has_met(k, i) && now[i] != RULES_NONE;
	return n;
}

void kept_packets_follow(struct kept_packets *k, struct kept_packets *before, const uint32_t *now)
{
	struct vec own = k->packets;
	struct witness *to;

	for (size_t i = 0; i < before->rules; i++)
		if (has_met(before, i) && now[i] != RULES_NONE)
			meet(k, now[i]);
	k->packets = before->packets;
	before->packets = VEC(struct witness);
	to = k->packets.data;
	for (size_t i = 0; i < k->packets.len; i++) {
		struct witness *w = vec_at(&k->packets, i);

		if (!kept_packets_translate(w, now, before->rules))
			continue;
		if (to != w)
			*to = *w;
		to++;
	}
	if (k->packets.data)
		k->packets.len = to - (struct witness *)k->packets.data;
	k->at = before->at;
	k->seen = before->seen;
	for (size_t i = 0; i < own.len; i++)
		keep(k, vec_at(&own, i));
	vec_free(&own);
	kept_packets_free(before);
}
