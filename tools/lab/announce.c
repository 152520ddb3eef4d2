// SPDX-License-Identifier: GPL-2.0
/*
 * announce.c: a routing table, as BIRD's static routes.
 *
 * BIRD gets one static protocol a next hop and family, NAME4_0, NAME4_1 ... NAME6_0 ...; the next
 * hop that the file names, be it a number, an origin AS or an address, chooses among those of its family. The
 * routes are blackholes: BIRD announces them and must not resolve them; bgp_next_hop, set on
 * the way in, is what its BGP protocol announces ("next hop keep"). A protocol can be switched
 * off and on with birdc, which withdraws and announces all its routes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"
#include "lpm/rib.h"

static void print_protocol(FILE *out, const struct lab_service *s, const struct vec *routes,
			   uint8_t family, unsigned int which, unsigned int hops,
			   const struct addr *hop)
{
	char buf[PREFIX_STRLEN];
	unsigned long taken = 0;

	fprintf(out, "protocol static %s%u_%u {\n\tipv%u {\n\t\timport filter { bgp_next_hop = %s; "
		"accept; };\n", s->name, family, which, family, addr_format(hop, buf));
	if (s->preference)
		fprintf(out, "\t\tpreference %u;\n", s->preference);
	fprintf(out, "\t};\n");
	for (size_t i = 0; i < routes->len; i++) {
		const struct rib_route *r = vec_at(routes, i);

		if (r->prefix.addr.family != family || (s->count && taken >= s->count))
			continue;
		taken++;
		if (r->nexthop % hops == which)
			fprintf(out, "\troute %s blackhole;\n", prefix_format(&r->prefix, buf));
	}
	fprintf(out, "}\n");
}

int lab_announce(const struct lab_service *s, const char *dir)
{
	struct vec routes = VEC(struct rib_route);
	struct text error = { 0 };
	struct rib_file file;
	char path[PATH_MAX];
	FILE *out;
	int err;

	rib_file_init(&file);
	err = rib_read_file(s->text.path, &routes, &file, &error);
	if (err)
		lab_error("announce %s: %s", s->name, text_string(&error));
	else if (file.malformed)
		lab_error("announce %s: %zu records make no sense:\n%s", s->name, file.malformed,
			  text_string(&file.notes));
	text_free(&error);
	rib_file_free(&file);
	if (err)
		return -1;
	snprintf(path, sizeof(path), "%s/%s.conf", dir, s->name);
	out = fopen(path, "we");
	if (!out) {
		lab_error("%s: %s", path, strerror(errno));
		vec_free(&routes);
		return -1;
	}
	for (int family = ADDR_V4; family <= ADDR_V6; family += ADDR_V6 - ADDR_V4) {
		unsigned int hops = 0, which = 0;

		for (size_t i = 0; i < s->via.len; i++)
			hops += ((struct addr *)vec_at(&s->via, i))->family == family;
		for (size_t i = 0; i < s->via.len; i++) {
			const struct addr *hop = vec_at(&s->via, i);

			if (hop->family == family)
				print_protocol(out, s, &routes, family, which++, hops, hop);
		}
	}
	vec_free(&routes);
	err = ferror(out) | fclose(out);
	if (err)
		lab_error("%s: %s", path, strerror(errno));
	return err ? -1 : 0;
}
