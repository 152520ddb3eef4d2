/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netns.h: network namespaces by the names that `ip netns` gives them.
 *
 * One is entered by setns(2), the network alone: `ip netns exec` would mount another /sys, and
 * hide every bpffs of the machine with it. It is the calling thread that enters.
 */
#ifndef SLUICE_BASE_NETNS_H
#define SLUICE_BASE_NETNS_H

#include <stdint.h>

struct text;

/**
 * netns_enter() - enters the namespace @name, for good.
 * Return: 0, or -errno and a sentence: -EINVAL for what cannot be a name, -ENOENT.
 */
int netns_enter(const char *name, struct text *why);

/**
 * netns_visit() - enters the namespace @name; netns_return() leaves it again.
 * @home: the way back, for netns_return(), which closes it.
 * Return: as netns_enter(), and then there is nothing to return from.
 */
int netns_visit(const char *name, int *home, struct text *why);

/** netns_return() - ends the program where there is no way back: nobody may go on in a wrong place. */
void netns_return(int home);

/** netns_cookie() - the number of the namespace that this thread is in: never used again, until a reboot. */
uint64_t netns_cookie(void);

#endif
