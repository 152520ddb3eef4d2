/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_LIVE_H
#define SLUICE_TOOLS_LIVE_H

struct cli;

/** live_trace() - trace --live: packets as they are dropped, until it is interrupted. Return: an exit code. */
int live_trace(const struct cli *cli);

#endif
