// SPDX-License-Identifier: GPL-2.0
#include "fields.h"

#include <stdbool.h>
#include <string.h>

#include "base/addr.h"

#define MACS 12	/* bytes of the two addresses, before tags and ethertype */

/* Where things stand in a frame; zeroed where there are none. */
struct parts {
	const uint8_t *frame;
	uint32_t length;
	unsigned int vlan;		/* of the outer tag; 0: none */
	uint32_t ip;			/* offset of what follows the ethertype */
	uint32_t ttl, checksum;		/* offsets; 0: none */
};

static unsigned int number16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static struct parts take_apart(const uint8_t *frame, uint32_t length)
{
	struct parts p = { .frame = frame, .length = length };
	uint32_t at = MACS;

	while (at + 6 <= length && (number16(frame + at) == 0x8100 || number16(frame + at) == 0x88a8)) {
		if (at == MACS)
			p.vlan = number16(frame + at + 2) & 0xfff;
		at += 4;
	}
	if (at + 2 > length)
		return p;
	p.ip = at + 2;
	if (number16(frame + at) == 0x0800 && p.ip + 20 <= length) {
		p.ttl = p.ip + 8;
		p.checksum = p.ip + 10;
	} else if (number16(frame + at) == 0x86dd && p.ip + 40 <= length) {
		p.ttl = p.ip + 7;
	}
	return p;
}

/* Whether the IP packets differ in more than TTL and header checksum. */
static bool other_bytes(const struct parts *a, const struct parts *b)
{
	if (a->length - a->ip != b->length - b->ip)
		return true;
	for (uint32_t i = 0; i < a->length - a->ip; i++) {
		bool known = (a->ttl && i == a->ttl - a->ip) ||
			     (a->checksum && (i == a->checksum - a->ip || i == a->checksum + 1 - a->ip));

		if (!known && a->frame[a->ip + i] != b->frame[b->ip + i])
			return true;
	}
	return false;
}

json_t *fields_changed(const uint8_t *before, uint32_t before_length, const uint8_t *after,
		       uint32_t after_length)
{
	struct parts a = take_apart(before, before_length), b = take_apart(after, after_length);
	json_t *changed = json_object();
	char mac[MAC_STRLEN];

	if (before_length >= MACS && after_length >= MACS) {
		if (memcmp(before, after, 6))
			json_object_set_new(changed, "eth.dst", json_string(mac_format(after, mac)));
		if (memcmp(before + 6, after + 6, 6))
			json_object_set_new(changed, "eth.src",
					    json_string(mac_format(after + 6, mac)));
	}
	if (a.vlan != b.vlan)
		json_object_set_new(changed, "vlan.id", json_integer(b.vlan));
	if (a.ttl && b.ttl && before[a.ttl] != after[b.ttl])
		json_object_set_new(changed, "ip.ttl", json_integer(after[b.ttl]));
	if (other_bytes(&a, &b))
		json_object_set_new(changed, "bytes", json_true());
	return changed;
}
