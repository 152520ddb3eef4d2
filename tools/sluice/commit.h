/* SPDX-License-Identifier: GPL-2.0 */
/*
 * commit.h: what all verbs that change the configuration share: how to commit, and what became
 * of it.
 */
#ifndef SLUICE_TOOLS_COMMIT_H
#define SLUICE_TOOLS_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

struct cli;
struct client;
struct client_commit;
struct client_verdict;

/* Values of the options --confirm and --comment, as the user wrote them; NULL: not given. */
struct commit_words {
	const char *confirm, *comment;
};

/* The rows that a verb's table of options has for @words, a struct commit_words. */
#define COMMIT_OPTIONS(words) \
	{ 0, "confirm", NULL, &(words).confirm }, \
	{ 0, "comment", NULL, &(words).comment }

/** commit_how() - reads them. Return: CLI_OK, or CLI_USAGE with a complaint. */
int commit_how(const struct cli *cli, const struct commit_words *words, struct client_commit *how);

/**
 * commit_transaction() - commits the client's transaction, and tells the verdict.
 * Return: CLI_OK if it is accepted, else as commit_refused(), with a complaint.
 */
int commit_transaction(const struct cli *cli, struct client *c, const struct client_commit *how);

/** commit_tell() - prints a verdict. Return: CLI_OK if it is accepted, else CLI_FAILED. */
int commit_tell(const struct cli *cli, const struct client_verdict *v,
		const struct client_commit *how);

/**
 * commit_refused() - complains of a commit or roll-back without a verdict. @err: what it gave.
 * Return: CLI_UNREACHABLE if no sluiced was there, or none answers any more; else CLI_FAILED.
 */
int commit_refused(const struct cli *cli, const struct client *c, int err);

/**
 * commit_again() - whether a command by itself, no line of a batch, that was refused with @err because
 * another one came first is to begin anew. It has waited a little then.
 * @waited_ms: 0 before the first; after two seconds it is enough.
 */
bool commit_again(const struct cli *cli, int err, unsigned int *waited_ms);

/** generation_parse() - reads the number of a generation. Return: 0 or -EINVAL. */
int generation_parse(const char *word, uint64_t *generation);

#endif
