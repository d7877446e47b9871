/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ADVISE_H
#define _EFH_ADVISE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct dst_entry;
struct efh_flow;
struct efh_inner;
struct efh_net;
struct efh_peer;
struct sk_buff;

/*
 * What sockets were told of late in a namespace: by that their routes' exceptions
 * are known. The lock protects all of it; last and any are read without.
 */
#define EFH_TOLD_MAX	16

struct efh_told {
	spinlock_t lock;		/* as said above */
	u32 mtu[EFH_TOLD_MAX];		/* octets; 0: none */
	unsigned long when[EFH_TOLD_MAX];	/* jiffies */
	unsigned long last;		/* jiffies */
	bool any;
};

void efh_advise_init(struct efh_told *told);
bool efh_advise_due(struct efh_net *en);
void efh_advise_socket(struct efh_net *en, struct efh_flow *flow,
		       struct sk_buff *skb, unsigned int at);
void efh_advise_link(struct sk_buff *skb, const struct efh_inner *inner,
		     const struct efh_peer *peer, const struct dst_entry *dst);

#endif /* _EFH_ADVISE_H */
