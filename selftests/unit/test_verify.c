// SPDX-License-Identifier: GPL-2.0
/*
 * Whether verify sees what is wrong in an image.
 *
 * Images of policies of many kinds, of which one thing is changed at random: a cell, an entry of a
 * list, a head, a class in an array, a bit of a service, a word of an address look-up, an action, a
 * number of a link-layer address, a port's mark. Verify either refuses the image with a packet, or some
 * exhaustive search that knows both images must find none that they treat differently: it compares the
 * changed image with the one it was, over every kind of address and of field that either of the two
 * can tell from others. MUTATIONS and SEED make longer and repeated runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "bpf/rules.bpf.h"
#include "compile/compile.h"
#include "policy/parse.h"
#include "verify/addresses.h"
#include "verify/match.h"
#include "verify/tests.h"
#include "verify/values.h"
#include "verify/verify.h"
#include "verify/walk.h"

static uint64_t state;

/* splitmix64 */
static uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint32_t pick(uint32_t n)
{
	return random64() % n;
}

/* A policy and its image. */
struct subject {
	struct policy *policy;
	struct image *image;
	struct diags diags;
};

static void subject_free(struct subject *s)
{
	image_free(s->image);
	policy_free(s->policy);
	diags_free(&s->diags);
}

static void subject_make(struct subject *s, const char *text)
{
	struct numbering numbering;
	struct text said = { 0 };

	*s = (struct subject){ 0 };
	diags_init(&s->diags);
	s->policy = policy_parse_text("t.sluice", text, strlen(text), &s->diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	if (!s->diags.errors)
		compile_policy(s->policy, &numbering, NULL, &s->image, &s->diags);
	numbering_free(&numbering);
	if (!s->image) {
		diags_print(&s->diags, &said, false);
		fail_msg("%s", text_string(&said));
	}
}

#define PORTS "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n"

static const char *const policies[] = {
	PORTS "filter wan { drop; }",
	PORTS "filter wan { allow if tcp.dst == 22; drop; }",
	PORTS "filter wan { allow if ip.src == 10.0.0.0/8 and tcp.dst in { 22, 80, 443, 1024-65535 };\n"
	"	drop if ip.dst == 192.0.2.0/24; allow if udp; drop; }\n"
	"filter fa, fb { drop if vlan.id == 7; allow if icmp; drop if ip6; }",
	PORTS "let mgmt = { 10.9.0.0/16, 10.8.1.0/24, 2001:db8:5::/48 };\n"
	"let ports = { 25, 80, 110-143, 8080 };\n"
	"filter wan {\n"
	"	drop if tcp.flags & (syn|fin) == syn|fin;\n"
	"	allow if ip.src in mgmt and tcp.dst in ports;\n"
	"	drop if ip.src == 10.0.0.0/8 and not (udp.dst == 53 or ip.ttl < 5);\n"
	"	allow if ip.dst in mgmt and ip.src != 10.9.3.0/24;\n"
	"	allow if ip.src == 10.9.3.4 and ip.dst == 10.8.1.128/25 and udp.src > 1023;\n"
	"	drop if ip.dst == 2001:db8:5:7::/64 and icmp.type == 128;\n"
	"	allow if pkt.len > 500 and ip.dscp == 46;\n"
	"	drop if ip.frag != none;\n"
	"	drop if eth.src == 02:00:00:00:00:77;\n"
	"	allow if eth.type == 0x0806;\n"
	"	drop; }\n",
	PORTS "set bad : ip.src size 64; set asked : l4.dst size 64;\n"
	"filter wan {\n"
	"	count \"all\";\n"
	"	count \"telnet\", mark 7 if tcp.dst == 23;\n"
	"	police 100pps burst 20 per ip.src if icmp;\n"
	"	drop if ip.src in bad;\n"
	"	insert ip.src into bad if tcp.dst in { 23, 2323, 5900-5910 };\n"
	"	emit \"web\" if tcp.dst == 80 and ip.src == 192.0.2.0/24;\n"
	"	allow if l4.dst in asked;\n"
	"	allow if socket == established;\n"
	"	drop if ip.dst in bad and socket != none;\n"
	"	count \"rest\", drop if ip.dst == 198.51.100.0/24;\n"
	"	mark 3 if ip.dst == 198.51.0.0/16;\n"
	"}\n",
};

#define WRITTEN (sizeof(policies) / sizeof(policies[0]))
#define LISTS 2			/* that are drawn, besides */
#define POLICIES (WRITTEN + LISTS)

/* One of the prefixes that rules share, some of them below others: @many or few. */
static void draw_prefix(bool many, struct text *out)
{
	static const char *const six[] = {
		"2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2::5/128",
	};

	if (!pick(6))
		text_printf(out, "%s", six[pick(4)]);
	else if (!pick(4))
		text_printf(out, "10.%u.0.0/16", pick(3));
	else if (!many)
		text_printf(out, "10.%u.%u.%u/28", pick(3), pick(4), 16 * pick(16));
	else
		text_printf(out, "%u.%u.%u.%u/%u", 10 + pick(4), pick(3), pick(40), 16 * pick(16),
			    28 + 4 * pick(2));
}

static void draw_test(const char *field, struct text *out)
{
	uint32_t first = pick(40) * 25;

	if (pick(2))
		text_printf(out, " and %s == %u", field, first);
	else
		text_printf(out, " and %s in { %u-%u }", field, first, first + pick(3000));
}

/* A list as firewalls have them: many narrow pairs, some wide ones, and services. */
static void draw_list(unsigned int rules, bool many, struct text *out)
{
	text_printf(out, PORTS "filter wan {\n");
	for (unsigned int i = 0; i < rules; i++) {
		/* What is about any address is about a service, or nothing behind it would be met. */
		unsigned int sides = pick(10) ? 2 : pick(2);

		text_printf(out, "	%s if %s", pick(2) ? "drop" : "allow", pick(8) ? "ip.proto < 200" : "tcp");
		if (sides != 0) {
			text_printf(out, " and ip.src == ");
			draw_prefix(many, out);
		}
		if (sides > 1) {
			text_printf(out, " and ip.dst == ");
			draw_prefix(many, out);
		}
		if (sides < 2 || pick(3))
			draw_test(pick(2) ? "tcp.dst" : "udp.dst", out);
		text_printf(out, ";\n");
	}
	text_printf(out, "	drop; }\n");
}

/* Policy number @i. */
static void subject_number(struct subject *s, size_t i)
{
	struct text text = { 0 };

	if (i < WRITTEN) {
		subject_make(s, policies[i]);
		return;
	}
	draw_list(i == WRITTEN ? 40 : 1500, i > WRITTEN, &text);
	subject_make(s, text.data);
	text_free(&text);
}

static int setup(void **ctx)
{
	const char *seed = getenv("SEED");

	(void)ctx;
	state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)state);
	return 0;
}

/* ---- sound images ---------------------------------------------------------------- */

static void test_sound(void **ctx)
{
	(void)ctx;
	for (size_t i = 0; i < POLICIES; i++) {
		struct verify_report report;
		struct subject s;
		struct text said = { 0 };

		subject_number(&s, i);
		assert_int_equal(walk_sound(s.image, &said), true);
		verify_image(s.policy, s.image, NULL, &report, &said);
		verify_say(&report, &said);
		if (report.differ) {
			text_printf(&said, "\n");
			verify_say_difference(s.policy, &report, &said);
		}
		print_message("# %zu: %s\n", i, said.data);
		assert_false(report.differ);
		text_free(&said);
		subject_free(&s);
	}
}

/* ---- one thing is changed --------------------------------------------------------- */

/* A copy, tables and all. */
static struct image *whole_copy(const struct image *from)
{
	struct image *to = image_copy(from);
	const struct image_filter *f = &from->filter;

	to->filter.area_bytes = f->area_bytes;
	to->filter.area = xcalloc(1, f->area_bytes);
	memcpy(to->filter.area, f->area, f->area_bytes);
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t bytes = f->shape.address[i / 2][i % 2].bytes;

		to->filter.address[i / 2][i % 2] = bytes ? xcalloc(1, bytes) : NULL;
		if (bytes)
			memcpy(to->filter.address[i / 2][i % 2], f->address[i / 2][i % 2], bytes);
	}
	return to;
}

/* A number of @size bytes among @count of its kind gets another value. Return: whether it is another. */
static bool change(void *table, size_t count, unsigned int size)
{
	uint8_t *base = table, *at = base;
	uint64_t was = 0, is;

	if (!count)
		return false;
	/* What is 0 is mostly room for more, and is taken seldom. */
	for (unsigned int tries = pick(8) ? 256 : 1; tries && !was; tries--) {
		at = base + size * (random64() % count);
		memcpy(&was, at, size);
	}
	switch (pick(4)) {
	case 0:
		is = was ^ 1ull << pick(8 * size);
		break;
	case 1:
		is = random64();
		break;
	case 2:
		is = was + (pick(2) ? 1 : -1);
		break;
	default:
		is = 0;
		memcpy(&is, base + size * (random64() % count), size);
	}
	if (size < 8)
		is &= (1ull << 8 * size) - 1;
	memcpy(at, &is, size);
	return is != was;
}

enum where {
	IN_WIDE, IN_NARROW_WIDE, IN_WIDE_NARROW, IN_KEYS, IN_CELLS, IN_LISTS, IN_ROWS, IN_HEADS, IN_CLASSES,
	IN_COMBINED, IN_BITS, IN_WORDS, IN_LOOKUP, IN_NODES, IN_CONSTANT, IN_ACTIONS, IN_FIRST, IN_MACS,
	IN_PORTS, PLACES
};

static const char *const places[] = {
	"wide-wide cell", "narrow-wide cell", "wide-narrow cell", "key of the hash", "hashed cell",
	"list", "row", "head", "class of a field", "combined class", "bits of services", "address word",
	"index of an address look-up", "node of an address look-up", "constant class", "action",
	"first action", "link-layer address", "port",
};

static bool change_bucket(struct image_filter *f, const struct rules_shape *s, bool key)
{
	struct rules_bucket *b = (struct rules_bucket *)(f->area + s->buckets);

	for (unsigned int tries = 0; s->buckets && tries < 4096; tries++) {
		struct rules_bucket *one = &b[pick(s->bucket_count)];
		unsigned int i = pick(RULES_BUCKET);

		if (one->key[i] || !pick(64))
			return key ? change(&one->key[i], 1, 8) : change(&one->cell[i], 1, 4);
	}
	return false;
}

static bool change_head(struct image_filter *f, const struct rules_shape *s)
{
	struct rules_head *head = (struct rules_head *)(f->area + s->heads);

	for (unsigned int tries = 0; tries < 256; tries++) {
		struct rules_head *one = &head[pick(s->rules)];

		if (one->priority)
			return change(one, 3, 4);
	}
	return false;
}

/* The words of an address look-up that are not nodes; or the nodes. */
static bool change_lookup(struct image_filter *f, bool nodes)
{
	unsigned int side = pick(2), six = pick(2);
	const struct lpm_shape *s = &f->shape.address[side][six];
	uint8_t *table = f->address[side][six];

	if (!s->bytes)
		return false;
	if (nodes)
		return change(table + s->nodes, (s->nodes_last + LPM_LINE) / 4, 4);
	if (!six)
		return change(table + s->dir, 1u << s->dir_bits, 4);
	return pick(2) ? change(table + s->seeds, s->seeds_mask + 1, 2) :
			 change(table + s->index, s->index_mask + 1, 4);
}

static bool change_image(struct image *image, enum where where)
{
	struct image_filter *f = &image->filter;
	unsigned int l = pick(f->shape.layers), side = pick(2);
	const struct rules_shape *s = &f->shape.layer[l];
	const struct rules_step *step = s->steps ? &s->step[pick(s->steps)] : NULL;
	uint32_t behind = s->buckets ? s->buckets : f->area_bytes;

	switch (where) {
	case IN_WIDE:
		return s->ww && change(f->area + s->ww, s->wide[0] * s->wide[1], 4);
	case IN_NARROW_WIDE:
		return s->nw && change(f->area + s->nw, ((s->wn > s->nw ? s->wn : behind) - s->nw) / 4, 4);
	case IN_WIDE_NARROW:
		return s->wn && change(f->area + s->wn, (behind - s->wn) / 4, 4);
	case IN_KEYS:
	case IN_CELLS:
		return change_bucket(f, s, where == IN_KEYS);
	case IN_LISTS:
		return s->rows > s->lists && change(f->area + s->lists, (s->rows - s->lists) / 4, 4);
	case IN_ROWS:
		return s->ww > s->rows && change(f->area + s->rows, (s->ww - s->rows) / 4, 4);
	case IN_HEADS:
		return change_head(f, s);
	case IN_CLASSES:
		return step && change(f->area + step->classes, step->mask + 1, 2);
	case IN_COMBINED:
		return step && step->combined && change(f->area + step->combined, 2 * step->width, 2);
	case IN_BITS:
		return change(f->area + s->group[0].bits, s->group[0].classes * s->bits_words, 4);
	case IN_WORDS:
		return f->shape.words[side][l] &&
		       change(f->area + f->shape.words[side][l], 1 + pick(8), 4);
	case IN_LOOKUP:
	case IN_NODES:
		return change_lookup(f, where == IN_NODES);
	case IN_CONSTANT:
		return change(&f->shape.constant[side][pick(2)], 1, 4);
	case IN_ACTIONS:
		return change(f->actions.data, f->actions.len * sizeof(struct action), 1);
	case IN_FIRST:
		return change(f->first, f->rules.len, 4);
	case IN_MACS:
		return change(f->macs.data, f->macs.len * sizeof(struct image_mac), 1);
	case IN_PORTS:
		image->config.port[1 + pick(3)] ^= CONFIG_PORT_FILTER;
		return true;
	case PLACES:
		break;
	}
	return false;
}

/* ---- can a packet see it ------------------------------------------------------------ */

static const void *any(const struct vec *v)
{
	return vec_at(v, pick(v->len));
}

static void random_packet(const struct values *values, const struct vec stand_ins[2],
			  struct frame_fields *f, uint32_t *sets)
{
	for (;;) {
		const struct stand_in *from = any(&stand_ins[0]), *to = any(&stand_ins[1]);
		struct text why = { 0 };
		int err;

		*f = (struct frame_fields){ 0 };
		if (pick(8)) {
			if (from->addr.family != to->addr.family)
				continue;
			frame_set_address(f, FIELD_IP_SRC, &from->addr);
			frame_set_address(f, FIELD_IP_DST, &to->addr);
		}
		for (unsigned int i = 0; i < FIELD_COUNT; i++)
			if (values->of[i].len && pick(2))
				frame_set(f, i, ((const struct value *)any(&values->of[i]))->value);
		*sets = ((const struct value *)any(&values->of[VALUES_SETS]))->value;
		err = frame_settle(f, &why, NULL);
		text_free(&why);
		if (!err)
			return;
	}
}

static bool same_walk(const struct walk *a, const struct walk *b)
{
	if (a->filtered != b->filtered)
		return a->filtered ? a->layer[0].rule == RULES_NONE : b->layer[0].rule == RULES_NONE;
	for (unsigned int l = 0; l < LAYERS_MAX; l++) {
		if (a->layer[l].rule != b->layer[l].rule)
			return false;
		/* Rules that go on are found by their number: what else their word says nobody reads. */
		if (!l && a->layer[l].action != b->layer[l].action)
			return false;
		if (a->layer[0].rule <= a->layer[l].rule && l)
			continue;
	}
	return true;
}

#define SAMPLES 20000

/* Whether some packet of many is treated differently by the two. */
static bool some_packet_sees(const struct subject *s, const struct image *changed)
{
	const struct image *images[] = { s->image, changed };
	struct values values, more;
	struct vec stand_ins[2] = { VEC(struct stand_in), VEC(struct stand_in) };
	struct matcher *m = matcher_new(s->policy, &s->policy->rules);
	struct tests tests;
	uint16_t *port = walk_ports(s->image, s->policy);
	bool seen = false;

	tests_find(&s->policy->rules, &tests);
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int side = 0; side < 2; side++)
			addresses_find(&tests, &images[i]->filter, m, side, NULL, &stand_ins[side]);
	values_find(s->policy, &tests, &s->image->filter, port, &values);
	values_find(s->policy, &tests, &changed->filter, port, &more);
	for (unsigned int i = 0; i <= FIELD_COUNT; i++)
		for (size_t j = 0; j < more.of[i].len; j++)
			vec_append(&values.of[i], vec_at(&more.of[i], j));
	for (unsigned int i = 0; !seen && i < SAMPLES; i++) {
		struct walk was, is;
		struct frame_fields f;
		uint32_t sets;

		random_packet(&values, stand_ins, &f, &sets);
		for (size_t t = 0; t < s->policy->set_tests.len; t++)
			if (!frame_has(&f, ((struct policy_set_test *)vec_at(&s->policy->set_tests, t))->field))
				sets &= ~(1u << t);
		walk_packet(s->image, port, &f, sets, &was);
		walk_packet(changed, port, &f, sets, &is);
		if (!same_walk(&was, &is)) {
			struct text said = { 0 };

			frame_format(s->policy, &f, &said);
			print_message("# %s sets %x: rule %u, %x; and %u, %x\n", said.data, sets,
				      was.layer[0].rule, was.layer[0].action, is.layer[0].rule, is.layer[0].action);
			text_free(&said);
			seen = true;
		}
	}
	values_free(&values);
	values_free(&more);
	vec_free(&stand_ins[0]);
	vec_free(&stand_ins[1]);
	tests_free(&tests);
	matcher_free(m);
	free(port);
	return seen;
}

/* What no packet asks of an action is left aside: numbers that its kind does not have. */
static bool action_matters(const struct image_filter *a, const struct image_filter *b)
{
	for (size_t i = 0; i < a->actions.len; i++) {
		const struct action *x = vec_at(&a->actions, i), *y = vec_at(&b->actions, i);

		if (x->kind != y->kind || !x->last != !y->last)
			return true;
		/* A meter's number says nothing, as long as no other has it. */
		if (x->kind != ACTION_POLICE && x->number != y->number)
			return true;
		if (x->kind == ACTION_POLICE && (x->rate != y->rate || x->bytes != y->bytes ||
						 x->burst >> 20 != y->burst >> 20 || x->field != y->field))
			return true;
		if (x->kind == ACTION_INSERT && (x->burst != y->burst || x->field != y->field ||
						 x->full != y->full || x->rule_key != y->rule_key))
			return true;
	}
	return false;
}

static void test_changes(void **ctx)
{
	const char *wanted = getenv("MUTATIONS");
	unsigned int mutations = wanted ? strtoul(wanted, NULL, 0) : 40, done = 0, tries = 0;
	unsigned int caught[PLACES] = { 0 }, unseen[PLACES] = { 0 }, all_caught = 0, unfinished = 0;

	unsigned int time_ms = getenv("WITNESS_MS") ? strtoul(getenv("WITNESS_MS"), NULL, 0) : 2000;
	struct subject subjects[POLICIES];

	(void)ctx;
	for (size_t i = 0; i < POLICIES; i++)
		subject_number(&subjects[i], i);
	while (done < mutations && tries++ < 100 * mutations) {
		enum where where = pick(PLACES);
		struct verify_report report;
		struct text why = { 0 };
		const struct subject *s = &subjects[pick(POLICIES)];
		struct image *changed = whole_copy(s->image);
		int err;

		if (!change_image(changed, where)) {
			image_free(changed);
			continue;
		}
		done++;
		if (getenv("VERBOSE"))
			fprintf(stderr, "%u\n", done);
		err = verify_image(s->policy, changed, &(struct verify_options){ .time_ms = time_ms }, &report,
				   &why);
		if (err) {
			caught[where]++;
			all_caught++;
		} else {
			unseen[where]++;
			unfinished += !report.complete;
			if (where == IN_ACTIONS && action_matters(&s->image->filter, &changed->filter))
				fail_msg("a changed action was not seen");
			if (some_packet_sees(s, changed))
				fail_msg("a change (%s) was not seen, and some packet sees it", places[where]);
		}
		text_free(&why);
		image_free(changed);
	}
	for (size_t i = 0; i < POLICIES; i++)
		subject_free(&subjects[i]);
	print_message("# %u changes: %u refused, %u that no packet sees (%u of them by sample)\n", done,
		      all_caught, done - all_caught, unfinished);
	for (unsigned int i = 0; i < PLACES; i++)
		print_message("#   %-28s %4u refused %4u not seen\n", places[i], caught[i], unseen[i]);
	assert_true(all_caught > mutations / 8);
}

/* ---- only what changed ------------------------------------------------------------------ */

#define FOCUS_RULES 60

/* A list of one rule a line, but for line @other, of which there is another @version. */
static void write_version(const struct text *lines, unsigned int other, const struct text *version,
			  struct text *out)
{
	text_printf(out, PORTS "filter wan {\n");
	for (unsigned int i = 0; i < FOCUS_RULES; i++)
		text_printf(out, "%s", i == other ? version->data : lines[i].data);
	text_printf(out, "	drop; }\n");
}

static void draw_rule(struct text *out)
{
	struct text list = { 0 };

	draw_list(1, false, &list);
	text_printf(out, "%s", strchr(strstr(list.data, "filter"), '\n') + 1);
	*strrchr(out->data, '\t') = '\0';
	out->len = strlen(out->data);
	text_free(&list);
}

/*
 * The image of one list, and a policy that differs in one rule: asked about that rule alone, as it
 * was and as it is, verify finds what it finds when asked about everything.
 */
static void test_focus(void **ctx)
{
	unsigned int seen = 0, cases = getenv("MUTATIONS") ? strtoul(getenv("MUTATIONS"), NULL, 0) : 40;

	(void)ctx;
	for (unsigned int i = 0; i < cases; i++) {
		struct text lines[FOCUS_RULES] = { 0 }, other = { 0 }, text[2] = { 0 }, why = { 0 };
		struct verify_report all, some;
		struct subject was, is;
		uint32_t at = pick(FOCUS_RULES);
		const struct policy_rule *gone;
		struct verify_focus focus = { .rules = &at, .rules_len = 1, .gone = &gone, .gone_len = 1 };
		int err;

		for (unsigned int j = 0; j < FOCUS_RULES; j++)
			draw_rule(&lines[j]);
		draw_rule(&other);
		write_version(lines, FOCUS_RULES, NULL, &text[0]);
		write_version(lines, at, &other, &text[1]);
		subject_make(&was, text[0].data);
		subject_make(&is, text[1].data);
		gone = *(struct policy_rule **)vec_at(&was.policy->rules, at);
		verify_image(is.policy, was.image, &(struct verify_options){ .time_ms = 1000 }, &all, &why);
		err = verify_image(is.policy, was.image,
				   &(struct verify_options){ .time_ms = 1000, .focus = &focus }, &some, &why);
		if (all.differ && !some.differ) {
			verify_say_difference(is.policy, &all, &why);
			fail_msg("a change of rule %u is not seen: %s\n%s\n%s", at, why.data,
				 text[0].data, text[1].data);
		}
		assert_int_equal(err, some.differ ? -EILSEQ : 0);
		/* Where nothing changed, it finds nothing, and needs little for it. */
		verify_image(was.policy, was.image,
			     &(struct verify_options){ .time_ms = 1000, .focus = &focus }, &some, &why);
		assert_false(some.differ);
		assert_true(some.focused && some.rules == 1 && some.rules_met <= 1);
		seen += all.differ;
		for (unsigned int j = 0; j < FOCUS_RULES; j++)
			text_free(&lines[j]);
		text_free(&other);
		text_free(&text[0]);
		text_free(&text[1]);
		text_free(&why);
		subject_free(&was);
		subject_free(&is);
	}
	print_message("# %u rules changed: %u of them seen by packets\n", cases, seen);
	assert_true(seen > cases / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_focus),
		cmocka_unit_test(test_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, NULL);
}
