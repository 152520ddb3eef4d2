/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_STORE_H
#define SLUICE_TOOLS_STORE_H

#include <stdbool.h>

struct cli;
struct client;

/**
 * store_open() - connects to the store of the user's network namespace, and complains if it cannot.
 * Return: CLI_OK, or CLI_UNREACHABLE.
 */
int store_open(const struct cli *cli, struct client *c);

/** store_try() - the same without a complaint. Return: 0 or -errno, and client_error(). */
int store_try(const struct cli *cli, struct client *c);

/** store_lost() - whether a connection that gave this error is of no use any more. */
bool store_lost(int err);

/**
 * store_failed() - complains of what a call on an open client returned, with what may help.
 * Return: CLI_UNREACHABLE if nobody answers any more or the privilege is missing, else CLI_FAILED.
 */
int store_failed(const struct cli *cli, const struct client *c, int err);

/** store_complain() - of what store_try() returned. Return: CLI_UNREACHABLE. */
int store_complain(const struct cli *cli, const struct client *c, int err);

#endif
