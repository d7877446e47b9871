/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_EVENT_H
#define _EFH_EVENT_H

#include <linux/in6.h>
#include <linux/types.h>
#include <linux/efh.h>

struct efh_destination;
struct efh_flow;
struct efh_net;
struct sk_buff;

/**
 * struct efh_cause - the ICMP error that led to a change
 * @type: ICMP type, of the flow's IP version
 * @code: ICMP code
 * @from: who sent it, a mapped address for IPv4
 */
struct efh_cause {
	u8 type;
	u8 code;
	struct in6_addr from;
};

void efh_event(struct efh_net *en, enum efh_cmd cmd, struct efh_destination *d,
	       struct efh_flow *flow, u32 old, u32 new,
	       const struct efh_cause *cause);
int efh_put_flow(struct sk_buff *msg, struct efh_destination *d,
		 struct efh_flow *flow);
int efh_put_addr(struct sk_buff *msg, int attr, const struct in6_addr *addr);

#endif /* _EFH_EVENT_H */
