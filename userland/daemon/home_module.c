// SPDX-License-Identifier: GPL-2.0
/*
 * home_module.c: the store in the kernel, and we as the compiler that is bound to it.
 *
 * The store says what has happened, by messages that may get lost when nobody reads them for a
 * while, and says at any time how things are. So a message only tells us to look: look() asks for
 * the status, and does what that calls for, whatever was said or missed. Numbers of generations
 * only grow, and @given is the last one that we know of: what runs beyond it has come to run
 * by the store's own doing, a candidate beyond it waits for us. One thing the status does not say: whether
 * a candidate is a roll-back. Where the message was lost it is taken for a commit, which is refused for more.
 *
 * Requests are answered by the kernel before the call that makes them returns; they take as
 * long as the store takes. What takes longer, to read all that runs and to write it to disk,
 * is done in libuv's pool, by a client of its own (module_copy.h).
 */
#include "daemon/home.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/configuration.h"
#include "daemon/log.h"
#include "daemon/module_copy.h"
#include "daemon/notes.h"
#include "netlink/client.h"

#define EVENTS_A_CALL	1024	/* heard before others on the loop have their turn */
#define AGAIN_MS	5000	/* until what failed is tried again */
#define BIND_WAIT_MS	3000	/* for a killed daemon's socket to go */
#define BIND_STEP_MS	50

struct home_module {
	struct home home;
	uv_loop_t *loop;
	struct configuration_owner owner;
	char *path;			/* of the copy */
	struct client *client;		/* NULL: lost, until look() makes another */
	uv_poll_t *poll;		/* of @client */
	uv_timer_t soon;		/* look() */
	bool closing;

	uint64_t given;			/* see above */
	uint64_t copied;		/* the last candidate that is a roll-back, as far as was heard */
	uint64_t applied;		/* what the data path has, by our last verdict */
	bool astray;			/* it may have what the store has not: a verdict was lost */
	uint64_t restoring;		/* a candidate that is our copy; 0: none */
	uint64_t running;		/* by the last status */

	/* the copy */
	uv_work_t saving;
	bool busy;			/* @saving is in the pool, and has the three below */
	int save_err;
	uint64_t saved_now;
	struct text save_why;
	uint64_t saved;			/* the generation that the file has; 0: not known */
	uint64_t wanted;		/* the one that it shall have */
	unsigned int handles;
};

static void look(struct home_module *h);

static struct home_module *of(struct home *home)
{
	return (struct home_module *)home;
}

static void look_now(uv_timer_t *timer)
{
	look(timer->data);
}

static void look_in(struct home_module *h, uint64_t ms)
{
	if (!h->closing)
		uv_timer_start(&h->soon, look_now, ms, 0);
}

/* ---- the copy on disk ----------------------------------------------------------- */

static void end(struct home_module *h);
static void has_saved(uv_work_t *work, int status);

/* In a thread of the pool. */
static void save(uv_work_t *work)
{
	struct home_module *h = work->data;

	h->save_err = module_copy_save(h->path, &h->saved_now, &h->save_why);
}

static void save_if_behind(struct home_module *h)
{
	if (h->busy || h->wanted <= h->saved)
		return;
	h->saving.data = h;
	h->busy = !uv_queue_work(h->loop, &h->saving, save, has_saved);
}

/* What cannot be saved now, because it waits to be confirmed (-EAGAIN), is no failure. */
static void say_saved(struct home_module *h, int err)
{
	if (err == -EAGAIN)
		return;
	if (err && h->closing)
		log_error("what runs could not be copied to %s: %s", h->path,
			  text_string(&h->save_why));
	else if (err)
		notes_set(h->owner.notes, "disk", "what runs could not be copied to %s (%s): after "
			  "a boot an older configuration would come back; it is tried again every "
			  "few seconds", h->path,
			  text_string(&h->save_why));
	else if (!h->closing)
		notes_clear(h->owner.notes, "disk");
}

static void has_saved(uv_work_t *work, int status)
{
	struct home_module *h = work->data;
	int err = status ? status : h->save_err;

	h->busy = false;
	say_saved(h, err);
	text_free(&h->save_why);
	if (!err) {
		h->saved = h->saved_now;
		save_if_behind(h);
	} else {
		look_in(h, AGAIN_MS);
	}
	if (h->closing && !h->busy)
		end(h);
}

/* ---- the connection ---------------------------------------------------------------- */

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void disconnect(struct home_module *h)
{
	if (h->poll) {
		uv_poll_stop(h->poll);
		uv_close((uv_handle_t *)h->poll, free_handle);
	}
	h->poll = NULL;
	client_free(h->client);
	h->client = NULL;
}

/* The client is of no use any more: look() makes another. */
static void lose(struct home_module *h)
{
	notes_set(h->owner.notes, "module", "its store cannot be reached any more (%s): another try follows",
		  client_error(h->client));
	disconnect(h);
	look_in(h, AGAIN_MS);
}

static void is_readable(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	look(poll->data);
}

static int bind_client(struct client *c, uint64_t runs, int patience_ms, uint64_t *running)
{
	const struct timespec step = { .tv_nsec = BIND_STEP_MS * 1000000l };
	int err;

	for (int waited = 0;; waited += BIND_STEP_MS) {
		err = client_bind(c, runs, running);
		if (err != -EBUSY || waited >= patience_ms)
			return err;
		nanosleep(&step, NULL);
	}
}

/* Connects, and becomes the compiler. @patience_ms: for another one to go. */
static int connect_module(struct home_module *h, int patience_ms, uint64_t *running,
			  struct text *why)
{
	struct client *c = client_new();
	int err = client_open_module(c, NULL);

	if (!err)
		err = bind_client(c, h->applied, patience_ms, running);
	if (err == -EBUSY)
		text_printf(why, "another compiler is bound to the module's store: is a sluiced "
			    "running in this network namespace?");
	/* what was confirmed is heard there */
	if (!err)
		err = client_subscribe(c, 1 << SLUICE_GROUP_CONFIG);
	if (err) {
		if (!why->len && err == -ENOENT)
			text_printf(why, "the module is not loaded");
		else if (!why->len)
			text_printf(why, "the module's store is not to be had: %s", client_error(c));
		client_free(c);
		return err;
	}
	h->client = c;
	h->poll = xcalloc(1, sizeof(*h->poll));
	uv_poll_init(h->loop, h->poll, client_fd(c));
	h->poll->data = h;
	uv_poll_start(h->poll, UV_READABLE, is_readable);
	return 0;
}

static bool connected(struct home_module *h)
{
	struct text why = { 0 };
	uint64_t running;

	if (h->client)
		return true;
	if (!connect_module(h, 0, &running, &why)) {
		notes_clear(h->owner.notes, "module");
		/* a verdict may have been lost with the connection */
		h->astray |= running != h->applied;
		return true;
	}
	notes_set(h->owner.notes, "module", "its store cannot be reached (%s): another try follows",
		  text_string(&why));
	text_free(&why);
	look_in(h, AGAIN_MS);
	return false;
}

/* ---- looking ------------------------------------------------------------------------- */

/* Messages are only a reason to look, but for one. Return: whether the connection is good. */
static bool pass_over_events(struct home_module *h)
{
	struct client_event e;
	int err = 0;

	for (int i = 0; !err && i < EVENTS_A_CALL; i++) {
		err = client_next_event(h->client, &e, 0);
		if (!err && !e.lost && e.cmd == SLUICE_CMD_COMMIT && e.copied)
			h->copied = e.generation;
	}
	if (!err)
		look_in(h, 0);
	return !err || err == -ETIMEDOUT;
}

static void give(struct home_module *h, uint64_t generation, enum wish wish)
{
	h->given = generation;
	h->owner.compile(h->owner.ctx, generation, wish);
}

static void look(struct home_module *h)
{
	struct client_status st;

	if (h->closing || !connected(h))
		return;
	if (!pass_over_events(h) || client_status(h->client, &st))
		return lose(h);
	h->running = st.running;
	if (st.running > h->given || h->astray) {
		h->astray = false;
		give(h, st.running, WISH_RETURNED);
	}
	if (st.candidate_waits && st.candidate > h->given) {
		/* what was told of it came before the status did */
		if (!pass_over_events(h))
			return lose(h);
		give(h, st.candidate, st.candidate == h->copied ? WISH_ROLLBACK : WISH_COMMIT);
	}
	if (!st.confirm_waits)
		h->wanted = st.running;
	save_if_behind(h);
}

/* ---- what the daemon asks for ---------------------------------------------------------- */

static uint64_t module_running(struct home *home)
{
	struct home_module *h = of(home);
	struct client_status st;

	if (h->restoring)
		return h->restoring;
	if (h->client && !client_status(h->client, &st))
		h->running = st.running;
	return h->running;
}

/* Nothing is served here: it is the kernel that does. */
static int module_listen(struct home *home, const char *path, gid_t group, struct text *why)
{
	(void)home, (void)path, (void)group, (void)why;
	return 0;
}

static bool module_wants(struct home *home, uint64_t generation)
{
	struct home_module *h = of(home);
	struct client_status st;

	if (!h->client || client_status(h->client, &st))
		return true;	/* so is the verdict lost, and look() sees to it */
	look_in(h, 0);
	return st.running == generation || (st.candidate_waits && st.candidate == generation);
}

static int module_verdict(struct home *home, uint64_t generation, bool accepted,
			  const char *message)
{
	struct home_module *h = of(home);
	bool restoring = generation == h->restoring;
	int err;

	if (restoring)
		h->restoring = 0;
	if (restoring && !accepted)
		notes_set(h->owner.notes, "store", "the configuration that %s keeps could not be made to "
			  "run, and the module's store is empty: it is tried again when sluiced "
			  "starts, unless another is applied first", h->path);
	if (accepted)
		h->applied = generation;
	err = h->client ? client_verdict(h->client, generation, accepted, message) : -ENOTCONN;
	if (err && err != -ESTALE && h->client)
		lose(h);
	look_in(h, 0);
	return err == -ESTALE ? err : 0;
}

static int module_documents(struct home *home, uint64_t generation, home_document_fn each,
			    void *ctx, struct text *why)
{
	struct home_module *h = of(home);
	int err = h->client ? client_documents(h->client, generation, each, ctx) : -ENOTCONN;

	if (err)
		text_printf(why, "%s", h->client ? client_error(h->client) : strerror(-err));
	look_in(h, 0);
	return err;
}

static int module_objects(struct home *home, uint64_t generation, uint32_t type,
			  home_object_fn each, void *ctx, struct text *why)
{
	struct home_module *h = of(home);
	int err = h->client ? client_dump(h->client, generation, type, NULL, 0, each, ctx) :
		  -ENOTCONN;

	if (err)
		text_printf(why, "%s", h->client ? client_error(h->client) : strerror(-err));
	look_in(h, 0);
	return err;
}

static void module_event(struct home *home, const char *name, const char *json)
{
	struct home_module *h = of(home);

	if (h->client && client_send_event(h->client, name, json))
		log_warning("the event %s could not be told: %s", name, client_error(h->client));
	look_in(h, 0);
}

/* ---- life -------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
	struct home_module *h = handle->data;

	if (--h->handles)
		return;
	free(h->home.aside);
	free(h->path);
	free(h);
}

static void end(struct home_module *h)
{
	uv_close((uv_handle_t *)&h->soon, handle_closed);
}

/* What runs is copied first, if that is behind. */
static void module_close(struct home *home)
{
	struct home_module *h = of(home);
	struct client_status st;

	h->closing = true;
	uv_timer_stop(&h->soon);
	if (h->client && !client_status(h->client, &st) && !st.confirm_waits)
		h->wanted = st.running;
	save_if_behind(h);
	disconnect(h);
	if (!h->busy)
		end(h);
}

static const struct home_ops module_ops = {
	.running = module_running,
	.listen = module_listen,
	.wants = module_wants,
	.verdict = module_verdict,
	.documents = module_documents,
	.objects = module_objects,
	.event = module_event,
	.close = module_close,
};

/* A store that is new gets our copy back. */
static int restore(struct home_module *h, struct text *why)
{
	struct text sentence = { 0 };
	int err;

	err = module_copy_submit(h->path, &h->restoring, &sentence);
	if (err == -EBADMSG) {
		h->home.aside = xstrdup(text_string(&sentence));
		notes_set(h->owner.notes, "store", "%s", h->home.aside);
	} else if (err == -ESTALE || err == -EBUSY) {
		log_say("the copy in %s is not wanted: %s", h->path, text_string(&sentence));
	} else if (err) {
		text_printf(why, "%s could not be brought back: %s", h->path, text_string(&sentence));
	} else if (h->restoring) {
		log_say("the module's store is new: it gets what %s keeps", h->path);
	}
	text_free(&sentence);
	h->given = h->restoring;
	return err == -EBADMSG || err == -ESTALE || err == -EBUSY ? 0 : err;
}

int home_module(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		struct home **made, struct text *why)
{
	struct home_module *h = xcalloc(1, sizeof(*h));
	int err;

	h->home.ops = &module_ops;
	h->loop = loop;
	h->owner = *owner;
	h->path = xstrdup(path);
	h->applied = owner->left;
	err = connect_module(h, BIND_WAIT_MS, &h->running, why);
	if (err) {
		free(h->path);
		free(h);
		return err;
	}
	h->given = h->running;
	uv_timer_init(loop, &h->soon);
	h->soon.data = h;
	h->handles = 1;
	if (!h->running)
		err = restore(h, why);
	if (err) {
		module_close(&h->home);
		return err;
	}
	look_in(h, 0);
	*made = &h->home;
	return 0;
}
