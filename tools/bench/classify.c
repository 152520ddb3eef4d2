// SPDX-License-Identifier: GPL-2.0
/*
 * classify.c: the benchmark of classification: the beginnings of one rule list, 10, 100, .. rules of
 * it, each in all engines, all of them in turns on the same packets, their answers compared with
 * the list's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "datapath/map.h"
#include "rules/classbench.h"
#include "tools/bench/classify.h"
#include "tools/bench/options.h"

#define COUNTS_MAX	16
#define HOT		64u	/* flows of the stream "hot" */
#define FLOWS		4096u	/* of the stream "flows": more than a CPU remembers (bpf/microflow.h) */
#define END_TRIES	16u	/* packets made for one of the stream "end" */
#define CHECKED_MAX	200000000u	/* comparisons of a packet with a rule, for one list's answers */

struct options {
	const char *rules, *trace, *counts;
	unsigned int rounds;
	bool json;
};

static const char usage[] =
"usage: sluice-bench classify --rules FILE [OPTION...]\n"
"\n"
"  --rules FILE   a rule set of ClassBench's, plain or gzip\n"
"  --trace FILE   headers to classify, as ClassBench writes them; else they are made from the rules:\n"
"                 half of them some rule's, a quarter just beside one, a quarter at random.\n"
"                 Streams: mix, all of them in turns; hot and flows, 64 and 4,096 of them, some more\n"
"                 often (Zipf); end, made ones that go down the list furthest: to its last rules, or\n"
"                 through all. depth: how many rules are asked in turn, on average\n"
"  --counts A,B   how many rules, the first ones of the file (10,100,1000,10000,100000 and all,\n"
"                 as far as there are)\n"
"  --engines A,B  only these of sluice, linear_bpf, nftables, iptables\n"
"  --rounds N     turns of each contender (9)\n"
"  --json         one object a line: see sluice-bench --help\n"
"\n"
"Runs as root. Inside XDP: sluice (the data path's stage that classifies, on parsed packets; \"walk\" is\n"
"the same with nothing remembered of earlier packets, \"tables\" that without the two address\n"
"look-ups) and linear_bpf (the rules as straight code, as many of them as the verifier takes). In the\n"
"kernel: nftables and iptables, in the hook \"output\" of a namespace of their own; what a packet takes\n"
"there without any rules is taken off.\n";

/* ---- packets ------------------------------------------------------------------------ */

static uint16_t any_of(const struct rule_test *t)
{
	if (t->kind == RULE_MASK)
		return t->a | (bench_random() & 0xff & ~t->b);
	return t->a + bench_random() % (t->b - t->a + 1u);
}

static struct addr any_in(const struct prefix *p)
{
	uint32_t mask = p->len ? ~0u << (32 - p->len) : 0;

	return addr_v4(addr_v4_number(&p->addr) | ((uint32_t)bench_random() & ~mask));
}

/* A packet of @rule. */
static struct rule_packet packet_of(const struct rule *rule)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 17, 1, 47, 50 };
	struct rule_packet p = { .field[RULES_PROTO] = protocols[bench_random() % 8] };

	for (unsigned int side = 0; side < 2; side++)
		p.addr[side] = any_in(&rule->prefix[side][0]);
	p.field[RULES_SPORT] = bench_random();
	p.field[RULES_DPORT] = bench_random() % 2 ? bench_random() % 1024 : bench_random();
	p.field[RULES_TCP_FLAGS] = bench_random() % 4 ? 0x10 : bench_random();
	p.field[RULES_ICMP_TYPE] = bench_random() % 2 ? 8 : 0;
	for (uint32_t i = 0; i < rule->tests; i++)
		p.field[rule->test[i].field] = any_of(&rule->test[i]);
	return p;
}

/* One step away from a packet of @rule. */
static struct rule_packet packet_beside(const struct rule *rule)
{
	struct rule_packet p = packet_of(rule);
	unsigned int what = bench_random() % 4, side = what % 2;
	const struct prefix *prefix = &rule->prefix[side][0];

	if (what < 2 && prefix->len)
		p.addr[side] = addr_v4(addr_v4_number(&p.addr[side]) ^ 1u << (32 - prefix->len));
	else
		p.field[side ? RULES_SPORT : RULES_DPORT] += bench_random() % 2 ? 1 : -1;
	return p;
}

/* What a packet has on a wire, and what engines can be shown: no field that its protocol has not. */
static void make_plausible(struct rule_packet *p)
{
	uint16_t protocol = p->field[RULES_PROTO];

	if (protocol != 6 && protocol != 17)
		p->field[RULES_SPORT] = p->field[RULES_DPORT] = 0;
	if (protocol != 6)
		p->field[RULES_TCP_FLAGS] = 0;
	if (protocol != 1)
		p->field[RULES_ICMP_TYPE] = p->field[RULES_ICMP_CODE] = 0;
	/* The kernel would enter one of its own. */
	if (!addr_v4_number(&p->addr[RULE_SOURCE]))
		p->addr[RULE_SOURCE] = addr_v4(1);
}

static void make_packets(const struct rule_list *list, const struct vec *trace, struct rule_packet *packet)
{
	for (size_t i = 0; i < PACKETS; i++) {
		const struct rule *rule = *(struct rule **)vec_at(&list->rules, bench_random() %
								  list->rules.len);

		if (trace->len) {
			packet[i] = *(struct rule_packet *)vec_at(trace, bench_random() % trace->len);
		} else if (i % 4 < 2) {
			packet[i] = packet_of(rule);
		} else {
			packet[i] = packet_beside(rule);
			for (unsigned int side = 0; side < 2 && i % 4 == 3; side++)
				packet[i].addr[side] = addr_v4(bench_random());
		}
		make_plausible(&packet[i]);
	}
}

/* The first @flows of them, some more often (Zipf): @packet becomes the stream of those. */
static void make_flows(struct rule_packet *packet, unsigned int flows)
{
	struct rule_packet *flow = xcalloc(flows, sizeof(*flow));
	double *sum = xcalloc(flows, sizeof(*sum));

	memcpy(flow, packet, flows * sizeof(*flow));
	for (unsigned int f = 0; f < flows; f++)
		sum[f] = (f ? sum[f - 1] : 0) + 1.0 / (f + 1);
	for (size_t i = 0; i < PACKETS; i++) {
		double at = bench_random() / 18446744073709551616.0 * sum[flows - 1];
		unsigned int least = 0, most = flows - 1;

		while (least < most) {
			unsigned int middle = (least + most) / 2;

			if (sum[middle] > at)
				most = middle;
			else
				least = middle + 1;
		}
		packet[i] = flow[least];
	}
	free(sum);
	free(flow);
}

/* How many packets' answers are known: asking a long list takes its time. */
static size_t known(const struct classify *c)
{
	size_t n = CHECKED_MAX / c->list.rules.len;

	return n < PACKETS ? n : PACKETS;
}

/*
 * What a firewall sees under attack: packets that no rule has, or one of the last. Of a few that are
 * made the one that goes down the list furthest; as many as there is time for, again and again.
 */
static void make_end(const struct classify *c, struct rule_packet *packet)
{
	size_t rules = c->list.rules.len, different = known(c);

	for (size_t i = 0; i < PACKETS; i++) {
		uint32_t furthest = 0;

		if (i >= different) {
			packet[i] = packet[i % different];
			continue;
		}
		for (unsigned int tries = 0; tries < END_TRIES && furthest < rules - rules / 100; tries++) {
			struct rule_packet p = packet_beside(*(struct rule **)
							     vec_at(&c->list.rules, bench_random() % rules));
			uint32_t first;

			for (unsigned int side = 0; side < 2; side++)
				if (tries % 3 != side)
					p.addr[side] = addr_v4(bench_random());
			make_plausible(&p);
			first = rule_list_match(&c->list, &p);
			if (tries && first <= furthest)
				continue;
			packet[i] = p;
			furthest = first;
		}
	}
}

uint32_t classify_answer(const struct classify *c, size_t i, size_t rules)
{
	return c->first[i] < rules ? c->first[i] : RULES_NONE;
}

long classify_check_answers(const struct classify *c, size_t rules)
{
	for (size_t i = 0; i < known(c); i++) {
		uint32_t want = classify_answer(c, i, rules);

		if (c->packets->answer[i] == want)
			continue;
		fprintf(stderr, "sluice-bench: packet %zu: rule %d, and should be %d\n", i,
			(int)c->packets->answer[i], (int)want);
		return -1;
	}
	return known(c);
}

static void take_packets(struct classify *c, const struct rule_packet *packet)
{
	memcpy(c->packet, packet, sizeof(c->packet));
	for (size_t i = 0; i < PACKETS; i++) {
		struct bench_packet *to = &c->packets->packet[i];

		for (unsigned int side = 0; side < 2; side++)
			to->addr[side] = addr_v4_number(&packet[i].addr[side]);
		memcpy(to->field, packet[i].field, sizeof(to->field));
		c->first[i] = i < known(c) ? rule_list_match(&c->list, &packet[i]) : 0;
	}
}

/* How many rules are asked in turn for a packet, on average. */
static double depth(const struct classify *c)
{
	size_t rules = c->list.rules.len, n = known(c);
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += c->first[i] < rules ? c->first[i] + 1 : rules;
	return sum / n;
}

/* ---- all engines, all lists --------------------------------------------------------------- */

static struct classify *classify_new(const struct rule_list *list, size_t rules)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct classify *c = xcalloc(1, sizeof(*c));

	c->list = RULE_LIST;
	for (size_t i = 0; i < rules; i++)
		rule_list_add(&c->list, *(struct rule **)vec_at(&list->rules, i));
	c->packets_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "packets", 4,
				       sizeof(struct bench_packets), 1, &opts);
	if (c->packets_fd >= 0)
		c->packets = map_memory(c->packets_fd, sizeof(struct bench_packets));
	if (!c->packets) {
		fprintf(stderr, "sluice-bench: no map for packets: %s\n", strerror(errno));
		exit(1);
	}
	return c;
}

static void classify_free(struct classify *c)
{
	rule_list_free(&c->list);
	close(c->packets_fd);
	free(c);
}

/* What is taken off of an engine's times. */
static const struct classify_engine *nothing_of(const struct vec *engines, const struct classify_engine *e)
{
	for (size_t i = 0; i < engines->len; i++) {
		const struct classify_engine *n = vec_at(engines, i);

		if (n->on == e->on && !strcmp(n->contender.engine, "nothing") &&
		    !strcmp(n->path, e->path))
			return n;
	}
	return NULL;
}

/* Ours with as many rules, or @smallest: in the same mode, with as few as there are. */
static const struct classify_engine *ours(const struct vec *engines, const struct classify_engine *e,
					  bool smallest)
{
	for (size_t i = 0; i < engines->len; i++) {
		const struct classify_engine *o = vec_at(engines, i);

		if (!strcmp(o->contender.engine, "sluice") &&
		    !strcmp(o->mode, smallest ? e->mode : "whole") && (smallest || o->on == e->on))
			return o;
	}
	return NULL;
}

/* The times of round @i, less what nothing took in that round. */
static double net(const struct vec *engines, const struct classify_engine *e, size_t i)
{
	const struct classify_engine *nothing = nothing_of(engines, e);
	double ns = *(double *)vec_at(&e->contender.samples, i);

	if (nothing && i < nothing->contender.samples.len)
		ns -= *(double *)vec_at(&nothing->contender.samples, i);
	return ns > 0.1 ? ns : 0.1;
}

/* @e's times, or, by round, the times by those of @of. */
static struct spread net_spread(const struct vec *engines, const struct classify_engine *e,
				const struct classify_engine *of)
{
	struct contender all = { .samples = VEC(double) };
	struct spread s;

	for (size_t i = 0; i < e->contender.samples.len; i++) {
		double x = net(engines, e, i);

		if (of && i >= of->contender.samples.len)
			break;
		x /= of ? net(engines, of, i) : 1;
		vec_append(&all.samples, &x);
	}
	s = contender_spread(&all);
	vec_free(&all.samples);
	return s;
}

static void add_ratio(json_t *line, const char *name, const struct vec *engines,
		      const struct classify_engine *e, const struct classify_engine *of)
{
	struct spread s;
	char key[64];

	if (!of || !of->contender.samples.len)
		return;
	s = net_spread(engines, e, of);
	snprintf(key, sizeof(key), "%s_median", name);
	json_object_set_new(line, key, json_real(s.median));
	snprintf(key, sizeof(key), "%s_min", name);
	json_object_set_new(line, key, json_real(s.min));
	snprintf(key, sizeof(key), "%s_max", name);
	json_object_set_new(line, key, json_real(s.max));
}

static void set_seconds(json_t *line, const char *key, double seconds)
{
	if (seconds > 0)
		json_object_set_new(line, key, json_real(seconds));
}

static void report(const struct options *o, const struct vec *engines, const struct classify_engine *e,
		   const char *stream, long checked)
{
	struct spread s;
	json_t *line;

	if (!e->contender.samples.len)
		return;
	s = net_spread(engines, e, NULL);
	line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "bench", "classify", "engine",
			 e->contender.engine, "where", e->contender.where, "mode", e->mode, "stream",
			 stream, "rules", (json_int_t)e->on->list.rules.len);
	if (e->rules < e->on->list.rules.len)
		json_object_set_new(line, "rules_taken", json_integer(e->rules));
	bench_spread(line, &s);
	if (strcmp(e->contender.engine, "sluice"))
		add_ratio(line, "times_sluice", engines, e, ours(engines, e, false));
	else
		add_ratio(line, "times_fewest", engines, e, ours(engines, e, true));
	if (e->table_bytes)
		json_object_set_new(line, "table_bytes", json_integer(e->table_bytes));
	json_object_set_new(line, "depth", json_real(depth(e->on)));
	set_seconds(line, "parse_s", e->parse_s);
	set_seconds(line, "compile_s", e->compile_s);
	set_seconds(line, "plan_s", e->plan_s);
	set_seconds(line, "commit_s", e->commit_s);
	json_object_set_new(line, "checked", json_integer(checked));
	bench_line(line, o->json);
}

static int measure(const struct options *o, struct classify **on, size_t lists, const struct vec *trace)
{
	enum { MIX, HOT_FLOWS, MANY_FLOWS, END, STREAMS };
	static const char *const streams[STREAMS] = { "mix", "hot", "flows", "end" };
	struct rule_packet *packet = xcalloc(PACKETS, sizeof(*packet));
	struct vec engines = VEC(struct classify_engine);
	struct contender **turns;
	long *checked;
	int err = 0;

	for (size_t i = 0; i < lists; i++) {
		make_packets(&on[i]->list, trace, packet);
		take_packets(on[i], packet);
		if (classify_xdp(on[i], &engines))
			err = 1;
		if (bench_wanted("linear_bpf") && classify_linear(on[i], &engines))
			err = 1;
		if ((bench_wanted("nftables") || bench_wanted("iptables")) &&
		    classify_netfilter(on[i], &engines))
			err = 1;
	}
	turns = xcalloc(engines.len, sizeof(*turns));
	checked = xcalloc(engines.len, sizeof(*checked));
	for (unsigned int s = MIX; s < STREAMS; s++) {
		for (size_t i = 0; s != MIX && i < lists; i++) {
			make_packets(&on[i]->list, trace, packet);
			if (s == END)
				make_end(on[i], packet);
			else
				make_flows(packet, s == HOT_FLOWS ? HOT : FLOWS);
			take_packets(on[i], packet);
		}
		for (size_t i = 0; i < engines.len; i++) {
			struct classify_engine *e = vec_at(&engines, i);

			turns[i] = &e->contender;
			if (e->fill)
				e->fill(e);
			checked[i] = e->check(e);
			if (checked[i] >= 0)
				continue;
			fprintf(stderr, "sluice-bench: %s with %zu rules answers otherwise than the "
				"list\n", e->contender.engine, e->rules);
			err = 1;
		}
		contenders_run(turns, engines.len, o->rounds);
		for (size_t i = 0; i < engines.len; i++) {
			struct classify_engine *e = vec_at(&engines, i);

			if (strcmp(e->contender.engine, "nothing"))
				report(o, &engines, e, streams[s], checked[i]);
		}
	}
	for (size_t i = 0; i < engines.len; i++) {
		struct classify_engine *e = vec_at(&engines, i);

		e->done(e);
		vec_free(&e->contender.samples);
	}
	free(turns);
	free(checked);
	free(packet);
	vec_free(&engines);
	return err;
}

/* "10,1000": into @counts, as far as there are rules. Return: how many; 0: not numbers. */
static size_t read_counts(const char *text, size_t rules, size_t counts[COUNTS_MAX])
{
	size_t n = 0;
	char *end;

	for (const char *p = text ? text : "10,100,1000,10000,100000"; n < COUNTS_MAX; p = end + 1) {
		size_t count = strtoul(p, &end, 10);

		if (end == p || !count || (*end && *end != ','))
			return 0;
		/* The last step is the whole file, if that is not much less. */
		if (count > rules && (text || count / 2 < rules))
			count = rules;
		if (count <= rules && (!n || counts[n - 1] < count))
			counts[n++] = count;
		if (!*end)
			break;
	}
	return n;
}

static int parse(int argc, char **argv, struct options *o)
{
	const struct bench_option table[] = {
		{ "rules", .text = &o->rules },
		{ "trace", .text = &o->trace },
		{ "counts", .text = &o->counts },
		{ "engines", .text = &bench_engines },
		{ "rounds", .number = &o->rounds, .most = 1000 },
		{ "json", .flag = &o->json },
		{ 0 },
	};
	int err = bench_options(argc, argv, table, usage);

	if (err)
		return err;
	if (!o->rules) {
		fprintf(stderr, "sluice-bench: classify wants --rules FILE\n%s", usage);
		return 2;
	}
	if (geteuid()) {
		fprintf(stderr, "sluice-bench: classify runs as root only: its contenders are in the kernel\n");
		return 1;
	}
	return 0;
}

int bench_classify(int argc, char **argv)
{
	struct options o = { .rounds = 9 };
	struct rule_list list = RULE_LIST;
	struct vec trace = VEC(struct rule_packet);
	struct classify *on[COUNTS_MAX];
	size_t counts[COUNTS_MAX], lists;
	struct source source = { 0 };
	struct text error = { 0 };
	int err = parse(argc, argv, &o);

	if (err)
		return err < 0 ? 0 : err;
	if (classbench_read(o.rules, &source, &list, &error) ||
	    (o.trace && classbench_read_trace(o.trace, &trace, &error))) {
		fprintf(stderr, "sluice-bench: %s\n", text_string(&error));
		err = 1;
		goto done;
	}
	lists = list.rules.len ? read_counts(o.counts, list.rules.len, counts) : 0;
	if (!lists) {
		fprintf(stderr, list.rules.len ? "sluice-bench: --counts wants numbers, least first: "
			"\"10,1000\"\n" : "sluice-bench: there is no rule in the file\n");
		err = 2;
		goto done;
	}
	for (size_t i = 0; i < lists; i++)
		on[i] = classify_new(&list, counts[i]);
	err = measure(&o, on, lists, &trace);
	for (size_t i = 0; i < lists; i++)
		classify_free(on[i]);
done:
	rule_list_free(&list);
	vec_free(&trace);
	text_free(&error);
	free(source.name);
	return err;
}
