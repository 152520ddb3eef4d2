// SPDX-License-Identifier: GPL-2.0
/*
 * Records of MRT files, made here byte by byte: what is read of each kind, what is refused and with
 * which words, and what a file of them comes to. Then each record cut off at each length, and each
 * of its bytes changed: refused or read, nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "lpm/mrt.h"
#include "lpm/rib.h"

/* ---- making records ------------------------------------------------------------- */

static void put(struct text *t, unsigned int bytes, uint64_t n)
{
	for (unsigned int i = bytes; i-- > 0; ) {
		uint8_t byte = n >> 8 * i;

		text_append(t, &byte, 1);
	}
}

/* Bytes in hexadecimal; blanks are for the eye. */
static void put_hex(struct text *t, const char *hex)
{
	for (; *hex; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		put(t, 1, byte);
		hex++;
	}
}

static void put_address(struct text *t, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	text_append(t, a.bytes, addr_bits(a.family) / 8);
}

static void put_prefix(struct text *t, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	put(t, 1, p.len);
	text_append(t, p.addr.bytes, (p.len + 7) / 8);
}

static void put_text(struct text *t, struct text *inner, unsigned int length_bytes)
{
	put(t, length_bytes, inner->len);
	text_append(t, inner->data, inner->len);
	text_free(inner);
}

static void record(struct text *file, uint32_t time, uint16_t type, uint16_t subtype, struct text *body)
{
	put(file, 4, time);
	put(file, 2, type);
	put(file, 2, subtype);
	put_text(file, body, 4);
}

/* ORIGIN, AS_PATH of @length ASes in a sequence, NEXT_HOP. */
static void put_path(struct text *t, unsigned int origin, unsigned int as_bytes, unsigned int length,
		     const char *hop)
{
	put_hex(t, "40 01 01");
	put(t, 1, origin);
	put_hex(t, "40 02");
	put(t, 1, length ? 2 + as_bytes * length : 0);
	if (length) {
		put(t, 1, 2);
		put(t, 1, length);
		for (unsigned int i = 0; i < length; i++)
			put(t, as_bytes, 64500 + i);
	}
	if (hop) {
		put_hex(t, "40 03 04");
		put_address(t, hop);
	}
}

static void update(struct text *file, uint32_t time, bool as4, struct text *withdrawn,
		   struct text *attributes, struct text *announced)
{
	struct text body = { 0 }, message = { 0 };

	put_text(&message, withdrawn, 2);
	put_text(&message, attributes, 2);
	text_append(&message, announced->data, announced->len);
	text_free(announced);
	put(&body, as4 ? 4 : 2, 64500);
	put(&body, as4 ? 4 : 2, 64501);
	put(&body, 2, 0);
	put(&body, 2, 1);
	put_address(&body, "192.0.2.1");
	put_address(&body, "192.0.2.2");
	for (int i = 0; i < 16; i++)
		put(&body, 1, 0xff);
	put(&body, 2, 19 + message.len);
	put(&body, 1, 2);
	text_append(&body, message.data, message.len);
	text_free(&message);
	record(file, time, 16, as4 ? 4 : 1, &body);
}

static void peers(struct text *file)
{
	struct text body = { 0 };

	put_hex(&body, "c0000201 0004 76696577 0002");
	put_hex(&body, "02 0a000001 c0000202 0000fde9");
	put_hex(&body, "03 0a000002 20010db8000000000000000000000001 0000fdea");
	record(file, 100, 13, 1, &body);
}

static void rib4(struct text *file, const char *prefix, unsigned int lengths[], unsigned int origins[],
		 const char *const hops[], unsigned int n)
{
	struct text body = { 0 };

	put(&body, 4, 0);
	put_prefix(&body, prefix);
	put(&body, 2, n);
	for (unsigned int i = 0; i < n; i++) {
		struct text attributes = { 0 };

		put(&body, 2, i);
		put(&body, 4, 99);
		put_path(&attributes, origins[i], 4, lengths[i], hops[i]);
		put_text(&body, &attributes, 2);
	}
	record(file, 100, 13, 2, &body);
}

/* Next hop as MP_REACH has it: in a dump alone, or whole as some collectors write it. */
static void rib6(struct text *file, const char *prefix, const char *hop, bool whole, bool link_local)
{
	struct text body = { 0 }, attributes = { 0 }, reach = { 0 };

	put(&body, 4, 1);
	put_prefix(&body, prefix);
	put(&body, 2, 1);
	put(&body, 2, 1);
	put(&body, 4, 99);
	put_path(&attributes, 0, 4, 3, NULL);
	if (whole)
		put_hex(&reach, "0002 01");
	put(&reach, 1, link_local ? 32 : 16);
	put_address(&reach, hop);
	if (link_local)
		put_address(&reach, "fe80::1");
	if (whole) {
		put(&reach, 1, 0);
		put_prefix(&reach, prefix);
	}
	put_hex(&attributes, "90 0e");	/* with a length of two bytes */
	put_text(&attributes, &reach, 2);
	put_text(&body, &attributes, 2);
	record(file, 100, 13, 4, &body);
}

static void all_kinds(struct text *file)
{
	struct text body = { 0 }, none = { 0 }, withdrawn = { 0 }, attributes = { 0 }, announced = { 0 };
	struct text multi = { 0 };

	peers(file);
	rib4(file, "10.0.0.0/8", (unsigned int[]){ 3, 2 }, (unsigned int[]){ 0, 2 },
	     (const char *const[]){ "192.0.2.3", "192.0.2.2" }, 2);
	rib4(file, "11.128.0.0/9", (unsigned int[]){ 2, 2 }, (unsigned int[]){ 2, 0 },
	     (const char *const[]){ "192.0.2.3", "192.0.2.2" }, 2);
	rib4(file, "0.0.0.0/0", (unsigned int[]){ 1, 1 }, (unsigned int[]){ 0, 0 },
	     (const char *const[]){ "192.0.2.3", "192.0.2.2" }, 2);
	rib6(file, "2001:db8::/33", "2001:db8::9", false, false);
	rib6(file, "2001:db8:1::/48", "2001:db8::a", true, true);
	/* TABLE_DUMP */
	put_hex(&body, "0000 0001 ac100000 0c 01 00000063 c0000202 fde9");
	put_path(&attributes, 0, 2, 2, "192.0.2.4");
	put_text(&body, &attributes, 2);
	record(file, 101, 12, 1, &body);
	/* Both families in one update, by MP_REACH and MP_UNREACH. */
	put_prefix(&withdrawn, "10.0.0.0/8");
	put_path(&attributes, 1, 4, 4, "192.0.2.5");
	put_hex(&multi, "0002 01 10");
	put_address(&multi, "2001:db8::b");
	put(&multi, 1, 0);
	put_prefix(&multi, "2001:db8:2::/48");
	put_prefix(&multi, "2001:db8:3::/48");
	put_hex(&attributes, "80 0e");
	put_text(&attributes, &multi, 1);
	put_hex(&multi, "0002 01");
	put_prefix(&multi, "2001:db8:1::/48");
	put_hex(&attributes, "80 0f");
	put_text(&attributes, &multi, 1);
	put_prefix(&announced, "12.0.0.0/8");
	put_prefix(&announced, "12.1.2.128/25");
	update(file, 200, true, &withdrawn, &attributes, &announced);
	/* IPv4 by an IPv6 next hop. */
	put_path(&attributes, 0, 2, 1, NULL);
	put_hex(&multi, "0001 01 10");
	put_address(&multi, "2001:db8::c");
	put(&multi, 1, 0);
	put_prefix(&multi, "13.0.0.0/8");
	put_hex(&attributes, "80 0e");
	put_text(&attributes, &multi, 1);
	update(file, 201, false, &none, &attributes, &announced);
	/* A state, and a kind of its own. */
	put_hex(&body, "fde9 fdea 0000 0001 c0000201 c0000202 0001 0006");
	record(file, 202, 16, 0, &body);
	put_hex(&body, "00");
	record(file, 203, 48, 0, &body);
}

/* ---- reading them --------------------------------------------------------------- */

/* Return: what is wrong with the first record that is; else NULL, and all routes are in @said. */
static const char *read_all(const struct text *file, struct text *said)
{
	struct mrt m;
	const char *wrong = NULL;
	char prefix[PREFIX_STRLEN], via[ADDR_STRLEN];

	mrt_init(&m);
	for (size_t at = 0; !wrong && at < file->len; ) {
		const uint8_t *bytes = (uint8_t *)file->data + at;
		size_t n = MRT_HEADER + mrt_length(bytes);

		wrong = mrt_record(&m, bytes, n < file->len - at ? n : file->len - at);
		if (wrong)
			assert_int_equal(m.routes.len, 0);
		for (size_t i = 0; i < m.routes.len; i++) {
			const struct mrt_route *r = vec_at(&m.routes, i);

			text_printf(said, "%u %c %s %s %u.%u\n", (unsigned int)(m.time_us / 1000000),
				    "daw"[r->kind], prefix_format(&r->prefix, prefix),
				    r->via.family ? addr_format(&r->via, via) : "-", r->path_length, r->origin);
		}
		at += n;
	}
	mrt_free(&m);
	return wrong;
}

static void reads_all_kinds(void **state)
{
	static const char wanted[] =
		"100 d 10.0.0.0/8 192.0.2.3 3.0\n100 d 10.0.0.0/8 192.0.2.2 2.2\n"
		"100 d 11.128.0.0/9 192.0.2.3 2.2\n100 d 11.128.0.0/9 192.0.2.2 2.0\n"
		"100 d 0.0.0.0/0 192.0.2.3 1.0\n100 d 0.0.0.0/0 192.0.2.2 1.0\n"
		"100 d 2001:db8::/33 2001:db8::9 3.0\n100 d 2001:db8:1::/48 2001:db8::a 3.0\n"
		"101 d 172.16.0.0/12 192.0.2.4 2.0\n"
		"200 w 10.0.0.0/8 - 0.0\n200 w 2001:db8:1::/48 - 0.0\n"
		"200 a 12.0.0.0/8 192.0.2.5 4.1\n200 a 12.1.2.128/25 192.0.2.5 4.1\n"
		"200 a 2001:db8:2::/48 2001:db8::b 4.1\n200 a 2001:db8:3::/48 2001:db8::b 4.1\n"
		"201 a 13.0.0.0/8 2001:db8::c 1.0\n";
	struct text file = { 0 }, said = { 0 };

	(void)state;
	all_kinds(&file);
	assert_null(read_all(&file, &said));
	assert_string_equal(text_string(&said), wanted);
	text_free(&file);
	text_free(&said);
}

/* Bytes of one update after its two lengths are set by hand. */
static void refuses(void **state)
{
	static const struct {
		const char *body, *says;	/* of a BGP4MP_MESSAGE_AS4, behind the peers' addresses */
	} bad[] = {
		{ "", "a BGP message is cut off" },
		{ "0012 02", "a BGP message is shorter than its own header" },
		{ "0018 02 0000 0000", "a BGP message goes past the end of the record" },
		{ "0017 02 0001 0000", "an update is cut off" },
		{ "0017 02 0003 0000", "withdrawn routes go past the end of the update" },
		{ "0017 02 0000 0001", "path attributes go past the end of the update" },
		{ "0019 02 0002 0918 0000", "a prefix goes past the end" },
		{ "0019 02 0002 2100 0000", "a prefix is longer than an address" },
		{ "0019 02 0000 0000 080a", "without NEXT_HOP" },
		{ "001a 02 0000 0003 400105", "an attribute goes past the end" },
		{ "001b 02 0000 0004 40030101", "NEXT_HOP is not 4 bytes long" },
		{ "001d 02 0000 0006 4002 03 020200", "an AS path goes past its attribute" },
		{ "001f 02 0000 0008 800e 05 0002010300", "a next hop goes past its attribute" },
		{ "0020 02 0000 0009 800e 06 000201010000", "a next hop is of a length that none has" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct text file = { 0 }, body = { 0 }, said = { 0 };
		const char *wrong;

		put_hex(&body, "0000fde9 0000fdea 0000 0001 c0000201 c0000202");
		for (int k = 0; k < 16; k++)
			put(&body, 1, 0xff);
		put_hex(&body, bad[i].body);
		record(&file, 1, 16, 4, &body);
		wrong = read_all(&file, &said);
		if (!wrong || !strstr(wrong, bad[i].says))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].body, wrong ? wrong : "nothing",
				 bad[i].says);
		text_free(&file);
		text_free(&said);
	}
}

/* ---- files ---------------------------------------------------------------------- */

static char path[] = "/tmp/sluice-mrt-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void put_file(const struct text *bytes)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(bytes->data, 1, bytes->len, f), bytes->len);
	fclose(f);
}

static void expect_route(const struct vec *routes, const struct rib_file *file, size_t i, const char *prefix,
			 const char *hop)
{
	const struct rib_route *r = vec_at(routes, i);
	char text[PREFIX_STRLEN];

	assert_string_equal(prefix_format(&r->prefix, text), prefix);
	assert_string_equal(addr_format(vec_at(&file->hops, r->nexthop), text), hop);
}

/* The best path of each prefix, and what updates made of it. */
static void makes_a_table(void **state)
{
	struct vec routes = VEC(struct rib_route);
	struct text bytes = { 0 }, error = { 0 };
	struct rib_file file;

	(void)state;
	all_kinds(&bytes);
	put_file(&bytes);
	rib_file_init(&file);
	if (rib_read_file(path, &routes, &file, &error))
		fail_msg("%s", text_string(&error));
	assert_int_equal(file.records, 11);
	assert_int_equal(file.other, 2);
	assert_int_equal(file.malformed, 0);
	assert_int_equal(routes.len, 9);
	expect_route(&routes, &file, 0, "11.128.0.0/9", "192.0.2.2");	/* by origin */
	expect_route(&routes, &file, 1, "0.0.0.0/0", "192.0.2.3");	/* the first */
	expect_route(&routes, &file, 2, "2001:db8::/33", "2001:db8::9");
	expect_route(&routes, &file, 3, "172.16.0.0/12", "192.0.2.4");
	expect_route(&routes, &file, 4, "12.0.0.0/8", "192.0.2.5");
	expect_route(&routes, &file, 8, "13.0.0.0/8", "2001:db8::c");
	rib_file_free(&file);
	vec_free(&routes);
	text_free(&bytes);
}

/* The shorter AS path, which is withdrawn later on. */
static void chooses_a_path(void **state)
{
	struct vec routes = VEC(struct rib_route);
	struct text bytes = { 0 }, error = { 0 };
	struct rib_file file;

	(void)state;
	peers(&bytes);
	rib4(&bytes, "10.0.0.0/8", (unsigned int[]){ 3, 2 }, (unsigned int[]){ 0, 2 },
	     (const char *const[]){ "192.0.2.3", "192.0.2.2" }, 2);
	put_file(&bytes);
	rib_file_init(&file);
	assert_int_equal(rib_read_file(path, &routes, &file, &error), 0);
	assert_int_equal(routes.len, 1);
	expect_route(&routes, &file, 0, "10.0.0.0/8", "192.0.2.2");
	rib_file_free(&file);
	vec_free(&routes);
	text_free(&bytes);
}

/* One bad record among good ones: named with its offset, and passed over; or all is refused. */
static void passes_over(void **state)
{
	struct vec routes = VEC(struct rib_route);
	struct text bytes = { 0 }, body = { 0 }, error = { 0 };
	struct rib_file file;
	char words[100];
	size_t offset;

	(void)state;
	rib_file_init(&file);
	peers(&bytes);
	offset = bytes.len;
	put_hex(&body, "00000000 21 0a");
	record(&bytes, 1, 13, 2, &body);
	rib6(&bytes, "2001:db8::/33", "2001:db8::9", false, false);
	put_hex(&bytes, "00");
	put_file(&bytes);
	assert_int_equal(rib_read_file(path, &routes, &file, &error), 0);
	assert_int_equal(routes.len, 1);
	assert_int_equal(file.malformed, 2);
	snprintf(words, sizeof(words), "record at offset %zu: a prefix is longer than an address; passed over\n",
		 offset);
	assert_non_null(strstr(text_string(&file.notes), words));
	assert_non_null(strstr(text_string(&file.notes), "the file ends within its header"));
	routes.len = 0;
	assert_int_not_equal(rib_read(path, &routes, &error), 0);
	assert_int_equal(routes.len, 0);
	assert_non_null(strstr(text_string(&error), "a prefix is longer than an address"));
	text_free(&error);
	/* Behind a length that cannot be there is no way on. */
	text_free(&bytes);
	peers(&bytes);
	put_hex(&bytes, "00000001 000d 0002 7fffffff");
	put_file(&bytes);
	assert_int_not_equal(rib_read_file(path, &routes, &file, &error), 0);
	assert_non_null(strstr(text_string(&error), "more than any has"));
	text_free(&error);
	text_free(&bytes);
	rib_file_free(&file);
	vec_free(&routes);
}

static void survives(void **state)
{
	struct text file = { 0 };
	struct mrt m;

	(void)state;
	all_kinds(&file);
	mrt_init(&m);
	for (size_t at = 0; at < file.len; ) {
		size_t n = MRT_HEADER + mrt_length((uint8_t *)file.data + at);

		for (size_t cut = 0; cut < n; cut++) {
			uint8_t *bytes = malloc(cut ? cut : 1);	/* so that a checker sees a step too far */

			memcpy(bytes, file.data + at, cut);
			assert_non_null(mrt_record(&m, bytes, cut));
			free(bytes);
		}
		for (size_t i = 0; i < n; i++) {
			for (unsigned int bit = 0; bit < 8; bit++) {
				uint8_t *bytes = malloc(n);

				memcpy(bytes, file.data + at, n);
				bytes[i] ^= 1u << bit;
				if (mrt_record(&m, bytes, n))
					assert_int_equal(m.routes.len, 0);
				free(bytes);
			}
		}
		at += n;
	}
	mrt_free(&m);
	text_free(&file);
}

/* The recorded burst: what an independent reader (bgpdump) makes of it, in numbers. */
static void reads_the_recorded(void **state)
{
	const char *data = getenv("SLUICE_DATA");
	struct vec changes = VEC(struct rib_change);
	struct text error = { 0 };
	struct rib_file file;
	size_t withdrawn = 0;
	char name[512];

	(void)state;
	snprintf(name, sizeof(name), "%s/bgp/bgpkit-rrc15-2010.02-updates.20100227.1600.gz",
		 data ? data : "../shared/data");
	if (access(name, R_OK)) {
		printf("# SKIP no %s\n", name);
		skip();
	}
	rib_file_init(&file);
	if (rib_read_changes(name, &changes, &file, &error))
		fail_msg("%s", text_string(&error));
	for (size_t i = 0; i < changes.len; i++)
		withdrawn += ((struct rib_change *)vec_at(&changes, i))->withdrawn;
	assert_int_equal(withdrawn, 1318);
	assert_int_equal(changes.len - withdrawn, 52468);
	assert_int_equal(file.malformed, 0);
	rib_file_free(&file);
	vec_free(&changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_kinds),
		cmocka_unit_test(refuses),
		cmocka_unit_test(makes_a_table),
		cmocka_unit_test(chooses_a_path),
		cmocka_unit_test(passes_over),
		cmocka_unit_test(survives),
		cmocka_unit_test(reads_the_recorded),
	};

	return cmocka_run_group_tests_name("mrt", tests, make_file, remove_file);
}
