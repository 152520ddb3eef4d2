// SPDX-License-Identifier: GPL-2.0
/*
 * Whether verify sees what is wrong in an image.
 *
 * Images of policies of many kinds, of which one thing is changed at random: a cell, an entry of a
 * list, a head, a class in an array, a bit of a service, a word of an address look-up, an action, a
 * number of a link-layer address, a port's mark. Each place has its turn. Verify refuses the image with a packet; or
 * no packet there is may be treated otherwise than by the image as it was. That is decided, not sampled, and
 * without verify's choice of packets: the two images are walked side by side, with all there is to
 * tell apart.
 *
 *	addresses	one of each pair of classes, the one of either image: from one mark of either to the
 *			next all are alike (that they are is tried with random ones)
 *	fields		each value of each field is looked up in both; one of each combination of classes
 *	packets		all combinations of these that are packets, as far as they come to different
 *			classes in the end
 *
 * MUTATIONS and SEED make longer and repeated runs.
 */
#include "selftests/unit/verified.h"

#include <errno.h>

#include "base/table.h"
#include "bpf/rules.bpf.h"
#include "verify/addresses.h"
#include "verify/verify.h"
#include "verify/walk.h"

/* ---- one thing is changed --------------------------------------------------------- */

/* A copy, tables and all. */
static struct image *whole_copy(const struct image *from)
{
	struct image *to = image_copy(from);
	const struct image_filter *f = &from->filter;

	to->filter.area_bytes = f->area_bytes;
	to->filter.area = xcalloc(1, f->area_bytes);
	memcpy(to->filter.area, f->area, f->area_bytes);
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t bytes = f->shape.address[i / 2][i % 2].bytes;

		to->filter.address[i / 2][i % 2] = bytes ? xcalloc(1, bytes) : NULL;
		if (bytes)
			memcpy(to->filter.address[i / 2][i % 2], f->address[i / 2][i % 2], bytes);
	}
	return to;
}

/* A number of @size bytes among @count of its kind gets another value. Return: whether it is another. */
static bool change(void *table, size_t count, unsigned int size)
{
	uint8_t *base = table, *at = base;
	uint64_t was = 0, is;

	if (!count)
		return false;
	/* What is 0 is mostly room for more, and is taken seldom. */
	for (unsigned int tries = pick(8) ? 256 : 1; tries && !was; tries--) {
		at = base + size * (random64() % count);
		memcpy(&was, at, size);
	}
	switch (pick(4)) {
	case 0:
		is = was ^ 1ull << pick(8 * size);
		break;
	case 1:
		is = random64();
		break;
	case 2:
		is = was + (pick(2) ? 1 : -1);
		break;
	default:
		is = 0;
		memcpy(&is, base + size * (random64() % count), size);
	}
	if (size < 8)
		is &= (1ull << 8 * size) - 1;
	memcpy(at, &is, size);
	return is != was;
}

enum where {
	IN_WIDE, IN_NARROW_WIDE, IN_WIDE_NARROW, IN_KEYS, IN_CELLS, IN_LISTS, IN_ROWS, IN_HEADS, IN_CLASSES,
	IN_COMBINED, IN_BITS, IN_WORDS, IN_LOOKUP, IN_NODES, IN_CONSTANT, IN_ACTIONS, IN_FIRST, IN_MACS,
	IN_PORTS, IN_CHAIN, PLACES
};

static const char *const places[] = {
	"wide-wide cell", "narrow-wide cell", "wide-narrow cell", "key of the hash", "hashed cell",
	"list", "row", "head", "class of a field", "combined class", "bits of services", "address word",
	"index of an address look-up", "node of an address look-up", "constant class", "action",
	"first action", "link-layer address", "port", "band of a class",
};

static bool change_bucket(struct image_filter *f, const struct rules_shape *s, bool key)
{
	struct rules_bucket *b = (struct rules_bucket *)(f->area + s->buckets);

	for (unsigned int tries = 0; s->buckets && tries < 4096; tries++) {
		struct rules_bucket *one = &b[pick(s->bucket_count)];
		unsigned int i = pick(RULES_BUCKET);

		if (one->key[i] || !pick(64))
			return key ? change(&one->key[i], 1, 8) : change(&one->cell[i], 1, 4);
	}
	return false;
}

static bool change_head(struct image_filter *f, const struct rules_shape *s)
{
	struct rules_head *head = (struct rules_head *)(f->area + s->heads);

	for (unsigned int tries = 0; tries < 256; tries++) {
		struct rules_head *one = &head[pick(s->rules)];

		if (one->priority)
			return change(one, 3, 4);
	}
	return false;
}

/* The words of an address look-up that are not nodes; or the nodes. */
static bool change_lookup(struct image_filter *f, bool nodes)
{
	unsigned int side = pick(2), six = pick(2);
	const struct lpm_shape *s = &f->shape.address[side][six];
	uint8_t *table = f->address[side][six];

	if (!s->bytes)
		return false;
	if (nodes)
		return change(table + s->nodes, (s->nodes_last + LPM_LINE) / 4, 4);
	if (!six)
		return change(table + s->dir, 1u << s->dir_bits, 4);
	return pick(2) ? change(table + s->seeds, s->seeds_mask + 1, 2) :
			 change(table + s->index, s->index_mask + 1, 4);
}

static bool change_image(struct image *image, enum where where)
{
	struct image_filter *f = &image->filter;
	unsigned int l = pick(f->shape.layers), side = pick(2);
	const struct rules_shape *s = &f->shape.layer[l];
	const struct rules_step *step = s->steps ? &s->step[pick(s->steps)] : NULL;
	uint32_t behind = s->buckets ? s->buckets : f->area_bytes;

	switch (where) {
	case IN_WIDE:
		return s->ww && change(f->area + s->ww, s->wide[0] * s->wide[1], 4);
	case IN_NARROW_WIDE:
		return s->nw && change(f->area + s->nw, ((s->wn > s->nw ? s->wn : behind) - s->nw) / 4, 4);
	case IN_WIDE_NARROW:
		return s->wn && change(f->area + s->wn, (behind - s->wn) / 4, 4);
	case IN_KEYS:
	case IN_CELLS:
		return change_bucket(f, s, where == IN_KEYS);
	case IN_LISTS:
		return s->rows > s->lists && change(f->area + s->lists, (s->rows - s->lists) / 4, 4);
	case IN_ROWS:
		return s->ww > s->rows && change(f->area + s->rows, (s->ww - s->rows) / 4, 4);
	case IN_HEADS:
		return change_head(f, s);
	case IN_CLASSES:
		return step && change(f->area + step->classes, step->mask + 1, 2);
	case IN_COMBINED:
		return step && step->combined && change(f->area + step->combined, 2 * step->width, 2);
	case IN_BITS:
		return change(f->area + s->group[0].bits, s->group[0].classes * s->bits_words, 4);
	case IN_WORDS:
		return f->shape.words[side][l] &&
		       change(f->area + f->shape.words[side][l], 1 + pick(8), 4);
	case IN_LOOKUP:
	case IN_NODES:
		return change_lookup(f, where == IN_NODES);
	case IN_CONSTANT:
		return change(&f->shape.constant[side][pick(2)], 1, 4);
	case IN_ACTIONS:
		return change(f->actions.data, f->actions.len * sizeof(struct action), 1);
	case IN_FIRST:
		return change(f->first, f->rules.len, 4);
	case IN_MACS:
		return change(f->macs.data, f->macs.len * sizeof(struct image_mac), 1);
	case IN_PORTS:
		image->config.port[1 + pick(3)] ^= CONFIG_PORT_FILTER;
		return true;
	case IN_CHAIN:
		return s->chain[side] && change(f->area + s->chain[side], s->bands[side] * (1 + pick(128)), 4);
	case PLACES:
		break;
	}
	return false;
}

/* ---- can a packet see it ------------------------------------------------------------ */

/* The two images, and what tells packets apart for either. */
struct both {
	const struct policy *policy;
	const struct image *image[2];
	uint16_t *port[2];
	struct vec words[2][3];		/* of struct words; by side, and family: none, IPv4, IPv6 */
	struct vec values[FIELD_COUNT];	/* of uint64_t */
	struct table contents;		/* struct content -> uint8_t */
};

/* What the images make of an address, in each layer. */
struct words {
	uint32_t of[2][LAYERS_MAX];
};

static unsigned int family_at(uint8_t family)
{
	return family == ADDR_V6 ? 2 : family == ADDR_V4;
}

/* What the images make of all fields but the addresses. */
struct content {
	uint8_t family, filtered[2], pad[5];
	struct rules_classes classes[2][LAYERS_MAX];
};

static void find_addresses(struct both *b, unsigned int side)
{
	struct table known[3] = { TABLE(struct words, uint8_t), TABLE(struct words, uint8_t),
				  TABLE(struct words, uint8_t) };
	struct vec marks = VEC(struct addr);

	/* A mark of one image lies between two of the other: all marks, each looked up in both. */
	vec_push(&marks);
	addresses_marks(&b->image[0]->filter, side, &marks);
	addresses_marks(&b->image[1]->filter, side, &marks);
	for (unsigned int i = 0; i < 3; i++)
		b->words[side][i] = VEC(struct words);
	for (size_t i = 0; i < marks.len; i++) {
		const struct addr *a = vec_at(&marks, i);
		unsigned int family = family_at(a->family);
		struct words words = { 0 };
		bool fresh;

		for (unsigned int k = 0; k < 2; k++) {
			const struct image_filter *f = &b->image[k]->filter;

			for (unsigned int l = 0; l < f->shape.layers; l++)
				words.of[k][l] = walk_word(f, l, side, walk_class(f, side, a));
		}
		table_put(&known[family], &words, &fresh);
		if (fresh)
			vec_append(&b->words[side][family], &words);
	}
	vec_free(&marks);
	for (unsigned int i = 0; i < 3; i++)
		table_free(&known[i]);
}

/* A random address has the classes of the last mark at or below it. */
static void try_marks(const struct both *b, unsigned int side)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct vec marks = VEC(struct addr);

		addresses_marks(&b->image[i]->filter, side, &marks);
		for (unsigned int tries = 0; tries < 200; tries++) {
			const struct addr *below = NULL;
			size_t low = 0, high = marks.len;
			struct addr a = *(struct addr *)vec_at(&marks, pick(marks.len));

			for (unsigned int j = pick(addr_bits(a.family)) / 8; j < addr_bits(a.family) / 8; j++)
				a.bytes[j] = random64();
			while (low < high) {
				size_t middle = low + (high - low) / 2;

				if (addr_cmp(vec_at(&marks, middle), &a) <= 0)
					low = middle + 1;
				else
					high = middle;
			}
			below = vec_at(&marks, low - 1);
			if (walk_class(&b->image[i]->filter, side, &a) !=
			    walk_class(&b->image[i]->filter, side, below)) {
				char address[ADDR_STRLEN], mark[ADDR_STRLEN];

				fail_msg("%s has another class than the mark below it, %s, in the image %s",
					 addr_format(&a, address), addr_format(below, mark),
					 i ? "that was changed" : "as it was");
			}
		}
		vec_free(&marks);
	}
}

/* What both images make of a packet that has nothing but this value: their classes of the field, as one number. */
static uint64_t classes_of(const struct both *b, enum policy_field field, uint64_t value)
{
	uint64_t kind = 0;

	for (unsigned int i = 0; i < 2; i++) {
		const struct image_filter *f = &b->image[i]->filter;
		struct frame_fields fields = { .has = 1u << field };
		uint16_t number[RULES_FIELD_COUNT];

		fields.value[field] = value;
		walk_fields(f, b->port[i], &fields, 0, number);
		for (unsigned int l = 0; l < f->shape.layers; l++) {
			const struct rules_shape *s = &f->shape.layer[l];

			for (unsigned int j = 0; j < s->steps; j++)
				kind = (kind ^ rules_half(f->area, s, s->step[j].classes,
							  number[s->step[j].field] & s->step[j].mask)) *
				       0x9e3779b97f4a7c15ull + 1;
		}
	}
	return kind;
}

static void find_values(struct both *b, enum policy_field field)
{
	static const unsigned int special[] = { 0x0800, 0x86dd, 0x8100, 0x88a8, 0, 1, 2, 6, 17, 43, 44, 51, 58, 60 };
	struct table known = TABLE(uint64_t, uint32_t);
	uint64_t values = 1ull << policy_field_bits(field);
	bool macs = field == FIELD_ETH_SRC || field == FIELD_ETH_DST;
	const struct vec *named = &b->image[0]->filter.macs;

	b->values[field] = VEC(uint64_t);
	if (field == FIELD_IN)
		values = b->policy->ports.len;
	for (uint64_t i = 0; i < (macs ? 1 + 2 * named->len : values); i++) {
		uint64_t value = i, kind;
		uint32_t *at;
		bool fresh;

		if (macs) {
			/* Those that either image names, and one that none does. */
			const struct vec *of = &b->image[i & 1]->filter.macs;

			value = 0x020000009999ull;
			for (unsigned int j = 0; i && j < 6; j++)
				value = (j ? value << 8 : 0) |
					((struct image_mac *)vec_at(of, (i - 1) / 2))->address[j];
		}
		kind = classes_of(b, field, value);
		at = table_put(&known, &kind, &fresh);
		if (fresh) {
			*at = b->values[field].len;
			vec_append(&b->values[field], &value);
		} else if (field == FIELD_PKT_LEN) {
			/* A packet can always be longer. */
			*(uint64_t *)vec_at(&b->values[field], *at) = value;
		}
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if ((i < 4 && field == FIELD_ETH_TYPE) || (i >= 4 && field == FIELD_IP_PROTO))
			vec_append(&b->values[field], &(uint64_t){ special[i] });
	table_free(&known);
}

/* Which fields a packet of a family, a protocol and a kind of fragment has. */
static bool has_field(enum policy_field field, uint8_t family, uint64_t protocol, uint64_t frag)
{
	bool transport = family && frag != 2, ports = transport && (protocol == 6 || protocol == 17);

	switch (field) {
	case FIELD_ETH_TYPE:
		return !family;
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
	case FIELD_IP_TTL:
		return family;
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		return ports;
	case FIELD_SOCKET:
		return ports && !frag;
	case FIELD_TCP_FLAGS:
		return transport && protocol == 6;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return transport && protocol == (family == ADDR_V6 ? 58 : 1);
	case FIELD_IN:
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
	case FIELD_VLAN_ID:
	case FIELD_VLAN_PCP:
	case FIELD_PKT_LEN:
		return true;
	default:
		return false;
	}
}

/* The packet of @f, with each answer of sets: what it comes to is entered. */
static void add_packet(struct both *b, const struct frame_fields *set, uint8_t family)
{
	struct frame_fields f = *set;
	struct text why = { 0 };
	int err = frame_settle(&f, &why, NULL);

	text_free(&why);
	if (err || frame_has(&f, FIELD_IP_SRC) != (family != ADDR_NONE))
		return;
	for (uint32_t sets = 0; sets < 1u << b->policy->set_tests.len; sets++) {
		struct content content = { .family = family };
		bool can = true;

		for (size_t t = 0; t < b->policy->set_tests.len; t++)
			can &= !(sets >> t & 1) || frame_has(&f, ((struct policy_set_test *)
								  vec_at(&b->policy->set_tests, t))->field);
		for (unsigned int i = 0; can && i < 2; i++) {
			const struct image_filter *filter = &b->image[i]->filter;
			uint16_t number[RULES_FIELD_COUNT];

			content.filtered[i] = !!(b->image[i]->config.port[b->port[i][f.value[FIELD_IN]]] &
						 CONFIG_PORT_FILTER);
			walk_fields(filter, b->port[i], &f, sets, number);
			for (unsigned int l = 0; l < filter->shape.layers; l++)
				walk_service(filter, l, number, &content.classes[i][l]);
		}
		if (can)
			table_put(&b->contents, &content, NULL);
	}
}

/* All values of the fields from @field on, one after the other; a tag or none is a value more. */
static void add_packets(struct both *b, struct frame_fields *f, unsigned int field, uint8_t family,
			uint64_t protocol, uint64_t frag)
{
	while (field < FIELD_COUNT && (!has_field(field, family, protocol, frag) || b->values[field].len < 2) &&
	       field != FIELD_VLAN_ID)
		field++;
	if (field == FIELD_COUNT) {
		add_packet(b, f, family);
		return;
	}
	if (field == FIELD_VLAN_ID)
		add_packets(b, f, FIELD_VLAN_PCP + 1, family, protocol, frag);
	for (size_t i = 0; i < b->values[field].len; i++) {
		struct frame_fields next = *f;

		frame_set(&next, field, *(uint64_t *)vec_at(&b->values[field], i));
		add_packets(b, &next, field + 1, family, protocol, frag);
	}
}

static void find_contents(struct both *b)
{
	static const uint8_t families[] = { ADDR_NONE, ADDR_V4, ADDR_V6 };
	const struct vec *protocols = &b->values[FIELD_IP_PROTO];

	b->contents = TABLE(struct content, uint8_t);
	for (unsigned int i = 0; i < 3; i++) {
		for (size_t p = 0; p < (families[i] ? protocols->len : 1); p++) {
			for (unsigned int frag = 0; frag < (families[i] ? 3 : 1); frag++) {
				uint64_t protocol = *(uint64_t *)vec_at(protocols, p);
				struct frame_fields f = { 0 };

				if (families[i]) {
					frame_set(&f, FIELD_ETH_TYPE, families[i] == ADDR_V6 ? 0x86dd : 0x0800);
					frame_set(&f, FIELD_IP_PROTO, protocol);
					frame_set(&f, FIELD_IP_FRAG, frag);
				}
				add_packets(b, &f, 0, families[i], protocol, frag);
			}
		}
	}
}

/* What an image says of a packet of these classes, in layer 0, and in those of rules that go on. */
struct said {
	uint32_t rule[LAYERS_MAX], action;
};

static void ask(const struct both *b, unsigned int image, const struct content *content,
		const struct words *from, const struct words *to, struct said *said)
{
	const struct image_filter *f = &b->image[image]->filter;

	memset(said, 0xff, sizeof(*said));
	if (!content->filtered[image])
		return;
	for (unsigned int l = 0; l < f->shape.layers; l++) {
		const uint32_t word[2] = { from->of[image][l], to->of[image][l] };
		struct rules_found found;

		walk_layer(f, l, word, &content->classes[image][l], &found);
		if (found.rule == RULES_NONE)
			continue;
		if (!l)
			said->action = found.action;
		/* Of what stands behind the rule that ended the search nothing is said. */
		if (!l || ACTION_RULE(found.action) < said->rule[0])
			said->rule[l] = ACTION_RULE(found.action);
	}
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool same_said(struct said *x, struct said *y)
{
	if (!memcmp(x, y, sizeof(*x)))
		return true;
	/* In which layer a rule stands is nobody's business. */
	qsort(x->rule + 1, LAYERS_MAX - 1, sizeof(uint32_t), compare_numbers);
	qsort(y->rule + 1, LAYERS_MAX - 1, sizeof(uint32_t), compare_numbers);
	return !memcmp(x, y, sizeof(*x));
}

/* What the images' tables have for a pair of addresses. */
struct cells {
	uint64_t of[2][LAYERS_MAX];
};

/*
 * Whether a pair is the first of its kind: where both images look into cells that say the same, nothing new can
 * come out. That this holds is tried with one of every 32 others.
 */
static bool worth_asking(const struct both *b, struct table *known, const struct words *from,
			 const struct words *to)
{
	struct cells cells = { 0 };
	bool fresh;
	uint32_t *times;

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int l = 0; l < b->image[i]->filter.shape.layers; l++)
			cells.of[i][l] = walk_cells(&b->image[i]->filter, l,
						    (uint32_t[]){ from->of[i][l], to->of[i][l] });
	times = table_put(known, &cells, &fresh);
	return !((*times)++ & 31);
}

/* Between all pairs of addresses of a family. */
static bool family_differs(const struct both *b, uint8_t family)
{
	const struct vec *from = &b->words[0][family_at(family)], *to = &b->words[1][family_at(family)];
	struct table known = TABLE(struct cells, uint32_t);
	struct vec contents = VEC(struct content);
	const struct content *content;
	size_t at = 0;
	bool differs = false;
	void *value;

	while (table_next(&b->contents, &at, (const void **)&content, &value))
		if (content->family == family)
			vec_append(&contents, content);
	for (size_t x = 0; x < from->len && !differs; x++) {
		for (size_t y = 0; y < to->len && !differs; y++) {
			bool ask_it = worth_asking(b, &known, vec_at(from, x), vec_at(to, y));

			for (size_t i = 0; ask_it && i < contents.len && !differs; i++) {
				struct said was, is;

				ask(b, 0, vec_at(&contents, i), vec_at(from, x), vec_at(to, y), &was);
				ask(b, 1, vec_at(&contents, i), vec_at(from, x), vec_at(to, y), &is);
				differs = !same_said(&was, &is);
			}
		}
	}
	vec_free(&contents);
	table_free(&known);
	return differs;
}

/* Whether some packet is treated differently by the two. */
static bool some_packet_sees(const struct subject *s, const struct image *changed)
{
	struct both b = { .policy = s->policy, .image = { s->image, changed } };
	bool seen;

	for (unsigned int i = 0; i < 2; i++)
		b.port[i] = walk_ports(b.image[i], s->policy);
	for (unsigned int side = 0; side < 2; side++) {
		find_addresses(&b, side);
		try_marks(&b, side);
	}
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		if (i != FIELD_IP_SRC && i != FIELD_IP_DST)
			find_values(&b, i);
	find_contents(&b);
	seen = family_differs(&b, ADDR_NONE) || family_differs(&b, ADDR_V4) || family_differs(&b, ADDR_V6);
	for (unsigned int i = 0; i < 2; i++) {
		free(b.port[i]);
		for (unsigned int j = 0; j < 3; j++)
			vec_free(&b.words[i][j]);
	}
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		vec_free(&b.values[i]);
	table_free(&b.contents);
	return seen;
}

/* What no packet asks of an action is left aside: numbers that its kind does not have. */
static bool action_matters(const struct image_filter *a, const struct image_filter *b)
{
	for (size_t i = 0; i < a->actions.len; i++) {
		const struct action *x = vec_at(&a->actions, i), *y = vec_at(&b->actions, i);

		if (x->kind != y->kind || !x->last != !y->last)
			return true;
		/* A meter's number says nothing, as long as no other has it. */
		if (x->kind != ACTION_POLICE && x->number != y->number)
			return true;
		if (x->kind == ACTION_POLICE && (x->rate != y->rate || x->bytes != y->bytes ||
						 x->burst >> 20 != y->burst >> 20 || x->field != y->field))
			return true;
		if (x->kind == ACTION_INSERT && (x->burst != y->burst || x->field != y->field ||
						 x->full != y->full || x->rule_key != y->rule_key))
			return true;
	}
	return false;
}

/* A change at @where of some policy that has such a thing. Return: which; LIST_MANY: none has. */
static size_t change_some(struct subject *subjects, enum where where, struct image **changed)
{
	for (unsigned int tries = 0; tries < 200; tries++) {
		size_t at = pick(LIST_MANY);

		*changed = whole_copy(subjects[at].image);
		if (change_image(*changed, where))
			return at;
		image_free(*changed);
	}
	return LIST_MANY;
}

static void test_changes(void **ctx)
{
	const char *wanted = getenv("MUTATIONS"), *ms = getenv("WITNESS_MS");
	unsigned int mutations = wanted ? strtoul(wanted, NULL, 0) : PLACES, caught[PLACES] = { 0 };
	unsigned int unseen[PLACES] = { 0 }, all_caught = 0, time_ms = ms ? strtoul(ms, NULL, 0) : 60000;
	struct subject subjects[LIST_MANY];

	(void)ctx;
	for (size_t i = 0; i < LIST_MANY; i++)
		subject_number(&subjects[i], i);
	for (unsigned int done = 0; done < mutations; done++) {
		const struct verify_options options = { .time_ms = time_ms };
		enum where where = done % PLACES;
		struct verify_report report;
		struct text why = { 0 };
		struct image *changed;
		size_t at = change_some(subjects, where, &changed);

		if (at == LIST_MANY)
			fail_msg("nothing to change: %s", places[where]);
		if (getenv("VERBOSE"))
			print_message("# %u: %s of policy %zu\n", done, places[where], at);
		if (verify_image(subjects[at].policy, changed, &options, &report, &why)) {
			caught[where]++;
			all_caught++;
		} else {
			unseen[where]++;
			if (where == IN_ACTIONS &&
			    action_matters(&subjects[at].image->filter, &changed->filter))
				fail_msg("a changed action was not seen");
			if (some_packet_sees(&subjects[at], changed)) {
				verify_say(&report, &why);
				fail_msg("a change (%s) in policy %zu was not seen, and some packet sees it: %s",
					 places[where], at, text_string(&why));
			}
		}
		text_free(&why);
		image_free(changed);
	}
	for (size_t i = 0; i < LIST_MANY; i++)
		subject_free(&subjects[i]);
	print_message("# %u changes: %u refused, %u that no packet there is can see, 0 undecided\n", mutations,
		      all_caught, mutations - all_caught);
	for (unsigned int i = 0; i < PLACES; i++)
		print_message("#   %-28s %4u refused %4u not to be seen\n", places[i], caught[i], unseen[i]);
	/* Of few, all may lie where no packet looks. */
	assert_true(mutations < 200 || all_caught > mutations / 4);
}

/* What the decision rests on sees a difference where there is one, and none where there is none. */
static void test_decision(void **ctx)
{
	struct subject was, is;

	(void)ctx;
	subject_make(&was, PORTS "filter wan { drop if tcp.dst == 22 and ip.src == 10.0.0.0/8; }", 0);
	subject_make(&is, PORTS "filter wan { drop if tcp.dst == 22 and ip.src == 10.0.0.0/9; }", 0);
	assert_false(some_packet_sees(&was, was.image));
	assert_true(some_packet_sees(&was, is.image));
	subject_free(&is);
	subject_make(&is, PORTS "filter wan { drop if tcp.dst == 22 and ip.ttl < 255 and ip.src == 10.0.0.0/8; }", 0);
	assert_true(some_packet_sees(&was, is.image));
	subject_free(&is);
	subject_free(&was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decision),
		cmocka_unit_test(test_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, NULL);
}
