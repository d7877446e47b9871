/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PORT_H
#define _EFH_PORT_H

struct efh_link;
struct efh_net;
struct sock;
struct netlink_ext_ack;

void efh_port_net_init(struct efh_net *en);
int efh_port_get(struct efh_link *link, struct netlink_ext_ack *extack);
void efh_port_put(struct efh_link *link);
bool efh_port_sender(const struct sock *sk);
struct sock *efh_port_sock(const struct efh_link *link);

#endif /* _EFH_PORT_H */
