/* SPDX-License-Identifier: GPL-2.0 */
/*
 * deliver.h: the module's kfunc, bpf_sluice_deliver(): whether a program can call it, and the call.
 *
 * A program calls a kfunc by its number in the module's BTF, and by a descriptor of that BTF. To get
 * one takes CAP_SYS_ADMIN, which the daemon has when it starts, and no more. So both are looked up by
 * deliver_open(), and an object that is loaded later is given them in place of the call that stands in for
 * it (CALL_DELIVER), as the last thing before the kernel has the program.
 *
 * A program that calls the kfunc holds the module until it is gone from the kernel.
 *
 * Private to datapath/.
 */
#ifndef SLUICE_DATAPATH_DELIVER_H
#define SLUICE_DATAPATH_DELIVER_H

#include <stdbool.h>

#include "base/text.h"

struct deliver {
	int btf;		/* descriptor; -1: it cannot be called */
	int function;		/* its number in that */
	bool absent;		/* the module was not loaded when it was last looked for */
	struct text why;	/* it cannot be called, or was refused: what is the matter */
};

/**
 * deliver_open() - looks for the kfunc, if it is @wanted. Takes CAP_SYS_ADMIN; without, it is not found,
 * and said so. In any case makes libbpf know the section of the programs that may call it,
 * SEC("xdp.sluice"): before any such object is opened. Their constants are written into them there
 * (constants.h).
 */
void deliver_open(struct deliver *d, bool wanted);
void deliver_close(struct deliver *d);

/** deliver_can() - whether a program can be loaded that calls it. */
bool deliver_can(const struct deliver *d);

/**
 * deliver_refused() - the kernel refused a program that calls it, with these words. It is not
 * tried again: what is loaded after that does without.
 */
void deliver_refused(struct deliver *d, const char *words);

/** deliver_why() - a sentence without its end: why there is no calling it; NULL if there is. */
const char *deliver_why(const struct deliver *d);

/** deliver_cast() - the number of bpf_rdonly_cast(), for the calls that CALL_CAST stands in for. */
void deliver_cast(int function);

/** deliver_begin(), deliver_end() - around the load of an object whose call is to be filled in. */
void deliver_begin(const struct deliver *d);
void deliver_end(void);

#endif
