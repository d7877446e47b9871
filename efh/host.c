// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native mode: where it hangs in the stack.
 *
 * Inwards before connection tracking, like the stack's own defragmentation:
 * fragments become packets, and errors are read as the path quotes them.
 * Outwards behind everything, as fragmentation stands behind everything.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include "host.h"
#include "net.h"
#include "receive.h"
#include "send.h"

static const struct nf_hook_ops efh_host_ops[] = {
	{
		.hook = efh_receive_hook6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		/* After the stack's, in case a fragment was fragmented. */
		.priority = NF_IP6_PRI_CONNTRACK_DEFRAG + 1,
	},
	{
		.hook = efh_receive_hook4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK_DEFRAG + 1,
	},
	{
		.hook = efh_send_hook6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
	{
		.hook = efh_send_hook4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_LAST,
	},
};

/**
 * efh_host_init() - hang native mode into a namespace
 * @net: the namespace
 *
 * Return: 0 or a negative error.
 */
int efh_host_init(struct net *net)
{
	return nf_register_net_hooks(net, efh_host_ops,
				     ARRAY_SIZE(efh_host_ops));
}

/**
 * efh_host_exit() - take native mode out of a namespace
 * @net: the namespace
 *
 * Context: process. Packets may still be in the hooks for a grace period.
 */
void efh_host_exit(struct net *net)
{
	nf_unregister_net_hooks(net, efh_host_ops, ARRAY_SIZE(efh_host_ops));
}
