/* SPDX-License-Identifier: GPL-2.0 */
/*
 * family.h: hears of it when the module's generic netlink family comes.
 *
 * To ask for a family by its name has the kernel load its module, if that is installed; to
 * listen has not.
 */
#ifndef SLUICE_NETLINK_FAMILY_H
#define SLUICE_NETLINK_FAMILY_H

#include <stdbool.h>

/** family_watch() - Return: a descriptor to poll for input, closed by the caller, or -errno. */
int family_watch(void);

/** family_came() - reads what is there. Return: whether the family has come by it. */
bool family_came(int fd);

#endif
