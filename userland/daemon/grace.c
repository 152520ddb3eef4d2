// SPDX-License-Identifier: GPL-2.0
#include "daemon/grace.h"

#include "datapath/datapath.h"

struct waiter {
	void (*over)(void *ctx);	/* NULL: forgotten */
	void *ctx;
};

static void begin(struct grace *grace);

void grace_open(struct grace *grace, uv_loop_t *loop)
{
	*grace = (struct grace){
		.loop = loop,
		.waiting = VEC(struct waiter),
		.next = VEC(struct waiter),
		.over = VEC(struct waiter),
	};
}

static void wait_in_pool(uv_work_t *work)
{
	(void)work;
	datapath_wait();
}

static void is_over(uv_work_t *work, int status)
{
	struct grace *grace = work->data;

	(void)status;
	grace->over = grace->waiting;
	grace->waiting = grace->next;
	grace->next = VEC(struct waiter);
	grace->under_way = false;
	if (grace->waiting.len)
		begin(grace);
	for (size_t i = 0; i < grace->over.len; i++) {
		struct waiter *w = vec_at(&grace->over, i);

		if (w->over)
			w->over(w->ctx);
	}
	vec_free(&grace->over);
}

static void begin(struct grace *grace)
{
	grace->work.data = grace;
	grace->under_way = true;
	uv_queue_work(grace->loop, &grace->work, wait_in_pool, is_over);
}

void grace_wait(struct grace *grace, void (*over)(void *ctx), void *ctx)
{
	struct waiter *w = vec_push(grace->under_way ? &grace->next : &grace->waiting);

	w->over = over;
	w->ctx = ctx;
	if (!grace->under_way)
		begin(grace);
}

static void forget(struct vec *waiters, void *ctx)
{
	for (size_t i = 0; i < waiters->len; i++) {
		struct waiter *w = vec_at(waiters, i);

		if (w->ctx == ctx)
			w->over = NULL;
	}
}

void grace_forget(struct grace *grace, void *ctx)
{
	forget(&grace->waiting, ctx);
	forget(&grace->next, ctx);
	forget(&grace->over, ctx);
}

void grace_close(struct grace *grace)
{
	vec_free(&grace->waiting);
	vec_free(&grace->next);
}
