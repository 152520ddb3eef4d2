// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an MRT file. Each record is read as it stands, and what came out must keep the
 * promises of lpm/mrt.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lpm/mrt.h"

#define must(condition) do { if (!(condition)) abort(); } while (0)

static void check_route(const struct mrt_route *r)
{
	struct prefix canonical = prefix_canonical(r->prefix);

	must(r->kind <= MRT_WITHDRAWN);
	must(r->prefix.addr.family == ADDR_V4 || r->prefix.addr.family == ADDR_V6);
	must(r->prefix.len <= addr_bits(r->prefix.addr.family));
	must(!memcmp(&canonical, &r->prefix, sizeof(canonical)));
	must(r->via.family == ADDR_NONE || r->via.family == ADDR_V4 || r->via.family == ADDR_V6);
	must(r->kind != MRT_WITHDRAWN || !r->via.family);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct mrt m;

	mrt_init(&m);
	while (n >= MRT_HEADER) {
		uint32_t length = mrt_length(bytes);
		size_t whole = length > n - MRT_HEADER ? n : MRT_HEADER + (size_t)length;
		/* Of its own size, so that a step beyond it is seen. */
		uint8_t *record = malloc(whole);
		const char *wrong;

		mrt_begins(bytes);
		memcpy(record, bytes, whole);
		wrong = mrt_record(&m, record, whole);
		must(!wrong || !m.routes.len);
		for (size_t i = 0; i < m.routes.len; i++)
			check_route(vec_at(&m.routes, i));
		free(record);
		bytes += whole;
		n -= whole;
	}
	mrt_free(&m);
	return 0;
}
