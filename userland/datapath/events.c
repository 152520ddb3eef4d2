// SPDX-License-Identifier: GPL-2.0
/*
 * events.c: what rules emit, and of dropped packets: one ring buffer for all generations.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "datapath/map.h"
#include "datapath/state.h"

int events_open(struct datapath *dp, struct text *why)
{
	static const struct map_shape shape = { "events", BPF_MAP_TYPE_RINGBUF, 0, 0, EVENTS_BYTES, 0 };

	if (dp->events < 0)
		dp->events = map_open(dp->dir, &shape, why);
	return dp->events < 0 ? dp->events : 0;
}

/* libbpf keeps the context of the call that made the ring: it is the datapath, which has the reader's. */
static int take(void *ctx, void *bytes, size_t size)
{
	const struct datapath *dp = ctx;

	if (size == sizeof(struct filter_event) && dp->event_fn)
		dp->event_fn(dp->event_ctx, bytes);
	return 0;
}

int datapath_events_fd(struct datapath *dp)
{
	struct text why = { 0 };
	int err = events_open(dp, &why);

	text_free(&why);
	if (err)
		return err;
	if (!dp->ring)
		dp->ring = ring_buffer__new(dp->events, take, dp, NULL);
	return dp->ring ? ring_buffer__epoll_fd(dp->ring) : -errno;
}

int datapath_events(struct datapath *dp, void (*fn)(void *ctx, const struct filter_event *event),
		    void *ctx)
{
	int fd = datapath_events_fd(dp), n;

	if (fd < 0)
		return fd;
	dp->event_fn = fn;
	dp->event_ctx = ctx;
	n = ring_buffer__consume(dp->ring);
	dp->event_fn = NULL;
	return n;
}

void datapath_watch_drops(struct datapath *dp, unsigned int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	*(volatile uint64_t *)&dp->watch->until = now.tv_sec * 1000000000ull + now.tv_nsec + ms * 1000000ull;
}
