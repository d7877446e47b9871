/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_FRAGLIST_H
#define _EFH_FRAGLIST_H

#include <linux/skbuff.h>

unsigned int efh_fraglist_group(struct sk_buff **link);
bool efh_fraglist_hang(struct sk_buff *skb, struct sk_buff *list);

#endif /* _EFH_FRAGLIST_H */
