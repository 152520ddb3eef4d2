// SPDX-License-Identifier: GPL-2.0
/*
 * filter_words.c: what rules say, as text on one line, where they stand, and the hashes that they are known by.
 *
 * For ten thousand rules that is a quarter of the work of a compile, and nothing else needs it: it is
 * done in a thread of its own, while the tables are made. The thread reads the policy, and writes nothing but
 * the image's rules and its own struct.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/table.h"
#include "compile/filter.h"
#include "policy/print.h"

#define ALONE_MAX	1000	/* rules that are not worth a thread */

struct words {
	const struct policy *policy;
	struct image_filter *filter;
	uint64_t *hash;			/* by rule: of what it says and for which ports */
	pthread_t thread;
	bool threaded;
};

/* "eth0 eth1 ": what stands before a rule's own words where they are hashed. */
static void put_ports(const struct policy_rule *rule, struct text *out)
{
	for (size_t i = 0; i < rule->filter->ports.len; i++) {
		const struct policy_port_ref *ref = vec_at(&rule->filter->ports, i);

		text_put(out, ref->port->interface);
		text_put(out, " ");
	}
}

static uint64_t hash_how_manieth(struct text *words, uint32_t before)
{
	text_put(words, " ");
	text_put_number(words, before);
	return hash_bytes(words->data, words->len);
}

static const char *keep(struct image_filter *f, const struct text *text, size_t from)
{
	return arena_strndup(&f->words, text->data + from, text->len - from);
}

static void *find_words(void *arg)
{
	struct words *w = arg;
	struct text text = { 0 };

	for (size_t i = 0; i < w->policy->rules.len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&w->policy->rules, i);
		struct image_rule *to = vec_at(&w->filter->rules, i);
		size_t ports;

		text.len = 0;
		put_ports(rule, &text);
		ports = text.len;
		policy_print_rule(w->policy, rule, &text);
		to->text = keep(w->filter, &text, ports);
		w->hash[i] = hash_bytes(text.data, text.len);
		to->key = hash_how_manieth(&text, 0);
		text.len = 0;
		text_put(&text, rule->place.source->name);
		text_put(&text, ":");
		text_put_number(&text, rule->place.line);
		to->where = keep(w->filter, &text, 0);
	}
	text_free(&text);
	return NULL;
}

struct words *words_begin(const struct policy *policy, struct image_filter *filter)
{
	struct words *w = xcalloc(1, sizeof(*w));
	size_t rules = policy->rules.len;

	w->policy = policy;
	w->filter = filter;
	w->hash = xcalloc(rules + 1, sizeof(*w->hash));
	vec_reserve(&filter->rules, rules);
	for (size_t i = 0; i < rules; i++)
		vec_push(&filter->rules);
	w->threaded = rules > ALONE_MAX && !pthread_create(&w->thread, NULL, find_words, w);
	if (!w->threaded)
		find_words(w);
	return w;
}

/* The first that says something has its key already. */
static void count_equals(struct words *w)
{
	struct table seen = TABLE(uint64_t, uint32_t);
	struct text text = { 0 };

	for (size_t i = 0; i < w->filter->rules.len; i++) {
		uint32_t *before = table_put(&seen, &w->hash[i], NULL);
		struct image_rule *rule = vec_at(&w->filter->rules, i);

		if ((*before)++) {
			text.len = 0;
			put_ports(*(struct policy_rule **)vec_at(&w->policy->rules, i), &text);
			text_put(&text, rule->text);
			rule->key = hash_how_manieth(&text, *before - 1);
		}
	}
	text_free(&text);
	table_free(&seen);
}

void words_end(struct words *w)
{
	if (w->threaded)
		pthread_join(w->thread, NULL);
	count_equals(w);
	free(w->hash);
	free(w);
}
