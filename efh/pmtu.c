// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the path says of our fragments: Packet Too Big, Fragmentation Needed,
 * and that a destination does not know EFH.
 *
 * One error is believed only if it quotes an Identification that can be in
 * flight, which nobody off the path can know. Errors about EFH end here: the
 * transport's own path MTU is that of the whole packets, which do get through.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "carrier.h"
#include "event.h"
#include "net.h"
#include "pmtu.h"

/**
 * struct efh_quote - a packet as an ICMP error quotes it
 * @key: the flow it would be of
 * @source: its source, mapped for IPv4
 * @id: Identification, or the Nonce of a Control message
 * @control: it is one
 * @length: of the packet, octets
 * @option_at: of the EFH option, octets into the packet
 */
struct efh_quote {
	struct efh_flow_key key;
	struct in6_addr source;
	u64 id;
	bool control;
	unsigned int length;
	unsigned int option_at;
};

/**
 * struct efh_error - an ICMP error that quotes EFH
 * @quote: what it quotes
 * @told: whom it was sent to, mapped for IPv4
 * @cause: type, code and sender
 * @mtu: the MTU it tells, octets; 0 if it tells that EFH is refused
 */
struct efh_error {
	struct efh_quote quote;
	struct in6_addr told;
	struct efh_cause cause;
	u32 mtu;
};

/* The EFH header, or a Control message, at @at of a quote of @len octets. */
static bool efh_quote_header(const u8 *p, unsigned int len, unsigned int at,
			     const struct efh_settings *settings,
			     struct efh_quote *quote)
{
	const struct efh_control_hdr *hdr = (const void *)(p + at);
	u8 option = READ_ONCE(settings->efh_option);
	__be64 id;
	int found;

	quote->control = at + EFH_CONTROL_LEN <= len &&
			 efh_wire_is_control(hdr, READ_ONCE(settings->control_option));
	if (quote->control) {
		quote->id = be64_to_cpu(hdr->nonce);
		quote->option_at = at + offsetof(struct efh_control_hdr, option);
		return true;
	}
	/* Ours are always of this length, and quoted as sent. */
	if (at + EFH_HDR_LEN > len)
		return false;
	found = efh_wire_find(p + at, EFH_HDR_LEN, option);
	if (found < 0 || found + 2 + EFH_OPTION_LEN > EFH_HDR_LEN)
		return false;
	memcpy(&id, p + at + found + offsetof(struct efh_hdr, id) -
		    offsetof(struct efh_hdr, option), sizeof(id));
	quote->id = be64_to_cpu(id);
	quote->option_at = at + found;
	return true;
}

/* Whether it is ours at all is seen by its flow. @at: the UDP header */
static bool efh_quote_udp(const u8 *p, unsigned int len, unsigned int at,
			  const struct efh_settings *settings,
			  struct efh_quote *quote)
{
	if (at + sizeof(struct udphdr) > len)
		return false;
	quote->key.label = get_unaligned_be16(p + at);
	quote->key.carrier = quote->key.carrier == EFH_CARRIER_IPV6 ?
			     EFH_CARRIER_UDP6 : EFH_CARRIER_UDP4;
	return efh_quote_header(p, len, at + sizeof(struct udphdr), settings,
				quote);
}

static bool efh_quote_ip6(const u8 *p, unsigned int len,
			  const struct efh_settings *settings,
			  struct efh_quote *quote)
{
	const struct ipv6hdr *iph = (const struct ipv6hdr *)p;
	unsigned int at = sizeof(*iph);
	u8 nexthdr;

	if (len < at)
		return false;
	quote->source = iph->saddr;
	quote->key.destination.addr = iph->daddr;
	quote->key.label = be32_to_cpu(ip6_flowlabel(iph));
	quote->key.carrier = EFH_CARRIER_IPV6;
	quote->length = at + ntohs(iph->payload_len);

	nexthdr = iph->nexthdr;
	while (at + sizeof(struct ipv6_rt_hdr) <= len) {
		const struct ipv6_rt_hdr *header = (const void *)(p + at);

		switch (nexthdr) {
		case NEXTHDR_DEST:
			if (efh_quote_header(p, len, at, settings, quote))
				return true;
			fallthrough;
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
			nexthdr = header->nexthdr;
			at += ipv6_optlen(header);
			break;
		case NEXTHDR_UDP:
			return efh_quote_udp(p, len, at, settings, quote);
		default:
			return false;
		}
	}
	return false;
}

static bool efh_quote_ip4(const u8 *p, unsigned int len,
			  const struct efh_settings *settings,
			  struct efh_quote *quote)
{
	const struct iphdr *iph = (const struct iphdr *)p;

	if (len < sizeof(*iph) || (iph->protocol != IPPROTO_DSTOPTS &&
				   iph->protocol != IPPROTO_UDP))
		return false;
	ipv6_addr_set_v4mapped(iph->saddr, &quote->source);
	ipv6_addr_set_v4mapped(iph->daddr, &quote->key.destination.addr);
	quote->key.label = 0;
	quote->key.carrier = EFH_CARRIER_IPV4;
	quote->length = ntohs(iph->tot_len);
	return iph->protocol == IPPROTO_UDP ?
	       efh_quote_udp(p, len, iph->ihl * 4, settings, quote) :
	       efh_quote_header(p, len, iph->ihl * 4, settings, quote);
}

/**
 * efh_pmtu_lifetime() - how long the word of a router holds, RFC 8201
 * @en: the namespace
 * @d: for whom
 *
 * Return: jiffies.
 */
unsigned long efh_pmtu_lifetime(const struct efh_net *en,
				const struct efh_destination *d)
{
	if (efh_carrier_of(&d->key.addr) == EFH_CARRIER_IPV6)
		return READ_ONCE(en->net->ipv6.sysctl.ip6_rt_mtu_expires);
	return READ_ONCE(en->net->ipv4.ip_rt_mtu_expires);
}

/**
 * efh_pmtu_learn() - less passes to a destination than flows took that know
 *	nothing by asking
 * @en: the namespace
 * @flow: one of them
 * @was: what it took, octets
 * @mtu: what passes, octets
 * @cause: whose word it is
 *
 * Context: RCU read side.
 */
void efh_pmtu_learn(struct efh_net *en, struct efh_flow *flow, u32 was, u32 mtu,
		    const struct efh_cause *cause)
{
	struct efh_destination *d = flow->destination;
	u32 old;

	if (efh_destination_learn(d, &d->mtu, mtu, efh_pmtu_lifetime(en, d),
				  &old))
		efh_event(en, EFH_CMD_MTU_EVENT, d, flow, old ?: was, mtu,
			  cause);
}

/* A router says that a fragment was too big, or what asked for one's size. */
static bool efh_pmtu_too_big(struct efh_net *en, struct efh_flow *flow,
			     const struct efh_error *error)
{
	struct efh_destination *d = flow->destination;
	u32 mtu = error->mtu;

	/* It must be smaller than what it complains about. */
	if (mtu >= error->quote.length)
		return false;
	if (efh_carrier_of(&d->key.addr) == EFH_CARRIER_IPV6)
		mtu = max_t(u32, mtu, IPV6_MIN_MTU);
	else if (mtu < IPV4_MIN_MTU)
		return false;
	/* A flow that knows its own path speaks of no other's. */
	if (efh_search_told(en, flow, mtu, &error->cause))
		return true;
	efh_pmtu_learn(en, flow, READ_ONCE(flow->mtu) ?: error->quote.length,
		       mtu, &error->cause);
	return true;
}

/* The destination says that it does not know our option, or protocol. */
static void efh_pmtu_refused(struct efh_net *en, struct efh_flow *flow,
			     const struct efh_error *error)
{
	struct efh_destination *d = flow->destination;
	u32 old;

	if (efh_destination_learn(d, &d->unaware, EFH_FLOW_STATE_UNAWARE,
				  efh_pmtu_lifetime(en, d), &old))
		efh_event(en, EFH_CMD_PEER_EVENT, d, flow,
			  EFH_FLOW_STATE_ACTIVE, EFH_FLOW_STATE_UNAWARE,
			  &error->cause);
}

/* Is it about a PROBE that waits for an answer? */
static bool efh_pmtu_probe(struct efh_net *en, struct efh_flow *flow,
			   const struct efh_error *error)
{
	if (!efh_search_refused(en, flow, cpu_to_be64(error->quote.id),
				error->mtu, &error->cause))
		return false;
	/* For a flow that knows nothing by asking it was as large as fragments are. */
	if (error->mtu && !READ_ONCE(flow->search.use))
		efh_pmtu_too_big(en, flow, error);
	return true;
}

/* Is it about a packet of ours that can be in flight? Then heed it. */
static bool efh_pmtu_heed(struct efh_net *en, const struct efh_error *error)
{
	const struct efh_quote *quote = &error->quote;
	struct efh_flow *flow;

	if (!ipv6_addr_equal(&error->told, &quote->source))
		return false;
	flow = efh_flow_find(en, &quote->key);
	if (flow && quote->control)
		return efh_pmtu_probe(en, flow, error);
	if (!flow || !efh_flow_in_flight(flow, quote->id))
		return false;
	if (error->mtu)
		return efh_pmtu_too_big(en, flow, error);
	efh_pmtu_refused(en, flow, error);
	return true;
}

/* What becomes of an error that quotes EFH: its end, if it is for this host. */
static unsigned int efh_pmtu_verdict(struct efh_net *en, struct sk_buff *skb,
				     const struct efh_error *error,
				     enum efh_carrier carrier)
{
	if (efh_pmtu_heed(en, error)) {
		efh_stats_inc(en, EFH_A_STATS_ICMP_IN);
		consume_skb(skb);
		return NF_STOLEN;
	}
	/* Of Control messages that are not taken the stack may know more. */
	if ((error->quote.control && !error->mtu) ||
	    !efh_carrier_local(en->net, skb, carrier))
		return NF_ACCEPT;
	efh_stats_inc(en, EFH_A_STATS_ICMP_INVALID);
	return NF_DROP;
}

/**
 * efh_pmtu_icmp6() - an ICMPv6 packet before routing
 * @skb: the packet, ICMPv6 right behind its IPv6 header
 * @state: the hook's
 *
 * Takes Packet Too Big, and Parameter Problem code 2 about our option, that
 * quote EFH. The stack's own notification would skip the Destination Options
 * header and tell the transport, to whom it means something else; connection
 * tracking would translate the quote, or find it invalid.
 *
 * Return: a netfilter verdict.
 */
unsigned int efh_pmtu_icmp6(struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const unsigned int at = sizeof(struct ipv6hdr);
	struct efh_net *en = efh_net(state->net);
	struct efh_error error = {};
	struct efh_quote *quote = &error.quote;
	const struct icmp6hdr *icmp;

	/* An error is no longer than the minimum MTU; a lie may be. */
	if (!pskb_may_pull(skb, at + sizeof(*icmp)))
		return NF_ACCEPT;
	icmp = (struct icmp6hdr *)(skb->data + at);
	if ((icmp->icmp6_type != ICMPV6_PKT_TOOBIG || !icmp->icmp6_mtu) &&
	    (icmp->icmp6_type != ICMPV6_PARAMPROB ||
	     icmp->icmp6_code != ICMPV6_UNK_OPTION))
		return NF_ACCEPT;
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, IPV6_MIN_MTU)))
		return NF_ACCEPT;
	icmp = (struct icmp6hdr *)(skb->data + at);
	if (!efh_quote_ip6((const u8 *)(icmp + 1),
			   min_t(unsigned int, skb_headlen(skb),
				 IPV6_MIN_MTU) - at - sizeof(*icmp),
			   &en->settings, quote) ||
	    (icmp->icmp6_type == ICMPV6_PARAMPROB &&
	     ntohl(icmp->icmp6_pointer) != quote->option_at) ||
	    nf_ip6_checksum(skb, NF_INET_PRE_ROUTING, at, IPPROTO_ICMPV6))
		return NF_ACCEPT;

	if (icmp->icmp6_type == ICMPV6_PKT_TOOBIG)
		error.mtu = ntohl(icmp->icmp6_mtu);
	error.told = ipv6_hdr(skb)->daddr;
	error.cause.type = icmp->icmp6_type;
	error.cause.code = icmp->icmp6_code;
	error.cause.why = EFH_MTU_CAUSE_ICMP;
	error.cause.from = ipv6_hdr(skb)->saddr;
	quote->key.destination.scope =
		efh_carrier_scope(skb->dev, inet6_iif(skb),
				  &quote->key.destination.addr);
	return efh_pmtu_verdict(en, skb, &error, EFH_CARRIER_IPV6);
}

/**
 * efh_pmtu_icmp4() - an ICMPv4 packet before routing
 * @skb: the packet
 * @state: the hook's
 *
 * Takes Fragmentation Needed and Protocol Unreachable that quote EFH.
 *
 * Return: a netfilter verdict.
 */
unsigned int efh_pmtu_icmp4(struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const unsigned int at = ip_hdrlen(skb);
	struct efh_net *en = efh_net(state->net);
	struct efh_error error = {};
	struct efh_quote *quote = &error.quote;
	const struct icmphdr *icmp;

	if (ip_is_fragment(ip_hdr(skb)) ||
	    !pskb_may_pull(skb, at + sizeof(*icmp)))
		return NF_ACCEPT;
	icmp = (struct icmphdr *)(skb->data + at);
	if (icmp->type != ICMP_DEST_UNREACH ||
	    (icmp->code != ICMP_PROT_UNREACH &&
	     (icmp->code != ICMP_FRAG_NEEDED || !icmp->un.frag.mtu)))
		return NF_ACCEPT;
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, IPV6_MIN_MTU)))
		return NF_ACCEPT;
	icmp = (struct icmphdr *)(skb->data + at);
	if (!efh_quote_ip4((const u8 *)(icmp + 1),
			   min_t(unsigned int, skb_headlen(skb),
				 IPV6_MIN_MTU) - at - sizeof(*icmp),
			   &en->settings, quote) ||
	    nf_ip_checksum(skb, NF_INET_PRE_ROUTING, at, IPPROTO_ICMP))
		return NF_ACCEPT;

	if (icmp->code == ICMP_FRAG_NEEDED)
		error.mtu = ntohs(icmp->un.frag.mtu);
	ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &error.told);
	error.cause.type = icmp->type;
	error.cause.code = icmp->code;
	error.cause.why = EFH_MTU_CAUSE_ICMP;
	ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &error.cause.from);
	quote->key.destination.scope =
		efh_carrier_scope(skb->dev, 0, &quote->key.destination.addr);
	return efh_pmtu_verdict(en, skb, &error, EFH_CARRIER_IPV4);
}

/**
 * efh_pmtu_get() - the path MTU to a destination
 * @en: the namespace
 * @d: the destination
 * @local: what route and device say, octets
 *
 * Return: octets.
 */
unsigned int efh_pmtu_get(struct efh_net *en, struct efh_destination *d,
			  unsigned int local)
{
	u32 forgot, mtu = efh_destination_recall(d, &d->mtu, &forgot);

	if (forgot)
		efh_event(en, EFH_CMD_MTU_EVENT, d, NULL, forgot, local, NULL);
	return mtu ? min(mtu, local) : local;
}

/**
 * efh_pmtu_unaware() - did a destination refuse EFH?
 * @en: the namespace
 * @d: the destination
 */
bool efh_pmtu_unaware(struct efh_net *en, struct efh_destination *d)
{
	u32 forgot, state = efh_destination_recall(d, &d->unaware, &forgot);

	if (forgot)
		efh_event(en, EFH_CMD_PEER_EVENT, d, NULL, forgot,
			  EFH_FLOW_STATE_ACTIVE, NULL);
	return state == EFH_FLOW_STATE_UNAWARE;
}
