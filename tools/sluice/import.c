// SPDX-License-Identifier: GPL-2.0
/*
 * sluice import: the rules of others as policy text, on standard output. What is not said stands there
 * as a comment, and on standard error; then the exit code is 2.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli.h"
#include "import/import.h"
#include "policy/build.h"
#include "policy/parser.h"
#include "policy/tree.h"

#define INPUT_MAX	((size_t)256 << 20)
#define NOT_SAID	2	/* exit code */

/* As the language has names. */
static bool is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

/* What a policy would be refused for is refused here, where it is known what it came from. */
static int read_port(const struct cli *cli, const char *name, const char *interface,
		     const struct vec *ports)
{
	const char *mistake = interface_mistake(interface);

	if (strlen(name) > POLICY_NAME_MAX || !is_name(name))
		return cli_usage(cli, "--port: \"%s\" cannot be the name of a port", name);
	if (scan_reserved(name))
		return cli_usage(cli, "--port: \"%s\" is a word of the language, and no name", name);
	if (mistake)
		return cli_usage(cli, "--port: \"%s\": %s", interface, mistake);
	if (ports->len == POLICY_PORTS_MAX)
		return cli_usage(cli, "--port: a policy has at most %d ports", POLICY_PORTS_MAX);
	for (size_t i = 0; i < ports->len; i++) {
		const struct import_port *other = vec_at(ports, i);

		if (!strcmp(other->name, name))
			return cli_usage(cli, "--port: two ports are called %s (%s and %s)", name,
					 other->interface, interface);
		if (!strcmp(other->interface, interface))
			return cli_usage(cli, "--port: %s and %s are both the interface %s", other->name,
					 name, interface);
	}
	return CLI_OK;
}

static int read_ports(const struct cli *cli, const char *text, struct import_options *options)
{
	char *copy = xstrdup(text), *save = NULL;
	int code = CLI_OK;

	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		struct import_port port;
		char *equal = strchr(word, '=');

		if (!equal || !equal[1]) {
			code = cli_usage(cli, "--port wants NAME=INTERFACE, several separated by commas");
			break;
		}
		*equal = '\0';
		code = read_port(cli, word, equal + 1, &options->ports);
		if (code)
			break;
		port = (struct import_port){ xstrdup(word), xstrdup(equal + 1) };
		vec_append(&options->ports, &port);
	}
	free(copy);
	if (!code && !options->ports.len)
		code = cli_usage(cli, "--port wants NAME=INTERFACE, several separated by commas");
	return code;
}

/* One --port would take the place of the other. */
static bool has_two_ports(int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		const char *word = argv[i] + (argv[i][0] == '-' && argv[i][1] == '-');

		n += !strcmp(word, "-port") || !strncmp(word, "-port=", 6);
	}
	return n > 1;
}

static int read_file(const char *path, struct text *input)
{
	int err = text_read_file(input, path, INPUT_MAX);

	if (err)
		cli_error("%s: %s", path, err == -EFBIG ? "larger than 256 MB" : strerror(-err));
	return err;
}

static int read_routes(const char *path, struct import_options *options)
{
	struct text input = { 0 }, error = { 0 };
	int err = read_file(path, &input);

	if (!err) {
		err = import_routes(text_string(&input), input.len, options, &error);
		if (err)
			cli_error("%s:%s", path, text_string(&error));
	}
	text_free(&input);
	text_free(&error);
	return err;
}

static int run(const char *format, const char *path, const struct import_options *options,
	       struct text *out, struct import_report *report)
{
	struct text input = { 0 }, error = { 0 };
	int err;

	if (!strcmp(format, "classbench")) {
		err = import_classbench(path, options, out, report, &error);
		if (err)
			cli_error("%s", text_string(&error));
		goto out;
	}
	err = read_file(path, &input);
	if (err)
		goto out;
	err = !strcmp(format, "nft-json") ?
	      import_nft(text_string(&input), input.len, options, out, report, &error) :
	      import_iptables(text_string(&input), input.len, options, out, report, &error);
	if (err)
		cli_error("%s: %s", path, text_string(&error));
	if (err == -ENOENT)
		cli_hint("sluice import %s --chain NAME --port NAME=INTERFACE %s", format, path);
out:
	text_free(&input);
	text_free(&error);
	return err;
}

static void tell(const char *path, const struct import_report *report)
{
	fflush(stdout);
	for (size_t i = 0; i < report->notes.len; i++) {
		const struct import_note *note = vec_at(&report->notes, i);

		fprintf(stderr, "%s:%u: %s: %s\n", path, note->line,
			note->said ? "beside it" : "not said", note->sentence);
		if (note->rule)
			fprintf(stderr, "    %s\n", note->rule);
	}
	if (report->assumed)
		fprintf(stderr, "%s: nothing in it tells whether its rules are of IPv4 or IPv6: taken as %s "
			"(--family ip6 if they are not)\n", path, report->assumed);
	if (report->asks_new)
		fprintf(stderr, "%s: %zu rules ask for packets that begin a connection: every packet is taken to "
			"do so\n", path, report->asks_new);
	fprintf(stderr, "%s: %zu rules, %zu of them not said or not all of it; %zu rules in other chains and "
		"tables not looked at\n", path, report->rules, report->not_said, report->elsewhere);
	if (report->drops_elsewhere)
		fprintf(stderr, "%s: %zu rules and policies of other chains, which the same packets pass, can drop "
			"what this policy allows\n", path, report->drops_elsewhere);
}

int import(struct cli *cli, int argc, char **argv)
{
	struct import_options options = {
		.ports = VEC(struct import_port), .routes = VEC(struct import_route),
	};
	const char *ports = NULL, *routes = NULL, *family = NULL;
	const struct cli_option own[] = {
		{ 0, "chain", NULL, &options.chain },
		{ 0, "table", NULL, &options.table },
		{ 0, "port", NULL, &ports },
		{ 0, "routes", NULL, &routes },
		{ 0, "family", NULL, &family },
		{ 0, "lenient", &options.lenient, NULL },
		{ 0 },
	};
	struct import_report report;
	struct text out = { 0 };
	int n, code = CLI_FAILED;

	if (has_two_ports(argc, argv))
		return cli_usage(cli, "--port is there twice: name all ports in one, separated by commas");
	n = cli_options(cli, argc, argv, own);
	if (n < 0)
		return CLI_USAGE;
	if (n < 1 || (strcmp(argv[0], "iptables-save") && strcmp(argv[0], "nft-json") &&
		      strcmp(argv[0], "classbench")))
		return cli_usage(cli, "what kind of rules: iptables-save, nft-json or classbench?");
	if (n != 2)
		return cli_usage(cli, "which file holds the rules?");
	if (family && strcmp(family, "ip4") && strcmp(family, "ip6"))
		return cli_usage(cli, "--family is ip4 or ip6, not \"%s\"", family);
	if (family && strcmp(argv[0], "iptables-save"))
		return cli_usage(cli, "--family is for iptables-save: others say what they are");
	options.family = !family ? 0 : family[2] - '0';
	import_report_init(&report);
	options.file = argv[1];
	if (ports && read_ports(cli, ports, &options)) {
		code = CLI_USAGE;
		goto out;
	}
	if (routes && read_routes(routes, &options))
		goto out;
	if (run(argv[0], argv[1], &options, &out, &report))
		goto out;
	fputs(text_string(&out), stdout);
	tell(argv[1], &report);
	code = cli_finish(report.not_said || report.asks_new || report.drops_elsewhere ? NOT_SAID : CLI_OK);
out:
	text_free(&out);
	import_report_free(&report);
	import_options_free(&options);
	return code;
}
