// SPDX-License-Identifier: GPL-2.0
/* base/prefix_tree against a plain sorted array, on crowded random prefixes of both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/prefix_tree.h"

#define SLOTS 4096

struct twin {
	struct prefix prefix[SLOTS];
	uint32_t value[SLOTS];
	size_t len;
};

static struct twin twin;

static size_t twin_find(const struct prefix *p)
{
	size_t i = 0;

	while (i < twin.len && prefix_cmp(&twin.prefix[i], p) < 0)
		i++;
	return i;
}

static bool twin_has(size_t i, const struct prefix *p)
{
	return i < twin.len && prefix_equal(&twin.prefix[i], p);
}

static void twin_put(const struct prefix *p, uint32_t value)
{
	size_t i = twin_find(p);

	if (!twin_has(i, p)) {
		memmove(&twin.prefix[i + 1], &twin.prefix[i], (twin.len - i) * sizeof(*twin.prefix));
		memmove(&twin.value[i + 1], &twin.value[i], (twin.len - i) * sizeof(*twin.value));
		twin.prefix[i] = *p;
		twin.len++;
	}
	twin.value[i] = value;
}

static bool twin_del(const struct prefix *p)
{
	size_t i = twin_find(p);

	if (!twin_has(i, p))
		return false;
	twin.len--;
	memmove(&twin.prefix[i], &twin.prefix[i + 1], (twin.len - i) * sizeof(*twin.prefix));
	memmove(&twin.value[i], &twin.value[i + 1], (twin.len - i) * sizeof(*twin.value));
	return true;
}

/* Few distinct bits, so that prefixes nest, touch and repeat. */
static struct prefix random_prefix(uint8_t family)
{
	struct prefix p = { .addr.family = family };
	unsigned int bytes = addr_bits(family) / 8;

	for (unsigned int i = 0; i < bytes; i++)
		p.addr.bytes[i] = random() % 4 ? 0 : 1u << random() % 8;
	p.len = random() % 8 ? random() % (addr_bits(family) + 1) : addr_bits(family) * (random() % 2);
	return prefix_canonical(p);
}

struct covered {
	struct prefix of;
	size_t count;
	bool right;
};

static bool check_cover(void *user, uint8_t len, uint32_t value)
{
	struct covered *c = user;
	struct prefix p = c->of;
	size_t i;

	p.len = len;
	p = prefix_canonical(p);
	i = twin_find(&p);
	c->right &= twin_has(i, &p) && twin.value[i] == value;
	c->count++;
	return true;
}

static void compare_all(const struct prefix_tree *t, const struct prefix *within)
{
	struct prefix p = { 0 };
	uint32_t value;
	size_t i = 0;

	while (prefix_tree_next(t, within, &p, &value)) {
		while (i < twin.len && !prefix_contains(within, &twin.prefix[i]))
			i++;
		assert_true(twin_has(i, &p));
		assert_int_equal(twin.value[i], value);
		i++;
	}
	while (i < twin.len && !prefix_contains(within, &twin.prefix[i]))
		i++;
	assert_int_equal(i, twin.len);
}

static void random_operations(uint8_t family)
{
	struct prefix_tree t = { .family = family };
	struct prefix all = { .addr.family = family };

	twin.len = 0;
	for (unsigned int step = 0; step < 30000; step++) {
		struct prefix p = random_prefix(family), q = random_prefix(family);
		size_t i = twin_find(&q), covers = 0;
		struct covered c = { .of = q, .right = true };
		uint32_t *v;

		if (twin.len < SLOTS / 8 ? random() % 3 : random() % 2 && twin.len < SLOTS - 1) {
			*prefix_tree_put(&t, &p) = step;
			twin_put(&p, step);
		} else {
			if (random() % 2 && twin.len)
				p = twin.prefix[random() % twin.len];
			assert_int_equal(prefix_tree_del(&t, &p), twin_del(&p));
			i = twin_find(&q);
		}
		i = twin_find(&q);
		assert_int_equal(t.len, twin.len);
		v = prefix_tree_get(&t, &q);
		assert_int_equal(v != NULL, twin_has(i, &q));
		if (v)
			assert_int_equal(*v, twin.value[i]);
		prefix_tree_cover(&t, &q, check_cover, &c);
		for (size_t k = 0; k < twin.len && step % 16 == 0; k++)
			covers += prefix_contains(&twin.prefix[k], &q);
		assert_true(c.right);
		if (step % 16 == 0)
			assert_int_equal(c.count, covers);
		if (step % 256 == 0) {
			compare_all(&t, &all);
			compare_all(&t, &q);
		}
	}
	/* Walks go on when what they stand on goes. */
	for (struct prefix p = { 0 }; prefix_tree_next(&t, &all, &p, NULL); )
		assert_true(prefix_tree_del(&t, &p));
	assert_int_equal(t.len, 0);
	assert_int_equal(t.root, 0);
	prefix_tree_free(&t);
}

static void test_v4(void **state)
{
	(void)state;
	random_operations(ADDR_V4);
}

static void test_v6(void **state)
{
	(void)state;
	random_operations(ADDR_V6);
}

static void test_count(void **state)
{
	struct prefix_tree t = PREFIX_TREE_V4;
	struct prefix p = { .addr = addr_v4(0xc0000200), .len = 24 };

	(void)state;
	assert_true(prefix_tree_count(&t, &p, 1));
	assert_false(prefix_tree_count(&t, &p, 1));
	assert_int_equal(*prefix_tree_get(&t, &p), 2);
	assert_false(prefix_tree_count(&t, &p, -1));
	assert_true(prefix_tree_count(&t, &p, -1));
	assert_null(prefix_tree_get(&t, &p));
	prefix_tree_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_count),
	};
	unsigned int seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 0) : (unsigned long)time(NULL);

	printf("# seed %u\n", seed);
	srandom(seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
