/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLUICE_TOOLS_FLOW_H
#define SLUICE_TOOLS_FLOW_H

#include <jansson.h>

struct columns;
struct text;

/** flow_heading() - one line on a measure's interval: what was measured, how sure, what was lost. */
void flow_heading(const json_t *measure, struct text *out);

/** flow_cell() - a flow's key as one cell: "tcp 192.0.2.1:443 > 198.51.100.2:50123". */
void flow_cell(const json_t *flow, struct columns *table);

#endif
