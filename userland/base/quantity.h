/* SPDX-License-Identifier: GPL-2.0 */
/*
 * quantity.h: numbers with units: durations, rates, fractions.
 *
 *	duration	ms s m h
 *	rate		bit kbit Mbit Gbit Tbit (bits a second), Bps kBps MBps GBps (bytes a second)
 *	packets		pps kpps Mpps (packets a second)
 *	size		B kB MB GB (bytes); k M G say the same
 *	fraction	%
 *
 * Prefixes are powers of ten. "Mbps" is refused: half of the world reads bits, and tc reads bytes.
 */
#ifndef SLUICE_BASE_QUANTITY_H
#define SLUICE_BASE_QUANTITY_H

#include <stdint.h>

struct text;

#define QUANTITY_UNIT_MAX 8

struct quantity {
	uint64_t micros;			/* millionths of the unit */
	char unit[QUANTITY_UNIT_MAX + 1];	/* "" for a bare number */
};

/**
 * quantity_parse() - reads digits, a fraction, a unit: "10", "0.1%", "2.5Gbit".
 * Return: 0; -EINVAL if it is none; -ERANGE if it is too large; -EDOM if it has more than six
 * decimals. Any unit is taken; what it means depends on where it stands.
 */
int quantity_parse(const char *text, struct quantity *q);

/** quantity_whole() - @n without a unit; what is too large for millionths becomes the largest. */
struct quantity quantity_whole(uint64_t n);

/*
 * Each returns 0; -EINVAL for a wrong unit; -ERANGE if too large; -EDOM if it is not a whole
 * number of what is asked.
 */

/** quantity_duration() - milliseconds. */
int quantity_duration(const struct quantity *q, uint64_t *ms);

/** quantity_rate() - bytes a second. */
int quantity_rate(const struct quantity *q, uint64_t *Bps);

/** quantity_packets() - packets a second. */
int quantity_packets(const struct quantity *q, uint64_t *pps);

/** quantity_size() - bytes; a bare number is none. */
int quantity_size(const struct quantity *q, uint64_t *bytes);

/** quantity_fraction() - millionths: 0.1% is 1000. */
int quantity_fraction(const struct quantity *q, uint64_t *ppm);

/** quantity_number() - a bare number. */
int quantity_number(const struct quantity *q, uint64_t *n);

/* What reads back as the same. */
void quantity_print_duration(uint64_t ms, struct text *out);
void quantity_print_rate(uint64_t Bps, struct text *out);
void quantity_print_packets(uint64_t pps, struct text *out);
void quantity_print_size(uint64_t bytes, struct text *out);
void quantity_print_fraction(uint64_t ppm, struct text *out);

#endif
