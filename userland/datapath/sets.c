// SPDX-License-Identifier: GPL-2.0
/*
 * sets.c: the sets of filters, which outlive generations: a map each, pinned by the set's name.
 *
 * Who holds an element: the configuration, for a span of generations; or a rule, or a user's hand, for
 * a time (struct set_value). The configuration's part changes with a commit, and not a packet earlier
 * or later:
 *
 *	enter	what generation N has anew is entered since N, what it has no more until N - 1. Neither
 *		changes anything for the generation before it. Taken back if N never runs.
 *	swap	the program of N, or the word in ".data.sets" (datapath_commit_sets())
 *	settle	what only generations before N had is taken out, and times of what stays are set
 *
 * A map is kept as long as the set has its size and its kind; else another one takes its place,
 * with the elements of the old one, and after the swap those that it got meanwhile.
 *
 * An update from here replaces a value as a whole. What a packet writes into it between our reading and our
 * writing, a microsecond or so, is lost: a time-out that is begun anew by the next packet. Only
 * elements that are configured and inserted as well can meet that, while the configuration changes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/table.h"
#include "datapath/map.h"
#include "datapath/state.h"

#define PIN_PREFIX	"set_"
#define BATCH		4096u	/* elements read at once */
#define FOREVER		(~0u)	/* set_value.until of what the newest generation has */

/* What kind of values a set has is the name of its map. */
static const char *kind_name(bool addresses)
{
	return addresses ? "set_addresses" : "set_numbers";
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- maps -------------------------------------------------------------------- */

static char *pin_path(const struct datapath *dp, const char *name, const char *suffix, char *path)
{
	snprintf(path, PATH_MAX, "%s/" PIN_PREFIX "%s%s", dp->dir, name, suffix);
	return path;
}

static int new_map(uint32_t size, bool addresses, struct text *why)
{
	struct map_shape shape = { kind_name(addresses), BPF_MAP_TYPE_HASH, sizeof(struct set_key),
				   sizeof(struct set_value), size, BPF_F_NO_PREALLOC };

	return map_open(NULL, &shape, why);
}

/* Whether the map at @fd is one of a set; *@size and *@addresses say which. */
static bool is_set(int fd, uint32_t *size, bool *addresses)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_HASH ||
	    info.key_size != sizeof(struct set_key) || info.value_size != sizeof(struct set_value))
		return false;
	*size = info.max_entries;
	*addresses = !strcmp(info.name, kind_name(true));
	return true;
}

static void open_pinned(struct vec *sets, const char *path, const char *name)
{
	struct set_map s = { .fd = bpf_obj_get(path), .pinned = true };

	if (s.fd < 0)
		return;
	if (strlen(name) >= sizeof(s.name) || !is_set(s.fd, &s.size, &s.addresses)) {
		close(s.fd);
		return;
	}
	strcpy(s.name, name);
	vec_append(sets, &s);
}

void sets_adopt(const struct datapath *dp, struct vec *sets)
{
	DIR *folder = dp->dir ? opendir(dp->dir) : NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	while (folder && (entry = readdir(folder))) {
		const char *name = entry->d_name;

		if (strncmp(name, PIN_PREFIX, strlen(PIN_PREFIX)) || name[strlen(name) - 1] == '~')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dp->dir, name);
		open_pinned(sets, path, name + strlen(PIN_PREFIX));
	}
	if (folder)
		closedir(folder);
}

void sets_close(struct vec *sets)
{
	for (size_t i = 0; i < sets->len; i++)
		close(((struct set_map *)vec_at(sets, i))->fd);
	vec_free(sets);
}

static struct set_map *find(const struct vec *sets, const char *name)
{
	for (size_t i = 0; i < sets->len; i++) {
		struct set_map *s = vec_at(sets, i);

		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

/* ---- all elements ------------------------------------------------------------------ */

/* Room for what is read at once. */
struct batch {
	struct set_key *keys;
	struct set_value *values;
	uint32_t room;
};

static void batch_resize(struct batch *b, uint32_t room)
{
	b->room = room;
	b->keys = xrealloc(b->keys, room * sizeof(*b->keys));
	b->values = xrealloc(b->values, room * sizeof(*b->values));
}

static void batch_free(struct batch *b)
{
	free(b->keys);
	free(b->values);
}

/* Appends some more, from @at on. Elements that come or go meanwhile may be missed, or be there twice. */
static int read_more(int fd, struct set_cursor *at, struct batch *b, struct vec *entries)
{
	uint32_t n, next;
	int err;

	for (;;) {
		n = b->room;
		err = bpf_map_lookup_batch(fd, at->begun ? &at->at : NULL, &next, b->keys, b->values, &n,
					   NULL) ? -errno : 0;
		if (err != -ENOSPC)
			break;
		batch_resize(b, 2 * b->room);	/* a bucket that has more */
	}
	if (err && err != -ENOENT)
		return err;
	for (uint32_t i = 0; i < n; i++) {
		struct set_entry *e = vec_push(entries);

		e->key = b->keys[i];
		e->value = b->values[i];
	}
	at->at = next;
	at->begun = !err;
	return 0;
}

static int read_entries(int fd, struct vec *entries)
{
	struct set_cursor at = { 0 };
	struct batch b = { 0 };
	int err;

	batch_resize(&b, BATCH);
	do
		err = read_more(fd, &at, &b, entries);
	while (!err && at.begun);
	batch_free(&b);
	return err;
}

static bool inserted_at(const struct set_value *v, uint64_t now)
{
	return now < v->inserted;
}

/* Writes back an element that was changed, or takes it out if nothing holds it. */
static int write_back(int fd, const struct set_entry *e, uint64_t now)
{
	if (!e->value.since && !inserted_at(&e->value, now))
		return bpf_map_delete_elem(fd, &e->key) && errno != ENOENT ? -errno : 0;
	return bpf_map_update_elem(fd, &e->key, &e->value, 0) ? -errno : 0;
}

/* ---- a set that another map takes the place of ----------------------------------------- */

static void copy_entries(int from, int to)
{
	struct vec entries = VEC(struct set_entry);

	read_entries(from, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		struct set_entry *e = vec_at(&entries, i);
		struct set_value there;

		if (bpf_map_lookup_elem(to, &e->key, &there)) {
			bpf_map_update_elem(to, &e->key, &e->value, 0);
		} else if (there.inserted < e->value.inserted) {
			there.inserted = e->value.inserted;
			there.by = e->value.by;
			bpf_map_update_elem(to, &e->key, &there, 0);
		}
	}
	vec_free(&entries);
}

/* ---- the configuration's part ------------------------------------------------------------- */

/* When an element ends that is entered now. */
static uint64_t element_end(const struct image_element *e)
{
	uint64_t real = clock_ns(CLOCK_REALTIME), boot = clock_ns(CLOCK_BOOTTIME), gone;

	if (!e->timeout_ns)
		return SET_STAYS;
	gone = e->since_ns && e->since_ns < real ? real - e->since_ns : 0;
	return e->timeout_ns > gone ? boot + (e->timeout_ns - gone) : 1;
}

static struct table by_key(const struct image_set *set)
{
	struct table wanted = TABLE(struct set_key, const struct image_element *);

	for (size_t i = 0; i < set->elements.len; i++) {
		const struct image_element *e = vec_at(&set->elements, i);

		*(const struct image_element **)table_put(&wanted, &e->key, NULL) = e;
	}
	return wanted;
}

static int enter_new(int fd, const struct image_set *set, uint32_t generation)
{
	for (size_t i = 0; i < set->elements.len; i++) {
		const struct image_element *element = vec_at(&set->elements, i);
		struct set_entry e = { .key = element->key };

		if (!bpf_map_lookup_elem(fd, &e.key, &e.value) && e.value.since &&
		    e.value.until == FOREVER)
			continue;
		e.value.since = generation;
		e.value.until = FOREVER;
		e.value.expires = element_end(element);
		if (bpf_map_update_elem(fd, &e.key, &e.value, 0))
			return -errno;
	}
	return 0;
}

static int leave_old(int fd, const struct image_set *set, uint32_t generation)
{
	struct vec entries = VEC(struct set_entry);
	struct table wanted = by_key(set);
	int err = read_entries(fd, &entries);

	for (size_t i = 0; !err && i < entries.len; i++) {
		struct set_entry *e = vec_at(&entries, i);

		if (!e->value.since || e->value.until != FOREVER || table_get(&wanted, &e->key))
			continue;
		e->value.until = generation - 1;
		err = bpf_map_update_elem(fd, &e->key, &e->value, BPF_EXIST) && errno != ENOENT ?
		      -errno : 0;
	}
	table_free(&wanted);
	vec_free(&entries);
	return err;
}

/* Takes back what was entered for a generation that will not run. */
static void take_back(int fd, uint32_t generation)
{
	struct vec entries = VEC(struct set_entry);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	read_entries(fd, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		struct set_entry *e = vec_at(&entries, i);

		if (e->value.since == generation)
			e->value.since = e->value.until = 0;
		else if (e->value.since && e->value.until == generation - 1)
			e->value.until = FOREVER;
		else
			continue;
		write_back(fd, e, now);
	}
	vec_free(&entries);
}

static void settle(int fd, const struct image_set *set, uint32_t generation)
{
	struct vec entries = VEC(struct set_entry);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	struct table wanted = by_key(set);

	read_entries(fd, &entries);
	for (size_t i = 0; i < entries.len; i++) {
		struct set_entry *e = vec_at(&entries, i);
		const struct image_element **element = table_get(&wanted, &e->key);
		uint64_t expires = e->value.expires;

		if (!e->value.since)
			continue;
		if (e->value.until < generation) {
			e->value.since = e->value.until = 0;
			e->value.expires = 0;
		} else if (element && (*element)->since_ns) {
			e->value.expires = element_end(*element);
		} else if (element && !(*element)->timeout_ns) {
			e->value.expires = SET_STAYS;
		}
		/* Two clocks are not read at once: what differs by less than this does not. */
		if (e->value.since && llabs((long long)(e->value.expires - expires)) < 1000000)
			continue;
		write_back(fd, e, now);
	}
	table_free(&wanted);
	vec_free(&entries);
}

/* ---- generations --------------------------------------------------------------------------- */

/* The map of @set for a generation to be: that of @running, or another one. */
static int set_open(const struct vec *running, const struct image_set *set, struct set_map *s,
		    struct text *why)
{
	const struct set_map *is = find(running, set->name);

	*s = (struct set_map){ .size = set->size, .addresses = set->addresses };
	snprintf(s->name, sizeof(s->name), "%s", set->name);
	if (is && is->size == set->size && is->addresses == set->addresses) {
		s->fd = fcntl(is->fd, F_DUPFD_CLOEXEC, 0);
		s->pinned = is->pinned;
		return s->fd < 0 ? -errno : 0;
	}
	s->fd = new_map(set->size, set->addresses, why);
	if (s->fd < 0)
		return s->fd;
	if (is && is->addresses == set->addresses)
		copy_entries(is->fd, s->fd);
	return 0;
}

int sets_enter(const struct vec *running, const struct vec *wanted, uint32_t generation, struct vec *sets,
	       struct text *why)
{
	int err = 0;

	for (size_t i = 0; !err && i < wanted->len; i++) {
		const struct image_set *set = vec_at(wanted, i);
		struct set_map s;

		err = set_open(running, set, &s, why);
		if (err)
			break;
		vec_append(sets, &s);
		err = enter_new(s.fd, set, generation);
		if (!err)
			err = leave_old(s.fd, set, generation);
		if (err)
			text_printf(why, "cannot enter the elements of set %s: %s%s", set->name,
				    strerror(-err), err == -E2BIG ? "; it is full: give it a larger size, "
				    "or take elements out" : "");
	}
	return err;
}

void sets_take_back(const struct vec *sets, uint32_t generation)
{
	for (size_t i = 0; i < sets->len; i++)
		take_back(((struct set_map *)vec_at(sets, i))->fd, generation);
}

int sets_pin(const struct datapath *dp, struct vec *sets, struct text *why)
{
	char path[PATH_MAX], aside[PATH_MAX];

	for (size_t i = 0; dp->dir && i < sets->len; i++) {
		struct set_map *s = vec_at(sets, i);

		if (s->pinned)
			continue;
		/* No name of a set ends so. */
		unlink(pin_path(dp, s->name, "~", aside));
		if (bpf_obj_pin(s->fd, aside) || rename(aside, pin_path(dp, s->name, "", path))) {
			int err = -errno;

			text_printf(why, "cannot pin the set %s: %s", s->name, strerror(-err));
			return err;
		}
		s->pinned = true;
	}
	return 0;
}

void sets_settle(const struct datapath *dp, const struct vec *old, const struct vec *sets,
		 const struct vec *wanted, uint32_t generation)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < sets->len; i++) {
		const struct set_map *s = vec_at(sets, i), *was = find(old, s->name);

		if (was && was->addresses == s->addresses && was->size != s->size)
			copy_entries(was->fd, s->fd);
		settle(s->fd, vec_at(wanted, i), generation);
	}
	for (size_t i = 0; dp->dir && i < old->len; i++) {
		const struct set_map *s = vec_at(old, i);

		if (!find(sets, s->name))
			unlink(pin_path(dp, s->name, "", path));
	}
}

/* ---- by name, at run time ---------------------------------------------------------------------- */

static int running_fd(const struct datapath *dp, const char *name)
{
	const struct set_map *s = find(&dp->sets, name);

	return s ? s->fd : -ENOENT;
}

void datapath_sets(const struct datapath *dp, void (*fn)(void *ctx, const char *name, uint32_t size),
		   void *ctx)
{
	for (size_t i = 0; i < dp->sets.len; i++) {
		const struct set_map *s = vec_at(&dp->sets, i);

		fn(ctx, s->name, s->size);
	}
}

int datapath_set_entries(const struct datapath *dp, const char *name, struct vec *entries)
{
	int fd = running_fd(dp, name);

	return fd < 0 ? fd : read_entries(fd, entries);
}

int datapath_set_add(struct datapath *dp, const char *name, enum set_origin origin,
		     const struct set_key *key, uint64_t until)
{
	struct set_entry e = { .key = *key };
	int fd = running_fd(dp, name);

	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, key, &e.value) && errno != ENOENT)
		return -errno;
	if (origin == SET_INSERTED) {
		e.value.inserted = until;
		e.value.by = 0;
	} else {
		e.value.since = dp->sets_generation;
		e.value.until = FOREVER;
		e.value.expires = until;
	}
	return bpf_map_update_elem(fd, key, &e.value, 0) ? -errno : 0;
}

/* Takes @origin off an element. Return: whether it held it. */
static bool let_go(struct set_value *v, enum set_origin origin)
{
	bool held = origin == SET_INSERTED ? v->inserted != 0 : v->since != 0;

	if (origin == SET_INSERTED)
		v->inserted = 0;
	else
		v->since = v->until = 0;
	return held;
}

int datapath_set_delete(struct datapath *dp, const char *name, enum set_origin origin,
			const struct set_key *key)
{
	struct set_entry e = { .key = *key };
	int fd = running_fd(dp, name);

	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, key, &e.value))
		return -errno;
	if (!let_go(&e.value, origin))
		return -ENOENT;
	return write_back(fd, &e, clock_ns(CLOCK_BOOTTIME));
}

int datapath_set_flush(struct datapath *dp, const char *name, enum set_origin origin)
{
	struct vec entries = VEC(struct set_entry);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	int fd = running_fd(dp, name), err, held = 0;

	if (fd < 0)
		return fd;
	err = read_entries(fd, &entries);
	for (size_t i = 0; !err && i < entries.len; i++) {
		struct set_entry *e = vec_at(&entries, i);

		if (!let_go(&e->value, origin))
			continue;
		err = write_back(fd, e, now);
		held++;
	}
	vec_free(&entries);
	return err ? err : held;
}

/*
 * One that was inserted anew between our reading and our taking it out is put back: it is taken out and
 * read in one step.
 */
static int sweep_one(int fd, const struct set_key *key, uint64_t now)
{
	struct set_value v;

	if (bpf_map_lookup_and_delete_elem(fd, key, &v))
		return errno == ENOENT ? 0 : -errno;
	if (v.since || inserted_at(&v, now))
		return bpf_map_update_elem(fd, key, &v, BPF_NOEXIST) && errno != EEXIST ? -errno : 0;
	return 1;
}

int datapath_set_sweep(struct datapath *dp, const char *name, struct set_cursor *at)
{
	struct vec entries = VEC(struct set_entry);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	int fd = running_fd(dp, name), err, gone = 0;
	struct batch b = { 0 };

	if (fd < 0)
		return fd;
	batch_resize(&b, BATCH);
	err = read_more(fd, at, &b, &entries);
	for (size_t i = 0; err >= 0 && i < entries.len; i++) {
		const struct set_entry *e = vec_at(&entries, i);

		/* What is configured stays until it is taken out there: else it would begin anew. */
		if (e->value.since || inserted_at(&e->value, now))
			continue;
		err = sweep_one(fd, &e->key, now);
		gone += err == 1;
	}
	vec_free(&entries);
	batch_free(&b);
	return err < 0 ? err : gone;
}
