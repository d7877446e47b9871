/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_STATS_H
#define _EFH_STATS_H

#include <linux/u64_stats_sync.h>
#include "wire.h"

struct efh_net;
struct sk_buff;

/*
 * Sums only: what is held now is read from where it is held. Indexed by the
 * attribute that reports them, so that a counter has one name.
 */
#define EFH_STATS_SUMS	EFH_A_STATS_REASSEMBLY_BYTES

/* Per CPU, written with BH disabled; read by anyone under syncp. */
struct efh_stats {
	u64_stats_t count[EFH_STATS_SUMS];
	struct u64_stats_sync syncp;
};

int efh_stats_init(struct efh_net *en);
void efh_stats_exit(struct efh_net *en);
void efh_stats_add(struct efh_net *en, enum efh_stats_attr counter,
		   unsigned int n);
void efh_stats_read(struct efh_net *en, u64 *count);
void efh_stats_reset(struct efh_net *en);
void efh_drop(struct efh_net *en, struct sk_buff *skb, unsigned int count,
	      enum efh_drop_reason reason);

static inline void efh_stats_inc(struct efh_net *en, enum efh_stats_attr counter)
{
	efh_stats_add(en, counter, 1);
}

#endif /* _EFH_STATS_H */
