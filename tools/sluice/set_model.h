/* SPDX-License-Identifier: GPL-2.0 */
/*
 * set_model.h: what is in the sets of a policy while packets come, where no data path keeps it.
 *
 * At first a set has its elements of the configuration; then what rules insert, as long as there is
 * room: one more element than the set's size is not taken. Nothing expires (timeless.h).
 */
#ifndef SLUICE_TOOLS_SET_MODEL_H
#define SLUICE_TOOLS_SET_MODEL_H

#include "base/table.h"
#include "policy/eval.h"

struct image;

struct set_model {
	const struct image *image;
	struct table elements;		/* of all sets */
	uint32_t *count;		/* by set: elements that take room */
};

/** set_model_open() - @image: after image_stop_time(); it stays where it is. */
void set_model_open(struct set_model *m, const struct image *image);

/** set_model_env() - makes @env ask @m, which stays where it is. */
void set_model_env(struct set_model *m, struct eval_env *env);

/** set_model_follow() - inserts what policy_eval() says that rules insert of a frame. */
void set_model_follow(struct set_model *m, const void *frame, size_t length,
		      const struct eval_result *result);

void set_model_close(struct set_model *m);

#endif
