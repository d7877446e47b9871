/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ARRIVAL_H
#define _EFH_ARRIVAL_H

#include <linux/in6.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct efh_net;

/*
 * A flow as its destination sees it. IPv4 addresses are mapped ones. Compared
 * as octets: no padding.
 */
struct efh_arrival_key {
	struct in6_addr source;
	struct in6_addr destination;
	u32 scope;		/* L3 domain, or link of a link-local source */
	u32 carrier;		/* enum efh_carrier */
	u32 label;		/* flow label; under UDP the source port */
	u32 port;		/* under UDP the destination port */
};

struct efh_arrival_table {
	struct rhashtable flows;
	struct delayed_work collect;
};

int efh_arrival_init(struct efh_net *en);
void efh_arrival_exit(struct efh_net *en);
void efh_arrival_forget(struct efh_net *en, const struct in6_addr *source,
			const struct in6_addr *destination);
void efh_arrival_held(struct efh_net *en, const struct efh_arrival_key *key,
		      __be64 id, u64 came, u64 missing, bool first);
void efh_arrival_whole(struct efh_net *en, const struct efh_arrival_key *key,
		       __be64 id, unsigned int came, bool first);

#endif /* _EFH_ARRIVAL_H */
