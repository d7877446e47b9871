// SPDX-License-Identifier: GPL-2.0-only
/*
 * UDP ports: the sockets that links with a UDP carrier share, and what comes in
 * by them (wire.rst section 5). What goes out is udp.c's.
 */
#include <linux/icmpv6.h>
#include <net/dsfield.h>
#include <net/gro.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>
#include "alive.h"
#include "carrier.h"
#include "cb.h"
#include "compat.h"
#include "control.h"
#include "gro.h"
#include "link.h"
#include "net.h"
#include "peer.h"
#include "port.h"
#include "receive.h"

/* A socket and how many links have it. RTNL; constant but for users. */
struct efh_port {
	struct list_head list;		/* in the net's ports */
	struct efh_net *en;
	struct socket *sock;
	unsigned int users;
	__be16 number;
	bool ip4;
	u32 lower;
};

static enum efh_carrier efh_port_carrier(const struct efh_port *port)
{
	return port->ip4 ? EFH_CARRIER_UDP4 : EFH_CARRIER_UDP6;
}

/* What a UDP payload begins with. */
static bool efh_port_plain(u8 first, u8 *protocol)
{
	*protocol = first >> 4 == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	return first >> 4 == 6 || first >> 4 == 4;
}

/* Who sent an outer packet, its network header set, to a port of ours. */
static struct efh_peer *efh_port_peer(const struct efh_port *port,
				      const struct sk_buff *skb, bool quoted)
{
	struct efh_peer_key key = { .port = port->number, .udp = true };
	struct in6_addr *near = quoted ? &key.remote : &key.local;
	struct in6_addr *far = quoted ? &key.local : &key.remote;

	if (port->ip4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, near);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, far);
	} else {
		*near = ipv6_hdr(skb)->daddr;
		*far = ipv6_hdr(skb)->saddr;
	}
	return efh_peer_find(port->en, &key, skb);
}

static u8 efh_port_dsfield(const struct sk_buff *skb, bool ip4)
{
	return ip4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));
}

/*
 * An EFH fragment, data at it; a whole packet has become an inner one, of
 * @protocol by its EFH header.
 */
static bool efh_port_join(const struct efh_port *port, struct sk_buff *skb,
			  u8 *protocol)
{
	struct efh_place place = {
		.carrier = efh_port_carrier(port),
		.at = skb->data - skb_network_header(skb),
	};

	skb_push_rcsum(skb, place.at);
	switch (efh_receive(port->en, skb, &place, true)) {
	case EFH_RECEIVE_WHOLE:
		*protocol = skb_network_header(skb)[efh_cb(skb)->at];
		return true;
	case EFH_RECEIVE_PASS:
		kfree_skb_reason(skb, SKB_DROP_REASON_IPV6_BAD_EXTHDR);
		return false;
	default:
		return false;
	}
}

/* A Control message, data at it. */
static int efh_port_control(const struct efh_port *port, struct sk_buff *skb,
			    struct efh_peer *peer)
{
	struct efh_path from = {
		.carrier = efh_port_carrier(port),
		.scope = efh_carrier_scope(skb->dev, skb->dev->ifindex,
					   &peer->key.remote),
		.local = peer->key.local,
		.remote = peer->key.remote,
		.peer = peer,
		.port = udp_hdr(skb)->source,
	};

	/* Nothing else would tell of a changed bit. */
	if (!udp_hdr(skb)->check || !from.port) {
		efh_stats_inc(port->en, EFH_A_STATS_CONTROL_IN);
		efh_stats_inc(port->en, EFH_A_STATS_CONTROL_INVALID);
		kfree_skb_reason(skb, SKB_DROP_REASON_UDP_CSUM);
		return 0;
	}
	efh_control_receive(port->en, skb, &from);
	return 0;
}

/* Data is at the UDP header, which was checked. Takes all, returns 0. */
static int efh_port_receive(struct sock *sk, struct sk_buff *skb)
{
	const struct efh_port *port = rcu_dereference_sk_user_data(sk);
	struct efh_peer *peer;
	u8 protocol;

	if (!port || !pskb_may_pull(skb, sizeof(struct udphdr) + 1))
		goto drop;
	peer = efh_port_peer(port, skb, false);
	if (!peer || efh_peer_pretended(peer, skb) ||
	    !efh_link_sums(peer->link, udp_hdr(skb)->check))
		goto drop;
	/* Where there is none nothing is known of what it would have covered. */
	if (!skb_is_gso(skb) && udp_hdr(skb)->check) {
		if (port->ip4)
			skb_checksum_try_convert(skb, IPPROTO_UDP,
						 inet_compute_pseudo);
		else
			skb_checksum_try_convert(skb, IPPROTO_UDP,
						 ip6_compute_pseudo);
	}
	skb_pull_rcsum(skb, sizeof(struct udphdr));
	if (efh_control_is(port->en, skb))
		return efh_port_control(port, skb, peer);
	if (!efh_port_plain(*skb->data, &protocol)) {
		if (!efh_port_join(port, skb, &protocol))
			return 0;
		if (protocol != IPPROTO_IPV6 && protocol != IPPROTO_IPIP)
			goto drop;
	}
	return efh_link_receive(peer, skb, protocol == IPPROTO_IPV6 ?
				htons(ETH_P_IPV6) : htons(ETH_P_IP),
				efh_port_dsfield(skb, port->ip4));

drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
	return 0;
}

/*
 * An ICMP error quotes a packet to a port of this number; was it ours? The
 * network header is the quoted one, the transport header the quoted UDP header,
 * and the ICMP header is right before. What it says of size the stack heeds.
 */
static int efh_port_error(struct sock *sk, struct sk_buff *skb)
{
	const struct efh_port *port = rcu_dereference_sk_user_data(sk);
	unsigned int at = skb_transport_offset(skb) + sizeof(struct udphdr);
	const struct icmp6hdr *icmp;
	struct efh_peer *peer;
	const struct efh_hdr *h;
	u8 protocol;

	if (!port)
		return -ENOENT;
	peer = efh_port_peer(port, skb, true);
	if (!peer)
		return -ENOENT;
	/* Type and code stand where they do in ICMPv4. */
	icmp = (struct icmp6hdr *)(skb_network_header(skb) - sizeof(*icmp));
	if (!efh_link_unreached(!port->ip4, icmp->icmp6_type,
				icmp->icmp6_code))
		return 0;
	efh_alive_icmp(peer, icmp->icmp6_type, icmp->icmp6_code);
	if (!pskb_may_pull(skb, at + EFH_HDR_LEN))
		return 0;
	if (!efh_port_plain(skb->data[at], &protocol)) {
		h = (struct efh_hdr *)(skb->data + at);
		if (!efh_wire_plain(h, READ_ONCE(port->en->settings.efh_option)) ||
		    h->nexthdr != h->nexthdr_cache)
			return 0;
		protocol = h->nexthdr;
		at += EFH_HDR_LEN;
	}
	efh_link_error(peer, skb, at, protocol);
	return 0;
}

static const struct net_offload *efh_port_offload(const struct efh_port *port,
						  u8 protocol)
{
	return port->ip4 ? rcu_dereference(inet_offloads[protocol]) :
			   rcu_dereference(inet6_offloads[protocol]);
}

/* Data in GRO is at the UDP payload. */
static struct sk_buff *efh_port_gro_receive(struct sock *sk,
					    struct list_head *head,
					    struct sk_buff *skb)
{
	const struct efh_port *port = rcu_dereference_sk_user_data(sk);
	unsigned int at = skb_gro_offset(skb);
	const struct net_offload *ops;
	struct sk_buff *p;
	u8 *first, protocol;

	/* The next layer is the first as far as GRO's marks are concerned. */
	NAPI_GRO_CB(skb)->encap_mark = 0;
	first = skb_gro_header(skb, at + 1, at);
	if (!port || !first)
		goto flush;
	/* Nobody sends other headers in between. */
	if (at - efh_compat_gro_network(skb) !=
	    efh_carrier_len(efh_port_carrier(port)))
		goto flush;
	/* Of one outer flow some are plain, and some in fragments. */
	list_for_each_entry(p, head, list)
		if (NAPI_GRO_CB(p)->same_flow &&
		    (skb_headlen(p) <= at || p->data[at] >> 4 != *first >> 4) &&
		    (efh_port_plain(*first, &protocol) ||
		     skb_headlen(p) <= at ||
		     efh_port_plain(p->data[at], &protocol)))
			NAPI_GRO_CB(p)->same_flow = 0;
	if (efh_port_plain(*first, &protocol)) {
		NAPI_GRO_CB(skb)->is_fou = 1;
		ops = efh_port_offload(port, protocol);
		if (ops && ops->callbacks.gro_receive)
			return call_gro_receive(ops->callbacks.gro_receive,
						head, skb);
	} else if (efh_gro_wants(skb)) {
		return efh_gro_receive(head, skb, efh_port_carrier(port));
	}
flush:
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

static int efh_port_gro_complete(struct sock *sk, struct sk_buff *skb, int at)
{
	const struct efh_port *port = rcu_dereference_sk_user_data(sk);
	const struct net_offload *ops;
	u8 protocol;

	if (!port)
		return -ENOENT;
	if (!efh_port_plain(skb->data[at], &protocol)) {
		efh_gro_complete(skb, at, efh_port_carrier(port));
		return 0;
	}
	ops = efh_port_offload(port, protocol);
	if (!ops || !ops->callbacks.gro_complete)
		return -EPROTONOSUPPORT;
	efh_compat_gro_check(skb, at - sizeof(struct udphdr), port->ip4);
	skb_set_inner_mac_header(skb, at);
	return ops->callbacks.gro_complete(skb, at);
}

static int efh_port_open(struct efh_port *port)
{
	struct udp_port_cfg config = {
		.family = port->ip4 ? AF_INET : AF_INET6,
		.local_udp_port = port->number,
		.bind_ifindex = port->lower,
		.ipv6_v6only = true,
	};
	struct udp_tunnel_sock_cfg tunnel = {
		.sk_user_data = port,
		.encap_type = 1,
		.encap_rcv = efh_port_receive,
		.encap_err_lookup = efh_port_error,
		.gro_receive = efh_port_gro_receive,
		.gro_complete = efh_port_gro_complete,
	};
	int err = udp_sock_create(port->en->net, &config, &port->sock);

	if (err)
		return err;
	efh_compat_udp_tunnel(port->en->net, port->sock, &tunnel);
	/* Of what GRO made of several one checksum says nothing. */
	inet_dec_convert_csum(port->sock->sk);
	return 0;
}

/**
 * efh_port_get() - a link listens at its port
 * @link: the link
 * @extack: where to say what is wrong
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int efh_port_get(struct efh_link *link, struct netlink_ext_ack *extack)
{
	struct efh_net *en = efh_net(link->net);
	bool ip4 = ipv6_addr_v4mapped(&link->local);
	struct efh_port *port;
	int err;

	list_for_each_entry(port, &en->ports, list)
		if (port->number == link->dport && port->ip4 == ip4 &&
		    port->lower == link->lower)
			goto found;
	port = kzalloc(sizeof(*port), GFP_KERNEL);
	if (!port)
		return -ENOMEM;
	port->en = en;
	port->number = link->dport;
	port->ip4 = ip4;
	port->lower = link->lower;
	err = efh_port_open(port);
	if (err) {
		if (err == -EADDRINUSE)
			NL_SET_ERR_MSG(extack,
				       "the UDP port is in use by another program or tunnel");
		kfree(port);
		return err;
	}
	list_add(&port->list, &en->ports);
found:
	port->users++;
	link->port = port;
	return 0;
}

/**
 * efh_port_put() - a link listens no more
 * @link: the link, without peers
 *
 * Context: process, RTNL.
 */
void efh_port_put(struct efh_link *link)
{
	struct efh_port *port = link->port;

	link->port = NULL;
	if (--port->users)
		return;
	list_del(&port->list);
	efh_compat_udp_release(port->sock);
	/* Packets may be in its handlers. */
	synchronize_net();
	kfree(port);
}

/**
 * efh_port_sock() - the socket that a link sends with
 * @link: the link
 *
 * Context: RCU read side; the link's device is up.
 */
struct sock *efh_port_sock(const struct efh_link *link)
{
	return link->port->sock->sk;
}

/**
 * efh_port_sender() - is it a socket that links' packets are sent with?
 * @sk: the socket at an output hook, or NULL
 */
bool efh_port_sender(const struct sock *sk)
{
	return sk && sk_fullsock(sk) && sk_is_udp(sk) &&
	       READ_ONCE(udp_sk(sk)->encap_rcv) == efh_port_receive;
}

/**
 * efh_port_net_init() - a namespace without ports
 * @en: the namespace
 */
void efh_port_net_init(struct efh_net *en)
{
	INIT_LIST_HEAD(&en->ports);
}
