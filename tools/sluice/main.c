// SPDX-License-Identifier: GPL-2.0
/*
 * sluice: the command line. This file holds the two tables, verbs and options, and
 * finds the verb; each verb is a file of its own.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "batch.h"
#include "cli.h"

const char cli_version[] = SLUICE_VERSION;

#define COMMIT "[--confirm TIME] [--comment TEXT]"

static const struct verb verbs[] = {
	{ "status", NULL, status, "",
	  "what runs, and everything that is not as asked" },
	{ "check", NULL, check, "[--print] [--objects FILE] [--prove-time TIME] [--no-proof] FILE... | -",
	  "find mistakes in policies; needs no privilege and no daemon" },
	{ "plan", NULL, plan, "[--against FILE] [--exit-code] [--brief] [--objects FILE]\n"
	  "       [--prove-time TIME] [--table-budget SIZE] [--witness-time TIME] FILE... | -",
	  "what a policy would change: its text, packets treated differently, proofs, tables" },
	{ "equiv", NULL, equiv, "[--objects FILE] [--prove-time TIME] FILE FILE",
	  "whether the filters of two policies treat all packets alike, or a packet that shows not" },
	{ "network", NULL, network, "[--prove-time TIME] FILE",
	  "what the static routes of several routers do together while links fail" },
	{ "core", NULL, core, "[--plain] [--dd [--sources] | --dot] [--budget SIZE] [--objects FILE]\n"
	  "       FILE... | -\n"
	  "       sluice core --read [--plain] [--dd | --dot] [--budget SIZE] FILE... | -",
	  "the NetKAT expression that a policy stands for, and its diagram" },
	{ "import", NULL, import, "iptables-save|nft-json|classbench [--chain NAME] [--table NAME]\n"
	  "       [--port NAME=INTERFACE,...] [--routes FILE] [--family ip4|ip6] [--lenient] FILE | -",
	  "make a policy of the rules of others; says what it cannot say" },
	{ "apply", NULL, apply, COMMIT " FILE... | -",
	  "make these policies the running ones, all or nothing" },
	{ "confirm", NULL, confirm, "[GENERATION]",
	  "keep what was committed with --confirm" },
	{ "rollback", NULL, rollback, COMMIT " [GENERATION]",
	  "go back to an older generation, or the last one" },
	{ "history", NULL, history, "",
	  "the generations that are kept" },
	{ "batch", NULL, batch, "[-force | -atomic] " COMMIT " FILE | -",
	  "run many commands, one a line; also: sluice -batch FILE" },
	{ "policy", "show", policy_show, "[--counters] [NAME]",
	  "the text of the running policy" },
	{ "port", "show", port_show, "[NAME]",
	  "ports, their interfaces and what became of their packets" },
	{ "port", "add", object_change, "NAME INTERFACE [mode native|generic] " COMMIT,
	  "make an interface a port, besides those of the policy" },
	{ "port", "replace", object_change, "NAME INTERFACE [mode native|generic] " COMMIT,
	  "the same, whether or not it is there" },
	{ "port", "del", object_change, "NAME " COMMIT,
	  "take away a port that was added" },
	{ "port", "flush", object_change, COMMIT,
	  "take away all ports that were added" },
	{ "route", "show", route_show, "[-4|-6] [table N | vrf NAME] [PREFIX]",
	  "the routes that the data path has" },
	{ "route", "get", route_get, "[--rib FILE] [table N | vrf NAME] ADDRESS... | -",
	  "the route that an address takes" },
	{ "route", "add", object_change,
	  "PREFIX [via ADDRESS] port NAME [table main] | PREFIX discard " COMMIT,
	  "a static route, in front of the kernel's" },
	{ "route", "replace", object_change,
	  "PREFIX [via ADDRESS] port NAME [table main] | PREFIX discard " COMMIT,
	  "the same, whether or not it is there" },
	{ "route", "del", object_change, "PREFIX [table main] " COMMIT,
	  "take away a static route" },
	{ "route", "flush", object_change, "[table main] " COMMIT,
	  "take away all static routes" },
	{ "group", "show", group_show, "[GROUP]",
	  "multicast groups and their legs" },
	{ "group", "add", object_change,
	  "GROUP [source ADDRESS] from PORT to PORT|host [vlan N] [ttl N] " COMMIT,
	  "a leg of a multicast group" },
	{ "group", "replace", object_change,
	  "GROUP [source ADDRESS] from PORT to PORT|host [vlan N] [ttl N] " COMMIT,
	  "the same, whether or not it is there" },
	{ "group", "del", object_change, "GROUP [source ADDRESS] from PORT to PORT|host " COMMIT,
	  "take away a leg that was added" },
	{ "group", "flush", object_change, "[GROUP [source ADDRESS|*] [from PORT]] " COMMIT,
	  "take away all legs that were added, or those of one group" },
	{ "set", "show", set_show, "[SET]",
	  "the elements that were added to sets" },
	{ "set", "add", object_change, "SET ADDRESS|PREFIX [timeout TIME] " COMMIT,
	  "an element of a set" },
	{ "set", "replace", object_change, "SET ADDRESS|PREFIX [timeout TIME] " COMMIT,
	  "the same, whether or not it is there" },
	{ "set", "del", object_change, "SET ADDRESS|PREFIX " COMMIT,
	  "take away an element" },
	{ "set", "flush", object_change, "[SET] " COMMIT,
	  "take away all elements, or those of one set" },
	{ "object", "show", object_show, "[--generation N]",
	  "all that was added, as commands that -batch takes" },
	{ "flow", "show", flow_show, "[--limit N] [MEASURE]",
	  "the heavy flows of the last interval, each with its error bound" },
	{ "counter", "show", counter_show, "[NAME]",
	  "drops, passes and counters, by name" },
	{ "top", NULL, top, "[--interval SECONDS]",
	  "flows, ports, groups and drops, kept up to date" },
	{ "monitor", NULL, monitor, "",
	  "print changes and events as they come" },
	{ "module", "status", module_status, "",
	  "the kernel module: is it loaded, has it what is needed" },
	{ "module", "load", module_load, "[FILE]",
	  "load it, or say why that cannot be" },
	{ "trace", NULL, trace_packet, "[--objects FILE] [--routes FILE] FILE 'FIELD=VALUE ...'...\n"
	  "       | [--port NAME] [--any-link] FILE --pcap FILE | --live",
	  "what a policy does with a packet, and which of its lines say so" },
	{ "testgen", NULL, testgen, "[-w FILE] [--objects FILE] [--time TIME] FILE",
	  "packets that show each rule and boundary of a policy, and what is to become of them" },
	{ "replay", NULL, replay, "--policy FILE --pcap FILE [FILE...] [--port NAME]\n"
	  "       [--objects FILE] [--routes FILE] [--engine bpf|eval|both] [--each]\n"
	  "       [--mac ADDRESS] [--any-link]",
	  "run a capture through a policy, without a network" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* ---- errors -------------------------------------------------------------- */

static struct {
	const char *file;	/* NULL: none */
	unsigned long line;
} place;

void cli_place(const char *file, unsigned long line)
{
	place.file = file;
	place.line = line;
}

static void begin_error(void)
{
	fflush(stdout);
	fputs("sluice: ", stderr);
	if (place.file)
		fprintf(stderr, "%s:%lu: ", place.file, place.line);
}

void cli_error(const char *format, ...)
{
	va_list args;

	begin_error();
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void cli_hint(const char *format, ...)
{
	va_list args;

	fputs("  hint: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_usage(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: sluice [OPTIONS] %s%s%s%s%s\n", v->object, v->command ? " " : "",
		v->command ? v->command : "", *v->arguments ? " " : "", v->arguments);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list args;

	begin_error();
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (cli->verb)
		print_usage(stderr, cli->verb);
	else
		fputs("usage: sluice [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]\n"
		      "  hint: 'sluice --help' lists options and verbs\n", stderr);
	return CLI_USAGE;
}

int cli_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	cli_error("cannot write to standard output: %s", strerror(errno));
	return CLI_FAILED;
}

/* ---- options ------------------------------------------------------------- */

static const struct {
	char letter;
	const char *word, *value, *what;
} common[] = {
	{ 'j', "json", NULL, "print JSON, one object a line" },
	{ 'p', "pretty", NULL, "print indented JSON" },
	{ 's', "statistics", NULL, "print more numbers" },
	{ 'n', "netns", "NETNS", "ask the daemon of this network namespace" },
	{ 'V', "version", NULL, "print the version" },
	{ 'h', "help", NULL, "print the usage, of a verb if one is given" },
};

#define COMMON (sizeof(common) / sizeof(common[0]))

static void print_help(FILE *to)
{
	fputs("usage: sluice [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-9s%-8s %s\n", verbs[i].object,
			verbs[i].command ? verbs[i].command : "", verbs[i].what);
	fputc('\n', to);
	for (size_t i = 0; i < COMMON; i++)
		fprintf(to, "  -%c, --%s%s%-*s%s\n", common[i].letter, common[i].word,
			common[i].value ? " " : "",
			(int)(18 - strlen(common[i].word) - !!common[i].value),
			common[i].value ? common[i].value : "", common[i].what);
	fputs("\nWords may be shortened while they stay unique. "
	      "'sluice VERB --help' has the usage of one; see sluice(8).\n", to);
}

/* -V and -h need no verb, and end the program. */
static void help_verb(struct cli *cli)
{
	print_usage(stdout, cli->verb);
	printf("\n%s\n", cli->verb->what);
	exit(cli_finish(CLI_OK));
}

static void set_common(struct cli *cli, char letter, const char *value)
{
	switch (letter) {
	case 'j':
		cli->json = true;
		break;
	case 'p':
		cli->json = cli->pretty = true;
		break;
	case 's':
		cli->statistics = true;
		break;
	case 'n':
		cli->netns = value;
		break;
	case 'V':
		printf("sluice %s\n", cli_version);
		exit(cli_finish(CLI_OK));
	case 'h':
		cli->help = true;
		if (cli->verb)
			help_verb(cli);
		break;
	}
}

/* An option that the command line named: of the verb, or a common one. */
struct found {
	const struct cli_option *own;	/* NULL: common */
	char letter;			/* of the common one */
	bool value;			/* takes one */
};

static bool find_letter(char letter, const struct cli_option *own, struct found *found)
{
	for (; own && own->word; own++) {
		if (own->letter == letter) {
			*found = (struct found){ own, 0, own->text };
			return true;
		}
	}
	for (size_t i = 0; i < COMMON; i++) {
		if (common[i].letter == letter) {
			*found = (struct found){ NULL, letter, common[i].value };
			return true;
		}
	}
	return false;
}

/* A word may be shortened. Return: how many options it may mean, 1 if exactly one's whole name. */
static int find_word(const char *word, size_t len, const struct cli_option *own,
		     struct found *found)
{
	int n = 0;

	for (; own && own->word; own++) {
		if (strncmp(own->word, word, len))
			continue;
		*found = (struct found){ own, 0, own->text };
		if (!own->word[len])
			return 1;
		n++;
	}
	for (size_t i = 0; i < COMMON; i++) {
		if (strncmp(common[i].word, word, len))
			continue;
		*found = (struct found){ NULL, common[i].letter, common[i].value };
		if (!common[i].word[len])
			return 1;
		n++;
	}
	return n;
}

static void set_option(struct cli *cli, const struct found *found, const char *value)
{
	if (!found->own)
		set_common(cli, found->letter, value);
	else if (found->own->flag)
		*found->own->flag = true;
	else
		*found->own->text = value;
}

/* What ends the program, or goes elsewhere, does not do so for a line of a batch alone. */
static bool is_for_all(const struct cli *cli, const struct found *found)
{
	return cli->batch && !found->own && strchr("nVh", found->letter);
}

/* --word, --word VALUE, --word=VALUE. Return: how many words of argv it took, -1 if wrong. */
static int take_word(struct cli *cli, char **argv, const struct cli_option *own)
{
	const char *word = argv[0] + strspn(argv[0], "-");
	size_t len = strcspn(word, "=");
	struct found found;
	int n = len ? find_word(word, len, own, &found) : 0;

	if (n != 1) {
		cli_usage(cli, n ? "option --%.*s may mean several" : "unknown option --%.*s",
			  (int)len, word);
		return -1;
	}
	if (is_for_all(cli, &found)) {
		cli_error("%s stands before -batch, not on a line of it", argv[0]);
		return -1;
	}
	if (!found.value) {
		if (word[len]) {
			cli_usage(cli, "option --%.*s takes no value", (int)len, word);
			return -1;
		}
		set_option(cli, &found, NULL);
		return 1;
	}
	if (word[len]) {
		set_option(cli, &found, word + len + 1);
		return 1;
	}
	if (!argv[1]) {
		cli_usage(cli, "option %s needs a value", argv[0]);
		return -1;
	}
	set_option(cli, &found, argv[1]);
	return 2;
}

/* -j, -jp, -n VALUE, -nVALUE. Return: as take_word(). */
static int take_letters(struct cli *cli, char **argv, const struct cli_option *own)
{
	for (const char *c = argv[0] + 1; *c; c++) {
		struct found found;

		if (!find_letter(*c, own, &found)) {
			cli_usage(cli, "unknown option -%c", *c);
			return -1;
		}
		if (is_for_all(cli, &found)) {
			cli_error("-%c stands before -batch, not on a line of it", *c);
			return -1;
		}
		if (!found.value) {
			set_option(cli, &found, NULL);
			continue;
		}
		if (c[1]) {
			set_option(cli, &found, c + 1);
			return 1;
		}
		if (!argv[1]) {
			cli_usage(cli, "option -%c needs a value", *c);
			return -1;
		}
		set_option(cli, &found, argv[1]);
		return 2;
	}
	return 1;
}

/* -batch and its like, which ip(8) writes with one hyphen. */
static bool is_single(const char *word, const struct cli_option *own)
{
	for (; own && own->word; own++)
		if (!own->letter && !strcmp(own->word, word + 1))
			return true;
	return false;
}

static int take_option(struct cli *cli, char **argv, const struct cli_option *own)
{
	return argv[0][1] == '-' || is_single(argv[0], own) ? take_word(cli, argv, own) :
							      take_letters(cli, argv, own);
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* The directory of the daemon that -n names; SLUICE_RUN_DIR is for tests and odd layouts. */
static int set_run_dir(struct cli *cli)
{
	static char dir[PATH_MAX];
	const char *base = getenv("SLUICE_RUN_DIR");

	if (!base || !*base)
		base = "/run/sluice";
	if (cli->netns && (!*cli->netns || strchr(cli->netns, '/') || cli->netns[0] == '.')) {
		cli_usage(cli, "\"%s\" is not a name of a network namespace", cli->netns);
		return -1;
	}
	snprintf(dir, sizeof(dir), "%s%s%s", base, cli->netns ? "/netns/" : "",
		 cli->netns ? cli->netns : "");
	cli->run_dir = dir;
	return 0;
}

int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *own)
{
	int left = 0;

	for (int i = 0; i < argc;) {
		int taken;

		if (!strcmp(argv[i], "--")) {
			while (++i < argc)
				argv[left++] = argv[i];
			break;
		}
		if (!is_option(argv[i])) {
			argv[left++] = argv[i++];
			continue;
		}
		taken = take_option(cli, argv + i, own);
		if (taken < 0)
			return -1;
		i += taken;
	}
	argv[left] = NULL;
	return set_run_dir(cli) ? -1 : left;
}

int cli_no_arguments(struct cli *cli, int argc, char **argv, const struct cli_option *own)
{
	int left = cli_options(cli, argc, argv, own);

	if (left > 0) {
		cli_usage(cli, "\"%s\" is too much", argv[0]);
		return -1;
	}
	return left;
}

/* ---- the verb ------------------------------------------------------------ */

static bool is_prefix(const char *short_word, const char *word)
{
	return *short_word && !strncmp(short_word, word, strlen(short_word));
}

/* The object that @word means: NULL and an error if it is none, or several. */
static const char *find_object(const struct cli *cli, const char *word)
{
	const char *found = NULL;
	struct text may = { 0 };
	int n = 0;

	for (size_t i = 0; i < VERBS; i++) {
		if (!is_prefix(word, verbs[i].object))
			continue;
		if (!strcmp(word, verbs[i].object)) {
			text_free(&may);
			return verbs[i].object;
		}
		if (found && !strcmp(found, verbs[i].object))
			continue;
		found = verbs[i].object;
		text_printf(&may, "%s%s", n++ ? ", " : "", found);
	}
	if (n == 0)
		cli_usage(cli, "there is no \"%s\"", word);
	else if (n > 1)
		cli_usage(cli, "\"%s\" may mean %s", word, text_string(&may));
	text_free(&may);
	return n == 1 ? found : NULL;
}

/* What an object does that no command follows. */
static bool shows_object(const struct verb *v)
{
	return !strcmp(v->command, "show") || !strcmp(v->command, "status");
}

/*
 * The verb of @object that @word names. No word, or an option: its "show". An object that is
 * a verb by itself takes no command. @taken: whether the word was one.
 */
static const struct verb *find_command(const struct cli *cli, const char *object,
				       const char *word, bool *taken)
{
	bool shows = !word || is_option(word);
	const struct verb *found = NULL;
	struct text all = { 0 };
	int n = 0;

	*taken = false;
	for (size_t i = 0; i < VERBS; i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(v->object, object))
			continue;
		if (!v->command)
			return v;
		text_printf(&all, "%s%s", all.len ? ", " : "", v->command);
		if (shows ? shows_object(v) : is_prefix(word, v->command)) {
			found = v;
			n++;
		}
	}
	*taken = !shows;
	if (n != 1)
		cli_usage(cli, n ? "\"%s %s\" may mean %s" : "there is no \"%s %s\": there is %s",
			  object, shows ? "show" : word, text_string(&all));
	text_free(&all);
	return n == 1 ? found : NULL;
}

int cli_run(struct cli *cli, int argc, char **argv)
{
	const char *object = find_object(cli, argv[0]);
	bool taken;

	if (!object)
		return CLI_USAGE;
	cli->verb = find_command(cli, object, argv[1], &taken);
	if (!cli->verb)
		return CLI_USAGE;
	if (cli->help)
		help_verb(cli);
	if (batch_atomic(cli) && cli->verb->run != object_change)
		return cli_usage(cli, "this cannot be a part of a transaction: with -atomic lines add, "
				 "replace, del or flush");
	return cli->verb->run(cli, argc - 1 - taken, argv + 1 + taken);
}

/* "sluice -batch FILE ...", in the manner of ip(8), is the verb of that name. */
static bool is_batch(const char *word)
{
	static const char *const words[] = { "-batch", "--batch", "-force", "--force", "-atomic",
					     "--atomic", "-b" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static int run_batch(struct cli *cli, int argc, char **argv)
{
	const struct verb *v = verbs;

	while (v->run != batch)
		v++;
	cli->verb = v;
	if (!strcmp(argv[0], "-b"))
		argv[0] = "-batch";
	if (cli->help)
		help_verb(cli);
	return batch(cli, argc, argv);
}

int main(int argc, char **argv)
{
	const char *no_colour = getenv("NO_COLOR");
	struct cli cli = { .terminal = isatty(STDOUT_FILENO) };
	int i = 1;

	cli.colour = cli.terminal && !(no_colour && *no_colour);
	while (i < argc && is_option(argv[i])) {
		int n;

		if (is_batch(argv[i]))
			return cli_finish(run_batch(&cli, argc - i, argv + i));
		n = take_option(&cli, argv + i, NULL);
		if (n < 0)
			return CLI_USAGE;
		i += n;
	}
	if (i == argc && !cli.help) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (i == argc || !strcmp(argv[i], "help")) {
		print_help(stdout);
		return cli_finish(CLI_OK);
	}
	return cli_finish(cli_run(&cli, argc - i, argv + i));
}
