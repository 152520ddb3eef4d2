// SPDX-License-Identifier: GPL-2.0
/*
 * sluice route show: the routes that the data path has, as lines like those of ip route.
 * sluice route get: the route that an address takes: "address prefix nexthop" lines, asked of the
 * running table many at a time, or looked up in a file of routes without any daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/addr.h"
#include "base/kernel.h"
#include "base/table.h"
#include "base/vec.h"
#include "columns.h"
#include "lpm/lpm.h"
#include "lpm/rib.h"

#define BATCH 4096	/* addresses asked at once: well below QUERY_LINE_MAX */

/* ---- what a route says ---------------------------------------------------- */

static void print_nexthop(const json_t *hop)
{
	const char *reason = field_text(hop, "reason"), *via = field_text(hop, "via");
	const char *dev = field_text(hop, "interface"), *between = "";

	if (*reason && strcmp(reason, "forwarded")) {
		fputs(reason, stdout);
		between = " ";
	}
	if (*via) {
		printf("%svia %s", between, via);
		between = " ";
	}
	if (*dev)
		printf("%sdev %s", between, dev);
	if (field_number(hop, "weight") > 1)
		printf(" weight %lld", field_number(hop, "weight"));
}

static void print_nexthops(const json_t *o)
{
	const json_t *hops = json_object_get(o, "nexthops");
	size_t i, backups = 0;
	json_t *hop;

	if (!json_array_size(hops))
		fputs(strcmp(field_text(o, "kind"), "no_route") ? field_text(o, "kind") : "-", stdout);
	if (json_is_true(json_object_get(o, "standby")))
		fputs("standby ", stdout);
	json_array_foreach(hops, i, hop) {
		bool backup = json_is_true(json_object_get(hop, "backup"));

		if (i)
			fputs(backup && !backups++ ? " backup " : ", ", stdout);
		print_nexthop(hop);
	}
}

static void print_statistics(const json_t *o)
{
	json_t *hop;
	size_t i;

	printf(" group %lld", field_number(o, "group"));
	json_array_foreach(json_object_get(o, "nexthops"), i, hop) {
		if (*field_text(hop, "mac"))
			printf(" lladdr %s", field_text(hop, "mac"));
		if (*field_text(hop, "neighbour"))
			printf(" %s", field_text(hop, "neighbour"));
		if (field_number(hop, "buckets") > 1)
			printf(" buckets %lld", field_number(hop, "buckets"));
	}
}

static void take_route(void *arg, const json_t *o, const char *line)
{
	const struct cli *cli = arg;

	(void)line;
	printf("%s ", field_text(o, "prefix"));
	print_nexthops(o);
	if (!strcmp(field_text(o, "origin"), "store"))
		printf(" proto store");
	if (cli->statistics)
		print_statistics(o);
	putchar('\n');
}

/*
 * Takes "table N" or "vrf NAME" out of the words, wherever they stand, as what is asked of the daemon.
 * *@table: set to an object that names it, or left NULL. Return: how many words are left; -1: said.
 */
static int take_table(struct cli *cli, int n, char **argv, json_t **table)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		bool by_number = !strcmp(argv[i], "table"), by_vrf = !strcmp(argv[i], "vrf");
		unsigned long number;
		char *end;

		if (!by_number && !by_vrf) {
			argv[left++] = argv[i];
			continue;
		}
		if (*table || i + 1 == n) {
			cli_usage(cli, *table ? "one table only" : "%s of which one?", argv[i]);
			json_decref(*table);
			return -1;
		}
		i++;
		if (by_vrf) {
			*table = json_pack("{ss}", "vrf", argv[i]);
			continue;
		}
		number = strcmp(argv[i], "main") ? strtoul(argv[i], &end, 10) : KERNEL_TABLE_MAIN;
		if (!number || number > UINT32_MAX || (strcmp(argv[i], "main") && *end)) {
			cli_usage(cli, "\"%s\" is not the number of a table", argv[i]);
			return -1;
		}
		*table = json_pack("{sI}", "table", (json_int_t)number);
	}
	return left;
}

int route_show(struct cli *cli, int argc, char **argv)
{
	bool ip4 = false, ip6 = false;
	const struct cli_option own[] = {
		{ '4', "ip4", &ip4, NULL },
		{ '6', "ip6", &ip6, NULL },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);
	char text[PREFIX_STRLEN];
	struct prefix prefix;
	json_t *request, *table = NULL;

	if (n >= 0)
		n = take_table(cli, n, argv, &table);
	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one prefix", argv[1]);
	if (n == 1 && prefix_parse(argv[0], &prefix) == -EINVAL)
		return cli_usage(cli, "\"%s\" is not a prefix", argv[0]);
	request = json_pack("{ss}", "show", "route");
	json_object_update(request, table);
	json_decref(table);
	if (n == 1) {
		prefix = prefix_canonical(prefix);
		json_object_set_new(request, "prefix", json_string(prefix_format(&prefix, text)));
	}
	if (ip4 != ip6)
		json_object_set_new(request, "family", json_integer(ip4 ? 4 : 6));
	return ask_show(cli, request, take_route, cli);
}

/* ---- route get ------------------------------------------------------------- */

/* Where the answers come from: the daemon, a batch at a time, or a file. */
struct getter {
	struct cli *cli;
	int (*get)(struct getter *g, const struct addr *a);	/* return: an exit code */
	bool wrong;		/* an address was none, or two tables disagree */
	/* the daemon */
	struct ask ask;
	json_t *batch;		/* array of addresses that were not asked yet */
	json_t *which;		/* object that names the table; NULL: main */
	/* a file */
	struct rib_file file;
	struct table nexthops;	/* struct prefix -> uint32_t, as the file has it */
	struct lpm *table[2];	/* IPv4, IPv6: which prefix; see offline_result() */
};

static void take_answer(void *arg, const json_t *o, const char *line)
{
	const char *prefix = field_text(o, "prefix");
	struct getter *g = arg;

	if (g->cli->json) {
		ask_print_json(g->cli, o, line);
	} else {
		printf("%s %s ", field_text(o, "address"), *prefix ? prefix : "-");
		print_nexthops(o);
		if (g->cli->statistics)
			print_statistics(o);
		putchar('\n');
	}
	if (json_is_false(json_object_get(o, "agrees"))) {
		g->wrong = true;
		cli_error("%s: the data path's table and the kernel's routes disagree",
			  field_text(o, "address"));
	}
}

static int ask_batch(struct getter *g)
{
	json_t *request;
	int code;

	if (!json_array_size(g->batch))
		return CLI_OK;
	request = json_pack("{ss so}", "show", "route get", "address", g->batch);
	json_object_update(request, g->which);
	code = ask_send(&g->ask, request);
	g->batch = json_array();
	return code == CLI_OK ? ask_receive(&g->ask, take_answer, g) : code;
}

static int get_from_daemon(struct getter *g, const struct addr *a)
{
	char text[ADDR_STRLEN];

	json_array_append_new(g->batch, json_string(addr_format(a, text)));
	return json_array_size(g->batch) < BATCH ? CLI_OK : ask_batch(g);
}

/* Reads addresses, one a line; "#" begins a comment. A line that is none is named and passed over. */
static int get_lines(struct getter *g)
{
	char line[256];
	int code = CLI_OK;

	for (unsigned long n = 1; code == CLI_OK && fgets(line, sizeof(line), stdin); n++) {
		char *word = line + strspn(line, " \t");
		struct addr a;

		if (!strchr(line, '\n') && !feof(stdin)) {	/* its rest is not another line */
			int c;

			while ((c = getchar()) != '\n' && c != EOF)
				;
		}
		word[strcspn(word, " \t\r\n#")] = '\0';
		if (!*word)
			continue;
		if (addr_parse(word, &a) == 0) {
			code = g->get(g, &a);
			continue;
		}
		cli_error("standard input, line %lu: \"%s\" is not an address", n, plain(word));
		g->wrong = true;
	}
	return code;
}

static int get_all(struct getter *g, int n, char **argv)
{
	int code = CLI_OK;

	for (int i = 0; code == CLI_OK && i < n; i++) {
		struct addr a;

		if (!strcmp(argv[i], "-"))
			code = get_lines(g);
		else if (addr_parse(argv[i], &a) == 0)
			code = g->get(g, &a);
	}
	return code;
}

static int get_online(struct getter *g, int n, char **argv)
{
	int code = ask_open(&g->ask, g->cli);

	g->batch = json_array();
	g->get = get_from_daemon;
	if (code == CLI_OK)
		code = get_all(g, n, argv);
	if (code == CLI_OK)
		code = ask_batch(g);
	ask_complain(&g->ask, code);
	ask_close(&g->ask);
	json_decref(g->batch);
	return code;
}

/* ---- route get --rib: no daemon, the very table that it would have ----------- */

/*
 * A file may name more next hops than a table has results. So the table finds the prefix, the
 * file's own list its next hop, and the walk's result serves to check one against the other.
 */
static lpm_result offline_result(uint32_t nexthop)
{
	return 1 + nexthop % LPM_RESULT_MAX;
}

static int build_table(const struct vec *routes, uint8_t family, struct lpm **table)
{
	struct vec list = VEC(struct lpm_route);
	struct lpm_shape shape;
	int err;

	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);

		if (r->prefix.addr.family == family)
			vec_append(&list, &(struct lpm_route){ r->prefix,
							       offline_result(r->nexthop) });
	}
	/* Room twice over: a file may hold a mix that no router has. */
	err = lpm_sizes(family, 2 * list.len + 1024, &shape);
	if (!err) {
		*table = lpm_new(family, &shape, NULL, list.len);
		err = lpm_build(*table, list.data, list.len);
	}
	if (err)
		cli_error("the IPv%u routes do not fit into a table: %s", family, strerror(-err));
	vec_free(&list);
	return err;
}

/* The next hop as the file has it: an address or a number. */
static void print_from_file(const struct getter *g, const char *address, const struct prefix *prefix,
			    const uint32_t *nexthop, bool agrees)
{
	const struct addr *hop = nexthop && g->file.hops.len ? vec_at(&g->file.hops, *nexthop) : NULL;
	char text[PREFIX_STRLEN], via[ADDR_STRLEN] = "";

	if (hop && hop->family)
		addr_format(hop, via);
	if (g->cli->json) {
		json_t *o = json_pack("{ss ss ss* sb}", "object", "route", "address", address, "prefix",
				      nexthop ? prefix_format(prefix, text) : NULL, "agrees", agrees);

		if (*via)
			json_object_set_new(o, "via", json_string(via));
		else if (nexthop && !hop)
			json_object_set_new(o, "nexthop", json_integer(*nexthop));
		ask_print_json(g->cli, o, NULL);
		json_decref(o);
	} else if (*via) {
		printf("%s %s via %s\n", address, prefix_format(prefix, text), via);
	} else if (hop) {
		printf("%s %s -\n", address, prefix_format(prefix, text));	/* the file names none */
	} else if (nexthop) {
		printf("%s %s %u\n", address, prefix_format(prefix, text), *nexthop);
	} else {
		printf("%s - -\n", address);
	}
}

static int get_from_file(struct getter *g, const struct addr *a)
{
	const struct lpm *table = g->table[a->family == ADDR_V6];
	char address[ADDR_STRLEN];
	lpm_result walked = lpm_lookup(table, a);
	const uint32_t *nexthop = NULL;
	struct prefix prefix;
	bool agrees;

	addr_format(a, address);
	if (lpm_match(table, a, &prefix))
		nexthop = table_get(&g->nexthops, &prefix);
	agrees = walked == (nexthop ? offline_result(*nexthop) : 0);
	if (!agrees) {
		g->wrong = true;
		cli_error("%s: the table's walk and its list of routes disagree", address);
	}
	print_from_file(g, address, &prefix, nexthop, agrees);
	return CLI_OK;
}

static int get_offline(struct getter *g, const char *path, int n, char **argv)
{
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	int code = CLI_FAILED;

	g->get = get_from_file;
	g->nexthops = TABLE(struct prefix, uint32_t);
	rib_file_init(&g->file);
	if (rib_read_file(path, &routes, &g->file, &error)) {
		cli_error("%s", text_string(&error));
		goto free_routes;
	}
	if (g->file.malformed)
		cli_error("%zu of %zu records make no sense; the first ones:\n%s", g->file.malformed,
			  g->file.records, text_string(&g->file.notes));
	for (size_t i = 0; i < routes.len; i++) {	/* the last of equal prefixes counts */
		const struct rib_route *r = vec_at(&routes, i);

		*(uint32_t *)table_put(&g->nexthops, &r->prefix, NULL) = r->nexthop;
	}
	if (!build_table(&routes, ADDR_V4, &g->table[0]) &&
	    !build_table(&routes, ADDR_V6, &g->table[1]))
		code = get_all(g, n, argv);
	for (int i = 0; i < 2; i++)
		if (g->table[i])
			lpm_free(g->table[i]);
	table_free(&g->nexthops);
free_routes:
	rib_file_free(&g->file);
	vec_free(&routes);
	text_free(&error);
	return code;
}

int route_get(struct cli *cli, int argc, char **argv)
{
	const char *rib = NULL;
	const struct cli_option own[] = {
		{ 'r', "rib", NULL, &rib },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own);
	struct getter g = { .cli = cli };
	int inputs = 0, code;
	struct addr a;

	if (n >= 0)
		n = take_table(cli, n, argv, &g.which);
	if (n < 0)
		return CLI_USAGE;
	if (rib && g.which)
		return cli_usage(cli, "a file has one table");
	if (n == 0)
		return cli_usage(cli, "which address?");
	for (int i = 0; i < n; i++) {
		bool input = !strcmp(argv[i], "-");

		if (!input && addr_parse(argv[i], &a))
			return cli_usage(cli, "\"%s\" is not an address", argv[i]);
		if (input && (inputs++ || (rib && !strcmp(rib, "-"))))
			return cli_usage(cli, "standard input can be read once only");
	}
	code = rib ? get_offline(&g, rib, n, argv) : get_online(&g, n, argv);
	json_decref(g.which);
	return code == CLI_OK && g.wrong ? CLI_FAILED : code;
}
