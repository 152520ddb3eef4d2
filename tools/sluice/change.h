/* SPDX-License-Identifier: GPL-2.0 */
/*
 * change.h: one change of typed objects: from the words of a command to the client's transaction.
 */
#ifndef SLUICE_TOOLS_CHANGE_H
#define SLUICE_TOOLS_CHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/object.h"

struct cli;
struct client;

enum change_how { CHANGE_ADD, CHANGE_REPLACE, CHANGE_DEL, CHANGE_FLUSH };

struct change {
	enum change_how how;
	struct object object;
	/* CHANGE_FLUSH: of the object's key only this was given; nothing: all of its kind */
	bool first;			/* table, group, or set */
	bool source, from;		/* of a group */
};

/**
 * change_parse() - the words behind "port add" and the like, up to a NULL.
 * Return: CLI_OK, or CLI_USAGE with a complaint that says what is wrong with which word.
 */
int change_parse(const struct cli *cli, enum object_kind kind, enum change_how how, char **words,
		 struct change *c);

/**
 * change_send() - puts it into the transaction that is open.
 * Return: 0 or -errno: a CHANGE_FLUSH of a group's part reads from the store, the others are
 * gathered, and may fail later.
 */
int change_send(const struct change *c, struct client *client);

/** change_matches() - whether a CHANGE_FLUSH means the object of this type and key. */
bool change_matches(const struct change *c, uint32_t type, const void *key, size_t key_len);

/**
 * change_complain() - why it failed, in the words of the command. @err: -errno.
 * The transaction is open still. Return: an exit code.
 */
int change_complain(const struct cli *cli, const struct change *c, struct client *client, int err);

#endif
