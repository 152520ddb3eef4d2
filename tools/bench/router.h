/* SPDX-License-Identifier: GPL-2.0 */
/*
 * router.h: sluice itself on a wire: the real programs, attached, without the daemon.
 */
#ifndef SLUICE_BENCH_ROUTER_H
#define SLUICE_BENCH_ROUTER_H

#include <stddef.h>

#include "lpm/rib.h"

struct router;
struct wire;

/**
 * router_new() - compiles @policy, whose first port is on "in" and the others on "out0".., and attaches it.
 * @routes: next hop N is behind port N % (@outs + 1), "in" being the first.
 * Return: 0, or -errno (said on standard error).
 */
int router_new(const struct wire *wire, unsigned int outs, const char *policy,
	       const struct rib_route *routes, size_t n, struct router **router);
void router_free(struct router *r);

/**
 * bench_bpf_folder() - the name of a folder that is not there yet, in a bpffs in a mount namespace of
 * this process's own: gone with it, whatever happens.
 */
int bench_bpf_folder(char *folder, size_t size);

#endif
