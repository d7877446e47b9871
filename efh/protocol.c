// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protocol 60 at local delivery.
 *
 * Most fragments for this host are caught before (host.c); what becomes local
 * only later - by NAT, by a rule, as a copy of a forwarded multicast - comes
 * here. Under IPv6 the stack has a handler of its own for destination options;
 * ours stands before it and gives it every header that holds no EFH.
 */
#include <linux/icmp.h>
#include <net/icmp.h>
#include <net/protocol.h>
#include <net/xfrm.h>
#include "carrier.h"
#include "cb.h"
#include "control.h"
#include "net.h"
#include "peer.h"
#include "protocol.h"
#include "receive.h"
#include "tunnel.h"

/*
 * Ours in inet6_protos. Allocated, not static: where somebody has put himself
 * before it, it must stay when this module goes, and then passes on.
 */
static struct inet6_protocol *efh_protocol6;
/* The one that was there; constant while efh_protocol6 is installed. */
static const struct inet6_protocol *efh_stock6;

/* Is it a Control message for us? Then it is taken. Data is at the header. */
static bool efh_protocol_control(struct sk_buff *skb, enum efh_carrier carrier)
{
	struct efh_net *en = efh_net(dev_net(skb->dev));
	struct efh_peer_key key = {};
	struct efh_path from = { .carrier = carrier };

	if (skb->pkt_type != PACKET_HOST ||
	    !pskb_may_pull(skb, EFH_CONTROL_LEN) || !efh_control_is(en, skb))
		return false;
	if (carrier == EFH_CARRIER_IPV6) {
		from.local = ipv6_hdr(skb)->daddr;
		from.remote = ipv6_hdr(skb)->saddr;
	} else {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &from.local);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &from.remote);
	}
	from.scope = efh_carrier_scope(skb->dev, skb->dev->ifindex,
				       &from.remote);
	key.local = from.local;
	key.remote = from.remote;
	from.peer = efh_peer_find(en, &key, skb);
	if (from.peer && efh_peer_pretended(from.peer, skb))
		from.peer = NULL;
	if (!efh_unicast(&from.local) || !efh_unicast(&from.remote))
		return false;
	efh_control_receive(en, skb, &from);
	return true;
}

/* Data is at the header, as the stack hands it over. */
static int efh_protocol6_rcv(struct sk_buff *skb)
{
	struct efh_place place = {
		.carrier = EFH_CARRIER_IPV6,
		.nhoff = IP6CB(skb)->nhoff,
		.at = skb_network_header_len(skb),
	};

	if (efh_protocol_control(skb, EFH_CARRIER_IPV6))
		return 0;
	__skb_push(skb, place.at);
	switch (efh_receive(efh_net(dev_net(skb->dev)), skb, &place, true)) {
	case EFH_RECEIVE_TAKEN:
		return 0;
	case EFH_RECEIVE_WHOLE:
		/* Data is at the network header; the stack resumes here. */
		IP6CB(skb)->nhoff = efh_cb(skb)->nhoff;
		skb_set_transport_header(skb, efh_cb(skb)->at);
		return 1;
	default:
		__skb_pull(skb, place.at);
		return efh_stock6->handler(skb);
	}
}

static int efh_protocol4_rcv(struct sk_buff *skb)
{
	struct efh_place place = {
		.carrier = EFH_CARRIER_IPV4,
		.nhoff = offsetof(struct iphdr, protocol),
		.at = skb_network_header_len(skb),
	};

	if (efh_protocol_control(skb, EFH_CARRIER_IPV4))
		return 0;
	__skb_push(skb, place.at);
	switch (efh_receive(efh_net(dev_net(skb->dev)), skb, &place, true)) {
	case EFH_RECEIVE_TAKEN:
		return 0;
	case EFH_RECEIVE_WHOLE:
		/* 0 would tell the stack that the packet is taken. */
		if (!ip_hdr(skb)->protocol)
			break;
		__skb_pull(skb, ip_hdrlen(skb));
		skb_reset_transport_header(skb);
		return -ip_hdr(skb)->protocol;
	default:
		break;
	}

	/* As if nobody had registered for the protocol. */
	if (xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb))
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	kfree_skb_reason(skb, SKB_DROP_REASON_IP_NOPROTO);
	return 0;
}

/* Data is at the quoted IPv4 header. */
static int efh_protocol4_err(struct sk_buff *skb, u32 info)
{
	unsigned int at = ((const struct iphdr *)skb->data)->ihl * 4;
	struct efh_net *en = efh_net(dev_net(skb->dev));
	const struct efh_hdr *h;

	if (!pskb_may_pull(skb, at + EFH_HDR_LEN))
		return 0;
	h = (struct efh_hdr *)(skb->data + at);
	if (efh_wire_plain(h, READ_ONCE(en->settings.efh_option)) &&
	    h->nexthdr == h->nexthdr_cache)
		efh_tunnel_error4(skb, at + EFH_HDR_LEN, h->nexthdr);
	return 0;
}

static const struct net_protocol efh_protocol4 = {
	.handler = efh_protocol4_rcv,
	.err_handler = efh_protocol4_err,
	.no_policy = 1,
};

/**
 * efh_protocol_init() - put our handlers in
 *
 * The IPv6 one replaces the stack's in one step, so that no header is without
 * a handler at any moment.
 *
 * Return: 0; -EAGAIN if somebody else's registration came in between; -EBUSY
 *	if IPv4's protocol 60 is taken; -ENOMEM.
 */
int efh_protocol_init(void)
{
	struct inet6_protocol *stock, *ours;

	ours = kzalloc(sizeof(*ours), GFP_KERNEL);
	if (!ours)
		return -ENOMEM;
	if (inet_add_protocol(&efh_protocol4, IPPROTO_DSTOPTS)) {
		pr_err("IPv4 protocol 60 is taken by another module\n");
		kfree(ours);
		return -EBUSY;
	}

	/* Nobody frees it under us: the stack's is there as long as IPv6. */
	stock = (__force struct inet6_protocol *)
		rcu_access_pointer(inet6_protos[IPPROTO_DSTOPTS]);
	if (stock) {
		*ours = *stock;
		ours->handler = efh_protocol6_rcv;
		efh_stock6 = stock;
		efh_protocol6 = ours;
	}
	if (!stock ||
	    cmpxchg((__force struct inet6_protocol **)&inet6_protos[IPPROTO_DSTOPTS],
		    stock, ours) != stock) {
		pr_err("IPv6 destination options have no handler to stand before\n");
		inet_del_protocol(&efh_protocol4, IPPROTO_DSTOPTS);
		kfree(ours);
		return -EAGAIN;
	}
	return 0;
}

/**
 * efh_protocol_exit() - put the stack's handlers back
 *
 * Where another module has put itself before ours, its registration stays;
 * ours then passes on to the stack's without coming by here, and its few
 * octets stay with it.
 *
 * Context: process. Afterwards no packet is in our handlers.
 */
void efh_protocol_exit(void)
{
	bool ours;

	ours = cmpxchg((__force struct inet6_protocol **)&inet6_protos[IPPROTO_DSTOPTS],
		       efh_protocol6, (struct inet6_protocol *)efh_stock6) ==
	       efh_protocol6;
	if (!ours)
		WRITE_ONCE(efh_protocol6->handler, efh_stock6->handler);
	inet_del_protocol(&efh_protocol4, IPPROTO_DSTOPTS);
	synchronize_net();
	if (ours)
		kfree(efh_protocol6);
}
