/* SPDX-License-Identifier: GPL-2.0 */
/*
 * object.h: the typed objects of base/object.h as the store keeps them: keys of words, values of
 * attributes (kmod/uapi/linux/sluice.h).
 *
 * One thing has one key: addresses stand as RFC 5952 writes them, a prefix has no bits behind its
 * length, a prefix of full length is an address. Whoever sends another spelling is told at the
 * next commit.
 */
#ifndef SLUICE_NETLINK_OBJECT_H
#define SLUICE_NETLINK_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include <linux/sluice.h>

#include "base/object.h"

struct client;
struct text;
struct vec;

#define OBJECT_VALUE_MAX 256	/* bytes: no typed object's value is longer */

/** object_type() - enum sluice_object of a kind. */
uint32_t object_type(enum object_kind kind);

/** object_type_name() - "port", "member", "document"; "object" for one that is not known. */
const char *object_type_name(uint32_t type);

/** object_key() - Return: its length; words of the table above OBJECT_NAME_MAX always fit. */
size_t object_key(const struct object *o, uint8_t key[SLUICE_KEY_MAX]);

/** object_cmp() - the order of the store: by type, then by the bytes of the key. */
int object_cmp(const struct object *a, const struct object *b);

/** object_value() - Return: its length. @value: aligned to four bytes. */
size_t object_value(const struct object *o, uint8_t value[OBJECT_VALUE_MAX]);

/**
 * object_decode() - reads an object that is no document; nothing of it has been believed.
 * Return: 0, or -EBADMSG and a sentence that names it.
 */
int object_decode(uint32_t type, const void *key, size_t key_len, const void *value,
		  size_t value_len, struct object *o, struct text *why);

/* Collects typed objects, in the order in which they come. */
struct object_reader {
	struct vec *objects;	/* of struct object */
	struct text *why;	/* a sentence on the one that is not understood */
};

/** object_take() - a client_object_fn, @ctx a struct object_reader. Return: 0 or -EBADMSG. */
int object_take(void *ctx, uint32_t type, const void *key, size_t key_len, const void *value,
		size_t value_len);

/**
 * object_fetch() - all typed objects of a generation, in the order of the store.
 * Return: 0 or -errno; -EBADMSG with a sentence in @why: one of them is not understood; without:
 * client_error() has it.
 */
int object_fetch(struct client *c, uint64_t generation, struct vec *objects, struct text *why);

#endif
