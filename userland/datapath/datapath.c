// SPDX-License-Identifier: GPL-2.0
#include "datapath/datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>

#include "datapath/map.h"
#include "datapath/port_state.h"
#include "datapath/state.h"

#include "datapath/egress.skel.h"
#include "datapath/root.skel.h"
#include "datapath/tcopy.skel.h"
#include "datapath/txfail.skel.h"

static const struct map_shape shared_shapes[SHARED_MAX] = {
	[SHARED_GENERATIONS] = { "generations", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1, 0 },
	[SHARED_PORTS] = { ".data.ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct ports), 1,
			   BPF_F_MMAPABLE },
	[SHARED_NAMES] = { "names", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct names), 1, BPF_F_MMAPABLE },
	[SHARED_TX] = { "tx", BPF_MAP_TYPE_DEVMAP, 4, sizeof(struct bpf_devmap_val), PORTS_MAX, 0 },
	[SHARED_PORT_STATS] = { "port_stats", BPF_MAP_TYPE_PERCPU_ARRAY, 4,
				sizeof(struct port_stats), PORTS_MAX, 0 },
	[SHARED_COUNTERS] = { "counters", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct count),
			      COUNTERS_MAX, 0 },
	[SHARED_LEG_TABLE] = { "leg_table", BPF_MAP_TYPE_HASH, sizeof(struct leg_key),
			       sizeof(struct leg), 2 * GROUPS_MAX * 16, BPF_F_NO_PREALLOC },
	[SHARED_LEG_PORTS] = { "leg_ports", BPF_MAP_TYPE_HASH, sizeof(struct leg_ports_key),
			       sizeof(struct leg_ports), 2 * GROUPS_MAX, BPF_F_NO_PREALLOC },
	[SHARED_WATCH] = { ".data.watch", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct watch), 1, BPF_F_MMAPABLE },
	[SHARED_VLANS] = { "vlans", BPF_MAP_TYPE_HASH, sizeof(struct vlan_key), 1, VLANS_MAX, 0 },
};

/* libbpf's own words are for us, not for the user: the last of them explain a failed load, of this thread's. */
static __thread struct text libbpf_log;

static int keep_log(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	if (libbpf_log.len > 1 << 20)
		text_free(&libbpf_log);
	text_vprintf(&libbpf_log, format, args);
	return 0;
}

/* ---- objects --------------------------------------------------------------- */

int open_object(struct datapath *dp, const char *name, const void *bytes, size_t n,
		struct bpf_object **object, struct text *why)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	struct bpf_object *o;
	int err;

	text_free(&libbpf_log);
	o = bpf_object__open_mem(bytes, n, &opts);
	if (!o) {
		err = -errno;
		text_printf(why, "cannot open the BPF object %s: %s", name, strerror(-err));
		return err;
	}
	for (int i = 0; i < SHARED_MAX; i++) {
		err = map_reuse(o, shared_shapes[i].name, dp->map[i]);
		if (err) {
			text_printf(why, "cannot give the map %s to the program %s: %s",
				    shared_shapes[i].name, name, strerror(-err));
			bpf_object__close(o);
			return err;
		}
	}
	*object = o;
	return 0;
}

/* The last lines of the verifier are what explains its refusal. */
static const char *log_tail(const struct text *log, size_t most)
{
	const char *s = text_string(log);
	size_t skip = log->len > most ? log->len - most : 0;
	const char *line = skip ? strchr(s + skip, '\n') : NULL;

	return line ? line + 1 : s + skip;
}

int load_object(struct bpf_object *object, const char *name, struct text *why)
{
	int err = bpf_object__load(object);

	if (!err)
		return 0;
	text_printf(why, "the kernel refused the BPF program %s: %s%s\n%s", name, strerror(-err),
		    err == -EPERM ? " (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed: run as root)" : "",
		    log_tail(&libbpf_log, 1500));
	return err;
}

/* Opens and loads an object that has one program, called like it. */
static int load_program(struct datapath *dp, const char *name, const void *bytes, size_t n,
			struct bpf_object **object, int *program, struct text *why)
{
	int err = open_object(dp, name, bytes, n, object, why);

	if (!err)
		err = load_object(*object, name, why);
	if (!err)
		*program = bpf_program__fd(bpf_object__find_program_by_name(*object, name));
	return err;
}

static int load_root(struct datapath *dp, struct text *why)
{
	size_t n;
	const void *bytes = root_bpf__elf_bytes(&n);

	return load_program(dp, "root", bytes, n, &dp->root_object, &dp->root, why);
}

static int load_tcopy(struct datapath *dp, struct text *why)
{
	size_t n;
	const void *bytes = tcopy_bpf__elf_bytes(&n);

	return load_program(dp, "tcopy", bytes, n, &dp->tcopy_object, &dp->tcopy, why);
}

/* A kernel without this tracepoint forwards all the same: what is not counted is said (status). */
static void watch_failures(struct datapath *dp)
{
	struct bpf_object *object = NULL;
	struct text ignored = { 0 };
	char path[PATH_MAX];
	int program, link;
	const void *bytes;
	size_t n;

	snprintf(path, sizeof(path), "%s/txfail", dp->dir);
	dp->txfail = bpf_obj_get(path);
	if (dp->txfail >= 0)
		return;
	bytes = txfail_bpf__elf_bytes(&n);
	if (!load_program(dp, "txfail", bytes, n, &object, &program, &ignored)) {
		link = bpf_raw_tracepoint_open("xdp_devmap_xmit", program);
		if (link >= 0 && !bpf_obj_pin(link, path))
			dp->txfail = link;
		else if (link >= 0)
			close(link);
	}
	bpf_object__close(object);
	text_free(&ignored);
}

/*
 * XDP_REDIRECT of several buffers came with struct net_device's xdp_features (Linux 6.3), which say what a
 * driver sends. Before, such a frame is lost behind the program, and the program not told.
 */
static bool kernel_redirects_buffers(const struct btf *btf)
{
	return btf && btf__find_by_name_kind(btf, "xdp_features_t", BTF_KIND_TYPEDEF) > 0;
}

/* What this kernel can. Test runs send nothing, and take all ports for what they are told. */
static void know_kernel(struct datapath *dp)
{
	struct btf *btf = dp->dir ? btf__load_vmlinux_btf() : NULL;
	int cast;

	dp->redirects_buffers = !dp->dir || kernel_redirects_buffers(btf);
	port_state_find(btf, &dp->sight, &cast);
	if (cast)
		deliver_cast(cast);
	btf__free(btf);
}

/* For a test run the same program as plain XDP: the kernel does not test-run egress programs. */
static void egress_for_test_run(struct bpf_object *object)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(object, ".rodata");
	struct bpf_program *program = bpf_object__find_program_by_name(object, "egress");
	struct egress_bpf__rodata *constants;
	size_t n;

	constants = (struct egress_bpf__rodata *)bpf_map__initial_value(rodata, &n);
	*(bool *)&constants->test_run = true;
	bpf_program__set_expected_attach_type(program, BPF_XDP);
}

static int load_egress(struct datapath *dp, struct text *why)
{
	size_t n;
	const void *bytes = egress_bpf__elf_bytes(&n);
	int err = open_object(dp, "egress", bytes, n, &dp->egress_object, why);

	if (err)
		return err;
	if (!dp->dir)
		egress_for_test_run(dp->egress_object);
	err = load_object(dp->egress_object, "egress", why);
	if (err)
		return err;
	dp->egress = bpf_program__fd(bpf_object__find_program_by_name(dp->egress_object, "egress"));
	if (!dp->dir) {
		int fd = bpf_object__find_map_fd_by_name(dp->egress_object, ".data.trace");

		dp->egress_trace = map_memory(fd, sizeof(struct trace));
		if (!dp->egress_trace)
			return -errno;
	}
	return 0;
}

/* ---- life ------------------------------------------------------------------- */

static int make_folder(const char *path, struct text *why)
{
	if (mkdir(path, 0700) && errno != EEXIST) {
		int err = -errno;

		text_printf(why, "cannot make the folder %s: %s", path, strerror(-err));
		return err;
	}
	return 0;
}

static int open_folder(struct datapath *dp, struct text *why)
{
	char links[PATH_MAX];
	int err = make_folder(dp->dir, why);

	if (err)
		return err;
	snprintf(links, sizeof(links), "%s/links", dp->dir);
	return make_folder(links, why);
}

static int open_maps(struct datapath *dp, struct text *why)
{
	for (int i = 0; i < SHARED_MAX; i++) {
		dp->map[i] = map_open(dp->dir, &shared_shapes[i], why);
		if (dp->map[i] < 0)
			return dp->map[i];
	}
	dp->ports = map_memory(dp->map[SHARED_PORTS], sizeof(*dp->ports));
	dp->names = map_memory(dp->map[SHARED_NAMES], sizeof(*dp->names));
	dp->watch = map_memory(dp->map[SHARED_WATCH], sizeof(*dp->watch));
	if (!dp->ports || !dp->names || !dp->watch) {
		int err = -errno;

		text_printf(why, "cannot map the shared tables into memory: %s", strerror(-err));
		return err;
	}
	return 0;
}

/* New maps are all zeroes; those of another build must say that they are laid out alike. */
static int check_layout(struct datapath *dp, struct text *why)
{
	struct names *names = dp->names;

	if (!names->layout_version) {
		snprintf(names->build, sizeof(names->build), "%s", SLUICE_VERSION);
		if (getrandom(&names->hash_seed, sizeof(names->hash_seed), 0) < 0)
			return -errno;
		names->layout_version = LAYOUT_VERSION;
		return 0;
	}
	if (names->layout_version == LAYOUT_VERSION)
		return 0;
	text_printf(why, "the maps pinned in %s were left by sluice %.48s (layout %u, this one has %u); ",
		    dp->dir, names->build, names->layout_version, LAYOUT_VERSION);
	text_printf(why, "the data path goes on as it is; to change over, take it down with `sluiced --remove`");
	return -EPROTO;
}

/* What the filters of the generation that runs have kept. */
static void adopt_filters(struct datapath *dp)
{
	dp->rule_counts = rule_counts_adopt(dp);
	/* A daemon may have died after the swap, and before it wrote the number beside it. */
	if (rule_counts_generation(dp->rule_counts) > dp->names->running)
		dp->names->running = rule_counts_generation(dp->rule_counts);
	sets_adopt(dp, &dp->sets);
	dp->sets_generation = dp->names->running;
	/* It may have died with a generation staged: what it entered and took out for that counts no more. */
	if (dp->sets_generation)
		sets_take_back(&dp->sets, dp->sets_generation + 1);
}

int datapath_open(const char *dir, struct datapath **out, struct text *why)
{
	struct datapath *dp = xcalloc(1, sizeof(*dp));
	int err;

	libbpf_set_print(keep_log);
	dp->cpus = libbpf_num_possible_cpus();
	dp->dir = dir ? xstrdup(dir) : NULL;
	dp->root = dp->egress = dp->tcopy = dp->txfail = -1;
	dp->tx_egress = -1;
	dp->meters = dp->events = -1;
	dp->sets = VEC(struct set_map);
	for (int i = 0; i < SHARED_MAX; i++)
		dp->map[i] = -1;
	for (int i = 0; i < PORTS_MAX; i++)
		dp->attached[i].link = -1;

	know_kernel(dp);
	deliver_open(&dp->deliver, dir != NULL);

	err = dir ? open_folder(dp, why) : 0;
	if (!err)
		err = open_maps(dp, why);
	if (!err)
		err = check_layout(dp, why);
	if (!err)
		err = load_egress(dp, why);
	if (!err && dir)
		err = load_root(dp, why);
	if (!err && dir)
		err = load_tcopy(dp, why);
	if (!err && dir)
		err = attach_adopt(dp, why);
	if (!err && dir)
		watch_failures(dp);
	if (!err && dir)
		adopt_filters(dp);
	if (err) {
		datapath_close(dp);
		return err;
	}
	*out = dp;
	return 0;
}

void datapath_close(struct datapath *dp)
{
	if (!dp)
		return;
	generation_free(dp->running);
	spare_free(dp->spare);
	rule_counts_free(dp->rule_counts);
	sets_close(&dp->sets);
	hop_counts_free(dp->hop_counts);
	ring_buffer__free(dp->ring);
	if (dp->meters >= 0)
		close(dp->meters);
	if (dp->events >= 0)
		close(dp->events);
	for (int i = 0; i < PORTS_MAX; i++)
		if (dp->attached[i].link >= 0)
			close(dp->attached[i].link);
	if (dp->egress_trace)
		munmap(dp->egress_trace, sizeof(*dp->egress_trace));
	bpf_object__close(dp->root_object);
	bpf_object__close(dp->egress_object);
	bpf_object__close(dp->tcopy_object);
	deliver_close(&dp->deliver);
	if (dp->txfail >= 0)
		close(dp->txfail);
	if (dp->ports)
		munmap(dp->ports, sizeof(*dp->ports));
	if (dp->names)
		munmap(dp->names, sizeof(*dp->names));
	if (dp->watch)
		munmap(dp->watch, sizeof(*dp->watch));
	for (int i = 0; i < SHARED_MAX; i++)
		if (dp->map[i] >= 0)
			close(dp->map[i]);
	free(dp->dir);
	free(dp);
}

int datapath_remove(struct datapath *dp, struct text *why)
{
	uint32_t zero = 0;

	bpf_map_delete_elem(dp->map[SHARED_GENERATIONS], &zero);
	dp->names->running = 0;
	return datapath_remove_pinned(dp->dir, why);
}

uint32_t datapath_running(const struct datapath *dp)
{
	uint32_t zero = 0, id;

	/* Slot 0 is what runs; the number beside it only names it. */
	if (bpf_map_lookup_elem(dp->map[SHARED_GENERATIONS], &zero, &id))
		return 0;
	return dp->names->running;
}

const struct ports *datapath_ports(const struct datapath *dp)
{
	return dp->ports;
}

const struct names *datapath_names(const struct datapath *dp)
{
	return dp->names;
}

bool datapath_counts_failures(const struct datapath *dp)
{
	return dp->txfail >= 0;
}

bool datapath_redirects_buffers(const struct datapath *dp)
{
	return dp->redirects_buffers;
}

bool datapath_sees_ports(const struct datapath *dp)
{
	return dp->sight.how != SIGHT_NONE;
}

const char *datapath_host_copies(const struct datapath *dp, const char **why)
{
	*why = deliver_why(&dp->deliver);
	return *why ? "tc" : "module";
}

int datapath_wait(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}
