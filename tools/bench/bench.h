/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench.h: what the benchmarks share: contenders that take turns, and one way to
 * say what came of it.
 *
 * A machine's speed drifts with its neighbours' load, by more than contenders
 * differ. So they are measured in turns, one after the other, round by round, in a new
 * order each, and what is reported is the median and the spread over rounds.
 * Read ratios between contenders of one run, not figures of different runs.
 */
#ifndef SLUICE_BENCH_H
#define SLUICE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/vec.h"

/* Each verb is a file; main.c lists them. */
int bench_classify(int argc, char **argv);
int bench_fanout(int argc, char **argv);
int bench_forward(int argc, char **argv);
int bench_lookup(int argc, char **argv);
int bench_measure(int argc, char **argv);
int bench_store(int argc, char **argv);

struct spread {
	double median, min, max;
};

struct contender {
	const char *engine;	/* stable: "sluice", "lpm_trie", ... */
	const char *where;	/* "xdp", "native", ... */
	/* One turn. Return: nanoseconds an operation; less than 0: it cannot. */
	double (*turn)(struct contender *c, unsigned int round);
	void *its;		/* what turn() needs */
	struct vec samples;	/* of double */
};

/** contenders_run() - @rounds rounds; the samples of before are forgotten. */
void contenders_run(struct contender **c, size_t n, unsigned int rounds);

/** contender_spread() - over its samples; all 0 if there are none. */
struct spread contender_spread(const struct contender *c);

/** contender_ratio() - of @c's time to @to's, round by round; all 0 if a turn of either failed. */
struct spread contender_ratio(const struct contender *c, const struct contender *to);

/** bench_random() - the same numbers in each run. */
uint64_t bench_random(void);

/** bench_now() - seconds of a clock that only goes forward. */
double bench_now(void);

/**
 * bench_cpu() - seconds of CPU that this thread has had, in the kernel and out of it: what
 * others took from it meanwhile does not count.
 */
double bench_cpu(void);

/**
 * bench_rib() - the routes of the file @path (lpm/rib.h), appended to @routes, of struct rib_route.
 * Return: 0, or -errno (said on standard error, as are records that were passed over).
 */
int bench_rib(const char *path, struct vec *routes);

/**
 * bench_line() - prints @line, and takes it: one JSON object a line, or "key value"
 * pairs in columns for people.
 */
void bench_line(json_t *line, bool as_json);

/* What goes into a line by bench_line(). */
json_t *bench_spread(json_t *line, const struct spread *ns);

#endif
