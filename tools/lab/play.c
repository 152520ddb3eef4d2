// SPDX-License-Identifier: GPL-2.0
/*
 * play.c: "sluice-lab play": recorded updates, into the kernel's table in their own time or faster, and
 * on the way: are the data path's answers the kernel's, and how long does a change take to get there?
 *
 * The recorded next hops are not of this network: each becomes one of the given ones of its prefix's family,
 * by its number in the file. Who said what is not kept: what is announced replaces what was.
 *
 * Checkpoints lie evenly among the changes. At one the play stops: the change itself is timed, if
 * the answer for the first address of its prefix differs before and after; then addresses of prefixes that
 * changed since the last checkpoint, and of others before, are asked for (agree.h).
 *
 * What is timed begins where this process has read the kernel's notification of the change from a
 * socket of its own, and ends where a test run of the attached program first gives the new answer: the
 * daemon's wake-up, what waits in its queue before this change, and its work lie between.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "agree.h"
#include "base/vec.h"
#include "kernel.h"
#include "lab.h"
#include "lpm/rib.h"
#include "verbs.h"

#define SETTLE_LIMIT	120.0	/* seconds for what is loaded first */
#define LATENCY_LIMIT	5.0	/* seconds to wait for one change */

struct play {
	/* what is asked for */
	const char *path, *base, *interface;
	double speed;			/* times the recorded; 0: as fast as it goes */
	unsigned long checkpoints, samples;
	unsigned int patience_ms;
	struct vec via[2];		/* of struct addr: IPv4, IPv6 */
	/* what is played */
	struct vec routes, changes;
	/* what it is played to */
	struct kernel *kernel;
	struct agree *agree;		/* NULL: nothing is compared */
	int heard;			/* socket of notifications */
	/* what came of it */
	unsigned long announced, withdrawn, absent, passed_over, refused, reached;
	long notifications;
	double behind;			/* the most, without what checkpoints took */
	struct vec latency;		/* of double: seconds */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* Return: NULL where no next hop of this family is given. */
static const struct addr *via_for(const struct play *p, const struct prefix *prefix, uint32_t nexthop)
{
	const struct vec *list = &p->via[prefix->addr.family == ADDR_V6];

	return list->len ? vec_at(list, nexthop % list->len) : NULL;
}

static void enter(struct play *p, const struct prefix *prefix, bool withdrawn, uint32_t nexthop)
{
	const struct addr *via = via_for(p, prefix, nexthop);
	char text[PREFIX_STRLEN];
	int err;

	if (!via) {
		p->passed_over++;
		return;
	}
	err = kernel_change(p->kernel, prefix, withdrawn ? NULL : via);
	if (withdrawn && err == -ESRCH) {
		p->absent++;
	} else if (err) {
		if (!p->refused++)
			lab_error("%s: %s", prefix_format(prefix, text), strerror(-err));
	} else if (withdrawn) {
		p->withdrawn++;
	} else {
		p->announced++;
	}
}

static void hear(struct play *p)
{
	int n = kernel_heard(p->heard);

	if (n >= 0)
		p->notifications += n;
}

/* Changes are entered one by one, but for what is due. Return: seconds that it took to get there. */
static void wait_until(struct play *p, double due)
{
	double t;

	while (!stopped && (t = now()) < due) {
		double wait = due - t;

		hear(p);
		nanosleep(&(struct timespec){ (time_t)wait, (wait - (time_t)wait) * 1e9 }, NULL);
	}
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* Enters the change, and waits for it to be in the data path. */
static void time_change(struct play *p, const struct rib_change *c)
{
	const struct addr *to = &c->prefix.addr;
	double began, t;

	agree_probe(p->agree, to);
	enter(p, &c->prefix, c->withdrawn, c->nexthop);
	hear(p);
	began = now();
	if (agree_reference(p->agree, to))
		return;		/* it made no difference for this address */
	while (!agree_probe(p->agree, to))
		if (now() - began > LATENCY_LIMIT)
			return;	/* agree_ask() says what is wrong */
	t = now() - began;
	vec_append(&p->latency, &t);
}

static void ask_around(struct play *p, size_t at)
{
	static uint64_t state = 1;

	for (unsigned long i = 0; i < p->samples; i++) {
		const struct rib_change *c;
		size_t back;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		/* Half of them among the last thousand changes. */
		back = (state >> 33) % (i & 1 || at < 1000 ? at + 1 : 1000);
		c = vec_at(&p->changes, at - back);
		if (agree_can(p->agree, c->prefix.addr.family))
			agree_ask(p->agree, &c->prefix.addr);
	}
}

static void checkpoint(struct play *p, size_t at)
{
	const struct rib_change *c = vec_at(&p->changes, at);

	p->reached++;
	if (agree_can(p->agree, c->prefix.addr.family)) {
		time_change(p, c);
		agree_ask(p->agree, &c->prefix.addr);
	} else {
		enter(p, &c->prefix, c->withdrawn, c->nexthop);
	}
	ask_around(p, at);
}

/* ---- the play ------------------------------------------------------------------------------- */

static void load(struct play *p)
{
	for (size_t i = 0; i < p->routes.len && !stopped; i++) {
		const struct rib_route *r = vec_at(&p->routes, i);

		enter(p, &r->prefix, false, r->nexthop);
		if (!(i & 255))
			hear(p);
	}
}

/* Waits until the last of the base is in the data path: what is in its queue is not the updates' doing. */
static void settle(struct play *p)
{
	double began = now();

	if (!p->agree || !p->routes.len)
		return;
	for (size_t i = 0, n = p->routes.len; i < 3 && i < n; i++) {
		const struct addr *to = &((struct rib_route *)vec_at(&p->routes, n - 1 - i * (n / 3)))->prefix.addr;

		if (!agree_can(p->agree, to->family))
			continue;
		while (!stopped && now() - began < SETTLE_LIMIT &&
		       (agree_probe(p->agree, to), !agree_reference(p->agree, to)))
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

static void run(struct play *p)
{
	size_t n = p->changes.len, next = 0;
	double began = now();
	uint64_t first = n ? ((struct rib_change *)p->changes.data)->time_us : 0;

	for (size_t i = 0; i < n && !stopped; i++) {
		const struct rib_change *c = vec_at(&p->changes, i);
		double due = began + (p->speed > 0 && c->time_us > first ?
				      (c->time_us - first) / 1e6 / p->speed : 0), t = now();

		if (due > t)
			wait_until(p, due);
		else if (p->speed > 0 && t - due > p->behind)
			p->behind = t - due;
		if (p->agree && p->checkpoints && i >= next) {
			checkpoint(p, i);
			next = p->reached * n / p->checkpoints;
			began += now() - (due > t ? due : t);	/* the play goes on where it stopped */
		} else {
			enter(p, &c->prefix, c->withdrawn, c->nexthop);
			if (!(i & 255))
				hear(p);
		}
	}
	hear(p);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* @share: 0 .. 1. Return: microseconds. */
static double quantile(const struct vec *sorted, double share)
{
	size_t at = share * sorted->len;

	if (!sorted->len)
		return 0;
	return *(double *)vec_at(sorted, at < sorted->len ? at : sorted->len - 1) * 1e6;
}

static void report(struct play *p, double load_s, double play_s)
{
	json_t *o = json_pack("{sI sI sI sI sI sI sI sI sf sf sf}", "base", (json_int_t)p->routes.len, "changes",
			      (json_int_t)p->changes.len, "announced", (json_int_t)p->announced, "withdrawn",
			      (json_int_t)p->withdrawn, "absent", (json_int_t)p->absent, "passed_over",
			      (json_int_t)p->passed_over, "refused", (json_int_t)p->refused, "notifications",
			      (json_int_t)p->notifications, "load_s", load_s, "play_s", play_s, "behind_s",
			      p->behind);

	if (p->agree) {
		qsort(p->latency.data, p->latency.len, sizeof(double), by_value);
		json_object_set_new(o, "checkpoints", json_integer(p->reached));
		agree_report(p->agree, o);
		json_object_set_new(o, "latency_us", json_pack("{sI sf sf sf}", "samples",
			(json_int_t)p->latency.len, "median", quantile(&p->latency, 0.5), "p99",
			quantile(&p->latency, 0.99), "max", quantile(&p->latency, 1)));
		fputs(agree_wrongs(p->agree), stderr);
	}
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

/* ---- options ------------------------------------------------------------------------------- */

static bool parse_via(struct play *p, char *list)
{
	char *rest, *one;

	for (one = strtok_r(list, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		struct addr a;

		if (addr_parse(one, &a)) {
			lab_error("-v: \"%s\" is not an address", one);
			return false;
		}
		vec_append(&p->via[a.family == ADDR_V6], &a);
	}
	return true;
}

static int read_files(struct play *p)
{
	struct text error = { 0 };
	struct rib_file file;
	int err = 0;

	rib_file_init(&file);
	if (p->base)
		err = rib_read_file(p->base, &p->routes, &file, &error);
	if (!err && p->path) {
		rib_file_free(&file);
		rib_file_init(&file);
		err = rib_read_changes(p->path, &p->changes, &file, &error);
	}
	if (err)
		lab_error("%s", text_string(&error));
	else if (file.malformed)
		lab_error("%zu records make no sense:\n%s", file.malformed, text_string(&file.notes));
	rib_file_free(&file);
	text_free(&error);
	return err;
}

static int open_sockets(struct play *p)
{
	struct text why = { 0 };
	int err = kernel_open(&p->kernel);

	if (!err)
		p->heard = err = kernel_listen();
	if (err < 0)
		text_printf(&why, "rtnetlink: %s", strerror(-err));
	else
		err = p->interface ? agree_open(&p->agree, p->interface, p->patience_ms, &why) : 0;
	if (err)
		lab_error("%s", text_string(&why));
	text_free(&why);
	return err;
}

static int play(struct play *p)
{
	double began, loaded;

	if (read_files(p) || open_sockets(p))
		return 1;
	began = now();
	load(p);
	loaded = now() - began;
	settle(p);
	began = now();
	run(p);
	report(p, loaded, now() - began);
	return p->refused || (p->agree && agree_counts(p->agree)->wrong) ? 1 : 0;
}

int verb_play(int argc, char **argv)
{
	struct play p = {
		.via = { VEC(struct addr), VEC(struct addr) }, .routes = VEC(struct rib_route),
		.changes = VEC(struct rib_change), .latency = VEC(double), .speed = 1, .heard = -1,
		.checkpoints = 1000, .samples = 100, .patience_ms = 1000,
	};
	int option, code;

	argv--, argc++;	/* getopt wants a name first */
	optind = 1;
	while ((option = getopt(argc, argv, "b:c:i:n:v:w:x:")) != -1) {
		switch (option) {
		case 'b': p.base = optarg; break;
		case 'c': p.checkpoints = strtoul(optarg, NULL, 10); break;
		case 'i': p.interface = optarg; break;
		case 'n': p.samples = strtoul(optarg, NULL, 10); break;
		case 'v': if (!parse_via(&p, optarg)) return 2; break;
		case 'w': p.patience_ms = strtod(optarg, NULL) * 1000; break;
		case 'x': p.speed = strtod(optarg, NULL); break;
		default: return USAGE;
		}
	}
	p.path = optind < argc ? argv[optind++] : NULL;
	if (optind < argc || (!p.path && !p.base) || (!p.via[0].len && !p.via[1].len))
		return USAGE;
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	code = play(&p);
	agree_close(p.agree);
	kernel_close(p.kernel);
	if (p.heard >= 0)
		close(p.heard);
	for (int i = 0; i < 2; i++)
		vec_free(&p.via[i]);
	vec_free(&p.routes);
	vec_free(&p.changes);
	vec_free(&p.latency);
	return code;
}
