// SPDX-License-Identifier: GPL-2.0
#include "daemon/missing_ports.h"

#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "base/vec.h"
#include "daemon/interfaces.h"
#include "policy/tree.h"

static bool has_port(const struct policy *policy, const struct policy_port *port)
{
	for (size_t i = 0; policy && i < policy->ports.len; i++) {
		const struct policy_port *p = *(struct policy_port **)vec_at(&policy->ports, i);

		if (!strcmp(p->name, port->name) && !strcmp(p->interface, port->interface))
			return true;
	}
	return false;
}

static void say_mistake(const struct interfaces *in, const struct policy_port *port, struct diags *diags)
{
	struct text there = { 0 };

	interfaces_list(in, &there);
	diag_error(diags, port->interface_place, "there is no interface \"%s\"", port->interface);
	diag_hint(diags, "interfaces here: %s", there.len ? there.data : "none");
	text_free(&there);
}

int missing_ports_check(const struct interfaces *in, const struct policy *policy, enum wish wish,
			const struct policy *ran, struct diags *diags)
{
	int missing = 0, mistakes = 0;

	for (size_t i = 0; i < policy->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&policy->ports, i);

		if (interfaces_exist(in, port->interface))
			continue;
		missing++;
		if (wish == WISH_ROLLBACK) {
			diag_warning(diags, port->interface_place, "there is no interface \"%s\" any more: the port "
				     "waits for one of this name", port->interface);
		} else if (wish == WISH_COMMIT && !has_port(ran, port)) {
			say_mistake(in, port, diags);
			mistakes++;
		}
	}
	return mistakes ? -ENODEV : missing;
}
