// SPDX-License-Identifier: GPL-2.0
/*
 * witnesses.c: verify_image() chooses the packets and compares policy and image; here each
 * that shows something goes through the loaded program besides.
 *
 * What the program sees is what there is: sets with what rules have inserted meanwhile, and this host's
 * sockets. A packet of the witnesses asks what would be if a set had it, or a socket were there. So
 * only those go through the program that ask for nothing of the kind; and where a policy has sets or
 * asks for sockets, the program may answer as the policy does for any answer of theirs.
 *
 * A third of the time is the program's. A test run costs some microseconds, and more where the
 * machine is busy. A policy of few rules gets little time, as it needs little, and nobody waits longer
 * than for the rules there are.
 *
 * Most commits change little, and what runs has been asked. Then verify is asked about the rules that changed
 * (verify_focus), and some of the packets that were asked before, by turns, are asked again: what they
 * met then they must meet now, unless a changed rule has them. So a fault in tables that are
 * made anew, which has nothing to do with the change, is seen if it is more than a few cells, and
 * else by some later commit; the walk of all of it is what a commit that changes much, a start, and a
 * reload take the time for.
 */
#include "daemon/witnesses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pcapng_write.h"
#include "base/text.h"
#include "daemon/changed_rules.h"
#include "datapath/datapath.h"
#include "policy/eval.h"
#include "policy/tree.h"
#include "verify/facts.h"
#include "verify/match.h"
#include "verify/walk.h"

#define FRAME_TEST_MAX	3000	/* bytes: what any kernel takes as one buffer */
#define SET_TESTS_MAX_TRIED 6	/* set tests of which all answers are tried */
#define CHANGED_MAX	64	/* rules: beyond, all is asked */
#define EVAL_MS		2	/* for policy/eval, which goes through all rules, where little changed, */
#define EVAL_RULE_MS	1	/* and so much longer for each rule that did */
#define AGAIN_MAX	4096	/* packets that are asked again, */
#define AGAIN_SECONDS	0.01	/* and for how long, */
#define AGAIN_PROGRAM	8	/* of so many one in the program, too */

struct check {
	const struct policy *policy;
	struct generation *generation;
	struct witnesses *witnesses;
	uint16_t *port;			/* of each of the policy's */
	struct eval_env env;
	struct eval_port *env_ports;
	double time, most;		/* seconds in the program */
	bool again;			/* packets are asked again: they are kept already */
	struct test_result *result;
	struct facts facts;		/* what eval is told */
	/* a difference */
	bool differs, by_image;
	struct witness witness;
	struct match said;
	enum sluice_reason reason;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- what else the policy may say ---------------------------------------------------- */

static bool same(const struct match *m, const struct eval_result *r)
{
	uint32_t sides = 0;

	if (m->rule != (r->rule ? r->rule->number : RULES_NONE))
		return false;
	for (size_t i = 0; i < r->matched.len; i++) {
		const struct policy_rule *rule = *(const struct policy_rule **)vec_at(&r->matched, i);

		if (rule->ends)
			continue;
		if (sides == m->sides || m->side[sides++] != rule->number)
			return false;
	}
	return sides == m->sides;
}

/* Whether the policy says what the program did, for some content of sets and some socket. */
static bool may_be(struct check *c, const struct witness *w, const struct match *said,
		   const uint8_t *frame, size_t length)
{
	unsigned int n = c->policy->set_tests.len;

	if (n > SET_TESTS_MAX_TRIED)
		return true;
	c->facts = (struct facts){ .p = c->policy, .fields = &w->fields };
	for (c->facts.sets = 0; c->facts.sets < 1u << n; c->facts.sets++) {
		for (c->facts.socket = 0; c->facts.socket < 3; c->facts.socket++) {
			struct eval_result r;
			bool yes;

			policy_eval(c->policy, &c->env, c->port[w->fields.value[FIELD_IN]], frame, length, &r);
			yes = same(said, &r);
			eval_result_free(&r);
			if (yes)
				return true;
		}
	}
	return false;
}

/* ---- the program ------------------------------------------------------------------------ */

static struct match said_by(const struct trace *t)
{
	struct match m = { .rule = t->rule ? t->rule - 1 : RULES_NONE };

	for (uint32_t i = 0; i < t->side && i < sizeof(t->side_rule) / sizeof(t->side_rule[0]); i++)
		m.side[m.sides++] = t->side_rule[i];
	return m;
}

static bool agree(const struct match *a, const struct match *b)
{
	return a->rule == b->rule && a->sides == b->sides &&
	       !memcmp(a->side, b->side, a->sides * sizeof(a->side[0]));
}

static bool drops(const struct policy *p, uint32_t rule)
{
	const struct policy_rule *r;

	if (rule >= p->rules.len)
		return false;
	r = *(struct policy_rule **)vec_at(&p->rules, rule);
	return ((struct policy_action *)vec_at(&r->actions, r->actions.len - 1))->kind == DO_DROP;
}

/* A verify_witness_fn. */
static bool run(void *context, const struct witness *w)
{
	static uint8_t frame[FRAME_MAX];
	struct check *c = context;
	double begin;
	size_t length;
	int err;

	if (!c->again)
		kept_packets_add(&c->witnesses->kept, w);
	if (w->sets || w->fields.value[FIELD_SOCKET] || w->fields.value[FIELD_PKT_LEN] > FRAME_TEST_MAX)
		return true;
	if (c->time > c->most) {
		c->witnesses->left++;
		return true;
	}
	begin = now();
	length = frame_build(&w->fields, frame);
	err = generation_test(c->generation, c->port[w->fields.value[FIELD_IN]], frame, length, c->result);
	c->time += now() - begin;
	if (err) {
		c->witnesses->left++;
		return true;
	}
	c->witnesses->ran++;
	c->said = said_by(&c->result->trace);
	if (agree(&c->said, &w->policy) || may_be(c, w, &c->said, frame, length)) {
		if (drops(c->policy, c->said.rule) == (c->result->trace.reason == REASON_filtered))
			return true;
	}
	c->differs = true;
	c->witness = *w;
	c->reason = c->result->trace.reason < REASON_MAX ? c->result->trace.reason : REASON_none;
	return false;
}

/* ---- a difference ---------------------------------------------------------------------------- */

static void keep_packet(const struct witness *w, const char *keep, const char *words, struct text *why)
{
	static uint8_t frame[FRAME_MAX];
	struct text file = { 0 };
	int err;

	pcapng_begin(&file);
	pcapng_interface(&file, NULL);
	pcapng_add(&file, 0, frame, frame_build(&w->fields, frame), words);
	err = text_write_file(keep, file.data, file.len, 0600);
	text_free(&file);
	if (err)
		text_printf(why, "; it could not be kept as %s: %s", keep, strerror(-err));
	else
		text_printf(why, "; the packet is kept as %s", keep);
}

static void say_difference(const struct policy *p, const struct verify_report *report, const char *keep,
			   struct text *why)
{
	struct text words = { 0 };

	verify_say_difference(p, report, &words);
	text_printf(why, "a witness disagrees, so this is not made to run: %s", words.data);
	if (report->witness.fields.has)
		keep_packet(&report->witness, keep, words.data, why);
	text_printf(why, ". This is a fault of sluice and not of the policy: please report it");
	text_free(&words);
}

static void open_environment(struct check *c)
{
	const struct vec *ports = &c->policy->ports;

	c->env_ports = xcalloc(ports->len + 1, sizeof(*c->env_ports));
	for (size_t i = 0; i < ports->len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(ports, i);

		c->env_ports[i].number = c->port[i];
		c->env_ports[i].up = true;
		c->env_ports[i].mtu = 1500;
		strncpy(c->env_ports[i].interface, port->interface, sizeof(c->env_ports[i].interface) - 1);
	}
	c->env = (struct eval_env){ .ports = c->env_ports, .ports_len = ports->len };
	facts_env(&c->facts, &c->env);
}

/* ---- what was asked before ------------------------------------------------------------------ */

static void say_image(const struct image *image, const struct walk *walk, struct match *m)
{
	*m = (struct match){ .rule = walk->filtered ? walk->layer[0].rule : RULES_NONE };
	for (unsigned int l = 1; walk->filtered && l < image->filter.shape.layers; l++) {
		uint32_t rule = walk->layer[l].rule, at = m->sides;

		if (rule >= m->rule)
			continue;
		for (; at && m->side[at - 1] > rule; at--)
			m->side[at] = m->side[at - 1];
		m->side[at] = rule;
		m->sides++;
	}
}

/* Whether a rule that changed may have the packet: then it was asked about that. */
static bool changed_has(const struct policy *p, const struct changed_rules *changed, const struct witness *w)
{
	for (size_t i = 0; i < changed->rules.len; i++) {
		uint32_t number = *(uint32_t *)vec_at(&changed->rules, i);
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&p->rules, number);

		if (predicate_holds(rule->predicate, &w->fields, w->sets))
			return true;
	}
	return false;
}

/* Return: go on. */
static bool ask_again(struct check *c, const struct image *image, const struct witness *w, bool program)
{
	struct walk walk;
	struct match said;

	walk_packet(image, c->port, &w->fields, w->sets, &walk);
	say_image(image, &walk, &said);
	c->witnesses->again++;
	if (!agree(&said, &w->policy) ||
	    drops(c->policy, said.rule) != (walk.filtered && walk.layer[0].action & ACTION_DROP)) {
		c->differs = c->by_image = true;
		c->witness = *w;
		c->said = said;
		return false;
	}
	return !program || run(c, w);
}

static int ask_kept(struct check *c, const struct image *image, const struct kept_packets *kept,
		    const struct changed_rules *changed)
{
	size_t n = kept->packets.len, most = n < AGAIN_MAX ? n : AGAIN_MAX;
	double until = now() + AGAIN_SECONDS;

	c->again = true;
	c->most += c->time;
	for (size_t i = 0; i < most && ((i & 31) || now() < until); i++) {
		struct witness w = *(struct witness *)vec_at(&kept->packets, (kept->at + i) % n);

		if (!kept_packets_translate(&w, changed->now, changed->before) ||
		    changed_has(c->policy, changed, &w))
			continue;
		if (!ask_again(c, image, &w, !(i % AGAIN_PROGRAM)))
			return -EILSEQ;
	}
	return 0;
}

/* Whether it is worth asking about what changed alone. */
static bool is_partial(const struct policy *policy, const struct image *image,
		       const struct witnesses_before *before, struct changed_rules *changed)
{
	if (!before || !image->filter.shape.layers ||
	    !(before->witnesses->verify.packets || before->witnesses->partial) ||
	    !changed_rules_find(before->policy, before->image, policy, image, changed))
		return false;
	if (changed->rules.len + changed->gone.len <= CHANGED_MAX)
		return true;
	changed_rules_free(changed);
	return false;
}

/* ---- all ---------------------------------------------------------------------------------------- */

static void take_changes(struct witnesses *w, const struct witnesses_before *before,
			 struct changed_rules *changed, size_t rules)
{
	w->partial = true;
	w->changed = changed->rules.len;
	w->gone = changed->gone.len;
	w->same = rules - changed->rules.len;
	w->same_met = kept_packets_met(&before->witnesses->kept, changed->now);
	w->now = changed->now;
	changed->now = NULL;
}

int witnesses_check(const struct policy *policy, const struct image *image,
		    struct generation *generation, const struct witnesses_before *before,
		    unsigned int most_ms, const char *keep, struct witnesses *witnesses, struct text *why)
{
	unsigned int time_ms = most_ms ? most_ms : verify_time(policy);
	struct check c = {
		.policy = policy,
		.generation = generation,
		.witnesses = witnesses,
		.port = walk_ports(image, policy),
		.most = time_ms * 1e-3 / 3,
		.result = xcalloc(1, sizeof(*c.result)),
	};
	struct verify_options options = { .time_ms = time_ms, .take = run, .context = &c };
	struct changed_rules changed;
	struct verify_focus focus;
	bool partial = is_partial(policy, image, before, &changed);
	int err;

	*witnesses = (struct witnesses){ 0 };
	kept_packets_init(&witnesses->kept, policy->rules.len);
	open_environment(&c);
	if (partial) {
		focus = (struct verify_focus){ changed.rules.data, changed.rules.len, changed.gone.data,
					       changed.gone.len };
		options.focus = &focus;
		options.eval_ms = EVAL_MS + EVAL_RULE_MS * (changed.rules.len + changed.gone.len);
	}
	err = verify_image(policy, image, &options, &witnesses->verify, why);
	if (!err && !c.differs && partial)
		err = ask_kept(&c, image, &before->witnesses->kept, &changed);
	if (c.differs) {
		witnesses->verify.differ = true;
		witnesses->verify.witness = c.witness;
		witnesses->verify.image = c.said;
		*witnesses->verify.what = '\0';
		if (!c.by_image)
			snprintf(witnesses->verify.what, sizeof(witnesses->verify.what),
				 "that is the program in the kernel, where the packet ends as %s",
				 eval_reason_name(c.reason));
		err = -EILSEQ;
	}
	if (err == -EILSEQ)
		say_difference(policy, &witnesses->verify, keep, why);
	if (partial) {
		take_changes(witnesses, before, &changed, policy->rules.len);
		changed_rules_free(&changed);
	}
	free(c.port);
	free(c.env_ports);
	free(c.result);
	return err;
}

void witnesses_follow(struct witnesses *w, struct witnesses *before)
{
	if (w->partial) {
		size_t at = before->kept.at + w->again;

		kept_packets_follow(&w->kept, &before->kept, w->now);
		w->kept.at = w->kept.packets.len ? at % w->kept.packets.len : 0;
	}
	free(w->now);
	w->now = NULL;
	witnesses_free(before);
}

void witnesses_free(struct witnesses *w)
{
	kept_packets_free(&w->kept);
	free(w->now);
	w->now = NULL;
}

void witnesses_say(const struct witnesses *w, struct text *out)
{
	text_printf(out, "%" PRIu64 " witnesses agree", w->verify.packets + w->again);
	if (w->verify.complete) {
		text_printf(out, ", all there are");
	} else if (w->partial) {
		text_printf(out, ", for %zu changed rule%s; %zu are as before, of which %zu were met",
			    w->changed + w->gone, w->changed + w->gone == 1 ? "" : "s", w->same, w->same_met);
	} else {
		text_printf(out, ", for %zu of %zu rules and %.0f%% of the cells", w->verify.rules_met,
			    w->verify.rules, w->verify.cells ?
			    100.0 * w->verify.cells_seen / w->verify.cells : 100.0);
	}
}
