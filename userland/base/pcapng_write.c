// SPDX-License-Identifier: GPL-2.0
#include "base/pcapng_write.h"

#include <string.h>

#include "base/text.h"

#define SECTION		0x0a0d0d0a
#define SECTION_MAGIC	0x1a2b3c4d
#define INTERFACE	1
#define PACKET		6
#define LINK_ETHERNET	1
#define OPTION_END	0
#define OPTION_COMMENT	1	/* of a packet */
#define OPTION_NAME	2	/* of an interface */
#define WORDS_MAX	65532	/* bytes of an option */

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

/* The words that an option has room for. */
static size_t words_len(const char *words)
{
	size_t n = words ? strlen(words) : 0;

	return n < WORDS_MAX ? n : WORDS_MAX;
}

/* Bytes of a block's only option, and of the end of options; nothing to say: none. */
static size_t option_size(size_t words)
{
	return words ? 4 + padded(words) + 4 : 0;
}

static void put_option(struct text *file, uint32_t code, const char *words, size_t n)
{
	if (!n)
		return;
	put32(file, code | (uint32_t)n << 16);
	put_padded(file, words, n);
	put32(file, OPTION_END);
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
}

void pcapng_interface(struct text *file, const char *name)
{
	size_t words = words_len(name), block = 20 + option_size(words);

	put32(file, INTERFACE);
	put32(file, block);
	put32(file, LINK_ETHERNET);
	put32(file, 0);			/* no limit */
	put_option(file, OPTION_NAME, name, words);
	put32(file, block);
}

void pcapng_add(struct text *file, uint32_t interface, const void *frame, size_t length,
		const char *comment)
{
	size_t words = words_len(comment), block = 32 + padded(length) + option_size(words);

	put32(file, PACKET);
	put32(file, block);
	put32(file, interface);
	put32(file, 0);			/* time */
	put32(file, 0);
	put32(file, length);
	put32(file, length);
	put_padded(file, frame, length);
	put_option(file, OPTION_COMMENT, comment, words);
	put32(file, block);
}
