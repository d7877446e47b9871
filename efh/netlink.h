/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_NETLINK_H
#define _EFH_NETLINK_H

#include <net/genetlink.h>

extern struct genl_family efh_genl_family;

int efh_netlink_init(void);
void efh_netlink_exit(void);

#endif /* _EFH_NETLINK_H */
