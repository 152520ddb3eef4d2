// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fib/fib.h"
#include "fib/route_tables.h"
#include "datapath/datapath.h"
#include "engine.h"
#include "flow/flow.h"
#include "lpm/lpm.h"
#include "lpm/rib.h"
#include "timeless.h"

#define ETHERNET_MIN 14

struct state {
	const struct scene *scene;
	struct datapath *dp;
	struct tables *tables;
	route_tables lpm;
	struct fib *fib;
	struct flow_map *flow_map;	/* NULL: the policy measures nothing */
	struct flow *flow;
	struct generation *gen;
	struct test_result result;
};

static int publish_port(struct state *s, const struct image_port *port, const uint8_t mac[6],
			struct text *why)
{
	struct port facts = { .ifindex = port->number, .flags = PORT_UP, .mtu = SCENE_MTU };

	memcpy(facts.mac, mac, 6);
	memcpy(facts.interface, port->interface, sizeof(facts.interface));
	return datapath_port_set(s->dp, port->number, &facts, why);
}

static int publish_ports(struct state *s, struct text *why)
{
	const struct vec *ports = &s->scene->image->ports;
	int err = 0;

	for (size_t i = 0; !err && i < ports->len; i++) {
		const struct image_port *p = vec_at(ports, i);
		uint8_t mac[6];

		scene_mac(p->number, mac);
		err = publish_port(s, p, mac, why);
	}
	return err;
}

/* A port's link has the port's number for its ifindex: fib_load_rib() makes them. */
static void load_statics(struct state *s)
{
	const struct vec *statics = &s->scene->image->statics;

	for (size_t i = 0; i < statics->len; i++) {
		const struct image_static *fixed = vec_at(statics, i);

		for (unsigned int j = 0; j < fixed->hops; j++) {
			struct kernel_neighbour neighbour = {
				.ifindex = fixed->hop[j].port, .addr = fixed->hop[j].via,
				.state = NUD_PERMANENT, .mac_len = 6,
			};

			if (!neighbour.addr.family)
				continue;
			scene_neighbour_mac(&neighbour.addr, neighbour.mac);
			fib_neighbour_set(s->fib, &neighbour);
		}
		fib_static_set(s->fib, fixed);
	}
}

static int load_routes(struct state *s, struct text *why)
{
	const struct image *image = s->scene->image;
	const struct vec *routes = &s->scene->routes;
	const struct image_routing *routing = &image->routing;
	struct fib_table other[ROUTE_TABLES_MAX];
	uint16_t table_port[PORTS_MAX];
	struct fib_rib_port *ports;
	struct fib_memory memory = {
		.other = other, .others = routing->tables.len, .sources = routing->sources,
		.without_main = !routing->limit4,
	};
	struct lpm_shape shape[2];
	int err = 0;

	for (int i = 0; !err && i < 2; i++)
		err = route_tables_size(routing, i ? ADDR_V6 : ADDR_V4, &shape[i]);
	if (err) {
		text_printf(why, "route tables cannot be that large: %s", strerror(-err));
		return err;
	}
	err = tables_new(s->dp, &shape[0], &shape[1], &s->tables, why);
	if (err)
		return err;
	for (int i = 0; !err && i < 2; i++) {
		uint8_t family = i ? ADDR_V6 : ADDR_V4;

		err = route_tables_make(routing, family, &shape[i], tables_lpm(s->tables, family), s->lpm);
	}
	if (err) {
		text_printf(why, "the bogons do not fit into a table: %s", strerror(-err));
		return err;
	}
	route_tables_describe(routing, s->lpm, other, table_port);
	memory.nexthops = tables_nexthops(s->tables);
	memory.lpm4 = s->lpm[0][0];
	memory.lpm6 = s->lpm[0][1];
	s->fib = fib_new(&memory);
	ports = xcalloc(image->ports.len, sizeof(*ports));
	for (size_t i = 0; i < image->ports.len; i++) {
		ports[i].port = ((struct image_port *)vec_at(&image->ports, i))->number;
		ports[i].mtu = SCENE_MTU;
		scene_mac(ports[i].port, ports[i].mac);
	}
	fib_load_rib(s->fib, routes->data, routes->len, ports, image->ports.len);
	load_statics(s);
	fib_flush(s->fib);
	free(ports);
	return 0;
}

static int open_flows(struct state *s, struct text *why)
{
	const struct image_measure *m = &s->scene->image->measure;
	const struct flow_config config = {
		.fields = m->key, .slots = m->slots, .threshold_ppm = m->threshold_ppm,
		.threshold_Bps = m->threshold_Bps, .oversampling = m->oversampling,
	};
	unsigned int cpus;
	size_t size;
	void *memory;
	int err;

	if (!m->name[0])
		return 0;
	err = flow_map_new(s->dp, m->slots, &s->flow_map, why);
	if (err)
		return err;
	memory = flow_map_memory(s->flow_map, &size, &cpus);
	err = flow_new(memory, size, cpus, &config, 0, &s->flow);
	if (err)
		text_printf(why, "the flow memory cannot be used: %s", strerror(-err));
	else
		datapath_measure(s->dp, s->flow_map);
	return err;
}

/* ---- one frame ------------------------------------------------------------------ */

/* The group of this number, NULL if there is none. */
static const struct group *find_group(const struct image *image, uint32_t number)
{
	for (size_t i = 0; i < image->groups.len; i++) {
		const struct image_group *g = vec_at(&image->groups, i);

		if (g->key.port != PORT_ANY && g->value.number == number)
			return &g->value;
	}
	for (size_t i = 0; i < image->group_prefixes.len; i++) {
		const struct image_group_prefix *g = vec_at(&image->group_prefixes, i);

		if (g->value.number == number)
			return &g->value;
	}
	return NULL;
}

/* What its counter is called, without the word "group". */
static void name_group(const struct image *image, const struct group *group, char *name)
{
	const char *counter = image_counter_name(image, group->counter);

	snprintf(name, COUNTER_NAME_MAX, "%s", counter ? counter + strlen("group ") : "");
}

static bool names_group(enum sluice_reason reason)
{
	return reason == REASON_replicated || reason == REASON_host_only ||
	       reason == REASON_group_ttl || reason == REASON_no_copy;
}

/* Each leg's copy, by the egress program, of the frame as it came in. */
static int copy_out(struct state *s, struct treatment *t, uint32_t number,
		    const struct group *group, const uint8_t *frame, uint32_t length)
{
	const struct vec *legs = &s->scene->image->legs;

	if (group->flags & GROUP_HOST)
		treatment_output(t, 0, frame, length);
	for (size_t i = 0; i < legs->len; i++) {
		const struct image_leg *l = vec_at(legs, i);
		int err;

		if (l->group != number)
			continue;
		err = generation_test_leg(s->gen, number, l->leg.port, frame, length, &s->result);
		if (err)
			return err;
		if (s->result.action == XDP_PASS)
			treatment_output(t, l->leg.port, s->result.frame, s->result.length);
	}
	return 0;
}

static bool meets_rate(const struct image *image, const struct trace *trace)
{
	for (uint32_t i = 0; i < trace->side; i++)
		if (image_polices(image, trace->side_rule[i]))
			return true;
	return trace->rule && image_polices(image, trace->rule - 1);
}

static int describe(struct state *s, struct treatment *t, const uint8_t *frame, uint32_t length)
{
	struct trace trace = s->result.trace;

	t->policed = meets_rate(s->scene->image, &trace);
	if (t->reason == REASON_forwarded)
		treatment_output(t, trace.out_port, s->result.frame, s->result.length);
	if (names_group(t->reason)) {
		const struct group *group = find_group(s->scene->image, trace.group);

		if (!group)
			return -ENOENT;
		name_group(s->scene->image, group, t->group);
		if (t->reason == REASON_replicated)
			return copy_out(s, t, trace.group, group, frame, length);
	}
	if (s->result.action == XDP_PASS)
		treatment_output(t, 0, frame, length);
	return 0;
}

static int run(void *state, uint16_t port, const uint8_t mac[6], const uint8_t *frame,
	       uint32_t length, struct vec *out, struct text *why)
{
	struct state *s = state;
	int err;

	/* The kernel takes no such frame, and no driver hands one up. */
	if (length < ETHERNET_MIN) {
		treatment_push(out, REASON_eth_short);
		return 0;
	}
	err = publish_port(s, image_port(s->scene->image, port), mac, why);
	if (!err)
		err = generation_test(s->gen, port, frame, length, &s->result);
	if (!err)
		err = describe(s, treatment_push(out, s->result.trace.reason), frame, length);
	if (err)
		text_printf(why, "the kernel did not run the program on a frame of %u bytes: %s",
			    length, strerror(-err));
	return err;
}

static void describe_flow(const struct flow_record *r, unsigned int fields, struct flow_count *f)
{
	struct addr src = addr_from_bytes(r->key.family == 6 ? ADDR_V6 : ADDR_V4, r->key.source);
	struct addr dst = addr_from_bytes(src.family, r->key.destination);
	char s[ADDR_STRLEN] = "-", d[ADDR_STRLEN] = "-";

	if (fields & FLOW_IP_SRC)
		addr_format(&src, s);
	if (fields & FLOW_IP_DST)
		addr_format(&dst, d);
	snprintf(f->key, sizeof(f->key), "%s %s %u %u %u", s, d, r->key.protocol,
		 ntohs(r->key.sport), ntohs(r->key.dport));
	f->packets = r->packets;
	f->bytes = r->bytes;
	f->exact = r->exact;
}

/* The capture was one interval. Test runs are over when they return: nothing to wait for. */
static void flows(void *state, struct vec *out)
{
	struct state *s = state;
	struct flow_report *report;

	if (!s->flow || flow_swap(s->flow, 1) || flow_read(s->flow, &report))
		return;
	for (size_t i = 0; i < report->flows.len; i++)
		describe_flow(vec_at(&report->flows, i), s->scene->image->measure.key, vec_push(out));
	flow_report_free(report);
}

static void close_state(void *state)
{
	struct state *s = state;

	fib_free(s->fib);
	for (int t = 0; t < ROUTE_TABLES_MAX; t++)
		for (int i = 0; i < 2; i++)
			lpm_leave(s->lpm[t][i]);
	generation_free(s->gen);
	flow_free(s->flow);
	flow_map_free(s->flow_map);
	tables_free(s->tables);
	datapath_close(s->dp);
	free(s);
}

int engine_bpf_open(const struct scene *scene, struct engine *engine, struct text *why)
{
	struct state *s = xcalloc(1, sizeof(*s));
	int err;

	s->scene = scene;
	err = datapath_open(NULL, &s->dp, why);
	if (!err)
		err = load_routes(s, why);
	if (!err)
		err = open_flows(s, why);
	if (!err)
		err = datapath_stage(s->dp, scene->image, s->tables, 0, &s->gen, why);
	if (!err)
		err = publish_ports(s, why);
	if (err) {
		close_state(s);
		return err;
	}
	*engine = (struct engine){
		.name = "bpf", .state = s, .run = run, .flows = flows, .close = close_state,
	};
	return 0;
}
