/* SPDX-License-Identifier: GPL-2.0 */
/*
 * classbench.h: rule sets and header traces as ClassBench (Taylor, Turner 2005) writes them.
 *
 * A rule a line, IPv4:
 *	@SRC/LEN DST/LEN LOW : HIGH LOW : HIGH PROTOCOL/MASK FLAGS/MASK
 * with the ports of source and destination, and the protocol and 16 bits of "flags" in
 * hexadecimal with a mask. The flags are the TCP flags in the high byte, or ICMP's type and
 * code.
 *
 * A header a line: source, destination, ports, protocol, flags, as numbers, and the rule that it
 * was made for, which need not be the first that matches. The flags are those of that rule,
 * value << 16 | mask, or 0, or all ones.
 */
#ifndef SLUICE_RULES_CLASSBENCH_H
#define SLUICE_RULES_CLASSBENCH_H

#include "rules/rules.h"

/**
 * classbench_read() - appends the rules of the file @path, plain or gzip, to @list, with
 * their lines as places and their numbers in the list as actions.
 * @source: gets the name; rules point to it as long as they are used. The text is not kept.
 * @error: on failure, a sentence that begins with file and line.
 * What the file says of flags under another protocol than TCP and ICMP is refused, as are
 * masks of protocols that are neither all nor nothing: nothing else is known to mean that.
 * Return: 0; -errno if it cannot be read; -EINVAL if a line is wrong, with @list as it was.
 */
int classbench_read(const char *path, struct source *source, struct rule_list *list,
		    struct text *error);

/** classbench_read_trace() - appends the headers of @path to @packets, of struct rule_packet. */
int classbench_read_trace(const char *path, struct vec *packets, struct text *error);

#endif
