// SPDX-License-Identifier: GPL-2.0
/* transport.c: waiting, as both transports and their client do it. */
#include "netlink/transport.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

int64_t transport_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

int transport_wait(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { fd, events, 0 };
	int64_t left = -1;
	int n;

	do {
		if (deadline_ms >= 0) {
			left = deadline_ms - transport_now();
			if (left < 0)
				left = 0;
			if (left > 1000000000)
				left = 1000000000;
		}
		n = poll(&p, 1, left);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}
