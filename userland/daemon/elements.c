// SPDX-License-Identifier: GPL-2.0
#include "daemon/elements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "base/text.h"
#include "image/image.h"

uint64_t elements_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void element_print(enum policy_field field, const struct set_key *key, struct text *out)
{
	char buf[ADDR_STRLEN];
	struct addr addr;
	uint64_t number;

	if (key->family == ADDR_V4 || key->family == ADDR_V6) {
		addr = addr_from_bytes(key->family, key->value);
		text_printf(out, "%s", addr_format(&addr, buf));
		return;
	}
	memcpy(&number, key->value, sizeof(number));
	if (field == FIELD_COUNT || field == FIELD_IN)
		text_printf(out, "%llu", (unsigned long long)number);
	else
		field_print(NULL, field, number, out);
}

static int parse_number(enum policy_field field, const char *word, uint64_t *number)
{
	char *end;

	if (field_word(field, word, number))
		return 0;
	errno = 0;
	*number = strtoull(word, &end, 0);
	return *word < '0' || *word > '9' || *end || errno || *number > field_max(field) ? -EINVAL : 0;
}

static int parse_mac(const char *word, uint64_t *number)
{
	uint8_t mac[6];

	if (mac_parse(word, mac))
		return -EINVAL;
	*number = 0;
	for (int i = 0; i < 6; i++)
		*number = *number << 8 | mac[i];
	return 0;
}

int element_parse(enum policy_field field, const char *word, struct set_key *key)
{
	struct set_key k = { 0 };
	struct addr addr;
	uint64_t number;

	switch (field_kind(field)) {
	case KIND_ADDRESS:
		if (addr_parse(word, &addr))
			return -EINVAL;
		k.family = addr.family;
		memcpy(k.value, addr.bytes, sizeof(k.value));
		*key = k;
		return 0;
	case KIND_MAC:
		if (parse_mac(word, &number))
			return -EINVAL;
		break;
	default:
		if (parse_number(field, word, &number))
			return -EINVAL;
	}
	memcpy(k.value, &number, sizeof(number));
	*key = k;
	return 0;
}
