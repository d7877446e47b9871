// SPDX-License-Identifier: GPL-2.0-only
/* Counters of a network namespace, and the end of a packet that is dropped. */
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include "compat.h"
#include "net.h"
#include "trace.h"

static const struct {
	enum efh_stats_attr counter;
	enum skb_drop_reason reason;
} efh_drops[__EFH_DROP_MAX] = {
	[EFH_DROP_BAD_OPTION] = { EFH_A_STATS_BAD_OPTION,
				  SKB_DROP_REASON_IPV6_BAD_EXTHDR },
	[EFH_DROP_BAD_INDEX] = { EFH_A_STATS_BAD_INDEX,
				 SKB_DROP_REASON_IPV6_BAD_EXTHDR },
	[EFH_DROP_BAD_FRAGMENT] = { EFH_A_STATS_BAD_FRAGMENT,
				    SKB_DROP_REASON_IPV6_BAD_EXTHDR },
	[EFH_DROP_TOO_BIG] = { EFH_A_STATS_TOO_BIG,
			       SKB_DROP_REASON_PKT_TOO_BIG },
	[EFH_DROP_MISMATCH] = { EFH_A_STATS_MISMATCH,
				SKB_DROP_REASON_IPV6_BAD_EXTHDR },
	[EFH_DROP_DUPLICATE] = { EFH_A_STATS_DUPLICATE,
				 SKB_DROP_REASON_DUP_FRAG },
	[EFH_DROP_ECN] = { EFH_A_STATS_ECN, SKB_DROP_REASON_IP_INHDR },
	[EFH_DROP_TIMEOUT] = { EFH_A_STATS_TIMEOUT,
			       SKB_DROP_REASON_FRAG_REASM_TIMEOUT },
	[EFH_DROP_EVICTED] = { EFH_A_STATS_EVICTED, SKB_DROP_REASON_NOMEM },
	[EFH_DROP_NO_MEMORY] = { EFH_A_STATS_NO_MEMORY,
				 SKB_DROP_REASON_NOMEM },
};

/**
 * efh_stats_init() - allocate a namespace's counters
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_stats_init(struct efh_net *en)
{
	int cpu;

	en->stats = alloc_percpu(struct efh_stats);
	if (!en->stats)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(en->stats, cpu)->syncp);
	return 0;
}

/**
 * efh_stats_exit() - free a namespace's counters
 * @en: the namespace, with nobody left who counts
 */
void efh_stats_exit(struct efh_net *en)
{
	free_percpu(en->stats);
}

/**
 * efh_stats_add() - count
 * @en: the namespace
 * @counter: one of the sums
 * @n: how many
 *
 * Context: any but hard interrupts.
 */
void efh_stats_add(struct efh_net *en, enum efh_stats_attr counter,
		   unsigned int n)
{
	struct efh_stats *stats;

	local_bh_disable();
	stats = this_cpu_ptr(en->stats);
	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->count[counter], n);
	u64_stats_update_end(&stats->syncp);
	local_bh_enable();
}

/* Since the module was loaded, whatever was reset. */
static void efh_stats_sum(struct efh_net *en, u64 *count)
{
	u64 local[EFH_STATS_SUMS];
	unsigned int start;
	int cpu, i;

	memset(count, 0, EFH_STATS_SUMS * sizeof(*count));
	for_each_possible_cpu(cpu) {
		struct efh_stats *stats = per_cpu_ptr(en->stats, cpu);

		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			for (i = 0; i < EFH_STATS_SUMS; i++)
				local[i] = u64_stats_read(&stats->count[i]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		for (i = 0; i < EFH_STATS_SUMS; i++)
			count[i] += local[i];
	}
}

/**
 * efh_stats_read() - sum the counters over CPUs
 * @en: the namespace
 * @count: EFH_STATS_SUMS values, by attribute
 *
 * Context: process, genl's mutex.
 */
void efh_stats_read(struct efh_net *en, u64 *count)
{
	int i;

	efh_stats_sum(en, count);
	for (i = 0; i < EFH_STATS_SUMS; i++)
		count[i] -= en->stats_base[i];
}

/**
 * efh_stats_reset() - let the sums start anew
 * @en: the namespace
 *
 * What is held is still to be delivered or dropped, so it stays counted as
 * arrived: the sums add up after a reset too, whatever happens meanwhile.
 *
 * Context: process, genl's mutex.
 */
void efh_stats_reset(struct efh_net *en)
{
	u64 *base = en->stats_base;
	int i;

	efh_stats_sum(en, base);
	base[EFH_A_STATS_IN_FRAGMENTS] = base[EFH_A_STATS_IN_DELIVERED];
	for (i = EFH_A_STATS_BAD_OPTION; i <= EFH_A_STATS_NO_MEMORY; i++)
		base[EFH_A_STATS_IN_FRAGMENTS] += base[i];
}

/**
 * efh_drop() - discard fragments: count, trace, free
 * @en: the namespace
 * @skb: the buffer they are in
 * @count: how many
 * @reason: why
 *
 * Context: any but hard interrupts.
 */
void efh_drop(struct efh_net *en, struct sk_buff *skb, unsigned int count,
	      enum efh_drop_reason reason)
{
	efh_stats_add(en, efh_drops[reason].counter, count);
	trace_efh_drop(en->net, skb, reason);
	kfree_skb_reason(skb, efh_drops[reason].reason);
}
