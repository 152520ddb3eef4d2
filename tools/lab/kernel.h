/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kernel.h: asking the kernel of this network namespace where packets go, and changing that: straight
 * by rtnetlink, and by none of sluice's own code that does such things, which is what is judged
 * with it.
 */
#ifndef SLUICE_LAB_KERNEL_H
#define SLUICE_LAB_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"

struct kernel;

/* One way on. */
struct kernel_hop {
	uint32_t ifindex;
	struct addr via;	/* ADDR_NONE: the destination itself is on the link */
};

#define KERNEL_HOPS_MAX 64

struct kernel_says {
	bool forwards;		/* else it is local, or there is no way: the stack's affair */
	bool object;		/* by a nexthop object */
	unsigned int hops;	/* it takes one of them */
	struct kernel_hop hop[KERNEL_HOPS_MAX];
};

/** kernel_open() - Return: 0 or -errno. */
int kernel_open(struct kernel **k);
void kernel_close(struct kernel *k);

/**
 * kernel_ask() - where a packet from @source to @to goes that came in by @in: RTM_GETROUTE.
 * Return: 0 or -errno.
 */
int kernel_ask(struct kernel *k, const struct addr *to, const struct addr *source, uint32_t in,
	       struct kernel_says *says);

/**
 * kernel_change() - enters the route of @prefix by @via in table main, in place of what was; or, if
 * @via is NULL, takes out the one that was entered so.
 * Return: 0; -ESRCH if there was none; another -errno.
 */
int kernel_change(struct kernel *k, const struct prefix *prefix, const struct addr *via);

/** kernel_prefixes() - appends the prefixes of all unicast routes of @table to @prefixes. */
int kernel_prefixes(struct kernel *k, uint32_t table, struct vec *prefixes);

/** kernel_learn() - reads the neighbours and the links anew, for the two below. */
int kernel_learn(struct kernel *k);

/** kernel_neighbour() - the MAC address that frames to @via on @ifindex bear. Return: NULL if none is known. */
const uint8_t *kernel_neighbour(const struct kernel *k, uint32_t ifindex, const struct addr *via);

/** kernel_link() - of an interface itself. Return: NULL if there is none. */
const uint8_t *kernel_link(const struct kernel *k, uint32_t ifindex);

/** kernel_listen() - notifications of routes come to @fd from now on. Return: @fd or -errno. */
int kernel_listen(void);

/** kernel_heard() - takes what is waiting at @fd. Return: how many notifications, or -ENOBUFS: some were lost. */
int kernel_heard(int fd);

#endif
