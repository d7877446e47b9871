// SPDX-License-Identifier: GPL-2.0-only
/*
 * IP in IP at local delivery: packets, and errors about packets, of links with
 * an IP carrier. Ours come before the stack's tunnels, whose fallback devices
 * take what is nobody's; what is not from a peer of a link is left to them.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/dsfield.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/xfrm.h>
#include "alive.h"
#include "link.h"
#include "net.h"
#include "peer.h"
#include "tunnel.h"

#define EFH_TUNNEL_PRIORITY	(-1)	/* 0 is VTI's */

static struct efh_peer *efh_tunnel_peer6(struct sk_buff *skb,
					 const struct in6_addr *local,
					 const struct in6_addr *remote)
{
	struct efh_peer_key key = { .local = *local, .remote = *remote };

	return efh_peer_find(efh_net(dev_net(skb->dev)), &key, skb);
}

static struct efh_peer *efh_tunnel_peer4(struct sk_buff *skb, __be32 local,
					 __be32 remote)
{
	struct in6_addr near, far;

	ipv6_addr_set_v4mapped(local, &near);
	ipv6_addr_set_v4mapped(remote, &far);
	return efh_tunnel_peer6(skb, &near, &far);
}

/* Data is at the inner header. Return: 0, or 1 if it is none of ours. */
static int efh_tunnel_receive6(struct sk_buff *skb, __be16 protocol)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	struct efh_peer *peer = efh_tunnel_peer6(skb, &iph->daddr, &iph->saddr);

	if (!peer || efh_peer_pretended(peer, skb))
		return 1;
	if (!xfrm6_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
		return 0;
	}
	return efh_link_receive(peer, skb, protocol, ipv6_get_dsfield(iph));
}

static int efh_tunnel_receive4(struct sk_buff *skb, __be16 protocol)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct efh_peer *peer = efh_tunnel_peer4(skb, iph->daddr, iph->saddr);

	if (!peer || efh_peer_pretended(peer, skb))
		return 1;
	if (!xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_XFRM_POLICY);
		return 0;
	}
	return efh_link_receive(peer, skb, protocol, iph->tos);
}

static int efh_tunnel_receive66(struct sk_buff *skb)
{
	return efh_tunnel_receive6(skb, htons(ETH_P_IPV6));
}

static int efh_tunnel_receive46(struct sk_buff *skb)
{
	return efh_tunnel_receive6(skb, htons(ETH_P_IP));
}

static int efh_tunnel_receive64(struct sk_buff *skb)
{
	return efh_tunnel_receive4(skb, htons(ETH_P_IPV6));
}

static int efh_tunnel_receive44(struct sk_buff *skb)
{
	return efh_tunnel_receive4(skb, htons(ETH_P_IP));
}

/* Data is at the quoted outer header, @at octets from it the inner one. */
static int efh_tunnel_error6(struct sk_buff *skb, u8 type, u8 code,
			     unsigned int at, __be32 info, u8 protocol)
{
	const struct ipv6hdr *iph = (const struct ipv6hdr *)skb->data;
	struct net *net = dev_net(skb->dev);
	struct efh_peer *peer;

	peer = efh_tunnel_peer6(skb, &iph->saddr, &iph->daddr);
	if (!peer)
		return 1;
	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, peer->link->lower, 0,
				sock_net_uid(net, NULL));
	if (!efh_link_unreached(true, type, code))
		return 0;
	efh_alive_icmp(peer, type, code);
	efh_link_error(peer, skb, at, protocol);
	return 0;
}

static int efh_tunnel_error66(struct sk_buff *skb, struct inet6_skb_parm *opt,
			      u8 type, u8 code, int at, __be32 info)
{
	return efh_tunnel_error6(skb, type, code, at, info, IPPROTO_IPV6);
}

static int efh_tunnel_error46(struct sk_buff *skb, struct inet6_skb_parm *opt,
			      u8 type, u8 code, int at, __be32 info)
{
	return efh_tunnel_error6(skb, type, code, at, info, IPPROTO_IPIP);
}

static int efh_tunnel_icmp4(struct sk_buff *skb, u32 info, unsigned int at,
			    u8 protocol)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct icmphdr *icmp = icmp_hdr(skb);
	struct net *net = dev_net(skb->dev);
	struct efh_peer *peer = efh_tunnel_peer4(skb, iph->saddr, iph->daddr);

	if (!peer)
		return 1;
	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, net, info, peer->link->lower, protocol);
	if (!efh_link_unreached(false, icmp->type, icmp->code))
		return 0;
	efh_alive_icmp(peer, icmp->type, icmp->code);
	efh_link_error(peer, skb, at, protocol);
	return 0;
}

static int efh_tunnel_error64(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	return efh_tunnel_icmp4(skb, info, iph->ihl * 4, IPPROTO_IPV6);
}

static int efh_tunnel_error44(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	return efh_tunnel_icmp4(skb, info, iph->ihl * 4, IPPROTO_IPIP);
}

/**
 * efh_tunnel_error4() - an ICMPv4 error that quotes the first EFH fragment of
 *	a packet
 * @skb: the error, data at the quoted IPv4 header
 * @at: the inner header, octets from data
 * @protocol: NH Cache
 *
 * Under IPv6 the stack itself steps over the EFH header.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_tunnel_error4(struct sk_buff *skb, unsigned int at, u8 protocol)
{
	const struct icmphdr *icmp = icmp_hdr(skb);

	/* What it says of size is pmtu.c's. */
	if (efh_link_unreached(false, icmp->type, icmp->code))
		efh_tunnel_icmp4(skb, 0, at, protocol);
}

static struct xfrm6_tunnel efh_tunnel66 = {
	.handler = efh_tunnel_receive66,
	.err_handler = efh_tunnel_error66,
	.priority = EFH_TUNNEL_PRIORITY,
};

static struct xfrm6_tunnel efh_tunnel46 = {
	.handler = efh_tunnel_receive46,
	.err_handler = efh_tunnel_error46,
	.priority = EFH_TUNNEL_PRIORITY,
};

static struct xfrm_tunnel efh_tunnel64 = {
	.handler = efh_tunnel_receive64,
	.err_handler = efh_tunnel_error64,
	.priority = EFH_TUNNEL_PRIORITY,
};

static struct xfrm_tunnel efh_tunnel44 = {
	.handler = efh_tunnel_receive44,
	.err_handler = efh_tunnel_error44,
	.priority = EFH_TUNNEL_PRIORITY,
};

/**
 * efh_tunnel_init() - receive what links are sent under IP carriers
 *
 * Return: 0; -EEXIST if another module has that priority.
 */
int efh_tunnel_init(void)
{
	int err;

	err = xfrm6_tunnel_register(&efh_tunnel66, AF_INET6);
	if (err)
		return err;
	err = xfrm6_tunnel_register(&efh_tunnel46, AF_INET);
	if (err)
		goto err_66;
	err = xfrm4_tunnel_register(&efh_tunnel64, AF_INET6);
	if (err)
		goto err_46;
	err = xfrm4_tunnel_register(&efh_tunnel44, AF_INET);
	if (err)
		goto err_64;
	return 0;

err_64:
	xfrm4_tunnel_deregister(&efh_tunnel64, AF_INET6);
err_46:
	xfrm6_tunnel_deregister(&efh_tunnel46, AF_INET);
err_66:
	xfrm6_tunnel_deregister(&efh_tunnel66, AF_INET6);
	return err;
}

/**
 * efh_tunnel_exit() - receive it no longer
 *
 * Context: process. Afterwards no packet is in our handlers.
 */
void efh_tunnel_exit(void)
{
	xfrm4_tunnel_deregister(&efh_tunnel44, AF_INET);
	xfrm4_tunnel_deregister(&efh_tunnel64, AF_INET6);
	xfrm6_tunnel_deregister(&efh_tunnel46, AF_INET);
	xfrm6_tunnel_deregister(&efh_tunnel66, AF_INET6);
}
