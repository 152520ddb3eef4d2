// SPDX-License-Identifier: GPL-2.0
/* client.c: the way to a store: the module's family, or the daemon's socket. */
#include "netlink/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "netlink/client_inside.h"

void client_path(const char *netns, char path[CLIENT_PATH_MAX])
{
	if (netns)
		snprintf(path, CLIENT_PATH_MAX, "/run/sluice/netns/%s/sluice.sock", netns);
	else
		snprintf(path, CLIENT_PATH_MAX, "/run/sluice/sluice.sock");
}

static bool good_netns(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..") &&
	       strlen(name) < CLIENT_PATH_MAX - sizeof("/run/sluice/netns//sluice.sock");
}

static void take_transport(struct client *c, struct transport *t)
{
	if (c->transport)
		c->transport->ops->close(c->transport);
	c->transport = t;
	c->in_len = c->in_pos = 0;
	c->change = SLUICE_CMD_UNSPEC;
}

static int open_unix(struct client *c, const char *path)
{
	struct text why = { 0 };
	struct transport *t;
	int err = transport_unix(path, &t, &why);

	c->error[0] = '\0';
	if (err)
		return client_fail_transport(c, err, &why);
	take_transport(c, t);
	return 0;
}

int client_open_module(struct client *c, const char *netns)
{
	struct text why = { 0 };
	struct transport *t;
	int err;

	c->error[0] = '\0';
	if (netns && !good_netns(netns))
		return client_fail(c, -EINVAL, "\"%s\" is no name of a network namespace", netns);
	err = transport_genl(netns, &t, &why);
	if (err)
		return client_fail_transport(c, err, &why);
	take_transport(c, t);
	return 0;
}

int client_open_either(struct client *c, const char *socket, const char *netns)
{
	int err = client_open_module(c, netns);
	struct client_status status;
	char refused[sizeof(c->error)];

	if (err == -ENOENT)
		return open_unix(c, socket);
	if (err)
		return err;
	err = client_status(c, &status);
	strcpy(refused, c->error);
	if ((err || !status.compiler) && !open_unix(c, socket))
		return 0;
	return err ? client_fail(c, err, "%s", refused) : client_fail(c, 0, "%s", "");
}

int client_open(struct client *c, const char *path, const char *netns)
{
	char standard[CLIENT_PATH_MAX];

	if (path)
		return open_unix(c, path);
	if (netns && !good_netns(netns))
		return client_fail(c, -EINVAL, "\"%s\" is no name of a network namespace", netns);
	client_path(netns, standard);
	return client_open_either(c, standard, netns);
}

enum sluice_home client_home(const struct client *c)
{
	return c->transport ? c->transport->ops->home : SLUICE_HOME_UNSPEC;
}

/* --- life ------------------------------------------------------------------------------------- */

struct client *client_new(void)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->patience_ms = 10000;
	c->last_event = &c->events;
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->events) {
		struct kept *k = c->events;

		c->events = k->next;
		free(k);
	}
	free(c->told);
	if (c->transport)
		c->transport->ops->close(c->transport);
	free(c);
}

const char *client_error(const struct client *c)
{
	return c->error;
}

const char *client_warning(const struct client *c)
{
	return c->warning;
}

void client_patience(struct client *c, unsigned int ms)
{
	c->patience_ms = ms;
}

int client_fd(const struct client *c)
{
	return c->transport ? c->transport->fd : -1;
}
