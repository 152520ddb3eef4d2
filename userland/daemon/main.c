// SPDX-License-Identifier: GPL-2.0
/*
 * sluiced: keeps the data path as the policy and the kernel's network say.
 *
 * Its life: enter the namespace, lock it; adopt what is pinned, or make it; give up what it
 * may do beyond need; make run what the store has as running, in tables that are read anew,
 * while what the daemon before left goes on forwarding; then serve. One loop, one thread;
 * what waits (grace periods, our own policy files) waits in libuv's pool. At the end
 * the data path is left running, unless --detach.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <uv.h>

#include "base/netns.h"
#include "base/text.h"
#include "daemon/configuration.h"
#include "daemon/drops.h"
#include "daemon/earlier.h"
#include "daemon/generations.h"
#include "daemon/grace.h"
#include "daemon/lock.h"
#include "daemon/log.h"
#include "daemon/notes.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/privilege.h"
#include "daemon/query.h"
#include "daemon/rundir.h"
#include "daemon/submission.h"
#include "daemon/view.h"
#include "datapath/datapath.h"
#include "netlink/client.h"

struct daemon {
	struct options options;
	struct rundir dir;
	uv_loop_t loop;
	uv_signal_t hup, term, interrupt;
	struct notes notes;
	struct view view;
	struct grace grace;
	struct datapath *datapath;
	struct configuration *configuration;
	struct generations *generations;
	struct query *query;
	bool fleeting, submitting, ready, stopping, failed;
};

static void stop(struct daemon *d);

static void fail(struct daemon *d, const struct text *why)
{
	log_error("%s", text_string(why));
	d->failed = true;
	stop(d);
}

/* ---- ready, and reloads ----------------------------------------------------- */

static void is_ready(struct daemon *d)
{
	const char *without =
		configuration_running(d->configuration) ?
			"the policy that is kept could not be made to run" :
		datapath_running(d->datapath) ?
			"no policy yet, the data path runs what a daemon before this one left" :
			"no policy yet, every packet goes to the stack";

	if (!d->ready && d->view.generation)
		log_say("ready");
	else if (!d->ready)
		log_say("ready: %s", without);
	if (!d->view.generation)
		notify_status("%s", without);
	d->ready = true;
	notify_ready();
}

static void was_submitted(void *ctx, bool accepted, const char *message)
{
	struct daemon *d = ctx;

	d->submitting = false;
	if (d->stopping)
		return;
	if (!accepted)	/* diagnostics end their line, a sentence does not */
		log_error("%s%sthe policy of the command line was not taken; what ran goes on", message,
			  *message && message[strlen(message) - 1] != '\n' ? "\n" : "");
	is_ready(d);
}

static void submit(struct daemon *d)
{
	if (d->submitting)
		return;
	d->submitting = true;
	submission_begin(&d->loop, configuration_in_module(d->configuration) ? NULL :
			 d->dir.store_socket, d->options.policies, d->options.policy_count,
			 was_submitted, d);
}

static void was_reloaded(void *ctx, bool accepted, const char *message)
{
	(void)accepted, (void)message;	/* generations.c has logged it */
	is_ready(ctx);
}

static void on_hup(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;

	(void)number;
	log_say("reload");
	if (!d->ready)
		return;
	notify_reloading();
	if (d->options.policy_count)
		submit(d);
	else
		generations_reload(d->generations, was_reloaded, d);
}

/* ---- start --------------------------------------------------------------------- */

/* The store's running generation runs, or cannot: now others may ask and change. */
static void has_started(void *ctx)
{
	struct daemon *d = ctx;
	struct text why = { 0 };
	int err;

	err = configuration_listen(d->configuration, d->dir.store_socket, (gid_t)-1, &why);
	if (err)
		return fail(d, &why);
	err = query_listen(&d->loop, d->dir.query_socket, &d->view, &d->query);
	if (err) {
		text_printf(&why, "cannot serve %s: %s", d->dir.query_socket, strerror(-err));
		return fail(d, &why);
	}
	if (d->options.policy_count && !configuration_running(d->configuration))
		return submit(d);
	if (d->options.policy_count)
		log_say("the store has a policy: --policy is read again by SIGHUP only");
	is_ready(d);
}

static void compile(void *ctx, uint64_t generation, enum wish wish)
{
	struct daemon *d = ctx;

	generations_compile(d->generations, generation, wish);
}

/* All that takes more privilege than running does. */
static int enter(struct daemon *d, struct text *why)
{
	const struct options *o = &d->options;
	int err = privilege_check(why);

	if (!err && o->netns)
		err = netns_enter(o->netns, why);
	if (!err)
		err = lock_namespace(why);
	if (!err)
		err = rundir_make(&d->dir, o->run_dir, o->state_dir, o->netns, why);
	if (!err)
		err = lock_directory(d->dir.path, why);
	if (!err)
		err = rundir_mount(&d->dir, why);
	if (!err)
		d->fleeting = rundir_fleeting(&d->dir);
	return err;
}

/*
 * The kernel loads an installed module when somebody asks for its family. It shall be there before
 * the data path looks for its function.
 */
static void ask_for_module(void)
{
	struct client *c = client_new();

	client_open_module(c, NULL);
	client_free(c);
}

static int open_datapath(struct daemon *d, struct text *why)
{
	int err = rundir_claim(&d->dir, d->options.netns, why);

	if (err < 0)
		return err;
	if (err)
		log_say("%s was of a network namespace of this name that is gone: it is taken down",
			d->dir.bpf);
	if (err)
		err = datapath_remove_pinned(d->dir.bpf, why);
	ask_for_module();
	if (!err)
		err = datapath_open(d->dir.bpf, &d->datapath, why);
	return err;
}

static void note_mounts(struct daemon *d)
{
	if (d->fleeting)
		notes_set(&d->notes, "mounts", "sluiced runs in a mount namespace of its own (under `ip "
			  "netns exec`?): what it pins in %s ends with that, so that the data "
			  "path would not outlive it. Use `sluiced -n NAME`", d->dir.bpf);
}

static void watch_signal(struct daemon *d, uv_signal_t *signal, int number, uv_signal_cb cb)
{
	uv_signal_init(&d->loop, signal);
	signal->data = d;
	uv_signal_start(signal, cb, number);
}

static void on_term(uv_signal_t *signal, int number)
{
	log_say("%s", strsignal(number));
	stop(signal->data);
}

/* The parts, each with those that it works with. */
static int open_parts(struct daemon *d, struct text *why)
{
	struct configuration_owner owner = {
		.ctx = d,
		.compile = compile,
		.notes = &d->notes,
		.verdict_ms = d->options.verdict_ms,
	};
	struct generations_parts parts = {
		.loop = &d->loop,
		.grace = &d->grace,
		.notes = &d->notes,
		.view = &d->view,
		.table_budget = d->options.table_budget,
		.witness_ms = d->options.witness_ms,
		.prove_ms = d->options.prove_ms,
		.refused = d->dir.refused,
		.kept = d->dir.generation,
		.ready = &d->ready,
	};
	int err = open_datapath(d, why);

	if (err)
		return err;
	parts.datapath = d->datapath;
	d->view.datapath = d->datapath;
	d->view.earlier = earlier_read(d->dir.generation, datapath_running(d->datapath));
	/* one that wrote no number has at least the data path's */
	owner.left = d->view.earlier.generation ?: datapath_running(d->datapath);
	d->view.drops = drops_new();
	err = privilege_drop(why);
	if (err)
		return err;
	note_mounts(d);
	grace_open(&d->grace, &d->loop);
	d->generations = generations_open(&parts);
	err = configuration_open(&d->loop, d->dir.store, &owner, &d->configuration, why);
	if (err)
		return err;
	d->view.store = configuration_in_module(d->configuration) ? "module" : "socket";
	d->view.store_why = configuration_why(d->configuration);
	return generations_start(d->generations, d->configuration, has_started, d, why);
}

/* ---- the end --------------------------------------------------------------------- */

static void stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	notify_stopping();
	if (d->query)
		query_close(d->query);
	if (d->generations)
		generations_close(d->generations);
	if (d->configuration)
		configuration_close(d->configuration);
	uv_close((uv_handle_t *)&d->hup, NULL);
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->interrupt, NULL);
}

static int leave_datapath(struct daemon *d)
{
	struct text why = { 0 };
	int err = 0;

	if (!d->datapath)
		return 0;
	if (d->options.detach && !d->failed) {
		err = datapath_remove(d->datapath, &why);
		if (err)
			log_error("the data path could not be taken down: %s", text_string(&why));
		else
			log_say("the data path is taken down: every packet goes to the stack");
	} else {
		log_say(datapath_running(d->datapath) ? "the data path goes on without sluiced" : "ends");
	}
	datapath_close(d->datapath);
	text_free(&why);
	return err;
}

static int serve(struct daemon *d)
{
	struct text why = { 0 };

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&d->loop);
	watch_signal(d, &d->hup, SIGHUP, on_hup);
	watch_signal(d, &d->term, SIGTERM, on_term);
	watch_signal(d, &d->interrupt, SIGINT, on_term);
	if (open_parts(d, &why))
		fail(d, &why);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	grace_close(&d->grace);
	drops_free(d->view.drops);
	text_free(&why);
	return leave_datapath(d) || d->failed;
}

/* --remove: whoever left it there, of whatever layout. */
static int take_down(struct daemon *d)
{
	struct text why = { 0 };
	int err = datapath_remove_pinned(d->dir.bpf, &why);

	if (err)
		log_error("%s", text_string(&why));
	else
		log_say("%s is taken down", d->dir.bpf);
	umount2(d->dir.bpf, MNT_DETACH);
	text_free(&why);
	return err != 0;
}

/*
 * What one commit of a large policy has taken is what the next one takes: it stays with the process, up to a
 * bound, and with one arena for all threads. Else the kernel clears every page of it anew.
 */
static void keep_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TOP_PAD, 4 << 20);
}

int main(int argc, char **argv)
{
	struct daemon d = { .view = { .started = time(NULL) } };
	struct text why = { 0 };
	int code = options_read(&d.options, argc, argv);

	if (code >= 0)
		goto free_options;
	keep_memory();
	log_open(d.options.verbose);
	notify_open();
	notes_open(&d.notes, &d.view.notes);
	d.view.netns = d.options.netns;
	if (enter(&d, &why)) {
		log_error("%s", text_string(&why));
		notify_status("%s", text_string(&why));
		code = 1;
	} else {
		code = d.options.remove ? take_down(&d) : serve(&d);
	}
	notes_close(&d.notes);
	text_free(&why);
free_options:
	free(d.options.policies);
	return code;
}
