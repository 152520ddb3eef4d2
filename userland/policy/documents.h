/* SPDX-License-Identifier: GPL-2.0 */
/*
 * documents.h: which documents a policy consists of, without a parse of them.
 */
#ifndef SLUICE_POLICY_DOCUMENTS_H
#define SLUICE_POLICY_DOCUMENTS_H

#include "base/text.h"
#include "base/vec.h"
#include "policy/parse.h"

struct policy_document {
	char *name;		/* in the plain form: that of policy->sources */
	struct text text;
};

/**
 * policy_documents() - reads the documents @names, and what they include, as a parse would.
 * @documents: a vec of struct policy_document, appended to.
 * Nothing is checked. Return: 0; -EINVAL, -E2BIG, or what @load returned: a parse will say what is wrong.
 */
int policy_documents(const char *const *names, size_t count, policy_load_fn *load, void *context,
		     struct vec *documents);
void policy_documents_free(struct vec *documents);

/** policy_load_given() - a policy_load_fn of what policy_documents() has read: @context, a vec. */
int policy_load_given(void *context, const char *name, size_t limit, struct text *out);

#endif
