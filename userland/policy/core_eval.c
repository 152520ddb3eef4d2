// SPDX-License-Identifier: GPL-2.0
/*
 * core_eval.c: the meaning of the core language, one packet at a time, as plainly as it can be said.
 *
 * A machine with a stack of work: a copy of the packet, the expression that it is in front of, and
 * what comes behind that. A sum makes two copies of one; a test that does not hold ends one. Nothing
 * recurses but predicates, for lists of rules are as long as their policies.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/core.h"
#include "policy/field.h"


/* What is to be done behind an expression; NULL: nothing. */
struct then {
	const struct core_expression *e;
	const struct then *next;
};

struct work {
	struct core_copy copy;
	const struct then *then;
};

struct machine {
	const struct core *core;
	const struct core_world *world;
	struct arena arena;
	struct vec work;		/* of struct work */
	struct vec *copies;
};

/* ---- tests ----------------------------------------------------------- */

/* The number of @field, if the packet has it. TCP's and UDP's ports are l4's. */
static bool value_of(const struct core_copy *c, unsigned int field, uint64_t *value)
{
	const struct frame_fields *f = &c->fields;

	switch (field) {
	case CORE_OUT:
		*value = c->fate == CORE_TO_HOST ? CORE_HOST : c->port;
		return c->fate == CORE_TO_HOST || c->fate == CORE_TO_PORT;
	case FIELD_TCP_SRC:
	case FIELD_UDP_SRC:
		*value = f->value[FIELD_L4_SRC];
		break;
	case FIELD_TCP_DST:
	case FIELD_UDP_DST:
		*value = f->value[FIELD_L4_DST];
		break;
	default:
		*value = f->value[field];
		break;
	}
	return frame_has(f, field);
}

static bool is_address(unsigned int field)
{
	return field == FIELD_IP_SRC || field == FIELD_IP_DST;
}

static bool test_holds(const struct core_copy *c, const struct core_expression *e)
{
	const struct addr *a = e->field == FIELD_IP_SRC ? &c->fields.src : &c->fields.dst;
	bool among = false;
	uint64_t value;

	if (is_address(e->field)) {
		if (!frame_has(&c->fields, e->field))
			return false;
		for (size_t i = 0; i < e->values; i++)
			among |= prefix_covers(&e->prefixes[i], a);
		return among != e->unequal;
	}
	if (!value_of(c, e->field, &value))
		return false;
	for (size_t i = 0; i < e->values; i++)
		among |= e->ranges[i].first <= value && value <= e->ranges[i].last;
	return among != e->unequal;
}

static bool set_has(const struct machine *m, const struct core_copy *c, const struct core_expression *e)
{
	return m->world->in_set && frame_has(&c->fields, e->field) &&
	       m->world->in_set(m->world->context, e->text, e->field, &c->fields);
}

static bool holds(const struct machine *m, const struct core_copy *c, const struct core_expression *p)
{
	switch (p->kind) {
	case CORE_ID:
		return true;
	case CORE_TEST:
		return test_holds(c, p);
	case CORE_SET:
		return set_has(m, c, p);
	case CORE_NOT:
		return !holds(m, c, p->kid[0]);
	case CORE_SUM:
		for (size_t i = 0; i < p->kids; i++)
			if (holds(m, c, p->kid[i]))
				return true;
		return false;
	case CORE_SEQUENCE:
		for (size_t i = 0; i < p->kids; i++)
			if (!holds(m, c, p->kid[i]))
				return false;
		return true;
	default:
		return false;
	}
}

/* ---- changes --------------------------------------------------------- */

static void change(struct frame_fields *f, enum policy_field field, uint64_t value)
{
	if (frame_has(f, field))
		f->value[field] = value;
}

/* One tag, of priority 0, or none. */
static void set_tag(struct frame_fields *f, uint64_t id)
{
	const uint32_t tag = 1u << FIELD_VLAN_ID | 1u << FIELD_VLAN_PCP;

	f->has = id == CORE_NO_TAG ? f->has & ~tag : f->has | tag;
	f->value[FIELD_VLAN_ID] = id == CORE_NO_TAG ? 0 : id;
	f->value[FIELD_VLAN_PCP] = 0;
	f->inner = false;
	f->inner_id = 0;
}

static void assign(struct core_copy *c, const struct core_expression *e)
{
	struct addr *a = e->field == FIELD_IP_SRC ? &c->fields.src : &c->fields.dst;
	struct frame_fields *f = &c->fields;

	switch (e->field) {
	case CORE_OUT:
		c->fate = e->value == CORE_HOST ? CORE_TO_HOST : CORE_TO_PORT;
		c->port = e->value == CORE_HOST ? 0 : e->value;
		break;
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
		if (frame_has(f, e->field) && a->family == e->address.family)
			*a = e->address;
		break;
	case FIELD_VLAN_ID:
		set_tag(f, e->value);
		break;
	case FIELD_L4_SRC:
		change(f, FIELD_TCP_SRC, e->value);
		change(f, FIELD_UDP_SRC, e->value);
		change(f, FIELD_L4_SRC, e->value);
		break;
	case FIELD_L4_DST:
		change(f, FIELD_TCP_DST, e->value);
		change(f, FIELD_UDP_DST, e->value);
		change(f, FIELD_L4_DST, e->value);
		break;
	default:
		change(f, e->field, e->value);
		break;
	}
}

/* ---- the machine ----------------------------------------------------- */

static void push(struct machine *m, const struct core_copy *c, const struct core_expression *e,
		 const struct then *then)
{
	struct then *first = arena_alloc(&m->arena, sizeof(*first));
	struct work *w = vec_push(&m->work);

	*first = (struct then){ e, then };
	w->copy = *c;
	w->copy.marks = VEC(const struct core_expression *);
	for (size_t i = 0; i < c->marks.len; i++)
		vec_append(&w->copy.marks, vec_at(&c->marks, i));
	w->then = first;
}

static void free_copy(struct core_copy *c)
{
	vec_free(&c->marks);
}

/* A copy that goes no further: as it is, or, @dropped, only as far as it was marked. */
static void end(struct machine *m, struct core_copy *c, bool dropped)
{
	if (dropped && !c->marks.len) {
		free_copy(c);
		return;
	}
	if (dropped) {
		c->fate = CORE_GONE;
		c->port = 0;
		c->fields = (struct frame_fields){ 0 };
	}
	vec_append(m->copies, c);
}

/* One copy, until it has nothing more in front of it. */
static void run(struct machine *m, struct core_copy c, const struct then *then)
{
	const struct core_expression *e;

	while (then) {
		e = then->e;
		then = then->next;
		switch (e->kind) {
		case CORE_ID:
			break;
		case CORE_ASSIGN:
			assign(&c, e);
			break;
		case CORE_LESS:
			if (c.fields.value[FIELD_IP_TTL])
				change(&c.fields, FIELD_IP_TTL, c.fields.value[FIELD_IP_TTL] - 1);
			break;
		case CORE_ROUTE:
			c.fate = CORE_ROUTED;
			c.port = 0;
			break;
		case CORE_MARK:
			vec_append(&c.marks, &e);
			if (e->mark == CORE_POLICE && m->world->over &&
			    m->world->over(m->world->context, e)) {
				end(m, &c, true);
				return;
			}
			break;
		case CORE_SEQUENCE:
			for (size_t i = e->kids; i-- > 0; ) {
				struct then *one = arena_alloc(&m->arena, sizeof(*one));

				*one = (struct then){ e->kid[i], then };
				then = one;
			}
			break;
		case CORE_IF: {
			struct then *one = arena_alloc(&m->arena, sizeof(*one));

			*one = (struct then){ e->kid[holds(m, &c, e->kid[0]) ? 1 : 2], then };
			then = one;
			break;
		}
		case CORE_SUM:
			for (size_t i = 0; i < e->kids; i++)
				push(m, &c, e->kid[i], then);
			free_copy(&c);
			return;
		default:
			if (holds(m, &c, e))
				break;
			end(m, &c, true);
			return;
		}
	}
	end(m, &c, false);
}

/* ---- sets of copies -------------------------------------------------- */

static bool same_mark(const struct core_expression *a, const struct core_expression *b)
{
	return a->mark == b->mark && !strcmp(a->text, b->text);
}

/* Whether @longer begins with the marks of @shorter. */
static bool begins(const struct core_copy *longer, const struct core_copy *shorter)
{
	if (longer->marks.len < shorter->marks.len)
		return false;
	for (size_t i = 0; i < shorter->marks.len; i++)
		if (!same_mark(*(const struct core_expression **)vec_at(&longer->marks, i),
			       *(const struct core_expression **)vec_at(&shorter->marks, i)))
			return false;
	return true;
}

static bool same_copy(const struct core_copy *a, const struct core_copy *b)
{
	return a->fate == b->fate && a->port == b->port && a->marks.len == b->marks.len &&
	       begins(a, b) && a->fields.has == b->fields.has &&
	       !memcmp(a->fields.value, b->fields.value, sizeof(a->fields.value)) &&
	       addr_equal(&a->fields.src, &b->fields.src) &&
	       addr_equal(&a->fields.dst, &b->fields.dst) && a->fields.inner == b->fields.inner &&
	       a->fields.inner_id == b->fields.inner_id;
}

/* Whether a copy is there already, or says of marks only what another does. */
static bool is_idle(const struct vec *copies, size_t i)
{
	const struct core_copy *c = vec_at(copies, i);

	for (size_t j = 0; j < copies->len; j++) {
		const struct core_copy *other = vec_at(copies, j);

		if (j < i && same_copy(other, c))
			return true;
		if (j != i && c->fate == CORE_GONE && begins(other, c) && !same_copy(other, c))
			return true;
	}
	return false;
}

static void tidy(struct vec *copies)
{
	bool *idle = xcalloc(copies->len, sizeof(*idle));
	size_t kept = 0;

	for (size_t i = 0; i < copies->len; i++)
		idle[i] = is_idle(copies, i);
	for (size_t i = 0; i < copies->len; i++) {
		struct core_copy *c = vec_at(copies, i);

		if (idle[i])
			free_copy(c);
		else
			*(struct core_copy *)vec_at(copies, kept++) = *c;
	}
	copies->len = kept;
	free(idle);
}

void core_eval(const struct core *core, const struct core_world *world,
	       const struct frame_fields *packet, struct vec *copies)
{
	struct machine m = { .core = core, .world = world, .work = VEC(struct work), .copies = copies };
	const struct core_copy first = { .fields = *packet, .marks = VEC(const struct core_expression *) };

	*copies = VEC(struct core_copy);
	push(&m, &first, core->root, NULL);
	while (m.work.len) {
		struct work w = *(struct work *)vec_at(&m.work, m.work.len - 1);

		vec_pop(&m.work);
		run(&m, w.copy, w.then);
	}
	tidy(copies);
	vec_free(&m.work);
	arena_free(&m.arena);
}

void core_copies_free(struct vec *copies)
{
	for (size_t i = 0; i < copies->len; i++)
		free_copy(vec_at(copies, i));
	vec_free(copies);
}
