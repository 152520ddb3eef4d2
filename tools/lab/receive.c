// SPDX-License-Identifier: GPL-2.0
/*
 * receive.c: accounts for numbered frames, number by number, on one or more interfaces.
 *
 * For each interface and number one byte is kept: 0 for not seen, else which mark the frame bore. A mark
 * is what may be written into a frame on its way: VLAN tag, TTL, destination MAC. So at the end it
 * is known which numbers were lost, and, with several interfaces, which marks went together:
 * if two copies of one packet were made by one policy, only pairs of marks of one policy
 * occur.
 *
 * Of flows that were sent in turn (sluice-lab send -f) the number tells the flow. Then it is said, too, how
 * many went over from one interface to another, in the order of their numbers.
 *
 * Frames that this socket itself dropped for want of room are counted apart: a result with
 * "dropped" above 0 says nothing about losses on the way.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/table.h"
#include "base/vec.h"
#include "lab.h"
#include "traffic.h"
#include "verbs.h"

#define INTERFACES_MAX	256
#define MARKS_MAX	255
#define FRAME_MAX	256	/* headers and mark: the rest is cut off */
#define BATCH		64
#define BUFFER		(512 << 20)

struct mark {
	uint16_t vlan;		/* id; 0: no tag */
	uint8_t ttl;
	uint8_t mac[6];		/* destination */
	uint8_t pad;
};

struct receiver_interface {
	char name[IFNAMSIZ];
	unsigned int ifindex;
	uint8_t *seen;			/* [numbers]: 0, or 1 + mark */
	size_t numbers;			/* room in seen */
	uint64_t highest;		/* + 1 */
	unsigned long received, distinct, duplicates, reordered;
	unsigned long by_mark[MARKS_MAX];
};

struct receiver {
	struct receiver_interface *interfaces;
	unsigned int n;
	struct mark marks[MARKS_MAX];
	unsigned int marks_n;
	unsigned long marks_lost;	/* frames whose mark was one too many */
	unsigned long expected;		/* numbers; 0: not known */
	double seconds;			/* limit */
	double idle;			/* once complete, or without expected: end when nothing came for so long */
	long stream;			/* -1: any */
	unsigned long flows;		/* that were sent in turn; 0: not known */
	unsigned long strange;		/* frames with numbers beyond reason */
	unsigned int complete;		/* interfaces that have all that is expected */
	int fd;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- one frame ---------------------------------------------------------- */

/* Return: the frame's mark in the traffic, or NULL if it is none of ours. */
static const struct traffic_mark *read_frame(const uint8_t *frame, size_t len, struct mark *mark)
{
	const struct ether_header *eth = (const void *)frame;
	size_t at = sizeof(*eth), ip_len;
	uint16_t type;

	if (len < sizeof(*eth))
		return NULL;
	memcpy(mark->mac, eth->ether_dhost, 6);
	type = ntohs(eth->ether_type);
	while ((type == ETHERTYPE_VLAN || type == 0x88a8) && len >= at + 4) {
		if (!mark->vlan)
			mark->vlan = (frame[at] << 8 | frame[at + 1]) & 0xfff;
		type = frame[at + 2] << 8 | frame[at + 3];
		at += 4;
	}
	if (type == ETHERTYPE_IP) {
		const struct iphdr *ip = (const void *)(frame + at);

		if (len < at + sizeof(*ip) || ip->protocol != IPPROTO_UDP || ip->ihl < 5)
			return NULL;
		mark->ttl = ip->ttl;
		ip_len = ip->ihl * 4;
	} else if (type == ETHERTYPE_IPV6) {
		const struct ip6_hdr *ip = (const void *)(frame + at);

		if (len < at + sizeof(*ip) || ip->ip6_nxt != IPPROTO_UDP)
			return NULL;
		mark->ttl = ip->ip6_hlim;
		ip_len = sizeof(*ip);
	} else {
		return NULL;
	}
	at += ip_len + sizeof(struct udphdr);
	if (len < at + sizeof(struct traffic_mark))
		return NULL;
	return (const void *)(frame + at);
}

static unsigned int find_mark(struct receiver *r, const struct mark *m)
{
	for (unsigned int i = 0; i < r->marks_n; i++)
		if (!memcmp(&r->marks[i], m, sizeof(*m)))
			return i;
	if (r->marks_n < MARKS_MAX - 1) {
		r->marks[r->marks_n] = *m;
		return r->marks_n++;
	}
	r->marks_lost++;
	return MARKS_MAX - 1;
}

static void account(struct receiver *r, struct receiver_interface *i, uint64_t sequence,
		    const struct mark *m)
{
	unsigned int mark = find_mark(r, m);

	if (sequence >= i->numbers) {
		size_t room = i->numbers;

		while (room <= sequence)
			room *= 2;
		i->seen = xrealloc(i->seen, room);
		memset(i->seen + i->numbers, 0, room - i->numbers);
		i->numbers = room;
	}
	i->received++;
	i->by_mark[mark]++;
	if (i->seen[sequence]) {
		i->duplicates++;
		return;
	}
	i->seen[sequence] = 1 + mark;
	if (++i->distinct == r->expected)
		r->complete++;
	if (sequence + 1 < i->highest)
		i->reordered++;
	else
		i->highest = sequence + 1;
}

/* Return: whether the frame was of ours. */
static bool take(struct receiver *r, const struct msghdr *h, size_t len)
{
	const struct sockaddr_ll *from = h->msg_name;
	const struct traffic_mark *t;
	struct receiver_interface *i = NULL;
	struct mark mark = { 0 };
	struct cmsghdr *c;

	if (from->sll_pkttype == PACKET_OUTGOING)
		return false;
	for (unsigned int n = 0; n < r->n && !i; n++)
		if (r->interfaces[n].ifindex == (unsigned int)from->sll_ifindex)
			i = &r->interfaces[n];
	if (!i)
		return false;
	/* The kernel takes the outer tag off, and says so beside the frame. */
	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			mark.vlan = aux.tp_vlan_tci & 0xfff;
	}
	t = read_frame(h->msg_iov->iov_base, len < FRAME_MAX ? len : FRAME_MAX, &mark);
	if (!t || ntohl(t->magic) != TRAFFIC_MAGIC ||
	    (r->stream >= 0 && ntohl(t->stream) != r->stream))
		return false;
	if (be64toh(t->sequence) >= TRAFFIC_MAX)
		r->strange++;
	else
		account(r, i, be64toh(t->sequence), &mark);
	return true;
}

static unsigned int take_batch(struct receiver *r)
{
	static uint8_t frames[BATCH][FRAME_MAX];
	struct mmsghdr messages[BATCH] = { 0 };
	struct sockaddr_ll from[BATCH];
	struct iovec pieces[BATCH];
	char beside[BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	unsigned int ours = 0;
	int n;

	for (unsigned int i = 0; i < BATCH; i++) {
		struct msghdr *h = &messages[i].msg_hdr;

		pieces[i] = (struct iovec){ frames[i], FRAME_MAX };
		h->msg_iov = &pieces[i];
		h->msg_iovlen = 1;
		h->msg_name = &from[i];
		h->msg_namelen = sizeof(from[i]);
		h->msg_control = beside[i];
		h->msg_controllen = sizeof(beside[i]);
	}
	n = recvmmsg(r->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		ours += take(r, &messages[i].msg_hdr, messages[i].msg_len);
	return ours;
}

/* ---- what came of it ---------------------------------------------------- */

static void print_mark(const struct mark *m)
{
	char mac[MAC_STRLEN];

	printf("\"vlan\":%u,\"ttl\":%u,\"mac\":\"%s\"", m->vlan, m->ttl, mac_format(m->mac, mac));
}

static void print_interface(const struct receiver *r, const struct receiver_interface *i,
			    unsigned int dropped)
{
	unsigned long of = r->expected ? r->expected : i->highest;
	bool first = true;

	printf("{\"interface\":\"%s\",\"received\":%lu,\"distinct\":%lu,\"duplicates\":%lu,"
	       "\"lost\":%ld,\"reordered\":%lu,\"dropped\":%u,\"marks\":[", i->name, i->received,
	       i->distinct, i->duplicates, (long)(of - i->distinct), i->reordered, dropped);
	for (unsigned int m = 0; m < r->marks_n; m++) {
		if (!i->by_mark[m])
			continue;
		printf("%s{", first ? "" : ",");
		print_mark(&r->marks[m]);
		printf(",\"packets\":%lu}", i->by_mark[m]);
		first = false;
	}
	printf("]}\n");
}

/* Which marks the copies of one number bore, and how often: {"vlan":[11,12],"ttl":[5,6]}. */
static void print_together(const struct receiver *r)
{
	struct table combinations = { .key_size = r->n, .value_size = sizeof(unsigned long) };
	uint8_t key[INTERFACES_MAX];
	uint64_t highest = 0;
	const void *k;
	void *count;
	size_t at = 0;

	for (unsigned int i = 0; i < r->n; i++)
		if (r->interfaces[i].highest > highest)
			highest = r->interfaces[i].highest;
	for (uint64_t s = 0; s < highest; s++) {
		bool any = false;

		for (unsigned int i = 0; i < r->n; i++) {
			key[i] = s < r->interfaces[i].numbers ? r->interfaces[i].seen[s] : 0;
			any |= key[i];
		}
		if (any)
			++*(unsigned long *)table_put(&combinations, key, NULL);
	}
	while (table_next(&combinations, &at, &k, &count)) {
		const uint8_t *marks = k;

		printf("{\"together\":%lu", *(unsigned long *)count);
		for (int what = 0; what < 2; what++) {
			printf(",\"%s\":[", what ? "ttl" : "vlan");
			for (unsigned int i = 0; i < r->n; i++) {
				const struct mark *m = &r->marks[marks[i] - 1];

				if (!marks[i])
					printf("%snull", i ? "," : "");
				else
					printf("%s%u", i ? "," : "", what ? m->ttl : m->vlan);
			}
			printf("]");
		}
		printf("}\n");
	}
	table_free(&combinations);
}

/* The interface that number @s came in by, the first of several; -1: it did not. */
static int came_by(const struct receiver *r, uint64_t s)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (s < r->interfaces[i].numbers && r->interfaces[i].seen[s])
			return i;
	return -1;
}

/* How often a flow went from one interface to another: {"from":"eth0","to":"eth1","flows":5}, and at most. */
static void print_moves(const struct receiver *r)
{
	unsigned long *moves = xcalloc(r->n * r->n, sizeof(*moves)), distinct = 0;
	unsigned int *moved = xcalloc(r->flows, sizeof(*moved)), most = 0;
	int *last = xcalloc(r->flows, sizeof(*last));	/* + 1 */
	uint64_t highest = 0;

	for (unsigned int i = 0; i < r->n; i++)
		if (r->interfaces[i].highest > highest)
			highest = r->interfaces[i].highest;
	for (uint64_t s = 0; s < highest; s++) {
		unsigned long flow = s % r->flows;
		int by = came_by(r, s);

		if (by < 0)
			continue;
		if (last[flow] && last[flow] != by + 1) {
			moves[(last[flow] - 1) * r->n + by]++;
			if (++moved[flow] > most)
				most = moved[flow];
		}
		distinct += !last[flow];
		last[flow] = by + 1;
	}
	for (unsigned int m = 0; m < r->n * r->n; m++)
		if (moves[m])
			printf("{\"from\":\"%s\",\"to\":\"%s\",\"flows\":%lu}\n", r->interfaces[m / r->n].name,
			       r->interfaces[m % r->n].name, moves[m]);
	printf("{\"flows\":%lu,\"most_moves\":%u}\n", distinct, most);
	free(moves);
	free(moved);
	free(last);
}

static int report(const struct receiver *r)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	for (unsigned int i = 0; i < r->n; i++)
		print_interface(r, &r->interfaces[i], stats.tp_drops);
	if (r->n > 1)
		print_together(r);
	if (r->flows)
		print_moves(r);
	if (r->strange || r->marks_lost)
		lab_error("%lu frames with numbers beyond %u, %lu with more than %d marks", r->strange,
			  TRAFFIC_MAX, r->marks_lost, MARKS_MAX - 1);
	return fflush(stdout) ? 1 : 0;
}

static int run(struct receiver *r)
{
	double end = now() + r->seconds, last = 0, t;

	while (!stopped && (t = now()) < end) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };
		double wait = end - t;

		bool over = r->expected ? r->complete == r->n : r->idle && last;

		if (over && t - last >= r->idle)
			break;
		if (r->idle && last && wait > r->idle)
			wait = r->idle;
		if (wait > 0.2)
			wait = 0.2;
		if (poll(&p, 1, wait * 1000 + 1) > 0 && take_batch(r))
			last = now();
	}
	while (take_batch(r))
		;
	return report(r);
}

/* ---- options ------------------------------------------------------------ */

static bool open_interfaces(struct receiver *r, char *list)
{
	char *rest, *one;

	for (one = strtok_r(list, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		struct receiver_interface *i;

		if (r->n == INTERFACES_MAX) {
			lab_error("-i: at most %d interfaces", INTERFACES_MAX);
			return false;
		}
		i = &r->interfaces[r->n++];
		snprintf(i->name, sizeof(i->name), "%s", one);
		i->ifindex = if_nametoindex(one);
		if (!i->ifindex) {
			lab_error("%s: %s", one, strerror(errno));
			return false;
		}
		i->numbers = 1 << 16;
		i->seen = xcalloc(i->numbers, 1);
	}
	return r->n;
}

static int open_socket(struct receiver *r)
{
	/* Bound to one interface if it is the only one, else to all of the namespace. */
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = r->n == 1 ? r->interfaces[0].ifindex : 0 };
	struct packet_mreq all = { .mr_type = PACKET_MR_PROMISC };
	int one = 1, room = BUFFER;

	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    bind(r->fd, (struct sockaddr *)&at, sizeof(at)))
		goto failed;
	for (unsigned int i = 0; i < r->n; i++) {
		all.mr_ifindex = r->interfaces[i].ifindex;
		if (setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)))
			goto failed;
	}
	return 0;
failed:
	lab_error("packet socket: %s", strerror(errno));
	return -1;
}

int verb_receive(int argc, char **argv)
{
	struct receiver r = { .seconds = 30, .stream = -1 };
	char *list = NULL;
	int option, code;

	argv--, argc++;
	optind = 1;
	while ((option = getopt(argc, argv, "i:n:t:q:S:f:")) != -1) {
		switch (option) {
		case 'i': list = optarg; break;
		case 'n': r.expected = strtoul(optarg, NULL, 10); break;
		case 't': r.seconds = strtod(optarg, NULL); break;
		case 'q': r.idle = strtod(optarg, NULL); break;
		case 'f': r.flows = strtoul(optarg, NULL, 10); break;
		case 'S': r.stream = strtoul(optarg, NULL, 10); break;
		default: return USAGE;
		}
	}
	if (optind < argc || !list)
		return USAGE;
	r.interfaces = xcalloc(INTERFACES_MAX, sizeof(*r.interfaces));
	if (!open_interfaces(&r, list) || open_socket(&r))
		return 1;
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	fprintf(stderr, "ready\n");
	code = run(&r);
	for (unsigned int i = 0; i < r.n; i++)
		free(r.interfaces[i].seen);
	free(r.interfaces);
	close(r.fd);
	return code;
}
