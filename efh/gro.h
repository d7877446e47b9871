/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_GRO_H
#define _EFH_GRO_H

#include <linux/skbuff.h>
#include "wire.h"

bool efh_gro_wants(struct sk_buff *skb);
struct sk_buff *efh_gro_receive(struct list_head *head, struct sk_buff *skb,
				enum efh_carrier carrier);
void efh_gro_complete(struct sk_buff *skb, int at, enum efh_carrier carrier);
bool efh_gro_stop(void);

#endif /* _EFH_GRO_H */
