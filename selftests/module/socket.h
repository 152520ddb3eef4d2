/* SPDX-License-Identifier: GPL-2.0 */
/*
 * socket.h: a bare generic netlink socket to the module, for tests that must say what no decent
 * client says: userland/netlink/client.h is how programs do it.
 */
#ifndef SLUICE_SELFTESTS_SOCKET_H
#define SLUICE_SELFTESTS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/sluice.h>

/* What one read may bring: the kernel fills up to 32 kB, and more for one large message. */
#define SOCKET_BUFFER 65536

/** family_find() - the family's message type, and its multicast groups' ids. -ENOENT: no module. */
int family_find(uint16_t *type, uint32_t group[2]);

/** socket_new() - in the network namespace of the caller. Return: the descriptor, or -errno. */
int socket_new(void);

/** socket_join() - joins a multicast group by its id. */
int socket_join(int fd, uint32_t group);

/** socket_send() - whole messages, as they are. Return: 0 or -errno. */
int socket_send(int fd, const void *bytes, size_t len);

/**
 * socket_receive() - one datagram of the kernel's, for which it waits @wait_ms.
 * Return: its length; -EAGAIN: none came; -ENOBUFS: some were lost; another -errno.
 */
int socket_receive(int fd, void *buf, size_t size, int wait_ms);

#endif
