// SPDX-License-Identifier: GPL-2.0
#include "capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/vec.h"
#include "libpcap.h"
#include "pcapng.h"

#define FRAME_MAX	(256 * 1024)
#define ETHERNET	14

/* A link type whose packets begin with something else than Ethernet, and how much of it. */
struct link_type {
	int type;			/* as files number them */
	unsigned int header;		/* bytes in front of the IP packet */
	int ethertype_at;		/* offset of the ethertype in them; -1: the IP version tells */
};

#define LINK_ETHERNET	1

static const struct link_type known_links[] = {
	{ 101, 0, -1 },		/* raw IP */
	{ 12, 0, -1 },		/* raw IP, as some systems number it */
	{ 14, 0, -1 },
	{ 228, 0, -1 },		/* raw IPv4 */
	{ 229, 0, -1 },		/* raw IPv6 */
	{ 0, 4, -1 },		/* BSD loopback */
	{ 108, 4, -1 },		/* OpenBSD loopback */
	{ 113, 16, 14 },	/* Linux cooked */
	{ 276, 20, 0 },		/* Linux cooked, version 2 */
};

/* Exactly one of pcap and pcapng is set. */
struct capture {
	const struct libpcap *lib;	/* pcap's */
	pcap_t *pcap;
	struct pcapng *pcapng;
	FILE *file;			/* pcapng's */
	char *path;
	bool any_link;
	uint8_t *frame;			/* [FRAME_MAX] */
	uint64_t number;
};

/* ---- a FILE that unpacks ------------------------------------------------------ */

/* What is read from: the first bytes were looked at, and are given out again. */
struct unpacked {
	gzFile gz;
	uint8_t first[4];
	int got, given;
};

static ssize_t read_unpacked(void *cookie, char *buf, size_t n)
{
	struct unpacked *u = cookie;
	size_t left = u->got - u->given;

	if (!left)
		return gzread(u->gz, buf, n);
	if (n > left)
		n = left;
	memcpy(buf, u->first + u->given, n);
	u->given += n;
	return n;
}

static int close_unpacked(void *cookie)
{
	struct unpacked *u = cookie;
	int err = gzclose(u->gz);

	free(u);
	return err;
}

/* NULL: cannot be opened, errno says why. */
static FILE *open_unpacked(const char *path, bool *pcapng)
{
	static const uint8_t magic[4] = { 0x0a, 0x0d, 0x0d, 0x0a };
	cookie_io_functions_t io = { .read = read_unpacked, .close = close_unpacked };
	struct unpacked *u = xcalloc(1, sizeof(*u));

	u->gz = strcmp(path, "-") ? gzopen(path, "rb") : gzdopen(0, "rb");
	if (!u->gz) {
		free(u);
		return NULL;
	}
	u->got = gzread(u->gz, u->first, sizeof(u->first));
	if (u->got < 0)
		u->got = 0;
	*pcapng = u->got == sizeof(magic) && !memcmp(u->first, magic, sizeof(magic));
	return fopencookie(u, "rb", io);
}

/* ---- link types ----------------------------------------------------------------- */

/* Return: 0 and *@link, NULL for Ethernet; -EPROTONOSUPPORT. */
static int find_link(const struct capture *c, int type, const struct link_type **link,
		     struct text *why)
{
	const struct libpcap *lib;
	struct text ignored = { 0 };
	const char *name;

	*link = NULL;
	if (type == LINK_ETHERNET)
		return 0;
	for (size_t i = 0; i < sizeof(known_links) / sizeof(*known_links); i++) {
		if (known_links[i].type == type) {
			*link = &known_links[i];
			return 0;
		}
	}
	if (c->any_link)
		return 0;
	lib = libpcap_load(&ignored);
	name = lib ? lib->datalink_val_to_name(type) : NULL;
	text_free(&ignored);
	text_printf(why, "%s: packet %llu is %s%s, not Ethernet (--any-link takes such bytes as Ethernet frames)",
		    c->path, (unsigned long long)c->number, name ? "of link type " : "",
		    name ? name : "of an unknown link type");
	return -EPROTONOSUPPORT;
}

int capture_open(const char *path, bool any_link, struct capture **out, struct text *why)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = xcalloc(1, sizeof(*c));
	bool pcapng = false;
	FILE *file = open_unpacked(path, &pcapng);
	int err;

	c->path = xstrdup(path);
	c->any_link = any_link;
	c->frame = xcalloc(1, FRAME_MAX);
	if (!file) {
		err = errno ? -errno : -ENOMEM;
		text_printf(why, "%s: %s", path, strerror(-err));
		capture_close(c);
		return err;
	}
	if (pcapng) {
		c->file = file;
		c->pcapng = pcapng_open(file);
		*out = c;
		return 0;
	}
	c->lib = libpcap_load(why);
	c->pcap = c->lib ? c->lib->fopen_offline(file, error) : NULL;
	if (!c->pcap) {
		fclose(file);
		if (c->lib)
			text_printf(why, "%s: not a capture that can be read: %s", path, error);
		capture_close(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}

/* Puts an Ethernet header in the place of another one, in front of the IP packet. */
static uint32_t with_ethernet(struct capture *c, const struct link_type *l, const uint8_t *bytes,
			      uint32_t n)
{
	static const uint8_t header[12] = { 0x02, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 1 };
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

/* The next packet from either reader. Return: 1, 0 at the end, -EINVAL. */
static int next_packet(struct capture *c, struct pcapng_packet *p, struct text *why)
{
	struct pcap_pkthdr *header;
	struct text said = { 0 };
	int got;

	if (c->pcapng) {
		got = pcapng_next(c->pcapng, p, &said);
	} else {
		got = c->lib->next_ex(c->pcap, &header, &p->bytes);
		if (got == PCAP_ERROR_BREAK)
			return 0;
		if (got == 1) {
			p->captured = header->caplen;
			p->length = header->len < header->caplen ? header->caplen : header->len;
			p->link = c->lib->datalink(c->pcap);
			p->interface = "";
			return 1;
		}
		text_printf(&said, "%s", c->lib->geterr(c->pcap));
	}
	if (got == 0 || got == 1)
		return got;
	text_printf(why, "%s: behind packet %llu: %s", c->path, (unsigned long long)c->number,
		    text_string(&said));
	text_free(&said);
	return -EINVAL;
}

int capture_next(struct capture *c, struct frame *frame, struct text *why)
{
	const struct link_type *link;
	struct pcapng_packet p;
	uint32_t have, more;
	int got = next_packet(c, &p, why);

	if (got != 1)
		return got;
	c->number++;
	got = find_link(c, p.link, &link, why);
	if (got)
		return got;
	have = p.captured < FRAME_MAX / 2 ? p.captured : FRAME_MAX / 2;
	more = p.length < FRAME_MAX / 2 ? p.length - have : 0;
	if (link)
		have = with_ethernet(c, link, p.bytes, have);
	else
		memcpy(c->frame, p.bytes, have);
	memset(c->frame + have, 0, more);
	*frame = (struct frame){
		.bytes = c->frame, .length = have + more, .captured = have, .interface = p.interface,
	};
	return 1;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		c->lib->close(c->pcap);
	pcapng_close(c->pcapng);
	if (c->file)
		fclose(c->file);
	free(c->path);
	free(c->frame);
	free(c);
}
