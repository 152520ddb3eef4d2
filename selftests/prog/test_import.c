// SPDX-License-Identifier: GPL-2.0
/*
 * Real firewalls, imported, against iptables itself: the same packets, the same decisions.
 *
 * Each firewall is loaded by iptables-restore in a network namespace whose interfaces have the
 * names that its rules use. Packets aimed at the rules of the imported policy, and just beside them,
 * and as many at the rules that were imported, are sent into these interfaces. What is accepted by
 * FORWARD comes out of another one, what is accepted by INPUT comes to a raw socket: every address is
 * local there. The same packets are sent before any rule
 * is loaded: one that does not come through then never gets to the chain (a martian, say), and is left
 * out. policy/eval says what the policy decides, and the program that is compiled from it must say the same.
 *
 * What is compared is accept or drop, of packets that begin a connection: no two packets belong to one
 * flow, and TCP packets are those that connection tracking takes for a beginning, a SYN or an ACK.
 * REJECT is a drop: its answer is not looked for. What is left out of a firewall on both sides is said:
 * rules that this kernel or iptables does not take, and lists of recent sources, which packets before
 * would fill. Link-layer addresses, which were blanked out, are numbered.
 *
 * WITNESSES=: packets sent to each chain; selftests/slow/import.sh sends 15,000, of which more than 10,000
 * get to it. SEED= repeats a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "compile/compile.h"
#include "datapath/datapath.h"
#include "image/image.h"
#include "import/import.h"
#include "lower/lower.h"
#include "lpm/lpm.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "policy/tree.h"
#include "selftests/unit/rule_lists.h"

#define FILE_BYTES	(4 << 20)
#define LEFT_OUT_MAX	64
#define FRAME_BYTES	256
#define ROUTER_MAC	0x0200000000feull

static uint64_t seed;

/* ---- the firewall's text -------------------------------------------------------------- */

static char *read_gz(const char *name)
{
	const char *folder = getenv("SLUICE_DATA");
	char path[512], *text;
	gzFile f;
	int n;

	snprintf(path, sizeof(path), "%s/acl/%s", folder ? folder : "../shared/data", name);
	f = gzopen(path, "rb");
	if (!f)
		return NULL;
	text = xcalloc(1, FILE_BYTES + 1);
	n = gzread(f, text, FILE_BYTES);
	gzclose(f);
	assert_true(n > 0 && n < FILE_BYTES);
	return text;
}

/* The tables raw and filter, without what other packets would change, and with addresses. */
static char *prepare(const char *input, unsigned int *recent)
{
	static const char blank[] = "XX:XX:XX:XX:XX:XX";
	struct text out = { 0 };
	bool wanted = false;
	unsigned int macs = 0;

	while (*input) {
		size_t n = strcspn(input, "\n");
		char line[4096], *mac;

		assert_true(n < sizeof(line));
		memcpy(line, input, n);
		line[n] = '\0';
		input += n + (input[n] == '\n');
		if (*line == '*')
			wanted = !strcmp(line, "*filter") || !strcmp(line, "*raw");
		/* Of the table raw, what exempts from the tracking of connections. */
		if (!wanted || *line == '#' || strstr(line, "-m rpfilter"))
			continue;
		if (strstr(line, "-m recent") && (strstr(line, "--update") || strstr(line, "--rcheck"))) {
			++*recent;
			continue;
		}
		mac = strstr(line, blank);
		if (mac) {
			char number[sizeof(blank)];

			snprintf(number, sizeof(number), "02:00:00:01:%02x:%02x", macs >> 8 & 255, macs & 255);
			memcpy(mac, number, sizeof(blank) - 1);
			macs++;
		}
		text_printf(&out, "%s\n", line);
	}
	return out.data;
}

static void drop_line(char *text, unsigned int number)
{
	char *line = text, *end;

	while (--number && line)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	assert_non_null(line);
	end = strchr(line, '\n');
	printf("# left out on both sides: %.*s\n", (int)(end - line), line);
	memmove(line, end + 1, strlen(end + 1) + 1);
}

/* Routes as the rules say by which interface which network is: "-d NETWORK ... -o INTERFACE". */
static void find_routes(const char *text, const char *otherwise, struct text *routes)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char network[64], interface[32], rest[64];

		if (sscanf(line, "-A FORWARD -d %63s -o %31s -j %63s", network, interface, rest) == 3 &&
		    strncmp(network, "224.", 4) && !strstr(text_string(routes), network))
			text_printf(routes, "%s dev %s\n", network, interface);
		else if (sscanf(line, "-A FORWARD -o %31s -j %63s", interface, rest) == 2 &&
			 !strstr(text_string(routes), "default"))
			text_printf(routes, "default dev %s\n", interface);
	}
	if (!strstr(text_string(routes), "default"))
		text_printf(routes, "default dev %s\n", otherwise);
}

/* ---- the network ---------------------------------------------------------------------------- */

struct net {
	int home, wire, router;		/* namespaces */
	pid_t holder;			/* a process in the wire's, by which ip(8) finds it */
	unsigned int index[64];		/* of the wire's end, by port */
	int out;			/* what comes out on the wire */
	int raw[5];			/* what comes to the router itself */
	int send;
};

static const int protocols[] = { 6, 17, 1, 47, 50 };
#define PROTOCOLS (sizeof(protocols) / sizeof(*protocols))

static void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static int new_namespace(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void command(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (system(line))
		fail_msg("%s: failed", line);
}

static void set_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_true(write(fd, value, strlen(value)) > 0);
	close(fd);
}

static void add_interface(struct net *n, const char *name, unsigned int port)
{
	enter(n->router);
	command("ip link add '%s' type veth peer name w%u netns %d && "
		"ip link set '%s' address 02:00:00:00:00:fe arp off up",
		name, port, n->holder, name);
	enter(n->wire);
	command("ip link set w%u arp off up", port);
	if (port < 64) {
		char wire[16];

		snprintf(wire, sizeof(wire), "w%u", port);
		n->index[port] = if_nametoindex(wire);
		assert_int_not_equal(n->index[port], 0);
	}
}

static int packet_socket(int protocol)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol));
	int bytes = 64 << 20;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

/* A router with these interfaces; @local: every address is its own, else @routes say where things go. */
static void net_open(struct net *n, const struct policy *policy, const struct import_options *options,
		     bool local)
{
	static const char *const off[] = { "conf/all/rp_filter", "conf/default/rp_filter",
		"conf/all/send_redirects", "conf/default/send_redirects", NULL };
	char buf[PREFIX_STRLEN];
	unsigned int extra = 0;

	n->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	n->wire = new_namespace();
	n->holder = fork();
	if (!n->holder) {
		pause();
		_exit(0);
	}
	n->router = new_namespace();
	for (const char *const *name = off; *name; name++)
		set_sysctl(*name, "0");
	set_sysctl("ip_forward", "1");
	command("ip link set lo up");
	assert_true(policy->ports.len <= 64);
	for (unsigned int i = 0; i < policy->ports.len; i++)
		add_interface(n, (*(struct policy_port **)vec_at(&policy->ports, i))->interface, i);
	for (size_t i = 0; i < options->routes.len; i++) {
		const struct import_route *route = vec_at(&options->routes, i);
		bool there;

		enter(n->router);
		there = if_nametoindex(route->interface);
		if (!there)
			add_interface(n, route->interface, 100 + extra++);
		enter(n->router);
		if (!local && route->prefix.addr.family == ADDR_V4)
			command("ip route replace %s dev '%s'", prefix_format(&route->prefix, buf),
				route->interface);
	}
	enter(n->router);
	/* For what comes in, every address is local; looked up as a source, it is not. */
	for (size_t i = 0; local && i < policy->ports.len; i++)
		command("ip rule add iif '%s' lookup 100",
			(*(struct policy_port **)vec_at(&policy->ports, i))->interface);
	if (local)
		command("ip route add local default dev lo table 100 && ip route add default dev '%s'",
			(*(struct policy_port **)vec_at(&policy->ports, 0))->interface);
	for (unsigned int i = 0; i < PROTOCOLS; i++) {
		int bytes = 64 << 20;

		n->raw[i] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocols[i]);
		assert_true(n->raw[i] >= 0);
		setsockopt(n->raw[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	}
	enter(n->wire);
	n->out = packet_socket(ETH_P_IP);
	n->send = packet_socket(0);
}

static void net_close(struct net *n)
{
	close(n->out);
	close(n->send);
	for (unsigned int i = 0; i < PROTOCOLS; i++)
		close(n->raw[i]);
	kill(n->holder, SIGKILL);
	waitpid(n->holder, NULL, 0);
	enter(n->home);
	close(n->home);
	close(n->wire);
	close(n->router);
}

/* Loads it, as far as it can be: lines that are refused are taken out of @text. */
static void load(struct net *n, char *text)
{
	char path[] = "/tmp/sluice-import.XXXXXX", line[600], said[256], all[512];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	enter(n->router);
	for (unsigned int tries = 0; ; tries++) {
		unsigned int number = 0;
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
		snprintf(line, sizeof(line), "iptables-restore < %s 2>&1", path);
		f = popen(line, "r");
		*all = '\0';
		while (fgets(said, sizeof(said), f)) {
			const char *at = strstr(said, "line: ") ?: strstr(said, "line ");

			if (at && !number)
				number = strtoul(at + strcspn(at, "0123456789"), NULL, 10);
			snprintf(all, sizeof(all), "%.250s", said);
		}
		if (!pclose(f))
			break;
		if (!number || tries == LEFT_OUT_MAX) {
			unlink(path);
			fail_msg("iptables-restore: %s", all);
		}
		drop_line(text, number);
	}
	unlink(path);
}

/* ---- packets ------------------------------------------------------------------------------------ */

struct witness {
	struct frame_fields fields;
	uint8_t frame[FRAME_BYTES];
	size_t len;
	bool reaches, accepted;		/* gets to the chain; what iptables did */
	bool allowed;			/* what the policy says */
	const struct policy_rule *rule;
};

static uint16_t some_of(const struct rule *box, enum rules_field field, uint32_t otherwise)
{
	unsigned int tests = 0, chosen;

	for (uint32_t i = 0; i < box->tests; i++)
		tests += box->test[i].field == field && box->test[i].kind == RULE_RANGE;
	if (!tests)
		return otherwise;
	chosen = below(&seed, tests);
	for (uint32_t i = 0; i < box->tests; i++) {
		const struct rule_test *t = &box->test[i];

		if (t->field == field && t->kind == RULE_RANGE && !chosen--)
			return below(&seed, 4) ? t->a + below(&seed, t->b - t->a + 1u) :
			       below(&seed, 2) ? t->a : t->b;
	}
	return otherwise;
}

static struct addr some_within(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned int i = p->len; i < 32; i++)
		if (below(&seed, 2))
			a.bytes[i >> 3] ^= 0x80 >> (i & 7);
	/* Beside it. */
	if (p->len && !below(&seed, 8))
		a.bytes[(p->len - 1) >> 3] ^= 0x80 >> ((p->len - 1) & 7);
	return a;
}

/* An address of the box; where it has none, one of another box's. */
static struct addr some_side(const struct rule_list *list, const struct rule *box, enum rule_side side)
{
	for (unsigned int tries = 0; !box->prefixes[side] && tries < 8; tries++)
		box = rule_at(list, below(&seed, list->rules.len));
	if (!box->prefixes[side] || box->prefix[side]->addr.family != ADDR_V4)
		return addr_v4(random_next(&seed));
	return some_within(&box->prefix[side][below(&seed, box->prefixes[side])]);
}

static uint64_t mac_number(const struct lowered *l, uint16_t number)
{
	uint64_t mac = 0;

	if (!number || number > l->names.macs.len)
		return 0x020000000001ull;
	for (unsigned int i = 0; i < 6; i++)
		mac = mac << 8 | ((struct lower_mac *)vec_at(&l->names.macs, number - 1))->address[i];
	return mac;
}

static bool has_protocol(int protocol)
{
	for (unsigned int i = 0; i < PROTOCOLS; i++)
		if (protocols[i] == protocol)
			return true;
	return false;
}

/* The word behind @option in a rule; NULL: it has no such option. */
static const char *option_of(const char *rule, const char *option, char *word, size_t size)
{
	const char *at = strstr(rule, option), *end = strchr(rule, '\n');
	size_t n;

	if (!at || (end && at > end))
		return NULL;
	at += strlen(option);
	n = strcspn(at, " \n");
	if (n >= size)
		return NULL;
	memcpy(word, at, n);
	word[n] = '\0';
	return word;
}

/* What a rule of the firewall asks for is put into @f, but for one thing now and then. */
static void aim_at(const char *rule, const struct policy *p, struct frame_fields *f)
{
	static const struct {
		const char *option;
		enum policy_field field;
	} addresses[] = { { " -s ", FIELD_IP_SRC }, { " -d ", FIELD_IP_DST } };
	char word[256];
	struct prefix prefix;
	uint8_t mac[6];

	for (unsigned int i = 0; i < 2; i++) {
		struct addr a;

		if (!below(&seed, 16) || !option_of(rule, addresses[i].option, word, sizeof(word)) ||
		    prefix_parse(word, &prefix))
			continue;
		a = some_within(&prefix);
		frame_set_address(f, addresses[i].field, &a);
	}
	if (below(&seed, 16) && option_of(rule, "--mac-source ", word, sizeof(word)) &&
	    !mac_parse(word, mac)) {
		uint64_t number = 0;

		for (unsigned int i = 0; i < 6; i++)
			number = number << 8 | mac[i];
		frame_set(f, FIELD_ETH_SRC, number);
	}
	if (below(&seed, 16) && option_of(rule, " -i ", word, sizeof(word)))
		for (size_t i = 0; i < p->ports.len; i++)
			if (!strcmp((*(struct policy_port **)vec_at(&p->ports, i))->interface, word))
				frame_set(f, FIELD_IN, i);
	if (!frame_has(f, FIELD_L4_DST) || !below(&seed, 16))
		return;
	if (option_of(rule, "--dport ", word, sizeof(word)) || option_of(rule, "--dports ", word, sizeof(word)))
		frame_set(f, FIELD_L4_DST, strtoul(word, NULL, 10));
	if (option_of(rule, "--sport ", word, sizeof(word)) || option_of(rule, "--sports ", word, sizeof(word)))
		frame_set(f, FIELD_L4_SRC, strtoul(word, NULL, 10));
}

static int protocol_of(const char *rule, int otherwise)
{
	char word[16];

	if (!option_of(rule, " -p ", word, sizeof(word)))
		return otherwise;
	return !strcmp(word, "tcp") ? 6 : !strcmp(word, "udp") ? 17 : !strcmp(word, "icmp") ? 1 : otherwise;
}

static const char *some_rule(const char *text)
{
	const char *line = text + below(&seed, strlen(text)), *next = strstr(line, "\n-A ");

	return next ? next + 1 : strstr(text, "\n-A ") + 1;
}

static bool make_witness(const struct lowered *l, const struct policy *p, const char *text,
			 struct witness *w)
{
	const char *rule = below(&seed, 2) ? some_rule(text) : NULL;
	const struct rule_list *list = &l->layer[0];
	const struct rule *box = rule_at(list, below(&seed, list->rules.len));
	int protocol = some_of(box, RULES_PROTO, protocols[below(&seed, PROTOCOLS)]);
	uint16_t in = some_of(box, RULES_IN, l->names.port[below(&seed, p->ports.len)]);
	struct frame_fields f = { 0 };
	struct addr src = some_side(list, box, RULE_SOURCE), dst = some_side(list, box, RULE_DESTINATION);
	struct text why = { 0 };
	unsigned int port = 0;
	uint8_t frame[FRAME_MAX];
	int err;

	if (rule)
		protocol = protocol_of(rule, protocol);
	if (!has_protocol(protocol))
		return false;
	if (!below(&seed, 8))
		in = l->names.port[below(&seed, p->ports.len)];
	while (l->names.port[port] != in)
		port++;
	frame_set(&f, FIELD_IN, port);
	frame_set(&f, FIELD_ETH_DST, ROUTER_MAC);
	frame_set(&f, FIELD_ETH_SRC, mac_number(l, some_of(box, RULES_ETH_SRC,
							    below(&seed, l->names.macs.len + 1))));
	frame_set_address(&f, FIELD_IP_SRC, &src);
	frame_set_address(&f, FIELD_IP_DST, &dst);
	frame_set(&f, FIELD_IP_PROTO, protocol);
	frame_set(&f, FIELD_IP_TTL, 64);
	if (protocol == 6 || protocol == 17) {
		frame_set(&f, FIELD_L4_SRC, some_of(box, RULES_SPORT, 1024 + below(&seed, 64000)));
		frame_set(&f, FIELD_L4_DST, some_of(box, RULES_DPORT, some_of(
			rule_at(list, below(&seed, list->rules.len)), RULES_DPORT, below(&seed, 65536))));
	}
	if (protocol == 6)
		frame_set(&f, FIELD_TCP_FLAGS, below(&seed, 4) ? 0x02 : 0x10);
	if (protocol == 1) {
		frame_set(&f, FIELD_ICMP_TYPE, below(&seed, 4) ? 8 : 13);
		frame_set(&f, FIELD_ICMP_CODE, 0);
	}
	if (rule)
		aim_at(rule, p, &f);
	err = frame_settle(&f, &why, NULL);
	text_free(&why);
	if (err)
		return false;
	w->fields = f;
	w->len = frame_build(&f, frame);
	if (w->len > FRAME_BYTES)
		return false;
	memcpy(w->frame, frame, w->len);
	return true;
}

/* The number of the packet, by which it is known again, and the checksum with it. */
static void number_witness(struct witness *w, uint16_t number)
{
	unsigned int sum = 0;

	w->frame[18] = number >> 8;
	w->frame[19] = number;
	memset(&w->frame[24], 0, 2);
	for (unsigned int i = 14; i < 34; i += 2)
		sum += w->frame[i] << 8 | w->frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	w->frame[24] = sum >> 8;
	w->frame[25] = sum;
}

struct flow {
	uint8_t address[2][4];
	uint16_t port[2];
	uint32_t protocol;
};

/* Both directions of a flow have one key. */
static struct flow flow_of(const struct witness *w)
{
	const struct frame_fields *f = &w->fields;
	unsigned int turn = addr_cmp(&f->src, &f->dst) > 0;
	struct flow flow = { .protocol = f->value[FIELD_IP_PROTO] };

	memcpy(flow.address[turn], f->src.bytes, 4);
	memcpy(flow.address[!turn], f->dst.bytes, 4);
	flow.port[turn] = f->value[FIELD_L4_SRC];
	flow.port[!turn] = f->value[FIELD_L4_DST];
	return flow;
}

static void take(struct witness *w, unsigned int n, const uint8_t *ip, size_t len, bool *(*field)(struct witness *))
{
	unsigned int number = len >= 20 ? ip[4] << 8 | ip[5] : 0;

	if (!number || number > n)
		return;
	w += number - 1;
	/* Answers of the router's own may have any number. */
	if (!memcmp(ip + 12, w->frame + 26, 8) && ip[9] == w->frame[23])
		*field(w) = true;
}

static void receive(struct net *n, struct witness *w, unsigned int count, bool local,
		    bool *(*field)(struct witness *))
{
	uint8_t bytes[2048];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t got;

	while (!local && (got = recvfrom(n->out, bytes, sizeof(bytes), 0, (void *)&from, &size)) > 0)
		if (from.sll_pkttype != PACKET_OUTGOING && got >= 34)
			take(w, count, bytes + 14, got - 14, field);
	for (unsigned int i = 0; local && i < PROTOCOLS; i++)
		while ((got = recv(n->raw[i], bytes, sizeof(bytes), 0)) > 0)
			take(w, count, bytes, got, field);
}

static void send_all(struct net *n, struct witness *w, unsigned int count, bool local,
		     bool *(*field)(struct witness *))
{
	enter(n->wire);
	for (unsigned int i = 0; i < count; i++) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET,
					  .sll_ifindex = n->index[w[i].fields.value[FIELD_IN]] };

		assert_int_equal(sendto(n->send, w[i].frame, w[i].len, 0, (void *)&to, sizeof(to)),
				 (ssize_t)w[i].len);
		if (i % 32 == 31)
			receive(n, w, count, local, field);
	}
	/* Whatever is still on its way. */
	for (unsigned int quiet = 0; quiet < 10; quiet++) {
		struct pollfd wait = { .fd = local ? n->raw[0] : n->out, .events = POLLIN };

		poll(&wait, 1, 20);
		receive(n, w, count, local, field);
	}
}

static bool *field_reaches(struct witness *w)
{
	return &w->reaches;
}

static bool *field_accepted(struct witness *w)
{
	return &w->accepted;
}

/* ---- one chain of one firewall ---------------------------------------------------------------------- */

static struct policy *import_policy(const char *text, const struct import_options *options,
				    struct import_report *report)
{
	struct text out = { 0 }, error = { 0 };
	struct diags diags;
	struct policy *p;

	if (import_iptables(text, strlen(text), options, &out, report, &error))
		fail_msg("%s", text_string(&error));
	diags_init(&diags);
	p = policy_parse_text("imported", out.data, out.len, &diags);
	assert_int_equal(diags.errors, 0);
	diags_free(&diags);
	text_free(&out);
	return p;
}

/* The policy in the kernel: the programs that would be attached, run on one frame at a time. */
struct program {
	struct image *image;
	struct datapath *dp;
	struct tables *tables;
	struct generation *generation;
	struct test_result result;
};

static struct program *program_new(const struct policy *p)
{
	struct program *program = xcalloc(1, sizeof(*program));
	struct lpm_shape shape4, shape6;
	struct numbering numbering;
	struct text why = { 0 };
	struct diags diags;

	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(p, &numbering, NULL, &program->image, &diags), 0);
	numbering_free(&numbering);
	diags_free(&diags);
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	if (datapath_open(NULL, &program->dp, &why) ||
	    tables_new(program->dp, &shape4, &shape6, &program->tables, &why) ||
	    datapath_stage(program->dp, program->image, program->tables, 0, &program->generation, &why))
		fail_msg("%s", text_string(&why));
	return program;
}

static void program_free(struct program *program)
{
	generation_free(program->generation);
	tables_free(program->tables);
	datapath_close(program->dp);
	image_free(program->image);
	free(program);
}

static bool program_allows(struct program *program, const struct witness *w)
{
	const struct image_port *port = vec_at(&program->image->ports, w->fields.value[FIELD_IN]);

	assert_int_equal(generation_test(program->generation, port->number, w->frame, w->len,
					 &program->result), 0);
	return program->result.trace.reason != REASON_filtered;
}

static void judge(const struct policy *p, const struct eval_env *env, struct witness *w)
{
	struct eval_result result;

	policy_eval(p, env, w->fields.value[FIELD_IN] + 1, w->frame, w->len, &result);
	w->allowed = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason != REASON_filtered;
	w->rule = result.rule;
	eval_result_free(&result);
}

static void tell(const struct policy *p, const struct witness *w)
{
	struct text text = { 0 };

	frame_format(p, &w->fields, &text);
	fprintf(stderr, "# %s: iptables %s, the policy %s (line %u)\n", text_string(&text),
		w->accepted ? "accepts" : "drops", w->allowed ? "allows" : "drops",
		w->rule ? w->rule->place.line : 0);
	text_free(&text);
}

static void make_all(struct witness *w, unsigned int count, const struct policy *p,
		     const struct lowered *l, const char *text)
{
	struct table flows = TABLE(struct flow, uint8_t);
	unsigned int made = 0;

	for (unsigned int tries = 0; made < count; tries++) {
		struct flow flow;
		bool fresh;

		assert_true(tries < 200 * count);
		if (!make_witness(l, p, text, &w[made]))
			continue;
		flow = flow_of(&w[made]);
		table_put(&flows, &flow, &fresh);
		if (!fresh)
			continue;
		number_witness(&w[made], made + 1);
		made++;
	}
	table_free(&flows);
}

static void add_port(struct import_options *options, const char *interface)
{
	struct import_port port = { xstrdup(interface), xstrdup(interface) };

	vec_append(&options->ports, &port);
}

/* @second: ports are eth0 and this one; NULL: all that the rules name. */
static void compare(const char *file, const char *chain, const char *second)
{
	unsigned int count = getenv("WITNESSES") ? strtoul(getenv("WITNESSES"), NULL, 10) : 2000;
	bool local = !strcmp(chain, "INPUT");
	unsigned int recent = 0, reach = 0, accepted = 0, differ = 0;
	struct import_options options = { .file = file, .chain = chain,
		.ports = VEC(struct import_port), .routes = VEC(struct import_route) };
	char *input = read_gz(file), *text;
	struct text routes = { 0 }, error = { 0 };
	struct import_report report;
	struct eval_port ports[64] = { 0 };
	struct eval_env env = { .ports = ports };
	uint16_t numbers[64];
	struct witness *w;
	struct program *program;
	struct lowered l;
	struct diags diags;
	struct policy *p;
	struct net n;

	if (!input) {
		print_message("no %s\n", file);
		skip();
	}
	text = prepare(input, &recent);
	free(input);
	find_routes(text, second ?: "eth1", &routes);
	if (second) {
		add_port(&options, "eth0");
		add_port(&options, second);
	}
	assert_int_equal(import_routes(routes.data, routes.len, &options, &error), 0);
	text_free(&routes);
	if (recent)
		printf("# %s: %u rules that look into lists of recent sources are left out on both sides\n",
		       file, recent);

	/* What iptables takes, both sides have. */
	import_report_init(&report);
	p = import_policy(text, &options, &report);
	net_open(&n, p, &options, local);
	load(&n, text);
	net_close(&n);
	policy_free(p);
	import_report_free(&report);

	import_report_init(&report);
	p = import_policy(text, &options, &report);
	for (size_t i = 0; i < p->ports.len; i++) {
		numbers[i] = i + 1;
		ports[i].number = i + 1;
		ports[i].up = true;
		snprintf(ports[i].interface, sizeof(ports[i].interface), "%s",
			 (*(struct policy_port **)vec_at(&p->ports, i))->interface);
	}
	env.ports_len = p->ports.len;
	diags_init(&diags);
	assert_int_equal(lower_policy(p, numbers, &l, &diags), 0);
	diags_free(&diags);
	w = xcalloc(count, sizeof(*w));
	make_all(w, count, p, &l, text);

	net_open(&n, p, &options, local);
	send_all(&n, w, count, local, field_reaches);
	net_close(&n);
	net_open(&n, p, &options, local);
	load(&n, text);
	send_all(&n, w, count, local, field_accepted);
	net_close(&n);

	program = program_new(p);
	for (unsigned int i = 0; i < count; i++) {
		if (!w[i].reaches)
			continue;
		judge(p, &env, &w[i]);
		assert_int_equal(program_allows(program, &w[i]), w[i].allowed);
		reach++;
		accepted += w[i].accepted;
		if (w[i].accepted == w[i].allowed)
			continue;
		if (differ++ < 10)
			tell(p, &w[i]);
	}
	printf("# %s %s: %zu rules, %zu not said, %zu in the policy; %u packets, %u get to the chain, "
	       "%u accepted, %u differ\n", file, chain, report.rules, report.not_said, report.written,
	       count, reach, accepted, differ);
	assert_int_equal(differ, 0);
	assert_true(reach > count / 2);
	assert_true(accepted > reach / 100 && accepted < reach);
	program_free(program);
	free(w);
	lowered_free(&l);
	policy_free(p);
	import_report_free(&report);
	import_options_free(&options);
	free(text);
}

#define TUM_2013	"tum-i8-iptables_20.10.2013.gz"
#define TUM_2014	"tum-i8-iptables_25.07.2014.gz"
#define COMPANY_30	"configs_medium-sized-company-iptables-save.iptables_mainfw_30.01.2016.gz"
#define COMPANY_31	"configs_medium-sized-company-iptables-save.iptables_mainfw_31.01.2016.gz"

#define COMPARE(name, file, chain, second)			\
static void test_##name(void **state)				\
{								\
	(void)state;						\
	compare(file, chain, second);				\
}

COMPARE(tum_2013_input, TUM_2013, "INPUT", NULL)
COMPARE(tum_2013_forward, TUM_2013, "FORWARD", NULL)
COMPARE(tum_2014_input, TUM_2014, "INPUT", NULL)
COMPARE(tum_2014_forward, TUM_2014, "FORWARD", NULL)
/* Its rules name eth0 alone; its other way out is ppp0. */
COMPARE(company_30_input, COMPANY_30, "INPUT", "ppp0")
COMPARE(company_30_forward, COMPANY_30, "FORWARD", "ppp0")
COMPARE(company_31_input, COMPANY_31, "INPUT", "ppp0")
COMPARE(company_31_forward, COMPANY_31, "FORWARD", "ppp0")

static const char *missing(void)
{
	if (geteuid())
		return "this wants root";
	if (system("command -v iptables-restore >/dev/null 2>&1 && command -v ip >/dev/null 2>&1"))
		return "iptables or iproute2 is missing";
	if (system("unshare -n iptables -A INPUT -m state --state NEW -j ACCEPT >/dev/null 2>&1"))
		return "iptables does not work on this kernel";
	return NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tum_2013_input),
		cmocka_unit_test(test_tum_2013_forward),
		cmocka_unit_test(test_tum_2014_input),
		cmocka_unit_test(test_tum_2014_forward),
		cmocka_unit_test(test_company_30_input),
		cmocka_unit_test(test_company_30_forward),
		cmocka_unit_test(test_company_31_input),
		cmocka_unit_test(test_company_31_forward),
	};
	const char *why = missing();

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 4;
	}
	seed = random_seed();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
