// SPDX-License-Identifier: GPL-2.0
#include "daemon/steps.h"

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

void steps_begin(struct steps *s)
{
	*s = (struct steps){ 0 };
	s->begun = s->mark = now();
}

void steps_from(struct steps *s)
{
	s->mark = now();
}

void steps_end(struct steps *s, enum step step)
{
	double t = now();

	s->took[step] += t - s->mark;
	s->mark = t;
	s->all = t - s->begun;
}

const char *steps_name(enum step step)
{
	static const char *const name[] = {
#define X(name) #name,
		COMMIT_STEPS(X)
#undef X
	};

	return name[step];
}
