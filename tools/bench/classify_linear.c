// SPDX-License-Identifier: GPL-2.0
/*
 * classify_linear.c: a rule list as straight code: the program that one would write by hand, made
 * at run time as bytecode. Rule after rule: each test that fails jumps to the next rule, the last
 * that holds returns the rule's number.
 *
 *	run:	bpf_loop(PACKETS, each)
 *	each:	answer[i] = match(&packet[i])
 *	match:	the rules
 *
 * The verifier follows every way through it: it holds what is left to follow in a stack of 8192
 * jumps, of which each rule leaves one less than it has tests. Of a list that is too much for it,
 * the longest beginning that it takes is measured, and said to be that.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "tools/bench/classify.h"

#define TURN_MAX	0.1	/* seconds */
#define FEW		16u	/* packets of a turn at least */

/* Registers of match(): w0 is free. */
enum { PACKET = 1, SOURCE = 2, DESTINATION = 3, SPORT = 4, DPORT = 5, PROTO = 6, FLAGS = 7 };

struct code {
	struct vec insns;		/* of struct bpf_insn */
};

static void put(struct code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn insn = { .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };

	vec_append(&c->insns, &insn);
}

static void load_field(struct code *c, unsigned int reg, enum rules_field field)
{
	put(c, BPF_LDX | BPF_MEM | BPF_H, reg, PACKET,
	    offsetof(struct bench_packet, field) + sizeof(uint16_t) * field, 0);
}

/* Jumps to the next rule are mended when it is known where that begins. */
static void jump(struct code *c, uint8_t condition, unsigned int reg, uint32_t value)
{
	put(c, BPF_JMP32 | condition | BPF_K, reg, 0, 0, value);
}

static void test_prefix(struct code *c, unsigned int reg, const struct prefix *p)
{
	uint32_t number = addr_v4_number(&p->addr);

	if (!p->len)
		return;
	if (p->len < 32) {
		put(c, BPF_ALU | BPF_MOV | BPF_X, 0, reg, 0, 0);
		put(c, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 0, 32 - p->len);
		reg = 0;
		number >>= 32 - p->len;
	}
	jump(c, BPF_JNE, reg, number);
}

static void test_field(struct code *c, const struct rule_test *t)
{
	unsigned int reg = t->field == RULES_SPORT ? SPORT : t->field == RULES_DPORT ? DPORT :
			   t->field == RULES_PROTO ? PROTO : t->field == RULES_TCP_FLAGS ? FLAGS : 0;

	if (!reg)
		load_field(c, 0, t->field);
	if (t->kind == RULE_RANGE && t->a == t->b) {
		jump(c, BPF_JNE, reg, t->a);
		return;
	}
	if (reg)
		put(c, BPF_ALU | BPF_MOV | BPF_X, 0, reg, 0, 0);
	if (t->kind == RULE_MASK) {
		put(c, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, t->b);
		jump(c, BPF_JNE, 0, t->a);
	} else {
		put(c, BPF_ALU | BPF_SUB | BPF_K, 0, 0, 0, t->a);
		jump(c, BPF_JGT, 0, t->b - t->a);
	}
}

static void match_rule(struct code *c, const struct rule *rule, uint32_t number)
{
	size_t first = c->insns.len;

	test_prefix(c, SOURCE, &rule->prefix[0][0]);
	test_prefix(c, DESTINATION, &rule->prefix[1][0]);
	for (uint32_t i = 0; i < rule->tests; i++)
		test_field(c, &rule->test[i]);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, number);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = first; i < c->insns.len; i++) {
		struct bpf_insn *insn = vec_at(&c->insns, i);

		if (BPF_CLASS(insn->code) == BPF_JMP32)
			insn->off = c->insns.len - i - 1;
	}
}

/* Puts the program together. @start: where its functions begin. */
static void make_code(struct code *c, const struct classify *on, size_t rules, uint32_t start[3])
{
	/* run */
	start[0] = c->insns.len;
	put(c, BPF_ALU | BPF_MOV | BPF_K, 1, 0, 0, 0);		/* mended: packets */
	put(c, BPF_LD | BPF_IMM | BPF_DW, 2, BPF_PSEUDO_FUNC, 0, 6);
	put(c, 0, 0, 0, 0, 0);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 3, 0, 0, 0);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 4, 0, 0, 0);
	put(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_loop);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 1);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	/* each */
	start[1] = c->insns.len;
	put(c, BPF_ALU | BPF_MOV | BPF_X, 6, 1, 0, 0);
	put(c, BPF_ALU | BPF_AND | BPF_K, 6, 0, 0, PACKETS - 1);
	put(c, BPF_LD | BPF_IMM | BPF_DW, 7, BPF_PSEUDO_MAP_VALUE, 0, on->packets_fd);
	put(c, 0, 0, 0, 0, 0);
	put(c, BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
	put(c, BPF_ALU64 | BPF_LSH | BPF_K, 1, 0, 0, __builtin_ctz(sizeof(struct bench_packet)));
	put(c, BPF_ALU64 | BPF_ADD | BPF_X, 1, 7, 0, 0);
	put(c, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 6);
	put(c, BPF_ALU64 | BPF_LSH | BPF_K, 6, 0, 0, 2);
	put(c, BPF_ALU64 | BPF_ADD | BPF_X, 7, 6, 0, 0);
	put(c, BPF_ALU64 | BPF_ADD | BPF_K, 7, 0, 0, offsetof(struct bench_packets, answer));
	put(c, BPF_STX | BPF_MEM | BPF_W, 7, 0, 0, 0);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, 0);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	/* match */
	start[2] = c->insns.len;
	put(c, BPF_LDX | BPF_MEM | BPF_W, SOURCE, PACKET, offsetof(struct bench_packet, addr), 0);
	put(c, BPF_LDX | BPF_MEM | BPF_W, DESTINATION, PACKET,
	    offsetof(struct bench_packet, addr) + sizeof(uint32_t), 0);
	load_field(c, SPORT, RULES_SPORT);
	load_field(c, DPORT, RULES_DPORT);
	load_field(c, PROTO, RULES_PROTO);
	load_field(c, FLAGS, RULES_TCP_FLAGS);
	for (size_t i = 0; i < rules; i++)
		match_rule(c, *(struct rule **)vec_at(&on->list.rules, i), i);
	put(c, BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, RULES_NONE);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* bpf_loop() takes functions that BTF knows only. */
static int make_btf(uint32_t type[3])
{
	static const char *const names[] = { "run", "each", "match" };
	struct btf *btf = btf__new_empty();
	int fd = -1, number, proto;

	if (!btf)
		return -ENOMEM;
	number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	proto = btf__add_func_proto(btf, number);
	for (unsigned int i = 0; i < 3; i++)
		type[i] = btf__add_func(btf, names[i], i ? BTF_FUNC_STATIC : BTF_FUNC_GLOBAL, proto);
	if (!btf__load_into_kernel(btf))
		fd = dup(btf__fd(btf));
	btf__free(btf);
	return fd < 0 ? -errno : fd;
}

struct linear {
	size_t rules;
	double compile_s, commit_s;
};

/* The first @rules rules, for runs of @packets. Return: a program, or -errno. */
static int load(const struct classify *c, size_t rules, uint32_t packets, struct linear *l)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct code code = { VEC(struct bpf_insn) };
	struct bpf_func_info info[3];
	uint32_t start[3], type[3];
	double begin = bench_now();
	int fd, btf = make_btf(type);

	if (btf < 0)
		return btf;
	make_code(&code, c, rules, start);
	((struct bpf_insn *)code.insns.data)->imm = packets;
	for (unsigned int i = 0; i < 3; i++)
		info[i] = (struct bpf_func_info){ start[i], type[i] };
	opts.prog_btf_fd = btf;
	opts.func_info = info;
	opts.func_info_cnt = 3;
	opts.func_info_rec_size = sizeof(info[0]);
	l->compile_s = bench_now() - begin;
	begin = bench_now();
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "linear", "GPL", code.insns.data, code.insns.len, &opts);
	if (fd < 0)
		fd = -errno;
	l->commit_s = bench_now() - begin;
	l->rules = rules;
	close(btf);
	vec_free(&code.insns);
	return fd;
}

/*
 * The whole list, or the longest beginning that the verifier takes, to within an eighth: it takes
 * its time for each try. All lists are beginnings of one, so that what was too long once is.
 */
static int load_most(const struct classify *c, struct linear *l)
{
	static size_t too_long = SIZE_MAX, taken;
	size_t good = 0, bad = c->list.rules.len + 1, n = c->list.rules.len;
	int fd = -1, err = 0;

	/* Beginning with what is known to go. */
	if (n > 1000 && taken)
		n = taken;
	if (bad > too_long)
		bad = too_long;
	while (bad - good > 1 + good / 8) {
		struct linear other;
		int now = load(c, n, PACKETS, &other);

		if (now >= 0) {
			if (fd >= 0)
				close(fd);
			fd = now;
			good = n;
			*l = other;
		} else {
			err = now;
			bad = n;
		}
		/* Far above what is good the verifier takes longest to say no. */
		n = bad > 4 * good && good ? 2 * good : good + (bad - good) / 2;
	}
	taken = good > taken ? good : taken;
	if (bad <= c->list.rules.len && bad < too_long)
		too_long = bad;
	return fd >= 0 ? fd : err;
}

static double linear_turn(struct contender *contender, unsigned int round)
{
	struct classify_engine *e = (struct classify_engine *)contender;
	double seconds;

	(void)round;
	seconds = e->turn == PACKETS ? classify_run(e->fd) : 0;	/* once to have the caches */
	if (seconds >= 0)
		seconds = classify_run(e->fd);
	return seconds < 0 ? -1 : seconds * 1e9 / e->turn;
}

static long linear_check(struct classify_engine *e)
{
	struct linear *l = e->its;
	struct linear all;
	int fd = load(e->on, l->rules, PACKETS, &all);
	long n = -1;

	if (fd >= 0 && classify_run(fd) >= 0)
		n = classify_check_answers(e->on, l->rules);
	if (fd >= 0)
		close(fd);
	return n;
}

static void linear_done(struct classify_engine *e)
{
	close(e->fd);
	free(e->its);
}

static double program_bytes(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.jited_prog_len;
}

static int add(struct classify *c, struct vec *engines, const char *name, int fd, struct linear *l)
{
	double seconds = fd < 0 ? 0 : classify_run(fd);
	struct classify_engine *e;
	uint32_t turn = PACKETS;
	struct linear fewer;

	if (seconds > TURN_MAX) {
		turn = PACKETS * TURN_MAX / seconds;
		turn = turn < FEW ? FEW : turn;
		close(fd);
		fd = load(c, l->rules, turn, &fewer);
	}
	if (fd < 0) {
		fprintf(stderr, "sluice-bench: not even one rule as straight code: %s\n", strerror(-fd));
		free(l);
		return fd;
	}
	e = vec_push(engines);
	*e = (struct classify_engine){
		.contender = { .engine = name, .where = "xdp", .turn = linear_turn },
		.on = c, .mode = "whole", .path = "code", .rules = l->rules,
		.compile_s = l->compile_s, .commit_s = l->commit_s,
		.table_bytes = program_bytes(fd), .check = linear_check, .done = linear_done,
		.fd = fd, .turn = turn, .its = l,
	};
	return 0;
}

int classify_linear(struct classify *c, struct vec *engines)
{
	struct linear *none = xcalloc(1, sizeof(*none)), *most = xcalloc(1, sizeof(*most));
	int err = add(c, engines, "nothing", load(c, 0, PACKETS, none), none);

	if (err)
		free(most);
	else
		err = add(c, engines, "linear_bpf", load_most(c, most), most);
	return err;
}
