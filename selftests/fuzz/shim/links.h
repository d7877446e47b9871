/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What headers of the module want to know of the kernel for links. Links are not
 * under test, so that none of it is ever called.
 */
#ifndef SHIM_LINKS_H
#define SHIM_LINKS_H

#define IPPROTO_IPIP		4
#define IPPROTO_IPV6		41
#define NETDEV_PCPU_STAT_TSTATS	2
#define NETIF_F_HW_CSUM		BIT(3)

struct udphdr {
	__be16 source, dest, len;
	__sum16 check;
};

struct rtable {
	struct dst_entry dst;
};

struct rhlist_head {
	struct rhash_head rhead;
};

struct rhltable {
	struct rhashtable ht;
};

struct dst_cache {
	void *cache;
};

struct socket {
	struct sock *sk;
};

struct nlattr;

struct genl_dumpit_info {
	struct {
		struct nlattr **attrs;
	} info;
};

struct netlink_callback;
struct udp_tunnel_sock_cfg;

const struct genl_dumpit_info *genl_dumpit_info(struct netlink_callback *cb);
int inet6_sdif(const struct sk_buff *skb);
int inet_sdif(const struct sk_buff *skb);
void setup_udp_tunnel_sock(struct net *net, struct sock *sk, struct udp_tunnel_sock_cfg *cfg);
void udp_tunnel_sock_release(struct sock *sk);
void udp_tunnel6_xmit_skb(struct dst_entry *dst, struct sock *sk, struct sk_buff *skb,
			  struct net_device *dev, const struct in6_addr *from,
			  const struct in6_addr *to, u8 prio, u8 ttl, __be32 label, __be16 sport,
			  __be16 dport, bool nocheck, u16 flags);
void udp_tunnel_xmit_skb(struct rtable *rt, struct sock *sk, struct sk_buff *skb, __be32 from,
			 __be32 to, u8 tos, u8 ttl, __be16 df, __be16 sport, __be16 dport,
			 bool xnet, bool nocheck, u16 flags);

#define SKB_GSO_UDP_TUNNEL	BIT(10)

struct skb_gso_cb {
	__wsum csum;
	u16 csum_start;
};

#define SKB_GSO_CB(skb)		((struct skb_gso_cb *)(skb)->cb)

static inline void skb_set_inner_mac_header(struct sk_buff *skb, int offset)
{
}

static inline void skb_set_inner_network_header(struct sk_buff *skb, int offset)
{
}

static inline void skb_set_inner_transport_header(struct sk_buff *skb, int offset)
{
}

static inline void skb_set_inner_ipproto(struct sk_buff *skb, u8 protocol)
{
}

#endif /* SHIM_LINKS_H */
