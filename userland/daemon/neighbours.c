// SPDX-License-Identifier: GPL-2.0
/*
 * A port's link may come and go, and takes its neighbours with it: what was asked is kept with the
 * link that it was asked of, and asked anew when that changed. Many are asked for in portions,
 * so that the loop's other work goes on.
 */
#include "daemon/neighbours.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "daemon/notes.h"
#include "datapath/datapath.h"
#include "image/image.h"
#include "netlink/neighbour.h"

#define PORTION 256	/* asked for in one turn of the loop: some milliseconds */

struct wanted_key {
	struct addr addr;
	uint8_t pad;
	uint16_t port;
};

struct wanted {
	uint32_t asked;		/* ifindex; 0: not yet, or in vain */
	bool tried;		/* since its link changed */
};

struct neighbours {
	struct datapath *dp;
	struct notes *notes;
	struct neighbour_asker *asker;
	struct table wanted;	/* struct wanted_key -> struct wanted */
	uv_timer_t soon;
};

static uint32_t link_of(const struct neighbours *n, uint16_t port)
{
	return datapath_ports(n->dp)->port[port].ifindex;
}

static bool is_up(const struct neighbours *n, uint16_t port)
{
	return datapath_ports(n->dp)->port[port].flags & PORT_UP;
}

static void ask_portion(uv_timer_t *timer);

static void ask_soon(struct neighbours *n)
{
	if (n->wanted.len)
		uv_timer_start(&n->soon, ask_portion, 0, 0);
}

static void ask(struct neighbours *n, const struct wanted_key *key, struct wanted *w)
{
	uint32_t ifindex = link_of(n, key->port);
	int err;

	w->tried = true;
	err = neighbour_keep(n->asker, ifindex, &key->addr);
	if (!err)
		w->asked = ifindex;
	else if (err != -ENETDOWN && err != -ENODEV)
		notes_set(n->notes, "next hops", "the kernel does not resolve the next hops of static "
			  "routes for us (%s): packets by them are left to it until it knows them by "
			  "itself", strerror(-err));
}

static void ask_portion(uv_timer_t *timer)
{
	struct neighbours *n = timer->data;
	const void *key;
	unsigned int asked = 0;
	size_t pos = 0;
	void *value;

	while (table_next(&n->wanted, &pos, &key, &value)) {
		const struct wanted_key *k = key;
		struct wanted *w = value;

		if (w->tried || !is_up(n, k->port))
			continue;
		if (asked++ == PORTION) {
			ask_soon(n);
			return;
		}
		ask(n, k, w);
	}
}

void neighbours_want(struct neighbours *n, const struct image *image)
{
	struct table before = n->wanted;
	const void *key;
	size_t pos = 0;
	void *value;

	if (!n->asker)
		return;
	n->wanted = TABLE(struct wanted_key, struct wanted);
	for (size_t i = 0; image && i < image->statics.len; i++) {
		const struct image_static *s = vec_at(&image->statics, i);

		for (unsigned int j = 0; j < s->hops; j++) {
			struct wanted_key k = { .addr = s->hop[j].via, .port = s->hop[j].port };
			const struct wanted *known = table_get(&before, &k);

			if (k.addr.family)
				*(struct wanted *)table_put(&n->wanted, &k, NULL) =
					known ? *known : (struct wanted){ 0 };
		}
	}
	while (table_next(&before, &pos, &key, &value)) {
		const struct wanted *w = value;

		if (w->asked && !table_get(&n->wanted, key))
			neighbour_release(n->asker, w->asked, &((const struct wanted_key *)key)->addr);
	}
	table_free(&before);
	if (!n->wanted.len)
		notes_clear(n->notes, "next hops");
	ask_soon(n);
}

void neighbours_link(struct neighbours *n, uint32_t ifindex)
{
	const void *key;
	size_t pos = 0;
	void *value;

	while (table_next(&n->wanted, &pos, &key, &value)) {
		struct wanted *w = value;

		if (w->asked == ifindex || link_of(n, ((const struct wanted_key *)key)->port) == ifindex)
			*w = (struct wanted){ 0 };
	}
	ask_soon(n);
}

void neighbours_used(struct neighbours *n, uint32_t ifindex, const struct addr *addr)
{
	int err = n->asker ? neighbour_use(n->asker, ifindex, addr) : 0;

	if (err && err != -ENETDOWN && err != -ENODEV)
		notes_set(n->notes, "neighbours", "the kernel does not refresh neighbours for us (%s): "
			  "one whose link-layer address changes without a word is sent to in vain",
			  strerror(-err));
}

struct neighbours *neighbours_open(uv_loop_t *loop, struct datapath *dp, struct notes *notes)
{
	struct neighbours *n = xcalloc(1, sizeof(*n));
	int err = neighbour_asker_open(&n->asker);

	n->dp = dp;
	n->notes = notes;
	n->wanted = TABLE(struct wanted_key, struct wanted);
	uv_timer_init(loop, &n->soon);
	n->soon.data = n;
	if (err)
		notes_set(notes, "next hops", "the next hops of static routes are not resolved: no "
			  "netlink socket (%s)", strerror(-err));
	return n;
}

static void closed(uv_handle_t *handle)
{
	struct neighbours *n = handle->data;

	neighbour_asker_close(n->asker);
	table_free(&n->wanted);
	free(n);
}

void neighbours_close(struct neighbours *n)
{
	uv_close((uv_handle_t *)&n->soon, closed);
}
