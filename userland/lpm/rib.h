/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rib.h: route tables in text files.
 *
 * One route a line: a prefix, white space, a number (a next hop, an AS: the reader
 * knows). Empty lines and what follows ';' or '#' are skipped. Plain or gzip; "-"
 * is standard input.
 */
#ifndef SLUICE_LPM_RIB_H
#define SLUICE_LPM_RIB_H

#include "base/addr.h"
#include "base/text.h"
#include "base/vec.h"

struct rib_route {
	struct prefix prefix;	/* canonical */
	uint32_t nexthop;	/* as the file has it */
};

/**
 * rib_read() - appends the routes of the file @path to @routes, a vec of struct
 * rib_route, in the order of the file, both families.
 * @error: on failure, one sentence that begins with the file and, where there is
 * one, the line: "full.txt:12: not a prefix: "10.0.0.0/33"".
 * Return: 0; -errno if it cannot be read; -EINVAL if a line is wrong. On failure
 * @routes is as it was.
 */
int rib_read(const char *path, struct vec *routes, struct text *error);

#endif
