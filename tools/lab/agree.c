// SPDX-License-Identifier: GPL-2.0
#include "agree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/vec.h"
#include "kernel.h"
#include "lab.h"
#include "probe.h"

#define WRONGS_SHOWN 10

struct agree {
	struct kernel *kernel;
	struct probe *probe;
	unsigned int patience_ms;
	struct agree_counts counts;
	struct text wrongs;
	/* of the last time both were asked */
	struct kernel_says kernel_says;
	struct probe_says probe_says;
};

int agree_open(struct agree **out, const char *interface, unsigned int patience_ms, struct text *why)
{
	struct agree *a = xcalloc(1, sizeof(*a));
	int err = probe_open(&a->probe, interface, why);

	a->patience_ms = patience_ms;
	if (!err) {
		err = kernel_open(&a->kernel);
		if (!err)
			err = kernel_learn(a->kernel);
		if (err)
			text_printf(why, "rtnetlink: %s", strerror(-err));
	}
	if (err) {
		agree_close(a);
		return err;
	}
	*out = a;
	return 0;
}

void agree_close(struct agree *a)
{
	if (!a)
		return;
	probe_close(a->probe);
	kernel_close(a->kernel);
	text_free(&a->wrongs);
	free(a);
}

struct kernel *agree_kernel(const struct agree *a)
{
	return a->kernel;
}

const struct agree_counts *agree_counts(const struct agree *a)
{
	return &a->counts;
}

void agree_report(const struct agree *a, json_t *line)
{
	const struct agree_counts *c = &a->counts;
	const struct {
		const char *name;
		unsigned long count;
	} all[] = {
		{ "asked", c->asked }, { "forwarded", c->forwarded }, { "passed_up", c->passed_up },
		{ "unresolved", c->unresolved }, { "unroutable", c->unroutable },
		{ "late", c->late }, { "wrong", c->wrong },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(line, all[i].name, json_integer(all[i].count));
}

const char *agree_wrongs(const struct agree *a)
{
	return text_string(&a->wrongs);
}

static const uint8_t *neighbour_of(const struct agree *a, const struct kernel_hop *hop, const struct addr *to)
{
	return kernel_neighbour(a->kernel, hop->ifindex, hop->via.family ? &hop->via : to);
}

/* Whether the frame goes the way @hop. */
static bool goes_by(const struct agree *a, const struct kernel_hop *hop, const struct addr *to)
{
	const uint8_t *neighbour = neighbour_of(a, hop, to);
	const uint8_t *link = kernel_link(a->kernel, hop->ifindex);

	return neighbour && link && !memcmp(neighbour, a->probe_says.to, 6) &&
	       !memcmp(link, a->probe_says.from, 6);
}

static bool judge(const struct agree *a, const struct addr *to)
{
	const struct kernel_says *k = &a->kernel_says;

	if (!k->forwards)
		return !a->probe_says.forwards;
	if (a->probe_says.drops)
		return false;
	if (!a->probe_says.forwards)
		return true;
	for (unsigned int i = 0; i < k->hops; i++)
		if (goes_by(a, &k->hop[i], to))
			return true;
	return false;
}

bool agree_can(const struct agree *a, uint8_t family)
{
	return probe_source(a->probe, family)->family;
}

static bool asked(int err)
{
	if (err)
		lab_error("asking failed: %s", strerror(-err));
	return !err;
}

bool agree_probe(struct agree *a, const struct addr *to)
{
	return asked(probe_ask(a->probe, to, &a->probe_says)) && judge(a, to);
}

bool agree_reference(struct agree *a, const struct addr *to)
{
	return asked(kernel_ask(a->kernel, to, probe_source(a->probe, to->family), probe_in(a->probe),
				&a->kernel_says)) && judge(a, to);
}

static bool agree_now(struct agree *a, const struct addr *to)
{
	agree_probe(a, to);
	return agree_reference(a, to);
}

static void note_wrong(struct agree *a, const struct addr *to)
{
	char text[ADDR_STRLEN], via[ADDR_STRLEN], mac[2][MAC_STRLEN];

	if (a->counts.wrong++ >= WRONGS_SHOWN)
		return;
	text_printf(&a->wrongs, "%s: the kernel", addr_format(to, text));
	if (!a->kernel_says.forwards)
		text_printf(&a->wrongs, " does not forward");
	for (unsigned int i = 0; i < a->kernel_says.hops && a->kernel_says.forwards; i++) {
		const struct kernel_hop *hop = &a->kernel_says.hop[i];

		text_printf(&a->wrongs, "%s via %s on interface %u", i ? "," : "",
			    hop->via.family ? addr_format(&hop->via, via) : "link", hop->ifindex);
	}
	if (a->probe_says.forwards)
		text_printf(&a->wrongs, "; the data path to %s from %s\n", mac_format(a->probe_says.to, mac[0]),
			    mac_format(a->probe_says.from, mac[1]));
	else
		text_printf(&a->wrongs, "; the data path %s\n", a->probe_says.drops ? "drops it" : "passes it up");
}

/* Whether all ways on, of which one may be taken, are to known neighbours. */
static bool is_resolved(const struct agree *a, const struct addr *to)
{
	for (unsigned int i = 0; i < a->kernel_says.hops; i++)
		if (!neighbour_of(a, &a->kernel_says.hop[i], to))
			return false;
	return true;
}

bool agree_ask(struct agree *a, const struct addr *to)
{
	bool late = false;

	a->counts.asked++;
	for (unsigned int ms = 0; !agree_now(a, to); ms++) {
		if (ms >= a->patience_ms) {
			note_wrong(a, to);
			return false;
		}
		late = true;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		kernel_learn(a->kernel);
	}
	a->counts.late += late;
	a->counts.forwarded += a->probe_says.forwards;
	if (a->kernel_says.forwards && !a->probe_says.forwards)
		(*(is_resolved(a, to) ? &a->counts.passed_up : &a->counts.unresolved))++;
	a->counts.unroutable += !a->kernel_says.forwards;
	return true;
}
