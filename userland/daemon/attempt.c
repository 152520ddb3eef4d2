// SPDX-License-Identifier: GPL-2.0
#include "daemon/attempt.h"

#include <errno.h>
#include <stdlib.h>

#include "analyse/questions.h"
#include "compile/compile.h"
#include "compile/like.h"
#include "image/image.h"
#include "policy/tree.h"

struct attempt *attempt_new(enum wish wish, uint64_t generation)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	a->wish = wish;
	a->generation = generation;
	diags_init(&a->diags);
	return a;
}

bool attempt_is_candidate(const struct attempt *a)
{
	return a->wish == WISH_COMMIT || a->wish == WISH_ROLLBACK;
}

void attempt_free(struct attempt *a)
{
	diags_free(&a->diags);
	inputs_free(&a->inputs);
	if (a->policy)
		policy_free(a->policy);
	image_free(a->image);
	witnesses_free(&a->witnesses);
	text_free(&a->why);
	free(a);
}

/* ---- from documents and objects to an image ------------------------------------------ */

static int read_policy(struct attempt *a)
{
	a->policy = inputs_parse(&a->inputs, &a->diags);
	return a->diags.errors ? -EINVAL : 0;
}

/* What runs, or ran, was proved when it was committed. */
static int prove(struct attempt *a, unsigned int prove_ms)
{
	double seconds = prove_ms ? prove_ms / 1e3 : ANALYSE_SECONDS;

	if (a->wish != WISH_COMMIT)
		return 0;
	return analyse_asserts(a->policy, seconds, "sluiced --prove-time", &a->diags) ? 0 : -EINVAL;
}

static int compile(struct attempt *a, const struct policy *policy, const struct image *running, size_t budget)
{
	const struct compile_options options = { .budget = budget, .before = policy, .image_before = running };
	int err = compile_policy(a->policy, &a->numbering, &options, &a->image, &a->diags);

	if (err)
		return err;
	if (!running || filter_lay_like(&a->image->filter, &running->filter.shape))
		filter_make_room(&a->image->filter, options.budget);
	return 0;
}

void attempt_make_image(struct attempt *a, const struct policy *policy, const struct image *running,
			unsigned int prove_ms, size_t budget)
{
	steps_from(&a->steps);
	a->err = read_policy(a);
	steps_end(&a->steps, STEP_parse);
	if (!a->err)
		a->err = prove(a, prove_ms);
	steps_end(&a->steps, STEP_prove);
	if (!a->err)
		a->err = compile(a, policy, running, budget);
	steps_end(&a->steps, STEP_compile);
}

/* ---- is it what the policy says -------------------------------------------------------- */

void attempt_ask_witnesses(struct attempt *a, const struct witnesses_before *before, unsigned int witness_ms,
			   const char *refused)
{
	bool anew = a->wish == WISH_RUNNING || !before->policy;

	steps_from(&a->steps);
	a->err = witnesses_check(a->policy, a->image, a->staged, anew ? NULL : before, witness_ms, refused,
				 &a->witnesses, &a->why);
	steps_end(&a->steps, STEP_witnesses);
}
