// SPDX-License-Identifier: GPL-2.0
/*
 * questions.c: assertions, as questions about regions.
 *
 * One partition for all of a policy's assertions: the rules of its filters are one list of it; where packets
 * from a port may go (ways.h) is another list for each port and target that is asked about;
 * predicates are boxes, one by one. "A packet from A that meets P, that the filter lets through, and that may leave by
 * B" is then: for some box of P, some rule that allows (or the end of the filter), some way that is
 * open: is there a packet that all three have, and no rule in front of the one, no way in front of
 * the other? With the tests of sets as fields of their own, a set may have anything in it.
 */
#include "analyse/questions.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/behaviour.h"
#include "analyse/compared.h"
#include "analyse/dead.h"
#include "analyse/regions.h"
#include "analyse/ways.h"
#include "base/diag.h"
#include "base/text.h"
#include "policy/print.h"
#include "policy/tree.h"

#define RULES		0	/* list of all rules; ways are in lists from 1 on */
#define ALL		UINT32_MAX
#define LANE_POLICE	1	/* may drop */
#define LANE_OTHER	2

/* What is asked of one port and one target. */
struct course {
	const struct policy_port *from;
	uint32_t from_box;
	unsigned int list;
	struct vec ways;		/* of struct way */
	uint32_t first_way;		/* box of the first */
};

struct asked {
	struct assertion *answer;
	struct rule_list predicate;
	uint32_t first_box;		/* of the predicate */
	struct vec courses;		/* of struct course */
};

struct questions {
	const struct policy *policy;
	struct behaviours b;
	struct regions *regions;
	struct vec asked;		/* of struct asked */
	struct rule **from;		/* by place of port: what comes in there */
	uint32_t *from_box;
	struct vec meeting;
	double seconds;
};

static const struct difference_entry *entry_at(const struct questions *q, uint32_t i)
{
	return vec_at(&q->b.of[0].list.entries, i);
}

static uint32_t order(const struct difference_entry *e)
{
	return 2 * e->number + !e->lane;
}

/* ---- what is asked ------------------------------------------------------------------- */

static bool about_packets(const struct policy_assert *a)
{
	return a->kind == ASSERT_ISOLATED || a->kind == ASSERT_REACHABLE || a->kind == ASSERT_NEVER;
}

static int take_assert(struct questions *q, const struct policy_assert *a, struct assertion *answer,
		       struct diags *diags)
{
	struct asked *asked = vec_push(&q->asked);

	*answer = (struct assertion){ .assert = a, .rules = VEC(const struct policy_rule *) };
	*asked = (struct asked){ .answer = answer, .predicate = RULE_LIST, .courses = VEC(struct course) };
	if (!about_packets(a))
		return 0;
	return behaviours_predicate(&q->b, a->predicate, a->unless, &asked->predicate, diags);
}

static void add_course(struct questions *q, struct asked *asked, size_t port, unsigned int *lists)
{
	const struct policy_assert *a = asked->answer->assert;
	struct course *c = vec_push(&asked->courses);

	*c = (struct course){
		.from = *(struct policy_port **)vec_at(&q->policy->ports, port),
		.list = ++*lists, .ways = VEC(struct way), .from_box = q->from_box[port],
	};
	ways_find(q->policy, c->from, a->host ? NULL : a->to.port, a->kind == ASSERT_REACHABLE, &c->ways);
	for (uint32_t i = 0; i < c->ways.len; i++) {
		uint32_t box = regions_add(q->regions, c->list,
					   ((struct way *)vec_at(&c->ways, i))->box, i, 0);

		if (!i)
			c->first_way = box;
	}
}

static void add_asked(struct questions *q, struct asked *asked, unsigned int *lists)
{
	const struct policy_assert *a = asked->answer->assert;
	unsigned int predicates = ++*lists;

	for (size_t i = 0; i < asked->predicate.rules.len; i++) {
		uint32_t box = regions_add(q->regions, predicates,
					   *(struct rule **)vec_at(&asked->predicate.rules, i), i, 0);

		if (!i)
			asked->first_box = box;
	}
	for (size_t i = 0; about_packets(a) && i < q->policy->ports.len; i++)
		if (a->kind == ASSERT_NEVER ||
		    a->from.port == *(struct policy_port **)vec_at(&q->policy->ports, i))
			add_course(q, asked, i, lists);
}

static struct rule *comes_in(const struct questions *q, size_t port)
{
	const struct policy_port *p = *(struct policy_port **)vec_at(&q->policy->ports, port);
	uint16_t number = behaviours_port(&q->b, p->interface);
	struct rule_test test = { RULES_IN, RULE_RANGE, number, number };
	struct rule rule = { .families = RULE_ALL, .tests = 1, .test = &test };

	return rule_copy(&rule);
}

static int make_regions(struct questions *q, struct diags *diags)
{
	struct text why = { 0 };
	unsigned int lists = 0;
	int err;

	q->regions = regions_new();
	for (uint32_t i = 0; i < q->b.of[0].list.entries.len; i++) {
		const struct difference_entry *e = entry_at(q, i);
		uint32_t lane = !e->lane ? 0 :
				!strncmp(*(char **)vec_at(&q->b.lanes, e->lane - 1), "police", 6) ?
				LANE_POLICE : LANE_OTHER;

		regions_add(q->regions, RULES, e->box, order(e), lane);
	}
	lists++;
	for (size_t i = 0; i < q->policy->ports.len; i++) {
		q->from[i] = comes_in(q, i);
		q->from_box[i] = regions_add(q->regions, lists, q->from[i], 0, 0);
	}
	for (size_t i = 0; i < q->asked.len; i++)
		add_asked(q, vec_at(&q->asked, i), &lists);
	for (size_t i = 0; i < q->b.possible.len; i++)
		regions_possible(q->regions, *(struct rule **)vec_at(&q->b.possible, i));
	regions_limit(q->regions, q->seconds);
	err = regions_close(q->regions, &why);
	if (err)
		diag_error(diags, (struct place){ 0 }, "the filters cannot be analysed: %s", text_string(&why));
	text_free(&why);
	return err;
}

/* ---- answers ------------------------------------------------------------------------- */

static char *steal(struct text *t)
{
	char *s = t->data ? t->data : xstrdup("");

	*t = (struct text){ 0 };
	return s;
}

static void note_rule(struct assertion *a, const struct policy_rule *rule)
{
	for (size_t i = 0; i < a->rules.len; i++)
		if (*(const struct policy_rule **)vec_at(&a->rules, i) == rule)
			return;
	vec_append(&a->rules, &rule);
}

/* The rules that a packet meets, up to the one that ends its search. */
static void note_met(struct questions *q, struct assertion *a, const struct rule_packet *p)
{
	for (uint32_t i = 0; i < q->b.of[0].list.entries.len; i++) {
		const struct difference_entry *e = entry_at(q, i);
		const struct policy_rule *rule = behaviour_rule(&q->b, 0, e->number);

		if (!rule_matches(e->box, p))
			continue;
		if (rule)
			note_rule(a, rule);
		if (!e->lane)
			return;
	}
}

static bool violated(struct questions *q, struct assertion *a, const struct rule_packet *p,
		     const char *sentence)
{
	struct text packet = { 0 };

	behaviours_packet(&q->b, 0, p, &packet);
	a->verdict = ASSERTION_VIOLATED;
	a->sentence = xstrdup(sentence);
	a->packet = steal(&packet);
	note_met(q, a, p);
	return false;
}

static bool undecided(struct assertion *a)
{
	a->verdict = ASSERTION_UNDECIDED;
	a->sentence = xstrdup("this was not decided in time");
	return false;
}

/* ---- isolated, never ----------------------------------------------------------------- */

/* One box of the predicate, one way that is open. Return: 1 and a packet, 0, -ETIME. */
static int find_open(struct questions *q, const struct course *c, uint32_t predicate, uint32_t way,
		     struct rule_packet *p)
{
	struct region_query query = {
		.boxes = 3, .box = { c->from_box, predicate, c->first_way + way },
		.befores = 1, .before = { { c->list, way, 0, 0 }, { RULES, ALL, 0, 0 } },
	};
	int found = regions_find(q->regions, &query, NULL, NULL);

	if (found != 1)
		return found;
	query.befores = 2;
	found = regions_find(q->regions, &query, p, NULL);
	if (found)
		return found;
	query.boxes = 4;
	regions_meeting(q->regions, predicate, RULES, &q->meeting);
	for (size_t i = 0; i < q->meeting.len; i++) {
		uint32_t e = *(uint32_t *)vec_at(&q->meeting, i);

		if (entry_at(q, e)->lane || entry_at(q, e)->outcome != BEHAVIOUR_ALLOW)
			continue;
		query.box[3] = e;
		query.before[1].number = order(entry_at(q, e));
		found = regions_find(q->regions, &query, p, NULL);
		if (found)
			return found;
	}
	return 0;
}

static bool answer_isolated(struct questions *q, struct asked *asked)
{
	const struct policy_assert *a = asked->answer->assert;
	struct rule_packet p;
	struct text sentence = { 0 };
	int found = 0;

	for (size_t i = 0; i < asked->courses.len; i++) {
		const struct course *c = vec_at(&asked->courses, i);

		for (uint32_t w = 0; w < c->ways.len; w++) {
			const struct way *way = vec_at(&c->ways, w);

			if (!way->open)
				continue;
			for (uint32_t k = 0; k < asked->predicate.rules.len && !found; k++)
				found = find_open(q, c, asked->first_box + k, w, &p);
			if (!found)
				continue;
			if (found < 0)
				return undecided(asked->answer);
			/* Our own mistake, if not. */
			assert(difference_treats(&q->b.of[0].list, 0, &p, NULL) == BEHAVIOUR_ALLOW);
			if (a->host)
				text_printf(&sentence, "a packet from %s can get to this host%s", c->from->name,
					    way->jumbogram ? ", as a jumbogram" : "");
			else
				text_printf(&sentence, "a packet from %s can leave by %s", c->from->name,
					    a->to.name);
			violated(q, asked->answer, &p, text_string(&sentence));
			text_free(&sentence);
			return false;
		}
	}
	return true;
}

/* ---- reachable ----------------------------------------------------------------------- */

/* A rule that drops a packet of the predicate's box, or may. */
static int find_dropped(struct questions *q, const struct course *c, uint32_t predicate,
			struct rule_packet *p, const char **sentence)
{
	regions_meeting(q->regions, predicate, RULES, &q->meeting);
	for (size_t i = 0; i < q->meeting.len; i++) {
		uint32_t box = *(uint32_t *)vec_at(&q->meeting, i);
		const struct difference_entry *e = entry_at(q, box);
		const struct region_box *b = vec_at(regions_boxes(q->regions), box);
		struct region_query query = {
			.boxes = 3, .box = { c->from_box, predicate, box },
			.befores = 1, .before = { { RULES, order(e), 0, 0 } },
		};
		int found;

		if (e->lane ? b->lane != LANE_POLICE : e->outcome == BEHAVIOUR_ALLOW)
			continue;
		found = regions_find(q->regions, &query, p, NULL);
		if (!found)
			continue;
		*sentence = e->lane ? "a packet may be dropped for its rate" : "a packet is dropped";
		return found;
	}
	return 0;
}

static int find_closed(struct questions *q, const struct course *c, uint32_t predicate,
		       struct rule_packet *p)
{
	for (uint32_t w = 0; w < c->ways.len; w++) {
		struct region_query query = {
			.boxes = 3, .box = { c->from_box, predicate, c->first_way + w },
			.befores = 1, .before = { { c->list, w, 0, 0 } },
		};
		int found;

		if (((struct way *)vec_at(&c->ways, w))->open)
			continue;
		found = regions_find(q->regions, &query, p, NULL);
		if (found)
			return found;
	}
	return 0;
}

static bool answer_reachable(struct questions *q, struct asked *asked)
{
	const struct policy_assert *a = asked->answer->assert;
	const struct course *c = vec_at(&asked->courses, 0);
	const char *sentence = NULL;
	struct text closed = { 0 };
	struct rule_packet p;
	int found = 0;

	for (uint32_t k = 0; k < asked->predicate.rules.len && !found; k++)
		found = find_dropped(q, c, asked->first_box + k, &p, &sentence);
	for (uint32_t k = 0; k < asked->predicate.rules.len && !found; k++) {
		found = find_closed(q, c, asked->first_box + k, &p);
		if (found == 1)
			text_printf(&closed, "a packet cannot get to %s, whatever the filter does",
				    a->host ? "this host" : a->to.name);
	}
	if (found == 1)
		violated(q, asked->answer, &p, closed.len ? text_string(&closed) : sentence);
	else if (found)
		undecided(asked->answer);
	text_free(&closed);
	return !found;
}

/* Whether any packet is asked about at all. */
static void note_vacuous(struct questions *q, struct asked *asked)
{
	bool any = false;

	for (size_t i = 0; i < asked->courses.len && !any; i++) {
		const struct course *c = vec_at(&asked->courses, i);

		for (uint32_t k = 0; k < asked->predicate.rules.len && !any; k++) {
			struct region_query query = { .boxes = 2, .box = { c->from_box, asked->first_box + k } };

			any = regions_find(q->regions, &query, NULL, NULL) != 0;
		}
	}
	asked->answer->vacuous = !any;
}

/* ---- covered ------------------------------------------------------------------------- */

static bool answer_covered(struct questions *q, struct asked *asked)
{
	struct assertion *a = asked->answer;
	struct vec dead = VEC(struct dead_rule);
	size_t open = dead_rules(q->regions, RULES, false, &dead);
	bool *has = xcalloc(q->policy->rules.len + 1, sizeof(*has));
	struct text sentence = { 0 };

	for (size_t i = 0; i < dead.len; i++) {
		const struct policy_rule *r =
			behaviour_rule(&q->b, 0, ((struct dead_rule *)vec_at(&dead, i))->number / 2);

		if (r)
			note_rule(a, r);
	}
	/* A rule that no packet at all meets has no box. */
	for (uint32_t i = 0; i < q->b.of[0].list.entries.len; i++)
		has[entry_at(q, i)->number] = true;
	for (uint32_t i = 1; i <= q->policy->rules.len; i++)
		if (!has[i])
			note_rule(a, behaviour_rule(&q->b, 0, i));
	if (a->rules.len) {
		a->verdict = ASSERTION_VIOLATED;
		text_printf(&sentence, "%zu rule%s can match no packet", a->rules.len,
			    a->rules.len == 1 ? "" : "s");
		a->sentence = steal(&sentence);
	} else if (open) {
		undecided(a);
	}
	free(has);
	dead_rules_free(&dead);
	return a->verdict == ASSERTION_HOLDS;
}

/* ---- equal --------------------------------------------------------------------------- */

/* Of two ports, equal police actions do the same, though each has a meter of its own. */
static uint32_t plain_lane(const struct questions *q, uint32_t lane)
{
	const char *text = *(char **)vec_at(&q->b.lanes, lane - 1), *end = strstr(text, " (");
	size_t len = end ? (size_t)(end - text) : strlen(text);

	if (strncmp(text, "police", 6))
		return lane;
	for (uint32_t i = 0; i < lane; i++)
		if (!strncmp(*(char **)vec_at(&q->b.lanes, i), text, len) &&
		    !(*(char **)vec_at(&q->b.lanes, i))[len])
			return i + 1;
	return lane;
}

/* The rules that ask about packets of one port, without that. */
static void port_list(struct questions *q, const struct policy_port *port, struct difference_list *list,
		      struct rule_list *boxes)
{
	uint16_t number = behaviours_port(&q->b, port->interface);

	*list = DIFFERENCE_LIST;
	list->end = q->b.of[0].list.end;
	list->last = q->b.of[0].list.last;
	for (uint32_t i = 0; i < q->b.of[0].list.entries.len; i++) {
		struct difference_entry e = *entry_at(q, i);
		struct rule_test *test = xcalloc(e.box->tests + 1, sizeof(*test));
		struct rule rule = *e.box;
		bool in = false, tested = false;

		rule.test = test;
		rule.tests = 0;
		for (uint32_t k = 0; k < e.box->tests; k++) {
			const struct rule_test *t = &e.box->test[k];

			if (t->field != RULES_IN) {
				test[rule.tests++] = *t;
				continue;
			}
			tested = true;
			in |= t->kind == RULE_MASK ? (number & t->b) == t->a : t->a <= number && number <= t->b;
		}
		if (!tested || in) {
			rule_list_add(boxes, &rule);
			e.box = *(struct rule **)vec_at(&boxes->rules, boxes->rules.len - 1);
			e.lane = e.lane ? plain_lane(q, e.lane) : 0;
			vec_append(&list->entries, &e);
		}
		free(test);
	}
}

static bool answer_equal(struct questions *q, struct asked *asked)
{
	struct assertion *a = asked->answer;
	const struct policy_assert *as = a->assert;
	struct difference_options options = { .seconds = q->seconds, .first = true,
					      .possible = &q->b.possible };
	const struct policy_port *port[2] = { as->from.port, as->to.port };
	struct difference_list list[2];
	struct rule_list boxes[2] = { RULE_LIST, RULE_LIST };
	struct text sentence = { 0 };
	struct difference d;
	char mark[2][16];
	int err;

	for (unsigned int i = 0; i < 2; i++)
		port_list(q, port[i], &list[i], &boxes[i]);
	err = difference_find(&list[0], &list[1], &options, &d, &sentence);
	if (err || (!d.classes.len && d.undecided)) {
		undecided(a);
	} else if (d.classes.len) {
		const struct difference_class *c = vec_at(&d.classes, 0);
		struct rule_packet p = c->witness;

		if (c->lane && c->lane == list[0].last)
			text_printf(&sentence, "%s leaves %s on a packet that %s leaves with %s", port[0]->name,
				    behaviour_mark(c->before, mark[0]), port[1]->name,
				    behaviour_mark(c->after, mark[1]));
		else if (c->lane)
			text_printf(&sentence, "of one of them '%s' acts on a packet, of the other not",
				    *(char **)vec_at(&q->b.lanes, c->lane - 1));
		else
			text_printf(&sentence, "%s %s a packet that %s %s", port[0]->name,
				    c->before == BEHAVIOUR_DROP ? "drops" : "lets through", port[1]->name,
				    c->after == BEHAVIOUR_DROP ? "drops" : "lets through");
		for (unsigned int i = 2; i-- > 0;) {
			free(a->sentence);
			free(a->packet);
			p.field[RULES_IN] = behaviours_port(&q->b, port[i]->interface);
			violated(q, a, &p, text_string(&sentence));
		}
	}
	text_free(&sentence);
	if (!err)
		difference_free(&d);
	for (unsigned int i = 0; i < 2; i++) {
		difference_list_free(&list[i]);
		rule_list_free(&boxes[i]);
	}
	return a->verdict == ASSERTION_HOLDS;
}

/* ---- all ----------------------------------------------------------------------------- */

static int answer(struct questions *q, struct asked *asked, struct diags *diags)
{
	bool holds = false;

	switch (asked->answer->assert->kind) {
	case ASSERT_ISOLATED:
	case ASSERT_NEVER:
		holds = answer_isolated(q, asked);
		break;
	case ASSERT_REACHABLE:
		holds = answer_reachable(q, asked);
		break;
	case ASSERT_COVERED:
		answer_covered(q, asked);
		break;
	case ASSERT_EQUAL:
		answer_equal(q, asked);
		break;
	case ASSERT_EQUAL_POLICIES:
		return compared_answer(asked->answer, q->seconds, diags);
	}
	if (holds)
		note_vacuous(q, asked);
	return 0;
}

static void free_questions(struct questions *q)
{
	regions_free(q->regions);
	for (size_t i = 0; i < q->asked.len; i++) {
		struct asked *a = vec_at(&q->asked, i);

		for (size_t k = 0; k < a->courses.len; k++)
			ways_free(&((struct course *)vec_at(&a->courses, k))->ways);
		vec_free(&a->courses);
		rule_list_free(&a->predicate);
	}
	for (size_t i = 0; i < q->policy->ports.len; i++)
		rule_free(q->from[i]);
	free(q->from);
	free(q->from_box);
	vec_free(&q->asked);
	vec_free(&q->meeting);
	behaviours_free(&q->b);
}

/* All that is asked, in one partition. */
static int begin(struct questions *q, const struct policy *policy, double seconds, struct vec *out,
		 struct diags *diags)
{
	struct rule_list **predicates;
	int err;

	*q = (struct questions){
		.policy = policy, .asked = VEC(struct asked), .meeting = VEC(uint32_t), .seconds = seconds,
		.from = xcalloc(policy->ports.len + 1, sizeof(*q->from)),
		.from_box = xcalloc(policy->ports.len + 1, sizeof(*q->from_box)),
	};
	err = behaviours_init(&q->b, &policy, 1, diags);
	vec_reserve(out, out->len + policy->asserts.len);	/* what is asked points into it */
	for (size_t i = 0; i < policy->asserts.len && !err; i++)
		err = take_assert(q, vec_at(&policy->asserts, i), vec_push(out), diags);
	if (err)
		return err;
	predicates = xcalloc(q->asked.len + 1, sizeof(*predicates));
	for (size_t i = 0; i < q->asked.len; i++)
		predicates[i] = &((struct asked *)vec_at(&q->asked, i))->predicate;
	err = behaviours_close(&q->b, predicates, q->asked.len, diags);
	free(predicates);
	return err ? err : make_regions(q, diags);
}

int analyse_assertions(const struct policy *policy, double seconds, struct vec *out,
		       struct diags *diags)
{
	struct questions q;
	int err;

	if (!policy->asserts.len)
		return 0;
	err = begin(&q, policy, seconds, out, diags);
	for (size_t i = 0; i < q.asked.len && !err; i++)
		err = answer(&q, vec_at(&q.asked, i), diags);
	free_questions(&q);
	return err;
}

void assertions_free(struct vec *assertions)
{
	for (size_t i = 0; i < assertions->len; i++) {
		struct assertion *a = vec_at(assertions, i);

		free(a->sentence);
		free(a->packet);
		vec_free(&a->rules);
	}
	vec_free(assertions);
}

/* ---- as diagnostics ------------------------------------------------------------------ */

#define RULES_SHOWN	5
#define DEAD_SHOWN	20

static void print_rules(const struct policy *policy, const struct vec *rules, const char *before,
			struct text *out)
{
	for (size_t i = 0; i < rules->len && i < RULES_SHOWN; i++) {
		const struct policy_rule *r = *(const struct policy_rule **)vec_at(rules, i);
		struct text rule = { 0 };

		text_printf(out, "%s", i ? ", " : before);
		if (r->place.source)
			text_printf(out, "%s:%u: ", r->place.source->name, r->place.line);
		policy_print_rule(policy, r, &rule);
		text_printf(out, "'%.*s'", (int)rule.len - 1, text_string(&rule));	/* not its ";" */
		text_free(&rule);
	}
	if (rules->len > RULES_SHOWN)
		text_printf(out, " and %zu more", rules->len - RULES_SHOWN);
}

bool analyse_asserts(const struct policy *policy, double seconds, const char *option,
		     struct diags *diags)
{
	struct vec assertions = VEC(struct assertion);
	bool all = !analyse_assertions(policy, seconds, &assertions, diags);

	for (size_t i = 0; i < assertions.len; i++) {
		const struct assertion *a = vec_at(&assertions, i);
		struct text hint = { 0 };

		if (a->verdict == ASSERTION_HOLDS) {
			if (a->vacuous)
				diag_warning(diags, a->assert->place,
					     "this holds because there is no packet that it is about");
			continue;
		}
		if (!a->sentence)
			continue;	/* it was not come to */
		all = false;
		if (a->verdict == ASSERTION_UNDECIDED) {
			diag_error(diags, a->assert->place, "%s (%g s)", a->sentence, seconds);
			diag_hint(diags, "%s gives it more", option);
			continue;
		}
		diag_error(diags, a->assert->place, "this does not hold: %s", a->sentence);
		if (a->packet)
			text_printf(&hint, "%s", a->packet);
		print_rules(policy, &a->rules, a->packet ? "; it meets " : "", &hint);
		if (a->packet && !a->rules.len)
			text_printf(&hint, "; no rule matches it");
		diag_hint(diags, "%s", text_string(&hint));
		text_free(&hint);
	}
	assertions_free(&assertions);
	return all;
}

/* Whether a reader was warned of the rule already: of all of it, or, if nothing can meet it, of a test of it. */
static bool is_told(const struct diags *diags, const struct policy_rule *rule, bool empty)
{
	const struct place *at = &rule->place;

	for (size_t i = 0; i < diags->list.len; i++) {
		const struct diag *d = vec_at(&diags->list, i);
		unsigned int behind = d->place.column - at->column;

		if (d->level == DIAG_WARNING && d->place.source == at->source &&
		    d->place.line == at->line && (!behind || (empty && behind < at->width)))
			return true;
	}
	return false;
}

void analyse_dead_rules(const struct policy *policy, double seconds, const char *option, struct diags *diags)
{
	struct vec none = VEC(struct assertion), dead = VEC(struct dead_rule);
	bool *warned = xcalloc(policy->rules.len + 1, sizeof(*warned));
	bool *has = xcalloc(policy->rules.len + 2, sizeof(*has));
	struct questions q;
	struct policy silent = *policy;
	size_t undecided;
	int count = 0;

	silent.asserts = VEC(struct policy_assert);
	if (begin(&q, &silent, seconds, &none, diags))
		goto out;
	undecided = dead_rules(q.regions, RULES, true, &dead);
	for (size_t i = 0; i < dead.len; i++) {
		const struct dead_rule *d = vec_at(&dead, i);
		const struct policy_rule *rule = behaviour_rule(&q.b, 0, d->number / 2);
		struct vec covers = VEC(const struct policy_rule *);
		struct text hint = { 0 };

		if (!rule || warned[rule->number])
			continue;
		warned[rule->number] = true;
		if (is_told(diags, rule, d->empty))
			continue;
		if (++count > DEAD_SHOWN)
			continue;
		diag_warning(diags, rule->place, d->empty ? "no packet can meet this" :
			     "no packet gets to this rule");
		for (size_t k = 0; k < d->covers.len; k++) {
			const struct policy_rule *r = behaviour_rule(&q.b, 0,
				((struct region_rule *)vec_at(&d->covers, k))->number / 2);
			bool there = false;

			for (size_t m = 0; m < covers.len; m++)
				there |= *(const struct policy_rule **)vec_at(&covers, m) == r;
			if (r && !there)
				vec_append(&covers, &r);
		}
		if (!d->empty && covers.len) {
			print_rules(policy, &covers, "they end before, at ", &hint);
			diag_hint(diags, "%s", text_string(&hint));
		}
		text_free(&hint);
		vec_free(&covers);
	}
	for (uint32_t i = 0; i < q.b.of[0].list.entries.len; i++)
		has[entry_at(&q, i)->number] = true;
	for (uint32_t i = 1; i <= policy->rules.len; i++) {
		const struct policy_rule *rule = behaviour_rule(&q.b, 0, i);

		if (!has[i] && !is_told(diags, rule, true) && ++count <= DEAD_SHOWN)
			diag_warning(diags, rule->place, "no packet can meet this");
	}
	if (count > DEAD_SHOWN)
		diag_warning(diags, (struct place){ 0 }, "no packet gets to %d more rules", count - DEAD_SHOWN);
	if (undecided) {
		diag_warning(diags, (struct place){ 0 }, "whether packets get to %zu of %zu rules was not found "
			     "out in %g s", undecided, policy->rules.len, seconds);
		diag_hint(diags, "%s gives it more", option);
	}
out:
	free_questions(&q);
	dead_rules_free(&dead);
	vec_free(&none);
	free(warned);
	free(has);
}
