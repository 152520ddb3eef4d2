// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "datapath/state.h"

#define TC_PRIORITY	0x5c1c
#define TC_HANDLE	1

static char *link_path(const struct datapath *dp, uint16_t number, char *buf)
{
	snprintf(buf, PATH_MAX, "%s/links/%u", dp->dir, number);
	return buf;
}

/* The ifindex a link is on; 0 when its interface is gone. */
static uint32_t link_ifindex(int fd)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_LINK_TYPE_XDP)
		return 0;
	return info.xdp.ifindex;
}

static bool attached_generic(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	return !bpf_xdp_query(ifindex, 0, &opts) && opts.attach_mode == XDP_ATTACHED_SKB;
}

int attach_adopt(struct datapath *dp, struct text *why)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/links", dp->dir);
	folder = opendir(path);
	if (!folder) {
		int err = -errno;

		text_printf(why, "cannot read %s: %s", path, strerror(-err));
		return err;
	}
	while ((entry = readdir(folder))) {
		int number = atoi(entry->d_name);
		struct attachment *at;

		if (number < 1 || number >= PORTS_MAX)
			continue;
		at = &dp->attached[number];
		at->link = bpf_obj_get(link_path(dp, number, path));
		if (at->link < 0)
			continue;
		at->ifindex = link_ifindex(at->link);
		at->generic = at->ifindex && attached_generic(at->ifindex);
		at->tc = true;	/* it may be: detaching what is not there is harmless */
	}
	closedir(folder);
	return 0;
}

static void drop_link(struct datapath *dp, uint16_t number)
{
	struct attachment *at = &dp->attached[number];
	char path[PATH_MAX];

	if (at->link < 0)
		return;
	unlink(link_path(dp, number, path));
	bpf_link_detach(at->link);
	close(at->link);
	at->link = -1;
	at->ifindex = 0;
}

static void explain(struct text *why, const char *interface, bool generic, int err)
{
	text_printf(why, "cannot attach to %s in %s mode: %s", interface,
		    generic ? "generic" : "native", strerror(-err));
	if (err == -EBUSY || err == -EEXIST)
		text_printf(why, "; another XDP program is on it: see \"ip link show %s\"", interface);
	else if ((err == -EOPNOTSUPP || err == -EINVAL) && !generic)
		text_printf(why, "; if its driver has no XDP, say \"mode generic\" in the policy (slower)");
	else if (err == -EPERM)
		text_printf(why, "; CAP_NET_ADMIN and CAP_BPF are needed: run as root");
}

int attach_port(struct datapath *dp, uint16_t number, uint32_t ifindex, const char *interface,
		bool generic, struct text *why)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	struct attachment *at = &dp->attached[number];
	char path[PATH_MAX];
	int fd, err;

	if (at->link >= 0 && at->ifindex == ifindex && at->generic == generic &&
	    link_ifindex(at->link) == ifindex)
		return 0;
	drop_link(dp, number);
	fd = bpf_link_create(dp->root, ifindex, BPF_XDP, &opts);
	if (fd < 0) {
		err = -errno;
		explain(why, interface, generic, err);
		return err;
	}
	if (bpf_obj_pin(fd, link_path(dp, number, path))) {
		err = -errno;
		text_printf(why, "cannot pin %s: %s", path, strerror(-err));
		close(fd);
		return err;
	}
	*at = (struct attachment){ .link = fd, .ifindex = ifindex, .generic = generic };
	return 0;
}

void remove_tc(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	if (ifindex)
		bpf_tc_detach(&hook, &opts);
}

int attach_tc(struct datapath *dp, uint16_t number, bool wanted, struct text *why)
{
	struct attachment *at = &dp->attached[number];
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int err;

	if (!at->ifindex || (!wanted && !at->tc))
		return 0;
	if (!wanted) {
		remove_tc(at->ifindex);
		at->tc = false;
		return 0;
	}
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		goto explain;
	opts.prog_fd = dp->tcopy;
	opts.flags = BPF_TC_F_REPLACE;
	err = bpf_tc_attach(&hook, &opts);
	if (err)
		goto explain;
	at->tc = true;
	return 0;
explain:
	text_printf(why, "cannot attach the tc program for copies beside the host to port %u: %s",
		    number, strerror(-err));
	if (err == -ENOENT || err == -EOPNOTSUPP)
		text_printf(why, "; the kernel needs the modules sch_ingress and cls_bpf for it");
	return err;
}

void detach_port(struct datapath *dp, uint16_t number)
{
	struct text ignored = { 0 };

	attach_tc(dp, number, false, &ignored);
	text_free(&ignored);
	drop_link(dp, number);
}

bool datapath_port_lost_tc(const struct datapath *dp, uint16_t number)
{
	const struct attachment *at = &dp->attached[number];
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = at->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int err;

	if (!at->ifindex || !at->tc)
		return false;
	err = bpf_tc_query(&hook, &opts);
	return err == -ENOENT || err == -EINVAL;	/* no filter; no clsact either */
}

const char *datapath_port_mode(const struct datapath *dp, uint16_t number)
{
	const struct attachment *at = &dp->attached[number];

	if (number >= PORTS_MAX || at->link < 0 || !at->ifindex)
		return "none";
	return at->generic ? "generic" : "native";
}
