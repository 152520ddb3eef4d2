/* SPDX-License-Identifier: GPL-2.0 */
/* lpm_churn.h: what test_lpm_churn and its program share. */
#ifndef SLUICE_SELFTESTS_LPM_CHURN_H
#define SLUICE_SELFTESTS_LPM_CHURN_H

#include <linux/types.h>

#define CHURN_WATCHED	64	/* addresses */
#define CHURN_STATES	1024	/* that are remembered */
#define CHURN_LOOKUPS	4096	/* of one run */
#define CHURN_NUMBER	5	/* the table's */

struct churn_scene {
	__u32 family;
	__u32 wrong, wrong_at, wrong_got;
	__u64 wrong_from, wrong_to;
	__u64 begun, done;	/* states, by the writer */
	__u64 seen, changed, held_up;
	__u64 address[CHURN_WATCHED][2];
	__u32 wanted[CHURN_STATES][CHURN_WATCHED];
};

#endif
