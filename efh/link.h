/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_LINK_H
#define _EFH_LINK_H

#include <linux/in6.h>
#include <linux/netdevice.h>
#include <linux/rhashtable-types.h>
#include <linux/u64_stats_sync.h>
#include <net/gro_cells.h>
#include <net/ipv6.h>
#include "wire.h"

struct efh_net;
struct efh_peer;
struct efh_port;

#define EFH_PREFIX_BITS		128
#define EFH_LINK_TTL		64	/* outer hop limit, unless told */
/* The stack's own limits are a little higher, and it complains of them aloud. */
#define EFH_LINK_NESTED_MAX	3

/**
 * struct efh_link_config - what may be changed while the link lives
 * @ttl: outer hop limit; 0: the inner one
 * @tos: outer traffic class; 1: the inner DSCP
 * @udp_csum: UDP checksum over IPv6
 * @retransmit: fragments may be sent again
 * @sport_min: first of the UDP source ports
 * @sport_max: last
 * @fragment_size: limit of L, octets; 0: none
 * @rcu: for those who still read it
 */
struct efh_link_config {
	u8 ttl;
	u8 tos;
	bool udp_csum;
	bool retransmit;
	u16 sport_min;
	u16 sport_max;
	u32 fragment_size;
	struct rcu_head rcu;
};

/* What a link counts beside octets and packets: ethtool -S, in this order. */
enum efh_link_stat {
	EFH_LINK_OUT_LARGE,		/* packets that left in fragments */
	EFH_LINK_OUT_MALFORMED,		/* neither IPv6 nor IPv4 */
	EFH_LINK_OUT_NO_PEER,
	EFH_LINK_OUT_NO_ROUTE,
	EFH_LINK_OUT_LOOP,
	EFH_LINK_OUT_TOO_BIG,
	EFH_LINK_OUT_NO_MEMORY,
	EFH_LINK_IN_MALFORMED,
	EFH_LINK_IN_SOURCE,		/* inner source is not behind that peer */
	EFH_LINK_IN_ECN,		/* RFC 6040 forbids the combination */
	EFH_LINK_IN_ICMP,		/* errors from the path, translated */

	__EFH_LINK_STAT_MAX
};

/* Per CPU, written with BH disabled; read by anyone under syncp. */
struct efh_link_stats {
	u64_stats_t count[__EFH_LINK_STAT_MAX];
	struct u64_stats_sync syncp;
};

/*
 * A device's private part. RTNL protects what is not said to be constant; it is
 * freed with the device, after the last packet has left it.
 */
struct efh_link {
	struct net_device *dev;			/* constant */
	struct net *net;			/* of the outer packets; constant */
	struct list_head list;			/* in the net's links */
	/* Where it stands, constant from before its first peer: */
	struct in6_addr local;			/* mapped for IPv4; any: nowhere yet */
	u32 lower;				/* ifindex, 0: any */
	struct net_device *lower_dev;		/* the same, held as its upper device */
	bool udp;
	__be16 dport;
	struct efh_link_config __rcu *config;
	struct efh_port *port;			/* UDP; as where it stands */
	struct gro_cells gro_cells;
	struct efh_link_stats __percpu *stats;
	struct list_head peers;			/* read under RCU, too */
	/*
	 * Inner prefixes, read under RCU: of each the peers, and how many there
	 * are of each length. lengths has a bit for those that are not 0.
	 */
	struct rhltable prefixes;
	unsigned int prefix_count[EFH_PREFIX_BITS + 1];
	DECLARE_BITMAP(lengths, EFH_PREFIX_BITS + 1);
};

/* Does it have a local address? RTNL */
static inline bool efh_link_placed(const struct efh_link *link)
{
	return !ipv6_addr_any(&link->local);
}

static inline enum efh_carrier efh_link_carrier(const struct efh_link *link)
{
	bool ip4 = ipv6_addr_v4mapped(&link->local);

	if (link->udp)
		return ip4 ? EFH_CARRIER_UDP4 : EFH_CARRIER_UDP6;
	return ip4 ? EFH_CARRIER_IPV4 : EFH_CARRIER_IPV6;
}

int efh_link_init(void);
void efh_link_exit(void);
void efh_link_net_init(struct efh_net *en);
void efh_link_net_stop(struct efh_net *en);
struct efh_link *efh_link_of(struct net_device *dev);
void efh_link_count(struct efh_link *link, enum efh_link_stat stat);
bool efh_link_heads(const struct efh_link *link, const struct sk_buff *skb);
bool efh_link_within(const struct efh_link *link, u32 scope);
int efh_link_receive(struct efh_peer *peer, struct sk_buff *skb, __be16 protocol,
		     u8 dsfield);
bool efh_link_sums(const struct efh_link *link, __sum16 check);
bool efh_link_unreached(bool ip6, u8 type, u8 code);
void efh_link_error(struct efh_peer *peer, struct sk_buff *skb,
		    unsigned int at, u8 protocol);
void efh_link_unreachable(struct efh_link *link, struct sk_buff *skb);
bool efh_link_too_large(struct efh_link *link, struct sk_buff *skb,
			unsigned int mtu);
void efh_link_too_big(struct efh_link *link, const struct sk_buff *skb,
		      unsigned int at, unsigned int mtu);

extern const struct ethtool_ops efh_link_ethtool_ops;
extern struct rtnl_link_ops efh_link_rtnl_ops;
void efh_link_setup(struct net_device *dev);
void efh_link_lower_put(struct efh_link *link);
void efh_link_dellink(struct net_device *dev, struct list_head *head);

#endif /* _EFH_LINK_H */
