// SPDX-License-Identifier: GPL-2.0
/*
 * test_constants.c: a program into whose instructions its constants were written does what it did.
 *
 * Random programs, of arithmetic, loads from .rodata, branches, loops and calls, over numbers of which
 * some are constants and some are not, run in the kernel as they are, folded, and shortened.
 */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cmocka.h>

#include "datapath/constants.h"
#include "selftests/unit/lpm_routes.h"

#define CONSTANTS	64u	/* bytes of .rodata */
#define STACK		48u	/* bytes that programs use */
#define PROGRAMS	400
#define LONGEST		1500

static uint64_t seed;

struct made {
	struct bpf_insn insn[LONGEST];
	size_t n;
	int constants, data;	/* maps */
};

static uint32_t below(uint32_t n)
{
	return random_next(&seed) % n;
}

static void put(struct made *m, uint8_t code, unsigned int dst, unsigned int src, int16_t off, int32_t imm)
{
	assert_true(m->n < LONGEST);
	m->insn[m->n++] = (struct bpf_insn){ .code = code, .dst_reg = dst, .src_reg = src, .off = off,
					     .imm = imm };
}

static void put_wide(struct made *m, unsigned int dst, unsigned int src, int32_t low, int32_t high)
{
	put(m, BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, low);
	put(m, 0, 0, 0, 0, high);
}

static int new_map(const void *memory, uint32_t bytes, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "constants", 4, bytes, 1, &opts);
	uint32_t zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, memory, 0), 0);
	if (flags)
		assert_int_equal(bpf_map_freeze(fd), 0);
	return fd;
}

/* ---- random programs ---------------------------------------------------------------- */

/* Registers that programs compute with: numbers all the time. r9 counts turns. */
static unsigned int some_register(void)
{
	return below(9);
}

static void put_arithmetic(struct made *m)
{
	static const uint8_t ops[] = {
		BPF_MOV, BPF_MOV, BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH,
		BPF_ARSH, BPF_DIV, BPF_MOD, BPF_NEG, BPF_END,
	};
	uint8_t op = ops[below(sizeof(ops))], class = below(2) ? BPF_ALU64 : BPF_ALU;
	bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
	int32_t imm = below(3) ? (int32_t)below(64) - 8 : (int32_t)random_next(&seed);

	if (op == BPF_END)
		put(m, BPF_ALU | BPF_END | (below(2) ? BPF_X : BPF_K), some_register(), 0, 0, 16 << below(3));
	else if (op == BPF_NEG)
		put(m, class | BPF_NEG, some_register(), 0, 0, 0);
	else if (shift ? below(3) : below(2))	/* a register may say to shift by more than there is */
		put(m, class | op | BPF_K, some_register(), 0, 0, shift ? (int32_t)below(32) : imm ? imm : 1);
	else
		put(m, class | op | BPF_X, some_register(), some_register(), 0, 0);
}

/* A constant: by its address, or by one that is computed; the address is a register's for so long only. */
static void put_load(struct made *m)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	unsigned int size = below(4), at = below(CONSTANTS >> size) << size, moved = below(at + 1);
	unsigned int reg = some_register(), other = some_register();

	put_wide(m, reg, BPF_PSEUDO_MAP_VALUE, m->constants, moved);
	if (below(2)) {
		put(m, BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, at - moved);
		moved = at;
	}
	if (other != reg && below(2)) {
		put(m, BPF_ALU64 | BPF_MOV | BPF_X, other, reg, 0, 0);
		put(m, BPF_LDX | BPF_MEM | sizes[size], reg, other, at - moved, 0);
		put(m, BPF_ALU64 | BPF_MOV | BPF_K, other, 0, 0, below(100));
	} else {
		put(m, BPF_LDX | BPF_MEM | sizes[size], reg, reg, at - moved, 0);
	}
}

/* A number to or from the stack, whose address is computed: likewise. */
static void put_stack(struct made *m)
{
	static const uint8_t sizes[] = { BPF_B, BPF_H, BPF_W, BPF_DW };
	unsigned int reg = some_register(), other = (reg + 1 + below(8)) % 9, size = below(4);
	int at = -(int)(1 + below(STACK / 8)) * 8 + (int)(below(8 >> size) << size), first = -(int)below(100);

	put(m, BPF_ALU64 | BPF_MOV | BPF_X, reg, 10, 0, 0);
	if (below(2)) {
		put(m, BPF_ALU64 | BPF_MOV | BPF_K, other, 0, 0, first);
		put(m, BPF_ALU64 | BPF_ADD | BPF_X, reg, other, 0, 0);
	} else {
		put(m, BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, first);
	}
	if (below(2))
		put(m, BPF_LDX | BPF_MEM | sizes[size], other, reg, at - first, 0);
	else if (below(2))
		put(m, BPF_STX | BPF_MEM | sizes[size], reg, other, at - first, 0);
	else
		put(m, BPF_ST | BPF_MEM | sizes[size], reg, 0, at - first, below(1000));
	put(m, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, below(100));
}

static void put_atoms(struct made *m, unsigned int n, unsigned int depth);

/* Over some of what comes; never over half of an atom. */
static void put_branch(struct made *m, unsigned int depth)
{
	static const uint8_t ops[] = {
		BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE,
		BPF_JSET,
	};
	size_t at = m->n;
	uint8_t class = below(2) ? BPF_JMP : BPF_JMP32;

	put(m, class | ops[below(sizeof(ops))] | (below(2) ? BPF_X : BPF_K), some_register(), 0, 0, 0);
	if (BPF_SRC(m->insn[at].code) == BPF_X)
		m->insn[at].src_reg = some_register();
	else
		m->insn[at].imm = (int32_t)below(40) - 8;
	put_atoms(m, 1 + below(4), depth + 1);
	m->insn[at].off = m->n - at - 1;
}

static void put_loop(struct made *m, unsigned int depth)
{
	size_t begin;

	put(m, BPF_ALU64 | BPF_MOV | BPF_K, 9, 0, 0, 1 + below(3));
	begin = m->n;
	put_atoms(m, 1 + below(4), depth + 2);
	put(m, BPF_ALU64 | BPF_SUB | BPF_K, 9, 0, 0, 1);
	put(m, BPF_JMP | BPF_JNE | BPF_K, 9, 0, 0, 0);
	m->insn[m->n - 1].off = (int)begin - (int)m->n;
}

/* Of the function at the end, which is entered later. It leaves numbers in what calls do not keep. */
static void put_call(struct made *m)
{
	put(m, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, -1);
	for (unsigned int reg = 1; reg < 6; reg++)
		put(m, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, below(1000));
}

static void put_atoms(struct made *m, unsigned int n, unsigned int depth)
{
	while (n--) {
		switch (below(depth < 2 ? 12 : 8)) {
		default:
			put_arithmetic(m);
			break;
		case 4:
			put_stack(m);
			break;
		case 5:
		case 6:
		case 7:
			put_load(m);
			break;
		case 8:
		case 9:
			put_branch(m, depth);
			break;
		case 10:
			put_call(m);
			break;
		case 11:
			if (!depth)
				put_loop(m, depth);
		}
	}
}

/* r0 is made of all the others, and of what is on the stack. */
static void put_sum(struct made *m)
{
	for (unsigned int reg = 1; reg < 9; reg++) {
		put(m, BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 0x01000193);
		put(m, BPF_ALU64 | BPF_XOR | BPF_X, 0, reg, 0, 0);
	}
	for (int at = -(int)STACK; at < 0; at += 8) {
		put(m, BPF_LDX | BPF_MEM | BPF_DW, 1, 10, at, 0);
		put(m, BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 0x01000193);
		put(m, BPF_ALU64 | BPF_XOR | BPF_X, 0, 1, 0, 0);
	}
	put(m, BPF_ALU64 | BPF_MOV | BPF_X, 1, 0, 0, 0);
	put(m, BPF_ALU64 | BPF_RSH | BPF_K, 1, 0, 0, 32);
	put(m, BPF_ALU64 | BPF_XOR | BPF_X, 0, 1, 0, 0);
	put(m, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void put_stack_numbers(struct made *m)
{
	for (int at = -(int)STACK; at < 0; at += 8)
		put(m, BPF_STX | BPF_MEM | BPF_DW, 10, (unsigned int)-at / 8 % 9, at, 0);
}

static void make(struct made *m)
{
	size_t function;

	m->n = 0;
	/* Half of the registers are numbers that nobody knows. */
	put_wide(m, 1, BPF_PSEUDO_MAP_VALUE, m->data, 0);
	for (unsigned int reg = 0; reg < 9; reg += 2)
		put(m, BPF_LDX | BPF_MEM | BPF_DW, reg, 1, 8 * (reg / 2), 0);
	for (unsigned int reg = 1; reg < 9; reg += 2)
		put(m, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, (int32_t)below(20) - 4);
	put_stack_numbers(m);
	put_atoms(m, 10 + below(12), 0);
	put_call(m);
	put_sum(m);
	function = m->n;
	put(m, BPF_ALU64 | BPF_MOV | BPF_X, 0, 1, 0, 0);
	for (unsigned int reg = 2; reg < 9; reg++)
		put(m, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, below(50));
	put_stack_numbers(m);
	put_atoms(m, 5, 2);
	put_sum(m);
	for (size_t i = 0; i < m->n; i++)
		if (m->insn[i].code == (BPF_JMP | BPF_CALL))
			m->insn[i].imm = function - i - 1;
}

/* Return: its descriptor. */
static int load(const struct bpf_insn *insns, size_t n, const char *what)
{
	static char log[1 << 16];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log), .log_level = 0);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "constants", "GPL", insns, n, &opts);

	if (fd < 0) {
		opts.log_level = 1;
		fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "constants", "GPL", insns, n, &opts);
	}
	if (fd < 0)
		fail_msg("%s: %s", what, log + (strlen(log) > 2000 ? strlen(log) - 2000 : 0));
	return fd;
}

static uint32_t run(const struct bpf_insn *insns, size_t n, const char *what)
{
	uint8_t frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	int fd = load(insns, n, what);

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	close(fd);
	return opts.retval;
}

static void test_random(void **state)
{
	uint64_t constants[CONSTANTS / 8], data[8];
	size_t insns = 0, emptied = 0, different = 0;
	uint32_t last = 0;

	(void)state;
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		static struct made m;
		static struct bpf_insn folded[LONGEST];
		static uint32_t now_at[LONGEST + 1];
		uint32_t plain;
		size_t gone, left;

		for (unsigned int k = 0; k < CONSTANTS / 8; k++)
			constants[k] = below(2) ? random_next(&seed) : (uint64_t)below(3) << 32 | below(4);
		for (unsigned int k = 0; k < 8; k++)
			data[k] = below(2) ? random_next(&seed) : below(4);
		m.constants = new_map(constants, sizeof(constants), BPF_F_RDONLY_PROG);
		m.data = new_map(data, sizeof(data), 0);
		make(&m);
		memcpy(folded, m.insn, m.n * sizeof(*folded));
		gone = constants_fold(folded, m.n, m.constants, constants, sizeof(constants));
		emptied += gone;
		insns += m.n;
		plain = run(m.insn, m.n, "as it is");
		assert_int_equal(run(folded, m.n, "folded"), plain);
		left = constants_shorten(folded, m.n, now_at);
		assert_in_range(left, 1, m.n - gone);
		assert_int_equal(now_at[m.n], left);
		assert_int_equal(run(folded, left, "shortened"), plain);
		different += plain != last;
		last = plain;
		close(m.constants);
		close(m.data);
	}
	printf("# of %zu instructions %zu are empty\n", insns, emptied);
	assert_true(emptied > insns / 10);
	assert_true(different > PROGRAMS / 2);
}

/* A branch that constants decide, behind it a sum of them: the sum is left. */
static void test_written(void **state)
{
	uint32_t constants[2] = { 7, 0x80000001 };
	struct made m = { .constants = new_map(constants, sizeof(constants), BPF_F_RDONLY_PROG) };
	const struct bpf_insn sum = { .code = BPF_ALU | BPF_MOV | BPF_K, .imm = 0x80000008 };

	(void)state;
	put_wide(&m, 2, BPF_PSEUDO_MAP_VALUE, m.constants, 0);
	put(&m, BPF_LDX | BPF_MEM | BPF_W, 3, 2, 0, 0);
	put(&m, BPF_LDX | BPF_MEM | BPF_W, 0, 2, 4, 0);
	put(&m, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 1, 7);
	put(&m, BPF_ALU | BPF_ADD | BPF_X, 0, 3, 0, 0);
	put(&m, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	assert_int_equal(constants_fold(m.insn, m.n, m.constants, constants, sizeof(constants)), m.n - 2);
	assert_memory_equal(&m.insn[m.n - 2], &sum, sizeof(sum));
	assert_int_equal(run(m.insn, m.n, "written"), 0x80000008);
	close(m.constants);
}

/* The same, but nothing else leads to the other side: the branch stays, for the verifier. */
static void test_branch_stays(void **state)
{
	uint32_t constants[2] = { 7, 3 };
	struct made m = { .constants = new_map(constants, sizeof(constants), BPF_F_RDONLY_PROG) };

	(void)state;
	put_wide(&m, 2, BPF_PSEUDO_MAP_VALUE, m.constants, 0);
	put(&m, BPF_LDX | BPF_MEM | BPF_W, 3, 2, 0, 0);
	put(&m, BPF_LDX | BPF_MEM | BPF_W, 0, 2, 4, 0);
	put(&m, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 1, 7);
	put(&m, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	put(&m, BPF_ALU64 | BPF_MOV | BPF_X, 0, 4, 0, 0);	/* r4 is nothing */
	put(&m, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	assert_int_equal(constants_fold(m.insn, m.n, m.constants, constants, sizeof(constants)), 2);
	assert_int_equal(run(m.insn, m.n, "branch"), 3);
	close(m.constants);
}

/* Of another map nothing is known, nor of what lies beyond. */
static void test_left_alone(void **state)
{
	uint32_t data[2] = { 1, 2 };
	struct made m = { .constants = new_map(data, sizeof(data), 0) }, before;

	(void)state;
	put_wide(&m, 2, BPF_PSEUDO_MAP_VALUE, m.constants, 0);
	put(&m, BPF_LDX | BPF_MEM | BPF_W, 0, 2, 4, 0);
	put(&m, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	before = m;
	assert_int_equal(constants_fold(m.insn, m.n, m.constants + 1, data, sizeof(data)), 0);
	assert_int_equal(constants_fold(m.insn, m.n, m.constants, data, 4), 0);
	assert_memory_equal(&m, &before, sizeof(m));
	/* Nor are instructions touched that are not known here. */
	m.insn[2].code = BPF_LDX | BPF_MEM | 0x80 | BPF_W;
	assert_int_equal(constants_fold(m.insn, m.n, m.constants, data, sizeof(data)), 0);
	close(m.constants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_branch_stays),
		cmocka_unit_test(test_left_alone),
	};

	seed = random_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
