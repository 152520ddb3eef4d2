/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rib.h: route tables, and their changes, in files.
 *
 * A file is text or MRT (lpm/mrt.h), plain or compressed by gzip, bzip2 or xz; "-" is standard input.
 *
 * Text: one route a line, a prefix and, behind white space, its next hop: a number (a next hop's, an
 * AS's: the reader knows) or an address; without one it is number 0. Changes have two words in front:
 * the time in seconds, and "a" (announced) or "w" (withdrawn). Empty lines and what follows ';' or
 * '#' are skipped.
 *
 * MRT: of a dump, for each prefix the path with the fewest ASes; among those the one with the least
 * origin; among those the one that comes first. Of updates, what stands at their end, whichever peer
 * said it. Records that make no sense are passed over, and named.
 */
#ifndef SLUICE_LPM_RIB_H
#define SLUICE_LPM_RIB_H

#include "base/addr.h"
#include "base/text.h"
#include "base/vec.h"

struct rib_route {
	struct prefix prefix;	/* canonical */
	uint32_t nexthop;	/* as the file has it, or rib_file.hops' index */
};

struct rib_change {
	uint64_t time_us;	/* since 1970 */
	struct prefix prefix;
	bool withdrawn;		/* else announced: new, or in place of what was */
	uint32_t nexthop;	/* as above; 0 if withdrawn */
};

#define RIB_NOTES_MAX 10

/* What a file was, besides its routes. */
struct rib_file {
	struct vec hops;	/* of struct addr: next hops by their numbers; none: the file has numbers */
	struct text notes;	/* a line for each record that made no sense, RIB_NOTES_MAX of them */
	size_t records;		/* MRT: how many; 0: text */
	size_t malformed;	/* of them: made no sense */
	size_t other;		/* of them: of kinds that say nothing of unicast routes */
};

void rib_file_init(struct rib_file *file);
void rib_file_free(struct rib_file *file);

/**
 * rib_read() - appends the routes of the file @path to @routes, a vec of struct
 * rib_route, both families: text in its order, twice what it has twice; MRT each prefix once.
 * @error: on failure, one sentence that begins with the file and, where there is
 * one, the line or the offset: "full.txt:12: not a prefix: "10.0.0.0/33"".
 * Return: 0; -errno if it cannot be read; -EINVAL if a line or a record is wrong. On failure
 * @routes is as it was.
 */
int rib_read(const char *path, struct vec *routes, struct text *error);

/** rib_read_file() - likewise, but passes over MRT records that make no sense; @file says what it was. */
int rib_read_file(const char *path, struct vec *routes, struct rib_file *file, struct text *error);

/** rib_read_changes() - likewise the changes, of a file of updates: struct rib_change, in its order. */
int rib_read_changes(const char *path, struct vec *changes, struct rib_file *file,
		     struct text *error);

#endif
