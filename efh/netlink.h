/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_NETLINK_H
#define _EFH_NETLINK_H

#include <linux/in6.h>
#include <net/genetlink.h>
#include <linux/efh.h>

extern struct genl_family efh_genl_family;

int efh_netlink_init(void);
void efh_netlink_exit(void);

extern const struct nla_policy efh_peer_policy[EFH_A_PEER_MAX + 1];
int efh_peer_new(struct sk_buff *skb, struct genl_info *info);
int efh_peer_set(struct sk_buff *skb, struct genl_info *info);
int efh_peer_suspect(struct sk_buff *skb, struct genl_info *info);
int efh_peer_delete(struct sk_buff *skb, struct genl_info *info);
int efh_peer_dump(struct sk_buff *msg, struct netlink_callback *cb);

#endif /* _EFH_NETLINK_H */
