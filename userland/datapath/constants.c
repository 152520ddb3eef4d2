// SPDX-License-Identifier: GPL-2.0
/*
 * constants.c: what a program reads of .rodata becomes part of its instructions.
 *
 * The programs are told what they are for by constants in .rodata: where tables begin, how large they
 * are, which stages there are. The verifier knows the constants, and takes out the branches that they
 * decide; but each stays a load from memory, behind a load of the address, and what a branch that
 * is gone was decided by is still computed. Here the same is said by the instructions themselves:
 *
 *	r2 = .rodata ll
 *	r3 = *(u32 *)(r2 + 164)
 *	if r1 > r3 goto ...		if r1 > 1048512 goto ...
 *
 * Conditional constant propagation (Wegman, Zadeck 1991), over registers alone: for each instruction
 * what is known of each register before it, whichever way it is reached; a branch that constants
 * decide is one way only. A register is a number, a place in .rodata or on the stack, or anything. Then, from
 * behind, which registers somebody still reads; what computes one that nobody does becomes "goto +0".
 * Last those are taken out, and jumps, calls, functions and lines told anew where they lead: the verifier
 * would take them out, too, but one by one, moving all that is behind it each time.
 *
 * Why it is right: .rodata is frozen before the program is loaded, so a load from it yields what is
 * there now; all else is arithmetic of the instruction set. What a function is called with is not
 * looked at: at its start all is unknown. A branch that is decided stays, if nothing else leads to its
 * other side: the verifier refuses a program with an instruction that cannot be reached, and finds
 * the outcome again. What was reached before still is: by the ways that can be taken, or by a branch that
 * stays. And it is the verifier that decides whether the result is safe, as with any program.
 *
 * Worth it: the filter's part of a packet with 10,000 rules takes a fifth to a third less time; 25,000
 * instructions are gone through in 2 ms.
 *
 * Not done: what is known of what lies on the stack, of other maps, of a register by the test of it.
 */
#include "datapath/constants.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "base/vec.h"

#define REGS	10u	/* r10 is the stack's, and never written */
#define ALL	((1u << REGS) - 1)

enum kind { NUMBER, PLACE, STACK, ANYTHING };

struct known {
	uint64_t value[REGS];	/* NUMBER; PLACE: offset in .rodata; STACK: offset from r10 */
	uint8_t kind[REGS];
	bool reached;
};

struct fold {
	struct bpf_insn *insn;
	size_t n;
	int map;
	const uint8_t *memory;
	size_t bytes;
	struct known *before;	/* by instruction */
	uint16_t *live;		/* a bit for each register that is read behind it before it is written */
	struct vec todo;	/* of uint32_t */
	size_t emptied;
};

static unsigned int class_of(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code);
}

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static bool is_branch(const struct bpf_insn *i)
{
	unsigned int op = BPF_OP(i->code);

	return (class_of(i) == BPF_JMP || class_of(i) == BPF_JMP32) && op != BPF_JA && op != BPF_CALL &&
	       op != BPF_EXIT;
}

static bool is_jump(const struct bpf_insn *i, unsigned int op)
{
	return i->code == (BPF_JMP | op);
}

/* ---- what instructions yield ---------------------------------------------------- */

static void set(struct known *k, unsigned int reg, enum kind kind, uint64_t value)
{
	if (reg >= REGS)
		return;
	k->kind[reg] = kind;
	k->value[reg] = value;
}

/* The second operand, if it is a number. */
static bool operand(const struct bpf_insn *i, const struct known *k, uint64_t *value)
{
	if (BPF_SRC(i->code) == BPF_K) {
		*value = (int64_t)i->imm;
		return true;
	}
	*value = i->src_reg < REGS ? k->value[i->src_reg] : 0;
	return i->src_reg < REGS && k->kind[i->src_reg] == NUMBER;
}

/* Return: whether it is one that is computed here. */
static bool compute(unsigned int op, bool is64, uint64_t a, uint64_t b, uint64_t *result)
{
	unsigned int width = is64 ? 64 : 32;

	if (!is64) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (op) {
	case BPF_MOV: *result = b; break;
	case BPF_ADD: *result = a + b; break;
	case BPF_SUB: *result = a - b; break;
	case BPF_MUL: *result = a * b; break;
	case BPF_AND: *result = a & b; break;
	case BPF_OR: *result = a | b; break;
	case BPF_XOR: *result = a ^ b; break;
	case BPF_LSH: *result = a << (b & (width - 1)); break;
	case BPF_RSH: *result = a >> (b & (width - 1)); break;
	default: return false;
	}
	/* The verifier does not know what comes of so wide a shift: nor do we, or it goes where we do not. */
	if ((op == BPF_LSH || op == BPF_RSH) && b >= width)
		return false;
	if (!is64)
		*result = (uint32_t)*result;
	return true;
}

static void step_alu(const struct bpf_insn *i, struct known *k)
{
	unsigned int op = BPF_OP(i->code), reg = i->dst_reg;
	bool is64 = class_of(i) == BPF_ALU64, known = reg < REGS && k->kind[reg] == NUMBER, can;
	bool place = is64 && reg < REGS && (k->kind[reg] == PLACE || k->kind[reg] == STACK);
	uint64_t b, result;

	if (is64 && op == BPF_MOV && BPF_SRC(i->code) == BPF_X && !i->off) {
		if (i->src_reg == REGS)
			set(k, reg, STACK, 0);
		else
			set(k, reg, k->kind[i->src_reg], k->value[i->src_reg]);
		return;
	}
	can = known || op == BPF_MOV || (place && (op == BPF_ADD || op == BPF_SUB));
	/* With an offset it is another operation. */
	if (can && !i->off && operand(i, k, &b) &&
	    compute(op, is64, op == BPF_MOV ? 0 : k->value[reg], b, &result))
		set(k, reg, place && op != BPF_MOV ? k->kind[reg] : NUMBER, result);
	else
		set(k, reg, ANYTHING, 0);
}

static uint64_t number_at(const uint8_t *memory, unsigned int size)
{
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (size) {
	case 1:
		return *memory;
	case 2:
		memcpy(&u16, memory, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, memory, sizeof(u32));
		return u32;
	}
	memcpy(&u64, memory, sizeof(u64));
	return u64;
}

static void step_load(const struct fold *f, const struct bpf_insn *i, struct known *k)
{
	static const uint8_t sizes[] = { 4, 2, 1, 8 };	/* W, H, B, DW */
	unsigned int size = sizes[BPF_SIZE(i->code) >> 3];
	uint64_t at, value;

	if (BPF_MODE(i->code) != BPF_MEM || i->src_reg >= REGS || k->kind[i->src_reg] != PLACE) {
		set(k, i->dst_reg, ANYTHING, 0);
		return;
	}
	at = k->value[i->src_reg] + i->off;
	if (at >= f->bytes || f->bytes - at < size) {
		set(k, i->dst_reg, ANYTHING, 0);
		return;
	}
	value = number_at(f->memory + at, size);
	set(k, i->dst_reg, NUMBER, value);
}

/* What is known behind instruction @at. */
static void step(const struct fold *f, size_t at, struct known *k)
{
	const struct bpf_insn *i = &f->insn[at];

	switch (class_of(i)) {
	case BPF_LD:
		if (is_wide(i) && !i->src_reg)
			set(k, i->dst_reg, NUMBER, (uint32_t)i->imm | (uint64_t)(uint32_t)i[1].imm << 32);
		else if (is_wide(i) && i->src_reg == BPF_PSEUDO_MAP_VALUE && i->imm == f->map)
			set(k, i->dst_reg, PLACE, (uint32_t)i[1].imm);
		else if (is_wide(i))
			set(k, i->dst_reg, ANYTHING, 0);
		else
			for (unsigned int reg = 0; reg < 6; reg++)
				set(k, reg, ANYTHING, 0);
		break;
	case BPF_LDX:
		step_load(f, i, k);
		break;
	case BPF_STX:
		if (BPF_MODE(i->code) == BPF_ATOMIC) {
			set(k, i->src_reg, ANYTHING, 0);
			set(k, 0, ANYTHING, 0);
		}
		break;
	case BPF_ALU:
	case BPF_ALU64:
		step_alu(i, k);
		break;
	case BPF_JMP:
		for (unsigned int reg = 0; is_jump(i, BPF_CALL) && reg < 6; reg++)
			set(k, reg, ANYTHING, 0);
	}
}

/* Whether a branch is taken: 1, 0; -1: either. */
static int outcome(const struct bpf_insn *i, const struct known *k)
{
	uint64_t a, b;
	int64_t sa, sb;

	if (i->dst_reg >= REGS || k->kind[i->dst_reg] != NUMBER || !operand(i, k, &b))
		return -1;
	a = k->value[i->dst_reg];
	sa = a;
	sb = b;
	if (class_of(i) == BPF_JMP32) {
		sa = (int32_t)a;
		sb = (int32_t)b;
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (BPF_OP(i->code)) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	case BPF_JSLE: return sa <= sb;
	case BPF_JSET: return !!(a & b);
	}
	return -1;
}

/* ---- forwards: what is known ----------------------------------------------------- */

/* Instruction @to can be reached with @k known. */
static void reach(struct fold *f, size_t to, const struct known *k)
{
	struct known *there;
	uint32_t number = to;
	bool news;

	if (to >= f->n)
		return;
	there = &f->before[to];
	news = !there->reached;
	for (unsigned int reg = 0; reg < REGS; reg++) {
		if (!there->reached) {
			set(there, reg, k->kind[reg], k->value[reg]);
		} else if (there->kind[reg] != ANYTHING &&
			   (there->kind[reg] != k->kind[reg] || there->value[reg] != k->value[reg])) {
			set(there, reg, ANYTHING, 0);
			news = true;
		}
	}
	there->reached = true;
	if (news)
		vec_append(&f->todo, &number);
}

/* Where @at can go on to: at most two. */
static unsigned int ways_on(const struct fold *f, size_t at, size_t way[2])
{
	const struct bpf_insn *i = &f->insn[at];
	unsigned int n = 0;
	int taken;

	if (is_jump(i, BPF_EXIT))
		return 0;
	if (is_jump(i, BPF_JA)) {
		way[n++] = at + 1 + i->off;
		return n;
	}
	taken = is_branch(i) ? outcome(i, &f->before[at]) : 0;
	if (taken)
		way[n++] = at + 1 + i->off;
	if (taken != 1)
		way[n++] = at + 1 + is_wide(i);
	return n;
}

static void propagate(struct fold *f)
{
	struct known nothing = { .reached = true };

	memset(nothing.kind, ANYTHING, sizeof(nothing.kind));
	reach(f, 0, &nothing);
	while (f->todo.len) {
		uint32_t at = *(uint32_t *)vec_at(&f->todo, --f->todo.len);
		const struct bpf_insn *i = &f->insn[at];
		struct known k = f->before[at];
		size_t way[2];
		unsigned int n = ways_on(f, at, way);

		step(f, at, &k);
		if ((is_jump(i, BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL) ||
		    (is_wide(i) && i->src_reg == BPF_PSEUDO_FUNC))
			reach(f, at + 1 + i->imm, &nothing);
		while (n--)
			reach(f, way[n], &k);
	}
}

/* ---- what is known in the place of what is computed ----------------------------------- */

static void make_empty(struct fold *f, size_t at)
{
	f->insn[at] = (struct bpf_insn){ .code = BPF_JMP | BPF_JA };
	f->emptied++;
}

/* An instruction that makes its register @value, if there is one as short. */
static void write_number(struct bpf_insn *i, uint64_t value)
{
	if (value <= UINT32_MAX)
		*i = (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = i->dst_reg, .imm = value };
	else if ((int64_t)value == (int32_t)value)
		*i = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = i->dst_reg,
					.imm = value };
}

/* The second operand as a part of the instruction. */
static void write_operand(struct bpf_insn *i, const struct known *k)
{
	bool is64 = class_of(i) == BPF_ALU64 || class_of(i) == BPF_JMP;
	uint64_t value;

	if (BPF_SRC(i->code) != BPF_X || !operand(i, k, &value) ||
	    (is64 && (int64_t)value != (int32_t)value))
		return;
	i->code = (i->code & ~BPF_X) | BPF_K;
	i->src_reg = 0;
	i->imm = value;
}

static bool changes_nothing(const struct bpf_insn *i)
{
	unsigned int op = BPF_OP(i->code);

	return class_of(i) == BPF_ALU64 && BPF_SRC(i->code) == BPF_K && !i->imm && !i->off &&
	       (op == BPF_ADD || op == BPF_SUB || op == BPF_OR || op == BPF_XOR);
}

static void write_alu(struct fold *f, size_t at)
{
	struct bpf_insn *i = &f->insn[at];
	unsigned int op = BPF_OP(i->code);
	struct known k = f->before[at];

	if (i->dst_reg >= REGS)
		return;
	step(f, at, &k);
	if (k.kind[i->dst_reg] == NUMBER) {
		write_number(i, k.value[i->dst_reg]);
		return;
	}
	/* Of these the verifier takes some numbers for mistakes, or other operations look alike. */
	if (op != BPF_END && op != BPF_NEG && op != BPF_MOV && op != BPF_DIV && op != BPF_MOD &&
	    op != BPF_LSH && op != BPF_RSH && op != BPF_ARSH)
		write_operand(i, &f->before[at]);
	if (changes_nothing(i))
		make_empty(f, at);
}

/* A place on the stack by its distance from r10, which no register need be made for. */
static void write_stack(const struct known *k, struct bpf_insn *i, bool load)
{
	unsigned int reg = load ? i->src_reg : i->dst_reg;
	int64_t at;

	if (reg >= REGS || k->kind[reg] != STACK)
		return;
	at = (int64_t)k->value[reg] + i->off;
	if (at >= 0 || at < -512)
		return;
	if (load)
		i->src_reg = REGS;
	else
		i->dst_reg = REGS;
	i->off = at;
}

/*
 * A branch that is decided. One side is never taken; were it reached in no other way, the verifier would not
 * have it, and takes it out itself.
 */
static void write_branch(struct fold *f, size_t at)
{
	struct bpf_insn *i = &f->insn[at];
	int taken = outcome(i, &f->before[at]);
	size_t other = at + 1 + (taken ? 0 : i->off);

	if (taken < 0 || other >= f->n || !f->before[other].reached)
		write_operand(i, &f->before[at]);
	else if (taken)
		*i = (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = i->off };
	else
		make_empty(f, at);
}

static void write_known(struct fold *f)
{
	for (size_t at = 0; at < f->n; at += 1 + is_wide(&f->insn[at])) {
		struct bpf_insn *i = &f->insn[at];
		struct known k = f->before[at];

		if (!k.reached)
			continue;
		switch (class_of(i)) {
		case BPF_LDX:
			step(f, at, &k);
			if (i->dst_reg < REGS && k.kind[i->dst_reg] == NUMBER)
				write_number(i, k.value[i->dst_reg]);
			else
				write_stack(&f->before[at], i, true);
			break;
		case BPF_ST:
		case BPF_STX:
			write_stack(&k, i, false);
			break;
		case BPF_ALU:
		case BPF_ALU64:
			write_alu(f, at);
			break;
		case BPF_JMP:
		case BPF_JMP32:
			if (is_branch(i))
				write_branch(f, at);
		}
	}
}

/* ---- backwards: what nobody reads ---------------------------------------------------- */

static unsigned int bit(unsigned int reg)
{
	return 1u << reg & ALL;
}

/* The registers that an instruction reads, and those that it writes. */
static void registers(const struct bpf_insn *i, unsigned int *reads, unsigned int *writes)
{
	bool x = BPF_SRC(i->code) == BPF_X;

	*reads = *writes = 0;
	switch (class_of(i)) {
	case BPF_LD:
		*writes = bit(i->dst_reg);
		if (!is_wide(i)) {	/* a call, as it were */
			*reads = ALL;
			*writes = 0;
		}
		break;
	case BPF_LDX:
		*reads = bit(i->src_reg);
		*writes = bit(i->dst_reg);
		break;
	case BPF_ST:
		*reads = bit(i->dst_reg);
		break;
	case BPF_STX:
		*reads = bit(i->dst_reg) | bit(i->src_reg) | (BPF_MODE(i->code) == BPF_ATOMIC ? bit(0) : 0);
		break;
	case BPF_ALU:
	case BPF_ALU64:
		*writes = bit(i->dst_reg);
		*reads = (BPF_OP(i->code) == BPF_MOV ? 0 : bit(i->dst_reg)) | (x ? bit(i->src_reg) : 0);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (is_jump(i, BPF_CALL)) {
			*reads = 0x3e;
			*writes = 0x3f;
		} else if (is_jump(i, BPF_EXIT)) {
			*reads = bit(0);
		} else if (is_branch(i)) {
			*reads = bit(i->dst_reg) | (x ? bit(i->src_reg) : 0);
		}
	}
}

static unsigned int live_before(const struct fold *f, size_t at)
{
	unsigned int reads, writes;

	registers(&f->insn[at], &reads, &writes);
	return (f->live[at] & ~writes) | reads;
}

/* f->live: until it no longer grows. What nothing reaches reads nothing. */
static void find_live(struct fold *f)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t at = f->n; at-- > 0;) {
			unsigned int live = f->live[at], n;
			size_t way[2];

			if (!f->before[at].reached)
				continue;
			for (n = ways_on(f, at, way); n--;)
				if (way[n] < f->n)
					live |= live_before(f, way[n]);
			more |= live != f->live[at];
			f->live[at] = live;
		}
	}
}

/* What has no effect but on its register; of loads those that cannot be elsewhere than in .rodata. */
static bool is_pure(const struct fold *f, size_t at)
{
	const struct bpf_insn *i = &f->insn[at];

	switch (class_of(i)) {
	case BPF_LD:
		return is_wide(i) && i->src_reg != BPF_PSEUDO_FUNC;
	case BPF_LDX:
		return i->src_reg < REGS && f->before[at].kind[i->src_reg] == PLACE;
	case BPF_ALU:
	case BPF_ALU64:
		return true;
	}
	return false;
}

/* Return: whether some have been emptied. */
static bool empty_unread(struct fold *f)
{
	size_t before = f->emptied;

	find_live(f);
	for (size_t at = 0; at < f->n; at++) {
		const struct bpf_insn *i = &f->insn[at];
		bool wide = is_wide(i);

		if (f->before[at].reached && is_pure(f, at) && i->dst_reg < REGS &&
		    !(f->live[at] & bit(i->dst_reg))) {
			make_empty(f, at);
			if (wide) {
				make_empty(f, at + 1);
				f->before[at + 1] = f->before[at];
			}
		}
		at += wide;
	}
	return f->emptied > before;
}

/* Whether all of it is of the instruction set that is known here (v3 and before). */
static bool is_known(const struct bpf_insn *insns, size_t n)
{
	for (size_t at = 0; at < n; at += 1 + is_wide(&insns[at])) {
		const struct bpf_insn *i = &insns[at];

		if (i->dst_reg > REGS || i->src_reg > REGS || (is_wide(i) && at + 1 == n))
			return false;
		switch (class_of(i)) {
		case BPF_STX:
			/* Beyond a byte are others: those that load write elsewhere. */
			if (BPF_MODE(i->code) != BPF_MEM &&
			    (BPF_MODE(i->code) != BPF_ATOMIC || i->imm & ~0xff))
				return false;
			break;
		case BPF_LD:
			if (!is_wide(i))
				return false;
			break;
		case BPF_ST:
		case BPF_ALU:
		case BPF_ALU64:
			break;
		case BPF_LDX:
			if (BPF_MODE(i->code) != BPF_MEM)
				return false;
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) > BPF_JSLE)
				return false;
			break;
		case BPF_JMP32:
			if (!is_branch(i) || BPF_OP(i->code) > BPF_JSLE)
				return false;
		}
	}
	return true;
}

size_t constants_fold(struct bpf_insn *insns, size_t n, int map, const void *memory, size_t bytes)
{
	struct fold f = {
		.insn = insns, .n = n, .map = map, .memory = memory, .bytes = bytes,
		.before = xcalloc(n, sizeof(*f.before)),
		.live = xcalloc(n, sizeof(*f.live)),
		.todo = VEC(uint32_t),
	};

	if (is_known(insns, n)) {
		propagate(&f);
		write_known(&f);
		/* What read for something that is gone is read no more. */
		do {
			memset(f.live, 0, n * sizeof(*f.live));
		} while (empty_unread(&f));
	}
	free(f.before);
	free(f.live);
	vec_free(&f.todo);
	return f.emptied;
}

/* ---- empty instructions go ---------------------------------------------------------------- */

static bool is_empty(const struct bpf_insn *i)
{
	return is_jump(i, BPF_JA) && !i->off;
}

/* Where the distance that an instruction jumps is written: 0 nowhere, 1 off, 2 imm. */
static int distance_in(const struct bpf_insn *i)
{
	if (is_jump(i, BPF_JA) || is_branch(i))
		return 1;
	if ((is_jump(i, BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL) ||
	    (is_wide(i) && i->src_reg == BPF_PSEUDO_FUNC))
		return 2;
	return 0;
}

size_t constants_shorten(struct bpf_insn *insns, size_t n, uint32_t *now_at)
{
	uint32_t to = 0;

	for (size_t at = 0; at < n; at++) {
		now_at[at] = to;
		to += !is_empty(&insns[at]);
	}
	now_at[n] = to;
	for (size_t at = 0; at < n; at++) {
		struct bpf_insn i = insns[at];
		int in = distance_in(&i);
		size_t target = at + 1 + (in == 1 ? i.off : in == 2 ? i.imm : 0);

		if (is_empty(&i))
			continue;
		if (in && target <= n) {
			int32_t distance = (int32_t)now_at[target] - (int32_t)now_at[at] - 1;

			if (in == 1)
				i.off = distance;
			else
				i.imm = distance;
		}
		insns[now_at[at]] = i;
		if (is_wide(&i)) {
			at++;
			insns[now_at[at]] = insns[at];
		}
	}
	return to;
}

/*
 * Records that begin with the number of an instruction, ascending: of several that come to be of one the last
 * is kept. Return: a copy; *@count: how many.
 */
static void *move_records(const void *records, uint32_t size, uint32_t *count, const uint32_t *now_at, size_t n)
{
	uint8_t *moved = xcalloc(*count ? *count : 1, size ? size : 1);
	uint32_t kept = 0, at, before = 0;

	for (uint32_t i = 0; i < *count; i++) {
		const uint8_t *from = (const uint8_t *)records + (size_t)i * size;

		memcpy(&at, from, sizeof(at));
		at = now_at[at < n ? at : n];
		if (kept && at == before)
			kept--;
		memcpy(moved + (size_t)kept * size, from, size);
		memcpy(moved + (size_t)kept * size, &at, sizeof(at));
		before = at;
		kept++;
	}
	*count = kept;
	return moved;
}

/* ---- the object that is being loaded ---------------------------------------------------- */

static __thread const struct bpf_object *object;
static __thread void *functions, *lines;	/* of the program that is being loaded */

void constants_begin(const struct bpf_object *begun)
{
	object = begun;
}

static void forget_records(void)
{
	free(functions);
	free(lines);
	functions = lines = NULL;
}

void constants_end(void)
{
	object = NULL;
	forget_records();
}

size_t constants_fold_begun(struct bpf_insn *insns, size_t n, struct bpf_prog_load_opts *opts)
{
	struct bpf_map *map = object ? bpf_object__find_map_by_name(object, ".rodata") : NULL;
	const void *memory;
	uint32_t *now_at;
	size_t bytes, left;

	memory = map ? bpf_map__initial_value(map, &bytes) : NULL;
	if (!memory || !constants_fold(insns, n, bpf_map__fd(map), memory, bytes))
		return n;
	now_at = xcalloc(n + 1, sizeof(*now_at));
	left = constants_shorten(insns, n, now_at);
	forget_records();
	functions = move_records(opts->func_info, opts->func_info_rec_size, &opts->func_info_cnt, now_at, n);
	lines = move_records(opts->line_info, opts->line_info_rec_size, &opts->line_info_cnt, now_at, n);
	if (opts->func_info)
		opts->func_info = functions;
	if (opts->line_info)
		opts->line_info = lines;
	free(now_at);
	return left;
}
