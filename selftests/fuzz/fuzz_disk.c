// SPDX-License-Identifier: GPL-2.0
/*
 * The store's file, without the file: disk.c is taken in whole, to reach its reader. The
 * input is what stands between magic and checksum; both are put right, and so is the length,
 * or nothing would ever get past them.
 */
#include "daemon/disk.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct store_limits limits = { .objects = 100, .bytes = 100000, .memory = 300000,
				       .verdict_ms = 1000 };
	struct store *store = store_new(&limits);
	struct store_status st;
	struct text t = { 0 };
	uint64_t length;

	text_append(&t, MAGIC, strlen(MAGIC));
	text_append(&t, bytes, len);
	if (t.len >= LENGTH_AT + sizeof(length)) {
		length = htole64(t.len + 4);
		memcpy(t.data + LENGTH_AT, &length, sizeof(length));
	}
	put_u32(&t, crc32_z(0, (const Bytef *)t.data, t.len));
	if (!take_file(&t, store, 1000)) {
		/* what was believed is a store that works */
		store_tick(store, 5000000000);
		store_status(store, 5000000000, &st);
		if (st.confirm_waits || st.last < st.running)
			abort();
	}
	store_free(store);
	text_free(&t);
	return 0;
}
