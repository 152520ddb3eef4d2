/* SPDX-License-Identifier: GPL-2.0 */
/*
 * objects.h: typed objects as a list (of struct object, in the order of the store): those of a
 * file of commands, or of the store.
 */
#ifndef SLUICE_TOOLS_OBJECTS_H
#define SLUICE_TOOLS_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/object.h"

struct cli;
struct client;
struct text;
struct vec;

/** objects_kind() - of "port", "route", "group", "set"; else OBJECT_NONE. */
enum object_kind objects_kind(const char *word);

/**
 * objects_read() - reads the "add" and "replace" lines that 'sluice object show' prints.
 * Return: CLI_OK, or an exit code with a complaint that names the line.
 */
int objects_read(const struct cli *cli, const char *path, struct vec *objects);

/**
 * objects_fetch() - those of a generation.
 * Return: 0 or -errno; -EBADMSG with a sentence in @why: one of them is not understood; without:
 * client_error() has it.
 */
int objects_fetch(struct client *c, uint64_t generation, struct vec *objects, struct text *why);

#endif
