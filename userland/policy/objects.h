/* SPDX-License-Identifier: GPL-2.0 */
/*
 * objects.h: typed objects of the store (base/object.h) as nodes of a policy's tree.
 *
 * They stand in the same tree as what the documents say, so that check, compiler, meaning and
 * printer need not know which is which:
 *
 *	port	a port, as "port NAME = "INTERFACE";" declares it
 *	route	a static route; the first one routes by table main, if no document does
 *	group	a leg; those of one (source, group, port) are one group, and policy_check() adds
 *		them to a group that a document has
 *	set	an element of a set that a document has; if none has it, a warning
 *
 * Their places lie in a text that is made here, a line an object, called "store": a mistake shows
 * the object as its user wrote it.
 */
#ifndef SLUICE_POLICY_OBJECTS_H
#define SLUICE_POLICY_OBJECTS_H

struct diags;
struct policy;
struct vec;

#define OBJECTS_SOURCE "store"

/** objects_build() - @objects: of struct object, in the order of the store. Before policy_check(). */
void objects_build(struct policy *p, const struct vec *objects, struct diags *diags);

#endif
