// SPDX-License-Identifier: GPL-2.0
#include "netlink/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "netlink/client.h"

int message_fail(struct message_error *e, int err, const struct nlattr *where,
		 const char *format, ...)
{
	va_list args;

	e->err = err;
	e->where = where;
	va_start(args, format);
	vsnprintf(e->sentence, sizeof(e->sentence), format, args);
	va_end(args);
	return err;
}

/* --- attributes, checked by tables ------------------------------------------ */

enum kind { UNKNOWN, U32, U64, STRING, BYTES, NEST };

struct rule {
	const char *name;
	enum kind kind;
	unsigned int max;	/* bytes of a string, without its NUL, or of bytes */
};

static const struct rule object_rules[SLUICE_OBJECT_A_MAX + 1] = {
	[SLUICE_OBJECT_A_TYPE] = { "OBJECT.TYPE", U32, 0 },
	[SLUICE_OBJECT_A_KEY] = { "OBJECT.KEY", BYTES, SLUICE_KEY_MAX },
	[SLUICE_OBJECT_A_VALUE] = { "OBJECT.VALUE", BYTES, SLUICE_VALUE_MAX },
};

static const struct rule event_rules[SLUICE_EVENT_A_MAX + 1] = {
	[SLUICE_EVENT_A_NAME] = { "EVENT.NAME", STRING, SLUICE_EVENT_NAME_MAX },
	[SLUICE_EVENT_A_TIME] = { "EVENT.TIME", U64, 0 },
	[SLUICE_EVENT_A_TEXT] = { "EVENT.TEXT", STRING, SLUICE_EVENT_TEXT_MAX },
};

static const struct rule generation_rules[SLUICE_GENERATION_A_MAX + 1] = {
	[SLUICE_GENERATION_A_NUMBER] = { "GENERATION.NUMBER", U64, 0 },
	[SLUICE_GENERATION_A_FROM] = { "GENERATION.FROM", U64, 0 },
	[SLUICE_GENERATION_A_TIME] = { "GENERATION.TIME", U64, 0 },
	[SLUICE_GENERATION_A_OBJECTS] = { "GENERATION.OBJECTS", U32, 0 },
	[SLUICE_GENERATION_A_BYTES] = { "GENERATION.BYTES", U64, 0 },
	[SLUICE_GENERATION_A_COMMENT] = { "GENERATION.COMMENT", STRING, SLUICE_COMMENT_MAX },
};

static const struct rule status_rules[SLUICE_STATUS_A_MAX + 1] = {
	[SLUICE_STATUS_A_HOME] = { "STATUS.HOME", U32, 0 },
	[SLUICE_STATUS_A_COMPILER] = { "STATUS.COMPILER", U32, 0 },
	[SLUICE_STATUS_A_RUNNING] = { "STATUS.RUNNING", U64, 0 },
	[SLUICE_STATUS_A_APPLIED] = { "STATUS.APPLIED", U64, 0 },
	[SLUICE_STATUS_A_CANDIDATE] = { "STATUS.CANDIDATE", U64, 0 },
	[SLUICE_STATUS_A_CONFIRM_LEFT] = { "STATUS.CONFIRM_LEFT", U32, 0 },
	[SLUICE_STATUS_A_CONFIRM_BACK] = { "STATUS.CONFIRM_BACK", U64, 0 },
	[SLUICE_STATUS_A_TXNS] = { "STATUS.TXNS", U32, 0 },
	[SLUICE_STATUS_A_MEMORY] = { "STATUS.MEMORY", U64, 0 },
	[SLUICE_STATUS_A_OBJECTS_MAX] = { "STATUS.OBJECTS_MAX", U32, 0 },
	[SLUICE_STATUS_A_BYTES_MAX] = { "STATUS.BYTES_MAX", U64, 0 },
	[SLUICE_STATUS_A_MEMORY_MAX] = { "STATUS.MEMORY_MAX", U64, 0 },
	[SLUICE_STATUS_A_GENERATION] = { "STATUS.GENERATION", NEST, 0 },
};

static const struct rule rules[SLUICE_A_MAX + 1] = {
	[SLUICE_A_FLAGS] = { "FLAGS", U32, 0 },
	[SLUICE_A_GENERATION] = { "GENERATION", U64, 0 },
	[SLUICE_A_FROM] = { "FROM", U64, 0 },
	[SLUICE_A_OBJECT] = { "OBJECT", NEST, 0 },
	[SLUICE_A_CONFIRM_TIMEOUT] = { "CONFIRM_TIMEOUT", U32, 0 },
	[SLUICE_A_COMMENT] = { "COMMENT", STRING, SLUICE_COMMENT_MAX },
	[SLUICE_A_ACCEPTED] = { "ACCEPTED", U32, 0 },
	[SLUICE_A_MESSAGE] = { "MESSAGE", STRING, SLUICE_MESSAGE_MAX },
	[SLUICE_A_GROUPS] = { "GROUPS", U32, 0 },
	[SLUICE_A_EVENT] = { "EVENT", NEST, 0 },
	[SLUICE_A_STATUS] = { "STATUS", NEST, 0 },
};

static int check(const struct nlattr *a, const struct rule *r, bool strict,
		 struct message_error *e)
{
	size_t len = mnl_attr_get_payload_len(a);
	const char *bytes = mnl_attr_get_payload(a);
	const char *end;

	switch (r->kind) {
	case U32:
		if (len != 4)
			return message_fail(e, -EINVAL, a, "%s has %zu bytes, not 4", r->name, len);
		break;
	case U64:
		if (len != 8)
			return message_fail(e, -EINVAL, a, "%s has %zu bytes, not 8", r->name, len);
		break;
	case STRING:
		end = memchr(bytes, '\0', len);
		if (!end)
			return message_fail(e, -EINVAL, a, "%s does not end in a NUL", r->name);
		if ((size_t)(end - bytes) > r->max)
			return message_fail(e, -EINVAL, a, "%s is longer than %u bytes", r->name,
					    r->max);
		break;
	case BYTES:
		if (len > r->max)
			return message_fail(e, -EINVAL, a, "%s has %zu bytes, at most %u are allowed",
					    r->name, len, r->max);
		break;
	case NEST:
		if (strict && !(a->nla_type & NLA_F_NESTED))
			return message_fail(e, -EINVAL, a, "%s lacks NLA_F_NESTED", r->name);
		break;
	case UNKNOWN:
		break;
	}
	return 0;
}

/* Fills tb[1 .. max] with the last attribute of each kind. */
static int parse(const void *attrs, size_t size, const struct rule *rule, int max,
		 const struct nlattr **tb, bool strict, struct message_error *e)
{
	const struct nlattr *a = attrs;
	int left = size, err;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	for (; mnl_attr_ok(a, left); a = mnl_attr_next(a)) {
		int type = mnl_attr_get_type(a);

		left -= MNL_ALIGN(a->nla_len);
		if (type > max || rule[type].kind == UNKNOWN) {
			if (strict)
				return message_fail(e, -EINVAL, a, "no attribute here has number %d",
						    type);
			continue;
		}
		err = check(a, &rule[type], strict, e);
		if (err)
			return err;
		tb[type] = a;
	}
	/* the last one may be without its padding */
	if (left > 0)
		return message_fail(e, -EINVAL, NULL,
				    "%d bytes are left over behind the last attribute", left);
	return 0;
}

static int parse_nest(const struct nlattr *nest, const struct rule *rule, int max,
		      const struct nlattr **tb, bool strict, struct message_error *e)
{
	int err = parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), rule, max, tb,
			strict, e);

	if (err && !e->where)
		e->where = nest;
	return err;
}

static uint32_t u32_of(const struct nlattr *a)
{
	return a ? mnl_attr_get_u32(a) : 0;
}

static uint64_t u64_of(const struct nlattr *a)
{
	return a ? mnl_attr_get_u64(a) : 0;
}

static const char *string_of(const struct nlattr *a)
{
	return a ? mnl_attr_get_str(a) : NULL;
}

/* --- decoding ----------------------------------------------------------------- */

const struct nlmsghdr *message_split(const void *datagram, size_t len, size_t *pos,
				     struct message_error *e)
{
	const struct nlmsghdr *nlh;
	size_t left;

	e->err = 0;
	if (*pos >= len)
		return NULL;
	nlh = (const void *)((const char *)datagram + *pos);
	left = len - *pos;
	if (left < sizeof(*nlh)) {
		message_fail(e, -EBADMSG, NULL, "%zu bytes are no message: a header has %zu", left,
			     sizeof(*nlh));
		return NULL;
	}
	if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > left) {
		message_fail(e, -EBADMSG, NULL,
			     "a message says it has %u bytes, and the datagram has %zu", nlh->nlmsg_len,
			     left);
		return NULL;
	}
	*pos += MNL_ALIGN(nlh->nlmsg_len);
	return nlh;
}

static int next_object(const struct message *m, const struct nlattr **pos,
		       const struct nlattr **tb, bool strict, struct message_error *e)
{
	const struct nlattr *a = *pos ? mnl_attr_next(*pos) :
		mnl_nlmsg_get_payload_offset(m->nlh, GENL_HDRLEN);
	const char *end = mnl_nlmsg_get_payload_tail(m->nlh);

	for (; mnl_attr_ok(a, end - (const char *)a); a = mnl_attr_next(a)) {
		if (mnl_attr_get_type(a) != SLUICE_A_OBJECT)
			continue;
		*pos = a;
		return parse_nest(a, object_rules, SLUICE_OBJECT_A_MAX, tb, strict, e);
	}
	*pos = NULL;
	return 0;
}

bool message_object(const struct message *m, const struct nlattr **pos,
		    struct message_object *o)
{
	const struct nlattr *tb[SLUICE_OBJECT_A_MAX + 1];
	struct message_error e;

	/* checked when the message was decoded */
	next_object(m, pos, tb, false, &e);
	if (!*pos)
		return false;
	*o = (struct message_object){
		.attr = *pos,
		.type = u32_of(tb[SLUICE_OBJECT_A_TYPE]),
		.type_attr = tb[SLUICE_OBJECT_A_TYPE],
		.key_attr = tb[SLUICE_OBJECT_A_KEY],
		.value_attr = tb[SLUICE_OBJECT_A_VALUE],
	};
	if (o->key_attr) {
		o->key = mnl_attr_get_payload(o->key_attr);
		o->key_len = mnl_attr_get_payload_len(o->key_attr);
	}
	if (o->value_attr) {
		o->value = mnl_attr_get_payload(o->value_attr);
		o->value_len = mnl_attr_get_payload_len(o->value_attr);
	}
	return true;
}

bool message_event(const struct message *m, struct message_event *event)
{
	const struct nlattr *tb[SLUICE_EVENT_A_MAX + 1];
	struct message_error e;

	if (!m->event ||
	    parse_nest(m->event, event_rules, SLUICE_EVENT_A_MAX, tb, false, &e))
		return false;
	*event = (struct message_event){
		.name = string_of(tb[SLUICE_EVENT_A_NAME]),
		.text = string_of(tb[SLUICE_EVENT_A_TEXT]),
		.time_ns = u64_of(tb[SLUICE_EVENT_A_TIME]),
	};
	return true;
}

/* What both directions share: the header behind the header, and the attributes. */
static int decode(const struct nlmsghdr *nlh, struct message *m, bool strict,
		  struct message_error *e)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[SLUICE_OBJECT_A_MAX + 1], *pos = NULL;
	int err;

	*m = (struct message){ .nlh = nlh };
	e->err = 0;
	e->where = NULL;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return message_fail(e, -EINVAL, NULL, "the message ends before its command");
	m->cmd = genl->cmd;
	if (!m->cmd || m->cmd > SLUICE_CMD_MAX)
		return message_fail(e, -EOPNOTSUPP, NULL, "no command has number %u", m->cmd);
	if (strict && genl->version > SLUICE_FAMILY_VERSION)
		return message_fail(e, -EPROTONOSUPPORT, NULL,
				    "version %u is spoken here, not %u", SLUICE_FAMILY_VERSION,
				    genl->version);
	if (strict && genl->reserved)
		return message_fail(e, -EINVAL, NULL, "reserved bits of the header are set");

	err = parse(mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN),
		    nlh->nlmsg_len - MNL_ALIGN(sizeof(*nlh)) - GENL_HDRLEN, rules, SLUICE_A_MAX,
		    m->attr, strict, e);
	if (err)
		return err;
	for (int i = 1; i <= SLUICE_A_MAX; i++)
		if (m->attr[i])
			m->has |= 1u << i;
	m->dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	m->flags = u32_of(m->attr[SLUICE_A_FLAGS]);
	m->confirm_timeout_ms = u32_of(m->attr[SLUICE_A_CONFIRM_TIMEOUT]);
	m->accepted = u32_of(m->attr[SLUICE_A_ACCEPTED]);
	m->groups = u32_of(m->attr[SLUICE_A_GROUPS]);
	m->generation = u64_of(m->attr[SLUICE_A_GENERATION]);
	m->from = u64_of(m->attr[SLUICE_A_FROM]);
	m->comment = string_of(m->attr[SLUICE_A_COMMENT]);
	m->text = string_of(m->attr[SLUICE_A_MESSAGE]);
	m->event = m->attr[SLUICE_A_EVENT];
	m->status = m->attr[SLUICE_A_STATUS];
	do {
		err = next_object(m, &pos, tb, strict, e);
		if (err)
			return err;
	} while (pos);
	return 0;
}

int message_answer(const struct nlmsghdr *nlh, struct message *m, struct message_error *e)
{
	const struct nlattr *tb[SLUICE_EVENT_A_MAX + 1];
	int err = decode(nlh, m, false, e);

	if (!err && m->event)
		err = parse_nest(m->event, event_rules, SLUICE_EVENT_A_MAX, tb, false, e);
	if (err && err != -EOPNOTSUPP)
		e->err = -EBADMSG;
	return e->err;
}

/* What each request must have, and may have besides. */
#define A(name) (1u << SLUICE_A_##name)

static const struct request {
	uint32_t needs, takes;
	bool dumps;
} requests[SLUICE_CMD_MAX + 1] = {
	[SLUICE_CMD_SET] = { A(OBJECT), A(FLAGS), false },
	[SLUICE_CMD_DEL] = { A(OBJECT), A(FLAGS), false },
	[SLUICE_CMD_GET] = { 0, A(OBJECT) | A(GENERATION) | A(FLAGS), true },
	[SLUICE_CMD_COMMIT] = { 0, A(CONFIRM_TIMEOUT) | A(COMMENT), false },
	[SLUICE_CMD_CONFIRM] = { 0, A(GENERATION), false },
	[SLUICE_CMD_ROLLBACK] = { 0, A(GENERATION) | A(CONFIRM_TIMEOUT) | A(COMMENT), false },
	[SLUICE_CMD_BIND] = { 0, A(GENERATION), false },
	[SLUICE_CMD_VERDICT] = { A(GENERATION) | A(ACCEPTED), A(MESSAGE), false },
	[SLUICE_CMD_EVENT] = { A(EVENT), 0, false },
	[SLUICE_CMD_SUBSCRIBE] = { A(GROUPS), 0, false },
};

static int check_objects(const struct message *m, struct message_error *e)
{
	const struct nlattr *pos = NULL;
	struct message_object o;
	unsigned int n = 0;
	bool set = m->cmd == SLUICE_CMD_SET;
	bool key = set || (m->cmd == SLUICE_CMD_DEL && !(m->flags & SLUICE_F_PREFIX)) ||
		   (m->cmd == SLUICE_CMD_GET && !m->dump);

	while (message_object(m, &pos, &o)) {
		n++;
		if (!o.type_attr)
			return message_fail(e, -EINVAL, o.attr, "the object lacks its TYPE");
		if (key && !o.key_attr)
			return message_fail(e, -EINVAL, o.attr, "the object lacks its KEY");
		if (set && !o.value_attr)
			return message_fail(e, -EINVAL, o.attr, "the object lacks its VALUE");
		if (!set && o.value_attr)
			return message_fail(e, -EINVAL, o.value_attr,
					    "a VALUE is not taken by this command");
		if (m->cmd == SLUICE_CMD_GET && n > 1)
			return message_fail(e, -EINVAL, o.attr, "GET takes one object");
	}
	if (m->cmd == SLUICE_CMD_GET && !m->dump && !n)
		return message_fail(e, -EINVAL, NULL, "the message lacks the attribute OBJECT");
	return 0;
}

int message_request(const struct nlmsghdr *nlh, struct message *m, struct message_error *e)
{
	const struct nlattr *tb[SLUICE_EVENT_A_MAX + 1];
	const struct request *r;
	int err;

	e->err = 0;
	e->where = NULL;
	if (nlh->nlmsg_type != SLUICE_UNIX_TYPE)
		return message_fail(e, -ENOENT, NULL, "message type %u is not that of sluice",
				    nlh->nlmsg_type);
	if (!(nlh->nlmsg_flags & NLM_F_REQUEST))
		return message_fail(e, -EINVAL, NULL, "the message lacks NLM_F_REQUEST");
	err = decode(nlh, m, true, e);
	if (err)
		return err;
	r = &requests[m->cmd];
	for (int i = 1; i <= SLUICE_A_MAX; i++) {
		if (m->attr[i] && !((r->needs | r->takes) >> i & 1))
			return message_fail(e, -EINVAL, m->attr[i],
					    "%s is not taken by this command", rules[i].name);
		if (!m->attr[i] && r->needs >> i & 1)
			return message_fail(e, -EINVAL, NULL, "the message lacks the attribute %s",
					    rules[i].name);
	}
	if (m->dump && !r->dumps)
		return message_fail(e, -EOPNOTSUPP, NULL, "this command has nothing to dump");
	err = check_objects(m, e);
	if (err)
		return err;
	if (m->event) {
		err = parse_nest(m->event, event_rules, SLUICE_EVENT_A_MAX, tb, true, e);
		if (err)
			return err;
		if (!tb[SLUICE_EVENT_A_NAME] || !tb[SLUICE_EVENT_A_TIME])
			return message_fail(e, -EINVAL, m->event,
					    "an event has a NAME and a TIME");
	}
	return 0;
}

static int read_generation(const struct nlattr *nest, struct client_generation *g,
			   struct message_error *e)
{
	const struct nlattr *tb[SLUICE_GENERATION_A_MAX + 1];
	const char *comment;

	if (parse_nest(nest, generation_rules, SLUICE_GENERATION_A_MAX, tb, false, e))
		return -EBADMSG;
	*g = (struct client_generation){
		.number = u64_of(tb[SLUICE_GENERATION_A_NUMBER]),
		.copied = tb[SLUICE_GENERATION_A_FROM],
		.from = u64_of(tb[SLUICE_GENERATION_A_FROM]),
		.time_s = u64_of(tb[SLUICE_GENERATION_A_TIME]),
		.objects = u32_of(tb[SLUICE_GENERATION_A_OBJECTS]),
		.bytes = u64_of(tb[SLUICE_GENERATION_A_BYTES]),
	};
	comment = string_of(tb[SLUICE_GENERATION_A_COMMENT]);
	if (comment)
		snprintf(g->comment, sizeof(g->comment), "%s", comment);
	return 0;
}

int message_status(const struct message *m, struct client_status *s, struct message_error *e)
{
	const struct nlattr *tb[SLUICE_STATUS_A_MAX + 1], *a;

	if (!m->status)
		return message_fail(e, -EBADMSG, NULL, "the answer has no STATUS");
	if (parse_nest(m->status, status_rules, SLUICE_STATUS_A_MAX, tb, false, e))
		return e->err = -EBADMSG;
	*s = (struct client_status){
		.home = u32_of(tb[SLUICE_STATUS_A_HOME]),
		.compiler = u32_of(tb[SLUICE_STATUS_A_COMPILER]),
		.running = u64_of(tb[SLUICE_STATUS_A_RUNNING]),
		.applied = u64_of(tb[SLUICE_STATUS_A_APPLIED]),
		.candidate_waits = tb[SLUICE_STATUS_A_CANDIDATE],
		.candidate = u64_of(tb[SLUICE_STATUS_A_CANDIDATE]),
		.confirm_waits = tb[SLUICE_STATUS_A_CONFIRM_LEFT],
		.confirm_left_ms = u32_of(tb[SLUICE_STATUS_A_CONFIRM_LEFT]),
		.confirm_back = u64_of(tb[SLUICE_STATUS_A_CONFIRM_BACK]),
		.txns = u32_of(tb[SLUICE_STATUS_A_TXNS]),
		.memory = u64_of(tb[SLUICE_STATUS_A_MEMORY]),
		.objects_max = u32_of(tb[SLUICE_STATUS_A_OBJECTS_MAX]),
		.bytes_max = u64_of(tb[SLUICE_STATUS_A_BYTES_MAX]),
		.memory_max = u64_of(tb[SLUICE_STATUS_A_MEMORY_MAX]),
	};
	mnl_attr_for_each_nested(a, m->status) {
		if (mnl_attr_get_type(a) != SLUICE_STATUS_A_GENERATION)
			continue;
		if (s->generations == SLUICE_HISTORY_MAX + 1)
			break;
		if (read_generation(a, &s->generation[s->generations++], e))
			return e->err = -EBADMSG;
	}
	return 0;
}

/* The attributes behind an error: a sentence, and where. */
static void read_extack(const void *attrs, int left, char *sentence, size_t size, uint32_t *offset)
{
	const struct nlattr *a = attrs;

	for (; mnl_attr_ok(a, left); left -= MNL_ALIGN(a->nla_len), a = mnl_attr_next(a)) {
		size_t payload = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && size)
			snprintf(sentence, size, "%.*s", (int)payload,
				 (const char *)mnl_attr_get_payload(a));
		else if (mnl_attr_get_type(a) == NLMSGERR_ATTR_OFFS && payload == 4)
			*offset = mnl_attr_get_u32(a);
	}
}

int message_error(const struct nlmsghdr *nlh, int *err, char *sentence, size_t size,
		  uint32_t *offset)
{
	const struct nlmsgerr *body = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh), head = sizeof(*body);

	if (nlh->nlmsg_type != NLMSG_ERROR || len < sizeof(*body) || body->error > 0)
		return -EBADMSG;
	*err = body->error;
	*offset = 0;
	if (size)
		sentence[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	/* without NLM_F_CAPPED the whole request stands before them */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (body->msg.nlmsg_len < sizeof(body->msg) ||
		    body->msg.nlmsg_len > len - sizeof(body->error))
			return -EBADMSG;
		head = sizeof(body->error) + MNL_ALIGN(body->msg.nlmsg_len);
	}
	read_extack((const char *)body + head, (int)len - (int)head, sentence, size, offset);
	return 0;
}

int message_done(const struct nlmsghdr *nlh, char *sentence, size_t size)
{
	const char *body = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	uint32_t offset;
	int err;

	if (size)
		sentence[0] = '\0';
	if (len < sizeof(err))
		return -EBADMSG;
	memcpy(&err, body, sizeof(err));
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_extack(body + sizeof(err), (int)(len - sizeof(err)), sentence, size, &offset);
	return err > 0 ? -EBADMSG : err;
}

/* --- encoding -------------------------------------------------------------------- */

void message_start(struct message_out *o, void *buf, size_t size, enum sluice_cmd cmd,
		   uint16_t flags, uint32_t seq)
{
	struct genlmsghdr *genl;

	*o = (struct message_out){ .nlh = mnl_nlmsg_put_header(buf), .size = size };
	o->nlh->nlmsg_type = SLUICE_UNIX_TYPE;
	o->nlh->nlmsg_flags = flags;
	o->nlh->nlmsg_seq = seq;
	genl = mnl_nlmsg_put_extra_header(o->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = SLUICE_FAMILY_VERSION;
}

void message_put_u32(struct message_out *o, int attr, uint32_t n)
{
	if (!mnl_attr_put_u32_check(o->nlh, o->size, attr, n))
		o->full = true;
}

void message_put_u64(struct message_out *o, int attr, uint64_t n)
{
	if (!mnl_attr_put_u64_check(o->nlh, o->size, attr, n))
		o->full = true;
}

void message_put_string(struct message_out *o, int attr, const char *s, size_t len)
{
	size_t end = MNL_ALIGN(o->nlh->nlmsg_len) + MNL_ATTR_HDRLEN + MNL_ALIGN(len + 1);
	struct nlattr *a = mnl_nlmsg_get_payload_tail(o->nlh);

	if (end > o->size || MNL_ATTR_HDRLEN + len + 1 > UINT16_MAX) {
		o->full = true;
		return;
	}
	a->nla_type = attr;
	a->nla_len = MNL_ATTR_HDRLEN + len + 1;
	memset((char *)a + MNL_ATTR_HDRLEN, 0, MNL_ALIGN(len + 1));
	memcpy((char *)a + MNL_ATTR_HDRLEN, s, len);
	o->nlh->nlmsg_len = end;
}

static struct nlattr *nest_start(struct message_out *o, int attr)
{
	struct nlattr *nest = mnl_attr_nest_start_check(o->nlh, o->size, attr);

	if (!nest)
		o->full = true;
	return nest;
}

static void nest_end(struct message_out *o, struct nlattr *nest)
{
	if (nest)
		mnl_attr_nest_end(o->nlh, nest);
}

bool message_put_object(struct message_out *o, uint32_t type, const void *key, size_t key_len,
			const void *value, size_t value_len)
{
	struct nlattr *nest;

	/* lengths of attributes have 16 bits */
	if (o->full || key_len > UINT16_MAX / 2 - 64 || value_len > UINT16_MAX / 2 - 64)
		return false;
	nest = mnl_attr_nest_start_check(o->nlh, o->size, SLUICE_A_OBJECT);
	if (!nest)
		return false;
	if ((type && !mnl_attr_put_u32_check(o->nlh, o->size, SLUICE_OBJECT_A_TYPE, type)) ||
	    (key && !mnl_attr_put_check(o->nlh, o->size, SLUICE_OBJECT_A_KEY, key_len, key)) ||
	    (value && !mnl_attr_put_check(o->nlh, o->size, SLUICE_OBJECT_A_VALUE, value_len,
					  value))) {
		mnl_attr_nest_cancel(o->nlh, nest);
		return false;
	}
	mnl_attr_nest_end(o->nlh, nest);
	return true;
}

void message_put_event(struct message_out *o, const char *name, uint64_t time_ns,
		       const char *text)
{
	struct nlattr *nest = nest_start(o, SLUICE_A_EVENT);

	message_put_string(o, SLUICE_EVENT_A_NAME, name, strlen(name));
	message_put_u64(o, SLUICE_EVENT_A_TIME, time_ns);
	if (text)
		message_put_string(o, SLUICE_EVENT_A_TEXT, text, strlen(text));
	nest_end(o, nest);
}

static void put_generation(struct message_out *o, const struct client_generation *g)
{
	struct nlattr *nest = nest_start(o, SLUICE_STATUS_A_GENERATION);

	message_put_u64(o, SLUICE_GENERATION_A_NUMBER, g->number);
	if (g->copied)
		message_put_u64(o, SLUICE_GENERATION_A_FROM, g->from);
	message_put_u64(o, SLUICE_GENERATION_A_TIME, g->time_s);
	message_put_u32(o, SLUICE_GENERATION_A_OBJECTS, g->objects);
	message_put_u64(o, SLUICE_GENERATION_A_BYTES, g->bytes);
	if (g->comment[0])
		message_put_string(o, SLUICE_GENERATION_A_COMMENT, g->comment,
				   strnlen(g->comment, SLUICE_COMMENT_MAX));
	nest_end(o, nest);
}

void message_put_status(struct message_out *o, const struct client_status *s)
{
	struct nlattr *nest = nest_start(o, SLUICE_A_STATUS);

	message_put_u32(o, SLUICE_STATUS_A_HOME, s->home);
	message_put_u32(o, SLUICE_STATUS_A_COMPILER, s->compiler);
	message_put_u64(o, SLUICE_STATUS_A_RUNNING, s->running);
	message_put_u64(o, SLUICE_STATUS_A_APPLIED, s->applied);
	if (s->candidate_waits)
		message_put_u64(o, SLUICE_STATUS_A_CANDIDATE, s->candidate);
	if (s->confirm_waits) {
		message_put_u32(o, SLUICE_STATUS_A_CONFIRM_LEFT, s->confirm_left_ms);
		message_put_u64(o, SLUICE_STATUS_A_CONFIRM_BACK, s->confirm_back);
	}
	message_put_u32(o, SLUICE_STATUS_A_TXNS, s->txns);
	message_put_u64(o, SLUICE_STATUS_A_MEMORY, s->memory);
	message_put_u32(o, SLUICE_STATUS_A_OBJECTS_MAX, s->objects_max);
	message_put_u64(o, SLUICE_STATUS_A_BYTES_MAX, s->bytes_max);
	message_put_u64(o, SLUICE_STATUS_A_MEMORY_MAX, s->memory_max);
	for (unsigned int i = 0; i < s->generations; i++)
		put_generation(o, &s->generation[i]);
	nest_end(o, nest);
}

const char *message_cut(const char *text, char cut[SLUICE_MESSAGE_MAX + 1])
{
	static const char end[] = "\n... (cut here)";

	if (strlen(text) <= SLUICE_MESSAGE_MAX)
		return text;
	memcpy(cut, text, SLUICE_MESSAGE_MAX);
	strcpy(cut + SLUICE_MESSAGE_MAX - strlen(end), end);
	return cut;
}

size_t message_len(const struct message_out *o)
{
	return o->full ? 0 : MNL_ALIGN(o->nlh->nlmsg_len);
}

size_t message_put_error(void *buf, const struct nlmsghdr *request,
			 const struct message_error *e)
{
	struct nlmsghdr *nlh;
	struct nlmsgerr *body;

	/* padding goes out as well, and nobody shall find in it what was here before */
	memset(buf, 0, MESSAGE_ERROR_MAX);
	nlh = mnl_nlmsg_put_header(buf);
	body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED;
	nlh->nlmsg_seq = request->nlmsg_seq;
	body->error = e->err;
	body->msg = *request;
	if (e->sentence[0]) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, e->sentence);
	}
	if (e->err && e->where) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS,
				 (const char *)e->where - (const char *)request);
	}
	return MNL_ALIGN(nlh->nlmsg_len);
}

size_t message_put_done(void *buf, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	return nlh->nlmsg_len;
}

size_t message_put_overrun(void *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = NLMSG_OVERRUN;
	return nlh->nlmsg_len;
}
