// SPDX-License-Identifier: GPL-2.0
#include "prove.h"

#include "analyse/questions.h"
#include "base/quantity.h"
#include "cli.h"

int prove_seconds(const struct cli *cli, const char *text, double *seconds)
{
	struct quantity q;
	uint64_t ms;

	*seconds = ANALYSE_SECONDS;
	if (!text)
		return 0;
	if (quantity_parse(text, &q) || quantity_duration(&q, &ms)) {
		cli_usage(cli, "\"%s\" is not a time such as 500ms, 10s or 2m", text);
		return -1;
	}
	*seconds = ms / 1e3;
	return 0;
}
