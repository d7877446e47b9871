// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native mode: where it hangs in the stack.
 *
 * Inwards before connection tracking, like the stack's own defragmentation;
 * outwards behind everything, as fragmentation stands behind everything.
 */
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include "host.h"
#include "net.h"
#include "pmtu.h"
#include "receive.h"
#include "send.h"

static const struct nf_hook_ops efh_host_input[] = {
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
		.hook = efh_pmtu_hook6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_LAST,	/* what filters let pass */
	},
};

/*
 * Connection tracking confirms at the last priority too; who registers later
 * runs later. Where it came after us we register again: two sets, so that at
 * every moment one is in.
 */
#define EFH_HOST_OUTPUT {						\
	{								\
		.hook = efh_send_hook6,					\
		.pf = NFPROTO_IPV6,					\
		.hooknum = NF_INET_POST_ROUTING,			\
		.priority = NF_IP6_PRI_LAST,				\
	},								\
	{								\
		.hook = efh_send_hook4,					\
		.pf = NFPROTO_IPV4,					\
		.hooknum = NF_INET_POST_ROUTING,			\
		.priority = NF_IP_PRI_LAST,				\
	},								\
}

static const struct nf_hook_ops efh_host_output[2][2] = {
	EFH_HOST_OUTPUT,
	EFH_HOST_OUTPUT,
};

static void efh_host_reorder(struct work_struct *work)
{
	struct efh_host *host = container_of(work, struct efh_host, reorder);
	struct efh_net *en = container_of(host, struct efh_net, host);
	unsigned int next = !host->last;

	if (READ_ONCE(host->closing))
		return;
	if (nf_register_net_hooks(en->net, efh_host_output[next],
				  ARRAY_SIZE(efh_host_output[next])))
		return;		/* tried again with the next packet */
	nf_unregister_net_hooks(en->net, efh_host_output[host->last],
				ARRAY_SIZE(efh_host_output[host->last]));
	host->last = next;
}

/**
 * efh_host_unconfirmed() - does connection tracking stand behind us?
 * @en: the namespace
 * @skb: a packet at the output hook
 *
 * A connection that is never confirmed does not exist for the answer, so the
 * packet must go on whole; and we move behind.
 *
 * Return: true if so.
 */
bool efh_host_unconfirmed(struct efh_net *en, const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	if (!ct || nf_ct_is_confirmed(ct) || nf_ct_is_template(ct))
		return false;
	if (time_after(jiffies, READ_ONCE(en->host.reordered) + HZ / 10)) {
		WRITE_ONCE(en->host.reordered, jiffies);
		queue_work(efh_wq, &en->host.reorder);
	}
	return true;
#else
	return false;
#endif
}

/**
 * efh_host_init() - hang native mode into a namespace
 * @en: the namespace
 *
 * Return: 0 or a negative error.
 */
int efh_host_init(struct efh_net *en)
{
	struct efh_host *host = &en->host;
	int err;

	INIT_WORK(&host->reorder, efh_host_reorder);
	host->reordered = jiffies;
	err = nf_register_net_hooks(en->net, efh_host_input,
				    ARRAY_SIZE(efh_host_input));
	if (err)
		return err;
	err = nf_register_net_hooks(en->net, efh_host_output[host->last],
				    ARRAY_SIZE(efh_host_output[host->last]));
	if (err)
		nf_unregister_net_hooks(en->net, efh_host_input,
					ARRAY_SIZE(efh_host_input));
	return err;
}

/**
 * efh_host_close() - take native mode out of a namespace
 * @en: the namespace
 *
 * Context: process. Packets may still be in the hooks: a grace period must
 * pass before efh_host_exit().
 */
void efh_host_close(struct efh_net *en)
{
	struct efh_host *host = &en->host;

	WRITE_ONCE(host->closing, true);
	cancel_work_sync(&host->reorder);
	nf_unregister_net_hooks(en->net, efh_host_output[host->last],
				ARRAY_SIZE(efh_host_output[host->last]));
	nf_unregister_net_hooks(en->net, efh_host_input,
				ARRAY_SIZE(efh_host_input));
}

/**
 * efh_host_exit() - end what packets in the hooks may have begun
 * @en: the namespace
 *
 * Context: process.
 */
void efh_host_exit(struct efh_net *en)
{
	cancel_work_sync(&en->host.reorder);
}
