// SPDX-License-Identifier: GPL-2.0
/*
 * resolve_btfids: writes the numbers that a module's functions have in its BTF into .BTF_ids.
 *
 *	resolve_btfids -b BASE MODULE.ko
 *
 * The kernel's own tool of this name comes with a kernel's headers, and is what a build uses where
 * it does; Debian's for 6.1 lack it, and the source that has it is a package of 138 MB. This one
 * knows what sluice has: functions, and sets of pairs of a function's number and its flags.
 *
 * <linux/btf_ids.h> lays a symbol over each number, which is 0 until someone fills it in, and one
 * over each set:
 *
 *	__BTF_ID__set8__NAME		count, flags, { number, flags }... by number
 *	__BTF_ID__func__NAME__UNIQUE	number
 *
 * A function that the BTF does not have is an error, as is a symbol of another kind: the kernel's
 * tool warns, and what it leaves 0 is found out when a program does not load.
 */
#include <bpf/btf.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDS ".BTF_ids"
#define PREFIX "__BTF_ID__"

struct pair {
	__u32 id;
	__u32 flags;
};

static Elf_Scn *find_section(Elf *elf, const char *name, GElf_Word type)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		errx(1, "%s", elf_errmsg(-1));
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr head;
		const char *found;

		if (!gelf_getshdr(scn, &head))
			errx(1, "%s", elf_errmsg(-1));
		found = elf_strptr(elf, names, head.sh_name);
		if (name ? found && !strcmp(found, name) : head.sh_type == type)
			return scn;
	}
	return NULL;
}

/* What stands at a symbol: all of its bytes, or the end. */
static void *bytes_at(Elf_Data *ids, const GElf_Sym *symbol, size_t size, const char *name)
{
	if (symbol->st_value % 4 || symbol->st_value > ids->d_size ||
	    size > ids->d_size - symbol->st_value)
		errx(1, "%s: lies outside of " IDS, name);
	return (char *)ids->d_buf + symbol->st_value;
}

static void resolve_function(struct btf *btf, Elf_Data *ids, const GElf_Sym *symbol,
			     const char *name)
{
	const char *from = name + strlen(PREFIX "func__");
	__u32 *number = bytes_at(ids, symbol, sizeof(*number), name);
	const char *end = NULL, *p;
	char *function;
	int id;

	for (p = from; (p = strstr(p, "__")); p++)
		end = p;
	function = strndup(from, end ? (size_t)(end - from) : strlen(from));
	if (!function)
		err(1, "%s", name);
	id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	if (id <= 0)
		errx(1, "the module's BTF has no function %s", function);
	*number = id;
	free(function);
}

static int by_id(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* The first pair is the set's count and flags. */
static void sort_set(Elf_Data *ids, const GElf_Sym *symbol, const char *name)
{
	struct pair *set = bytes_at(ids, symbol, symbol->st_size, name);
	size_t n = symbol->st_size / sizeof(*set);

	if (!n || symbol->st_size % sizeof(*set))
		errx(1, "%s: has a size of %zu", name, (size_t)symbol->st_size);
	set->id = n - 1;
	qsort(set + 1, n - 1, sizeof(*set), by_id);
}

static void resolve(Elf *elf, struct btf *btf)
{
	Elf_Scn *scn = find_section(elf, IDS, 0);
	Elf_Scn *table = find_section(elf, NULL, SHT_SYMTAB);
	Elf_Data *ids, *symbols;
	GElf_Shdr head;
	size_t i, n;
	int sets;

	if (!scn)
		errx(1, "the module has no " IDS ": was CONFIG_DEBUG_INFO_BTF not set?");
	if (!table || !gelf_getshdr(table, &head) || !head.sh_entsize)
		errx(1, "the module has no symbols");
	ids = elf_getdata(scn, NULL);
	symbols = elf_getdata(table, NULL);
	if (!ids || !symbols)
		errx(1, "%s", elf_errmsg(-1));
	ids->d_type = ELF_T_WORD;
	n = head.sh_size / head.sh_entsize;
	for (sets = 0; sets < 2; sets++) {
		for (i = 0; i < n; i++) {
			const char *name;
			GElf_Sym symbol;

			if (!gelf_getsym(symbols, i, &symbol) ||
			    symbol.st_shndx != elf_ndxscn(scn))
				continue;
			name = elf_strptr(elf, head.sh_link, symbol.st_name);
			if (!name || strncmp(name, PREFIX, strlen(PREFIX)))
				continue;
			if (!strncmp(name, PREFIX "set8__", strlen(PREFIX "set8__"))) {
				if (sets)
					sort_set(ids, &symbol, name);
			} else if (strncmp(name, PREFIX "func__", strlen(PREFIX "func__"))) {
				errx(1, "%s: is of a kind that this tool does not know", name);
			} else if (!sets) {
				resolve_function(btf, ids, &symbol, name);
			}
		}
	}
	elf_flagdata(ids, ELF_C_SET, ELF_F_DIRTY);
	elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
	if (elf_update(elf, ELF_C_WRITE) < 0)
		errx(1, "%s", elf_errmsg(-1));
}

int main(int argc, char **argv)
{
	struct btf *base, *btf;
	Elf *elf;
	int fd;

	if (argc != 4 || strcmp(argv[1], "-b"))
		errx(2, "usage: resolve_btfids -b BASE MODULE.ko");
	base = btf__parse(argv[2], NULL);
	if (!base)
		err(1, "%s has no BTF", argv[2]);
	btf = btf__parse_split(argv[3], base);
	if (!btf)
		err(1, "%s has no BTF", argv[3]);
	elf_version(EV_CURRENT);
	fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[3]);
	elf = elf_begin(fd, ELF_C_RDWR_MMAP, NULL);
	if (!elf)
		errx(1, "%s: %s", argv[3], elf_errmsg(-1));
	resolve(elf, btf);
	elf_end(elf);
	close(fd);
	btf__free(btf);
	btf__free(base);
	return 0;
}
