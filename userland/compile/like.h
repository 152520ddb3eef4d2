/* SPDX-License-Identifier: GPL-2.0 */
/*
 * like.h: the tables of an image's filters, laid out as those of another: so that a program that is loaded
 * already can walk them (datapath/spare.c).
 */
#ifndef SLUICE_COMPILE_LIKE_H
#define SLUICE_COMPILE_LIKE_H

#include <stddef.h>

struct classify_shape;
struct image_filter;

/**
 * filter_lay_like() - moves the tables of @filter to where @shape has them, which is its shape then.
 * Return: 0; -ENOSPC: they do not fit there, or @shape is of other tables: @filter is as it was.
 */
int filter_lay_like(struct image_filter *filter, const struct classify_shape *shape);

/**
 * filter_make_room() - lays the tables of @filter out with room between them, so that those of a
 * policy that is a little larger can be laid out alike. Nothing is done if that takes more than @budget
 * bytes (0: RULES_BUDGET), or there is no filter.
 */
void filter_make_room(struct image_filter *filter, size_t budget);

#endif
