// SPDX-License-Identifier: GPL-2.0
/*
 * traffic.c: streams of packets whose truth is known.
 *
 * A flow of n packets and s bytes, drawn from the histogram, sends at a rate drawn
 * log-uniformly, so it lives about n / rate seconds. Flows arrive at a constant rate from one
 * longest lifetime before the start, so that the start sees as many old flows as any other
 * moment; only what falls into the window is written down.
 */
#include "flow/traffic.h"

#include <errno.h>
#include <math.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/table.h"

#define HEAD "bin_lo,bin_hi,flows_sum,packets_sum,octets_sum\n"

struct bin {
	double flows;		/* in this bin and all before */
	double packets, bytes;	/* of one flow */
};

static int read_histogram(struct vec *bins, const char *text)
{
	double sum = 0;

	if (strncmp(text, HEAD, strlen(HEAD)))
		return -EINVAL;
	for (text += strlen(HEAD); *text;) {
		double flows, packets, octets;
		struct bin *bin;
		int n = 0;

		if (sscanf(text, "%*[0-9],%*[0-9],%lf,%lf,%lf%n", &flows, &packets, &octets, &n) != 3 ||
		    text[n] != '\n' || !(flows > 0) || !(packets >= flows) || !(octets >= 20 * packets))
			return -EINVAL;
		text += n + 1;
		sum += flows;
		bin = vec_push(bins);
		*bin = (struct bin){ sum, packets / flows, octets / flows };
	}
	return bins->len ? 0 : -EINVAL;
}

static const struct bin *draw_bin(const struct vec *bins, uint64_t *random)
{
	const struct bin *all = bins->data;
	double at = random_unit(random) * all[bins->len - 1].flows;
	size_t low = 0, high = bins->len - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (all[middle].flows > at)
			high = middle;
		else
			low = middle + 1;
	}
	return &all[low];
}

/* Keys differ in their first address; one in eight is IPv6. */
static void make_key(struct flow_key *key, uint32_t number, uint64_t *random)
{
	uint64_t bytes[4], r = random_u64(random);

	for (int i = 0; i < 4; i++)
		bytes[i] = random_u64(random);
	memcpy(bytes, &number, sizeof(number));
	key->family = r & 7 ? 4 : 6;
	memcpy(key->source, bytes, key->family == 4 ? 4 : 16);
	memcpy(key->destination, bytes + 2, key->family == 4 ? 4 : 16);
	key->protocol = r & 8 ? 6 : 17;
	key->sport = r >> 16;
	key->dport = r >> 32;
}

static int by_time(const void *a, const void *b)
{
	const struct traffic_packet *x = a, *y = b;

	return x->time_us != y->time_us ? (x->time_us < y->time_us ? -1 : 1) :
	       (x->flow > y->flow) - (x->flow < y->flow);
}

int traffic_generate(struct traffic *t, const char *histogram, const struct traffic_model *m)
{
	struct vec bins = VEC(struct bin);
	uint64_t random = m->seed * 0x9e3779b97f4a7c15ull | 1;
	double at = -m->lifetime_max;
	int err;

	*t = (struct traffic){ VEC(struct traffic_packet), VEC(struct flow_key) };
	err = read_histogram(&bins, histogram);
	if (err)
		goto cleanup;
	random_u64(&random);
	for (;;) {
		const struct bin *bin = draw_bin(&bins, &random);
		double rate = m->packet_rate_min *
			      pow(m->packet_rate_max / m->packet_rate_min, random_unit(&random));
		uint64_t packets = bin->packets + random_unit(&random), first, last;
		uint32_t bytes = fmin(bin->bytes / bin->packets, 9000), flow = t->keys.len;
		double gap;

		at += -log(1 - random_unit(&random)) / m->flows_per_s;
		if (at >= m->seconds)
			break;
		gap = packets > 1 ? fmin(1 / rate, m->lifetime_max / (packets - 1)) : 1;
		first = at < 0 ? ceil(-at / gap) : 0;
		last = fmin(packets, ceil((m->seconds - at) / gap));
		if (first >= last)
			continue;
		make_key(vec_push(&t->keys), flow, &random);
		for (uint64_t i = first; i < last; i++) {
			struct traffic_packet *p = vec_push(&t->packets);

			*p = (struct traffic_packet){ (at + i * gap) * 1e6, flow, bytes };
		}
	}
	qsort(t->packets.data, t->packets.len, sizeof(struct traffic_packet), by_time);
cleanup:
	vec_free(&bins);
	return err;
}

int traffic_read_agh(const char *data, struct text *histogram)
{
	static const char member[] = "fm/agh_2015061019_IPv4_anon/histograms/all/size.csv";
	struct text command = { 0 };
	size_t n, len = histogram->len;
	char buf[65536];
	int status;
	FILE *f;

	text_printf(&command, "tar -xJOf '%s/pcap/agh-flow-models.tar.xz' %s 2>/dev/null", data, member);
	f = popen(text_string(&command), "r");
	text_free(&command);
	if (!f)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_append(histogram, buf, n);
	status = pclose(f);
	return status || histogram->len == len ? -ENOENT : 0;
}

/* The 5-tuple of an Ethernet frame of @n captured bytes; false: no IP packet, or cut too short. */
static bool read_key(struct flow_key *key, const uint8_t *frame, size_t n)
{
	const uint8_t *end = frame + n, *ip = frame + 14, *ports;
	bool later = false;

	*key = (struct flow_key){ 0 };
	if (n < 14)
		return false;
	while (ip + 4 <= end && ((ip[-2] == 0x81 && ip[-1] == 0) || (ip[-2] == 0x88 && ip[-1] == 0xa8)))
		ip += 4;
	if (ip[-2] == 0x08 && ip[-1] == 0 && ip + 20 <= end) {
		key->family = 4;
		memcpy(key->source, ip + 12, 4);
		memcpy(key->destination, ip + 16, 4);
		key->protocol = ip[9];
		later = (ip[6] & 0x1f) || ip[7];
		ports = ip + 4 * (ip[0] & 15);
	} else if (ip[-2] == 0x86 && ip[-1] == 0xdd && ip + 40 <= end) {
		key->family = 6;
		memcpy(key->source, ip + 8, 16);
		memcpy(key->destination, ip + 24, 16);
		key->protocol = ip[6];
		ports = ip + 40;
	} else {
		return false;
	}
	if ((key->protocol == 6 || key->protocol == 17) && !later && ports + 4 <= end) {
		memcpy(&key->sport, ports, 2);
		memcpy(&key->dport, ports + 2, 2);
	}
	return true;
}

static ssize_t gzip_read(void *gzip, char *buf, size_t size)
{
	return gzread(gzip, buf, size);
}

static int gzip_close(void *gzip)
{
	return gzclose(gzip);
}

/* A gzip file, or a plain one, as a stream. */
static FILE *open_gzip(const char *path)
{
	gzFile gzip = gzopen(path, "rb");
	FILE *f;

	if (!gzip)
		return NULL;
	f = fopencookie(gzip, "r", (cookie_io_functions_t){ .read = gzip_read, .close = gzip_close });
	if (!f)
		gzclose(gzip);
	return f;
}

int traffic_read_pcap(struct traffic *t, const char *path)
{
	struct table numbers = TABLE(struct flow_key, uint32_t);
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const uint8_t *frame;
	int64_t start = -1;
	pcap_t *pcap;
	FILE *f;

	*t = (struct traffic){ VEC(struct traffic_packet), VEC(struct flow_key) };
	f = open_gzip(path);
	if (!f)
		return -ENOENT;
	pcap = pcap_fopen_offline(f, why);
	if (!pcap) {
		fclose(f);
		return -ENOENT;
	}
	while (pcap_next_ex(pcap, &head, &frame) == 1) {
		int64_t us = head->ts.tv_sec * 1000000ll + head->ts.tv_usec;
		struct traffic_packet *p;
		struct flow_key key;
		uint32_t *number;
		bool fresh;

		if (!read_key(&key, frame, head->caplen))
			continue;
		if (start < 0)
			start = us;
		number = table_put(&numbers, &key, &fresh);
		if (fresh) {
			*number = t->keys.len;
			vec_append(&t->keys, &key);
		}
		p = vec_push(&t->packets);
		*p = (struct traffic_packet){ us - start, *number, head->len };
	}
	table_free(&numbers);
	pcap_close(pcap);
	return t->packets.len ? 0 : -ENOENT;
}

void traffic_free(struct traffic *t)
{
	vec_free(&t->packets);
	vec_free(&t->keys);
}
