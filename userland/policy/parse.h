/* SPDX-License-Identifier: GPL-2.0 */
/*
 * parse.h: from text to a checked tree.
 *
 *	struct diags diags;
 *	diags_init(&diags);
 *	struct policy *p = policy_parse("edge.sluice", &diags);
 *	if (diags.errors) ...
 *	diags_print(&diags, &out, false);	(before policy_free)
 *	policy_free(p);
 *	diags_free(&diags);
 *
 * Each function below returns a tree even when there are errors, because the
 * diagnostics point into its sources; with errors the tree is good for nothing
 * else. Warnings alone do no harm.
 *
 * Documents. A policy is one or more documents: those that are named to the
 * parser, and what they include. An include names a document relative to the
 * folder of the one it stands in: "lib/net.sluice" in "site/edge.sluice" is
 * "site/lib/net.sluice". Names are plain text: "." goes away, ".." takes the
 * folder before it with it, links are not looked at. Each document is read once,
 * however often it is included; one that includes itself, over others or not,
 * is an error. The order of statements means nothing.
 *
 * After a parse, policy->sources holds every document by the name under which
 * it was asked for. Whoever sends a policy elsewhere sends all of them under these
 * names; policy_parse_documents() of all the names there gives the same tree.
 *
 * Documents that are compared (assert equal policy) are no part of the policy. They, and what they
 * include, are in policy->sources and are asked for as "equal:NAME", and so they travel with it; among the names of
 * a policy's documents such a name is passed over.
 */
#ifndef SLUICE_POLICY_PARSE_H
#define SLUICE_POLICY_PARSE_H

#include "policy/tree.h"

struct text;

/**
 * policy_load_fn - reads the document @name.
 * @limit: the most bytes to take; more is -EFBIG.
 * Return: 0 and the bytes appended to @out, or -errno.
 */
typedef int policy_load_fn(void *context, const char *name, size_t limit, struct text *out);

#define POLICY_COMPARED "equal:"

/** policy_load_file() - a policy_load_fn that reads files, without "equal:"; "-" is standard input. */
int policy_load_file(void *context, const char *name, size_t limit, struct text *out);

/** policy_parse() - the policy in the file @path ("-": standard input) and what it includes. */
struct policy *policy_parse(const char *path, struct diags *diags);

/**
 * policy_parse_text() - the policy in @len bytes of @text.
 * @name: shown in diagnostics; what it includes is read from files relative to
 * the folder of this name: relative to the working folder, if there is no "/" in it.
 */
struct policy *policy_parse_text(const char *name, const char *text, size_t len,
				 struct diags *diags);

/** policy_parse_by_grammar() - the same, slowly: no rule goes past grammar.y (plain_rules.c). For tests. */
struct policy *policy_parse_by_grammar(const char *name, const char *text, size_t len, struct diags *diags);

/**
 * policy_parse_documents() - one policy of @count documents and what they include.
 * @load: reads each of them by its name; nothing else is read.
 */
struct policy *policy_parse_documents(const char *const *names, size_t count,
				      policy_load_fn *load, void *context, struct diags *diags);

/**
 * policy_parse_configuration() - the same, with the typed objects that are set beside documents.
 * @objects: of struct object, in the order of the store; NULL: none.
 */
struct policy *policy_parse_configuration(const char *const *names, size_t count,
					  policy_load_fn *load, void *context,
					  const struct vec *objects, struct diags *diags);

#endif
