// SPDX-License-Identifier: GPL-2.0
#include "input.h"

#include <ctype.h>
#include <string.h>

#include "cli.h"

bool input_is_standard(const char *name)
{
	return !strcmp(name, "-") || !strcmp(name, "/dev/stdin");
}

bool input_refuse_blank(const char *name, const char *text, size_t len)
{
	if (!input_is_standard(name))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			return false;
	cli_error("nothing came from standard input");
	cli_hint("what was to write it may have failed; a policy that is meant to be empty is given as a file");
	return true;
}
