// SPDX-License-Identifier: GPL-2.0
// options: -max_len=200
/*
 * Two expressions made of the bytes: what their diagrams make of every packet is what the plain meaning
 * says, and they are one pointer exactly if the plain meaning makes the same of every packet.
 */
#include "selftests/unit/dd_expressions.h"

#include "base/text.h"

static uint32_t next_byte(struct choices *c)
{
	if (!c->left)
		return 0;
	c->left--;
	return *c->bytes++;
}

static dd_value any_value(struct choices *c, const struct dd_field *field)
{
	return choose(c, (uint32_t)field->last + 1);
}

static const struct dd_field fields[] = { { "a", 2 }, { "b", 3 }, { "c", 2 } };

static void expect(bool what)
{
	if (!what)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct choices c = { .next = next_byte, .bytes = bytes, .left = len };
	struct arena arena = { 0 };
	struct language l = { .arena = &arena, .field = fields, .fields = 3, .marks = choose(&c, 2),
			      .stars = true, .sets = true, .value = any_value };
	const struct expression *e[2] = { expression(&l, &c, 4), expression(&l, &c, 4) };
	struct dd_space *s = dd_space_new(fields, 3, 64 << 20);
	const struct dd *d[2] = { diagram(s, e[0]), diagram(s, e[1]) };
	struct text dump = { 0 };
	bool same = true;

	expect(d[0] && d[1]);
	for (unsigned int i = 0; i < 36; i++) {
		struct fate in = { .packet = { i % 3, i / 3 % 4, i / 12 } };
		struct vec want[2];

		for (unsigned int j = 0; j < 2; j++) {
			struct vec got = fates_of_leaf(&l, dd_eval(s, d[j], in.packet), &in);

			want[j] = fates_of(&l, e[j], &in);
			expect(same_fates(&want[j], &got));
			vec_free(&got);
		}
		same &= same_fates(&want[0], &want[1]);
		vec_free(&want[0]);
		vec_free(&want[1]);
	}
	expect(same == (d[0] == d[1]));
	expect(dd_differ(s, d[0], d[1]) == dd_none(s) ? same : !same);
	dd_dump(s, d[0], NULL, &dump);
	text_free(&dump);
	dd_space_free(s);
	arena_free(&arena);
	return 0;
}
