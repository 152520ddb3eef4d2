/* SPDX-License-Identifier: GPL-2.0 */
/* clock.h: what time it is, as one number. */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** clock_ns() - nanoseconds of @clock: CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, .. */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/** clock_ms() - likewise milliseconds. */
static inline uint64_t clock_ms(clockid_t clock)
{
	return clock_ns(clock) / 1000000;
}

/** clock_seconds() - likewise seconds, with their fraction. */
static inline double clock_seconds(clockid_t clock)
{
	return clock_ns(clock) * 1e-9;
}

#endif
