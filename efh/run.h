/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run: consecutive fragments of one packet in one buffer, as GSO and GRO
 * have it. Its headers are those of the first fragment, but for M, which is
 * that of the last: a run of all fragments reads as an atomic fragment.
 *
 * gso_size counts the EFH header in, so that what the stack makes of it, a
 * segment's length behind the IP header, is right. The type, which GSO wants to
 * have, is one no part of the IP stack acts upon, that of FCoE; with what no
 * device offers that has it, so that no driver is asked to split a run.
 */
#ifndef _EFH_RUN_H
#define _EFH_RUN_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include "carrier.h"

#define EFH_RUN_TYPE	(SKB_GSO_FCOE | SKB_GSO_DODGY)

static inline bool efh_is_run(const struct sk_buff *skb)
{
	return skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_FCOE;
}

/**
 * efh_run_size() - L of the fragments of a run, octets
 * @skb: the run
 */
static inline unsigned int efh_run_size(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_size - EFH_HDR_LEN;
}

/**
 * efh_run_max() - how long a run may be, octets: what its IP header can tell
 * @carrier: which
 */
static inline unsigned int efh_run_max(enum efh_carrier carrier)
{
	return efh_carrier_ip6(carrier) ?
	       sizeof(struct ipv6hdr) + IPV6_MAXPLEN : IP_MAX_MTU;
}

/**
 * efh_run_mark() - make a run of a buffer
 * @skb: the buffer, its headers as described above; not cloned
 * @carrier: which
 * @size: L, octets
 * @count: of fragments, at least 2
 *
 * The fragments of an IPv4 packet have one IPv4 Identification: DF is set.
 */
static inline void efh_run_mark(struct sk_buff *skb, enum efh_carrier carrier,
				unsigned int size, unsigned int count)
{
	skb_shinfo(skb)->gso_size = EFH_HDR_LEN + size;
	skb_shinfo(skb)->gso_segs = count;
	skb_shinfo(skb)->gso_type = EFH_RUN_TYPE;
	if (!efh_carrier_ip6(carrier))
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_FIXEDID;
}

/**
 * efh_run_mark_udp() - the same in a UDP tunnel, as GSO knows these
 * @skb: the buffer
 * @carrier: which
 * @size: L, octets
 * @count: of fragments, at least 2
 * @at: the EFH header, octets from data
 * @csum: fragments have UDP checksums
 */
static inline void efh_run_mark_udp(struct sk_buff *skb,
				    enum efh_carrier carrier, unsigned int size,
				    unsigned int count, unsigned int at,
				    bool csum)
{
	efh_run_mark(skb, carrier, size, count);
	skb_shinfo(skb)->gso_type |= csum ? SKB_GSO_UDP_TUNNEL_CSUM :
					    SKB_GSO_UDP_TUNNEL;
	skb->encapsulation = 1;
	skb_set_inner_mac_header(skb, at);
	/* What the tunnel counts begins here. */
	skb_set_inner_network_header(skb, at + EFH_HDR_LEN);
	skb_set_inner_transport_header(skb, at);
	skb_set_inner_ipproto(skb, IPPROTO_DSTOPTS);
}

#endif /* _EFH_RUN_H */
