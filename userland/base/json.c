// SPDX-License-Identifier: GPL-2.0
#include "base/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

json_t *json_text(const char *s)
{
	json_t *json = json_string(s);
	char *clean;

	if (json)
		return json;
	clean = xstrdup(s);
	for (char *p = clean; *p;) {
		unsigned int n = utf8_len(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	json = json_string(clean);
	free(clean);
	return json;
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~' || *s == '"' || *s == '\\')
			return false;
	return true;
}

void json_append_text(struct text *out, const char *s)
{
	json_t *json;
	char *quoted;

	if (is_plain(s)) {
		text_append(out, "\"", 1);
		text_append(out, s, strlen(s));
		text_append(out, "\"", 1);
		return;
	}
	json = json_text(s);
	quoted = json_dumps(json, JSON_ENCODE_ANY);
	text_append(out, quoted, strlen(quoted));
	free(quoted);
	json_decref(json);
}
