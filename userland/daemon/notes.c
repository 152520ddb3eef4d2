// SPDX-License-Identifier: GPL-2.0
#include "daemon/notes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/log.h"

void notes_open(struct notes *notes, struct vec *sentences)
{
	notes->subjects = VEC(char *);
	*sentences = VEC(char *);
	notes->sentences = sentences;
}

static void free_strings(struct vec *v)
{
	for (size_t i = 0; i < v->len; i++)
		free(*(char **)vec_at(v, i));
	vec_free(v);
}

void notes_close(struct notes *notes)
{
	free_strings(&notes->subjects);
	free_strings(notes->sentences);
}

/* Where the note on @subject stands; notes->subjects.len if there is none. */
static size_t find_note(const struct notes *notes, const char *subject)
{
	size_t i;

	for (i = 0; i < notes->subjects.len; i++)
		if (!strcmp(*(char **)vec_at(&notes->subjects, i), subject))
			break;
	return i;
}

void notes_set(struct notes *notes, const char *subject, const char *format, ...)
{
	size_t at = find_note(notes, subject);
	struct text sentence = { 0 };
	char **kept;
	va_list args;

	text_printf(&sentence, "%s: ", subject);
	va_start(args, format);
	text_vprintf(&sentence, format, args);
	va_end(args);
	if (at == notes->subjects.len) {
		*(char **)vec_push(&notes->subjects) = xstrdup(subject);
		vec_push(notes->sentences);
	}
	kept = vec_at(notes->sentences, at);
	if (*kept && !strcmp(*kept, sentence.data)) {
		text_free(&sentence);
		return;
	}
	log_warning("%s", sentence.data);
	free(*kept);
	*kept = sentence.data;
}

static void take_out(struct vec *v, size_t at)
{
	char **list = v->data;

	free(list[at]);
	memmove(list + at, list + at + 1, (v->len - at - 1) * sizeof(*list));
	vec_pop(v);
}

void notes_clear(struct notes *notes, const char *subject)
{
	size_t at = find_note(notes, subject);

	if (at == notes->subjects.len)
		return;
	log_say("%s: as asked again", subject);
	take_out(&notes->subjects, at);
	take_out(notes->sentences, at);
}
