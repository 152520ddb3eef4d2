// SPDX-License-Identifier: GPL-2.0
/*
 * home_daemon.c: the store in this process, where no module is: its file, and its socket on
 * the loop. The server of netlink/server.h has descriptors and wishes, and no loop; here each
 * descriptor gets a uv_poll_t, and its wish to be woken a timer.
 *
 * The file has what the store has, history and a confirmation that is waited for included. It is
 * written before anybody is told of a change. A write that fails is said to whoever made the change,
 * stands in the notes, and is tried again: every few seconds, by the next change, and at the end.
 */
#include "daemon/home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/configuration.h"
#include "daemon/disk.h"
#include "daemon/log.h"
#include "daemon/notes.h"
#include "kmod/store.h"
#include "netlink/family.h"
#include "netlink/server.h"

#define AGAIN_MS	5000	/* until what failed is tried again */

struct home_daemon {
	struct home home;
	uv_loop_t *loop;
	struct configuration_owner owner;
	char *path;
	struct store *store;
	struct server *server;
	uv_timer_t timer;
	uv_timer_t again;		/* runs while the file is behind */
	uv_poll_t listener, families;
	bool listens, watches;
	int family_fd;			/* of @families */
	unsigned int handles;		/* that the loop still has, besides those of connections */
};

static struct home_daemon *of(struct home *home)
{
	return (struct home_daemon *)home;
}

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return home_now_ms();
}

/* ---- what the server asks for --------------------------------------------- */

static void compile(void *ctx, uint64_t generation, bool returned)
{
	struct home_daemon *h = ctx;
	struct store_status status;

	store_status(h->store, home_now_ms(), &status);
	h->owner.compile(h->owner.ctx, generation,
			 returned ? WISH_RETURNED :
			 status.candidate == generation && status.candidate_copied ? WISH_ROLLBACK : WISH_COMMIT);
}

static void save_again(uv_timer_t *again);

static const char *save(void *ctx)
{
	struct home_daemon *h = ctx;
	int err = disk_save(h->path, h->store, home_now_ms());

	if (err) {
		notes_set(h->owner.notes, "disk", "what runs could not be written to %s (%s): a restart "
			  "would bring back what was before; it is tried again every few seconds",
			  h->path, strerror(-err));
		uv_timer_start(&h->again, save_again, AGAIN_MS, 0);
	} else {
		notes_clear(h->owner.notes, "disk");
		uv_timer_stop(&h->again);
	}
	return err ? "warning: this could not be written to disk: unless a later try succeeds before "
		     "sluiced ends, what was before comes back (see sluice status)" : NULL;
}

static void save_again(uv_timer_t *again)
{
	save(again->data);
}

static void conn_ready(uv_poll_t *poll, int status, int events)
{
	struct conn *conn = poll->data;

	if (status < 0)
		events = UV_READABLE;	/* the server finds out what is wrong */
	if (events & UV_WRITABLE) {
		server_writable(conn);
		if (!poll->data)
			return;		/* closed meanwhile */
	}
	if (events & UV_READABLE)
		server_readable(conn);
}

static void watch(void *ctx, struct conn *conn, unsigned int events)
{
	struct home_daemon *h = ctx;
	uv_poll_t *poll = *conn_user(conn);
	int wanted = 0;

	if (!poll) {
		poll = xcalloc(1, sizeof(*poll));
		uv_poll_init(h->loop, poll, conn_fd(conn));
		poll->data = conn;
		*conn_user(conn) = poll;
	}
	if (events & SERVER_READ)
		wanted |= UV_READABLE;
	if (events & SERVER_WRITE)
		wanted |= UV_WRITABLE;
	if (wanted)
		uv_poll_start(poll, wanted, conn_ready);
	else
		uv_poll_stop(poll);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void closed(void *ctx, struct conn *conn)
{
	uv_poll_t *poll = *conn_user(conn);

	(void)ctx;
	if (!poll)
		return;
	*conn_user(conn) = NULL;
	poll->data = NULL;
	uv_poll_stop(poll);
	uv_close((uv_handle_t *)poll, free_handle);
}

static void tick(uv_timer_t *timer)
{
	struct home_daemon *h = timer->data;

	server_tick(h->server);
}

static void wake(void *ctx, uint64_t in_ms)
{
	struct home_daemon *h = ctx;

	if (in_ms == UINT64_MAX)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, tick, in_ms, 0);
}

static void accept_all(uv_poll_t *poll, int status, int events)
{
	struct home_daemon *h = poll->data;
	struct conn *conn;

	(void)status, (void)events;
	while ((conn = server_accept(h->server)))
		watch(h, conn, SERVER_READ);	/* what it wants until it says otherwise */
}

static int daemon_listen(struct home *home, const char *path, gid_t group, struct text *why)
{
	struct home_daemon *h = of(home);
	int fd = server_listen(h->server, path, group);

	if (fd < 0) {
		text_printf(why, "cannot serve %s: %s", path, strerror(-fd));
		return fd;
	}
	uv_poll_init(h->loop, &h->listener, fd);
	h->listener.data = h;
	h->listens = true;
	h->handles++;
	return uv_poll_start(&h->listener, UV_READABLE, accept_all);
}

/* ---- the module, should it come later --------------------------------------------- */

static void families_changed(uv_poll_t *poll, int status, int events)
{
	struct home_daemon *h = poll->data;

	(void)status, (void)events;
	if (family_came(h->family_fd))
		notes_set(h->owner.notes, "module", "it was loaded after sluiced had started: the "
			  "configuration stays in sluiced until that is started again, and then "
			  "moves there");
}

/* What cannot be heard is not said: the next start finds out. */
static void watch_families(struct home_daemon *h)
{
	h->family_fd = family_watch();
	if (h->family_fd < 0)
		return;
	uv_poll_init(h->loop, &h->families, h->family_fd);
	h->families.data = h;
	h->watches = true;
	h->handles++;
	uv_poll_start(&h->families, UV_READABLE, families_changed);
}

/* ---- what the daemon asks for ------------------------------------------------- */

static uint64_t daemon_running(struct home *home)
{
	struct store_status status;

	store_status(of(home)->store, home_now_ms(), &status);
	return status.running;
}

/*
 * The clock decides, not the order in which the loop calls a timer and what is ready: what is due is done
 * here, and what follows in the same turn (swap, verdict) is in time.
 */
static bool daemon_wants(struct home *home, uint64_t generation)
{
	struct store_status status;

	server_tick(of(home)->server);
	store_status(of(home)->store, home_now_ms(), &status);
	return status.running == generation ||
	       (status.candidate_waits && status.candidate == generation);
}

static int daemon_verdict(struct home *home, uint64_t generation, bool accepted,
			  const char *message)
{
	return server_verdict(of(home)->server, generation, accepted, message);
}

static int daemon_documents(struct home *home, uint64_t generation, home_document_fn each,
			    void *ctx, struct text *why)
{
	const char *sentence;
	int err = server_documents(of(home)->server, generation, each, ctx, &sentence);

	if (err)
		text_printf(why, "%s", sentence);
	return err;
}

static int daemon_objects(struct home *home, uint64_t generation, uint32_t type,
			  home_object_fn each, void *ctx, struct text *why)
{
	const char *sentence;
	int err = server_objects(of(home)->server, generation, type, each, ctx, &sentence);

	if (err)
		text_printf(why, "%s", sentence);
	return err;
}

static void daemon_event(struct home *home, const char *name, const char *json)
{
	server_event(of(home)->server, name, json);
}

/* ---- life ------------------------------------------------------------------ */

static void handle_closed(uv_handle_t *handle)
{
	struct home_daemon *h = handle->data;

	if (--h->handles)
		return;
	free(h->home.aside);
	free(h->path);
	free(h);
}

static void end_saving(struct home_daemon *h)
{
	if (save(h))
		log_error("what runs is not in %s: the next start brings back what was before", h->path);
}

static void daemon_close(struct home *home)
{
	struct home_daemon *h = of(home);

	if (h->listens)
		uv_close((uv_handle_t *)&h->listener, handle_closed);
	if (h->watches) {
		uv_close((uv_handle_t *)&h->families, handle_closed);
		close(h->family_fd);
	}
	server_free(h->server);
	if (uv_is_active((uv_handle_t *)&h->again))
		end_saving(h);
	store_free(h->store);
	uv_close((uv_handle_t *)&h->timer, handle_closed);
	uv_close((uv_handle_t *)&h->again, handle_closed);
}

static const struct home_ops daemon_ops = {
	.running = daemon_running,
	.listen = daemon_listen,
	.wants = daemon_wants,
	.verdict = daemon_verdict,
	.documents = daemon_documents,
	.objects = daemon_objects,
	.event = daemon_event,
	.close = daemon_close,
};

static int load(struct home_daemon *h, struct text *why)
{
	struct store_limits limits = store_limits_default();
	char sentence[DISK_WHY_MAX] = "";
	int err;

	if (h->owner.verdict_ms)
		limits.verdict_ms = h->owner.verdict_ms;
	h->store = store_new(&limits);
	if (!h->store) {
		text_printf(why, "no memory for the store");
		return -ENOMEM;
	}
	err = disk_load(h->path, &h->store, home_now_ms(), sentence);
	if (err == -EBADMSG) {
		notes_set(h->owner.notes, "store", "%s", sentence);
		h->home.aside = xstrdup(sentence);
		return 0;
	}
	if (err)
		text_printf(why, "cannot read %s: %s", h->path, *sentence ? sentence : strerror(-err));
	return err;
}

/* A store that is empty goes on above what the data path has. Return: what it has, unknown to the store. */
static uint64_t count_on(struct home_daemon *h)
{
	struct store_status st;
	struct store_error e;

	store_status(h->store, home_now_ms(), &st);
	if (st.running)
		return 0;	/* to be loaded anew, and reported then */
	if (h->owner.left > st.last)
		store_restore_end(h->store, h->owner.left, 0, home_now_ms(), &e);
	return h->owner.left;
}

int home_daemon(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		struct home **made, struct text *why)
{
	struct server_callbacks callbacks = {
		.compile = compile,
		.save = save,
		.watch = watch,
		.closed = closed,
		.wake = wake,
		.now_ms = now_ms,
	};
	struct home_daemon *h = xcalloc(1, sizeof(*h));
	uint64_t running, left;
	int err;

	h->home.ops = &daemon_ops;
	h->loop = loop;
	h->owner = *owner;
	h->path = xstrdup(path);
	err = load(h, why);
	if (err) {
		if (h->store)
			store_free(h->store);
		free(h->path);
		free(h);
		return err;
	}
	uv_timer_init(loop, &h->timer);
	uv_timer_init(loop, &h->again);
	h->timer.data = h->again.data = h;
	h->handles = 2;
	callbacks.ctx = h;
	left = count_on(h);
	h->server = server_new(h->store, &callbacks);
	server_bind(h->server, left, &running);
	watch_families(h);
	*made = &h->home;
	return 0;
}
