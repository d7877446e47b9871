/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_NATIVE_H
#define _EFH_NATIVE_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct efh_net;

/*
 * A destination prefix for which this host's own large packets leave as EFH
 * fragments. Constant once listed.
 */
struct efh_native {
	struct list_head list;
	struct in6_addr prefix;		/* mapped for IPv4 */
	u8 prefix_len;			/* of the mapped prefix, bits */
	u32 fragment_size;		/* limit of L, octets; 0: none */
	u32 max_packet;			/* octets */
	bool retransmit;
	struct rcu_head rcu;
};

/* Longest prefix first. Written under genl's mutex, read under RCU. */
struct efh_native_table {
	struct list_head list;
};

void efh_native_init(struct efh_net *en);
void efh_native_exit(struct efh_net *en);
const struct efh_native *efh_native_lookup(struct efh_net *en,
					   const struct in6_addr *to);
struct efh_native *efh_native_find(struct efh_net *en,
				   const struct in6_addr *prefix, u8 len);
int efh_native_add(struct efh_net *en, const struct efh_native *template);
void efh_native_del(struct efh_net *en, struct efh_native *native);

#endif /* _EFH_NATIVE_H */
