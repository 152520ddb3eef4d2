/* SPDX-License-Identifier: GPL-2.0 */
/*
 * classify.h: what the files of the classification benchmark share: a rule list, a stream of
 * packets, and who finds the first rule that matches.
 */
#ifndef SLUICE_BENCH_CLASSIFY_H
#define SLUICE_BENCH_CLASSIFY_H

#include "rules/rules.h"
#include "tools/bench/bench.h"
#include "tools/bench/classify_layout.h"

/* A list and the packets that are asked for. */
struct classify {
	struct rule_list list;		/* IPv4, one prefix a side */
	int packets_fd;			/* the map of the stream, struct bench_packets */
	struct bench_packets *packets;	/* its memory */
	struct rule_packet packet[PACKETS];	/* the same, as the list sees them */
	uint32_t first[PACKETS];	/* the list's answers */
};

/* Who takes part, on one list. */
struct classify_engine {
	struct contender contender;	/* first: turn() gets it */
	struct classify *on;
	const char *mode;		/* whole: with the address look-ups; tables: without */
	const char *path;		/* what is around it; "nothing" of the same path is taken off */
	size_t rules;			/* as many as it has: all, if it could */
	double parse_s, compile_s, plan_s, commit_s;	/* 0: there is no such thing */
	double table_bytes;		/* 0: not known */
	/* The stream is another one. NULL: nothing is to be done. */
	void (*fill)(struct classify_engine *e);
	/* Whether the answers are the list's. Return: how many packets were compared; -1: they differ. */
	long (*check)(struct classify_engine *e);
	void (*done)(struct classify_engine *e);
	int fd;				/* XDP: the program */
	uint32_t turn;			/* packets of a turn */
	void *its;
};

/** classify_answer() - the list's answer to packet @i, if it had but its first @rules rules. */
uint32_t classify_answer(const struct classify *c, size_t i, size_t rules);

/**
 * classify_check_answers() - whether the answers in the stream are those of the first @rules rules.
 * Return: how many packets; -1 if they are not, said.
 */
long classify_check_answers(const struct classify *c, size_t rules);

/*
 * Each appends its contenders to @engines, a vec of struct classify_engine, and one "nothing", whose
 * times are taken off. Return: 0; -errno, said.
 */
int classify_xdp(struct classify *c, struct vec *engines);
int classify_linear(struct classify *c, struct vec *engines);
int classify_netfilter(struct classify *c, struct vec *engines);

/** classify_run() - one test run of an XDP program. Return: its CPU time in seconds, less than 0: it failed. */
double classify_run(int fd);

#endif
