/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fields.h: what differs between a frame that came in and one that goes out, by field.
 */
#ifndef SLUICE_TOOLS_FIELDS_H
#define SLUICE_TOOLS_FIELDS_H

#include <jansson.h>
#include <stdint.h>

/**
 * fields_changed() - the fields of @after that @before does not have alike, with their
 * new values: eth.src, eth.dst, vlan.id (0: no tag), ip.ttl. What else differs, and is no
 * checksum, shows as "bytes": true.
 */
json_t *fields_changed(const uint8_t *before, uint32_t before_length, const uint8_t *after,
		       uint32_t after_length);

#endif
