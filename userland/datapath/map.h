/* SPDX-License-Identifier: GPL-2.0 */
/*
 * map.h: one BPF map that outlives the object it is loaded with: make, pin, adopt, map into memory.
 *
 * Private to datapath/.
 */
#ifndef SLUICE_DATAPATH_MAP_H
#define SLUICE_DATAPATH_MAP_H

#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "base/text.h"

struct map_shape {
	const char *name;	/* in the object; a leading ".data." is not part of the pin's name */
	enum bpf_map_type type;
	uint32_t key_size, value_size, max_entries;	/* bytes, bytes, entries */
	uint32_t flags;
};

/**
 * map_open() - the map pinned below @dir, if it has @shape; else a new one, pinned there.
 * @dir: NULL: a new one, not pinned.
 * Return: a file descriptor; -EPROTO if what is pinned has another shape; or -errno, with a sentence.
 */
int map_open(const char *dir, const struct map_shape *shape, struct text *why);

/** map_memory() - maps @size bytes of an mmapable map; MAP_FAILED is NULL here, errno set. */
void *map_memory(int fd, size_t size);

/** map_clear() - takes all entries out of a hash or trie; no map (less than 0) has none. */
void map_clear(int fd, size_t key_size);

/** map_reuse() - gives @fd to the map @name of @object before it is loaded, if it has one. */
int map_reuse(struct bpf_object *object, const char *name, int fd);

#endif
