/* SPDX-License-Identifier: GPL-2.0 */
/*
 * deliver.h: a copy of a frame for this host, made in the middle of an XDP program.
 */
#ifndef SLUICE_DELIVER_H
#define SLUICE_DELIVER_H

struct xdp_md;

/**
 * bpf_sluice_deliver() - hand a copy of the frame to this host's stack
 * @ctx: the frame as it stands now; it is not changed, and the program goes on with it
 *
 * May be called as often as copies are wanted; each is as the frame is at that moment. Taps see
 * the copy, then tc's and netfilter's ingress, but no XDP program: not the caller again, where it
 * runs in generic mode. What cannot be delivered is counted in the device's rx_dropped.
 *
 * Context: where XDP programs run, and their test runs, which deliver in earnest. Bottom halves are
 * off. Takes no lock but that of the CPU's backlog.
 *
 * Return: 0; -EINVAL for what is no Ethernet frame; -EMSGSIZE if it is longer than an skb can be;
 * -ENOMEM; -ENOBUFS if the CPU's backlog is full (net.core.netdev_max_backlog)
 */
int bpf_sluice_deliver(struct xdp_md *ctx);

/**
 * deliver_init() - offer bpf_sluice_deliver() to XDP programs
 *
 * Nothing undoes it: the kernel takes the function back with the module, and a loaded program
 * that calls it holds the module.
 *
 * Return: 0, or -errno: what register_btf_kfunc_id_set() says, -ENOENT where the module has no BTF
 */
int deliver_init(void);

#endif
