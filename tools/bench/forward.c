// SPDX-License-Identifier: GPL-2.0
/*
 * forward.c: what it costs to route a packet through: sluice, alone and measuring flows; the kernel;
 * the kernel with a flow table in front, which knows all flows by then; and the kernel's table asked from
 * XDP; with the same routes and the same packets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/text.h"
#include "lpm/rib.h"
#include "tools/bench/bench.h"
#include "tools/bench/options.h"
#include "tools/bench/router.h"
#include "tools/bench/wire.h"

#define OUTS	4		/* ports; next hop N is behind the (N % OUTS)th */

/* What is sent, the same to each. */
struct load {
	unsigned int flows, length, frames, batch;
};

struct way {
	struct contender contender;
	const char *engine;
	unsigned int frames;
	uint64_t lost, slow_before;
	struct wire *wire;
	struct router *router;
};

static double turn(struct contender *c, unsigned int round)
{
	struct way *w = c->its;

	(void)round;
	return wire_pump(w->wire, w->frames, 1, &w->lost);
}

/* ---- contenders ---------------------------------------------------------------------- */

/* Port 0 of a router is "in", which no route goes out of: N % OUTS + 1 of OUTS + 1. */
static int set_up_router(struct way *w, const struct vec *routes, const char *measure)
{
	struct text policy = { 0 };
	struct rib_route *to = xcalloc(routes->len, sizeof(*to));
	int err;

	for (size_t i = 0; i < routes->len; i++) {
		to[i] = *(struct rib_route *)vec_at(routes, i);
		to[i].nexthop = to[i].nexthop % OUTS + 1;
	}
	text_printf(&policy, "port wan = \"in\";\n");
	for (int i = 0; i < OUTS; i++)
		text_printf(&policy, "port out%d = \"out%d\";\n", i, i);
	text_printf(&policy, "%sroute main;\n", measure);
	err = router_new(w->wire, OUTS, text_string(&policy), to, routes->len, &w->router);
	text_free(&policy);
	free(to);
	return err;
}

static int set_up_sluice(struct way *w, const struct vec *routes)
{
	return set_up_router(w, routes, "");
}

/* Every flow is held, as long as there are no more targets than slots. */
static int set_up_measuring(struct way *w, const struct vec *routes)
{
	return set_up_router(w, routes, "measure flows by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) {\n"
			     "    threshold 0.1%; oversampling 20; interval 5s; slots 8192;\n}\n");
}

/* By a thousand of the table's prefixes. */
static int set_up_counting(struct way *w, const struct vec *routes)
{
	struct table known = TABLE(struct prefix, char);
	struct text count = { 0 };
	char prefix[PREFIX_STRLEN];
	int err;

	for (size_t i = 0, step = 1 + routes->len / 1000; i < routes->len && known.len < 1000; i += step) {
		const struct rib_route *r = vec_at(routes, i);
		bool fresh;

		table_put(&known, &r->prefix, &fresh);
		if (fresh)
			text_printf(&count, "%s%s", count.len ? ", " : "count prefixes { ",
				    prefix_format(&r->prefix, prefix));
	}
	text_printf(&count, " };\n");
	err = set_up_router(w, routes, text_string(&count));
	table_free(&known);
	text_free(&count);
	return err;
}

static int set_up_counting_hops(struct way *w, const struct vec *routes)
{
	return set_up_router(w, routes, "count next-hops;\n");
}

static int set_up_kernel(struct way *w, const struct vec *routes)
{
	struct text ip = { 0 };
	char prefix[PREFIX_STRLEN];
	int err;

	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);

		text_printf(&ip, "route replace %s via 10.10.%u.2\n",
			    prefix_format(&r->prefix, prefix), r->nexthop % OUTS);
	}
	err = wire_run(w->wire, "ip", text_string(&ip));
	text_free(&ip);
	return err;
}

static int set_up_fib_lookup(struct way *w, const struct vec *routes)
{
	int err = set_up_kernel(w, routes);

	return err ? err : wire_attach(w->wire, "fib_forward");
}

/*
 * The second packet of a flow enters it (nf_conntrack has confirmed it then); from the third on none
 * gets to the forward chain. So of what the chain counts there is at most two for each flow.
 */
static const char flowtable[] =
"table inet bench {\n"
"	counter slow { }\n"
"	flowtable fast { hook ingress priority 0; devices = { in, out0, out1, out2, out3 }; }\n"
"	chain forward {\n"
"		type filter hook forward priority 0; policy accept;\n"
"		counter name slow\n"
"		ip protocol udp flow add @fast\n"
"	}\n"
"}\n";

static int set_up_flowtable(struct way *w, const struct vec *routes)
{
	if (wire_feed(w->wire, "nft -f - 2>/dev/null", flowtable)) {
		fprintf(stderr, "sluice-bench: without flowtable: nft or this kernel has none "
			"(CONFIG_NF_FLOW_TABLE, CONFIG_NFT_FLOW_OFFLOAD)\n");
		return -EOPNOTSUPP;
	}
	return set_up_kernel(w, routes);
}

/* Packets that the flow table did not take. */
static uint64_t slow_path(const struct way *w)
{
	uint64_t packets;

	return wire_read(w->wire, "nft list counter inet bench slow | grep packets", &packets) ? 0 : packets;
}

static const struct {
	const char *engine;
	int (*set_up)(struct way *w, const struct vec *routes);
} engines[] = {
	{ "sluice", set_up_sluice },
	{ "sluice_measure", set_up_measuring },
	{ "sluice_count", set_up_counting },
	{ "sluice_count_hops", set_up_counting_hops },
	{ "kernel", set_up_kernel },
	{ "flowtable", set_up_flowtable },
	{ "fib_lookup", set_up_fib_lookup },
};

#define ENGINES (sizeof(engines) / sizeof(*engines))

/* ---- routes and packets ---------------------------------------------------------------- */

static void take_ip4(const struct vec *all, struct vec *routes)
{
	for (size_t i = 0; i < all->len; i++) {
		const struct rib_route *r = vec_at(all, i);

		/* Not what the wire itself uses, nor what no router forwards. */
		if (r->prefix.addr.family == ADDR_V4 && r->prefix.len >= 8 &&
		    r->prefix.addr.bytes[0] != 10 && r->prefix.addr.bytes[0] != 127 &&
		    r->prefix.addr.bytes[0] < 224 && r->prefix.addr.bytes[0] &&
		    (r->prefix.addr.bytes[0] != 169 || r->prefix.addr.bytes[1] != 254))
			vec_append(routes, r);
	}
}

static int read_routes(const char *path, unsigned int count, struct vec *routes)
{
	struct vec all = VEC(struct rib_route);
	int err = path ? bench_rib(path, &all) : 0;

	for (unsigned int i = 0; !path && i < count; i++) {
		struct rib_route *r = vec_push(&all);

		r->prefix.addr = addr_v4((11u << 24) + (bench_random() % (200u << 24)));
		r->prefix.len = 16 + bench_random() % 9;
		r->prefix = prefix_canonical(r->prefix);
		r->nexthop = bench_random() % 1000;
	}
	take_ip4(&all, routes);
	vec_free(&all);
	if (!err && !routes->len) {
		fprintf(stderr, "sluice-bench: %s has no IPv4 route to forward by\n", path);
		err = -ENODATA;
	}
	return err;
}

static int aim(struct wire *wire, const struct vec *routes, unsigned int flows, unsigned int length)
{
	uint32_t *targets = xcalloc(flows, sizeof(*targets));
	uint64_t seed = 0x5c1ce;
	int err;

	for (unsigned int i = 0; i < flows; i++) {
		const struct rib_route *r;
		uint32_t host;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		r = vec_at(routes, (seed >> 33) % routes->len);
		host = r->prefix.len < 32 ? (seed >> 20) & (0xffffffffu >> r->prefix.len) : 0;
		targets[i] = htonl(addr_v4_number(&r->prefix.addr) | host);
	}
	err = wire_aim(wire, targets, flows, length);
	free(targets);
	return err;
}

/* ---- the verb -------------------------------------------------------------------------- */

static void report(const struct way *w, const struct way *first, size_t routes,
		   const struct load *load, unsigned int rounds, bool as_json)
{
	uint64_t sent = (uint64_t)load->frames * rounds;
	struct spread ns = contender_spread(&w->contender);
	struct spread times = contender_ratio(&w->contender, &first->contender);
	json_t *line = json_pack("{ss ss ss si sI si si}", "bench", "forward", "engine", w->engine,
				 "where", w->contender.where, "family", 4, "prefixes",
				 (json_int_t)routes, "flows", load->flows, "length", load->length);

	bench_spread(line, &ns);
	json_object_set_new(line, "packets_per_s", json_real(1e9 / ns.median));
	json_object_set_new(line, "times", json_real(times.median));
	json_object_set_new(line, "times_min", json_real(times.min));
	json_object_set_new(line, "times_max", json_real(times.max));
	json_object_set_new(line, "lost", json_integer(w->lost));
	if (!strcmp(w->engine, "flowtable"))
		json_object_set_new(line, "slow_path", json_integer(slow_path(w) - w->slow_before));
	bench_line(line, as_json);
	if (w->lost > sent / 100)
		fprintf(stderr, "sluice-bench: %s lost %llu of %llu packets: its figure is of little use; "
			"a --batch smaller than %u may help\n", w->engine, (unsigned long long)w->lost,
			(unsigned long long)sent, load->batch);
}

/* Said among the results too, so that a record of them says what was not compared. */
static void report_absent(const char *engine, bool as_json)
{
	bench_line(json_pack("{ss ss ss}", "bench", "forward", "engine", engine, "absent",
			     "not measured: this machine has it not"), as_json);
}

static int set_up(struct way *w, size_t i, const struct vec *routes, const struct load *load)
{
	int err;

	w->engine = engines[i].engine;
	w->frames = load->frames;
	w->contender = (struct contender){ .engine = w->engine, .where = "veth", .turn = turn, .its = w };
	err = wire_new(OUTS, &w->wire);
	if (!err)
		err = aim(w->wire, routes, load->flows, load->length);
	if (!err)
		wire_batch(w->wire, load->batch);
	return err ? err : engines[i].set_up(w, routes);
}

/* Every flow thrice, so that all is known of it that will be. */
static void warm_up(struct way *w, unsigned int flows)
{
	unsigned int frames = w->frames;

	w->frames = frames > 3 * flows ? frames : 3 * flows;
	turn(&w->contender, 0);
	w->frames = frames;
	w->lost = 0;
	if (!strcmp(w->engine, "flowtable"))
		w->slow_before = slow_path(w);
}

static int run(const struct vec *routes, const struct load *load, unsigned int rounds, bool as_json)
{
	struct way ways[ENGINES] = { 0 };
	struct contender *turns[ENGINES];
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < ENGINES; i++) {
		if (!bench_wanted(engines[i].engine))
			continue;
		err = set_up(&ways[n], i, routes, load);
		if (err == -EOPNOTSUPP) {	/* it has said so */
			report_absent(engines[i].engine, as_json);
			wire_free(ways[n].wire);
			ways[n] = (struct way){ 0 };
			err = 0;
			continue;
		}
		turns[n] = &ways[n].contender;
		n++;
	}
	for (size_t i = 0; !err && i < n; i++)
		warm_up(&ways[i], load->flows);
	if (!err)
		contenders_run(turns, n, rounds);
	for (size_t i = 0; i < n; i++)
		if (!err)
			report(&ways[i], &ways[0], routes->len, load, rounds, as_json);
	for (size_t i = 0; i < n; i++) {
		router_free(ways[i].router);
		wire_free(ways[i].wire);
	}
	return err;
}

static const char usage[] =
"usage: sluice-bench forward [--json] [--rib FILE | --prefixes N] [--length BYTES] [--rounds N]\n"
"                            [--flows N] [--frames N] [--batch N] [--engines A,B]\n"
"\n"
"UDP packets to addresses uniform over the prefixes, routed from one veth to four others, all on\n"
"one CPU; receivers are XDP programs that count and drop. sluice_measure is sluice that measures\n"
"flows too, in 8,192 slots; sluice_count counts by 1,000 prefixes, sluice_count_hops by next\n"
"hop; flowtable is the kernel with nftables' flow table, which knows all flows when it is measured;\n"
"fib_lookup an XDP program that asks the kernel's table. times: of the first engine's cost, round by\n"
"round.\n"
"--prefixes 10000; --flows 4096, each to an address of its own; --length 64;\n"
"--rounds 11; --frames 50000 a turn, of which --batch 64 at once (less, where an emulated CPU loses\n"
"packets otherwise).\n";

int bench_forward(int argc, char **argv)
{
	struct load load = { .flows = 4096, .length = 64, .frames = 50000, .batch = 64 };
	unsigned int rounds = 11, count = 10000;
	struct vec routes = VEC(struct rib_route);
	const char *path = NULL;
	bool as_json = false;
	const struct bench_option table[] = {
		{ "rib", .text = &path },
		{ "prefixes", .number = &count, .most = 4000000 },
		{ "flows", .number = &load.flows, .most = WIRE_TARGETS },
		{ "length", .number = &load.length, .most = 1514 },
		{ "rounds", .number = &rounds, .most = 1000 },
		{ "frames", .number = &load.frames, .most = 10000000 },
		{ "batch", .number = &load.batch, .most = 256 },
		{ "engines", .text = &bench_engines },
		{ "json", .flag = &as_json },
		{ 0 },
	};
	int err = bench_options(argc, argv, table, usage);

	if (err)
		return err < 0 ? 0 : err;
	if (load.flows & (load.flows - 1)) {
		fprintf(stderr, "sluice-bench: --flows wants a power of two\n");
		return 2;
	}
	if (load.length < 64) {
		fprintf(stderr, "sluice-bench: --length wants at least 64\n");
		return 2;
	}
	err = read_routes(path, count, &routes);
	if (!err)
		err = run(&routes, &load, rounds, as_json);
	vec_free(&routes);
	return err ? 1 : 0;
}
