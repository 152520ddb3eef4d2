// SPDX-License-Identifier: GPL-2.0
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quantity.h"
#include "base/vec.h"

enum { RUN_DIR = 256, STATE_DIR, POLICY, TABLE_BUDGET, WITNESS_TIME, PROVE_TIME, VERDICT_TIME, DETACH, REMOVE };

static const struct option long_options[] = {
	{ "netns",	required_argument, NULL, 'n' },
	{ "run-dir",	required_argument, NULL, RUN_DIR },
	{ "state-dir",	required_argument, NULL, STATE_DIR },
	{ "policy",	required_argument, NULL, POLICY },
	{ "table-budget", required_argument, NULL, TABLE_BUDGET },
	{ "witness-time", required_argument, NULL, WITNESS_TIME },
	{ "prove-time", required_argument, NULL, PROVE_TIME },
	{ "verdict-time", required_argument, NULL, VERDICT_TIME },	/* for tests: who has a use for it? */
	{ "detach",	no_argument, NULL, DETACH },
	{ "remove",	no_argument, NULL, REMOVE },
	{ "verbose",	no_argument, NULL, 'v' },
	{ "version",	no_argument, NULL, 'V' },
	{ "help",	no_argument, NULL, 'h' },
	{ 0 },
};

static void print_help(FILE *out)
{
	fputs("usage: sluiced [-vVh] [-n NETNS] [--run-dir DIR] [--state-dir DIR]\n"
	      "               [--policy FILE]... [--table-budget SIZE] [--witness-time TIME]\n"
	      "               [--prove-time TIME] [--detach | --remove]\n"
	      "  -n, --netns NAME   work in this network namespace (`ip netns` lists them)\n"
	      "  --run-dir DIR      in place of /run/sluice; -n adds /netns/NAME\n"
	      "  --state-dir DIR    keep the configuration there, where a boot leaves it\n"
	      "  --policy FILE      the policy to begin with, where none is kept; SIGHUP reads it again\n"
	      "  --table-budget SIZE  of the tables of all filters at most, as 256MB (64MB)\n"
	      "  --witness-time TIME  for the packets that each commit is tried with, at most\n"
	      "  --prove-time TIME  for the proof of what a policy asserts at most (10s)\n"
	      "  --detach           take the data path down at the end, in place of leaving it running\n"
	      "  --remove           take down what is pinned, whoever left it there, and end\n"
	      "  -v, --verbose      say more on standard error\n"
	      "  -V, --version\n"
	      "  -h, --help\n"
	      "It stays in the foreground. man sluiced says the rest.\n", out);
}

static int wrong(const char *sentence, const char *word)
{
	fprintf(stderr, "sluiced: ");
	fprintf(stderr, sentence, word);
	fputc('\n', stderr);
	print_help(stderr);
	return 2;
}

static int take_size(const char *word, size_t *size)
{
	struct quantity q;
	uint64_t bytes;

	if (quantity_parse(word, &q) || quantity_size(&q, &bytes) || bytes < TABLE_BUDGET_MIN ||
	    bytes > TABLE_BUDGET_MAX)
		return -EINVAL;
	*size = bytes;
	return 0;
}

static int take_time(const char *word, unsigned int *time_ms)
{
	struct quantity q;
	uint64_t ms;

	if (quantity_parse(word, &q) || quantity_duration(&q, &ms) || ms < 1 || ms > 60000)
		return -EINVAL;
	*time_ms = ms;
	return 0;
}

int options_read(struct options *o, int argc, char **argv)
{
	int letter;

	*o = (struct options){ .policies = xcalloc(argc, sizeof(*o->policies)) };
	while ((letter = getopt_long(argc, argv, "n:vVh", long_options, NULL)) != -1) {
		switch (letter) {
		case 'n':
			o->netns = optarg;
			break;
		case RUN_DIR:
			o->run_dir = optarg;
			break;
		case STATE_DIR:
			o->state_dir = optarg;
			break;
		case POLICY:
			o->policies[o->policy_count++] = optarg;
			break;
		case TABLE_BUDGET:
			if (take_size(optarg, &o->table_budget))
				return wrong("\"%s\" is not a size, such as 256MB: at least 1MB, less than 1GB",
					     optarg);
			break;
		case WITNESS_TIME:
			if (take_time(optarg, &o->witness_ms))
				return wrong("\"%s\" is not a time, such as 500ms: 1ms to 1m", optarg);
			break;
		case PROVE_TIME:
			if (take_time(optarg, &o->prove_ms))
				return wrong("\"%s\" is not a time, such as 10s: 1ms to 1m", optarg);
			break;
		case VERDICT_TIME:
			if (take_time(optarg, &o->verdict_ms))
				return wrong("\"%s\" is not a time, such as 10s: 1ms to 1m", optarg);
			break;
		case DETACH:
			o->detach = true;
			break;
		case REMOVE:
			o->remove = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("sluiced " SLUICE_VERSION);
			return 0;
		case 'h':
			print_help(stdout);
			return 0;
		default:
			print_help(stderr);	/* getopt has said what is wrong */
			return 2;
		}
	}
	if (optind < argc)
		return wrong("\"%s\" is too much", argv[optind]);
	if (o->remove && (o->detach || o->policy_count))
		return wrong("%s takes the data path down, and nothing else", "--remove");
	if (!o->run_dir)
		o->run_dir = getenv("SLUICE_RUN_DIR");
	if (!o->state_dir)
		o->state_dir = getenv("STATE_DIRECTORY");	/* systemd.exec(5) */
	return -1;
}
