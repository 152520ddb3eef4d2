// SPDX-License-Identifier: GPL-2.0
#include "daemon/spares.h"

#include <stdlib.h>

#include "base/kernel.h"
#include "base/text.h"
#include "daemon/log.h"
#include "datapath/datapath.h"

struct spares {
	struct datapath *datapath;
	uv_loop_t *loop;
	uv_work_t work;
	uv_sem_t done;
	struct generation *spare;	/* being loaded; NULL: none is */
	struct text why;
	int err;
	bool closing;
};

static void load(uv_work_t *work)
{
	struct spares *s = work->data;

	s->err = datapath_spare_load(s->spare, &s->why);
	uv_sem_post(&s->done);
}

static void take(struct spares *s)
{
	uv_sem_wait(&s->done);
	/* What cannot be had costs the next commit its time, and nothing else. */
	if (s->err)
		log_detail("no program could be loaded in advance: %s", text_string(&s->why));
	datapath_spare_close(s->spare, s->err);
	s->spare = NULL;
	text_free(&s->why);
}

static void drop(struct spares *s)
{
	uv_sem_destroy(&s->done);
	free(s);
}

static void loaded(uv_work_t *work, int status)
{
	struct spares *s = work->data;

	(void)status;
	if (s->closing)
		drop(s);
	else
		take(s);
}

struct spares *spares_open(uv_loop_t *loop, struct datapath *datapath)
{
	struct spares *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->datapath = datapath;
	s->work.data = s;
	uv_sem_init(&s->done, 0);
	return s;
}

void spares_prepare(struct spares *s)
{
	if (s->spare)
		return;
	s->spare = datapath_spare_open(s->datapath);
	if (s->spare && uv_queue_work(s->loop, &s->work, load, loaded)) {
		datapath_spare_close(s->spare, -1);
		s->spare = NULL;
	}
}

bool spares_busy(const struct spares *s)
{
	return s->spare != NULL;
}

void spares_close(struct spares *s)
{
	if (!s->spare) {
		drop(s);
		return;
	}
	s->closing = true;	/* the loop still has the request */
	take(s);
}
