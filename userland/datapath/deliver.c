// SPDX-License-Identifier: GPL-2.0
#include "datapath/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "base/vec.h"
#include "bpf/layout.h"
#include "datapath/constants.h"

#define MODULE		"sluice"
#define KFUNC		"bpf_sluice_deliver"
#define SECTION		"xdp.sluice"

/* ---- is it there ------------------------------------------------------------- */

/* The descriptor of the module's BTF, and its id. */
static int find_module(__u32 *id)
{
	*id = 0;
	while (!bpf_btf_get_next_id(*id, id)) {
		char name[sizeof(MODULE) + 1] = "";
		struct bpf_btf_info info = { .name = (uintptr_t)name, .name_len = sizeof(name) };
		__u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(*id);

		if (fd < 0 && errno == ENOENT)
			continue;	/* gone meanwhile */
		if (fd < 0)
			return -errno;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf &&
		    !strcmp(name, MODULE))
			return fd;
		close(fd);
	}
	return errno == ENOENT ? -ENOENT : -errno;
}

static int find_function(__u32 id)
{
	struct btf *base = btf__load_vmlinux_btf(), *btf = NULL;
	int function = -ENOENT;

	if (base)
		btf = btf__load_from_kernel_by_id_split(id, base);
	if (btf)
		function = btf__find_by_name_kind(btf, KFUNC, BTF_KIND_FUNC);
	btf__free(btf);
	btf__free(base);
	return function;
}

static bool module_is_loaded(void)
{
	return !access("/sys/module/" MODULE, F_OK);
}

static void find(struct deliver *d)
{
	__u32 id;
	int fd = find_module(&id);

	if (fd == -ENOENT && !module_is_loaded()) {
		d->absent = true;
		text_printf(&d->why, "the module is not loaded");
		return;
	}
	if (fd == -ENOENT) {
		text_printf(&d->why, "the module that is loaded has no BTF: build it again, by \"make kmod\"");
		return;
	}
	if (fd < 0) {
		text_printf(&d->why, "the module's BTF could not be read: %s%s", strerror(-fd),
			    fd == -EPERM ? " (CAP_SYS_ADMIN is needed)" : "");
		return;
	}
	d->function = find_function(id);
	if (d->function > 0) {
		d->btf = fd;
		return;
	}
	close(fd);
	text_printf(&d->why, "the module that is loaded is another version's, without " KFUNC "()");
}

/* ---- the call ---------------------------------------------------------------- */

static __thread const struct deliver *caller;	/* between deliver_begin() and deliver_end() */

static int rdonly_cast;		/* the kernel's own kfunc's number; 0: it has none */

static bool is_call(const struct bpf_insn *insn, int of)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0 && insn->imm == of;
}

static void call_kfunc(struct bpf_insn *insn, int btf, int function)
{
	insn->src_reg = BPF_PSEUDO_KFUNC_CALL;
	insn->off = btf;
	insn->imm = function;
}

/* The last thing before the kernel has the program: libbpf has done all of its own. */
static int fill_in(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	static __thread int descriptors[2];	/* by insn.off; 0 is the kernel's own BTF */
	size_t n = bpf_program__insn_cnt(program);
	struct bpf_insn *insns;
	int err;

	(void)cookie;
	opts->prog_flags |= BPF_F_XDP_HAS_FRAGS;
	insns = xcalloc(n, sizeof(*insns));
	memcpy(insns, bpf_program__insns(program), n * sizeof(*insns));
	for (size_t i = 0; i < n; i++) {
		if (caller && is_call(&insns[i], CALL_DELIVER))
			call_kfunc(&insns[i], 1, caller->function);
		else if (rdonly_cast && is_call(&insns[i], CALL_CAST))
			call_kfunc(&insns[i], 0, rdonly_cast);
	}
	n = constants_fold_begun(insns, n, opts);
	err = bpf_program__set_insns(program, insns, n);
	free(insns);
	if (caller) {
		descriptors[1] = caller->btf;
		opts->fd_array = descriptors;
	}
	return err;
}

static void register_section(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = fill_in);
	static bool registered;

	if (!registered)
		libbpf_register_prog_handler(SECTION, BPF_PROG_TYPE_XDP, BPF_XDP, &opts);
	registered = true;
}

void deliver_cast(int function)
{
	rdonly_cast = function;
}

void deliver_begin(const struct deliver *d)
{
	caller = d;
}

void deliver_end(void)
{
	caller = NULL;
}

/* ---- life -------------------------------------------------------------------- */

void deliver_open(struct deliver *d, bool wanted)
{
	*d = (struct deliver){ .btf = -1 };
	register_section();
	if (wanted)
		find(d);
}

void deliver_close(struct deliver *d)
{
	if (d->btf >= 0)
		close(d->btf);
	text_free(&d->why);
}

bool deliver_can(const struct deliver *d)
{
	return d->btf >= 0;
}

void deliver_refused(struct deliver *d, const char *words)
{
	if (d->btf >= 0)
		close(d->btf);
	d->btf = -1;
	text_free(&d->why);
	d->absent = !module_is_loaded();
	if (d->absent)
		text_printf(&d->why, "the module was unloaded");
	else
		text_printf(&d->why, "%s", words);
}

const char *deliver_why(const struct deliver *d)
{
	if (d->btf >= 0)
		return NULL;
	if (d->absent && module_is_loaded())
		return "the module was loaded after sluiced had started: restart sluiced";
	return text_string(&d->why);
}
