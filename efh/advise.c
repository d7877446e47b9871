// SPDX-License-Identifier: GPL-2.0-only
/*
 * How those who send hear what size is worth sending: sockets of this host by
 * the path MTU of their destination, inner sources of a link by Packet Too Big.
 * The packet in hand goes on all the same; super-packets are cut smaller.
 */
#include <linux/tcp.h>
#include <net/dst.h>
#include <net/ipv6.h>
#include "advise.h"
#include "carrier.h"
#include "compat.h"
#include "encap.h"
#include "link.h"
#include "net.h"
#include "peer.h"
#include "udp.h"

/* What a socket is told lasts no longer than that, whoever ends before. */
#define EFH_ADVISE_LIFE		(30 * HZ)
/* Inner sources of a flow are told no more often. */
#define EFH_ADVISE_SPACING	(HZ / 10)

/*
 * @mtu: what a packet is to have, octets; 0: any number. An exception of the
 * route's, which the stack would keep for long: what was told must end with what
 * it was told for.
 */
static void efh_advise_route(struct efh_loss *loss, struct sk_buff *skb, u32 mtu)
{
	struct dst_entry *dst = skb_dst(skb);
	u32 known = dst_mtu(dst), told = READ_ONCE(loss->told);

	if (told && known == told && READ_ONCE(dst->expires))
		dst_set_expires(dst, !mtu || mtu > told ? 0 : EFH_ADVISE_LIFE);
	if (mtu && mtu < known && skb->len > mtu) {
		WRITE_ONCE(loss->told, mtu);
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	}
}

/**
 * efh_advise_socket() - a socket's packet is about to be sent in fragments
 * @en: the namespace
 * @flow: its flow
 * @skb: the packet, routed, data at its network header
 * @at: octets of it that every fragment repeats
 *
 * Context: RCU read side.
 */
void efh_advise_socket(struct efh_net *en, struct efh_flow *flow,
		       struct sk_buff *skb, unsigned int at)
{
	u32 advised = efh_loss_advised(en, flow);

	if (likely(!advised && !READ_ONCE(flow->loss.told)))
		return;
	efh_advise_route(&flow->loss, skb,
			 advised ? min_t(u32, at + advised, EFH_MAX_PACKET) : 0);
}

/* Segments of a super-packet become packets of no more than @mtu octets. */
static void efh_advise_cut(struct sk_buff *skb, u32 mtu)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	unsigned int headers;

	/* What GRO hung in a list has its own idea of sizes. */
	if (!(shinfo->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) ||
	    skb_has_frag_list(skb) || skb_gso_validate_network_len(skb, mtu) ||
	    skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		return;
	headers = skb_transport_offset(skb) + tcp_hdrlen(skb);
	shinfo = skb_shinfo(skb);
	shinfo->gso_size = mtu - headers;
	shinfo->gso_segs = DIV_ROUND_UP(skb->len - headers, shinfo->gso_size);
}

static struct efh_flow *efh_advise_flow(struct efh_net *en,
					const struct efh_inner *inner,
					const struct efh_peer *peer,
					const struct dst_entry *dst)
{
	enum efh_carrier carrier = efh_link_carrier(inner->link);
	struct efh_flow_key key = {
		.destination.addr = peer->key.remote,
		.carrier = carrier,
	};

	key.destination.scope = efh_carrier_scope(dst->dev, dst->dev->ifindex,
						  &peer->key.remote);
	if (efh_carrier_udp(carrier))
		key.label = efh_udp_sport(inner, peer);
	else if (carrier == EFH_CARRIER_IPV6)
		key.label = be32_to_cpu(efh_encap_label(inner));
	return efh_flow_find(en, &key);
}

/**
 * efh_advise_link() - a packet is about to be sent to a link's peer
 * @skb: the packet, data at its network header, with the route by which it
 *	entered the link, or none
 * @inner: what is known of it
 * @peer: where to
 * @dst: the way there
 *
 * Context: RCU read side, BH disabled.
 */
void efh_advise_link(struct sk_buff *skb, const struct efh_inner *inner,
		     const struct efh_peer *peer, const struct dst_entry *dst)
{
	struct efh_net *en = efh_net(inner->link->net);
	const struct net_device *dev = inner->link->dev;
	const struct sock *sk = skb->sk;
	struct efh_flow *flow = efh_advise_flow(en, inner, peer, dst);
	struct efh_loss *loss;
	u32 mtu;

	if (!flow)
		return;
	loss = &flow->loss;
	mtu = efh_loss_advised(en, flow);
	if (sk && sk_fullsock(sk) && skb_dst(skb) && skb_dst(skb)->dev == dev &&
	    (mtu || READ_ONCE(loss->told)))
		efh_advise_route(loss, skb, mtu);
	else if (mtu && skb->len > mtu && !skb_is_gso(skb) &&
		 time_after(jiffies,
			    READ_ONCE(loss->answered) + EFH_ADVISE_SPACING)) {
		WRITE_ONCE(loss->answered, jiffies);
		efh_link_too_large(inner->link, skb, mtu);
	}
	if (mtu && skb_is_gso(skb))
		efh_advise_cut(skb, mtu);
}
