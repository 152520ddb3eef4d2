/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kernel_memory.h: what the kernel holds, so that a test can tell whether it grows.
 *
 * The store charges what it takes to kmalloc's caches and, above 8 kB, to the pages behind them;
 * both are counted as unreclaimable slab. Caches keep what was freed for a while, so they are
 * shrunk first.
 */
#ifndef SLUICE_SELFTESTS_KERNEL_MEMORY_H
#define SLUICE_SELFTESTS_KERNEL_MEMORY_H

#include <stdbool.h>

/** kernel_memory_kB() - unreclaimable slab, after all caches were shrunk; -1: unknown. */
long kernel_memory_kB(void);

/**
 * kernel_namespaces_settled() - how many network namespaces there are; -1: unknown. They end in
 * the background: waits until there are no more than @wanted, for half a minute. LONG_MAX: until none
 * has ended for some seconds.
 */
long kernel_namespaces_settled(long wanted);

/** kernel_module_uses() - the reference count of the module; -1: it is not loaded. */
long kernel_module_uses(void);

/** kernel_watches_memory() - KASAN's quarantine makes figures useless there, and kmemleak better. */
bool kernel_watches_memory(void);

#endif
