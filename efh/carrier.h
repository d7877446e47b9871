/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_CARRIER_H
#define _EFH_CARRIER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include "arrival.h"
#include "reassembly.h"
#include "wire.h"

struct efh_net;

/**
 * struct efh_place - where the EFH header stands, or would, in a packet
 * @carrier: which
 * @nhoff: of the Next Header field that names it, octets into the packet
 * @at: of the header itself
 * @hdrlen: its length, octets; received packets only
 */
struct efh_place {
	enum efh_carrier carrier;
	unsigned int nhoff;
	unsigned int at;
	unsigned int hdrlen;
};

static inline bool efh_carrier_ip6(enum efh_carrier carrier)
{
	return carrier == EFH_CARRIER_IPV6 || carrier == EFH_CARRIER_UDP6;
}

static inline bool efh_carrier_udp(enum efh_carrier carrier)
{
	return carrier == EFH_CARRIER_UDP6 || carrier == EFH_CARRIER_UDP4;
}

static inline unsigned int efh_carrier_ip_len(enum efh_carrier carrier)
{
	return efh_carrier_ip6(carrier) ? sizeof(struct ipv6hdr) :
					  sizeof(struct iphdr);
}

/**
 * efh_carrier_len() - what a carrier takes before what it carries, octets
 * @carrier: which
 *
 * Its headers are without extensions and options.
 */
static inline unsigned int efh_carrier_len(enum efh_carrier carrier)
{
	return efh_carrier_ip_len(carrier) +
	       (efh_carrier_udp(carrier) ? sizeof(struct udphdr) : 0);
}

/**
 * efh_carrier_before() - what counts towards 65535 before the EFH header
 * @carrier: which
 * @at: where the header stands, octets into the packet
 * @nexthdr: protocol of the Fragmentable Part
 *
 * IPv4 counts its header into the length, which so has to be told; but not to
 * a tunnel, which goes by that of the packet within.
 *
 * Return: octets: extension headers under IPv6, all or nothing under IPv4,
 *	nothing under UDP.
 */
static inline unsigned int efh_carrier_before(enum efh_carrier carrier,
					      unsigned int at, u8 nexthdr)
{
	if (efh_carrier_udp(carrier))
		return 0;
	if (carrier == EFH_CARRIER_IPV6)
		return at - sizeof(struct ipv6hdr);
	return nexthdr == IPPROTO_IPIP || nexthdr == IPPROTO_IPV6 ? 0 : at;
}

u32 efh_carrier_scope(const struct net_device *dev, int link,
		      const struct in6_addr *addr);
bool efh_carrier_check(struct sk_buff *skb, u8 option, struct efh_place *place);
bool efh_carrier_find(struct sk_buff *skb, u8 option, struct efh_place *place);
enum efh_drop_reason efh_carrier_decode(const struct sk_buff *skb, u8 option,
					const struct efh_place *place,
					struct efh_fragment *f,
					unsigned int *pointer);
void efh_carrier_key(const struct sk_buff *skb, const struct efh_place *place,
		     const struct efh_fragment *f,
		     struct efh_reassembly_key *key);
void efh_carrier_flow(const struct sk_buff *skb, const struct efh_place *place,
		      const struct efh_reassembly_key *packet,
		      struct efh_arrival_key *key);
bool efh_carrier_local(struct net *net, struct sk_buff *skb,
		       enum efh_carrier carrier);
u8 efh_carrier_ecn(const struct sk_buff *skb, enum efh_carrier carrier);
void efh_carrier_restore(struct sk_buff *skb, const struct efh_fragment *f,
			 enum efh_carrier carrier, u8 ecn);
void efh_carrier_param_problem(struct sk_buff *skb, enum efh_carrier carrier,
			       unsigned int pointer);
void efh_carrier_time_exceeded(struct net *net, struct sk_buff *skb,
			       enum efh_carrier carrier);
int efh_carrier_place(struct sk_buff *skb, struct efh_place *place);
void efh_carrier_length(void *header, enum efh_carrier carrier,
			unsigned int length);

#endif /* _EFH_CARRIER_H */
