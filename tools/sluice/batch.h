/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_BATCH_H
#define SLUICE_TOOLS_BATCH_H

#include <stdbool.h>

struct change;
struct cli;
struct client;

/**
 * batch_client() - the connection that the lines of a batch share, open.
 * Return: NULL outside of a batch.
 */
struct client *batch_client(const struct cli *cli);

/** batch_atomic() - whether all lines make up one transaction. */
bool batch_atomic(const struct cli *cli);

/**
 * batch_reconnect() - a new connection for the lines to come: the old one was lost.
 * Return: CLI_OK, or CLI_UNREACHABLE with a complaint; a later line may try again.
 */
int batch_reconnect(const struct cli *cli);

/** batch_change() - puts a change into that transaction. Return: CLI_OK, or an exit code with a complaint. */
int batch_change(const struct cli *cli, const struct change *c);

#endif
