/* SPDX-License-Identifier: GPL-2.0 */
/*
 * state.h: what the files of datapath/ know of one another. Private to datapath/.
 */
#ifndef SLUICE_DATAPATH_STATE_H
#define SLUICE_DATAPATH_STATE_H

#include <limits.h>

#include <bpf/libbpf.h>

#include "datapath/datapath.h"
#include "datapath/deliver.h"

/* The maps that outlive a generation. */
enum shared_map {
	SHARED_GENERATIONS,
	SHARED_PORTS,
	SHARED_NAMES,
	SHARED_TX,
	SHARED_PORT_STATS,
	SHARED_COUNTERS,
	SHARED_LEG_TABLE,
	SHARED_LEG_PORTS,
	SHARED_VLANS,
	SHARED_WATCH,
	SHARED_MAX,
};

/* How one port is attached; by port number. */
struct attachment {
	int link;		/* -1: none */
	uint32_t ifindex;	/* that link and tc are on; 0: none */
	bool generic;
	bool tc;
};

struct datapath {
	char *dir;		/* NULL: for test runs */
	int map[SHARED_MAX];
	int root, egress, tcopy;	/* programs; root and tcopy -1 without dir */
	int txfail;		/* link of the tracepoint; -1: none */
	struct bpf_object *root_object, *egress_object, *tcopy_object;
	struct ports *ports;
	struct names *names;
	struct watch *watch;
	struct trace *egress_trace;	/* for test runs */
	struct attachment attached[PORTS_MAX];
	int tx_egress;		/* tx entries carry the egress program; -1: as another process left them */
	struct deliver deliver;	/* the module's kfunc */
	struct flow_map *flow;	/* what generations are staged with; the caller's */
	int meters, events;	/* maps of filters; -1: no generation needed them yet */
	struct hop_counts *hop_counts;	/* NULL: likewise */
	struct ring_buffer *ring;	/* over events; NULL: nobody reads them yet */
	void (*event_fn)(void *ctx, const struct filter_event *event);	/* while they are read */
	void *event_ctx;
	struct rule_counts *rule_counts;	/* of the running generation; NULL: it has no rules */
	struct vec sets;	/* of struct set_map: of the running generation */
	uint32_t sets_generation;	/* of their configured elements */
	struct generation *running;	/* NULL until this process has committed one */
	struct generation *spare;	/* loaded, and no generation yet; NULL */
	struct generation *staged;	/* the last that was, if it is not committed: its ports may move */
	unsigned int cpus;	/* possible */
	bool redirects_buffers;	/* the kernel redirects frames of several buffers; in test runs always */
	struct sight sight;	/* how programs see the state of devices */
};

struct tables {
	int nexthops_fd, lpm_fd[2];	/* lpm: IPv4, IPv6 */
	struct nexthops *nexthops;
	void *lpm[2];
	struct lpm_shape shape[2];
	unsigned int users;	/* the handle, and generations */
};

struct flow_map {
	int fd;
	void *memory;
	size_t size;		/* bytes mapped */
	unsigned int cpus;
	bool pinned;
};

/* A set, by name. */
struct set_map {
	char name[IMAGE_NAME_MAX];
	int fd;
	uint32_t size;
	bool addresses;
	bool pinned;
};

/* How many entries maps have, or are to have. */
struct room {
	uint32_t groups, group_prefixes, group_count;
	uint32_t rules, actions, macs, sets;
};

struct generation {
	struct datapath *dp;
	struct image *image;	/* a copy; NULL: it is a spare (spare.c) */
	struct tables *tables;
	struct flow_map *flow;	/* until it is committed; NULL: nothing is measured */
	struct bpf_object *object;
	int program;
	struct room room;	/* of its maps */
	void *constants;	/* what .rodata was, or is to be, loaded with: constants_size() bytes */
	uint32_t flow_id;	/* of the flow memory that the program has; 0: none, or its own */
	uint32_t *number_word;	/* mapped: the program's word */
	int *legs;		/* [image->group_count] inner maps */
	uint32_t number;
	struct trace *trace;	/* for test runs */
	bool taken;		/* its program was a spare */
	bool entered;		/* its legs stand in leg_table */
	struct rule_counts *rule_counts;	/* these three are dp's once it is committed */
	struct vec sets;	/* of struct set_map, by number */
	bool sets_entered;
	uint32_t *sets_generation;	/* mapped: the programs' word */
};

/** open_object() - opens an embedded object and gives it the shared maps. */
int open_object(struct datapath *dp, const char *name, const void *bytes, size_t n,
		struct bpf_object **object, struct text *why);

/** load_object() - loads it; on failure the end of the verifier's log goes into @why. */
int load_object(struct bpf_object *object, const char *name, struct text *why);

/** tables_get() - another user of @tables. */
struct tables *tables_get(struct tables *tables);

/* stats.c */

/** count_sum() - the sum over all CPUs of an entry of a PERCPU_ARRAY of struct count. */
int count_sum(const struct datapath *dp, int map, uint32_t number, struct count *count);

/* hop_counts.c */

/** hop_counts_open() - dp->hop_counts, what is pinned or new, unless they are there. */
int hop_counts_open(struct datapath *dp, struct text *why);
void hop_counts_free(struct hop_counts *c);

/** hop_counts_use() - has the programs of @object count there. */
int hop_counts_use(const struct hop_counts *c, struct bpf_object *object);

/* attach.c */

/** attach_adopt() - finds the links that are pinned. */
int attach_adopt(struct datapath *dp, struct text *why);

/** attach_port() - attaches the root program to @ifindex, unless it is. */
int attach_port(struct datapath *dp, uint16_t number, uint32_t ifindex, const char *interface,
		bool generic, struct text *why);

/** attach_tc() - attaches or detaches the tc program of an attached port. */
int attach_tc(struct datapath *dp, uint16_t number, bool wanted, struct text *why);

/** detach_port() - takes XDP and tc off it; harmless where there is nothing. */
void detach_port(struct datapath *dp, uint16_t number);

/** remove_tc() - takes the tc program off @ifindex; harmless where there is none. */
void remove_tc(uint32_t ifindex);

/* flow_map.c */

/** flow_map_pin() - in place of what was pinned; flow_map_unpin() - nothing is measured any more. */
int flow_map_pin(struct datapath *dp, struct flow_map *m, struct text *why);
void flow_map_unpin(struct datapath *dp);

/* generation.c */

/** needs_tc() - whether the ports of @image need the tc program. */
bool needs_tc(const struct image *image);

/** constants_size(), constants_filter() - of gen->constants. */
size_t constants_size(void);
const struct classify_shape *constants_filter(const struct generation *gen);

/** generation_load() - the program of @gen->constants, and maps of @gen->room, with nothing in them. */
int generation_load(struct generation *gen, struct text *why);

/** close_legs() - of its image. */
void close_legs(struct generation *gen);

/** generation_release() - lets go of all that the process holds of it. */
void generation_release(struct generation *gen);

/* spare.c */

/** spare_take() - the spare's program and maps become @gen's. Return: whether there is one that fits. */
bool spare_take(struct generation *gen);

/** spare_free() - NULL is fine. */
void spare_free(struct generation *spare);

/** spare_keep() - @old, which no packet is with any more, becomes the spare if it fits, or is gone. */
void spare_keep(struct generation *old);

/* filter.c */

/** filter_fit() - the maps of filters, before the object is loaded. */
int filter_fit(struct generation *gen, struct text *why);

/** filter_fill() - what is in them, after. @image: with tables. */
int filter_fill(struct generation *gen, const struct image *image, struct text *why);

/* rule_counts.c */

/** rule_counts_new() - where a program can count, with room for @room rules; no generation's yet. */
int rule_counts_new(const struct datapath *dp, uint32_t room, struct rule_counts **c, struct text *why);
void rule_counts_free(struct rule_counts *c);

/**
 * rule_counts_begin() - they are all 0, and of the rules of @filter, which are no more than there is room for;
 * rule_counts_end() - and no generation's again. No packet may count in them.
 */
int rule_counts_begin(const struct datapath *dp, struct rule_counts *c, const struct image_filter *filter,
		      struct text *why);
void rule_counts_end(struct rule_counts *c);

uint32_t rule_counts_len(const struct rule_counts *c);

/** rule_counts_generation() - whose they are; 0 for NULL. */
uint32_t rule_counts_generation(const struct rule_counts *c);

/** rule_counts_use() - has the programs of @object count there. */
int rule_counts_use(const struct rule_counts *c, struct bpf_object *object);

/** rule_counts_pin() - as those of @generation, whose program is @program; rule_counts_unpin(). */
int rule_counts_pin(const struct datapath *dp, struct rule_counts *c, uint32_t generation, int program,
		    struct text *why);
void rule_counts_unpin(const struct datapath *dp, struct rule_counts *c);

/** rule_counts_adopt() - those of the generation that runs; NULL if there are none. */
struct rule_counts *rule_counts_adopt(const struct datapath *dp);

/** rule_counts_read() - of @n rules from @first on, over all CPUs, with what was carried over. */
void rule_counts_read(const struct rule_counts *c, uint32_t first, uint32_t n, struct count *counts);

/** rule_counts_carry() - what @from (NULL: nothing) has counted goes on in @to; no packet may count in @from. */
void rule_counts_carry(const struct rule_counts *from, struct rule_counts *to);

/* sets.c */

/** sets_adopt() - appends those that are pinned to @sets. */
void sets_adopt(const struct datapath *dp, struct vec *sets);
void sets_close(struct vec *sets);

/**
 * sets_enter() - the maps of @wanted (of struct image_set) for @generation, appended to @sets: those of
 * @running as far as they fit; with the configuration's elements entered.
 */
int sets_enter(const struct vec *running, const struct vec *wanted, uint32_t generation, struct vec *sets,
	       struct text *why);

/** sets_take_back() - @generation will not run; sets_settle() - it does, and that before it no more. */
void sets_take_back(const struct vec *sets, uint32_t generation);
void sets_settle(const struct datapath *dp, const struct vec *old, const struct vec *sets,
		 const struct vec *wanted, uint32_t generation);

/** sets_pin() - in place of those that were pinned by their names. */
int sets_pin(const struct datapath *dp, struct vec *sets, struct text *why);

/* events.c */

/** events_open() - dp->events, made if it is not there. */
int events_open(struct datapath *dp, struct text *why);

/* port.c */

/** tx_set() - the entry of @number in tx: its interface, and the egress program if any port has legs. */
int tx_set(struct datapath *dp, uint16_t number);

/** leg_set() - the entry of port @number in the legs of @group of @gen. */
int leg_set(struct generation *gen, uint32_t group, uint16_t number);

#endif
