/* SPDX-License-Identifier: GPL-2.0 */
/*
 * constants.h: what a program reads of .rodata becomes part of its instructions (constants.c says how).
 *
 * An object's programs are rewritten as the last thing before the kernel has them, by the handler of their
 * section (deliver.h): constants_begin(), load the object, constants_end().
 */
#ifndef SLUICE_DATAPATH_CONSTANTS_H
#define SLUICE_DATAPATH_CONSTANTS_H

#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct bpf_prog_load_opts;
struct bpf_object;

/**
 * constants_fold() - rewrites a program, in place; what it does stays the same, and where each
 * instruction stands.
 * @map: descriptor of the map of .rodata, as the instructions have it.
 * @memory: what that holds from now on, @bytes of it.
 * Return: how many instructions have become empty ones, "goto +0".
 */
size_t constants_fold(struct bpf_insn *insns, size_t n, int map, const void *memory, size_t bytes);

/**
 * constants_shorten() - takes empty instructions out.
 * @now_at: of @n + 1: set to where each instruction is now, or the next one that is left.
 * Return: how many are left.
 */
size_t constants_shorten(struct bpf_insn *insns, size_t n, uint32_t *now_at);

/**
 * constants_begin(), constants_end() - around the load of an object whose .rodata has its values; of this
 * thread.
 */
void constants_begin(const struct bpf_object *object);
void constants_end(void);

/**
 * constants_fold_begun() - both for a program of the object that is being loaded; functions and lines in @opts
 * are moved, too. Without an object nothing is done. Return: how many instructions are left.
 */
size_t constants_fold_begun(struct bpf_insn *insns, size_t n, struct bpf_prog_load_opts *opts);

#endif
