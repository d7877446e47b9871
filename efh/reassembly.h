/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_REASSEMBLY_H
#define _EFH_REASSEMBLY_H

#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "wire.h"

struct efh_net;

/*
 * wire.rst section 4: fragments that differ in any of it are never merged.
 * IPv4 addresses are mapped ones. Compared as octets: no padding.
 */
struct efh_reassembly_key {
	struct in6_addr source;
	struct in6_addr destination;
	__be64 id;
	u32 scope;		/* L3 domain, or link of a link-local source */
	u32 carrier;		/* enum efh_carrier */
};

enum efh_added {
	EFH_ADD_DROPPED,
	EFH_ADD_HELD,
	EFH_ADD_WHOLE,		/* has become a whole packet */
	EFH_ADD_APART,		/* a run, to be added fragment by fragment */
};

/**
 * struct efh_held - what is held of a packet
 * @missing: bit k: Index k is known to be missing
 * @first: nothing was held of it before
 */
struct efh_held {
	u64 missing;
	bool first;
};

enum efh_age {
	EFH_AGE_STRANGER,	/* evicted first, but for a quarter of the bound */
	EFH_AGE_KNOWN,		/* its source completed a packet before */

	__EFH_AGE_MAX
};

#define EFH_KNOWN_SLOTS 4096

struct efh_reassembly_table {
	struct rhashtable packets;
	/* Protects age, and the insertion into it and removal from it. */
	spinlock_t lock;
	struct list_head age[__EFH_AGE_MAX];	/* oldest first */
	atomic_long_t bytes[__EFH_AGE_MAX];
	atomic_long_t fragments;
	struct delayed_work expire;
	/*
	 * Sources that completed a packet, by a keyed hash; a slot remembers
	 * the last one. Lossy on purpose: it is a preference, not a right.
	 */
	u32 *known;
	siphash_key_t known_key;
};

int efh_reassembly_init(struct efh_net *en);
void efh_reassembly_exit(struct efh_net *en);
void efh_reassembly_settings(struct efh_net *en);
bool efh_reassembly_knows(struct efh_net *en, const struct in6_addr *source);
void efh_reassembly_forget(struct efh_net *en, const struct in6_addr *source,
			   const struct in6_addr *destination);
bool efh_reassembly_holds(struct efh_net *en,
			  const struct efh_reassembly_key *key);
bool efh_reassembly_missing(struct efh_net *en,
			    const struct efh_reassembly_key *key, u64 *missing);
unsigned int efh_reassembly_lacks(struct efh_net *en,
				  const struct efh_reassembly_key *key);
enum efh_added efh_reassembly_add(struct efh_net *en, struct sk_buff *skb,
				  const struct efh_reassembly_key *key,
				  const struct efh_fragment *f, u8 *ecn,
				  struct efh_held *held);
void efh_reassembly_whole(struct efh_net *en, struct sk_buff *skb,
			  const struct efh_reassembly_key *key,
			  unsigned int count);
unsigned int efh_reassembly_packets(struct efh_net *en);
u64 efh_reassembly_bytes(struct efh_net *en);

#endif /* _EFH_REASSEMBLY_H */
