// SPDX-License-Identifier: GPL-2.0
#include "base/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define MICROS		1000000ull
#define DECIMALS	6

/* A unit is @times / @per of the base. */
struct unit {
	const char *name;
	uint64_t times, per;
};

/* Printing takes the first that divides: largest first. */
static const struct unit durations[] = {
	{ "h", 3600000, 1 }, { "m", 60000, 1 }, { "s", 1000, 1 }, { "ms", 1, 1 }, { 0 },
};

static const struct unit rates[] = {
	{ "GBps", 1000000000, 1 }, { "MBps", 1000000, 1 }, { "kBps", 1000, 1 }, { "Bps", 1, 1 },
	{ "Tbit", 1000000000000, 8 }, { "Gbit", 1000000000, 8 }, { "Mbit", 1000000, 8 },
	{ "kbit", 1000, 8 }, { "bit", 1, 8 }, { 0 },
};

static const struct unit packets[] = {
	{ "Mpps", 1000000, 1 }, { "kpps", 1000, 1 }, { "pps", 1, 1 }, { 0 },
};

static const struct unit sizes[] = {
	{ "GB", 1000000000, 1 }, { "MB", 1000000, 1 }, { "kB", 1000, 1 }, { "B", 1, 1 },
	{ "G", 1000000000, 1 }, { "M", 1000000, 1 }, { "k", 1000, 1 }, { 0 },
};

static const struct unit fractions[] = { { "%", 10000, 1 }, { 0 } };

static const struct unit none[] = { { "", 1, 1 }, { 0 } };

int quantity_parse(const char *text, struct quantity *q)
{
	struct quantity out = { 0 };
	unsigned int decimals = 0;
	uint64_t micros = 0;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++)
		if (__builtin_mul_overflow(micros, 10, &micros) ||
		    __builtin_add_overflow(micros, *text - '0', &micros))
			return -ERANGE;
	if (__builtin_mul_overflow(micros, MICROS, &micros))
		return -ERANGE;
	if (*text == '.') {
		uint64_t weight = MICROS;

		for (text++; isdigit((unsigned char)*text); text++) {
			if (++decimals > DECIMALS)
				return -EDOM;
			weight /= 10;
			if (__builtin_add_overflow(micros, weight * (*text - '0'), &micros))
				return -ERANGE;
		}
		if (!decimals)
			return -EINVAL;
	}
	out.micros = micros;
	if (strlen(text) > QUANTITY_UNIT_MAX)
		return -EINVAL;
	strcpy(out.unit, text);
	*q = out;
	return 0;
}

struct quantity quantity_whole(uint64_t n)
{
	return (struct quantity){ .micros = n > UINT64_MAX / MICROS ? UINT64_MAX : n * MICROS };
}

static int in_base(const struct quantity *q, const struct unit *units, uint64_t *out)
{
	uint64_t divisor;
	__uint128_t n;

	for (; units->name; units++)
		if (!strcmp(units->name, q->unit))
			break;
	if (!units->name)
		return -EINVAL;
	n = (__uint128_t)q->micros * units->times;
	divisor = MICROS * units->per;
	if (q->micros == UINT64_MAX)
		return -ERANGE;
	if (n % divisor)
		return -EDOM;
	if (n / divisor > UINT64_MAX)
		return -ERANGE;
	*out = n / divisor;
	return 0;
}

int quantity_duration(const struct quantity *q, uint64_t *ms)
{
	return in_base(q, durations, ms);
}

int quantity_rate(const struct quantity *q, uint64_t *Bps)
{
	return in_base(q, rates, Bps);
}

int quantity_packets(const struct quantity *q, uint64_t *pps)
{
	return in_base(q, packets, pps);
}

int quantity_size(const struct quantity *q, uint64_t *bytes)
{
	return in_base(q, sizes, bytes);
}

int quantity_fraction(const struct quantity *q, uint64_t *ppm)
{
	return in_base(q, fractions, ppm);
}

int quantity_number(const struct quantity *q, uint64_t *n)
{
	return in_base(q, none, n);
}

static void print_whole(uint64_t n, const struct unit *units, struct text *out)
{
	while (n % units->times)
		units++;
	text_printf(out, "%" PRIu64 "%s", n / units->times, units->name);
}

void quantity_print_duration(uint64_t ms, struct text *out)
{
	print_whole(ms, durations, out);
}

void quantity_print_rate(uint64_t Bps, struct text *out)
{
	print_whole(Bps, rates, out);
}

void quantity_print_packets(uint64_t pps, struct text *out)
{
	print_whole(pps, packets, out);
}

void quantity_print_size(uint64_t bytes, struct text *out)
{
	print_whole(bytes, sizes, out);
}

void quantity_print_fraction(uint64_t ppm, struct text *out)
{
	uint64_t rest = ppm % 10000;
	int digits = 4;

	text_printf(out, "%" PRIu64, ppm / 10000);
	if (rest) {
		for (; rest % 10 == 0; rest /= 10)
			digits--;
		text_printf(out, ".%0*" PRIu64, digits, rest);
	}
	text_append(out, "%", 1);
}
