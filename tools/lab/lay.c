// SPDX-License-Identifier: GPL-2.0
/*
 * lay.c: namespaces, links, addresses and routes of a lab.
 *
 * What makes frames that XDP redirects arrive on a veth:
 *
 *  - its peer must poll (NAPI), or redirected frames vanish silently; a veth
 *    polls with a native XDP program on it, or with GRO on. So GRO is on everywhere.
 *  - nobody completes a checksum that the sender left to the device: XDP carries no
 *    such promise along. So checksum and segmentation offload are off everywhere.
 *
 * And what makes a lab quick and exact: no duplicate address detection, no router
 * solicitations, no reverse path filter, and an IPv6 route table without the old limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "lab.h"

/* Gives @input to "ip -batch -", in the namespace of a node or in this one. */
static int ip_batch(int netns, const char *where, const struct text *input)
{
	const char *const argv[] = { "ip", "-force", "-batch", "-", NULL };
	const struct child c = { .netns = netns, .input = text_string(input) };
	struct text said = { 0 };
	int code;

	if (!input->len)
		return 0;
	code = child_run(&c, argv, &said);
	if (code)
		lab_error("%s: ip: %s", where, code < 0 ? strerror(-code) : text_string(&said));
	text_free(&said);
	return code ? -1 : 0;
}

static int add_namespaces(struct lab *lab)
{
	for (unsigned int i = 0; i < lab->topology->nodes.len; i++) {
		char name[NAME_MAX], path[PATH_MAX];
		const char *const argv[] = {
			"ip", "netns", "add", lab_netns_name(lab, i, name), NULL };
		const struct child c = { .netns = -1 };
		struct text said = { 0 };
		int code = child_run(&c, argv, &said);

		if (code)
			lab_error("%s: ip netns add: %s", lab_node(lab, i)->name,
				  code < 0 ? strerror(-code) : text_string(&said));
		text_free(&said);
		if (code)
			return -1;
		snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
		lab->netns[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (lab->netns[i] < 0) {
			lab_error("%s: %s", path, strerror(errno));
			return -1;
		}
	}
	return 0;
}

/* ---- sysctls ------------------------------------------------------------ */

struct setting {
	const char *name, *value;
	enum { ALL, ROUTERS } whose;
	bool optional;		/* not every kernel has it */
};

static const struct setting settings[] = {
	{ "ipv4.conf.all.rp_filter",		"0", ALL, false },
	{ "ipv4.conf.default.rp_filter",	"0", ALL, false },
	{ "ipv4.icmp_echo_ignore_broadcasts",	"0", ALL, false },
	{ "ipv4.ping_group_range",		"0 2147483647", ALL, true },
	{ "ipv6.conf.all.accept_dad",		"0", ALL, true },
	{ "ipv6.conf.default.accept_dad",	"0", ALL, true },
	{ "ipv6.conf.default.dad_transmits",	"0", ALL, true },
	{ "ipv6.conf.default.router_solicitations", "0", ALL, true },
	{ "ipv6.conf.all.accept_ra",		"0", ALL, true },
	{ "ipv6.conf.default.accept_ra",	"0", ALL, true },
	{ "ipv6.route.max_size",		"2147483647", ALL, true },
	{ "ipv4.ip_forward",			"1", ROUTERS, false },
	{ "ipv6.conf.all.forwarding",		"1", ROUTERS, true },
	{ "ipv6.conf.default.forwarding",	"1", ROUTERS, true },
	{ "ipv4.fib_multipath_hash_policy",	"1", ROUTERS, true },
	{ "ipv6.fib_multipath_hash_policy",	"1", ROUTERS, true },
};

/* Below /proc/sys/net a process sees its own namespace's. */
static int write_sysctl(const char *name, const char *value)
{
	char path[PATH_MAX];
	int fd, err = 0, prefix;

	prefix = snprintf(path, sizeof(path), "/proc/sys/net/");
	if (snprintf(path + prefix, sizeof(path) - prefix, "%s", name) >= (int)sizeof(path) - prefix)
		return -ENAMETOOLONG;
	for (char *p = path + prefix; *p; p++)
		if (*p == '.')
			*p = '/';
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int write_settings(void *argument)
{
	const struct lab_node *node = argument;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct setting *s = &settings[i];
		int err;

		if (s->whose == ROUTERS && !node->router)
			continue;
		err = write_sysctl(s->name, s->value);
		if (err && !(err == -ENOENT && s->optional)) {
			lab_error("%s: sysctl net.%s: %s", node->name, s->name, strerror(-err));
			return -1;
		}
	}
	return 0;
}

/* The user's own come last, when the interfaces that they may name are there. */
static int write_own_sysctls(void *argument)
{
	const struct lab_node *node = argument;

	for (size_t i = 0; i < node->sysctls.len; i++) {
		const struct lab_sysctl *s = vec_at(&node->sysctls, i);
		int err = write_sysctl(s->name, s->value);

		if (err) {
			lab_error("%s: sysctl net.%s: %s", node->name, s->name, strerror(-err));
			return -1;
		}
	}
	return 0;
}

/* ---- links -------------------------------------------------------------- */

/*
 * Each interface of a lab has an index of its own: where the two ends of a veth have the same one,
 * which they may in two namespaces, the kernel takes a second to see that the link is up.
 */
#define FIRST_INDEX 10

static void print_end(struct text *out, struct lab *lab, const struct lab_interface *end,
		      unsigned int index)
{
	char name[NAME_MAX];

	text_printf(out, "index %u name %s ", FIRST_INDEX + index, end->name);
	if (end->has_mac) {
		char mac[MAC_STRLEN];

		text_printf(out, "address %s ", mac_format(end->mac, mac));
	}
	text_printf(out, "netns %s ", lab_netns_name(lab, end->node, name));
}

static int add_links(struct lab *lab)
{
	struct text batch = { 0 };
	int err;

	for (size_t i = 0; i < lab->topology->links.len; i++) {
		const struct lab_link *l = vec_at(&lab->topology->links, i);

		for (unsigned int e = 0; e < 2; e++) {
			if (l->mtu)
				text_printf(&batch, e ? "mtu %u " : "link add mtu %u ", l->mtu);
			else
				text_printf(&batch, e ? "" : "link add ");
			print_end(&batch, lab, &l->end[e], 2 * i + e);
			text_printf(&batch, e ? "\n" : "type veth peer ");
		}
	}
	err = ip_batch(-1, lab->id, &batch);
	text_free(&batch);
	return err;
}

static int set_feature(int fd, const char *interface, __u32 command, __u32 value)
{
	struct ethtool_value v = { .cmd = command, .data = value };
	struct ifreq request = { .ifr_data = (void *)&v };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* All interfaces of the namespace but lo; the order matters, since TSO needs checksums. */
static int set_features(void *argument)
{
	struct if_nameindex *all = if_nameindex();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	(void)argument;
	if (!all || fd < 0)
		err = -errno;
	for (struct if_nameindex *i = all; !err && i && i->if_index; i++) {
		if (!strcmp(i->if_name, "lo"))
			continue;
		err = set_feature(fd, i->if_name, ETHTOOL_STSO, 0);
		if (!err)
			err = set_feature(fd, i->if_name, ETHTOOL_STXCSUM, 0);
		if (!err)
			err = set_feature(fd, i->if_name, ETHTOOL_SGRO, 1);
		if (err)
			lab_error("%s: offloads: %s", i->if_name, strerror(-err));
	}
	if (all)
		if_freenameindex(all);
	if (fd >= 0)
		close(fd);
	return err;
}

/* ---- addresses and routes ----------------------------------------------- */

static void print_addresses(struct text *out, const char *interface, const struct vec *addresses)
{
	for (size_t i = 0; i < addresses->len; i++) {
		const struct lab_address *a = vec_at(addresses, i);
		char buf[ADDR_STRLEN];

		text_printf(out, "address add %s/%u dev %s%s\n", addr_format(&a->addr, buf), a->len,
			    interface, a->addr.family == ADDR_V6 ? " nodad" : "");
	}
}

static int add_addresses(struct lab *lab, unsigned int node)
{
	const struct lab_node *n = lab_node(lab, node);
	struct text batch = { 0 };
	int err;

	text_printf(&batch, "link set dev lo up\n");
	print_addresses(&batch, "lo", &n->loopback);
	for (size_t i = 0; i < lab->topology->links.len; i++) {
		const struct lab_link *l = vec_at(&lab->topology->links, i);

		for (unsigned int e = 0; e < 2; e++) {
			if (l->end[e].node != node)
				continue;
			print_addresses(&batch, l->end[e].name, &l->end[e].addresses);
			text_printf(&batch, "link set dev %s up\n", l->end[e].name);
		}
	}
	err = ip_batch(lab->netns[node], n->name, &batch);
	text_free(&batch);
	return err;
}

static int add_routes(struct lab *lab, unsigned int node)
{
	const struct lab_node *n = lab_node(lab, node);
	struct text batch = { 0 };
	int err;

	for (size_t i = 0; i < n->routes.len; i++) {
		const struct lab_route *r = vec_at(&n->routes, i);
		char to[PREFIX_STRLEN], via[ADDR_STRLEN];

		text_printf(&batch, "route add %s via %s\n", prefix_format(&r->to, to),
			    addr_format(&r->via, via));
	}
	err = ip_batch(lab->netns[node], n->name, &batch);
	text_free(&batch);
	return err;
}

int lab_lay(struct lab *lab)
{
	unsigned int nodes = lab->topology->nodes.len;

	if (add_namespaces(lab))
		return -1;
	for (unsigned int i = 0; i < nodes; i++)
		if (netns_call(lab->netns[i], write_settings, (void *)lab_node(lab, i)))
			return -1;
	if (add_links(lab))
		return -1;
	for (unsigned int i = 0; i < nodes; i++)
		if (netns_call(lab->netns[i], set_features, NULL) || add_addresses(lab, i))
			return -1;
	/* Routes when all links are up on both ends. */
	for (unsigned int i = 0; i < nodes; i++)
		if (add_routes(lab, i) ||
		    netns_call(lab->netns[i], write_own_sysctls, (void *)lab_node(lab, i)))
			return -1;
	return 0;
}
