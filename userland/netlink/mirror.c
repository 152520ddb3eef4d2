// SPDX-License-Identifier: GPL-2.0
/*
 * mirror.c: two feeds behind one file descriptor.
 *
 * Links, addresses, neighbours and rules are few and urgent; a full table of routes comes by
 * the hundred thousand, may fill its socket's buffer over and over, and takes seconds to dump.
 * So they come by two sockets, and each step reads the urgent one first. A loss makes only that
 * feed dump again.
 *
 * Between the two there is no order: a route by a link may be reported before that link, and
 * a link gone before its routes are. The join takes them in any order. What the kernel takes away
 * without a word is not guessed across the two: the feed of routes hears of links and addresses
 * itself, in their place between the routes (feed.c). Nexthop objects come with the routes
 * that name them, since they go with each other, and their ids are used again.
 */
#include "netlink/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/vec.h"
#include "netlink/feed.h"

#define RECEIVE_BUFFER	(64u << 20)
#define FEEDS		2

struct mirror {
	struct feed *feed[FEEDS];	/* FEED_ROUTES may be NULL */
	struct mirror_callbacks call;
	void *user;
	uint32_t *tables;
	size_t table_count;
	int epoll;		/* of both, and @timer */
	int timer;		/* for what a feed wants to do later */
	uint64_t timer_ms;	/* when it ends; 0: it does not run */
	bool synced, ever_synced;
	bool reported;		/* since the last batch */
	uint64_t resyncs;
};

static const uint32_t default_tables[] = {
	KERNEL_TABLE_LOCAL, KERNEL_TABLE_MAIN, KERNEL_TABLE_DEFAULT
};

static void flush_batch(struct mirror *m)
{
	if (m->reported && m->call.batch)
		m->call.batch(m->user);
	m->reported = false;
}

static void tell(struct mirror *m, enum mirror_event event)
{
	flush_batch(m);
	if (m->call.event)
		m->call.event(m->user, event);
}

/* A feed has lost its way, or found it. */
static void feed_turned(void *owner)
{
	struct mirror *m = owner;
	bool synced = true;

	for (int i = 0; i < FEEDS; i++)
		synced &= !m->feed[i] || feed_synced(m->feed[i]);
	if (synced == m->synced)
		return;
	m->synced = synced;
	if (!synced) {
		tell(m, MIRROR_LOST);
		return;
	}
	m->resyncs += m->ever_synced;
	tell(m, m->ever_synced ? MIRROR_RESYNCED : MIRROR_SYNCED);
	m->ever_synced = true;
}

/* The timer ends when the first feed wants to be read though nothing came. */
static void set_timer(struct mirror *m)
{
	uint64_t due = 0, ms;
	struct itimerspec at = { 0 };

	for (int i = 0; i < FEEDS; i++) {
		ms = m->feed[i] ? feed_due_ms(m->feed[i]) : 0;
		if (ms && (!due || ms < due))
			due = ms;
	}
	if (due == m->timer_ms)
		return;
	m->timer_ms = due;
	at.it_value.tv_sec = due / 1000;
	at.it_value.tv_nsec = due % 1000 * 1000000;
	timerfd_settime(m->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

int mirror_step(struct mirror *m)
{
	uint64_t expired;
	int more = 0, err;

	if (read(m->timer, &expired, sizeof(expired)) == sizeof(expired))
		m->timer_ms = 0;
	for (int i = 0; i < FEEDS; i++) {
		err = m->feed[i] ? feed_read(m->feed[i]) : 0;
		more = err < 0 || more < 0 ? (more < 0 ? more : err) : more | err;
	}
	flush_batch(m);
	set_timer(m);
	return more;
}

void mirror_resync(struct mirror *m)
{
	for (int i = 0; i < FEEDS; i++)
		if (m->feed[i])
			feed_resync(m->feed[i]);
	set_timer(m);
}

/* ---- ends ----------------------------------------------------------------- */

static int watch(struct mirror *m, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_feed(struct mirror *m, enum feed_kind kind, const struct mirror_options *options)
{
	struct feed_owner owner = {
		.call = &m->call, .user = m->user, .turned = feed_turned, .owner = m,
		.reported = &m->reported,
	};
	struct feed_options how = {
		.receive_buffer = options->receive_buffer ? options->receive_buffer : RECEIVE_BUFFER,
		.tables = m->tables, .table_count = m->table_count,
	};
	int err = feed_open(&m->feed[kind], kind, &owner, &how);

	return err ? err : watch(m, feed_fd(m->feed[kind]));
}

int mirror_open(struct mirror **mirror, const struct mirror_callbacks *callbacks, void *user,
		const struct mirror_options *options)
{
	static const struct mirror_options none;
	struct mirror *m = xcalloc(1, sizeof(*m));
	const uint32_t *tables;
	int err;

	if (!options)
		options = &none;
	tables = options->tables ? options->tables : default_tables;
	m->table_count = options->tables ? options->table_count : 3;
	m->tables = xcalloc(m->table_count + 1, sizeof(*m->tables));
	memcpy(m->tables, tables, m->table_count * sizeof(*tables));
	m->call = *callbacks;
	m->user = user;
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = m->epoll < 0 || m->timer < 0 ? -errno : watch(m, m->timer);
	if (!err)
		err = open_feed(m, FEED_LINKS, options);
	if (!err && m->table_count)
		err = open_feed(m, FEED_ROUTES, options);
	if (err) {
		mirror_close(m);
		return err;
	}
	*mirror = m;
	return 0;
}

void mirror_close(struct mirror *m)
{
	if (!m)
		return;
	for (int i = 0; i < FEEDS; i++)
		feed_close(m->feed[i]);
	if (m->timer >= 0)
		close(m->timer);
	if (m->epoll >= 0)
		close(m->epoll);
	free(m->tables);
	free(m);
}

int mirror_fd(const struct mirror *m)
{
	return m->epoll;
}

bool mirror_synced(const struct mirror *m)
{
	return m->synced;
}

void mirror_stats(const struct mirror *m, struct mirror_stats *stats)
{
	*stats = (struct mirror_stats){ .resyncs = m->resyncs, .memory = sizeof(*m) };
	for (int i = 0; i < FEEDS; i++)
		if (m->feed[i])
			feed_add_stats(m->feed[i], stats);
}
