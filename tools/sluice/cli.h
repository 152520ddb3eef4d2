/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cli.h: what the verbs of sluice(8) share: their table, options, exit codes, errors.
 *
 *	sluice [OPTIONS] OBJECT [COMMAND] [ARGUMENTS]
 *
 * As with ip(8), every word may be shortened as long as it stays unique, and an
 * object without a command shows itself. Options may stand before the object or
 * anywhere behind it. To add a verb: a file with its function, a declaration here, a
 * row in main.c's table, a section in man/sluice.8, a line in completion.bash;
 * the tests notice when one of the last two is missing.
 */
#ifndef SLUICE_TOOLS_CLI_H
#define SLUICE_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes: documented in man/sluice.8, stable. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,		/* what was asked for failed, or mistakes were found */
	CLI_USAGE = 2,		/* the command line was not understood */
	CLI_DIFFERENT = 2,	/* equiv, plan --exit-code: what is compared differs, as diff(1)-like tools say it */
	CLI_UNREACHABLE = 3,	/* no daemon, no privilege, or a daemon of another version */
};

extern const char cli_version[];

struct batch;

struct cli {
	bool json;		/* -j: one object a line */
	bool pretty;		/* -p: indented JSON */
	bool statistics;	/* -s: more numbers */
	bool help;		/* -h stood before the verb */
	bool terminal;		/* standard output is one */
	bool colour;		/* a terminal, and no NO_COLOR */
	const char *netns;	/* -n, or NULL */
	const char *run_dir;	/* where the daemon of this namespace has its sockets */
	const struct verb *verb;
	struct batch *batch;	/* whose lines we run, or NULL */
};

/* A verb gets the words behind its name; argv[argc] is NULL. Returns an exit code. */
struct verb {
	const char *object;
	const char *command;	/* NULL: the object alone is the verb */
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *arguments;	/* for the usage line */
	const char *what;	/* half a sentence, for the list of verbs */
};

int apply(struct cli *cli, int argc, char **argv);
int batch(struct cli *cli, int argc, char **argv);
int check(struct cli *cli, int argc, char **argv);
int core(struct cli *cli, int argc, char **argv);
int confirm(struct cli *cli, int argc, char **argv);
int counter_show(struct cli *cli, int argc, char **argv);
int equiv(struct cli *cli, int argc, char **argv);
int flow_show(struct cli *cli, int argc, char **argv);
int group_show(struct cli *cli, int argc, char **argv);
int history(struct cli *cli, int argc, char **argv);
int import(struct cli *cli, int argc, char **argv);
int module_load(struct cli *cli, int argc, char **argv);
int module_status(struct cli *cli, int argc, char **argv);
int monitor(struct cli *cli, int argc, char **argv);
int network(struct cli *cli, int argc, char **argv);
int object_change(struct cli *cli, int argc, char **argv);
int object_show(struct cli *cli, int argc, char **argv);
int plan(struct cli *cli, int argc, char **argv);
int policy_show(struct cli *cli, int argc, char **argv);
int port_show(struct cli *cli, int argc, char **argv);
int replay(struct cli *cli, int argc, char **argv);
int rollback(struct cli *cli, int argc, char **argv);
int route_get(struct cli *cli, int argc, char **argv);
int route_show(struct cli *cli, int argc, char **argv);
int set_show(struct cli *cli, int argc, char **argv);
int status(struct cli *cli, int argc, char **argv);
int testgen(struct cli *cli, int argc, char **argv);
int top(struct cli *cli, int argc, char **argv);
int trace_packet(struct cli *cli, int argc, char **argv);

/**
 * cli_run() - runs the verb that the first words name, with the others as its arguments.
 * @argv: ends in NULL, and is written to. Return: an exit code.
 */
int cli_run(struct cli *cli, int argc, char **argv);

/* ---- options ------------------------------------------------------------- */

/* An option: exactly one of @flag and @text is set. A table ends in an empty row. */
struct cli_option {
	char letter;		/* 0: has only a word, which may stand behind one hyphen, too */
	const char *word;
	bool *flag;		/* set to true */
	const char **text;	/* set to the value that follows */
};

/**
 * cli_options() - takes the options out of a verb's arguments, those of the
 * verb and those that every verb has. What is left moves to the front of @argv;
 * behind "--" everything is an argument, and so is "-" alone.
 * @own: the verb's table, NULL for none.
 *
 * Return: the number of arguments that are left, or -1 when the command line was
 * wrong (and that was said): return CLI_USAGE then.
 */
int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *own);

/** cli_no_arguments() - cli_options() for a verb that takes none at all. Return: 0 or -1. */
int cli_no_arguments(struct cli *cli, int argc, char **argv, const struct cli_option *own);

/* ---- errors -------------------------------------------------------------- */

/** cli_place() - errors from now on are about this line of @file; NULL: about none. */
void cli_place(const char *file, unsigned long line);

/** cli_error() - "sluice: SENTENCE" on standard error; in a batch "sluice: FILE:LINE: SENTENCE". */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** cli_hint() - "  hint: SENTENCE", below an error. */
void cli_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** cli_usage() - an error, then the usage line of the verb. Return: CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** cli_finish() - flushes standard output. Return: @code, or CLI_FAILED if it could not be written. */
int cli_finish(int code);

#endif
