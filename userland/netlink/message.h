/* SPDX-License-Identifier: GPL-2.0 */
/*
 * message.h: the messages of kmod/uapi/linux/sluice.h, as bytes and as fields.
 *
 * Both ends use it: what one end encodes the other decodes. Nothing that is decoded has
 * been believed: lengths, kinds and ends of strings are checked here, once, so that what
 * stands in a struct message can be used as it is. Pointers go into the buffer.
 */
#ifndef SLUICE_NETLINK_MESSAGE_H
#define SLUICE_NETLINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/sluice.h>

struct client_status;

struct message_error {
	int err;			/* negative errno; 0: none, and a sentence is a warning */
	const struct nlattr *where;	/* the attribute that is wrong, or NULL */
	char sentence[200];
};

/** message_fail() - fills *@e, the sentence as by printf, and returns @err. */
int message_fail(struct message_error *e, int err, const struct nlattr *where,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* --- decoding -------------------------------------------------------------- */

/**
 * message_split() - the next message of a datagram; *@pos starts at 0. The buffer must be
 * aligned to four bytes. Return: NULL at the end, with @e->err 0, or at something that is
 * no whole message, with @e->err -EBADMSG: what follows it cannot be found.
 */
const struct nlmsghdr *message_split(const void *datagram, size_t len, size_t *pos,
				     struct message_error *e);

struct message {
	const struct nlmsghdr *nlh;
	uint8_t cmd;				/* enum sluice_cmd */
	bool dump;				/* NLM_F_DUMP */
	uint32_t has;				/* 1 << SLUICE_A_*: which were there */
	uint32_t flags, confirm_timeout_ms, accepted, groups;
	uint64_t generation, from;
	const char *comment, *text;		/* NULL if absent; @text is SLUICE_A_MESSAGE */
	const struct nlattr *event, *status;	/* nests, for message_event(), message_status() */
	const struct nlattr *attr[SLUICE_A_MAX + 1]; /* where each stood, the last of a kind */
};

/** message_has() - whether the attribute was there. */
static inline bool message_has(const struct message *m, enum sluice_attr a)
{
	return m->has >> a & 1;
}

/**
 * message_request() - decodes what a client asks, as strictly as the kernel: unknown
 * commands and attributes are refused, and so are attributes that the command does not
 * take, or lacks. Objects, events are checked too. Return: 0 or a negative errno, also in @e.
 */
int message_request(const struct nlmsghdr *nlh, struct message *m, struct message_error *e);

/**
 * message_answer() - decodes what the store sends: steps over unknown attributes.
 * -EOPNOTSUPP: an unknown command, to be passed over; -EBADMSG: malformed.
 */
int message_answer(const struct nlmsghdr *nlh, struct message *m, struct message_error *e);

struct message_object {
	const struct nlattr *attr;	/* the nest */
	uint32_t type;			/* 0: absent */
	const void *key, *value;	/* NULL: absent */
	size_t key_len, value_len;
	const struct nlattr *type_attr, *key_attr, *value_attr; /* where they stood, or NULL */
};

/** message_object() - the next object of @m; *@pos starts as NULL. Return: false at the end. */
bool message_object(const struct message *m, const struct nlattr **pos,
		    struct message_object *o);

struct message_event {
	const char *name, *text;	/* NULL: absent */
	uint64_t time_ns;
};

/** message_event() - reads the event of @m. Return: whether there is one. */
bool message_event(const struct message *m, struct message_event *event);

/** message_status() - reads the status of @m. -EBADMSG. */
int message_status(const struct message *m, struct client_status *s, struct message_error *e);

/**
 * message_error() - reads an NLMSG_ERROR.
 * @err: 0 or a negative errno; @sentence: "" if it brings none; @offset: of the offending
 * attribute in the request, 0 if none is named. -EBADMSG.
 */
int message_error(const struct nlmsghdr *nlh, int *err, char *sentence, size_t size,
		  uint32_t *offset);

/**
 * message_done() - what a NLMSG_DONE carries: 0 or a negative errno; -EBADMSG.
 * @sentence: "" if it brings none.
 */
int message_done(const struct nlmsghdr *nlh, char *sentence, size_t size);

/* --- encoding -------------------------------------------------------------- */

/* A message being written into a buffer; once something did not fit, it is full. */
struct message_out {
	struct nlmsghdr *nlh;
	size_t size;			/* of the buffer */
	bool full;
};

/** message_start() - @flags: NLM_F_*. The buffer is aligned to four bytes, at least 20 long. */
void message_start(struct message_out *o, void *buf, size_t size, enum sluice_cmd cmd,
		   uint16_t flags, uint32_t seq);
void message_put_u32(struct message_out *o, int attr, uint32_t n);
void message_put_u64(struct message_out *o, int attr, uint64_t n);
void message_put_string(struct message_out *o, int attr, const char *s, size_t len);

/**
 * message_put_object() - @type 0, @key NULL, @value NULL: without.
 * Return: false if it does not fit; the message is as before then, and not full.
 */
bool message_put_object(struct message_out *o, uint32_t type, const void *key, size_t key_len,
			const void *value, size_t value_len);
void message_put_event(struct message_out *o, const char *name, uint64_t time_ns,
		       const char *text);
void message_put_status(struct message_out *o, const struct client_status *s);

/**
 * message_cut() - @text, or if it is longer than SLUICE_MESSAGE_MAX, its beginning in @cut, which
 * says at its end that it was cut.
 */
const char *message_cut(const char *text, char cut[SLUICE_MESSAGE_MAX + 1]);

/** message_len() - bytes of the message, with padding; 0 if it was full. */
size_t message_len(const struct message_out *o);

/**
 * message_put_error() - writes a whole NLMSG_ERROR: the answer to @request, which for @e->err
 * 0 is the acknowledgement, with @e->sentence as a warning. @request: only its header is read.
 * Return: bytes. The buffer has room for MESSAGE_ERROR_MAX.
 */
#define MESSAGE_ERROR_MAX 320
size_t message_put_error(void *buf, const struct nlmsghdr *request,
			 const struct message_error *e);

/** message_put_done(), message_put_overrun() - whole messages of at most MESSAGE_ERROR_MAX. */
size_t message_put_done(void *buf, uint32_t seq);
size_t message_put_overrun(void *buf);

#endif
