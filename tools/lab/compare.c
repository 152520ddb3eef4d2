// SPDX-License-Identifier: GPL-2.0
/*
 * compare.c: "sluice-lab compare": a whole table of the kernel, address by address, against the data
 * path's answers: of each prefix the first address, the last, and one between; and addresses from
 * anywhere. Which table answers for the interface, the kernel knows; the table that is named says
 * only which prefixes are asked for.
 */
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "agree.h"
#include "base/vec.h"
#include "kernel.h"
#include "lab.h"
#include "verbs.h"

static uint64_t state;

static uint64_t draw(void)
{
	/* splitmix64 */
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* The bits past the length: all 0, all 1, or drawn. */
static struct addr within(const struct prefix *p, int which)
{
	struct addr a = p->addr;

	for (unsigned int i = 0; i < addr_bits(a.family) / 8; i++) {
		unsigned int keep = p->len >= 8 * i + 8 ? 0 : p->len <= 8 * i ? 0xff : 0xff >> (p->len - 8 * i);

		a.bytes[i] |= keep & (which == 0 ? 0 : which == 1 ? 0xff : draw());
	}
	return a;
}

/* What no router forwards, whatever its table says: each has rules of its own for these. */
static bool is_special(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == ADDR_V4)
		return b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254);
	return b[0] == 0xff || b[0] == 0 || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static void ask(struct agree *a, const struct addr *to)
{
	if (agree_can(a, to->family) && !is_special(to))
		agree_ask(a, to);
}

/* Asks for @most of the prefixes, evenly over all. */
static void ask_prefixes(struct agree *a, const struct vec *prefixes, unsigned long most)
{
	size_t n = prefixes->len < most ? prefixes->len : most;

	for (size_t i = 0; i < n; i++)
		for (int which = 0; which < 3; which++) {
			struct addr to = within(vec_at(prefixes, i * prefixes->len / n), which);

			ask(a, &to);
		}
}

static int compare(struct agree *a, uint32_t table, unsigned long most, unsigned long samples)
{
	static const struct prefix all[] = { { .addr.family = ADDR_V4 }, { .addr.family = ADDR_V6, .len = 3,
			.addr.bytes = { 0x20 } } };
	struct vec prefixes = VEC(struct prefix);
	const struct agree_counts *c = agree_counts(a);
	int err = kernel_prefixes(agree_kernel(a), table, &prefixes);
	json_t *o;

	if (err) {
		lab_error("the kernel's table: %s", strerror(-err));
		return 1;
	}
	ask_prefixes(a, &prefixes, most);
	for (unsigned long i = 0; i < samples; i++) {
		struct addr to = within(&all[i & 1], 2);

		ask(a, &to);
	}
	o = json_pack("{sI}", "prefixes", (json_int_t)prefixes.len);
	agree_report(a, o);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
	fputs(agree_wrongs(a), stderr);
	vec_free(&prefixes);
	return c->wrong || !c->asked ? 1 : 0;
}

int verb_compare(int argc, char **argv)
{
	const char *interface = NULL;
	unsigned int patience_ms = 1000;
	unsigned long samples = 1000, table = RT_TABLE_MAIN, most = ULONG_MAX;
	struct text why = { 0 };
	struct agree *a;
	int option, code;

	state = 1;
	argv--, argc++;	/* getopt wants a name first */
	optind = 1;
	while ((option = getopt(argc, argv, "i:n:p:s:t:w:")) != -1) {
		switch (option) {
		case 'i': interface = optarg; break;
		case 'n': samples = strtoul(optarg, NULL, 10); break;
		case 'p': most = strtoul(optarg, NULL, 10); break;
		case 't': table = strtoul(optarg, NULL, 10); break;
		case 's': state = strtoull(optarg, NULL, 0); break;
		case 'w': patience_ms = strtod(optarg, NULL) * 1000; break;
		default: return USAGE;
		}
	}
	if (optind < argc || !interface)
		return USAGE;
	if (agree_open(&a, interface, patience_ms, &why)) {
		lab_error("%s", text_string(&why));
		text_free(&why);
		return 1;
	}
	code = compare(a, table, most, samples);
	agree_close(a);
	return code;
}
