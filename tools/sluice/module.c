// SPDX-License-Identifier: GPL-2.0
/*
 * sluice module: the kernel's half of sluice: is it there, and load it.
 *
 * "load" leaves it to modprobe(8), so that its options are heeded. Where that fails, the module is
 * tried once more by hand: modprobe does not say by its exit code what the kernel's errno would, and
 * each errno has another cure.
 */
#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/json.h"
#include "base/text.h"
#include "netlink/client.h"

#define SYSFS "/sys/module/sluice"
#define BTF "/sys/kernel/btf/sluice"
#define FUNCTION "bpf_sluice_deliver"

#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

/* ---- what there is --------------------------------------------------------------- */

static bool is_loaded(void)
{
	return !access(SYSFS, F_OK);
}

static bool kernel_has_modules(void)
{
	return !access("/proc/modules", F_OK);
}

static const char *release(void)
{
	static struct utsname name;

	uname(&name);
	return name.release;
}

/* A line of a file in /sys; "" if it is not there. */
static void read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (!f)
		return;
	if (!fgets(line, size, f))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	fclose(f);
}

/* The module's file, as modprobe would find it, by the index that depmod makes. */
static bool find_file(char path[PATH_MAX])
{
	char index[PATH_MAX], line[PATH_MAX];
	bool found = false;
	FILE *f;

	snprintf(index, sizeof(index), "/lib/modules/%s/modules.dep", release());
	f = fopen(index, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		const char *name;

		line[strcspn(line, ":")] = '\0';
		name = strrchr(line, '/');
		name = name ? name + 1 : line;
		found = !strncmp(name, "sluice.ko", 9) && (!name[9] || name[9] == '.');
	}
	fclose(f);
	if (!found)
		return false;
	if (line[0] == '/')
		snprintf(path, PATH_MAX, "%s", line);
	else if (snprintf(path, PATH_MAX, "/lib/modules/%s/%s", release(), line) >= PATH_MAX)
		return false;
	return !access(path, F_OK);
}

/* The whole of a file of up to @most bytes. */
static bool read_file(const char *path, struct text *bytes, size_t most)
{
	char piece[16384];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while ((n = read(fd, piece, sizeof(piece))) > 0 && bytes->len < most)
		text_append(bytes, piece, n);
	close(fd);
	return n == 0;
}

/* Whether the loaded module's BTF names the function: what a program needs to call it. */
static bool has_function(void)
{
	struct text btf = { 0 };
	bool has = read_file(BTF, &btf, 1 << 20) &&
		   memmem(btf.data, btf.len, "\0" FUNCTION, sizeof("\0" FUNCTION));

	text_free(&btf);
	return has;
}

/* The network namespaces whose store is in use: a compiler is bound, or something runs. */
static void add_namespace(json_t *list, const char *name)
{
	struct client *c = client_new();
	struct client_status s;

	if (!client_open_module(c, name) && !client_status(c, &s) && (s.compiler || s.running)) {
		json_t *o = json_pack("{sb so}", "compiler", s.compiler, "generation",
				      json_integer(s.running));

		if (name)
			json_object_set_new(o, "netns", json_text(name));
		json_array_append_new(list, o);
	}
	client_free(c);
}

static json_t *namespaces(void)
{
	json_t *list = json_array();
	struct dirent *entry;
	DIR *folder;

	add_namespace(list, NULL);
	folder = opendir("/run/netns");
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			add_namespace(list, entry->d_name);
	if (folder)
		closedir(folder);
	return list;
}

static json_t *describe(void)
{
	bool loaded = is_loaded(), installed;
	char file[PATH_MAX], line[256];
	json_t *o = json_pack("{ss sb sb ss}", "object", "module", "loaded", loaded, "modules",
			      kernel_has_modules(), "kernel", release());

	installed = find_file(file);
	if (installed)
		json_object_set_new(o, "file", json_text(file));
	if (!loaded)
		return o;
	read_line(SYSFS "/version", line, sizeof(line));
	json_object_set_new(o, "version", json_text(line));
	json_object_set_new(o, "btf", json_boolean(!access(BTF, F_OK)));
	json_object_set_new(o, "function", json_boolean(has_function()));
	read_line(SYSFS "/refcnt", line, sizeof(line));
	json_object_set_new(o, "users", json_integer(atoll(line)));
	json_object_set_new(o, "namespaces", namespaces());
	return o;
}

/* ---- show it ---------------------------------------------------------------------- */

static void print_namespaces(const json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
		printf("%-12s%s%s: generation %lld, %s\n", i ? "" : "stores",
		       *field_text(o, "netns") ? "namespace " : "this namespace",
		       field_text(o, "netns"), field_number(o, "generation"),
		       field_true(o, "compiler") ? "sluiced is bound" : "no sluiced is bound");
}

static void print_module(const json_t *o)
{
	const char *file = field_text(o, "file");

	if (field_true(o, "loaded"))
		printf("%-12s%s\n", "loaded", field_text(o, "version"));
	else
		printf("%-12sno%s\n", "loaded", field_true(o, "modules") ? "" :
		       ": this kernel has no loadable modules (CONFIG_MODULES)");
	printf("%-12s%s\n", "kernel", field_text(o, "kernel"));
	printf("%-12s%s\n", "file", *file ? file : "none is installed for this kernel");
	if (!field_true(o, "loaded"))
		return;
	printf("%-12s%s\n", "BTF", field_true(o, "btf") ? "yes" : "no: build it again, by \"make kmod\"");
	printf("%-12s%s\n", "function", field_true(o, "function") ? FUNCTION "()" : "none that programs can call");
	printf("%-12s%lld\n", "users", field_number(o, "users"));
	print_namespaces(json_object_get(o, "namespaces"));
}

static int show(struct cli *cli)
{
	json_t *o = describe();

	if (cli->json)
		ask_print_json(cli, o, NULL);
	else
		print_module(o);
	json_decref(o);
	return CLI_OK;
}

int module_status(struct cli *cli, int argc, char **argv)
{
	if (cli_no_arguments(cli, argc, argv, NULL) < 0)
		return CLI_USAGE;
	return show(cli);
}

/* ---- load it, or say why not --------------------------------------------------------- */

static bool may_load(void)
{
	return !capng_get_caps_process() && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_MODULE);
}

/* integrity or confidentiality: then unsigned modules are refused, as under Secure Boot. */
static bool locked_down(void)
{
	char line[256];

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	return *line && !strstr(line, "[none]");
}

static void hint_to_build(void)
{
	char headers[PATH_MAX];

	snprintf(headers, sizeof(headers), "/lib/modules/%s/build/Makefile", release());
	if (access(headers, F_OK))
		cli_hint("the headers of this kernel are missing, which building it takes: "
			 "'apt install linux-headers-%s', then 'make install' in sluice's source", release());
	else
		cli_hint("'make install' in sluice's source builds it for this kernel; with DKMS "
			 "installed, for each one to come, too");
}

static void hint_to_sign(void)
{
	cli_hint("Secure Boot has the kernel take signed modules only. Have DKMS build it ('apt install dkms', "
		 "then 'make install' in sluice's source), which signs it by a key of this machine");
	cli_hint("then let the machine trust that key: 'mokutil --import /var/lib/dkms/mok.pub', "
		 "reboot, and choose \"Enroll MOK\" in the blue menu");
}

/* What the file says that it was built for; "" if it does not, or is compressed. */
static void built_for(const char *file, char *version, size_t size)
{
	struct text bytes = { 0 };
	const char *at = NULL;

	version[0] = '\0';
	if (read_file(file, &bytes, 64 << 20))
		at = memmem(bytes.data, bytes.len, "\0vermagic=", 10);
	if (at && memchr(at + 10, '\0', bytes.data + bytes.len - at - 10)) {
		snprintf(version, size, "%s", at + 10);
		version[strcspn(version, " ")] = '\0';
	}
	text_free(&bytes);
}

static void explain_format(const char *file)
{
	char version[256];

	built_for(file, version, sizeof(version));
	if (*version && strcmp(version, release()))
		cli_error("%s was built for kernel %s, and this one is %s", file, version, release());
	else
		cli_error("%s does not fit this kernel, %s (the kernel's log says more: dmesg)", file,
			  release());
	hint_to_build();
}

static void explain(const char *file, int err)
{
	switch (err) {
	case EKEYREJECTED:
	case ENOKEY:
	case EBADMSG:
		cli_error("the kernel does not trust the signature of %s, or it has none", file);
		hint_to_sign();
		return;
	case EPERM:
		if (!locked_down()) {
			cli_error("this system lets no module be loaded (kernel.modules_disabled, or a container)");
			return;
		}
		cli_error("the kernel is locked down, and refused %s", file);
		hint_to_sign();
		return;
	case ENOEXEC:
		explain_format(file);
		return;
	case ENOENT:
		cli_error("%s asks for symbols that this kernel has not (dmesg says which)", file);
		hint_to_build();
		return;
	default:
		cli_error("the kernel refused %s: %s (its log may say more: dmesg)", file, strerror(err));
	}
}

/* Return: 0, or errno. */
static int load_by_hand(const char *file)
{
	size_t n = strlen(file);
	bool compressed = n > 3 && strcmp(file + n - 3, ".ko");
	int fd = open(file, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, "", compressed ? MODULE_INIT_COMPRESSED_FILE : 0))
		err = errno;
	close(fd);
	return err == EEXIST ? 0 : err;
}

static bool modprobe(void)
{
	int code, quiet;
	pid_t child = fork();

	if (!child) {
		quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(quiet, STDOUT_FILENO);
		dup2(quiet, STDERR_FILENO);
		execlp("modprobe", "modprobe", "sluice", NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &code, 0) == child && !code;
}

static int load(const char *named)
{
	char file[PATH_MAX];
	int err;

	if (!kernel_has_modules()) {
		cli_error("this kernel has no loadable modules (CONFIG_MODULES)");
		cli_hint("sluiced keeps the configuration itself; \"sluice status\" says what goes another way");
		return CLI_FAILED;
	}
	if (!may_load()) {
		cli_error("no permission to load a module: CAP_SYS_MODULE is needed");
		cli_hint("use sudo");
		return CLI_UNREACHABLE;
	}
	if (!named && !find_file(file)) {
		cli_error("no module sluice is installed for this kernel, %s", release());
		hint_to_build();
		return CLI_FAILED;
	}
	if (!named && modprobe())
		return CLI_OK;
	err = load_by_hand(named ? named : file);
	if (!err)
		return CLI_OK;
	if (named && access(named, R_OK))
		cli_error("%s: %s", named, strerror(err));
	else
		explain(named ? named : file, err);
	return CLI_FAILED;
}

/* What follows from its being there now. */
static void advise(const struct cli *cli)
{
	char socket[PATH_MAX];

	if (access(BTF, F_OK))
		cli_hint("the module has no BTF, so that no program can call it: build it again, by \"make kmod\"");
	snprintf(socket, sizeof(socket), "%s/query.sock", cli->run_dir);
	if (!access(socket, F_OK))
		cli_hint("a sluiced that ran already goes on without the module until it is restarted");
}

int module_load(struct cli *cli, int argc, char **argv)
{
	int n = cli_options(cli, argc, argv, NULL);
	int code;

	if (n < 0)
		return CLI_USAGE;
	if (n > 1)
		return cli_usage(cli, "\"%s\" is too much: at most one file", argv[1]);
	if (!is_loaded()) {
		code = load(argv[0]);
		if (code != CLI_OK)
			return code;
		advise(cli);
	}
	return show(cli);
}
