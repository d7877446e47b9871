// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: Documentation/netlink/efh.yaml.
 *
 * Requests are serialised by genl's mutex, which so protects the settings,
 * the native prefixes and the counters' base.
 */
#include <linux/ip6_tunnel.h>
#include <linux/rhashtable.h>
#include <net/ipv6.h>
#include "attr.h"
#include "event.h"
#include "net.h"
#include "netlink.h"

/* Options that the stack, or padding, has a meaning for. */
static const u8 efh_netlink_taken[] = {
	IPV6_TLV_PAD1, IPV6_TLV_PADN, IPV6_TLV_ROUTERALERT, IPV6_TLV_CALIPSO,
	IPV6_TLV_IOAM, IPV6_TLV_JUMBO, IPV6_TLV_HAO, IPV6_TLV_TNL_ENCAP_LIMIT,
};

/* Older kernels want these writable. */
static struct netlink_range_validation efh_timeout_range = {
	.min = 100,			/* ms */
	.max = 600000,
};

static struct netlink_range_validation efh_memory_range = {
	.min = 128 * 1024,
	.max = 1ull << 40,
};

static struct netlink_range_validation efh_packet_range = {
	.min = EFH_MIN_FRAGMENT,
	.max = EFH_MAX_PACKET,
};

static const struct nla_policy efh_settings_policy[EFH_A_SETTINGS_MAX + 1] = {
	[EFH_A_SETTINGS_EFH_OPTION] = { .type = NLA_U8 },
	[EFH_A_SETTINGS_PARCEL_OPTION] = { .type = NLA_U8 },
	[EFH_A_SETTINGS_CONTROL_OPTION] = { .type = NLA_U8 },
	[EFH_A_SETTINGS_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32,
							 &efh_timeout_range),
	[EFH_A_SETTINGS_MEMORY] = NLA_POLICY_FULL_RANGE(NLA_U64,
							&efh_memory_range),
	[EFH_A_SETTINGS_RECEIVE] = NLA_POLICY_MAX(NLA_U8, 1),
	[EFH_A_SETTINGS_ATOMIC] = NLA_POLICY_MAX(NLA_U8, 1),
};

static const struct nla_policy efh_native_policy[EFH_A_NATIVE_MAX + 1] = {
	[EFH_A_NATIVE_PREFIX] = { .type = NLA_BINARY,
				  .len = sizeof(struct in6_addr) },
	[EFH_A_NATIVE_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[EFH_A_NATIVE_FRAGMENT_SIZE] = { .type = NLA_U32 },
	[EFH_A_NATIVE_MAX_PACKET] = NLA_POLICY_FULL_RANGE(NLA_U32,
							  &efh_packet_range),
	[EFH_A_NATIVE_RETRANSMIT] = NLA_POLICY_MAX(NLA_U8, 1),
};

static const struct nla_policy efh_flow_policy[EFH_A_FLOW_MAX + 1] = {
	[EFH_A_FLOW_DESTINATION] = { .type = NLA_BINARY,
				     .len = sizeof(struct in6_addr) },
};

/* An answer to a request, to be filled and sent. */
static struct sk_buff *efh_netlink_answer(struct genl_info *info, void **header)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!msg)
		return NULL;
	*header = genlmsg_put_reply(msg, info, &efh_genl_family, 0,
				    info->genlhdr->cmd);
	if (!*header) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int efh_settings_get(struct sk_buff *skb, struct genl_info *info)
{
	const struct efh_settings *set = &efh_net(genl_info_net(info))->settings;
	struct sk_buff *msg;
	void *header;

	msg = efh_netlink_answer(info, &header);
	if (!msg)
		return -ENOMEM;
	if (nla_put_u8(msg, EFH_A_SETTINGS_EFH_OPTION, set->efh_option) ||
	    nla_put_u8(msg, EFH_A_SETTINGS_PARCEL_OPTION, set->parcel_option) ||
	    nla_put_u8(msg, EFH_A_SETTINGS_CONTROL_OPTION,
		       set->control_option) ||
	    nla_put_u32(msg, EFH_A_SETTINGS_TIMEOUT, set->timeout) ||
	    nla_put_u64_64bit(msg, EFH_A_SETTINGS_MEMORY, set->memory,
			      EFH_A_SETTINGS_PAD) ||
	    nla_put_u8(msg, EFH_A_SETTINGS_RECEIVE, set->receive) ||
	    nla_put_u8(msg, EFH_A_SETTINGS_ATOMIC, set->atomic)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, header);
	return genlmsg_reply(msg, info);
}

static int efh_settings_option(struct genl_info *info, int attr, u8 *option)
{
	int i;

	if (!info->attrs[attr])
		return 0;
	*option = nla_get_u8(info->attrs[attr]);
	for (i = 0; i < ARRAY_SIZE(efh_netlink_taken); i++) {
		if (*option != efh_netlink_taken[i])
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "this option type has another meaning");
		return -EINVAL;
	}
	return 0;
}

static int efh_settings_set(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_net *en = efh_net(genl_info_net(info));
	struct efh_settings *set = &en->settings, new = *set;
	struct nlattr **attrs = info->attrs;

	if (efh_settings_option(info, EFH_A_SETTINGS_EFH_OPTION,
				&new.efh_option) ||
	    efh_settings_option(info, EFH_A_SETTINGS_PARCEL_OPTION,
				&new.parcel_option) ||
	    efh_settings_option(info, EFH_A_SETTINGS_CONTROL_OPTION,
				&new.control_option))
		return -EINVAL;
	if (new.efh_option == new.parcel_option ||
	    new.efh_option == new.control_option ||
	    new.parcel_option == new.control_option) {
		NL_SET_ERR_MSG(info->extack,
			       "the three option types must differ");
		return -EINVAL;
	}

	/* What is held is charged to nobody: beyond the default the host asks. */
	if (attrs[EFH_A_SETTINGS_MEMORY] &&
	    nla_get_u64(attrs[EFH_A_SETTINGS_MEMORY]) > EFH_MEMORY &&
	    !capable(CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[EFH_A_SETTINGS_MEMORY],
				    "more memory than the default takes CAP_NET_ADMIN on the host");
		return -EPERM;
	}

	WRITE_ONCE(set->efh_option, new.efh_option);
	WRITE_ONCE(set->parcel_option, new.parcel_option);
	WRITE_ONCE(set->control_option, new.control_option);
	if (attrs[EFH_A_SETTINGS_TIMEOUT])
		WRITE_ONCE(set->timeout,
			   nla_get_u32(attrs[EFH_A_SETTINGS_TIMEOUT]));
	if (attrs[EFH_A_SETTINGS_MEMORY])
		WRITE_ONCE(set->memory,
			   nla_get_u64(attrs[EFH_A_SETTINGS_MEMORY]));
	if (attrs[EFH_A_SETTINGS_RECEIVE])
		WRITE_ONCE(set->receive,
			   nla_get_u8(attrs[EFH_A_SETTINGS_RECEIVE]));
	if (attrs[EFH_A_SETTINGS_ATOMIC])
		WRITE_ONCE(set->atomic,
			   nla_get_u8(attrs[EFH_A_SETTINGS_ATOMIC]));
	efh_reassembly_settings(en);
	return 0;
}

/* Read a prefix; IPv4 ones become mapped. */
static int efh_native_prefix(struct genl_info *info, struct efh_native *native)
{
	int bits = efh_attr_prefix(info->attrs, EFH_A_NATIVE_PREFIX,
				   EFH_A_NATIVE_PREFIX_LEN, &native->prefix,
				   info->extack);

	if (bits < 0)
		return bits;
	native->prefix_len = bits;
	return 0;
}

static int efh_native_limits(struct genl_info *info, struct efh_native *native)
{
	struct nlattr *size = info->attrs[EFH_A_NATIVE_FRAGMENT_SIZE];
	struct nlattr *packet = info->attrs[EFH_A_NATIVE_MAX_PACKET];
	struct nlattr *retransmit = info->attrs[EFH_A_NATIVE_RETRANSMIT];

	native->max_packet = packet ? nla_get_u32(packet) : EFH_MAX_PACKET;
	if (size && efh_attr_fragment_size(size, &native->fragment_size,
					   info->extack))
		return -EINVAL;
	if (retransmit)
		native->retransmit = nla_get_u8(retransmit);
	return 0;
}

static int efh_native_new(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_net *en = efh_net(genl_info_net(info));
	struct efh_native native = {};
	int err;

	err = efh_native_prefix(info, &native) ?:
	      efh_native_limits(info, &native);
	if (err)
		return err;
	if (efh_native_find(en, &native.prefix, native.prefix_len)) {
		NL_SET_ERR_MSG(info->extack, "prefix is listed already");
		return -EEXIST;
	}
	return efh_native_add(en, &native);
}

static int efh_native_delete(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_net *en = efh_net(genl_info_net(info));
	struct efh_native native = {}, *old;
	int err = efh_native_prefix(info, &native);

	if (err)
		return err;
	old = efh_native_find(en, &native.prefix, native.prefix_len);
	if (!old) {
		NL_SET_ERR_MSG(info->extack, "prefix is not listed");
		return -ENOENT;
	}
	efh_native_del(en, old);
	return 0;
}

static int efh_native_put(struct sk_buff *msg, struct netlink_callback *cb,
			  const struct efh_native *native)
{
	bool ip4 = efh_carrier_of(&native->prefix) == EFH_CARRIER_IPV4;
	void *header = genlmsg_put(msg, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &efh_genl_family,
				   NLM_F_MULTI, EFH_CMD_NATIVE_GET);

	if (!header)
		return -EMSGSIZE;
	if (efh_attr_put_addr(msg, EFH_A_NATIVE_PREFIX, &native->prefix) ||
	    nla_put_u8(msg, EFH_A_NATIVE_PREFIX_LEN,
		       native->prefix_len - (ip4 ? 96 : 0)) ||
	    nla_put_u32(msg, EFH_A_NATIVE_FRAGMENT_SIZE,
			native->fragment_size) ||
	    nla_put_u32(msg, EFH_A_NATIVE_MAX_PACKET, native->max_packet) ||
	    nla_put_u8(msg, EFH_A_NATIVE_RETRANSMIT, native->retransmit)) {
		genlmsg_cancel(msg, header);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, header);
	return 0;
}

/* A dump goes on by position: it may meet a change, as the stack's may. */
static int efh_native_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct efh_net *en = efh_net(sock_net(cb->skb->sk));
	const struct efh_native *native;
	long i = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(native, &en->natives.list, list) {
		if (i++ < cb->args[0])
			continue;
		if (efh_native_put(msg, cb, native))
			break;
		cb->args[0] = i;
	}
	rcu_read_unlock();
	return msg->len;
}

static int efh_flow_dump_start(struct netlink_callback *cb)
{
	struct efh_net *en = efh_net(sock_net(cb->skb->sk));
	struct rhashtable_iter *iter = kzalloc(sizeof(*iter), GFP_KERNEL);

	if (!iter)
		return -ENOMEM;
	rhashtable_walk_enter(&en->flows.flows, iter);
	cb->args[0] = (long)iter;
	return 0;
}

static int efh_flow_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (struct rhashtable_iter *)cb->args[0];
	struct efh_flow *flow;
	void *header;

	rhashtable_walk_start(iter);
	/* A flow that did not fit into the last message comes first again. */
	flow = rhashtable_walk_peek(iter);
	for (; flow; flow = rhashtable_walk_next(iter)) {
		if (IS_ERR(flow))
			continue;	/* resized: some are seen twice */
		header = genlmsg_put(msg, NETLINK_CB(cb->skb).portid,
				     cb->nlh->nlmsg_seq, &efh_genl_family,
				     NLM_F_MULTI, EFH_CMD_FLOW_GET);
		if (!header)
			break;
		if (efh_put_flow(msg, flow->destination, flow)) {
			genlmsg_cancel(msg, header);
			break;
		}
		genlmsg_end(msg, header);
	}
	rhashtable_walk_stop(iter);
	return msg->len;
}

static int efh_flow_dump_done(struct netlink_callback *cb)
{
	struct rhashtable_iter *iter = (struct rhashtable_iter *)cb->args[0];

	rhashtable_walk_exit(iter);
	kfree(iter);
	return 0;
}

static int efh_flow_flush_do(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[EFH_A_FLOW_DESTINATION];
	struct in6_addr to;
	int err;

	if (attr) {
		err = efh_attr_addr(attr, &to, info->extack);
		if (err)
			return err;
	}
	efh_flow_flush(efh_net(genl_info_net(info)), attr ? &to : NULL);
	return 0;
}

static int efh_stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_net *en = efh_net(genl_info_net(info));
	u64 count[EFH_A_STATS_MAX + 1] = {};
	struct sk_buff *msg;
	void *header;
	int i;

	msg = efh_netlink_answer(info, &header);
	if (!msg)
		return -ENOMEM;
	efh_stats_read(en, count);
	count[EFH_A_STATS_REASSEMBLY_BYTES] = efh_reassembly_bytes(en);
	count[EFH_A_STATS_REASSEMBLY_PACKETS] = efh_reassembly_packets(en);
	count[EFH_A_STATS_REASSEMBLY_FRAGMENTS] =
		atomic_long_read(&en->reassembly.fragments);
	for (i = EFH_A_STATS_UNSPEC + 1; i < EFH_A_STATS_PAD; i++) {
		if (nla_put_u64_64bit(msg, i, count[i], EFH_A_STATS_PAD)) {
			nlmsg_free(msg);
			return -EMSGSIZE;
		}
	}
	genlmsg_end(msg, header);
	return genlmsg_reply(msg, info);
}

static int efh_stats_reset_do(struct sk_buff *skb, struct genl_info *info)
{
	efh_stats_reset(efh_net(genl_info_net(info)));
	return 0;
}

static const struct genl_ops efh_genl_ops[] = {
	{
		.cmd = EFH_CMD_SETTINGS_GET,
		.doit = efh_settings_get,
	},
	{
		.cmd = EFH_CMD_SETTINGS_SET,
		.doit = efh_settings_set,
		.policy = efh_settings_policy,
		.maxattr = EFH_A_SETTINGS_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_NATIVE_NEW,
		.doit = efh_native_new,
		.policy = efh_native_policy,
		.maxattr = EFH_A_NATIVE_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_NATIVE_DEL,
		.doit = efh_native_delete,
		.policy = efh_native_policy,
		.maxattr = EFH_A_NATIVE_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_NATIVE_GET,
		.dumpit = efh_native_dump,
	},
	{
		.cmd = EFH_CMD_FLOW_GET,
		.start = efh_flow_dump_start,
		.dumpit = efh_flow_dump,
		.done = efh_flow_dump_done,
	},
	{
		.cmd = EFH_CMD_FLOW_FLUSH,
		.doit = efh_flow_flush_do,
		.policy = efh_flow_policy,
		.maxattr = EFH_A_FLOW_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_STATS_GET,
		.doit = efh_stats_get,
	},
	{
		.cmd = EFH_CMD_STATS_RESET,
		.doit = efh_stats_reset_do,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_PEER_NEW,
		.doit = efh_peer_new,
		.policy = efh_peer_policy,
		.maxattr = EFH_A_PEER_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_PEER_DEL,
		.doit = efh_peer_delete,
		.policy = efh_peer_policy,
		.maxattr = EFH_A_PEER_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_PEER_SET,
		.doit = efh_peer_set,
		.policy = efh_peer_policy,
		.maxattr = EFH_A_PEER_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_PEER_SUSPECT,
		.doit = efh_peer_suspect,
		.policy = efh_peer_policy,
		.maxattr = EFH_A_PEER_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = EFH_CMD_PEER_GET,
		.dumpit = efh_peer_dump,
		.policy = efh_peer_policy,
		.maxattr = EFH_A_PEER_MAX,
	},
};

static const struct genl_multicast_group efh_genl_groups[] = {
	{ .name = EFH_GENL_MCGRP_EVENTS },
};

struct genl_family efh_genl_family __ro_after_init = {
	.name = EFH_GENL_NAME,
	.version = EFH_GENL_VERSION,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = efh_genl_ops,
	.n_ops = ARRAY_SIZE(efh_genl_ops),
	.resv_start_op = EFH_CMD_SETTINGS_GET,
	.mcgrps = efh_genl_groups,
	.n_mcgrps = ARRAY_SIZE(efh_genl_groups),
};

/**
 * efh_netlink_init() - register the family
 *
 * Return: 0 or a negative error.
 */
int efh_netlink_init(void)
{
	return genl_register_family(&efh_genl_family);
}

/**
 * efh_netlink_exit() - unregister it
 *
 * Context: process. Afterwards no request is being served.
 */
void efh_netlink_exit(void)
{
	genl_unregister_family(&efh_genl_family);
}
