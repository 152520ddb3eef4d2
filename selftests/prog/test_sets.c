// SPDX-License-Identifier: GPL-2.0
/*
 * ClassBench's sets through the whole program: imported as a policy, compiled, loaded, and asked frame
 * by frame by test runs; against the file itself, read and matched by what stands below and nothing else:
 * line after line, the first that has the frame.
 *
 * Frames are the headers that came with a set of the same kind, packets that one of the rules has, or
 * nearly, at the edges of its prefixes and ranges, and random ones. Compared are what becomes of the frame
 * and which rule ended its search.
 *
 * FRAMES=: of each kind (1,000); SLOW=1: all twelve sets, 100,000 of each. SEED= repeats a run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compile/compile.h"
#include "datapath/datapath.h"
#include "import/import.h"
#include "lpm/lpm.h"
#include "policy/parse.h"
#include "rules/classbench.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;
static bool slow;
static size_t frames;

/* ---- the file, line by line -------------------------------------------------------- */

struct line {
	uint32_t addr[2], mask[2];
	uint16_t low[2], high[2];		/* ports */
	uint8_t protocol, protocol_mask;
	uint16_t flags, flags_mask;		/* TCP: flags << 8; ICMP: type << 8 | code */
};

/* What a line tests of a frame; as it is on the wire. */
struct header {
	uint32_t addr[2];
	uint16_t port[2];
	uint8_t protocol;
	uint16_t flags;
};

static struct line *read_file(const char *path, uint32_t *lines)
{
	struct line *line = NULL;
	char text[512];
	FILE *in = fopen(path, "r");
	uint32_t n = 0;

	assert_non_null(in);
	while (fgets(text, sizeof(text), in)) {
		unsigned int b[2][4], len[2], low[2], high[2], protocol, protocol_mask, flags, mask;

		if (strspn(text, " \t\n") == strlen(text))
			continue;
		assert_int_equal(sscanf(text, "@%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x %x/%x",
					&b[0][0], &b[0][1], &b[0][2], &b[0][3], &len[0], &b[1][0], &b[1][1],
					&b[1][2], &b[1][3], &len[1], &low[0], &high[0], &low[1], &high[1],
					&protocol, &protocol_mask, &flags, &mask), 18);
		if (!(n & (n - 1)))
			line = realloc(line, 2 * (n + 1) * sizeof(*line));
		for (unsigned int side = 0; side < 2; side++) {
			line[n].mask[side] = len[side] ? ~0u << (32 - len[side]) : 0;
			line[n].addr[side] = line[n].mask[side] & (b[side][0] << 24 | b[side][1] << 16 |
								   b[side][2] << 8 | b[side][3]);
			line[n].low[side] = low[side];
			line[n].high[side] = high[side];
		}
		line[n].protocol = protocol;
		line[n].protocol_mask = protocol_mask;
		line[n].flags = flags;
		line[n].flags_mask = mask;
		n++;
	}
	fclose(in);
	*lines = n;
	return line;
}

/* A range of ports that is not all of them has no frame without ports. */
static bool has_port(const struct line *l, const struct header *h, unsigned int side)
{
	if (l->low[side] == 0 && l->high[side] == 65535)
		return true;
	return (h->protocol == IPPROTO_TCP || h->protocol == IPPROTO_UDP) &&
	       l->low[side] <= h->port[side] && h->port[side] <= l->high[side];
}

static bool line_has(const struct line *l, const struct header *h)
{
	return (h->addr[0] & l->mask[0]) == l->addr[0] && (h->addr[1] & l->mask[1]) == l->addr[1] &&
	       (h->protocol & l->protocol_mask) == l->protocol && has_port(l, h, 0) && has_port(l, h, 1) &&
	       (h->flags & l->flags_mask) == l->flags;
}

/* The first line that has it; @lines: none. */
static uint32_t first_line(const struct line *line, uint32_t lines, const struct header *h)
{
	uint32_t i = 0;

	while (i < lines && !line_has(&line[i], h))
		i++;
	return i;
}

/* ---- frames ------------------------------------------------------------------------ */

#define FRAME_BYTES	60u

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void make_frame(const struct rule_packet *p, uint8_t *f)
{
	static const uint8_t link[14] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 7, 0x08, 0x00 };
	uint8_t *ip = f + sizeof(link), *next = ip + 20;
	uint8_t protocol = p->field[RULES_PROTO];
	uint32_t sum = 0;

	memset(f, 0, FRAME_BYTES);
	memcpy(f, link, sizeof(link));
	ip[0] = 0x45;
	put16(ip + 2, FRAME_BYTES - sizeof(link));
	ip[8] = 64;
	ip[9] = protocol;
	put32(ip + 12, addr_v4_number(&p->addr[0]));
	put32(ip + 16, addr_v4_number(&p->addr[1]));
	for (unsigned int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
		put16(next, p->field[RULES_SPORT]);
		put16(next + 2, p->field[RULES_DPORT]);
	}
	if (protocol == IPPROTO_TCP) {
		next[12] = 5 << 4;
		next[13] = p->field[RULES_TCP_FLAGS];
	} else if (protocol == IPPROTO_UDP) {
		put16(next + 4, FRAME_BYTES - sizeof(link) - 20);
	} else if (protocol == IPPROTO_ICMP) {
		next[0] = p->field[RULES_ICMP_TYPE];
		next[1] = p->field[RULES_ICMP_CODE];
	}
}

/* From the bytes: the reference sees what the program sees. */
static struct header read_frame(const uint8_t *f)
{
	const uint8_t *ip = f + 14, *next = ip + 20;
	struct header h = { .protocol = ip[9] };

	for (unsigned int side = 0; side < 2; side++) {
		const uint8_t *a = ip + 12 + 4 * side;

		h.addr[side] = (uint32_t)a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
		h.port[side] = next[2 * side] << 8 | next[2 * side + 1];
	}
	if (h.protocol == IPPROTO_TCP)
		h.flags = next[13] << 8;
	else if (h.protocol == IPPROTO_ICMP)
		h.flags = next[0] << 8 | next[1];
	return h;
}

static struct rule_packet random_packet(void)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 17, 1, 47, 50, 2, 89 };
	struct rule_packet p = { .addr = { addr_v4(random_next(&seed)), addr_v4(random_next(&seed)) } };

	for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++)
		p.field[i] = random_next(&seed);
	p.field[RULES_PROTO] = protocols[below(&seed, sizeof(protocols))];
	return p;
}

/* ---- a set ------------------------------------------------------------------------- */

struct set {
	struct line *line;
	uint32_t lines;
	struct rule_list list;		/* to aim by */
	struct source source;
	struct vec trace;		/* of struct rule_packet */
	struct image *image;
	struct datapath *dp;
	struct tables *tables;
	struct generation *gen;
	uint16_t port;
	size_t asked, allowed;
};

static void load(struct set *s, const char *path)
{
	struct import_options options = { .file = path };
	struct text text = { 0 }, why = { 0 };
	struct import_report report;
	struct lpm_shape shape4, shape6;
	struct numbering numbering;
	struct policy *policy;
	struct diags diags;

	import_report_init(&report);
	if (import_classbench(path, &options, &text, &report, &why))
		fail_msg("%s", text_string(&why));
	assert_int_equal(report.not_said, 0);
	assert_int_equal(report.rules, s->lines);
	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	policy = policy_parse_text(path, text_string(&text), text.len, &diags);
	if (diags.errors || compile_policy(policy, &numbering, NULL, &s->image, &diags)) {
		diags_print(&diags, &why, false);
		fail_msg("%s", text_string(&why));
	}
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	if (datapath_open(NULL, &s->dp, &why) ||
	    tables_new(s->dp, &shape4, &shape6, &s->tables, &why) ||
	    datapath_stage(s->dp, s->image, s->tables, 0, &s->gen, &why))
		fail_msg("%s", text_string(&why));
	s->port = ((struct image_port *)vec_at(&s->image->ports, 0))->number;
	policy_free(policy);
	numbering_free(&numbering);
	diags_free(&diags);
	import_report_free(&report);
	text_free(&text);
	text_free(&why);
}

/* One frame through the program, and down the file. */
static void ask(struct set *s, const struct rule_packet *p)
{
	static struct test_result got;
	uint8_t frame[FRAME_BYTES];
	struct header h;
	uint32_t want;
	bool dropped;

	make_frame(p, frame);
	h = read_frame(frame);
	want = first_line(s->line, s->lines, &h);
	assert_int_equal(generation_test(s->gen, s->port, frame, sizeof(frame), &got), 0);
	dropped = got.action == XDP_DROP;
	s->asked++;
	s->allowed += !dropped;
	/* In front of the lines stands a rule for what is not IPv4, behind them one that drops. */
	if (got.trace.rule == want + 2 && dropped == (want == s->lines))
		return;
	packet_print(p);
	fail_msg("line %d should have it, of %u; %d did, and it was %s", (int)want, s->lines,
		 (int)got.trace.rule - 2, dropped ? "dropped" : "allowed");
}

static void check(const char *folder, const char *name, const char *kind)
{
	struct text path = { 0 }, error = { 0 };
	struct set s = { .list = RULE_LIST, .trace = VEC(struct rule_packet) };
	size_t headers, from_rules;

	text_printf(&path, "%s/%s", folder, name);
	s.line = read_file(text_string(&path), &s.lines);
	if (classbench_read(text_string(&path), &s.source, &s.list, &error))
		fail_msg("%s", text_string(&error));
	load(&s, text_string(&path));
	text_free(&path);
	text_printf(&path, "%s/Ruleset/trace_shot/8k_1/%s_seed_1.rules_trace", folder, kind);
	if (classbench_read_trace(text_string(&path), &s.trace, &error))
		fail_msg("%s", text_string(&error));
	for (size_t i = 0; i < s.trace.len && (slow || i < frames); i++)
		ask(&s, vec_at(&s.trace, i));
	headers = s.allowed;
	if (strstr(name, "8k"))
		assert_true(headers > s.asked * 9 / 10);
	for (size_t i = 0; i < frames; i++) {
		struct rule_packet p = list_packet(&seed, &s.list);

		ask(&s, &p);
	}
	from_rules = s.allowed - headers;
	assert_true(from_rules > frames / 10);
	for (size_t i = 0; i < frames; i++) {
		struct rule_packet p = random_packet();

		ask(&s, &p);
	}
	print_message("# %s: %u lines, %zu frames agree: %zu headers, %zu near a rule (%zu allowed), %zu random\n",
		      name, s.lines, s.asked, s.asked - 2 * frames, frames, from_rules, frames);
	generation_free(s.gen);
	tables_free(s.tables);
	datapath_close(s.dp);
	image_free(s.image);
	free(s.line);
	vec_free(&s.trace);
	rule_list_free(&s.list);
	free(s.source.name);
	text_free(&path);
	text_free(&error);
}

static void test_sets(void **state)
{
	static const char *const kinds[] = { "acl1", "fw1", "ipc1" };
	const char *folder = classbench_folder();

	(void)state;
	if (!folder) {
		print_message("# ClassBench's sets are not there (%s/acl)\n", data_folder());
		skip();
	}
	for (unsigned int k = 0; k < 3; k++) {
		char name[64];

		snprintf(name, sizeof(name), "Ruleset/1k_1/%s_seed_1.rules", kinds[k]);
		check(folder, name, kinds[k]);
		if (!slow)
			continue;
		snprintf(name, sizeof(name), "Ruleset/8k_1/%s_seed_1.rules", kinds[k]);
		check(folder, name, kinds[k]);
		snprintf(name, sizeof(name), "%s_10000", kinds[k]);
		check(folder, name, kinds[k]);
		snprintf(name, sizeof(name), "%s_100000", kinds[k]);
		check(folder, name, kinds[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sets) };
	const char *given = getenv("SEED"), *many = getenv("FRAMES");

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	slow = getenv("SLOW") != NULL;
	frames = many ? strtoul(many, NULL, 0) : slow ? 100000 : 1000;
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 16 ^ getpid();
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
