/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_FLOW_H
#define _EFH_FLOW_H

#include <linux/atomic.h>
#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "advise.h"
#include "destination.h"
#include "loss.h"
#include "retransmit.h"
#include "search.h"

struct efh_net;

/*
 * The label is what routers spread IPv6 flows by (RFC 6438), and what an ICMP
 * error quotes of every fragment; IPv4 has none, 0. Under UDP the source port
 * stands for it. Compared as octets: no padding.
 */
struct efh_flow_key {
	struct efh_destination_key destination;
	u32 label;
	u32 carrier;		/* enum efh_carrier */
};

/*
 * An outer flow: Identifications and counts. Found under RCU, freed after a
 * grace period; dropped once idle, or with its namespace.
 */
struct efh_flow {
	struct rhash_head node;
	struct efh_flow_key key;
	struct efh_destination *destination;	/* a reference; constant */
	u64 first_id;				/* constant */
	atomic64_t next_id;
	atomic64_t fragments;
	unsigned long used;			/* jiffies; READ_ONCE/WRITE_ONCE */
	u32 size;				/* L last used; likewise */
	u32 mtu;				/* path MTU last used; likewise */
	/*
	 * What may be in flight: older[0] was next_id one turn ago, older[1]
	 * two.
	 */
	spinlock_t lock;			/* what follows; turned is read without */
	unsigned long turned;			/* jiffies */
	u64 older[2];
	bool lives;				/* epoch is known, in native mode: */
	u32 epoch;				/* of who answers what asks about it */
	/* From here on not */
	struct efh_store store;
	struct efh_search search;
	struct efh_loss loss;
	struct rcu_head rcu;
};

#define EFH_REBORN_SLOTS 64

/* Who lives another life, and by that: all of theirs is to be forgotten */
struct efh_reborn {
	spinlock_t lock;		/* what follows, but work */
	bool any;
	unsigned long when;		/* the last one, jiffies; 0: never */
	unsigned long again[EFH_REBORN_SLOTS];	/* so, by remote address */
	struct in6_addr local;
	struct in6_addr remote;
	struct work_struct work;
};

struct efh_flow_table {
	struct rhashtable flows;
	struct efh_reborn reborn;
	struct efh_destination_table destinations;
	struct delayed_work collect;
	struct delayed_work age;		/* of what is kept */
	atomic_long_t kept;			/* octets, of all flows */
	atomic_t advised;			/* flows to which a size is */
	struct efh_told told;
};

int efh_flow_init(struct efh_net *en);
void efh_flow_stop(struct efh_net *en);
void efh_flow_exit(struct efh_net *en);
struct efh_flow *efh_flow_find(struct efh_net *en,
			       const struct efh_flow_key *key);
struct efh_flow *efh_flow_get(struct efh_net *en,
			      const struct efh_flow_key *key);
u64 efh_flow_next(struct efh_flow *flow, unsigned int mtu, unsigned int size);
bool efh_flow_in_flight(struct efh_flow *flow, u64 id);
void efh_flow_lives(struct efh_net *en, struct efh_flow *flow,
		    const struct in6_addr *local, u32 epoch);
void efh_flow_flush(struct efh_net *en, const struct in6_addr *to);

/**
 * efh_flow_packets() - how many packets were sent in a flow
 * @flow: the flow
 */
static inline u64 efh_flow_packets(const struct efh_flow *flow)
{
	return atomic64_read(&flow->next_id) - flow->first_id;
}

#endif /* _EFH_FLOW_H */
