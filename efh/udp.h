/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_UDP_H
#define _EFH_UDP_H

#include <linux/skbuff.h>

struct dst_entry;
struct efh_inner;
struct efh_peer;

u16 efh_udp_sport(const struct efh_inner *inner, const struct efh_peer *peer);
void efh_udp_send(struct sk_buff *skb, const struct efh_inner *inner,
		  struct efh_peer *peer, struct dst_entry *dst);
bool efh_udp_control(struct sk_buff *skb, struct efh_peer *peer, __be16 port);
void efh_udp_again(struct sk_buff *skb, struct efh_inner *inner,
		   struct efh_peer *peer, u16 sport);

#endif /* _EFH_UDP_H */
