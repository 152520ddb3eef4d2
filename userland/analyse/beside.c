// SPDX-License-Identifier: GPL-2.0
#include "analyse/beside_inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "policy/frame.h"

static char *taken(struct text *t)
{
	char *s = t && t->len ? t->data : NULL;

	if (t && !s)
		text_free(t);
	if (t)
		*t = (struct text){ 0 };
	return s;
}

void beside_add(struct beside *b, const char *kind, struct text *name, struct text *sentence,
		struct text *packet, unsigned int of, const struct place *place)
{
	struct beside_change c = {
		.kind = kind, .name = taken(name), .sentence = taken(sentence), .packet = taken(packet),
		.of = of, .place = *place,
	};

	vec_append(b->out, &c);
}

void beside_free(struct vec *changes)
{
	for (size_t i = 0; i < changes->len; i++) {
		struct beside_change *c = vec_at(changes, i);

		free(c->name);
		free(c->sentence);
		free(c->packet);
	}
	vec_free(changes);
}

const struct policy_port *beside_port(const struct policy *p, const struct policy_port *port)
{
	for (size_t i = 0; i < p->ports.len; i++) {
		const struct policy_port *other = *(struct policy_port **)vec_at(&p->ports, i);

		if (!strcmp(other->interface, port->interface))
			return other;
	}
	return NULL;
}

void beside_packet(const struct policy *p, const struct policy_port *port, const struct addr *src,
		   const struct addr *dst, struct text *out)
{
	struct frame_fields f = { 0 };
	struct text why = { 0 };

	if (port)
		frame_set(&f, FIELD_IN, port->number);
	if (src)
		frame_set_address(&f, FIELD_IP_SRC, src);
	if (dst)
		frame_set_address(&f, FIELD_IP_DST, dst);
	if (dst && addr_is_multicast(dst))
		frame_set(&f, FIELD_IP_PROTO, 17);
	if (!frame_settle(&f, &why, NULL))
		frame_format(p, &f, out);
	text_free(&why);
}

/* ---- addresses ------------------------------------------------------------------------- */

static int prefix_order(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

void beside_sort(struct vec *prefixes)
{
	if (prefixes->len)
		qsort(prefixes->data, prefixes->len, sizeof(struct prefix), prefix_order);
}

/* What lies within a prefix stands behind it: from left to right, the first gap. */
bool beside_free_address(const struct prefix *prefix, const struct vec *prefixes, struct addr *a)
{
	size_t low = 0, high = prefixes->len;
	bool more = true;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (prefix_cmp(vec_at(prefixes, middle), prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	*a = prefix->addr;
	for (; low < prefixes->len && more && prefix_contains(prefix, vec_at(prefixes, low)); low++) {
		const struct prefix *p = vec_at(prefixes, low);

		if (!prefix_covers(p, a) && prefix_cmp(p, &(struct prefix){ *a, addr_bits(a->family) }) > 0)
			break;
		if (prefix_covers(p, a))
			more = prefix_behind(p, a);
	}
	return more && prefix_covers(prefix, a);
}

/* ---- lists of words that differ ---------------------------------------------------------- */

/* "A -> B", behind what was said before, if they are not the same. */
static void say_changed(struct text *out, const char *what, const char *before, const char *after)
{
	if (strcmp(before, after))
		text_printf(out, "%s%s%s%s -> %s", out->len ? "; " : "", what, *what ? " " : "", before, after);
}

static void say_changed_texts(struct text *out, const char *what, struct text *before, struct text *after)
{
	say_changed(out, what, text_string(before), text_string(after));
	text_free(before);
	text_free(after);
}

static void say_changed_numbers(struct text *out, const char *what, uint64_t before, uint64_t after)
{
	struct text x = { 0 }, y = { 0 };

	text_put_number(&x, before);
	text_put_number(&y, after);
	say_changed_texts(out, what, &x, &y);
}

static void add_said(struct beside *b, const char *kind, const char *name, struct text *sentence,
		     unsigned int of, const struct place *place)
{
	struct text text = { 0 };

	text_put(&text, name);
	if (sentence->len)
		beside_add(b, kind, &text, sentence, NULL, of, place);
	text_free(&text);
	text_free(sentence);
}

/* What only policy @of has. */
static void add_or_remove(struct beside *b, const char *kind, const char *name, unsigned int of,
			  const struct place *place)
{
	struct text sentence = { 0 };

	text_put(&sentence, of ? "added" : "removed");
	add_said(b, kind, name, &sentence, of, place);
}

/* ---- ports ----------------------------------------------------------------------------- */

static void compare_ports(struct beside *b)
{
	static const char *const modes[] = { [PORT_NATIVE] = "native", [PORT_GENERIC] = "generic" };

	for (unsigned int of = 0; of < 2; of++)
		for (size_t i = 0; i < b->policy[of]->ports.len; i++) {
			const struct policy_port *port = *(struct policy_port **)vec_at(&b->policy[of]->ports, i);
			const struct policy_port *other = beside_port(b->policy[!of], port);
			struct text name = { 0 }, sentence = { 0 };

			text_printf(&name, "%s (%s)", port->name, port->interface);
			if (!other) {
				add_or_remove(b, "port", text_string(&name), of, &port->place);
			} else if (of) {
				say_changed(&sentence, "name", other->name, port->name);
				say_changed(&sentence, "mode", modes[other->mode], modes[port->mode]);
				add_said(b, "port", text_string(&name), &sentence, of, &port->place);
			}
			text_free(&name);
		}
}

/* ---- tables of routes ------------------------------------------------------------------- */

static void table_name(const struct policy_route *r, struct text *out)
{
	if (r->table == TABLE_MAIN)
		text_printf(out, "main");
	else if (r->table == TABLE_VRF)
		text_printf(out, "vrf %s", r->vrf);
	else
		text_printf(out, "%" PRIu64, r->number);
}

static const struct policy_route *find_table(const struct policy *p, const struct policy_route *like)
{
	for (size_t i = 0; i < p->routes.len; i++) {
		const struct policy_route *r = vec_at(&p->routes, i);

		if (r->table == like->table &&
		    (r->table == TABLE_VRF ? !strcmp(r->vrf, like->vrf) : r->number == like->number))
			return r;
	}
	return NULL;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The interfaces, sorted: two lists are the same if these are. @names: as the policy calls them. */
static void port_list(const struct vec *refs, bool names, struct text *out)
{
	struct vec all = VEC(const char *);

	for (size_t i = 0; i < refs->len; i++) {
		const struct policy_port_ref *ref = vec_at(refs, i);
		const char *name = names ? ref->name : ref->port->interface;

		vec_append(&all, &name);
	}
	if (all.len && !names)
		qsort(all.data, all.len, sizeof(char *), name_order);
	for (size_t i = 0; i < all.len; i++)
		text_printf(out, "%s%s", i ? ", " : "", *(const char **)vec_at(&all, i));
	if (!all.len)
		text_put(out, "no port");
	vec_free(&all);
}

static void compare_table(struct beside *b, const char *name, const struct policy_route *before,
			  const struct policy_route *after)
{
	struct text x = { 0 }, y = { 0 }, sentence = { 0 };

	port_list(&before->ports, false, &x);
	port_list(&after->ports, false, &y);
	if (strcmp(text_string(&x), text_string(&y))) {
		x.len = y.len = 0;
		port_list(&before->ports, true, &x);
		port_list(&after->ports, true, &y);
		say_changed(&sentence, "for", text_string(&x), text_string(&y));
	}
	text_free(&x);
	text_free(&y);
	say_changed_numbers(&sentence, "table", before->number, after->number);
	say_changed_numbers(&sentence, "limit ip4", before->limit4, after->limit4);
	say_changed_numbers(&sentence, "limit ip6", before->limit6, after->limit6);
	add_said(b, "table", name, &sentence, 1, &after->place);
}

static void compare_tables(struct beside *b)
{
	for (unsigned int of = 0; of < 2; of++)
		for (size_t i = 0; i < b->policy[of]->routes.len; i++) {
			const struct policy_route *r = vec_at(&b->policy[of]->routes, i);
			const struct policy_route *other = find_table(b->policy[!of], r);
			struct text name = { 0 };

			table_name(r, &name);
			if (!other)
				add_or_remove(b, "table", text_string(&name), of, &r->place);
			else if (of)
				compare_table(b, text_string(&name), other, r);
			text_free(&name);
		}
}

/* ---- where packets say they come from ----------------------------------------------------- */

static void check_words(const struct policy_port *port, struct text *out)
{
	static const char *const words[] = {
		[SOURCE_RPF] = "rpf strict", [SOURCE_RPF_LOOSE] = "rpf loose",
		[SOURCE_ANTI_SPOOF] = "anti-spoof", [SOURCE_BOGONS] = "bogons",
	};

	for (unsigned int i = 0; i <= SOURCE_BOGONS; i++)
		if (port->source_checks >> i & 1)
			text_printf(out, "%s%s", out->len ? ", " : "", words[i]);
	if (!out->len)
		text_put(out, "none");
}

static const struct place *place_of_check(const struct policy *p, const struct policy_port *port)
{
	for (size_t i = 0; i < p->source_checks.len; i++) {
		const struct policy_source_check *s = vec_at(&p->source_checks, i);

		for (size_t k = 0; k < s->ports.len; k++)
			if (((struct policy_port_ref *)vec_at(&s->ports, k))->port == port)
				return &s->place;
	}
	return NULL;
}

static void compare_checks(struct beside *b)
{
	for (size_t i = 0; i < b->policy[1]->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&b->policy[1]->ports, i);
		const struct policy_port *other = beside_port(b->policy[0], port);
		const struct place *place[2] = { NULL, place_of_check(b->policy[1], port) };
		struct text x = { 0 }, y = { 0 }, sentence = { 0 };

		if (other)
			place[0] = place_of_check(b->policy[0], other);
		if (other)
			check_words(other, &x);
		else
			text_put(&x, "none");
		check_words(port, &y);
		say_changed_texts(&sentence, "", &x, &y);
		if (sentence.len)
			add_said(b, "source checks", port->name, &sentence, place[1] != NULL,
				 place[1] ? place[1] : place[0]);
	}
}

/* ---- sets, measurements ------------------------------------------------------------------- */

static const struct policy_set *find_set(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->sets.len; i++) {
		const struct policy_set *s = *(struct policy_set **)vec_at(&p->sets, i);

		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static void duration_words(uint64_t ms, struct text *out)
{
	if (ms)
		quantity_print_duration(ms, out);
	else
		text_put(out, "none");
}

static void compare_sets(struct beside *b)
{
	for (unsigned int of = 0; of < 2; of++)
		for (size_t i = 0; i < b->policy[of]->sets.len; i++) {
			const struct policy_set *s = *(struct policy_set **)vec_at(&b->policy[of]->sets, i);
			const struct policy_set *other = find_set(b->policy[!of], s->name);
			struct text x = { 0 }, y = { 0 }, sentence = { 0 };

			if (!other)
				add_or_remove(b, "set", s->name, of, &s->place);
			if (!other || !of)
				continue;
			say_changed(&sentence, "of", policy_field_name(other->field), policy_field_name(s->field));
			say_changed_numbers(&sentence, "size", other->size, s->size);
			duration_words(other->timeout_ms, &x);
			duration_words(s->timeout_ms, &y);
			say_changed_texts(&sentence, "timeout", &x, &y);
			add_said(b, "set", s->name, &sentence, of, &s->place);
		}
}

static void key_words(const struct policy_measure *m, struct text *out)
{
	for (unsigned int key = KEY_IP_SRC; key <= KEY_L4_DST; key <<= 1)
		if (m->key & key)
			text_printf(out, "%s%s", out->len ? ", " : "(", policy_key_name(key));
	text_put(out, ")");
}

static void threshold_words(const struct policy_measure *m, struct text *out)
{
	if (m->threshold_ppm)
		quantity_print_fraction(m->threshold_ppm, out);
	else
		quantity_print_rate(m->threshold_Bps, out);
}

/* There is at most one. */
static void compare_measures(struct beside *b)
{
	const struct policy_measure *m[2];
	struct text x = { 0 }, y = { 0 }, sentence = { 0 };

	for (unsigned int i = 0; i < 2; i++)
		m[i] = b->policy[i]->measures.len ? vec_at(&b->policy[i]->measures, 0) : NULL;
	for (unsigned int i = 0; i < 2; i++)
		if (m[i] && !m[!i])
			add_or_remove(b, "measure", m[i]->name, i, &m[i]->place);
	if (!m[0] || !m[1])
		return;
	say_changed(&sentence, "name", m[0]->name, m[1]->name);
	key_words(m[0], &x);
	key_words(m[1], &y);
	say_changed_texts(&sentence, "by", &x, &y);
	threshold_words(m[0], &x);
	threshold_words(m[1], &y);
	say_changed_texts(&sentence, "threshold", &x, &y);
	say_changed_numbers(&sentence, "oversampling", m[0]->oversampling, m[1]->oversampling);
	duration_words(m[0]->interval_ms, &x);
	duration_words(m[1]->interval_ms, &y);
	say_changed_texts(&sentence, "interval", &x, &y);
	say_changed_numbers(&sentence, "slots", m[0]->slots, m[1]->slots);
	add_said(b, "measure", m[1]->name, &sentence, 1, &m[1]->place);
}

void beside_compare(const struct policy *before, const struct policy *after, struct vec *out)
{
	struct beside b = { { before, after }, out };

	compare_ports(&b);
	compare_tables(&b);
	compare_checks(&b);
	beside_bogons(&b);
	beside_statics(&b);
	beside_counted(&b);
	beside_groups(&b);
	compare_sets(&b);
	compare_measures(&b);
}
