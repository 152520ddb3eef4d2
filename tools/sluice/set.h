/* SPDX-License-Identifier: GPL-2.0 */
/*
 * set.h: what rules have inserted into sets: no object of the store, it is asked of the daemon and
 * taken out by it.
 */
#ifndef SLUICE_TOOLS_SET_H
#define SLUICE_TOOLS_SET_H

#include <stdbool.h>

struct change;
struct cli;
struct client;
struct object;

/**
 * set_forget() - takes out what rules inserted, of what @change, a "del" or a "flush" of a set, names.
 * Nobody who could be asked, or a set that does not run: nothing was inserted.
 * Return: how many elements it were.
 */
long long set_forget(const struct cli *cli, const struct change *change);

/** set_element_over() - whether the running configuration has the element, and its time is over. */
bool set_element_over(struct client *c, const struct object *element);

#endif
