// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native mode, inwards: a fragment for this host becomes its packet before
 * connection tracking, and the tables after it, see it.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include "carrier.h"
#include "cb.h"
#include "net.h"
#include "pmtu.h"
#include "receive.h"

/* From a packet at its network header to payload with headers in front. */
static void efh_receive_open(struct sk_buff *skb, const struct efh_place *place,
			     const struct efh_fragment *f)
{
	struct efh_cb *cb = efh_cb(skb);

	cb->iif = skb->dev->ifindex;
	cb->at = place->at;
	cb->nhoff = place->nhoff;
	cb->hdrlen = place->hdrlen;
	cb->index = f->index;
	skb_pull_rcsum(skb, place->at + place->hdrlen);
	if (efh_wire_atomic(f))
		return;
	/*
	 * Only a whole packet can have a checksum still to be filled in, or
	 * segments; and a socket given to it may be gone when it is complete.
	 */
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->ip_summed = CHECKSUM_NONE;
	skb_gso_reset(skb);
	skb_orphan(skb);
}

/**
 * efh_receive() - take a packet that may be an EFH fragment
 * @en: the namespace
 * @skb: the packet, data at its network header, with the device it came in on
 * @place: carrier given; where @routed, nhoff and at of the Destination
 *	Options header in hand, too
 * @routed: the packet is known to be for this host
 *
 * Does all of wire.rst section 4.
 *
 * Context: RCU read side, BH disabled.
 * Return: what became of @skb. If whole, its data is at its network header.
 */
enum efh_received efh_receive(struct efh_net *en, struct sk_buff *skb,
			      struct efh_place *place, bool routed)
{
	u8 option = READ_ONCE(en->settings.efh_option), ecn;
	struct efh_reassembly_key key;
	enum efh_drop_reason reason;
	struct efh_fragment f;
	unsigned int pointer;

	if (!READ_ONCE(en->settings.receive) ||
	    !(routed ? efh_carrier_check(skb, option, place) :
		       efh_carrier_find(skb, option, place)))
		return EFH_RECEIVE_PASS;

	reason = efh_carrier_decode(skb, option, place, &f, &pointer);
	if (!reason)
		efh_carrier_key(skb, place, &f, &key);
	/* A packet in the making is for this host: ask once a packet. */
	if (!routed && (reason || efh_wire_atomic(&f) ||
			!efh_reassembly_holds(en, &key)) &&
	    !efh_carrier_local(en->net, skb, place->carrier))
		return EFH_RECEIVE_PASS;

	efh_stats_inc(en, EFH_A_STATS_IN_FRAGMENTS);
	if (reason) {
		efh_carrier_param_problem(skb, place->carrier, pointer);
		efh_drop(en, skb, reason);
		return EFH_RECEIVE_TAKEN;
	}

	ecn = efh_carrier_ecn(skb, place->carrier);
	efh_receive_open(skb, place, &f);
	if (!efh_wire_atomic(&f)) {
		if (!efh_reassembly_add(en, skb, &key, &f, &ecn))
			return EFH_RECEIVE_TAKEN;
	} else {
		if (skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN)) {
			efh_drop(en, skb, EFH_DROP_NO_MEMORY);
			return EFH_RECEIVE_TAKEN;
		}
		efh_stats_inc(en, EFH_A_STATS_IN_ATOMIC);
		efh_stats_inc(en, EFH_A_STATS_IN_DELIVERED);
	}
	efh_carrier_restore(skb, &f, place->carrier, ecn);
	return EFH_RECEIVE_WHOLE;
}

static unsigned int efh_receive_hook(struct sk_buff *skb,
				     const struct nf_hook_state *state,
				     enum efh_carrier carrier)
{
	struct efh_place place = { .carrier = carrier };

	return efh_receive(efh_net(state->net), skb, &place, false) ==
	       EFH_RECEIVE_TAKEN ? NF_STOLEN : NF_ACCEPT;
}

/**
 * efh_receive_hook6() - before routing, IPv6
 * @priv: unused
 * @skb: the packet
 * @state: the hook's
 */
unsigned int efh_receive_hook6(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	switch (ipv6_hdr(skb)->nexthdr) {
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_DEST:
		return efh_receive_hook(skb, state, EFH_CARRIER_IPV6);
	case NEXTHDR_ICMP:
		return efh_pmtu_icmp6(skb, state);
	default:
		return NF_ACCEPT;
	}
}

/**
 * efh_receive_hook4() - before routing, IPv4
 * @priv: unused
 * @skb: the packet
 * @state: the hook's
 */
unsigned int efh_receive_hook4(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_DSTOPTS:
		return efh_receive_hook(skb, state, EFH_CARRIER_IPV4);
	case IPPROTO_ICMP:
		return efh_pmtu_icmp4(skb, state);
	default:
		return NF_ACCEPT;
	}
}
