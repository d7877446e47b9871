/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_CB_H
#define _EFH_CB_H

#include <linux/ipv6.h>
#include <net/ip.h>
#include "wire.h"

/*
 * skb->cb of a fragment between carrier and reassembly. What the IP layers
 * keep there stays: the first fragment becomes the packet.
 */
struct efh_cb {
	union {
		struct inet_skb_parm ip4;
		struct inet6_skb_parm ip6;
	} ip;
	int iif;		/* where it came in, for ICMP after a timeout */
	u16 at;			/* of the EFH header in the packet, octets */
	u16 nhoff;		/* of the Next Header field that names it */
	u16 hdrlen;		/* of the EFH header, octets */
	u8 index;		/* of the first */
	u8 count;		/* of fragments: more than one in a run */
};

static inline struct efh_cb *efh_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct efh_cb) > sizeof(skb->cb));
	return (struct efh_cb *)skb->cb;
}

#endif /* _EFH_CB_H */
