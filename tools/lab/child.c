// SPDX-License-Identifier: GPL-2.0
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard input of a child: the text, in memory; or nothing. */
static int input_fd(const char *input)
{
	size_t n = input ? strlen(input) : 0;
	int fd;

	if (!n)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, input, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void become(const struct child *c, const char *const argv[], int in, int out)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (c->log)
		out = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (dup2(in, 0) < 0 || (out >= 0 && (dup2(out, 1) < 0 || dup2(out, 2) < 0)) ||
	    (c->netns >= 0 && setns(c->netns, CLONE_NEWNET)) || (c->dir && chdir(c->dir)))
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start(const struct child *c, const char *const argv[], int out, bool die_with_us)
{
	int in = input_fd(c->input);
	pid_t parent = getpid(), pid;

	if (in < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(126);
		/* Its own group: what the terminal sends is for the command, not for daemons. */
		if (die_with_us)
			setpgid(0, 0);
		become(c, argv, in, out);
	}
	close(in);
	return pid < 0 ? -errno : pid;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(const struct child *c, const char *const argv[], struct text *said)
{
	char buf[4096];
	int out[2], err;
	ssize_t n;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		return -errno;
	pid = start(c, argv, out[1], false);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return pid;
	}
	while ((n = read(out[0], buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && said)
			text_append(said, buf, n);
	close(out[0]);
	err = wait_for(pid);
	return err;
}

pid_t child_start(const struct child *c, const char *const argv[])
{
	return start(c, argv, -1, true);
}

int netns_call(int netns, int (*f)(void *argument), void *argument)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), result;

	if (home < 0)
		return -errno;
	if (setns(netns, CLONE_NEWNET)) {
		result = -errno;
		close(home);
		return result;
	}
	result = f(argument);
	/* There is no way on from a namespace that one cannot leave. */
	if (setns(home, CLONE_NEWNET))
		_exit(126);
	close(home);
	return result;
}
