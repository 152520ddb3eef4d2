// SPDX-License-Identifier: GPL-2.0
/*
 * disk.c: the store's file.
 *
 * One file, written anew on every change and put in place by rename: a reader finds the old
 * one or the new. It tells the generations that are kept from the oldest to the one that
 * runs, each by what it changed against the one before, so that sixteen generations of a
 * large configuration cost little more than one. Numbers are little-endian.
 *
 *	magic "sluice\r\n", u32 version, u32 generations, u64 bytes of the whole file,
 *	u64 last (greatest number given), u64 saved_ms (since 1970),
 *	u32 confirm_left_ms (0: none), u32 0
 *	per generation:
 *		u64 number, u64 from, u64 time_s, u32 copied, u32 comment_len, u32 changes,
 *		comment
 *		per change: u32 type, u32 key_len, u32 value_len or DELETED, key, value
 *	u32 CRC-32 (zlib's) of all before
 *
 * The magic has a line end in it, so that a file that went through a text conversion is
 * foreign. The time to confirm is kept as what was left of it and the wall clock then: a
 * clock that was set back meanwhile gives the whole of what was left, never more.
 */
#include "daemon/disk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "base/text.h"
#include "kmod/store.h"

#define MAGIC		"sluice\r\n"
#define VERSION		1
#define DELETED		UINT32_MAX
#define FILE_MAX	(1ul << 30)
#define LENGTH_AT	16	/* of the file's length in the file */

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* --- writing ---------------------------------------------------------------- */

static void put_u32(struct text *t, uint32_t n)
{
	n = htole32(n);
	text_append(t, &n, sizeof(n));
}

static void put_u64(struct text *t, uint64_t n)
{
	n = htole64(n);
	text_append(t, &n, sizeof(n));
}

struct changes {
	struct text *file;
	uint32_t n;
};

static int put_change(void *ctx, const struct store_object *before,
		      const struct store_object *after)
{
	const struct store_object *o = after ? after : before;
	struct changes *c = ctx;

	put_u32(c->file, o->type);
	put_u32(c->file, o->key_len);
	put_u32(c->file, after ? after->value_len : DELETED);
	text_append(c->file, o->bytes, o->key_len + (after ? after->value_len : 0));
	c->n++;
	return 0;
}

static int put_generation(struct text *t, const struct store_tree *base,
			  const struct store_generation *g)
{
	struct changes c = { .file = t };
	uint32_t changes;
	size_t at;
	int err;

	put_u64(t, g->number);
	put_u64(t, g->from);
	put_u64(t, g->time_s);
	put_u32(t, g->copied);
	put_u32(t, g->comment_len);
	at = t->len;
	put_u32(t, 0);		/* their number, when they stand there */
	text_append(t, g->comment, g->comment_len);
	err = store_diff(base, &g->tree, put_change, &c);
	changes = htole32(c.n);
	memcpy(t->data + at, &changes, sizeof(changes));
	return err;
}

int disk_save(const char *path, struct store *store, uint64_t now_ms)
{
	struct store_tree empty = { 0 };
	const struct store_tree *base = &empty;
	struct store_status st;
	struct text t = { 0 };
	uint64_t length;
	int err = 0;

	store_status(store, now_ms, &st);
	text_append(&t, MAGIC, strlen(MAGIC));
	put_u32(&t, VERSION);
	put_u32(&t, st.generations);
	put_u64(&t, 0);
	put_u64(&t, st.last);
	put_u64(&t, wall_ms());
	/* 0 left is still to be gone back from */
	put_u32(&t, st.confirm_waits ? st.confirm_left_ms + !st.confirm_left_ms : 0);
	put_u32(&t, 0);
	for (uint32_t i = st.generations; !err && i-- > 0;) {
		const struct store_generation *g = store_generation(store, i);

		err = put_generation(&t, base, g);
		base = &g->tree;
	}
	length = htole64(t.len + 4);
	memcpy(t.data + LENGTH_AT, &length, sizeof(length));
	put_u32(&t, crc32_z(0, (const Bytef *)t.data, t.len));
	if (!err)
		err = text_write_file(path, t.data, t.len, 0600);
	text_free(&t);
	return err;
}

/* --- reading ---------------------------------------------------------------- */

struct cursor {
	const char *next;
	size_t left;
	bool beyond;		/* more was asked for than there is */
};

static const void *take(struct cursor *c, size_t n)
{
	const void *p = c->next;

	if (n > c->left) {
		c->beyond = true;
		c->left = 0;
		return "";
	}
	c->next += n;
	c->left -= n;
	return p;
}

static uint32_t take_u32(struct cursor *c)
{
	uint32_t n = 0;
	const void *p = take(c, sizeof(n));

	if (!c->beyond)
		memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static uint64_t take_u64(struct cursor *c)
{
	uint64_t n = 0;
	const void *p = take(c, sizeof(n));

	if (!c->beyond)
		memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

/* What is wrong with a file is a sentence, NULL if nothing is. */
static const char *take_change(struct cursor *c, struct store *store, struct store_owner *o)
{
	uint32_t type = take_u32(c), key_len = take_u32(c), value_len = take_u32(c);
	const void *key = take(c, key_len), *value;
	struct store_error e;
	int err;

	value = take(c, value_len == DELETED ? 0 : value_len);
	if (c->beyond)
		return "an object goes beyond its end";
	if (value_len == DELETED)
		err = store_del(store, o, type, key, key_len, 0, &e);
	else
		err = store_set(store, o, type, key, key_len, value, value_len, 0, &e);
	return err ? e.message : NULL;
}

static const char *take_generation(struct cursor *c, struct store *store,
				   struct store_owner *o, bool first)
{
	struct store_restored r = { .first = first };
	const char *wrong = NULL;
	struct store_error e;
	uint64_t from;
	uint32_t changes;

	r.number = take_u64(c);
	r.from = take_u64(c);
	r.time_s = take_u64(c);
	r.copied = take_u32(c);
	r.comment_len = take_u32(c);
	changes = take_u32(c);
	r.comment = take(c, r.comment_len);
	if (c->beyond)
		return "a generation goes beyond its end";
	if (store_begin(store, o, &from, &e))
		return e.message;
	for (uint32_t i = 0; i < changes && !wrong; i++)
		wrong = take_change(c, store, o);
	if (!wrong && store_restore(store, o, &r, &e))
		wrong = e.message;
	return wrong;
}

static const char *take_file(const struct text *t, struct store *store, uint64_t now_ms)
{
	struct cursor c = { t->data, t->len, false };
	uint32_t version, generations, left_ms, crc;
	uint64_t length, last, saved, now = wall_ms();
	struct store_owner *o;
	const char *wrong = NULL;
	struct store_error e;

	if (t->len < strlen(MAGIC) || memcmp(take(&c, strlen(MAGIC)), MAGIC, strlen(MAGIC)))
		return "it is no store of sluice's";
	version = take_u32(&c);
	generations = take_u32(&c);
	length = take_u64(&c);
	if (c.beyond)
		return "it is torn";
	if (version != VERSION)
		return "it has a version that is not known here";
	if (length != t->len || c.left < sizeof(crc))
		return "it is torn: it has another length than it says";
	memcpy(&crc, t->data + t->len - sizeof(crc), sizeof(crc));
	if (le32toh(crc) != crc32_z(0, (const Bytef *)t->data, t->len - sizeof(crc)))
		return "it is damaged: its checksum is wrong";
	c.left -= sizeof(crc);
	last = take_u64(&c);
	saved = take_u64(&c);
	left_ms = take_u32(&c);
	take_u32(&c);
	if (c.beyond || !generations)
		return "it has no generation";

	o = store_owner_open(store, NULL);
	if (!o)
		return "the system is out of memory";
	for (uint32_t i = 0; i < generations && !wrong; i++)
		wrong = take_generation(&c, store, o, i == 0);
	store_owner_close(store, o);
	if (wrong)
		return wrong;
	if (c.left)
		return "it goes on behind its end";
	if (left_ms && now > saved)
		left_ms = now - saved < left_ms ? left_ms - (now - saved) : 1;
	return store_restore_end(store, last, left_ms, now_ms, &e) ? e.message : NULL;
}

/* Return: 0 or -errno; @aside is the new name. */
static int set_aside(const char *path, char *aside, size_t size)
{
	for (int n = 1; n < 10000; n++) {
		if ((size_t)snprintf(aside, size, "%s.bad-%d", path, n) >= size)
			return -ENAMETOOLONG;
		if (!renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE))
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int disk_load(const char *path, struct store **store, uint64_t now_ms, char why[DISK_WHY_MAX])
{
	char aside[DISK_WHY_MAX / 2];
	struct store_status st;
	struct store *fresh;
	struct text t = { 0 };
	const char *wrong;
	int err;

	why[0] = '\0';
	err = text_read_file(&t, path, FILE_MAX);
	if (err == -ENOENT)
		return 0;
	if (err) {
		snprintf(why, DISK_WHY_MAX, "%.200s: %s", path, strerror(-err));
		return err;
	}
	wrong = take_file(&t, *store, now_ms);
	text_free(&t);
	if (!wrong)
		return 0;

	store_status(*store, now_ms, &st);
	fresh = store_new(&st.limits);
	if (!fresh)
		return -ENOMEM;
	err = set_aside(path, aside, sizeof(aside));
	if (err) {
		store_free(fresh);
		snprintf(why, DISK_WHY_MAX, "%.200s: %s, and cannot be set aside: %s", path, wrong,
			 strerror(-err));
		return err;
	}
	store_free(*store);
	*store = fresh;
	snprintf(why, DISK_WHY_MAX, "%.200s: %s; it was set aside as %.200s", path, wrong, aside);
	return -EBADMSG;
}
