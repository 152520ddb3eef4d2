/* SPDX-License-Identifier: GPL-2.0 */
/*
 * neighbour.h: asks the kernel to keep a neighbour's link-layer address known, though no packet
 * of its own goes there (NTF_EXT_MANAGED, Linux 5.16): it resolves it at once, and again whenever
 * that gets old. What comes of it is heard by the mirror, as of any other neighbour.
 */
#ifndef SLUICE_NETLINK_NEIGHBOUR_H
#define SLUICE_NETLINK_NEIGHBOUR_H

#include <stdint.h>

#include "base/addr.h"

struct neighbour_asker;

/** neighbour_asker_open() - Return: 0 or -errno. Calls below wait for the kernel's answer, microseconds. */
int neighbour_asker_open(struct neighbour_asker **asker);
void neighbour_asker_close(struct neighbour_asker *asker);

/**
 * neighbour_keep() - one that an administrator set to be permanent is left alone.
 * -ENETDOWN, -ENODEV: not now.
 */
int neighbour_keep(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a);

/**
 * neighbour_use() - one that is stale was sent to: the kernel shall ask whether it is still there, as if
 * it had been by a packet of its own. Not for one that is kept, which would cease to be.
 */
int neighbour_use(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a);

/** neighbour_release() - the kernel may forget it again. One that is not there is no error. */
int neighbour_release(struct neighbour_asker *asker, uint32_t ifindex, const struct addr *a);

#endif
