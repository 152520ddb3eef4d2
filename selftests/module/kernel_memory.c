// SPDX-License-Identifier: GPL-2.0
#include "selftests/module/kernel_memory.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* The first number of a file, or of its line that begins with @word. */
static long number_in(const char *path, const char *word)
{
	FILE *f = fopen(path, "r");
	char line[256];
	long n = -1;

	if (!f)
		return -1;
	while (n < 0 && fgets(line, sizeof(line), f))
		if (!word || !strncmp(line, word, strlen(word)))
			sscanf(line + (word ? strlen(word) : 0), "%ld", &n);
	fclose(f);
	return n;
}

static void shrink(const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (write(fd, "1", 1) != 1)
			perror(found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

long kernel_memory_kB(void)
{
	pause_ms(500);	/* what waits for a grace period */
	shrink("/sys/kernel/slab/kmalloc-*/shrink");
	return number_in("/proc/meminfo", "SUnreclaim:");
}

/* Linux gives a dead namespace's last memory back when the next one dies. */
static void end_a_namespace(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unshare(CLONE_NEWNET) ? 1 : 0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

long kernel_namespaces_settled(long wanted)
{
	long n = -1, least = LONG_MAX;

	for (int quiet = 0; quiet < (wanted == LONG_MAX ? 8 : 100); quiet++) {
		end_a_namespace();
		pause_ms(300);
		shrink("/sys/kernel/slab/net_namespace/shrink");
		n = number_in("/sys/kernel/slab/net_namespace/objects", NULL);
		if (n <= wanted && wanted != LONG_MAX)
			break;
		if (n < least) {
			least = n;
			quiet = 0;
		}
	}
	return n;
}

long kernel_module_uses(void)
{
	return number_in("/sys/module/sluice/refcnt", NULL);
}

bool kernel_watches_memory(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}
