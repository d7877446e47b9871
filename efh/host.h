/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_HOST_H
#define _EFH_HOST_H

struct net;

int efh_host_init(struct net *net);
void efh_host_exit(struct net *net);

#endif /* _EFH_HOST_H */
