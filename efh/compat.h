/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Older kernels. The rest of the module reads as if written for the newest;
 * each entry says until when it is needed.
 */
#ifndef _EFH_COMPAT_H
#define _EFH_COMPAT_H

#include <linux/version.h>
#include <linux/skbuff.h>
#include <linux/ipv6.h>
#include <net/dropreason.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/skbuff_ref.h>
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/* 6.4 gave reassembly its drop reasons. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define SKB_DROP_REASON_DUP_FRAG SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_FRAG_REASM_TIMEOUT SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_IPV6_BAD_EXTHDR SKB_DROP_REASON_IP_INHDR
#endif

/* 6.7 moved the socket's flags into one word. */
static inline bool efh_compat_dontfrag(const struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return inet6_sk(sk)->dontfrag;
#else
	return inet6_test_bit(DONTFRAG, sk);
#endif
}

/* 6.11 made the clock of a delivery time a field of its own. */
static inline void efh_compat_copy_tstamp(struct sk_buff *to,
					  const struct sk_buff *from)
{
	to->tstamp = from->tstamp;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	to->mono_delivery_time = from->mono_delivery_time;
#else
	to->tstamp_type = from->tstamp_type;
#endif
}

/* 6.12 knows memory that the CPU can't read. */
static inline bool efh_compat_readable(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return true;
#else
	return skb_frags_readable(skb);
#endif
}

/* 6.13 takes a DSCP and returns a drop reason. */
static inline bool efh_compat_route_input(struct sk_buff *skb,
					  const struct iphdr *iph)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	return !ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos,
				     skb->dev);
#else
	return !ip_route_input_noref(skb, iph->daddr, iph->saddr,
				     ip4h_dscp(iph), skb->dev);
#endif
}

#endif /* _EFH_COMPAT_H */
