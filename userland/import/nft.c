// SPDX-License-Identifier: GPL-2.0
/*
 * nft.c: what "nft -j list ruleset" prints (libnftables-json(5)).
 *
 * A flat list of objects: tables, chains, sets, rules; a rule is a list of expressions that are
 * worked through in order. One base chain is written: the first with the hook that was asked for;
 * if that is of a table of IPv4 or IPv6 alone, the one of the other family with that hook, too. A packet
 * must be accepted by every base chain on its way, in whichever table: what others can drop is listed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import/ask.h"
#include "import/nft.h"

struct reader {
	const struct import_options *options;
	struct import_report *report;
	struct text *out, *error;
	json_t *objects;		/* the list */
	struct vec tables;		/* of struct nft_table *, in the order of the list */
	struct arena arena;		/* of the ports */
	struct vec ports;		/* of struct import_port */
	const char *hook;
	bool input;
};

/* ---- the rule set -------------------------------------------------------------------------------------- */

static bool is_family(const char *family)
{
	return !strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet");
}

/*
 * The base chain that was asked for: by its name, or the first with that hook.
 * @family: only of this; NULL: of any.
 */
static json_t *find_base(const struct reader *r, const char *wanted, const char *family)
{
	json_t *object;
	size_t i;

	json_array_foreach(r->objects, i, object) {
		json_t *chain = json_object_get(object, "chain");
		const char *hook = nft_string(chain, "hook"), *own = nft_string(chain, "family");

		if (!*hook || !is_family(own) || (family && strcmp(own, family)))
			continue;
		if (strcmp(nft_string(chain, "type"), "filter") ||
		    (r->options->table && strcmp(nft_string(chain, "table"), r->options->table)))
			continue;
		if (!strcasecmp(wanted, hook) || !strcmp(wanted, nft_string(chain, "name")))
			return chain;
	}
	return NULL;
}

/* The table that @object is of; NULL: one that routed packets do not pass. */
static struct nft_table *table_of(struct reader *r, json_t *object)
{
	const char *family = nft_string(object, "family"), *name = nft_string(object, "table");
	struct nft_table *t;

	if (!is_family(family) && strcmp(family, "netdev"))
		return NULL;
	for (size_t i = 0; i < r->tables.len; i++) {
		t = *(struct nft_table **)vec_at(&r->tables, i);
		if (!strcmp(t->family, family) && !strcmp(t->name, name))
			return t;
	}
	t = xcalloc(1, sizeof(*t));
	t->family = family;
	t->name = name;
	chains_init(&t->chains);
	t->chains.family = !strcmp(family, "ip") ? CHAIN_V4 : !strcmp(family, "ip6") ? CHAIN_V6 : CHAIN_BOTH;
	vec_append(&r->tables, &t);
	return t;
}

static void add_port(struct reader *r, const char *name, const char *interface)
{
	struct import_port port = {
		.name = arena_strndup(&r->arena, name, strlen(name)),
		.interface = arena_strndup(&r->arena, interface, strlen(interface)),
	};

	vec_append(&r->ports, &port);
}

/* Every interface that a rule of a table that is written compares with. */
static void find_ports(struct reader *r, json_t *rule)
{
	json_t *expression;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, expression) {
		json_t *match = json_object_get(expression, "match"), *member;
		json_t *meta = json_object_get(json_object_get(match, "left"), "meta");
		json_t *right = json_object_get(match, "right"), *one;
		size_t k;

		if (strcmp(nft_string(meta, "key"), "iifname") && strcmp(nft_string(meta, "key"), "iif"))
			continue;
		one = json_array();
		json_array_append(one, right);
		json_array_foreach(json_object_get(right, "set") ?: one, k, member) {
			const char *interface = json_string_value(nft_value(member));

			if (interface)
				ask_port(&r->arena, &r->ports, interface);
		}
		json_decref(one);
	}
}

static void read_chain(struct reader *r, json_t *object)
{
	struct nft_table *table = table_of(r, object);
	const char *hook = nft_string(object, "hook");
	struct text text = { 0 };
	struct chain *chain;

	if (!table)
		return;
	chain = chains_get(&table->chains, nft_string(object, "name"));
	chain->base = *hook;
	chain->drops = *hook && !strcmp(nft_string(object, "policy"), "drop");
	chain->line = json_integer_value(json_object_get(object, "handle"));
	text_printf(&text, "chain %s %s %s: hook %s, policy %s", table->family, table->name, chain->name, hook,
		    nft_string(object, "policy"));
	chain->text = arena_strndup(&table->chains.arena, text.data, text.len);
	text_free(&text);
}

static void read_objects(struct reader *r)
{
	struct nft_scope scope = {
		.options = r->options, .objects = r->objects, .ports = &r->ports, .input = r->input,
	};
	json_t *object, *part;
	size_t i;

	json_array_foreach(r->objects, i, object) {
		part = json_object_get(object, "chain");
		if (part)
			read_chain(r, part);
	}
	json_array_foreach(r->objects, i, object) {
		part = json_object_get(object, "rule");
		scope.table = part ? table_of(r, part) : NULL;
		scope.several = r->tables.len > 1;
		if (scope.table)
			nft_rule_read(&scope, part);
		else if (part)
			r->report->elsewhere++;
	}
}

/* Whether what passes the hook @wanted passes @hook, before or behind it. */
static bool is_on_way(const char *wanted, const char *hook)
{
	static const char *const ways[][2] = {
		{ "forward", "prerouting" }, { "forward", "postrouting" }, { "forward", "egress" },
		{ "input", "prerouting" }, { "output", "postrouting" }, { "output", "egress" },
		{ "prerouting", "forward" }, { "prerouting", "input" }, { "prerouting", "postrouting" },
		{ "prerouting", "egress" }, { "postrouting", "prerouting" }, { "postrouting", "forward" },
		{ "postrouting", "egress" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(wanted, ways[i][0]) && !strcmp(hook, ways[i][1]))
			return true;
	return !strcmp(wanted, hook) || (!strcmp(hook, "ingress") && strcmp(wanted, "output"));
}

static void list_drops(struct reader *r, const struct chain_part *part, unsigned int parts)
{
	json_t *object;
	size_t i;

	json_array_foreach(r->objects, i, object) {
		json_t *named = json_object_get(object, "chain");
		struct nft_table *table = named ? table_of(r, named) : NULL;
		struct text where = { 0 };
		struct chain *chain;
		bool written = false;

		if (!table || !is_on_way(r->hook, nft_string(named, "hook")))
			continue;
		chain = chains_find(&table->chains, nft_string(named, "name"));
		for (unsigned int k = 0; k < parts; k++)
			written |= chain == part[k].base;
		text_printf(&where, "the table %s %s", table->family, table->name);
		if (!written)
			chains_list_drops(&table->chains, chain, text_string(&where), r->report);
		text_free(&where);
	}
}

/* Rules of the tables that are not written; those of the others are counted where they are. */
static void count_elsewhere(struct reader *r, const struct chain_part *part, unsigned int parts)
{
	json_t *object;
	size_t i;

	json_array_foreach(r->objects, i, object) {
		json_t *rule = json_object_get(object, "rule");
		struct nft_table *table = rule ? table_of(r, rule) : NULL;
		bool written = false;

		for (unsigned int k = 0; k < parts; k++)
			written |= table && &table->chains == part[k].chains;
		r->report->elsewhere += table && !written;
	}
}

/* The tables of @base, one or two, with the ports that their rules name. */
static int write_policy(struct reader *r, json_t **base, unsigned int parts)
{
	struct chain_part part[2];
	struct text head = { 0 };
	json_t *object, *rule;
	size_t i;
	int err;

	for (unsigned int k = 0; k < parts; k++) {
		struct nft_table *table = table_of(r, base[k]);

		part[k].chains = &table->chains;
		part[k].base = chains_get(&table->chains, nft_string(base[k], "name"));
		vec_append(&table->chains.words, &(struct chain_word){ .name = ask_established_word,
								       .match = VEC(struct match) });
		if (!k)
			text_printf(&head, "# %s: ", r->options->file);
		text_printf(&head, "%schain %s of the table %s %s", k ? " and " : "", part[k].base->name,
			    table->family, table->name);
		if (r->options->ports.len)
			continue;
		json_array_foreach(r->objects, i, object) {
			rule = json_object_get(object, "rule");
			if (rule && table_of(r, rule) == table)
				find_ports(r, rule);
		}
	}
	if (!r->ports.len) {
		text_printf(r->error, "no rule names an interface to come in by: which ports the filter is "
			    "for must be said");
		text_free(&head);
		return -ENOENT;
	}
	read_objects(r);
	text_printf(&head, ", as nft printed %s; rules by their handles.\n", parts > 1 ? "them" : "it");
	list_drops(r, part, parts);
	count_elsewhere(r, part, parts);
	err = chains_write(part, parts, r->options, &r->ports, text_string(&head), r->out, r->report,
			   r->error);
	text_free(&head);
	return err;
}

int import_nft(const char *input, size_t len, const struct import_options *options,
	       struct text *out, struct import_report *report, struct text *error)
{
	struct reader r = { .options = options, .report = report, .error = error, .out = out,
			    .ports = VEC(struct import_port), .tables = VEC(struct nft_table *) };
	const char *wanted = options->chain ?: "FORWARD", *family;
	json_error_t wrong;
	json_t *root = json_loadb(input, len, 0, &wrong), *base[2];
	int err = 0;

	if (!root) {
		text_printf(error, "%d: %s", wrong.line, wrong.text);
		return -EINVAL;
	}
	r.objects = json_object_get(root, "nftables");
	if (!json_is_array(r.objects)) {
		text_printf(error, "no list of nftables: is it what \"nft -j list ruleset\" prints?");
		json_decref(root);
		return -EINVAL;
	}
	base[0] = find_base(&r, wanted, NULL);
	if (!base[0]) {
		text_printf(error, "no chain of type filter has the hook or the name %s", wanted);
		err = -ENOENT;
		goto out;
	}
	r.hook = nft_string(base[0], "hook");
	r.input = !strcmp(r.hook, "input");
	family = nft_string(base[0], "family");
	base[1] = strcmp(family, "inet") ? find_base(&r, r.hook, !strcmp(family, "ip") ? "ip6" : "ip") : NULL;
	for (size_t i = 0; i < options->ports.len; i++) {
		const struct import_port *port = vec_at(&options->ports, i);

		add_port(&r, port->name, port->interface);
	}
	err = write_policy(&r, base, base[1] ? 2 : 1);
out:
	for (size_t i = 0; i < r.tables.len; i++) {
		struct nft_table *t = *(struct nft_table **)vec_at(&r.tables, i);

		chains_free(&t->chains);
		free(t);
	}
	vec_free(&r.tables);
	vec_free(&r.ports);
	arena_free(&r.arena);
	json_decref(root);
	return err;
}
