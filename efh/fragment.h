/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_FRAGMENT_H
#define _EFH_FRAGMENT_H

#include <linux/netdev_features.h>
#include <linux/skbuff.h>
#include "wire.h"

/**
 * struct efh_split - how to split a run
 * @net: the namespace
 * @carrier: which; the IP version under UDP does not matter
 * @tunnel: headers before data that fragments repeat, too, octets
 * @network: from data to the IP header, octets
 * @at: from data to the EFH header, octets
 * @size: L, octets
 * @only: bit k: Index k is wanted; 0: all are
 * @features: of the device that sends the fragments
 */
struct efh_split {
	struct net *net;
	enum efh_carrier carrier;
	unsigned int tunnel;
	unsigned int network;
	unsigned int at;
	unsigned int size;
	u64 only;
	netdev_features_t features;
};

struct sk_buff *efh_fragment(struct sk_buff *skb, const struct efh_split *split);

#endif /* _EFH_FRAGMENT_H */
