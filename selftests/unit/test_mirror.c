// SPDX-License-Identifier: GPL-2.0
/*
 * The mirror and the join against a real kernel, in a network namespace of its own: random
 * changes of routes, nexthop objects, neighbours, addresses and links by ip -batch, then the
 * kernel is asked where it would send random addresses, and the join must say the same.
 *
 * First with a receive buffer that nothing overflows, so that each notification, and each that
 * the kernel does not send, must be understood; then with one so small that most are lost; then
 * with a flood of routes that a neighbour must not wait behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fib/fib.h"
#include "lpm/lpm.h"
#include "netlink/decode.h"
#include "netlink/mirror.h"

#define VETHS	4	/* v0-w0 to v3-w3; ports are v0 to v3 */
#define NHIDS	10

static struct world {
	struct fib *fib;
	struct nexthops *nexthops;
	struct lpm *lpm[2];
	struct mirror *mirror;
	unsigned int resynced;
	bool synced;
	int ask;		/* a netlink socket for questions */
} w;

static unsigned int below(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* ---- the mirror feeds the join -------------------------------------------- */

static void link_set(void *user, const struct kernel_link *l)
{
	(void)user;
	fib_link_set(w.fib, l);
	fib_port_set(w.fib, l->ifindex, l->name[0] == 'v' ? 1 + l->name[1] - '0' : 0);
}

static void link_gone(void *user, uint32_t ifindex)
{
	(void)user;
	fib_link_gone(w.fib, ifindex);
	fib_port_set(w.fib, ifindex, 0);
}

static void neighbour_set(void *user, const struct kernel_neighbour *n)
{
	(void)user;
	fib_neighbour_set(w.fib, n);
}

static void neighbour_gone(void *user, uint32_t ifindex, const struct addr *addr)
{
	(void)user;
	fib_neighbour_gone(w.fib, ifindex, addr);
}

static void nexthop_set(void *user, const struct kernel_nexthop *n)
{
	(void)user;
	fib_nexthop_object_set(w.fib, n);
}

static void nexthop_gone(void *user, uint32_t id)
{
	(void)user;
	fib_nexthop_object_gone(w.fib, id);
}

static void route_set(void *user, const struct kernel_route *r)
{
	(void)user;
	fib_route_set(w.fib, r);
}

static void route_gone(void *user, const struct kernel_route *r)
{
	(void)user;
	fib_route_gone(w.fib, r);
}

static void rule_set(void *user, const struct kernel_rule *r)
{
	(void)user;
	fib_rule_set(w.fib, r);
}

static void batch(void *user)
{
	(void)user;
	if (w.synced)
		fib_flush(w.fib);
}

static void event(void *user, enum mirror_event e)
{
	(void)user;
	w.resynced += e == MIRROR_RESYNCED;
	if (e == MIRROR_SYNCED) {
		w.synced = true;
		fib_flush(w.fib);
	}
}

static void open_world(size_t receive_buffer)
{
	static const struct mirror_callbacks callbacks = {
		.link_set = link_set, .link_gone = link_gone,
		.neighbour_set = neighbour_set, .neighbour_gone = neighbour_gone,
		.nexthop_set = nexthop_set, .nexthop_gone = nexthop_gone,
		.route_set = route_set, .route_gone = route_gone, .rule_set = rule_set,
		.batch = batch, .event = event,
	};
	struct mirror_options options = { .receive_buffer = receive_buffer };
	struct lpm_shape shape;

	memset(&w, 0, sizeof(w));
	w.nexthops = calloc(1, sizeof(*w.nexthops));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lpm_sizes(i ? ADDR_V6 : ADDR_V4, 100000, &shape), 0);
		w.lpm[i] = lpm_new(i ? ADDR_V6 : ADDR_V4, &shape, NULL, 100000);
	}
	w.fib = fib_new(&(struct fib_memory){ .nexthops = w.nexthops, .lpm4 = w.lpm[0], .lpm6 = w.lpm[1] });
	assert_int_equal(mirror_open(&w.mirror, &callbacks, NULL, &options), 0);
	w.ask = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_true(w.ask >= 0);
}

static void close_world(void)
{
	mirror_close(w.mirror);
	fib_free(w.fib);
	lpm_free(w.lpm[0]);
	lpm_free(w.lpm[1]);
	free(w.nexthops);
	close(w.ask);
}

/* Reads all there is, until it is the whole truth. */
static void catch_up(void)
{
	struct pollfd p = { mirror_fd(w.mirror), POLLIN, 0 };
	int err;

	do {
		err = mirror_step(w.mirror);
		assert_true(err >= 0);
	} while (err > 0 || (!mirror_synced(w.mirror) && poll(&p, 1, 5000) == 1));
	assert_true(mirror_synced(w.mirror));
	if (fib_wants_reclaim(w.fib))
		fib_reclaim(w.fib);
}

/* ---- the kernel is asked -------------------------------------------------- */

static struct nlmsghdr *ask(struct nlmsghdr *question, char *buffer, size_t size)
{
	static uint32_t seq;
	struct nlmsghdr *answer = (void *)buffer;
	ssize_t n;

	question->nlmsg_flags = NLM_F_REQUEST;
	question->nlmsg_seq = ++seq;
	assert_int_equal(send(w.ask, question, question->nlmsg_len, 0), question->nlmsg_len);
	do {
		n = recv(w.ask, buffer, size, 0);
		assert_true(n >= (ssize_t)sizeof(*answer));
	} while (answer->nlmsg_seq != seq);
	return answer;
}

static void put_attr(struct nlmsghdr *nlh, unsigned int type, const void *bytes, size_t n)
{
	struct rtattr *a = (void *)((char *)nlh + NLMSG_ALIGN(nlh->nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	memcpy(RTA_DATA(a), bytes, n);
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int error_of(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(nlh))->error : 0;
}

/* The route that the kernel takes. Return: 0 or its error. */
static int kernel_route(const struct addr *a, struct decoded_route *d)
{
	char question[256] __attribute__((aligned(8))) = { 0 };
	static char answer[65536] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (void *)question;
	struct rtmsg *rtm = NLMSG_DATA(nlh);

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_len = NLMSG_LENGTH(sizeof(*rtm));
	rtm->rtm_family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = addr_bits(a->family);
	rtm->rtm_flags = RTM_F_FIB_MATCH;
	put_attr(nlh, RTA_DST, a->bytes, addr_bits(a->family) / 8);
	nlh = ask(nlh, answer, sizeof(answer));
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return error_of(nlh);
	assert_int_equal(decode_route(nlh, d), 0);
	return 0;
}

static bool kernel_neighbour(uint32_t ifindex, const struct addr *a, struct kernel_neighbour *n)
{
	char question[256] __attribute__((aligned(8))) = { 0 };
	static char answer[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (void *)question;
	struct ndmsg *nd = NLMSG_DATA(nlh);

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_len = NLMSG_LENGTH(sizeof(*nd));
	nd->ndm_family = a->family == ADDR_V4 ? AF_INET : AF_INET6;
	nd->ndm_ifindex = ifindex;
	put_attr(nlh, NDA_DST, a->bytes, addr_bits(a->family) / 8);
	nlh = ask(nlh, answer, sizeof(answer));
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return false;
	assert_int_equal(decode_neighbour(nlh, n), 0);
	return n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP);
}

static char complaint[256];

#define COMPLAIN(...) (snprintf(complaint, sizeof(complaint), __VA_ARGS__), false)

/* A next hop that the table forwards to, against the kernel's neighbour. */
static bool agree_on_hop(const char *text, const struct fib_nexthop *h, const struct addr *a)
{
	const struct addr *via = h->via.family ? &h->via : a;
	struct kernel_neighbour n = { 0 };
	bool known = kernel_neighbour(h->ifindex, via, &n) && n.mac_len == 6;

	if (h->reason == REASON_forwarded && (!known || memcmp(n.mac, h->dst_mac, 6)))
		return COMPLAIN("%s: forwarded to a neighbour that the kernel does not have so", text);
	if (h->reason == REASON_no_neighbour && known && (h->via.family || !addr_is_multicast(a)))
		return COMPLAIN("%s: the kernel has its neighbour", text);
	return true;
}

/* A neighbour's own route has it for a gateway in the table, and none in the kernel. */
static bool is_path(const struct kernel_path *path, const struct fib_nexthop *h, const struct addr *a)
{
	return path->ifindex == h->ifindex &&
	       (addr_equal(&path->via, &h->via) || (!path->via.family && addr_equal(&h->via, a)));
}

/* Nothing is forwarded by the route, and a port that is down is among the reasons. */
static bool some_port_down(const struct fib_route *r)
{
	for (unsigned int i = 0; i < r->nexthops && r->reason != REASON_forwarded; i++)
		if (r->nexthop[i].reason == REASON_port_down)
			return true;
	return r->reason == REASON_port_down;
}

static bool agree(const struct addr *a)
{
	static struct decoded_route d;
	static struct fib_answer f;
	const struct fib_route *r = &f.route;
	char text[ADDR_STRLEN], p1[PREFIX_STRLEN], p2[PREFIX_STRLEN];
	int err;

	addr_format(a, text);
	fib_lookup(w.fib, a, &f);
	if (!f.agrees)
		return COMPLAIN("%s: the table disagrees with the join", text);
	err = kernel_route(a, &d);
	if (r->reason == REASON_not_followed && f.found)
		return true;	/* the kernel chooses as it likes */
	/* Where all paths are down the kernel answers: in IPv6 it takes a shorter prefix. */
	if (f.found && some_port_down(r) && (err == -ENETUNREACH || a->family == ADDR_V6))
		return true;
	/* A route by which IPv6 finds nobody is passed up, whatever the kernel makes of it. */
	if (f.found && err == -ENETUNREACH && r->reason == REASON_no_neighbour && a->family == ADDR_V6)
		return true;
	if (err) {
		if (f.found && r->reason != (err == -EINVAL ? REASON_blackhole : REASON_reject))
			return COMPLAIN("%s: the kernel says %s, the join %s table %u reason %u", text,
					strerror(-err), prefix_format(&r->prefix, p1), r->table,
					r->reason);
		return true;
	}
	/* The kernel goes on by a link without carrier. */
	if (r->stands_in)
		return true;
	if (!f.found)
		return COMPLAIN("%s: the kernel says %s, the join nothing", text,
				prefix_format(&d.route.prefix, p1));
	if (r->host) {
		if (!d.route.nexthop_id && (d.route.paths != 1 || d.path[0].via.family))
			return COMPLAIN("%s: a host entry, but the kernel says %s", text,
					prefix_format(&d.route.prefix, p1));
		return agree_on_hop(text, &r->nexthop[0], a);
	}
	/* The kernel says main for local, where both are in one trie. */
	if (a->family == ADDR_V4 && r->table == KERNEL_TABLE_LOCAL && d.route.table == KERNEL_TABLE_MAIN)
		d.route.table = KERNEL_TABLE_LOCAL;
	/* Of IPv6 routes that share a next-hop object the kernel may name another one's prefix. */
	if (!prefix_covers(&d.route.prefix, a))
		d.route.prefix = r->prefix;
	if (!prefix_equal(&d.route.prefix, &r->prefix) || d.route.table != r->table ||
	    d.route.metric != r->metric || d.route.type != r->type)
		return COMPLAIN("%s: the kernel says %s table %u metric %u type %u, the join %s table %u "
				"metric %u type %u reason %u", text, prefix_format(&d.route.prefix, p1),
				d.route.table, d.route.metric, d.route.type,
				prefix_format(&r->prefix, p2), r->table, r->metric, r->type, r->reason);
	for (unsigned int i = 0; i < r->nexthops; i++) {
		unsigned int k = 0;

		if (r->reason == REASON_local || r->reason == REASON_reject ||
		    r->reason == REASON_blackhole || r->reason == REASON_port_down)
			break;
		while (!d.route.nexthop_id && k < d.route.paths &&
		       !is_path(&d.path[k], &r->nexthop[i], a))
			k++;
		if (!d.route.nexthop_id && k == d.route.paths)
			return COMPLAIN("%s: a next hop that the kernel does not have", text);
		if (r->nexthop[i].port && !agree_on_hop(text, &r->nexthop[i], a))
			return false;
	}
	return true;
}

/* Links' news come late, and kernel and mirror move on while one asks: a few attempts. */
static void must_agree(const struct addr *a)
{
	for (int i = 0; i < 40; i++) {
		if (agree(a))
			return;
		usleep(50000);
		catch_up();
	}
	fail_msg("%s", complaint);
}

/* ---- random changes, as commands for ip ----------------------------------- */

static const char *address(char *buf, uint8_t family)
{
	if (family == ADDR_V4)
		sprintf(buf, "10.%u.%u.%u", below(4), below(2) * 128, below(6));
	else
		sprintf(buf, "2001:db8:%u:%u::%u", below(4), below(2), below(6));
	return buf;
}

static const char *prefix(char *buf, uint8_t family)
{
	static const unsigned int len4[] = { 0, 8, 14, 16, 17, 24, 25, 32 };
	static const unsigned int len6[] = { 0, 32, 46, 48, 63, 64, 65, 128 };
	char addr[64], text[80];
	struct prefix p;

	sprintf(text, "%s/%u", address(addr, family), (family == ADDR_V4 ? len4 : len6)[below(8)]);
	prefix_parse(text, &p);
	return prefix_format(&p, buf);
}

/* A neighbour on network @i. */
static const char *gateway(char *buf, uint8_t family, unsigned int i)
{
	sprintf(buf, family == ADDR_V4 ? "10.%u.0.%u" : "2001:db8:%u::%u", i, 2 + below(4));
	return buf;
}

static void route_options(FILE *to, uint8_t family)
{
	if (!below(3))
		fprintf(to, " metric %u", below(3) * 512);
	if (!below(12))
		fprintf(to, " table %s", below(2) ? "default" : "77");
	/* IPv6 has an MTU for each path of a multipath route, and tells only one. */
	if (!below(20) && family == ADDR_V4)
		fprintf(to, " mtu 1400");
	if (!below(40) && family == ADDR_V4)
		fprintf(to, " tos 0x10");
}

static void change_route(FILE *to)
{
	static const char *const verb[] = { "add", "append", "prepend", "replace", "replace", "del", "del" };
	static const char *const type[] = { "blackhole", "unreachable", "prohibit", "throw" };
	uint8_t family = below(2) ? ADDR_V4 : ADDR_V6;
	unsigned int i = below(VETHS), n = below(12);
	const char *v = verb[below(7)];
	char dst[80], via[64];

	fprintf(to, "route %s %s %s", v, n ? "" : type[below(4)], prefix(dst, family));
	/*
	 * Which one of several IPv6 routes of one key is replaced is the kernel's secret: there the
	 * mirror passes up. Here gateways are joined to each other at a metric of their own.
	 */
	if (family == ADDR_V6 && (v[1] == 'p' || v[1] == 'r' || (v[0] == 'd' && below(2)))) {
		fprintf(to, " metric 700");
		n = 7;
	} else {
		route_options(to, family);
	}
	if (n == 1) {
		fprintf(to, " dev v%u", i);
	} else if (n == 2 || n == 3) {
		fprintf(to, " nhid %u", 1 + below(NHIDS));
	} else if (n == 4 || n == 5) {
		for (unsigned int k = 0; k < 2 + below(2); k++)
			fprintf(to, " nexthop via %s dev v%u weight %u", gateway(via, family, (i + k) % VETHS),
				(i + k) % VETHS, 1 + below(3));
	} else if (n == 6 && family == ADDR_V4) {
		fprintf(to, " via inet6 fe80::%u dev v%u", 1 + below(3), i);
	} else if (n) {
		fprintf(to, " via %s dev v%u", gateway(via, family, i), i);
		if (family == ADDR_V4 && !below(4))
			fprintf(to, " src 10.%u.0.%u", i, 100 + below(2));
	}
	fprintf(to, "\n");
}

static void change_nexthop(FILE *to)
{
	unsigned int id = 1 + below(NHIDS), i = below(VETHS);
	uint8_t family = below(2) ? ADDR_V4 : ADDR_V6;
	char via[64];

	if (!below(3))
		fprintf(to, "nexthop del id %u\n", id);
	else if (id > NHIDS - 3)
		fprintf(to, "nexthop replace id %u group %u,%u/%u,%u\n", id, 1 + below(3), 1 + below(4),
			4 + below(3), 1 + below(4));
	else if (!below(8))
		fprintf(to, "nexthop replace id %u blackhole\n", id);
	else if (!below(4))
		fprintf(to, "nexthop replace id %u dev v%u\n", id, i);
	else
		fprintf(to, "nexthop replace id %u via %s dev v%u\n", id, gateway(via, family, i), i);
}

static void change_neighbour(FILE *to)
{
	static const char *const state[] = { "permanent", "stale", "reachable", "noarp" };
	uint8_t family = below(2) ? ADDR_V4 : ADDR_V6;
	unsigned int i = below(VETHS);
	char addr[64];

	if (below(3))
		fprintf(to, "neigh replace %s dev v%u lladdr 02:00:00:00:%02x:%02x nud %s\n",
			gateway(addr, family, i), i, below(4), 1 + below(4), state[below(4)]);
	else
		fprintf(to, "neigh del %s dev v%u\n", gateway(addr, family, i), i);
}

static void addresses(FILE *to, unsigned int i)
{
	fprintf(to, "addr replace 10.%u.0.1/24 dev v%u\n", i, i);
	fprintf(to, "addr replace 2001:db8:%u::1/64 dev v%u nodad\n", i, i);
}

static void change_link(FILE *to)
{
	unsigned int i = below(VETHS);

	switch (below(12)) {
	case 0: case 1:
		fprintf(to, "link set v%u down\n", i);
		break;
	case 2:
		fprintf(to, "link set w%u down\n", i);
		break;
	case 3:
		fprintf(to, "link set v%u mtu %u\n", i, 1400 + below(3) * 50);
		break;
	case 4:
		fprintf(to, "addr add 10.%u.0.%u/%u dev v%u\n", i, 100 + below(2), 24 + below(2), i);
		break;
	case 5:
		fprintf(to, "addr del 10.%u.0.%u/%u dev v%u\n", i, 100 + below(2), 24 + below(2), i);
		break;
	case 6:
		fprintf(to, "addr del 10.%u.0.1/24 dev v%u\n", i, i);
		break;
	case 7:
		fprintf(to, "addr del 2001:db8:%u::1/64 dev v%u\n", i, i);
		break;
	case 8:
		if (!below(4)) {
			fprintf(to, "link del v%u\nlink add v%u type veth peer name w%u\n", i, i, i);
			fprintf(to, "link set w%u up\n", i);
		}
		/* fall through */
	default:
		fprintf(to, "link set w%u up\nlink set v%u up\n", i, i);
		addresses(to, i);
	}
}

static void change(FILE *to)
{
	switch (below(40)) {
	case 0:
		return change_link(to);
	case 1: case 2: case 6: case 7:
		return change_nexthop(to);
	case 3: case 4: case 5:
		return change_neighbour(to);
	default:
		return change_route(to);
	}
}

/* Has ip do what is in @path; what it refuses does not matter. */
static pid_t run_ip(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("ip", "ip", "-force", "-batch", path, NULL);
		_exit(1);
	}
	assert_true(pid > 0);
	return pid;
}

static void changes(unsigned int n, unsigned int lag_ms)
{
	char path[] = "/tmp/test_mirror.XXXXXX";
	FILE *to = fdopen(mkstemp(path), "w");
	pid_t pid;

	assert_non_null(to);
	for (unsigned int i = 0; i < VETHS; i++)
		if (below(2)) {
			fprintf(to, "link set w%u up\nlink set v%u up\n", i, i);
			addresses(to, i);
		}
	while (n--)
		change(to);
	fclose(to);
	pid = run_ip(path);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		usleep(lag_ms * 1000);
		assert_true(mirror_step(w.mirror) >= 0);
	}
	unlink(path);
	catch_up();
}

static void check_addresses(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char text[64];
		struct addr a;

		assert_int_equal(addr_parse(address(text, i % 2 ? ADDR_V4 : ADDR_V6), &a), 0);
		must_agree(&a);
	}
}

/* ---- tests ---------------------------------------------------------------- */

static void test_every_notification(void **state)
{
	struct fib_stats before, after;
	struct mirror_stats s;

	(void)state;
	open_world(64 << 20);
	catch_up();
	for (int i = 0; i < 60; i++) {
		changes(100, 1);
		check_addresses(120);
	}
	mirror_stats(w.mirror, &s);
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.malformed, 0);
	printf("# %lu notifications, %lu routes went silently, %zu + %zu routes at the end\n",
	       s.notifications, s.silent, s.routes4, s.routes6);
	/* A resync leaves what agreed as it was. */
	fib_stats(w.fib, &before);
	mirror_resync(w.mirror);
	catch_up();
	assert_int_equal(w.resynced, 1);
	fib_stats(w.fib, &after);
	printf("# a resync wrote %lu prefixes and %lu groups\n", after.table_writes - before.table_writes,
	       after.group_writes - before.group_writes);
	assert_true(after.table_writes - before.table_writes < 10);
	check_addresses(2000);
	close_world();
}

static void test_lost_notifications(void **state)
{
	struct mirror_stats s;

	(void)state;
	open_world(4096);
	for (int i = 0; i < 4; i++) {
		changes(3500, 1 + i * 10);
		check_addresses(2000);
	}
	mirror_stats(w.mirror, &s);
	printf("# %lu losses, %lu resyncs, %lu torn dumps, %lu notifications\n", s.lost, s.resyncs, s.torn,
	       s.notifications);
	assert_true(s.lost > 0);
	assert_true(s.resyncs > 0);
	close_world();
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Waits for the mirror's news for at most @ms, and reads some. */
static void read_some(int ms)
{
	struct pollfd p = { mirror_fd(w.mirror), POLLIN, 0 };

	if (poll(&p, 1, ms) == 1)
		assert_true(mirror_step(w.mirror) >= 0);
}

static bool is_forwarded(const struct addr *a)
{
	struct fib_answer f;

	fib_lookup(w.fib, a, &f);
	return f.found && f.route.host && f.reason == REASON_forwarded;
}

/*
 * Routes come and go by the ten thousand, and overflow the buffer all the time; a neighbour that
 * comes meanwhile is a host entry before they end, each time: it does not wait behind them. How
 * long it took is printed.
 */
#define PATIENCE_MS 10000

static void test_neighbour_in_a_flood(void **state)
{
	char path[] = "/tmp/test_mirror.XXXXXX", other[] = "/tmp/test_mirror.XXXXXX", line[80];
	FILE *to = fdopen(mkstemp(path), "w");
	unsigned int neighbours = 0;
	uint64_t since, worst = 0;
	struct mirror_stats s;
	struct addr a;
	pid_t flood;

	(void)state;
	assert_non_null(to);
	for (unsigned int i = 0; i < 120000; i++)
		fprintf(to, "route %s 30.%u.%u.%u/32 dev v1\n", i / 20000 % 2 ? "del" : "add",
			i / 20000 / 2, i % 20000 / 256, i % 256);
	fclose(to);
	to = fdopen(mkstemp(other), "w");
	assert_non_null(to);
	fprintf(to, "link set w0 up\nlink set v0 up\nlink set w1 up\nlink set v1 up\n");
	fprintf(to, "addr add 40.0.0.1/16 dev v0\naddr add 41.0.0.1/16 dev v1\n");
	fclose(to);
	waitpid(run_ip(other), NULL, 0);
	open_world(4096);
	catch_up();
	flood = run_ip(path);
	do {
		neighbours++;
		snprintf(line, sizeof(line), "40.0.%u.%u", 1 + neighbours / 250, 1 + neighbours % 250);
		assert_int_equal(addr_parse(line, &a), 0);
		to = fopen(other, "w");
		assert_non_null(to);
		fprintf(to, "neigh replace %s dev v0 lladdr 02:00:00:00:00:01 nud permanent\n", line);
		fclose(to);
		waitpid(run_ip(other), NULL, 0);
		for (since = now_ms(); !is_forwarded(&a) && now_ms() < since + PATIENCE_MS; )
			read_some(10);
		if (!is_forwarded(&a))
			fail_msg("%s is no neighbour yet, while routes go on", line);
		worst = now_ms() - since > worst ? now_ms() - since : worst;
	} while (waitpid(flood, NULL, WNOHANG) == 0);
	unlink(path);
	unlink(other);
	catch_up();
	mirror_stats(w.mirror, &s);
	printf("# %u neighbours in the flood, the slowest after %lu ms; %lu losses, %lu resyncs\n",
	       neighbours, worst, s.lost, s.resyncs);
	assert_true(neighbours >= 5);
	assert_true(s.lost > 0);
	/* And the truth is reached: odd runs have taken away what even ones brought. */
	assert_int_equal(addr_parse("30.0.1.1", &a), 0);
	must_agree(&a);
	check_addresses(200);
	close_world();
}

static int lay_links(void)
{
	char path[] = "/tmp/test_mirror.XXXXXX";
	FILE *to = fdopen(mkstemp(path), "w");
	int status = -1;

	if (!to)
		return -1;
	fprintf(to, "link set lo up\n");
	for (unsigned int i = 0; i < VETHS; i++) {
		fprintf(to, "link add v%u type veth peer name w%u\nlink set w%u up\nlink set v%u up\n", i, i, i, i);
		addresses(to, i);
	}
	fclose(to);
	waitpid(run_ip(path), &status, 0);
	unlink(path);
	return status;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_notification),
		cmocka_unit_test(test_lost_notifications),
		cmocka_unit_test(test_neighbour_in_a_flood),
	};
	/* One seed by default: what the kernel does between two reads differs from run to run anyway. */
	const char *given = getenv("SEED");
	unsigned int seed = given ? strtoul(given, NULL, 0) : 1;

	if (unshare(CLONE_NEWNET) || lay_links() || !if_nametoindex("v0")) {
		printf("1..0 # SKIP no network namespaces, veth or ip here\n");
		return 4;
	}
	printf("# seed %u\n", seed);
	srandom(seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
