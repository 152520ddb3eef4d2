// SPDX-License-Identifier: GPL-2.0
/*
 * userland/analyse on policies, judged by policy/eval: that the lists which are analysed do what
 * the policy means; that each frame is a packet that can be; that differences of two
 * policies are where eval treats a frame differently, and nowhere else; that assertions which hold are
 * broken by no frame, and that of one that does not the packet that is shown breaks it. On a small domain every
 * packet is asked, and "equal" must be just that. Policies and frames are random, from a printed seed;
 * SEED=n repeats it, CASES=n sets how many frames are asked about, of each property, at least.
 */
#include <time.h>

#include "analyse/questions.h"
#include "policy/print.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/random_world.h"

static unsigned long cases;

/* ---- what eval says, and the lists -------------------------------------------------------- */

static bool does_lane(const struct eval_result *r, const char *lane)
{
	struct text text = { 0 };
	size_t len;
	bool does = false;

	for (size_t i = 0; i < r->effects.len && !does; i++) {
		const struct eval_effect *e = vec_at(&r->effects, i);

		text.len = 0;
		policy_print_action(e->action, &text);
		len = strcspn(lane, "(");
		/* Of equal police actions each has a lane; eval knows which rule it was, we do not ask. */
		does = !strcmp(text_string(&text), lane) ||
		       (lane[len] && !strncmp(text_string(&text), lane, len - 1));
	}
	text_free(&text);
	return does;
}

/* The lists of both policies do with a frame what eval does; and it can be. */
static void check_packet(const struct behaviours *b, const struct frame_fields *f, size_t len,
			 const struct rule_packet *p)
{
	bool can_be = false;

	for (size_t i = 0; i < b->possible.len && !can_be; i++)
		can_be = rule_matches(*(struct rule **)vec_at(&b->possible, i), p);
	if (!can_be)
		say(b, p);
	assert_true(can_be);
	for (unsigned int i = 0; i < b->count; i++) {
		const struct difference_list *list = &b->of[i].list;
		struct eval_result result;
		uint32_t number, outcome;

		socket_now = frame_has(f, FIELD_SOCKET) ? f->value[FIELD_SOCKET] : 0;
		policy_eval(b->of[i].policy, &world, number_of_port(b->of[0].policy, f), frame, len, &result);
		outcome = difference_treats(list, 0, p, &number);
		if ((result.rule ? result.rule->number + 1 : DIFFERENCE_END) != number)
			say(b, p);
		assert_int_equal(result.rule ? result.rule->number + 1 : DIFFERENCE_END, number);
		assert_int_equal(outcome == BEHAVIOUR_DROP, ((struct eval_outcome *)
				 vec_at(&result.outcomes, 0))->reason == REASON_filtered);
		for (uint32_t lane = 1; lane <= b->lanes.len; lane++) {
			const char *name = *(char **)vec_at(&b->lanes, lane - 1);

			if (lane == list->last) {
				assert_int_equal(difference_treats(list, lane, p, NULL), result.mark);
				continue;
			}
			if (strncmp(name, "police", 6) &&
			    difference_treats(list, lane, p, NULL) != does_lane(&result, name)) {
				fprintf(stderr, "%s by the lists: %u\n", name, difference_treats(list, lane, p, NULL));
				say(b, p);
			}
			if (strncmp(name, "police", 6))
				assert_int_equal(difference_treats(list, lane, p, NULL), does_lane(&result, name));
			else if (difference_treats(list, lane, p, NULL))
				assert_true(does_lane(&result, name));
		}
		eval_result_free(&result);
	}
}

static void check_classes(const struct behaviours *b, const struct difference *d, const struct rule_packet *p)
{
	const struct difference_list *x = &b->of[0].list, *y = &b->of[1].list;

	for (uint32_t lane = 0; lane <= b->lanes.len; lane++) {
		bool differs = difference_treats(x, lane, p, NULL) != difference_treats(y, lane, p, NULL);
		bool has = false;

		for (size_t i = 0; i < d->classes.len; i++) {
			const struct difference_class *c = vec_at(&d->classes, i);

			if (c->lane == lane)
				has |= c->parts.len ? difference_parts_have(c, x, y, p) :
				       difference_class_has(c, x, y, p);
		}
		if (has != differs)
			say(b, p);
		assert_int_equal(has, differs);
	}
}

/* What is shown of a class is a frame that both treat as it says. */
static size_t check_witness(const struct behaviours *b, const struct difference_class *c)
{
	struct frame_fields f;
	struct rule_packet p;
	size_t len;

	if (behaviours_fields(b, 0, &c->witness, &f)) {
		for (unsigned int i = 0; i < RULES_FIELD_COUNT; i++)
			fprintf(stderr, "%s=%u%s ", rules_field_name(i), c->witness.field[i],
				b->tested >> i & 1 ? "" : "?");
		fail_msg("no frame is this packet");
	}
	len = frame_build(&f, frame);
	p = packet_of(b, &f, len);
	p.field[RULES_SETS] = c->witness.field[RULES_SETS];	/* the world's sets are others */
	assert_int_equal(difference_treats(&b->of[0].list, c->lane, &p, NULL), c->before);
	assert_int_equal(difference_treats(&b->of[1].list, c->lane, &p, NULL), c->after);
	return 1;
}

static void test_differences(void **state)
{
	size_t differ = 0, frames = 0, witnesses = 0;

	(void)state;
	for (unsigned int round = 0; round < 150 || frames < cases; round++) {
		struct vec lines = random_rules(1 + below(8));
		struct text text[2] = { { 0 }, { 0 } }, why = { 0 };
		struct difference_options options = { 0 };
		const struct policy *p[2];
		struct behaviours b;
		struct difference d;
		struct diags diags;

		for (unsigned int i = 0; i < 2; i++) {
			text_printf(&text[i], HEAD(""));
			text_printf(&text[i], "filter wan%s {\n", i && !below(6) ? ", lan" : "");
			put_lines(&text[i], &lines, i);
			text_printf(&text[i], "}\n");
			p[i] = parse(&text[i]);
		}
		diags_init(&diags);
		if (behaviours_init(&b, p, 2, &diags) || behaviours_close(&b, NULL, 0, &diags))
			goto next;	/* too many layers: another one */
		options.possible = &b.possible;
		assert_int_equal(difference_find(&b.of[0].list, &b.of[1].list, &options, &d, &why), 0);
		assert_false(d.undecided);
		for (unsigned int i = 0; i < 150; i++) {
			struct frame_fields f;
			struct rule_packet packet;
			size_t len;

			if (!random_fields(&f))
				continue;
			len = frame_build(&f, frame);
			packet = packet_of(&b, &f, len);
			check_packet(&b, &f, len, &packet);
			check_classes(&b, &d, &packet);
			frames++;
		}
		for (size_t i = 0; i < d.classes.len; i++)
			witnesses += check_witness(&b, vec_at(&d.classes, i));
		differ += d.classes.len != 0;
		difference_free(&d);
next:
		behaviours_free(&b);
		diags_free(&diags);
		for (unsigned int i = 0; i < 2; i++) {
			policy_free((struct policy *)p[i]);
			text_free(&text[i]);
		}
		for (size_t i = 0; i < lines.len; i++)
			free(*(char **)vec_at(&lines, i));
		vec_free(&lines);
	}
	printf("# %zu frames; %zu pairs of policies differ, with %zu witnesses\n", frames, differ, witnesses);
	assert_true(frames > 5000 && differ > 30 && witnesses > 60);
}

/* ---- every packet of a small domain --------------------------------------------------------- */

/*
 * Tests of few values of few fields. A frame for each combination of these, of one more value of each,
 * and of the set having its source or not, is every packet that such policies can tell from others.
 */
static const char *const small_tests[] = {
	"in == wan", "ip4", "arp", "tcp", "not udp", "tcp.dst == 80", "l4.dst in { 80, 443 }", "udp.dst > 443",
	"ip.src == 192.0.2.0/25", "ip.src in { 192.0.2.1, 192.0.2.128 }", "ip.dst != 192.0.2.1",
	"ip.dst == 192.0.2.0/31", "ip.frag == later", "ip.frag != none", "ip.ttl > 1", "vlan.id == 7",
	"ip.src in s", "not ip.src in s", "tcp.flags & (syn|ack) == syn",
};

static void put_small_predicate(struct text *t, unsigned int depth)
{
	if (!depth || !below(3)) {
		text_printf(t, "%s", small_tests[below(sizeof(small_tests) / sizeof(small_tests[0]))]);
		return;
	}
	text_printf(t, below(4) ? "(" : "not (");
	put_small_predicate(t, depth - 1);
	text_printf(t, below(2) ? " and " : " or ");
	put_small_predicate(t, depth - 1);
	text_printf(t, ")");
}

static bool source_in_set;

static bool source_is_in(void *context, const struct policy_set *set, const struct addr *address, uint64_t number)
{
	(void)context, (void)set, (void)address, (void)number;
	return source_in_set;
}

/* A frame of the domain, and whether the set has its source. */
struct small_packet {
	struct frame_fields fields;
	uint32_t len;
	bool in_set;
};

static void add_small(struct vec *to, struct frame_fields f)
{
	struct text why = { 0 };

	for (unsigned int tag = 0; tag < 3; tag++)
		for (unsigned int port = 0; port < 2; port++)
			for (unsigned int has = 0; has < 2; has++) {
				struct small_packet p = { .fields = f, .in_set = has };

				if (tag)
					frame_set(&p.fields, FIELD_VLAN_ID, 6 + tag);
				frame_set(&p.fields, FIELD_IN, port);
				assert_int_equal(frame_settle(&p.fields, &why, NULL), 0);
				vec_append(to, &p);
			}
	text_free(&why);
}

static void add_pair(struct vec *to, const struct frame_fields *f, const struct addr *src, const struct addr *dst)
{
	for (unsigned int ttl = 1; ttl < 3; ttl++) {
		struct frame_fields g = *f;

		frame_set_address(&g, FIELD_IP_SRC, src);
		frame_set_address(&g, FIELD_IP_DST, dst);
		frame_set(&g, FIELD_IP_TTL, ttl);
		add_small(to, g);
	}
}

/* To no test one IPv6 address differs from another. */
static void add_addressed(struct vec *to, const struct frame_fields *f)
{
	static const uint32_t hosts[] = { 0xc0000200, 0xc0000201, 0xc0000280, 0x0a000001 };
	static const struct addr v6 = { ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

	for (unsigned int src = 0; src < 4; src++)
		for (unsigned int dst = 0; dst < 3; dst++) {
			struct addr a = addr_v4(hosts[src]), b = addr_v4(hosts[dst == 2 ? 3 : dst]);

			add_pair(to, f, &a, &b);
		}
	add_pair(to, f, &v6, &v6);
}

static struct vec all_small_packets(void)
{
	static const unsigned int services[] = { 79, 80, 443, 444 }, protocols[] = { 6, 17, 47 };
	struct vec all = VEC(struct small_packet);
	struct frame_fields f;

	for (unsigned int p = 0; p < 3; p++)
		for (unsigned int frag = 0; frag < 3; frag++)
			for (unsigned int s = 0; s < 4; s++)
				for (unsigned int flags = 0; flags < 2; flags++) {
					f = (struct frame_fields){ 0 };
					frame_set(&f, FIELD_IP_PROTO, protocols[p]);
					frame_set(&f, FIELD_IP_FRAG, frag);
					/* Ports that are not there are no values; nor flags. */
					if (((p == 2 || frag == 2) && s) || ((p || frag == 2) && flags))
						continue;
					if (p < 2 && frag < 2)
						frame_set(&f, FIELD_L4_DST, services[s]);
					if (!p && frag < 2)
						frame_set(&f, FIELD_TCP_FLAGS, flags ? 2 : 16);
					add_addressed(&all, &f);
				}
	for (unsigned int arp = 0; arp < 2; arp++) {
		f = (struct frame_fields){ 0 };
		frame_set(&f, FIELD_ETH_TYPE, arp ? 0x0806 : 0x88cc);
		add_small(&all, f);
	}
	return all;
}

/*
 * What a policy does with a packet, as far as "equal" is about it: bit 0: drops it; 1 and 2: counts "a", "b";
 * from 8 on: the mark.
 */
static unsigned int treatment(const struct policy *p, const struct eval_env *env, const struct small_packet *k)
{
	size_t len = frame_build(&k->fields, frame);
	struct eval_result r;
	unsigned int does;

	source_in_set = k->in_set;
	policy_eval(p, env, number_of_port(p, &k->fields), frame, len, &r);
	does = ((struct eval_outcome *)vec_at(&r.outcomes, 0))->reason == REASON_filtered;
	for (size_t i = 0; i < r.effects.len; i++) {
		const struct policy_action *a = ((struct eval_effect *)vec_at(&r.effects, i))->action;

		if (a->kind == DO_COUNT)
			does |= 2 << (*a->text - 'a');
	}
	does |= r.mark << 8;
	eval_result_free(&r);
	return does;
}

static void test_every_packet(void **state)
{
	static const char *const actions[] = {
		"allow", "drop", "allow", "drop", "count \"a\"", "count \"b\", allow", "mark 7", "mark 9",
		"mark 7, drop", "mark 0",
	};
	struct vec all = all_small_packets();
	struct eval_env env = world;
	size_t equal = 0, different = 0, frames = 0;

	(void)state;
	env.in_set = source_is_in;
	/* Until there were some of both kinds: how many of so few rounds are equal is chance. */
	for (unsigned int round = 0; round < 30 || frames < cases || (round < 1000 && (equal < 6 || different < 6));
	     round++) {
		struct vec lines = VEC(char *);
		struct text text[2] = { { 0 }, { 0 } }, why = { 0 };
		struct difference_options options = { .first = true };
		const struct policy *p[2];
		struct behaviours b;
		struct difference d;
		struct diags diags;
		bool differ = false;

		for (unsigned int n = 1 + below(5); n; n--) {
			struct text t = { 0 };

			text_printf(&t, "%s if ", actions[below(10)]);
			put_small_predicate(&t, below(3));
			text_printf(&t, ";\n");
			vec_append(&lines, &t.data);
		}
		for (unsigned int i = 0; i < 2; i++) {
			size_t swap = i && lines.len > 1 ? 1 + below(lines.len - 1) : 0, skip = i && !below(3) ?
				      below(lines.len) : lines.len;

			text_printf(&text[i], HEAD("") "filter wan {\n");
			for (size_t k = 0; k < lines.len; k++) {
				size_t at = !swap || k > swap || k + 1 < swap ? k : k == swap ? k - 1 : k + 1;

				if (k != skip)
					text_printf(&text[i], "%s", *(char **)vec_at(&lines, at));
			}
			text_printf(&text[i], "}\n");
			p[i] = parse(&text[i]);
		}
		diags_init(&diags);
		if (!behaviours_init(&b, p, 2, &diags) && !behaviours_close(&b, NULL, 0, &diags)) {
			options.possible = &b.possible;
			assert_int_equal(difference_find(&b.of[0].list, &b.of[1].list, &options, &d, &why), 0);
			for (size_t i = 0; i < all.len && !differ; i++) {
				const struct small_packet *k = vec_at(&all, i);

				frames++;
				differ = treatment(p[0], &env, k) != treatment(p[1], &env, k);
			}
			if (differ != (d.classes.len != 0))
				fail_msg("eval %s a packet, equiv %s:\n%s\n%s", differ ? "shows" : "does not show",
					 d.classes.len ? "does" : "does not", text[0].data, text[1].data);
			*(differ ? &different : &equal) += 1;
			difference_free(&d);
		}
		behaviours_free(&b);
		diags_free(&diags);
		for (unsigned int i = 0; i < 2; i++) {
			policy_free((struct policy *)p[i]);
			text_free(&text[i]);
		}
		for (size_t i = 0; i < lines.len; i++)
			free(*(char **)vec_at(&lines, i));
		vec_free(&lines);
	}
	printf("# %zu packets, all of the domain, of %zu pairs: %zu are equal, %zu differ\n", all.len,
	       equal + different, equal, different);
	assert_true(equal > 5 && different > 5);
	vec_free(&all);
}

/* ---- assertions ----------------------------------------------------------------------------- */

/* Whether a frame breaks an assertion, by eval alone. */
static bool breaks(const struct policy *p, const struct policy_assert *a, unsigned int in, size_t len)
{
	const struct policy_port *port = *(struct policy_port **)vec_at(&p->ports, in);
	struct eval_result result;
	unsigned int number = 0, to = 0;
	bool wrong = false, reaches = false;

	for (size_t i = 0; i < PORTS; i++) {
		if (!strcmp(ports[i].interface, port->interface))
			number = ports[i].number;
		if (!a->host && !strcmp(ports[i].interface, a->to.port->interface))
			to = ports[i].number;
	}
	if (a->kind != ASSERT_NEVER && a->from.port != port)
		return false;
	if (a->predicate && policy_matches(p, &world, number, frame, len, a->predicate) == a->unless)
		return false;
	policy_eval(p, &world, number, frame, len, &result);
	for (size_t i = 0; i < result.outcomes.len; i++) {
		const struct eval_outcome *o = vec_at(&result.outcomes, i);

		wrong |= o->reason == REASON_filtered || o->reason == REASON_policed;
		reaches |= a->host && o->verdict == VERDICT_PASS;
		for (size_t k = 0; k < o->outputs.len; k++) {
			const struct eval_output *out = vec_at(&o->outputs, k);

			reaches |= a->host ? out->host : !out->host && out->port == to;
		}
	}
	eval_result_free(&result);
	return a->kind == ASSERT_REACHABLE ? wrong : reaches;
}

/* The packet that is shown, as a frame. Its sets must be ours. */
static bool shown_breaks(const struct policy *p, const struct assertion *a, const char *text)
{
	char *with = strstr(a->packet, " with ");
	struct source source = { .name = "packet", .text = a->packet };
	struct frame_fields f;
	struct diags diags;
	bool is;
	size_t len;

	/* Sets in which it is, or is not, must be so; the world has its own. */
	if (with || strstr(text, " in s "))
		return true;
	source.len = strlen(a->packet);
	diags_init(&diags);
	if (frame_parse(p, &source, &f, &diags))
		fail_msg("this is no packet: %s", a->packet);
	diags_free(&diags);
	/* What a port routes is for its own address. */
	if (!strstr(a->packet, "eth.dst"))
		for (size_t i = 0; i < PORTS; i++)
			if (!strcmp(ports[i].interface, (*(struct policy_port **)
				    vec_at(&p->ports, f.value[FIELD_IN]))->interface))
				f.value[FIELD_ETH_DST] = 0x020000000000 | ports[i].mac[5];
	len = frame_build(&f, frame);
	socket_now = frame_has(&f, FIELD_SOCKET) ? f.value[FIELD_SOCKET] : 0;
	over = strstr(a->sentence, "rate");
	is = breaks(p, a->assert, f.value[FIELD_IN], len);
	over = false;
	/* What address a port has, and which VLANs, the world knows; no frame has a long payload of length 0. */
	return is || strstr(text, "eth.") || strstr(text, "vlan.") || strstr(a->sentence, "whatever") ||
	       strstr(a->sentence, "jumbogram");
}

static void put_assert(struct text *t)
{
	static const char *const kinds[] = {
		"isolated wan -> lan", "isolated lan -> wan", "isolated wan -> host", "reachable wan -> host",
		"isolated wan -> fb",
	};
	unsigned int kind = below(6);

	if (kind == 5) {
		text_printf(t, "assert never ");
		put_predicate(t, 1);
		text_printf(t, " reaches %s;\n", below(2) ? "lan" : "fb");
		return;
	}
	text_printf(t, "assert %s %s ", kinds[kind], below(2) ? "if" : "unless");
	put_predicate(t, below(3));
	text_printf(t, ";\n");
}

static void test_assertions(void **state)
{
	size_t hold = 0, violated = 0, tried = 0;

	(void)state;
	for (unsigned int round = 0; round < 150 || tried < cases; round++) {
		struct vec lines = random_rules(1 + below(6)), answers = VEC(struct assertion);
		struct text text = { 0 };
		struct policy *p;
		struct diags diags;

		text_printf(&text, HEAD(" port fb = \"eth2\";"));
		text_printf(&text, "filter wan { \n");
		put_lines(&text, &lines, false);
		text_printf(&text, "%s}\nfilter lan { %s if ", below(2) ? "drop;" : "", below(2) ? "allow" : "drop");
		put_predicate(&text, 1);
		text_printf(&text, "; drop; }\n");
		for (unsigned int i = 0; i < 6; i++)
			put_assert(&text);
		p = parse(&text);
		diags_init(&diags);
		if (analyse_assertions(p, 0, &answers, &diags))
			goto next;	/* too many layers */
		assert_int_equal(answers.len, 6);
		for (size_t i = 0; i < answers.len; i++) {
			const struct assertion *a = vec_at(&answers, i);

			assert_int_not_equal(a->verdict, ASSERTION_UNDECIDED);
			if (a->verdict == ASSERTION_HOLDS) {
				hold++;
				continue;
			}
			violated++;
			if (!shown_breaks(p, a, text.data))
				fail_msg("%s\nline %u: %s: it is not broken by %s", text.data,
					 a->assert->place.line, a->sentence, a->packet);
		}
		for (unsigned int i = 0; i < 200; i++) {
			struct frame_fields f;
			size_t len;

			if (!random_fields(&f))
				continue;
			f.value[FIELD_ETH_DST] = 0x020000000001 + f.value[FIELD_IN];	/* its port's */
			len = frame_build(&f, frame);
			socket_now = frame_has(&f, FIELD_SOCKET) ? f.value[FIELD_SOCKET] : 0;
			for (size_t k = 0; k < answers.len; k++) {
				const struct assertion *a = vec_at(&answers, k);

				if (a->verdict != ASSERTION_HOLDS)
					continue;
				tried++;
				if (breaks(p, a->assert, f.value[FIELD_IN], len)) {
					struct text shown = { 0 };

					frame_format(p, &f, &shown);
					fail_msg("%s\nassertion %zu is broken by %s", text.data, k, shown.data);
				}
			}
		}
next:
		assertions_free(&answers);
		policy_free(p);
		diags_free(&diags);
		text_free(&text);
		for (size_t i = 0; i < lines.len; i++)
			free(*(char **)vec_at(&lines, i));
		vec_free(&lines);
	}
	printf("# %zu assertions hold, tried %zu times; %zu are broken\n", hold, tried, violated);
	assert_true(hold > 50 && violated > 50);
}

/* What is not found out in time is said, with the option that gives more of it. */
static void test_too_little_time(void **state)
{
	struct text text = { 0 };
	struct policy *p;

	(void)state;
	text_printf(&text, "port wan = \"eth0\"; filter wan {\n");
	for (unsigned int i = 0; i < 3000; i++)
		text_printf(&text, "drop if ip.src == 10.%u.%u.0/24 and tcp.dst == %u;\n", i >> 8, i & 255, i);
	text_printf(&text, "drop if ip.src == 10.1.1.1 and tcp.dst == 257; }\n");
	p = parse(&text);
	for (unsigned int late = 0; late < 2; late++) {
		struct text said = { 0 };
		struct diags diags;

		diags_init(&diags);
		analyse_dead_rules(p, late ? 1e-9 : 0, "--more-time", &diags);
		diags_print(&diags, &said, false);
		assert_int_equal(diags.errors, 0);
		assert_int_equal(diags.warnings, 1);
		assert_int_equal(strstr(text_string(&said), "of 3001 rules was not found out") != NULL, late);
		assert_int_equal(strstr(text_string(&said), "--more-time gives it more") != NULL, late);
		assert_int_equal(strstr(text_string(&said), "no packet gets to this rule") != NULL, !late);
		text_free(&said);
		diags_free(&diags);
	}
	policy_free(p);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_every_packet),
		cmocka_unit_test(test_assertions),
		cmocka_unit_test(test_too_little_time),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
	cases = cases_wanted(0);
	printf("# SEED=%llu repeats this\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("behaviour", tests, NULL, NULL);
}
