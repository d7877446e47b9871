/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PEER_H
#define _EFH_PEER_H

#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/dst_cache.h>
#include "alive.h"
#include "control.h"

struct efh_link;
struct efh_net;
struct netlink_ext_ack;

/* Outer flows share this many routes to a peer. */
#define EFH_PEER_ROUTES	8

/* Both ends' addresses, mapped for IPv4. Compared as octets: no padding. */
struct efh_peer_key {
	struct in6_addr local;
	struct in6_addr remote;
	__be16 port;		/* local UDP port, 0 without */
	u16 udp;
};

/* An inner prefix. Compared as octets: no padding. */
struct efh_prefix_key {
	struct in6_addr addr;	/* mapped for IPv4 */
	u32 len;		/* of the mapped prefix, bits */
};

struct efh_prefix {
	struct rhlist_head node;	/* in the link's prefixes */
	struct efh_prefix_key key;
	struct efh_peer *peer;
};

/**
 * struct efh_peer_setup - what is asked for a peer
 * @remote: its outer address, mapped for IPv4
 * @port: where it listens; 0: not told
 * @priority: of those with one prefix the lowest is used
 * @own: it is the link's own remote
 * @count: of prefixes
 * @prefixes: inner prefixes behind it
 */
struct efh_peer_setup {
	struct in6_addr remote;
	__be16 port;
	u32 priority;
	bool own;
	unsigned int count;
	struct efh_prefix_key *prefixes;
};

/*
 * Whether a peer is alive. The lock protects it; what is read without has
 * READ_ONCE/WRITE_ONCE.
 */
struct efh_alive {
	spinlock_t lock;		/* as said above */
	struct hrtimer timer;
	bool dead;			/* the peer goes */
	bool asking;			/* it was asked on a hint */
	bool mute;			/* it never answered */
	bool epoch_known;		/* since the link is up it has answered */
	u8 state;			/* enum efh_peer_state */
	u8 asks;			/* in a row, unanswered */
	u8 proofs;			/* answers in a row while it is down */
	u32 asked;			/* number of the last PROBE */
	u8 open;			/* bit k: the PROBE k before that has no answer */
	u32 epoch;
	u64 asked_at;			/* ns */
	u64 answer;			/* what one takes, ns; 0: none came */
	u64 watch;			/* while it is down, between two PROBEs, ns */
	unsigned long when;		/* the last hint, jiffies; 0: never */
	unsigned long greeted;		/* asked without a hint, jiffies; 0: never */
	unsigned long alone;		/* sent to though it is down, jiffies; 0: never */
	unsigned long before;		/* when it was last heard before the link went up */
	struct efh_hint hint;
	struct efh_hint left;		/* why it was last left */
	struct efh_control held;	/* sent when it answers in that life; kind 0: none */
	u32 held_epoch;
};

/*
 * A remote endpoint of a link. RTNL protects it, and the lists it is in; found
 * under RCU, freed after a grace period. Its link outlives it.
 */
struct efh_peer {
	struct rhlist_head node;	/* in the namespace's peers */
	struct efh_peer_key key;	/* constant */
	struct list_head list;		/* in the link's peers */
	struct efh_link *link;		/* constant */
	bool own;			/* constant */
	/* READ_ONCE/WRITE_ONCE from here on; times in jiffies, 0: never */
	__be16 port;			/* where it is known to be */
	__be16 home;			/* where it is configured to be */
	bool fixed;			/* and nowhere else */
	bool nat;			/* between here and there */
	u32 priority;
	unsigned long heard;
	unsigned long proved;		/* it answered from port */
	unsigned long checked;		/* asked there, another was claimed */
	/* From here on not */
	struct efh_alive alive;
	struct work_struct reborn;
	struct dst_cache routes[EFH_PEER_ROUTES];	/* BH disabled */
	unsigned int count;
	struct efh_prefix *prefixes;
	struct rcu_head rcu;
};

/* A moment that can be told from never. */
static inline unsigned long efh_now(void)
{
	return jiffies ?: 1;
}

/* Was it within the last @period? Never is 0; what is too old to tell is not. */
static inline bool efh_lately(unsigned long when, unsigned long period)
{
	return when && time_in_range_open(jiffies, when, when + period);
}

struct efh_peer_table {
	struct rhltable table;
};

int efh_peer_net_init(struct efh_net *en);
void efh_peer_net_exit(struct efh_net *en);
int efh_peer_link_init(struct efh_link *link);
void efh_peer_link_exit(struct efh_link *link);
struct efh_peer *efh_peer_add(struct efh_link *link,
			      const struct efh_peer_setup *setup,
			      struct netlink_ext_ack *extack);
int efh_peer_describe(const struct efh_peer *peer,
		      struct efh_peer_setup *setup);
int efh_peer_replace(struct efh_peer *peer, const struct efh_peer_setup *setup);
void efh_peer_port(struct efh_peer *peer, __be16 port);
void efh_peer_fix_port(struct efh_peer *peer, __be16 port);
void efh_peer_reborn(struct efh_peer *peer);
void efh_peer_del(struct efh_peer *peer);
struct efh_peer *efh_peer_by_remote(struct efh_link *link,
				    const struct in6_addr *remote);
struct efh_peer *efh_peer_find(struct efh_net *en,
			       const struct efh_peer_key *key,
			       const struct sk_buff *skb);
bool efh_peer_pretended(const struct efh_peer *peer,
			const struct sk_buff *skb);
struct efh_peer *efh_peer_at(struct efh_net *en,
			     const struct efh_peer_key *key, u32 scope);
struct efh_peer *efh_peer_select(struct efh_link *link,
				 const struct in6_addr *to);
bool efh_peer_holds(const struct efh_peer *peer, const struct in6_addr *from);

#endif /* _EFH_PEER_H */
