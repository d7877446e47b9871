// SPDX-License-Identifier: GPL-2.0-only
/*
 * What endpoints send each other beside packets, under the IP carriers: Control
 * messages, and fragments once more. UDP's way is udp.c's.
 */
#include <net/dst.h>
#include <net/ip6_route.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "carrier.h"
#include "link.h"
#include "net.h"
#include "path.h"

/* Control messages must not be lost where hops were counted for something else. */
#define EFH_PATH_HOPS	64

static struct dst_entry *efh_path_route6(struct efh_net *en,
					 const struct efh_path *path, int oif,
					 u32 label, u8 dsfield, u32 mark)
{
	struct flowi6 fl6 = {
		.flowi6_oif = oif,
		.flowi6_mark = mark,
		.flowi6_proto = IPPROTO_DSTOPTS,
		.saddr = path->local,
		.daddr = path->remote,
		.flowlabel = ip6_make_flowinfo(dsfield, htonl(label)),
	};

	return ip6_dst_lookup_flow(en->net, NULL, &fl6, NULL);
}

static struct dst_entry *efh_path_route4(struct efh_net *en,
					 const struct efh_path *path, int oif,
					 u32 mark)
{
	struct flowi4 fl4 = {
		.flowi4_oif = oif,
		.flowi4_mark = mark,
		.flowi4_proto = IPPROTO_DSTOPTS,
		.saddr = path->local.s6_addr32[3],
		.daddr = path->remote.s6_addr32[3],
	};
	struct rtable *rt = ip_route_output_key(en->net, &fl4);

	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

/**
 * efh_path_route() - the way to the other end under an IP carrier
 * @en: the namespace
 * @path: which ends
 * @label: flow label, 0 under IPv4
 * @dsfield: traffic class
 * @mark: of the packets
 *
 * Context: RCU read side, BH disabled.
 * Return: a route with a reference; NULL if there is none.
 */
struct dst_entry *efh_path_route(struct efh_net *en,
				 const struct efh_path *path, u32 label,
				 u8 dsfield, u32 mark)
{
	int oif = path->peer ? path->peer->link->lower : path->scope;
	struct dst_entry *dst;

	if (path->carrier == EFH_CARRIER_IPV6)
		dst = efh_path_route6(en, path, oif, label, dsfield, mark);
	else
		dst = efh_path_route4(en, path, oif, mark);
	if (IS_ERR(dst))
		return NULL;
	if (dst->error) {
		dst_release(dst);
		return NULL;
	}
	return dst;
}

/**
 * efh_path_again() - send a fragment once more
 * @en: the namespace
 * @skb: the fragment, data at its network header; taken
 * @dst: the way; its reference stays
 *
 * The tables that saw the packet whole have nothing to say of its parts.
 *
 * Context: RCU read side, BH disabled.
 * Return: as the stack's output functions.
 */
int efh_path_again(struct efh_net *en, struct sk_buff *skb,
		   struct dst_entry *dst)
{
	memset(skb->cb, 0, sizeof(skb->cb));
	if (skb->protocol == htons(ETH_P_IPV6))
		IP6CB(skb)->flags = IP6SKB_REROUTED;
	else
		IPCB(skb)->flags = IPSKB_REROUTED;
	skb_dst_drop(skb);
	skb_dst_set(skb, dst_clone(dst));
	return dst_output(en->net, NULL, skb);
}

static void efh_path_header(struct sk_buff *skb, const struct efh_path *path,
			    u32 label)
{
	bool ip6 = path->carrier == EFH_CARRIER_IPV6;

	skb_reset_transport_header(skb);
	skb_push(skb, efh_carrier_len(path->carrier));
	skb_reset_network_header(skb);
	if (ip6) {
		struct ipv6hdr *iph = ipv6_hdr(skb);

		ip6_flow_hdr(iph, 0, htonl(label));
		iph->nexthdr = IPPROTO_DSTOPTS;
		iph->hop_limit = EFH_PATH_HOPS;
		iph->saddr = path->local;
		iph->daddr = path->remote;
	} else {
		*ip_hdr(skb) = (struct iphdr) {
			.version = 4,
			.ihl = sizeof(struct iphdr) / 4,
			.frag_off = htons(IP_DF),
			.ttl = EFH_PATH_HOPS,
			.protocol = IPPROTO_DSTOPTS,
			.saddr = path->local.s6_addr32[3],
			.daddr = path->remote.s6_addr32[3],
		};
	}
	skb->protocol = ip6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	memset(skb->cb, 0, sizeof(skb->cb));
}

/**
 * efh_path_by() - send a Control message the way that packets of a flow go
 * @en: the namespace
 * @path: which ends
 * @skb: the message, with room for headers; taken
 * @dst: the way; its reference is taken
 * @label: flow label, 0 under IPv4
 *
 * Context: RCU read side, BH disabled.
 */
void efh_path_by(struct efh_net *en, const struct efh_path *path,
		 struct sk_buff *skb, struct dst_entry *dst, u32 label)
{
	efh_path_header(skb, path, label);
	skb_dst_set(skb, dst);
	if (path->carrier == EFH_CARRIER_IPV6)
		ip6_local_out(en->net, NULL, skb);
	else
		ip_local_out(en->net, NULL, skb);
}

/**
 * efh_path_flow() - the flow of ours that a message from the other end is about
 * @en: the namespace
 * @path: which ends
 * @label: what it says
 *
 * Context: RCU read side.
 * Return: the flow or NULL.
 */
struct efh_flow *efh_path_flow(struct efh_net *en, const struct efh_path *path,
			       __be32 label)
{
	struct efh_flow_key key = {
		.destination.addr = path->remote,
		.destination.scope = path->scope,
		.label = ntohl(label),
		.carrier = path->carrier,
	};
	struct efh_flow *flow = efh_flow_find(en, &key);

	/* The port it is told by may be a NAT's. */
	if (!flow && efh_carrier_udp(path->carrier)) {
		key.label = ntohs(path->peer->key.port);
		flow = efh_flow_find(en, &key);
	}
	return flow;
}

/**
 * efh_path_send() - send a Control message to the other end
 * @en: the namespace
 * @path: which ends
 * @skb: the message, with room for headers; taken
 *
 * Context: RCU read side, BH disabled.
 * Return: false if there is no route.
 */
bool efh_path_send(struct efh_net *en, const struct efh_path *path,
		   struct sk_buff *skb)
{
	struct dst_entry *dst = efh_path_route(en, path, 0, 0, 0);

	if (!dst) {
		kfree_skb(skb);
		return false;
	}
	efh_path_by(en, path, skb, dst, 0);
	return true;
}
