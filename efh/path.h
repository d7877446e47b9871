/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PATH_H
#define _EFH_PATH_H

#include <linux/in6.h>
#include <linux/types.h>
#include <linux/efh.h>

struct dst_entry;
struct efh_flow;
struct efh_net;
struct efh_peer;
struct sk_buff;
struct sock;

/**
 * struct efh_path - two endpoints and what is between them
 * @carrier: under which
 * @scope: L3 domain, or link of a link-local address
 * @local: this end, mapped for IPv4
 * @remote: the other
 * @peer: a link's peer that is the other; NULL in native mode. RCU
 * @port: where the peer is to be sent to; UDP only
 */
struct efh_path {
	enum efh_carrier carrier;
	u32 scope;
	struct in6_addr local;
	struct in6_addr remote;
	struct efh_peer *peer;
	__be16 port;
};

struct dst_entry *efh_path_route(struct efh_net *en,
				 const struct efh_path *path, u32 label,
				 u8 dsfield, u32 mark);
bool efh_path_direct(const struct dst_entry *dst);
unsigned int efh_path_route_mtu(const struct dst_entry *dst,
				enum efh_carrier carrier);
int efh_path_output(struct efh_net *en, struct sk_buff *skb);
int efh_path_again(struct efh_net *en, struct sk_buff *skb,
		   struct dst_entry *dst);
void efh_path_by(struct efh_net *en, const struct efh_path *path,
		 struct sock *sk, struct sk_buff *skb, struct dst_entry *dst,
		 u32 label);
struct efh_flow *efh_path_flow(struct efh_net *en, const struct efh_path *path,
			       __be32 label);
bool efh_path_send(struct efh_net *en, const struct efh_path *path,
		   struct sk_buff *skb);

#endif /* _EFH_PATH_H */
