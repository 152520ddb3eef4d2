// SPDX-License-Identifier: GPL-2.0
#include "base/pcapng_write.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define SECTION		0x0a0d0d0a
#define SECTION_MAGIC	0x1a2b3c4d
#define INTERFACE	1
#define PACKET		6
#define LINK_ETHERNET	1
#define OPTION_END	0
#define OPTION_COMMENT	1
#define COMMENT_MAX	65532

static void put32(struct text *file, uint32_t v)
{
	text_append(file, &v, sizeof(v));
}

/* With zeroes up to the next multiple of 4. */
static void put_padded(struct text *file, const void *bytes, size_t n)
{
	text_append(file, bytes, n);
	text_append(file, "\0\0\0", -n & 3);
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

void pcapng_begin(struct text *file)
{
	put32(file, SECTION);
	put32(file, 28);
	put32(file, SECTION_MAGIC);
	put32(file, 1);			/* version 1.0 */
	put32(file, 0xffffffff);	/* length of the section: not known */
	put32(file, 0xffffffff);
	put32(file, 28);

	put32(file, INTERFACE);
	put32(file, 20);
	put32(file, LINK_ETHERNET);
	put32(file, 0);			/* no limit */
	put32(file, 20);
}

void pcapng_add(struct text *file, const void *frame, size_t length, const char *comment)
{
	size_t words = comment ? strlen(comment) : 0, options, block;

	if (words > COMMENT_MAX)
		words = COMMENT_MAX;
	options = words ? 4 + padded(words) + 4 : 0;
	block = 32 + padded(length) + options;
	put32(file, PACKET);
	put32(file, block);
	put32(file, 0);			/* interface */
	put32(file, 0);			/* time */
	put32(file, 0);
	put32(file, length);
	put32(file, length);
	put_padded(file, frame, length);
	if (words) {
		put32(file, OPTION_COMMENT | (uint32_t)words << 16);
		put_padded(file, comment, words);
		put32(file, OPTION_END);
	}
	put32(file, block);
}
