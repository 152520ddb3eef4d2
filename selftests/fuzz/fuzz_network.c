// SPDX-License-Identifier: GPL-2.0
/*
 * Network documents from outside: "main" names routers, whose policies are the others. What is wrong has
 * a diagnostic; what is right is proved, and each finding begins where it says.
 */
#include "network/network.h"
#include "documents.h"

static void check_proof(const struct network *net)
{
	struct network_proof proof;

	network_prove(net, 0.05, 20, &proof);
	expect(proof.findings.len <= 20);
	expect(!proof.findings.len == !(proof.broken + proof.circling));
	for (size_t i = 0; i < proof.findings.len; i++) {
		const struct network_finding *f = vec_at(&proof.findings, i);
		const struct network_step *step = vec_at(&f->steps, 0);

		expect(f->steps.len && step->node == f->from && f->from < net->nodes.len);
		expect(f->down.len <= net->links.len);
	}
	network_proof_free(&proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { 0 };
	struct network *net;
	struct diags diags;

	split(&in, (const char *)bytes, len);
	diags_init(&diags);
	net = network_read("main", load, &in, &diags);
	check_diags(&diags);
	if (!diags.errors)
		check_proof(net);
	network_free(net);
	diags_free(&diags);
	return 0;
}
