/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_TUNNEL_H
#define _EFH_TUNNEL_H

#include <linux/types.h>

struct efh_net;
struct sk_buff;

int efh_tunnel_init(void);
void efh_tunnel_exit(void);
void efh_tunnel_error4(struct sk_buff *skb, unsigned int at, u8 protocol);

#endif /* _EFH_TUNNEL_H */
