/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store_server.h: the store on a unix socket, for tests: the server of netlink/server.h in a
 * thread, with a poll loop as the daemon has one.
 */
#ifndef SLUICE_SELFTESTS_STORE_SERVER_H
#define SLUICE_SELFTESTS_STORE_SERVER_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"
#include "kmod/store.h"
#include "netlink/server.h"

struct store_server {
	char dir[64], path[80];
	struct store *store;
	struct server *server;
	pthread_t thread;
	int orders[2];		/* letters */
	int listener;
	struct vec conns;	/* of struct polled */
	uint64_t wake_at;
	atomic_uint open_conns;
	_Atomic uint64_t ahead_ms;	/* of the clock */

	/* The test's own, or NULL; called in the thread. */
	void (*obey)(struct store_server *d, char order);
	uint64_t later_at;	/* when to call @later */
	void (*later)(struct store_server *d);
};

struct polled {
	struct conn *conn;
	unsigned int events;
};

static uint64_t clock_ms(void *ctx)
{
	struct store_server *d = ctx;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000 + d->ahead_ms;
}

static struct polled *polled_of(struct store_server *d, struct conn *conn)
{
	for (size_t i = 0; i < d->conns.len; i++) {
		struct polled *p = vec_at(&d->conns, i);

		if (p->conn == conn)
			return p;
	}
	return NULL;
}

static void watch(void *ctx, struct conn *conn, unsigned int events)
{
	struct polled *p = polled_of(ctx, conn);

	if (p)
		p->events = events;
}

static void closed(void *ctx, struct conn *conn)
{
	struct store_server *d = ctx;
	struct polled *p = polled_of(d, conn);

	if (p) {
		*p = *(struct polled *)vec_at(&d->conns, d->conns.len - 1);
		vec_pop(&d->conns);
		d->open_conns--;
	}
}

static void wake(void *ctx, uint64_t in_ms)
{
	struct store_server *d = ctx;

	d->wake_at = in_ms == UINT64_MAX ? UINT64_MAX : clock_ms(d) + in_ms;
}

static void *run(void *arg)
{
	struct store_server *d = arg;
	struct pollfd fds[2 + SERVER_CONNS_MAX];
	struct conn *conns[SERVER_CONNS_MAX], *conn;
	char order;

	for (;;) {
		uint64_t now = clock_ms(d);
		size_t n = d->conns.len;
		int timeout = 20;	/* the clock may be put ahead meanwhile */

		if (d->later_at && now >= d->later_at) {
			d->later_at = 0;
			d->later(d);
			continue;
		}
		if (now >= d->wake_at) {
			server_tick(d->server);
			continue;
		}
		fds[0] = (struct pollfd){ d->orders[0], POLLIN, 0 };
		fds[1] = (struct pollfd){ d->listener, POLLIN, 0 };
		for (size_t i = 0; i < n; i++) {
			const struct polled *p = vec_at(&d->conns, i);

			conns[i] = p->conn;
			fds[2 + i] = (struct pollfd){
				conn_fd(p->conn),
				(p->events & SERVER_READ ? POLLIN : 0) |
				(p->events & SERVER_WRITE ? POLLOUT : 0), 0 };
		}
		if (poll(fds, 2 + n, timeout) < 0)
			break;
		for (size_t i = 0; i < n; i++) {
			const struct polled *p = polled_of(d, conns[i]);

			if (p && fds[2 + i].revents & POLLOUT)
				server_writable(conns[i]);
			p = polled_of(d, conns[i]);
			if (p && p->events & SERVER_READ &&
			    fds[2 + i].revents & (POLLIN | POLLHUP | POLLERR))
				server_readable(conns[i]);
		}
		while (fds[1].revents && (conn = server_accept(d->server))) {
			*(struct polled *)vec_push(&d->conns) =
				(struct polled){ conn, SERVER_READ };
			d->open_conns++;
			*conn_user(conn) = d;
		}
		if (!fds[0].revents)
			continue;
		if (read(d->orders[0], &order, 1) != 1 || order == 'q')
			break;
		d->obey(d, order);
	}
	server_free(d->server);
	return NULL;
}

/*
 * Serves a new store below /tmp. @compile and @save: as in struct server_callbacks, their ctx is
 * @d; with @compile the server is its own compiler.
 */
static void start(struct store_server *d, const struct store_limits *limits,
		  void (*compile)(void *ctx, uint64_t generation, bool returned),
		  const char *(*save)(void *ctx))
{
	const struct server_callbacks callbacks = {
		.ctx = d, .compile = compile, .save = save, .watch = watch, .closed = closed,
		.wake = wake, .now_ms = clock_ms,
	};
	uint64_t running;

	strcpy(d->dir, "/tmp/sluice-server-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/sluice.sock", d->dir);
	d->conns = VEC(struct polled);
	d->wake_at = UINT64_MAX;
	d->store = store_new(limits);
	d->server = server_new(d->store, &callbacks);
	if (compile) {
		assert_int_equal(server_bind(d->server, 0, &running), 0);
		assert_int_equal(running, 0);
		assert_int_equal(server_bind(d->server, 0, &running), -EBUSY);
	}
	d->listener = server_listen(d->server, d->path, -1);
	assert_true(d->listener >= 0);
	assert_int_equal(pipe(d->orders), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, run, d), 0);
}

static void order(struct store_server *d, char letter)
{
	assert_int_equal(write(d->orders[1], &letter, 1), 1);
}

static void stop(struct store_server *d)
{
	order(d, 'q');
	pthread_join(d->thread, NULL);
	assert_int_equal(access(d->path, F_OK), -1);
	store_free(d->store);
	vec_free(&d->conns);
	close(d->orders[0]);
	close(d->orders[1]);
	assert_int_equal(rmdir(d->dir), 0);
}

#endif
