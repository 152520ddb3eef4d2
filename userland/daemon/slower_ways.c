// SPDX-License-Identifier: GPL-2.0
#include "daemon/slower_ways.h"

#include "base/vec.h"
#include "daemon/notes.h"
#include "datapath/datapath.h"
#include "image/image.h"

/* A buffer holds 3.5 kB or so; what the driver cuts a longer frame into is its business. */
#define ONE_BUFFER_MTU 3498

static void note_long_frames(const struct datapath *dp, const struct image *image, struct notes *notes)
{
	const struct port *port = datapath_ports(dp)->port;
	bool some = false;

	for (size_t i = 0; i < image->ports.len; i++) {
		const struct image_port *p = vec_at(&image->ports, i);

		some |= port[p->number].mtu > ONE_BUFFER_MTU;
	}
	if (some && image->config.route && !datapath_redirects_buffers(dp))
		notes_set(notes, "long frames",
			  "frames of several buffers (longer than about %d bytes) are forwarded by the "
			  "stack and not by XDP, which is slower: this kernel, older than 6.3, redirects "
			  "none", ONE_BUFFER_MTU + 14);
	else
		notes_clear(notes, "long frames");
}

/* Groups that have this host as a leg beside ports. */
static unsigned int count_beside_host(const struct image *image)
{
	unsigned int beside = 0;

	for (size_t i = 0; i < image->groups.len; i++) {
		const struct group *group = &((struct image_group *)vec_at(&image->groups, i))->value;

		beside += (group->flags & GROUP_HOST) && (group->flags & GROUP_LEGS);
	}
	for (size_t i = 0; i < image->group_prefixes.len; i++) {
		const struct image_group_prefix *prefix = vec_at(&image->group_prefixes, i);

		beside += (prefix->value.flags & GROUP_HOST) && (prefix->value.flags & GROUP_LEGS);
	}
	return beside;
}

void slower_ways_note(const struct datapath *dp, const struct image *image, struct notes *notes)
{
	unsigned int beside = count_beside_host(image);
	const char *why;

	datapath_host_copies(dp, &why);
	if (beside && why)
		notes_set(notes, "leg host", "%u group%s this host as a leg beside ports: the copies are "
			  "made by a tc program and not by XDP, which is slower: %s",
			  beside, beside == 1 ? " has" : "s have", why);
	else
		notes_clear(notes, "leg host");
	if (!datapath_counts_failures(dp))
		notes_set(notes, "counters", "frames that a driver did not send are not counted: this "
			  "kernel refuses the program that would see them");
	note_long_frames(dp, image, notes);
	if (image->config.route && !datapath_sees_ports(dp))
		notes_set(notes, "backups", "a next hop's backup is taken when the kernel has told that "
			  "the port is down, and not at once: this kernel does not let programs look (it has "
			  "no BTF, or is locked down for confidentiality)");
	else
		notes_clear(notes, "backups");
}
