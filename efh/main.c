// SPDX-License-Identifier: GPL-2.0-only
/* Load, unload, and the life of a network namespace. */
#include <linux/module.h>
#include <linux/workqueue.h>
#include "encap.h"
#include "host.h"
#include "link.h"
#include "net.h"
#include "netlink.h"
#include "offload.h"
#include "port.h"
#include "protocol.h"
#include "tunnel.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

unsigned int efh_net_id __read_mostly;
/* Expiry of fragments and flows. */
struct workqueue_struct *efh_wq;

static const struct efh_settings efh_settings_default = {
	.efh_option = EFH_OPTION_DEFAULT,
	.parcel_option = EFH_PARCEL_OPTION_DEFAULT,
	.control_option = EFH_CONTROL_OPTION_DEFAULT,
	.receive = true,
	.timeout = EFH_TIMEOUT_MS,
	.memory = EFH_MEMORY,
};

static int __net_init efh_net_init(struct net *net)
{
	struct efh_net *en = efh_net(net);
	int err;

	en->net = net;
	en->settings = efh_settings_default;
	efh_native_init(en);
	efh_link_net_init(en);
	efh_port_net_init(en);
	efh_control_net_init(en);
	err = efh_stats_init(en);
	if (err)
		return err;
	err = efh_reassembly_init(en);
	if (err)
		goto err_stats;
	err = efh_arrival_init(en);
	if (err)
		goto err_reassembly;
	err = efh_flow_init(en);
	if (err)
		goto err_arrival;
	err = efh_peer_net_init(en);
	if (err)
		goto err_flow;
	/* From here on packets come. */
	err = efh_host_init(net);
	if (err)
		goto err_peers;
	return 0;

err_peers:
	efh_peer_net_exit(en);
err_flow:
	efh_flow_exit(en);
err_arrival:
	efh_arrival_exit(en);
err_reassembly:
	efh_reassembly_exit(en);
err_stats:
	efh_stats_exit(en);
	return err;
}

static void __net_exit efh_net_pre_exit(struct net *net)
{
	efh_link_net_stop(efh_net(net));
	efh_host_exit(net);
}

/*
 * A grace period after efh_net_pre_exit(). The namespace's devices are gone,
 * or the module's handlers, so no packet comes by any way.
 */
static void __net_exit efh_net_exit(struct net *net)
{
	struct efh_net *en = efh_net(net);

	efh_flow_stop(en);
	efh_arrival_exit(en);
	efh_encap_net_exit(en);
	efh_peer_net_exit(en);
	efh_flow_exit(en);
	efh_reassembly_exit(en);
	efh_native_exit(en);
	efh_stats_exit(en);
}

static struct pernet_operations efh_net_ops = {
	.init = efh_net_init,
	.pre_exit = efh_net_pre_exit,
	.exit = efh_net_exit,
	.id = &efh_net_id,
	.size = sizeof(struct efh_net),
};

static int __init efh_init(void)
{
	int err;

	efh_wq = alloc_workqueue("efh", WQ_UNBOUND, 0);
	if (!efh_wq)
		return -ENOMEM;
	err = register_pernet_subsys(&efh_net_ops);
	if (err)
		goto err_wq;
	err = efh_protocol_init();
	if (err)
		goto err_net;
	err = efh_offload_init();
	if (err)
		goto err_protocol;
	err = efh_tunnel_init();
	if (err)
		goto err_offload;
	err = efh_link_init();
	if (err)
		goto err_tunnel;
	err = efh_netlink_init();
	if (err)
		goto err_link;
	return 0;

err_link:
	efh_link_exit();
err_tunnel:
	efh_tunnel_exit();
err_offload:
	efh_offload_exit();
err_protocol:
	efh_protocol_exit();
err_net:
	unregister_pernet_subsys(&efh_net_ops);
	rcu_barrier();
err_wq:
	destroy_workqueue(efh_wq);
	return err;
}
module_init(efh_init);

static void __exit efh_exit(void)
{
	efh_netlink_exit();
	efh_link_exit();
	efh_tunnel_exit();
	efh_offload_exit();
	efh_protocol_exit();
	unregister_pernet_subsys(&efh_net_ops);
	/* Peers are freed by code of ours. */
	rcu_barrier();
	destroy_workqueue(efh_wq);
}
module_exit(efh_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Extended Fragment Header: IPv6 fragmentation done right");
MODULE_ALIAS_GENL_FAMILY(EFH_GENL_NAME);
MODULE_ALIAS_RTNL_LINK(EFH_LINK_KIND);
