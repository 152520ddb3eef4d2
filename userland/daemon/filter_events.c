// SPDX-License-Identifier: GPL-2.0
#include "daemon/filter_events.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon/configuration.h"
#include "daemon/drops.h"
#include "daemon/filter_event.h"
#include "daemon/log.h"
#include "datapath/datapath.h"

#define LOST_MS 1000	/* between two sentences on what was lost */

struct filter_events {
	struct datapath *dp;
	struct drops *drops;
	struct configuration *configuration;
	const struct image *image;
	uint32_t generation;		/* whose numbers image knows */
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int handles;
	bool polls, closing;
	double tokens;
	uint64_t filled_ms;		/* when tokens was right */
	uint64_t lost;			/* since it was last told */
};

/* ---- to listeners ---------------------------------------------------------------- */

static bool take_token(struct filter_events *e)
{
	uint64_t now = uv_now(e->timer.loop);

	e->tokens += (now - e->filled_ms) * (EVENTS_PER_SECOND / 1000.0);
	if (e->tokens > EVENTS_BURST)
		e->tokens = EVENTS_BURST;
	e->filled_ms = now;
	if (e->tokens < 1)
		return false;
	e->tokens -= 1;
	return true;
}

static void tell_lost(uv_timer_t *timer)
{
	struct filter_events *e = timer->data;
	struct text json = { 0 };

	if (!e->lost || !e->configuration)
		return;
	text_printf(&json, "{\"events\":%" PRIu64 "}", e->lost);
	configuration_event(e->configuration, "emit-lost", text_string(&json));
	text_free(&json);
	e->lost = 0;
}

static void hand_on(void *ctx, const struct filter_event *event)
{
	struct filter_events *e = ctx;
	const struct image *image = event->generation == e->generation ? e->image : NULL;
	struct text json = { 0 };

	if (event->reason) {
		drops_add(e->drops, event, image);
		return;
	}
	if (!e->configuration)
		return;
	if (!take_token(e)) {
		if (!e->lost++)
			uv_timer_start(&e->timer, tell_lost, LOST_MS, 0);
		return;
	}
	text_append(&json, "{", 1);
	filter_event_print(event, image, &json);
	text_append(&json, "}", 1);
	configuration_event(e->configuration, "emit", text_string(&json));
	text_free(&json);
}

static void take_events(struct filter_events *e)
{
	if (e->polls && datapath_events(e->dp, hand_on, e) < 0)
		log_detail("the events of rules cannot be read");
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (!status)
		take_events(poll->data);
}

/* ---- life --------------------------------------------------------------------------- */

struct filter_events *filter_events_open(uv_loop_t *loop, struct datapath *dp, struct drops *drops)
{
	struct filter_events *e = xcalloc(1, sizeof(*e));
	int fd = datapath_events_fd(dp);

	e->dp = dp;
	e->drops = drops;
	e->tokens = EVENTS_BURST;
	e->filled_ms = uv_now(loop);
	uv_timer_init(loop, &e->timer);
	e->timer.data = e->poll.data = e;
	e->handles = 1;
	if (fd < 0 || uv_poll_init(loop, &e->poll, fd))
		return e;
	e->handles++;
	e->polls = !uv_poll_start(&e->poll, UV_READABLE, on_readable);
	return e;
}

void filter_events_tell(struct filter_events *e, struct configuration *configuration)
{
	e->configuration = configuration;
}

void filter_events_run(struct filter_events *e, const struct image *image, uint32_t number)
{
	take_events(e);
	e->image = image;
	e->generation = number;
}

static void handle_closed(uv_handle_t *handle)
{
	struct filter_events *e = handle->data;

	if (!--e->handles)
		free(e);
}

void filter_events_close(struct filter_events *e)
{
	if (e->handles > 1)
		uv_close((uv_handle_t *)&e->poll, handle_closed);
	uv_close((uv_handle_t *)&e->timer, handle_closed);
}
