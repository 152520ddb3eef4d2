// SPDX-License-Identifier: GPL-2.0
/*
 * classify_netfilter.c: the same rules in nftables and in iptables, each in a network namespace of
 * its own, met by the same packets.
 *
 * What is timed: a raw socket sends each packet, its header made by us; the kernel finds the way
 * to an interface (the same for all), asks the hook "output", where the rules are, and hands
 * the packet to a queue that takes none. All of that is work of the sending thread, and its CPU
 * time is what counts. A third namespace has no table at all: what it takes is taken off, so that
 * what is left is the hook and the rules. Turns of all three alternate.
 *
 * Every rule counts and accepts, so that the sender sees no difference. The counters of all rules
 * are compared with what the list says of the packets that were sent.
 *
 * iptables is the engine of that name (iptables-legacy); "iptables" of newer systems is nftables.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench/classify.h"
#include "tools/bench/options.h"

#define BATCH		64u	/* packets of a system call */
#define TURN_MAX	0.1	/* seconds */
#define TURN		4096u	/* packets of a turn at most */
#define PACKET_BYTES	(20 + 20)

enum { TCP = 6, ICMP = 1 };

struct path {
	int socket;			/* in the namespace */
	int namespace;
	uint32_t sent;			/* packets, since the rules were loaded */
	uint8_t packet[PACKETS][PACKET_BYTES];
	const char *count;		/* prints the rules' counters, in their order */
};

static int home = -1;

/* ---- namespaces ------------------------------------------------------------------- */

static int run(const char *command)
{
	return system(command) ? -EIO : 0;
}

static int enter(int namespace)
{
	return setns(namespace, CLONE_NEWNET) ? -errno : 0;
}

/* A namespace with a raw socket in it, left again. */
static int path_open(struct path *p)
{
	int err, one = 1;

	p->socket = p->namespace = -1;
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || unshare(CLONE_NEWNET))
		return -errno;
	p->namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	err = run("ip link set lo up && ip route add 198.18.0.0/15 dev lo && "
		  "tc qdisc add dev lo root pfifo limit 0");
	if (!err) {
		p->socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		if (p->socket < 0 ||
		    setsockopt(p->socket, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one)))
			err = -errno;
	}
	if (enter(home))
		abort();
	return err;
}

static void path_close(struct path *p)
{
	if (p->socket >= 0)
		close(p->socket);
	if (p->namespace >= 0)
		close(p->namespace);
	free(p);
}

/* ---- packets ---------------------------------------------------------------------- */

static void make_packet(const struct bench_packet *p, uint8_t *out)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .tot_len = htons(PACKET_BYTES), .ttl = 64,
		.protocol = p->field[RULES_PROTO], .saddr = htonl(p->addr[0]),
		.daddr = htonl(p->addr[1]), .id = htons(1),
	};
	uint16_t port[2] = { htons(p->field[RULES_SPORT]), htons(p->field[RULES_DPORT]) };
	uint8_t *next = out + sizeof(ip);

	memset(out, 0, PACKET_BYTES);
	memcpy(out, &ip, sizeof(ip));
	if (ip.protocol == ICMP) {
		next[0] = p->field[RULES_ICMP_TYPE];
		next[1] = p->field[RULES_ICMP_CODE];
	} else {
		memcpy(next, port, sizeof(port));
	}
	if (ip.protocol == TCP) {
		next[12] = 5 << 4;
		next[13] = p->field[RULES_TCP_FLAGS];
	}
}

/* Sends @n packets from @first on. Return: its CPU time, less than 0: it failed. */
static double send_packets(struct path *p, uint32_t first, uint32_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6120001) };
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH];
	double begin = bench_cpu();

	memset(message, 0, sizeof(message));
	for (uint32_t done = 0; done < n;) {
		uint32_t batch = n - done < BATCH ? n - done : BATCH;
		int sent;

		for (uint32_t i = 0; i < batch; i++) {
			part[i] = (struct iovec){ p->packet[(first + done + i) % PACKETS], PACKET_BYTES };
			message[i].msg_hdr = (struct msghdr){ .msg_name = &to, .msg_namelen = sizeof(to),
							      .msg_iov = &part[i], .msg_iovlen = 1 };
		}
		sent = sendmmsg(p->socket, message, batch, 0);
		if (sent <= 0)
			return -1;
		done += sent;
	}
	p->sent += n;
	return bench_cpu() - begin;
}

/* ---- rules as text ------------------------------------------------------------------ */

static void nft_test(FILE *out, const struct rule *r, const struct rule_test *t)
{
	const char *field = t->field == RULES_PROTO ? "meta l4proto" : t->field == RULES_SPORT ?
		"th sport" : t->field == RULES_DPORT ? "th dport" : t->field == RULES_TCP_FLAGS ?
		"tcp flags" : t->field == RULES_ICMP_TYPE ? "icmp type" : "icmp code";

	(void)r;
	if (t->kind == RULE_MASK)
		fprintf(out, " %s & %u == %u", field, t->b, t->a);
	else if (t->a == t->b)
		fprintf(out, " %s %u", field, t->a);
	else
		fprintf(out, " %s %u-%u", field, t->a, t->b);
}

static void nft_write(FILE *out, const struct rule_list *list)
{
	char text[PREFIX_STRLEN];

	fputs("add table ip bench\n"
	      "add chain ip bench rules { type filter hook output priority 0; }\n", out);
	for (size_t i = 0; i < list->rules.len; i++) {
		const struct rule *r = *(struct rule **)vec_at(&list->rules, i);

		fputs("add rule ip bench rules", out);
		for (unsigned int side = 0; side < 2; side++)
			if (r->prefix[side][0].len)
				fprintf(out, " ip %s %s", side ? "daddr" : "saddr",
					prefix_format(&r->prefix[side][0], text));
		for (uint32_t t = 0; t < r->tests; t++)
			nft_test(out, r, &r->test[t]);
		fputs(" counter accept\n", out);
	}
}

/* "SYN,ACK" */
static void flag_names(FILE *out, unsigned int flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	const char *comma = "";

	if (!flags)
		fputs("NONE", out);
	for (unsigned int i = 0; i < 6; i++) {
		if (flags & 1u << i) {
			fprintf(out, "%s%s", comma, names[i]);
			comma = ",";
		}
	}
}

static void iptables_test(FILE *out, const struct rule *r, const struct rule_test *t)
{
	unsigned int code = 0;

	switch (t->field) {
	case RULES_PROTO:
		fprintf(out, " -p %u", t->a);
		break;
	case RULES_SPORT:
	case RULES_DPORT:
		fprintf(out, " --%cport %u:%u", t->field == RULES_SPORT ? 's' : 'd', t->a, t->b);
		break;
	case RULES_TCP_FLAGS:
		fputs(" --tcp-flags ", out);
		flag_names(out, t->b);
		fputc(' ', out);
		flag_names(out, t->a);
		break;
	case RULES_ICMP_TYPE:
		for (uint32_t i = 0; i < r->tests; i++)
			if (r->test[i].field == RULES_ICMP_CODE)
				code = 1 + r->test[i].a;
		fprintf(out, code ? " --icmp-type %u/%u" : " --icmp-type %u", t->a, code - 1);
		break;
	}
}

static void iptables_write(FILE *out, const struct rule_list *list)
{
	char text[PREFIX_STRLEN];

	fputs("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", out);
	for (size_t i = 0; i < list->rules.len; i++) {
		const struct rule *r = *(struct rule **)vec_at(&list->rules, i);

		fputs("-A OUTPUT", out);
		for (unsigned int side = 0; side < 2; side++)
			if (r->prefix[side][0].len)
				fprintf(out, " -%c %s", side ? 'd' : 's',
					prefix_format(&r->prefix[side][0], text));
		for (uint32_t t = 0; t < r->tests; t++)
			iptables_test(out, r, &r->test[t]);
		fputs(" -j ACCEPT\n", out);
	}
	fputs("COMMIT\n", out);
}

/* Runs @command in the namespace, with what @write says of the list as its input. */
static int load_rules(struct path *p, const struct rule_list *list, const char *command,
		      void (*write)(FILE *out, const struct rule_list *list), double *seconds)
{
	char path[] = "/tmp/sluice-bench-XXXXXX", line[128];
	int fd = mkstemp(path), err = 0;
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	double begin;

	if (!out)
		return -errno;
	write(out, list);
	if (fclose(out))
		err = -errno;
	snprintf(line, sizeof(line), "%s < %s", command, path);
	if (!err)
		err = enter(p->namespace);
	if (!err) {
		begin = bench_now();
		err = run(line);
		*seconds = bench_now() - begin;
		if (enter(home))
			abort();
	}
	unlink(path);
	return err;
}

/* ---- turns and answers ---------------------------------------------------------------- */

static double path_turn(struct contender *contender, unsigned int round)
{
	struct classify_engine *e = (struct classify_engine *)contender;
	struct path *p = e->its;
	uint32_t first = round * e->turn;
	double seconds;

	/* Half as many, just before, to have the caches. */
	if (send_packets(p, first + PACKETS - e->turn / 2, e->turn / 2) < 0)
		return -1;
	seconds = send_packets(p, first, e->turn);
	return seconds < 0 ? -1 : seconds * 1e9 / e->turn;
}

/* The packets of each rule, as the engine counted them. */
static int read_counters(struct path *p, uint64_t *packets, size_t rules)
{
	char line[512], *at;
	size_t n = 0;
	FILE *in;

	if (enter(p->namespace))
		return -errno;
	in = popen(p->count, "r");
	if (enter(home))
		abort();
	if (!in)
		return -errno;
	while (fgets(line, sizeof(line), in)) {
		unsigned long long count;

		/* nftables: "... counter packets 5 bytes 200 accept"; iptables: "[5:200] -A ..." */
		at = strstr(line, "counter packets ");
		if ((at && sscanf(at, "counter packets %llu", &count) == 1) ||
		    (strstr(line, "] -A OUTPUT ") && sscanf(line, "[%llu", &count) == 1)) {
			if (n < rules)
				packets[n] = count;
			n++;
		}
	}
	pclose(in);
	return n == rules ? 0 : -EINVAL;
}

static long path_check(struct classify_engine *e)
{
	size_t rules = e->on->list.rules.len;
	uint64_t *before = xcalloc(rules + 1, sizeof(*before)), *after = xcalloc(rules + 1, sizeof(*after));
	struct path *p = e->its;
	long n = -1;

	if (!p->count) {
		n = 0;
	} else if (!read_counters(p, before, rules) && send_packets(p, 0, e->turn) >= 0 &&
		   !read_counters(p, after, rules)) {
		for (uint32_t i = 0; i < e->turn; i++) {
			uint32_t rule = classify_answer(e->on, i, rules);

			if (rule != RULES_NONE)
				before[rule]++;
		}
		n = memcmp(before, after, rules * sizeof(*before)) ? -1 : (long)e->turn;
		for (size_t i = 0; n < 0 && i < rules; i++) {
			if (before[i] == after[i])
				continue;
			fprintf(stderr, "sluice-bench: %s: rule %zu counts %llu packets, and should %llu\n",
				e->contender.engine, i, (unsigned long long)after[i],
				(unsigned long long)before[i]);
			break;
		}
	}
	free(before);
	free(after);
	return n;
}

static void path_fill(struct classify_engine *e)
{
	struct path *p = e->its;

	for (size_t i = 0; i < PACKETS; i++)
		make_packet(&e->on->packets->packet[i], p->packet[i]);
}

static void path_done(struct classify_engine *e)
{
	path_close(e->its);
}

/* As many packets a turn as there is time for. */
static uint32_t turn_of(struct path *p)
{
	double seconds = send_packets(p, 0, 32);
	double n = seconds > 0 ? TURN_MAX * 32 / seconds : TURN;

	return n > TURN ? TURN : n < 32 ? 32 : (uint32_t)n;
}

static int add(struct classify *c, struct vec *engines, const char *name, const char *load,
	       void (*write)(FILE *out, const struct rule_list *list), const char *count)
{
	struct path *p = xcalloc(1, sizeof(*p));
	struct classify_engine *e;
	double seconds = 0;
	int err = path_open(p);

	if (!err && load)
		err = load_rules(p, &c->list, load, write, &seconds);
	if (err) {
		fprintf(stderr, "sluice-bench: %s: %s\n", name, strerror(-err));
		path_close(p);
		return err;
	}
	p->count = count;
	e = vec_push(engines);
	*e = (struct classify_engine){
		.contender = { .engine = name, .where = "kernel", .turn = path_turn },
		.on = c, .mode = "whole", .path = "socket", .rules = c->list.rules.len, .commit_s = seconds,
		.fill = path_fill, .check = path_check, .done = path_done, .its = p,
	};
	path_fill(e);
	e->turn = turn_of(p);
	return 0;
}

int classify_netfilter(struct classify *c, struct vec *engines)
{
	int err = add(c, engines, "nothing", NULL, NULL, NULL);

	if (!err && bench_wanted("nftables"))
		err = add(c, engines, "nftables", "nft -f -", nft_write, "nft list chain ip bench rules");
	if (!err && bench_wanted("iptables"))
		err = add(c, engines, "iptables", "iptables-legacy-restore", iptables_write,
			  "iptables-legacy-save -c -t filter");
	return err;
}
