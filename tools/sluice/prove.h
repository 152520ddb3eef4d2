/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prove.h: --prove-time TIME of the verbs that prove things.
 */
#ifndef SLUICE_TOOLS_PROVE_H
#define SLUICE_TOOLS_PROVE_H

struct cli;

#define PROVE_OPTION "--prove-time"

/**
 * prove_seconds() - what @text, the option's value, says; NULL: ANALYSE_SECONDS. 0: no limit.
 * Return: 0; -1 if that is no time, and that was said.
 */
int prove_seconds(const struct cli *cli, const char *text, double *seconds);

#endif
