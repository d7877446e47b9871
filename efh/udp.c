// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP as a carrier, outwards (wire.rst section 5): what fits the path is the
 * payload as it is; of what exceeds it a run is made here, inside UDP, whose
 * headers the stack's own tunnels put on and split.
 */
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>
#include "carrier.h"
#include "compat.h"
#include "encap.h"
#include "gso.h"
#include "link.h"
#include "net.h"
#include "offload.h"
#include "path.h"
#include "peer.h"
#include "port.h"
#include "retransmit.h"
#include "udp.h"

/**
 * struct efh_udp - a packet on its way into UDP
 * @inner: what it is
 * @peer: where to
 * @dst: the way
 * @carrier: under which IP
 * @sport: source port
 * @dport: destination port
 * @csum: with a checksum
 * @key: of its flow
 * @room: what the path takes behind the UDP header, octets
 * @plain: and what of that may go without EFH
 * @local: what route and device take, octets
 * @mtu: what the path takes, octets
 * @flow: its flow; NULL if there is none yet
 */
struct efh_udp {
	const struct efh_inner *inner;
	struct efh_peer *peer;
	struct dst_entry *dst;
	enum efh_carrier carrier;
	u16 sport;
	__be16 dport;
	bool csum;
	struct efh_flow_key key;
	unsigned int room;
	unsigned int plain;
	unsigned int local;
	unsigned int mtu;
	struct efh_flow *flow;
};

/**
 * efh_udp_sport() - the source port of a packet
 * @inner: the packet
 * @peer: where to
 *
 * By the inner flow; but a NAT lets in only what comes from where it was sent.
 */
u16 efh_udp_sport(const struct efh_inner *inner, const struct efh_peer *peer)
{
	const struct efh_link_config *config = inner->config;
	u32 count = config->sport_max - config->sport_min + 1;

	if (READ_ONCE(peer->nat))
		return ntohs(inner->link->dport);
	return config->sport_min + (inner->flow * count >> EFH_FLOW_BITS);
}

/* What route, device and path take. */
static void efh_udp_mtu(struct efh_udp *u)
{
	struct efh_net *en = efh_net(u->inner->link->net);
	const struct net_device *dev = u->dst->dev;
	unsigned int local = min(efh_path_route_mtu(u->dst, u->carrier),
				 READ_ONCE(dev->mtu));
	unsigned int headers = efh_carrier_len(u->carrier);
	const struct in6_addr *remote = &u->peer->key.remote;

	u->local = local;
	u->key = (struct efh_flow_key) {
		.destination.addr = *remote,
		.destination.scope = efh_carrier_scope(dev, dev->ifindex,
						       remote),
		.label = u->sport,
		.carrier = u->carrier,
	};
	u->mtu = efh_search_path(en, &u->key, local, &u->flow);
	u->room = u->mtu > headers ? u->mtu - headers : 0;
	/* What is smaller makes no two fragments. */
	u->plain = min_t(int, u->room,
			 max_t(int, dst_mtu(u->dst) - headers,
			       EFH_HDR_LEN + EFH_MIN_FRAGMENT));
}

/* UDP and IP headers, and out; taken, and counted as sent by its device. */
static void efh_udp_xmit(struct sk_buff *skb, const struct efh_udp *u)
{
	const struct efh_inner *inner = u->inner;
	struct efh_link *link = inner->link;
	bool xnet = !net_eq(link->net, dev_net(link->dev));
	__be16 sport = htons(u->sport);
	u8 dsfield = efh_encap_dsfield(inner), ttl = efh_encap_ttl(inner);
	struct sock *sk = efh_port_sock(link);

	dst_hold(u->dst);
	if (u->carrier == EFH_CARRIER_UDP6)
		efh_compat_udp_xmit6(u->dst, sk, skb, skb->dev,
				     &u->peer->key.local, &u->peer->key.remote,
				     dsfield, ttl, efh_encap_label(inner),
				     sport, u->dport, !u->csum);
	else
		efh_compat_udp_xmit4(u->dst, sk, skb,
				     u->peer->key.local.s6_addr32[3],
				     u->peer->key.remote.s6_addr32[3],
				     dsfield, ttl, sport, u->dport, xnet);
}

static void efh_udp_lost(struct sk_buff *skb, const struct efh_udp *u,
			 enum efh_link_stat why)
{
	efh_link_count(u->inner->link, why);
	DEV_STATS_INC(u->inner->link->dev, tx_dropped);
	kfree_skb(skb);
}

static void efh_udp_plain(struct sk_buff *skb, const struct efh_udp *u)
{
	if (iptunnel_handle_offloads(skb, u->csum ?
				     SKB_GSO_UDP_TUNNEL_CSUM :
				     SKB_GSO_UDP_TUNNEL)) {
		efh_udp_lost(skb, u, EFH_LINK_OUT_NO_MEMORY);
		return;
	}
	/* Not by its number, for which GSO wants to see an IP tunnel. */
	skb_set_inner_protocol(skb, skb->protocol);
	efh_udp_xmit(skb, u);
}

/* Ask what the path takes, from the port that routers know the flow by. */
static void efh_udp_probe(const struct efh_udp *u, const struct sk_buff *skb)
{
	struct efh_net *en = efh_net(u->inner->link->net);
	const struct efh_inner inner = {
		.link = u->inner->link,
		.config = u->inner->config,
		.ttl = EFH_LINK_TTL,
		.flow = u->inner->flow,
	};
	struct efh_udp asking = *u;
	struct efh_probe probes[EFH_SEARCH_PROBES];
	unsigned int count, i;
	struct sk_buff *probe;

	asking.inner = &inner;
	asking.csum = true;
	count = efh_search_ask(en, u->flow, u->local, probes);
	for (i = 0; i < count; i++) {
		probe = efh_control_probe(en, u->flow, &probes[i], skb);
		/* Without the large one the small one would tell a lie. */
		if (!probe)
			break;
		efh_udp_xmit(probe, &asking);
		efh_stats_inc(en, EFH_A_STATS_CONTROL_OUT);
	}
	if (efh_search_unanswered(&u->flow->search))
		efh_alive_unanswered(u->peer);
}

/* If it is due. */
static void efh_udp_ask(const struct efh_udp *u, const struct sk_buff *skb)
{
	if (u->flow && efh_search_due(&u->flow->search))
		efh_udp_probe(u, skb);
}

/* A packet that exceeds the path; not GSO. */
static void efh_udp_large(struct sk_buff *skb, struct efh_udp *u)
{
	const struct efh_inner *inner = u->inner;
	struct efh_net *en = efh_net(inner->link->net);
	u32 limit = inner->config->fragment_size;
	struct efh_plan plan = {
		.place.carrier = u->carrier,
		.option = READ_ONCE(en->settings.efh_option),
		.nexthdr = inner->protocol,
		.csum = u->csum,
	};

	if (u->room > EFH_HDR_LEN)
		plan.size = round_down(u->room - EFH_HDR_LEN, 8);
	if (skb->len <= u->room)
		plan.size = efh_plan_cautious(skb->len, u->plain - EFH_HDR_LEN);
	if (limit)
		plan.size = min(plan.size, limit);
	if (plan.size < EFH_MIN_FRAGMENT ||
	    skb->len > plan.size * EFH_MAX_FRAGMENTS) {
		efh_stats_inc(en, EFH_A_STATS_OUT_FAILED);
		efh_link_too_big(inner->link, skb, 0, u->room);
		DEV_STATS_INC(inner->link->dev, tx_dropped);
		kfree_skb_reason(skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return;
	}
	plan.count = DIV_ROUND_UP(skb->len, plan.size);
	if (!u->flow) {
		u->flow = efh_flow_get(en, &u->key);
		efh_udp_ask(u, skb);
	}
	if (!u->flow || !efh_offload_ready()) {
		if (skb->len <= u->room) {
			efh_udp_plain(skb, u);
			return;
		}
		efh_stats_inc(en, EFH_A_STATS_OUT_FAILED);
		efh_udp_lost(skb, u, EFH_LINK_OUT_NO_MEMORY);
		return;
	}
	plan.id = efh_flow_next(u->flow, u->mtu, plan.size);
	if (efh_gso_begin(skb, &plan)) {
		efh_stats_inc(en, EFH_A_STATS_OUT_FAILED);
		efh_udp_lost(skb, u, EFH_LINK_OUT_NO_MEMORY);
		return;
	}
	if (inner->config->retransmit)
		efh_store_keep(en, u->flow, skb, &plan, inner);
	atomic64_add(plan.count, &u->flow->fragments);
	efh_search_traffic(&u->flow->search, plan.count);
	efh_stats_inc(en, EFH_A_STATS_OUT_PACKETS);
	efh_stats_add(en, EFH_A_STATS_OUT_FRAGMENTS, plan.count);
	efh_link_count(inner->link, EFH_LINK_OUT_LARGE);
	efh_udp_xmit(skb, u);
}

/* The segments of a GSO packet do not fit: each is a packet. */
static void efh_udp_segments(struct sk_buff *skb, struct efh_udp *u)
{
	netdev_features_t features = netif_skb_features(skb) & ~NETIF_F_GSO_MASK;
	struct sk_buff *segs, *seg, *next;

	segs = skb_gso_segment(skb, features);
	if (IS_ERR_OR_NULL(segs)) {
		efh_udp_lost(skb, u, EFH_LINK_OUT_NO_MEMORY);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		if (skb_cow_head(seg, u->inner->link->dev->needed_headroom))
			efh_udp_lost(seg, u, EFH_LINK_OUT_NO_MEMORY);
		else if (seg->len <= u->plain)
			efh_udp_plain(seg, u);
		else
			efh_udp_large(seg, u);
	}
}

/**
 * efh_udp_send() - send a packet to a peer under UDP
 * @skb: the packet, data at its network header, scrubbed; taken
 * @inner: what is known of it
 * @peer: where to
 * @dst: the way, whose reference is taken
 *
 * Counts for the device itself.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_udp_send(struct sk_buff *skb, const struct efh_inner *inner,
		  struct efh_peer *peer, struct dst_entry *dst)
{
	struct efh_udp u = {
		.inner = inner,
		.peer = peer,
		.dst = dst,
		.carrier = efh_link_carrier(inner->link),
		.sport = efh_udp_sport(inner, peer),
		.dport = READ_ONCE(peer->port),
	};

	u.csum = u.carrier == EFH_CARRIER_UDP4 || inner->config->udp_csum;
	efh_udp_mtu(&u);
	efh_udp_ask(&u, skb);
	if (skb_is_gso(skb) ? skb_gso_validate_network_len(skb, u.plain) :
			      skb->len <= u.plain)
		efh_udp_plain(skb, &u);
	else if (skb_is_gso(skb))
		efh_udp_segments(skb, &u);
	else
		efh_udp_large(skb, &u);
	dst_release(dst);
}

/**
 * efh_udp_control() - send a Control message to a peer
 * @skb: the message; taken
 * @peer: who is to have it
 * @port: where
 *
 * From the port where this end listens: there the answer has to get to. With a
 * checksum, whatever packets have; no packet of the link's device.
 *
 * Context: RCU read side, BH disabled.
 * Return: false if there is no route.
 */
bool efh_udp_control(struct sk_buff *skb, struct efh_peer *peer, __be16 port)
{
	struct efh_link *link = peer->link;
	struct efh_inner inner = {
		.link = link,
		.config = rcu_dereference(link->config),
		.ttl = EFH_LINK_TTL,
	};
	struct efh_udp u = {
		.inner = &inner,
		.peer = peer,
		.carrier = efh_link_carrier(link),
		.sport = ntohs(link->dport),
		.dport = port,
		.csum = true,
	};

	u.dst = efh_encap_route(&inner, peer);
	if (!u.dst) {
		kfree_skb(skb);
		return false;
	}
	efh_udp_xmit(skb, &u);
	dst_release(u.dst);
	return true;
}

/**
 * efh_udp_again() - send a fragment once more
 * @skb: the fragment, data at its EFH header; taken
 * @inner: flow, hop limit and traffic class of its packet; the rest is filled in
 * @peer: where to
 * @sport: the source port it was sent from
 *
 * Context: RCU read side, BH disabled.
 */
void efh_udp_again(struct sk_buff *skb, struct efh_inner *inner,
		   struct efh_peer *peer, u16 sport)
{
	struct efh_link *link = peer->link;
	struct efh_udp u = {
		.inner = inner,
		.peer = peer,
		.carrier = efh_link_carrier(link),
		.sport = sport,
		.dport = READ_ONCE(peer->port),
	};

	inner->link = link;
	inner->config = rcu_dereference(link->config);
	u.csum = u.carrier == EFH_CARRIER_UDP4 || inner->config->udp_csum;
	u.dst = efh_encap_route(inner, peer);
	if (!u.dst) {
		kfree_skb(skb);
		return;
	}
	/* The path may take less than it did. */
	efh_udp_mtu(&u);
	if (skb->len > u.room ||
	    skb_cow_head(skb, link->dev->needed_headroom)) {
		kfree_skb(skb);
	} else {
		/* It is no run's any more, as far as devices are concerned. */
		skb->encapsulation = 0;
		skb_reset_inner_headers(skb);
		efh_udp_xmit(skb, &u);
	}
	dst_release(u.dst);
}
