/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ask.h: asks the daemon what runs (userland/daemon/query.h has the protocol).
 *
 * Errors are kept in the struct, so that a program that has the screen (top) can
 * print them when it has given it back.
 */
#ifndef SLUICE_TOOLS_ASK_H
#define SLUICE_TOOLS_ASK_H

#include <jansson.h>

#include "base/text.h"
#include "cli.h"

struct columns;

struct ask {
	const struct cli *cli;
	int fd;			/* -1: not connected */
	struct text in;		/* bytes that came and are not yet taken */
	size_t taken;		/* of those */
	bool unread;		/* objects are handed on as lines: ask_take gets NULL for them */
	struct text error, hint;
};

/* Is given an object of an answer, and the line it stood on, without its end. */
typedef void ask_take(void *arg, const json_t *object, const char *line);

/**
 * ask_open() - connects.
 * Return: CLI_OK, or the exit code; ask_complain() has the reason. In any case ask_close() it.
 */
int ask_open(struct ask *a, const struct cli *cli);

/** ask_send() - writes a request, and gives @request up. Return: as ask_open(). */
int ask_send(struct ask *a, json_t *request);

/**
 * ask_receive() - reads an answer to its end, and gives each object of it to @take.
 * Return: as ask_open(); CLI_FAILED if the daemon answered with an error.
 */
int ask_receive(struct ask *a, ask_take *take, void *arg);

/** ask_complain() - prints the error that is kept. Return: @code. */
int ask_complain(const struct ask *a, int code);

void ask_close(struct ask *a);

/**
 * ask_show() - a whole verb that shows objects: asks, prints JSON if that was asked
 * for, else gives each object to @take. Complains by itself.
 * Return: an exit code.
 */
int ask_show(const struct cli *cli, json_t *request, ask_take *take, void *arg);

/** ask_request() - {"show": @show}, and @name: @value unless @value is NULL. */
json_t *ask_request(const char *show, const char *name, const char *value);

/** ask_print_json() - an object as -j and -p want it; @line may be NULL. */
void ask_print_json(const struct cli *cli, const json_t *object, const char *line);

/* ---- fields: what is missing or of another type reads as empty ------------- */

/** field_text() - a string, "" if there is none. */
const char *field_text(const json_t *object, const char *name);

/** field_number() - a number, 0 if there is none. */
long long field_number(const json_t *object, const char *name);

/** field_real() - a number with a fraction, 0 if there is none. */
double field_real(const json_t *object, const char *name);

/** field_cell() - a whole number as the next cell; "-" if it is not known, which is not 0. */
void field_cell(const json_t *object, const char *name, struct columns *table);

/** field_true() - whether it is there and true. */
bool field_true(const json_t *object, const char *name);

#endif
