// SPDX-License-Identifier: GPL-2.0
/*
 * send.c: numbered frames at a steady rate, straight out of an interface (AF_PACKET).
 *
 * Each frame carries the next number of its stream, so that a receiver can say exactly which were
 * lost, doubled or late. A frame belongs to a flow, which is a source port and, with several
 * destinations, one of them; flows are taken in turn, or drawn by Zipf's law. Count
 * and time are both bounded. What the kernel did not take (ENOBUFS) is sent again, so a number
 * that is reported as sent has left.
 */
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <math.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/vec.h"
#include "lab.h"
#include "traffic.h"
#include "verbs.h"

#define FRAME_MAX	9216
#define BURST		32
#define FLOWS_MAX	60000
#define FIRST_PORT	2000

struct sender {
	const char *interface;
	struct addr source;
	struct vec destinations;	/* of struct addr */
	uint8_t source_mac[6], mac[6];	/* mac: of the next hop; multicast has its own */
	bool has_mac;
	unsigned long count;		/* 0: until the time is over */
	double rate;			/* frames a second; 0: as fast as it goes */
	double seconds;
	unsigned int length;		/* of a frame, bytes */
	unsigned int flows;
	double zipf;			/* exponent; 0: in turn */
	unsigned int port, ttl, stream;
	double *share;			/* of flows 0..i, for drawing */
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

/* ---- flows -------------------------------------------------------------- */

static void share_flows(struct sender *s)
{
	double sum = 0;

	s->share = xcalloc(s->flows, sizeof(double));
	for (unsigned int i = 0; i < s->flows; i++)
		s->share[i] = sum += pow(i + 1, -s->zipf);
	for (unsigned int i = 0; i < s->flows; i++)
		s->share[i] /= sum;
}

static unsigned int choose_flow(const struct sender *s, uint64_t sequence)
{
	unsigned int low = 0, high = s->flows - 1;
	double at;

	if (s->zipf == 0)
		return sequence % s->flows;
	at = drand48();
	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (s->share[mid] < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- frames ------------------------------------------------------------- */

static uint32_t sum_bytes(const void *bytes, size_t n, uint32_t sum)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void set_macs(const struct sender *s, const struct addr *to, struct ether_header *eth)
{
	memcpy(eth->ether_shost, s->source_mac, 6);
	if (!addr_is_multicast(to)) {
		memcpy(eth->ether_dhost, s->mac, 6);
	} else if (to->family == ADDR_V4) {
		uint8_t mac[6] = { 0x01, 0x00, 0x5e, to->bytes[1] & 0x7f, to->bytes[2], to->bytes[3] };

		memcpy(eth->ether_dhost, mac, 6);
	} else {
		memcpy(eth->ether_dhost, "\x33\x33", 2);
		memcpy(eth->ether_dhost + 2, to->bytes + 12, 4);
	}
}

/* Writes the frame number @sequence. Return: its length. */
static size_t make_frame(const struct sender *s, uint64_t sequence, uint8_t *frame)
{
	unsigned int flow = choose_flow(s, sequence);
	const struct addr *to = vec_at(&s->destinations, flow % s->destinations.len);
	struct ether_header *eth = (void *)frame;
	struct udphdr *udp;
	struct traffic_mark *mark;
	size_t ip_len = to->family == ADDR_V4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t least = sizeof(*eth) + ip_len + sizeof(*udp) + sizeof(*mark);
	size_t length = s->length < least ? least : s->length;
	size_t udp_len = length - sizeof(*eth) - ip_len;
	uint32_t sum;

	memset(frame, 0, length);
	set_macs(s, to, eth);
	udp = (void *)(frame + sizeof(*eth) + ip_len);
	udp->source = htons(FIRST_PORT + flow);
	udp->dest = htons(s->port);
	udp->len = htons(udp_len);
	mark = (void *)(udp + 1);
	mark->magic = htonl(TRAFFIC_MAGIC);
	mark->stream = htonl(s->stream);
	mark->sequence = htobe64(sequence);

	if (to->family == ADDR_V4) {
		struct iphdr *ip = (void *)(eth + 1);

		eth->ether_type = htons(ETHERTYPE_IP);
		ip->version = 4;
		ip->ihl = 5;
		ip->tot_len = htons(length - sizeof(*eth));
		ip->id = htons(sequence);
		ip->ttl = s->ttl;
		ip->protocol = IPPROTO_UDP;
		memcpy(&ip->saddr, s->source.bytes, 4);
		memcpy(&ip->daddr, to->bytes, 4);
		ip->check = fold(sum_bytes(ip, sizeof(*ip), 0));
		sum = sum_bytes(&ip->saddr, 8, IPPROTO_UDP + udp_len);
	} else {
		struct ip6_hdr *ip = (void *)(eth + 1);

		eth->ether_type = htons(ETHERTYPE_IPV6);
		ip->ip6_flow = htonl(6u << 28);
		ip->ip6_plen = htons(udp_len);
		ip->ip6_nxt = IPPROTO_UDP;
		ip->ip6_hlim = s->ttl;
		memcpy(&ip->ip6_src, s->source.bytes, 16);
		memcpy(&ip->ip6_dst, to->bytes, 16);
		sum = sum_bytes(&ip->ip6_src, 32, IPPROTO_UDP + udp_len);
	}
	/* What lies behind the mark is zero, and adds nothing. */
	udp->check = fold(sum_bytes(udp, sizeof(*udp) + sizeof(*mark), sum));
	if (!udp->check)
		udp->check = 0xffff;
	return length;
}

/* ---- sending ------------------------------------------------------------ */

static int send_burst(const struct sender *s, uint64_t sequence, unsigned int n, unsigned long *retries)
{
	static uint8_t frames[BURST][FRAME_MAX];
	struct mmsghdr messages[BURST] = { 0 };
	struct iovec pieces[BURST];
	unsigned int sent = 0;

	for (unsigned int i = 0; i < n; i++) {
		pieces[i].iov_base = frames[i];
		pieces[i].iov_len = make_frame(s, sequence + i, frames[i]);
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < n) {
		int k = sendmmsg(s->fd, messages + sent, n - sent, 0);

		if (k > 0) {
			sent += k;
		} else if (errno == ENOBUFS || errno == EAGAIN) {
			if (stopped)
				break;
			(*retries)++;
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		} else if (errno != EINTR) {
			lab_error("%s: %s", s->interface, strerror(errno));
			break;
		}
	}
	return sent;
}

static int run(const struct sender *s)
{
	double began = now(), end = began + s->seconds, t = began;
	unsigned long limit = s->count ? s->count : TRAFFIC_MAX, retries = 0;
	uint64_t sent = 0;
	bool failed = false;

	while (!stopped && !failed && sent < limit && (t = now()) < end) {
		unsigned long due = limit - sent;
		unsigned int n;

		if (s->rate > 0) {
			double by_now = (t - began) * s->rate + 1;

			due = by_now > sent ? by_now - sent : 0;
		}
		if (due > limit - sent)
			due = limit - sent;
		if (!due) {
			double wait = (sent - (t - began) * s->rate) / s->rate;

			wait = wait < 0.0002 ? 0.0002 : wait > 0.05 ? 0.05 : wait;
			nanosleep(&(struct timespec){ 0, wait * 1e9 }, NULL);
			continue;
		}
		n = due < BURST ? due : BURST;
		due = send_burst(s, sent, n, &retries);
		sent += due;
		failed = due < n && !stopped;
	}
	printf("{\"stream\":%u,\"sent\":%llu,\"retries\":%lu,\"seconds\":%.3f}\n", s->stream,
	       (unsigned long long)sent, retries, now() - began);
	return failed || (s->count && sent < s->count && !stopped) ? 1 : 0;
}

/* ---- options ------------------------------------------------------------ */

static int find_source(struct sender *s)
{
	const struct addr *to = vec_at(&s->destinations, 0);
	struct ifaddrs *all, *i;

	if (getifaddrs(&all))
		return -1;
	for (i = all; i && !s->source.family; i = i->ifa_next) {
		struct sockaddr *a = i->ifa_addr;

		if (!a || strcmp(i->ifa_name, s->interface))
			continue;
		if (a->sa_family == AF_INET && to->family == ADDR_V4)
			s->source = addr_from_bytes(ADDR_V4, &((struct sockaddr_in *)a)->sin_addr);
		if (a->sa_family == AF_INET6 && to->family == ADDR_V6 &&
		    !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)a)->sin6_addr))
			s->source = addr_from_bytes(ADDR_V6, &((struct sockaddr_in6 *)a)->sin6_addr);
	}
	freeifaddrs(all);
	return s->source.family ? 0 : -1;
}

static int open_socket(struct sender *s)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq request = { 0 };

	at.sll_ifindex = if_nametoindex(s->interface);
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", s->interface);
	if (!at.sll_ifindex || s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    ioctl(s->fd, SIOCGIFHWADDR, &request)) {
		lab_error("%s: %s", s->interface, strerror(errno));
		return -1;
	}
	memcpy(s->source_mac, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

static bool parse_destinations(struct sender *s, char *list)
{
	char *rest, *one;

	for (one = strtok_r(list, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		struct addr a;

		if (addr_parse(one, &a)) {
			lab_error("-d: \"%s\" is not an address", one);
			return false;
		}
		vec_append(&s->destinations, &a);
	}
	return s->destinations.len;
}

static bool check(const struct sender *s)
{
	for (size_t i = 0; i < s->destinations.len; i++) {
		const struct addr *to = vec_at(&s->destinations, i);

		if (to->family != s->source.family) {
			lab_error("-d: one family at a time");
			return false;
		}
		if (!addr_is_multicast(to) && !s->has_mac) {
			lab_error("a unicast destination needs -m, the next hop's MAC address");
			return false;
		}
	}
	if (!s->flows || s->flows > FLOWS_MAX || s->length > FRAME_MAX || s->count > TRAFFIC_MAX) {
		lab_error("at most %d flows, frames of %d bytes, %u numbers", FLOWS_MAX, FRAME_MAX,
			  TRAFFIC_MAX);
		return false;
	}
	return true;
}

int verb_send(int argc, char **argv)
{
	struct sender s = { .destinations = VEC(struct addr), .seconds = 60, .length = 64, .flows = 1,
			    .port = TRAFFIC_PORT, .ttl = 64 };
	int option, code;

	argv--, argc++;	/* getopt wants a name first */
	optind = 1;
	while ((option = getopt(argc, argv, "i:d:s:m:n:r:t:l:f:z:p:T:S:")) != -1) {
		switch (option) {
		case 'i': s.interface = optarg; break;
		case 'd': if (!parse_destinations(&s, optarg)) return 2; break;
		case 's': if (addr_parse(optarg, &s.source)) return USAGE; break;
		case 'm': if (mac_parse(optarg, s.mac)) return USAGE; s.has_mac = true; break;
		case 'n': s.count = strtoul(optarg, NULL, 10); break;
		case 'r': s.rate = strtod(optarg, NULL); break;
		case 't': s.seconds = strtod(optarg, NULL); break;
		case 'l': s.length = strtoul(optarg, NULL, 10); break;
		case 'f': s.flows = strtoul(optarg, NULL, 10); break;
		case 'z': s.zipf = strtod(optarg, NULL); break;
		case 'p': s.port = strtoul(optarg, NULL, 10); break;
		case 'T': s.ttl = strtoul(optarg, NULL, 10); break;
		case 'S': s.stream = strtoul(optarg, NULL, 10); break;
		default: return USAGE;
		}
	}
	if (optind < argc || !s.interface || !s.destinations.len)
		return USAGE;
	if (open_socket(&s))
		return 1;
	if (!s.source.family && find_source(&s)) {
		lab_error("%s has no address of the destination's family: give one with -s", s.interface);
		return 1;
	}
	if (!check(&s))
		return 2;
	if (s.zipf != 0)
		share_flows(&s);
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	code = run(&s);
	free(s.share);
	vec_free(&s.destinations);
	close(s.fd);
	return code;
}
