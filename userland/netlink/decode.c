// SPDX-License-Identifier: GPL-2.0
#include "netlink/decode.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

bool decode_fits(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left;
}

static uint8_t family_of(unsigned int af)
{
	return af == AF_INET ? ADDR_V4 : af == AF_INET6 ? ADDR_V6 : ADDR_NONE;
}

static size_t payload(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a);
}

static bool get_u32(const struct nlattr *a, uint32_t *to)
{
	if (payload(a) < 4)
		return false;
	*to = mnl_attr_get_u32(a);
	return true;
}

static bool get_addr(const struct nlattr *a, uint8_t family, struct addr *to)
{
	if (!family || payload(a) < addr_bits(family) / 8)
		return false;
	*to = addr_from_bytes(family, mnl_attr_get_payload(a));
	return true;
}

static void get_name(const struct nlattr *a, char *to, size_t size)
{
	size_t n = strnlen(mnl_attr_get_payload(a), payload(a));

	if (n >= size)
		n = size - 1;
	memcpy(to, mnl_attr_get_payload(a), n);
	to[n] = '\0';
}

static unsigned int type_of(const struct nlattr *a)
{
	return mnl_attr_get_type(a);	/* without the nested and byte order flags */
}

/* ---- links ---------------------------------------------------------------- */

static void decode_vlan(const struct nlattr *data, struct kernel_link *link)
{
	const struct nlattr *a;
	uint16_t id = 0, protocol = htobe16(ETH_P_8021Q);

	mnl_attr_for_each_nested(a, data) {
		if (type_of(a) == IFLA_VLAN_ID && payload(a) >= 2)
			id = mnl_attr_get_u16(a);
		else if (type_of(a) == IFLA_VLAN_PROTOCOL && payload(a) >= 2)
			protocol = mnl_attr_get_u16(a);
	}
	if (protocol == htobe16(ETH_P_8021Q))
		link->vlan = id;
}

static void decode_link_info(const struct nlattr *info, struct kernel_link *link)
{
	const struct nlattr *a, *data = NULL;

	mnl_attr_for_each_nested(a, info) {
		if (type_of(a) == IFLA_INFO_KIND)
			get_name(a, link->kind, sizeof(link->kind));
		else if (type_of(a) == IFLA_INFO_DATA)
			data = a;
	}
	if (data && !strcmp(link->kind, "vlan"))
		decode_vlan(data, link);
	if (data && !strcmp(link->kind, "vrf"))
		mnl_attr_for_each_nested(a, data)
			if (type_of(a) == IFLA_VRF_TABLE)
				get_u32(a, &link->vrf_table);
}

/* IPv6 keeps an MTU of its own for an interface, never above the link's. */
static void decode_families(const struct nlattr *spec, struct kernel_link *link)
{
	const struct nlattr *family, *a;

	mnl_attr_for_each_nested(family, spec) {
		if (type_of(family) != AF_INET6)
			continue;
		mnl_attr_for_each_nested(a, family)
			if (type_of(a) == IFLA_INET6_CONF && payload(a) >= (DEVCONF_MTU6 + 1) * 4)
				memcpy(&link->mtu6, (char *)mnl_attr_get_payload(a) + DEVCONF_MTU6 * 4, 4);
	}
}

int decode_link(const struct nlmsghdr *nlh, struct kernel_link *link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	bool elsewhere = false;
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return -EINVAL;
	if (ifi->ifi_family != AF_UNSPEC)	/* a bridge's view of a port, IPv6's of a link */
		return 1;
	memset(link, 0, sizeof(*link));
	link->ifindex = ifi->ifi_index;
	link->up = ifi->ifi_flags & IFF_UP;
	link->carrier = ifi->ifi_flags & IFF_LOWER_UP;
	link->noarp = ifi->ifi_flags & IFF_NOARP;
	link->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (type_of(a)) {
		case IFLA_IFNAME:
			get_name(a, link->name, sizeof(link->name));
			break;
		case IFLA_MTU:
			if (!get_u32(a, &link->mtu))
				return -EINVAL;
			break;
		case IFLA_ADDRESS:
			link->mac_len = payload(a) < UINT8_MAX ? payload(a) : UINT8_MAX;
			if (link->mac_len == 6)
				memcpy(link->mac, mnl_attr_get_payload(a), 6);
			break;
		case IFLA_LINK:
			if (!get_u32(a, &link->lower))
				return -EINVAL;
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_MASTER:
			if (!get_u32(a, &link->master))
				return -EINVAL;
			break;
		case IFLA_LINKINFO:
			decode_link_info(a, link);
			break;
		case IFLA_AF_SPEC:
			decode_families(a, link);
			break;
		}
	}
	if (elsewhere)
		link->lower = 0;
	return link->ifindex ? 0 : -EINVAL;
}

/* ---- addresses, neighbours, rules ----------------------------------------- */

int decode_address(const struct nlmsghdr *nlh, struct kernel_address *address)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr local = { 0 }, peer = { 0 };
	const struct nlattr *a;
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa))
		return -EINVAL;
	family = family_of(ifa->ifa_family);
	if (!family)
		return 1;
	memset(address, 0, sizeof(*address));
	address->ifindex = ifa->ifa_index;
	address->len = ifa->ifa_prefixlen;
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		if (type_of(a) == IFA_LOCAL && !get_addr(a, family, &local))
			return -EINVAL;
		if (type_of(a) == IFA_ADDRESS && !get_addr(a, family, &peer))
			return -EINVAL;
	}
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	address->addr = local.family ? local : peer;
	return address->addr.family && address->len <= addr_bits(family) ? 0 : -EINVAL;
}

int decode_neighbour(const struct nlmsghdr *nlh, struct kernel_neighbour *n)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	uint32_t flags;
	uint8_t family;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nd))
		return -EINVAL;
	family = family_of(nd->ndm_family);
	if (!family || nd->ndm_flags & NTF_PROXY)
		return 1;
	memset(n, 0, sizeof(*n));
	n->ifindex = nd->ndm_ifindex;
	n->state = nd->ndm_state;
	n->flags = nd->ndm_flags;
	mnl_attr_for_each(a, nlh, sizeof(*nd)) {
		if (type_of(a) == NDA_DST && !get_addr(a, family, &n->addr))
			return -EINVAL;
		if (type_of(a) == NDA_LLADDR && payload(a) == 6) {
			n->mac_len = 6;
			memcpy(n->mac, mnl_attr_get_payload(a), 6);
		}
		if (type_of(a) == NDA_FLAGS_EXT && get_u32(a, &flags))
			n->managed = flags & NTF_EXT_MANAGED;
	}
	return n->addr.family ? 0 : -EINVAL;
}

/* A selector or limit of a rule that is only known by its kind. */
static uint8_t rule_flag(const struct nlattr *a)
{
	switch (type_of(a)) {
	case FRA_L3MDEV:
		return payload(a) && *(const uint8_t *)mnl_attr_get_payload(a) ? KERNEL_RULE_L3MDEV : 0;
	case FRA_IP_PROTO:
	case FRA_SPORT_RANGE:
	case FRA_DPORT_RANGE:
		return KERNEL_RULE_PORTS;
	case FRA_SUPPRESS_IFGROUP:
	case FRA_SUPPRESS_PREFIXLEN:	/* -1: does nothing */
		return payload(a) >= 4 && mnl_attr_get_u32(a) == UINT32_MAX ? 0 : KERNEL_RULE_SUPPRESS;
	case FRA_PROTOCOL:
	case FRA_FLOW:			/* a class to count in, no selector */
	case FRA_PAD:
		return 0;
	default:
		return KERNEL_RULE_OTHER;
	}
}

int decode_rule(const struct nlmsghdr *nlh, struct kernel_rule *rule)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh))
		return -EINVAL;
	memset(rule, 0, sizeof(*rule));
	rule->family = family_of(frh->family);
	if (!rule->family)
		return 1;
	rule->action = frh->action;
	rule->table = frh->table;
	if (frh->src_len > addr_bits(rule->family) || frh->dst_len > addr_bits(rule->family))
		return -EINVAL;
	rule->from.len = frh->src_len;
	rule->to.len = frh->dst_len;
	rule->flags = (frh->tos ? KERNEL_RULE_TOS : 0) |
		      (frh->flags & FIB_RULE_INVERT ? KERNEL_RULE_INVERT : 0);
	mnl_attr_for_each(a, nlh, sizeof(*frh)) {
		switch (type_of(a)) {
		case FRA_PRIORITY:
			if (!get_u32(a, &rule->priority))
				return -EINVAL;
			break;
		case FRA_TABLE:
			if (!get_u32(a, &rule->table))
				return -EINVAL;
			break;
		case FRA_SRC:
			if (!get_addr(a, rule->family, &rule->from.addr))
				return -EINVAL;
			break;
		case FRA_DST:
			if (!get_addr(a, rule->family, &rule->to.addr))
				return -EINVAL;
			break;
		case FRA_IIFNAME:
			get_name(a, rule->iif, sizeof(rule->iif));
			break;
		case FRA_OIFNAME:
			get_name(a, rule->oif, sizeof(rule->oif));
			break;
		case FRA_FWMARK:
			if (!get_u32(a, &rule->mark))
				return -EINVAL;
			rule->flags |= KERNEL_RULE_MARK;
			break;
		case FRA_FWMASK:
			if (!get_u32(a, &rule->mark_mask))
				return -EINVAL;
			rule->flags |= rule->mark_mask ? KERNEL_RULE_MARK : 0;
			break;
		default:
			rule->flags |= rule_flag(a);
		}
	}
	rule->from = prefix_canonical(rule->from);
	rule->to = prefix_canonical(rule->to);
	if (rule->flags & KERNEL_RULE_L3MDEV)
		rule->table = 0;
	return 0;
}

/* ---- nexthop objects ------------------------------------------------------ */

static int decode_members(const struct nlattr *a, struct decoded_nexthop *d)
{
	const struct nexthop_grp *g = mnl_attr_get_payload(a);
	size_t n = payload(a) / sizeof(*g);

	if (!n || payload(a) % sizeof(*g))
		return -EINVAL;
	if (n > DECODE_PATHS_MAX)
		n = DECODE_PATHS_MAX;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *raw = (const uint8_t *)&g[i];

		d->member[i].id = g[i].id;
		/* From Linux 6.12 on the byte behind it has the weight's high bits; 0 before. */
		d->member[i].weight = (raw[4] | raw[5] << 8) + 1;
	}
	d->nexthop.members = n;
	return 0;
}

static bool get_u16(const struct nlattr *a, uint32_t *to)
{
	if (payload(a) < 2)
		return false;
	*to = mnl_attr_get_u16(a);
	return true;
}

static int decode_resilience(const struct nlattr *group, struct kernel_nexthop *n)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, group)
		if (type_of(a) == NHA_RES_GROUP_BUCKETS && !get_u16(a, &n->buckets))
			return -EINVAL;
	return 0;
}

int decode_bucket(const struct nlmsghdr *nlh, struct decoded_bucket *bucket)
{
	const struct nlattr *a, *in, *about = NULL;
	bool index = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nhmsg))
		return -EINVAL;
	*bucket = (struct decoded_bucket){ 0 };
	mnl_attr_for_each(a, nlh, sizeof(struct nhmsg)) {
		if (type_of(a) == NHA_ID && !get_u32(a, &bucket->group))
			return -EINVAL;
		if (type_of(a) == NHA_RES_BUCKET)
			about = a;
	}
	if (!about)
		return -EINVAL;
	mnl_attr_for_each_nested(in, about) {
		if (type_of(in) == NHA_RES_BUCKET_INDEX)
			index = get_u16(in, &bucket->index);
		else if (type_of(in) == NHA_RES_BUCKET_NH_ID && !get_u32(in, &bucket->member))
			return -EINVAL;
	}
	return bucket->group && index && bucket->member ? 0 : -EINVAL;
}

int decode_nexthop(const struct nlmsghdr *nlh, struct decoded_nexthop *d)
{
	const struct nhmsg *nhm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *gateway = NULL;
	struct kernel_nexthop *n = &d->nexthop;
	int err;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nhm))
		return -EINVAL;
	memset(d, 0, sizeof(*d));
	n->protocol = nhm->nh_protocol;
	n->member = d->member;
	n->path.weight = 1;
	if (nhm->nh_flags & RTNH_F_ONLINK)
		n->path.flags |= KERNEL_PATH_ONLINK;
	mnl_attr_for_each(a, nlh, sizeof(*nhm)) {
		switch (type_of(a)) {
		case NHA_ID:
			if (!get_u32(a, &n->id))
				return -EINVAL;
			break;
		case NHA_GROUP:
			err = decode_members(a, d);
			if (err)
				return err;
			break;
		case NHA_RES_GROUP:
			err = decode_resilience(a, n);
			if (err)
				return err;
			break;
		case NHA_BLACKHOLE:
			n->flags |= KERNEL_NEXTHOP_BLACKHOLE;
			break;
		case NHA_FDB:
			n->flags |= KERNEL_NEXTHOP_FDB;
			break;
		case NHA_OIF:
			if (!get_u32(a, &n->path.ifindex))
				return -EINVAL;
			break;
		case NHA_GATEWAY:
			gateway = a;
			break;
		case NHA_ENCAP:
		case NHA_ENCAP_TYPE:
			n->path.flags |= KERNEL_PATH_ENCAP;
			break;
		}
	}
	if (gateway && !get_addr(gateway, payload(gateway) == 4 ? ADDR_V4 : ADDR_V6, &n->path.via))
		return -EINVAL;
	return n->id ? 0 : -EINVAL;
}

/* ---- routes --------------------------------------------------------------- */

/* RTA_VIA: a gateway of the other family. */
static bool get_via(const struct nlattr *a, struct addr *to)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	uint8_t family;

	if (payload(a) < sizeof(*via))
		return false;
	family = family_of(via->rtvia_family);
	if (!family || payload(a) < sizeof(*via) + addr_bits(family) / 8)
		return false;
	*to = addr_from_bytes(family, via->rtvia_addr);
	return true;
}

/* What a route has for its one path, and a hop of a multipath route for its own. */
static int decode_path_attr(const struct nlattr *a, uint8_t family, struct kernel_path *path)
{
	switch (type_of(a)) {
	case RTA_OIF:
		return get_u32(a, &path->ifindex) ? 0 : -EINVAL;
	case RTA_GATEWAY:
		return get_addr(a, family, &path->via) ? 0 : -EINVAL;
	case RTA_VIA:
		return get_via(a, &path->via) ? 0 : -EINVAL;
	case RTA_ENCAP:
	case RTA_ENCAP_TYPE:
	case RTA_NEWDST:
		path->flags |= KERNEL_PATH_ENCAP;
	}
	return 0;
}

static int decode_multipath(const struct nlattr *multipath, struct decoded_route *d)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	size_t left = payload(multipath);
	unsigned int n = 0;
	int err;

	while (left >= sizeof(*hop)) {
		struct kernel_path *path = &d->path[n];
		const struct nlattr *a;

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > left)
			return -EINVAL;
		if (n < DECODE_PATHS_MAX) {
			memset(path, 0, sizeof(*path));
			path->ifindex = hop->rtnh_ifindex;
			path->weight = hop->rtnh_hops + 1;
			if (hop->rtnh_flags & RTNH_F_ONLINK)
				path->flags |= KERNEL_PATH_ONLINK;
			if (hop->rtnh_flags & RTNH_F_DEAD)
				path->flags |= KERNEL_PATH_DEAD;
			for (a = (void *)RTNH_DATA(hop);
			     mnl_attr_ok(a, (char *)hop + hop->rtnh_len - (char *)a);
			     a = mnl_attr_next(a)) {
				err = decode_path_attr(a, d->route.prefix.addr.family, path);
				if (err)
					return err;
			}
			n++;
		}
		if ((size_t)RTNH_ALIGN(hop->rtnh_len) >= left)
			break;
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	d->route.paths = n;
	return n ? 0 : -EINVAL;
}

static int decode_metrics(const struct nlattr *metrics, struct kernel_route *r)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, metrics)
		if (type_of(a) == RTAX_MTU && !get_u32(a, &r->mtu))
			return -EINVAL;
	return 0;
}

int decode_route(const struct nlmsghdr *nlh, struct decoded_route *d)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *multipath = NULL;
	struct kernel_route *r = &d->route;
	struct kernel_path path = { .weight = 1 };
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return -EINVAL;
	memset(r, 0, sizeof(*r));
	d->prefsrc = (struct addr){ 0 };
	r->prefix.addr.family = family_of(rtm->rtm_family);
	if (!r->prefix.addr.family || rtm->rtm_flags & RTM_F_CLONED)
		return 1;
	if (rtm->rtm_dst_len > addr_bits(r->prefix.addr.family))
		return -EINVAL;
	r->prefix.len = rtm->rtm_dst_len;
	r->tos = rtm->rtm_tos;
	/*
	 * A route for some sources only (IPv6, which has no routes by TOS): like one by TOS it is
	 * chosen by more than the destination, and that is all that anybody needs to know of it.
	 */
	if (rtm->rtm_src_len)
		r->tos = 1;
	r->type = rtm->rtm_type;
	r->protocol = rtm->rtm_protocol;
	r->scope = rtm->rtm_scope;
	r->table = rtm->rtm_table;
	r->path = d->path;
	if (rtm->rtm_flags & RTNH_F_ONLINK)
		path.flags |= KERNEL_PATH_ONLINK;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		switch (type_of(a)) {
		case RTA_DST:
			if (!get_addr(a, r->prefix.addr.family, &r->prefix.addr))
				return -EINVAL;
			break;
		case RTA_TABLE:
			err |= !get_u32(a, &r->table);
			break;
		case RTA_PRIORITY:
			err |= !get_u32(a, &r->metric);
			break;
		case RTA_NH_ID:
			err |= !get_u32(a, &r->nexthop_id);
			break;
		case RTA_PREFSRC:
			err |= !get_addr(a, r->prefix.addr.family, &d->prefsrc);
			break;
		case RTA_METRICS:
			err |= decode_metrics(a, r);
			break;
		case RTA_MULTIPATH:
			multipath = a;
			break;
		default:
			err |= decode_path_attr(a, r->prefix.addr.family, &path);
		}
	}
	if (err)
		return -EINVAL;
	r->prefix = prefix_canonical(r->prefix);
	if (r->nexthop_id) {	/* what else it says of its way is the object's, and changes with it */
		if (r->type == RTN_BLACKHOLE)
			r->type = RTN_UNICAST;
		return 0;
	}
	if (multipath)
		return decode_multipath(multipath, d);
	if (path.ifindex) {
		d->path[0] = path;
		r->paths = 1;
	}
	return 0;
}
