// SPDX-License-Identifier: GPL-2.0
#include "fib/source_ways.h"

#include <string.h>

#include "fib/fib.h"

void source_ways_init(struct source_ways *w, struct nexthops *memory, void (*grace)(void *user),
		      void *user)
{
	*w = (struct source_ways){ .memory = memory, .grace = grace, .user = user };
	w->numbers = TABLE(struct route_ways, uint16_t);
}

void source_ways_free(struct source_ways *w)
{
	table_free(&w->numbers);
}

/* Return: false if there are more ports than there is room for. */
static bool add_port(struct route_ways *ways, uint32_t key)
{
	unsigned int i = 0;

	while (i < WAY_PORTS && ways->port[i] && ways->port[i] < key)
		i++;
	if (i < WAY_PORTS && ways->port[i] == key)
		return true;
	if (ways->port[WAY_PORTS - 1])
		return false;
	memmove(&ways->port[i + 1], &ways->port[i], (WAY_PORTS - 1 - i) * sizeof(*ways->port));
	ways->port[i] = key;
	return true;
}

/* A next hop whose way on is not known here makes the whole unknown: the stack is asked. */
static struct route_ways ways_of(const struct fib_route *route, bool fallback)
{
	struct route_ways ways = { .reason = REASON_forwarded };

	for (unsigned int i = 0; i < route->nexthops; i++) {
		const struct fib_nexthop *hop = &route->nexthop[i];

		switch (hop->reason) {
		case REASON_forwarded:
		case REASON_no_neighbour:
			if (!add_port(&ways, VIEW_KEY(hop->port, hop->vlan & 0xfff)))
				return (struct route_ways){ .reason = REASON_not_followed };
			break;
		case REASON_no_port:
			break;		/* nothing comes in there */
		default:
			return (struct route_ways){ .reason = hop->reason };
		}
	}
	ways.flags = fallback ? WAYS_DEFAULT : 0;
	return ways;
}

/* All numbers are given out: takes back those that no group has. */
static void sweep(struct source_ways *w)
{
	bool used[WAYS_MAX] = { false };
	const void *key;
	void *value;

	if (w->grace)
		w->grace(w->user);
	for (unsigned int i = 0; i < NEXTHOP_GROUPS_MAX; i++)
		used[w->memory->way[i]] = true;
	for (size_t pos = 0; table_next(&w->numbers, &pos, &key, &value); ) {
		uint16_t number = *(uint16_t *)value;

		if (used[number])
			continue;
		memset(&w->memory->ways[number], 0, sizeof(w->memory->ways[number]));
		table_del(&w->numbers, key);
	}
}

static uint16_t free_number(struct source_ways *w)
{
	if (w->used < WAYS_MAX - 1)
		return ++w->used;
	if (w->numbers.len == WAYS_MAX - 1)
		sweep(w);
	for (unsigned int i = 1; i < WAYS_MAX; i++)
		if (!w->memory->ways[i].reason)
			return i;
	return 0;
}

void source_ways_set(struct source_ways *w, uint16_t group, const struct fib_route *route,
		     bool fallback)
{
	struct route_ways ways = ways_of(route, fallback);
	uint16_t *known = table_get(&w->numbers, &ways), number = known ? *known : free_number(w);

	if (!known && number) {
		w->memory->ways[number] = ways;
		*(uint16_t *)table_put(&w->numbers, &ways, NULL) = number;
	}
	__atomic_store_n(&w->memory->way[group], number, __ATOMIC_RELEASE);
}
