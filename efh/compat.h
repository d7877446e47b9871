/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Older kernels. The rest of the module reads as if written for the newest;
 * each entry says until when it is needed.
 */
#ifndef _EFH_COMPAT_H
#define _EFH_COMPAT_H

#include <linux/version.h>
#include <linux/hrtimer.h>
#include <linux/skbuff.h>
#include <linux/ipv6.h>
#include <net/dropreason.h>
#include <net/genetlink.h>
#include <net/gro.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>
#include <net/xfrm.h>

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

/* 6.9 moved it into GRO's own block, where a tunnel's have places of their own. */
static inline int efh_compat_gro_network(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	return skb_network_offset(skb);
#else
	return skb_gro_receive_network_offset(skb);
#endif
}

/*
 * Before 6.9 the outer UDP checksum of what is joined inside a tunnel is made
 * with the inner addresses. @at: the outer UDP header, right behind IP's
 */
static inline void efh_compat_gro_check(struct sk_buff *skb, int at, bool ip4)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	struct udphdr *uh = (struct udphdr *)(skb->data + at);
	const struct ipv6hdr *ip6 = (struct ipv6hdr *)uh - 1;
	const struct iphdr *ip = (struct iphdr *)uh - 1;

	if (uh->check)
		uh->check = ip4 ? ~udp_v4_check(skb->len - at, ip->saddr,
						ip->daddr, 0) :
				  ~udp_v6_check(skb->len - at, &ip6->saddr,
						&ip6->daddr, 0);
#endif
}

/* 6.3 has a limit for IPv4 of its own. */
static inline unsigned int efh_compat_gro_max_size(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return READ_ONCE(skb->dev->gro_max_size);
#else
	return netif_get_gro_max_size(skb->dev, skb);
#endif
}

/* 7.0 lets modules ask whether it is the send buffer that is charged by truesize. */
static inline bool efh_compat_is_wmem(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	return skb->destructor == sock_wfree;
#else
	return is_skb_wmem(skb);
#endif
}

/* 6.13 sets a timer up in one call. */
static inline void
efh_compat_hrtimer(struct hrtimer *timer,
		   enum hrtimer_restart (*function)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	timer->function = function;
#else
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
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

/* Will a packet be encrypted, so that no device makes its checksums? */
static inline bool efh_compat_needs_ipsec(const struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	return (skb_dst(skb) && skb_dst(skb)->xfrm) || skb_sec_path(skb);
#else
	return false;
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

/* 6.6 gave dumps what other requests have. */
static inline struct nlattr **efh_compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_dumpit_info(cb)->info.attrs;
#endif
}

/* 6.7 allocates a device's counters itself. */
static inline int efh_compat_tstats_init(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	return dev->tstats ? 0 : -ENOMEM;
#else
	return 0;
#endif
}

static inline void efh_compat_tstats_free(struct net_device *dev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	free_percpu(dev->tstats);
#endif
}

/*
 * 6.7 allocates counters as the device asks; 6.12 made it a flag of its own that
 * transmission needs no lock.
 */
static inline void efh_compat_setup(struct net_device *dev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

/* The device enslaved to the L3 domain a packet is in; 0 without. */
static inline int efh_compat_sdif(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IPV6) ? inet6_sdif(skb) :
						    inet_sdif(skb);
}

/* 6.18 says with which flags in cb a tunnel's packet leaves. */
static inline void efh_compat_udp_xmit6(struct dst_entry *dst, struct sock *sk,
					struct sk_buff *skb,
					struct net_device *dev,
					const struct in6_addr *from,
					const struct in6_addr *to, u8 dsfield,
					u8 ttl, __be32 label, __be16 sport,
					__be16 dport, bool nocheck)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, (struct in6_addr *)from,
			     (struct in6_addr *)to, dsfield, ttl, label, sport,
			     dport, nocheck);
#else
	udp_tunnel6_xmit_skb(dst, sk, skb, dev, from, to, dsfield, ttl, label,
			     sport, dport, nocheck, 0);
#endif
}

static inline void efh_compat_udp_xmit4(struct dst_entry *dst, struct sock *sk,
					struct sk_buff *skb, __be32 from,
					__be32 to, u8 dsfield, u8 ttl,
					__be16 sport, __be16 dport, bool xnet)
{
	struct rtable *rt = container_of(dst, struct rtable, dst);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	udp_tunnel_xmit_skb(rt, sk, skb, from, to, dsfield, ttl, htons(IP_DF),
			    sport, dport, xnet, false);
#else
	udp_tunnel_xmit_skb(rt, sk, skb, from, to, dsfield, ttl, htons(IP_DF),
			    sport, dport, xnet, false, 0);
#endif
}

/* 7.1 takes the sock. */
static inline void efh_compat_udp_tunnel(struct net *net, struct socket *sock,
					 struct udp_tunnel_sock_cfg *tunnel)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
	setup_udp_tunnel_sock(net, sock, tunnel);
#else
	setup_udp_tunnel_sock(net, sock->sk, tunnel);
#endif
}

static inline void efh_compat_udp_release(struct socket *sock)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
	udp_tunnel_sock_release(sock);
#else
	udp_tunnel_sock_release(sock->sk);
#endif
}

/*
 * EFH_COMPAT_NEWLINK() - rtnl_link_ops's newlink
 * @name: of what is defined
 * @new: (dev, net of the lower side, tb, data, extack)
 *
 * 6.15 hands over what it has in a struct.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define EFH_COMPAT_NEWLINK(name, new) \
static int name(struct net *net, struct net_device *dev, struct nlattr *tb[], \
		struct nlattr *data[], struct netlink_ext_ack *extack) \
{ \
	return new(dev, net, tb, data, extack); \
}
#else
#define EFH_COMPAT_NEWLINK(name, new) \
static int name(struct net_device *dev, struct rtnl_newlink_params *params, \
		struct netlink_ext_ack *extack) \
{ \
	return new(dev, rtnl_newlink_link_net(params), params->tb, \
		   params->data, extack); \
}
#endif

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
