/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cases.h: how many random cases a test of properties tries. A few seconds' worth as a rule; CASES=n asks
 * for more, as selftests/slow/properties.sh does. What a case is, each test says.
 */
#ifndef SLUICE_SELFTESTS_CASES_H
#define SLUICE_SELFTESTS_CASES_H

#include <stdlib.h>

static inline unsigned long cases_wanted(unsigned long usual)
{
	const char *given = getenv("CASES");

	return given && *given ? strtoul(given, NULL, 0) : usual;
}

#endif
