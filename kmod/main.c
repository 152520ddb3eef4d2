// SPDX-License-Identifier: GPL-2.0
/*
 * sluice.ko: the home of the configuration of sluice.
 *
 *	store.c		configurations with transactions, history and a way back; the daemon
 *			builds the same file where there is no module
 *	namespace.c	a store for each network namespace, its lock, its clock, who is connected
 *	netlink.c	the generic netlink family of linux/sluice.h
 *	notify.c	what happens in a store, told as messages
 *	deliver.c	what XDP lacks: a copy of a frame for this host, for programs to call
 *
 * The module knows nothing of what is configured: sluiced, which binds itself as the compiler,
 * does, and brings the data path after the store. What the module adds is that the store, and
 * the way back that a commit was given, are there when sluiced is not.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include <linux/sluice.h>

#include "deliver.h"
#include "namespace.h"
#include "netlink.h"

static int __init sluice_init(void)
{
	int err;

	err = sluice_net_init();
	if (err)
		return err;
	err = deliver_init();
	if (err)
		goto net;
	err = sluice_netlink_init();
	if (err)
		goto net;
	return 0;
net:
	sluice_net_exit();
	return err;
}

static void __exit sluice_exit(void)
{
	sluice_netlink_exit();
	sluice_net_exit();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("sluice: the network as one program, its configuration");
MODULE_AUTHOR("The authors of sluice");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS_GENL_FAMILY(SLUICE_FAMILY_NAME);
