/* SPDX-License-Identifier: GPL-2.0 */
/*
 * log.h: what sluiced says on standard error: plain lines, to which systemd adds the time.
 *
 * A line names what happened and, where somebody can do something about it, what. Policies
 * are their owner's business: of their text only the lines that diagnostics show are logged.
 */
#ifndef SLUICE_DAEMON_LOG_H
#define SLUICE_DAEMON_LOG_H

#include <stdbool.h>

/** log_open() - @verbose: log_detail() says something, too. */
void log_open(bool verbose);

/**
 * log_error(), log_warning(), log_say(), log_detail() - one message; each of its lines
 * becomes a line of the log. Where the journal listens they carry its priorities.
 */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
