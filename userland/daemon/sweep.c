// SPDX-License-Identifier: GPL-2.0
#include "daemon/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "daemon/answer.h"
#include "daemon/notes.h"
#include "datapath/datapath.h"

#define FULL_MS 30000	/* that a note stands after the last packet that found no room */

/* How a set has been found full. */
struct fullness {
	uint64_t packets;	/* that found no room, when last looked at */
	uint64_t at_ms;		/* when there were more than before; 0: none were seen */
	bool noted;
};

struct sweep {
	struct view *view;
	struct notes *notes;
	uv_timer_t timer;
	size_t next;		/* in the image's sets */
	struct set_cursor at;	/* in that */
	struct table fullness;	/* char [IMAGE_NAME_MAX] -> struct fullness */
};

static void note_subject(char subject[IMAGE_NAME_MAX + 8], const char *set)
{
	snprintf(subject, IMAGE_NAME_MAX + 8, "set %s", set);
}

/* What an older daemon, or an older time, counted is no news: only what comes is. */
static void note_full(struct sweep *s, const struct image_set *set)
{
	char counter[COUNTER_NAME_MAX], subject[IMAGE_NAME_MAX + 8];
	uint64_t now = uv_now(s->timer.loop);
	struct count count;
	struct fullness *f;
	bool fresh;

	snprintf(counter, sizeof(counter), "set-full %s", set->name);
	if (!view_counter_named(s->view, counter, &count))
		return;
	f = table_put(&s->fullness, set->name, &fresh);
	note_subject(subject, set->name);
	if (!fresh && count.packets > f->packets) {
		f->at_ms = now;
		f->noted = true;
		notes_set(s->notes, subject, "it is full with %u elements: what rules would have inserted was "
			  "not; counter \"%s\" has how often. Give it a larger size, or a shorter timeout",
			  set->size, counter);
	} else if (f->noted && now - f->at_ms > FULL_MS) {
		f->noted = false;
		notes_clear(s->notes, subject);
	}
	f->packets = count.packets;
}

static void sweep_next(uv_timer_t *timer)
{
	struct sweep *s = timer->data;
	const struct image *image = s->view->image;
	const struct image_set *set;

	if (!image || !image->filter.sets.len)
		return;
	if (s->next >= image->filter.sets.len) {
		s->next = 0;
		s->at.begun = false;
	}
	set = vec_at(&image->filter.sets, s->next);
	if (datapath_set_sweep(s->view->datapath, set->name, &s->at) < 0)
		s->at.begun = false;
	uv_timer_set_repeat(timer, s->at.begun ? SWEEP_ON_MS : SWEEP_MS);
	uv_timer_again(timer);
	if (s->at.begun)
		return;
	note_full(s, set);
	s->next++;
}

void sweep_run(struct sweep *s)
{
	const struct image *image = s->view->image;
	const void *key;
	void *value;
	size_t at = 0;

	s->at.begun = false;
	if (image && image->filter.sets.len)
		uv_timer_start(&s->timer, sweep_next, SWEEP_MS, SWEEP_MS);
	else
		uv_timer_stop(&s->timer);
	while (table_next(&s->fullness, &at, &key, &value)) {
		struct fullness *f = value;
		char subject[IMAGE_NAME_MAX + 8];

		if (!f->noted)
			continue;
		note_subject(subject, key);
		notes_clear(s->notes, subject);
		f->noted = false;
	}
}

struct sweep *sweep_open(uv_loop_t *loop, struct view *view, struct notes *notes)
{
	struct sweep *s = xcalloc(1, sizeof(*s));

	s->view = view;
	s->notes = notes;
	s->fullness = (struct table){ .key_size = IMAGE_NAME_MAX, .value_size = sizeof(struct fullness) };
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void sweep_close(struct sweep *s)
{
	table_free(&s->fullness);
	uv_close((uv_handle_t *)&s->timer, timer_closed);
}
