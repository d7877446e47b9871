/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_SEND_H
#define _EFH_SEND_H

#include <linux/netfilter.h>

unsigned int efh_send_hook6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int efh_send_hook4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);

#endif /* _EFH_SEND_H */
