/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PMTU_H
#define _EFH_PMTU_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

struct efh_cause;
struct efh_destination;
struct efh_flow;
struct efh_net;

unsigned int efh_pmtu_icmp6(struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int efh_pmtu_icmp4(struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned long efh_pmtu_lifetime(const struct efh_net *en,
				const struct efh_destination *d);
unsigned int efh_pmtu_get(struct efh_net *en, struct efh_destination *d,
			  unsigned int local);
void efh_pmtu_learn(struct efh_net *en, struct efh_flow *flow, u32 was, u32 mtu,
		    const struct efh_cause *cause);
bool efh_pmtu_unaware(struct efh_net *en, struct efh_destination *d);

#endif /* _EFH_PMTU_H */
