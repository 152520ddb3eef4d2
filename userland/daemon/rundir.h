/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rundir.h: the daemon's folder, which outlives it:
 *
 *	sluice.sock	the store's messages
 *	query.sock	what runs
 *	bpf/		a bpffs of our own: pinned programs, maps and links
 *	state/store	the store on disk, unless that is to lie where a boot leaves it
 *	lock		held by the daemon that runs
 *	namespace	the network namespace whose ports are pinned in bpf/
 *	generation	which of the store's generations runs in bpf/ (earlier.h)
 *
 * /run/sluice, or below it netns/NAME for a namespace that has a name.
 */
#ifndef SLUICE_DAEMON_RUNDIR_H
#define SLUICE_DAEMON_RUNDIR_H

#include <limits.h>
#include <stdbool.h>

struct text;

struct rundir {
	char path[PATH_MAX - 64];
	char bpf[PATH_MAX], generation[PATH_MAX];
	char store[PATH_MAX], refused[PATH_MAX], store_socket[PATH_MAX], query_socket[PATH_MAX];
};

/**
 * rundir_make() - names all of it, and makes the folders.
 * @base: NULL: /run/sluice. @state: where the store lies, below it netns/NAME; NULL: below
 * @base. @netns: NULL: that of the process.
 * Return: 0, or -errno and a sentence.
 */
int rundir_make(struct rundir *dir, const char *base, const char *state, const char *netns,
		struct text *why);

/** rundir_mount() - mounts a bpffs at bpf/, if there is none. Return: 0, or -errno and a sentence. */
int rundir_mount(const struct rundir *dir, struct text *why);

/**
 * rundir_fleeting() - whether the bpffs is seen by this process and its like only, because
 * their mounts are not those of the machine's first process, as under `ip netns exec`: then
 * what is pinned ends with the last of them. Ask while privileged; false where it cannot be told.
 */
bool rundir_fleeting(const struct rundir *dir);

/**
 * rundir_claim() - says that what is pinned belongs to this network namespace.
 * @named: the folder belongs to the namespace of a name, which may since have been made anew.
 * Return: 0; 1: what is pinned was of a namespace that had this name before, and is to be
 * taken down; -EBUSY: of another one, and a sentence; another -errno and a sentence.
 */
int rundir_claim(const struct rundir *dir, bool named, struct text *why);

#endif
