// SPDX-License-Identifier: GPL-2.0
#include "datapath/map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* What bpffs takes as a name, and what the kernel takes: no leading dot. */
static const char *pin_name(const struct map_shape *shape)
{
	return strncmp(shape->name, ".data.", 6) ? shape->name : shape->name + 6;
}

static int adopt(const char *path, const struct map_shape *shape, struct text *why)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		int err = -errno;

		text_printf(why, "%s is pinned, but is no BPF map: %s", path, strerror(-err));
		close(fd);
		return -EPROTO;
	}
	if (info.type != shape->type || info.key_size != shape->key_size ||
	    info.value_size != shape->value_size || info.max_entries != shape->max_entries) {
		text_printf(why, "the pinned map %s was left by another version of sluice (%u entries "
			    "of %u and %u bytes, not %u of %u and %u); the data path goes on as it is; "
			    "to start afresh, take it down with `sluiced --remove`",
			    path, info.max_entries, info.key_size, info.value_size,
			    shape->max_entries, shape->key_size, shape->value_size);
		close(fd);
		return -EPROTO;
	}
	return fd;
}

int map_open(const char *dir, const struct map_shape *shape, struct text *why)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = shape->flags);
	char path[PATH_MAX];
	int fd, err;

	if (dir) {
		snprintf(path, sizeof(path), "%s/%s", dir, pin_name(shape));
		fd = adopt(path, shape, why);
		if (fd != -ENOENT) {
			if (fd < 0 && fd != -EPROTO)
				text_printf(why, "cannot open the pinned map %s: %s", path, strerror(-fd));
			return fd;
		}
	}
	fd = bpf_map_create(shape->type, pin_name(shape), shape->key_size, shape->value_size,
			    shape->max_entries, &opts);
	if (fd < 0) {
		err = -errno;
		text_printf(why, "cannot create the BPF map %s: %s%s", pin_name(shape), strerror(-err),
			    err == -EPERM ? " (CAP_BPF and CAP_NET_ADMIN are needed: run as root)" : "");
		return err;
	}
	if (dir && bpf_obj_pin(fd, path)) {
		err = -errno;
		text_printf(why, "cannot pin %s: %s", path, strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}

void map_clear(int fd, size_t key_size)
{
	uint8_t key[64];

	while (fd >= 0 && key_size <= sizeof(key) && !bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			break;
}

void *map_memory(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * A section of the object (".data.x") for which only an anchor is declared. libbpf
 * unmaps its own copy of the section by the size of the map that it was given, so a map
 * larger than the section would take foreign pages along. It is given a map of the section's
 * size instead, whose descriptor is then made to refer to the real one.
 */
static int reuse_section(struct bpf_map *map, int fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int small, err;

	small = bpf_map_create(BPF_MAP_TYPE_ARRAY, "section", sizeof(uint32_t),
			       bpf_map__value_size(map), 1, &opts);
	if (small < 0)
		return -errno;
	err = bpf_map__reuse_fd(map, small);
	close(small);
	if (!err && dup3(fd, bpf_map__fd(map), O_CLOEXEC) < 0)
		err = -errno;
	return err;
}

int map_reuse(struct bpf_object *object, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (!map)
		return 0;
	return bpf_map__is_internal(map) ? reuse_section(map, fd) : bpf_map__reuse_fd(map, fd);
}
