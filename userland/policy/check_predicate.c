// SPDX-License-Identifier: GPL-2.0
/*
 * check_predicate.c: what tests come to: the very values that a field may have.
 *
 * "ip.ttl & 0xf0 != 64" is "ip.ttl in { 0-63, 80-255 }" for everybody behind this file: comparison,
 * mask, words and lets are worked into sorted ranges, or prefixes, once and for all.
 *
 * A test by nothing but a let shares the let's own list: a thousand rules may name a let of ten
 * thousand prefixes. Where lists must be copied or masks spread, POLICY_VALUES_MAX is the limit. Names
 * make small texts large, too: predicates are counted by their tests as if each name were written out,
 * for that is what it costs to ask them.
 */
#include "policy/checker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/field.h"

static void keep(struct check *c, struct vec *to, const struct vec *from)
{
	*to = (struct vec){ .len = from->len, .cap = from->len, .elem_size = from->elem_size };
	if (!from->len)
		return;
	to->data = arena_alloc(&c->policy->arena, from->len * from->elem_size);
	memcpy(to->data, from->data, from->len * from->elem_size);
}

/* ---- words of the language ---------------------------------------------- */

bool is_bare_word(const char *word)
{
	for (unsigned int i = 0; i < BARE_WORDS; i++)
		if (!strcmp(word, field_bare_word(i)))
			return true;
	return false;
}

static struct policy_predicate *new_predicate(struct check *c, enum policy_predicate_kind kind,
					      struct place at)
{
	struct policy_predicate *p = arena_alloc(&c->policy->arena, sizeof(*p));

	p->kind = kind;
	p->place = at;
	p->depth = 1;
	return p;
}

static struct policy_predicate *new_test(struct check *c, enum policy_field field,
					 const char *word, struct place at)
{
	struct policy_predicate *p = new_predicate(c, PREDICATE_TEST, at);
	struct policy_value v = { .type = VALUE_NUMBERS, .place = at };
	const struct vec one = { .data = &v, .len = 1, .elem_size = sizeof(v) };

	field_word(field, word, &v.first);
	v.last = v.first;
	p->field = field;
	p->compare = COMPARE_EQUAL;
	p->mask = UINT64_MAX;
	p->tests = 1;
	keep(c, &p->values, &one);
	return p;
}

static struct policy_predicate *join(struct check *c, enum policy_predicate_kind kind,
				     struct policy_predicate *left, struct policy_predicate *right)
{
	struct policy_predicate *p = new_predicate(c, kind, left->place);

	p->left = left;
	p->right = right;
	return p;
}

static struct policy_predicate *transport_of(struct check *c, const char *ethertype,
					     const char *proto, struct place at)
{
	return join(c, PREDICATE_AND, new_test(c, FIELD_ETH_TYPE, ethertype, at),
		    new_test(c, FIELD_IP_PROTO, proto, at));
}

static struct policy_predicate *make_bare_word(struct check *c, const char *word, struct place at)
{
	if (!strcmp(word, "icmp"))
		return join(c, PREDICATE_OR, transport_of(c, "ip4", "icmp", at),
			    transport_of(c, "ip6", "icmp6", at));
	if (!strcmp(word, "igmp"))
		return transport_of(c, "ip4", "igmp", at);
	if (!strcmp(word, "tcp") || !strcmp(word, "udp"))
		return new_test(c, FIELD_IP_PROTO, word, at);
	return new_test(c, FIELD_ETH_TYPE, word, at);
}

static struct policy_predicate *bare_word(struct check *c, const char *word, struct place at)
{
	unsigned int i = 0;

	while (strcmp(word, field_bare_word(i)))
		i++;
	if (!c->bare[i]) {
		c->bare[i] = make_bare_word(c, word, at);
		check_predicate(c, c->bare[i]);
	}
	return c->bare[i];
}

/* ---- values ------------------------------------------------------------- */

static const char *const kind_values[] = {
	[KIND_NUMBER] = "a number", [KIND_ADDRESS] = "an IP address",
	[KIND_MAC] = "a link-layer address", [KIND_PORT] = "the name of a port",
};

static void refuse_kind(struct check *c, const struct policy_predicate *t,
			const struct policy_value *v, const char *what)
{
	enum field_kind kind = field_kind(t->field);

	diag_error(c->diags, v->place, "%s is %s, not %s", policy_field_name(t->field),
		   kind_values[kind], what);
	if (kind == KIND_MAC)
		diag_hint(c->diags, "such as 02:00:00:00:00:01");
}

static bool add_numbers(struct check *c, const struct policy_predicate *t,
			const struct policy_value *v)
{
	const struct range r = { v->first, v->last };
	bool mac = v->type == VALUE_MAC;

	if (field_kind(t->field) != (mac ? KIND_MAC : KIND_NUMBER)) {
		refuse_kind(c, t, v, mac ? "a link-layer address" : "a number");
		return false;
	}
	if (v->last > field_max(t->field)) {
		diag_error(c->diags, v->place, "%s is at most %" PRIu64, policy_field_name(t->field),
			   field_max(t->field));
		return false;
	}
	if (v->name && t->field != FIELD_TCP_FLAGS) {
		diag_error(c->diags, v->place, "%s has no flag \"%s\"", policy_field_name(t->field),
			   v->name);
		return false;
	}
	vec_append(&c->ranges, &r);
	return true;
}

static bool add_prefix(struct check *c, const struct policy_predicate *t,
		       const struct policy_value *v)
{
	if (field_kind(t->field) != KIND_ADDRESS) {
		refuse_kind(c, t, v, "an IP address");
		return false;
	}
	if (v->type == VALUE_ADDRESSES)
		return add_addresses(c, v, &c->prefixes);
	vec_append(&c->prefixes, &v->prefix);
	return true;
}

/* A let's values for a field of the right kind. */
static bool let_fits(struct check *c, const struct policy_predicate *t,
		     const struct policy_value *v)
{
	const struct policy_let *let = v->let;
	const struct range *last;
	enum field_kind kind = field_kind(t->field);
	enum field_kind has = let->prefixes.len ? KIND_ADDRESS : let->macs ? KIND_MAC : KIND_NUMBER;

	if (kind != has) {
		diag_error(c->diags, v->place, "%s is %s, and \"%s\" stands for %s",
			   policy_field_name(t->field), kind_values[kind], v->name,
			   has == KIND_ADDRESS ? "IP addresses" :
			   has == KIND_MAC ? "link-layer addresses" : "numbers");
		return false;
	}
	if (!let->ranges.len)
		return true;
	last = vec_at(&let->ranges, let->ranges.len - 1);
	if (last->last <= field_max(t->field))
		return true;
	diag_error(c->diags, v->place, "%s is at most %" PRIu64 ", and \"%s\" has %" PRIu64 " in it",
		   policy_field_name(t->field), field_max(t->field), v->name, last->last);
	return false;
}

/* "syn", "tcp", "wan": a number by its name. Return: whether it is one; *@good: nothing was wrong. */
static bool read_word(struct check *c, const struct policy_predicate *t, struct policy_value *v,
		      bool *good)
{
	const struct named *n = look_up(c, v->name);
	char where[PLACE_ROOM];

	if (t->field == FIELD_IN && n && n->kind == NAMED_PORT) {
		v->first = ((struct policy_port *)n->object)->number;
	} else if (!field_word(t->field, v->name, &v->first)) {
		return false;
	} else if (n && n->kind != NAMED_PORT && n->kind != NAMED_MEASURE) {
		diag_error(c->diags, v->place, "\"%s\" means two things here", v->name);
		diag_hint(c->diags, "it is a word for %s, and the policy has another at %s",
			  policy_field_name(t->field), place_name(c, &n->place, where));
		*good = false;
	}
	v->type = VALUE_NUMBERS;
	v->last = v->first;
	v->name = NULL;
	return true;
}

static bool add_named(struct check *c, const struct policy_predicate *t, struct policy_value *v)
{
	const struct named *n;
	bool good = true;

	if (read_word(c, t, v, &good)) {
		*(struct range *)vec_push(&c->ranges) = (struct range){ v->first, v->last };
		return good;
	}
	n = look_up(c, v->name);
	if (n && n->kind == NAMED_SET) {
		diag_error(c->diags, v->place, "a set is asked by itself");
		diag_hint(c->diags, "write %s in %s, and join it with \"or\"",
			  policy_field_name(t->field), v->name);
		return false;
	}
	if (!n || n->kind != NAMED_LET || t->field == FIELD_IN) {
		refuse_name(c, t->field == FIELD_IN ? NAMED(PORT) : NAMED(LET) | NAMED(SET), t->field,
			    v->name, v->place);
		return false;
	}
	v->let = find_values(c, v->name, v->place);
	if (!v->let || !let_fits(c, t, v) ||
	    !take_values(c, v->let->prefixes.len + v->let->ranges.len, v->place))
		return false;
	add_all(&c->prefixes, &v->let->prefixes);
	add_all(&c->ranges, &v->let->ranges);
	return true;
}

static bool add_value(struct check *c, const struct policy_predicate *t, struct policy_value *v)
{
	switch (v->type) {
	case VALUE_NONE:
		return false;
	case VALUE_PREFIX:
	case VALUE_ADDRESSES:
		return add_prefix(c, t, v);
	case VALUE_NUMBERS:
	case VALUE_MAC:
		return add_numbers(c, t, v);
	case VALUE_LET:
		return add_named(c, t, v);
	}
	return false;
}

/* ---- comparisons -------------------------------------------------------- */

static bool is_ordering(enum policy_compare compare)
{
	return compare != COMPARE_EQUAL && compare != COMPARE_UNEQUAL && compare != COMPARE_IN;
}

/* "< 80" and the like. The one range is a single number. Empty ranges become no range. */
static void order(enum policy_compare compare, struct vec *ranges, uint64_t max)
{
	struct range *r = ranges->data;
	uint64_t n = r->first;
	bool none = (compare == COMPARE_LESS && !n) || (compare == COMPARE_GREATER && n == max);

	switch (compare) {
	case COMPARE_LESS:
		*r = (struct range){ 0, n - 1 };
		break;
	case COMPARE_AT_MOST:
		*r = (struct range){ 0, n };
		break;
	case COMPARE_GREATER:
		*r = (struct range){ n + 1, max };
		break;
	default:
		*r = (struct range){ n, max };
	}
	if (none)
		ranges->len = 0;
}

static bool check_ordering(struct check *c, const struct policy_predicate *t)
{
	const struct range *r = c->ranges.data;

	if (field_kind(t->field) != KIND_NUMBER) {
		diag_error(c->diags, t->place, "%s is %s: one is not less or more than another",
			   policy_field_name(t->field), kind_values[field_kind(t->field)]);
		return false;
	}
	if (c->ranges.len == 1 && r->first == r->last)
		return true;
	diag_error(c->diags, ((const struct policy_value *)vec_at(&t->values, 0))->place,
		   "this compares with one number");
	return false;
}

/* ---- masks -------------------------------------------------------------- */

/*
 * All values whose bits under the mask are among @want: bit by bit from the top. The values with
 * the bits of @value above @bits have, under the mask, something from low to high; if that
 * lies within one range they are all in, if it meets none they are all out; else the next bit tells.
 */
struct spread {
	uint64_t mask;
	const struct vec *want;		/* sorted ranges */
	struct vec *out;
	unsigned int steps;
};

static const struct range *first_reaching(const struct vec *ranges, uint64_t n)
{
	size_t low = 0, high = ranges->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (((const struct range *)vec_at(ranges, middle))->last < n)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->len ? vec_at(ranges, low) : NULL;
}

/* Return: false if it takes too many steps. */
static bool spread(struct spread *s, uint64_t value, unsigned int bits)
{
	uint64_t below = bits ? UINT64_MAX >> (64 - bits) : 0;
	uint64_t low = value & s->mask, high = low | (s->mask & below);
	const struct range *r = first_reaching(s->want, low);
	struct range all = { value, value | below };

	if (++s->steps > POLICY_MASK_STEPS)
		return false;
	if (!r || r->first > high)
		return true;
	if (r->first <= low && high <= r->last) {
		vec_append(s->out, &all);
		return true;
	}
	/* low == high is decided above: there is a bit of the mask below. */
	return spread(s, value, bits - 1) && spread(s, value | 1ull << (bits - 1), bits - 1);
}

static bool apply_mask(struct check *c, const struct policy_predicate *t)
{
	struct spread s = { .mask = t->mask, .want = &c->ranges, .out = &c->masked };
	struct vec other;

	c->masked.len = 0;
	if (!spread(&s, 0, policy_field_bits(t->field))) {
		diag_error(c->diags, *t->mask_place, "this mask parts the values of %s into too many ranges",
			   policy_field_name(t->field));
		return false;
	}
	other = c->ranges;
	c->ranges = c->masked;
	c->masked = other;
	sort_ranges(&c->ranges);
	return take_values(c, s.steps, t->place);
}

static bool check_mask(struct check *c, const struct policy_predicate *t)
{
	if (t->mask <= field_max(t->field))
		return true;
	diag_error(c->diags, *t->mask_place, "%s has %u bits, and this mask more",
		   policy_field_name(t->field), policy_field_bits(t->field));
	return false;
}

/* ---- tests -------------------------------------------------------------- */

static bool has_mask(const struct policy_predicate *t)
{
	return t->mask_place;
}

/*
 * A let by itself, whose own list will do. Return: whether it was one.
 */
static bool share_let(struct check *c, struct policy_predicate *t)
{
	struct policy_value *v = vec_at(&t->values, 0);
	uint64_t number;
	const struct named *n;

	if (t->values.len != 1 || v->type != VALUE_LET || has_mask(t) || is_ordering(t->compare) ||
	    t->field == FIELD_IN || field_word(t->field, v->name, &number))
		return false;
	n = look_up(c, v->name);
	if (!n || n->kind != NAMED_LET ||
	    (t->compare == COMPARE_UNEQUAL && field_kind(t->field) != KIND_ADDRESS))
		return false;
	v->let = find_values(c, v->name, v->place);
	if (!v->let || !let_fits(c, t, v)) {
		t->kind = PREDICATE_NONE;
		return true;
	}
	t->prefixes = v->let->prefixes;
	t->ranges = v->let->ranges;
	t->unequal = t->compare == COMPARE_UNEQUAL;
	return true;
}

/* "tcp.flags & syn == syn": a thousand rules may say the same, and share what it comes to. */
struct masked_test {
	uint64_t mask;
	struct range range;
	uint32_t field, compare;
};

/* Where the ranges of @t are kept, len 0 if it is new; NULL: it is none. Its values stand in c->ranges. */
static struct vec *masked_test(struct check *c, const struct policy_predicate *t)
{
	struct masked_test key = { .mask = t->mask, .field = t->field, .compare = t->compare };

	if (!has_mask(t) || c->ranges.len != 1)
		return NULL;
	key.range = *(struct range *)c->ranges.data;
	if (!c->masked_tests.key_size)
		c->masked_tests = TABLE(struct masked_test, struct vec);
	return table_put(&c->masked_tests, &key, NULL);
}

/*
 * Return: whether the values are right, and what they come to stands in c->prefixes or c->ranges; or in
 * *@masked, if another test has said the same.
 */
static bool resolve_values(struct check *c, struct policy_predicate *t, struct vec **masked)
{
	uint64_t max = field_max(t->field);
	bool good = !has_mask(t) || check_mask(c, t);
	struct vec other;

	c->prefixes.len = c->ranges.len = 0;
	for (size_t i = 0; i < t->values.len; i++)
		good &= add_value(c, t, vec_at(&t->values, i));
	if (!good || (is_ordering(t->compare) && !check_ordering(c, t)))
		return false;
	if (c->prefixes.len > 1)
		sort_prefixes(&c->prefixes);
	if (c->ranges.len > 1)
		sort_ranges(&c->ranges);
	*masked = masked_test(c, t);
	if (*masked && (*masked)->len)
		return true;
	t->unequal = c->prefixes.len && t->compare == COMPARE_UNEQUAL;
	if (c->prefixes.len)
		return true;
	if (is_ordering(t->compare))
		order(t->compare, &c->ranges, max);
	if (t->compare == COMPARE_UNEQUAL) {
		c->masked.len = 0;
		ranges_others(c->ranges.data, c->ranges.len, max, &c->masked);
		other = c->ranges;
		c->ranges = c->masked;
		c->masked = other;
	}
	return !has_mask(t) || apply_mask(c, t);
}

/* Which number a question to @set has, asked for @field; entered if it is new. */
static bool number_set_test(struct check *c, struct policy_predicate *t)
{
	struct vec *all = &c->policy->set_tests;
	const struct policy_set_test one = { t->set, t->field };

	for (size_t i = 0; i < all->len; i++) {
		const struct policy_set_test *known = vec_at(all, i);

		if (known->set != t->set || known->field != t->field)
			continue;
		t->set_test = i;
		return true;
	}
	if (all->len == POLICY_SET_TESTS_MAX) {
		diag_error(c->diags, t->place, "a policy asks at most %d sets, each for one field",
			   POLICY_SET_TESTS_MAX);
		return false;
	}
	t->set_test = all->len;
	vec_append(all, &one);
	return true;
}

/* "ip.src in offenders". Return: whether a set is asked. */
static bool resolve_set(struct check *c, struct policy_predicate *t)
{
	const struct policy_value *v = vec_at(&t->values, 0);
	const struct named *n;
	uint64_t number;

	if (t->values.len != 1 || v->type != VALUE_LET || field_word(t->field, v->name, &number))
		return false;
	n = look_up(c, v->name);
	if (!n || n->kind != NAMED_SET)
		return false;
	t->kind = PREDICATE_SET;
	t->name = v->name;
	t->set = n->object;
	t->set->used = true;
	if (t->compare != COMPARE_IN || has_mask(t)) {
		diag_error(c->diags, t->place, "a set is asked with \"in\": %s in %s",
			   policy_field_name(t->field), v->name);
		t->kind = PREDICATE_NONE;
	} else if (t->set->field == FIELD_COUNT) {
		t->kind = PREDICATE_NONE;	/* said where the set is */
	} else if (field_shared(t->field) != field_shared(t->set->field)) {
		diag_error(c->diags, v->place, "\"%s\" has values of %s, and is not asked for %s", v->name,
			   policy_field_name(t->set->field), policy_field_name(t->field));
		if (field_shared(t->set->field) == FIELD_L4_SRC &&
		    (t->field == FIELD_TCP_DST || t->field == FIELD_UDP_DST ||
		     t->field == FIELD_TCP_SRC || t->field == FIELD_UDP_SRC))
			diag_hint(c->diags, "write %.3s and l4%s in %s", policy_field_name(t->field),
				  policy_field_name(t->field) + 3, v->name);
		t->kind = PREDICATE_NONE;
	} else if (!number_set_test(c, t)) {
		t->kind = PREDICATE_NONE;
	}
	return true;
}

/* One prefix, or numbers as they stand there: that is what it comes to. Return: whether it was that. */
static bool take_constant(struct policy_predicate *t)
{
	struct policy_value *v = t->values.data;
	struct vec one = { .len = 1, .cap = 1 };

	if (t->values.len != 1 || has_mask(t))
		return false;
	if (v->type == VALUE_PREFIX && field_kind(t->field) == KIND_ADDRESS && !is_ordering(t->compare)) {
		one.data = &v->prefix;
		one.elem_size = sizeof(v->prefix);
		t->prefixes = one;
		t->unequal = t->compare == COMPARE_UNEQUAL;
		return true;
	}
	if (v->type == VALUE_NUMBERS && !v->name && field_kind(t->field) == KIND_NUMBER &&
	    v->last <= field_max(t->field) && (t->compare == COMPARE_EQUAL || t->compare == COMPARE_IN)) {
		one.data = &v->range;
		one.elem_size = sizeof(v->range);
		t->ranges = one;
		return true;
	}
	return false;
}

static void check_test(struct check *c, struct policy_predicate *t)
{
	struct vec *masked = NULL;

	if (take_constant(t) || resolve_set(c, t) || share_let(c, t))
		return;
	if (!resolve_values(c, t, &masked)) {
		t->kind = PREDICATE_NONE;
		return;
	}
	if (masked && masked->len) {
		t->ranges = *masked;
		return;
	}
	keep(c, &t->prefixes, &c->prefixes);
	keep(c, &t->ranges, &c->ranges);
	if (masked)
		*masked = t->ranges;
	if (!t->prefixes.len && !t->ranges.len)
		diag_warning(c->diags, t->place, "no packet can meet this");
}

/* ---- predicates --------------------------------------------------------- */

static void check_name(struct check *c, struct policy_predicate *p)
{
	const struct named *n;

	if (is_bare_word(p->name)) {
		p->left = bare_word(c, p->name, p->place);
		return;
	}
	n = look_up(c, p->name);
	if (n && n->kind == NAMED_SET) {
		diag_error(c->diags, p->place, "a set is asked for a field: ip.src in %s", p->name);
		p->kind = PREDICATE_NONE;
		return;
	}
	p->let = open_let(c, p->name, p->place);
	if (!p->let || p->let->broken) {
		p->kind = PREDICATE_NONE;
	} else if (!p->let->predicate) {
		diag_error(c->diags, p->place, "\"%s\" stands for values, not for a predicate", p->name);
		diag_hint(c->diags, "test a field for them: %s in %s",
			  p->let->prefixes.len ? "ip.src" : p->let->macs ? "eth.src" : "l4.dst", p->name);
		p->kind = PREDICATE_NONE;
	} else {
		p->left = p->let->predicate;
	}
}

/* How deep and how large it is by now. */
static void measure(struct check *c, struct policy_predicate *p)
{
	const struct policy_predicate *kids[] = { p->left, p->right };
	uint64_t tests = 0;

	p->depth = 1;
	for (unsigned int i = 0; i < 2; i++) {
		if (!kids[i])
			continue;
		tests += kids[i]->tests;
		if (kids[i]->depth >= p->depth)
			p->depth = kids[i]->depth + 1;
	}
	if (p->depth > POLICY_PREDICATE_DEPTH) {
		diag_error(c->diags, p->place, "more than %d tests hang on one another here, by their names",
			   POLICY_PREDICATE_DEPTH);
		p->kind = PREDICATE_NONE;
	} else if (tests > POLICY_TESTS_MAX) {
		diag_error(c->diags, p->place, "with all names written out, this has more than %d tests",
			   POLICY_TESTS_MAX);
		p->kind = PREDICATE_NONE;
	}
	p->tests = tests;
	if (p->kind == PREDICATE_NONE)
		p->depth = p->tests = 0;
}

void check_predicate(struct check *c, struct policy_predicate *p)
{
	switch (p->kind) {
	case PREDICATE_NONE:
	case PREDICATE_SET:
		return;
	case PREDICATE_TEST:
		check_test(c, p);
		return;
	case PREDICATE_NAME:
		check_name(c, p);
		break;
	case PREDICATE_AND:
	case PREDICATE_OR:
		check_predicate(c, p->right);
		/* fall through */
	case PREDICATE_NOT:
		check_predicate(c, p->left);
		if (p->left->kind == PREDICATE_NONE || (p->right && p->right->kind == PREDICATE_NONE))
			p->kind = PREDICATE_NONE;
		break;
	}
	measure(c, p);
}
