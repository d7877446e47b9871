/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_RECEIVE_H
#define _EFH_RECEIVE_H

#include <linux/netfilter.h>
#include "carrier.h"

enum efh_received {
	EFH_RECEIVE_PASS,	/* not ours; as it was */
	EFH_RECEIVE_TAKEN,	/* held or dropped */
	EFH_RECEIVE_WHOLE,	/* has become a whole packet */
};

enum efh_received efh_receive(struct efh_net *en, struct sk_buff *skb,
			      struct efh_place *place, bool routed);
unsigned int efh_receive_hook6(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state);
unsigned int efh_receive_hook4(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state);

#endif /* _EFH_RECEIVE_H */
