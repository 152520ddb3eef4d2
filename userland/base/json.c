// SPDX-License-Identifier: GPL-2.0
#include "base/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

/* The length of the UTF-8 sequence at @s, 0 if there is none: RFC 3629, no surrogates. */
static size_t sequence(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} forms[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
	};

	for (size_t n = 0; n < 4; n++) {
		unsigned int c = s[0] & (unsigned char)~forms[n].mask;

		if ((s[0] & forms[n].mask) != forms[n].lead)
			continue;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)	/* the NUL too */
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		return c < forms[n].least || c > 0x10ffff || (c & 0x1ff800) == 0xd800 ? 0 : n + 1;
	}
	return 0;
}

json_t *json_text(const char *s)
{
	json_t *json = json_string(s);
	char *clean;

	if (json)
		return json;
	clean = xstrdup(s);
	for (char *p = clean; *p;) {
		size_t n = sequence((unsigned char *)p);

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
