/* SPDX-License-Identifier: GPL-2.0 */
/*
 * disk.h: the daemon's store on disk: what runs, its history, and a confirmation that is
 * waited for, in one file that is replaced as a whole.
 */
#ifndef SLUICE_DAEMON_DISK_H
#define SLUICE_DAEMON_DISK_H

#include <stddef.h>
#include <stdint.h>

struct store;

#define DISK_WHY_MAX 512

/**
 * disk_save() - replaces the file @path by what @store holds now.
 * @now_ms: as for store_tick().
 * Return: 0 or -errno; the old file is untouched then.
 */
int disk_save(const char *path, struct store *store, uint64_t now_ms);

/**
 * disk_load() - fills @store, which must be new, from the file @path.
 * A file that is torn, foreign, of another version, or holds what the store refuses is
 * renamed to "PATH.bad-N", the first N that is free, and *@why says so in a sentence.
 * The time to confirm went on while no daemon ran; when it is over, store_tick() goes back.
 * Return: 0, also if there was no file; -EBADMSG: it was set aside, and *@store is a
 * new, empty one with the same limits; -errno: could not be read, nothing was touched.
 */
int disk_load(const char *path, struct store **store, uint64_t now_ms, char why[DISK_WHY_MAX]);

#endif
