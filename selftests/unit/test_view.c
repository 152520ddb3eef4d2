// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon shows of itself (userland/daemon/view.c): objects made of a real policy, its
 * image and a real fib, without a data path in the kernel: facts and counts that only it
 * has must then be missing, not zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "daemon/elements.c"
#include "daemon/drops.c"
#include "daemon/filter_event.c"
#include "daemon/steps.c"
#include "daemon/view.c"
#include "daemon/view_filter.c"
#include "daemon/view_flows.c"
#include "daemon/view_policy.c"
#include "daemon/view_routes.c"
#include "daemon/view_status.c"
#include "policy/parse.h"

static const char source[] =
	"port wan = \"eth0\";\n"
	"port fa = \"eth1\" mode generic;\n"
	"port app = \"veth-app\";\n"
	"route main;\n"
	"multicast {\n"
	"	(198.51.100.7, 233.54.12.1) from fa to app, wan vlan 12 ttl 3, host;\n"
	"	(*, 239.1.0.0/16) from wan to fa;\n"
	"	(*, ff3e::8000:1) from wan to fa, app;\n"
	"}\n"
	"measure elephants by (ip.src, ip.dst) {}\n";

static struct view view;

/* ---- a world ------------------------------------------------------------------ */

static struct nexthops *nexthops;
static struct fib *fib;
static struct lpm *lpm4, *lpm6;

static struct lpm *new_table(uint8_t family)
{
	struct lpm_shape shape;

	assert_int_equal(lpm_sizes(family, 10000, &shape), 0);
	return lpm_new(family, &shape, NULL, 10000);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void add_route(const char *prefix, const char *via, uint32_t metric)
{
	struct kernel_path path = { .ifindex = 2, .weight = 1 };
	struct kernel_route route = {
		.prefix = prefix_of(prefix), .type = 1 /* RTN_UNICAST */, .protocol = 186,
		.table = KERNEL_TABLE_MAIN, .metric = metric, .paths = 1, .path = &path,
	};

	assert_int_equal(addr_parse(via, &path.via), 0);
	fib_route_set(fib, &route);
}

static void make_fib(void)
{
	struct kernel_link link = { .ifindex = 2, .mtu = 1500, .mac = { 2, 0, 0, 0, 0, 1 },
				    .mac_len = 6, .up = true, .carrier = true, .name = "eth0" };
	struct kernel_neighbour neighbour = { .ifindex = 2, .state = 0x80 /* NUD_PERMANENT */,
					      .mac_len = 6, .mac = { 2, 0, 0, 0, 0, 0x99 } };
	struct fib_memory memory = { 0 };

	nexthops = xcalloc(1, sizeof(*nexthops));
	lpm4 = new_table(ADDR_V4);
	lpm6 = new_table(ADDR_V6);
	memory.nexthops = nexthops;
	memory.lpm4 = lpm4;
	memory.lpm6 = lpm6;
	fib = fib_new(&memory);
	fib_link_set(fib, &link);
	fib_port_set(fib, 2, 1);
	assert_int_equal(addr_parse("192.0.2.1", &neighbour.addr), 0);
	fib_neighbour_set(fib, &neighbour);
	add_route("10.0.0.0/8", "192.0.2.1", 0);
	add_route("10.1.0.0/16", "192.0.2.1", 0);
	add_route("10.1.2.0/24", "192.0.2.2", 0);	/* whom nobody knows */
	add_route("172.16.0.0/12", "192.0.2.1", 0);
	add_route("172.16.0.0/12", "192.0.2.2", 100);	/* does not count */
	for (unsigned int i = 0; i < 2000; i++) {
		char prefix[PREFIX_STRLEN];

		snprintf(prefix, sizeof(prefix), "100.%u.%u.0/24", i >> 8, i & 255);
		add_route(prefix, "192.0.2.1", 0);
	}
	fib_flush(fib);
}

/* By hand: what the compiler makes is its own test's. */
static void add_filter(struct image *image)
{
	static const char *const texts[] = { "drop if ip.src in offenders;", "insert ip.src into offenders;" };
	static const char *const wheres[] = { "edge.sluice:12", "lib/a:b.sluice:3" };
	struct image_set *set;

	for (int i = 0; i < 2; i++) {
		struct image_rule *rule = vec_push(&image->filter.rules);

		rule->text = texts[i];
		rule->where = wheres[i];
		rule->key = 0x1111111100000001ull + i;
	}
	set = vec_push(&image->filter.sets);
	strcpy(set->name, "offenders");
	set->size = 64;
	set->timeout_ns = 600000000000ull;
	set->addresses = true;
	set->elements = VEC(struct image_element);
	*(char **)vec_push(&image->filter.texts) = xstrdup("a \"knock\"");
}

static int setup(void **state)
{
	struct numbering numbering;
	struct policy *policy;
	struct image *image;
	struct diags diags;

	(void)state;
	diags_init(&diags);
	policy = policy_parse_text("edge.sluice", source, sizeof(source) - 1, &diags);
	assert_int_equal(diags.errors, 0);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(policy, &numbering, NULL, &image, &diags), 0);
	numbering_free(&numbering);
	diags_free(&diags);
	add_filter(image);
	make_fib();
	view = (struct view){
		.started = 1700000000, .store = "socket", .store_why = "the module is not loaded",
		.generation = 7, .since = 1700000100, .policy = policy, .image = image, .fib = fib,
		.fib_ready = true, .lpm4 = lpm4, .lpm6 = lpm6, .notes = VEC(char *),
	};
	*(char **)vec_push(&view.notes) = xstrdup("store: it was not UTF-8: \xff");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(*(char **)vec_at(&view.notes, 0));
	vec_free(&view.notes);
	policy_free((struct policy *)view.policy);
	image_free((struct image *)view.image);
	fib_free(fib);
	lpm_free(lpm4);
	lpm_free(lpm6);
	free(nexthops);
	return 0;
}

/* ---- asking ------------------------------------------------------------------------ */

/* The objects of an answer; what view_next() says at its end is in *@end, its error in *@error. */
static json_t *ask_view(const char *request, int *end, struct text *error)
{
	json_t *q = json_loads(request, 0, NULL), *list = json_array();
	struct view_answer *a;
	struct text out = { 0 };
	char *line, *rest;
	int more;

	assert_non_null(q);
	a = view_open(&view, q);
	json_decref(q);
	while ((more = view_next(a, &out)) > 0)
		;
	*end = more;
	if (error)
		text_printf(error, "%s|%s", view_error(a), view_hint(a) ? view_hint(a) : "");
	text_append(&out, "", 0);
	for (line = strtok_r(out.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *o = json_loads(line, 0, NULL);

		if (!o)
			fail_msg("no JSON: %s", line);
		assert_non_null(json_object_get(o, "object"));
		json_array_append_new(list, o);
	}
	text_free(&out);
	view_close(a);
	return list;
}

static json_t *ask_well(const char *request)
{
	struct text error = { 0 };
	int end;
	json_t *list = ask_view(request, &end, &error);

	if (end)
		fail_msg("%s: %s", request, text_string(&error));
	text_free(&error);
	return list;
}

static void expect_refused(const char *request, const char *error)
{
	struct text said = { 0 };
	int end;

	json_decref(ask_view(request, &end, &said));
	assert_int_equal(end, -1);
	if (!strstr(text_string(&said), error))
		fail_msg("%s: %s", request, text_string(&said));
	text_free(&said);
}

static const char *text_of(const json_t *list, size_t i, const char *name)
{
	const char *s = json_string_value(json_object_get(json_array_get(list, i), name));

	return s ? s : "(none)";
}

/* ---- tests --------------------------------------------------------------------------- */

static void test_status(void **state)
{
	json_t *list = ask_well("{\"show\":\"status\"}"), *o = json_array_get(list, 0);
	json_t *routes = json_object_get(o, "routes"), *groups = json_object_get(o, "groups");
	json_t *notes = json_object_get(o, "notes");

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "generation")), 7);
	assert_int_equal(json_integer_value(json_object_get(o, "documents")), 1);
	assert_int_equal(json_array_size(json_object_get(o, "ports")), 3);
	assert_int_equal(json_integer_value(json_object_get(routes, "ip4")), 2004);
	assert_int_equal(json_integer_value(json_object_get(routes, "ip6")), 0);
	assert_int_equal(json_integer_value(json_object_get(groups, "count")), 3);
	assert_int_equal(json_integer_value(json_object_get(groups, "legs")), 6);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "measures"), 0)),
			    "elephants");
	assert_string_equal(json_string_value(json_array_get(notes, json_array_size(notes) - 1)),
			    "store: it was not UTF-8: ?");
	json_decref(list);
}

static void test_ports(void **state)
{
	json_t *list = ask_well("{\"show\":\"port\"}");

	(void)state;
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(text_of(list, 1, "name"), "fa");
	assert_string_equal(text_of(list, 1, "interface"), "eth1");
	assert_string_equal(text_of(list, 1, "mode"), "none");
	assert_null(json_object_get(json_array_get(list, 1), "rx"));	/* is not known */
	json_decref(list);
	list = ask_well("{\"show\":\"port\",\"name\":\"veth-app\"}");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(list, 0, "name"), "app");
	json_decref(list);
	expect_refused("{\"show\":\"port\",\"name\":\"lan\"}",
		       "there is no port \"lan\"|ports: wan, fa, app");
}

static void expect_leg(const json_t *group, size_t i, const char *wanted)
{
	const json_t *legs = json_object_get(group, "legs");
	char *got = json_dumps(json_array_get(legs, i), JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(got, wanted);
	free(got);
}

static void test_groups(void **state)
{
	json_t *list = ask_well("{\"show\":\"group\",\"group\":\"233.54.12.1\"}");
	json_t *o = json_array_get(list, 0);

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(list, 0, "source"), "198.51.100.7");
	assert_string_equal(text_of(list, 0, "from"), "fa");
	assert_int_equal(json_array_size(json_object_get(o, "legs")), 3);
	json_decref(list);

	list = ask_well("{\"show\":\"group\",\"group\":\"239.1.0.0/16\"}");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(list, 0, "source"), "*");
	assert_string_equal(text_of(list, 0, "from"), "wan");
	expect_leg(json_array_get(list, 0), 0, "{\"interface\":\"\",\"origin\":\"policy\",\"to\":\"fa\",\"up\":false}");
	json_decref(list);

	list = ask_well("{\"show\":\"group\"}");
	assert_int_equal(json_array_size(list), 3);
	json_decref(list);
	list = ask_well("{\"show\":\"group\",\"group\":\"ff3e::8000:1\"}");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "legs")), 2);
	json_decref(list);
	expect_refused("{\"show\":\"group\",\"group\":\"239.1.1.1\"}", "there is no group");
}

static void test_documents(void **state)
{
	json_t *list = ask_well("{\"show\":\"policy\"}");

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(list, 0, "name"), "edge.sluice");
	assert_string_equal(text_of(list, 0, "text"), source);
	json_decref(list);
	expect_refused("{\"show\":\"policy\",\"name\":\"x\"}", "documents: edge.sluice");
}

static void test_routes(void **state)
{
	json_t *list = ask_well("{\"show\":\"route\"}"), *hop;

	(void)state;
	assert_int_equal(json_array_size(list), 2004);
	assert_string_equal(text_of(list, 0, "prefix"), "10.0.0.0/8");
	assert_string_equal(text_of(list, 0, "kind"), "forwarded");
	hop = json_array_get(json_object_get(json_array_get(list, 0), "nexthops"), 0);
	assert_string_equal(json_string_value(json_object_get(hop, "via")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(hop, "mac")), "02:00:00:00:00:99");
	assert_string_equal(json_string_value(json_object_get(hop, "port")), "wan");
	assert_string_equal(text_of(list, 2, "prefix"), "10.1.2.0/24");
	assert_string_equal(text_of(list, 2, "kind"), "no_neighbour");
	assert_string_equal(text_of(list, 2003, "prefix"), "172.16.0.0/12");
	json_decref(list);

	list = ask_well("{\"show\":\"route\",\"all\":true}");
	assert_int_equal(json_array_size(list), 2005);
	assert_string_equal(text_of(list, 2004, "prefix"), "172.16.0.0/12");
	assert_true(json_is_false(json_object_get(json_array_get(list, 2004), "best")));
	json_decref(list);

	list = ask_well("{\"show\":\"route\",\"prefix\":\"10.1.0.0/16\"}");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_of(list, 0, "prefix"), "10.1.0.0/16");
	json_decref(list);
	list = ask_well("{\"show\":\"route\",\"prefix\":\"100.0.0.0/8\"}");
	assert_int_equal(json_array_size(list), 2000);
	json_decref(list);
	list = ask_well("{\"show\":\"route\",\"prefix\":\"10.1.1.0/24\"}");	/* is not there */
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	list = ask_well("{\"show\":\"route\",\"family\":6}");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	expect_refused("{\"show\":\"route\",\"prefix\":\"10.0.0.0/33\"}", "is not a prefix");
}

static void test_route_get(void **state)
{
	json_t *list = ask_well("{\"show\":\"route get\",\"address\":"
				"[\"10.1.2.3\",\"10.1.3.3\",\"203.0.113.1\",\"2001:DB8::1\"]}");

	(void)state;
	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(text_of(list, 0, "prefix"), "10.1.2.0/24");
	assert_string_equal(text_of(list, 0, "table_kind"), "no_neighbour");
	assert_string_equal(text_of(list, 1, "prefix"), "10.1.0.0/16");
	assert_string_equal(text_of(list, 1, "table_kind"), "forwarded");
	assert_string_equal(text_of(list, 2, "kind"), "no_route");
	assert_string_equal(text_of(list, 3, "address"), "2001:db8::1");
	for (size_t i = 0; i < 4; i++)
		assert_true(json_is_true(json_object_get(json_array_get(list, i), "agrees")));
	json_decref(list);
	expect_refused("{\"show\":\"route get\",\"address\":[\"10.0.0.1\",\"x\"]}",
		       "\"x\" is not an address");
	expect_refused("{\"show\":\"route get\",\"address\":[7]}", "is not an address");
	list = ask_well("{\"show\":\"route get\",\"address\":\"10.0.0.1\"}");	/* no list: none */
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

/* An apply may take the table away in the middle of an answer: that is said, not passed over. */
static void test_routes_that_go_away(void **state)
{
	json_t *request = json_pack("{ss}", "show", "route");
	struct view_answer *answer = view_open(&view, request);
	struct text out = { 0 };
	struct fib *kept = fib;

	(void)state;
	assert_int_equal(view_next(answer, &out), 1);
	view.fib = NULL;
	assert_int_equal(view_next(answer, &out), -1);
	assert_non_null(strstr(view_error(answer), "does not route"));
	view.fib = kept;
	view_close(answer);
	json_decref(request);
	text_free(&out);
}

static void test_flows(void **state)
{
	struct flow_report report = {
		.interval = 4, .start_ns = 1000000000, .end_ns = 6000000000, .bytes = 5000,
		.packets = 50, .sampling = 0.5, .flows = VEC(struct flow_record),
	};
	json_t *list, *key;

	(void)state;
	list = ask_well("{\"show\":\"flow\"}");	/* no interval is over */
	assert_int_equal(json_array_size(list), 1);
	assert_null(json_object_get(json_array_get(list, 0), "bytes"));
	json_decref(list);

	for (unsigned int i = 0; i < 3; i++) {
		struct flow_record *r = vec_push(&report.flows);

		r->bytes = 3000 - 1000 * i;
		r->low = r->bytes - 1;
		r->high = r->bytes + 1;
		r->key = (struct flow_key){ .family = 6, .source = { 0x20, 1 },
					    .destination = { 0xff, 2, [15] = i } };
	}
	view.report = &report;
	list = ask_well("{\"show\":\"flow\",\"measure\":\"elephants\",\"limit\":2}");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(text_of(list, 0, "object"), "measure");
	assert_true(json_real_value(json_object_get(json_array_get(list, 0), "interval_s")) == 5.0);
	assert_string_equal(text_of(list, 2, "object"), "flow");
	key = json_object_get(json_array_get(list, 2), "key");
	assert_int_equal(json_object_size(key), 2);	/* what the policy tells flows apart by */
	assert_string_equal(json_string_value(json_object_get(key, "ip.dst")), "ff02::1");
	assert_true(json_real_value(json_object_get(json_array_get(list, 2), "rate_Bps")) == 400.0);
	json_decref(list);
	list = ask_well("{\"show\":\"flow\",\"limit\":0}");
	assert_int_equal(json_array_size(list), 4);
	json_decref(list);
	expect_refused("{\"show\":\"flow\",\"measure\":\"mice\"}",
		       "there is no measure \"mice\"");
	view.report = NULL;
	vec_free(&report.flows);
}

static void test_a_daemon_that_has_nothing(void **state)
{
	static const char *const shows[] = { "status", "port", "group", "counter", "policy",
					     "flow" };
	struct view full = view;

	(void)state;
	view = (struct view){ .store = "socket", .notes = VEC(char *) };
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		char request[64];
		json_t *list;

		snprintf(request, sizeof(request), "{\"show\":\"%s\"}", shows[i]);
		list = ask_well(request);
		assert_int_equal(json_array_size(list), i == 0);
		json_decref(list);
	}
	expect_refused("{\"show\":\"route\"}", "does not route");
	expect_refused("{\"show\":\"route get\",\"address\":[\"10.0.0.1\"]}", "does not route");
	view = full;
}

static void test_requests_that_are_none(void **state)
{
	(void)state;
	expect_refused("{}", "does not say what to show");
	expect_refused("{\"show\":7}", "does not say what to show");
	expect_refused("{\"show\":\"weather\"}", "cannot show \"weather\"");
	expect_refused("{\"show\":\"counter\",\"name\":\"weather\"}", "there is no counter");
}

/* ---- what filters keep ---------------------------------------------------------------- */

static void expect_text(const json_t *o, const char *name, const char *wanted)
{
	const char *s = json_string_value(json_object_get(o, name));

	assert_string_equal(s ? s : "(none)", wanted);
}

static void expect_number(const json_t *o, const char *name, json_int_t wanted)
{
	assert_true(json_is_integer(json_object_get(o, name)));
	assert_int_equal(json_integer_value(json_object_get(o, name)), wanted);
}

static void test_rules(void **state)
{
	json_t *list = ask_well("{\"show\":\"rule\"}"), *o;

	(void)state;
	assert_int_equal(json_array_size(list), 2);
	o = json_array_get(list, 1);
	expect_text(o, "file", "lib/a:b.sluice");
	expect_number(o, "line", 3);
	expect_number(o, "rule", 1);
	expect_text(o, "text", "insert ip.src into offenders;");
	assert_null(json_object_get(o, "packets"));	/* nobody knows: that is not 0 */
	json_decref(list);
	list = ask_well("{\"show\":\"rule\",\"file\":\"edge.sluice\"}");
	assert_int_equal(json_array_size(list), 1);
	expect_number(json_array_get(list, 0), "line", 12);
	json_decref(list);
}

static void test_sets(void **state)
{
	json_t *list = ask_well("{\"show\":\"set\"}"), *o = json_array_get(list, 0);

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	expect_text(o, "name", "offenders");
	expect_number(o, "size", 64);
	expect_number(o, "timeout_ms", 600000);
	assert_null(json_object_get(o, "elements"));
	json_decref(list);
	json_decref(ask_well("{\"show\":\"element\",\"set\":\"offenders\"}"));
	expect_refused("{\"show\":\"set\",\"name\":\"x\"}", "no set \"x\"|sets: offenders");
	expect_refused("{\"show\":\"element\",\"set\":\"x\"}", "no set \"x\"|sets: offenders");
	expect_refused("{\"do\":\"set flush\",\"set\":\"x\"}", "no set \"x\"");
	expect_refused("{\"do\":\"set delete\"}", "which element");
	expect_refused("{\"do\":\"nothing\"}", "cannot do \"nothing\"");
}

/* Written, read and written again. */
static void check_element(enum policy_field field, const char *word, const char *back)
{
	struct text out = { 0 };
	struct set_key key;

	assert_int_equal(element_parse(field, word, &key), 0);
	element_print(field, &key, &out);
	assert_string_equal(text_string(&out), back);
	text_free(&out);
}

static void test_elements(void **state)
{
	struct set_key key;

	(void)state;
	check_element(FIELD_IP_SRC, "192.0.2.1", "192.0.2.1");
	check_element(FIELD_IP_SRC, "2001:DB8::1", "2001:db8::1");
	check_element(FIELD_L4_SRC, "65535", "65535");
	check_element(FIELD_IP_PROTO, "tcp", "tcp");
	check_element(FIELD_IP_PROTO, "6", "tcp");
	check_element(FIELD_ETH_SRC, "02:00:00:00:00:01", "02:00:00:00:00:01");
	assert_int_equal(element_parse(FIELD_IP_SRC, "80", &key), -EINVAL);
	assert_int_equal(element_parse(FIELD_L4_SRC, "65536", &key), -EINVAL);
	assert_int_equal(element_parse(FIELD_L4_SRC, "-1", &key), -EINVAL);
	assert_int_equal(element_parse(FIELD_L4_SRC, "", &key), -EINVAL);
	assert_int_equal(element_parse(FIELD_ETH_SRC, "02:00:00:00:00", &key), -EINVAL);
}

static void expect_event(const struct filter_event *event, const struct image *image,
			 const char *wanted)
{
	struct text out = { 0 };

	filter_event_print(event, image, &out);
	assert_string_equal(text_string(&out), wanted);
	text_free(&out);
}

static void test_drops(void **state)
{
	struct filter_event event = { .reason = REASON_filtered, .rule = 0 };
	struct drops *d = drops_new();
	uint64_t number;

	(void)state;
	assert_null(drops_next(d, 0, &number));
	for (event.length = 1; event.length <= DROPS_KEPT + 5; event.length++)
		drops_add(d, &event, view.image);
	assert_int_equal(drops_last(d), DROPS_KEPT + 5);
	assert_string_equal(drops_next(d, 0, &number), "{\"object\":\"drop\",\"number\":6,"
			    "\"reason\":\"filtered\",\"length\":6,\"rule\":0,\"file\":\"edge.sluice\","
			    "\"line\":12,\"text\":\"drop if ip.src in offenders;\",\"ethertype\":\"0x0000\"}\n");
	assert_int_equal(number, 6);
	assert_non_null(drops_next(d, DROPS_KEPT + 4, &number));
	assert_int_equal(number, DROPS_KEPT + 5);
	assert_null(drops_next(d, DROPS_KEPT + 5, &number));
	assert_null(drops_next(d, UINT64_MAX, &number));
	drops_free(d);
}

static void test_events(void **state)
{
	struct filter_event event = {
		.rule = 1, .port = image_port_named(view.image, "wan")->number, .family = 4,
		.protocol = 6, .sport = htons(40000), .dport = htons(23), .length = 60,
		.ethertype = 0x800, .source = { 192, 0, 2, 1 }, .destination = { 198, 51, 100, 2 },
	};

	(void)state;
	expect_event(&event, view.image, "\"length\":60,\"rule\":1,\"file\":\"lib/a:b.sluice\",\"line\":3,"
		     "\"text\":\"a \\\"knock\\\"\",\"port\":\"wan\",\"src\":\"192.0.2.1\","
		     "\"dst\":\"198.51.100.2\",\"proto\":\"tcp\",\"sport\":40000,\"dport\":23");
	event.family = 0;
	event.rule = event.text = 77;
	event.ethertype = 0x806;
	expect_event(&event, view.image, "\"length\":60,\"rule\":77,\"port\":\"wan\","
		     "\"ethertype\":\"0x0806\"");
	event.rule = RULES_NONE;
	event.reason = REASON_ip4_checksum;
	expect_event(&event, NULL, "\"reason\":\"ip4_checksum\",\"length\":60,\"ethertype\":\"0x0806\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_route_get),
		cmocka_unit_test(test_routes_that_go_away),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_a_daemon_that_has_nothing),
		cmocka_unit_test(test_requests_that_are_none),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_drops),
	};

	return cmocka_run_group_tests_name("view", tests, setup, teardown);
}
