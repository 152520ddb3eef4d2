// SPDX-License-Identifier: GPL-2.0
/*
 * test.c: the kernel runs the real programs on a frame, and nothing is sent.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "datapath/state.h"

#define LOOPBACK	1	/* ifindex: where the kernel says that a test run's frames come in */
#define ETHERNET_MIN	14

/* Makes @number the port that frames of a test run come in on. */
static void enter_on(struct datapath *dp, uint16_t number)
{
	uint32_t at = LOOPBACK * PORT_HASH >> PORT_HASH_SHIFT;

	if (dp->ports->slot[at])
		dp->ports->port[dp->ports->slot[at]].ifindex = 0;
	dp->ports->slot[at] = number;
	dp->ports->port[number].ifindex = LOOPBACK;
}

/* Runs @program; @meta bytes of @in are metadata in front of the frame. */
static int run(int program, const void *in, uint32_t n, uint32_t meta, struct test_result *result)
{
	struct xdp_md ctx = { .data = meta, .data_end = n }, after = { 0 };
	uint8_t out[TEST_FRAME_MAX + 64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = n, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .ctx_out = &after, .ctx_size_out = sizeof(after), .repeat = 1);

	if (bpf_prog_test_run_opts(program, &opts))
		return errno == ENOMEM || errno == ENOSPC ? -E2BIG : -errno;
	if (after.data > opts.data_size_out || opts.data_size_out - after.data > TEST_FRAME_MAX)
		return -E2BIG;
	result->action = opts.retval;
	result->length = opts.data_size_out - after.data;
	memcpy(result->frame, out + after.data, result->length);
	return 0;
}

int generation_test(struct generation *gen, uint16_t port, const void *frame, uint32_t length,
		    struct test_result *result)
{
	int err;

	if (length < ETHERNET_MIN || port == 0 || port >= PORTS_MAX)
		return -EINVAL;
	if (length > TEST_FRAME_MAX)
		return -E2BIG;
	if (gen == gen->dp->running)
		return -EBUSY;	/* its packets would take part in the test */
	memset(gen->trace, 0, sizeof(*gen->trace));
	if (gen->dp->dir)
		gen->trace->testing = port;
	else
		enter_on(gen->dp, port);
	err = run(gen->program, frame, length, 0, result);
	if (!err)
		result->trace = *gen->trace;
	memset(gen->trace, 0, sizeof(*gen->trace));
	return err;
}

int generation_test_leg(struct generation *gen, uint32_t group, uint16_t leg_port,
			const void *frame, uint32_t length, struct test_result *result)
{
	struct {
		struct copy_meta mark;
		uint8_t frame[TEST_FRAME_MAX];
	} in = { .mark = { .magic = COPY_MAGIC, .generation = gen->number, .group = group } };

	if (length < ETHERNET_MIN)
		return -EINVAL;
	if (length > TEST_FRAME_MAX)
		return -E2BIG;
	memcpy(in.frame, frame, length);
	gen->dp->egress_trace->egress_port = leg_port;
	return run(gen->dp->egress, &in, sizeof(in.mark) + length, sizeof(in.mark), result);
}
