// SPDX-License-Identifier: GPL-2.0
/*
 * chains.c: chains of rules that call each other, as one list.
 *
 * A filter has no calls: a called chain is written where it is called, each of its rules with the
 * tests of the call. What returns before a rule must not meet it: "and not (...)" is put behind the
 * rule's own tests for each return in front of it, unless both cannot hold at once; what both
 * ask is asked once. So
 *
 *	-A FORWARD -i lan -j macs
 *	-A macs -s 10.0.0.1 -m mac --mac-source A -j RETURN
 *	-A macs -s 10.0.0.1 -j DROP
 *
 * becomes "drop if in == lan and ip.src == 10.0.0.1 and eth.src != A".
 *
 * Rules of which it is open whether they match: see import.h. For each place two sets of packets
 * are kept: those that may get there, and those that do for sure. A strict filter drops what
 * may get to a drop, and allows what gets to an accept for sure; no packet that it allows
 * is dropped by the rule set: an earlier rule that drops it there would have dropped it here.
 * Lenient is the mirror image.
 *
 * What a rule logs or counts and what the next one decides of the very same packets is one rule
 * of the policy, with several actions: so LOG and DROP need no walk of their own.
 */
#include "import/chains.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define DEPTH_MAX	64
#define EVENT_MAX	200

/* A rule of the policy, on its way. */
struct entry {
	struct text comment;		/* lines, each with tab and new line */
	struct text actions;
	unsigned int count;		/* of actions */
	struct text predicate;
	bool ends;
};

struct writer {
	struct chains *chains;		/* of the part that is being written */
	const struct import_options *options;
	const char **ports;		/* names */
	struct import_report *report;
	struct text *error;
	struct vec entries;		/* of struct entry */
	struct text comment;		/* for the next one */
	int err;
};

/* Where a chain is written: what holds of the packets that get there. */
struct context {
	struct match match;
	struct vec left;		/* of struct match: those that meet one are not here */
	struct vec may_left;		/* those that meet one may not be here */
	bool open;			/* none may be here */
	struct text path;		/* lines of the calls */
	unsigned int depth;
};

void chains_init(struct chains *chains)
{
	*chains = (struct chains){
		.chains = VEC(struct chain *), .words = VEC(struct chain_word),
	};
}

void chains_free(struct chains *chains)
{
	for (size_t i = 0; i < chains->chains.len; i++) {
		struct chain *chain = *(struct chain **)vec_at(&chains->chains, i);

		for (size_t k = 0; k < chain->rules.len; k++)
			vec_free(&(*(struct chain_rule **)vec_at(&chain->rules, k))->match);
		vec_free(&chain->rules);
	}
	for (size_t i = 0; i < chains->words.len; i++)
		vec_free(&((struct chain_word *)vec_at(&chains->words, i))->match);
	vec_free(&chains->chains);
	vec_free(&chains->words);
	arena_free(&chains->arena);
}

struct chain *chains_find(const struct chains *chains, const char *name)
{
	for (size_t i = 0; i < chains->chains.len; i++) {
		struct chain *chain = *(struct chain **)vec_at(&chains->chains, i);

		if (!strcmp(chain->name, name))
			return chain;
	}
	return NULL;
}

struct chain *chains_get(struct chains *chains, const char *name)
{
	struct chain *chain = chains_find(chains, name);

	if (chain)
		return chain;
	chain = arena_alloc(&chains->arena, sizeof(*chain));
	chain->name = arena_strndup(&chains->arena, name, strlen(name));
	chain->rules = VEC(struct chain_rule *);
	vec_append(&chains->chains, &chain);
	return chain;
}

struct chain_rule *chains_rule(struct chains *chains, struct chain *chain, unsigned int line,
			       const char *text)
{
	struct chain_rule *rule = arena_alloc(&chains->arena, sizeof(*rule));

	rule->line = line;
	rule->text = arena_strndup(&chains->arena, text, strlen(text));
	rule->match = VEC(struct match);
	vec_push(&rule->match);
	vec_append(&chain->rules, &rule);
	return rule;
}

/* ---- what is said about it ------------------------------------------------------------- */

void import_report_init(struct import_report *report)
{
	*report = (struct import_report){ .notes = VEC(struct import_note) };
}

void import_report_free(struct import_report *report)
{
	for (size_t i = 0; i < report->notes.len; i++) {
		struct import_note *note = vec_at(&report->notes, i);

		free(note->rule);
		free(note->sentence);
	}
	vec_free(&report->notes);
}

void report_note(struct import_report *report, unsigned int line, const char *rule, bool said,
		 const char *format, ...)
{
	struct import_note *note = vec_push(&report->notes);
	struct text sentence = { 0 };
	va_list args;

	va_start(args, format);
	text_vprintf(&sentence, format, args);
	va_end(args);
	note->line = line;
	note->rule = rule ? xstrdup(rule) : NULL;
	note->sentence = xstrdup(text_string(&sentence));
	note->said = said;
	text_free(&sentence);
}

/* One line of a comment: what is no plain text in it is shown as "?". */
static void comment_text(struct text *out, const char *text)
{
	for (; *text; text++)
		text_printf(out, "%c", *text >= ' ' && *text < 0x7f ? *text : '?');
}

static void comment_rule(struct writer *w, const struct context *at, const struct chain_rule *rule)
{
	if (!rule->continues) {
		text_printf(&w->comment, "\t# %s%u: ", text_string(&at->path), rule->line);
		comment_text(&w->comment, rule->text);
		text_printf(&w->comment, "\n");
	}
	if (rule->continues ? rule->not_said != rule->told : rule->not_said || rule->aside) {
		text_printf(&w->comment, "\t# %s: ", rule->not_said ? "not said" : "beside it");
		comment_text(&w->comment, rule->not_said ?: rule->aside);
		if (rule->matches == MAY_MATCH)
			text_printf(&w->comment, ": it may match");
		else if (rule->not_said)
			text_printf(&w->comment, ": taken as %s",
				    rule->matches == NEVER_MATCHES ? "never matching" : "matching");
		text_printf(&w->comment, "\n");
	}
}

static void note_rule(struct writer *w, struct chain_rule *rule)
{
	const char *taken = rule->matches == NEVER_MATCHES ? "taken as never matching" :
			    rule->matches == MATCHES ? "taken as matching" :
			    rule->does == DOES_ACCEPT ? w->options->lenient ?
			    "it allows whatever it may match" : "it does not allow what it may match" :
			    rule->does == DOES_DROP ? w->options->lenient ?
			    "it does not drop what it may match" : "it drops whatever it may match" :
			    "it may match, or not";

	if (rule->noted)
		return;
	rule->noted = true;
	w->report->asks_new += rule->asks_new && !rule->not_said && !rule->continues;
	if (rule->not_said != rule->told) {
		w->report->not_said += !rule->told;
		report_note(w->report, rule->line, rule->text, false, "%s; %s", rule->not_said, taken);
	}
	if (rule->aside)
		report_note(w->report, rule->line, rule->text, true, "%s", rule->aside);
}

/* ---- predicates --------------------------------------------------------------------------- */

static bool is_gone(const struct writer *w, const char *word)
{
	for (size_t i = 0; i < w->chains->words.len; i++) {
		const struct chain_word *known = vec_at(&w->chains->words, i);

		if (!strcmp(known->name, word))
			return known->gone;
	}
	return false;
}

/* What has been decided of already need not be asked. Return: false: nothing can be left. */
static bool strip_gone(struct writer *w, struct match *match)
{
	struct match_test *copy = NULL;
	uint32_t len = 0;

	for (uint32_t i = 0; i < match->tests; i++) {
		const struct match_test *t = &match->test[i];

		if (t->word && is_gone(w, t->word)) {
			if (!t->unequal)
				return false;
			if (!copy) {
				copy = arena_alloc(&w->chains->arena, match->tests * sizeof(*copy));
				memcpy(copy, match->test, i * sizeof(*copy));
			}
			continue;
		}
		if (copy)
			copy[len] = *t;
		len++;
	}
	if (copy)
		*match = (struct match){ copy, len };
	return true;
}

/*
 * Of @left what can be said of packets that meet @match, appended to @out. Return: false: all of
 * them have left.
 */
static bool reduce(struct writer *w, struct match match, const struct vec *left, struct vec *out)
{
	for (size_t i = 0; i < left->len; i++) {
		struct match gone = *(struct match *)vec_at(left, i), both;
		bool known = false;

		if (!strip_gone(w, &gone) || !match_both(&w->chains->arena, match, gone, &both))
			continue;
		gone = match_without(&w->chains->arena, gone, match);
		if (!gone.tests)
			return false;
		for (size_t k = 0; k < out->len && !known; k++)
			known = match_equal(*(struct match *)vec_at(out, k), gone);
		if (!known)
			vec_append(out, &gone);
	}
	return true;
}

/* A field that every packet has that the filter asks about. */
static bool is_always_there(const struct match_test *t)
{
	return t->word || t->field <= FIELD_ETH_TYPE || t->field == FIELD_IP_SRC ||
	       t->field == FIELD_IP_DST || t->field == FIELD_IP_PROTO;
}

static void print_not(const struct writer *w, struct match left, struct text *out)
{
	struct match_test turned;

	if (left.tests == 1 && is_always_there(left.test) &&
	    (left.test->prefixes.len < 2 || left.test->unequal)) {
		turned = *left.test;
		turned.unequal = !turned.unequal;
		match_print((struct match){ &turned, 1 }, w->ports, out);
		return;
	}
	text_printf(out, "not (");
	match_print(left, w->ports, out);
	text_printf(out, ")");
}

static void print_predicate(const struct writer *w, struct match match, const struct vec *left,
			    struct text *out)
{
	match_print(match, w->ports, out);
	for (size_t i = 0; i < left->len; i++) {
		text_printf(out, "%s", out->len ? " and " : "");
		print_not(w, *(struct match *)vec_at(left, i), out);
	}
}

/* ---- rules ------------------------------------------------------------------------------------ */

static void fail(struct writer *w, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void fail(struct writer *w, int err, const char *format, ...)
{
	va_list args;

	if (w->err)
		return;
	w->err = err;
	va_start(args, format);
	text_vprintf(w->error, format, args);
	va_end(args);
}

/* A rule of the policy, with the comments that wait; takes @predicate. */
static void write_entry(struct writer *w, const char *action, struct text predicate, bool ends)
{
	struct entry *entry;

	if (w->entries.len == IMPORT_RULES_MAX) {
		fail(w, -E2BIG, "chains that call chains come to more than %d rules", IMPORT_RULES_MAX);
		text_free(&predicate);
		return;
	}
	entry = vec_push(&w->entries);
	entry->comment = w->comment;
	w->comment = (struct text){ 0 };
	text_printf(&entry->actions, "%s", action);
	entry->count = 1;
	entry->predicate = predicate;
	entry->ends = ends;
}

/* An action on the packets that meet @match and none of @left. */
static void write_action(struct writer *w, struct match match, const struct vec *left,
			 const char *action, bool ends)
{
	struct entry *last = w->entries.len ? vec_at(&w->entries, w->entries.len - 1) : NULL;
	struct text predicate = { 0 };

	print_predicate(w, match, left, &predicate);
	if (ends && !left->len && match.tests == 1 && match.test->word && !match.test->unequal)
		for (size_t i = 0; i < w->chains->words.len; i++) {
			struct chain_word *word = vec_at(&w->chains->words, i);

			word->gone |= !strcmp(word->name, match.test->word);
		}
	if (last && !last->ends && last->count < POLICY_ACTIONS_MAX &&
	    !strcmp(text_string(&last->predicate), text_string(&predicate))) {
		text_printf(&last->actions, ", %s", action);
		text_printf(&last->comment, "%s", text_string(&w->comment));
		text_free(&w->comment);
		text_free(&predicate);
		last->count++;
		last->ends = ends;
		return;
	}
	write_entry(w, action, predicate, ends);
}

/* What a rule's packets are, where it is written. */
struct place_of {
	struct match match;
	struct vec left, may_left;	/* of struct match */
	bool open;
};

static void write_end(struct writer *w, const struct place_of *at, bool drop)
{
	struct vec all = VEC(struct match);

	if (drop != w->options->lenient) {
		/* What may get here. */
		write_action(w, at->match, &at->left, drop ? "drop" : "allow", true);
		return;
	}
	if (at->open)
		return;
	for (size_t i = 0; i < at->left.len; i++)
		vec_append(&all, vec_at(&at->left, i));
	if (reduce(w, at->match, &at->may_left, &all))
		write_action(w, at->match, &all, drop ? "drop" : "allow", true);
	vec_free(&all);
}

static void write_aside(struct writer *w, const struct place_of *at, const char *action)
{
	struct vec all = VEC(struct match);

	for (size_t i = 0; i < at->left.len; i++)
		vec_append(&all, vec_at(&at->left, i));
	if (!at->open && reduce(w, at->match, &at->may_left, &all))
		write_action(w, at->match, &all, action, false);
	vec_free(&all);
}

static void print_log(const char *log, struct text *out)
{
	size_t len = 0;

	text_printf(out, "emit \"");
	for (; *log && len < EVENT_MAX; log++, len++) {
		if (*log == '"' || *log == '\\')
			text_printf(out, "'");
		else
			text_printf(out, "%c", *log >= ' ' && *log < 0x7f ? *log : '?');
	}
	text_printf(out, "\"");
}

static void write_chain(struct writer *w, struct chain *chain, struct context *at);

static void write_call(struct writer *w, const struct chain_rule *rule, const struct context *at,
		       const struct place_of *here)
{
	struct chain *called = chains_find(w->chains, rule->chain);
	struct context there = { .match = here->match, .open = here->open, .depth = at->depth + 1,
				 .left = VEC(struct match), .may_left = VEC(struct match) };

	if (!called) {
		fail(w, -EINVAL, "%u: there is no chain %s", rule->line, rule->chain);
		return;
	}
	if (called->open || at->depth == DEPTH_MAX) {
		fail(w, -EINVAL, "%u: chain %s calls itself", rule->line, rule->chain);
		return;
	}
	for (size_t i = 0; i < here->left.len; i++)
		vec_append(&there.left, vec_at(&here->left, i));
	for (size_t i = 0; i < here->may_left.len; i++)
		vec_append(&there.may_left, vec_at(&here->may_left, i));
	text_printf(&there.path, "%s%u > ", text_string(&at->path), rule->line);
	write_chain(w, called, &there);
	text_free(&there.path);
	vec_free(&there.left);
	vec_free(&there.may_left);
}

/* Packets that meet @match are not asked about the rest of the chain. */
static void leave(struct context *at, const struct chain_rule *rule, struct match match)
{
	vec_append(rule->matches == MAY_MATCH ? &at->may_left : &at->left, &match);
}

static void write_match(struct writer *w, const struct chain *chain, const struct chain_rule *rule,
			struct match match, struct context *at)
{
	struct place_of here = { .left = VEC(struct match), .may_left = VEC(struct match),
				 .open = at->open || rule->matches == MAY_MATCH };
	struct text action = { 0 };

	if (!strip_gone(w, &match) ||
	    !match_both(&w->chains->arena, at->match, match, &here.match) ||
	    !reduce(w, here.match, &at->left, &here.left))
		goto out;
	if (!reduce(w, here.match, &at->may_left, &here.may_left))
		here.open = true;
	switch (rule->does) {
	case DOES_NOTHING:
		text_printf(&action, "count \"%s:%u\"", chain->name, rule->line);
		write_aside(w, &here, text_string(&action));
		break;
	case DOES_ACCEPT:
	case DOES_DROP:
		write_end(w, &here, rule->does == DOES_DROP);
		break;
	case DOES_RETURN:
		if (chain->base)
			write_end(w, &here, chain->drops);
		else
			leave(at, rule, match);
		break;
	case DOES_CALL:
		write_call(w, rule, at, &here);
		break;
	case DOES_LEAVE:
		write_call(w, rule, at, &here);
		if (chain->base)
			write_end(w, &here, chain->drops);
		else
			leave(at, rule, match);
		break;
	case DOES_LOG:
		print_log(rule->log, &action);
		write_aside(w, &here, text_string(&action));
		break;
	case DOES_MARK:
		text_printf(&action, "mark %u", rule->mark);
		write_aside(w, &here, text_string(&action));
		break;
	case DOES_OTHER:
		break;
	case DOES_UNKNOWN:
		here.open = true;
		write_end(w, &here, !w->options->lenient);
		break;
	}
out:
	text_free(&action);
	vec_free(&here.left);
	vec_free(&here.may_left);
}

static void write_chain(struct writer *w, struct chain *chain, struct context *at)
{
	for (size_t i = 0; i < chain->rules.len && !chain->reached; i++)
		w->report->rules += !(*(struct chain_rule **)vec_at(&chain->rules, i))->continues;
	chain->reached = chain->open = true;
	for (size_t i = 0; i < chain->rules.len && !w->err; i++) {
		struct chain_rule *rule = *(struct chain_rule **)vec_at(&chain->rules, i);

		note_rule(w, rule);
		comment_rule(w, at, rule);
		if (rule->matches == NEVER_MATCHES)
			continue;
		for (size_t k = 0; k < rule->match.len && !w->err; k++)
			write_match(w, chain, rule, *(struct match *)vec_at(&rule->match, k), at);
	}
	chain->open = false;
}

/* ---- what is not written, and drops ---------------------------------------------------------- */

static void note_drop(struct import_report *report, unsigned int line, const char *rule,
		      const struct chain *base, const char *where)
{
	struct import_note *note;

	report_note(report, line, rule, false, "chain %s of %s is not in the policy: what it drops, the policy "
		    "may allow", base->name, where);
	note = vec_at(&report->notes, report->notes.len - 1);
	note->elsewhere = true;
	report->drops_elsewhere++;
}

static void list_drops(struct chains *chains, struct chain *chain, const struct chain *base,
		       const char *where, struct import_report *report)
{
	chain->listed = true;
	for (size_t i = 0; i < chain->rules.len; i++) {
		const struct chain_rule *rule = *(struct chain_rule **)vec_at(&chain->rules, i);
		struct chain *called = NULL;

		/* Of packets that do not come in by a port of the filter, say. */
		if (!rule->match.len)
			continue;
		if (rule->does == DOES_DROP || rule->does == DOES_UNKNOWN)
			note_drop(report, rule->line, rule->text, base, where);
		else if (rule->does == DOES_CALL || rule->does == DOES_LEAVE)
			called = chains_find(chains, rule->chain);
		if (called && !called->listed)
			list_drops(chains, called, base, where, report);
	}
}

void chains_list_drops(struct chains *chains, struct chain *base, const char *where,
		       struct import_report *report)
{
	list_drops(chains, base, base, where, report);
	if (base->drops)
		note_drop(report, base->line, base->text, base, where);
}

/* ---- the policy ---------------------------------------------------------------------------------- */

static void print_words(const struct writer *w, const struct chains *chains, struct text *out)
{
	for (size_t i = 0; i < chains->words.len; i++) {
		const struct chain_word *word = vec_at(&chains->words, i);
		bool used = false;

		for (size_t k = 0; k < w->entries.len && !used; k++)
			used = strstr(text_string(&((struct entry *)vec_at(&w->entries, k))->predicate),
				      word->name);
		if (!used || !word->match.len)
			continue;
		text_printf(out, "let %s = ", word->name);
		for (size_t k = 0; k < word->match.len; k++) {
			text_printf(out, "%s(", k ? "\n\tor " : "");
			match_print(*(struct match *)vec_at(&word->match, k), w->ports, out);
			text_printf(out, ")");
		}
		text_printf(out, ";\n");
	}
}

static void print_elsewhere(const struct import_report *report, struct text *out)
{
	if (!report->drops_elsewhere)
		return;
	text_printf(out, "# The same packets pass other chains. What these rules drop there, this may allow:\n");
	for (size_t i = 0; i < report->notes.len; i++) {
		const struct import_note *note = vec_at(&report->notes, i);

		if (!note->elsewhere)
			continue;
		text_printf(out, "#   %u: ", note->line);
		comment_text(out, note->rule);
		text_printf(out, "\n");
	}
}

static void print_policy(struct writer *w, const struct chain_part *part, unsigned int parts,
			 const struct vec *ports, const char *head, struct text *out)
{
	static const char *const frames[] = { "ip4", "ip6", "(ip4 or ip6)" };

	text_printf(out, "%s", head);
	text_printf(out, "# %zu rules, %zu of them not said or not all of it; each stands over what became of it.\n",
		    w->report->rules, w->report->not_said);
	if (w->report->asks_new)
		text_printf(out, "# %zu rules ask for packets that begin a connection: every packet is taken "
			    "to do so.\n", w->report->asks_new);
	if (w->report->not_said)
		text_printf(out, "# Where it is open whether a rule matches, %s.\n",
			    w->options->lenient ? "nothing is dropped that the rules allow" :
			    "nothing is allowed that the rules drop");
	print_elsewhere(w->report, out);
	text_printf(out, "\n");
	for (size_t i = 0; i < ports->len; i++) {
		const struct import_port *port = vec_at(ports, i);

		text_printf(out, "port %s = \"%s\";\n", port->name, port->interface);
	}
	for (unsigned int i = 0; i < parts; i++)
		print_words(w, part[i].chains, out);
	text_printf(out, "\nfilter ");
	for (size_t i = 0; i < ports->len; i++)
		text_printf(out, "%s%s", i ? ", " : "", w->ports[i]);
	text_printf(out, " {\n\t# The rules are about nothing else.\n\tallow if not %s;\n",
		    frames[parts > 1 ? CHAIN_BOTH : part->chains->family]);
	for (size_t i = 0; i < w->entries.len; i++) {
		const struct entry *e = vec_at(&w->entries, i);

		text_printf(out, "%s", text_string(&e->comment));
		text_printf(out, "\t%s", text_string(&e->actions));
		if (e->predicate.len)
			text_printf(out, " if %s", text_string(&e->predicate));
		text_printf(out, ";\n");
	}
	text_printf(out, "}\n");
}

/* @several: there is a part for the other family, too. */
static void write_part(struct writer *w, const struct chain_part *part, bool several)
{
	struct context at = { .left = VEC(struct match), .may_left = VEC(struct match) };
	struct arena *arena = &part->chains->arena;
	struct text predicate = { 0 };

	w->chains = part->chains;
	if (several) {
		struct match_test family = match_number(arena, FIELD_ETH_TYPE,
							part->chains->family == CHAIN_V6 ? 0x86dd : 0x0800);

		match_with(arena, at.match, &family, &at.match);
	}
	write_chain(w, part->base, &at);
	text_printf(&w->comment, "\t# The policy of %s.\n", part->base->name);
	match_print(at.match, w->ports, &predicate);
	write_entry(w, part->base->drops ? "drop" : "allow", predicate, true);
	for (size_t i = 0; i < part->chains->chains.len; i++) {
		const struct chain *chain = *(struct chain **)vec_at(&part->chains->chains, i);

		if (!chain->reached)
			w->report->elsewhere += chain->rules.len;
	}
	vec_free(&at.left);
	vec_free(&at.may_left);
}

int chains_write(const struct chain_part *part, unsigned int parts,
		 const struct import_options *options, const struct vec *ports, const char *head,
		 struct text *out, struct import_report *report, struct text *error)
{
	struct writer w = { .options = options, .report = report, .error = error,
			    .entries = VEC(struct entry) };

	w.ports = xcalloc(ports->len + 1, sizeof(*w.ports));
	for (size_t i = 0; i < ports->len; i++)
		w.ports[i] = ((struct import_port *)vec_at(ports, i))->name;
	for (unsigned int i = 0; i < parts && !w.err; i++)
		write_part(&w, &part[i], parts > 1);
	if (!w.err) {
		print_policy(&w, part, parts, ports, head, out);
		report->written = w.entries.len + 1;
	}
	for (size_t i = 0; i < w.entries.len; i++) {
		struct entry *e = vec_at(&w.entries, i);

		text_free(&e->comment);
		text_free(&e->actions);
		text_free(&e->predicate);
	}
	vec_free(&w.entries);
	text_free(&w.comment);
	free(w.ports);
	return w.err;
}
