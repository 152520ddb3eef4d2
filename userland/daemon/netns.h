/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netns.h: the network namespace that the daemon works in.
 *
 * It is entered by setns(2), the network alone: `ip netns exec` would mount another /sys, and
 * hide every bpffs of the machine with it.
 */
#ifndef SLUICE_DAEMON_NETNS_H
#define SLUICE_DAEMON_NETNS_H

#include <stdint.h>

struct text;

/**
 * netns_enter() - enters the namespace that `ip netns` calls @name.
 * Return: 0, or -errno and a sentence: -EINVAL for what cannot be a name, -ENOENT.
 */
int netns_enter(const char *name, struct text *why);

/** netns_cookie() - the number of the namespace that this thread is in: never used again, until a reboot. */
uint64_t netns_cookie(void);

#endif
