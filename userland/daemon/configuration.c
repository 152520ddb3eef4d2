// SPDX-License-Identifier: GPL-2.0
#include "daemon/configuration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "daemon/home.h"

struct configuration {
	struct home *home;
	bool in_module;
	struct text why;
};

uint64_t home_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

int configuration_open(uv_loop_t *loop, const char *path, const struct configuration_owner *owner,
		       struct configuration **out, struct text *why)
{
	struct configuration *c = xcalloc(1, sizeof(*c));
	int err;

	err = home_module(loop, path, owner, &c->home, &c->why);
	c->in_module = !err;
	if (!err) {
		text_printf(&c->why, "which is loaded");
	} else if (err == -ENOENT) {
		err = home_daemon(loop, path, owner, &c->home, why);
	} else {
		text_printf(why, "%s", text_string(&c->why));
	}
	if (err) {
		text_free(&c->why);
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

bool configuration_in_module(const struct configuration *c)
{
	return c->in_module;
}

const char *configuration_why(const struct configuration *c)
{
	return text_string(&c->why);
}

uint64_t configuration_running(const struct configuration *c)
{
	return c->home->ops->running(c->home);
}

const char *configuration_aside(const struct configuration *c)
{
	return c->home->aside;
}

int configuration_listen(struct configuration *c, const char *path, gid_t group, struct text *why)
{
	return c->home->ops->listen(c->home, path, group, why);
}

bool configuration_wants(struct configuration *c, uint64_t generation)
{
	return c->home->ops->wants(c->home, generation);
}

int configuration_verdict(struct configuration *c, uint64_t generation, bool accepted,
			  const char *message)
{
	return c->home->ops->verdict(c->home, generation, accepted, message);
}

static int keep_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	struct document *d = vec_push(ctx);

	d->name = xstrdup(name);
	d->text = xcalloc(1, len + 1);
	memcpy(d->text, bytes, len);
	d->len = len;
	return 0;
}

static int fail_to_read(int err, const char *what, uint64_t generation, struct text *sentence,
			struct text *why)
{
	text_printf(why, "the %s of generation %" PRIu64 " cannot be read: %s", what, generation,
		    sentence->len ? sentence->data : strerror(-err));
	return err;
}

int configuration_documents(struct configuration *c, uint64_t generation, struct vec *documents,
			    struct text *why)
{
	struct text sentence = { 0 };
	int err;

	*documents = VEC(struct document);
	err = c->home->ops->documents(c->home, generation, keep_document, documents, &sentence);
	if (err)
		fail_to_read(err, "documents", generation, &sentence, why);
	text_free(&sentence);
	return err;
}

void documents_free(struct vec *documents)
{
	for (size_t i = 0; i < documents->len; i++) {
		struct document *d = vec_at(documents, i);

		free(d->name);
		free(d->text);
	}
	vec_free(documents);
}

int configuration_objects(struct configuration *c, uint64_t generation, uint32_t type,
			  int (*each)(void *ctx, uint32_t type, const void *key, size_t key_len,
				      const void *value, size_t value_len),
			  void *ctx, struct text *why)
{
	struct text sentence = { 0 };
	int err = c->home->ops->objects(c->home, generation, type, each, ctx, &sentence);

	/* what @each returned has no sentence of ours */
	if (err && sentence.len)
		fail_to_read(err, "objects", generation, &sentence, why);
	text_free(&sentence);
	return err;
}

void configuration_event(struct configuration *c, const char *name, const char *json)
{
	c->home->ops->event(c->home, name, json);
}

void configuration_close(struct configuration *c)
{
	c->home->ops->close(c->home);
	text_free(&c->why);
	free(c);
}
