// SPDX-License-Identifier: GPL-2.0
/*
 * frame_text.c: packets in words: "in=wan ip.src=192.0.2.1 tcp.dst=22".
 *
 * What is printed is what cannot be left out: a field is, if the packet without it is settled
 * to the same value. So the text of a witness says what is special about it.
 */
#include "policy/frame.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/nearest.h"
#include "base/text.h"
#include "policy/field.h"

static bool is_mac(enum policy_field field)
{
	return field_kind(field) == KIND_MAC;
}

/* ---- read ----------------------------------------------------------------------- */

/* A text as it is read. */
struct words {
	const struct policy *p;
	const struct source *text;
	struct frame_fields *f;
	struct diags *diags;
	struct place given[FIELD_COUNT];	/* where a field was; source NULL: nowhere */
};

#define WORD_MAX 128

static struct place place_of(const struct words *w, const char *at, size_t len)
{
	struct place place = { .source = w->text, .line = 1, .column = 1, .width = len ? len : 1 };

	for (const char *c = w->text->text; c < at; c++) {
		place.column++;
		if (*c == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

static bool read_number(const char *word, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	*value = strtoull(word, &end, word[0] == '0' && tolower((unsigned char)word[1]) == 'x' ? 16 : 10);
	return !*end && !errno;
}

/* A word, or several with bars between: syn|ack. Writes to @word. */
static bool read_words(enum policy_field field, char *word, uint64_t *value)
{
	char *rest = word, *one;
	uint64_t bits = 0;

	if (field != FIELD_TCP_FLAGS)
		return field_word(field, word, value);
	while ((one = strsep(&rest, "|"))) {
		if (!field_word(field, one, value))
			return false;
		bits |= *value;
	}
	*value = bits;
	return true;
}

static bool read_port(const struct words *w, const char *word, uint64_t *value)
{
	for (size_t i = 0; w->p && i < w->p->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&w->p->ports, i);

		if (!strcmp(port->name, word)) {
			*value = i;
			return true;
		}
	}
	return false;
}

static void list_words(const struct words *w, enum policy_field field)
{
	struct text words = { 0 };
	unsigned int pos = 0;
	const char *word;

	while ((word = field_word_next(field, &pos)))
		text_printf(&words, "%s%s", words.len ? ", " : "", word);
	if (words.len)
		diag_hint(w->diags, "a number, or one of: %s", words.data);
	text_free(&words);
}

static void take_address(struct words *w, enum policy_field field, const char *value,
			 struct place place)
{
	struct addr a;

	if (addr_parse(value, &a))
		diag_error(w->diags, place, "\"%s\" is not an address", value);
	else
		frame_set_address(w->f, field, &a);
}

static void take_port(struct words *w, const char *value, struct place place)
{
	uint64_t index;

	if (read_port(w, value, &index)) {
		frame_set(w->f, FIELD_IN, index);
		return;
	}
	diag_error(w->diags, place, "no port is called \"%s\"", value);
	for (size_t i = 0; w->p && i == 0 && i < w->p->ports.len; i++) {
		struct text names = { 0 };

		for (size_t j = 0; j < w->p->ports.len; j++)
			text_printf(&names, "%s%s", j ? ", " : "",
				    (*(struct policy_port **)vec_at(&w->p->ports, j))->name);
		diag_hint(w->diags, "ports of this policy: %s", names.data);
		text_free(&names);
	}
}

static void take_mac(struct words *w, enum policy_field field, const char *value, struct place place)
{
	uint64_t n = 0;
	uint8_t mac[6];

	if (mac_parse(value, mac)) {
		diag_error(w->diags, place, "\"%s\" is not a link-layer address", value);
		return;
	}
	for (int i = 0; i < 6; i++)
		n = n << 8 | mac[i];
	frame_set(w->f, field, n);
}

static void take_number(struct words *w, enum policy_field field, const char *value,
			struct place place)
{
	char word[WORD_MAX];
	uint64_t n;

	snprintf(word, sizeof(word), "%s", value);
	if (!read_number(value, &n) && !read_words(field, word, &n)) {
		diag_error(w->diags, place, "\"%s\" is no value of %s", value, policy_field_name(field));
		list_words(w, field);
	} else if (n > field_max(field)) {
		diag_error(w->diags, place, "%s goes up to %llu", policy_field_name(field),
			   (unsigned long long)field_max(field));
	} else {
		frame_set(w->f, field, n);
	}
}

static void take_inner(struct words *w, const char *value, struct place place)
{
	uint64_t id;

	if (!read_number(value, &id) || id > 0xfff) {
		diag_error(w->diags, place, "vlan.inner is a number from 0 to 4095");
		return;
	}
	w->f->inner = true;
	w->f->inner_id = id;
}

/* "tcp", "ip6": the same as a field with a value. */
static void take_bare(struct words *w, const char *word, struct place place)
{
	struct nearest near = NEAREST(word);

	for (unsigned int i = 0; i < BARE_WORDS; i++) {
		enum policy_field field = FIELD_ETH_TYPE;
		uint64_t value = 0;

		nearest_try(&near, field_bare_word(i));
		if (strcmp(word, field_bare_word(i)))
			continue;
		/* "ip6" is a protocol, too: as a word by itself it is the packet. */
		if (!field_word(field, word, &value))
			field = FIELD_IP_PROTO;
		/* ICMP has a number of its own in each family, which frame_settle() knows. */
		if (!strcmp(word, "icmp"))
			field = FIELD_ICMP_TYPE;
		if (w->given[field].source)
			return;
		w->given[field] = place;
		if (field != FIELD_ICMP_TYPE)
			frame_set(w->f, field, field_word(field, word, &value) ? value : 0);
		return;
	}
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		nearest_try(&near, policy_field_name(i));
		if (!strcmp(word, policy_field_name(i))) {
			diag_error(w->diags, place, "%s needs a value: %s=...", word, word);
			return;
		}
	}
	diag_error(w->diags, place, "\"%s\" is neither a field with a value nor one of ip4, ip6, "
		   "arp, tcp, udp, icmp, igmp", word);
	if (near.best)
		diag_hint(w->diags, "did you mean \"%s\"?", near.best);
}

static void take_field(struct words *w, const char *name, char *value, struct place name_at,
		       struct place value_at)
{
	struct nearest near = NEAREST(name);

	if (!strcmp(name, "vlan.inner")) {
		take_inner(w, value, value_at);
		return;
	}
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		nearest_try(&near, policy_field_name(i));
		if (strcmp(name, policy_field_name(i)))
			continue;
		if (frame_has(w->f, i)) {
			diag_error(w->diags, name_at, "%s is given twice", name);
			return;
		}
		w->given[i] = value_at;
		if (field_kind(i) == KIND_ADDRESS)
			take_address(w, i, value, value_at);
		else if (i == FIELD_IN)
			take_port(w, value, value_at);
		else if (is_mac(i))
			take_mac(w, i, value, value_at);
		else
			take_number(w, i, value, value_at);
		return;
	}
	diag_error(w->diags, name_at, "there is no field \"%s\"", name);
	if (near.best)
		diag_hint(w->diags, "did you mean \"%s\"?", near.best);
}

/* FIELD=VALUE, FIELD==VALUE, or a bare word, of @len bytes at @at. */
static void take_word(struct words *w, const char *at, size_t len)
{
	struct place place = place_of(w, at, len), value_at = place;
	char word[WORD_MAX], *value;

	if (len >= sizeof(word)) {
		diag_error(w->diags, place, "too long for a word about a packet");
		return;
	}
	memcpy(word, at, len);
	word[len] = '\0';
	value = strchr(word, '=');
	if (!value) {
		take_bare(w, word, place);
		return;
	}
	place.width = value > word ? value - word : 1;
	*value++ = '\0';
	value += *value == '=';
	value_at.column += value - word;
	value_at.width = *value ? strlen(value) : 1;
	take_field(w, word, value, place, value_at);
}

/* "icmp" alone: a packet of it, whatever its type. */
static void want_icmp(struct words *w)
{
	struct frame_fields *f = w->f;
	bool ip6 = f->src.family == ADDR_V6 || f->dst.family == ADDR_V6 ||
		   f->value[FIELD_ETH_TYPE] == 0x86dd;

	if (w->given[FIELD_ICMP_TYPE].source && !frame_has(f, FIELD_ICMP_TYPE) &&
	    !frame_has(f, FIELD_IP_PROTO)) {
		w->given[FIELD_IP_PROTO] = w->given[FIELD_ICMP_TYPE];
		frame_set(f, FIELD_IP_PROTO, ip6 ? 58 : 1);
	}
}

int frame_parse(const struct policy *p, const struct source *text, struct frame_fields *f,
		struct diags *diags)
{
	struct words w = { .p = p, .text = text, .f = f, .diags = diags };
	static const char blanks[] = " \t\r\n,";
	unsigned int errors = diags->errors;
	const char *at = text->text;
	enum policy_field field = 0;
	struct text why = { 0 };

	*f = (struct frame_fields){ 0 };
	for (at += strspn(at, blanks); *at; at += strspn(at, blanks)) {
		size_t len = strcspn(at, blanks);

		take_word(&w, at, len);
		at += len;
	}
	want_icmp(&w);
	if (diags->errors == errors && frame_settle(f, &why, &field)) {
		struct place place = w.given[field];

		if (!place.source)
			place = place_of(&w, text->text, strcspn(text->text, "\n"));
		diag_error(diags, place, "%s", why.data);
	}
	text_free(&why);
	return diags->errors == errors ? 0 : -EINVAL;
}

/* ---- print ------------------------------------------------------------------------ */

static bool same(const struct frame_fields *a, const struct frame_fields *b)
{
	return a->has == b->has && !memcmp(a->value, b->value, sizeof(a->value)) &&
	       addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst) &&
	       a->inner == b->inner && a->inner_id == b->inner_id;
}

static void drop_field(struct frame_fields *f, enum policy_field field)
{
	f->has &= ~(1u << field);
	f->value[field] = 0;
	if (field == FIELD_IP_SRC)
		f->src = (struct addr){ 0 };
	if (field == FIELD_IP_DST)
		f->dst = (struct addr){ 0 };
}

/* Whether @less is settled to @f. */
static bool settles_to(struct frame_fields less, const struct frame_fields *f)
{
	struct text why = { 0 };
	bool yes = !frame_settle(&less, &why, NULL) && same(&less, f);

	text_free(&why);
	return yes;
}

/*
 * What can be left out, asked field by field; the first ones to go are those that a reader misses
 * least. The addresses and the ports stay: a packet without them is hard to picture.
 */
static struct frame_fields shortest(const struct frame_fields *f)
{
	static const enum policy_field order[] = {
		FIELD_L4_SRC, FIELD_L4_DST, FIELD_ETH_SRC, FIELD_ETH_DST, FIELD_ETH_TYPE,
		FIELD_PKT_LEN, FIELD_IP_DSCP, FIELD_IP_ECN, FIELD_IP_TTL, FIELD_IP_FRAG,
		FIELD_IP_PROTO, FIELD_VLAN_PCP, FIELD_SOCKET, FIELD_TCP_FLAGS, FIELD_ICMP_CODE,
	};
	struct frame_fields less = *f;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct frame_fields without = less;

		drop_field(&without, order[i]);
		if (frame_has(f, order[i]) && settles_to(without, f))
			less = without;
	}
	return less;
}

static void print_value(const struct policy *p, const struct frame_fields *f,
			enum policy_field field, struct text *out)
{
	char buf[ADDR_STRLEN];

	if (field_kind(field) == KIND_ADDRESS) {
		text_printf(out, "%s", addr_format(field == FIELD_IP_SRC ? &f->src : &f->dst, buf));
	} else {
		field_print(p, field, f->value[field], out);
	}
}

void frame_format(const struct policy *p, const struct frame_fields *f, struct text *out)
{
	struct frame_fields less = shortest(f);
	const char *between = "";

	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if (!frame_has(&less, i) || (i == FIELD_IN && (!p || f->value[i] >= p->ports.len)))
			continue;
		text_printf(out, "%s%s=", between, policy_field_name(i));
		print_value(p, f, i, out);
		between = " ";
		if (i == FIELD_VLAN_PCP || (i == FIELD_VLAN_ID && !frame_has(&less, FIELD_VLAN_PCP)))
			if (less.inner)
				text_printf(out, " vlan.inner=%u", less.inner_id);
	}
}
