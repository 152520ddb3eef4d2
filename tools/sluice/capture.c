// SPDX-License-Identifier: GPL-2.0
#include "capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/vec.h"

#define FRAME_MAX	(256 * 1024)
#define ETHERNET	14

/* A link type whose packets begin with something else than Ethernet, and how much of it. */
struct link_type {
	int type;
	unsigned int header;	/* bytes in front of the IP packet */
	int ethertype_at;	/* offset of the ethertype in them; -1: the IP version tells */
};

static const struct link_type known_links[] = {
	{ DLT_RAW, 0, -1 },	{ DLT_IPV4, 0, -1 },	    { DLT_IPV6, 0, -1 },
	{ DLT_NULL, 4, -1 },	{ DLT_LOOP, 4, -1 },	    { DLT_LINUX_SLL, 16, 14 },
	{ DLT_LINUX_SLL2, 20, 0 },
};

struct capture {
	pcap_t *pcap;
	char *path;
	const struct link_type *link;	/* NULL: Ethernet */
	uint8_t *frame;			/* [FRAME_MAX] */
	uint64_t number;
};

/* ---- a FILE that unpacks ------------------------------------------------------ */

static ssize_t read_gz(void *cookie, char *buf, size_t n)
{
	return gzread(cookie, buf, n);
}

static int close_gz(void *cookie)
{
	return gzclose(cookie);
}

static FILE *open_unpacked(const char *path)
{
	cookie_io_functions_t io = { .read = read_gz, .close = close_gz };
	gzFile gz = strcmp(path, "-") ? gzopen(path, "rb") : gzdopen(0, "rb");

	return gz ? fopencookie(gz, "rb", io) : NULL;
}

/* ---- link types ----------------------------------------------------------------- */

static int set_link(struct capture *c, bool any_link, struct text *why)
{
	int type = pcap_datalink(c->pcap);

	if (type == DLT_EN10MB)
		return 0;
	for (size_t i = 0; i < sizeof(known_links) / sizeof(*known_links); i++) {
		if (known_links[i].type == type) {
			c->link = &known_links[i];
			return 0;
		}
	}
	if (any_link)
		return 0;
	text_printf(why, "%s: its packets are %s, not Ethernet (--any-link takes their bytes as Ethernet frames)",
		    c->path, pcap_datalink_val_to_name(type) ? : "of an unknown link type");
	return -EPROTONOSUPPORT;
}

int capture_open(const char *path, bool any_link, struct capture **out, struct text *why)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = xcalloc(1, sizeof(*c));
	FILE *file = open_unpacked(path);
	int err;

	c->path = xstrdup(path);
	c->frame = xcalloc(1, FRAME_MAX);
	if (!file) {
		err = errno ? -errno : -ENOMEM;
		text_printf(why, "%s: %s", path, strerror(-err));
		capture_close(c);
		return err;
	}
	c->pcap = pcap_fopen_offline(file, error);
	if (!c->pcap) {
		fclose(file);
		text_printf(why, "%s: not a capture that can be read: %s", path, error);
		capture_close(c);
		return -EINVAL;
	}
	err = set_link(c, any_link, why);
	if (err) {
		capture_close(c);
		return err;
	}
	*out = c;
	return 0;
}

/* Puts an Ethernet header in the place of another one, in front of the IP packet. */
static uint32_t with_ethernet(struct capture *c, const uint8_t *bytes, uint32_t n)
{
	static const uint8_t header[12] = { 0x02, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 1 };
	const struct link_type *l = c->link;
	uint32_t skip = l->header < n ? l->header : n;

	memcpy(c->frame, header, sizeof(header));
	if (l->ethertype_at >= 0 && (uint32_t)l->ethertype_at + 2 <= n) {
		memcpy(c->frame + 12, bytes + l->ethertype_at, 2);
	} else {
		bool six = skip < n && bytes[skip] >> 4 == 6;

		c->frame[12] = six ? 0x86 : 0x08;
		c->frame[13] = six ? 0xdd : 0x00;
	}
	memcpy(c->frame + ETHERNET, bytes + skip, n - skip);
	return ETHERNET + n - skip;
}

int capture_next(struct capture *c, struct frame *frame, struct text *why)
{
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	uint32_t have, length;
	int got = pcap_next_ex(c->pcap, &header, &bytes);

	if (got == PCAP_ERROR_BREAK)
		return 0;
	c->number++;
	if (got != 1) {
		text_printf(why, "%s: packet %llu: %s", c->path, (unsigned long long)c->number,
			    pcap_geterr(c->pcap));
		return -EINVAL;
	}
	have = header->caplen < FRAME_MAX / 2 ? header->caplen : FRAME_MAX / 2;
	length = header->len < FRAME_MAX / 2 ? header->len : FRAME_MAX / 2;
	if (length < have)
		length = have;
	if (c->link) {
		uint32_t more = length - have;

		have = with_ethernet(c, bytes, have);
		length = have + more;
	} else {
		memcpy(c->frame, bytes, have);
	}
	memset(c->frame + have, 0, length - have);
	*frame = (struct frame){ .bytes = c->frame, .length = length, .cut = length > have };
	return 1;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	free(c->path);
	free(c->frame);
	free(c);
}
