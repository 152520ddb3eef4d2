/* SPDX-License-Identifier: GPL-2.0 */
/*
 * module_copy.h: our copy, on disk, of what runs in the module's store, which a boot empties.
 *
 * It is a file of disk.h's with one generation in it. What waits to be confirmed is not copied:
 * after a boot the configuration before it comes back.
 */
#ifndef SLUICE_DAEMON_MODULE_COPY_H
#define SLUICE_DAEMON_MODULE_COPY_H

#include <stdint.h>

struct text;

/**
 * module_copy_save() - writes what runs now to the file @path. Blocks; it may be called from any
 * thread that is in the store's network namespace.
 * Return: 0 and the generation that was written in *@number; -EAGAIN: what runs waits to be
 * confirmed, or was gone before it was read; -errno and a sentence.
 */
int module_copy_save(const char *path, uint64_t *number, struct text *why);

/**
 * module_copy_submit() - makes what the file @path has a candidate of the module's store. We
 * are bound, and owe a verdict. Of what waited to be confirmed in an earlier life, it is the
 * generation before it that is taken.
 * @candidate: its number; 0: the file is not there, or has nothing in it.
 * Return: 0; -EBADMSG: the file was set aside, and a sentence; -errno and a sentence.
 */
int module_copy_submit(const char *path, uint64_t *candidate, struct text *why);

#endif
