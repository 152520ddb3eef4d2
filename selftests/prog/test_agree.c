// SPDX-License-Identifier: GPL-2.0
/*
 * The programs in the kernel and the plain meaning say the same of every frame.
 *
 * Frames are made: of both families, with tags, options, extension headers and
 * fragments, to groups and to routed addresses, right and nearly right (a byte
 * changed, an end cut off, a length one off), from a printed seed. They go through
 * "sluice replay --engine both", which compares verdict, reason, group and each byte that
 * goes out. Set SEED to repeat a run, FRAMES for a longer one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "selftests/prog/made_frames.h"

/* ---- the run ------------------------------------------------------------------- */

static const char policy[] =
	"port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\"; port app = \"eth3\";\n"
	"route main;\n"
	"multicast {\n"
	"    (198.51.100.7, 233.54.12.1) from wan to app, host;\n"
	"    (*, 233.54.12.1) from wan to fa;\n"
	"    (*, 239.1.0.0/16) from wan to fa, fb vlan 12 ttl 3;\n"
	"    (*, 239.9.9.9) from fa to fb;\n"
	"    (*, 239.1.2.4) from wan to host;\n"
	"    (*, ff15::/16) from wan to fb, app ttl 9;\n"
	"    (2001:db8::1, ff3e::8000:1) from wan to fa, fb, app;\n"
	"}\n"
	"measure all by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { slots 64; }\n";

static const char routes[] =
	"10.0.0.0/8 1\n10.1.0.0/16 2\n10.1.2.0/24 3\n10.1.2.3/32 4\n192.0.2.0/25 5\n"
	"2001:db8::/32 6\n2001:db8:1::/48 7\n2001:db8:1::5/128 1\n";

/* Static routes beside, above and below those of the file; legs for groups of both kinds. */
static const char objects[] =
	"port add aux eth4\n"
	"route add 10.1.2.0/24 via 192.0.2.9 port fa\n"
	"route add 10.1.2.4/31 discard\n"
	"route add 10.0.0.1 via 10.1.2.3 port fb\n"
	"route add 192.0.2.0/24 port fa\n"
	"route add 198.51.100.0/24 port app\n"
	"route add 2001:db8::/32 via 2001:db8::1 port aux\n"
	"route add 2001:db8:1::/64 discard\n"
	"route add 2001:db8:ffff::9 via fe80::1 port fb\n"
	"group add 239.1.0.0/16 from wan to aux ttl 200\n"
	"group add 239.9.9.9 from wan to fb vlan 7\n"
	"group add 239.9.9.9 from wan to host\n"
	"group add 233.54.12.1 source 198.51.100.7 from wan to fa ttl 1\n"
	"group add ff15::/16 from wan to host\n";

/* Each port checks sources in another way; made frames come from where routes lead, and from elsewhere. */
static const char checks[] =
	"port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\"; port app = \"eth3\";\n"
	"let ours = { 10.1.2.0/24, 2001:db8:1::/48 };\n"
	"let nobody = { 10.1.2.3, 233.54.12.1 };\n"
	"route main {\n"
	"    rpf strict on fa; rpf loose on wan, fb; anti-spoof on app;\n"
	"    bogons and nobody except ours on wan, fb;\n"
	"}\n"
	"multicast { (*, 239.1.0.0/16) from fa to fb; }\n";

static const char checked_routes[] =
	"0.0.0.0/0 3\n10.0.0.0/8 1\n10.1.2.0/24 3\n10.1.2.3/32 4\n198.51.100.0/24 2\n"
	"::/0 1\n2001:db8::/32 2\n2001:db8:1::/48 3\n";

/* Static routes with several ways. */
static const char ways[] =
	"port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\"; port app = \"eth3\";\n"
	"route main;\n"
	"route 10.1.2.3/32 via 192.0.2.9 on wan else app;\n"
	"route 10.0.0.1/32 via 192.0.2.9 on wan else 192.0.2.8 on fb;\n"
	"route 2001:db8:1::4/126 via fe80::7 on fa else fe80::8 on wan;\n";

/* To wan's own address, as the engines have it: what leads back out of wan bears that, too. */
static bool to_wan;

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void write_frames(const char *path, unsigned long n)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *to = pcap_dump_open(pcap, path);
	struct frame f;

	assert_non_null(to);
	for (unsigned long i = 0; i < n; i++) {
		struct pcap_pkthdr h = { 0 };

		make_frame(&f);
		if (to_wan && f.len >= 6 && f.bytes[0] == 2)
			f.bytes[5] = 1;
		h.caplen = h.len = f.len;
		pcap_dump((unsigned char *)to, &h, f.bytes);
	}
	pcap_dump_close(to);
	pcap_close(pcap);
}

static void replay_made(const char *dir_of, const char *policy, const char *routes, const char *port,
			const char *made, const char *more)
{
	const char *frames = getenv("FRAMES");
	char dir[64], command[512];
	int status;

	snprintf(dir, sizeof(dir), "/tmp/%s.XXXXXX", dir_of);
	choose_seed();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	write_file("made.sluice", policy);
	write_file("made.routes", routes);
	write_file("made.objects", objects);
	write_frames("made.pcap", strtoul(frames ? frames : made, NULL, 0));
	snprintf(command, sizeof(command), "%s replay --policy made.sluice --routes made.routes %s "
		 "--port %s --pcap made.pcap --engine both", getenv("SLUICE"), more, port);
	status = system(command);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(system("rm -r \"$PWD\""), 0);
}

static void test_made_frames(void **unused)
{
	(void)unused;
	replay_made("sluice-agree", policy, routes, "wan", "30000", "");
}

/* The same with typed objects of the store beside the policy. */
static void test_objects(void **unused)
{
	(void)unused;
	replay_made("sluice-agree-objects", policy, routes, "wan", "30000", "--objects made.objects");
}

static void test_sources(void **unused)
{
	static const char *const port[] = { "wan", "fa", "fb", "app" };

	(void)unused;
	for (int i = 0; i < 4; i++)
		replay_made("sluice-agree-sources", checks, checked_routes, port[i], "6000",
			    i ? "" : "--objects made.objects");
}

static void test_ways(void **unused)
{
	(void)unused;
	to_wan = true;
	replay_made("sluice-agree-ways", ways, routes, "wan", "10000", "--mac 02:00:00:00:00:01");
	to_wan = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_frames),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_ways),
	};
	char sluice[4096];

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	if (!getenv("SLUICE")) {
		assert_non_null(realpath("build/sluice", sluice));
		setenv("SLUICE", sluice, 1);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
