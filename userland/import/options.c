// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"

void import_options_free(struct import_options *options)
{
	for (size_t i = 0; i < options->ports.len; i++) {
		struct import_port *port = vec_at(&options->ports, i);

		free(port->name);
		free(port->interface);
	}
	for (size_t i = 0; i < options->routes.len; i++)
		free(((struct import_route *)vec_at(&options->routes, i))->interface);
	vec_free(&options->ports);
	vec_free(&options->routes);
}

/* "default via 192.0.2.1 dev eth0 metric 100": a blackhole or the like has no interface. */
static int read_route(char *line, struct import_route *route)
{
	char *save = NULL, *word = strtok_r(line, " \t\r", &save);
	const char *interface = NULL;

	if (!word)
		return 0;
	while (!strcmp(word, "unicast") || !strcmp(word, "multicast") || !strcmp(word, "broadcast"))
		if (!(word = strtok_r(NULL, " \t\r", &save)))
			return -EINVAL;
	if (!strcmp(word, "default")) {
		route->prefix = (struct prefix){ .addr.family = ADDR_NONE };
	} else if (!strcmp(word, "blackhole") || !strcmp(word, "unreachable") ||
		   !strcmp(word, "prohibit") || !strcmp(word, "local")) {
		return 0;
	} else if (prefix_parse(word, &route->prefix)) {
		return -EINVAL;
	}
	while ((word = strtok_r(NULL, " \t\r", &save)))
		if (!strcmp(word, "dev"))
			interface = strtok_r(NULL, " \t\r", &save);
	if (!interface)
		return -EINVAL;
	route->interface = xstrdup(interface);
	return 1;
}

int import_routes(const char *input, size_t len, struct import_options *options, struct text *error)
{
	const char *end = input + len;

	for (unsigned int number = 1; input < end; number++) {
		const char *stop = memchr(input, '\n', end - input) ?: end;
		struct import_route route = { 0 };
		char line[1024];
		int got;

		if ((size_t)(stop - input) >= sizeof(line)) {
			text_printf(error, "%u: a line that is too long", number);
			return -EINVAL;
		}
		memcpy(line, input, stop - input);
		line[stop - input] = '\0';
		input = stop + 1;
		got = *line == '#' ? 0 : read_route(line, &route);
		if (got < 0) {
			text_printf(error, "%u: a route is PREFIX ... dev INTERFACE", number);
			return -EINVAL;
		}
		if (!got)
			continue;
		/* The default route is that of either family: who prints both, says both. */
		if (route.prefix.addr.family == ADDR_NONE) {
			struct import_route other = { { { .family = ADDR_V6 }, 0 },
						      xstrdup(route.interface) };

			route.prefix.addr.family = ADDR_V4;
			vec_append(&options->routes, &other);
		}
		vec_append(&options->routes, &route);
	}
	return 0;
}
