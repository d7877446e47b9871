// SPDX-License-Identifier: GPL-2.0-only
/*
 * What links answer to inner sources by ICMP: that nobody takes a packet, that
 * the path can't, and what the path itself says (RFC 2473 section 8).
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "link.h"
#include "peer.h"

/* ICMP under IPv4 answers only what has a route: that by which it came here. */
static bool efh_link_route4(struct efh_link *link, struct sk_buff *skb)
{
	struct flowi4 fl4 = {
		.flowi4_oif = link->dev->ifindex,
		.daddr = ip_hdr(skb)->daddr,
	};
	struct rtable *rt;

	if (skb_dst(skb))
		return true;
	rt = ip_route_output_key(dev_net(link->dev), &fl4);
	if (IS_ERR(rt))
		return false;
	skb_dst_set(skb, &rt->dst);
	return true;
}

/**
 * efh_link_unreachable() - tell an inner source that nobody takes its packet
 * @link: the link
 * @skb: the inner packet, with the route by which it entered the link, or
 *	none; stays
 *
 * Context: RCU read side, BH disabled.
 */
void efh_link_unreachable(struct efh_link *link, struct sk_buff *skb)
{
	skb->dev = link->dev;
	if (skb->protocol == htons(ETH_P_IPV6))
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
	else if (efh_link_route4(link, skb))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
}

/**
 * efh_link_too_large() - tell an inner source that smaller packets would do better
 * @link: the link
 * @skb: the inner packet, with the route by which it entered the link, or
 *	none; stays
 * @mtu: what they may have, octets
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it does not want to know.
 */
bool efh_link_too_large(struct efh_link *link, struct sk_buff *skb,
			unsigned int mtu)
{
	skb->dev = link->dev;
	if (skb->protocol == htons(ETH_P_IPV6)) {
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0,
				max_t(unsigned int, mtu, IPV6_MIN_MTU));
		return true;
	}
	if (!(ip_hdr(skb)->frag_off & htons(IP_DF)) ||
	    !efh_link_route4(link, skb))
		return false;
	icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return true;
}

/* The packet in a packet, as one that came in by the link; NULL without memory. */
static struct sk_buff *efh_link_inner(struct efh_link *link,
				      const struct sk_buff *skb,
				      unsigned int at, bool ip6)
{
	struct sk_buff *inner = skb_clone((struct sk_buff *)skb,
					  GFP_ATOMIC | __GFP_NOWARN);

	if (!inner)
		return NULL;
	skb_pull(inner, at);
	skb_reset_network_header(inner);
	skb_scrub_packet(inner, !net_eq(link->net, dev_net(link->dev)));
	inner->dev = link->dev;
	inner->protocol = ip6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	return inner;
}

/**
 * efh_link_too_big() - tell an inner source that the path can't take its packet
 * @link: the link
 * @skb: the outer packet, data at its network header; stays
 * @at: the inner network header, octets from data, linear
 * @mtu: what an inner packet may have, octets
 *
 * Context: RCU read side, BH disabled.
 */
void efh_link_too_big(struct efh_link *link, const struct sk_buff *skb,
		      unsigned int at, unsigned int mtu)
{
	bool ip6 = skb->data[at] >> 4 == 6;
	struct sk_buff *inner = efh_link_inner(link, skb, at, ip6);

	efh_link_count(link, EFH_LINK_OUT_TOO_BIG);
	if (!inner)
		return;
	if (ip6)
		icmpv6_ndo_send(inner, ICMPV6_PKT_TOOBIG, 0,
				max_t(unsigned int, mtu, IPV6_MIN_MTU));
	else if (efh_link_route4(link, inner))
		icmp_ndo_send(inner, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			      htonl(mtu));
	consume_skb(inner);
}

/**
 * efh_link_unreached() - does an ICMP error say that a packet did not get there?
 * @ip6: ICMPv6, else ICMPv4
 * @type: its type
 * @code: its code
 *
 * What it may say of size is another matter.
 */
bool efh_link_unreached(bool ip6, u8 type, u8 code)
{
	if (ip6)
		return type == ICMPV6_DEST_UNREACH ||
		       (type == ICMPV6_TIME_EXCEED &&
			code == ICMPV6_EXC_HOPLIMIT);
	return (type == ICMP_DEST_UNREACH && code != ICMP_FRAG_NEEDED) ||
	       (type == ICMP_TIME_EXCEEDED && code == ICMP_EXC_TTL);
}

/**
 * efh_link_error() - tell an inner source that the far end is not reached
 * @peer: the far end
 * @skb: an ICMP error about a packet to it; stays
 * @at: the inner header in what it quotes, octets from data
 * @protocol: 41 or 4
 *
 * RFC 2473 section 8, RFC 2003 section 4.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_link_error(struct efh_peer *peer, struct sk_buff *skb,
		    unsigned int at, u8 protocol)
{
	bool ip6 = protocol == IPPROTO_IPV6;
	unsigned int need = ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct efh_link *link = peer->link;
	struct sk_buff *inner;
	struct in6_addr to;

	if ((!ip6 && protocol != IPPROTO_IPIP) || !pskb_may_pull(skb, at + need))
		return;
	inner = efh_link_inner(link, skb, at, ip6);
	if (!inner)
		return;
	if (ip6)
		to = ipv6_hdr(inner)->daddr;
	else
		ipv6_addr_set_v4mapped(ip_hdr(inner)->daddr, &to);
	/* What was never sent to it is made up. */
	if (efh_peer_holds(peer, &to)) {
		efh_link_count(link, EFH_LINK_IN_ICMP);
		efh_link_unreachable(link, inner);
	}
	consume_skb(inner);
}
