/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lock.h: one sluiced a network namespace, and one a run directory.
 *
 * An abstract unix socket's name belongs to the network namespace in which it was bound, so the
 * first lock is a socket of such a name; the kernel says who listens on it. The second
 * is a lock on a file of the run directory: two namespaces must not share pinned maps.
 * Both end with the process, however it ends.
 */
#ifndef SLUICE_DAEMON_LOCK_H
#define SLUICE_DAEMON_LOCK_H

struct text;

/** lock_namespace() - Return: 0, or -errno and in @why a sentence that names the other process. */
int lock_namespace(struct text *why);

/** lock_directory() - likewise for the run directory @dir. */
int lock_directory(const char *dir, struct text *why);

#endif
