/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink.h: the generic netlink family of linux/sluice.h.
 */
#ifndef SLUICE_NETLINK_H
#define SLUICE_NETLINK_H

#include <linux/init.h>
#include <linux/types.h>

struct genl_family;
struct sk_buff;
struct store_object;

extern struct genl_family sluice_family;

/**
 * sluice_put_object() - the attribute OBJECT: type and key, and with @value the value.
 * Return: 0, or -EMSGSIZE, and @skb is as before.
 */
int sluice_put_object(struct sk_buff *skb, const struct store_object *o, bool value);

int __init sluice_netlink_init(void);
void sluice_netlink_exit(void);

#endif
