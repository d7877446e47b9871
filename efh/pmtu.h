/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PMTU_H
#define _EFH_PMTU_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include "flow.h"

unsigned int efh_pmtu_hook6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
int efh_pmtu_icmp4(struct sk_buff *skb, u32 info);
unsigned int efh_pmtu_get(struct efh_net *en, struct efh_flow *flow,
			  unsigned int local);
bool efh_pmtu_unaware(struct efh_net *en, struct efh_flow *flow);

#endif /* _EFH_PMTU_H */
