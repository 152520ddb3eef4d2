// SPDX-License-Identifier: GPL-2.0
#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/quantity.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli.h"
#include "netlink/client.h"
#include "netlink/object.h"
#include "store.h"

/* ---- words ---------------------------------------------------------------------- */

/* A word that a value follows, or @flag: that stands alone. */
struct clause {
	const char *word;
	const char **value;
	bool *flag;
};

/* Takes "via 10.0.0.1 port wan ..." in any order. Return: CLI_OK or CLI_USAGE. */
static int take_clauses(const struct cli *cli, char **words, const struct clause *clauses)
{
	while (*words) {
		const struct clause *c = clauses;

		while (c->word && strcmp(c->word, *words))
			c++;
		if (!c->word)
			return cli_usage(cli, "\"%s\" is not understood here", *words);
		if (c->flag ? *c->flag : *c->value != NULL)
			return cli_usage(cli, "\"%s\" is given twice", *words);
		words++;
		if (c->flag) {
			*c->flag = true;
			continue;
		}
		if (!*words)
			return cli_usage(cli, "\"%s\" needs a value", c->word);
		*c->value = *words++;
	}
	return CLI_OK;
}

/* @what: "port", say. */
static int take_name(const struct cli *cli, const char *what, const char *word,
		     char name[OBJECT_NAME_MAX + 1])
{
	if (!object_name_good(word)) {
		cli_usage(cli, "\"%s\" is not the name of a %s", word, what);
		cli_hint("a name has letters, digits, \"_\" and \"-\", at most %d, and begins with a letter",
			 OBJECT_NAME_MAX);
		return CLI_USAGE;
	}
	strcpy(name, word);
	return CLI_OK;
}

static int take_address(const struct cli *cli, const char *what, const char *word, struct addr *a)
{
	return addr_parse(word, a) ? cli_usage(cli, "\"%s\" is not the address of a %s", word, what) :
				     CLI_OK;
}

static int take_prefix(const struct cli *cli, const char *word, struct prefix *p)
{
	char buf[PREFIX_STRLEN];

	switch (prefix_parse(word, p)) {
	case 0:
		return CLI_OK;
	case -EDOM:
		cli_usage(cli, "%s has bits set behind its length", word);
		cli_hint("the prefix is %s", prefix_format(p, buf));
		return CLI_USAGE;
	default:
		return cli_usage(cli, "\"%s\" is not an address or a prefix", word);
	}
}

static int take_number(const struct cli *cli, const char *what, const char *word, uint32_t max,
		       uint32_t *n)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || !value || value > max)
		return cli_usage(cli, "\"%s\" is not a %s: 1 to %u", word, what, max);
	*n = value;
	return CLI_OK;
}

static int take_duration(const struct cli *cli, const char *word, uint32_t *ms)
{
	struct quantity q;
	uint64_t n = 0;

	if (quantity_parse(word, &q) || quantity_duration(&q, &n) || !n || n > UINT32_MAX)
		return cli_usage(cli, "\"%s\" is not a time, such as 90s, 10m or 24h", word);
	*ms = n;
	return CLI_OK;
}

/* ---- one kind each: @words ends in a NULL ------------------------------------------ */

static int parse_port(const struct cli *cli, struct change *c, char **words)
{
	struct object_port *p = &c->object.port;
	const char *mode = NULL;
	const struct clause clauses[] = { { "mode", &mode, NULL }, { 0 } };

	if (c->how == CHANGE_FLUSH)
		return *words ? cli_usage(cli, "\"%s\" is too much", *words) : CLI_OK;
	if (!*words)
		return cli_usage(cli, "which port?");
	if (take_name(cli, "port", *words++, p->name))
		return CLI_USAGE;
	if (!strcmp(p->name, OBJECT_HOST))
		return cli_usage(cli, "\"host\" is this host itself, and no port");
	if (c->how == CHANGE_DEL)
		return *words ? cli_usage(cli, "\"%s\" is too much", *words) : CLI_OK;
	if (!*words)
		return cli_usage(cli, "which interface?");
	if (strlen(*words) > OBJECT_DEVICE_MAX || strpbrk(*words, "/: \t") || !**words ||
	    !strcmp(*words, ".") || !strcmp(*words, ".."))
		return cli_usage(cli, "\"%s\" is not the name of an interface", *words);
	strcpy(p->device, *words++);
	if (take_clauses(cli, words, clauses))
		return CLI_USAGE;
	if (mode && strcmp(mode, "native") && strcmp(mode, "generic"))
		return cli_usage(cli, "\"%s\" is not a mode: native or generic", mode);
	p->generic = mode && !strcmp(mode, "generic");
	return CLI_OK;
}

/* "default" is all addresses of the next hop's family; IPv4 if there is none. */
static void take_default(struct object_route *r)
{
	r->prefix = (struct prefix){ .addr.family = r->via.family ? r->via.family : ADDR_V4 };
}

static int parse_route(const struct cli *cli, struct change *c, char **words)
{
	const char *prefix = NULL, *via = NULL, *port = NULL, *table = NULL;
	struct object_route *r = &c->object.route;
	bool discard = false, sets = c->how == CHANGE_ADD || c->how == CHANGE_REPLACE;
	const struct clause all[] = {
		{ "table", &table, NULL }, { "via", &via, NULL }, { "port", &port, NULL },
		{ "discard", NULL, &discard }, { 0 },
	}, key[] = { { "table", &table, NULL }, { 0 } };

	if (c->how != CHANGE_FLUSH && !*words)
		return cli_usage(cli, "which prefix?");
	if (c->how != CHANGE_FLUSH)
		prefix = *words++;
	if (take_clauses(cli, words, sets ? all : key) ||
	    take_name(cli, "table", table ? table : OBJECT_TABLE_MAIN, r->table) ||
	    (via && take_address(cli, "next hop", via, &r->via)) ||
	    (port && take_name(cli, "port", port, r->port)))
		return CLI_USAGE;
	c->first = table;
	if (prefix && !strcmp(prefix, "default"))
		take_default(r);
	else if (prefix && take_prefix(cli, prefix, &r->prefix))
		return CLI_USAGE;
	if (!sets)
		return CLI_OK;
	if (discard && (via || port))
		return cli_usage(cli, "a route that discards has no next hop");
	if (!discard && !port)
		return cli_usage(cli, via ? "out of which port?" :
				 "where to: via ADDRESS port NAME, port NAME, or discard?");
	if (via && r->via.family != r->prefix.addr.family)
		return cli_usage(cli, "%s is not of the family of %s", via, prefix);
	return CLI_OK;
}

static int parse_group(const struct cli *cli, struct change *c, char **words)
{
	const char *source = NULL, *from = NULL, *to = NULL, *vlan = NULL, *ttl = NULL;
	struct object_member *m = &c->object.member;
	bool sets = c->how == CHANGE_ADD || c->how == CHANGE_REPLACE;
	const struct clause all[] = {
		{ "source", &source, NULL }, { "from", &from, NULL }, { "to", &to, NULL },
		{ "vlan", &vlan, NULL }, { "ttl", &ttl, NULL }, { 0 },
	}, key[] = {
		{ "source", &source, NULL }, { "from", &from, NULL }, { "to", &to, NULL }, { 0 },
	}, part[] = { { "source", &source, NULL }, { "from", &from, NULL }, { 0 } };

	if (!*words && c->how == CHANGE_FLUSH)
		return CLI_OK;
	if (!*words)
		return cli_usage(cli, "which group?");
	if (take_prefix(cli, *words++, &m->group) ||
	    take_clauses(cli, words, sets ? all : c->how == CHANGE_DEL ? key : part))
		return CLI_USAGE;
	if (!addr_is_multicast(&m->group.addr))
		return cli_usage(cli, "\"%s\" is not a multicast group: 224.0.0.0/4 or ff00::/8", words[-1]);
	c->first = true;
	c->source = source;
	c->from = from;
	if (c->how != CHANGE_FLUSH && (!from || !to))
		return cli_usage(cli, from ? "to which port?" : "from which port?");
	if ((source && strcmp(source, "*") && take_address(cli, "source", source, &m->source)) ||
	    (from && take_name(cli, "port", from, m->from)) ||
	    (to && take_name(cli, "port", to, m->to)) ||
	    (vlan && take_number(cli, "VLAN", vlan, 4094, &m->vlan)) ||
	    (ttl && take_number(cli, "TTL", ttl, 255, &m->ttl)))
		return CLI_USAGE;
	if (m->source.family && m->source.family != m->group.addr.family)
		return cli_usage(cli, "the source %s is not of the group's family", source);
	return CLI_OK;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static int parse_set(const struct cli *cli, struct change *c, char **words)
{
	struct object_element *e = &c->object.element;
	const char *timeout = NULL;
	const struct clause clauses[] = { { "timeout", &timeout, NULL }, { 0 } };

	if (!*words && c->how == CHANGE_FLUSH)
		return CLI_OK;
	if (!*words)
		return cli_usage(cli, "which set?");
	if (take_name(cli, "set", *words++, e->set))
		return CLI_USAGE;
	c->first = true;
	if (c->how == CHANGE_FLUSH)
		return *words ? cli_usage(cli, "\"%s\" is too much", *words) : CLI_OK;
	if (!*words)
		return cli_usage(cli, "which element?");
	if (take_prefix(cli, *words++, &e->element))
		return CLI_USAGE;
	if (c->how == CHANGE_DEL)
		return *words ? cli_usage(cli, "\"%s\" is too much", *words) : CLI_OK;
	if (take_clauses(cli, words, clauses))
		return CLI_USAGE;
	if (!timeout)
		return CLI_OK;
	e->since_ms = now_ms();
	return take_duration(cli, timeout, &e->timeout_ms);
}

int change_parse(const struct cli *cli, enum object_kind kind, enum change_how how, char **words,
		 struct change *c)
{
	memset(c, 0, sizeof(*c));
	c->how = how;
	c->object.kind = kind;
	switch (kind) {
	case OBJECT_PORT:
		return parse_port(cli, c, words);
	case OBJECT_ROUTE:
		return parse_route(cli, c, words);
	case OBJECT_MEMBER:
		return parse_group(cli, c, words);
	case OBJECT_ELEMENT:
		return parse_set(cli, c, words);
	case OBJECT_NONE:
		break;
	}
	return CLI_USAGE;
}

/* ---- to the store --------------------------------------------------------------------- */

/* Where the word behind the @i-th NUL of a key begins. */
static const char *key_word(const char *key, size_t len, unsigned int i)
{
	const char *at = key, *end = key + len;

	while (i-- && at < end) {
		const char *nul = memchr(at, '\0', end - at);

		at = nul ? nul + 1 : end;
	}
	return at;
}

static bool word_is(const char *key, size_t len, unsigned int i, const char *wanted)
{
	const char *word = key_word(key, len, i);

	return strnlen(word, key + len - word) == strlen(wanted) &&
	       !memcmp(word, wanted, strlen(wanted));
}

bool change_matches(const struct change *c, uint32_t type, const void *key, size_t key_len)
{
	const struct object_member *m = &c->object.member;
	char buf[PREFIX_STRLEN];

	if (type != object_type(c->object.kind))
		return false;
	if (!c->first)
		return true;
	switch (c->object.kind) {
	case OBJECT_ROUTE:
		return word_is(key, key_len, 0, c->object.route.table);
	case OBJECT_ELEMENT:
		return word_is(key, key_len, 0, c->object.element.set);
	case OBJECT_MEMBER:
		return word_is(key, key_len, 1, prefix_format_short(&m->group, buf)) &&
		       (!c->from || word_is(key, key_len, 2, m->from)) &&
		       (!c->source || word_is(key, key_len, 0, m->source.family ?
					      addr_format(&m->source, buf) : "*"));
	default:
		return true;
	}
}

struct found_key {
	size_t len;
	uint8_t bytes[SLUICE_KEY_MAX];
};

struct search {
	const struct change *change;
	struct vec keys;	/* of struct found_key */
};

static int find_key(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		    size_t value_len)
{
	struct search *s = ctx;

	(void)value, (void)value_len;
	if (change_matches(s->change, type, key, key_len)) {
		struct found_key *found = vec_push(&s->keys);

		found->len = key_len;
		memcpy(found->bytes, key, key_len);
	}
	return 0;
}

/* A group's members do not stand together: the source comes first in their keys. */
static int flush_group(const struct change *c, struct client *client)
{
	struct search s = { .change = c, .keys = VEC(struct found_key) };
	int err = client_dump(client, CLIENT_TXN, SLUICE_OBJECT_MEMBER, NULL, 0, find_key, &s);

	for (size_t i = 0; !err && i < s.keys.len; i++) {
		const struct found_key *found = vec_at(&s.keys, i);

		err = client_del(client, SLUICE_OBJECT_MEMBER, found->bytes, found->len, 0);
	}
	vec_free(&s.keys);
	return err;
}

static int flush(const struct change *c, struct client *client)
{
	uint32_t type = object_type(c->object.kind);
	const char *first = c->object.kind == OBJECT_ROUTE ? c->object.route.table :
							     c->object.element.set;

	if (!c->first)
		return client_del(client, type, NULL, 0, SLUICE_F_PREFIX);
	if (c->object.kind == OBJECT_MEMBER)
		return flush_group(c, client);
	return client_del(client, type, first, strlen(first) + 1, SLUICE_F_PREFIX);
}

int change_send(const struct change *c, struct client *client)
{
	_Alignas(4) uint8_t value[OBJECT_VALUE_MAX];
	uint32_t type = object_type(c->object.kind);
	uint8_t key[SLUICE_KEY_MAX];
	size_t key_len = object_key(&c->object, key);

	switch (c->how) {
	case CHANGE_FLUSH:
		return flush(c, client);
	case CHANGE_DEL:
		return client_del(client, type, key, key_len, 0);
	default:
		return client_set(client, type, key, key_len, value,
				  object_value(&c->object, value),
				  c->how == CHANGE_ADD ? SLUICE_F_CREATE : 0);
	}
}

/* What the store has under the key of @o. Return: whether it could be read. */
static bool read_there(struct client *client, const struct object *o, struct object *there)
{
	uint8_t *value = xcalloc(1, SLUICE_VALUE_MAX), key[SLUICE_KEY_MAX];
	size_t value_len, key_len = object_key(o, key);
	uint32_t type = object_type(o->kind);
	struct text why = { 0 };
	bool read;

	read = !client_get(client, CLIENT_TXN, type, key, key_len, value, &value_len) &&
	       !object_decode(type, key, key_len, value, value_len, there, &why);
	text_free(&why);
	free(value);
	return read;
}

int change_complain(const struct cli *cli, const struct change *c, struct client *client, int err)
{
	static const char *const nouns[] = {
		[OBJECT_NONE] = "object", [OBJECT_PORT] = "port", [OBJECT_ROUTE] = "route",
		[OBJECT_MEMBER] = "leg", [OBJECT_ELEMENT] = "element",
	};
	struct text what = { 0 };
	struct object there;

	if (c->how == CHANGE_ADD && err == -EEXIST) {
		object_print(read_there(client, &c->object, &there) ? &there : &c->object, &what);
		cli_error("it is there already: %s", text_string(&what));
		cli_hint("\"replace\" changes what is there");
	} else if (c->how == CHANGE_DEL && err == -ENOENT) {
		cli_error("there is no such %s in the store", nouns[c->object.kind]);
		cli_hint("'sluice object show' has those that there are; what documents declare is theirs");
	} else {
		return store_failed(cli, client, err);
	}
	text_free(&what);
	return CLI_FAILED;
}
