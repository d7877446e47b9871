/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_EVENT_H
#define _EFH_EVENT_H

#include <linux/in6.h>
#include <linux/types.h>
#include <linux/efh.h>

struct efh_destination;
struct efh_flow;
struct efh_hint;
struct efh_net;
struct efh_peer;
struct sk_buff;

/**
 * struct efh_cause - what led to a change
 * @why: the kind; what follows holds for ICMP errors
 * @type: ICMP type, of the flow's IP version
 * @code: ICMP code
 * @from: who sent it, a mapped address for IPv4
 */
struct efh_cause {
	enum efh_mtu_cause why;
	u8 type;
	u8 code;
	struct in6_addr from;
};

void efh_event(struct efh_net *en, enum efh_cmd cmd, struct efh_destination *d,
	       struct efh_flow *flow, u32 old, u32 new,
	       const struct efh_cause *cause);
void efh_loss_event(struct efh_net *en, struct efh_flow *flow, u32 old, u32 new);
void efh_peer_event(const struct efh_peer *peer, enum efh_peer_state old,
		    enum efh_peer_state new, const struct efh_hint *hint);
void efh_reset_event(const struct efh_peer *peer, const struct efh_hint *hint);
int efh_put_flow(struct sk_buff *msg, struct efh_destination *d,
		 struct efh_flow *flow);

#endif /* _EFH_EVENT_H */
