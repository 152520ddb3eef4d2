/* SPDX-License-Identifier: GPL-2.0 */
/*
 * set.h: what rules have inserted into sets: no object of the store, it is asked of the daemon and
 * taken out by it.
 */
#ifndef SLUICE_TOOLS_SET_H
#define SLUICE_TOOLS_SET_H

#include <stdbool.h>
#include <stdint.h>

struct change;
struct cli;
struct client;
struct keys;
struct object;
struct object_element;
struct vec;

/** set_takes() - whether a change takes out what rules inserted, too: "del" and "flush" of a set. */
bool set_takes(const struct change *change);

/**
 * set_inserted() - reads which elements rules have inserted, into @keys.
 * Return: CLI_OK, or an exit code with a complaint: it is not known.
 */
int set_inserted(const struct cli *cli, struct keys *keys);

/**
 * set_forget() - takes out what rules inserted, of what @changes, a vec of struct change that
 * set_takes(), name, and prints how many elements it were: *@deleted. A set that does not run has none.
 * Return: CLI_OK, or an exit code with a complaint: some may be there still.
 */
int set_forget(const struct cli *cli, const struct vec *changes, long long *deleted);

/**
 * set_element_left() - how much of its time an element has left.
 * Return: whether it has one that runs; *@left_ms is 0 when it is over.
 */
bool set_element_left(const struct object_element *e, uint32_t *left_ms);

/** set_element_over() - whether @generation (client.h) has the element, and its time is over. */
bool set_element_over(struct client *c, uint64_t generation, const struct object *element);

#endif
