// SPDX-License-Identifier: GPL-2.0
/*
 * Two clients on real sockets send what the input says, datagrams or whole requests that
 * are put together from it, and read or do not; the clock jumps. The server must answer each
 * request, never write what it would itself call broken, and keep nothing at the end.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmod/store.h"
#include "netlink/message.h"
#include "netlink/server.h"

#define must(condition) do { if (!(condition)) abort(); } while (0)

struct play {
	const uint8_t *next, *end;
	struct server *server;
	uint64_t now;
	struct conn *conns[2];
	int fds[2];
};

static uint8_t byte(struct play *p)
{
	return p->next < p->end ? *p->next++ : 0;
}

static void watch(void *ctx, struct conn *conn, unsigned int events)
{
	(void)ctx;
	(void)conn;
	(void)events;
}

static void closed(void *ctx, struct conn *conn)
{
	struct play *p = ctx;

	for (int i = 0; i < 2; i++)
		if (p->conns[i] == conn)
			p->conns[i] = NULL;
}

static void wake(void *ctx, uint64_t in_ms)
{
	(void)ctx;
	(void)in_ms;
}

static uint64_t now_ms(void *ctx)
{
	return ((struct play *)ctx)->now;
}

static int read_document(void *ctx, const char *name, const char *bytes, size_t len)
{
	(void)ctx;
	must(strlen(name) > 0 && !bytes[len]);
	return 0;
}

static void compile(void *ctx, uint64_t generation, bool returned)
{
	struct play *p = ctx;
	const char *why;
	int err;

	(void)returned;
	err = server_documents(p->server, generation, read_document, p, &why);
	if (generation % 4)
		must(!server_verdict(p->server, generation, !err, why));
}

static void drain(struct play *p, int i)
{
	static char buf[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	const struct nlmsghdr *nlh;
	struct message_error e;
	struct message m;
	ssize_t n;

	while ((n = recv(p->fds[i], buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		size_t pos = 0;

		while ((nlh = message_split(buf, n, &pos, &e)))
			if (nlh->nlmsg_type == SLUICE_UNIX_TYPE)
				must(!message_answer(nlh, &m, &e));
		must(!e.err);
	}
}

static void connect_client(struct play *p, int i)
{
	int pair[2];

	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	p->fds[i] = pair[0];
	p->conns[i] = server_adopt(p->server, pair[1]);
	must(p->conns[i]);
}

/* A request that is well formed, with a few attributes that may belong there. */
static size_t request(struct play *p, char *buf, size_t size)
{
	static const char value[SLUICE_VALUE_MAX];
	uint8_t cmd = 1 + byte(p) % SLUICE_CMD_MAX, with = byte(p);
	struct message_out o;

	message_start(&o, buf, size, cmd, NLM_F_REQUEST | (with & 1 ? NLM_F_ACK : 0) |
		      (with & 2 && cmd == SLUICE_CMD_GET ? NLM_F_DUMP : 0), byte(p));
	if (with & 4)
		message_put_u32(&o, SLUICE_A_FLAGS, 1u << byte(p) % 6);
	if (with & 8)
		message_put_u64(&o, SLUICE_A_GENERATION, byte(p) % 16);
	if (with & 16)
		message_put_u32(&o, SLUICE_A_CONFIRM_TIMEOUT, byte(p));
	if (cmd == SLUICE_CMD_SUBSCRIBE)
		message_put_u32(&o, SLUICE_A_GROUPS, byte(p) % 5);
	if (cmd == SLUICE_CMD_VERDICT)
		message_put_u32(&o, SLUICE_A_ACCEPTED, byte(p) % 3);
	if (cmd == SLUICE_CMD_SET || cmd == SLUICE_CMD_DEL || cmd == SLUICE_CMD_GET) {
		for (int n = byte(p) % 6; n; n--) {
			uint8_t key[] = { 'a' + byte(p) % 4, 0, 0, 0, 0, byte(p) % 3 };
			bool document = byte(p) & 1;

			message_put_object(&o, document ? SLUICE_OBJECT_DOCUMENT :
					   SLUICE_OBJECT_PORT, key, document ? 6 : 1,
					   cmd == SLUICE_CMD_SET ? value : NULL,
					   cmd == SLUICE_CMD_SET ? byte(p) * 64 : 0);
		}
	}
	return message_len(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char buf[SLUICE_DATAGRAM_MAX] __attribute__((aligned(4)));
	struct play p = { .next = bytes, .end = bytes + len, .now = 1000 };
	const struct server_callbacks callbacks = {
		.ctx = &p, .compile = compile, .watch = watch, .closed = closed, .wake = wake,
		.now_ms = now_ms,
	};
	struct store_limits limits = { .objects = 20, .bytes = 100000, .memory = 400000,
				       .verdict_ms = 500 };
	struct store *store = store_new(&limits);
	uint64_t running;

	p.server = server_new(store, &callbacks);
	if (byte(&p) & 3)
		must(!server_bind(p.server, 0, &running));
	connect_client(&p, 0);
	connect_client(&p, 1);
	for (int steps = 0; p.next < p.end && steps < 100; steps++) {
		uint8_t what = byte(&p);
		int i = what & 1;
		size_t n;

		switch (what >> 1 & 7) {
		case 0: case 1: case 2: case 3:
			n = request(&p, buf, sizeof(buf));
			if (what & 64 && n < sizeof(buf) / 2)	/* two in one datagram */
				n += request(&p, buf + n, sizeof(buf) - n);
			if (what & 32 && n)			/* one byte of it is another */
				buf[(byte(&p) << 8 | byte(&p)) % n] ^= byte(&p);
			break;
		case 4:
			n = byte(&p);
			if (n > (size_t)(p.end - p.next))
				n = p.end - p.next;
			memcpy(buf, p.next, n);
			p.next += n;
			break;
		case 5:
			p.now += byte(&p) * 16;
			server_tick(p.server);
			continue;
		case 6:
			drain(&p, i);
			if (p.conns[i])
				server_writable(p.conns[i]);
			continue;
		default:
			server_event(p.server, "event", what & 64 ? "{}" : NULL);
			if (what & 32) {
				close(p.fds[i]);
				if (p.conns[i])
					server_readable(p.conns[i]);
				must(!p.conns[i]);
				connect_client(&p, i);
			}
			continue;
		}
		if (n && send(p.fds[i], buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			continue;
		if (p.conns[i] && n)
			server_readable(p.conns[i]);
		if (what & 128)
			drain(&p, i);
	}
	drain(&p, 0);
	drain(&p, 1);
	server_free(p.server);
	must(!p.conns[0] && !p.conns[1]);
	close(p.fds[0]);
	close(p.fds[1]);
	store_free(store);
	return 0;
}
