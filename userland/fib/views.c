// SPDX-License-Identifier: GPL-2.0
#include "fib/views.h"

#include <linux/fib_rules.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LIST_MAX	16	/* tables that one packet's rules name */
#define GUARD_ANY	(VIEW_GUARDS - 1)	/* of all packets */
#define VIEW_LAST	(VIEWS_MAX - 1)		/* passes all up: where there is no room for another */

/* An interface that packets come in on. */
struct way_in {
	uint16_t port, vlan;
	const struct kernel_link *link;	/* its own */
	const struct kernel_link *vrf;	/* the VRF device it is in; NULL: none */
};

/* The tables that the rules name for a packet, in their order. */
struct list {
	uint32_t table[LIST_MAX];
	struct view_rule *by[LIST_MAX];	/* NULL: the policy's own word */
	unsigned int n;
	bool cut;		/* there are more */
	uint32_t guards;
};

/* ---- what is known ---------------------------------------------------------- */

void views_init(struct views *v, const struct fib_table *tables, unsigned int count)
{
	*v = (struct views){ .tables = count, .dirty = true };
	memcpy(v->table, tables, count * sizeof(*tables));
	for (unsigned int t = 0; t < count; t++) {
		uint16_t *port = xcalloc(tables[t].ports + 1, sizeof(*port));

		if (tables[t].ports)
			memcpy(port, tables[t].port, tables[t].ports * sizeof(*port));
		v->table[t].port = port;
	}
	v->rules = VEC(struct view_rule);
	v->links = TABLE(uint32_t, struct kernel_link);
	v->ports = TABLE(uint32_t, uint16_t);
}

void views_free(struct views *v)
{
	for (unsigned int t = 0; t < v->tables; t++)
		free((void *)v->table[t].port);
	vec_free(&v->rules);
	table_free(&v->links);
	table_free(&v->ports);
}

void views_link_set(struct views *v, const struct kernel_link *link)
{
	bool fresh;
	struct kernel_link *own = table_put(&v->links, &link->ifindex, &fresh);

	v->dirty |= fresh || own->master != link->master || own->lower != link->lower ||
		    own->vlan != link->vlan || own->vrf_table != link->vrf_table ||
		    strcmp(own->name, link->name);
	*own = *link;
}

void views_link_gone(struct views *v, uint32_t ifindex)
{
	v->dirty |= table_del(&v->links, &ifindex);
}

void views_port_set(struct views *v, uint32_t ifindex, uint16_t port)
{
	v->dirty = true;
	if (port)
		*(uint16_t *)table_put(&v->ports, &ifindex, NULL) = port;
	else
		table_del(&v->ports, &ifindex);
}

static struct view_rule *rule_at(const struct views *v, size_t i)
{
	return vec_at(&v->rules, i);
}

/* The rules of a fresh namespace: 0 to local, 32766 to main, 32767 (IPv4) to default. */
static bool is_default_rule(const struct kernel_rule *r)
{
	static const struct { uint32_t priority, table; } rule[] = {
		{ 0, KERNEL_TABLE_LOCAL }, { 32766, KERNEL_TABLE_MAIN }, { 32767, KERNEL_TABLE_DEFAULT },
	};

	for (int i = 0; kernel_rule_is_plain(r) && r->action == FR_ACT_TO_TBL && i < 3; i++)
		if (r->priority == rule[i].priority && r->table == rule[i].table)
			return true;
	return false;
}

/* Behind those of the same priority, as the kernel has it. */
void views_rule_set(struct views *v, const struct kernel_rule *rule)
{
	size_t i;

	vec_push(&v->rules);
	for (i = v->rules.len - 1; i && rule_at(v, i - 1)->rule.priority > rule->priority; i--)
		*rule_at(v, i) = *rule_at(v, i - 1);
	*rule_at(v, i) = (struct view_rule){ .rule = *rule };
	v->unmerged |= rule->family == ADDR_V4 && !is_default_rule(rule);
	v->dirty = true;
}

void views_rule_gone(struct views *v, const struct kernel_rule *rule)
{
	for (size_t i = 0; i < v->rules.len; i++) {
		if (memcmp(&rule_at(v, i)->rule, rule, sizeof(*rule)))
			continue;
		for (; i + 1 < v->rules.len; i++)
			*rule_at(v, i) = *rule_at(v, i + 1);
		vec_pop(&v->rules);
		v->unmerged |= rule->family == ADDR_V4;
		v->dirty = true;
		return;
	}
}

/* ---- the walk through the rules ------------------------------------------------ */

static void copy_prefix(const struct prefix *p, void *value, void *mask)
{
	struct prefix ones = { .addr.family = p->addr.family, .len = p->len };

	memset(ones.addr.bytes, 0xff, sizeof(ones.addr.bytes));
	ones = prefix_canonical(ones);
	memcpy(mask, ones.addr.bytes, 16);
	memcpy(value, p->addr.bytes, 16);
}

/* The bit of the guard for what @r may match. @back: for a packet that goes the other way. */
static uint32_t guard_bit(struct route_views *out, const struct kernel_rule *r, bool back)
{
	struct route_guard *guard = out->guard[r->family == ADDR_V6], g = { 0 };
	bool any = r->flags & KERNEL_RULE_INVERT || (!r->from.len && !r->to.len);

	if (any)
		return 1u << GUARD_ANY;
	copy_prefix(back ? &r->to : &r->from, g.source, g.source_mask);
	copy_prefix(back ? &r->from : &r->to, g.destination, g.destination_mask);
	for (unsigned int i = 0; i < GUARD_ANY; i++) {
		/* A free one is all zeroes, which no guard with a prefix is. */
		if (!guard[i].source_mask[0] && !guard[i].destination_mask[0])
			guard[i] = g;
		if (!memcmp(&guard[i], &g, sizeof(g)))
			return 1u << i;
	}
	return 1u << GUARD_ANY;
}

static void list_add(struct list *l, uint32_t table, struct view_rule *by)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (l->table[i] == table)
			return;		/* it had no answer before */
	if (l->n == LIST_MAX) {
		l->cut = true;
		return;
	}
	l->table[l->n] = table;
	l->by[l->n++] = by;
}

/* Puts @table behind local, where that comes first, else in front. Return: whether it was not there. */
static bool list_put_first(struct list *l, uint32_t table)
{
	unsigned int at = l->n && l->table[0] == KERNEL_TABLE_LOCAL;

	for (unsigned int i = 0; i < l->n; i++)
		if (l->table[i] == table)
			return false;
	if (l->n == LIST_MAX) {
		l->n--;
		l->cut = true;
	}
	memmove(&l->table[at + 1], &l->table[at], (l->n - at) * sizeof(*l->table));
	memmove(&l->by[at + 1], &l->by[at], (l->n - at) * sizeof(*l->by));
	l->table[at] = table;
	l->by[at] = NULL;
	l->n++;
	return true;
}

/*
 * What the rules say for packets of @in, or (@back) for the way back to their sources: the kernel asks
 * for that as if they came from its loopback, or from the VRF.
 */
static void walk_rules(struct views *v, const struct way_in *in, uint8_t family, bool back,
		       struct route_views *out, struct list *l)
{
	const char *iif = in->vrf ? in->vrf->name : back ? "lo" : in->link->name;
	bool told = false;

	*l = (struct list){ 0 };
	for (size_t i = 0; i < v->rules.len; i++) {
		struct view_rule *vr = rule_at(v, i);
		const struct kernel_rule *r = &vr->rule;
		bool inverted = r->flags & KERNEL_RULE_INVERT;

		if (r->family != family)
			continue;
		told = true;
		if (!inverted && (*r->oif || (*r->iif && strcmp(r->iif, iif))))
			continue;	/* nothing has an outgoing interface yet */
		if (r->flags & KERNEL_RULE_L3MDEV && !in->vrf && !inverted)
			continue;
		if (r->action == FR_ACT_NOP)
			continue;
		if (inverted || r->flags & KERNEL_RULE_SELECTS || r->from.len || r->to.len) {
			l->guards |= guard_bit(out, r, back);
			vr->guarded = true;
			continue;
		}
		if (r->action != FR_ACT_TO_TBL)
			break;		/* unreachable, blackhole, prohibit: as no route, the stack says so */
		list_add(l, r->flags & KERNEL_RULE_L3MDEV ? in->vrf->vrf_table : r->table, vr);
	}
	if (!told) {	/* nobody speaks of rules */
		list_add(l, KERNEL_TABLE_LOCAL, NULL);
		list_add(l, KERNEL_TABLE_MAIN, NULL);
		list_add(l, KERNEL_TABLE_DEFAULT, NULL);
	}
}

static bool lists_port(const struct fib_table *t, uint16_t port)
{
	for (unsigned int i = 0; i < t->ports; i++)
		if (t->port[i] == port)
			return true;
	return false;
}

static void make_list(struct views *v, const struct way_in *in, uint8_t family, bool back,
		      struct route_views *out, struct list *l)
{
	walk_rules(v, in, family, back, out, l);
	for (unsigned int i = v->tables; i-- > 1; )
		if (lists_port(&v->table[i], in->port) &&
		    list_put_first(l, v->table[i].number) && !back)
			memcpy(v->unruled[i], in->link->name, sizeof(v->unruled[i]));
}

/* ---- views ------------------------------------------------------------------------ */

/* Notes which tables come behind local; some packet's list is enough. */
static void note_local(struct views *v, const struct list *l, bool v6)
{
	bool local = false;

	for (unsigned int i = 0; i < l->n; i++) {
		local |= l->table[i] == KERNEL_TABLE_LOCAL;
		for (unsigned int t = 1; t < v->tables; t++)
			if (v->table[t].number == l->table[i])
				v->local_first[t][v6] |= local;
	}
}

static int table_number(const struct views *v, uint32_t kernel)
{
	for (unsigned int t = 0; t < v->tables; t++)
		if (v->table[t].number == kernel)
			return t;
	return -1;
}

/*
 * From the kernel's tables to ours. Ours have local in front of them, and main has default behind
 * it; where a list does not fit that, its rest is the kernel's.
 */
static void fill_row(struct views *v, const struct list *l, bool v6, uint8_t row[VIEW_TABLES])
{
	bool local = false, asked = false;
	unsigned int n = 0;

	memset(row, 0, VIEW_TABLES);
	for (unsigned int i = 0; i < l->n; i++) {
		int t = table_number(v, l->table[i]);

		if (l->table[i] == KERNEL_TABLE_LOCAL) {
			local = true;
			continue;
		}
		if (l->table[i] == KERNEL_TABLE_DEFAULT && i && l->table[i - 1] == KERNEL_TABLE_MAIN &&
		    table_number(v, KERNEL_TABLE_MAIN) >= 0)
			continue;
		if (n == VIEW_TABLES)
			break;
		/* Local in front of it or not, unless it was asked already, or must be now. */
		if (t >= 0 && (t ? v->local_first[t][v6] : true) != local && !(local && asked))
			t = -1;
		if (t < 0) {
			if (l->by[i] && table_number(v, l->table[i]) < 0)
				l->by[i]->unknown = true;
			row[n++] = VIEW_STACK;
			return;
		}
		asked |= local;
		v->reached[t] = true;
		row[n++] = t + 1;
	}
	if (l->cut || (local && !asked))
		row[n < VIEW_TABLES ? n : VIEW_TABLES - 1] = VIEW_STACK;
}

static bool says_nothing(const struct route_view *view)
{
	static const struct route_view plain = {
		.table = { { 1 }, { 1 } }, .back = { { 1 }, { 1 } },
	};

	return !memcmp(view, &plain, sizeof(plain));
}

static uint8_t intern_view(struct route_views *out, unsigned int *used, const struct route_view *view)
{
	for (unsigned int i = 0; i < *used; i++)
		if (!memcmp(&out->view[i], view, sizeof(*view)))
			return i;
	if (*used == VIEW_LAST)
		return VIEW_LAST;
	out->view[*used] = *view;
	return (*used)++;
}

static void set_slot(struct route_views *out, uint16_t port, uint16_t vlan, uint8_t view)
{
	uint32_t key = VIEW_KEY(port, vlan), *slot = &out->slot[key * PORT_HASH >> VIEW_HASH_SHIFT];

	for (unsigned int i = 0; i < VIEW_PROBES; i++) {
		if (slot[i])
			continue;
		slot[i] = VIEW_SLOT(key, view);
		return;
	}
	out->tagged[port] = VIEW_LAST;
}

/* Calls @fn with each interface that a packet can come in on. */
static void for_each_way(struct views *v, void (*fn)(void *ctx, const struct way_in *in), void *ctx)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&v->links, &pos, &key, &value); ) {
		const struct kernel_link *link = value, *master;
		const uint16_t *port = table_get(&v->ports, &link->ifindex);
		struct way_in in = { .link = link };

		if (!port && link->vlan && link->lower) {
			port = table_get(&v->ports, &link->lower);
			in.vlan = link->vlan;
		}
		if (!port)
			continue;
		in.port = *port;
		master = link->master ? table_get(&v->links, &link->master) : NULL;
		if (master && master->vrf_table)
			in.vrf = master;
		fn(ctx, &in);
	}
}

struct making {
	struct views *v;
	struct route_views *out;
	unsigned int used;
	bool something;
};

static void note_way(void *ctx, const struct way_in *in)
{
	struct making *m = ctx;
	struct list l;

	for (int v6 = 0; v6 < 2; v6++) {
		for (int back = 0; back < 2; back++) {
			make_list(m->v, in, v6 ? ADDR_V6 : ADDR_V4, back, m->out, &l);
			note_local(m->v, &l, v6);
		}
	}
}

static void make_way(void *ctx, const struct way_in *in)
{
	struct making *m = ctx;
	struct route_view view = { 0 };
	uint8_t number;
	struct list l;

	for (int v6 = 0; v6 < 2; v6++) {
		make_list(m->v, in, v6 ? ADDR_V6 : ADDR_V4, false, m->out, &l);
		fill_row(m->v, &l, v6, view.table[v6]);
		view.guards[v6] = l.guards;
		make_list(m->v, in, v6 ? ADDR_V6 : ADDR_V4, true, m->out, &l);
		fill_row(m->v, &l, v6, view.back[v6]);
		view.back_guards[v6] = l.guards;
	}
	m->something |= !says_nothing(&view);
	number = intern_view(m->out, &m->used, &view);
	if (!in->vlan)
		m->out->untagged[in->port] = number;
	else
		set_slot(m->out, in->port, in->vlan, number);
}

bool views_make(struct views *v, struct route_views *out)
{
	struct making m = { .v = v, .out = out };
	struct route_view stack = { 0 };

	memset(out, 0, sizeof(*out));
	memset(v->local_first, 0, sizeof(v->local_first));
	memset(v->reached, 0, sizeof(v->reached));
	memset(v->unruled, 0, sizeof(v->unruled));
	for (size_t i = 0; i < v->rules.len; i++)
		rule_at(v, i)->guarded = rule_at(v, i)->unknown = false;
	for (int v6 = 0; v6 < 2; v6++)
		stack.table[v6][0] = stack.back[v6][0] = VIEW_STACK;
	out->view[VIEW_LAST] = stack;
	/* 0 is for all that is not named: main, as far as the policy has it. */
	out->view[m.used++] = table_number(v, KERNEL_TABLE_MAIN) < 0 ? stack : (struct route_view){
		.table = { { 1 }, { 1 } }, .back = { { 1 }, { 1 } } };
	for_each_way(v, note_way, &m);
	for_each_way(v, make_way, &m);
	v->dirty = false;
	return m.something || table_number(v, KERNEL_TABLE_MAIN) < 0;
}

const struct route_view *views_of(const struct route_views *views, uint16_t port, uint16_t vlan)
{
	uint32_t key = VIEW_KEY(port, vlan);
	const uint32_t *slot = &views->slot[key * PORT_HASH >> VIEW_HASH_SHIFT];

	if (!vlan)
		return &views->view[views->untagged[port]];
	for (unsigned int i = 0; i < VIEW_PROBES; i++)
		if (slot[i] >> 8 == key)
			return &views->view[slot[i] & 0xff];
	return &views->view[views->tagged[port]];
}

/* ---- what is to be said --------------------------------------------------------- */

size_t views_unfollowed(const struct views *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->rules.len; i++)
		n += rule_at(v, i)->guarded || rule_at(v, i)->unknown;
	return n;
}

static void print_prefix(const char *word, const struct prefix *p, struct text *out)
{
	char buf[PREFIX_STRLEN];

	if (p->len)
		text_printf(out, " %s %s", word, prefix_format_short(p, buf));
}

/* As "ip rule" has it, as far as we know it. */
static void print_rule(const struct kernel_rule *r, struct text *out)
{
	static const struct { uint8_t flag; const char *word; } kinds[] = {
		{ KERNEL_RULE_TOS, "tos" }, { KERNEL_RULE_PORTS, "ports or protocol" },
		{ KERNEL_RULE_SUPPRESS, "suppress" }, { KERNEL_RULE_OTHER, "other selectors" },
	};

	text_printf(out, "ip%s rule %u (%sfrom", r->family == ADDR_V6 ? " -6" : "", r->priority,
		    r->flags & KERNEL_RULE_INVERT ? "not " : "");
	if (r->from.len) {
		char buf[PREFIX_STRLEN];

		text_printf(out, " %s", prefix_format_short(&r->from, buf));
	} else {
		text_printf(out, " all");
	}
	print_prefix("to", &r->to, out);
	if (*r->iif)
		text_printf(out, " iif %.16s", r->iif);
	if (*r->oif)
		text_printf(out, " oif %.16s", r->oif);
	if (r->flags & KERNEL_RULE_MARK)
		text_printf(out, " fwmark 0x%x/0x%x", r->mark, r->mark_mask);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (r->flags & kinds[i].flag)
			text_printf(out, ", %s", kinds[i].word);
	if (r->flags & KERNEL_RULE_L3MDEV)
		text_printf(out, " lookup [l3mdev-table]");
	else if (r->action == FR_ACT_TO_TBL)
		text_printf(out, " lookup %u", r->table);
	text_printf(out, ")");
}

static const struct kernel_link *link_named(const struct views *v, const char *name)
{
	const void *key;
	void *value;

	for (size_t pos = 0; table_next(&v->links, &pos, &key, &value); )
		if (!strcmp(((const struct kernel_link *)value)->name, name))
			return value;
	return NULL;
}

static void note_tables(const struct views *v, struct text *out)
{
	for (unsigned int t = 1; t < v->tables; t++) {
		const struct fib_table *table = &v->table[t];
		const struct kernel_link *vrf = *table->vrf ? link_named(v, table->vrf) : NULL;

		if (*table->vrf && (!vrf || !vrf->vrf_table))
			text_printf(out, "there is no VRF device %s: table %u is followed all the same\n",
				    table->vrf, table->number);
		else if (vrf && vrf->vrf_table != table->number)
			text_printf(out, "the VRF device %s has table %u, the policy says %u\n", table->vrf,
				    vrf->vrf_table, table->number);
		else if (!v->reached[t])
			text_printf(out, "no packet of a port is looked up in table %u: no ip rule that is "
				    "followed leads there\n", table->number);
		if (*v->unruled[t])
			text_printf(out, "no ip rule leads packets of %.16s to table %u: what is passed up is "
				    "routed otherwise; add: ip rule add iif %.16s lookup %u (and ip -6)\n",
				    v->unruled[t], table->number, v->unruled[t], table->number);
	}
}

void views_notes(const struct views *v, struct text *out)
{
	for (size_t i = 0; i < v->rules.len; i++) {
		const struct view_rule *r = rule_at(v, i);

		if (!r->guarded && !r->unknown)
			continue;
		print_rule(&r->rule, out);
		if (r->guarded)
			text_printf(out, " is not followed: packets that it may match are left to the kernel\n");
		else
			text_printf(out, " leads to a table that the policy does not route by: its packets are "
				    "left to the kernel\n");
	}
	note_tables(v, out);
}
