// SPDX-License-Identifier: GPL-2.0
/*
 * hops_sets.c: equal sets are one: found by a hash of what they say, counted by those who keep their
 * number. A set keeps its backup.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fib/hops_inside.h"

static int path_cmp(const void *a, const void *b)
{
	const struct kernel_path *x = a, *y = b;
	int order;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	order = addr_cmp(&x->via, &y->via);
	if (order)
		return order;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	return (int)x->flags - (int)y->flags;
}

/* Copies the paths field by field, so that equal ones are equal as bytes. */
static void copy_paths(struct kernel_path *to, const struct hop_key *key)
{
	memset(to, 0, key->paths * sizeof(*to));
	for (unsigned int i = 0; i < key->paths; i++) {
		to[i].ifindex = key->path[i].ifindex;
		to[i].weight = key->path[i].weight ? key->path[i].weight : 1;
		to[i].flags = key->path[i].flags & (KERNEL_PATH_ENCAP | KERNEL_PATH_DEAD);
		to[i].via = key->path[i].via;
	}
	if (key->paths > 1)
		qsort(to, key->paths, sizeof(*to), path_cmp);
}

static uint64_t key_hash(const struct hop_key *key)
{
	struct {
		uint32_t reason, family, mtu, object, port, backup, fallback, onward;
	} head = { key->reason, key->family, key->mtu, key->object, key->port, key->backup,
		   key->fallback, key->onward };
	uint64_t hash = hash_bytes(&head, sizeof(head));

	return key->paths ? hash ^ hash_bytes(key->path, key->paths * sizeof(*key->path)) : hash;
}

static bool same_key(const struct hop_key *a, const struct hop_key *b)
{
	return a->reason == b->reason && a->family == b->family && a->fallback == b->fallback &&
	       a->mtu == b->mtu && a->object == b->object && a->port == b->port &&
	       a->backup == b->backup && a->onward == b->onward && a->paths == b->paths &&
	       (!a->paths || !memcmp(a->path, b->path, a->paths * sizeof(*a->path)));
}

uint32_t hops_intern(struct hops *h, const struct hop_key *wanted)
{
	struct kernel_path path[PATHS_MAX];
	struct hop_key key = *wanted;
	uint32_t *first, set;
	struct hop_set *s;
	uint64_t hash;

	if (key.reason == REASON_forwarded && !key.object && key.paths > PATHS_MAX)
		key.reason = REASON_not_followed;
	if (key.reason == REASON_forwarded && !key.object && !key.paths)
		key.reason = REASON_reject;
	if (key.reason != REASON_forwarded)
		key = (struct hop_key){ .reason = key.reason };
	else if (key.object)
		key.paths = 0;
	copy_paths(path, &key);
	key.path = path;
	hash = key_hash(&key);

	first = table_put(&h->by_hash, &hash, NULL);
	for (set = *first; set; set = set_at(h, set)->next) {
		if (same_key(&set_at(h, set)->key, &key)) {
			set_at(h, set)->refs++;
			return set;
		}
	}
	if (h->free_sets.len) {
		set = *(uint32_t *)vec_at(&h->free_sets, h->free_sets.len - 1);
		vec_pop(&h->free_sets);
	} else {
		set = h->sets.len;
		vec_push(&h->sets);
	}
	s = set_at(h, set);
	*s = (struct hop_set){ .key = key, .hash = hash, .next = *first, .refs = 1 };
	s->key.path = NULL;
	if (key.paths) {
		s->key.path = memcpy(xcalloc(key.paths, sizeof(*path)), path,
				     key.paths * sizeof(*path));
		h->path_bytes += key.paths * sizeof(*path);
	}
	if (key.backup)
		hops_ref(h, key.backup);
	*first = set;
	return set;
}

uint32_t hops_backed(struct hops *h, uint32_t set, uint32_t backup)
{
	struct hop_key key = set_at(h, set)->key;

	if (key.reason != REASON_forwarded || key.backup || set == backup) {
		hops_ref(h, set);
		return set;
	}
	key.backup = backup;
	return hops_intern(h, &key);
}

void hops_ref(struct hops *h, uint32_t set)
{
	set_at(h, set)->refs++;
}

void hops_unref(struct hops *h, uint32_t set)
{
	struct hop_set *s = set_at(h, set);
	uint32_t *link, backup = s->key.backup;

	assert(s->refs);
	if (--s->refs)
		return;
	assert(!s->uses);
	link = table_get(&h->by_hash, &s->hash);
	if (*link == set && !s->next) {
		table_del(&h->by_hash, &s->hash);
	} else {
		while (*link != set)
			link = &set_at(h, *link)->next;
		*link = s->next;
	}
	h->path_bytes -= s->key.paths * sizeof(*s->key.path);
	free((void *)s->key.path);
	*s = (struct hop_set){ 0 };
	vec_append(&h->free_sets, &set);
	if (backup)
		hops_unref(h, backup);
}
