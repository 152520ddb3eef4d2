// SPDX-License-Identifier: GPL-2.0
#include "netlink/object.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "base/text.h"
#include "base/vec.h"
#include "netlink/client.h"

#define WORDS_MAX	4
#define ATTRS_MAX	4	/* more than any type has */

uint32_t object_type(enum object_kind kind)
{
	static const uint32_t types[] = {
		[OBJECT_NONE] = SLUICE_OBJECT_UNSPEC,
		[OBJECT_PORT] = SLUICE_OBJECT_PORT,
		[OBJECT_ROUTE] = SLUICE_OBJECT_ROUTE,
		[OBJECT_MEMBER] = SLUICE_OBJECT_MEMBER,
		[OBJECT_ELEMENT] = SLUICE_OBJECT_ELEMENT,
	};

	return types[kind];
}

const char *object_type_name(uint32_t type)
{
	static const char *const names[] = {
		[SLUICE_OBJECT_DOCUMENT] = "document",
		[SLUICE_OBJECT_PORT] = "port",
		[SLUICE_OBJECT_ROUTE] = "route",
		[SLUICE_OBJECT_MEMBER] = "member",
		[SLUICE_OBJECT_ELEMENT] = "element",
	};

	return type < sizeof(names) / sizeof(names[0]) && names[type] ? names[type] : "object";
}

/* ---- to the store ------------------------------------------------------------ */

static size_t put_word(uint8_t *key, size_t len, const char *word)
{
	size_t n = strlen(word);

	if (len)
		key[len++] = '\0';
	memcpy(key + len, word, n);
	return len + n;
}

size_t object_key(const struct object *o, uint8_t key[SLUICE_KEY_MAX])
{
	char buf[PREFIX_STRLEN];
	size_t len = 0;

	switch (o->kind) {
	case OBJECT_NONE:
		break;
	case OBJECT_PORT:
		len = put_word(key, len, o->port.name);
		break;
	case OBJECT_ROUTE:
		len = put_word(key, len, o->route.table);
		len = put_word(key, len, prefix_format_short(&o->route.prefix, buf));
		break;
	case OBJECT_MEMBER:
		len = put_word(key, len, o->member.source.family ?
			       addr_format(&o->member.source, buf) : "*");
		len = put_word(key, len, prefix_format_short(&o->member.group, buf));
		len = put_word(key, len, o->member.from);
		len = put_word(key, len, o->member.to);
		break;
	case OBJECT_ELEMENT:
		len = put_word(key, len, o->element.set);
		len = put_word(key, len, prefix_format_short(&o->element.element, buf));
		break;
	}
	return len;
}

int object_cmp(const struct object *a, const struct object *b)
{
	uint8_t key_a[SLUICE_KEY_MAX], key_b[SLUICE_KEY_MAX];
	size_t len_a, len_b;
	int order;

	if (a->kind != b->kind)
		return object_type(a->kind) < object_type(b->kind) ? -1 : 1;
	len_a = object_key(a, key_a);
	len_b = object_key(b, key_b);
	order = memcmp(key_a, key_b, len_a < len_b ? len_a : len_b);
	return order ? order : len_a < len_b ? -1 : len_a > len_b;
}

static size_t put_attr(uint8_t *value, size_t len, uint16_t type, const void *bytes, size_t n)
{
	struct nlattr attr = { .nla_len = MNL_ATTR_HDRLEN + n, .nla_type = type };

	memcpy(value + len, &attr, sizeof(attr));
	memset(value + len + MNL_ATTR_HDRLEN, 0, MNL_ALIGN(n));
	memcpy(value + len + MNL_ATTR_HDRLEN, bytes, n);
	return len + MNL_ATTR_HDRLEN + MNL_ALIGN(n);
}

static size_t put_string(uint8_t *value, size_t len, uint16_t type, const char *s)
{
	return *s ? put_attr(value, len, type, s, strlen(s) + 1) : len;
}

static size_t put_u32(uint8_t *value, size_t len, uint16_t type, uint32_t n)
{
	return n ? put_attr(value, len, type, &n, sizeof(n)) : len;
}

static size_t put_u64(uint8_t *value, size_t len, uint16_t type, uint64_t n)
{
	return n ? put_attr(value, len, type, &n, sizeof(n)) : len;
}

size_t object_value(const struct object *o, uint8_t value[OBJECT_VALUE_MAX])
{
	char via[ADDR_STRLEN];
	size_t len = 0;

	switch (o->kind) {
	case OBJECT_NONE:
		break;
	case OBJECT_PORT:
		len = put_string(value, len, SLUICE_PORT_A_DEVICE, o->port.device);
		len = put_u32(value, len, SLUICE_PORT_A_GENERIC, o->port.generic);
		break;
	case OBJECT_ROUTE:
		if (o->route.via.family)
			len = put_string(value, len, SLUICE_ROUTE_A_VIA,
					 addr_format(&o->route.via, via));
		len = put_string(value, len, SLUICE_ROUTE_A_PORT, o->route.port);
		break;
	case OBJECT_MEMBER:
		len = put_u32(value, len, SLUICE_MEMBER_A_VLAN, o->member.vlan);
		len = put_u32(value, len, SLUICE_MEMBER_A_TTL, o->member.ttl);
		break;
	case OBJECT_ELEMENT:
		len = put_u32(value, len, SLUICE_ELEMENT_A_TIMEOUT, o->element.timeout_ms);
		len = put_u64(value, len, SLUICE_ELEMENT_A_SINCE, o->element.since_ms);
		break;
	}
	return len;
}

/* ---- from the store ------------------------------------------------------------- */

static const struct {
	enum object_kind kind;
	const char *name;		/* as users call it */
	unsigned int words;
	uint32_t strings;		/* bits: attributes that are strings; others are u32 */
	uint32_t wide;			/* but these: u64 */
	unsigned int attrs;		/* the greatest */
} shapes[] = {
	[SLUICE_OBJECT_PORT] = { OBJECT_PORT, "port", 1, 1 << SLUICE_PORT_A_DEVICE, 0,
				 SLUICE_PORT_A_MAX },
	[SLUICE_OBJECT_ROUTE] = { OBJECT_ROUTE, "route", 2,
				  1 << SLUICE_ROUTE_A_VIA | 1 << SLUICE_ROUTE_A_PORT, 0,
				  SLUICE_ROUTE_A_MAX },
	[SLUICE_OBJECT_MEMBER] = { OBJECT_MEMBER, "group", 4, 0, 0, SLUICE_MEMBER_A_MAX },
	[SLUICE_OBJECT_ELEMENT] = { OBJECT_ELEMENT, "set", 2, 0, 1 << SLUICE_ELEMENT_A_SINCE,
				    SLUICE_ELEMENT_A_MAX },
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* An object on its way in. */
struct reader {
	uint32_t type;
	char words[SLUICE_KEY_MAX + 1];		/* the key, and a NUL behind the last */
	const char *word[WORDS_MAX];
	const struct nlattr *attr[ATTRS_MAX + 1];
	struct text *why;
};

static int refuse(const struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "the route main 192.0.2.0/33: ...": the words are from outside, and a terminal may show them. */
static int refuse(const struct reader *r, const char *format, ...)
{
	va_list args;

	text_printf(r->why, "the %s in the store", shapes[r->type].name);
	for (unsigned int i = 0; i < WORDS_MAX && r->word[i]; i++) {
		text_append(r->why, " ", 1);
		for (const char *c = r->word[i]; *c; c++)
			text_append(r->why, *c > ' ' && *c < 0x7f ? c : "?", 1);
	}
	text_append(r->why, ": ", 2);
	va_start(args, format);
	text_vprintf(r->why, format, args);
	va_end(args);
	return -EBADMSG;
}

static int read_words(struct reader *r, const char *key, size_t len)
{
	unsigned int n = 0;

	if (!len || len > SLUICE_KEY_MAX)
		return refuse(r, "its key has %zu bytes", len);
	memcpy(r->words, key, len);
	for (size_t at = 0; at < len; at += strlen(r->words + at) + 1) {
		if (n == shapes[r->type].words)
			return refuse(r, "its key has more than %u words", n);
		r->word[n++] = r->words + at;
	}
	if (n < shapes[r->type].words || !key[len - 1])
		return refuse(r, "its key has not %u words", shapes[r->type].words);
	return 0;
}

/* @value is aligned. An attribute that is not known would be a wish that nobody fulfils. */
static int read_attrs(struct reader *r, const void *value, size_t len)
{
	const struct nlattr *a = value;
	size_t left = len;

	for (; left && mnl_attr_ok(a, left); left -= MNL_ALIGN(a->nla_len), a = mnl_attr_next(a)) {
		uint16_t type = mnl_attr_get_type(a);
		const char *bytes = mnl_attr_get_payload(a);
		size_t n = mnl_attr_get_payload_len(a);

		if (!type || type > shapes[r->type].attrs)
			return refuse(r, "this sluice does not know attribute %u of its value", type);
		if (shapes[r->type].strings >> type & 1 ?
		    !n || memchr(bytes, '\0', n) != bytes + n - 1 :
		    n != (shapes[r->type].wide >> type & 1 ? 8 : 4))
			return refuse(r, "attribute %u of its value is malformed", type);
		if (r->attr[type])
			return refuse(r, "its value has attribute %u twice", type);
		r->attr[type] = a;
		if ((size_t)MNL_ALIGN(a->nla_len) > left)	/* the last one, without its padding */
			return 0;
	}
	return left ? refuse(r, "its value is malformed") : 0;
}

static int read_name(const struct reader *r, const char *word, char name[OBJECT_NAME_MAX + 1])
{
	if (!object_name_good(word))
		return refuse(r, "a name has letters, digits, \"_\" and \"-\", at most %d, and begins "
			      "with a letter", OBJECT_NAME_MAX);
	strcpy(name, word);
	return 0;
}

static int read_address(const struct reader *r, const char *word, struct addr *a)
{
	char buf[ADDR_STRLEN];

	if (addr_parse(word, a))
		return refuse(r, "that is not an address");
	if (strcmp(addr_format(a, buf), word))
		return refuse(r, "the address is written %s", buf);
	return 0;
}

static int read_prefix(const struct reader *r, const char *word, struct prefix *p)
{
	char buf[PREFIX_STRLEN];

	if (prefix_parse(word, p) == -EINVAL)
		return refuse(r, "that is not a prefix");
	if (strcmp(prefix_format_short(p, buf), word))
		return refuse(r, "the prefix is written %s", buf);
	return 0;
}

static const char *attr_string(const struct reader *r, unsigned int type)
{
	return r->attr[type] ? mnl_attr_get_str(r->attr[type]) : "";
}

static uint32_t attr_u32(const struct reader *r, unsigned int type)
{
	return r->attr[type] ? mnl_attr_get_u32(r->attr[type]) : 0;
}

static uint64_t attr_u64(const struct reader *r, unsigned int type)
{
	return r->attr[type] ? mnl_attr_get_u64(r->attr[type]) : 0;
}

static int read_port(const struct reader *r, struct object_port *p)
{
	const char *device = attr_string(r, SLUICE_PORT_A_DEVICE);

	if (read_name(r, r->word[0], p->name))
		return -EBADMSG;
	if (!*device || strlen(device) > OBJECT_DEVICE_MAX)
		return refuse(r, "its interface has a name of 1 to %d bytes", OBJECT_DEVICE_MAX);
	strcpy(p->device, device);
	p->generic = attr_u32(r, SLUICE_PORT_A_GENERIC);
	return 0;
}

static int read_route(const struct reader *r, struct object_route *o)
{
	const char *via = attr_string(r, SLUICE_ROUTE_A_VIA);
	const char *port = attr_string(r, SLUICE_ROUTE_A_PORT);

	if (read_name(r, r->word[0], o->table) || read_prefix(r, r->word[1], &o->prefix) ||
	    (*port && read_name(r, port, o->port)))
		return -EBADMSG;
	if (!*via)
		return 0;
	if (!*port)
		return refuse(r, "it has a next hop and no port");
	if (addr_parse(via, &o->via))
		return refuse(r, "its next hop is not an address");
	return 0;
}

static int read_member(const struct reader *r, struct object_member *m)
{
	if ((strcmp(r->word[0], "*") && read_address(r, r->word[0], &m->source)) ||
	    read_prefix(r, r->word[1], &m->group) || read_name(r, r->word[2], m->from) ||
	    read_name(r, r->word[3], m->to))
		return -EBADMSG;
	m->vlan = attr_u32(r, SLUICE_MEMBER_A_VLAN);
	m->ttl = attr_u32(r, SLUICE_MEMBER_A_TTL);
	if (m->vlan > 4094)
		return refuse(r, "a VLAN is 1 to 4094");
	if (m->ttl > 255)
		return refuse(r, "a TTL is 1 to 255");
	return 0;
}

static int read_element(const struct reader *r, struct object_element *e)
{
	if (read_name(r, r->word[0], e->set) || read_prefix(r, r->word[1], &e->element))
		return -EBADMSG;
	e->timeout_ms = attr_u32(r, SLUICE_ELEMENT_A_TIMEOUT);
	e->since_ms = attr_u64(r, SLUICE_ELEMENT_A_SINCE);
	return 0;
}

int object_decode(uint32_t type, const void *key, size_t key_len, const void *value,
		  size_t value_len, struct object *out, struct text *why)
{
	_Alignas(4) uint8_t aligned[OBJECT_VALUE_MAX];
	struct reader r = { .type = type, .why = why };
	struct object o = { 0 };
	int err = 0;

	if (type >= SHAPES || !shapes[type].words) {
		text_printf(why, "this sluice does not know objects of type %u", type);
		return -EBADMSG;
	}
	if (read_words(&r, key, key_len))
		return -EBADMSG;
	if (value_len > sizeof(aligned))
		return refuse(&r, "its value has %zu bytes", value_len);
	if (value_len)
		memcpy(aligned, value, value_len);
	if (read_attrs(&r, aligned, value_len))
		return -EBADMSG;
	o.kind = shapes[type].kind;
	switch (o.kind) {
	case OBJECT_NONE:
		break;
	case OBJECT_PORT:
		err = read_port(&r, &o.port);
		break;
	case OBJECT_ROUTE:
		err = read_route(&r, &o.route);
		break;
	case OBJECT_MEMBER:
		err = read_member(&r, &o.member);
		break;
	case OBJECT_ELEMENT:
		err = read_element(&r, &o.element);
		break;
	}
	if (!err)
		*out = o;
	return err;
}

int object_take(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		size_t value_len)
{
	struct object_reader *r = ctx;

	return object_decode(type, key, key_len, value, value_len, vec_push(r->objects), r->why);
}

int object_fetch(struct client *c, uint64_t generation, struct vec *objects, struct text *why)
{
	struct object_reader r = { objects, why };
	int err = 0;

	for (uint32_t type = SLUICE_OBJECT_PORT; !err && type <= SLUICE_OBJECT_ELEMENT; type++)
		err = client_dump(c, generation, type, NULL, 0, object_take, &r);
	return err;
}
