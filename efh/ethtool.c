// SPDX-License-Identifier: GPL-2.0-only
/* What a link counts by itself, and ethtool shows of it. */
#include <linux/ethtool.h>
#include <linux/percpu.h>
#include "link.h"

static const char efh_link_stat_names[__EFH_LINK_STAT_MAX][ETH_GSTRING_LEN] = {
	[EFH_LINK_OUT_LARGE] = "out_large",
	[EFH_LINK_OUT_MALFORMED] = "out_malformed",
	[EFH_LINK_OUT_NO_PEER] = "out_no_peer",
	[EFH_LINK_OUT_NO_ROUTE] = "out_no_route",
	[EFH_LINK_OUT_LOOP] = "out_loop",
	[EFH_LINK_OUT_TOO_BIG] = "out_too_big",
	[EFH_LINK_OUT_NO_MEMORY] = "out_no_memory",
	[EFH_LINK_IN_MALFORMED] = "in_malformed",
	[EFH_LINK_IN_SOURCE] = "in_source",
	[EFH_LINK_IN_ECN] = "in_ecn",
	[EFH_LINK_IN_ICMP] = "in_icmp",
};

/**
 * efh_link_count() - count by one
 * @link: the link
 * @stat: what
 *
 * Context: any but hard interrupts.
 */
void efh_link_count(struct efh_link *link, enum efh_link_stat stat)
{
	struct efh_link_stats *stats;

	local_bh_disable();
	stats = this_cpu_ptr(link->stats);
	u64_stats_update_begin(&stats->syncp);
	u64_stats_inc(&stats->count[stat]);
	u64_stats_update_end(&stats->syncp);
	local_bh_enable();
}

static void efh_link_drvinfo(struct net_device *dev,
			     struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, "link", sizeof(info->bus_info));
}

static int efh_link_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? __EFH_LINK_STAT_MAX : -EOPNOTSUPP;
}

static void efh_link_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, efh_link_stat_names, sizeof(efh_link_stat_names));
}

static void efh_link_ethtool_stats(struct net_device *dev,
				   struct ethtool_stats *unused, u64 *data)
{
	struct efh_link *link = netdev_priv(dev);
	unsigned int start;
	int cpu, i;

	memset(data, 0, __EFH_LINK_STAT_MAX * sizeof(*data));
	for_each_possible_cpu(cpu) {
		const struct efh_link_stats *stats =
			per_cpu_ptr(link->stats, cpu);
		u64 count[__EFH_LINK_STAT_MAX];

		do {
			start = u64_stats_fetch_begin(&stats->syncp);
			for (i = 0; i < __EFH_LINK_STAT_MAX; i++)
				count[i] = u64_stats_read(&stats->count[i]);
		} while (u64_stats_fetch_retry(&stats->syncp, start));
		for (i = 0; i < __EFH_LINK_STAT_MAX; i++)
			data[i] += count[i];
	}
}

const struct ethtool_ops efh_link_ethtool_ops = {
	.get_drvinfo = efh_link_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_sset_count = efh_link_sset_count,
	.get_strings = efh_link_strings,
	.get_ethtool_stats = efh_link_ethtool_stats,
};
