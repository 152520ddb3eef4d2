// SPDX-License-Identifier: GPL-2.0
#include "daemon/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/text.h"

static const unsigned int to_start[] = {
	CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN,
};
static const unsigned int to_run[] = { CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int privilege_check(struct text *why)
{
	struct text missing = { 0 };

	if (capng_get_caps_process()) {
		text_printf(why, "cannot read this process's capabilities");
		return -EPERM;
	}
	for (size_t i = 0; i < COUNT(to_start); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, to_start[i]))
			text_printf(&missing, "%scap_%s", missing.len ? ", " : "",
				    capng_capability_to_name(to_start[i]));
	if (!missing.len)
		return 0;
	text_printf(why, "not permitted: sluiced lacks %s; run it as root, or by its systemd unit",
		    text_string(&missing));
	text_free(&missing);
	return -EPERM;
}

int privilege_drop(struct text *why)
{
	int err;

	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < COUNT(to_run); i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, to_run[i]);
	/* Cutting down the bounding set takes CAP_SETPCAP: a unit that withheld it has cut it down. */
	err = capng_apply(CAPNG_SELECT_ALL);
	if (err)
		err = capng_apply(CAPNG_SELECT_CAPS);
	if (err) {
		text_printf(why, "cannot drop capabilities (libcap-ng says %d)", err);
		return -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		err = -errno;
		text_printf(why, "cannot set no_new_privs: %s", strerror(-err));
		return err;
	}
	return 0;
}
