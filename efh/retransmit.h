/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_RETRANSMIT_H
#define _EFH_RETRANSMIT_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct efh_control_hdr;
struct efh_flow;
struct efh_inner;
struct efh_net;
struct efh_path;
struct efh_plan;
struct sk_buff;

/*
 * What a flow sent of late, by reference. The lock protects all of it but resent.
 */
struct efh_store {
	spinlock_t lock;		/* as said above */
	bool closed;			/* its flow ends */
	struct sk_buff **ring;		/* by the last bits of Identification */
	u64 oldest;			/* Identification; what is kept is newer */
	unsigned int bytes;		/* truesize of all that is kept */
	unsigned int quiet;		/* octets since it was last asked */
	atomic64_t resent;		/* fragments */
};

void efh_store_init(struct efh_store *store);
void efh_store_close(struct efh_net *en, struct efh_store *store);
void efh_store_age(struct efh_net *en, struct efh_store *store);
void efh_store_keep(struct efh_net *en, struct efh_flow *flow,
		    struct sk_buff *skb, const struct efh_plan *plan,
		    const struct efh_inner *inner);
bool efh_retransmit(struct efh_net *en, const struct efh_path *from,
		    const struct efh_control_hdr *hdr);

#endif /* _EFH_RETRANSMIT_H */
