// SPDX-License-Identifier: GPL-2.0
// options: -max_len=2000
/*
 * Core expressions from outside. What is wrong has one mistake, with a place in the text; what is
 * right is printed, and read as the same; plain, and as a diagram, it makes the same of a few
 * packets, and equal diagrams are equal pointers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/diagram.h"
#include "base/text.h"
#include "policy/core.h"

static void expect(bool what)
{
	if (!what)
		abort();
}

static struct core *read_core(const struct text *text)
{
	const struct source source = { .name = "again", .text = (char *)text_string(text), .len = text->len };
	struct diags diags;
	struct core *core;

	diags_init(&diags);
	core = core_parse(&source, &diags);
	expect(core && !diags.errors);
	diags_free(&diags);
	return core;
}

static struct core *read_back(const struct core *core)
{
	struct text once = { 0 }, again = { 0 };
	struct core *back;

	core_print(core, &once);
	back = read_core(&once);
	core_print(back, &again);
	expect(!strcmp(text_string(&once), text_string(&again)));
	text_free(&once);
	text_free(&again);
	return back;
}

static bool in_set(void *context, const char *set, enum policy_field field, const struct frame_fields *f)
{
	(void)context;
	return (set[0] ^ field ^ f->value[field]) & 1;
}

/* How many copies, and how many of them are gone: sets that are equal agree in both. */
static void count(const struct core *core, const struct frame_fields *f, size_t n[2])
{
	const struct core_world world = { .in_set = in_set };
	struct vec copies;

	core_eval(core, &world, f, &copies);
	n[0] = copies.len;
	n[1] = 0;
	for (size_t i = 0; i < copies.len; i++)
		n[1] += ((const struct core_copy *)vec_at(&copies, i))->fate == CORE_GONE;
	core_copies_free(&copies);
}

static void compare(const struct core *const *cores, size_t n)
{
	static const unsigned int types[] = { 0x0800, 0x0800, 0x86dd, 0x0806 };
	static const unsigned int protos[] = { 6, 17, 58, 1 };

	for (unsigned int i = 0; i < 8 && cores[0]->ports.len; i++) {
		struct frame_fields f = { 0 };
		struct text why = { 0 };
		size_t first[2], other[2];

		frame_set(&f, FIELD_IN, i % cores[0]->ports.len);
		frame_set(&f, FIELD_ETH_TYPE, types[i % 4]);
		if (i % 4 < 3)
			frame_set(&f, FIELD_IP_PROTO, protos[i % 4]);
		if (i > 3)
			frame_set(&f, FIELD_VLAN_ID, 12);
		expect(!frame_settle(&f, &why, NULL));
		count(cores[0], &f, first);
		for (size_t j = 1; j < n; j++) {
			count(cores[j], &f, other);
			expect(first[0] == other[0] && first[1] == other[1]);
		}
	}
}

static void check_diagrams(const struct core *const *cores, size_t n)
{
	struct diagram *d = diagram_new(cores, n, 16 << 20);
	const struct dd *first = diagram_of_core(d, cores[0], false), *other;
	struct text dump = { 0 };

	for (size_t i = 1; first && i < n; i++) {
		other = diagram_of_core(d, cores[i], false);
		expect(!other || other == first);
	}
	if (first)
		dd_dump(diagram_space(d), first, diagram_names(d), &dump);
	else
		expect(*diagram_refusal(d));
	text_free(&dump);
	diagram_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *copy = malloc(len + 1);
	const struct source source = { .name = "fuzz", .text = copy, .len = len };
	const struct core *all[4];
	struct core *core;
	struct diags diags;

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	diags_init(&diags);
	core = core_parse(&source, &diags);
	expect(core ? !diags.errors : diags.errors == 1);
	if (core) {
		all[0] = core;
		all[1] = core_plain(core);
		all[2] = read_back(core);
		all[3] = read_back(all[1]);
		compare(all, 4);
		check_diagrams(all, 4);
		for (unsigned int i = 0; i < 4; i++)
			core_free((struct core *)all[i]);
	} else {
		const struct diag *said = vec_at(&diags.list, 0);
		struct text out = { 0 };

		expect(said->place.source == &source && said->place.line > 0 && said->place.column > 0);
		diags_print(&diags, &out, false);
		text_free(&out);
	}
	diags_free(&diags);
	free(copy);
	return 0;
}
