/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ENCAP_H
#define _EFH_ENCAP_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include "wire.h"

/* As many outer flows to a peer: they have a state each. */
#define EFH_FLOW_BITS	12

struct efh_link;
struct efh_link_config;
struct efh_net;
struct efh_peer;
struct sock;

/**
 * struct efh_inner - a packet that enters a link
 * @link: the link
 * @config: its settings
 * @from: source, mapped for IPv4
 * @to: destination, mapped for IPv4
 * @protocol: its protocol number as payload: 41 or 4
 * @ttl: hop limit
 * @dsfield: traffic class
 * @flow: a hash of it, of EFH_FLOW_BITS
 */
struct efh_inner {
	struct efh_link *link;
	const struct efh_link_config *config;
	struct in6_addr from;
	struct in6_addr to;
	u8 protocol;
	u8 ttl;
	u8 dsfield;
	u32 flow;
};

int efh_encap(struct sk_buff *skb, const struct efh_inner *inner,
	      const struct efh_peer *peer, struct dst_entry *dst);
struct efh_peer *efh_encap_peer(struct efh_net *en, const struct sk_buff *skb,
				enum efh_carrier carrier);
bool efh_encap_sender(const struct efh_net *en, const struct sock *sk);
int efh_encap_net_start(struct efh_net *en);
void efh_encap_net_exit(struct efh_net *en);
u8 efh_encap_dsfield(const struct efh_inner *inner);
u8 efh_encap_ttl(const struct efh_inner *inner);
__be32 efh_encap_label(const struct efh_inner *inner);
struct dst_entry *efh_encap_route(const struct efh_inner *inner,
				  struct efh_peer *peer);

#endif /* _EFH_ENCAP_H */
