// SPDX-License-Identifier: GPL-2.0
#include "pcapng.h"

#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define BLOCK_MAX	(64u << 20)	/* bytes: more is no capture but a mistake */

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2,		/* obsolete, and still met */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
};

#define OPTION_NAME	2	/* of an interface */

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

struct interface {
	uint16_t link;
	uint32_t snap;			/* 0: no limit */
	char name[16];			/* "": none that an interface of Linux can have */
};

struct pcapng {
	FILE *file;
	bool swapped;			/* this section's byte order is not ours */
	struct vec interfaces;		/* of struct interface, of this section */
	uint8_t *body;			/* of the last block */
	uint32_t len, room;
	uint64_t blocks;
};

struct pcapng *pcapng_open(FILE *file)
{
	struct pcapng *p = xcalloc(1, sizeof(*p));

	p->file = file;
	p->interfaces = VEC(struct interface);
	return p;
}

void pcapng_close(struct pcapng *p)
{
	if (!p)
		return;
	vec_free(&p->interfaces);
	free(p->body);
	free(p);
}

static uint32_t number32(const struct pcapng *p, const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? bswap_32(v) : v;
}

static uint16_t number16(const struct pcapng *p, const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? bswap_16(v) : v;
}

static int wrong(const struct pcapng *p, struct text *why, const char *what)
{
	text_printf(why, "block %llu: %s", (unsigned long long)p->blocks, what);
	return -EINVAL;
}

/* A section says its byte order by a magic number behind its length. */
static int begin_section(struct pcapng *p, const uint8_t *head, struct text *why)
{
	uint32_t magic;

	if (fread(&magic, 1, sizeof(magic), p->file) != sizeof(magic))
		return wrong(p, why, "the file ends in it");
	p->swapped = magic == bswap_32(BYTE_ORDER_MAGIC);
	if (!p->swapped && magic != BYTE_ORDER_MAGIC)
		return wrong(p, why, "no byte order is marked like that");
	p->interfaces.len = 0;
	/* What is left: without the head, the magic number and the length at the end. */
	p->len = number32(p, head + 4);
	if (p->len < 28 || p->len > BLOCK_MAX || p->len % 4)
		return wrong(p, why, "its length is wrong");
	p->len -= 16;
	return 0;
}

/* Reads the next block's body. Return: 1 and *@type, 0 at the end, -EINVAL. */
static int next_block(struct pcapng *p, uint32_t *type, struct text *why)
{
	uint8_t head[8];
	size_t got = fread(head, 1, sizeof(head), p->file);
	int err;

	if (got == 0)
		return 0;
	p->blocks++;
	if (got != sizeof(head))
		return wrong(p, why, "the file ends in its head");
	memcpy(type, head, sizeof(*type));
	if (*type == PCAPNG_MAGIC) {
		err = begin_section(p, head, why);
		if (err)
			return err;
	} else {
		*type = number32(p, head);
		p->len = number32(p, head + 4);
		if (p->len < 12 || p->len > BLOCK_MAX || p->len % 4)
			return wrong(p, why, "its length is wrong");
		p->len -= 12;
	}
	if (p->len + 4 > p->room) {
		p->room = p->len + 4;
		p->body = xrealloc(p->body, p->room);
	}
	if (fread(p->body, 1, p->len + 4, p->file) != p->len + 4)
		return wrong(p, why, "the file ends in it");
	return 1;
}

/* The options stand at @at of the block's body. */
static void take_name(const struct pcapng *p, uint32_t at, struct interface *i)
{
	while (at + 4 <= p->len) {
		uint32_t code = number16(p, p->body + at), n = number16(p, p->body + at + 2);

		at += 4;
		if (!code || n > p->len - at)
			return;
		if (code == OPTION_NAME && n < sizeof(i->name))
			memcpy(i->name, p->body + at, n);
		at += (n + 3) & ~3u;
	}
}

static int take_interface(struct pcapng *p, struct text *why)
{
	struct interface *i;

	if (p->len < 8)
		return wrong(p, why, "an interface needs 8 bytes");
	i = vec_push(&p->interfaces);
	i->link = number16(p, p->body);
	i->snap = number32(p, p->body + 4);
	take_name(p, 8, i);
	return 0;
}

/* @at: where the packet's bytes begin, behind its two lengths. */
static int take_packet(struct pcapng *p, uint32_t interface, uint32_t captured, uint32_t length,
		       uint32_t at, struct pcapng_packet *packet, struct text *why)
{
	const struct interface *i;

	if (interface >= p->interfaces.len)
		return wrong(p, why, "it is of an interface that was not described");
	if (captured > p->len - at)
		return wrong(p, why, "its packet is longer than the block");
	packet->bytes = p->body + at;
	packet->captured = captured;
	packet->length = length < captured ? captured : length;
	i = vec_at(&p->interfaces, interface);
	packet->link = i->link;
	packet->interface = i->name;
	return 1;
}

static int take_simple(struct pcapng *p, struct pcapng_packet *packet, struct text *why)
{
	const struct interface *i = vec_at(&p->interfaces, 0);
	uint32_t length, captured;

	if (p->len < 4)
		return wrong(p, why, "a simple packet needs 4 bytes");
	length = captured = number32(p, p->body);
	if (p->interfaces.len && i->snap && captured > i->snap)
		captured = i->snap;
	return take_packet(p, 0, captured, length, 4, packet, why);
}

int pcapng_next(struct pcapng *p, struct pcapng_packet *packet, struct text *why)
{
	uint32_t type;
	int got;

	while ((got = next_block(p, &type, why)) == 1) {
		if (type == BLOCK_INTERFACE) {
			got = take_interface(p, why);
			if (got)
				return got;
		} else if (type == BLOCK_SIMPLE) {
			return take_simple(p, packet, why);
		} else if (type == BLOCK_ENHANCED || type == BLOCK_PACKET) {
			if (p->len < 20)
				return wrong(p, why, "a packet needs 20 bytes");
			return take_packet(p, type == BLOCK_PACKET ? number16(p, p->body) :
					   number32(p, p->body), number32(p, p->body + 12),
					   number32(p, p->body + 16), 20, packet, why);
		}
	}
	return got;
}
