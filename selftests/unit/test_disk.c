// SPDX-License-Identifier: GPL-2.0
/*
 * The store's file: what is saved is there again, histories, numbers and a time to confirm
 * included; a file with any byte changed or cut off is set aside, never loaded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sluice.h>
#include <zlib.h>

#include "base/text.h"
#include "base/vec.h"
#include "daemon/disk.h"
#include "kmod/store.h"

struct place {
	char dir[64], path[80], aside[96];
	struct store *store;
	struct store_owner *o;
};

static struct store *fresh(void)
{
	struct store_limits limits = store_limits_default();

	return store_new(&limits);
}

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	struct store_error e;
	uint64_t running;

	strcpy(p->dir, "/tmp/sluice-disk-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/store", p->dir);
	snprintf(p->aside, sizeof(p->aside), "%s.bad-1", p->path);
	p->store = fresh();
	p->o = store_owner_open(p->store, NULL);
	assert_int_equal(store_bind(p->store, p->o, 0, &running, &e), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	store_owner_close(p->store, p->o);
	store_free(p->store);
	unlink(p->path);
	unlink(p->aside);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static void put(struct place *p, const char *name, const char *value, uint32_t confirm_ms)
{
	struct store_commit how = { .confirm_ms = confirm_ms, .comment = name,
				    .comment_len = strlen(name) };
	struct store_error e;
	uint64_t n;

	assert_int_equal(store_begin(p->store, p->o, &n, &e), 0);
	if (value)
		assert_int_equal(store_set(p->store, p->o, SLUICE_OBJECT_PORT, name, strlen(name),
					   value, strlen(value), 0, &e), 0);
	else
		assert_int_equal(store_del(p->store, p->o, SLUICE_OBJECT_PORT, name, strlen(name),
					   0, &e), 0);
	assert_int_equal(store_commit(p->store, p->o, &how, 1000, &n, &e), 0);
	assert_int_equal(store_verdict(p->store, p->o, n, true, NULL, 0, 1000, &e), 0);
}

static int differs(void *ctx, const struct store_object *before, const struct store_object *after)
{
	(void)ctx;
	(void)before;
	(void)after;
	return 1;
}

static void expect_same(const struct store *a, const struct store *b)
{
	const struct store_generation *g, *h;

	for (uint32_t i = 0; (g = store_generation(a, i)); i++) {
		h = store_generation(b, i);
		assert_non_null(h);
		assert_true(g->number == h->number && g->from == h->from &&
			    g->copied == h->copied && g->time_s == h->time_s);
		assert_int_equal(g->comment_len, h->comment_len);
		assert_memory_equal(g->comment, h->comment, g->comment_len);
		assert_int_equal(g->tree.objects, h->tree.objects);
		assert_true(g->tree.bytes == h->tree.bytes);
		assert_int_equal(store_diff(&g->tree, &h->tree, differs, NULL), 0);
	}
}

static struct store *loaded(struct place *p, uint64_t now_ms)
{
	struct store *s = fresh();
	char why[DISK_WHY_MAX];

	assert_int_equal(disk_load(p->path, &s, now_ms, why), 0);
	assert_string_equal(why, "");
	return s;
}

static void nothing_there_is_empty(void **state)
{
	struct store *s = loaded(*state, 0);

	assert_int_equal(store_generation(s, 0)->number, 0);
	store_free(s);
}

static void what_was_saved_is_there(void **state)
{
	struct place *p = *state;
	struct store_commit how = {};
	struct store_status st;
	struct store_error e;
	struct store *s;
	struct stat mode;
	uint64_t n, to = 2;

	for (int i = 0; i < 25; i++) {
		static const char *const values[] = { "one", "two", NULL, "" };

		if (i == 3) {
			to = 1;
			assert_int_equal(store_rollback(p->store, p->o, &to, &how, 0, &n, &e), 0);
			assert_int_equal(store_verdict(p->store, p->o, n, true, NULL, 0, 0, &e), 0);
		}
		put(p, i % 4 == 2 ? "lan" : i % 4 == 1 ? "lan" : "wan", values[i % 4], 0);
		assert_int_equal(disk_save(p->path, p->store, 0), 0);
		s = loaded(p, 0);
		expect_same(p->store, s);
		expect_same(s, p->store);
		store_free(s);
	}
	assert_int_equal(stat(p->path, &mode), 0);
	assert_int_equal(mode.st_mode & 07777, 0600);

	/* a number that was given to a rejected candidate is not given again */
	assert_int_equal(store_rollback(p->store, p->o, NULL, &how, 0, &n, &e), 0);
	assert_int_equal(store_verdict(p->store, p->o, n, false, NULL, 0, 0, &e), 0);
	assert_int_equal(disk_save(p->path, p->store, 0), 0);
	s = loaded(p, 0);
	store_status(s, 0, &st);
	assert_int_equal(st.last, n);
	assert_int_equal(st.running, n - 1);
	store_free(s);
}

static void time_to_confirm_goes_on(void **state)
{
	struct place *p = *state;
	struct store_status st;
	struct store *s;

	put(p, "wan", "good", 0);
	put(p, "wan", "bad", 50);
	assert_int_equal(disk_save(p->path, p->store, 1000), 0);
	s = loaded(p, 7000000);
	store_status(s, 7000000, &st);
	assert_true(st.confirm_waits);
	assert_in_range(st.confirm_left_ms, 1, 50);
	assert_int_equal(st.confirm_back, 1);
	store_free(s);
	usleep(60000);
	s = loaded(p, 7000000);
	assert_true(store_tick(s, 7000001) == STORE_NEVER);
	assert_int_equal(store_generation(s, 0)->number, 3);
	assert_int_equal(store_generation(s, 0)->from, 1);
	store_free(s);
}

/* Unlike text_write_file() it does not sync, which would be most of this test's time. */
static void write_bytes(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

/* Loads bytes that are no good: set aside, said, and the store is empty. */
static void expect_set_aside(struct place *p, const void *bytes, size_t len)
{
	struct store *s = fresh();
	char why[DISK_WHY_MAX], first[sizeof(p->path) + 2];

	write_bytes(p->path, bytes, len);
	assert_int_equal(disk_load(p->path, &s, 0, why), -EBADMSG);
	snprintf(first, sizeof(first), "%s:", p->path);
	assert_ptr_equal(strstr(why, first), why);
	assert_non_null(strstr(why, p->aside));
	assert_int_equal(access(p->path, F_OK), -1);
	assert_int_equal(unlink(p->aside), 0);
	assert_int_equal(store_generation(s, 0)->number, 0);
	assert_int_equal(store_generation(s, 0)->tree.objects, 0);
	store_free(s);
}

static void what_is_torn_is_set_aside(void **state)
{
	struct place *p = *state;
	struct text t = { 0 };

	put(p, "wan", "good", 0);
	put(p, "lan", "better", 0);
	assert_int_equal(disk_save(p->path, p->store, 0), 0);
	assert_int_equal(text_read_file(&t, p->path, 100000), 0);
	for (size_t cut = 0; cut < t.len; cut++)
		expect_set_aside(p, t.data, cut);
	for (size_t at = 0; at < t.len; at++) {
		t.data[at] ^= 1 << at % 8;
		expect_set_aside(p, t.data, t.len);
		t.data[at] ^= 1 << at % 8;
	}
	text_append(&t, "x", 1);
	expect_set_aside(p, t.data, t.len);
	expect_set_aside(p, "port wan = \"eth0\";\n", 19);
	text_free(&t);
}

/* Files whose checksum is right, and whose contents are not. */
static void what_lies_is_set_aside(void **state)
{
	struct place *p = *state;
	struct text t = { 0 };

	put(p, "wan", "good", 0);
	put(p, "lan", "better", 0);
	assert_int_equal(disk_save(p->path, p->store, 0), 0);
	assert_int_equal(text_read_file(&t, p->path, 100000), 0);
	for (size_t at = 0; at + 4 < t.len; at++) {
		for (int v = 0; v < 4; v++) {
			char *copy = malloc(t.len), why[DISK_WHY_MAX];
			struct store *s = fresh();
			uint32_t crc;

			memcpy(copy, t.data, t.len);
			copy[at] = (const char[]){ 0, 1, 0x7f, -1 }[v];
			crc = crc32_z(0, (void *)copy, t.len - 4);
			memcpy(copy + t.len - 4, &crc, 4);
			write_bytes(p->path, copy, t.len);
			free(copy);
			/* a comment or a value may be anything; no step beyond is the point */
			if (disk_load(p->path, &s, 0, why) == -EBADMSG)
				assert_int_equal(unlink(p->aside), 0);
			store_free(s);
		}
	}
	text_free(&t);
}

static void names_are_not_overwritten(void **state)
{
	struct place *p = *state;
	char why[DISK_WHY_MAX], second[100];
	struct store *s = fresh();

	assert_int_equal(text_write_file(p->aside, "older", 5, 0600), 0);
	assert_int_equal(text_write_file(p->path, "foreign", 7, 0600), 0);
	assert_int_equal(disk_load(p->path, &s, 0, why), -EBADMSG);
	snprintf(second, sizeof(second), "%s.bad-2", p->path);
	assert_non_null(strstr(why, second));
	assert_int_equal(unlink(second), 0);
	assert_int_equal(access(p->aside, F_OK), 0);
	store_free(s);
	/* a folder in its place is not a bad file: nothing is touched */
	s = fresh();
	assert_int_equal(disk_load(p->dir, &s, 0, why), -EISDIR);
	assert_true(why[0]);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(nothing_there_is_empty),
		T(what_was_saved_is_there),
		T(time_to_confirm_goes_on),
		T(what_is_torn_is_set_aside),
		T(what_lies_is_set_aside),
		T(names_are_not_overwritten),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
