// SPDX-License-Identifier: GPL-2.0
/*
 * stress: many processes at one module, at random, and what no reader may ever see.
 *
 *	build/test/stress [-n OPERATIONS] [-s SEED]
 *
 * Eight processes work in four network namespaces, each with a few sockets on which it begins, sets,
 * deletes, reads, commits, confirms, rolls back, binds itself as the compiler and judges what others
 * have committed. Sockets are closed in the middle of anything, processes end and are followed by
 * others, and namespaces are taken away: the last that leaves one ends it, with whatever was under
 * way in it.
 *
 * What is looked at:
 *	- A transaction writes all of STAMPED objects with a stamp of its own, in several messages, or
 *	  none of them. So whatever is read of one generation has one stamp and all of them, however
 *	  long the dump takes and whatever is committed meanwhile.
 *	- A generation has the stamp that it had: dumped again, or rolled back to.
 *	- Numbers only grow: of what runs, and of candidates.
 *	- There is one compiler; a committer gets the verdict of its own candidate.
 *	- Every answer is one that the state of its socket allows.
 *
 * The seed makes each process's choices; how the processes mingle, it does not. What is seen of them
 * is shared between them in memory, one struct space for each namespace that there ever was.
 */
#include "selftests/module/stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "selftests/module/kernel_memory.h"
#include "selftests/module/socket.h"

#define PROCESSES	8
#define SOCKETS		3		/* a process */
#define NAMESPACE_LASTS	2000		/* operations: a slow kernel shall not do little else than make them */

static struct conn conns[SOCKETS];
static unsigned int slot, version;	/* whose namespace we are in, and which of them */

static void leave(void)
{
	for (int i = 0; i < SOCKETS; i++)
		conn_close(&conns[i]);
	if (!space)
		return;
	pthread_mutex_lock(&shared->lock);
	space->users--;
	pthread_mutex_unlock(&shared->lock);
	space = NULL;
}

static void enter(void)
{
	char path[64];
	int fd;

	leave();
	slot = below(NAMESPACES);
	pthread_mutex_lock(&shared->lock);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), shared->slots[slot].fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	version = shared->slots[slot].version;
	space = &shared->spaces[shared->slots[slot].space];
	space->users++;
	pthread_mutex_unlock(&shared->lock);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		broken("%s: %s", path, strerror(errno));
	close(fd);
}

static enum op choose(void)
{
	static unsigned int total;
	unsigned int n;
	int op = 0;

	if (!total)
		for (int i = 0; i < OPS; i++)
			total += ops[i].weight;
	for (n = below(total); n >= ops[op].weight; op++)
		n -= ops[op].weight;
	return op;
}

static void operate(void)
{
	struct conn *c = &conns[below(SOCKETS)];
	enum op op = choose();

	if (c->fd < 0) {
		c->fd = socket_new();
		if (c->fd < 0) {
			broken("no socket: %s", strerror(-c->fd));
			return;
		}
	}
	/* A compiler that lets others wait would make this a test of patience. */
	if (c->compiles && in_a_hundred(60))
		op = COMPILE;
	if (c->listens && op != CLOSE && op != LEAVE)
		op = DUMP_ON;
	/* The namespace may have been taken away: those who are in it go, sooner or later. */
	if (version != shared->slots[slot].version && in_a_hundred(5))
		op = LEAVE;
	if (op == LEAVE || op == CLOSE)
		shared->done[op]++;
	if (op == LEAVE)
		enter();
	else
		ops[op].run(c);
}

static void work(uint64_t seed)
{
	random_seed(seed);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < SOCKETS; i++)
		conns[i].fd = -1;
	enter();
	while (atomic_fetch_sub(&shared->left, 1) > 0) {
		operate();
		if (!below(3000)) {
			shared->ended++;
			break;		/* the next one takes its place */
		}
	}
	leave();
}

/* --- those who look after it ------------------------------------------------------------------ */

static int home;

/* A new network namespace in the place of the old, which lives on as long as somebody is in it. */
static void replace_namespace(unsigned int n)
{
	unsigned int s;
	int fd;

	if (unshare(CLONE_NEWNET) || (fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) < 0) {
		broken("no namespace: %s", strerror(errno));
		return;
	}
	if (setns(home, CLONE_NEWNET))
		abort();
	pthread_mutex_lock(&shared->lock);
	for (s = 0; s < SPACES; s++) {
		bool current = false;

		for (int i = 0; i < NAMESPACES; i++)
			current |= shared->slots[i].fd >= 0 && shared->slots[i].space == s;
		if (!current && !shared->spaces[s].users)
			break;
	}
	if (s < SPACES) {
		struct space *new = &shared->spaces[s];

		new->running = new->candidate = 0;
		new->bound = false;
		memset(new->known, 0, sizeof(new->known));
		if (shared->slots[n].fd >= 0)
			close(shared->slots[n].fd);
		shared->slots[n].fd = fd;
		shared->slots[n].space = s;
		shared->slots[n].version++;
	} else {
		close(fd);
	}
	pthread_mutex_unlock(&shared->lock);
}

static pid_t start_worker(uint64_t seed)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		work(seed);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* Return: how many namespaces there were. */
static unsigned int run(long operations, uint64_t seed)
{
	struct timespec wait = { 0, 100 * 1000 * 1000 };
	unsigned int namespaces = NAMESPACES, alive = 0, incarnation = 0;
	long next = operations - NAMESPACE_LASTS;

	shared->left = operations;
	for (unsigned int i = 0; i < NAMESPACES; i++)
		replace_namespace(i);
	while (alive < PROCESSES && start_worker(seed + ++incarnation) > 0)
		alive++;
	for (unsigned int tick = 1; alive; tick++) {
		int status;

		nanosleep(&wait, NULL);
		while (alive && waitpid(-1, &status, WNOHANG) > 0) {
			alive--;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				broken("a process died: %x", status);
			if (shared->left > 0 && start_worker(seed + ++incarnation) > 0)
				alive++;
		}
		if (tick % 600 == 0 && shared->left > 0) {
			printf("# %ld operations to go\n", shared->left);
			fflush(stdout);
		}
		if (shared->left > 0 && shared->left <= next) {
			replace_namespace(namespaces++ % NAMESPACES);
			next -= NAMESPACE_LASTS;
		}
	}
	for (unsigned int i = 0; i < NAMESPACES; i++) {
		close(shared->slots[i].fd);
		shared->slots[i].fd = -1;
	}
	return namespaces;
}

static void prepare(void)
{
	pthread_mutexattr_t between;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("stress: mmap");
		exit(1);
	}
	pthread_mutexattr_init(&between);
	pthread_mutexattr_setpshared(&between, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &between);
	for (int i = 0; i < SPACES; i++)
		pthread_mutex_init(&shared->spaces[i].lock, &between);
	for (int i = 0; i < NAMESPACES; i++)
		shared->slots[i].fd = -1;
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int tests, failures;

static void ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void ok(bool good, const char *format, ...)
{
	va_list args;

	failures += !good;
	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Return: what no process has done or seen so far; NULL: each thing that is looked for has been. */
static const char *missing(void)
{
	for (int i = 0; i < OPS; i++)
		if (!shared->done[i] && i != NONSENSE)
			return op_names[i];
	if (!shared->split_dumps)
		return "a dump of several datagrams";
	if (!shared->verdicts)
		return "a verdict";
	return shared->returns ? NULL : "a return to what ran before";
}

int main(int argc, char **argv)
{
	long operations = 10000, namespaces_before, namespaces_after, memory_before, memory_after;
	uint64_t seed = time(NULL);
	unsigned int namespaces;
	const char *lacks;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			operations = atol(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	if (family_find(&family, groups)) {
		printf("1..0 # SKIP the module is not loaded\n");
		return 4;
	}
	printf("# seed %llu\n", (unsigned long long)seed);
	prepare();

	/* What every cache and table of the kernel takes the first time is not growth. */
	run(operations < 100000 ? operations / 10 : 10000, seed ^ 0xabcdef);
	namespaces_before = kernel_namespaces_settled(LONG_MAX);
	memory_before = kernel_memory_kB();
	namespaces = run(operations, seed);
	/* On a slow machine chance may leave something out that more operations will bring. */
	for (int more = 1; missing() && more < 10 && operations >= 10000 && !shared->broken; more++)
		namespaces += run(operations / 5, seed + (uint64_t)more * 0x10000);
	ok(!shared->broken, "%ld operations, %u namespaces: no promise was broken", operations, namespaces);
	for (int i = 0; i < OPS; i++)
		printf("%s%s %lu done %lu refused", i % 4 ? ", " : i ? "\n# " : "# ", op_names[i],
		       shared->done[i], shared->refused[i]);
	putchar('\n');
	printf("# %lu dumps (%lu of several datagrams), %lu verdicts, %lu returns heard, %lu overruns, "
	       "%lu processes ended early\n", shared->dumps, shared->split_dumps, shared->verdicts,
	       shared->returns, shared->overruns, shared->ended);
	lacks = missing();
	if (operations >= 10000)
		ok(!lacks, "all of it was done%s%s", lacks ? ", but never: " : "", lacks ? lacks : "");

	namespaces_after = kernel_namespaces_settled(namespaces_before);
	ok(namespaces_after <= namespaces_before, "namespaces end: %ld before, %ld after",
	   namespaces_before, namespaces_after);
	ok(kernel_module_uses() == 0, "nobody holds the module: %ld", kernel_module_uses());
	memory_after = kernel_memory_kB();
	if (kernel_watches_memory())
		printf("# memory: %ld kB before, %ld after: this kernel's leak detector tells\n",
		       memory_before, memory_after);
	else
		ok(memory_after - memory_before < 3000, "memory: %ld kB before, %ld kB after",
		   memory_before, memory_after);
	printf("1..%d\n", tests);
	return failures > 0;
}
