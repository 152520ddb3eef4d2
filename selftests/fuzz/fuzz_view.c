// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the query socket: each line of the input is one. Every line of an answer must be
 * JSON, whatever was asked. There is a policy and a table of routes, and no data path.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "compile/compile.h"
#include "fib/fib.h"
#include "datapath/datapath.h"
#include "lpm/lpm.h"
#include "policy/parse.h"

#include "daemon/view.c"
#include "daemon/drops.c"
#include "daemon/elements.c"
#include "daemon/filter_event.c"
#include "daemon/steps.c"
#include "daemon/view_filter.c"
#include "daemon/view_flows.c"
#include "daemon/view_policy.c"
#include "daemon/view_routes.c"
#include "daemon/view_status.c"

/* The view has no data path here, so none of these is called; libbpf is not needed for them. */
const struct ports *datapath_ports(const struct datapath *dp) { (void)dp; abort(); }
const struct names *datapath_names(const struct datapath *dp) { (void)dp; abort(); }
bool datapath_port_lost_tc(const struct datapath *dp, uint16_t n) { (void)dp, (void)n; abort(); }
const char *datapath_port_mode(const struct datapath *dp, uint16_t n) { (void)dp, (void)n; abort(); }
bool datapath_counts_failures(const struct datapath *dp) { (void)dp; abort(); }
const char *datapath_host_copies(const struct datapath *dp, const char **why) { (void)dp, (void)why; abort(); }

int datapath_port_stats(const struct datapath *dp, uint16_t n, struct port_stats *s)
{
	(void)dp, (void)n, (void)s;
	abort();
}

int datapath_counter(const struct datapath *dp, uint32_t n, struct count *c)
{
	(void)dp, (void)n, (void)c;
	abort();
}

int datapath_hop_counter(const struct datapath *dp, uint32_t n, struct hop_name *name, struct count *c)
{
	(void)dp, (void)n, (void)name, (void)c;
	abort();
}

uint32_t datapath_rules(const struct datapath *dp) { (void)dp; abort(); }
uint64_t datapath_rule_key(const struct datapath *dp, uint32_t n) { (void)dp, (void)n; abort(); }

int datapath_rule_counts(const struct datapath *dp, uint32_t first, uint32_t n, struct count *c)
{
	(void)dp, (void)first, (void)n, (void)c;
	abort();
}

void datapath_watch_drops(struct datapath *dp, unsigned int ms) { (void)dp, (void)ms; abort(); }

int datapath_set_entries(const struct datapath *dp, const char *name, struct vec *entries)
{
	(void)dp, (void)name, (void)entries;
	abort();
}

int datapath_set_delete(struct datapath *dp, const char *name, enum set_origin origin,
			const struct set_key *key)
{
	(void)dp, (void)name, (void)origin, (void)key;
	abort();
}

int datapath_set_flush(struct datapath *dp, const char *name, enum set_origin origin)
{
	(void)dp, (void)name, (void)origin;
	abort();
}

static struct view view;

static struct lpm *new_table(uint8_t family)
{
	struct lpm_shape shape;

	return lpm_sizes(family, 1000, &shape) ? NULL : lpm_new(family, &shape, NULL, 1000);
}

static struct fib *make_fib(void)
{
	static struct nexthops nexthops;
	struct fib_memory memory = { .nexthops = &nexthops, .lpm4 = new_table(ADDR_V4),
				     .lpm6 = new_table(ADDR_V6) };
	struct kernel_path path = { .ifindex = 2, .weight = 1 };
	static const char *const prefixes[] = { "0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16",
						"2001:db8::/32", "::/0" };
	struct fib *fib = fib_new(&memory);

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct kernel_route route = { .type = 1, .table = KERNEL_TABLE_MAIN, .paths = 1,
					      .path = &path };

		if (!prefix_parse(prefixes[i], &route.prefix))
			fib_route_set(fib, &route);
	}
	fib_flush(fib);
	return fib;
}

static void make_world(void)
{
	static const char source[] =
		"port wan = \"eth0\"; port fa = \"eth1\"; route main; set s : ip.src size 8; set p : l4.dst size 8;"
		"filter wan { drop if ip.src in s; insert l4.dst into p if tcp; count \"c\"; }"
		"multicast { (*, 239.1.0.0/16) from wan to fa, host; (198.51.100.7, 233.54.12.1) from fa to wan; }";
	struct numbering numbering;
	struct policy *policy;
	struct image *image;
	struct diags diags;

	diags_init(&diags);
	policy = policy_parse_text("edge.sluice", source, strlen(source), &diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	if (diags.errors || compile_policy(policy, &numbering, NULL, &image, &diags))
		abort();
	numbering_free(&numbering);
	diags_free(&diags);
	view = (struct view){ .store = "socket", .generation = 1, .policy = policy, .image = image,
			      .fib = make_fib(), .notes = VEC(char *) };
}

static void ask(const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	struct view_answer *a;
	struct text out = { 0 };
	char *at;

	if (json_is_object(request)) {
		a = view_open(&view, request);
		while (view_next(a, &out) > 0)
			;
		if (!view_error(a))
			abort();
		view_close(a);
	}
	for (at = out.data; at && *at; at = strchr(at, '\n') + 1) {
		json_t *o = json_loadb(at, strchr(at, '\n') - at, 0, NULL);

		if (!json_is_object(o))
			abort();
		json_decref(o);
	}
	json_decref(request);
	text_free(&out);
}

int LLVMFuzzerTestOneInput(const char *bytes, size_t len)
{
	if (!view.policy)
		make_world();
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end ? (size_t)(end - bytes) : len;

		ask(bytes, n);
		n += end != NULL;
		bytes += n;
		len -= n;
	}
	return 0;
}
