// SPDX-License-Identifier: GPL-2.0
/*
 * filter_words.c: what rules say, as text on one line, where they stand, and the keys that they are known by.
 *
 * A rule's key is a hash of what it says, for which ports, and of how many before it say the same. By it counters
 * go on over a change.
 *
 * Of two policies that follow each other most rules are the same, byte by byte (policy_rule.written), and so they
 * are printed: the words of the one before are taken then. They are looked for at the same place from the
 * beginning, and from the end; others are printed.
 */
#include <string.h>

#include "base/table.h"
#include "compile/filter.h"
#include "policy/print.h"

/* "eth0 eth1 ": what stands before a rule's own words where they are hashed. */
static void put_ports(const struct policy_rule *rule, struct text *out)
{
	for (size_t i = 0; i < rule->filter->ports.len; i++) {
		const struct policy_port_ref *ref = vec_at(&rule->filter->ports, i);

		text_put(out, ref->port->interface);
		text_put(out, " ");
	}
}

/* Of @words, and how many rules have said them before. */
static uint64_t key_of(struct text *words, struct table *seen)
{
	uint64_t key = hash_bytes(words->data, words->len);
	uint32_t *before = table_put(seen, &key, NULL);

	text_put(words, " ");
	text_put_number(words, (*before)++);
	return hash_bytes(words->data, words->len);
}

static const char *keep(struct image_filter *f, const char *text, size_t n)
{
	return arena_strndup(&f->words, text, n);
}

static bool same_bytes(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->written && b->written && a->written_len == b->written_len &&
	       !memcmp(a->written, b->written, a->written_len);
}

/* What rule @i was printed as before; NULL: it is to be printed. */
static const char *words_before(const struct policy *policy, const struct compile_options *options, size_t i)
{
	const struct policy *before = options->before;
	const struct policy_rule *rule = *(struct policy_rule **)vec_at(&policy->rules, i);
	size_t old[2];

	if (!before || !options->image_before || before->rules.len != options->image_before->filter.rules.len)
		return NULL;
	old[0] = i;
	old[1] = i + before->rules.len - policy->rules.len;	/* beyond all, if there were fewer before it */
	for (unsigned int k = 0; k < 2; k++)
		if (old[k] < before->rules.len &&
		    same_bytes(*(struct policy_rule **)vec_at(&before->rules, old[k]), rule))
			return ((struct image_rule *)vec_at(&options->image_before->filter.rules, old[k]))->text;
	return NULL;
}

void compile_words(const struct policy *policy, const struct compile_options *options, struct image_filter *f)
{
	struct table seen = TABLE(uint64_t, uint32_t);	/* hash of a rule's words -> how many have said them */
	struct text text = { 0 };

	vec_reserve(&f->rules, policy->rules.len);
	for (size_t i = 0; i < policy->rules.len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&policy->rules, i);
		struct image_rule *to = vec_push(&f->rules);
		const char *words = words_before(policy, options, i);
		size_t ports;

		text.len = 0;
		put_ports(rule, &text);
		ports = text.len;
		if (words)
			text_put(&text, words);
		else
			policy_print_rule(policy, rule, &text);
		to->text = keep(f, text.data + ports, text.len - ports);
		to->key = key_of(&text, &seen);
		text.len = 0;
		text_put(&text, rule->place.source->name);
		text_put(&text, ":");
		text_put_number(&text, rule->place.line);
		to->where = keep(f, text.data, text.len);
	}
	text_free(&text);
	table_free(&seen);
}
