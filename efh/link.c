// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network device of a link: packets of any size in and out. What is around
 * them on the path is encap.c's and port.c's.
 */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <net/inet_connection_sock.h>
#include <net/inet_ecn.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include "advise.h"
#include "alive.h"
#include "compat.h"
#include "encap.h"
#include "link.h"
#include "net.h"
#include "peer.h"
#include "port.h"
#include "udp.h"

/* As many octets as the headers of an inner packet may have, ever so deep. */
#define EFH_LINK_HEADERS	256

/* Read what a packet says of itself; false if it is none, or cut short. */
static bool efh_link_read_inner(struct sk_buff *skb, struct efh_inner *inner)
{
	if (!pskb_inet_may_pull(skb))
		return false;
	switch (skb->protocol) {
	case htons(ETH_P_IPV6): {
		const struct ipv6hdr *iph = ipv6_hdr(skb);

		inner->protocol = IPPROTO_IPV6;
		inner->from = iph->saddr;
		inner->to = iph->daddr;
		inner->ttl = iph->hop_limit;
		inner->dsfield = ipv6_get_dsfield(iph);
		return iph->version == 6;
	}
	case htons(ETH_P_IP): {
		const struct iphdr *iph = ip_hdr(skb);

		inner->protocol = IPPROTO_IPIP;
		ipv6_addr_set_v4mapped(iph->saddr, &inner->from);
		ipv6_addr_set_v4mapped(iph->daddr, &inner->to);
		inner->ttl = iph->ttl;
		inner->dsfield = iph->tos;
		return iph->version == 4;
	}
	default:
		return false;
	}
}

/* One packet to one peer; taken. */
static void efh_link_send(struct sk_buff *skb, const struct efh_inner *inner,
			  struct efh_peer *peer)
{
	struct efh_link *link = inner->link;
	unsigned int length = skb->len;
	struct dst_entry *dst;
	int err;

	efh_alive_sent(peer, efh_multicast(&inner->to));
	dst = efh_encap_route(inner, peer);
	if (!dst) {
		DEV_STATS_INC(link->dev, tx_carrier_errors);
		DEV_STATS_INC(link->dev, tx_errors);
		efh_link_unreachable(link, skb);
		kfree_skb(skb);
		return;
	}
	if (efh_advise_due(efh_net(link->net)))
		efh_advise_link(skb, inner, peer, dst);
	if (skb_cow_head(skb, link->dev->needed_headroom)) {
		efh_link_count(link, EFH_LINK_OUT_NO_MEMORY);
		DEV_STATS_INC(link->dev, tx_dropped);
		dst_release(dst);
		kfree_skb(skb);
		return;
	}
	skb_scrub_packet(skb, !net_eq(link->net, dev_net(link->dev)));
	if (link->udp) {
		efh_udp_send(skb, inner, peer, dst);
		return;
	}
	err = efh_encap(skb, inner, peer, dst);
	iptunnel_xmit_stats(link->dev, net_xmit_eval(err) ? -1 : length);
}

/* A copy to all that are up, or to all; to any? */
static bool efh_link_copies(struct sk_buff *skb,
			    const struct efh_inner *inner, bool all)
{
	struct efh_peer *peer;
	struct sk_buff *copy;
	bool any = false;

	list_for_each_entry_rcu(peer, &inner->link->peers, list) {
		if (!all && !efh_alive_usable(peer))
			continue;
		any = true;
		copy = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
		if (copy)
			efh_link_send(copy, inner, peer);
		else
			efh_link_count(inner->link, EFH_LINK_OUT_NO_MEMORY);
	}
	return any;
}

/* A group's packet where nobody knows who is in it: to all. */
static void efh_link_flood(struct sk_buff *skb, const struct efh_inner *inner)
{
	if (!efh_link_copies(skb, inner, false)) {
		/* One may just have come back. */
		efh_alive_wanted(inner->link, NULL);
		efh_link_count(inner->link, EFH_LINK_OUT_NO_PEER);
		if (!efh_link_copies(skb, inner, true))
			DEV_STATS_INC(inner->link->dev, tx_errors);
	}
	consume_skb(skb);
}

/* A connection of this host that gets no answer is a hint. */
static void efh_link_repeats(const struct sk_buff *skb, struct efh_peer *peer)
{
	static const struct efh_hint tcp = { .cause = EFH_PEER_CAUSE_TCP };
	const struct sock *sk = skb->sk;

	/* Not those by which the stack sends resets, nor raw ones. */
	if (sk && sk_fullsock(sk) && sk_is_tcp(sk) &&
	    READ_ONCE(inet_csk(sk)->icsk_retransmits))
		efh_alive_hint(peer, &tcp);
}

static netdev_tx_t efh_link_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);
	struct efh_inner inner = { .link = link };
	enum efh_link_stat why = EFH_LINK_OUT_NO_PEER;
	struct efh_peer *peer;

	rcu_read_lock();
	if (dev_recursion_level() > EFH_LINK_NESTED_MAX) {
		why = EFH_LINK_OUT_LOOP;
		goto drop;
	}
	if (!efh_link_read_inner(skb, &inner)) {
		why = EFH_LINK_OUT_MALFORMED;
		goto drop;
	}
	inner.config = rcu_dereference(link->config);
	inner.flow = skb_get_hash(skb) >> (32 - EFH_FLOW_BITS);
	peer = efh_peer_select(link, &inner.to);
	if (peer) {
		/* It may just have come back: what is sent is a way to see. */
		if (!efh_alive_usable(peer)) {
			efh_alive_wanted(link, peer);
			efh_link_count(link, EFH_LINK_OUT_NO_PEER);
			if (efh_alive_gone(peer))
				efh_link_unreachable(link, skb);
		}
		efh_link_repeats(skb, peer);
		efh_link_send(skb, &inner, peer);
	} else if (efh_multicast(&inner.to)) {
		efh_link_flood(skb, &inner);
	} else {
		efh_link_unreachable(link, skb);
		goto drop;
	}
	rcu_read_unlock();
	return NETDEV_TX_OK;

drop:
	efh_link_count(link, why);
	DEV_STATS_INC(dev, tx_errors);
	rcu_read_unlock();
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

/**
 * efh_link_heads() - does a link stand at the end of the path a packet came by?
 * @link: the link
 * @skb: the outer packet
 *
 * Context: RCU read side.
 */
bool efh_link_heads(const struct efh_link *link, const struct sk_buff *skb)
{
	int domain = l3mdev_master_ifindex_rcu(skb->dev);

	if (!link->lower)
		return !domain;
	return link->lower == skb->dev->ifindex || link->lower == domain ||
	       link->lower == efh_compat_sdif(skb);
}

/**
 * efh_link_within() - is a link's lower side where an address has its meaning?
 * @link: the link
 * @scope: L3 domain, or link of a link-local address
 *
 * Context: RCU read side.
 */
bool efh_link_within(const struct efh_link *link, u32 scope)
{
	const struct net_device *lower;

	if (link->lower == scope)
		return true;
	lower = link->lower ? dev_get_by_index_rcu(link->net, link->lower) :
			      NULL;
	return lower && l3mdev_master_ifindex_rcu(lower) == scope;
}

static bool efh_link_drop(struct efh_link *link, enum efh_link_stat why)
{
	efh_link_count(link, why);
	DEV_STATS_INC(link->dev, rx_errors);
	return false;
}

/* Is the inner packet one that this peer may send? */
static bool efh_link_accept(struct efh_peer *peer, struct sk_buff *skb,
			    u8 dsfield)
{
	struct efh_link *link = peer->link;
	struct efh_inner inner;
	int ecn;

	if (!efh_link_read_inner(skb, &inner))
		return efh_link_drop(link, EFH_LINK_IN_MALFORMED);
	if (!efh_peer_holds(peer, &inner.from))
		return efh_link_drop(link, EFH_LINK_IN_SOURCE);
	ecn = INET_ECN_decapsulate(skb, dsfield, inner.dsfield);
	if (ecn > 1) {
		DEV_STATS_INC(link->dev, rx_frame_errors);
		return efh_link_drop(link, EFH_LINK_IN_ECN);
	}
	return true;
}

/*
 * May GRO have it? From 6.11 on it reads headers where they were before it moved
 * them, if they are not all in the linear part: there are EFH_LINK_HEADERS there,
 * which extension headers may exceed.
 */
static bool efh_link_joins(const struct sk_buff *skb)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;

	return !skb_is_nonlinear(skb) || skb->protocol == htons(ETH_P_IP) ||
	       nexthdr == IPPROTO_TCP || nexthdr == IPPROTO_UDP;
}

/**
 * efh_link_receive() - a packet leaves the path for its link's device
 * @peer: who sent it
 * @skb: the packet, data at the inner network header; taken
 * @protocol: ETH_P_IPV6 or ETH_P_IP, big endian
 * @dsfield: outer traffic class
 *
 * Context: RCU read side, BH disabled.
 * Return: 0.
 */
int efh_link_receive(struct efh_peer *peer, struct sk_buff *skb, __be16 protocol,
		     u8 dsfield)
{
	struct efh_link *link = peer->link;
	unsigned long now = efh_now();

	skb_reset_network_header(skb);
	skb_reset_mac_header(skb);
	skb->protocol = protocol;
	skb_clear_hash_if_not_l4(skb);
	if (iptunnel_pull_offloads(skb) ||
	    !pskb_may_pull(skb, min_t(unsigned int, skb->len,
				      EFH_LINK_HEADERS))) {
		DEV_STATS_INC(link->dev, rx_dropped);
		kfree_skb(skb);
		return 0;
	}
	if (!efh_link_accept(peer, skb, dsfield)) {
		kfree_skb(skb);
		return 0;
	}
	if (READ_ONCE(peer->heard) != now)
		WRITE_ONCE(peer->heard, now);
	skb->dev = link->dev;
	skb_set_queue_mapping(skb, 0);
	skb_scrub_packet(skb, !net_eq(link->net, dev_net(link->dev)));
	dev_sw_netstats_rx_add(link->dev, skb->len);
	if (efh_link_joins(skb))
		gro_cells_receive(&link->gro_cells, skb);
	else
		netif_rx(skb);
	return 0;
}

/**
 * efh_link_sums() - may a packet for a link have this UDP checksum?
 * @link: the link
 * @check: the checksum's field, found good unless it is 0
 *
 * Context: RCU read side.
 */
bool efh_link_sums(const struct efh_link *link, __sum16 check)
{
	return check || efh_link_carrier(link) == EFH_CARRIER_UDP4 ||
	       !rcu_dereference(link->config)->udp_csum;
}

static int efh_link_dev_init(struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);
	int cpu, err;

	err = efh_compat_tstats_init(dev);
	if (err)
		return err;
	link->stats = alloc_percpu(struct efh_link_stats);
	if (!link->stats) {
		err = -ENOMEM;
		goto err_tstats;
	}
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(link->stats, cpu)->syncp);
	err = gro_cells_init(&link->gro_cells, dev);
	if (err)
		goto err_stats;
	err = efh_peer_link_init(link);
	if (err)
		goto err_cells;
	return 0;

err_cells:
	gro_cells_destroy(&link->gro_cells);
err_stats:
	free_percpu(link->stats);
err_tstats:
	efh_compat_tstats_free(dev);
	return err;
}

/**
 * efh_link_lower_put() - a link stands on its lower device no more
 * @link: the link
 *
 * Context: RTNL; may be called again.
 */
void efh_link_lower_put(struct efh_link *link)
{
	if (link->lower_dev)
		netdev_upper_dev_unlink(link->lower_dev, link->dev);
	link->lower_dev = NULL;
}

/* Nobody finds it as a link of its namespace, or on its lower device. RTNL */
static void efh_link_leave(struct efh_link *link)
{
	list_del_init(&link->list);
	efh_link_lower_put(link);
}

/* RTNL; the device is down, and a grace period has passed since. */
static void efh_link_dev_uninit(struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);

	efh_link_leave(link);
	efh_peer_link_exit(link);
	if (link->port)
		efh_port_put(link);
	gro_cells_destroy(&link->gro_cells);
}

static void efh_link_dev_free(struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);

	kfree(rcu_access_pointer(link->config));
	free_percpu(link->stats);
	efh_compat_tstats_free(dev);
}

static int efh_link_iflink(const struct net_device *dev)
{
	return ((struct efh_link *)netdev_priv(dev))->lower;
}

static int efh_link_open(struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);
	struct efh_peer *peer;

	list_for_each_entry(peer, &link->peers, list)
		efh_alive_start(peer);
	return 0;
}

static int efh_link_stop(struct net_device *dev)
{
	struct efh_link *link = netdev_priv(dev);
	struct efh_peer *peer;

	list_for_each_entry(peer, &link->peers, list)
		efh_alive_stop(peer);
	return 0;
}

static const struct net_device_ops efh_link_ops = {
	.ndo_open = efh_link_open,
	.ndo_stop = efh_link_stop,
	.ndo_init = efh_link_dev_init,
	.ndo_uninit = efh_link_dev_uninit,
	.ndo_start_xmit = efh_link_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_get_iflink = efh_link_iflink,
};

/**
 * efh_link_of() - a device's link
 * @dev: the device
 *
 * Return: the link, or NULL if it is not of kind efh.
 */
struct efh_link *efh_link_of(struct net_device *dev)
{
	return dev->netdev_ops == &efh_link_ops ? netdev_priv(dev) : NULL;
}

static const struct device_type efh_link_type = { .name = EFH_LINK_KIND };

/* What a packet may enter with: more than any carrier needs to take it on. */
#define EFH_LINK_FEATURES \
	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA | NETIF_F_HW_CSUM | \
	 NETIF_F_GSO_SOFTWARE)

/**
 * efh_link_setup() - what all links have in common
 * @dev: a new device
 */
void efh_link_setup(struct net_device *dev)
{
	dev->netdev_ops = &efh_link_ops;
	dev->ethtool_ops = &efh_link_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = efh_link_dev_free;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
	dev->mtu = EFH_MAX_PACKET;
	dev->min_mtu = IPV4_MIN_MTU;
	dev->max_mtu = EFH_MAX_PACKET;
	dev->features = EFH_LINK_FEATURES;
	dev->hw_features = EFH_LINK_FEATURES;
	dev->priv_flags |= IFF_NO_QUEUE;
	INIT_LIST_HEAD(&((struct efh_link *)netdev_priv(dev))->list);
	efh_compat_setup(dev);
	netif_keep_dst(dev);
	SET_NETDEV_DEVTYPE(dev, &efh_link_type);
}

/**
 * efh_link_dellink() - a link is to go
 * @dev: its device
 * @head: those that go together
 *
 * Context: RTNL.
 */
void efh_link_dellink(struct net_device *dev, struct list_head *head)
{
	/*
	 * Whoever asks for it a second time must not find it; and the lower
	 * device may go before it, of those that go together.
	 */
	efh_link_leave(netdev_priv(dev));
	unregister_netdevice_queue(dev, head);
}

/* A lower device goes: so do the links that are bound to it. */
static int efh_link_event(struct notifier_block *nb, unsigned long event,
			  void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct efh_link *link, *next;
	LIST_HEAD(gone);

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	list_for_each_entry_safe(link, next, &efh_net(dev_net(dev))->links, list)
		if (link->lower == dev->ifindex)
			efh_link_dellink(link->dev, &gone);
	unregister_netdevice_many(&gone);
	return NOTIFY_DONE;
}

static struct notifier_block efh_link_notifier = {
	.notifier_call = efh_link_event,
};

/**
 * efh_link_net_init() - a namespace without links
 * @en: the namespace
 */
void efh_link_net_init(struct efh_net *en)
{
	INIT_LIST_HEAD(&en->links);
}

/**
 * efh_link_net_stop() - remove the links whose outer packets are a namespace's
 * @en: the namespace
 *
 * Their devices may stand in other namespaces.
 *
 * Context: process.
 */
void efh_link_net_stop(struct efh_net *en)
{
	struct efh_link *link, *next;
	LIST_HEAD(gone);

	/* None is added to a namespace that ends. */
	if (list_empty(&en->links))
		return;
	rtnl_lock();
	list_for_each_entry_safe(link, next, &en->links, list)
		efh_link_dellink(link->dev, &gone);
	unregister_netdevice_many(&gone);
	rtnl_unlock();
}

/**
 * efh_link_init() - make links possible
 *
 * Return: 0 or a negative error.
 */
int efh_link_init(void)
{
	int err = register_netdevice_notifier(&efh_link_notifier);

	if (err)
		return err;
	err = rtnl_link_register(&efh_link_rtnl_ops);
	if (err)
		unregister_netdevice_notifier(&efh_link_notifier);
	return err;
}

/**
 * efh_link_exit() - remove all links, and the possibility
 *
 * Context: process.
 */
void efh_link_exit(void)
{
	rtnl_link_unregister(&efh_link_rtnl_ops);
	unregister_netdevice_notifier(&efh_link_notifier);
}
