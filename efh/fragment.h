/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_FRAGMENT_H
#define _EFH_FRAGMENT_H

#include <linux/skbuff.h>
#include "carrier.h"

/**
 * struct efh_split - how to split a packet
 * @net: the namespace
 * @sk: whom the output function is to be told as sender, or NULL
 * @output: takes each fragment; returns 0, a negative error or NET_XMIT_*
 * @place: where the EFH header goes
 * @option: its option type
 * @size: L, octets
 * @count: N
 * @id: Identification
 */
struct efh_split {
	struct net *net;
	struct sock *sk;
	int (*output)(struct net *net, struct sock *sk, struct sk_buff *skb);
	struct efh_place place;
	u8 option;
	unsigned int size;
	unsigned int count;
	u64 id;
};

int efh_fragment(struct sk_buff *skb, const struct efh_split *split);

#endif /* _EFH_FRAGMENT_H */
