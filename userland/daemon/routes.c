// SPDX-License-Identifier: GPL-2.0
/*
 * The loop's turns are kept short: mirror_step() reads some ten thousand routes at most, then
 * the others have their turn. What a change replaced is used again after a grace period,
 * which is waited for off the loop, while we listen and publish on. At most one period in
 * RECLAIM_MS, so that one does for all changes of that time.
 */
#include "daemon/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/delays.h"
#include "base/text.h"
#include "fib/fib.h"
#include "fib/route_tables.h"
#include "daemon/grace.h"
#include "daemon/log.h"
#include "datapath/datapath.h"
#include "image/image.h"
#include "lpm/lpm.h"
#include "netlink/mirror.h"

#define SECOND_MS	1000
#define RECLAIM_MS 100

struct routes {
	struct routes_owner owner;
	struct datapath *dp;
	struct grace *grace;
	struct image_routing routing;	/* what was asked for */
	struct tables *tables;
	struct lpm *lpm[ROUTE_TABLES_MAX][2];	/* IPv4, IPv6; as the fib has them, and behind them the bogons */
	struct fib *fib;
	struct mirror *mirror;
	struct vec statics;		/* of struct image_static, sorted: what the fib has of them */
	uv_poll_t poll;
	uv_timer_t reclaim;		/* runs while something is to be reclaimed, and no period is under way */
	uv_timer_t second;		/* looks which stale neighbours are sent to, and at a sysctl */
	unsigned int handles;		/* that the loop still has */
	bool ready, waiting;		/* for a grace period, of what was replaced before @mark */
	struct fib_mark mark;
	uint64_t woken_ns;		/* when what is in hand was about to be read */
	struct delays delays;
};

/* ---- publishing ------------------------------------------------------------ */

static void reclaim(uv_timer_t *timer);

static void reclaim_soon(struct routes *r)
{
	if (!r->waiting && fib_wants_reclaim(r->fib) && !uv_is_active((uv_handle_t *)&r->reclaim))
		uv_timer_start(&r->reclaim, reclaim, RECLAIM_MS, 0);
}

static void grace_is_over(void *ctx)
{
	struct routes *r = ctx;

	fib_reclaim_to(r->fib, &r->mark);
	r->waiting = false;
	reclaim_soon(r);
}

static void reclaim(uv_timer_t *timer)
{
	struct routes *r = timer->data;

	r->waiting = true;
	r->mark = fib_quiesce_mark(r->fib);
	grace_wait(r->grace, grace_is_over, r);
}

void routes_flush(struct routes *r)
{
	if (!r->ready)
		return;
	fib_flush(r->fib);
	reclaim_soon(r);
}

/* Called by the fib where a table has no room but for what waits for this. */
static void wait_now(void *user)
{
	(void)user;
	datapath_wait();
}

/* ---- what the kernel says ---------------------------------------------------- */

static void link_set(void *user, const struct kernel_link *link)
{
	struct routes *r = user;

	fib_link_set(r->fib, link);
	r->owner.link_set(r->owner.ctx, r, link);
}

static void link_gone(void *user, uint32_t ifindex)
{
	struct routes *r = user;

	fib_link_gone(r->fib, ifindex);
	r->owner.link_gone(r->owner.ctx, r, ifindex);
}

static void neighbour_set(void *user, const struct kernel_neighbour *neighbour)
{
	fib_neighbour_set(((struct routes *)user)->fib, neighbour);
}

static void neighbour_gone(void *user, uint32_t ifindex, const struct addr *addr)
{
	fib_neighbour_gone(((struct routes *)user)->fib, ifindex, addr);
}

static void nexthop_set(void *user, const struct kernel_nexthop *nexthop)
{
	fib_nexthop_object_set(((struct routes *)user)->fib, nexthop);
}

static void nexthop_gone(void *user, uint32_t id)
{
	fib_nexthop_object_gone(((struct routes *)user)->fib, id);
}

static void route_set(void *user, const struct kernel_route *route)
{
	fib_route_set(((struct routes *)user)->fib, route);
}

static void route_gone(void *user, const struct kernel_route *route)
{
	fib_route_gone(((struct routes *)user)->fib, route);
}

static void rule_set(void *user, const struct kernel_rule *rule)
{
	fib_rule_set(((struct routes *)user)->fib, rule);
}

static void rule_gone(void *user, const struct kernel_rule *rule)
{
	fib_rule_gone(((struct routes *)user)->fib, rule);
}

static void batch(void *user)
{
	struct routes *r = user;

	routes_flush(r);
	if (r->ready)
		delays_add(&r->delays, uv_hrtime() - r->woken_ns);
}

static void event(void *user, enum mirror_event event)
{
	struct routes *r = user;

	switch (event) {
	case MIRROR_SYNCED:
		r->ready = true;	/* the owner is told when the mirror has returned */
		break;
	case MIRROR_LOST:
		r->owner.lost(r->owner.ctx, r, true);
		break;
	case MIRROR_RESYNCED:
		r->owner.lost(r->owner.ctx, r, false);
		break;
	}
}

static void kernel_speaks(uv_poll_t *poll, int status, int events)
{
	struct routes *r = poll->data;
	bool was_ready = r->ready;
	int err;

	(void)status, (void)events;
	r->woken_ns = uv_hrtime();
	err = mirror_step(r->mirror);
	if (err < 0) {
		uv_poll_stop(poll);
		r->owner.broken(r->owner.ctx, r, err);
	} else if (r->ready && !was_ready) {
		r->owner.ready(r->owner.ctx, r);
	}
}

static void listen_to_kernel(struct routes *r)
{
	uv_poll_start(&r->poll, UV_READABLE, kernel_speaks);
}

/* ---- what tells flows apart --------------------------------------------------- */

/* The kernel does not tell when these change: they are looked at once a second. Of this network namespace. */
static void follow_hash_policy(struct routes *r)
{
	static const char *const paths[2] = { "/proc/sys/net/ipv4/fib_multipath_hash_policy",
					      "/proc/sys/net/ipv6/fib_multipath_hash_policy" };

	for (int i = 0; i < 2; i++) {
		unsigned int policy;
		FILE *f = fopen(paths[i], "re");

		if (f && fscanf(f, "%u", &policy) == 1)
			fib_hash_policy_set(r->fib, i ? ADDR_V6 : ADDR_V4, policy);
		if (f)
			fclose(f);
	}
}

/* ---- neighbours that are stale ------------------------------------------------- */

static void stale_used(void *user, uint32_t ifindex, const struct addr *addr)
{
	struct routes *r = user;

	r->owner.stale_used(r->owner.ctx, ifindex, addr);
}

static void each_second(uv_timer_t *timer)
{
	struct routes *r = timer->data;

	follow_hash_policy(r);
	fib_used_stale(r->fib, stale_used, r);
}

/* ---- life ---------------------------------------------------------------------- */

static uint16_t get_counter(void *user, const struct addr *via, const char *interface)
{
	return datapath_hop_counter_get(user, via, interface);
}

static void put_counter(void *user, uint16_t counter)
{
	datapath_hop_counter_put(user, counter);
}

static int make_tables(struct routes *r, struct text *why)
{
	const struct image_routing *routing = &r->routing;
	struct fib_table other[ROUTE_TABLES_MAX];
	uint16_t port[PORTS_MAX];
	struct fib_memory memory = {
		.grace = wait_now, .other = other, .others = routing->tables.len,
		.without_main = !routing->limit4, .sources = routing->sources,
	};
	const struct fib_counters counters = { get_counter, put_counter, r->dp };
	struct lpm_shape shape[2];
	int err = 0;

	if (routing->counted_hops) {
		memory.counters = &counters;
		err = datapath_count_hops(r->dp, why);
	}
	if (err)
		return err;
	for (int i = 0; i < 2; i++) {
		err = route_tables_size(routing, i ? ADDR_V6 : ADDR_V4, &shape[i]);
		if (err) {
			text_printf(why, "no tables take so many IPv%d routes: %s", i ? 6 : 4,
				    strerror(-err));
			return err;
		}
	}
	err = tables_new(r->dp, &shape[0], &shape[1], &r->tables, why);
	if (err)
		return err;
	for (int i = 0; i < 2; i++) {
		uint8_t family = i ? ADDR_V6 : ADDR_V4;

		err = route_tables_make(routing, family, &shape[i], tables_lpm(r->tables, family), r->lpm);
		if (err) {
			text_printf(why, "the IPv%d bogons do not fit into a table: %s", i ? 6 : 4,
				    strerror(-err));
			return err;
		}
	}
	route_tables_describe(routing, r->lpm, other, port);
	memory.nexthops = tables_nexthops(r->tables);
	memory.lpm4 = routing->limit4 ? r->lpm[0][0] : NULL;
	memory.lpm6 = routing->limit4 ? r->lpm[0][1] : NULL;
	r->fib = fib_new(&memory);
	follow_hash_policy(r);
	return 0;
}

/* Tables to hear of: those that a packet can be looked up in, and local and default beside main. */
static size_t list_tables(const struct image_routing *routing, uint32_t table[3 + ROUTE_TABLES_MAX])
{
	size_t n = 0;

	if (routing->limit4 || routing->tables.len)
		table[n++] = KERNEL_TABLE_LOCAL;
	if (routing->limit4) {
		table[n++] = KERNEL_TABLE_MAIN;
		table[n++] = KERNEL_TABLE_DEFAULT;
	}
	for (size_t i = 0; i < routing->tables.len; i++)
		table[n++] = ((struct image_table *)vec_at(&routing->tables, i))->number;
	return n;
}

static int open_mirror(struct routes *r, struct text *why)
{
	static const struct mirror_callbacks callbacks = {
		.link_set = link_set,
		.link_gone = link_gone,
		.neighbour_set = neighbour_set,
		.neighbour_gone = neighbour_gone,
		.nexthop_set = nexthop_set,
		.nexthop_gone = nexthop_gone,
		.route_set = route_set,
		.route_gone = route_gone,
		.rule_set = rule_set,
		.rule_gone = rule_gone,
		.batch = batch,
		.event = event,
	};
	uint32_t table[3 + ROUTE_TABLES_MAX];
	struct mirror_options options = { .tables = table, .table_count = list_tables(&r->routing, table) };
	int err;

	err = mirror_open(&r->mirror, &callbacks, r, &options);
	if (err)
		text_printf(why, "cannot listen to the kernel's network (rtnetlink): %s",
			    strerror(-err));
	return err;
}

static void free_routes(struct routes *r)
{
	mirror_close(r->mirror);
	fib_free(r->fib);
	vec_free(&r->statics);
	for (int t = 0; t < ROUTE_TABLES_MAX; t++)
		for (int i = 0; i < 2; i++)
			lpm_leave(r->lpm[t][i]);
	image_routing_free(&r->routing);
	tables_free(r->tables);
	free(r);
}

int routes_open(uv_loop_t *loop, struct datapath *dp, struct grace *grace,
		const struct image_routing *routing, const struct routes_owner *owner,
		struct routes **out, struct text *why)
{
	struct routes *r = xcalloc(1, sizeof(*r));
	int err;

	r->owner = *owner;
	r->statics = VEC(struct image_static);
	r->dp = dp;
	r->grace = grace;
	image_routing_copy(&r->routing, routing);
	err = make_tables(r, why);
	if (!err)
		err = open_mirror(r, why);
	if (err) {
		free_routes(r);
		return err;
	}
	uv_poll_init(loop, &r->poll, mirror_fd(r->mirror));
	uv_timer_init(loop, &r->reclaim);
	uv_timer_init(loop, &r->second);
	r->poll.data = r->reclaim.data = r->second.data = r;
	r->handles = 3;
	uv_timer_start(&r->second, each_second, SECOND_MS, SECOND_MS);
	listen_to_kernel(r);
	*out = r;
	return 0;
}

static void handle_closed(uv_handle_t *handle)
{
	struct routes *r = handle->data;

	if (--r->handles == 0)
		free_routes(r);
}

void routes_close(struct routes *r)
{
	if (!r)
		return;
	grace_forget(r->grace, r);
	uv_close((uv_handle_t *)&r->poll, handle_closed);
	uv_close((uv_handle_t *)&r->reclaim, handle_closed);
	uv_close((uv_handle_t *)&r->second, handle_closed);
}

/* ---- questions -------------------------------------------------------------------- */

bool routes_fit(const struct routes *r, const struct image_routing *routing)
{
	return image_routing_equal(&r->routing, routing);
}

bool routes_ready(const struct routes *r)
{
	return r->ready;
}

void routes_port_set(struct routes *r, uint32_t ifindex, uint16_t port)
{
	fib_port_set(r->fib, ifindex, port);
}

static bool same_static(const struct image_static *a, const struct image_static *b)
{
	if (a->hops != b->hops)
		return false;
	for (unsigned int i = 0; i < a->hops; i++)
		if (a->hop[i].port != b->hop[i].port || !addr_equal(&a->hop[i].via, &b->hop[i].via))
			return false;
	return true;
}

/* Both lists are sorted: one walk finds what went, what came, and what changed. */
void routes_set_statics(struct routes *r, const struct vec *statics)
{
	const struct image_static *old = r->statics.data, *old_end = old + r->statics.len;
	const struct image_static *new = statics->data, *new_end = new + statics->len;
	struct vec kept = VEC(struct image_static);

	while (old < old_end || new < new_end) {
		int order = old == old_end ? 1 : new == new_end ? -1 :
			    prefix_cmp(&old->prefix, &new->prefix);

		if (order < 0)
			fib_static_gone(r->fib, &old->prefix);
		else if (order > 0 || !same_static(old, new))
			fib_static_set(r->fib, new);
		old += order <= 0;
		new += order >= 0;
	}
	vec_reserve(&kept, statics->len);
	for (size_t i = 0; i < statics->len; i++)
		vec_append(&kept, vec_at(statics, i));
	vec_free(&r->statics);
	r->statics = kept;
}

struct tables *routes_tables(const struct routes *r)
{
	return r->tables;
}

const struct fib *routes_fib(const struct routes *r)
{
	return r->fib;
}

const struct delays *routes_delays(const struct routes *r)
{
	return &r->delays;
}

const struct lpm *routes_lpm(const struct routes *r, uint8_t family)
{
	return r->lpm[0][family == ADDR_V6];
}
