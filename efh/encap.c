// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outer headers of what a link sends under the IP carriers: RFC 2473, RFC 2003,
 * RFC 6040. The packet leaves as a whole, whatever its size; what exceeds the
 * path becomes EFH fragments where all of this host's packets do (send.c).
 */
#include <net/addrconf.h>
#include <net/dst_cache.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/ip6_route.h>
#include <net/ip.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "encap.h"
#include "link.h"
#include "net.h"
#include "peer.h"

#define EFH_TOS_INHERIT	1

/**
 * efh_encap_dsfield() - outer traffic class, RFC 2983 and RFC 6040
 * @inner: the packet
 */
u8 efh_encap_dsfield(const struct efh_inner *inner)
{
	u8 tos = inner->config->tos;

	if (tos == EFH_TOS_INHERIT)
		tos = inner->dsfield;
	/* Normal mode: not INET_ECN_encapsulate(), which hides inner CE. */
	return (tos & ~INET_ECN_MASK) | (inner->dsfield & INET_ECN_MASK);
}

/**
 * efh_encap_ttl() - outer hop limit
 * @inner: the packet
 */
u8 efh_encap_ttl(const struct efh_inner *inner)
{
	return inner->config->ttl ?: inner->ttl;
}

/**
 * efh_encap_label() - outer flow label, by which routers spread flows
 * @inner: the packet
 *
 * Return: never 0, which they take for none.
 */
__be32 efh_encap_label(const struct efh_inner *inner)
{
	return cpu_to_be32(inner->flow + 1);
}

/* The source port that a route is asked for with: the one, or one of many. */
static __be16 efh_encap_sport(const struct efh_peer *peer, u32 bucket)
{
	return READ_ONCE(peer->nat) ? peer->key.port :
				      htons(EFH_LINK_SPORT_MIN + bucket);
}

static struct dst_entry *efh_encap_lookup6(const struct efh_inner *inner,
					   const struct efh_peer *peer,
					   u32 bucket)
{
	const struct efh_link *link = inner->link;
	struct flowi6 fl6 = {
		.flowi6_oif = link->lower,
		.flowi6_proto = link->udp ? IPPROTO_UDP : inner->protocol,
		.saddr = peer->key.local,
		.daddr = peer->key.remote,
		.flowlabel = cpu_to_be32(bucket + 1),
		.fl6_dport = READ_ONCE(peer->port),
		.fl6_sport = efh_encap_sport(peer, bucket),
	};
	struct net_device *lower = NULL;

	/*
	 * Nobody else asks whether the source is one of ours; without a device
	 * the address of a VRF would not be.
	 */
	if (link->lower) {
		lower = dev_get_by_index_rcu(link->net, link->lower);
		if (!lower)
			return NULL;
	}
	if (!ipv6_chk_addr(link->net, &peer->key.local, lower, 0))
		return NULL;
	return ip6_dst_lookup_flow(link->net, NULL, &fl6, NULL);
}

static struct dst_entry *efh_encap_lookup4(const struct efh_inner *inner,
					   const struct efh_peer *peer,
					   u32 bucket)
{
	const struct efh_link *link = inner->link;
	struct flowi4 fl4 = {
		.flowi4_oif = link->lower,
		.flowi4_proto = link->udp ? IPPROTO_UDP : inner->protocol,
		.saddr = peer->key.local.s6_addr32[3],
		.daddr = peer->key.remote.s6_addr32[3],
		.fl4_dport = READ_ONCE(peer->port),
		.fl4_sport = efh_encap_sport(peer, bucket),
	};
	struct rtable *rt = ip_route_output_key(link->net, &fl4);

	return IS_ERR(rt) ? NULL : &rt->dst;
}

/* Flows share a few routes, which spread over equal-cost paths. */
static struct dst_entry *efh_encap_way(const struct efh_inner *inner,
				       struct efh_peer *peer)
{
	bool ip4 = ipv6_addr_v4mapped(&peer->key.local);
	u32 bucket = inner->flow % EFH_PEER_ROUTES;
	struct dst_cache *cache = &peer->routes[bucket];
	struct dst_entry *dst = dst_cache_get(cache);
	enum efh_link_stat why = EFH_LINK_OUT_NO_ROUTE;

	if (dst)
		return dst;
	dst = ip4 ? efh_encap_lookup4(inner, peer, bucket) :
		    efh_encap_lookup6(inner, peer, bucket);
	if (IS_ERR_OR_NULL(dst)) {
		efh_link_count(inner->link, why);
		return NULL;
	}
	if (dst->dev == inner->link->dev)
		why = EFH_LINK_OUT_LOOP;
	if (dst->error || why == EFH_LINK_OUT_LOOP) {
		efh_link_count(inner->link, why);
		dst_release(dst);
		return NULL;
	}
	if (ip4)
		dst_cache_set_ip4(cache, dst, peer->key.local.s6_addr32[3]);
	else
		dst_cache_set_ip6(cache, dst, &peer->key.local);
	return dst;
}

/*
 * Does a way lead through other links, and back to the first? How deep they are
 * nested says nothing where one has a queue: a packet that comes out of that is
 * at the beginning again.
 */
static bool efh_encap_circles(const struct efh_link *link,
			      struct efh_peer *peer, struct dst_entry *dst)
{
	struct efh_inner outer = {};
	unsigned int depth = 0;

	dst_hold(dst);
	while (dst && (outer.link = efh_link_of(dst->dev)) &&
	       outer.link != link && depth++ < EFH_LINK_NESTED_MAX) {
		dst_release(dst);
		dst = NULL;
		outer.protocol = ipv6_addr_v4mapped(&peer->key.remote) ?
				 IPPROTO_IPIP : IPPROTO_IPV6;
		peer = efh_peer_select(outer.link, &peer->key.remote);
		if (peer)
			dst = efh_encap_way(&outer, peer);
	}
	if (!dst)
		return false;
	dst_release(dst);
	return outer.link;
}

/**
 * efh_encap_route() - the way of an outer packet
 * @inner: what it carries
 * @peer: where it goes
 *
 * Context: RCU read side, BH disabled.
 * Return: a route with a reference; NULL if there is none, or one that comes back
 *	to this link, which is counted.
 */
struct dst_entry *efh_encap_route(const struct efh_inner *inner,
				  struct efh_peer *peer)
{
	struct dst_entry *dst = efh_encap_way(inner, peer);

	if (dst && unlikely(efh_link_of(dst->dev)) &&
	    efh_encap_circles(inner->link, peer, dst)) {
		efh_link_count(inner->link, EFH_LINK_OUT_LOOP);
		dst_release(dst);
		return NULL;
	}
	return dst;
}

static int efh_encap6(struct sk_buff *skb, const struct efh_inner *inner,
		      const struct efh_peer *peer)
{
	struct efh_net *en = efh_net(inner->link->net);
	struct ipv6hdr *iph;

	skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*iph));
	iph = ipv6_hdr(skb);
	ip6_flow_hdr(iph, efh_encap_dsfield(inner), efh_encap_label(inner));
	iph->nexthdr = inner->protocol;
	iph->hop_limit = efh_encap_ttl(inner);
	iph->saddr = peer->key.local;
	iph->daddr = peer->key.remote;
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	skb->protocol = htons(ETH_P_IPV6);
	return ip6_local_out(en->net, en->senders[EFH_CARRIER_IPV6], skb);
}

static int efh_encap4(struct sk_buff *skb, const struct efh_inner *inner,
		      const struct efh_peer *peer)
{
	struct efh_net *en = efh_net(inner->link->net);
	struct iphdr *iph;

	skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*iph));
	iph = ip_hdr(skb);
	*iph = (struct iphdr) {
		.version = 4,
		.ihl = sizeof(*iph) / 4,
		.tos = efh_encap_dsfield(inner),
		.frag_off = htons(IP_DF),
		.ttl = efh_encap_ttl(inner),
		.protocol = inner->protocol,
		.saddr = peer->key.local.s6_addr32[3],
		.daddr = peer->key.remote.s6_addr32[3],
	};
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->protocol = htons(ETH_P_IP);
	__ip_select_ident(en->net, iph, skb_shinfo(skb)->gso_segs ?: 1);
	return ip_local_out(en->net, en->senders[EFH_CARRIER_IPV4], skb);
}

/**
 * efh_encap() - send a packet to a peer under an IP carrier
 * @skb: the packet, data at its network header, scrubbed; taken
 * @inner: what is known of it
 * @peer: where to
 * @dst: the way, whose reference is taken
 *
 * Context: RCU read side, BH disabled.
 * Return: as the stack's output functions.
 */
int efh_encap(struct sk_buff *skb, const struct efh_inner *inner,
	      const struct efh_peer *peer, struct dst_entry *dst)
{
	bool ip6 = efh_link_carrier(inner->link) == EFH_CARRIER_IPV6;

	skb_dst_set(skb, dst);
	if (iptunnel_handle_offloads(skb, ip6 ? SKB_GSO_IPXIP6 :
						SKB_GSO_IPXIP4)) {
		kfree_skb(skb);
		return -ENOMEM;
	}
	skb_set_inner_ipproto(skb, inner->protocol);
	return ip6 ? efh_encap6(skb, inner, peer) :
		     efh_encap4(skb, inner, peer);
}

/**
 * efh_encap_sender() - is it the socket that links' packets are sent with?
 * @en: the namespace
 * @sk: the socket at an output hook, or NULL
 */
bool efh_encap_sender(const struct efh_net *en, const struct sock *sk)
{
	return sk && (sk == en->senders[EFH_CARRIER_IPV6] ||
		      sk == en->senders[EFH_CARRIER_IPV4]);
}

/**
 * efh_encap_peer() - whom a link's packet is for
 * @en: the namespace
 * @skb: the outer packet, at an output hook
 * @carrier: its family
 *
 * Context: RCU read side.
 * Return: the peer; NULL if no link has it any more.
 */
struct efh_peer *efh_encap_peer(struct efh_net *en, const struct sk_buff *skb,
				enum efh_carrier carrier)
{
	struct efh_peer_key key = {};

	if (carrier == EFH_CARRIER_IPV6) {
		key.local = ipv6_hdr(skb)->saddr;
		key.remote = ipv6_hdr(skb)->daddr;
	} else {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &key.local);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &key.remote);
	}
	return efh_peer_find(en, &key, skb);
}

/**
 * efh_encap_net_start() - a namespace gets its first link
 * @en: the namespace
 *
 * The sockets, by which the output hook knows links' packets, stay until the
 * namespace ends.
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int efh_encap_net_start(struct efh_net *en)
{
	int err = 0;

	if (!en->senders[EFH_CARRIER_IPV6])
		err = inet_ctl_sock_create(&en->senders[EFH_CARRIER_IPV6],
					   PF_INET6, SOCK_RAW, IPPROTO_IPV6,
					   en->net);
	if (!err && !en->senders[EFH_CARRIER_IPV4])
		err = inet_ctl_sock_create(&en->senders[EFH_CARRIER_IPV4],
					   PF_INET, SOCK_RAW, IPPROTO_IPIP,
					   en->net);
	return err;
}

/**
 * efh_encap_net_exit() - and ends
 * @en: the namespace, without links, and nothing of theirs on its way
 *
 * Context: process.
 */
void efh_encap_net_exit(struct efh_net *en)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(en->senders); i++)
		if (en->senders[i])
			inet_ctl_sock_destroy(en->senders[i]);
}
