/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_shim.h: what store.c takes from the kernel, and the same by its name in userland.
 *
 * Nothing here is new: each userland line gives a kernel function the meaning it has
 * there. What store.c needs and this file lacks is added here, in both halves.
 */
#ifndef SLUICE_STORE_SHIM_H
#define SLUICE_STORE_SHIM_H

#ifdef __KERNEL__

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

#else

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX

#define GFP_KERNEL_ACCOUNT 0
#define kvmalloc(size, gfp) malloc(size)
#define kvzalloc(size, gfp) calloc(1, size)
#define kvfree(p) free((void *)(p))

#define cond_resched() do { } while (0)
#define ktime_get_real_seconds() ((u64)time(NULL))

#endif
#endif
