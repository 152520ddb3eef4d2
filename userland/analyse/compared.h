/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compared.h: do the filters of two policies treat all packets alike?
 */
#ifndef SLUICE_ANALYSE_COMPARED_H
#define SLUICE_ANALYSE_COMPARED_H

struct assertion;
struct diags;

/**
 * compared_answer() - the answer to "equal policy", with the rules that a packet meets in both, if there is one.
 * @a: of such an assertion, without a sentence so far. @seconds: 0: as long as it takes.
 * Return: 0; -E2BIG: filters that cannot be compared, with the reason in @diags.
 */
int compared_answer(struct assertion *a, double seconds, struct diags *diags);

#endif
