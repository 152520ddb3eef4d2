/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_STORE_H
#define SLUICE_TOOLS_STORE_H

struct cli;
struct client;

/**
 * store_open() - connects to the store of the user's network namespace, and complains if it cannot.
 * Return: CLI_OK, or CLI_UNREACHABLE.
 */
int store_open(const struct cli *cli, struct client *c);

/** store_try() - the same without a complaint. Return: 0 or -errno, and client_error(). */
int store_try(const struct cli *cli, struct client *c);

/** store_complain() - of what store_try() returned. Return: CLI_UNREACHABLE. */
int store_complain(const struct cli *cli, const struct client *c, int err);

#endif
