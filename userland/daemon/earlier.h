/* SPDX-License-Identifier: GPL-2.0 */
/*
 * earlier.h: the generation that a daemon before this one left running, until one of ours runs.
 *
 * The data path numbers what it is loaded, which is not what the store calls it: that is kept in a file of the
 * run directory, which ends with a boot as the data path does. Mostly the store has that generation, and it is
 * loaded anew. Where the store was set aside, or is another one, it knows nothing of it; then what is
 * left filters on, a change of single objects must not replace it by next to nothing, and numbers go on
 * above its.
 */
#ifndef SLUICE_DAEMON_EARLIER_H
#define SLUICE_DAEMON_EARLIER_H

#include <stdbool.h>
#include <stdint.h>

struct inputs;
struct text;

struct earlier {
	bool runs;
	uint64_t generation;	/* what its store called it; 0: not known */
};

/**
 * earlier_read() - what was left.
 * @loaded: the data path's number of what runs; 0: nothing does. @path: the file.
 */
struct earlier earlier_read(const char *path, uint32_t loaded);

/** earlier_keep() - the data path runs @generation of the store, for the next daemon to know. */
void earlier_keep(const char *path, uint64_t generation);

/** earlier_say() - appends "generation 7 of an earlier sluiced", as far as that is known. */
void earlier_say(const struct earlier *e, struct text *text);

/**
 * earlier_refuse() - whether a candidate would replace what is left, unknown to the store, by single objects.
 * @aside: what was set aside, a sentence; NULL: nothing was.
 * Return: 0, or -EINVAL and a sentence.
 */
int earlier_refuse(const struct earlier *e, const struct inputs *candidate, const char *aside,
		   struct text *why);

#endif
