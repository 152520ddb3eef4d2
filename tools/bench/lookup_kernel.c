// SPDX-License-Identifier: GPL-2.0
/*
 * lookup_kernel.c: the kernel's own table, for bpf_fib_lookup: in a network namespace
 * of this process's own, whose "bench0" has a neighbour for each next hop. A test run
 * looks up as if packets came in on its "lo".
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/lookup.h"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int kernel_table_open(void)
{
	FILE *ip;

	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "sluice-bench: no network namespace of our own: %s (run as root)\n",
			strerror(errno));
		return -errno;
	}
	ip = popen("ip -batch -", "w");
	if (!ip)
		return -errno;
	fputs("link set lo up\n"
	      "link add bench0 type veth peer name bench1\n"
	      "link set bench0 up\n"
	      "link set bench1 up\n"
	      "address add 169.254.255.254/16 dev bench0\n", ip);
	for (unsigned int i = 1; i <= NEXTHOPS; i++) {
		fprintf(ip, "neigh replace 169.254.%u.%u lladdr 02:00:00:00:00:%02x dev bench0\n",
			i >> 8, i & 255, i & 255);
		fprintf(ip, "neigh replace fe80::%x lladdr 02:00:00:00:00:%02x dev bench0\n", i,
			i & 255);
	}
	if (pclose(ip)) {
		fprintf(stderr, "sluice-bench: ip could not lay the benchmark's links\n");
		return -EIO;
	}
	write_file("/proc/sys/net/ipv6/route/max_size", "4000000");
	if (write_file("/proc/sys/net/ipv4/ip_forward", "1") ||
	    write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1")) {
		fprintf(stderr, "sluice-bench: forwarding cannot be switched on\n");
		return -EIO;
	}
	return 0;
}

int kernel_table_fill(const struct bench_table *t, double *seconds)
{
	double begin = bench_now();
	char text[PREFIX_STRLEN];
	FILE *ip = popen("ip -force -batch - 2>/dev/null", "w");

	if (!ip)
		return -errno;
	for (size_t i = 0; i < t->n; i++) {
		const struct lpm_route *r = &t->routes[i];

		prefix_format(&r->prefix, text);
		if (t->family == ADDR_V4)
			fprintf(ip, "route replace %s via 169.254.%u.%u dev bench0 onlink\n", text,
				r->result >> 8, r->result & 255);
		else
			fprintf(ip, "route replace %s via fe80::%x dev bench0\n", text, r->result);
	}
	/* Routes it would not have show as results that differ. */
	pclose(ip);
	*seconds = bench_now() - begin;
	return 0;
}
