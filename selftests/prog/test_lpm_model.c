// SPDX-License-Identifier: GPL-2.0
/*
 * The model test of route tables: random operations on our table, on its textbook twin, and on
 * the kernel's own table in a namespace of the test's own. After each batch of operations all are
 * asked for the same addresses: ours inside XDP, natively and by its shadow, the twin by its search,
 * the kernel by bpf_fib_lookup.
 *
 * OPERATIONS=10000000 is the whole of it (selftests/slow/model.sh); SEED= repeats a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "datapath/map.h"
#include "lpm/lpm.h"
#include "lpm/twin.h"
#include "selftests/prog/lpm_model.skel.h"
#include "selftests/unit/lpm_routes.h"

#define ADDRESSES	(sizeof(((struct lpm_model_bpf *)0)->bss->answer) / sizeof(uint32_t))
#define BATCH		4096		/* operations between two comparisons */
#define POOL		20000		/* prefixes that operations are about, at a time */
#define HOT		64		/* of them in every fourth operation */
#define RENEWED		200		/* of them replaced by others after a batch */
#define NEXTHOPS	250
#define CHUNK		(64 * 1024)	/* of netlink messages */

struct model {
	uint8_t family;
	uint64_t random;
	struct lpm *table;
	struct twin *twin;
	struct prefix pool[POOL];
	struct lpm_model_bpf *object;
	/* the kernel's */
	struct mnl_socket *netlink;
	unsigned int ifindex;
	uint8_t chunk[CHUNK + 512];
	size_t filled;
	uint32_t sequence;
	/* what was done */
	unsigned long inserted, replaced, repeated, deleted, missed, compared, most;
};

/* ---- the kernel's table ------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok ? 0 : -1;
}

/* Links and neighbours of a namespace of our own. Its rule parts the tables "local" and "main". */
static void open_kernel(void)
{
	FILE *ip;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	ip = popen("ip -batch -", "w");
	assert_non_null(ip);
	fputs("link set lo up\n"
	      "link add model0 type veth peer name model1\n"
	      "link set model0 up\n"
	      "link set model1 up\n"
	      "rule add pref 100 to 192.0.2.1 lookup 100\n", ip);
	for (unsigned int i = 1; i <= NEXTHOPS; i++) {
		fprintf(ip, "neigh replace 169.254.0.%u lladdr 02:00:00:00:00:%02x dev model0\n", i,
			i);
		fprintf(ip, "neigh replace fe80::%x lladdr 02:00:00:00:00:%02x dev model0\n", i, i);
	}
	assert_int_equal(pclose(ip), 0);
	write_file("/proc/sys/net/ipv6/route/max_size", "4000000");
	assert_int_equal(write_file("/proc/sys/net/ipv4/ip_forward", "1"), 0);
	assert_int_equal(write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1"), 0);
}

/* Sends what there is, and takes the answers: none may be an error. */
static void kernel_flush(struct model *m)
{
	struct nlmsghdr *last = NULL;
	uint8_t answer[8192];
	bool done = false;

	if (!m->filled)
		return;
	for (size_t at = 0; at < m->filled; at += NLMSG_ALIGN(last->nlmsg_len))
		last = (struct nlmsghdr *)(m->chunk + at);
	last->nlmsg_flags |= NLM_F_ACK;
	assert_int_equal(mnl_socket_sendto(m->netlink, m->chunk, m->filled), m->filled);
	m->filled = 0;
	while (!done) {
		ssize_t n = mnl_socket_recvfrom(m->netlink, answer, sizeof(answer));
		int left = n;

		assert_true(n > 0);
		for (struct nlmsghdr *h = (void *)answer; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			assert_int_equal(h->nlmsg_type, NLMSG_ERROR);
			if (e->error)
				fail_msg("the kernel says: %s", strerror(-e->error));
			done = done || h->nlmsg_seq == m->sequence;
		}
	}
}

/* @result 0: deletes it. */
static void kernel_change(struct model *m, const struct prefix *p, lpm_result result)
{
	bool v6 = m->family == ADDR_V6;
	struct nlmsghdr *h;
	struct rtmsg *r;

	if (m->filled >= CHUNK)
		kernel_flush(m);
	h = mnl_nlmsg_put_header(m->chunk + m->filled);
	h->nlmsg_type = result ? RTM_NEWROUTE : RTM_DELROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | (result ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	h->nlmsg_seq = ++m->sequence;
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->rtm_family = v6 ? AF_INET6 : AF_INET;
	r->rtm_dst_len = p->len;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_protocol = result ? RTPROT_STATIC : RTPROT_UNSPEC;
	r->rtm_scope = result ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	r->rtm_type = result ? RTN_UNICAST : RTN_UNSPEC;
	if (p->len)
		mnl_attr_put(h, RTA_DST, v6 ? 16 : 4, p->addr.bytes);
	if (result) {
		uint8_t gateway[16] = { 0xfe, 0x80, [15] = result };

		if (!v6)
			memcpy(gateway, (uint8_t[]){ 169, 254, 0, result }, 4);
		r->rtm_flags = RTNH_F_ONLINK;
		mnl_attr_put(h, RTA_GATEWAY, v6 ? 16 : 4, gateway);
		mnl_attr_put_u32(h, RTA_OIF, m->ifindex);
	}
	m->filled += NLMSG_ALIGN(h->nlmsg_len);
}

/* ---- operations ----------------------------------------------------------------------- */

/* What the kernel never forwards to is left out: ::1, link-local, multicast of IPv6. */
static bool for_kernel(const struct addr *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	return a->family == ADDR_V4 ||
	       (a->bytes[0] < 0xfe && memcmp(a->bytes, loopback, sizeof(loopback)));
}

/* A default route now and then; else lengths of all kinds, near each other. */
static struct prefix draw(struct model *m)
{
	struct prefix p;

	do
		p = random_prefix(&m->random, m->family, 2000);
	while (!for_kernel(&p.addr));
	return p;
}

static void put(struct model *m, const struct prefix *p, lpm_result result)
{
	lpm_result was = twin_get(m->twin, p);

	if (!was)
		m->inserted++;
	else if (was != result)
		m->replaced++;
	else
		m->repeated++;
	assert_int_equal(lpm_get(m->table, p), was);
	assert_int_equal(lpm_insert(m->table, p, result), 0);
	assert_int_equal(twin_insert(m->twin, p, result), 0);
	kernel_change(m, p, result);
	assert_int_equal(lpm_get(m->table, p), result);
}

static void take(struct model *m, const struct prefix *p)
{
	bool there = twin_get(m->twin, p) != 0;

	assert_int_equal(lpm_delete(m->table, p), there ? 0 : -ENOENT);
	assert_int_equal(twin_delete(m->twin, p), there ? 0 : -ENOENT);
	if (there) {
		kernel_change(m, p, 0);
		m->deleted++;
	} else {
		m->missed++;
	}
	assert_int_equal(lpm_get(m->table, p), 0);
}

/* One operation; @p: what it was about. Look-ups by the walk and by the shadow agree after each. */
static void operate(struct model *m, struct prefix *p)
{
	size_t i = random_next(&m->random) % (random_next(&m->random) % 4 ? POOL : HOT);
	struct addr a;

	*p = m->pool[i];
	if (random_next(&m->random) % 5 < 3)
		put(m, p, 1 + random_next(&m->random) % NEXTHOPS);
	else
		take(m, p);
	a = near_prefix(&m->random, p);
	assert_int_equal(lpm_lookup(m->table, &a), lpm_match(m->table, &a, NULL));
}

/* ---- the comparison -------------------------------------------------------------------- */

static void compare(struct model *m, const struct prefix *changed, size_t n)
{
	static struct addr a[ADDRESSES];
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	struct lpm_stats stats;

	kernel_flush(m);
	for (size_t i = 0; i < ADDRESSES; i++) {
		uint64_t hi = 0, lo = 0;

		do
			a[i] = i % 8 == 0 ? random_addr(&m->random, m->family, 2000) :
			       near_prefix(&m->random, i % 2 ? &changed[random_next(&m->random) % n] :
					   &m->pool[random_next(&m->random) % POOL]);
		while (!for_kernel(&a[i]));
		for (unsigned int j = 0; j < 8; j++) {
			hi = hi << 8 | a[i].bytes[j];
			lo = lo << 8 | a[i].bytes[j + 8];
		}
		m->object->bss->address[i][0] = hi;
		m->object->bss->address[i][1] = lo;
		m->object->bss->answer[i] = m->object->bss->kernel[i] = ~0u;
	}
	m->object->bss->family = m->family;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(m->object->progs.walk), &opts), 0);
	for (size_t i = 0; i < ADDRESSES; i++) {
		lpm_result twin = twin_lookup(m->twin, &a[i]), native = lpm_lookup(m->table, &a[i]);
		lpm_result shadow = lpm_match(m->table, &a[i], NULL);
		uint32_t bpf = m->object->bss->answer[i], kernel = m->object->bss->kernel[i];
		char text[ADDR_STRLEN];

		if (bpf != twin || native != twin || shadow != twin || kernel != twin)
			fail_msg("%s: in XDP %u, native %u, shadow %u, twin %u, kernel %u",
				 addr_format(&a[i], text), bpf, native, shadow, twin, kernel);
	}
	m->compared += ADDRESSES;
	lpm_stats(m->table, &stats);
	m->most = stats.prefixes > m->most ? stats.prefixes : m->most;
	/* The test run has ended: nobody reads now. */
	lpm_reclaim(m->table, lpm_quiesce_mark(m->table));
}

static struct lpm *make_table(struct lpm_model_bpf *object, uint8_t family)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	bool v6 = family == ADDR_V6;
	struct lpm_shape shape;
	void *area;
	int fd;

	assert_int_equal(lpm_sizes(family, 10 * POOL, &shape), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "table", 4, shape.bytes, 1, &opts);
	assert_true(fd >= 0);
	area = map_memory(fd, shape.bytes);
	assert_non_null(area);
	assert_int_equal(map_reuse(object->obj, v6 ? ".data.lpm6" : ".data.lpm4", fd), 0);
	close(fd);
	*(struct lpm_shape *)(v6 ? &object->rodata->lpm6_shape : &object->rodata->lpm4_shape) = shape;
	return lpm_new(family, &shape, area, POOL);
}

static struct model *model_new(uint8_t family)
{
	struct model *m = calloc(1, sizeof(*m));
	struct lpm *other;

	m->family = family;
	m->random = random_seed();
	m->twin = twin_new(family);
	m->object = lpm_model_bpf__open();
	assert_non_null(m->object);
	m->table = make_table(m->object, family);
	other = make_table(m->object, family == ADDR_V4 ? ADDR_V6 : ADDR_V4);
	lpm_free(other);
	assert_int_equal(lpm_model_bpf__load(m->object), 0);
	m->netlink = mnl_socket_open(NETLINK_ROUTE);
	assert_non_null(m->netlink);
	assert_int_equal(mnl_socket_bind(m->netlink, 0, MNL_SOCKET_AUTOPID), 0);
	m->ifindex = if_nametoindex("model0");
	for (size_t i = 0; i < POOL; i++)
		m->pool[i] = draw(m);
	/* Among the hot ones: the whole, its halves, and pairs of host routes. */
	for (unsigned int i = 0; i < HOT / 4; i++)
		m->pool[i].len = i % 4 < 2 ? i % 4 : addr_bits(family) - i % 2;
	for (unsigned int i = 0; i < HOT / 4; i++)
		m->pool[i] = prefix_canonical(m->pool[i]);
	return m;
}

static void model_free(struct model *m)
{
	mnl_socket_close(m->netlink);
	lpm_model_bpf__destroy(m->object);
	twin_free(m->twin);
	lpm_free(m->table);
	free(m);
}

static void operations(uint8_t family)
{
	const char *wanted = getenv("OPERATIONS");
	unsigned long left = (wanted ? strtoul(wanted, NULL, 0) : 32 * 1024) / 2;
	struct model *m = model_new(family);
	static struct prefix changed[BATCH];
	struct lpm_stats before, after;
	struct lpm_route r = { 0 };

	lpm_stats(m->table, &before);
	while (left) {
		size_t n = left < BATCH ? left : BATCH;

		for (size_t i = 0; i < n; i++)
			operate(m, &changed[i]);
		compare(m, changed, n);
		left -= n;
		for (unsigned int i = 0; i < RENEWED; i++) {
			size_t at = HOT / 4 + random_next(&m->random) % (POOL - HOT / 4);

			if (twin_get(m->twin, &m->pool[at]))
				take(m, &m->pool[at]);
			m->pool[at] = draw(m);
		}
	}
	/* All of it out again: nothing is left, in any of them. */
	while (lpm_next(m->table, NULL, &r))
		take(m, &r.prefix);
	compare(m, changed, BATCH);
	lpm_stats(m->table, &after);
	assert_int_equal(after.prefixes, 0);
	assert_int_equal(after.bytes_nodes, before.bytes_nodes);
	assert_int_equal(after.bytes_retired, 0);
	printf("# IPv%u: inserted %lu, replaced %lu, repeated %lu, deleted %lu, ", family, m->inserted,
	       m->replaced, m->repeated, m->deleted);
	printf("deleted what was not there %lu; at most %lu prefixes; look-ups compared %lu\n",
	       m->missed, m->most, m->compared);
	model_free(m);
}

static void operations_v4(void **state)
{
	(void)state;
	operations(ADDR_V4);
}

static void operations_v6(void **state)
{
	(void)state;
	operations(ADDR_V6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_v4),
		cmocka_unit_test(operations_v6),
	};

	if (geteuid()) {
		printf("1..0 # SKIP not root: BPF programs cannot be loaded\n");
		return 4;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_kernel();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
