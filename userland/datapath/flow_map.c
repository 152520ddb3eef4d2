// SPDX-License-Identifier: GPL-2.0
/*
 * flow_map.c: the map "flow_memory", which outlives generations as long as its shape serves them.
 *
 * It is pinned when a generation that uses it is committed, in place of the one before: what
 * is pinned is what the running generation counts in.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/flow.h"
#include "datapath/map.h"
#include "datapath/state.h"

#define FLOW_MAP_NAME "flow_memory"

static char *pin_path(const struct datapath *dp, const char *suffix, char *buf)
{
	snprintf(buf, PATH_MAX, "%s/%s%s", dp->dir, FLOW_MAP_NAME, suffix);
	return buf;
}

static int map_it(struct flow_map *m, uint32_t value_size, uint32_t cpus, struct text *why)
{
	int err;

	m->cpus = cpus;
	m->size = (size_t)value_size * cpus;
	m->memory = map_memory(m->fd, m->size);
	if (m->memory)
		return 0;
	err = -errno;
	text_printf(why, "cannot map the flow memory of %zu bytes: %s", m->size, strerror(-err));
	return err;
}

struct flow_map *flow_map_adopt(struct datapath *dp)
{
	struct bpf_map_info info = { 0 };
	struct text ignored = { 0 };
	__u32 len = sizeof(info);
	char path[PATH_MAX];
	struct flow_map *m;
	int fd;

	if (!dp->dir)
		return NULL;
	fd = bpf_obj_get(pin_path(dp, "", path));
	if (fd < 0)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->fd = fd;
	m->pinned = true;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_ARRAY ||
	    !(info.map_flags & BPF_F_MMAPABLE) || info.value_size % 8 || info.max_entries != dp->cpus ||
	    map_it(m, info.value_size, info.max_entries, &ignored)) {
		flow_map_free(m);
		m = NULL;
	}
	text_free(&ignored);
	return m;
}

int flow_map_new(struct datapath *dp, unsigned int slots, struct flow_map **out, struct text *why)
{
	uint32_t value_size = flow_element_size(slots / FLOW_WAYS);
	struct map_shape shape = { FLOW_MAP_NAME, BPF_MAP_TYPE_ARRAY, 4, value_size, dp->cpus,
				   BPF_F_MMAPABLE };
	struct flow_map *m = xcalloc(1, sizeof(*m));
	int err;

	m->fd = map_open(NULL, &shape, why);
	err = m->fd < 0 ? m->fd : map_it(m, value_size, dp->cpus, why);
	if (err) {
		flow_map_free(m);
		return err;
	}
	*out = m;
	return 0;
}

void flow_map_free(struct flow_map *m)
{
	if (!m)
		return;
	if (m->memory)
		munmap(m->memory, m->size);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

void *flow_map_memory(const struct flow_map *m, size_t *size, unsigned int *cpus)
{
	*size = m->size;
	*cpus = m->cpus;
	return m->memory;
}

void datapath_measure(struct datapath *dp, struct flow_map *m)
{
	dp->flow = m;
}

int flow_map_pin(struct datapath *dp, struct flow_map *m, struct text *why)
{
	char path[PATH_MAX], aside[PATH_MAX];
	int err;

	if (!dp->dir || !m || m->pinned)
		return 0;
	unlink(pin_path(dp, "_new", aside));
	if (bpf_obj_pin(m->fd, aside) || rename(aside, pin_path(dp, "", path))) {
		err = -errno;
		text_printf(why, "cannot pin the flow memory: %s", strerror(-err));
		return err;
	}
	m->pinned = true;
	return 0;
}

void flow_map_unpin(struct datapath *dp)
{
	char path[PATH_MAX];

	if (dp->dir)
		unlink(pin_path(dp, "", path));
}
