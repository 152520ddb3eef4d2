// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what the kernel might write to an rtnetlink socket: messages, one behind the other.
 * Each is decoded, and what came out must keep the promises of base/kernel.h. Routes go on
 * into the store of their family, as news or, where NLM_F_MULTI is set, as part of a dump that
 * NLMSG_DONE ends: what the store reports must be a story that holds together.
 */
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "netlink/decode.h"
#include "netlink/routes.h"

#define must(condition) do { if (!(condition)) abort(); } while (0)

/* What is reported, by key. */
struct key {
	struct prefix prefix;
	uint8_t tos, pad[1];
	uint32_t table, metric;
};

struct world {
	struct routes routes[2];
	struct table reported;
};

static void check_addr(const struct addr *a)
{
	must(a->family == ADDR_NONE || a->family == ADDR_V4 || a->family == ADDR_V6);
}

static void check_path(const struct kernel_path *p)
{
	check_addr(&p->via);
	must(!p->pad && !p->pad2[0] && !p->pad2[1] && !p->pad2[2]);	/* paths are hashed whole */
}

static void check_route(const struct kernel_route *r, bool key_only)
{
	struct prefix canonical;

	must(r->prefix.addr.family == ADDR_V4 || r->prefix.addr.family == ADDR_V6);
	must(r->prefix.len <= addr_bits(r->prefix.addr.family));
	canonical = prefix_canonical(r->prefix);
	must(!memcmp(&canonical, &r->prefix, sizeof(canonical)));
	if (key_only)
		return;
	must(r->paths <= DECODE_PATHS_MAX && (!r->nexthop_id || !r->paths));
	for (unsigned int i = 0; i < r->paths; i++)
		check_path(&r->path[i]);
}

static void hear(void *user, const struct kernel_route *r, bool gone)
{
	struct world *w = user;
	struct key key;
	bool fresh;

	memset(&key, 0, sizeof(key));
	key.prefix = r->prefix;
	key.tos = r->tos;
	key.table = r->table;
	key.metric = r->metric;
	check_route(r, gone);
	if (gone) {
		must(table_del(&w->reported, &key));
		return;
	}
	table_put(&w->reported, &key, &fresh);
}

static void take_route(struct world *w, const struct nlmsghdr *nlh, struct decoded_route *d)
{
	struct routes *r = &w->routes[d->route.prefix.addr.family == ADDR_V6];

	check_route(&d->route, false);
	check_addr(&d->prefsrc);
	if (nlh->nlmsg_type == RTM_DELROUTE)
		routes_deleted(r, d);
	else if (nlh->nlmsg_flags & NLM_F_MULTI && r->dumping)
		routes_dumped(r, d);
	else
		routes_new(r, d, nlh->nlmsg_flags);
}

/* Ends the dumps that run, or begins them. */
static void take_done(struct world *w, const struct nlmsghdr *nlh)
{
	for (int i = 0; i < 2; i++) {
		if (w->routes[i].dumping)
			routes_dump_end(&w->routes[i], !(nlh->nlmsg_flags & NLM_F_DUMP_INTR));
		else
			routes_dump_begin(&w->routes[i]);
	}
}

static void take(struct world *w, const struct nlmsghdr *nlh)
{
	static struct decoded_nexthop nexthop;
	static struct decoded_route route;
	struct kernel_neighbour neighbour;
	struct kernel_address address;
	struct decoded_bucket bucket;
	struct kernel_link link;
	struct kernel_rule rule;
	int err = 0;

	switch (nlh->nlmsg_type) {
	case NLMSG_DONE:
		take_done(w, nlh);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		err = decode_link(nlh, &link);
		must(err || (link.ifindex && memchr(link.name, 0, sizeof(link.name)) &&
			     memchr(link.kind, 0, sizeof(link.kind))));
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		err = decode_address(nlh, &address);
		must(err || (address.addr.family && address.len <= addr_bits(address.addr.family)));
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		err = decode_neighbour(nlh, &neighbour);
		must(err || (neighbour.addr.family && (neighbour.mac_len == 6 || !neighbour.mac_len)));
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		err = decode_rule(nlh, &rule);
		must(err || rule.family);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		err = decode_nexthop(nlh, &nexthop);
		if (err)
			break;
		must(nexthop.nexthop.id && nexthop.nexthop.members <= DECODE_PATHS_MAX);
		check_path(&nexthop.nexthop.path);
		break;
	case RTM_NEWNEXTHOPBUCKET:
		err = decode_bucket(nlh, &bucket);
		must(err || (bucket.group && bucket.member && bucket.index <= UINT16_MAX));
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = decode_route(nlh, &route);
		if (!err)
			take_route(w, nlh, &route);
		break;
	}
	must(err <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct world w = { .reported = TABLE(struct key, uint8_t) };
	/* A copy of its own, so that a byte behind the end is noticed; aligned, as a buffer is. */
	void *copy = malloc(len + !len);
	const struct nlmsghdr *nlh = copy;
	int left = len;

	must(copy);
	memcpy(copy, bytes, len);
	routes_init(&w.routes[0], ADDR_V4, hear, &w);
	routes_init(&w.routes[1], ADDR_V6, hear, &w);
	for (; decode_fits(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		take(&w, nlh);
	must(w.reported.len == w.routes[0].len + w.routes[1].len);
	routes_free(&w.routes[0]);
	routes_free(&w.routes[1]);
	table_free(&w.reported);
	free(copy);
	return 0;
}
