/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ATTR_H
#define _EFH_ATTR_H

#include <linux/types.h>

struct in6_addr;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

int efh_attr_addr(const struct nlattr *attr, struct in6_addr *addr,
		  struct netlink_ext_ack *extack);
int efh_attr_prefix(struct nlattr **attrs, int addr, int len,
		    struct in6_addr *prefix, struct netlink_ext_ack *extack);
int efh_attr_fragment_size(const struct nlattr *attr, u32 *size,
			   struct netlink_ext_ack *extack);
int efh_attr_put_addr(struct sk_buff *msg, int attr,
		      const struct in6_addr *addr);

#endif /* _EFH_ATTR_H */
