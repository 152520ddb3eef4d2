// SPDX-License-Identifier: GPL-2.0
#include "fib/route_tables.h"

#include <string.h>

#include "fib/fib.h"
#include "image/image.h"
#include "lpm/lpm.h"

static const struct image_table *table_at(const struct image_routing *routing, size_t i)
{
	return vec_at(&routing->tables, i);
}

static size_t limit_of(uint32_t limit4, uint32_t limit6, uint8_t family)
{
	return family == ADDR_V4 ? limit4 : limit6;
}

static size_t bogons_of(const struct image_routing *routing, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < routing->bogons.len; i++)
		n += ((struct image_bogon *)vec_at(&routing->bogons, i))->prefix.addr.family == family;
	return n;
}

int route_tables_size(const struct image_routing *routing, uint8_t family, struct lpm_shape *shape)
{
	size_t n = limit_of(routing->limit4, routing->limit6, family) + bogons_of(routing, family);

	for (size_t i = 0; i < routing->tables.len; i++)
		n += limit_of(table_at(routing, i)->limit4, table_at(routing, i)->limit6, family);
	return lpm_sizes_many(family, n ? n : 1, 1 + routing->tables.len + (routing->bogons.len != 0),
			      shape);
}

static int make_bogons(const struct image_routing *routing, uint8_t family, uint32_t number,
		       route_tables tables)
{
	struct vec list = VEC(struct lpm_route);
	size_t n = bogons_of(routing, family);
	struct lpm **t = &tables[number][family == ADDR_V6];
	int err = 0;

	if (!n)
		return 0;
	for (size_t i = 0; i < routing->bogons.len; i++) {
		const struct image_bogon *b = vec_at(&routing->bogons, i);

		if (b->prefix.addr.family == family)
			vec_append(&list, &(struct lpm_route){ b->prefix, b->result });
	}
	err = lpm_new_beside(tables[0][family == ADDR_V6], number, n, t);
	if (!err)
		err = lpm_build(*t, list.data, list.len);
	vec_free(&list);
	return err;
}

int route_tables_make(const struct image_routing *routing, uint8_t family,
		      const struct lpm_shape *shape, void *area, route_tables tables)
{
	int v6 = family == ADDR_V6, err = 0;
	size_t i;

	tables[0][v6] = lpm_new(family, shape, area, limit_of(routing->limit4, routing->limit6, family));
	for (i = 0; !err && i < routing->tables.len; i++)
		err = lpm_new_beside(tables[0][v6], 1 + i,
				     limit_of(table_at(routing, i)->limit4, table_at(routing, i)->limit6,
					      family), &tables[1 + i][v6]);
	return err ? err : make_bogons(routing, family, 1 + i, tables);
}

void route_tables_describe(const struct image_routing *routing, route_tables tables,
			   struct fib_table *other, uint16_t *port)
{
	for (size_t i = 0; i < routing->tables.len; i++) {
		const struct image_table *t = table_at(routing, i);

		other[i] = (struct fib_table){
			.number = t->number, .lpm = { tables[1 + i][0], tables[1 + i][1] }, .port = port,
		};
		memcpy(other[i].vrf, t->vrf, sizeof(other[i].vrf));
		for (size_t k = 0; k < routing->table_ports.len; k++) {
			const struct image_table_port *p = vec_at(&routing->table_ports, k);

			if (p->table != i)
				continue;
			*port++ = p->port;
			other[i].ports++;
		}
	}
}
