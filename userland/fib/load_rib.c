// SPDX-License-Identifier: GPL-2.0
/*
 * fib_rib.c: a route table out of a file, for replay and questions without a kernel's.
 *
 * The file names next hops by number; they become neighbours on the given ports, so that
 * the join does with them what it does with the kernel's.
 */
#include <endian.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "fib/fib.h"
#include "lpm/rib.h"

static struct addr rib_via(uint32_t nexthop)
{
	struct addr a = { .family = ADDR_V6, .bytes = { 0xfe, 0x80 } };
	uint32_t be = htobe32(nexthop);

	memcpy(a.bytes + 12, &be, 4);
	return a;
}

uint32_t fib_rib_nexthop(const struct fib_nexthop *nexthop)
{
	uint32_t be;

	memcpy(&be, nexthop->via.bytes + 12, 4);
	return be32toh(be);
}

static void add_port(struct fib *fib, const struct fib_rib_port *port)
{
	struct kernel_link link = {
		.ifindex = port->port, .mtu = port->mtu, .mac_len = 6, .up = true, .carrier = true,
	};

	snprintf(link.name, sizeof(link.name), "port%u", port->port);
	memcpy(link.mac, port->mac, 6);
	fib_link_set(fib, &link);
	fib_port_set(fib, link.ifindex, port->port);
}

void fib_load_rib(struct fib *fib, const struct rib_route *routes, size_t n,
		  const struct fib_rib_port *ports, size_t port_count)
{
	for (size_t i = 0; i < port_count; i++)
		add_port(fib, &ports[i]);
	for (size_t i = 0; port_count && i < n; i++) {
		uint32_t ifindex = ports[routes[i].nexthop % port_count].port;
		uint32_t be = htobe32(routes[i].nexthop);
		struct kernel_neighbour neighbour = {
			.ifindex = ifindex, .addr = rib_via(routes[i].nexthop),
			.state = NUD_PERMANENT, .mac_len = 6, .mac = { 0x02 },
		};
		struct kernel_path path = { .ifindex = ifindex, .weight = 1, .via = neighbour.addr };
		struct kernel_route route = {
			.prefix = routes[i].prefix, .table = KERNEL_TABLE_MAIN,
			.type = RTN_UNICAST, .protocol = RTPROT_STATIC, .paths = 1, .path = &path,
		};

		memcpy(neighbour.mac + 2, &be, 4);
		fib_neighbour_set(fib, &neighbour);
		fib_route_set(fib, &route);
	}
}
