/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notes.h: everything that is not as asked, in sentences, for `sluice status`.
 *
 * A note stands under a subject ("port wan", "routes") for as long as it is true: whoever
 * knows sets it, sets it anew, and clears it. Each is logged once when it appears or
 * changes, and once when it goes.
 */
#ifndef SLUICE_DAEMON_NOTES_H
#define SLUICE_DAEMON_NOTES_H

#include "base/vec.h"

struct notes {
	struct vec subjects;	/* of char * */
	struct vec *sentences;	/* of char *: "SUBJECT: SENTENCE", in the same order; the owner shows them */
};

/** notes_open() - @sentences: empty; filled from now on, and the owner's to read. */
void notes_open(struct notes *notes, struct vec *sentences);
void notes_close(struct notes *notes);

/** notes_set() - @subject is not as asked, and why; replaces what was said about it. */
void notes_set(struct notes *notes, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** notes_clear() - @subject is as asked (again). */
void notes_clear(struct notes *notes, const char *subject);

#endif
