// SPDX-License-Identifier: GPL-2.0
/*
 * At the end of an interval: swap, a grace period off the loop, read. What a daemon that died had
 * swapped and not read is read first.
 */
#include "daemon/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/grace.h"
#include "daemon/log.h"
#include "daemon/view.h"
#include "datapath/datapath.h"
#include "flow/flow.h"
#include "image/image.h"
#include "policy/tree.h"

_Static_assert((int)FLOW_IP_SRC == (int)KEY_IP_SRC && (int)FLOW_L4_DST == (int)KEY_L4_DST,
	       "the policy's keys are the flow memory's fields");

/* A measure and what it counts in. */
struct measured {
	struct image_measure measure;	/* name "": nothing is measured, and the rest is NULL */
	struct flow_map *map;
	struct flow *flow;
};

struct flows {
	struct datapath *dp;
	struct grace *grace;
	struct view *view;
	struct measured now, next;	/* next.map may be now's */
	struct flow_report *report;	/* the last one, or NULL */
	uv_timer_t timer;
	bool reading;			/* a grace period is under way */
};

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void show(struct flows *f, struct flow_report *report)
{
	flow_report_free(f->report);
	f->report = report;
	f->view->report = report;
	f->view->report_at = time(NULL);
}

/* ---- intervals ---------------------------------------------------------------- */

static void read_interval(void *ctx)
{
	struct flow_report *report;
	struct flows *f = ctx;

	f->reading = false;
	if (!f->now.flow || flow_read(f->now.flow, &report))
		return;
	log_detail("measure %s: interval %llu, %zu flows", f->now.measure.name,
		   (unsigned long long)report->interval, report->flows.len);
	show(f, report);
}

static void read_soon(struct flows *f)
{
	f->reading = true;
	grace_wait(f->grace, read_interval, f);
}

static void end_interval(uv_timer_t *timer)
{
	struct flows *f = timer->data;

	if (!f->reading && !flow_swap(f->now.flow, boottime_ns()))
		read_soon(f);
}

/* ---- measures come and go -------------------------------------------------------- */

static struct flow_config config_of(const struct image_measure *m)
{
	return (struct flow_config){
		.fields = m->key,
		.slots = m->slots,
		.threshold_ppm = m->threshold_ppm,
		.threshold_Bps = m->threshold_Bps,
		.oversampling = m->oversampling,
	};
}

static bool fits(const struct flow_map *map, const struct flow_config *config)
{
	unsigned int cpus;
	size_t size;
	void *memory;

	if (!map)
		return false;
	memory = flow_map_memory(map, &size, &cpus);
	return size == flow_map_size(config->slots, cpus) && flow_fits(memory, size, cpus, config);
}

/* Memory that nothing counts in yet, or what a daemon before us left. */
static int find_memory(struct flows *f, const struct flow_config *config, struct text *why)
{
	struct flow_map *map = f->now.map ? NULL : flow_map_adopt(f->dp);
	unsigned int cpus;
	size_t size;
	void *memory;
	int err = 0;

	if (!fits(map, config)) {
		flow_map_free(map);
		err = flow_map_new(f->dp, config->slots, &map, why);
	}
	if (err)
		return err;
	memory = flow_map_memory(map, &size, &cpus);
	err = flow_new(memory, size, cpus, config, boottime_ns(), &f->next.flow);
	if (err) {
		text_printf(why, "the flow memory cannot be used: %s", strerror(-err));
		flow_map_free(map);
		return err;
	}
	f->next.map = map;
	return 0;
}

int flows_prepare(struct flows *f, const struct image_measure *measure, struct text *why)
{
	struct flow_config config = config_of(measure);
	int err = 0;

	f->next = (struct measured){ .measure = *measure };
	if (measure->name[0] && fits(f->now.map, &config)) {
		f->next.map = f->now.map;
		f->next.flow = f->now.flow;
	} else if (measure->name[0]) {
		err = find_memory(f, &config, why);
	}
	datapath_measure(f->dp, f->next.map);
	return err;
}

static void let_go(struct flows *f, struct measured *m, const struct measured *other)
{
	if (m->flow && m->flow != other->flow)
		flow_free(m->flow);
	if (m->map != other->map)
		flow_map_free(m->map);
	*m = (struct measured){ 0 };
	datapath_measure(f->dp, other->map);
}

void flows_abandon(struct flows *f)
{
	let_go(f, &f->next, &f->now);
}

void flows_commit(struct flows *f)
{
	struct flow_config config = config_of(&f->next.measure);
	bool same = f->next.flow == f->now.flow;
	unsigned int interval_ms = f->now.measure.interval_ms;

	let_go(f, &f->now, &f->next);
	f->now = f->next;
	f->next = (struct measured){ 0 };
	if (same && f->now.flow) {
		flow_configure(f->now.flow, &config);
		if (interval_ms == f->now.measure.interval_ms)
			return;
	}
	if (!same)
		show(f, NULL);
	if (!f->now.flow) {
		uv_timer_stop(&f->timer);
		return;
	}
	uv_timer_start(&f->timer, end_interval, f->now.measure.interval_ms,
		       f->now.measure.interval_ms);
	if (flow_pending(f->now.flow) && !f->reading)
		read_soon(f);
}

/* ---- life -------------------------------------------------------------------------- */

struct flows *flows_open(uv_loop_t *loop, struct datapath *dp, struct grace *grace,
			 struct view *view)
{
	struct flows *f = xcalloc(1, sizeof(*f));

	f->dp = dp;
	f->grace = grace;
	f->view = view;
	uv_timer_init(loop, &f->timer);
	f->timer.data = f;
	return f;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void flows_close(struct flows *f)
{
	const struct measured none = { 0 };

	grace_forget(f->grace, f);
	let_go(f, &f->now, &none);
	show(f, NULL);
	uv_close((uv_handle_t *)&f->timer, timer_closed);
}
