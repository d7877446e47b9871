// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages between endpoints (wire.rst section 7): out, and in to whom
 * they are for. One message at the most answers one, and none is longer.
 */
#include <linux/random.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>
#include "alive.h"
#include "carrier.h"
#include "compat.h"
#include "control.h"
#include "link.h"
#include "loss.h"
#include "nat.h"
#include "net.h"
#include "retransmit.h"
#include "udp.h"
#include "worth.h"

/*
 * A message with room for headers before it; a PROBE is as long as it says.
 * Return: NULL without memory.
 */
static struct sk_buff *efh_control_make(const struct efh_net *en,
					enum efh_carrier carrier,
					const struct efh_control *what)
{
	unsigned int headers = efh_carrier_len(carrier);
	int pad = 0;
	struct efh_control_hdr *hdr;
	struct sk_buff *skb;

	if (what->kind == EFH_CONTROL_PROBE)
		pad = max_t(int, ntohs(what->size) - headers - sizeof(*hdr), 0);
	skb = alloc_skb(LL_MAX_HEADER + headers + sizeof(*hdr) + pad,
			GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER + headers);
	hdr = skb_put(skb, sizeof(*hdr));
	efh_wire_control(hdr, READ_ONCE(en->settings.control_option),
			 what->kind, en->control.epoch);
	hdr->size = what->size;
	hdr->flow = what->flow;
	hdr->nonce = what->nonce;
	hdr->missing = what->missing;
	hdr->count_a = what->count_a;
	hdr->count_b = what->count_b;
	skb_put_zero(skb, pad);
	return skb;
}

/**
 * efh_control_probe() - a PROBE about a flow's path
 * @en: the namespace
 * @flow: the flow
 * @probe: how large, and its Nonce
 * @like: a packet of the flow: what picks a way by its hash picks the same
 *
 * Return: the message, with room for headers before it; NULL without memory.
 */
struct sk_buff *efh_control_probe(const struct efh_net *en,
				  const struct efh_flow *flow,
				  const struct efh_probe *probe,
				  const struct sk_buff *like)
{
	struct sk_buff *skb;

	skb = efh_control_make(en, flow->key.carrier, &(struct efh_control) {
		.kind = EFH_CONTROL_PROBE,
		.size = htons(probe->size),
		.flow = htonl(flow->key.label),
		.nonce = probe->nonce,
	});
	if (skb) {
		skb_copy_hash(skb, like);
		skb->mark = like->mark;
	}
	return skb;
}

/**
 * efh_control_send() - send a Control message
 * @en: the namespace
 * @to: whom
 * @what: what it says
 *
 * One that is lost for want of memory or of a route is lost as on the path.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_control_send(struct efh_net *en, const struct efh_path *to,
		      const struct efh_control *what)
{
	struct sk_buff *skb = efh_control_make(en, to->carrier, what);
	bool sent;

	if (!skb)
		return;
	if (efh_carrier_udp(to->carrier))
		sent = efh_udp_control(skb, to->peer, to->port);
	else
		sent = efh_path_send(en, to, skb);
	if (sent)
		efh_stats_inc(en, EFH_A_STATS_CONTROL_OUT);
}

/* To the source of a flow that arrives. */
static void efh_control_back(struct efh_net *en,
			     const struct efh_arrival_key *flow,
			     const struct efh_control *what)
{
	const struct efh_peer_key key = {
		.local = flow->destination,
		.remote = flow->source,
		.port = htons(flow->port),
		.udp = efh_carrier_udp(flow->carrier),
	};
	struct efh_path to = {
		.carrier = flow->carrier,
		.scope = flow->scope,
		.local = flow->destination,
		.remote = flow->source,
		.peer = efh_peer_at(en, &key, flow->scope),
	};

	if (to.peer ? !netif_running(to.peer->link->dev) : key.udp)
		return;
	if (to.peer)
		to.port = READ_ONCE(to.peer->port);
	efh_control_send(en, &to, what);
}

/**
 * efh_control_nack() - ask for what is missing of a packet
 * @en: the namespace
 * @flow: its flow, as it arrives
 * @id: Identification
 * @missing: bit k: Index k; 0: its end
 *
 * Context: RCU read side, BH disabled.
 */
void efh_control_nack(struct efh_net *en, const struct efh_arrival_key *flow,
		      u64 id, u64 missing)
{
	efh_control_back(en, flow, &(struct efh_control) {
		.kind = EFH_CONTROL_NACK,
		.flow = htonl(flow->label),
		.nonce = cpu_to_be64(id),
		.missing = cpu_to_be64(missing),
	});
}

/**
 * efh_control_report() - tell what became of the packets of a flow
 * @en: the namespace
 * @flow: the flow, as it arrives
 * @id: Identification of the newest
 * @took: in which time the others were sent, ms
 * @toll: what became of those
 *
 * Context: RCU read side, BH disabled.
 */
void efh_control_report(struct efh_net *en, const struct efh_arrival_key *flow,
			u64 id, unsigned int took, const struct efh_toll *toll)
{
	efh_control_back(en, flow, &(struct efh_control) {
		.kind = EFH_CONTROL_REPORT,
		.size = htons(min(took, U16_MAX)),
		.flow = htonl(flow->label),
		.nonce = cpu_to_be64(id),
		.missing = cpu_to_be64(toll->received << 32 |
				       lower_32_bits(toll->lost)),
		.count_a = htonl(toll->whole),
		.count_b = htonl(toll->given_up),
	});
}

/**
 * efh_control_tell() - send a Control message to a link's peer
 * @peer: the peer
 * @port: where it may be, UDP only
 * @what: what it says
 *
 * Context: RCU read side, BH disabled.
 */
void efh_control_tell(struct efh_peer *peer, __be16 port,
		      const struct efh_control *what)
{
	const struct efh_path to = {
		.carrier = efh_link_carrier(peer->link),
		.local = peer->key.local,
		.remote = peer->key.remote,
		.peer = peer,
		.port = port,
	};

	efh_control_send(efh_net(peer->link->net), &to, what);
}

/**
 * efh_control_is() - is a packet a Control message?
 * @en: the namespace
 * @skb: the packet, data at what may be its header
 *
 * Return: true if so; its header is then linear.
 */
bool efh_control_is(const struct efh_net *en, struct sk_buff *skb)
{
	return *skb->data == EFH_NEXTHDR_NONE &&
	       pskb_may_pull(skb, EFH_CONTROL_LEN) &&
	       efh_wire_is_control((struct efh_control_hdr *)skb->data,
				   READ_ONCE(en->settings.control_option));
}

static void efh_control_answer(struct efh_net *en, struct efh_path *from,
			       const struct efh_control_hdr *hdr)
{
	const struct efh_control ack = {
		.kind = EFH_CONTROL_PROBE_ACK,
		.size = hdr->size,
		.flow = hdr->flow,
		.nonce = hdr->nonce,
	};
	struct efh_peer *peer = from->peer;

	/* Who is not there does not answer; and here may be no link any more. */
	if (peer ? !netif_running(peer->link->dev) :
		   efh_control_about_endpoint(hdr->flow))
		return;
	if (efh_carrier_udp(from->carrier)) {
		if (!efh_nat_greeted(peer, hdr, from->port))
			return;
		from->port = READ_ONCE(peer->port);
	}
	if (peer && efh_alive_lives(peer, ntohl(hdr->epoch)))
		efh_alive_hold(peer, &ack, ntohl(hdr->epoch));
	else
		efh_control_send(en, from, &ack);
}

/* Heard from a peer, if of one: nobody else knew what it says. Return: true. */
static bool efh_control_shown(const struct efh_path *from,
			      const struct efh_control_hdr *hdr)
{
	u32 epoch = ntohl(hdr->epoch);

	if (from->peer) {
		efh_alive_lives(from->peer, epoch);
		efh_alive_shown(from->peer, epoch);
		WRITE_ONCE(from->peer->heard, efh_now());
	}
	return true;
}

/*
 * What is answered about a flow proves what its path takes, and, of a native one,
 * which life is lived at its end.
 */
static bool efh_control_passed(struct efh_net *en, const struct efh_path *from,
			       const struct efh_control_hdr *hdr)
{
	struct efh_flow *flow;

	if (efh_control_about_endpoint(hdr->flow))
		return false;
	flow = efh_path_flow(en, from, hdr->flow);
	if (!flow || !efh_search_answer(en, flow, hdr))
		return false;
	if (!from->peer)
		efh_flow_lives(en, flow, &from->local, ntohl(hdr->epoch));
	return efh_control_shown(from, hdr);
}

static bool efh_control_proved(struct efh_path *from,
			       const struct efh_control_hdr *hdr)
{
	struct efh_peer *peer = from->peer;
	bool udp = efh_carrier_udp(from->carrier);

	if (!peer)
		return false;
	if ((!udp || from->port == READ_ONCE(peer->port)) &&
	    efh_alive_proved(peer, hdr->nonce, ntohl(hdr->epoch)))
		efh_nat_known(peer);
	else if (!udp || !efh_nat_proved(peer, from->port, hdr->nonce))
		return false;
	WRITE_ONCE(peer->heard, efh_now());
	return true;
}

/* Is it well-formed, from somebody who can have sent it, and to be heeded? */
static bool efh_control_heed(struct efh_net *en, struct efh_path *from,
			     const struct efh_control_hdr *hdr)
{
	static const struct efh_hint reset = { .cause = EFH_PEER_CAUSE_RESET };

	switch (hdr->kind) {
	case EFH_CONTROL_VERSION << 4 | EFH_CONTROL_PROBE:
		efh_control_answer(en, from, hdr);
		return true;
	case EFH_CONTROL_VERSION << 4 | EFH_CONTROL_PROBE_ACK:
		return efh_control_passed(en, from, hdr) ||
		       efh_control_proved(from, hdr);
	case EFH_CONTROL_VERSION << 4 | EFH_CONTROL_RESET:
		if (!from->peer)
			return false;
		efh_alive_hint(from->peer, &reset);
		return true;
	case EFH_CONTROL_VERSION << 4 | EFH_CONTROL_NACK:
		return efh_retransmit(en, from, hdr) &&
		       efh_control_shown(from, hdr);
	case EFH_CONTROL_VERSION << 4 | EFH_CONTROL_REPORT:
		return efh_loss_report(en, efh_path_flow(en, from, hdr->flow),
				       hdr) && efh_control_shown(from, hdr);
	default:
		return false;
	}
}

/**
 * efh_control_receive() - a Control message
 * @en: the namespace
 * @skb: the message, data at its header, which is linear; taken
 * @from: whose it is, by its addresses
 *
 * Context: RCU read side, BH disabled.
 */
void efh_control_receive(struct efh_net *en, struct sk_buff *skb,
			 struct efh_path *from)
{
	const struct efh_control_hdr *hdr = (struct efh_control_hdr *)skb->data;

	efh_stats_inc(en, EFH_A_STATS_CONTROL_IN);
	if (efh_control_heed(en, from, hdr)) {
		consume_skb(skb);
		return;
	}
	efh_stats_inc(en, EFH_A_STATS_CONTROL_INVALID);
	kfree_skb_reason(skb, SKB_DROP_REASON_IPV6_BAD_EXTHDR);
}

/**
 * efh_control_net_init() - an endpoint starts
 * @en: the namespace
 */
void efh_control_net_init(struct efh_net *en)
{
	en->control.epoch = get_random_u32();
	get_random_bytes(&en->control.key, sizeof(en->control.key));
	get_random_bytes(&en->control.alive, sizeof(en->control.alive));
	get_random_bytes(&en->control.search, sizeof(en->control.search));
}
