// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of others: whatever is read becomes a policy that is right, or is refused.
 *
 * The first byte chooses the format, strict or lenient, and whether there are routes; the rest is the text.
 */
// options: -max_len=8000
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "import/import.h"
#include "policy/parse.h"

static const char routes[] = "default dev eth0\n10.0.0.0/8 dev eth1\n2001:db8::/32 dev eth1\n";

static void check(const struct text *out)
{
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("imported", out->data, out->len, &diags);
	if (diags.errors) {
		struct text said = { 0 };

		diags_print(&diags, &said, false);
		fprintf(stderr, "%s\n%s", out->data, said.data);
		abort();
	}
	policy_free(p);
	diags_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct import_options options = {
		.file = "fuzz", .ports = VEC(struct import_port), .routes = VEC(struct import_route),
	};
	struct import_report report;
	struct text out = { 0 }, error = { 0 };
	int err;

	if (!n)
		return 0;
	options.lenient = *bytes & 2;
	options.chain = *bytes & 8 ? "INPUT" : NULL;
	if (*bytes & 4)
		import_routes(routes, sizeof(routes) - 1, &options, &error);
	import_report_init(&report);
	err = (*bytes & 1 ? import_nft : import_iptables)((const char *)bytes + 1, n - 1, &options, &out,
							   &report, &error);
	if (!err)
		check(&out);
	else if (!error.len)
		abort();
	import_report_free(&report);
	import_options_free(&options);
	text_free(&out);
	text_free(&error);
	return 0;
}
