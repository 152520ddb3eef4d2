// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "engine.h"
#include "policy/eval.h"
#include "policy/tree.h"
#include "set_model.h"
#include "world.h"

struct state {
	const struct scene *scene;
	struct world world;
	struct set_model sets;
	struct table flows;		/* flow_count.key, padded -> struct flow_count */
};

static void account(struct state *s, const struct eval_result *result)
{
	const struct eval_key *k = &result->key;
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];
	char name[sizeof(((struct flow_count *)0)->key)] = { 0 };
	struct flow_count *f;

	snprintf(name, sizeof(name), "%s %s %u %u %u",
		 k->src.family ? addr_format(&k->src, src) : "-",
		 k->dst.family ? addr_format(&k->dst, dst) : "-", k->proto, k->l4_src, k->l4_dst);
	f = table_put(&s->flows, name, NULL);
	memcpy(f->key, name, sizeof(name));
	f->exact = true;
	f->packets++;
	f->bytes += result->bytes;
}

static bool meets_rate(const struct eval_result *result)
{
	for (size_t i = 0; i < result->effects.len; i++)
		if (((struct eval_effect *)vec_at(&result->effects, i))->action->kind == DO_POLICE)
			return true;
	return false;
}

static int run(void *state, uint16_t port, const uint8_t mac[6], const uint8_t *frame,
	       uint32_t length, struct vec *out, struct text *why)
{
	struct state *s = state;
	struct eval_result result;

	(void)why;
	for (size_t i = 0; i < s->world.env.ports_len; i++)
		if (s->world.ports[i].number == port)
			memcpy(s->world.ports[i].mac, mac, 6);
	policy_eval(s->scene->policy, &s->world.env, port, frame, length, &result);
	for (size_t i = 0; i < result.outcomes.len; i++) {
		const struct eval_outcome *o = vec_at(&result.outcomes, i);
		struct treatment *t = treatment_push(out, o->reason);

		t->policed = meets_rate(&result);
		if (o->entry)
			policy_entry_name(o->entry, t->group);
		for (size_t j = 0; j < o->outputs.len; j++) {
			const struct eval_output *e = vec_at(&o->outputs, j);

			treatment_output(t, e->host ? 0 : e->port, e->frame, e->len);
		}
	}
	set_model_follow(&s->sets, frame, length, &result);
	if (result.measured)
		account(s, &result);
	eval_result_free(&result);
	return 0;
}

static int heavier(const void *a, const void *b)
{
	const struct flow_count *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->key, y->key);
}

static void flows(void *state, struct vec *out)
{
	struct state *s = state;
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&s->flows, &pos, &key, &value);)
		vec_append(out, value);
	qsort(out->data, out->len, out->elem_size, heavier);
}

static void close_state(void *state)
{
	struct state *s = state;

	world_close(&s->world);
	set_model_close(&s->sets);
	table_free(&s->flows);
	free(s);
}

int engine_eval_open(const struct scene *scene, struct engine *engine, struct text *why)
{
	struct state *s = xcalloc(1, sizeof(*s));

	(void)why;
	s->scene = scene;
	s->flows = (struct table){ .key_size = sizeof(((struct flow_count *)0)->key),
				   .value_size = sizeof(struct flow_count) };
	world_open(scene, &s->world);
	set_model_open(&s->sets, scene->image);
	set_model_env(&s->sets, &s->world.env);
	*engine = (struct engine){
		.name = "eval", .state = s, .run = run, .flows = flows, .close = close_state,
	};
	return 0;
}
