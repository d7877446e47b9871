/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_CARRIER_H
#define _EFH_CARRIER_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include "reassembly.h"
#include "wire.h"

struct efh_net;

/**
 * struct efh_place - where the EFH header stands, or would, in a packet
 * @carrier: IPv6 or IPv4
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

/**
 * efh_carrier_before() - what counts towards 65535 before the EFH header
 * @carrier: IPv6 or IPv4
 * @at: where the header stands, octets into the packet
 *
 * Return: octets: extension headers under IPv6, all under IPv4.
 */
static inline unsigned int efh_carrier_before(enum efh_carrier carrier,
					      unsigned int at)
{
	return carrier == EFH_CARRIER_IPV6 ? at - sizeof(struct ipv6hdr) : at;
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
