/* SPDX-License-Identifier: GPL-2.0 */
/*
 * port_state.h: where the kernel keeps the state of a device, for bpf/port_state.bpf.h. Private to
 * datapath/.
 */
#ifndef SLUICE_DATAPATH_PORT_STATE_H
#define SLUICE_DATAPATH_PORT_STATE_H

#include "bpf/layout.h"

struct btf;

/**
 * port_state_find() - how programs see it on this kernel.
 * @btf: the kernel's; NULL: it has none, and they do not.
 * @cast: set to the number of bpf_rdonly_cast(), for deliver.h; 0: there is none.
 */
void port_state_find(const struct btf *btf, struct sight *sight, int *cast);

#endif
