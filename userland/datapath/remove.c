// SPDX-License-Identifier: GPL-2.0
/*
 * remove.c: takes down what is pinned without opening it, whatever its layout: a pinned
 * link says which interface it is on, and everything else goes with its name.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "datapath/state.h"

static void detach_link(const char *path)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_XDP)
		remove_tc(info.xdp.ifindex);
	bpf_link_detach(fd);
	close(fd);
}

/* Removes every name in @dir; @links: they are links, which are detached first. */
static int remove_names(const char *dir, bool links, struct text *why)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *folder = opendir(dir);

	if (!folder) {
		err = -errno;
		if (err != -ENOENT)
			text_printf(why, "cannot read %s: %s", dir, strerror(-err));
		return err == -ENOENT ? 0 : err;
	}
	while (!err && (entry = readdir(folder))) {
		/* A name with a dot is the kernel's own: nobody else can give one. */
		if (entry->d_type == DT_DIR || strchr(entry->d_name, '.'))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >= (int)sizeof(path))
			continue;
		if (links)
			detach_link(path);
		if (unlink(path)) {
			err = -errno;
			text_printf(why, "cannot remove %s: %s", path, strerror(-err));
		}
	}
	closedir(folder);
	return err;
}

int datapath_remove_pinned(const char *dir, struct text *why)
{
	char links[PATH_MAX];
	int err;

	libbpf_set_print(NULL);		/* a tc program that is not there is no news */
	snprintf(links, sizeof(links), "%s/links", dir);
	err = remove_names(links, true, why);
	if (!err)
		err = remove_names(dir, false, why);
	if (!err)
		rmdir(links);
	return err;
}
