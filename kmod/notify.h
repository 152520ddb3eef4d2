/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notify.h: what happens in a store, told as messages.
 */
#ifndef SLUICE_NOTIFY_H
#define SLUICE_NOTIFY_H

#include "store.h"

struct genl_info;
struct nlattr;
struct sluice_net;

/** sluice_notify() - the store's callback; @ctx is the struct sluice_net, whose lock is held. */
void sluice_notify(void *ctx, const struct store_event *e);

/** sluice_notify_event() - passes an EVENT of the compiler on to group "events". */
int sluice_notify_event(struct sluice_net *sn, const struct nlattr *event);

#endif
