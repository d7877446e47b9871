/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_CONTROL_H
#define _EFH_CONTROL_H

#include <linux/siphash.h>
#include <linux/types.h>
#include "path.h"
#include "wire.h"

struct efh_arrival_key;
struct efh_flow;
struct efh_net;
struct efh_peer;
struct efh_probe;
struct efh_toll;
struct sk_buff;

/* Of one namespace, an endpoint; constant. */
struct efh_control_net {
	u32 epoch;
	siphash_key_t key;
	siphash_key_t alive;
	siphash_key_t search;
};

/**
 * struct efh_control - what a message says
 * @kind: what it is
 * @size: by kind
 * @flow: likewise
 * @nonce: or Identification
 * @missing: likewise
 * @count_a: likewise
 * @count_b: likewise
 */
struct efh_control {
	enum efh_control_kind kind;
	__be16 size;
	__be32 flow;
	__be64 nonce;
	__be64 missing;
	__be32 count_a;
	__be32 count_b;
};

/* Is it about the endpoint, a link's, and not about a flow? */
static inline bool efh_control_about_endpoint(__be32 flow)
{
	return flow & htonl(EFH_CONTROL_ENDPOINT);
}

/**
 * efh_control_took() - how long answers take
 * @before: what they took so far, ns; 0: none came
 * @took: what the last one took, ns
 *
 * Return: ns.
 */
static inline u64 efh_control_took(u64 before, u64 took)
{
	return before ? (7 * before + took) / 8 : took;
}

void efh_control_net_init(struct efh_net *en);
bool efh_control_is(const struct efh_net *en, struct sk_buff *skb);
void efh_control_receive(struct efh_net *en, struct sk_buff *skb,
			 struct efh_path *from);
struct sk_buff *efh_control_probe(const struct efh_net *en,
				  const struct efh_flow *flow,
				  const struct efh_probe *probe,
				  const struct sk_buff *like);
void efh_control_send(struct efh_net *en, const struct efh_path *to,
		      const struct efh_control *what);
void efh_control_tell(struct efh_peer *peer, __be16 port,
		      const struct efh_control *what);
void efh_control_nack(struct efh_net *en, const struct efh_arrival_key *flow,
		      u64 id, u64 missing);
void efh_control_report(struct efh_net *en, const struct efh_arrival_key *flow,
			u64 id, unsigned int took, const struct efh_toll *toll);

#endif /* _EFH_CONTROL_H */
