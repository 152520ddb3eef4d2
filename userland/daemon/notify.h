/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notify.h: how the daemon is, told to the service manager: sd_notify(3)'s protocol by
 * hand, datagrams of VARIABLE=value lines to the socket that NOTIFY_SOCKET names. Where
 * there is none, nothing is said.
 */
#ifndef SLUICE_DAEMON_NOTIFY_H
#define SLUICE_DAEMON_NOTIFY_H

/** notify_open() - finds the socket, and takes its name out of the environment. */
void notify_open(void);

/** notify_ready(), notify_reloading(), notify_stopping() - in their order; ready ends a reload. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

/** notify_status() - one line for `systemctl status`. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
