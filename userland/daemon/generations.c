// SPDX-License-Identifier: GPL-2.0
/*
 * Each request is an attempt; attempts wait in line. What computes (parse, prove, compile; later the
 * witnesses) is done in a thread of libuv's pool, on nothing but what is the attempt's own, while the loop
 * goes round: routes are mirrored and questions answered for the seconds that a large policy may take.
 * Between "compiled" and "its tables are full" the loop goes round as well. What is loaded and what is
 * swapped is done in one go each (a load takes about a tenth of a second).
 *
 * The data path runs a generation before the store does: its verdict says that it runs. The store does not
 * wait for ever, and a daemon may be stopped meanwhile, its machine too. So it is asked before the swap whether
 * it still waits; and where it gave up between that and the verdict, the data path has gone astray, and goes
 * back to what the store runs.
 */
#include "daemon/generations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/kernel.h"
#include "base/text.h"
#include "base/vec.h"
#include "compile/compile.h"
#include "daemon/attempt.h"
#include "daemon/changed_sets.h"
#include "daemon/configuration.h"
#include "daemon/earlier.h"
#include "daemon/filter_events.h"
#include "daemon/flows.h"
#include "daemon/grace.h"
#include "daemon/interfaces.h"
#include "daemon/log.h"
#include "daemon/missing_ports.h"
#include "daemon/neighbours.h"
#include "daemon/notes.h"
#include "daemon/notify.h"
#include "daemon/routes.h"
#include "daemon/slower_ways.h"
#include "daemon/spares.h"
#include "daemon/sweep.h"
#include "daemon/view.h"
#include "datapath/datapath.h"
#include "image/image.h"
#include "image/numbering.h"
#include "policy/tree.h"

#define LISTEN_AGAIN_MS 1000	/* after the kernel could not be heard any more */
#define BUSY_MS		2	/* to look again whether the spares are still being made */

struct generations {
	struct generations_parts p;
	struct configuration *configuration;
	struct interfaces *interfaces;
	struct flows *flows;
	struct filter_events *events;
	struct sweep *sweep;
	struct neighbours *neighbours;
	struct spares *spares;
	void (*started)(void *ctx);
	void *started_ctx;

	/* what runs */
	struct inputs inputs;
	struct policy *policy;		/* but for elements of sets: inputs and image have those */
	struct image *image;
	struct routes *routes;
	uint32_t loaded;		/* the data path's number of it */
	struct witnesses witnesses;	/* that it was asked before */
	struct steps steps;		/* of its commit */

	struct vec line;		/* of struct attempt *: the first one is under way, if begun */
	bool begun;
	uv_timer_t soon, again;
	unsigned int handles;

	/* The thread has the first attempt, which nobody else touches meanwhile. */
	uv_work_t work;
	struct attempt *in_work;	/* the line may grow and move meanwhile */
	uv_sem_t idle;
	bool working, closing;
	void (*works)(struct generations *g, struct attempt *a);
	void (*worked)(struct generations *g);
	int broken;			/* its routes were lost meanwhile: why */
};

static const struct image_routing links_only;	/* no tables */

static void begin_next(uv_timer_t *timer);
static int open_routes(struct generations *g, const struct image_routing *routing,
		       struct routes **routes, struct text *why);

/* ---- attempts come and go ------------------------------------------------------ */

static struct attempt *first(const struct generations *g)
{
	return *(struct attempt **)vec_at(&g->line, 0);
}

static struct attempt *queue(struct generations *g, enum wish wish, uint64_t generation)
{
	struct attempt *a = attempt_new(wish, generation);

	*(struct attempt **)vec_push(&g->line) = a;
	if (!g->begun)
		uv_timer_start(&g->soon, begin_next, 0, 0);
	return a;
}

static void free_attempt(struct generations *g, struct attempt *a)
{
	if (a->routes != g->routes)
		routes_close(a->routes);
	attempt_free(a);
}

static void leave_line(struct generations *g)
{
	struct attempt **line = g->line.data;

	memmove(line, line + 1, (g->line.len - 1) * sizeof(*line));
	vec_pop(&g->line);
	g->begun = false;
	uv_timer_stop(&g->soon);	/* what it may have waited for */
	if (g->line.len)
		uv_timer_start(&g->soon, begin_next, 0, 0);
}

/* Without a policy there is still somebody to ask which interfaces there are. */
static void listen_at_least(struct generations *g)
{
	struct text why = { 0 };

	if (!g->routes && open_routes(g, &links_only, &g->routes, &why))
		notes_set(g->p.notes, "kernel", "%s", text_string(&why));
	text_free(&why);
}

static void tell_started(struct generations *g)
{
	void (*started)(void *ctx) = g->started;

	g->started = NULL;
	if (started)
		started(g->started_ctx);
}

static void note_failure(struct generations *g, const struct attempt *a, const char *message)
{
	if (attempt_is_candidate(a)) {
		log_say("generation %" PRIu64 " was refused; what ran goes on", a->generation);
		return;
	}
	log_error("%s", message);
	notes_set(g->p.notes, "generation", "generation %" PRIu64 " is the store's, but could not be made to "
		  "run; what ran before goes on%s. The log says why; apply a policy, or reload",
		  a->generation, g->image ? "" : ", with routes as they were");
}

static int tell_verdict(struct generations *g, const struct attempt *a, bool accepted, const char *message)
{
	int err = configuration_verdict(g->configuration, a->generation, accepted, message);

	if (err)
		log_warning("the verdict on generation %" PRIu64 " came too late: the store did not wait for "
			    "it any more", a->generation);
	return err;
}

/* Behind what is in line already: that may be refused, and leave things as they are. */
static void return_from_astray(struct generations *g, const struct attempt *a)
{
	uint64_t running = configuration_running(g->configuration);

	notes_set(g->p.notes, "generation", "the data path runs generation %" PRIu64 ", which the store has "
		  "rejected, as the verdict came too late; it goes back to generation %" PRIu64,
		  a->generation, running);
	queue(g, WISH_RETURNED, running);
}

/*
 * What was the matter with the store at the start stands until somebody applies a policy: also the same one
 * again, but not by a change of single objects, whose author may not know yet.
 */
static void clear_notes(struct generations *g, const struct attempt *a)
{
	notes_clear(g->p.notes, "generation");
	if (attempt_is_candidate(a) && *g->p.ready &&
	    (!inputs_same_documents(&g->inputs, &a->inputs) || inputs_same_objects(&g->inputs, &a->inputs)))
		notes_clear(g->p.notes, "store");
}

/* The end of the attempt under way. @sentence: what there is to say besides diagnostics. */
static void finish(struct generations *g, bool accepted, const char *sentence)
{
	struct attempt *a = first(g);
	struct text message = { 0 };

	diags_print(&a->diags, &message, false);
	if (*sentence)
		text_printf(&message, "%s%s\n", accepted ? "" : "error: ", sentence);
	if (!accepted)
		note_failure(g, a, text_string(&message));
	if (tell_verdict(g, a, accepted, text_string(&message)) && accepted)
		return_from_astray(g, a);
	else if (accepted)
		clear_notes(g, a);
	if (a->done)
		a->done(a->ctx, accepted, text_string(&message));
	text_free(&message);
	leave_line(g);
	free_attempt(g, a);
	listen_at_least(g);
	if (!g->routes || routes_ready(g->routes))
		tell_started(g);
}

/* ---- the thread ------------------------------------------------------------------------ */

static void work(uv_work_t *request)
{
	struct generations *g = request->data;

	g->works(g, g->in_work);
	uv_sem_post(&g->idle);
}

static void drop(struct generations *g)
{
	if (--g->handles)
		return;
	uv_sem_destroy(&g->idle);
	free(g);
}

static void work_ends(uv_work_t *request, int status)
{
	struct generations *g = request->data;

	(void)status;
	if (g->closing) {
		drop(g);
		return;
	}
	uv_sem_wait(&g->idle);
	g->working = false;
	g->worked(g);
}

/* @works(first attempt) in the thread, and after that @worked from the loop. */
static void work_on(struct generations *g, void (*works)(struct generations *g, struct attempt *a),
		    void (*worked)(struct generations *g))
{
	g->works = works;
	g->worked = worked;
	g->working = true;
	g->in_work = first(g);
	g->work.data = g;
	uv_queue_work(g->p.loop, &g->work, work, work_ends);
}

/* In the thread. */
static void make_image(struct generations *g, struct attempt *a)
{
	attempt_make_image(a, g->policy, g->image, g->p.prove_ms, g->p.table_budget);
}

static void ask_witnesses(struct generations *g, struct attempt *a)
{
	const struct witnesses_before before = { g->policy, g->image, &g->witnesses };

	attempt_ask_witnesses(a, &before, g->p.witness_ms, g->p.refused);
}

/* ---- is it possible here ------------------------------------------------------------- */

static void say_broken(struct text *why, int err)
{
	text_printf(why, "the kernel's routes could not be read: %s", strerror(-err));
}

static int check_ports(struct generations *g, struct attempt *a)
{
	const struct policy *ran = g->policy && inputs_same_documents(&g->inputs, &a->inputs) ? g->policy : NULL;
	int missing = missing_ports_check(g->interfaces, a->policy, a->wish, ran, &a->diags);

	a->some_missing = missing > 0;
	return missing < 0 ? missing : 0;
}

/* Whether the store has given up a candidate by now: it is not to run. */
static bool too_late(struct generations *g, const struct attempt *a, struct text *why)
{
	if (!attempt_is_candidate(a) || configuration_wants(g->configuration, a->generation))
		return false;
	text_printf(why, "it was ready after the store had rejected it");
	return true;
}

/* ---- from an image to what runs ------------------------------------------------------- */

static void show(struct generations *g)
{
	struct view *v = g->p.view;

	v->policy = g->policy;
	v->image = g->image;
	v->loaded = g->loaded;
	v->witnesses = &g->witnesses;
	v->steps = &g->steps;
	v->fib = g->routes ? routes_fib(g->routes) : NULL;
	v->updates = g->routes ? routes_delays(g->routes) : NULL;
	v->fib_ready = g->routes && routes_ready(g->routes);
	v->lpm4 = g->routes ? routes_lpm(g->routes, ADDR_V4) : NULL;
	v->lpm6 = g->routes ? routes_lpm(g->routes, ADDR_V6) : NULL;
}

/* The interfaces of its ports are entered with their copies: they are to be known by then. */
static int stage(struct generations *g, struct attempt *a, struct text *why)
{
	int err;

	interfaces_publish(g->interfaces, a->image);
	err = flows_prepare(g->flows, &a->image->measure, why);
	if (err)
		return err;
	err = datapath_stage(g->p.datapath, a->image, routes_tables(a->routes), g->loaded + 1,
			     &a->staged, why);
	if (err)
		flows_abandon(g->flows);
	return err;
}

/*
 * Interfaces may have changed since it was staged: they are published once more.
 *
 * Static routes are in tables that generations share: tables that are new have them from the start,
 * others get them right after the swap. For that moment the new generation sees the old ones, as
 * it would see a route that the kernel is about to change.
 *
 * What goes out of a port that the new generation has not is left to the kernel before it runs,
 * and what goes out of a port that it has anew is so until after: at no time is a packet
 * sent to a port that is not there.
 */
static int swap(struct generations *g, struct attempt *a, struct text *why)
{
	int err;

	interfaces_publish(g->interfaces, a->image);
	interfaces_route(g->interfaces, a->routes, a->image, a->routes == g->routes ? g->image : NULL);
	if (a->routes != g->routes)
		routes_set_statics(a->routes, &a->image->statics);
	routes_flush(a->routes);
	err = datapath_commit(g->p.datapath, a->staged, a->wish != WISH_COMMIT || a->some_missing, why);
	if (err)
		return err;
	a->staged = NULL;
	flows_commit(g->flows);
	return 0;
}

/* What was staged and is not to run. */
static void unstage(struct generations *g, struct attempt *a)
{
	if (!a->staged)
		return;
	generation_free(a->staged);
	a->staged = NULL;
	flows_abandon(g->flows);
}

/* After a commit, or after one that failed. */
static void follow_what_runs(struct generations *g)
{
	interfaces_run(g->interfaces, g->image);
	if (!g->routes)
		return;
	interfaces_route(g->interfaces, g->routes, g->image, NULL);
	if (g->image)
		routes_set_statics(g->routes, &g->image->statics);
	routes_flush(g->routes);
	neighbours_want(g->neighbours, g->image);
}

/* The store's generation runs from now on, as the data path's number g->loaded. */
static void runs_now(struct generations *g, struct attempt *a)
{
	struct inputs inputs = g->inputs;

	g->inputs = a->inputs;
	a->inputs = inputs;	/* goes with the attempt */
	g->p.view->generation = a->generation;
	g->p.view->since = time(NULL);
	g->p.view->earlier.runs = false;
	earlier_keep(g->p.kept, a->generation);
	show(g);
}

static void take_over(struct generations *g, struct attempt *a)
{
	struct policy *policy = g->policy;
	struct image *image = g->image;
	struct routes *routes = g->routes;

	g->loaded++;
	witnesses_follow(&a->witnesses, &g->witnesses);
	g->witnesses = a->witnesses;
	a->witnesses = (struct witnesses){ 0 };
	g->steps = a->steps;
	changed_sets_empty(g->p.datapath, g->policy, a->policy);
	g->policy = a->policy;
	g->image = a->image;
	g->routes = a->routes;
	a->policy = NULL;
	a->image = NULL;
	follow_what_runs(g);
	slower_ways_note(g->p.datapath, g->image, g->p.notes);
	filter_events_run(g->events, g->image, g->loaded);
	runs_now(g, a);
	sweep_run(g->sweep);
	if (routes != g->routes)
		routes_close(routes);
	if (policy)
		policy_free(policy);
	image_free(image);
}

static void tell_what_runs(struct generations *g, const struct attempt *a, struct text *sentence)
{
	const struct image *image = g->image;

	text_printf(sentence, "generation %" PRIu64 " runs: %zu port%s", a->generation,
		    image->ports.len, image->ports.len == 1 ? "" : "s");
	if (image->group_count)
		text_printf(sentence, ", %u group%s", image->group_count,
			    image->group_count == 1 ? "" : "s");
	if (image->config.route)
		text_printf(sentence, ", routes");
	if (image->statics.len)
		text_printf(sentence, " (%zu static)", image->statics.len);
	if (image->measure.name[0])
		text_printf(sentence, ", measure %s", image->measure.name);
	if (image->filter.rules.len)
		text_printf(sentence, ", %zu rule%s", image->filter.rules.len,
			    image->filter.rules.len == 1 ? "" : "s");
	if (g->witnesses.verify.packets || g->witnesses.partial) {
		text_printf(sentence, " (");
		witnesses_say(&g->witnesses, sentence);
		text_printf(sentence, ")");
	}
}

/* The end of an attempt that was compiled. @err: it is not to run, for what @sentence says. */
static void finish_compiled(struct generations *g, int err, struct text *sentence)
{
	struct attempt *a = first(g);

	if (err) {
		unstage(g, a);
		follow_what_runs(g);
		if (!sentence->len)
			text_printf(sentence, "%s", strerror(-err));
	} else {
		take_over(g, a);
		tell_what_runs(g, a, sentence);
		log_say("%s", sentence->data);
		notify_status("%s", sentence->data);
	}
	finish(g, !err, text_string(sentence));
	spares_prepare(g->spares);
}

static void swap_attempt(struct generations *g)
{
	struct attempt *a = first(g);
	struct text sentence = { 0 };
	int err;

	if (a->err)
		text_append(&sentence, text_string(&a->why), a->why.len);
	else if (g->broken)
		say_broken(&sentence, g->broken);
	steps_from(&a->steps);
	err = a->err ? a->err : g->broken ? g->broken : too_late(g, a, &sentence) ? -ESTALE :
	      swap(g, a, &sentence);
	steps_end(&a->steps, STEP_swap);
	finish_compiled(g, err, &sentence);
	text_free(&sentence);
}

static void run_attempt(struct generations *g);

static void run_now(uv_timer_t *timer)
{
	run_attempt(timer->data);
}

/* Its tables are full. */
static void run_attempt(struct generations *g)
{
	struct attempt *a = first(g);
	struct text sentence = { 0 };
	int err;

	if (spares_busy(g->spares)) {
		uv_timer_start(&g->soon, run_now, BUSY_MS, 0);
		return;
	}
	steps_from(&a->steps);
	err = stage(g, a, &sentence);
	steps_end(&a->steps, STEP_load);
	g->broken = 0;
	if (err)
		finish_compiled(g, err, &sentence);
	else if (a->image->filter.shape.layers)
		work_on(g, ask_witnesses, swap_attempt);
	else
		swap_attempt(g);
	text_free(&sentence);
}

/* ---- elements alone ----------------------------------------------------------------- */

static void exchange_elements(struct image *a, struct image *b)
{
	for (size_t i = 0; i < a->filter.sets.len; i++) {
		struct image_set *x = vec_at(&a->filter.sets, i), *y = vec_at(&b->filter.sets, i);
		struct vec elements = x->elements;

		x->elements = y->elements;
		y->elements = elements;
	}
}

/* An image with the sets of what runs and the elements of @a. NULL: there is something to say about them. */
static struct image *compile_elements(struct generations *g, struct attempt *a)
{
	struct policy *sets = inputs_parse_elements(&a->inputs, g->policy, &a->diags);
	struct numbering numbering;
	struct image *image = NULL;
	struct diags diags;

	if (!sets)
		return NULL;
	diags_init(&diags);
	numbering_init(&numbering, datapath_ports(g->p.datapath), datapath_names(g->p.datapath),
		       g->image);
	if (compile_policy(sets, &numbering, NULL, &image, &diags) ||
	    image->filter.sets.len != g->image->filter.sets.len) {
		image_free(image);
		image = NULL;
	}
	numbering_free(&numbering);
	diags_free(&diags);
	policy_free(sets);
	return image;
}

/*
 * A generation that differs from what runs in elements of sets needs no program and no tables: its
 * elements are entered, and one word makes them count. Return: false: it is to be made as any other.
 */
static bool run_elements(struct generations *g, struct attempt *a)
{
	struct text sentence = { 0 };
	struct image *sets;
	int err;

	if (!g->image || a->wish == WISH_RUNNING || !inputs_alike(&g->inputs, &a->inputs))
		return false;
	sets = compile_elements(g, a);
	if (!sets)
		return false;
	exchange_elements(g->image, sets);
	err = too_late(g, a, &sentence) ? -ESTALE :
	      datapath_commit_sets(g->p.datapath, g->image, g->loaded + 1, &sentence);
	if (err) {
		exchange_elements(g->image, sets);
	} else {
		g->loaded++;
		steps_end(&a->steps, STEP_swap);
		g->steps = a->steps;
		runs_now(g, a);
		tell_what_runs(g, a, &sentence);
		log_say("%s", text_string(&sentence));
		notify_status("%s", text_string(&sentence));
	}
	image_free(sets);
	finish(g, !err, text_string(&sentence));
	text_free(&sentence);
	return true;
}

/* ---- all of it ------------------------------------------------------------------------ */

/* Tables of the size it wants: those that run, or new ones, which take time to fill. */
static int find_routes(struct generations *g, struct attempt *a, struct text *why)
{
	if (g->routes && !a->reread && routes_fit(g->routes, &a->image->routing)) {
		a->routes = g->routes;
		return 0;
	}
	return open_routes(g, &a->image->routing, &a->routes, why);
}

/* The thread has made an image, or not. */
static void go_on(struct generations *g)
{
	struct attempt *a = first(g);
	struct text why = { 0 };
	int err = a->err;

	numbering_free(&a->numbering);
	if (!err)
		err = check_ports(g, a);
	if (!err)
		err = find_routes(g, a, &why);
	if (!err)
		changed_sets_warn(g->p.datapath, g->policy, a->policy, &a->diags);
	if (err)
		finish(g, false, text_string(&why));
	else if (routes_ready(a->routes))
		run_attempt(g);
	text_free(&why);
}

static void begin_next(uv_timer_t *timer)
{
	struct generations *g = timer->data;
	struct attempt *a = first(g);
	struct text why = { 0 };
	int err;

	g->begun = true;
	if (!attempt_is_candidate(a))
		a->generation = configuration_running(g->configuration);	/* by now */
	if (a->wish == WISH_RETURNED && a->generation == g->p.view->generation)
		return finish(g, true, "");	/* what was in line before has led there */
	steps_begin(&a->steps);
	err = inputs_read(g->configuration, a->generation, &a->inputs, &why);
	steps_end(&a->steps, STEP_read);
	if (!err && a->wish == WISH_COMMIT && !configuration_running(g->configuration))
		err = earlier_refuse(&g->p.view->earlier, &a->inputs, configuration_aside(g->configuration),
				     &why);
	if (err) {
		finish(g, false, text_string(&why));
	} else if (!run_elements(g, a)) {
		numbering_init(&a->numbering, datapath_ports(g->p.datapath),
			       datapath_names(g->p.datapath), g->image);
		work_on(g, make_image, go_on);
	}
	text_free(&why);
}

/* ---- what is heard from the kernel -------------------------------------------------------- */

static void link_set(void *ctx, struct routes *r, const struct kernel_link *link);
static void link_gone(void *ctx, struct routes *r, uint32_t ifindex);

static void stale_used(void *ctx, uint32_t ifindex, const struct addr *addr)
{
	neighbours_used(((struct generations *)ctx)->neighbours, ifindex, addr);
}

static void routes_are_ready(void *ctx, struct routes *r)
{
	struct generations *g = ctx;

	if (r == g->routes) {
		routes_flush(r);
		show(g);
	}
	if (g->begun && first(g)->routes == r && !first(g)->staged)
		run_attempt(g);
	else if (!g->line.len)
		tell_started(g);
}

static void routes_are_lost(void *ctx, struct routes *r, bool lost)
{
	struct generations *g = ctx;

	if (r != g->routes)
		return;
	if (lost)
		notes_set(g->p.notes, "routes", "the kernel told more than could be heard; all of it is "
			  "being read again");
	else
		notes_clear(g->p.notes, "routes");
	configuration_event(g->configuration, lost ? "routes-lost" : "routes-resynced", NULL);
}

static void listen_again(uv_timer_t *timer)
{
	struct generations *g = timer->data;

	queue(g, WISH_RUNNING, 0)->reread = true;
}

static void routes_are_broken(void *ctx, struct routes *r, int err)
{
	struct generations *g = ctx;
	struct text why = { 0 };

	if (r == g->routes) {
		notes_set(g->p.notes, "kernel", "its routes cannot be heard any more (%s): they stay as "
			  "they were; a new start of listening follows", strerror(-err));
		uv_timer_start(&g->again, listen_again, LISTEN_AGAIN_MS, 0);
		return;
	}
	if (!g->begun || first(g)->routes != r)
		return;
	if (first(g)->staged) {
		g->broken = err;	/* seen when the thread is done with it */
		return;
	}
	say_broken(&why, err);
	finish(g, false, text_string(&why));
	text_free(&why);
}

static int open_routes(struct generations *g, const struct image_routing *routing,
		       struct routes **routes, struct text *why)
{
	const struct routes_owner owner = {
		.ctx = g,
		.link_set = link_set,
		.link_gone = link_gone,
		.stale_used = stale_used,
		.ready = routes_are_ready,
		.lost = routes_are_lost,
		.broken = routes_are_broken,
	};

	return routes_open(g->p.loop, g->p.datapath, g->p.grace, routing, &owner, routes, why);
}

static void link_set(void *ctx, struct routes *r, const struct kernel_link *link)
{
	struct generations *g = ctx;

	interfaces_set(g->interfaces, link);
	neighbours_link(g->neighbours, link->ifindex);
	if (r == g->routes)
		interfaces_route_one(g->interfaces, r, link->ifindex, g->image);
}

static void link_gone(void *ctx, struct routes *r, uint32_t ifindex)
{
	struct generations *g = ctx;

	interfaces_gone(g->interfaces, ifindex);
	routes_port_set(r, ifindex, 0);
}

static void port_heard(void *ctx, const char *event, const char *port, const char *interface)
{
	struct generations *g = ctx;
	struct text json = { 0 };

	text_printf(&json, "{\"port\":");
	json_append_text(&json, port);
	text_printf(&json, ",\"interface\":");
	json_append_text(&json, interface);
	text_printf(&json, "}");
	log_say("%s: port %s (%s)", event, port, interface);
	configuration_event(g->configuration, event, text_string(&json));
	text_free(&json);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct generations *generations_open(const struct generations_parts *parts)
{
	struct generations *g = xcalloc(1, sizeof(*g));

	g->p = *parts;
	g->line = VEC(struct attempt *);
	g->loaded = datapath_running(parts->datapath);
	g->interfaces = interfaces_open(parts->datapath, parts->notes, port_heard, g);
	g->events = filter_events_open(parts->loop, parts->datapath, parts->view->drops);
	g->sweep = sweep_open(parts->loop, parts->view, parts->notes);
	g->flows = flows_open(parts->loop, parts->datapath, parts->grace, parts->view);
	g->neighbours = neighbours_open(parts->loop, parts->datapath, parts->notes);
	g->spares = spares_open(parts->loop, parts->datapath);
	uv_timer_init(parts->loop, &g->soon);
	uv_timer_init(parts->loop, &g->again);
	g->soon.data = g->again.data = g;
	g->handles = 2;
	uv_sem_init(&g->idle, 0);
	return g;
}

static void note_earlier(struct generations *g)
{
	struct text what = { 0 };

	if (!g->p.view->earlier.runs)
		return;
	earlier_say(&g->p.view->earlier, &what);
	notes_set(g->p.notes, "generation", "the data path runs %s, with routes as they were, and the store knows "
		  "nothing of it: apply a policy, or take it down with `sluiced --remove`", text_string(&what));
	text_free(&what);
}

int generations_start(struct generations *g, struct configuration *configuration,
		      void (*started)(void *ctx), void *ctx, struct text *why)
{
	uint64_t running = configuration_running(configuration);

	g->configuration = configuration;
	filter_events_tell(g->events, configuration);
	g->started = started;
	g->started_ctx = ctx;
	if (running) {
		queue(g, WISH_RUNNING, running);
		return 0;
	}
	note_earlier(g);
	return open_routes(g, &links_only, &g->routes, why);
}

void generations_compile(void *ctx, uint64_t generation, enum wish wish)
{
	queue(ctx, wish, generation);
}

void generations_reload(struct generations *g,
			void (*done)(void *ctx, bool accepted, const char *message), void *ctx)
{
	struct attempt *a;

	if (!configuration_running(g->configuration)) {
		done(ctx, true, "");	/* what a daemon before this one left must not go away by this */
		return;
	}
	a = queue(g, WISH_RUNNING, 0);
	a->done = done;
	a->ctx = ctx;
}

static void handle_closed(uv_handle_t *handle)
{
	drop(handle->data);
}

/* The thread is done with the first attempt: its request is over when the loop says so. */
static void wait_for_thread(struct generations *g)
{
	if (!g->working)
		return;
	uv_sem_wait(&g->idle);
	g->closing = true;
	g->handles++;
	if (g->works == make_image)
		numbering_free(&first(g)->numbering);
}

void generations_close(struct generations *g)
{
	wait_for_thread(g);
	spares_close(g->spares);
	if (g->begun)
		unstage(g, first(g));
	for (size_t i = 0; i < g->line.len; i++)
		free_attempt(g, *(struct attempt **)vec_at(&g->line, i));
	vec_free(&g->line);
	routes_close(g->routes);
	interfaces_close(g->interfaces);
	flows_close(g->flows);
	filter_events_close(g->events);
	sweep_close(g->sweep);
	inputs_free(&g->inputs);
	neighbours_close(g->neighbours);
	if (g->policy)
		policy_free(g->policy);
	image_free(g->image);
	witnesses_free(&g->witnesses);
	uv_close((uv_handle_t *)&g->soon, handle_closed);
	uv_close((uv_handle_t *)&g->again, handle_closed);
}
