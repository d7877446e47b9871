// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way between endpoints: its route, what that takes, and the last step onto it.
 * And what goes there beside packets, under the IP carriers: Control messages, and
 * fragments once more. UDP's way is udp.c's.
 */
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/ip6_route.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/neighbour.h>
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

/* A route's own MTU; 0 if none is set. @dst: not a bundle of IPsec's */
static unsigned int efh_path_metric_mtu(const struct dst_entry *dst,
					enum efh_carrier carrier)
{
	const struct rt6_info *rt;
	const struct fib6_info *from;

	if (!efh_carrier_ip6(carrier))
		return dst_metric_raw(dst, RTAX_MTU);
	rt = container_of(dst, struct rt6_info, dst);
	if (!(rt->rt6i_flags & RTF_CACHE))
		return dst_mtu(dst);
	/* Without it the route is not used again. */
	from = rcu_dereference(rt->from);
	return from ? from->fib6_pmtu : 0;
}

/**
 * efh_path_direct() - does what goes by a route leave as it is?
 * @dst: the route
 */
bool efh_path_direct(const struct dst_entry *dst)
{
	return !dst_xfrm(dst) && !dst->lwtstate;
}

/**
 * efh_path_route_mtu() - what a route takes, but for what the stack heard since
 * @dst: the route
 * @carrier: its family
 *
 * Exceptions come of errors about any traffic with an address, and most of these
 * prove nothing.
 *
 * Context: RCU read side.
 * Return: octets.
 */
unsigned int efh_path_route_mtu(const struct dst_entry *dst,
				enum efh_carrier carrier)
{
	const struct inet6_dev *idev;
	unsigned int mtu;

	if (!efh_path_direct(dst))
		return dst_mtu(dst);
	mtu = efh_path_metric_mtu(dst, carrier);
	if (mtu)
		return mtu;
	idev = efh_carrier_ip6(carrier) ? __in6_dev_get(dst->dev) : NULL;
	return idev ? READ_ONCE(idev->cnf.mtu6) : READ_ONCE(dst->dev->mtu);
}

/* Who takes it on its way. @v6: set if by an IPv6 address under IPv4 */
static struct neighbour *efh_path_neighbour(struct sk_buff *skb, bool *v6)
{
	struct dst_entry *dst = skb_dst(skb);
	struct neighbour *neigh;
	const struct in6_addr *next;

	if (skb->protocol == htons(ETH_P_IP))
		return ip_neigh_for_gw(skb_rtable(skb), skb, v6);
	next = rt6_nexthop(container_of(dst, struct rt6_info, dst),
			   &ipv6_hdr(skb)->daddr);
	neigh = __ipv6_neigh_lookup_noref(dst->dev, next);
	return neigh ?: __neigh_create(&nd_tbl, next, dst->dev, false);
}

/**
 * efh_path_output() - IP's last step, which does not ask what the path takes
 * @en: the namespace
 * @skb: what is larger than the stack believes that it may be: a packet, or a run,
 *	to one destination, by an efh_path_direct() route; taken
 *
 * Context: RCU read side.
 * Return: as the stack's output functions.
 */
int efh_path_output(struct efh_net *en, struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	unsigned int room = LL_RESERVED_SPACE(dst->dev);
	struct neighbour *neigh;
	bool v6 = false;
	int ret;

	if (skb_headroom(skb) < room && skb_cow(skb, room)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	/* It may come from nf_queue. */
	local_bh_disable();
	neigh = efh_path_neighbour(skb, &v6);
	if (IS_ERR(neigh)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		ret = PTR_ERR(neigh);
		goto out;
	}
	if (skb->protocol == htons(ETH_P_IPV6))
		IP6_UPD_PO_STATS(en->net, ip6_dst_idev(dst), IPSTATS_MIB_OUT,
				 skb->len);
	else
		IP_UPD_PO_STATS(en->net, IPSTATS_MIB_OUT, skb->len);
	ret = neigh_output(neigh, skb, v6);
out:
	local_bh_enable();
	return ret;
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
	skb->dev = dst->dev;
	if (skb->len > dst_mtu(dst) && efh_path_direct(dst))
		return efh_path_output(en, skb);
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
 * @sk: the socket that those packets are sent with, if they are a link's
 * @skb: the message, with room for headers; taken
 * @dst: the way; its reference is taken
 * @label: flow label, 0 under IPv4
 *
 * Context: RCU read side, BH disabled.
 */
void efh_path_by(struct efh_net *en, const struct efh_path *path,
		 struct sock *sk, struct sk_buff *skb, struct dst_entry *dst,
		 u32 label)
{
	efh_path_header(skb, path, label);
	skb_dst_set(skb, dst);
	if (path->carrier == EFH_CARRIER_IPV6)
		ip6_local_out(en->net, sk, skb);
	else
		ip_local_out(en->net, sk, skb);
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
	efh_path_by(en, path, NULL, skb, dst, 0);
	return true;
}
