// SPDX-License-Identifier: GPL-2.0
#include "daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static struct sockaddr_un manager;
static socklen_t manager_len;		/* 0: there is none */
static int manager_fd = -1;

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(manager.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, path, len);
	if (path[0] == '@')
		manager.sun_path[0] = '\0';
	manager_len = offsetof(struct sockaddr_un, sun_path) + len;
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsetenv("NOTIFY_SOCKET");
}

static void tell(const char *message)
{
	if (manager_fd >= 0)
		sendto(manager_fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT,
		       (struct sockaddr *)&manager, manager_len);
}

void notify_ready(void)
{
	tell("READY=1");
}

/* Type=notify-reload wants to know when the reload began. */
void notify_reloading(void)
{
	struct text message = { 0 };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	text_printf(&message, "RELOADING=1\nMONOTONIC_USEC=%lld",
		    now.tv_sec * 1000000ll + now.tv_nsec / 1000);
	tell(text_string(&message));
	text_free(&message);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_status(const char *format, ...)
{
	struct text message = { 0 };
	va_list args;

	text_printf(&message, "STATUS=");
	va_start(args, format);
	text_vprintf(&message, format, args);
	va_end(args);
	tell(text_string(&message));
	text_free(&message);
}
