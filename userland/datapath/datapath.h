/* SPDX-License-Identifier: GPL-2.0 */
/*
 * datapath.h: the programs and maps in the kernel: load, attach, pin, swap, read back.
 *
 * The order of a daemon's life:
 *
 *	datapath_open()			adopts what is pinned, or makes it
 *	tables_new()			route tables, empty; the mirror fills them through the fib
 *	flow_map_adopt(), flow_map_new()	flow memory, where the policy measures; datapath_measure()
 *	datapath_stage()		an image becomes a loaded generation; nothing runs it yet
 *	datapath_commit()		ports are attached, slot 0 is swapped: now it runs
 *	datapath_port_set()		whenever an interface of a port comes, changes or goes
 *	datapath_close()		everything pinned goes on without the daemon
 *
 * A failure in stage or commit leaves what runs as it was. All calls are made
 * by one thread, in the network namespace of the ports. Sentences in @why say what
 * failed, where, and what to do.
 *
 * The sole user of libbpf.
 */
#ifndef SLUICE_DATAPATH_DATAPATH_H
#define SLUICE_DATAPATH_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/vec.h"
#include "bpf/classify.h"
#include "bpf/layout.h"
#include "bpf/lpm.h"
#include "image/image.h"

struct addr;
struct datapath;
struct flow_map;
struct generation;
struct tables;

/* ---- life --------------------------------------------------------------- */

/**
 * datapath_open() - adopts the maps pinned below @dir, or makes and pins them.
 * @dir: a folder in a bpffs, made if it is not there; NULL: nothing is pinned or
 *	attached, for test runs (replay, witnesses).
 * Return: 0; -EPERM (privilege), -EPROTO (the pinned maps are of another layout:
 * @why says how to go on), or another -errno.
 */
int datapath_open(const char *dir, struct datapath **dp, struct text *why);

/** datapath_close() - lets go of everything; what is pinned goes on running. */
void datapath_close(struct datapath *dp);

/** datapath_remove() - detaches all ports and unpins all: packets go to the stack again. */
int datapath_remove(struct datapath *dp, struct text *why);

/**
 * datapath_remove_pinned() - likewise takes down what is pinned below @dir, of whatever
 * layout, without opening it.
 */
int datapath_remove_pinned(const char *dir, struct text *why);

/** datapath_running() - the number of the generation that slot 0 runs; 0: none. */
uint32_t datapath_running(const struct datapath *dp);

/** datapath_ports(), datapath_names() - the shared tables, mapped, to read. */
const struct ports *datapath_ports(const struct datapath *dp);
const struct names *datapath_names(const struct datapath *dp);

/* ---- route tables -------------------------------------------------------- */

/**
 * tables_new() - empty route tables of the given shapes (lpm_sizes()).
 * They are shared by the generations that are staged with them, and are gone when
 * the last of those and the handle are.
 */
int tables_new(struct datapath *dp, const struct lpm_shape *ip4, const struct lpm_shape *ip6,
	       struct tables **tables, struct text *why);
void tables_free(struct tables *tables);

/** tables_nexthops(), tables_lpm() - the mapped memory, for the fib to write. */
struct nexthops *tables_nexthops(const struct tables *tables);
void *tables_lpm(const struct tables *tables, uint8_t family);

/* ---- flow memory --------------------------------------------------------- */

/**
 * flow_map_adopt() - the flow memory that the running generation counts in.
 * Return: NULL if none is pinned, or of another kind.
 */
struct flow_map *flow_map_adopt(struct datapath *dp);

/** flow_map_new() - zeroed memory for @slots a CPU. */
int flow_map_new(struct datapath *dp, unsigned int slots, struct flow_map **m, struct text *why);

/** flow_map_free() - lets go; programs that use it go on. NULL is fine. */
void flow_map_free(struct flow_map *m);

/** flow_map_memory() - what is mapped, as userland/flow wants it. */
void *flow_map_memory(const struct flow_map *m, size_t *size, unsigned int *cpus);

/**
 * datapath_measure() - generations that measure are staged with @m from now on, which has the
 * slots of their image; it outlives their commit. NULL: with memory of their own, for test runs
 * that do not read it.
 */
void datapath_measure(struct datapath *dp, struct flow_map *m);

/* ---- generations --------------------------------------------------------- */

/**
 * datapath_stage() - loads @image with @tables as generation @number.
 * @number: greater than any before; 0 in a datapath without folder.
 * Until it is committed or thrown away it follows its ports as the running one does; with a
 * folder there is one such generation at a time. generation_test() may run in another thread.
 * Return: 0 and *@gen, the caller's until it is committed; or -errno.
 */
int datapath_stage(struct datapath *dp, const struct image *image, struct tables *tables,
		   uint32_t number, struct generation **gen, struct text *why);

/**
 * datapath_commit() - attaches ports that were not, swaps slot 0, detaches ports that
 * the new generation does not have. On success @gen belongs to @dp, and the one before is
 * gone after a grace period.
 * @allow_missing: interfaces that do not exist are left to datapath_port_set(); else they
 *	are an error.
 * Return: 0, or -errno with all as it was.
 */
int datapath_commit(struct datapath *dp, struct generation *gen, bool allow_missing,
		    struct text *why);

/**
 * generation_was_loaded() - whether its program was loaded for it; else it was there, loaded alike: its
 * constants, and the sizes of its maps, are those of the generation that runs.
 */
bool generation_was_loaded(const struct generation *gen);

/*
 * A second program like the one that runs, so that the next generation, if it is of the same shape, need
 * not be loaded. What was replaced becomes it by itself; where a generation of another shape was committed,
 * one is loaded:
 *
 *	datapath_spare_open()	NULL: none is needed
 *	datapath_spare_load()	may run in another thread; takes as long as a load
 *	datapath_spare_close()
 *
 * In between nothing is staged, committed or measured anew.
 */
struct generation *datapath_spare_open(struct datapath *dp);
int datapath_spare_load(struct generation *spare, struct text *why);

/** datapath_spare_close() - @err: it could not be loaded, or is not wanted any more. */
void datapath_spare_close(struct generation *spare, int err);

/** datapath_has_spare() - whether there is one that is like what runs. */
bool datapath_has_spare(const struct datapath *dp);

/** generation_free() - throws away a generation that was not committed. */
void generation_free(struct generation *gen);

/* ---- kernel facts -------------------------------------------------------- */

/**
 * datapath_port_set() - what the kernel says of the interface behind port @number now:
 * published to the programs; attached again where it came back.
 * @facts: ifindex 0: the interface is gone; facts->interface is its name in any case.
 * Return: 0, or -errno (the port could not be attached; everything else goes on).
 */
int datapath_port_set(struct datapath *dp, uint16_t number, const struct port *facts,
		      struct text *why);

/** datapath_vlan_set() - whether port @number has a VLAN interface of the kernel's with @id. */
int datapath_vlan_set(struct datapath *dp, uint16_t number, uint16_t id, bool there);

/** datapath_port_mode() - "native", "generic" or "none": how port @number is attached now. */
const char *datapath_port_mode(const struct datapath *dp, uint16_t number);

/** datapath_port_lost_tc() - whether someone took the tc program, which copies, off port @number. */
bool datapath_port_lost_tc(const struct datapath *dp, uint16_t number);

/** datapath_wait() - returns when all packets that any program was working on are done: up to 50 ms. */
int datapath_wait(void);

/* ---- read back ----------------------------------------------------------- */

/** datapath_port_stats(), datapath_counter() - sums over all CPUs. */
int datapath_port_stats(const struct datapath *dp, uint16_t number, struct port_stats *stats);
int datapath_counter(const struct datapath *dp, uint32_t number, struct count *count);

/*
 * Counters of what is forwarded by next hop, where an image's config says counted_hops. Those who write next
 * hops ask for their numbers, and give them back: fib/fib.h, struct fib_counters. What a next hop has counted
 * stays with its name over generations and processes.
 */

/** datapath_count_hops() - makes them, or finds what is pinned: before the first is asked for. */
int datapath_count_hops(struct datapath *dp, struct text *why);
uint16_t datapath_hop_counter_get(struct datapath *dp, const struct addr *via, const char *interface);
void datapath_hop_counter_put(struct datapath *dp, uint16_t number);

/** datapath_hop_counter() - whose it is, and the sum over all CPUs. Return: 0; -ENOENT: nobody's; -errno. */
int datapath_hop_counter(const struct datapath *dp, uint32_t number, struct hop_name *name,
			 struct count *count);

/** datapath_counts_failures() - whether port_stats.tx_failed is kept: the kernel may lack what it takes. */
bool datapath_counts_failures(const struct datapath *dp);

/**
 * datapath_redirects_buffers() - whether frames of several buffers (longer than about 3500 bytes) are
 * forwarded by XDP: else the stack does it.
 */
bool datapath_redirects_buffers(const struct datapath *dp);

/**
 * datapath_sees_ports() - whether programs look at the state of a next hop's device themselves, where there
 * is a backup: else they know of a port's loss when datapath_port_set() has told.
 */
bool datapath_sees_ports(const struct datapath *dp);

/**
 * datapath_host_copies() - who makes the copy for the leg "host" of a group that has others: "module", XDP by the
 * module's kfunc, or "tc", the tc program, of a frame that is passed up. Frames of several buffers are
 * always the tc program's.
 * @why: why not the module, a sentence without its end, valid until the next call; NULL: it is.
 */
const char *datapath_host_copies(const struct datapath *dp, const char **why);

/* ---- what filters keep ---------------------------------------------------- */

/*
 * Rule counters. A swap does not begin them anew: what a rule of the generation before had counted
 * goes to the rule with the same key, complete once datapath_commit() has returned. A daemon that
 * starts finds those of the generation that runs, before it has committed one itself.
 */

/** datapath_rules() - how many rules the running generation has. */
uint32_t datapath_rules(const struct datapath *dp);

/** datapath_rule_key() - image_rule.key of its rule @number. */
uint64_t datapath_rule_key(const struct datapath *dp, uint32_t number);

/** datapath_rule_counts() - what rules @first .. @first + @n - 1 have counted so far. Return: 0; -ENOENT; -errno. */
int datapath_rule_counts(const struct datapath *dp, uint32_t first, uint32_t n, struct count *counts);

/*
 * Sets of the running generation, by name; of what runs when the daemon starts, too. An element can be there
 * for two reasons, each with a time of its own; it is gone when neither holds it. Staging and
 * committing an image brings the configuration's elements along.
 */
enum set_origin { SET_INSERTED, SET_CONFIGURED };

struct set_entry {
	struct set_key key;
	struct set_value value;		/* set_value_holds() tells whether it is there */
};

/**
 * datapath_set_entries() - appends all to @entries, a vec of struct set_entry, expired ones included.
 * Return: 0; -ENOENT: no such set; -errno.
 */
int datapath_set_entries(const struct datapath *dp, const char *name, struct vec *entries);

/**
 * datapath_set_add() - @origin holds @key until @until, in ns of CLOCK_BOOTTIME; SET_STAYS.
 * Return: 0; -ENOENT: no such set; -E2BIG: it is full.
 */
int datapath_set_add(struct datapath *dp, const char *name, enum set_origin origin,
		     const struct set_key *key, uint64_t until);

/** datapath_set_delete() - @origin holds @key no more. Return: 0; -ENOENT: no such set, or it did not hold it. */
int datapath_set_delete(struct datapath *dp, const char *name, enum set_origin origin,
			const struct set_key *key);

/** datapath_set_flush() - @origin holds nothing any more. Return: how many it held, or -errno. */
int datapath_set_flush(struct datapath *dp, const char *name, enum set_origin origin);

/* Where a sweep stands. */
struct set_cursor {
	uint32_t at;
	bool begun;		/* false: at the start, or the end */
};

/**
 * datapath_set_sweep() - takes out what was inserted and has expired, of some thousand elements
 * from @at on. To be called now and then, and again while at->begun. Return: how many, or -errno.
 */
int datapath_set_sweep(struct datapath *dp, const char *name, struct set_cursor *at);

/**
 * datapath_commit_sets() - makes @image the running one, which differs from it in elements of sets only:
 * no program is loaded. @number: as datapath_stage(). Return: 0, or -errno with all as it was.
 */
int datapath_commit_sets(struct datapath *dp, const struct image *image, uint32_t number,
			 struct text *why);

/** datapath_sets() - calls @fn with the name and the size of each set of the running generation. */
void datapath_sets(const struct datapath *dp, void (*fn)(void *ctx, const char *name, uint32_t size),
		   void *ctx);

/** datapath_events_fd() - readable when there are events; valid until datapath_close(). -errno if it cannot be had. */
int datapath_events_fd(struct datapath *dp);

/** datapath_events() - calls @fn with each event that waits. Return: how many, or -errno. */
int datapath_events(struct datapath *dp, void (*fn)(void *ctx, const struct filter_event *event),
		    void *ctx);

/**
 * datapath_watch_drops() - what runs tells of dropped packets for the next @ms: events with a reason,
 * WATCH_PER_SECOND at most.
 */
void datapath_watch_drops(struct datapath *dp, unsigned int ms);

/* ---- test runs ----------------------------------------------------------- */

#define TEST_FRAME_MAX	(64 * 1024)

struct test_result {
	struct trace trace;
	uint32_t action;		/* XDP_* */
	uint32_t length;		/* of frame */
	uint8_t frame[TEST_FRAME_MAX];	/* as the program left it */
};

/**
 * generation_test() - runs the program on one frame that came in on port @port;
 * nothing is sent. A generation of a datapath with a folder, staged and not yet committed, leaves
 * counters, meters, sets, flow memory and events as they are; one without does all that it would.
 * Return: 0; -EINVAL for a frame shorter than 14 bytes, -E2BIG for one longer than
 * the kernel takes; -EBUSY for a generation that runs.
 */
int generation_test(struct generation *gen, uint16_t port, const void *frame, uint32_t length,
		    struct test_result *result);

/**
 * generation_test_leg() - runs the egress program on a frame as it came in, for the leg
 * @leg_port of @group. result->action XDP_DROP: this leg sends no copy.
 */
int generation_test_leg(struct generation *gen, uint32_t group, uint16_t leg_port,
			const void *frame, uint32_t length, struct test_result *result);

#endif
