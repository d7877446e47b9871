// SPDX-License-Identifier: GPL-2.0-only
/*
 * What differs between IPv6 and IPv4 as carriers of the EFH header
 * (wire.rst section 5): where it stands, addresses, lengths, ICMP.
 *
 * A packet's data is at its network header throughout, unless said otherwise.
 */
#include <linux/icmpv6.h>
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/dsfield.h>
#include <net/icmp.h>
#include <net/inet_ecn.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include "carrier.h"
#include "cb.h"
#include "compat.h"
#include "net.h"
#include "run.h"

/* More extension headers than anybody sends, and few enough to be walked. */
#define EFH_HEADERS_MAX 8

/**
 * efh_carrier_scope() - where an address means what it says
 * @dev: the device it is used on
 * @link: the link's index, for a link-local address
 * @addr: the address, mapped for IPv4
 *
 * Context: RCU read side.
 * Return: the link of a link-local address, else the L3 domain's device, else
 *	0.
 */
u32 efh_carrier_scope(const struct net_device *dev, int link,
		      const struct in6_addr *addr)
{
	if (ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL)
		return link;
	return l3mdev_master_ifindex_rcu(dev);
}

/**
 * efh_carrier_check() - does the header at a place hold EFH?
 * @skb: the packet
 * @option: the option type in use
 * @place: nhoff and at as the stack found them; hdrlen is filled in
 *
 * Return: true if so; the header is then linear.
 */
bool efh_carrier_check(struct sk_buff *skb, u8 option, struct efh_place *place)
{
	unsigned int at = place->at;

	if (!pskb_may_pull(skb, at + sizeof(struct ipv6_opt_hdr)))
		return false;
	place->hdrlen = ipv6_optlen((struct ipv6_opt_hdr *)(skb->data + at));
	if (at + place->hdrlen > U16_MAX ||
	    !pskb_may_pull(skb, at + place->hdrlen))
		return false;
	return efh_wire_find(skb->data + at, place->hdrlen, option) >= 0;
}

static bool efh_carrier_find_ip6(struct sk_buff *skb, u8 option,
				 struct efh_place *place)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	int i;

	place->nhoff = offsetof(struct ipv6hdr, nexthdr);
	place->at = sizeof(struct ipv6hdr);
	for (i = 0; i < EFH_HEADERS_MAX; i++) {
		const struct ipv6_rt_hdr *rthdr;

		if (nexthdr != NEXTHDR_HOP && nexthdr != NEXTHDR_ROUTING &&
		    nexthdr != NEXTHDR_DEST)
			break;
		if (nexthdr == NEXTHDR_DEST &&
		    efh_carrier_check(skb, option, place))
			return true;
		if (!pskb_may_pull(skb, place->at + sizeof(*rthdr)))
			break;
		rthdr = (struct ipv6_rt_hdr *)(skb->data + place->at);
		/* On its way: the address is that of a waypoint. */
		if (nexthdr == NEXTHDR_ROUTING && rthdr->segments_left)
			break;
		nexthdr = rthdr->nexthdr;
		place->nhoff = place->at;
		place->at += ipv6_optlen(rthdr);
	}
	return false;
}

/**
 * efh_carrier_find() - look for EFH where a sender puts it
 * @skb: a packet as it arrived, place->carrier set
 * @option: the option type in use
 * @place: carrier given, the rest filled in
 *
 * Context: before the stack has looked beyond the IP header.
 * Return: true if the packet is an EFH fragment, well-formed or not.
 */
bool efh_carrier_find(struct sk_buff *skb, u8 option, struct efh_place *place)
{
	if (place->carrier == EFH_CARRIER_IPV6)
		return efh_carrier_find_ip6(skb, option, place);

	if (ip_hdr(skb)->protocol != IPPROTO_DSTOPTS ||
	    ip_is_fragment(ip_hdr(skb)))
		return false;
	place->nhoff = offsetof(struct iphdr, protocol);
	place->at = ip_hdrlen(skb);
	return efh_carrier_check(skb, option, place);
}

/**
 * efh_carrier_decode() - read the EFH header and make checks 1 to 5
 * @skb: a packet with EFH at @place, a fragment or a run
 * @option: the option type in use
 * @place: where it stands
 * @f: where to put what was read
 * @pointer: where to put the offending octet's offset in the packet
 *
 * Return: EFH_OK or the reason to discard it.
 */
enum efh_drop_reason efh_carrier_decode(const struct sk_buff *skb, u8 option,
					const struct efh_place *place,
					struct efh_fragment *f,
					unsigned int *pointer)
{
	unsigned int payload = skb->len - place->at - place->hdrlen;
	const u8 *hdr = skb->data + place->at;
	enum efh_drop_reason reason;
	unsigned int before = 0;

	/* IPv4's depends on what is in it. */
	if (place->carrier == EFH_CARRIER_IPV6)
		before = efh_carrier_before(place->carrier, place->at,
					    EFH_NEXTHDR_NONE);
	if (efh_is_run(skb))
		reason = efh_wire_decode_run(hdr, place->hdrlen, option,
					     before, efh_run_size(skb),
					     payload, f, pointer);
	else
		reason = efh_wire_decode(hdr, place->hdrlen, option, before,
					 payload, f, pointer);
	if (!reason && f->offset + payload +
		       efh_carrier_before(place->carrier, place->at,
					  f->nexthdr) > EFH_MAX_PACKET)
		reason = EFH_DROP_TOO_BIG;
	*pointer += place->at;
	return reason;
}

/**
 * efh_carrier_key() - the reassembly key of a fragment
 * @skb: the fragment, with its device
 * @place: its carrier
 * @f: the fragment as decoded
 * @key: where to put it
 *
 * Context: RCU read side.
 */
void efh_carrier_key(const struct sk_buff *skb, const struct efh_place *place,
		     const struct efh_fragment *f,
		     struct efh_reassembly_key *key)
{
	key->id = f->id;
	key->carrier = place->carrier;
	if (efh_carrier_ip6(place->carrier)) {
		key->source = ipv6_hdr(skb)->saddr;
		key->destination = ipv6_hdr(skb)->daddr;
		key->scope = efh_carrier_scope(skb->dev, inet6_iif(skb),
					       &key->source);
	} else {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &key->source);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &key->destination);
		key->scope = efh_carrier_scope(skb->dev, 0, &key->source);
	}
}

/**
 * efh_carrier_flow() - the flow of a fragment, as its destination sees it
 * @skb: the fragment, data at its network header
 * @place: where it stands
 * @packet: its reassembly key
 * @key: where to put it
 */
void efh_carrier_flow(const struct sk_buff *skb, const struct efh_place *place,
		      const struct efh_reassembly_key *packet,
		      struct efh_arrival_key *key)
{
	const struct udphdr *uh;

	*key = (struct efh_arrival_key) {
		.source = packet->source,
		.destination = packet->destination,
		.scope = packet->scope,
		.carrier = packet->carrier,
	};
	if (efh_carrier_udp(place->carrier)) {
		uh = (struct udphdr *)(skb->data + place->at) - 1;
		key->label = ntohs(uh->source);
		key->port = ntohs(uh->dest);
	} else if (place->carrier == EFH_CARRIER_IPV6) {
		key->label = ntohl(ip6_flowlabel(ipv6_hdr(skb)));
	}
}

/*
 * A group that is forwarded too is left to local delivery, which works on a
 * copy of its own.
 */
static bool efh_carrier_joined_ip6(const struct net_device *dev,
				   const struct in6_addr *group)
{
	struct inet6_dev *idev = __in6_dev_get(dev);
	struct ifmcaddr6 *mc;

	if (!idev)
		return false;
#ifdef CONFIG_IPV6_MROUTE
	if (atomic_read(&idev->cnf.mc_forwarding))
		return false;
#endif
	for (mc = rcu_dereference(idev->mc_list); mc;
	     mc = rcu_dereference(mc->next))
		if (ipv6_addr_equal(&mc->mca_addr, group))
			return true;
	return false;
}

static bool efh_carrier_joined_ip4(const struct net_device *dev, __be32 group)
{
	struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct ip_mc_list *mc;

	if (!in_dev || IN_DEV_MFORWARD(in_dev))
		return false;
	for (mc = rcu_dereference(in_dev->mc_list); mc;
	     mc = rcu_dereference(mc->next_rcu))
		if (mc->multiaddr == group)
			return true;
	return false;
}

static bool efh_carrier_local_ip6(struct net *net, struct sk_buff *skb)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.flowi6_iif = skb->dev->ifindex,
		.daddr = iph->daddr,
		.saddr = iph->saddr,
		.flowlabel = ip6_flowinfo(iph),
		.flowi6_mark = skb->mark,
		.flowi6_proto = iph->nexthdr,
	};
	struct dst_entry *dst;
	bool local;

	if (ipv6_addr_is_multicast(&iph->daddr))
		return efh_carrier_joined_ip6(skb->dev, &iph->daddr);

	dst = ip6_route_input_lookup(net, skb->dev, &fl6, skb,
				     RT6_LOOKUP_F_HAS_SADDR);
	local = !dst->error && container_of(dst, struct rt6_info, dst)->rt6i_flags &
			       (RTF_LOCAL | RTF_ANYCAST);
	dst_release(dst);
	return local;
}

/**
 * efh_carrier_local() - is a packet that has not been routed for this host?
 * @net: the namespace
 * @skb: the packet, with the device it came in on
 * @carrier: its family
 *
 * Context: RCU read side.
 */
bool efh_carrier_local(struct net *net, struct sk_buff *skb,
		       enum efh_carrier carrier)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (carrier == EFH_CARRIER_IPV6)
		return efh_carrier_local_ip6(net, skb);

	switch (inet_addr_type_dev_table(net, skb->dev, iph->daddr)) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
		return true;
	case RTN_MULTICAST:
		return efh_carrier_joined_ip4(skb->dev, iph->daddr);
	default:
		return false;
	}
}

/**
 * efh_carrier_ecn() - a packet's ECN code point
 * @skb: the packet
 * @carrier: its family
 */
u8 efh_carrier_ecn(const struct sk_buff *skb, enum efh_carrier carrier)
{
	u8 dsfield = efh_carrier_ip6(carrier) ?
		     ipv6_get_dsfield(ipv6_hdr(skb)) : ip_hdr(skb)->tos;

	return dsfield & INET_ECN_MASK;
}

/**
 * efh_carrier_length() - write a packet's length into its IP header
 * @header: the IP header, extension headers or options after it
 * @carrier: its family
 * @length: of the packet, octets; beyond what the header can tell it says 0, as
 *	the stack's own such packets do
 */
void efh_carrier_length(void *header, enum efh_carrier carrier,
			unsigned int length)
{
	if (carrier == EFH_CARRIER_IPV6) {
		struct ipv6hdr *iph = header;

		length -= sizeof(*iph);
		iph->payload_len = htons(length > IPV6_MAXPLEN ? 0 : length);
	} else {
		struct iphdr *iph = header;

		iph->tot_len = htons(length > IP_MAX_MTU ? 0 : length);
		ip_send_check(iph);
	}
}

static void efh_carrier_restore_ip(struct sk_buff *skb,
				   const struct efh_fragment *f,
				   enum efh_carrier carrier, u8 ecn)
{
	u8 *network = skb_network_header(skb), *from = network;
	const struct efh_cb cb = *efh_cb(skb);
	u16 fragment = f->size ? cb.at + cb.hdrlen + f->size : 0;

	if (skb_mac_header_was_set(skb))
		from = skb_mac_header(skb);
	network[cb.nhoff] = f->nexthdr;
	memmove(from + cb.hdrlen, from, network + cb.at - from);
	if (skb_mac_header_was_set(skb))
		skb->mac_header += cb.hdrlen;
	skb->network_header += cb.hdrlen;
	skb->transport_header += cb.hdrlen;
	__skb_push(skb, cb.at);

	if (carrier == EFH_CARRIER_IPV6) {
		ipv6_change_dsfield(ipv6_hdr(skb), 0xff, ecn);
		if (fragment) {
			IP6CB(skb)->frag_max_size = fragment;
			IP6CB(skb)->flags |= IP6SKB_FRAGMENTED;
		}
	} else {
		ip_hdr(skb)->tos |= ecn;
		IPCB(skb)->frag_max_size = fragment;
	}
	efh_carrier_length(skb->data, carrier, skb->len);
	skb_postpush_rcsum(skb, skb->data, cb.at);
	/* A gateway that forwards it after NAT may fragment it again. */
	skb->ignore_df = 1;
}

/**
 * efh_carrier_restore() - make a packet of what reassembly gives
 * @skb: all the payload, data at its start, Index 0's headers before it, not
 *	cloned; efh_cb() as of Index 0
 * @f: any of its fragments
 * @carrier: its family
 * @ecn: what to add to its ECN code point
 *
 * Under IP this takes the EFH header out and restores Next Header and lengths.
 * Data is then at the network header; the transport header stands as far from
 * it as before. Under UDP data stays, and with it the headers, which now are
 * around nothing.
 */
void efh_carrier_restore(struct sk_buff *skb, const struct efh_fragment *f,
			 enum efh_carrier carrier, u8 ecn)
{
	if (carrier == EFH_CARRIER_UDP6)
		ipv6_change_dsfield(ipv6_hdr(skb), 0xff, ecn);
	else if (carrier == EFH_CARRIER_UDP4)
		ip_hdr(skb)->tos |= ecn;
	else
		efh_carrier_restore_ip(skb, f, carrier, ecn);
}

/* ICMPv4 answers along a route; before routing there is none. */
static bool efh_carrier_routed(struct sk_buff *skb)
{
	return skb_dst(skb) || efh_compat_route_input(skb, ip_hdr(skb));
}

/**
 * efh_carrier_param_problem() - tell the source of a packet what is wrong
 * @skb: the packet
 * @carrier: its family
 * @pointer: the offending octet's offset in it
 *
 * The stack keeps the rate, and silence towards multicast. ICMPv4 can't tell
 * of what is beyond octet 255, and says nothing.
 */
void efh_carrier_param_problem(struct sk_buff *skb, enum efh_carrier carrier,
			       unsigned int pointer)
{
	if (efh_carrier_ip6(carrier))
		icmpv6_send(skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, pointer);
	else if (pointer <= U8_MAX && efh_carrier_routed(skb))
		icmp_send(skb, ICMP_PARAMETERPROB, 0, htonl(pointer << 24));
}

/**
 * efh_carrier_time_exceeded() - tell a source that its packet stayed incomplete
 * @net: the namespace
 * @skb: the fragment with Index 0, data at its payload, efh_cb() filled in
 * @carrier: its family
 *
 * Context: RCU read side.
 */
void efh_carrier_time_exceeded(struct net *net, struct sk_buff *skb,
			       enum efh_carrier carrier)
{
	skb->dev = dev_get_by_index_rcu(net, efh_cb(skb)->iif);
	if (!skb->dev)
		return;
	__skb_push(skb, skb->data - skb_network_header(skb));
	if (efh_carrier_ip6(carrier))
		icmpv6_send(skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
	else if (efh_carrier_routed(skb))
		icmp_send(skb, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
}

/**
 * efh_carrier_place() - where an EFH header belongs in a packet to be sent
 * @skb: the packet, place->carrier set
 * @place: carrier given, nhoff and at filled in
 *
 * Return: 0, or -EINVAL if its headers can't be walked or it is a fragment
 *	already.
 */
int efh_carrier_place(struct sk_buff *skb, struct efh_place *place)
{
	u8 *prevhdr;
	int at;

	if (place->carrier == EFH_CARRIER_IPV4) {
		place->nhoff = offsetof(struct iphdr, protocol);
		place->at = ip_hdrlen(skb);
		return ip_is_fragment(ip_hdr(skb)) ? -EINVAL : 0;
	}
	at = ip6_find_1stfragopt(skb, &prevhdr);
	if (at < 0)
		return at;
	place->nhoff = prevhdr - skb_network_header(skb);
	place->at = at;
	return *prevhdr == NEXTHDR_FRAGMENT ? -EINVAL : 0;
}
