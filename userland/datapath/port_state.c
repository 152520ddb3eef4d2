// SPDX-License-Identifier: GPL-2.0
/*
 * Three offsets and two numbers of the kernel's BTF. As constants of the program they need no relocation
 * by libbpf, which would read all of that BTF for each generation.
 */
#include "datapath/port_state.h"

#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

/*
 * The offset of a member in bytes, or -1. Those of unnamed structs and unions inside are found too: the
 * kernel keeps what is used together in such groups.
 */
static int find_member(const struct btf *btf, int id, const char *member, int depth)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (__u32 i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *name = btf__name_by_offset(btf, m->name_off);
		int at = btf_member_bit_offset(t, i) / 8, inner;

		if (name && !strcmp(name, member))
			return at;
		if ((name && *name) || !depth)
			continue;
		inner = find_member(btf, m->type, member, depth - 1);
		if (inner >= 0)
			return at + inner;
	}
	return -1;
}

static int offset_of(const struct btf *btf, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	return id > 0 ? find_member(btf, id, member, 3) : -1;
}

/*
 * Whether programs may call bpf_probe_read_kernel(): a kernel in lockdown for confidentiality does not let
 * them. One without tracing has it not, and libbpf, which asks by a program for tracing, then calls an
 * older function in its place, which is not for XDP.
 */
static bool shows_memory(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACEPOINT, NULL) == 1 &&
	       libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_probe_read_kernel, NULL) == 1;
}

void port_state_find(const struct btf *btf, struct sight *sight, int *cast)
{
	int device, value, state, word, function, table;

	*sight = (struct sight){ .how = SIGHT_NONE };
	*cast = 0;
	if (!btf)
		return;
	device = offset_of(btf, "bpf_dtab_netdev", "dev");
	value = offset_of(btf, "bpf_dtab_netdev", "val");
	state = offset_of(btf, "net_device", "state");
	if (device < 0 || value < 0 || state < 0)
		return;
	*sight = (struct sight){ .device = device - value, .state = state };
	word = btf__find_by_name_kind(btf, "rb_node", BTF_KIND_STRUCT);
	function = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC);
	table = offset_of(btf, "bpf_dtab", "netdev_map");
	if (function <= 0 || table < 0 || offset_of(btf, "rb_node", "__rb_parent_color") != 0) {
		sight->how = shows_memory() ? SIGHT_PROBE : SIGHT_NONE;
		return;
	}
	sight->how = SIGHT_CAST;
	sight->device = device;
	sight->table = table;
	sight->word_type = word;
	*cast = function;
}
