// SPDX-License-Identifier: GPL-2.0
#include "store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "cli.h"
#include "netlink/client.h"

int store_try(const struct cli *cli, struct client *c)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sluice.sock", cli->run_dir);
	return client_open_either(c, path, cli->netns);
}

int store_complain(const struct cli *cli, const struct client *c, int err)
{
	if (err == -EACCES || err == -EPERM)
		cli_error("no permission: %s", client_error(c));
	else
		cli_error("%s", client_error(c));
	if (err == -ENOENT || err == -ECONNREFUSED)
		cli_hint(cli->netns ? "start it with 'sluiced -n %s' as root" :
			 "start it with 'sluiced' as root, or 'systemctl start sluiced'", cli->netns);
	else if (err == -EPERM)
		cli_hint("the configuration is for whoever administers the network namespace: use sudo");
	else if (err == -EACCES)
		cli_hint("the configuration is root's and that of the socket's group: use sudo");
	return CLI_UNREACHABLE;
}

bool store_lost(int err)
{
	return err == -ECONNRESET || err == -EPIPE || err == -ETIMEDOUT || err == -EUSERS;
}

int store_failed(const struct cli *cli, const struct client *c, int err)
{
	const char *n = cli->netns ? " -n " : "", *netns = cli->netns ? cli->netns : "";

	cli_error("%s", client_error(c));
	switch (err) {
	case -ETIMEDOUT:
		cli_hint("sluiced is busy, or hangs: see its log, and try again");
		break;
	case -ECONNRESET:
	case -EPIPE:
		cli_hint("sluiced has ended or was started anew: 'sluice%s%s status' says whether it runs",
			 n, netns);
		break;
	case -EUSERS:
		cli_hint("every 'sluice monitor' and every batch is one: end some, or try again later; "
			 "'ss -xp' shows whose they are");
		break;
	}
	return store_lost(err) || err == -EPERM || err == -EACCES ? CLI_UNREACHABLE : CLI_FAILED;
}

int store_open(const struct cli *cli, struct client *c)
{
	int err = store_try(cli, c);

	return err ? store_complain(cli, c, err) : CLI_OK;
}
