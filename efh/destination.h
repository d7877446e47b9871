/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_DESTINATION_H
#define _EFH_DESTINATION_H

#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include "hole.h"

struct efh_net;

struct efh_destination_key {
	struct in6_addr addr;	/* mapped for IPv4 */
	u32 scope;		/* L3 domain, or link of a link-local address */
};

/**
 * struct efh_learnt - something learnt that is forgotten again
 * @value: what; 0 is nothing
 * @expires: jiffies
 */
struct efh_learnt {
	u32 value;
	unsigned long expires;
};

/*
 * What is learnt of a destination; shared by its flows, gone with the last.
 * Found under RCU; learnt values under lock.
 */
struct efh_destination {
	struct rhash_head node;
	struct efh_destination_key key;
	refcount_t flows;
	atomic_t budget;		/* octets that may be sent there again */
	spinlock_t lock;		/* mtu, unaware, and hole as it says */
	struct efh_learnt mtu;		/* path MTU, octets */
	struct efh_learnt unaware;	/* enum efh_flow_state */
	struct efh_hole hole;
	struct rcu_head rcu;
};

struct efh_destination_table {
	struct rhashtable table;
};

int efh_destination_init(struct efh_net *en);
void efh_destination_exit(struct efh_net *en);
struct efh_destination *
efh_destination_find(struct efh_net *en, const struct efh_destination_key *key);
struct efh_destination *
efh_destination_get(struct efh_net *en, const struct efh_destination_key *key);
void efh_destination_put(struct efh_net *en, struct efh_destination *d);
bool efh_destination_learn(struct efh_destination *d, struct efh_learnt *what,
			   u32 value, unsigned long lifetime, u32 *old);
u32 efh_destination_recall(struct efh_destination *d, struct efh_learnt *what,
			   u32 *forgot);
u32 efh_destination_peek(struct efh_destination *d,
			 const struct efh_learnt *what);
unsigned long efh_destination_expires(struct efh_destination *d);

#endif /* _EFH_DESTINATION_H */
