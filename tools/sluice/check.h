/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_CHECK_H
#define SLUICE_TOOLS_CHECK_H

struct cli;
struct diags;

/**
 * check_complain() - shows mistakes as the user asked for: text on standard error,
 * or with -j an object each on standard output.
 */
void check_complain(const struct cli *cli, const struct diags *diags);

#endif
