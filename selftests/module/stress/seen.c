// SPDX-License-Identifier: GPL-2.0
#include "selftests/module/stress/stress.h"

#include <stdarg.h>
#include <stdio.h>

struct shared *shared;

void broken(const char *format, ...)
{
	char line[400];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!atomic_exchange(&shared->broken, true))
		printf("# %s\n", line);
	fflush(stdout);
	atomic_store(&shared->left, 0);
}

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	random64();
}

uint64_t random64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

unsigned int below(unsigned int n)
{
	return (random64() >> 32) % n;
}

bool in_a_hundred(unsigned int n)
{
	return below(100) < n;
}

struct space *space;

uint64_t seen_running(void)
{
	pthread_mutex_lock(&space->lock);
	uint64_t n = space->running;
	pthread_mutex_unlock(&space->lock);
	return n;
}

void saw_running(uint64_t n, uint64_t floor, const char *where)
{
	if (n < floor)
		broken("%s: generation %llu runs after %llu did", where, (unsigned long long)n,
		       (unsigned long long)floor);
	pthread_mutex_lock(&space->lock);
	if (n > space->running)
		space->running = n;
	pthread_mutex_unlock(&space->lock);
}

uint64_t stamp_of(uint64_t generation)
{
	uint64_t stamp = 0;

	pthread_mutex_lock(&space->lock);
	if (space->known[generation % KNOWN].generation == generation)
		stamp = space->known[generation % KNOWN].stamp;
	pthread_mutex_unlock(&space->lock);
	return stamp;
}

void saw_stamp(uint64_t generation, uint64_t stamp, const char *where)
{
	uint64_t before = 0;

	if (!stamp)
		return;
	pthread_mutex_lock(&space->lock);
	if (space->known[generation % KNOWN].generation == generation)
		before = space->known[generation % KNOWN].stamp;
	else if (space->known[generation % KNOWN].generation < generation)
		space->known[generation % KNOWN].generation = generation;
	else
		before = stamp;
	if (!before)
		space->known[generation % KNOWN].stamp = stamp;
	pthread_mutex_unlock(&space->lock);
	if (before && before != stamp)
		broken("%s: generation %llu has stamp %llx and had %llx", where,
		       (unsigned long long)generation, (unsigned long long)stamp,
		       (unsigned long long)before);
}

uint64_t seen_candidate(void)
{
	pthread_mutex_lock(&space->lock);
	uint64_t n = space->candidate;
	pthread_mutex_unlock(&space->lock);
	return n;
}

void saw_candidate(uint64_t generation, uint64_t before, uint64_t stamp)
{
	if (generation <= before)
		broken("candidate %llu came after %llu", (unsigned long long)generation,
		       (unsigned long long)before);
	pthread_mutex_lock(&space->lock);
	if (generation > space->candidate)
		space->candidate = generation;
	pthread_mutex_unlock(&space->lock);
	saw_stamp(generation, stamp, "a candidate");
}
