/* SPDX-License-Identifier: GPL-2.0 */
/*
 * field.h: what the fields of a packet (POLICY_FIELDS) are, and the words for their values.
 */
#ifndef SLUICE_POLICY_FIELD_H
#define SLUICE_POLICY_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/tree.h"

struct text;

/* How its values are written. */
enum field_kind {
	KIND_NUMBER,	/* 80, 0x50, 80-90; some fields have words, too: tcp, syn */
	KIND_ADDRESS,	/* 192.0.2.1, 2001:db8::/32 */
	KIND_MAC,	/* 02:00:00:00:00:01 */
	KIND_PORT,	/* names of ports; the number is the place in policy->ports */
};

/* policy_field_name() and policy_field_bits(): policy/tree.h. */

/** field_find() - the field whose name is the @len bytes at @name, or FIELD_COUNT. */
enum policy_field field_find(const char *name, size_t len);

enum field_kind field_kind(enum policy_field field);

/** field_max() - the greatest number that it can have; addresses have none: all ones. */
uint64_t field_max(enum policy_field field);

/** field_word() - what @word stands for in @field: "tcp" is 6 in ip.proto. Return: whether it does. */
bool field_word(enum policy_field field, const char *word, uint64_t *number);

/**
 * field_word_of() - the word for @number in @field, NULL if there is none. Flags are words for
 * single bits here: field_print() puts them together.
 */
const char *field_word_of(enum policy_field field, uint64_t number);

/** field_word_next() - the words of @field, one by one: start with *@pos = 0; NULL at the end. */
const char *field_word_next(enum policy_field field, unsigned int *pos);

/** field_bare_word() - the words that are tests by themselves, by number: ip4, tcp; NULL: no more. */
const char *field_bare_word(unsigned int number);
#define BARE_WORDS 7

/**
 * field_print() - @number as a policy has it: "tcp", "syn|ack", "02:00:00:00:00:01", 443.
 * @p: whose ports FIELD_IN numbers; not used for other fields.
 */
void field_print(const struct policy *p, enum policy_field field, uint64_t number, struct text *out);

/**
 * field_shared() - the field that stands for all those that a set with values of @field can be
 * asked for, and that rules can insert into it: ip.src for ip.src and ip.dst, eth.src for both eth
 * fields, l4.src for both l4 fields, vlan.id and ip.proto for themselves. FIELD_COUNT: no set has
 * values of @field.
 */
enum policy_field field_shared(enum policy_field field);

/** field_keyed() - whether a police rule can keep a rate for each value of @field. */
bool field_keyed(enum policy_field field);

#endif
