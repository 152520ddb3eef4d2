// SPDX-License-Identifier: GPL-2.0
#include "daemon/rundir.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/netns.h"
#include "base/text.h"

#define RUNDIR_DEFAULT	"/run/sluice"
#define SOCKET_PATH_MAX	107	/* bytes of sun_path, without the NUL */

/* mkdir -p. The last folder is the daemon's own; those above it can be passed through. */
static int make_folders(const char *path, struct text *why)
{
	char part[PATH_MAX];
	int err;

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; slash; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST) {
			err = -errno;
			text_printf(why, "cannot make %s: %s", part, strerror(-err));
			return err;
		}
		if (!slash)
			break;
		*slash = '/';
	}
	return 0;
}

static int make_private(const char *path, struct text *why)
{
	int err;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	err = -errno;
	text_printf(why, "cannot make %s: %s", path, strerror(-err));
	return err;
}

/* Names dir->store, and makes the folder that it is in. */
static int make_state(struct rundir *dir, const char *base, const char *netns, struct text *why)
{
	char state[PATH_MAX - 64], parent[PATH_MAX];
	int n, err;

	if (base && *base)
		n = snprintf(state, sizeof(state), "%s%s%s", base, netns ? "/netns/" : "",
			     netns ? netns : "");
	else
		n = snprintf(state, sizeof(state), "%s/state", dir->path);
	if (n >= (int)sizeof(state) || state[0] != '/') {
		text_printf(why, "%s: the state directory must begin with \"/\", and not be too long",
			    base);
		return -EINVAL;
	}
	snprintf(dir->store, sizeof(dir->store), "%s/store", state);
	snprintf(dir->refused, sizeof(dir->refused), "%s/refused.pcapng", state);
	strcpy(parent, state);
	*strrchr(parent, '/') = '\0';
	err = *parent ? make_folders(parent, why) : 0;
	return err ? err : make_private(state, why);
}

int rundir_make(struct rundir *dir, const char *base, const char *state, const char *netns,
		struct text *why)
{
	int n, err;

	if (!base || !*base)
		base = RUNDIR_DEFAULT;
	n = snprintf(dir->path, sizeof(dir->path), "%s%s%s", base, netns ? "/netns/" : "",
		     netns ? netns : "");
	if (n < 0 || n + strlen("/sluice.sock") > SOCKET_PATH_MAX) {
		text_printf(why, "%s: too long a path for a socket", base);
		return -ENAMETOOLONG;
	}
	if (dir->path[0] != '/') {
		text_printf(why, "%s: the run directory must begin with \"/\"", base);
		return -EINVAL;
	}
	snprintf(dir->bpf, sizeof(dir->bpf), "%s/bpf", dir->path);
	snprintf(dir->generation, sizeof(dir->generation), "%s/generation", dir->path);
	snprintf(dir->store_socket, sizeof(dir->store_socket), "%s/sluice.sock", dir->path);
	snprintf(dir->query_socket, sizeof(dir->query_socket), "%s/query.sock", dir->path);
	err = make_folders(dir->path, why);
	if (!err)
		err = make_private(dir->bpf, why);
	if (!err)
		err = make_state(dir, state, netns, why);
	return err;
}

int rundir_mount(const struct rundir *dir, struct text *why)
{
	struct statfs fs;
	int err;

	if (statfs(dir->bpf, &fs)) {
		err = -errno;
		text_printf(why, "%s: %s", dir->bpf, strerror(-err));
		return err;
	}
	if ((unsigned long)fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (!mount("bpffs", dir->bpf, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return 0;
	err = -errno;
	text_printf(why, "cannot mount a bpffs at %s: %s", dir->bpf, strerror(-err));
	return err;
}

bool rundir_fleeting(const struct rundir *dir)
{
	struct text mounts = { 0 }, wanted = { 0 };
	struct stat own, first;
	bool fleeting;

	if (stat("/proc/self/ns/mnt", &own) || stat("/proc/1/ns/mnt", &first) ||
	    (own.st_ino == first.st_ino && own.st_dev == first.st_dev) ||
	    text_read_file(&mounts, "/proc/1/mounts", 1 << 24))
		return false;
	/* One that was mounted before, outside, is ours as well, and stays. */
	text_printf(&wanted, " %s bpf ", dir->bpf);
	fleeting = !strstr(text_string(&mounts), wanted.data);
	text_free(&mounts);
	text_free(&wanted);
	return fleeting;
}

/* The folder of links is there as long as a data path is. */
static bool is_pinned(const struct rundir *dir)
{
	char links[PATH_MAX + 8];

	snprintf(links, sizeof(links), "%s/links", dir->bpf);
	return !access(links, F_OK);
}

int rundir_claim(const struct rundir *dir, bool named, struct text *why)
{
	uint64_t own = netns_cookie(), before = 0;
	char path[PATH_MAX], line[32];
	struct text kept = { 0 };
	int err, pinned = is_pinned(dir);

	snprintf(path, sizeof(path), "%s/namespace", dir->path);
	if (!text_read_file(&kept, path, sizeof(line)))
		before = strtoull(text_string(&kept), NULL, 10);
	text_free(&kept);
	pinned = pinned && before && before != own;
	if (pinned && !named) {
		text_printf(why, "%s holds the data path of another network namespace: start with "
			    "--run-dir and a directory of its own, or take that data path down with "
			    "`sluiced --remove`", dir->path);
		return -EBUSY;
	}
	snprintf(line, sizeof(line), "%" PRIu64 "\n", own);
	err = text_write_file(path, line, strlen(line), 0600);
	if (err)
		text_printf(why, "%s: %s", path, strerror(-err));
	return err ? err : pinned;
}
