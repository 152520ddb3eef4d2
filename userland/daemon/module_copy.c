// SPDX-License-Identifier: GPL-2.0
/*
 * module_copy.c: either way goes by a store in memory, between the module's messages and the
 * file: so the file is written and read by nobody but disk.c.
 */
#include "daemon/module_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/disk.h"
#include "daemon/home.h"
#include "kmod/store.h"
#include "netlink/client.h"

static int fail_client(struct client *c, int err, struct text *why)
{
	text_printf(why, "%s", client_error(c));
	return err;
}

/* As large as the module's: what it holds, this one can hold. */
static struct store *new_store(const struct client_status *st, struct text *why)
{
	struct store_limits limits = {
		.objects = st->objects_max,
		.bytes = st->bytes_max,
		.memory = UINT64_MAX,
		.verdict_ms = UINT32_MAX,
	};
	struct store *store = store_new(&limits);

	if (!store)
		text_printf(why, "no memory for the store");
	return store;
}

/* ---- from the module to the file ----------------------------------------------- */

struct filling {
	struct store *store;
	struct store_owner *owner;
	struct store_error error;
};

static int fill(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		size_t value_len)
{
	struct filling *f = ctx;

	return store_set(f->store, f->owner, type, key, key_len, value, value_len, 0, &f->error);
}

/* Reads generation @g into @store, as what runs there. */
static int read_generation(struct client *c, const struct client_generation *g,
			   struct store *store, struct text *why)
{
	struct filling f = { .store = store };
	struct store_restored restored = {
		.number = g->number,
		.from = g->from,
		.time_s = g->time_s,
		.copied = g->copied,
		.first = true,
		.comment = g->comment,
		.comment_len = strlen(g->comment),
	};
	uint64_t began;
	int err;

	f.owner = store_owner_open(store, NULL);
	if (!f.owner) {
		text_printf(why, "no memory for the store");
		return -ENOMEM;
	}
	err = store_begin(store, f.owner, &began, &f.error);
	if (!err) {
		err = client_dump(c, g->number, 0, NULL, 0, fill, &f);
		if (err && *client_error(c)) {
			fail_client(c, err, why);
			goto close_owner;
		}
	}
	if (!err)
		err = store_restore(store, f.owner, &restored, &f.error);
	if (!err)
		err = store_restore_end(store, g->number, 0, home_now_ms(), &f.error);
	if (err)
		text_printf(why, "%s", f.error.message);
close_owner:
	store_owner_close(store, f.owner);
	return err;
}

static int save(struct client *c, const char *path, uint64_t *number, struct text *why)
{
	struct client_status st;
	struct store *store;
	int err;

	if (client_open_module(c, NULL) || client_status(c, &st))
		return fail_client(c, -ENOTCONN, why);
	if (st.confirm_waits || !st.generations)
		return -EAGAIN;
	store = new_store(&st, why);
	if (!store)
		return -ENOMEM;
	err = read_generation(c, &st.generation[0], store, why);
	if (err == -ENOENT)
		err = -EAGAIN;	/* many commits later */
	if (!err) {
		err = disk_save(path, store, home_now_ms());
		if (err)
			text_printf(why, "%s", strerror(-err));
	}
	store_free(store);
	if (!err)
		*number = st.running;
	return err;
}

int module_copy_save(const char *path, uint64_t *number, struct text *why)
{
	struct client *c = client_new();
	int err = save(c, path, number, why);

	client_free(c);
	return err;
}

/* ---- from the file to the module ------------------------------------------------- */

/* The generation that shall come back, or NULL for the empty one. */
static const struct store_generation *find_wanted(struct store *store)
{
	const struct store_generation *g;
	struct store_status st;

	store_tick(store, home_now_ms());
	store_status(store, home_now_ms(), &st);
	g = store_generation(store, st.confirm_waits ? 1 : 0);
	return g && g->number ? g : NULL;
}

static int send_objects(struct client *c, const struct store_tree *tree)
{
	const struct store_object *o;
	int err = client_begin(c, NULL);

	if (!err)
		err = client_del_documents(c);
	for (o = store_first(tree, 0, NULL, 0); o && !err; o = store_next(tree, o))
		err = client_set(c, o->type, o->bytes, o->key_len, store_object_value(o),
				 o->value_len, 0);
	return err;
}

static int submit(struct client *c, const struct store_generation *g, uint64_t *candidate)
{
	char comment[SLUICE_COMMENT_MAX + 1];
	const struct client_commit how = { .comment = comment };
	int err;

	snprintf(comment, sizeof(comment), "generation %" PRIu64 " of the copy on disk%s%.*s",
		 g->number, g->comment_len ? ": " : "", (int)g->comment_len, g->comment);
	err = send_objects(c, &g->tree);
	return err ? err : client_propose(c, &how, candidate);
}

/* @store: may come back as another one. */
static int load_and_submit(struct client *c, const char *path, struct store **store,
			   uint64_t *candidate, struct text *why)
{
	const struct store_generation *g;
	char sentence[DISK_WHY_MAX];
	int err = disk_load(path, store, home_now_ms(), sentence);

	if (err) {
		text_printf(why, "%s", *sentence ? sentence : strerror(-err));
		return err;
	}
	g = find_wanted(*store);
	if (!g)
		return 0;
	err = submit(c, g, candidate);
	return err ? fail_client(c, err, why) : 0;
}

int module_copy_submit(const char *path, uint64_t *candidate, struct text *why)
{
	struct client *c = client_new();
	struct store *store = NULL;
	struct client_status st;
	int err;

	*candidate = 0;
	err = client_open_module(c, NULL);
	if (!err)
		err = client_status(c, &st);
	if (err) {
		fail_client(c, err, why);
		goto free_client;
	}
	store = new_store(&st, why);
	err = store ? load_and_submit(c, path, &store, candidate, why) : -ENOMEM;
	store_free(store);
free_client:
	client_free(c);
	return err;
}
