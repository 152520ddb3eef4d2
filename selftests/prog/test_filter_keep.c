// SPDX-License-Identifier: GPL-2.0
/*
 * What filters keep, in a generation that runs: counters of rules, elements of sets, events, marks, rates; over
 * swaps, while no daemon is there, and for the next one. With real packets over the loopback of a network
 * namespace of our own, which is a port in generic mode.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/diag.h"
#include "compile/compile.h"
#include "compile/like.h"
#include "datapath/datapath.h"
#include "image/numbering.h"
#include "lpm/lpm.h"
#include "policy/parse.h"

#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif

#define PORTS "port lo = \"lo\" mode generic; port absent = \"absent\";\n"

static char folder[64];		/* a bpffs */

struct world {
	struct datapath *dp;
	struct tables *tables;
	struct image *image;		/* of what was staged last */
	struct classify_shape running;	/* of what runs: laid out alike, the next one needs no load */
	uint32_t generation;
};

/* ---- packets ------------------------------------------------------------------- */

static struct sockaddr_in at(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listener(uint16_t port)
{
	struct timeval soon = { .tv_usec = 100000 };
	struct sockaddr_in a = at(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVMARK, &on, sizeof(on));
	return fd;
}

/* From 127.0.0.1, or what @from says. */
static void send_from(const char *from, uint16_t port, unsigned int n)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = at(port), a = at(0);

	inet_pton(AF_INET, from, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(sendto(fd, "0123", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	close(fd);
}

static void send_to(uint16_t port, unsigned int n)
{
	send_from("127.0.0.1", port, n);
}

/* How many packets arrive; *@mark of the last one, -1 if the kernel does not say. */
static unsigned int received(int fd, int *mark)
{
	unsigned int n = 0;

	for (;;) {
		char bytes[64], control[64];
		struct iovec v = { bytes, sizeof(bytes) };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
				    .msg_controllen = sizeof(control) };
		struct cmsghdr *c;

		if (recvmsg(fd, &m, 0) < 0)
			return n;
		n++;
		for (c = CMSG_FIRSTHDR(&m); c && mark; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK)
				memcpy(mark, CMSG_DATA(c), sizeof(*mark));
	}
}

/* Sends @n to @port. Return: how many arrived there. */
static unsigned int pass(uint16_t port, unsigned int n)
{
	int fd = listener(port), got;

	send_to(port, n);
	got = received(fd, NULL);
	close(fd);
	return got;
}

/* ---- generations ------------------------------------------------------------------- */

static void open_world(struct world *w)
{
	struct port facts = { .ifindex = 1, .flags = PORT_UP, .mtu = 65535, .interface = "lo" };
	struct lpm_shape shape4, shape6;
	struct text why = { 0 };

	*w = (struct world){ 0 };
	if (datapath_open(folder, &w->dp, &why))
		fail_msg("%s", text_string(&why));
	w->generation = datapath_running(w->dp);
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	assert_int_equal(tables_new(w->dp, &shape4, &shape6, &w->tables, &why), 0);
	assert_int_equal(datapath_port_set(w->dp, 1, &facts, &why), 0);
}

/* As kill -9 would: what is pinned goes on. */
static void leave_world(struct world *w)
{
	tables_free(w->tables);
	datapath_close(w->dp);
	image_free(w->image);
}

static void compile(struct world *w, const char *text, const char *const *elements)
{
	struct numbering numbering;
	struct text out = { 0 };
	struct policy *policy;
	struct diags diags;

	image_free(w->image);
	diags_init(&diags);
	policy = policy_parse_text("keep", text, strlen(text), &diags);
	numbering_init(&numbering, datapath_ports(w->dp), datapath_names(w->dp), NULL);
	if (diags.errors || compile_policy(policy, &numbering, NULL, &w->image, &diags)) {
		diags_print(&diags, &out, false);
		fail_msg("%s", text_string(&out));
	}
	for (; elements && *elements; elements++) {
		struct image_set *set = vec_at(&w->image->filter.sets, 0);
		struct image_element *e = vec_push(&set->elements);
		struct addr a;

		assert_int_equal(addr_parse(*elements, &a), 0);
		memcpy(e->key.value, a.bytes, 16);
		e->key.family = a.family;
	}
	if (filter_lay_like(&w->image->filter, &w->running))
		filter_make_room(&w->image->filter, 0);
	numbering_free(&numbering);
	policy_free(policy);
	diags_free(&diags);
}

static struct generation *stage(struct world *w)
{
	struct generation *gen;
	struct text why = { 0 };

	if (datapath_stage(w->dp, w->image, w->tables, w->generation + 1, &gen, &why))
		fail_msg("%s", text_string(&why));
	return gen;
}

static void commit(struct world *w, struct generation *gen)
{
	struct text why = { 0 };

	if (datapath_commit(w->dp, gen, true, &why))
		fail_msg("%s", text_string(&why));
	w->generation++;
	w->running = w->image->filter.shape;
}

static void apply(struct world *w, const char *text, const char *const *elements)
{
	compile(w, text, elements);
	commit(w, stage(w));
}

/* Packets that the rule has counted whose text begins with @words. */
static uint64_t counted(const struct world *w, const char *words)
{
	for (uint32_t i = 0; i < w->image->filter.rules.len; i++) {
		const struct image_rule *r = vec_at(&w->image->filter.rules, i);
		struct count c;

		if (strncmp(r->text, words, strlen(words)))
			continue;
		assert_int_equal(datapath_rule_key(w->dp, i), r->key);
		assert_int_equal(datapath_rule_counts(w->dp, i, 1, &c), 0);
		assert_int_equal(c.bytes, c.packets * 46);
		return c.packets;
	}
	fail_msg("no rule begins with %s", words);
	return 0;
}

static uint64_t named_counter(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->image->counters.len; i++) {
		const struct image_counter *n = vec_at(&w->image->counters, i);
		struct count c;

		if (strcmp(n->name, name))
			continue;
		assert_int_equal(datapath_counter(w->dp, n->number, &c), 0);
		return c.packets;
	}
	fail_msg("no counter %s", name);
	return 0;
}

/* How many things are pinned. */
static unsigned int pins(void)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	unsigned int n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		n += !strchr(entry->d_name, '.');
	closedir(d);
	return n;
}

/* ---- tests ---------------------------------------------------------------------------- */

static const char counting[] = PORTS
	"filter lo {\n"
	"    count \"all\" if udp;\n"
	"    count \"a\" if udp.dst == 9001;\n"
	"    drop if udp.dst == 9002;\n"
	"    allow if udp.dst == 9001;\n"
	"}\n";

static const char counting_changed[] = PORTS
	"filter lo {\n"
	"    drop if udp.dst == 9003;\n"
	"    count \"all\" if udp;\n"
	"    drop if udp.dst == 9002;\n"
	"    count \"a\" if udp.dst == 9001;\n"
	"    allow if udp.dst == 9001;\n"
	"}\n";

static void test_counters(void **unused)
{
	struct text why = { 0 };
	struct world w;

	(void)unused;
	open_world(&w);
	assert_int_equal(datapath_rules(w.dp), 0);
	apply(&w, counting, NULL);
	assert_int_equal(pass(9001, 5), 5);
	assert_int_equal(pass(9002, 4), 0);
	assert_int_equal(pass(9003, 2), 2);
	assert_int_equal(counted(&w, "count \"all\""), 11);
	assert_int_equal(counted(&w, "count \"a\" if"), 5);
	assert_int_equal(counted(&w, "allow"), 5);
	assert_int_equal(counted(&w, "drop"), 4);

	/* Over a swap: the same rules elsewhere in the list. */
	apply(&w, counting_changed, NULL);
	assert_int_equal(counted(&w, "count \"all\""), 11);
	assert_int_equal(counted(&w, "drop if udp.dst == 9003"), 0);
	assert_int_equal(pass(9003, 3), 0);
	assert_int_equal(pass(9001, 1), 1);
	assert_int_equal(counted(&w, "drop if udp.dst == 9003"), 3);
	assert_int_equal(counted(&w, "drop if udp.dst == 9002"), 4);
	assert_int_equal(counted(&w, "count \"all\""), 12);
	assert_int_equal(named_counter(&w, "count all"), 12);

	/* Nobody there, and then another daemon, which knows before it has committed anything. */
	leave_world(&w);
	assert_int_equal(pass(9001, 7), 7);
	open_world(&w);
	assert_int_equal(datapath_rules(w.dp), 5);
	compile(&w, counting_changed, NULL);
	assert_int_equal(counted(&w, "allow"), 13);
	apply(&w, counting, NULL);
	assert_int_equal(counted(&w, "allow"), 13);
	assert_int_equal(counted(&w, "count \"all\""), 19);
	assert_int_equal(pass(9001, 1), 1);
	assert_int_equal(counted(&w, "allow"), 14);
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
}

static void load_spare(struct world *w)
{
	struct generation *spare = datapath_spare_open(w->dp);
	struct text why = { 0 };

	assert_non_null(spare);
	assert_int_equal(datapath_spare_load(spare, &why), 0);
	datapath_spare_close(spare, 0);
	assert_true(datapath_has_spare(w->dp));
}

static void take_event(void *ctx, const struct filter_event *event)
{
	*(struct filter_event *)ctx = *event;
}

static const char telling[] = PORTS
	"filter lo { emit \"x\" if udp.dst == 9006; count \"a\" if udp; drop if udp.dst == 9002; }\n";
static const char telling_changed[] = PORTS
	"filter lo { emit \"y\" if udp.dst == 9006; drop if udp.dst == 9003; count \"a\" if udp; }\n";
static const char other_shape[] = PORTS
	"filter lo { drop if udp.dst == 9002 and ip.ttl < 3; count \"a\" if udp; }\n";

/*
 * Two programs that are loaded alike take turns: each serves many generations, and nothing of one is
 * left in another.
 */
static void test_spare(void **unused)
{
	struct filter_event event = { 0 };
	struct text why = { 0 };
	struct generation *gen;
	struct world w;

	(void)unused;
	open_world(&w);
	assert_null(datapath_spare_open(w.dp));
	compile(&w, telling, NULL);
	gen = stage(&w);
	assert_true(generation_was_loaded(gen));
	commit(&w, gen);
	load_spare(&w);
	assert_null(datapath_spare_open(w.dp));
	assert_true(datapath_events_fd(w.dp) >= 0);
	for (unsigned int i = 0; i < 6; i++) {
		compile(&w, i & 1 ? telling : telling_changed, NULL);
		gen = stage(&w);
		assert_false(generation_was_loaded(gen));
		/* What runs goes on as it was while the other one is filled. */
		assert_int_equal(pass(i & 1 ? 9003 : 9002, 1), 0);
		assert_int_equal(pass(i & 1 ? 9002 : 9003, 1), 1);
		if (i == 3) {
			generation_free(gen);
			load_spare(&w);
			gen = stage(&w);
		}
		commit(&w, gen);
		assert_int_equal(pass(i & 1 ? 9002 : 9003, 1), 0);
		assert_int_equal(pass(i & 1 ? 9003 : 9002, 1), 1);
		assert_int_equal(counted(&w, "count"), 3 + 4 * i);
		assert_int_equal(pass(9006, 1), 1);
		assert_int_equal(datapath_events(w.dp, take_event, &event), 1);
		assert_int_equal(event.generation, w.generation);
		assert_int_equal(counted(&w, "emit"), i / 2 + 1);
	}
	compile(&w, other_shape, NULL);
	gen = stage(&w);
	assert_true(generation_was_loaded(gen));
	commit(&w, gen);
	assert_false(datapath_has_spare(w.dp));
	/* Another daemon has none. */
	leave_world(&w);
	open_world(&w);
	assert_null(datapath_spare_open(w.dp));
	apply(&w, telling, NULL);
	assert_int_equal(counted(&w, "emit \"x\""), 3);
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
}

/* What a program remembered of packets under one policy says nothing under the next that it gets. */
static void test_spare_forgets(void **unused)
{
	struct generation *gen;
	struct text why = { 0 };
	struct world w;

	(void)unused;
	open_world(&w);
	apply(&w, telling, NULL);
	load_spare(&w);
	/* Each of the two programs gets one policy, then the other. */
	for (unsigned int i = 0; i < 8; i++) {
		bool changed = i >> 1 & 1;

		compile(&w, changed ? telling_changed : telling, NULL);
		gen = stage(&w);
		assert_false(generation_was_loaded(gen));
		commit(&w, gen);
		assert_int_equal(pass(9002, 20), changed ? 20 : 0);
		assert_int_equal(pass(9003, 20), changed ? 0 : 20);
	}
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
}

/* Swaps without end, until it is killed. */
static void swap_until_killed(void)
{
	struct world w;

	open_world(&w);
	for (;;) {
		apply(&w, counting, NULL);
		apply(&w, counting_changed, NULL);
	}
}

/* Killed wherever it was, in the midst of a swap mostly: no packet is lost, and no count. */
static void test_killed(void **unused)
{
	struct text why = { 0 };
	uint64_t sent = 0;
	struct world w;

	(void)unused;
	open_world(&w);
	apply(&w, counting, NULL);
	for (unsigned int round = 0; round < 12; round++) {
		pid_t child;

		leave_world(&w);
		child = fork();
		assert_true(child >= 0);
		if (!child)
			swap_until_killed();
		for (unsigned int i = 0; i < 150 + 60 * round; i++, sent++) {
			send_to(9001, 1);
			usleep(1000);
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		open_world(&w);
		compile(&w, round & 1 ? counting : counting_changed, NULL);
		commit(&w, stage(&w));
		assert_int_equal(counted(&w, "allow"), sent);
		assert_int_equal(counted(&w, "count \"a\""), sent);
	}
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
	assert_int_equal(pins(), 0);
}

static const char with_set[] = PORTS
	"set bad : ip.src size 3 timeout 1h;\n"
	"filter lo {\n"
	"    drop if ip.src in bad;\n"
	"    insert ip.src into bad if udp.dst == 9004;\n"
	"    allow;\n"
	"}\n";

static const char with_larger_set[] = PORTS
	"set bad : ip.src size 5 timeout 1h;\n"
	"filter lo {\n"
	"    drop if ip.src in bad;\n"
	"    allow;\n"
	"}\n";

static bool passes(const char *from)
{
	int fd = listener(9005), n;

	send_from(from, 9005, 1);
	n = received(fd, NULL);
	close(fd);
	return n == 1;
}

static size_t entries(const struct world *w)
{
	struct vec all = VEC(struct set_entry);
	size_t n;

	assert_int_equal(datapath_set_entries(w->dp, "bad", &all), 0);
	n = all.len;
	vec_free(&all);
	return n;
}

static struct set_key key(const char *address)
{
	struct set_key k = { 0 };
	struct addr a;

	assert_int_equal(addr_parse(address, &a), 0);
	memcpy(k.value, a.bytes, 16);
	k.family = a.family;
	return k;
}

static void test_sets(void **unused)
{
	static const char *const one[] = { "127.0.0.7", NULL };
	static const char *const other[] = { "127.0.0.8", NULL };
	static const char *const many[] = { "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4", "127.0.1.5",
					    "127.0.1.6", NULL };
	struct set_key k = key("127.0.0.9");
	struct generation *gen;
	struct text why = { 0 };
	struct world w;

	(void)unused;
	open_world(&w);
	apply(&w, with_set, one);
	assert_true(passes("127.0.0.8"));
	assert_false(passes("127.0.0.7"));

	/* By a rule, and by hand. */
	assert_true(passes("127.0.0.9"));
	send_from("127.0.0.9", 9004, 1);
	assert_false(passes("127.0.0.9"));
	assert_int_equal(datapath_set_delete(w.dp, "bad", SET_INSERTED, &k), 0);
	assert_true(passes("127.0.0.9"));
	assert_int_equal(datapath_set_delete(w.dp, "bad", SET_INSERTED, &k), -ENOENT);
	assert_int_equal(datapath_set_add(w.dp, "bad", SET_INSERTED, &k, SET_STAYS), 0);
	assert_false(passes("127.0.0.9"));
	assert_int_equal(datapath_set_add(w.dp, "nosuch", SET_INSERTED, &k, SET_STAYS), -ENOENT);

	/* Staged and thrown away: nothing has changed. Then over a swap. */
	compile(&w, with_set, other);
	gen = stage(&w);
	assert_true(passes("127.0.0.8"));
	assert_false(passes("127.0.0.7"));
	generation_free(gen);
	assert_true(passes("127.0.0.8"));
	assert_false(passes("127.0.0.7"));
	assert_int_equal(entries(&w), 2);
	apply(&w, with_set, other);
	assert_false(passes("127.0.0.8"));
	assert_true(passes("127.0.0.7"));
	assert_false(passes("127.0.0.9"));
	assert_int_equal(entries(&w), 2);

	/* Elements alone, with no new program. */
	compile(&w, with_set, one);
	w.generation++;
	assert_int_equal(datapath_commit_sets(w.dp, w.image, w.generation, &why), 0);
	assert_true(passes("127.0.0.8"));
	assert_false(passes("127.0.0.7"));
	assert_int_equal(datapath_running(w.dp), w.generation);

	/* The set is full: said, and counted. */
	send_from("127.0.0.10", 9004, 1);
	assert_false(passes("127.0.0.10"));
	assert_int_equal(entries(&w), 3);
	send_from("127.0.0.11", 9004, 2);
	assert_true(passes("127.0.0.11"));
	assert_int_equal(named_counter(&w, "set-full bad"), 2);
	compile(&w, with_set, many);
	assert_int_equal(datapath_stage(w.dp, w.image, w.tables, w.generation + 1, &gen, &why), -E2BIG);
	assert_non_null(strstr(text_string(&why), "set bad"));
	assert_false(passes("127.0.0.7"));
	assert_true(passes("127.0.1.1"));
	assert_int_equal(entries(&w), 3);

	/* While nobody is there, and for the next daemon, which makes the set larger. */
	leave_world(&w);
	assert_false(passes("127.0.0.9"));
	open_world(&w);
	assert_int_equal(entries(&w), 3);
	apply(&w, with_larger_set, one);
	assert_int_equal(entries(&w), 3);
	assert_false(passes("127.0.0.10"));
	assert_false(passes("127.0.0.9"));
	assert_false(passes("127.0.0.7"));
	assert_int_equal(datapath_set_flush(w.dp, "bad", SET_INSERTED), 2);
	assert_true(passes("127.0.0.9"));
	assert_false(passes("127.0.0.7"));

	/* What has expired is not there, and is swept. */
	assert_int_equal(datapath_set_add(w.dp, "bad", SET_INSERTED, &k, 1), 0);
	assert_true(passes("127.0.0.9"));
	assert_int_equal(datapath_set_sweep(w.dp, "bad", &(struct set_cursor){ 0 }), 1);
	assert_int_equal(entries(&w), 1);
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
	text_free(&why);
}

static const char with_actions[] = PORTS
	"filter lo {\n"
	"    emit \"seen\" if udp.dst == 9006;\n"
	"    mark 77 if udp.dst == 9007;\n"
	"    police 1pps burst 3 if udp.dst == 9008;\n"
	"    police 1pps burst 2 per ip.src if udp.dst == 9009;\n"
	"    police 1pps burst 1000 per ip.src if udp.dst == 9010;\n"
	"    allow;\n"
	"}\n";

static void test_actions(void **unused)
{
	struct filter_event event = { 0 };
	struct text why = { 0 };
	int fd, mark = -1;
	struct world w;

	(void)unused;
	open_world(&w);
	apply(&w, with_actions, NULL);
	assert_true(datapath_events_fd(w.dp) >= 0);
	assert_int_equal(pass(9006, 1), 1);
	assert_int_equal(datapath_events(w.dp, take_event, &event), 1);
	assert_int_equal(event.rule, 0);
	assert_int_equal(event.generation, w.generation);
	assert_string_equal(*(char **)vec_at(&w.image->filter.texts, event.text), "seen");
	assert_int_equal(ntohs(event.dport), 9006);
	assert_int_equal(event.family, 4);
	assert_int_equal(event.length, 46);
	assert_int_equal(event.port, 1);
	assert_int_equal(datapath_events(w.dp, take_event, &event), 0);

	fd = listener(9007);
	send_to(9007, 1);
	assert_int_equal(received(fd, &mark), 1);
	if (mark == -1)
		print_message("# this kernel does not tell a socket the mark (Linux 5.19)\n");
	else
		assert_int_equal(mark, 77);
	close(fd);
	assert_int_equal(named_counter(&w, "marks-lost"), 0);

	/* Not a packet more than the burst, and what comes back in the time that this takes. */
	assert_int_equal(pass(9008, 10), 3);
	fd = listener(9009);
	send_from("127.0.0.21", 9009, 5);
	send_from("127.0.0.22", 9009, 5);
	assert_int_equal(received(fd, NULL), 4);
	sleep(1);
	send_from("127.0.0.21", 9009, 5);
	assert_in_range(received(fd, NULL), 1, 2);
	close(fd);

	/* A bucket outlives a swap: a new one would let all 100 through, this one what comes back meanwhile. */
	fd = listener(9010);
	send_from("127.0.0.23", 9010, 1000);
	received(fd, NULL);
	apply(&w, with_actions, NULL);
	send_from("127.0.0.23", 9010, 100);
	assert_in_range(received(fd, NULL), 0, 50);
	close(fd);
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
}

/* A test run in a program that is about to run. */
static void test_testing(void **unused)
{
	static struct test_result r;
	uint8_t frame[60] = { [12] = 0x08, 0, 0x45, 0, 0, 46, [22] = 64, 17, 0, 0, 127, 0, 0, 9, 127, 0, 0, 1,
			      [36] = 0x23, 0x2c, 0, 26 };
	uint32_t sum = 0;
	struct generation *gen;
	struct text why = { 0 };
	struct world w;

	(void)unused;
	for (int i = 14; i < 34; i += 2)
		sum += frame[i] << 8 | frame[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = sum >> 8;
	frame[25] = sum;
	open_world(&w);
	compile(&w, with_set, NULL);
	gen = stage(&w);
	assert_int_equal(generation_test(gen, 1, frame, sizeof(frame), &r), 0);
	assert_string_equal(((struct image_rule *)vec_at(&w.image->filter.rules, 1))->text,
			    "insert ip.src into bad if udp.dst == 9004;");
	assert_int_equal(r.trace.side, 1);
	assert_int_equal(r.trace.side_rule[0], 1);
	assert_int_equal(r.trace.rule, 3);
	assert_int_equal(r.trace.in_port, 1);
	assert_int_equal(r.trace.reason, REASON_not_routed);
	assert_int_equal(generation_test(gen, 2, frame, sizeof(frame), &r), 0);
	assert_int_equal(r.trace.rule, 0);
	assert_int_equal(r.trace.in_port, 2);
	commit(&w, gen);
	assert_int_equal(counted(&w, "insert"), 0);
	assert_int_equal(entries(&w), 0);
	assert_int_equal(generation_test(gen, 1, frame, sizeof(frame), &r), -EBUSY);
	assert_true(passes("127.0.0.9"));
	assert_int_equal(datapath_remove(w.dp, &why), 0);
	leave_world(&w);
}

/* ---- a place of our own -------------------------------------------------------------------- */

static void loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
}

static int enter_namespaces(void **unused)
{
	(void)unused;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	strcpy(folder, "/tmp/sluice-keep.XXXXXX");
	if (!mkdtemp(folder) || mount("bpf", folder, "bpf", 0, NULL))
		return -1;
	loopback_up();
	return 0;
}

static int leave_namespaces(void **unused)
{
	(void)unused;
	return umount(folder) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_spare_forgets),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_testing),
	};

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	return cmocka_run_group_tests(tests, enter_namespaces, leave_namespaces);
}
