/* SPDX-License-Identifier: GPL-2.0 */
/*
 * missing_ports.h: ports whose interface is not there: a mistake, or to be waited for.
 *
 * Whoever commits a policy that names an interface that is not there has most likely misspelt it, and is told.
 * What ran already is another matter: interfaces come and go, its port waits for one of the name, and the
 * status says so (daemon/interfaces.h). So a port may be without its interface
 *
 *	after a start, a reload, and where the store has gone back by itself
 *	after a roll-back: it is what somebody does who is cut off, and must not be held up by an interface that
 *		has gone meanwhile
 *	where it runs already, and the text of the policy stays as it is: a typed change (a route, a leg) has
 *		nothing to do with it
 */
#ifndef SLUICE_DAEMON_MISSING_PORTS_H
#define SLUICE_DAEMON_MISSING_PORTS_H

#include "daemon/configuration.h"

struct diags;
struct interfaces;
struct policy;

/**
 * missing_ports_check() - the ports of @policy.
 * @ran: what runs, if @policy has the same text; else NULL.
 * @diags: gets an error for each that is a mistake, a warning for each that a roll-back brings back.
 * Return: how many are missing and are to be waited for; -ENODEV: there is a mistake.
 */
int missing_ports_check(const struct interfaces *in, const struct policy *policy, enum wish wish,
			const struct policy *ran, struct diags *diags);

#endif
