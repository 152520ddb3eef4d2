/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json.h: strings from files, users and the kernel as JSON, which takes nothing but UTF-8.
 */
#ifndef SLUICE_BASE_JSON_H
#define SLUICE_BASE_JSON_H

#include <jansson.h>

struct text;

/** json_text() - @s as a JSON string; each byte that is not UTF-8 becomes "?". Never NULL. */
json_t *json_text(const char *s);

/** json_append_text() - appends @s to @out, quoted and escaped, cleaned as above. */
void json_append_text(struct text *out, const char *s);

#endif
