// SPDX-License-Identifier: GPL-2.0
/*
 * The check before each commit, with real programs: a sound one is let through, and one whose tables differ
 * from the image that was checked, a single rule turned from allow to drop or a class gone astray, is
 * refused with the packet that shows it, which is kept in a file. Likewise where little has changed, and
 * only that is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "bpf/rules.bpf.h"
#include "compile/compile.h"
#include "daemon/witnesses.h"
#include "datapath/datapath.h"
#include "lpm/lpm.h"
#include "policy/parse.h"

static const char text[] =
	"port wan = \"eth0\"; port fa = \"eth1\";\n"
	"set bad : ip.src size 64;\n"
	"filter wan {\n"
	"	count \"all\";\n"
	"	drop if ip.src in bad;\n"
	"	mark 7 if tcp.dst in { 23, 2323 };\n"
	"	allow if ip.src == 10.0.0.0/8 and tcp.dst == 22;\n"
	"	allow if ip.dst == 2001:db8::/32 and udp;\n"
	"	allow if icmp and pkt.len < 1000;\n"
	"	drop if vlan.id == 7 or ip.frag == later;\n"
	"	allow if eth.type == arp;\n"
	"	drop;\n"
	"}\n"
	"filter fa { drop if socket == listen; allow if ip.ttl > 5; drop; }\n";

struct world {
	struct policy *policy;
	struct image *image;
	struct diags diags;
	struct datapath *dp;
	struct tables *tables;
	struct generation *gen;
	char keep[64];
};

static int setup(void **ctx)
{
	static struct world w;
	struct lpm_shape shape4, shape6;
	struct numbering numbering;
	struct text why = { 0 };

	diags_init(&w.diags);
	w.policy = policy_parse_text("t.sluice", text, strlen(text), &w.diags);
	assert_int_equal(w.diags.errors, 0);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(w.policy, &numbering, NULL, &w.image, &w.diags), 0);
	numbering_free(&numbering);
	if (datapath_open(NULL, &w.dp, &why))
		fail_msg("%s", text_string(&why));
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	assert_int_equal(tables_new(w.dp, &shape4, &shape6, &w.tables, &why), 0);
	snprintf(w.keep, sizeof(w.keep), "/tmp/sluice-refused.%d", getpid());
	*ctx = &w;
	return 0;
}

static int teardown(void **ctx)
{
	struct world *w = *ctx;

	unlink(w->keep);
	tables_free(w->tables);
	datapath_close(w->dp);
	image_free(w->image);
	policy_free(w->policy);
	diags_free(&w->diags);
	return 0;
}

static void stage(struct world *w)
{
	struct text why = { 0 };

	if (datapath_stage(w->dp, w->image, w->tables, 0, &w->gen, &why))
		fail_msg("%s", text_string(&why));
}

static int check(struct world *w, struct witnesses *witnesses, struct text *why)
{
	return witnesses_check(w->policy, w->image, w->gen, NULL, 0, w->keep, witnesses, why);
}

static void test_sound(void **ctx)
{
	struct world *w = *ctx;
	struct witnesses witnesses;
	struct text why = { 0 };

	stage(w);
	if (check(w, &witnesses, &why))
		fail_msg("%s", text_string(&why));
	witnesses_say(&witnesses, &why);
	print_message("# %s, %llu of them in the program\n", why.data, (unsigned long long)witnesses.ran);
	assert_true(witnesses.ran > 20);
	assert_int_equal(witnesses.left, 0);
	assert_true(witnesses.verify.complete);
	assert_int_equal(witnesses.verify.rules_met, w->policy->rules.len);
	assert_int_equal(access(w->keep, F_OK), -1);
	text_free(&why);
	witnesses_free(&witnesses);
	generation_free(w->gen);
}

/* The program is loaded with a word of the tables changed, that is then as it should be again. */
static void check_changed(struct world *w, uint32_t *word, uint32_t change)
{
	struct witnesses witnesses;
	struct text why = { 0 };

	*word ^= change;
	stage(w);
	*word ^= change;
	assert_int_equal(check(w, &witnesses, &why), -EILSEQ);
	print_message("# %s\n", text_string(&why));
	assert_non_null(strstr(why.data, "t.sluice:"));
	assert_non_null(strstr(why.data, "the program in the kernel"));
	assert_int_equal(access(w->keep, F_OK), 0);
	unlink(w->keep);
	text_free(&why);
	witnesses_free(&witnesses);
	generation_free(w->gen);
}

static void test_changed(void **ctx)
{
	struct world *w = *ctx;
	const struct image_filter *f = &w->image->filter;
	const struct rules_shape *s = &f->shape.layer[0];
	struct rules_head *head = (struct rules_head *)(f->area + s->heads);
	uint32_t box = 0, first = RULES_NONE;

	/* Of some rule the verdict, in all its boxes; then who it is. */
	for (box = 0; box < s->rules; box++)
		if (head[box].priority && ACTION_RULE(head[box].action) == 3)
			first = box;
	assert_int_not_equal(first, RULES_NONE);
	check_changed(w, &head[first].action, ACTION_DROP);
	check_changed(w, &head[first].action, 1);
	/* The port's filter is forgotten. */
	w->image->config.port[1] ^= CONFIG_PORT_FILTER;
	stage(w);
	w->image->config.port[1] ^= CONFIG_PORT_FILTER;
	{
		struct witnesses witnesses;
		struct text why = { 0 };

		assert_int_equal(check(w, &witnesses, &why), -EILSEQ);
		witnesses_free(&witnesses);
		text_free(&why);
	}
	generation_free(w->gen);
}

/* ---- little has changed ---------------------------------------------------------- */

/* The policy with another rule in place of one, after the one of @w. */
static void make_next(const struct world *w, struct world *next)
{
	static const char was[] = "allow if ip.dst == 2001:db8::/32 and udp;";
	static const char is[] = "drop if ip.dst == 2001:db8::/32 and tcp; ";
	char *changed = strdup(text), *at = strstr(changed, was);
	struct numbering numbering;

	memcpy(at, is, strlen(is));
	*next = *w;
	diags_init(&next->diags);
	next->policy = policy_parse_text("t.sluice", changed, strlen(changed), &next->diags);
	assert_int_equal(next->diags.errors, 0);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(next->policy, &numbering, NULL, &next->image, &next->diags), 0);
	numbering_free(&numbering);
	free(changed);
}

static int check_next(struct world *next, const struct world *w, const struct witnesses *before,
		      struct witnesses *witnesses, struct text *why)
{
	const struct witnesses_before b = { w->policy, w->image, before };

	return witnesses_check(next->policy, next->image, next->gen, &b, 0, next->keep, witnesses, why);
}

/* A box of rule @number in layer 0. */
static struct rules_head *head_of(const struct image *image, uint32_t number)
{
	const struct rules_shape *s = &image->filter.shape.layer[0];
	struct rules_head *head = (struct rules_head *)(image->filter.area + s->heads);

	for (uint32_t box = 0; box < s->rules; box++)
		if (head[box].priority && ACTION_RULE(head[box].action) == number)
			return &head[box];
	fail_msg("no box of rule %u", number);
	return NULL;
}

static void test_little_changed(void **ctx)
{
	struct world *w = *ctx, next;
	struct witnesses before, witnesses;
	struct text why = { 0 };
	size_t kept;

	stage(w);
	assert_int_equal(check(w, &before, &why), 0);
	generation_free(w->gen);
	make_next(w, &next);
	stage(&next);
	if (check_next(&next, w, &before, &witnesses, &why))
		fail_msg("%s", text_string(&why));
	assert_true(witnesses.partial);
	assert_int_equal(witnesses.changed, 1);
	assert_int_equal(witnesses.gone, 1);
	assert_int_equal(witnesses.same, next.policy->rules.len - 1);
	assert_int_equal(witnesses.same_met, witnesses.same);
	assert_true(witnesses.again > 50 && witnesses.ran > 10);
	witnesses_free(&witnesses);

	/* The tables say of a rule that did not change what it does not say: it drops, or is another. */
	for (unsigned int i = 0; i < 2; i++) {
		struct rules_head *head = head_of(next.image, 3);

		head->action ^= i ? 1 : ACTION_DROP;
		assert_int_equal(check_next(&next, w, &before, &witnesses, &why), -EILSEQ);
		head->action ^= i ? 1 : ACTION_DROP;
		assert_non_null(strstr(why.data, "t.sluice:"));
		witnesses_free(&witnesses);
		text_free(&why);
	}
	generation_free(next.gen);

	/* The program has the changed rule otherwise than the image. */
	head_of(next.image, 4)->action ^= ACTION_DROP;
	stage(&next);
	head_of(next.image, 4)->action ^= ACTION_DROP;
	assert_int_equal(check_next(&next, w, &before, &witnesses, &why), -EILSEQ);
	assert_non_null(strstr(why.data, "the program in the kernel"));
	witnesses_free(&witnesses);
	text_free(&why);
	generation_free(next.gen);

	/* And so on: back to the first, from what was kept of it and of the change. */
	stage(&next);
	assert_int_equal(check_next(&next, w, &before, &witnesses, &why), 0);
	kept = before.kept.packets.len;
	witnesses_follow(&witnesses, &before);
	assert_true(witnesses.kept.packets.len > kept / 2);
	generation_free(next.gen);
	stage(w);
	assert_int_equal(check_next(w, &next, &witnesses, &before, &why), 0);
	assert_true(before.partial);
	assert_int_equal(before.same_met, before.same);
	generation_free(w->gen);
	witnesses_follow(&before, &witnesses);
	witnesses_free(&before);
	image_free(next.image);
	policy_free(next.policy);
	diags_free(&next.diags);
	unlink(w->keep);
	text_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_little_changed),
	};

	if (geteuid()) {
		printf("1..0 # SKIP needs root to load programs\n");
		return 4;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
