// SPDX-License-Identifier: GPL-2.0
/*
 * Typed objects: what is written as a key and a value reads back as the same, what is not
 * written plainly is refused in words that name the object, and no bytes from outside do more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/object.h"
#include "base/text.h"
#include "netlink/object.h"

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct addr address(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Writes and reads it, and compares the bytes, the key and the words. */
static void check_round(const struct object *o, const char *key, size_t key_len, const char *words)
{
	_Alignas(4) uint8_t value[OBJECT_VALUE_MAX];
	uint8_t bytes[SLUICE_KEY_MAX];
	size_t len = object_key(o, bytes), value_len = object_value(o, value);
	struct text printed = { 0 }, why = { 0 };
	struct object back;

	object_print(o, &printed);
	assert_string_equal(text_string(&printed), words);
	assert_int_equal(len, key_len);
	assert_memory_equal(bytes, key, len);
	assert_int_equal(object_decode(object_type(o->kind), bytes, len, value, value_len, &back,
				       &why), 0);
	assert_memory_equal(&back, o, sizeof(back));
	text_free(&printed);
	text_free(&why);
}

#define KEY(s) s, sizeof(s) - 1

static void test_round(void **state)
{
	struct object o = { .kind = OBJECT_PORT };

	(void)state;
	strcpy(o.port.name, "wan");
	strcpy(o.port.device, "eth0");
	check_round(&o, KEY("wan"), "port wan eth0");
	o.port.generic = true;
	check_round(&o, KEY("wan"), "port wan eth0 mode generic");

	o = (struct object){ .kind = OBJECT_ROUTE, .route.prefix = prefix("192.0.2.0/24") };
	strcpy(o.route.table, "main");
	check_round(&o, KEY("main\000192.0.2.0/24"), "route 192.0.2.0/24 discard");
	strcpy(o.route.port, "wan");
	check_round(&o, KEY("main\000192.0.2.0/24"), "route 192.0.2.0/24 port wan");
	o.route.via = address("10.0.0.1");
	check_round(&o, KEY("main\000192.0.2.0/24"), "route 192.0.2.0/24 via 10.0.0.1 port wan");
	o.route.prefix = prefix("2001:db8::1");
	o.route.via = address("fe80::1");
	strcpy(o.route.table, "red");
	check_round(&o, KEY("red\0002001:db8::1"),
		    "route 2001:db8::1 via fe80::1 port wan table red");

	o = (struct object){ .kind = OBJECT_MEMBER, .member.group = prefix("239.1.0.0/16") };
	strcpy(o.member.from, "wan");
	strcpy(o.member.to, "host");
	check_round(&o, KEY("*\000239.1.0.0/16\000wan\000host"), "group 239.1.0.0/16 from wan to host");
	o.member.source = address("203.0.113.7");
	o.member.group = prefix("239.1.1.1");
	o.member.vlan = 4094;
	o.member.ttl = 255;
	check_round(&o, KEY("203.0.113.7\000239.1.1.1\000wan\000host"),
		    "group 239.1.1.1 source 203.0.113.7 from wan to host vlan 4094 ttl 255");

	o = (struct object){ .kind = OBJECT_ELEMENT, .element.element = prefix("0.0.0.0/0") };
	strcpy(o.element.set, "a-name_of-exactly-thirty-2-bytes");
	check_round(&o, KEY("a-name_of-exactly-thirty-2-bytes\0000.0.0.0/0"),
		    "set a-name_of-exactly-thirty-2-bytes 0.0.0.0/0");
	o.element.timeout_ms = 5400000;
	check_round(&o, KEY("a-name_of-exactly-thirty-2-bytes\0000.0.0.0/0"),
		    "set a-name_of-exactly-thirty-2-bytes 0.0.0.0/0 timeout 90m");
	o.element.since_ms = 1763783957123;
	check_round(&o, KEY("a-name_of-exactly-thirty-2-bytes\0000.0.0.0/0"),
		    "set a-name_of-exactly-thirty-2-bytes 0.0.0.0/0 timeout 90m");
}

/* Attributes as bytes: length and type in host order, which these tests take for little-endian. */
#define STRING(len, type, s)	len "\0" type "\0" s
#define U32(type, n)		"\x08\0" type "\0" n

static const struct {
	uint32_t type;
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
	const char *says;
} refused[] = {
#define CASE(type, key, value, says) { type, KEY(key), KEY(value), says }
	CASE(0, "x", "", "this sluice does not know objects of type 0"),
	CASE(1, "x", "", "this sluice does not know objects of type 1"),
	CASE(6, "x", "", "this sluice does not know objects of type 6"),
	CASE(2, "", "", "the port in the store: its key has 0 bytes"),
	CASE(2, "wan", "", "the port in the store wan: its interface has a name of 1 to 15 bytes"),
	CASE(2, "wan", STRING("\x15", "\1", "abcdefghijklmnop\0\0\0\0"), "its interface has a name"),
	CASE(2, "wan\0x", "", "its key has more than 1 words"),
	CASE(2, "wan\0", "", "its key has"),
	CASE(2, "w\x1b[m", "", "the port in the store w?[m: a name has letters"),
	CASE(2, "a-name_of-exactly-thirty-3-bytes-", "", "at most 32"),
	CASE(2, "wan", STRING("\x09", "\1", "eth0\0\0\0\0") U32("\3", "\1\0\0\0"),
	     "this sluice does not know attribute 3"),
	CASE(2, "wan", STRING("\x08", "\1", "eth0"), "attribute 1 of its value is malformed"),
	CASE(2, "wan", STRING("\x09", "\1", "e\0h0\0\0\0\0"), "attribute 1 of its value is malformed"),
	CASE(2, "wan", "\x05\0\2\0\1\0\0\0", "attribute 2 of its value is malformed"),
	CASE(2, "wan", U32("\2", "\1\0\0\0") U32("\2", "\1\0\0\0"), "attribute 2 twice"),
	CASE(2, "wan", "\x09\0\1\0eth", "its value is malformed"),
	CASE(2, "wan", "\3\0\1\0", "its value is malformed"),
	CASE(3, "main", "", "the route in the store main: its key has not 2 words"),
	CASE(3, "main\0" "10.0.0.0/33", "", "route in the store main 10.0.0.0/33: that is not a prefix"),
	CASE(3, "main\0" "10.0.0.1/8", "", "the prefix is written 10.0.0.0/8"),
	CASE(3, "main\0" "10.0.0.1/32", "", "the prefix is written 10.0.0.1"),
	CASE(3, "main\0" "2001:DB8::/32", "", "the prefix is written 2001:db8::/32"),
	CASE(3, "main\0" "10.0.0.0/8", STRING("\x0d", "\1", "10.0.0.1\0\0\0\0"),
	     "it has a next hop and no port"),
	CASE(3, "main\0" "10.0.0.0/8",
	     STRING("\x0b", "\1", "10.0.0\0\0") STRING("\x08", "\2", "wan\0"),
	     "its next hop is not an address"),
	CASE(4, "*\0" "239.1.1.1\0wan", "", "its key has not 4 words"),
	CASE(4, "10.0.0\0" "239.1.1.1\0wan\0fa", "", "that is not an address"),
	CASE(4, "*\0" "239.1.1.1\0wan\0fa", U32("\1", "\xff\x0f\0\0"), "a VLAN is 1 to 4094"),
	CASE(4, "*\0" "239.1.1.1\0wan\0fa", U32("\2", "\0\1\0\0"), "a TTL is 1 to 255"),
	CASE(5, "bad", "", "the set in the store bad: its key has not 2 words"),
	CASE(5, "bad\0" "10.0.0.1", U32("\3", "\1\0\0\0"), "does not know attribute 3"),
	CASE(5, "bad\0" "10.0.0.1", U32("\2", "\1\0\0\0"), "attribute 2 of its value is malformed"),
#undef CASE
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct object o = { .kind = OBJECT_NONE };
		struct text why = { 0 };

		assert_int_equal(object_decode(refused[i].type, refused[i].key, refused[i].key_len,
					       refused[i].value, refused[i].value_len, &o, &why),
				 -EBADMSG);
		assert_int_equal(o.kind, OBJECT_NONE);
		if (!strstr(text_string(&why), refused[i].says))
			fail_msg("case %zu: wanted \"%s\", got \"%s\"", i, refused[i].says,
				 text_string(&why));
		text_free(&why);
	}
}

/* Near-valid bytes: what is taken writes back as it came, keys at least; nothing else happens. */
static void test_noise(void **state)
{
	unsigned int seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 0) : (unsigned long)time(NULL);
	unsigned int taken = 0;

	(void)state;
	print_message("# SEED=%u\n", seed);
	srandom(seed);
	for (int i = 0; i < 200000; i++) {
		uint8_t key[SLUICE_KEY_MAX], value[OBJECT_VALUE_MAX + 8], again[SLUICE_KEY_MAX];
		size_t n = random() % (sizeof(refused) / sizeof(refused[0]));
		size_t key_len = refused[n].key_len, value_len = refused[n].value_len;
		struct text why = { 0 };
		struct object o;

		memcpy(key, refused[n].key, key_len);
		memcpy(value, refused[n].value, value_len);
		for (int k = random() % 4; k && key_len; k--)
			key[random() % key_len] = random() % 8 ? "019a.:/"[random() % 7] : random();
		for (int k = random() % 4; k && value_len; k--)
			value[random() % value_len] = random() % 2 ? random() % 16 : random();
		value_len = value_len && random() % 4 == 0 ? random() % value_len : value_len;
		if (!object_decode(random() % 8 ? refused[n].type : random() % 8, key, key_len, value,
				   value_len, &o, &why)) {
			taken++;
			assert_int_equal(object_key(&o, again), key_len);
			assert_memory_equal(again, key, key_len);
		}
		text_free(&why);
	}
	assert_true(taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
