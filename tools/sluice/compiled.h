/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compiled.h: a policy of files, and the image that it becomes, for verbs that need no daemon.
 */
#ifndef SLUICE_TOOLS_COMPILED_H
#define SLUICE_TOOLS_COMPILED_H

struct cli;
struct image;
struct policy;

struct compiled {
	struct policy *policy;
	struct image *image;	/* NULL if there were mistakes */
};

/**
 * compiled_read() - reads the policy in @path, with the objects in @objects_path (NULL: none), and
 * compiles it. Mistakes are printed.
 * Return: an exit code; compiled_free() in any case.
 */
int compiled_read(const struct cli *cli, const char *path, const char *objects_path,
		  struct compiled *compiled);
void compiled_free(struct compiled *compiled);

#endif
