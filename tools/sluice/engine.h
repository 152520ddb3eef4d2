/* SPDX-License-Identifier: GPL-2.0 */
/*
 * engine.h: what decides about a packet in a replay: the real programs, or the plain meaning.
 *
 * Both are given the same scene: a policy, its ports with made-up addresses, and routes
 * from a file. Both say what became of a frame in the same terms, so that they
 * can be compared.
 */
#ifndef SLUICE_TOOLS_ENGINE_H
#define SLUICE_TOOLS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/text.h"
#include "base/vec.h"
#include "bpf/reasons.h"
#include "image/image.h"
#include "policy/frame.h"
#include "policy/tree.h"

/*
 * Port N of the image has the address 02:00:00:00:00:N and an MTU of 1500, and is up. The next hops
 * of static routes are known: 02:01 and the last four bytes of their addresses.
 */
struct scene {
	const struct policy *policy;
	const struct image *image;	/* of a replay: after image_stop_time() */
	struct vec routes;		/* of struct rib_route: next hop N is behind port N % ports */
};

#define SCENE_MTU 1500

void scene_mac(uint16_t port, uint8_t mac[6]);

/** scene_address() - a settled packet that nothing is said of where it goes to (FRAME_ETH_DST) goes to port @number. */
void scene_address(struct frame_fields *f, uint16_t number);

void scene_neighbour_mac(const struct addr *a, uint8_t mac[6]);

struct output {
	bool host;		/* to the stack as it came in; else out of port */
	uint16_t port;
	uint8_t *frame;		/* owned */
	uint32_t length;
};

struct treatment {
	enum sluice_reason reason;
	char group[COUNTER_NAME_MAX];	/* "SOURCE GROUP INTERFACE", "" if none */
	bool policed;			/* it met a rule with a rate, which is not kept: timeless.h */
	struct vec outputs;		/* of struct output, sorted by port, the host first */
};

/* One measured flow: the fields of the policy's key in words, and its counts. */
struct flow_count {
	char key[160];
	uint64_t packets, bytes;
	bool exact;
};

struct engine {
	const char *name;
	void *state;
	/*
	 * Runs one frame that came in on @port, whose own address is @mac.
	 * @out: a vec of struct treatment: what may become of it, at least one.
	 * Return: 0; -E2BIG if the engine takes no frame that long; -errno with a sentence.
	 */
	int (*run)(void *state, uint16_t port, const uint8_t mac[6], const uint8_t *frame,
		   uint32_t length, struct vec *out, struct text *why);
	/* The heaviest flows so far, appended to a vec of struct flow_count, heaviest first. */
	void (*flows)(void *state, struct vec *out);
	void (*close)(void *state);
};

/** engine_bpf_open() - the programs of the data path, loaded and not attached. Needs privilege. */
int engine_bpf_open(const struct scene *scene, struct engine *engine, struct text *why);

/** engine_eval_open() - policy/eval. */
int engine_eval_open(const struct scene *scene, struct engine *engine, struct text *why);

/** treatment_push() - a new, empty treatment in @out. */
struct treatment *treatment_push(struct vec *out, enum sluice_reason reason);

/** treatment_output() - adds an output; @port 0 is the host. Takes a copy of @frame. */
void treatment_output(struct treatment *t, uint16_t port, const uint8_t *frame, uint32_t length);

/** treatments_clear() - empties @out and frees what is in it. */
void treatments_clear(struct vec *out);

/** treatment_equal() - same reason, group and outputs, byte for byte. */
bool treatment_equal(const struct treatment *a, const struct treatment *b);

#endif
