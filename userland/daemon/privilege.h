/* SPDX-License-Identifier: GPL-2.0 */
/*
 * privilege.h: what the daemon may do: all that a start takes, then as little as it needs.
 *
 * A start enters a namespace and mounts a bpffs, which takes CAP_SYS_ADMIN. From then on:
 *
 *	CAP_NET_ADMIN	attach XDP, large netlink buffers
 *	CAP_BPF		maps, programs
 *	CAP_PERFMON	programs that compare pointers, as the verifier asks for it
 *
 * and no program that it would run gets any: the bounding set is cut down with it,
 * no_new_privs is set, and root's files are no longer root's to override.
 */
#ifndef SLUICE_DAEMON_PRIVILEGE_H
#define SLUICE_DAEMON_PRIVILEGE_H

struct text;

/** privilege_check() - Return: 0, or -EPERM and in @why what is missing and what to do. */
int privilege_check(struct text *why);

/** privilege_drop() - Return: 0, or -errno and a sentence. */
int privilege_drop(struct text *why);

#endif
