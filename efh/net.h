/* SPDX-License-Identifier: GPL-2.0-only */
/* What efh keeps for one network namespace; gone with it. */
#ifndef _EFH_NET_H
#define _EFH_NET_H

#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "arrival.h"
#include "control.h"
#include "flow.h"
#include "native.h"
#include "peer.h"
#include "reassembly.h"
#include "stats.h"

#define EFH_TIMEOUT_MS		60000		/* wire.rst section 4 */
#define EFH_MEMORY		(32ull << 20)

/*
 * Written by netlink under genl's mutex, a field at a time with WRITE_ONCE;
 * read anywhere with READ_ONCE.
 */
struct efh_settings {
	u8 efh_option;
	u8 parcel_option;
	u8 control_option;
	bool receive;
	bool atomic;
	u32 timeout;		/* ms */
	u64 memory;		/* octets */
};

struct efh_net {
	struct net *net;
	struct efh_settings settings;
	struct efh_stats __percpu *stats;
	u64 stats_base[EFH_STATS_SUMS];		/* genl's mutex */
	struct efh_reassembly_table reassembly;
	struct efh_arrival_table arrivals;
	struct efh_flow_table flows;
	struct efh_native_table natives;
	struct list_head links;			/* RTNL */
	struct list_head ports;			/* RTNL */
	struct efh_peer_table peers;
	struct efh_control_net control;
	/* What IP carriers send with, by carrier; set once, under RTNL. */
	struct sock *senders[EFH_CARRIER_IPV4 + 1];
};

extern unsigned int efh_net_id;
extern struct workqueue_struct *efh_wq;

static inline struct efh_net *efh_net(const struct net *net)
{
	return net_generic(net, efh_net_id);
}

/* IPv4 stands beside IPv6 everywhere, in mapped addresses. */
static inline enum efh_carrier efh_carrier_of(const struct in6_addr *addr)
{
	return ipv6_addr_v4mapped(addr) ? EFH_CARRIER_IPV4 : EFH_CARRIER_IPV6;
}

static inline bool efh_multicast(const struct in6_addr *addr)
{
	return ipv6_addr_is_multicast(addr) ||
	       (ipv6_addr_v4mapped(addr) &&
		ipv4_is_multicast(addr->s6_addr32[3]));
}

/* Can an end of a path have it? */
static inline bool efh_unicast(const struct in6_addr *addr)
{
	__be32 ip4 = addr->s6_addr32[3];

	if (ipv6_addr_v4mapped(addr))
		return !ipv4_is_multicast(ip4) && !ipv4_is_zeronet(ip4) &&
		       !ipv4_is_lbcast(ip4);
	return !ipv6_addr_any(addr) && !ipv6_addr_is_multicast(addr);
}

#endif /* _EFH_NET_H */
