/* SPDX-License-Identifier: GPL-2.0 */
/*
 * running.h: the policy that runs, as the daemon has it, parsed.
 */
#ifndef SLUICE_TOOLS_RUNNING_H
#define SLUICE_TOOLS_RUNNING_H

struct cli;
struct diags;
struct policy;
struct vec;

/**
 * running_objects() - the typed objects of the store, appended to @objects.
 * running_policy() - the running documents with @objects; one without statements if none runs.
 * Both return CLI_OK, or an exit code with a complaint; errors of the text are in @diags.
 */
int running_objects(const struct cli *cli, struct vec *objects);
int running_policy(const struct cli *cli, const struct vec *objects, struct policy **policy,
		   struct diags *diags);

#endif
