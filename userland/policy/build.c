// SPDX-License-Identifier: GPL-2.0
#include "policy/build.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"

struct diags *diags_of(struct document *doc)
{
	return doc->parser->diags;
}

char *name_of(struct document *doc, struct word w)
{
	return arena_strndup(&doc->parser->policy->arena, w.text, w.len);
}

char *string_of(struct document *doc, struct word w)
{
	char *string = arena_strndup(&doc->parser->policy->arena, w.text + 1, w.len - 2);
	char *out = string;

	for (const char *in = string; *in; in++) {
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in;
	}
	*out = '\0';
	return string;
}

/* Moves a list that was collected into the tree, and starts it anew. */
static struct vec take(struct vec *list)
{
	struct vec taken = *list;

	*list = (struct vec){ .elem_size = list->elem_size };
	return taken;
}

void *new_node(struct document *doc, size_t size)
{
	return arena_alloc(&doc->parser->policy->arena, size);
}

struct vec keep_list(struct document *doc, struct vec *list)
{
	struct vec kept = { .len = list->len, .cap = list->len, .elem_size = list->elem_size };

	if (list->len) {
		kept.data = arena_alloc(&doc->parser->policy->arena, list->len * list->elem_size);
		memcpy(kept.data, list->data, list->len * list->elem_size);
	}
	list->len = 0;
	return kept;
}

/* ---- include ------------------------------------------------------------ */

void build_include(struct document *doc, struct word path, struct place at)
{
	parse_include(doc, string_of(doc, path), at);
}

/* ---- port --------------------------------------------------------------- */

/* What the kernel takes as an interface's name. */
const char *interface_mistake(const char *name)
{
	if (!*name)
		return "an interface's name cannot be empty";
	if (strlen(name) > POLICY_INTERFACE_MAX)
		return "an interface's name has at most 15 bytes";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "no interface can be called \".\" or \"..\"";
	if (strpbrk(name, "/: \t"))
		return "an interface's name has no \"/\", \":\" or space in it";
	for (unsigned int n; *name; name += n) {	/* a document's text has none of these anyway */
		n = utf8_len(name);
		if (!n || (unsigned char)*name < ' ' || *name == 0x7f)
			return "an interface's name has no control characters in it, and is UTF-8 text";
	}
	return NULL;
}

static struct policy_port *new_port(struct document *doc, struct word name, struct place at)
{
	struct policy *policy = doc->parser->policy;
	struct policy_port *port = new_node(doc, sizeof(*port));

	port->name = name_of(doc, name);
	port->place = at;
	*(struct policy_port **)vec_push(&policy->ports) = port;
	return port;
}

void build_port(struct document *doc, struct word name, struct place at,
		struct word interface, struct place interface_at, enum policy_mode mode)
{
	struct policy_port *port = new_port(doc, name, at);
	char *string = string_of(doc, interface);
	const char *mistake = interface_mistake(string);

	if (mistake)
		diag_error(diags_of(doc), interface_at, "%s", mistake);
	else
		port->interface = string;
	port->interface_place = interface_at;
	port->mode = mode;
}

void build_broken_port(struct document *doc, struct word name, struct place at)
{
	new_port(doc, name, at);
}

/* ---- values and let ----------------------------------------------------- */

struct policy_value value_prefix(struct prefix p, struct place at)
{
	return (struct policy_value){ .type = VALUE_PREFIX, .prefix = p, .place = at };
}

static const char *range_mistake(const struct prefix *first, const struct prefix *last)
{
	unsigned int bits = addr_bits(first->addr.family);

	if (first->addr.family != last->addr.family)
		return "a range has addresses of one family";
	if (first->len != bits || last->len != bits)
		return "a range goes from address to address, not from prefix to prefix";
	if (addr_cmp(&first->addr, &last->addr) > 0)
		return "this range ends before it begins";
	return NULL;
}

struct policy_value value_addresses(struct document *doc, const struct prefix *first,
				    const struct prefix *last, struct place at)
{
	struct policy_value v = { .type = VALUE_ADDRESSES, .prefix = *first, .place = at };
	const char *mistake = range_mistake(first, last);
	struct addr *end = new_node(doc, sizeof(*end));

	*end = last->addr;
	v.last_address = end;
	if (mistake) {
		diag_error(diags_of(doc), at, "%s", mistake);
		v.type = VALUE_NONE;
	}
	return v;
}

struct policy_value value_numbers(struct document *doc, uint64_t first, uint64_t last,
				  struct place at)
{
	struct policy_value v = { .type = VALUE_NUMBERS, .first = first, .last = last, .place = at };

	if (first > last) {
		diag_error(diags_of(doc), at, "this range ends before it begins");
		diag_hint(diags_of(doc), "write %" PRIu64 "-%" PRIu64, last, first);
		v.type = VALUE_NONE;
	}
	return v;
}

struct policy_value value_mac(uint64_t mac, struct place at)
{
	return (struct policy_value){ .type = VALUE_MAC, .first = mac, .last = mac, .place = at };
}

struct policy_value value_let(struct document *doc, struct word name, struct place at)
{
	return (struct policy_value){ .type = VALUE_LET, .name = name_of(doc, name), .place = at };
}

void build_first_value(struct document *doc, const struct policy_value *v)
{
	doc->values.len = 0;
	build_value(doc, v);
}

void build_value(struct document *doc, const struct policy_value *v)
{
	vec_append(&doc->values, v);
}

static struct policy_let *new_let(struct document *doc, struct word name, struct place at)
{
	struct policy *policy = doc->parser->policy;
	struct policy_let *let = new_node(doc, sizeof(*let));

	let->name = name_of(doc, name);
	let->place = at;
	let->values = VEC(struct policy_value);
	let->prefixes = VEC(struct prefix);
	let->ranges = VEC(struct range);
	*(struct policy_let **)vec_push(&policy->lets) = let;
	return let;
}

void build_let(struct document *doc, struct word name, struct place at)
{
	struct policy_let *let = new_let(doc, name, at);

	let->values = take(&doc->values);
	for (size_t i = 0; i < let->values.len; i++) {
		const struct policy_value *v = vec_at(&let->values, i);

		if (v->type == VALUE_NONE)
			let->broken = true;
	}
}

void build_let_predicate(struct document *doc, struct word name, struct place at,
			 struct policy_predicate *predicate)
{
	struct policy_let *let = new_let(doc, name, at);

	let->predicate = predicate;
	let->broken = predicate->kind == PREDICATE_NONE;
}

void build_broken_let(struct document *doc, struct word name, struct place at)
{
	new_let(doc, name, at)->broken = true;
}

/* ---- route -------------------------------------------------------------- */

enum { SEEN_LIMIT4 = 1, SEEN_LIMIT6 = 2 };

void build_table(struct document *doc, enum policy_table table, const struct word *vrf,
		 struct place vrf_at, uint64_t number, struct place number_at)
{
	bool main = table == TABLE_MAIN;

	doc->route = (struct policy_route){
		.table = table, .number = number, .number_place = number_at,
		.limit4 = main ? POLICY_LIMIT4_DEFAULT : POLICY_TABLE_LIMIT4_DEFAULT,
		.limit6 = main ? POLICY_LIMIT6_DEFAULT : POLICY_TABLE_LIMIT6_DEFAULT,
	};
	if (vrf) {
		doc->route.vrf = name_of(doc, *vrf);
		doc->route.vrf_place = vrf_at;
	}
	doc->seen = 0;
}

void build_table_ports(struct document *doc)
{
	doc->route.ports = keep_list(doc, &doc->from);
}

void build_bogons(struct document *doc)
{
	doc->source_check = (struct policy_source_check){ 0 };
}

static void bogons_let(struct document *doc, char **let, struct place *let_at, struct word name,
		       struct place at)
{
	if (*let)
		diag_error(diags_of(doc), at, "one let is named already");
	*let = name_of(doc, name);
	*let_at = at;
}

void bogons_and(struct document *doc, struct word name, struct place at)
{
	bogons_let(doc, &doc->source_check.also, &doc->source_check.also_place, name, at);
}

void bogons_except(struct document *doc, struct word name, struct place at)
{
	bogons_let(doc, &doc->source_check.except, &doc->source_check.except_place, name, at);
}

void build_source_check(struct document *doc, enum policy_source kind, struct place at)
{
	if (kind != SOURCE_BOGONS)
		build_bogons(doc);
	doc->source_check.kind = kind;
	doc->source_check.ports = keep_list(doc, &doc->from);
	doc->source_check.place = at;
	vec_append(&doc->parser->policy->source_checks, &doc->source_check);
}

void build_limit(struct document *doc, enum addr_family family, uint64_t limit,
		 struct place word_at, struct place at)
{
	unsigned int bit = family == ADDR_V4 ? SEEN_LIMIT4 : SEEN_LIMIT6;
	uint64_t max = family == ADDR_V4 ? POLICY_LIMIT4_MAX : POLICY_LIMIT6_MAX;

	if (doc->seen & bit)
		diag_error(diags_of(doc), word_at, "the limit for ip%d is given twice", family);
	doc->seen |= bit;
	if (limit < 1 || limit > max)
		diag_error(diags_of(doc), at, "the limit for ip%d is 1 to %" PRIu64 " routes",
			   family, max);
	if (family == ADDR_V4)
		doc->route.limit4 = limit;
	else
		doc->route.limit6 = limit;
}

void build_route(struct document *doc, struct place at)
{
	doc->route.place = at;
	vec_append(&doc->parser->policy->routes, &doc->route);
}

/* ---- multicast ---------------------------------------------------------- */

struct policy_port_ref build_ref(struct document *doc, struct word name, struct place at)
{
	return (struct policy_port_ref){ .name = name_of(doc, name), .place = at };
}

void build_first_from(struct document *doc, const struct policy_port_ref *ref)
{
	doc->from.len = 0;
	build_from(doc, ref);
}

void build_from(struct document *doc, const struct policy_port_ref *ref)
{
	vec_append(&doc->from, ref);
}

static void leg_number(struct document *doc, uint64_t *to, struct place *to_place,
		       const char *what, uint64_t n, uint64_t max,
		       struct place word_at, struct place at)
{
	if (to_place->source)
		diag_error(diags_of(doc), word_at, "this leg has a %s already", what);
	else if (n < 1 || n > max)
		diag_error(diags_of(doc), at, "a %s is 1 to %" PRIu64, what, max);
	*to = n;
	*to_place = at;
}

void leg_vlan(struct document *doc, struct policy_leg *leg, uint64_t vlan,
	      struct place word_at, struct place at)
{
	leg_number(doc, &leg->vlan, &leg->vlan_place, "VLAN", vlan, 4094, word_at, at);
}

void leg_ttl(struct document *doc, struct policy_leg *leg, uint64_t ttl,
	     struct place word_at, struct place at)
{
	leg_number(doc, &leg->ttl, &leg->ttl_place, "TTL", ttl, 255, word_at, at);
}

void build_first_leg(struct document *doc, const struct policy_leg *leg)
{
	doc->legs.len = 0;
	build_leg(doc, leg);
}

void build_leg(struct document *doc, const struct policy_leg *leg)
{
	vec_append(&doc->legs, leg);
}

void build_group(struct document *doc, const struct policy_group *group)
{
	struct policy_group *g = vec_append(&doc->parser->policy->groups, group);

	g->from = take(&doc->from);
	g->legs = take(&doc->legs);
	g->sources = VEC(struct addr);
	g->groups = VEC(struct prefix);
	g->entries = VEC(struct policy_entry);
}

/* ---- measure ------------------------------------------------------------ */

enum { SEEN_THRESHOLD = 1, SEEN_OVERSAMPLING = 2, SEEN_INTERVAL = 4, SEEN_SLOTS = 8 };

#define RATE_MAX 1000000000000ull	/* bytes a second */

void build_first_field(struct document *doc, struct word field, struct place at)
{
	doc->measure = (struct policy_measure){ POLICY_MEASURE_DEFAULTS };
	doc->seen = 0;
	build_field(doc, field, at);
}

void build_field(struct document *doc, struct word field, struct place at)
{
	char *name = name_of(doc, field);
	struct nearest n = NEAREST(name);

	for (unsigned int key = KEY_IP_SRC; key <= KEY_L4_DST; key <<= 1) {
		if (!strcmp(name, policy_key_name(key))) {
			if (doc->measure.key & key)
				diag_error(diags_of(doc), at, "the key has %s already", name);
			doc->measure.key |= key;
			return;
		}
		nearest_try(&n, policy_key_name(key));
	}
	diag_error(diags_of(doc), at, "the key has no field \"%s\"", name);
	if (n.best)
		diag_hint(diags_of(doc), "did you mean \"%s\"?", n.best);
	else
		diag_hint(diags_of(doc), "fields: ip.src, ip.dst, ip.proto, l4.src, l4.dst");
}

static void set_once(struct document *doc, unsigned int bit, const char *what, struct place at)
{
	if (doc->seen & bit)
		diag_error(diags_of(doc), at, "%s is set twice", what);
	doc->seen |= bit;
}

void set_threshold(struct document *doc, const struct quantity *q, struct place word_at,
		   struct place at)
{
	struct diags *diags = diags_of(doc);
	uint64_t ppm = 0, Bps = 0;
	int err;

	set_once(doc, SEEN_THRESHOLD, "the threshold", word_at);
	err = quantity_fraction(q, &ppm);
	if (err == -EINVAL)
		err = quantity_rate(q, &Bps);
	else if (!err && (!ppm || ppm > 1000000))
		err = -ERANGE;
	if (!err && !ppm && (!Bps || Bps > RATE_MAX))
		err = -ERANGE;
	doc->measure.threshold_ppm = ppm;
	doc->measure.threshold_Bps = Bps;
	if (!err)
		return;
	if (err == -EDOM) {
		diag_error(diags, at, "this threshold is too fine");
		diag_hint(diags, "fractions go in steps of 0.0001%%, rates in whole bytes a second");
	} else if (err == -ERANGE) {
		diag_error(diags, at, "a threshold is 0.0001%% to 100%%, or 1Bps to 1000GBps");
	} else if (!*q->unit) {
		diag_error(diags, at, "a threshold needs a unit");
		diag_hint(diags, "write 0.1%% of an interval's bytes, or a rate such as 10Mbit or 1MBps");
	} else if (strlen(q->unit) >= 3 && !strcmp(q->unit + strlen(q->unit) - 3, "bps")) {
		diag_error(diags, at, "\"%s\" could mean bits or bytes", q->unit);
		diag_hint(diags, "bits a second are written Mbit, bytes a second MBps");
	} else {
		diag_error(diags, at, "a threshold is a fraction or a rate, and \"%s\" is no unit of either",
			   q->unit);
		diag_hint(diags, "units: %%; bit kbit Mbit Gbit Tbit (a second); Bps kBps MBps GBps");
	}
}

static void set_number(struct document *doc, const struct quantity *q, unsigned int *to,
		       unsigned int min, unsigned int max, const char *what, struct place at)
{
	uint64_t n;
	int err = quantity_number(q, &n);

	if (err == -EINVAL)
		diag_error(diags_of(doc), at, "%s is a number without a unit", what);
	else if (err || n < min || n > max)
		diag_error(diags_of(doc), at, "%s is a whole number, %u to %u", what, min, max);
	else
		*to = n;
}

void set_oversampling(struct document *doc, const struct quantity *q, struct place word_at,
		      struct place at)
{
	set_once(doc, SEEN_OVERSAMPLING, "the oversampling", word_at);
	set_number(doc, q, &doc->measure.oversampling, 1, 1000, "the oversampling", at);
}

void set_interval(struct document *doc, const struct quantity *q, struct place word_at,
		  struct place at)
{
	struct diags *diags = diags_of(doc);
	uint64_t ms = 0;
	int err;

	set_once(doc, SEEN_INTERVAL, "the interval", word_at);
	err = quantity_duration(q, &ms);
	if (err == -EINVAL && !*q->unit) {
		diag_error(diags, at, "an interval needs a unit");
		diag_hint(diags, "units: ms, s, m, h");
	} else if (err == -EINVAL) {
		diag_error(diags, at, "\"%s\" is no unit of time", q->unit);
		diag_hint(diags, "units: ms, s, m, h");
	} else if (err == -EDOM) {
		diag_error(diags, at, "an interval is a whole number of milliseconds");
	} else if (err || ms < 100 || ms > 3600000) {
		diag_error(diags, at, "an interval is 100ms to 1h");
	} else {
		doc->measure.interval_ms = ms;
	}
}

void set_slots(struct document *doc, const struct quantity *q, struct place word_at,
	       struct place at)
{
	unsigned int slots = 64, below = 64;

	set_once(doc, SEEN_SLOTS, "the number of slots", word_at);
	set_number(doc, q, &slots, 64, 65536, "the number of slots", at);
	if (slots & (slots - 1)) {
		while (below * 2 < slots)
			below *= 2;
		diag_error(diags_of(doc), at, "the number of slots is a power of two");
		diag_hint(diags_of(doc), "write %u or %u", below, below * 2);
	}
	doc->measure.slots = slots;
}

void build_measure(struct document *doc, struct word name, struct place at)
{
	struct policy_measure *m = vec_append(&doc->parser->policy->measures, &doc->measure);

	m->name = name_of(doc, name);
	m->place = at;
}
