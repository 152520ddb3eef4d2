// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/map.h"
#include "datapath/state.h"

static void release(struct tables *t)
{
	if (t->nexthops)
		munmap(t->nexthops, sizeof(*t->nexthops));
	if (t->nexthops_fd >= 0)
		close(t->nexthops_fd);
	for (int i = 0; i < 2; i++) {
		if (t->lpm[i])
			munmap(t->lpm[i], t->shape[i].bytes);
		if (t->lpm_fd[i] >= 0)
			close(t->lpm_fd[i]);
	}
	free(t);
}

static int make(int *fd, void **memory, const char *name, uint32_t bytes, struct text *why)
{
	struct map_shape shape = { name, BPF_MAP_TYPE_ARRAY, 4, bytes, 1, BPF_F_MMAPABLE };
	int err;

	*fd = map_open(NULL, &shape, why);
	if (*fd < 0)
		return *fd;
	*memory = map_memory(*fd, bytes);
	if (*memory)
		return 0;
	err = -errno;
	text_printf(why, "cannot map the route table %s into memory: %s", name, strerror(-err));
	return err;
}

int tables_new(struct datapath *dp, const struct lpm_shape *ip4, const struct lpm_shape *ip6,
	       struct tables **tables, struct text *why)
{
	struct tables *t = xcalloc(1, sizeof(*t));
	int err;

	(void)dp;
	t->users = 1;
	t->nexthops_fd = t->lpm_fd[0] = t->lpm_fd[1] = -1;
	t->shape[0] = *ip4;
	t->shape[1] = *ip6;
	err = make(&t->nexthops_fd, (void **)&t->nexthops, "nexthops", sizeof(*t->nexthops), why);
	if (!err)
		err = make(&t->lpm_fd[0], &t->lpm[0], "lpm4", ip4->bytes, why);
	if (!err)
		err = make(&t->lpm_fd[1], &t->lpm[1], "lpm6", ip6->bytes, why);
	if (err) {
		release(t);
		return err;
	}
	*tables = t;
	return 0;
}

struct tables *tables_get(struct tables *t)
{
	t->users++;
	return t;
}

void tables_free(struct tables *t)
{
	if (t && --t->users == 0)
		release(t);
}

struct nexthops *tables_nexthops(const struct tables *t)
{
	return t->nexthops;
}

void *tables_lpm(const struct tables *t, uint8_t family)
{
	return t->lpm[family == 6];
}
