// SPDX-License-Identifier: GPL-2.0
/*
 * deliver.c: a copy of a frame for this host, made in the middle of an XDP program.
 *
 * XDP hands a frame to the host's stack, or sends it to other ports, and not both: XDP_PASS and
 * XDP_REDIRECT are two answers to one question. A group whose copies go to ports and to this
 * host's own sockets needs both. bpf_sluice_deliver() copies the frame into an skb of its own and
 * queues that for the stack, as if it had come in on the same device without a program; the frame
 * stays the program's, which goes on to redirect it.
 *
 * A copy, since a frame that is redirected belongs to whoever sends it, at once. Queued by
 * netif_rx(), and not received on the spot, since the stack may redirect frames itself, and the
 * target that the program has chosen, or is about to, stands in a per-CPU variable.
 *
 * The copy has what is in the frame, and no more. What only the driver knew stays behind: the
 * hardware's time stamp, hash and verdict on checksums, metadata of other programs, and a VLAN tag
 * that the device has taken off (which no program sees, so that what it decided holds without).
 */
#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

#include "compat.h"
#include "deliver.h"

/* What fits into one page beside what an skb needs, is copied into one. */
#define LINEAR_MAX (SKB_WITH_OVERHEAD(PAGE_SIZE) - NET_SKB_PAD - NET_IP_ALIGN)
/* Of a longer frame the first bytes, enough for its headers; the rest comes into pages. */
#define HEAD_MAX 256

static struct sk_buff *alloc_copy(struct net_device *dev, u32 len)
{
	struct sk_buff *skb;
	int err;

	if (len <= LINEAR_MAX) {
		skb = netdev_alloc_skb_ip_align(dev, len);
		if (!skb)
			return ERR_PTR(-ENOMEM);
		skb_put(skb, len);
		return skb;
	}
	skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + HEAD_MAX, len - HEAD_MAX, 0, &err,
				   GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return ERR_PTR(err == -EMSGSIZE ? -EMSGSIZE : -ENOMEM);
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_put(skb, HEAD_MAX);
	skb->data_len = len - HEAD_MAX;
	skb->len = len;
	return skb;
}

/* The frame's bytes: those in one piece, then the pages of a multi-buffer frame. */
static int copy_frame(struct sk_buff *skb, const struct xdp_buff *xdp)
{
	u32 head = xdp->data_end - xdp->data, at = head, i;
	const struct skb_shared_info *more;
	int err;

	err = skb_store_bits(skb, 0, xdp->data, head);
	if (err || !xdp_buff_has_frags((struct xdp_buff *)xdp))
		return err;
	more = xdp_get_shared_info_from_buff((struct xdp_buff *)xdp);
	for (i = 0; i < more->nr_frags; i++) {
		const skb_frag_t *frag = &more->frags[i];

		err = skb_store_bits(skb, at, skb_frag_address(frag), skb_frag_size(frag));
		if (err)
			return err;
		at += skb_frag_size(frag);
	}
	return 0;
}

__bpf_kfunc int bpf_sluice_deliver(struct xdp_md *ctx)
{
	struct xdp_buff *xdp = (struct xdp_buff *)ctx;
	struct net_device *dev = xdp->rxq->dev;
	struct sk_buff *skb;
	int err;

	if (unlikely(xdp->data_end - xdp->data < ETH_HLEN || !dev_is_mac_header_xmit(dev))) {
		err = -EINVAL;
		goto dropped;
	}
	skb = alloc_copy(dev, xdp_get_buff_len(xdp));
	if (IS_ERR(skb)) {
		err = PTR_ERR(skb);
		goto dropped;
	}
	err = copy_frame(skb, xdp);
	if (WARN_ON_ONCE(err)) {
		kfree_skb(skb);
		goto dropped;
	}
	skb->protocol = eth_type_trans(skb, dev);
	skb_record_rx_queue(skb, xdp->rxq->queue_index);
	/* The stack's generic XDP lets pass what has been redirected, and forgets that it was. */
	skb_set_redirected(skb, true);
	/* It counts in rx_dropped itself. */
	return netif_rx(skb) == NET_RX_DROP ? -ENOBUFS : 0;

dropped:
	dev_core_stats_rx_dropped_inc(dev);
	return err;
}

BTF_KFUNCS_START(deliver_kfuncs)
BTF_ID_FLAGS(func, bpf_sluice_deliver)
BTF_KFUNCS_END(deliver_kfuncs)

static const struct btf_kfunc_id_set deliver_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &deliver_kfuncs,
};

int deliver_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_XDP, &deliver_kfunc_set);
}
