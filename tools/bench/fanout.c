// SPDX-License-Identifier: GPL-2.0
/*
 * fanout.c: what it costs to send one packet to many ports: sluice (look-up, rewrite and
 * count of each copy), the barest broadcast redirect, tc's mirred, a flooding bridge, and
 * the kernel's multicast routing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/mroute.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/bench/bench.h"
#include "tools/bench/options.h"
#include "tools/bench/router.h"
#include "tools/bench/wire.h"

#define GROUP	"233.54.12.1"
#define SOURCE	"10.9.0.7"
#define MIRRED_MAX 32	/* actions that a tc filter takes */

struct fan {
	struct contender contender;
	const char *engine;
	int (*set_up)(struct fan *f);
	unsigned int legs, frames;
	uint64_t lost;
	struct wire *wire;
	struct router *router;
	int mroute;			/* socket; -1: none */
};

static double turn(struct contender *c, unsigned int round)
{
	struct fan *f = c->its;

	(void)round;
	return wire_pump(f->wire, f->frames, f->legs, &f->lost);
}

/* ---- contenders ---------------------------------------------------------------------- */

static int set_up_sluice(struct fan *f)
{
	struct text policy = { 0 };
	int err;

	text_printf(&policy, "port wan = \"in\";\n");
	for (unsigned int i = 0; i < f->legs; i++)
		text_printf(&policy, "port out%u = \"out%u\";\n", i, i);
	text_printf(&policy, "multicast { (" SOURCE ", " GROUP ") from wan to ");
	for (unsigned int i = 0; i < f->legs; i++)
		text_printf(&policy, "%sout%u", i ? ", " : "", i);
	text_printf(&policy, "; }\n");
	err = router_new(f->wire, f->legs, text_string(&policy), NULL, 0, &f->router);
	text_free(&policy);
	return err;
}

static int set_up_bare(struct fan *f)
{
	return wire_attach(f->wire, "bare_broadcast");
}

static int set_up_mirred(struct fan *f)
{
	struct text tc = { 0 };
	int err;

	text_printf(&tc, "qdisc add dev in clsact");
	for (unsigned int i = 0; i < f->legs; i++) {
		bool last = i + 1 == f->legs, full = i % MIRRED_MAX == MIRRED_MAX - 1;

		if (i % MIRRED_MAX == 0)
			text_printf(&tc, "\nfilter add dev in ingress protocol ip prio %u u32 match u32 0 0",
				    i / MIRRED_MAX + 1);
		text_printf(&tc, " action mirred egress %s dev out%u %s", last ? "redirect" : "mirror", i,
			    last ? "" : full ? "continue" : "pipe");
	}
	text_printf(&tc, "\n");
	err = wire_run(f->wire, "tc", text_string(&tc));
	text_free(&tc);
	return err;
}

static int set_up_bridge(struct fan *f)
{
	struct text ip = { 0 };
	int err;

	text_printf(&ip, "link add br0 type bridge mcast_snooping 0 stp_state 0\n"
		    "link set br0 up\nlink set in master br0\n");
	for (unsigned int i = 0; i < f->legs; i++)
		text_printf(&ip, "link set out%u master br0\n", i);
	err = wire_run(f->wire, "ip", text_string(&ip));
	text_free(&ip);
	return err;
}

static int add_vif(int s, unsigned int n, uint32_t ifindex)
{
	struct vifctl v = { .vifc_vifi = n, .vifc_flags = VIFF_USE_IFINDEX, .vifc_threshold = 1,
			    .vifc_lcl_ifindex = ifindex };

	return setsockopt(s, IPPROTO_IP, MRT_ADD_VIF, &v, sizeof(v)) ? -errno : 0;
}

static int set_up_mroute(struct fan *f)
{
	struct mfcctl m = { .mfcc_parent = 0 };
	int one = 1, err;

	if (f->legs > MAXVIFS - 1)
		return -E2BIG;
	wire_enter(f->wire);
	f->mroute = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_IGMP);
	err = f->mroute < 0 ? -errno : 0;
	if (!err && setsockopt(f->mroute, IPPROTO_IP, MRT_INIT, &one, sizeof(one)))
		err = -errno;
	if (!err)
		err = add_vif(f->mroute, 0, wire_in(f->wire));
	for (unsigned int i = 0; !err && i < f->legs; i++) {
		err = add_vif(f->mroute, i + 1, wire_out(f->wire, i));
		m.mfcc_ttls[i + 1] = 1;
	}
	inet_pton(AF_INET, SOURCE, &m.mfcc_origin);
	inet_pton(AF_INET, GROUP, &m.mfcc_mcastgrp);
	if (!err && setsockopt(f->mroute, IPPROTO_IP, MRT_ADD_MFC, &m, sizeof(m)))
		err = -errno;
	wire_leave();
	return err;
}

static const struct {
	const char *engine;
	int (*set_up)(struct fan *f);
} engines[] = {
	{ "sluice", set_up_sluice },
	{ "bare_broadcast", set_up_bare },
	{ "mirred", set_up_mirred },
	{ "bridge", set_up_bridge },
	{ "mroute", set_up_mroute },
};

#define ENGINES (sizeof(engines) / sizeof(*engines))

static int open_fan(struct fan *f, unsigned int n, unsigned int legs, unsigned int frames)
{
	uint32_t group;
	int err;

	*f = (struct fan){ .engine = engines[n].engine, .set_up = engines[n].set_up, .legs = legs,
			   .frames = frames, .mroute = -1 };
	f->contender = (struct contender){ .engine = f->engine, .where = "veth", .turn = turn,
					   .its = f };
	err = wire_new(legs, &f->wire);
	if (err)
		return err;
	inet_pton(AF_INET, GROUP, &group);
	err = wire_aim(f->wire, &group, 1, 64);
	return err ? err : f->set_up(f);
}

static void close_fan(struct fan *f)
{
	router_free(f->router);
	if (f->mroute >= 0)
		close(f->mroute);
	wire_free(f->wire);
}

/* ---- the verb -------------------------------------------------------------------------- */

static void report(const struct fan *f, unsigned int rounds, bool as_json)
{
	struct spread ns = contender_spread(&f->contender);
	json_t *line = json_pack("{ss ss ss si}", "bench", "fanout", "engine", f->engine, "where",
				 f->contender.where, "legs", f->legs);

	bench_spread(line, &ns);
	json_object_set_new(line, "ns_per_copy", json_real(ns.median / f->legs));
	json_object_set_new(line, "lost", json_integer(f->lost));
	json_object_set_new(line, "frames", json_integer((json_int_t)f->frames * (rounds + 1)));
	bench_line(line, as_json);
}

static int run_legs(unsigned int legs, unsigned int rounds, unsigned int frames, bool as_json)
{
	struct fan fans[ENGINES];
	struct contender *turns[ENGINES];
	size_t n = 0;
	int err = 0;

	for (unsigned int i = 0; !err && i < ENGINES; i++) {
		err = open_fan(&fans[n], i, legs, frames);
		if (err == -E2BIG) {
			fprintf(stderr, "sluice-bench: %s takes no %u legs\n", engines[i].engine, legs);
			close_fan(&fans[n]);
			err = 0;
			continue;
		}
		if (err)
			fprintf(stderr, "sluice-bench: %s with %u legs: %s\n", engines[i].engine, legs,
				strerror(-err));
		turns[n] = &fans[n].contender;
		n++;
	}
	for (size_t i = 0; !err && i < n; i++)
		turn(turns[i], 0);	/* caches, neighbours, JIT: warm */
	if (!err)
		contenders_run(turns, n, rounds);
	for (size_t i = 0; i < n; i++) {
		if (!err)
			report(&fans[i], rounds, as_json);
		close_fan(&fans[i]);
	}
	return err;
}

static const char usage[] =
"usage: sluice-bench fanout [--json] [--legs N[,N...]] [--rounds N] [--frames N]\n"
"\n"
"One 64-byte packet in, a copy out of each of N ports, over veth, all on one CPU; receivers are XDP\n"
"programs that count and drop. --legs 1,2,4,16,64; --rounds 11; --frames 20000 a turn.\n";

int bench_fanout(int argc, char **argv)
{
	unsigned int rounds = 11, frames = 20000;
	const char *legs = "1,2,4,16,64";
	bool as_json = false;
	const struct bench_option table[] = {
		{ "legs", .text = &legs },
		{ "rounds", .number = &rounds, .most = 1000 },
		{ "frames", .number = &frames, .most = 10000000 },
		{ "json", .flag = &as_json },
		{ 0 },
	};
	int err = bench_options(argc, argv, table, usage);

	if (err)
		return err < 0 ? 0 : err;
	while (!err && *legs) {
		char *end;
		unsigned long n = strtoul(legs, &end, 10);

		if (end == legs || !n || n > WIRE_OUTS_MAX || (*end && *end != ',')) {
			fprintf(stderr, "sluice-bench: --legs wants numbers from 1 to %d\n",
				WIRE_OUTS_MAX);
			return 2;
		}
		err = run_legs(n, rounds, frames, as_json);
		legs = *end ? end + 1 : end;
	}
	return err ? 1 : 0;
}
