// SPDX-License-Identifier: GPL-2.0
/*
 * core_print.c: an expression as text that core_parse() reads as the same expression.
 *
 * What is short stands in a line; a list of rules has a line for each, with "else" at its end, and
 * does not wander to the right. Lists are long: their ends are walked, not recursed into, and the
 * parentheses that were opened on the way are closed behind it all.
 */
#include "policy/core_build.h"

#include <inttypes.h>

#include "base/text.h"
#include "policy/field.h"
#include "policy/printer.h"

#define INDENT		4
#define INDENT_MAX	40	/* plain expressions nest as deep as they are long */
#define SHORT		24	/* nodes and values of what may stand in a line */

/* How strongly it holds together. */
enum { SUM, SEQUENCE, STEP };

static int binding(const struct core_expression *e)
{
	switch (e->kind) {
	case CORE_SUM:
		return SUM;
	case CORE_SEQUENCE:
	case CORE_IF:
		return SEQUENCE;
	default:
		return STEP;
	}
}

/* ---- values ---------------------------------------------------------- */

void core_value_print(const struct core *core, unsigned int field, uint64_t value, struct text *out)
{
	if (field == CORE_OUT && value == CORE_HOST)
		text_printf(out, "host");
	else if (field == CORE_OUT || field == FIELD_IN)
		text_printf(out, "%s", value < core->ports.len ?
			    *(const char **)vec_at(&core->ports, value) : "?");
	else if (field == FIELD_VLAN_ID && value == CORE_NO_TAG)
		text_printf(out, "none");
	else
		field_print(NULL, field, value, out);
}

static void print_range(const struct core *core, unsigned int field, const struct range *r,
			struct text *out)
{
	bool mac = field < FIELD_COUNT && field_kind(field) == KIND_MAC;

	if (field == CORE_OUT || field == FIELD_IN) {
		for (uint64_t v = r->first; ; v++) {
			core_value_print(core, field, v, out);
			if (v == r->last)
				break;
			text_printf(out, ", ");
		}
	} else if (r->first == r->last || mac) {
		core_value_print(core, field, r->first, out);
		if (r->first != r->last) {
			text_printf(out, "-");
			core_value_print(core, field, r->last, out);
		}
	} else {
		text_printf(out, "%" PRIu64 "-%" PRIu64, r->first, r->last);
	}
}

static bool is_one_value(const struct core_expression *e)
{
	bool port = e->field == CORE_OUT || e->field == FIELD_IN;

	return e->values == 1 && (!port || e->ranges[0].first == e->ranges[0].last);
}

static void print_test(const struct core *core, const struct core_expression *e, struct text *out)
{
	bool one = is_one_value(e);
	char buf[PREFIX_STRLEN];
	uint64_t mask, value;

	if (core_is_masked(e, &mask, &value)) {
		text_printf(out, "tcp.flags & (");
		field_print(NULL, e->field, mask, out);
		text_printf(out, e->unequal ? ") != " : ") = ");
		field_print(NULL, e->field, value, out);
		return;
	}
	text_printf(out, "%s %s %s", core_field_name(e->field), e->unequal ? "!=" : "=", one ? "" : "{");
	for (size_t i = 0; i < e->values; i++) {
		text_printf(out, "%s", i ? ", " : "");
		if (e->prefixes)
			text_printf(out, "%s", prefix_format_short(&e->prefixes[i], buf));
		else
			print_range(core, e->field, &e->ranges[i], out);
	}
	text_printf(out, "%s", one ? "" : "}");
}

static void print_assignment(const struct core *core, const struct core_expression *e,
			     struct text *out)
{
	char buf[ADDR_STRLEN];

	text_printf(out, "%s := ", core_field_name(e->field));
	if (e->field == FIELD_IP_SRC || e->field == FIELD_IP_DST)
		text_printf(out, "%s", addr_format(&e->address, buf));
	else
		core_value_print(core, e->field, e->value, out);
}

/* ---- lines ----------------------------------------------------------- */

/* Whether it may stand in a line: small, and no list. */
static bool is_short(const struct core_expression *e, unsigned int *left)
{
	if (*left <= e->values)
		return false;
	*left -= 1 + e->values;
	if (e->kind == CORE_IF && e->kid[2]->kind != CORE_ID)
		return false;
	for (size_t i = 0; i < e->kids; i++)
		if (!is_short(e->kid[i], left))
			return false;
	return true;
}

static bool fits_a_line(const struct core_expression *e)
{
	unsigned int left = SHORT;

	return is_short(e, &left);
}

static void new_line(unsigned int indent, struct text *out)
{
	text_printf(out, "\n%*s", (int)(indent < INDENT_MAX ? indent : INDENT_MAX), "");
}

/* ---- expressions ----------------------------------------------------- */

struct closing {
	unsigned int indent;
	bool line;
};

static void print_part(const struct core *core, const struct core_expression *e, int least,
		       bool last, unsigned int indent, struct text *out);

/* The end of what is put between "then" and "else" must not be an "if" that takes the "else". */
static bool ends_in_if(const struct core_expression *e)
{
	while (e->kind == CORE_SEQUENCE)
		e = e->kid[e->kids - 1];
	return e->kind == CORE_IF;
}

static void print_branch(const struct core *core, const struct core_expression *e,
			 unsigned int indent, struct text *out)
{
	print_part(core, e, ends_in_if(e) ? STEP : SEQUENCE, false, indent, out);
}

static void print_simple(const struct core *core, const struct core_expression *e,
			 unsigned int indent, struct text *out)
{
	switch (e->kind) {
	case CORE_DROP:
		text_printf(out, "drop");
		break;
	case CORE_ID:
		text_printf(out, "id");
		break;
	case CORE_TEST:
		print_test(core, e, out);
		break;
	case CORE_SET:
		text_printf(out, "%s in %s", core_field_name(e->field), e->text);
		break;
	case CORE_NOT:
		text_printf(out, "~");
		print_part(core, e->kid[0], STEP, false, indent, out);
		break;
	case CORE_ASSIGN:
		print_assignment(core, e, out);
		break;
	case CORE_LESS:
		text_printf(out, "ip.ttl := ip.ttl - 1");
		break;
	case CORE_ROUTE:
		text_printf(out, "route");
		break;
	case CORE_MARK:
		text_printf(out, "%s(", core_mark_name(e->mark));
		print_string(e->text, out);
		text_printf(out, ")");
		break;
	default:
		break;
	}
}

/* All kids but the last, each with what stands behind it. */
static void print_kids(const struct core *core, const struct core_expression *e, bool line,
		       unsigned int indent, struct text *out)
{
	for (size_t i = 0; i + 1 < e->kids; i++) {
		if (e->kind == CORE_SUM) {
			print_part(core, e->kid[i], line ? SEQUENCE : STEP, false, indent, out);
			if (line)
				new_line(indent, out);
			text_printf(out, line ? "+ " : " + ");
		} else {
			print_part(core, e->kid[i], STEP, false, indent, out);
			text_printf(out, ";");
			if (line)
				new_line(indent, out);
			else
				text_printf(out, " ");
		}
	}
}

/*
 * @e within something that takes parts that bind by @least at least; an "if" that is not the @last
 * of a sequence is put in parentheses.
 */
static void print_part(const struct core *core, const struct core_expression *e, int least,
		       bool last, unsigned int indent, struct text *out)
{
	struct vec closings = VEC(struct closing);

	for (;;) {
		bool parentheses = binding(e) < least && !(e->kind == CORE_IF && last);
		bool line = !fits_a_line(e);

		if (parentheses) {
			struct closing *c = vec_push(&closings);

			*c = (struct closing){ indent, line };
			text_printf(out, "(");
			if (line)
				new_line(indent += INDENT, out);
		}
		if (binding(e) == STEP) {
			print_simple(core, e, indent, out);
			break;
		}
		if (e->kind != CORE_IF) {
			print_kids(core, e, line, indent, out);
			least = e->kind == CORE_SUM && line ? SEQUENCE : STEP;
			last = e->kind == CORE_SEQUENCE;
			e = e->kid[e->kids - 1];
			continue;
		}
		text_printf(out, "if ");
		print_part(core, e->kid[0], SUM, false, indent + INDENT, out);
		text_printf(out, " then ");
		print_branch(core, e->kid[1], indent, out);
		if (e->kid[2]->kind == CORE_ID)
			break;
		text_printf(out, " else");
		new_line(indent, out);
		least = SEQUENCE;
		last = true;
		e = e->kid[2];
	}
	while (closings.len) {
		struct closing *c = vec_at(&closings, closings.len - 1);

		if (c->line)
			new_line(c->indent, out);
		text_printf(out, ")");
		vec_pop(&closings);
	}
	vec_free(&closings);
}

void core_print(const struct core *core, struct text *out)
{
	if (core->ports.len) {
		text_printf(out, "ports { ");
		for (size_t i = 0; i < core->ports.len; i++)
			text_printf(out, "%s%s", i ? ", " : "", *(const char **)vec_at(&core->ports, i));
		text_printf(out, " }\n");
	}
	print_part(core, core->root, SUM, true, 0, out);
	text_printf(out, "\n");
}
