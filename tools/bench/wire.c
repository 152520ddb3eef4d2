// SPDX-License-Identifier: GPL-2.0
#include "tools/bench/wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/text.h"
#include "base/vec.h"
#include "tools/bench/bench.h"
#include "tools/bench/wire.h"
#include "tools/bench/wire.skel.h"

#define BATCH		64	/* unless wire_batch() says otherwise */
#define PATIENCE	0.05	/* seconds without a frame: no more come */

struct wire {
	int router, ends;		/* namespaces */
	unsigned int outs, length, batch;
	uint32_t in, out[WIRE_OUTS_MAX], rx[WIRE_OUTS_MAX];
	struct wire_bpf *object;
	int link;			/* of an attached contender; -1: none */
	int sinks[WIRE_OUTS_MAX];
	unsigned int cpus;
	uint8_t frame[2048];
};

static int home = -1;			/* the namespace that the benchmark was started in */

static int refuse(const char *what, int err)
{
	fprintf(stderr, "sluice-bench: %s: %s\n", what, strerror(-err));
	return err;
}

/* ---- namespaces ------------------------------------------------------------------- */

static int new_namespace(void)
{
	int fd;

	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || unshare(CLONE_NEWNET))
		return refuse("no network namespace of our own (run as root)", -errno);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	wire_leave();
	return fd < 0 ? -errno : fd;
}

int wire_enter(const struct wire *w)
{
	return setns(w->router, CLONE_NEWNET) ? -errno : 0;
}

int wire_leave(void)
{
	return setns(home, CLONE_NEWNET) ? -errno : 0;
}

static int feed_in(int namespace, const char *command, const char *input)
{
	FILE *to;
	int status;

	if (setns(namespace, CLONE_NEWNET))
		return -errno;
	to = popen(command, "w");
	if (to)
		fputs(input, to);
	status = to ? pclose(to) : -1;
	wire_leave();
	return status < 0 ? -errno : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int run_in(int namespace, const char *program, const char *commands)
{
	char command[64];

	snprintf(command, sizeof(command), "%s -batch - >/dev/null", program);
	if (!feed_in(namespace, command, commands))
		return 0;
	fprintf(stderr, "sluice-bench: %s refused the benchmark's set-up\n", program);
	return -EIO;
}

int wire_run(const struct wire *w, const char *program, const char *commands)
{
	return run_in(w->router, program, commands);
}

int wire_feed(const struct wire *w, const char *command, const char *input)
{
	return feed_in(w->router, command, input);
}

int wire_read(const struct wire *w, const char *command, uint64_t *number)
{
	char said[4096], *digit;
	size_t n;
	FILE *from;
	int status;

	if (setns(w->router, CLONE_NEWNET))
		return -errno;
	from = popen(command, "r");
	n = from ? fread(said, 1, sizeof(said) - 1, from) : 0;
	status = from ? pclose(from) : -1;
	wire_leave();
	said[n] = '\0';
	digit = strpbrk(said, "0123456789");
	*number = digit ? strtoull(digit, NULL, 10) : 0;
	return status < 0 ? -errno : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void set(int namespace, const char *path, const char *value)
{
	int fd;

	setns(namespace, CLONE_NEWNET);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "sluice-bench: %s cannot be set to %s\n", path, value);
	if (fd >= 0)
		close(fd);
	wire_leave();
}

/* ---- laying ------------------------------------------------------------------------- */

void wire_in_mac(uint8_t mac[6])
{
	const uint8_t in[6] = { 0x02, 0, 0, 0, 0x09, 0x01 };

	memcpy(mac, in, 6);
}

void wire_out_mac(unsigned int n, uint8_t mac[6])
{
	const uint8_t out[6] = { 0x02, 0, 0, 0, 0x0a, n };

	memcpy(mac, out, 6);
}

static int lay(struct wire *w)
{
	struct text inside = { 0 }, outside = { 0 };
	char ends[64];
	int err;

	snprintf(ends, sizeof(ends), "/proc/%d/fd/%d", getpid(), w->ends);
	text_printf(&inside, "link add in address 02:00:00:00:09:01 type veth peer name src netns %s\n"
		    "address add 10.9.0.1/24 dev in\nlink set in up\nlink set lo up\n"
		    "neigh replace 10.9.0.7 lladdr 02:00:00:00:09:07 dev in\n", ends);
	text_printf(&outside, "link set src up\nlink set lo up\n");
	for (unsigned int i = 0; i < w->outs; i++) {
		text_printf(&inside, "link add out%u address 02:00:00:00:0a:%02x type veth peer name rx%u netns %s\n"
			    "address add 10.10.%u.1/24 dev out%u\nlink set out%u up\n"
			    "neigh replace 10.10.%u.2 lladdr 02:00:00:00:0b:%02x dev out%u\n",
			    i, i, i, ends, i, i, i, i, i, i);
		text_printf(&outside, "link set rx%u up\n", i);
	}
	err = run_in(w->router, "ip", text_string(&inside));
	if (!err)
		err = run_in(w->ends, "ip", text_string(&outside));
	text_free(&inside);
	text_free(&outside);
	set(w->router, "/proc/sys/net/ipv4/ip_forward", "1");
	set(w->router, "/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	set(w->router, "/proc/sys/net/ipv4/conf/in/rp_filter", "0");
	return err;
}

/* A veth takes redirected frames only where its peer has NAPI, which GRO brings. */
static int gro_on(const struct wire *w)
{
	char command[128];
	int err = 0;

	if (setns(w->router, CLONE_NEWNET))
		return -errno;
	for (unsigned int i = 0; !err && i <= w->outs; i++) {
		if (i < w->outs)
			snprintf(command, sizeof(command), "ethtool -K out%u gro on 2>/dev/null", i);
		else
			snprintf(command, sizeof(command), "ethtool -K in gro on 2>/dev/null");
		if (system(command))
			err = refuse("ethtool cannot switch GRO on", -EIO);
	}
	wire_leave();
	return err;
}

static int load(struct wire *w)
{
	int err;

	w->object = wire_bpf__open();
	if (!w->object)
		return -errno;
	setns(w->ends, CLONE_NEWNET);
	w->object->rodata->pump_ifindex = if_nametoindex("src");
	for (unsigned int i = 0; i < w->outs; i++) {
		char name[16];

		snprintf(name, sizeof(name), "rx%u", i);
		w->rx[i] = if_nametoindex(name);
	}
	err = wire_bpf__load(w->object);
	for (unsigned int i = 0; !err && i < w->outs; i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);

		w->sinks[i] = bpf_link_create(bpf_program__fd(w->object->progs.sink), w->rx[i],
					      BPF_XDP, &opts);
		if (w->sinks[i] < 0)
			err = -errno;
	}
	setns(w->router, CLONE_NEWNET);
	w->in = if_nametoindex("in");
	for (unsigned int i = 0; i < w->outs; i++) {
		char name[16];

		snprintf(name, sizeof(name), "out%u", i);
		w->out[i] = if_nametoindex(name);
	}
	wire_leave();
	return err ? refuse("the benchmark's programs do not load", err) : 0;
}

int wire_new(unsigned int outs, struct wire **wire)
{
	struct wire *w = xcalloc(1, sizeof(*w));
	int err = 0;

	w->outs = outs;
	w->batch = BATCH;
	w->link = -1;
	w->cpus = libbpf_num_possible_cpus();
	for (unsigned int i = 0; i < WIRE_OUTS_MAX; i++)
		w->sinks[i] = -1;
	w->ends = new_namespace();
	w->router = w->ends < 0 ? -1 : new_namespace();
	if (w->router < 0)
		err = w->ends < 0 ? w->ends : w->router;
	if (!err)
		err = lay(w);
	if (!err)
		err = gro_on(w);
	if (!err)
		err = load(w);
	if (err) {
		wire_free(w);
		return err;
	}
	*wire = w;
	return 0;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < WIRE_OUTS_MAX; i++)
		if (w->sinks[i] >= 0)
			close(w->sinks[i]);
	if (w->link >= 0)
		close(w->link);
	wire_bpf__destroy(w->object);
	if (w->router >= 0)
		close(w->router);
	if (w->ends >= 0)
		close(w->ends);
	free(w);
}

uint32_t wire_in(const struct wire *w)
{
	return w->in;
}

uint32_t wire_out(const struct wire *w, unsigned int n)
{
	return w->out[n];
}

int wire_attach(struct wire *w, const char *program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	struct bpf_program *p = bpf_object__find_program_by_name(w->object->obj, program);
	int err = 0;

	wire_enter(w);
	for (uint32_t i = 0; !err && i < w->outs; i++) {
		struct bpf_devmap_val value = { .ifindex = w->out[i] };

		if (bpf_map__update_elem(w->object->maps.bare_legs, &i, sizeof(i), &value,
					 sizeof(value), 0))
			err = -errno;
	}
	if (!err) {
		w->link = bpf_link_create(bpf_program__fd(p), w->in, BPF_XDP, &opts);
		if (w->link < 0)
			err = -errno;
	}
	wire_leave();
	return err ? refuse(program, err) : 0;
}

/* ---- pumping ------------------------------------------------------------------------- */

void wire_batch(struct wire *w, unsigned int frames)
{
	w->batch = frames;
}

/* The process that does what the softirqs of @cpu do not get done in their time. 0: none in sight. */
static pid_t find_ksoftirqd(unsigned int cpu)
{
	char wanted[32], path[64], name[32];
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	snprintf(wanted, sizeof(wanted), "ksoftirqd/%u\n", cpu);
	while (proc && !found && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		FILE *comm;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = pid > 0 ? fopen(path, "re") : NULL;
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) && !strcmp(name, wanted))
			found = pid;
		fclose(comm);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* Seconds of CPU that it has had. */
static double ksoftirqd_cpu(unsigned int cpu)
{
	static pid_t pids[256];
	unsigned long long ns = 0;
	char path[64];
	FILE *stat;

	if (cpu >= sizeof(pids) / sizeof(*pids))
		return 0;
	if (!pids[cpu]) {
		pids[cpu] = find_ksoftirqd(cpu);
		if (!pids[cpu]) {
			fprintf(stderr, "sluice-bench: there is no ksoftirqd/%u in sight: "
				"packets that it forwards look cheap\n", cpu);
			pids[cpu] = -1;
		}
	}
	if (pids[cpu] < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pids[cpu]);
	stat = fopen(path, "re");
	if (!stat || fscanf(stat, "%llu", &ns) != 1)
		ns = 0;
	if (stat)
		fclose(stat);
	return ns / 1e9;
}

/* Keeps this thread on the CPU that it is on. Return: its number. */
static unsigned int stay(cpu_set_t *before)
{
	unsigned int cpu = sched_getcpu();
	cpu_set_t here;

	sched_getaffinity(0, sizeof(*before), before);
	CPU_ZERO(&here);
	CPU_SET(cpu, &here);
	sched_setaffinity(0, sizeof(here), &here);
	return cpu;
}

static uint16_t ip_check(const struct iphdr *ip)
{
	const uint16_t *word = (const uint16_t *)ip;
	uint32_t sum = 0;

	for (int i = 0; i < 10; i++)
		sum += word[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void make_frame(struct wire *w, uint32_t destination, unsigned int length)
{
	struct ethhdr *eth = (struct ethhdr *)w->frame;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	const uint8_t *group = (const uint8_t *)&destination;
	const uint8_t from[6] = { 0x02, 0, 0, 0, 0x09, 0x07 };
	const uint8_t multicast[6] = { 0x01, 0, 0x5e, group[1] & 0x7f, group[2], group[3] };

	memset(w->frame, 0, sizeof(w->frame));
	wire_in_mac(eth->h_dest);
	if ((group[0] & 0xf0) == 0xe0)
		memcpy(eth->h_dest, multicast, 6);
	memcpy(eth->h_source, from, 6);
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = htons(length - sizeof(*eth));
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	inet_pton(AF_INET, "10.9.0.7", &ip->saddr);
	ip->daddr = destination;
	ip->check = ip_check(ip);
	udp->source = htons(7777);
	udp->dest = htons(8888);
	udp->len = htons(length - sizeof(*eth) - sizeof(*ip));
}

int wire_aim(struct wire *w, const uint32_t *destinations, unsigned int count, unsigned int length)
{
	size_t size = sizeof(struct wire_target) * WIRE_TARGETS;
	struct wire_target *targets;

	if (!count || count > WIRE_TARGETS || count & (count - 1) || length < WIRE_HEADER ||
	    length > 1514)
		return -EINVAL;
	targets = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(w->object->maps.targets), 0);
	if (targets == MAP_FAILED)
		return -errno;
	for (unsigned int i = 0; i < count; i++) {
		make_frame(w, destinations[i], length);
		targets[i].destination = destinations[i];
		targets[i].check = ((struct iphdr *)(w->frame + sizeof(struct ethhdr)))->check;
	}
	munmap(targets, size);
	memcpy(w->object->bss->header, w->frame, WIRE_HEADER);
	w->object->bss->targets_mask = count - 1;
	w->length = length;
	return 0;
}

uint64_t wire_sunk(struct wire *w, unsigned int n)
{
	uint32_t key = w->rx[n] & (WIRE_SINKS - 1);
	uint64_t values[w->cpus], sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(w->object->maps.sunk), &key, values))
		return 0;
	for (unsigned int i = 0; i < w->cpus; i++)
		sum += values[i];
	return sum;
}

static uint64_t sunk_in_all(struct wire *w)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < w->outs; i++)
		sum += wire_sunk(w, i);
	return sum;
}

double wire_pump(struct wire *w, unsigned int frames, unsigned int copies, uint64_t *lost)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = w->frame, .data_size_in = w->length,
		    .repeat = frames, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = w->batch);
	uint64_t before = sunk_in_all(w), wanted = (uint64_t)frames * copies, got;
	cpu_set_t anywhere;
	unsigned int cpu = stay(&anywhere);
	double begin, end, patience;
	int err;

	setns(w->ends, CLONE_NEWNET);
	begin = bench_cpu() + ksoftirqd_cpu(cpu);
	err = bpf_prog_test_run_opts(bpf_program__fd(w->object->progs.pump), &opts) ? -errno : 0;
	end = bench_cpu() + ksoftirqd_cpu(cpu);
	wire_leave();
	if (!err) {
		got = sunk_in_all(w) - before;
		for (patience = bench_now() + PATIENCE; got < wanted && bench_now() < patience;) {
			uint64_t more = sunk_in_all(w) - before;

			if (more > got) {
				end = bench_cpu() + ksoftirqd_cpu(cpu);
				patience = bench_now() + PATIENCE;
			}
			got = more;
		}
		*lost += wanted > got ? wanted - got : 0;
	}
	sched_setaffinity(0, sizeof(anywhere), &anywhere);
	return err ? refuse("the pump does not run", err) : (end - begin) * 1e9 / frames;
}
