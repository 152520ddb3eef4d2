// SPDX-License-Identifier: GPL-2.0
/*
 * documents.c: of a document only the statements "include" are found: words outside of comments and strings,
 * with a string behind them. The word is reserved, so that it stands for nothing else. So are
 * the documents that "assert equal policy" compares: "policy" with a string behind it; those that stand
 * in a document which is itself only compared are left out. A text with mistakes may have others than
 * its parse would find, but then that refuses it.
 */
#include "policy/documents.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernel.h"
#include "policy/parser.h"

struct reading {
	policy_load_fn *load;
	void *context;
	struct vec *documents;
	size_t bytes;
};

static int read_one(struct reading *r, const char *asked, const char *name);

static struct policy_document *find(const struct vec *documents, const char *name)
{
	for (size_t i = 0; i < documents->len; i++) {
		struct policy_document *d = vec_at(documents, i);

		if (!strcmp(d->name, name))
			return d;
	}
	return NULL;
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.:/", c));
}

/* Behind the string that begins at @p; @end if it has no end. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '\n'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return end;
}

static const char *line_end(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', end - p);

	return newline ? newline : end;
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (isspace((unsigned char)*p) || *p == '#'))
		p = *p == '#' ? line_end(p, end) : p + 1;
	return p;
}

/* Of the name of a document that is compared, what comes before it; else 0. */
static size_t compared_prefix(const char *name)
{
	return strncmp(name, POLICY_COMPARED, strlen(POLICY_COMPARED)) ? 0 : strlen(POLICY_COMPARED);
}

/* The document that the string at @p names in the document @name; *@next: behind the string. */
static int follow(struct reading *r, const char *name, bool compared, const char *p, const char *end,
		  const char **next)
{
	size_t prefix = compared_prefix(name);
	struct text path = { 0 }, asked = { 0 };
	int err = 0;

	*next = string_end(p, end);
	for (p++; p < *next - 1; p++) {
		if (*p == '\\')
			p++;
		text_append(&path, p, 1);
	}
	if (!path.len || strlen(path.data) != path.len)
		err = -EINVAL;
	if (!err) {
		struct text plain = { 0 };

		policy_document_name(name + prefix, path.data, &plain);
		text_printf(&asked, "%s%s", prefix || compared ? POLICY_COMPARED : "", text_string(&plain));
		text_free(&plain);
		if (!find(r->documents, text_string(&asked)))
			err = read_one(r, text_string(&asked), text_string(&asked));
	}
	text_free(&path);
	text_free(&asked);
	return err;
}

/* What stands behind the word that ends at *@at: it moves behind that. */
static int follow_word(struct reading *r, const char *name, const char *word, const char **at, const char *end)
{
	bool include = *at - word == 7 && !memcmp(word, "include", 7);
	bool compare = *at - word == 6 && !memcmp(word, "policy", 6);
	int err = 0;

	if (!include && !compare)
		return 0;
	*at = skip_space(*at, end);
	if (include)
		return *at < end && **at == '"' ? follow(r, name, false, *at, end, at) : -EINVAL;
	/* A port may be called so: then there is no string behind it. */
	while (!err && *at < end && **at == '"') {
		if (compared_prefix(name))
			*at = string_end(*at, end);
		else
			err = follow(r, name, true, *at, end, at);
		*at = skip_space(*at, end);
	}
	return err;
}

/* The words that matter, and where each is next: @end if nowhere. */
struct words {
	const char *include, *policy;
};

/* @rare: the place of a letter in it that few words have; those are found many at once. */
static const char *find_word(const char *word, size_t rare, const char *p, const char *end)
{
	size_t len = strlen(word);

	for (; (size_t)(end - p) >= len; p++) {
		const char *letter = memchr(p + rare, word[rare], end - p - rare);

		if (!letter)
			break;
		p = letter - rare;
		if ((size_t)(end - p) >= len && !memcmp(p, word, len))
			return p;
	}
	return end;
}

/* The first of them from @p on. */
static const char *next_word(struct words *next, const char *p, const char *end)
{
	if (next->include < p)
		next->include = find_word("include", 4, p, end);
	if (next->policy < p)
		next->policy = find_word("policy", 5, p, end);
	return next->include < next->policy ? next->include : next->policy;
}

/*
 * Only lines that have one of the words are looked at: neither a comment nor a string that began on an earlier
 * one goes on there.
 */
static int follow_all(struct reading *r, const char *name, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *stop;
	struct words next = { NULL, NULL };
	int err = 0;

	while (!err && (stop = next_word(&next, p, end)) < end) {
		const char *newline = memrchr(p, '\n', stop - p);

		p = newline ? newline + 1 : p;
		for (stop = line_end(stop, end); !err && p < stop;) {
			const char *begin = p;

			if (*p == '#') {
				p = line_end(p, end);
			} else if (*p == '"') {
				p = string_end(p, end);
			} else if (!is_of_word(*p)) {
				p++;
			} else {
				while (p < end && is_of_word(*p))
					p++;
				err = follow_word(r, name, begin, &p, end);
			}
		}
	}
	return err;
}

static int read_one(struct reading *r, const char *asked, const char *name)
{
	struct policy_document *d;
	struct text text = { 0 };
	char *copy;
	size_t len;
	int err;

	if (r->documents->len == POLICY_DOCUMENTS_MAX)
		return -E2BIG;
	err = r->load(r->context, asked, POLICY_FILE_MAX - r->bytes, &text);
	if (err) {
		text_free(&text);
		return err;
	}
	r->bytes += text.len;
	if (r->bytes > POLICY_FILE_MAX) {
		text_free(&text);
		return -E2BIG;
	}
	d = vec_push(r->documents);
	*d = (struct policy_document){ xstrdup(name), text };
	/* The documents may move while others are read; the bytes do not. */
	copy = d->text.data;
	len = d->text.len;
	name = d->name;
	return copy ? follow_all(r, name, copy, len) : 0;
}

int policy_documents(const char *const *names, size_t count, policy_load_fn *load, void *context,
		     struct vec *documents)
{
	struct reading r = { load, context, documents, 0 };
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct text name = { 0 };

		policy_document_name(NULL, names[i], &name);
		if (!find(documents, text_string(&name)))
			err = read_one(&r, names[i], text_string(&name));
		text_free(&name);
	}
	return err;
}

void policy_documents_free(struct vec *documents)
{
	for (size_t i = 0; i < documents->len; i++) {
		struct policy_document *d = vec_at(documents, i);

		free(d->name);
		text_free(&d->text);
	}
	vec_free(documents);
}

int policy_load_given(void *context, const char *name, size_t limit, struct text *out)
{
	const struct policy_document *d;
	struct text plain = { 0 };

	policy_document_name(NULL, name, &plain);
	d = find(context, text_string(&plain));
	text_free(&plain);
	if (!d)
		return -ENOENT;
	if (d->text.len > limit)
		return -EFBIG;
	if (d->text.len)
		text_append(out, d->text.data, d->text.len);
	return 0;
}
