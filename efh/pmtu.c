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
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include "event.h"
#include "net.h"
#include "pmtu.h"

/**
 * struct efh_quote - a packet of ours as an ICMP error quotes it
 * @key: its flow
 * @source: its source, mapped for IPv4
 * @id: Identification
 * @length: of the packet, octets
 * @at: of its EFH header, octets into the packet
 * @option_at: of the EFH option, octets into the packet
 */
struct efh_quote {
	struct efh_flow_key key;
	struct in6_addr source;
	u64 id;
	unsigned int length;
	unsigned int at;
	unsigned int option_at;
};

/* The EFH header at @at of a quote of @len octets. */
static bool efh_quote_header(const u8 *p, unsigned int len, unsigned int at,
			     u8 option, struct efh_quote *quote)
{
	__be64 id;
	int found;

	/* Ours are always of this length, and quoted as sent. */
	if (at + EFH_HDR_LEN > len)
		return false;
	found = efh_wire_find(p + at, EFH_HDR_LEN, option);
	if (found < 0 || found + 2 + EFH_OPTION_LEN > EFH_HDR_LEN)
		return false;
	memcpy(&id, p + at + found + offsetof(struct efh_hdr, id) -
		    offsetof(struct efh_hdr, option), sizeof(id));
	quote->id = be64_to_cpu(id);
	quote->at = at;
	quote->option_at = at + found;
	return true;
}

static bool efh_quote_ip6(const u8 *p, unsigned int len, u8 option,
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
	quote->length = at + ntohs(iph->payload_len);

	nexthdr = iph->nexthdr;
	while (at + sizeof(struct ipv6_rt_hdr) <= len) {
		const struct ipv6_rt_hdr *header = (const void *)(p + at);

		switch (nexthdr) {
		case NEXTHDR_DEST:
			if (efh_quote_header(p, len, at, option, quote))
				return true;
			fallthrough;
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
			nexthdr = header->nexthdr;
			at += ipv6_optlen(header);
			break;
		default:
			return false;
		}
	}
	return false;
}

static bool efh_quote_ip4(const u8 *p, unsigned int len, u8 option,
			  struct efh_quote *quote)
{
	const struct iphdr *iph = (const struct iphdr *)p;

	if (len < sizeof(*iph) || iph->protocol != IPPROTO_DSTOPTS)
		return false;
	ipv6_addr_set_v4mapped(iph->saddr, &quote->source);
	ipv6_addr_set_v4mapped(iph->daddr, &quote->key.destination.addr);
	quote->key.label = 0;
	quote->length = ntohs(iph->tot_len);
	return efh_quote_header(p, len, iph->ihl * 4, option, quote);
}

/* The flow of a quote, if it is told to its source and can be in flight. */
static struct efh_flow *efh_quote_flow(struct efh_net *en,
				       const struct sk_buff *skb,
				       const struct in6_addr *told,
				       struct efh_quote *quote)
{
	struct efh_flow_key *key = &quote->key;
	struct efh_flow *flow;

	if (!ipv6_addr_equal(told, &quote->source))
		return NULL;

	key->destination.scope = l3mdev_master_ifindex_rcu(skb->dev);
	if (ipv6_addr_type(&key->destination.addr) & IPV6_ADDR_LINKLOCAL)
		key->destination.scope = inet6_iif(skb);
	flow = efh_flow_find(en, key);
	if (!flow && key->label) {
		key->label = 0;		/* where flows beyond the limit went */
		flow = efh_flow_find(en, key);
	}
	return flow && efh_flow_in_flight(flow, quote->id) ? flow : NULL;
}

static unsigned long efh_pmtu_lifetime(const struct efh_net *en,
				       const struct efh_flow *flow)
{
	if (efh_carrier_of(&flow->key.destination.addr) == EFH_CARRIER_IPV6)
		return READ_ONCE(en->net->ipv6.sysctl.ip6_rt_mtu_expires);
	return READ_ONCE(en->net->ipv4.ip_rt_mtu_expires);
}

/* A router says that a fragment was too big. */
static bool efh_pmtu_too_big(struct efh_net *en, struct efh_flow *flow,
			     const struct efh_quote *quote, u32 mtu,
			     const struct efh_cause *cause)
{
	struct efh_destination *d = flow->destination;
	u32 known, old;

	/* It must be smaller than what it complains about. */
	if (mtu >= quote->length)
		return false;
	if (efh_carrier_of(&d->key.addr) == EFH_CARRIER_IPV6)
		mtu = max_t(u32, mtu, IPV6_MIN_MTU);
	else if (mtu < IPV4_MIN_MTU)
		return false;

	known = efh_destination_recall(d, &d->mtu, &old);
	if (known && known <= mtu)
		return true;	/* about a fragment sent before the last error */
	if (efh_destination_learn(d, &d->mtu, mtu, efh_pmtu_lifetime(en, flow),
				  &old))
		efh_event(en, EFH_CMD_MTU_EVENT, flow,
			  old ?: READ_ONCE(flow->mtu), mtu, cause);
	return true;
}

/* The destination says that it does not know our option, or protocol. */
static void efh_pmtu_refused(struct efh_net *en, struct efh_flow *flow,
			     const struct efh_cause *cause)
{
	struct efh_destination *d = flow->destination;
	u32 old;

	if (efh_destination_learn(d, &d->unaware, EFH_FLOW_STATE_UNAWARE,
				  efh_pmtu_lifetime(en, flow), &old))
		efh_event(en, EFH_CMD_PEER_EVENT, flow, old,
			  EFH_FLOW_STATE_UNAWARE, cause);
}

static bool efh_pmtu_icmp6(struct efh_net *en, const struct sk_buff *skb,
			   const struct icmp6hdr *icmp,
			   struct efh_quote *quote)
{
	struct efh_flow *flow = efh_quote_flow(en, skb, &ipv6_hdr(skb)->daddr,
					       quote);
	struct efh_cause cause = {
		.type = icmp->icmp6_type,
		.code = icmp->icmp6_code,
		.from = ipv6_hdr(skb)->saddr,
	};

	if (!flow)
		return false;
	if (icmp->icmp6_type == ICMPV6_PKT_TOOBIG)
		return efh_pmtu_too_big(en, flow, quote,
					ntohl(icmp->icmp6_mtu), &cause);
	if (ntohl(icmp->icmp6_pointer) != quote->option_at)
		return false;
	efh_pmtu_refused(en, flow, &cause);
	return true;
}

/**
 * efh_pmtu_hook6() - at local input, ICMPv6
 * @priv: unused
 * @skb: the packet
 * @state: the hook's
 *
 * Takes Packet Too Big, and Parameter Problem code 2, that quote EFH. The
 * stack's own notification would skip the Destination Options header and tell
 * the transport, to whom it means something else.
 */
unsigned int efh_pmtu_hook6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	struct efh_net *en = efh_net(state->net);
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	struct efh_quote quote = {};
	const struct icmp6hdr *icmp;
	__be16 frag_off;
	int at;

	at = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag_off);
	if (at < 0 || nexthdr != IPPROTO_ICMPV6 ||
	    !pskb_may_pull(skb, at + sizeof(*icmp)))
		return NF_ACCEPT;
	icmp = (struct icmp6hdr *)(skb->data + at);
	if (icmp->icmp6_type != ICMPV6_PKT_TOOBIG &&
	    (icmp->icmp6_type != ICMPV6_PARAMPROB ||
	     icmp->icmp6_code != ICMPV6_UNK_OPTION))
		return NF_ACCEPT;

	/* An error is no longer than the minimum MTU; a lie may be. */
	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, IPV6_MIN_MTU)))
		return NF_ACCEPT;
	icmp = (struct icmp6hdr *)(skb->data + at);
	if (!efh_quote_ip6((const u8 *)(icmp + 1),
			   skb_headlen(skb) - at - sizeof(*icmp),
			   READ_ONCE(en->settings.efh_option), &quote) ||
	    nf_ip6_checksum(skb, NF_INET_LOCAL_IN, at, IPPROTO_ICMPV6))
		return NF_ACCEPT;

	if (!efh_pmtu_icmp6(en, skb, icmp, &quote)) {
		efh_stats_inc(en, EFH_A_STATS_ICMP_INVALID);
		return NF_DROP;
	}
	efh_stats_inc(en, EFH_A_STATS_ICMP_IN);
	consume_skb(skb);
	return NF_STOLEN;
}

/**
 * efh_pmtu_icmp4() - an ICMPv4 error that quotes protocol 60
 * @skb: the error, data at the packet it quotes
 * @info: for Fragmentation Needed the MTU, octets
 *
 * Context: the stack's ICMP input: checksum verified, RCU read side.
 * Return: 0.
 */
int efh_pmtu_icmp4(struct sk_buff *skb, u32 info)
{
	struct efh_net *en = efh_net(dev_net(skb->dev));
	const struct icmphdr *icmp;
	struct efh_quote quote = {};
	struct in6_addr told;
	struct efh_cause cause;
	struct efh_flow *flow;
	bool heeded = false;

	if (!pskb_may_pull(skb, min_t(unsigned int, skb->len, IPV4_MIN_MTU)))
		return 0;
	icmp = icmp_hdr(skb);
	if (icmp->type != ICMP_DEST_UNREACH ||
	    (icmp->code != ICMP_FRAG_NEEDED && icmp->code != ICMP_PROT_UNREACH))
		return 0;

	cause.type = icmp->type;
	cause.code = icmp->code;
	ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &cause.from);
	ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &told);
	flow = efh_quote_ip4(skb->data, skb_headlen(skb),
			     READ_ONCE(en->settings.efh_option), &quote) ?
	       efh_quote_flow(en, skb, &told, &quote) : NULL;
	if (flow && icmp->code == ICMP_FRAG_NEEDED) {
		heeded = efh_pmtu_too_big(en, flow, &quote, info, &cause);
	} else if (flow) {
		efh_pmtu_refused(en, flow, &cause);
		heeded = true;
	}
	efh_stats_inc(en, heeded ? EFH_A_STATS_ICMP_IN :
				   EFH_A_STATS_ICMP_INVALID);
	return 0;
}

/**
 * efh_pmtu_get() - the path MTU of a flow
 * @en: the namespace
 * @flow: the flow
 * @local: what route and device say, octets
 *
 * Return: octets.
 */
unsigned int efh_pmtu_get(struct efh_net *en, struct efh_flow *flow,
			  unsigned int local)
{
	struct efh_destination *d = flow->destination;
	u32 forgot, mtu = efh_destination_recall(d, &d->mtu, &forgot);

	if (forgot)
		efh_event(en, EFH_CMD_MTU_EVENT, flow, forgot, local, NULL);
	return mtu ? min(mtu, local) : local;
}

/**
 * efh_pmtu_unaware() - did the flow's destination refuse EFH?
 * @en: the namespace
 * @flow: the flow
 */
bool efh_pmtu_unaware(struct efh_net *en, struct efh_flow *flow)
{
	struct efh_destination *d = flow->destination;
	u32 forgot, state = efh_destination_recall(d, &d->unaware, &forgot);

	if (forgot)
		efh_event(en, EFH_CMD_PEER_EVENT, flow, forgot,
			  EFH_FLOW_STATE_ACTIVE, NULL);
	return state == EFH_FLOW_STATE_UNAWARE;
}
