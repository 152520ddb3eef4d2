/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h: what has other names in some kernel from 6.1 on. Each goes when the oldest kernel
 * that needs it does.
 */
#ifndef SLUICE_COMPAT_H
#define SLUICE_COMPAT_H

#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/hrtimer.h>
#include <linux/version.h>
#include <net/genetlink.h>

/* "genetlink: Use internal flags for multicast groups", v6.7 and the stable trees */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN GENL_UNS_ADMIN_PERM
#endif

/* The attributes of a dump's request. */
static inline struct nlattr **sluice_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_dumpit_info(cb)->info.attrs;
#endif
}

static inline void sluice_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*function)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#else
	hrtimer_setup(timer, function, clock, mode);
#endif
}

/* "bpf: Add __bpf_kfunc tag for marking kernel functions as kfuncs", v6.3 */
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif

/* "bpf: btf: Support flags for BTF_SET8 sets", v6.9: since then a set says that it is of kfuncs */
#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START(name) BTF_SET8_START(name)
#define BTF_KFUNCS_END(name) BTF_SET8_END(name)
#endif

#endif
