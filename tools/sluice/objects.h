/* SPDX-License-Identifier: GPL-2.0 */
/*
 * objects.h: typed objects from a file of commands, as a list in the order of the store.
 */
#ifndef SLUICE_TOOLS_OBJECTS_H
#define SLUICE_TOOLS_OBJECTS_H

#include "base/object.h"

struct cli;
struct vec;

/** objects_kind() - of "port", "route", "group", "set"; else OBJECT_NONE. */
enum object_kind objects_kind(const char *word);

/**
 * objects_read() - reads the "add" and "replace" lines that 'sluice object show' prints.
 * Return: CLI_OK, or an exit code with a complaint that names the line.
 */
int objects_read(const struct cli *cli, const char *path, struct vec *objects);

#endif
