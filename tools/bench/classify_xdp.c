// SPDX-License-Identifier: GPL-2.0
/*
 * classify_xdp.c: the rules as the text of a policy, compiled, staged and committed as the daemon
 * does it; and the stage of the data path, with the image's tables, on the stream of packets.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "analyse/behaviour.h"
#include "analyse/difference.h"
#include "bpf/microflow.h"
#include "compile/compile.h"
#include "datapath/constants.h"
#include "datapath/datapath.h"
#include "datapath/map.h"
#include "lpm/lpm.h"
#include "policy/parse.h"
#include "tools/bench/classify.h"
#include "tools/bench/classify.skel.h"
#include "tools/bench/options.h"
#include "tools/bench/router.h"

#define TURN	PACKETS
#define PLAN_SECONDS 30
#define TRIES	4u	/* runs of a turn */

struct xdp {
	struct classify_bpf *object;
	struct image *image;
	unsigned int users;		/* engines */
	double parse_s, compile_s, plan_s, commit_s, bytes;
};

double classify_run(int fd)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	double begin = bench_cpu();

	return bpf_prog_test_run_opts(fd, &opts) ? -1 : bench_cpu() - begin;
}

/* ---- from rules to an image ---------------------------------------------------------- */

static void write_test(struct text *out, const struct rule_test *t, unsigned int protocol)
{
	const char *l4 = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "l4";

	switch (t->field) {
	case RULES_PROTO:
		text_printf(out, " and ip.proto == %u", t->a);
		return;
	case RULES_SPORT:
	case RULES_DPORT:
		text_printf(out, " and %s.%s", l4, t->field == RULES_SPORT ? "src" : "dst");
		break;
	case RULES_TCP_FLAGS:
		text_printf(out, " and tcp.flags");
		break;
	default:
		text_printf(out, " and icmp.%s", t->field == RULES_ICMP_TYPE ? "type" : "code");
	}
	if (t->kind == RULE_MASK && t->field == RULES_TCP_FLAGS)
		text_printf(out, " & %u == %u", t->b, t->a);
	else if (t->kind == RULE_MASK || t->a == t->b)
		text_printf(out, " == %u", t->a);
	else
		text_printf(out, " in %u-%u", t->a, t->b);
}

/* The list as a policy: every rule allows, but for @dropped, and has the number that it has in the list. */
static void write_policy(const struct rule_list *list, size_t dropped, struct text *out)
{
	char prefix[PREFIX_STRLEN];

	text_printf(out, "port in0 = \"bench-none\";\nfilter in0 {\n");
	for (size_t i = 0; i < list->rules.len; i++) {
		const struct rule *r = *(struct rule **)vec_at(&list->rules, i);
		unsigned int protocol = 0;

		text_printf(out, i == dropped ? "drop if ip4" : "allow if ip4");
		for (unsigned int side = 0; side < 2; side++)
			if (r->prefix[side][0].len)
				text_printf(out, " and ip.%s in %s", side ? "dst" : "src",
					    prefix_format(&r->prefix[side][0], prefix));
		for (uint32_t t = 0; t < r->tests; t++)
			if (r->test[t].field == RULES_PROTO)
				protocol = r->test[t].a;
		for (uint32_t t = 0; t < r->tests; t++)
			write_test(out, &r->test[t], protocol);
		text_printf(out, ";\n");
	}
	text_printf(out, "}\n");
}

/* What "sluice plan" asks about a change: here one rule in the middle drops what it allowed. */
static double plan(const struct rule_list *list, const struct policy *before)
{
	struct difference found = { .classes = VEC(struct difference_class) };
	struct difference_options options = { .seconds = PLAN_SECONDS };
	const struct policy *policies[2] = { before };
	struct text source = { 0 }, why = { 0 };
	struct policy *after;
	struct behaviours b;
	struct diags diags;
	double begin, seconds = 0;
	int err;

	write_policy(list, list->rules.len / 2, &source);
	diags_init(&diags);
	after = policy_parse_text("after.sluice", text_string(&source), source.len, &diags);
	policies[1] = after;
	begin = bench_cpu();
	err = behaviours_init(&b, policies, 2, &diags);
	if (!err)
		err = behaviours_close(&b, NULL, 0, &diags);
	options.possible = &b.possible;
	if (!err)
		err = difference_find(&b.of[0].list, &b.of[1].list, &options, &found, &why);
	if (err)
		fprintf(stderr, "the change of a rule cannot be planned: %s\n", text_string(&why));
	else if (found.undecided)
		fprintf(stderr, "the change of a rule was not planned in %d s\n", PLAN_SECONDS);
	else
		seconds = bench_cpu() - begin;
	difference_free(&found);
	behaviours_free(&b);
	policy_free(after);
	diags_free(&diags);
	text_free(&source);
	text_free(&why);
	return seconds;
}

static int compile(struct xdp *x, const struct rule_list *list)
{
	struct text source = { 0 }, out = { 0 };
	struct numbering numbering;
	struct policy *policy;
	struct diags diags;
	int err = -EINVAL;
	double begin;

	write_policy(list, list->rules.len, &source);
	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	begin = bench_cpu();
	policy = policy_parse_text("bench.sluice", text_string(&source), source.len, &diags);
	x->parse_s = bench_cpu() - begin;
	begin = bench_cpu();
	if (!diags.errors)
		err = compile_policy(policy, &numbering, NULL, &x->image, &diags);
	x->compile_s = bench_cpu() - begin;
	if (!err)
		x->plan_s = plan(list, policy);
	if (err) {
		diags_print(&diags, &out, false);
		fputs(text_string(&out), stderr);
	} else {
		const struct image_filter *f = &x->image->filter;

		x->bytes = f->area_bytes;
		for (unsigned int side = 0; side < 2; side++)
			x->bytes += f->address[side][0] ? f->shape.address[side][0].bytes : 0;
	}
	policy_free(policy);
	numbering_free(&numbering);
	diags_free(&diags);
	text_free(&source);
	text_free(&out);
	return err;
}

/*
 * What a commit does: maps, tables, programs past the verifier, and the swap. The port's interface
 * is not there: nothing is attached.
 */
static int commit(struct xdp *x)
{
	struct generation *gen = NULL;
	struct datapath *dp = NULL;
	struct tables *tables = NULL;
	struct lpm_shape ip4, ip6;
	struct text why = { 0 };
	char folder[64];
	double begin;
	int err = bench_bpf_folder(folder, sizeof(folder));

	lpm_sizes(ADDR_V4, 1, &ip4);
	lpm_sizes(ADDR_V6, 1, &ip6);
	if (!err)
		err = datapath_open(folder, &dp, &why);
	if (!err)
		err = tables_new(dp, &ip4, &ip6, &tables, &why);
	begin = bench_now();
	if (!err)
		err = datapath_stage(dp, x->image, tables, 1, &gen, &why);
	if (!err)
		err = datapath_commit(dp, gen, true, &why);
	x->commit_s = bench_now() - begin;
	if (err)
		fprintf(stderr, "sluice-bench: %s\n", why.len ? text_string(&why) : strerror(-err));
	tables_free(tables);
	datapath_close(dp);
	datapath_remove_pinned(folder, &why);
	text_free(&why);
	return err;
}

/* ---- the stage alone -------------------------------------------------------------------- */

/* A map with @bytes of @memory, or of zeroes, in the place of section @name. */
static int fill_section(struct classify_bpf *o, const char *name, const void *memory, size_t bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *to;
	int err, fd;

	if (!bytes)
		return 0;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench", 4, bytes, 1, &opts);
	to = fd < 0 ? NULL : map_memory(fd, bytes);
	err = to ? 0 : -errno;
	if (!err) {
		if (memory)
			memcpy(to, memory, bytes);
		munmap(to, bytes);
		err = map_reuse(o->obj, name, fd);
	}
	if (fd >= 0)
		close(fd);
	return err;
}

static int load(struct xdp *x, struct classify *c)
{
	const struct image_filter *f = &x->image->filter;
	uint32_t cpus = libbpf_num_possible_cpus();
	struct classify_bpf *o = classify_bpf__open();
	int err;

	if (!o)
		return -errno;
	x->object = o;
	*(struct classify_shape *)&o->rodata->filter = f->shape;
	*(uint32_t *)&o->rodata->microflow_cpus = cpus;
	err = fill_section(o, ".data.rules", f->area, f->area_bytes);
	for (unsigned int side = 0; side < 2 && !err; side++)
		err = fill_section(o, side ? ".data.dst4" : ".data.src4", f->address[side][0],
				   f->shape.address[side][0].bytes);
	if (!err)
		err = fill_section(o, ".data.microflows", NULL, cpus * sizeof(struct microflows));
	if (!err)
		err = map_reuse(o->obj, ".data.packets", c->packets_fd);
	if (err)
		return err;
	/* As the data path's own. */
	constants_begin(o->obj);
	err = classify_bpf__load(o);
	constants_end();
	return err;
}

static double xdp_turn(struct contender *contender, unsigned int round)
{
	struct classify_engine *e = (struct classify_engine *)contender;
	struct xdp *x = e->its;
	double best = 0;

	(void)round;
	x->object->bss->turn.count = TURN;
	/*
	 * Once to have the caches; then the best of a few, by the clock on the wall: others' work
	 * makes no run shorter. A thread's own time does become less than it is, where a
	 * hypervisor's theft is taken off of it.
	 */
	for (unsigned int i = 0; i <= TRIES; i++) {
		double begin = bench_now(), seconds;

		if (classify_run(e->fd) < 0)
			return -1;
		seconds = bench_now() - begin;
		if (i == 1 || (i && seconds < best))
			best = seconds;
	}
	return best * 1e9 / TURN;
}

/* The address words of the stream, for the stage without the look-ups. */
static void xdp_fill(struct classify_engine *e)
{
	const struct image_filter *f = &((struct xdp *)e->its)->image->filter;

	if (strcmp(e->mode, "tables"))
		return;
	for (size_t i = 0; i < PACKETS; i++)
		for (unsigned int side = 0; side < 2; side++)
			e->on->packets->packet[i].word[side] = f->address[side][0] ?
				lpm_walk(&f->shape.address[side][0], f->address[side][0],
					 &e->on->packet[i].addr[side]) : f->shape.constant[side][0];
}

static long xdp_check(struct classify_engine *e)
{
	if (xdp_turn(&e->contender, 0) < 0)
		return -1;
	return !strcmp(e->contender.engine, "nothing") ? 0 : classify_check_answers(e->on, e->rules);
}

static void xdp_free(struct xdp *x)
{
	classify_bpf__destroy(x->object);
	image_free(x->image);
	free(x);
}

static void xdp_done(struct classify_engine *e)
{
	struct xdp *x = e->its;

	if (!--x->users)
		xdp_free(x);
}

static void add(struct xdp *x, struct classify *c, struct vec *engines, const char *name,
		const char *mode, const struct bpf_program *program)
{
	struct classify_engine *e = vec_push(engines);

	*e = (struct classify_engine){
		.contender = { .engine = name, .where = "xdp", .turn = xdp_turn },
		.on = c, .mode = mode, .path = "stage", .rules = c->list.rules.len, .parse_s = x->parse_s,
		.compile_s = x->compile_s, .plan_s = x->plan_s, .commit_s = x->commit_s, .table_bytes = x->bytes,
		.fill = xdp_fill, .check = xdp_check, .done = xdp_done,
		.fd = bpf_program__fd(program), .turn = TURN, .its = x,
	};
	x->users++;
}

int classify_xdp(struct classify *c, struct vec *engines)
{
	struct xdp *x = xcalloc(1, sizeof(*x));
	int err = compile(x, &c->list);

	if (!err)
		err = commit(x);
	if (!err) {
		err = load(x, c);
		if (err)
			fprintf(stderr, "sluice-bench: the stage does not load: %s\n", strerror(-err));
	}
	if (err) {
		xdp_free(x);
		return err;
	}
	add(x, c, engines, "nothing", "", x->object->progs.run_nothing);
	if (bench_wanted("sluice")) {
		add(x, c, engines, "sluice", "whole", x->object->progs.run_whole);
		add(x, c, engines, "sluice", "walk", x->object->progs.run_walk);
		add(x, c, engines, "sluice", "tables", x->object->progs.run_tables);
	}
	return 0;
}
