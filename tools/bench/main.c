// SPDX-License-Identifier: GPL-2.0
/*
 * sluice-bench: how fast, beside what others do in its place.
 */
#include <stdio.h>
#include <string.h>

#include "tools/bench/bench.h"

static const struct verb {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "lookup", "route look-ups inside XDP and natively", bench_lookup },
	{ "classify", "the first rule that matches, in lists of 10 to 100,000", bench_classify },
	{ "forward", "packets through a router, from veth to veth", bench_forward },
	{ "fanout", "one packet in, a copy out of many ports", bench_fanout },
	{ "measure", "flow measurement inside XDP; --accuracy: estimates beside NetFlow's", bench_measure },
	{ "store", "objects into the configuration's store, in the module or in sluiced", bench_store },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *out)
{
	fprintf(out,
"usage: sluice-bench VERB [--json] [OPTION...]\n"
"       sluice-bench all [--json]\n"
"\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].what);
	fprintf(out,
"\n"
"sluice-bench VERB --help says more. Contenders take turns in one run; a line is the\n"
"median and the spread over all rounds. With --json each line is one object:\n"
"\n"
"  bench             the verb\n"
"  engine            who: sluice, sluice_measure, linear_bpf, nftables, iptables, twin, lpm_trie,\n"
"                    fib_lookup, dir24_array, dir24_bss, rte_fib, rte_lpm, rte_fib6, rte_lpm6; kernel;\n"
"                    mirred, bridge, mroute,\n"
"                    bare_broadcast (a redirect and nothing else); percpu_hash,\n"
"                    lru_percpu_hash, netflow, off; libmnl (a bare round trip)\n"
"  where             xdp, native, veth (a router between veth pairs); module, socket (the store's\n"
"                    home), kernel\n"
"  operation         set (many objects a message), set_one (one a message), dump, status, getfamily\n"
"  objects           of one turn; ns are those of one object, or of one round trip\n"
"  family            4 or 6\n"
"  stream            prefix (uniform over prefixes), zipf (over 500,000 flows), worst (the\n"
"                    longest prefixes only); miss, held (flows), agh, mix (traffic); of classify: mix\n"
"                    (all packets different), hot, flows (64 and 4,096 flows), end (those that go\n"
"                    down the list furthest)\n"
"  depth             rules that are asked in turn for a packet of the stream, on average\n"
"  mode              independent (look-ups overlap), dependent (each waits for the one before);\n"
"                    whole, walk (nothing remembered), tables (nor addresses looked up)\n"
"  rules             of the list; rules_taken: the first so many, where it could not be all\n"
"  times_sluice_median, _min, _max   ns over those of sluice, whole, round by round\n"
"  times_fewest_median, _min, _max   ns over those with the fewest rules of the run\n"
"  table_bytes, parse_s, compile_s, plan_s, commit_s   of a rule list: tables or program; text to tree,\n"
"                    tree to tables, what a changed rule changes (CPU time); until it runs\n"
"  checked           packets whose rule was compared with the list's own answer\n"
"  legs              of a multicast group\n"
"  ns_median, ns_min, ns_max   nanoseconds an operation, the loop's own cost taken off\n"
"  length, flows     bytes of a frame; how many flows\n"
"  ns_per_copy       ns_median over the legs\n"
"  packets_per_s     from ns_median\n"
"  frames, lost      packets\n"
"  prefixes, bytes_per_prefix, build_s, update_ns   of a route table\n"
"  slots, memory_kB  of a flow memory; error_percent, recall_percent: of the true top 100 flows;\n"
"                    sampled_1_in: packets, NetFlow's best choice\n"
"\n"
"Fields that do not apply are left out. Exit code: 0, 1 something failed, 2 wrong usage.\n");
}

int main(int argc, char **argv)
{
	int err = 0;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("sluice-bench %s\n", SLUICE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
		if (!strcmp(argv[1], "all"))
			err |= verbs[i].run(argc - 1, argv + 1);
	}
	if (!strcmp(argv[1], "all"))
		return err;
	fprintf(stderr, "sluice-bench: there is no benchmark \"%s\"; sluice-bench --help lists them\n",
		argv[1]);
	return 2;
}
