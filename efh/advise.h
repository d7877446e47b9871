/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ADVISE_H
#define _EFH_ADVISE_H

#include <linux/types.h>

struct dst_entry;
struct efh_flow;
struct efh_inner;
struct efh_net;
struct efh_peer;
struct sk_buff;

void efh_advise_socket(struct efh_net *en, struct efh_flow *flow,
		       struct sk_buff *skb, unsigned int at);
void efh_advise_link(struct sk_buff *skb, const struct efh_inner *inner,
		     const struct efh_peer *peer, const struct dst_entry *dst);

#endif /* _EFH_ADVISE_H */
