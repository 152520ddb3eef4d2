/* SPDX-License-Identifier: GPL-2.0 */
/* grace.h: what was replaced while programs may still read it. */
#ifndef SLUICE_FIB_GRACE_H
#define SLUICE_FIB_GRACE_H

struct fib;

/** fib_wait_for_readers() - waits for all that read now, and makes usable again what they held up. */
void fib_wait_for_readers(struct fib *fib);

#endif
