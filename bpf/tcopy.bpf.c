// SPDX-License-Identifier: GPL-2.0
/*
 * tcopy.bpf.c: copies where XDP cannot make them: a tc program behind XDP.
 *
 * The generation program passes such a packet up with its mark in front: one
 * whose group has the leg "host" besides others, or a frame of several buffers,
 * which the kernel does not clone. Here each leg gets a clone, rewritten as
 * egress.bpf.c would; then the frame is put back as it came in and goes up, or is
 * dropped if the host is no leg. And what a filter marked becomes the skb's mark here. Slower
 * than XDP by the cost of an skb; "sluice status" says where it is in use.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "bpf/layout.h"
#include "bpf/maps.bpf.h"
#include "bpf/leg.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * GROUPS_MAX);
	__type(key, struct leg_ports_key);
	__type(value, struct leg_ports);
} leg_ports SEC(".maps");

struct frame {
	struct ethhdr eth;	/* as it came in */
	struct copy copy;
	__u32 ttl_offset;
};

/*
 * Takes the mark, the last thing in front of the frame. Generic mode may have built the skb anew
 * and forgotten how long its link header is (mac_len 0, since Linux 6.9): then the skb begins
 * behind that header, which still lies between the mark and there, and is put back.
 */
static __always_inline bool take_mark(struct __sk_buff *skb, struct copy_meta *mark)
{
	void *room = (void *)(long)skb->data_meta;
	struct copy_meta *meta = room + COPY_ROOM - sizeof(*meta);
	struct ethhdr eth;

	if (room + COPY_ROOM > (void *)(long)skb->data)
		return false;
	if (meta->magic == COPY_MAGIC) {
		*mark = *meta;
		meta->magic = 0;
		return true;
	}
	meta = (void *)meta - sizeof(eth);
	if (meta->magic != COPY_MAGIC)
		return false;
	*mark = *meta;
	meta->magic = 0;
	__builtin_memcpy(&eth, meta + 1, sizeof(eth));
	return !bpf_skb_change_head(skb, sizeof(eth), 0) &&
	       !bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0);
}

/* Reads what a copy needs. A tag may stand in the skb rather than in the frame. */
static __always_inline int read_frame(struct __sk_buff *skb, struct frame *f)
{
	__u8 to[16];

	if (bpf_skb_load_bytes(skb, 0, &f->eth, sizeof(f->eth)))
		return -1;
	f->copy.ip_offset = sizeof(f->eth);
	if (f->eth.h_proto == bpf_htons(ETH_P_IP)) {
		f->copy.link.family = 4;
		f->ttl_offset = sizeof(f->eth) + offsetof(struct iphdr, ttl);
		if (bpf_skb_load_bytes(skb, sizeof(f->eth) + offsetof(struct iphdr, daddr), to, 4))
			return -1;
		ip4_group_mac(f->copy.link.destination, to);
	} else if (f->eth.h_proto == bpf_htons(ETH_P_IPV6)) {
		f->copy.link.family = 6;
		f->ttl_offset = sizeof(f->eth) + offsetof(struct ipv6hdr, hop_limit);
		if (bpf_skb_load_bytes(skb, sizeof(f->eth) + offsetof(struct ipv6hdr, daddr), to, 16))
			return -1;
		ip6_group_mac(f->copy.link.destination, to);
	} else {
		return -1;
	}
	return bpf_skb_load_bytes(skb, f->ttl_offset, &f->copy.ttl, 1);
}

/* Sets TTL or hop limit from @from to @to, and IPv4's checksum after it. */
static __always_inline void set_ttl(struct __sk_buff *skb, const struct frame *f, __u8 from, __u8 to)
{
	if (from == to)
		return;
	if (f->copy.link.family == 4)
		bpf_l3_csum_replace(skb, sizeof(f->eth) + offsetof(struct iphdr, check),
				    bpf_htons((__u16)from << 8), bpf_htons((__u16)to << 8), 2);
	bpf_skb_store_bytes(skb, f->ttl_offset, &to, 1, 0);
}

static __always_inline void send_copy(struct __sk_buff *skb, const struct frame *f,
				      const struct leg *leg)
{
	const struct port *port = &ports()->port[leg->port & (PORTS_MAX - 1)];
	__u8 ttl = leg_ttl(leg, f->copy.ttl);
	struct ethhdr eth = f->eth;
	bool tagged = leg->flags & LEG_VLAN;

	if (!ttl) {
		count(leg->counter_ttl, skb->len);
		return;
	}
	if (!(port->flags & PORT_UP))
		return;
	__builtin_memcpy(eth.h_dest, f->copy.link.destination, ETH_ALEN);
	__builtin_memcpy(eth.h_source, port->mac, ETH_ALEN);
	bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0);
	set_ttl(skb, f, f->copy.ttl, ttl);
	if (tagged && bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), leg->vlan))
		tagged = false;
	else if (!bpf_clone_redirect(skb, port->ifindex, 0))
		count(leg->counter, skb->len + (tagged ? sizeof(struct vlan_tag) : 0));
	if (tagged)
		bpf_skb_vlan_pop(skb);
	set_ttl(skb, f, ttl, f->copy.ttl);
}

/* What the loop over the legs needs; the verifier looks at its body once. */
struct round {
	struct __sk_buff *skb;
	const struct leg_ports *list;
	struct frame frame;
	struct copy_meta mark;
};

static long copy_to_leg(__u32 i, struct round *r)
{
	struct leg *leg;

	if (i >= LEGS_MAX)
		return 1;
	leg = find_leg(r->mark.generation, r->mark.group, r->list->port[i]);
	if (leg)
		send_copy(r->skb, &r->frame, leg);
	return 0;
}

static __always_inline void copy_to_legs(struct round *r)
{
	struct leg_ports_key key = { .generation = r->mark.generation, .group = r->mark.group };

	r->list = bpf_map_lookup_elem(&leg_ports, &key);
	if (!r->list || read_frame(r->skb, &r->frame))
		return;
	bpf_loop(r->list->count, copy_to_leg, r, 0);
	bpf_skb_store_bytes(r->skb, 0, &r->frame.eth, sizeof(r->frame.eth), 0);
}

SEC("tc")
int tcopy(struct __sk_buff *skb)
{
	struct round r = { .skb = skb };
	bool tagged = skb->vlan_present;
	__be16 protocol = skb->vlan_proto;
	__u16 tag = skb->vlan_tci;

	if (!take_mark(skb, &r.mark))
		return TC_ACT_OK;
	if (r.mark.mark)
		skb->mark = r.mark.mark;
	if (r.mark.flags & COPY_ONLY_MARK)
		return TC_ACT_OK;
	if (tagged)
		bpf_skb_vlan_pop(skb);
	copy_to_legs(&r);
	if (tagged)
		bpf_skb_vlan_push(skb, protocol, tag);
	return r.mark.flags & COPY_NOT_HOST ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
