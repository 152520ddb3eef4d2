// SPDX-License-Identifier: GPL-2.0
#include "rules/classbench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LINE_BYTES	256
#define TCP		6
#define ICMP		1

static void add_test(struct rule_test *test, uint32_t *tests, enum rules_field field,
		     enum rule_test_kind kind, uint32_t a, uint32_t b)
{
	test[(*tests)++] = (struct rule_test){ field, kind, a, b };
}

static const char *add_ports(struct rule_test *test, uint32_t *tests, enum rules_field field,
			     unsigned int low, unsigned int high)
{
	if (low > high || high > 65535)
		return "not a range of ports";
	if (low != 0 || high != 65535)
		add_test(test, tests, field, RULE_RANGE, low, high);
	return NULL;
}

static const char *add_flags(struct rule_test *test, uint32_t *tests, unsigned int protocol,
			     unsigned int value, unsigned int mask)
{
	if (value > 0xffff || mask > 0xffff || value & ~mask)
		return "flags outside of their mask";
	if (!mask)
		return NULL;
	if (protocol == TCP && !(mask & 0xff)) {
		add_test(test, tests, RULES_TCP_FLAGS, RULE_MASK, value >> 8, mask >> 8);
		return NULL;
	}
	if (protocol != ICMP)
		return "flags of a protocol that has none";
	if (mask >> 8)
		add_test(test, tests, RULES_ICMP_TYPE, RULE_MASK, value >> 8, mask >> 8);
	if (mask & 0xff)
		add_test(test, tests, RULES_ICMP_CODE, RULE_MASK, value & 0xff, mask & 0xff);
	return NULL;
}

static const char *read_prefix(const unsigned int *byte, unsigned int len, struct prefix *p)
{
	for (unsigned int i = 0; i < 4; i++)
		if (byte[i] > 255)
			return "not an address";
	if (len > 32)
		return "not a prefix length";
	*p = prefix_canonical((struct prefix){
		.addr = addr_v4(byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3]),
		.len = len,
	});
	return NULL;
}

/* Return: NULL, or what is wrong with the line. */
static const char *read_rule(const char *line, struct place place, struct rule_list *list)
{
	unsigned int s[4], d[4], len[2], low[2], high[2], protocol, protocol_mask, flags, mask;
	struct rule_test test[6];
	struct prefix prefix[2];
	struct rule rule = {
		.families = RULE_IP4, .action = list->rules.len, .place = place,
		.prefixes = { 1, 1 }, .prefix = { &prefix[0], &prefix[1] }, .test = test,
	};
	const char *wrong;

	if (sscanf(line, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x %x/%x",
		   &s[0], &s[1], &s[2], &s[3], &len[0], &d[0], &d[1], &d[2], &d[3], &len[1],
		   &low[0], &high[0], &low[1], &high[1], &protocol, &protocol_mask, &flags,
		   &mask) != 18)
		return "not a rule of ClassBench's";
	wrong = read_prefix(s, len[0], &prefix[0]);
	if (!wrong)
		wrong = read_prefix(d, len[1], &prefix[1]);
	if (!wrong && protocol_mask == 0xff && protocol <= 0xff)
		add_test(test, &rule.tests, RULES_PROTO, RULE_RANGE, protocol, protocol);
	else if (!wrong && protocol_mask)
		wrong = "the mask of the protocol is neither 0xff nor 0";
	if (!wrong)
		wrong = add_ports(test, &rule.tests, RULES_SPORT, low[0], high[0]);
	if (!wrong)
		wrong = add_ports(test, &rule.tests, RULES_DPORT, low[1], high[1]);
	if (!wrong)
		wrong = add_flags(test, &rule.tests, protocol_mask ? protocol : 0, flags, mask);
	if (!wrong && rule_list_add(list, &rule))
		wrong = "a rule that cannot be";
	return wrong;
}

/* Return: NULL, or what is wrong with the line. */
static const char *read_header(const char *line, struct vec *packets)
{
	struct rule_packet *p;
	uint64_t n[6];

	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5]) != 6)
		return "not a header of ClassBench's";
	if (n[0] > UINT32_MAX || n[1] > UINT32_MAX || n[2] > 65535 || n[3] > 65535 || n[4] > 255 ||
	    n[5] > UINT32_MAX)
		return "a number is too large";
	p = vec_push(packets);
	p->addr[RULE_SOURCE] = addr_v4(n[0]);
	p->addr[RULE_DESTINATION] = addr_v4(n[1]);
	p->field[RULES_SPORT] = n[2];
	p->field[RULES_DPORT] = n[3];
	p->field[RULES_PROTO] = n[4];
	if (n[4] == TCP)
		p->field[RULES_TCP_FLAGS] = n[5] >> 24;
	if (n[4] == ICMP) {
		p->field[RULES_ICMP_TYPE] = n[5] >> 24;
		p->field[RULES_ICMP_CODE] = n[5] >> 16 & 0xff;
	}
	return NULL;
}

/* Every line that has something on it; one of @list and @packets is given. */
static int read_lines(const char *path, const struct source *source, struct rule_list *list,
		      struct vec *packets, struct text *error)
{
	gzFile file = gzopen(path, "rb");
	char line[LINE_BYTES];
	const char *wrong = NULL;
	unsigned int number = 0;
	int err;

	if (!file) {
		err = errno ? -errno : -ENOMEM;
		text_printf(error, "%s: %s", path, strerror(-err));
		return err;
	}
	gzbuffer(file, 1 << 16);
	while (!wrong && gzgets(file, line, sizeof(line))) {
		struct place place = { .source = source, .line = ++number, .column = 1, .width = 1 };

		if (strlen(line) == sizeof(line) - 1)
			wrong = "too long a line";
		else if (line[strspn(line, " \t\r\n")])
			wrong = list ? read_rule(line, place, list) : read_header(line, packets);
	}
	if (!wrong && !gzeof(file)) {
		wrong = gzerror(file, &err);
		number++;
	}
	if (wrong)
		text_printf(error, "%s:%u: %s", path, number, wrong);
	gzclose(file);
	return wrong ? -EINVAL : 0;
}

int classbench_read(const char *path, struct source *source, struct rule_list *list,
		    struct text *error)
{
	size_t before = list->rules.len;
	int err;

	*source = (struct source){ .name = xstrdup(path) };
	err = read_lines(path, source, list, NULL, error);
	if (err) {
		while (list->rules.len > before) {
			rule_free(*(struct rule **)vec_at(&list->rules, list->rules.len - 1));
			vec_pop(&list->rules);
		}
		free(source->name);
		*source = (struct source){ 0 };
	}
	return err;
}

int classbench_read_trace(const char *path, struct vec *packets, struct text *error)
{
	size_t before = packets->len;
	int err = read_lines(path, NULL, NULL, packets, error);

	if (err)
		packets->len = before;
	return err;
}
