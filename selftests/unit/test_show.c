// SPDX-License-Identifier: GPL-2.0
/*
 * userland/analyse/show: that what is said of cubes is a predicate that has just their packets. The cubes are
 * those of differences of two policies; what is said of them is parsed, and to policy/eval a frame meets it if
 * the cubes have the frame. Policies and frames are random, from a printed seed; SEED=n repeats it, CASES=n sets
 * how many frames are asked about at least.
 */
#include <time.h>

#include "analyse/cubes.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/random_world.h"

static unsigned long cases;

/* ---- policies ----------------------------------------------------------------------------- */

/* Tests whose fields half of all packets lack, of values that frames have. */
static void put_sharp(struct text *t, unsigned int depth)
{
	static const char *const tests[] = {
		"tcp", "udp", "icmp", "arp", "ip4", "ip6", "igmp", "web", "tcp.dst == 22", "tcp.dst != 80",
		"tcp.src <= 443", "udp.dst in { 53, 443-500 }", "l4.src < 443", "l4.dst != 53", "l4.dst == 0",
		"ip.src in { 192.0.2.0/25, 2001:db8::4/126 }", "ip.src != 192.0.2.0/25",
		"ip.dst == 2001:db8::/125",
		"ip.dst in { 192.0.2.0/26, 239.1.1.0/24 }",
		"ip.frag == later", "ip.frag != none", "ip.frag == none",
		"ip.ttl <= 64", "ip.ttl != 64", "ip.proto in { 2-5 }", "ip.proto != udp",
		"ip.proto in { 0, 6, 17, 58 }",
		"vlan.id <= 5", "vlan.id != 7", "vlan.pcp != 3", "vlan.pcp == 0", "eth.type in { 0x0800-0x0806 }",
		"eth.type != ip6", "eth.type == arp", "pkt.len > 100", "socket == none", "socket != listen",
		"tcp.flags & (syn|ack) == syn", "tcp.flags & syn != syn", "tcp.flags & syn == 0", "tcp.flags <= fin",
		"tcp.flags in { syn, syn|ack, 64-200 }", "icmp.type != 8", "icmp.type <= 8", "icmp.code == 0",
		"ip.dscp != 0", "ip.dscp in { 3-12, ef }", "ip.ecn == 0", "eth.src != 02:00:00:00:00:01",
		"ip.src in s", "ip.dst in s", "in == wan",
	};

	if (!depth) {
		text_printf(t, "%s%s", below(4) ? "" : "not ", tests[below(sizeof(tests) / sizeof(*tests))]);
		return;
	}
	text_printf(t, below(4) ? "(" : "not (");
	put_sharp(t, depth - 1);
	text_printf(t, below(3) ? " and " : " or ");
	put_sharp(t, depth - 1);
	text_printf(t, ")");
}

static void put_pair(struct text *text)
{
	static const char *const actions[] = {
		"allow", "drop", "drop", "count \"a\"", "mark 7", "insert l4.dst into q",
	};
	struct vec lines = random_rules(below(3));

	for (unsigned int n = 1 + below(4); n; n--) {
		struct text t = { 0 };

		text_printf(&t, "%s if ", actions[below(6)]);
		put_sharp(&t, below(3));
		text_printf(&t, ";\n");
		vec_append(&lines, &t.data);
	}
	for (unsigned int i = 0; i < 2; i++) {
		text_printf(&text[i], HEAD("set q : l4.dst size 10;") "filter wan%s {\n",
			    i && !below(6) ? ", lan" : "");
		put_lines(&text[i], &lines, i);
		text_printf(&text[i], "}\n");
	}
	for (size_t i = 0; i < lines.len; i++)
		free(*(char **)vec_at(&lines, i));
	vec_free(&lines);
}

/* ---- what is said ------------------------------------------------------------------------- */

/* Cubes, and a policy with a rule for each line that says them. */
struct said {
	const struct vec *cubes;
	struct text text;
	struct policy *policy;
};

static size_t add_said(struct vec *all, const struct behaviours *b, const struct vec *cubes)
{
	struct said said = { .cubes = cubes };
	struct vec lines = VEC(char *);
	size_t count;

	behaviours_cubes(b, cubes, 0, &lines);
	text_printf(&said.text, HEAD("") "filter wan, lan {\n");
	for (size_t i = 0; i < lines.len; i++) {
		char *line = *(char **)vec_at(&lines, i);

		text_printf(&said.text, "count \"a\" if %s;\n",
			    strcmp(line, "all packets") ? line : "in in { wan, lan }");
		free(line);
	}
	text_printf(&said.text, "}\n");
	count = lines.len;
	vec_free(&lines);
	said.policy = parse(&said.text);
	vec_append(all, &said);
	return count;
}

/* To eval, a frame meets what is said of cubes if they have it. */
static void check_said(const struct behaviours *b, const struct vec *all, const struct frame_fields *f, size_t len,
		       const struct rule_packet *p)
{
	unsigned int number = number_of_port(b->of[0].policy, f);

	socket_now = frame_has(f, FIELD_SOCKET) ? f->value[FIELD_SOCKET] : 0;
	for (size_t i = 0; i < all->len; i++) {
		const struct said *said = vec_at(all, i);
		bool has = cubes_have(said->cubes, p), says = false;

		for (size_t k = 0; k < said->policy->rules.len && !says; k++) {
			const struct policy_rule *rule = *(struct policy_rule **)vec_at(&said->policy->rules, k);

			says = policy_matches(said->policy, &world, number, frame, len, rule->predicate);
		}
		if (says == has)
			continue;
		say(b, p);
		fail_msg("this %s it:\n%s", says ? "should not have" : "should have", said->text.data);
	}
}

/* A class's own packet, with some fields of a random one. */
static bool near_miss(const struct behaviours *b, const struct difference_class *c, struct frame_fields *f)
{
	struct frame_fields other;
	struct text why = { 0 };
	int err;

	if (behaviours_fields(b, 0, &c->witness, f) || !random_fields(&other))
		return false;
	for (unsigned int i = 1 + below(3); i; i--) {
		enum policy_field field = below(FIELD_COUNT);

		if (!frame_has(&other, field))
			continue;
		if (field == FIELD_IP_SRC || field == FIELD_IP_DST)
			frame_set_address(f, field, field == FIELD_IP_SRC ? &other.src : &other.dst);
		else
			frame_set(f, field, other.value[field]);
	}
	err = frame_settle(f, &why, NULL);
	text_free(&why);
	return !err;
}

static void test_classes(void **state)
{
	size_t frames = 0, lines = 0;

	(void)state;
	for (unsigned int round = 0; round < 100 || frames < cases; round++) {
		struct text text[2] = { { 0 }, { 0 } }, why = { 0 };
		struct difference_options options = { 0 };
		struct vec all = VEC(struct said);
		const struct policy *p[2];
		struct behaviours b;
		struct difference d;
		struct diags diags;

		put_pair(text);
		for (unsigned int i = 0; i < 2; i++)
			p[i] = parse(&text[i]);
		diags_init(&diags);
		if (behaviours_init(&b, p, 2, &diags) || behaviours_close(&b, NULL, 0, &diags))
			goto next;	/* too many layers: another one */
		options.possible = &b.possible;
		assert_int_equal(difference_find(&b.of[0].list, &b.of[1].list, &options, &d, &why), 0);
		for (size_t i = 0; i < d.classes.len; i++) {
			const struct difference_class *c = vec_at(&d.classes, i);

			lines += add_said(&all, &b, &c->within);
			for (size_t k = 0; k < c->parts.len; k++)
				lines += add_said(&all, &b, &((struct difference_part *)vec_at(&c->parts, k))->cubes);
		}
		for (unsigned int i = 0; i < 150 && d.classes.len; i++) {
			struct rule_packet packet;
			struct frame_fields f;
			size_t len;

			if (i % 2 ? !random_fields(&f) : !near_miss(&b, vec_at(&d.classes, below(d.classes.len)), &f))
				continue;
			len = frame_build(&f, frame);
			packet = packet_of(&b, &f, len);
			check_said(&b, &all, &f, len, &packet);
			frames++;
		}
		difference_free(&d);
next:
		for (size_t i = 0; i < all.len; i++) {
			struct said *said = vec_at(&all, i);

			policy_free(said->policy);
			text_free(&said->text);
		}
		vec_free(&all);
		behaviours_free(&b);
		diags_free(&diags);
		for (unsigned int i = 0; i < 2; i++) {
			policy_free((struct policy *)p[i]);
			text_free(&text[i]);
		}
	}
	printf("# %zu lines are met by the packets of their cubes, and by no other of %zu frames\n", lines, frames);
	assert_true(frames > 2000 && lines > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_classes) };

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
	cases = cases_wanted(0);
	printf("# SEED=%llu repeats this\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
