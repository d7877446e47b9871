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
/* Flows to one destination may be worth different sizes: so long one of them rules. */
#define EFH_ADVISE_RULE		(2 * HZ)
/* Inner sources of a flow are told no more often. */
#define EFH_ADVISE_SPACING	(HZ / 10)

/**
 * efh_advise_init() - a namespace in which nobody was told anything
 * @told: what was
 */
void efh_advise_init(struct efh_told *told)
{
	spin_lock_init(&told->lock);
}

/* Was a socket told this MTU, and when last? jiffies; false if none was. */
static bool efh_told_find(struct efh_told *told, u32 mtu, unsigned long *when)
{
	bool found = false;
	int i;

	spin_lock_bh(&told->lock);
	for (i = 0; !found && i < EFH_TOLD_MAX; i++) {
		found = told->mtu[i] == mtu;
		*when = told->when[i];
	}
	spin_unlock_bh(&told->lock);
	return found;
}

static void efh_told_add(struct efh_told *told, u32 mtu)
{
	int i, at = 0;

	spin_lock_bh(&told->lock);
	for (i = 0; i < EFH_TOLD_MAX; i++) {
		if (told->mtu[i] == mtu || !told->mtu[i]) {
			at = i;
			break;
		}
		if (time_before(told->when[i], told->when[at]))
			at = i;
	}
	told->mtu[at] = mtu;
	told->when[at] = jiffies;
	WRITE_ONCE(told->last, jiffies);
	WRITE_ONCE(told->any, true);
	spin_unlock_bh(&told->lock);
}

/* Can a route have an exception yet, of those that were told? */
static bool efh_told_lately(struct efh_net *en)
{
	const struct efh_told *told = &en->flows.told;
	u32 life = max(READ_ONCE(en->net->ipv6.sysctl.ip6_rt_mtu_expires),
		       READ_ONCE(en->net->ipv4.ip_rt_mtu_expires));

	return READ_ONCE(told->any) &&
	       time_before(jiffies, READ_ONCE(told->last) + life);
}

/*
 * @mtu: what a packet is to have, octets; 0: any number. An exception of the
 * route's, which the stack would keep for long: what was told must end with what
 * it was told for.
 */
static void efh_advise_route(struct efh_net *en, struct sk_buff *skb, u32 mtu)
{
	struct efh_told *told = &en->flows.told;
	struct dst_entry *dst = skb_dst(skb);
	u32 known = dst_mtu(dst);
	unsigned long when;

	if (READ_ONCE(dst->expires) && efh_told_find(told, known, &when))
		dst_set_expires(dst, mtu && mtu <= known ? EFH_ADVISE_LIFE :
				time_before(jiffies, when + EFH_ADVISE_RULE) ?
				EFH_ADVISE_RULE : 0);
	if (mtu && mtu < known && skb->len > mtu) {
		efh_told_add(told, mtu);
		skb_dst_update_pmtu_no_confirm(skb, mtu);
	}
}

/**
 * efh_advise_due() - may there be anything to be said to who sends?
 * @en: the namespace
 */
bool efh_advise_due(struct efh_net *en)
{
	return unlikely(atomic_read(&en->flows.advised)) || efh_told_lately(en);
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

	efh_advise_route(en, skb, advised ? min_t(u32, at + advised,
						  EFH_MAX_PACKET) : 0);
}

/*
 * Segments of a super-packet become packets of no more than @mtu octets.
 *
 * Return: false if they can't.
 */
static bool efh_advise_cut(struct sk_buff *skb, u32 mtu)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	unsigned int headers;

	if (skb_gso_validate_network_len(skb, mtu))
		return true;
	/* What GRO hung in a list has its own idea of sizes. */
	if (!(shinfo->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6)) ||
	    skb_has_frag_list(skb))
		return false;
	headers = skb_transport_offset(skb) + tcp_hdrlen(skb);
	if (headers > mtu / 2 || skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		return false;
	shinfo = skb_shinfo(skb);
	shinfo->gso_size = mtu - headers;
	shinfo->gso_segs = DIV_ROUND_UP(skb->len - headers, shinfo->gso_size);
	return true;
}

/* An inner source that is not a socket here. */
static void efh_advise_source(const struct efh_inner *inner,
			      struct efh_loss *loss, struct sk_buff *skb,
			      u32 mtu)
{
	if (time_after(jiffies,
		       READ_ONCE(loss->answered) + EFH_ADVISE_SPACING) &&
	    efh_link_too_large(inner->link, skb, mtu))
		WRITE_ONCE(loss->answered, jiffies);
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
	struct efh_flow *flow = efh_advise_flow(en, inner, peer, dst);
	const struct dst_entry *route = skb_dst(skb);
	const struct sock *sk = skb->sk;
	u32 mtu = flow ? efh_loss_advised(en, flow) : 0;
	bool fits = !mtu || skb->len <= mtu;

	/* In this order: what is cut is what its socket sends too large. */
	if (sk && sk_fullsock(sk) && route && route->dev == inner->link->dev)
		efh_advise_route(en, skb, mtu);
	else
		sk = NULL;
	if (!fits && skb_is_gso(skb))
		fits = efh_advise_cut(skb, mtu);
	if (!fits && !sk)
		efh_advise_source(inner, &flow->loss, skb, mtu);
}
