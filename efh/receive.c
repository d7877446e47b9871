// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native mode, inwards: a fragment for this host becomes its packet before
 * connection tracking, and the tables after it, see it.
 */
#include <net/ip.h>
#include <net/ipv6.h>
#include "carrier.h"
#include "cb.h"
#include "fragment.h"
#include "net.h"
#include "pmtu.h"
#include "receive.h"
#include "run.h"

/* A packet that one function hands to the next. */
struct efh_receiving {
	struct efh_net *en;
	const struct efh_place *place;
	u8 option;
	struct efh_reassembly_key key;
};

/*
 * From a packet at its network header to payload with headers in front.
 *
 * Return: false without memory.
 */
static bool efh_receive_open(struct sk_buff *skb, const struct efh_place *place,
			     const struct efh_fragment *f, unsigned int count)
{
	bool whole = efh_wire_atomic(f);
	struct efh_cb *cb = efh_cb(skb);

	/* What headers and shared info say changes for us alone. */
	if ((whole || skb_is_gso(skb)) &&
	    skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		return false;
	cb->iif = skb->dev->ifindex;
	cb->at = place->at;
	cb->nhoff = place->nhoff;
	cb->hdrlen = place->hdrlen;
	cb->index = f->index;
	cb->count = count;
	skb_pull_rcsum(skb, place->at + place->hdrlen);
	if (whole && count == 1)
		return true;
	/*
	 * Only a whole packet can have a checksum still to be filled in, or
	 * segments; and a socket given to it may be gone when it is complete.
	 */
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->ip_summed = CHECKSUM_NONE;
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	skb_orphan(skb);
	return true;
}

static enum efh_received efh_receive_apart(const struct efh_receiving *r,
					   struct sk_buff *skb,
					   unsigned int size);

/* A fragment, or a run of them, data at its payload. */
static enum efh_received efh_receive_join(const struct efh_receiving *r,
					  const struct efh_arrival_key *flow,
					  struct sk_buff *skb,
					  const struct efh_fragment *f,
					  unsigned int count, u8 ecn)
{
	enum efh_added added = EFH_ADD_WHOLE;
	struct efh_held held = { .first = true };

	if (!efh_wire_atomic(f))
		added = efh_reassembly_add(r->en, skb, &r->key, f, &ecn, &held);
	else if (efh_reassembly_holds(r->en, &r->key))
		added = EFH_ADD_APART;
	else
		efh_reassembly_whole(r->en, skb, &r->key, count);
	switch (added) {
	case EFH_ADD_APART:
		return efh_receive_apart(r, skb, f->size);
	case EFH_ADD_HELD:
		efh_arrival_held(r->en, flow, f->id,
				 GENMASK_ULL(f->index + count - 1, f->index),
				 held.missing, held.first);
		return EFH_RECEIVE_TAKEN;
	case EFH_ADD_WHOLE:
		efh_arrival_whole(r->en, flow, f->id, count, held.first);
		efh_carrier_restore(skb, f, r->place->carrier, ecn);
		return EFH_RECEIVE_WHOLE;
	default:
		return EFH_RECEIVE_TAKEN;
	}
}

/* A fragment or a run whose header was found good. */
static enum efh_received efh_receive_add(const struct efh_receiving *r,
					 struct sk_buff *skb,
					 const struct efh_fragment *f,
					 unsigned int count)
{
	u8 ecn = efh_carrier_ecn(skb, r->place->carrier);
	bool single = efh_wire_atomic(f) && count == 1;
	struct efh_arrival_key flow;

	efh_carrier_flow(skb, r->place, &r->key, &flow);
	if (!efh_receive_open(skb, r->place, f, count)) {
		efh_drop(r->en, skb, count, EFH_DROP_NO_MEMORY);
		return EFH_RECEIVE_TAKEN;
	}
	if (!single)
		return efh_receive_join(r, &flow, skb, f, count, ecn);
	efh_stats_inc(r->en, EFH_A_STATS_IN_ATOMIC);
	efh_stats_inc(r->en, EFH_A_STATS_IN_DELIVERED);
	efh_arrival_whole(r->en, &flow, f->id, 1, true);
	efh_carrier_restore(skb, f, r->place->carrier, ecn);
	return EFH_RECEIVE_WHOLE;
}

/* Octets of the link's header in front of the network header. */
static unsigned int efh_receive_link(const struct sk_buff *skb)
{
	if (!skb_mac_header_was_set(skb) ||
	    skb_mac_header(skb) > skb_network_header(skb))
		return 0;
	return skb_network_header(skb) - skb_mac_header(skb);
}

/*
 * A run that can't be judged as one: each of its fragments is. The one that
 * completes the packet takes the place of @skb, which our callers hold.
 */
static enum efh_received efh_receive_apart(const struct efh_receiving *r,
					   struct sk_buff *skb,
					   unsigned int size)
{
	unsigned int link = efh_receive_link(skb);
	struct efh_split split = {
		.net = r->en->net,
		.carrier = r->place->carrier,
		.network = link,
		.at = link + r->place->at,
		.size = size,
		.features = NETIF_F_SG,
	};
	enum efh_received result = EFH_RECEIVE_TAKEN;
	struct sk_buff *segs, *seg, *next;
	struct efh_fragment f;
	unsigned int pointer;

	/* With the link's header, for which nftables may ask. */
	__skb_push(skb, skb->data - skb_network_header(skb) + link);
	segs = efh_fragment(skb, &split);
	if (IS_ERR(segs)) {
		efh_drop(r->en, skb, efh_cb(skb)->count, EFH_DROP_NO_MEMORY);
		return EFH_RECEIVE_TAKEN;
	}
	skb_list_walk_safe(segs, seg, next) {
		enum efh_drop_reason reason;

		skb_mark_not_on_list(seg);
		__skb_pull(seg, link);
		reason = efh_carrier_decode(seg, r->option, r->place, &f,
					    &pointer);
		if (reason) {
			efh_drop(r->en, seg, 1, reason);
		} else if (efh_receive_add(r, seg, &f, 1) ==
			   EFH_RECEIVE_WHOLE) {
			skb_morph(skb, seg);
			consume_skb(seg);
			result = EFH_RECEIVE_WHOLE;
		}
	}
	if (result == EFH_RECEIVE_TAKEN)
		consume_skb(skb);
	return result;
}

/**
 * efh_receive() - take a packet that may be an EFH fragment, or a run
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
	struct efh_receiving r = {
		.en = en,
		.place = place,
		.option = READ_ONCE(en->settings.efh_option),
	};
	unsigned int pointer, count = 1;
	enum efh_drop_reason reason;
	struct efh_fragment f;

	if (!READ_ONCE(en->settings.receive) ||
	    !(routed ? efh_carrier_check(skb, r.option, place) :
		       efh_carrier_find(skb, r.option, place)))
		return EFH_RECEIVE_PASS;

	reason = efh_carrier_decode(skb, r.option, place, &f, &pointer);
	if (!reason)
		efh_carrier_key(skb, place, &f, &r.key);
	/* A packet in the making is for this host: ask once a packet. */
	if (!routed && (reason || efh_wire_atomic(&f) ||
			!efh_reassembly_holds(en, &r.key)) &&
	    !efh_carrier_local(en->net, skb, place->carrier))
		return EFH_RECEIVE_PASS;

	if (efh_is_run(skb))
		count = reason ? skb_shinfo(skb)->gso_segs :
				 DIV_ROUND_UP(f.payload, f.size);
	efh_stats_add(en, EFH_A_STATS_IN_FRAGMENTS, count);
	if (reason) {
		efh_carrier_param_problem(skb, place->carrier, pointer);
		efh_drop(en, skb, count, reason);
		return EFH_RECEIVE_TAKEN;
	}
	return efh_receive_add(&r, skb, &f, count);
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
