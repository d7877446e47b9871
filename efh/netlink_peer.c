// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers of links in the generic netlink family. RTNL protects them, as it does
 * their links.
 */
#include <linux/rtnetlink.h>
#include <net/ipv6.h>
#include "alive.h"
#include "attr.h"
#include "compat.h"
#include "event.h"
#include "link.h"
#include "net.h"
#include "netlink.h"
#include "peer.h"

/* As many as one message of a dump holds. */
#define EFH_PEER_PREFIXES_MAX	100

static const struct nla_policy efh_prefix_policy[EFH_A_PREFIX_MAX + 1] = {
	[EFH_A_PREFIX_ADDRESS] = { .type = NLA_BINARY,
				   .len = sizeof(struct in6_addr) },
	[EFH_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

const struct nla_policy efh_peer_policy[EFH_A_PEER_MAX + 1] = {
	[EFH_A_PEER_IFINDEX] = { .type = NLA_U32 },
	[EFH_A_PEER_ADDRESS] = { .type = NLA_BINARY,
				 .len = sizeof(struct in6_addr) },
	[EFH_A_PEER_PORT] = { .type = NLA_U16 },
	[EFH_A_PEER_PRIORITY] = { .type = NLA_U32 },
	[EFH_A_PEER_PREFIX] = NLA_POLICY_NESTED(efh_prefix_policy),
};

static struct efh_link *efh_peer_link(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[EFH_A_PEER_IFINDEX];
	struct net_device *dev;
	struct efh_link *link;

	if (!attr) {
		NL_SET_ERR_MSG(info->extack, "link is missing");
		return ERR_PTR(-EINVAL);
	}
	dev = __dev_get_by_index(genl_info_net(info), nla_get_u32(attr));
	link = dev ? efh_link_of(dev) : NULL;
	if (!link) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "no device of type efh");
		return ERR_PTR(-ENODEV);
	}
	/* The outer side may be somebody else's. */
	if (!ns_capable(link->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "takes CAP_NET_ADMIN where the link's outer packets are");
		return ERR_PTR(-EPERM);
	}
	return link;
}

static int efh_peer_remote(struct genl_info *info, const struct efh_link *link,
			   struct in6_addr *remote)
{
	struct nlattr *attr = info->attrs[EFH_A_PEER_ADDRESS];
	int err;

	if (!attr) {
		NL_SET_ERR_MSG(info->extack, "remote address is missing");
		return -EINVAL;
	}
	err = efh_attr_addr(attr, remote, info->extack);
	if (err)
		return err;
	if (!efh_link_placed(link)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[EFH_A_PEER_IFINDEX],
				    "the link needs a local address first");
		return -EINVAL;
	}
	if (ipv6_addr_v4mapped(remote) != ipv6_addr_v4mapped(&link->local) ||
	    ipv6_addr_equal(remote, &link->local) ||
	    !efh_unicast(remote)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a unicast address of the family of the link's own is needed");
		return -EINVAL;
	}
	if (!link->lower && ipv6_addr_type(remote) & IPV6_ADDR_LINKLOCAL) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a link-local address needs a lower device");
		return -EINVAL;
	}
	return 0;
}

static int efh_peer_prefix(struct genl_info *info, struct nlattr *nest,
			   struct efh_prefix_key *key)
{
	struct nlattr *attrs[EFH_A_PREFIX_MAX + 1];
	int bits;

	bits = nla_parse_nested(attrs, EFH_A_PREFIX_MAX, nest,
				efh_prefix_policy, info->extack) ?:
	       efh_attr_prefix(attrs, EFH_A_PREFIX_ADDRESS, EFH_A_PREFIX_LEN,
			       &key->addr, info->extack);
	if (bits < 0) {
		if (!attrs[EFH_A_PREFIX_ADDRESS] || !attrs[EFH_A_PREFIX_LEN])
			NL_SET_BAD_ATTR(info->extack, nest);
		return bits;
	}
	key->len = bits;
	return 0;
}

/* All prefixes of a request; the caller frees them, whatever is returned. */
static int efh_peer_prefixes(struct genl_info *info,
			     struct efh_peer_setup *setup)
{
	struct nlattr *attr;
	int left, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left)
		setup->count += nla_type(attr) == EFH_A_PEER_PREFIX;
	if (!setup->count)
		return 0;
	if (setup->count > EFH_PEER_PREFIXES_MAX) {
		NL_SET_ERR_MSG(info->extack, "too many prefixes");
		return -E2BIG;
	}
	setup->prefixes = kvcalloc(setup->count, sizeof(*setup->prefixes),
				   GFP_KERNEL);
	if (!setup->prefixes)
		return -ENOMEM;
	setup->count = 0;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != EFH_A_PEER_PREFIX)
			continue;
		err = efh_peer_prefix(info, attr,
				      &setup->prefixes[setup->count++]);
		if (err)
			return err;
	}
	return 0;
}

/* Everything but the prefixes, as far as it is told. */
static int efh_peer_read(struct genl_info *info, const struct efh_link *link,
			 struct efh_peer_setup *setup)
{
	struct nlattr *port = info->attrs[EFH_A_PEER_PORT];
	struct nlattr *priority = info->attrs[EFH_A_PEER_PRIORITY];

	if (port) {
		setup->port = nla_get_be16(port);
		if (!link->udp || !setup->port) {
			NL_SET_ERR_MSG_ATTR(info->extack, port,
					    "only peers of a link with carrier udp have a port, and not 0");
			return -EINVAL;
		}
	}
	if (priority)
		setup->priority = nla_get_u32(priority);
	return efh_peer_remote(info, link, &setup->remote);
}

/**
 * efh_peer_new() - the request to give a link a peer
 * @skb: unused
 * @info: the request
 *
 * Return: 0 or a negative error.
 */
int efh_peer_new(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_peer_setup setup = {};
	struct efh_link *link;
	struct efh_peer *peer;
	int err;

	rtnl_lock();
	link = efh_peer_link(info);
	err = PTR_ERR_OR_ZERO(link);
	if (err)
		goto out;
	err = efh_peer_read(info, link, &setup) ?:
	      efh_peer_prefixes(info, &setup);
	if (err)
		goto out;
	peer = efh_peer_add(link, &setup, info->extack);
	err = PTR_ERR_OR_ZERO(peer);
out:
	kvfree(setup.prefixes);
	rtnl_unlock();
	return err;
}

/* The peer that a request names. Context: RTNL. */
static struct efh_peer *efh_peer_named(struct genl_info *info,
				       struct efh_peer_setup *setup)
{
	struct efh_link *link = efh_peer_link(info);
	struct efh_peer *peer;
	int err;

	if (IS_ERR(link))
		return ERR_CAST(link);
	err = efh_peer_read(info, link, setup);
	if (err)
		return ERR_PTR(err);
	peer = efh_peer_by_remote(link, &setup->remote);
	if (!peer) {
		NL_SET_ERR_MSG(info->extack, "the link has no such peer");
		return ERR_PTR(-ENOENT);
	}
	return peer;
}

/**
 * efh_peer_set() - the request to change a peer
 * @skb: unused
 * @info: the request
 *
 * Return: 0 or a negative error.
 */
int efh_peer_set(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_peer_setup setup = {};
	struct efh_peer *peer;
	int err;

	rtnl_lock();
	peer = efh_peer_named(info, &setup);
	err = PTR_ERR_OR_ZERO(peer) ?: efh_peer_prefixes(info, &setup);
	if (!err && setup.count)
		err = efh_peer_replace(peer, &setup);
	if (!err && setup.port)
		efh_peer_fix_port(peer, setup.port);
	if (!err && info->attrs[EFH_A_PEER_PRIORITY])
		WRITE_ONCE(peer->priority, setup.priority);
	kvfree(setup.prefixes);
	rtnl_unlock();
	return err;
}

/**
 * efh_peer_delete() - the request to take a peer from a link
 * @skb: unused
 * @info: the request
 *
 * Return: 0 or a negative error.
 */
int efh_peer_delete(struct sk_buff *skb, struct genl_info *info)
{
	struct efh_peer_setup setup = {};
	struct efh_peer *peer;
	int err;

	rtnl_lock();
	peer = efh_peer_named(info, &setup);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err && peer->own) {
		NL_SET_ERR_MSG(info->extack,
			       "it is the link's own remote: that goes with the link");
		err = -EBUSY;
	}
	if (!err)
		efh_peer_del(peer);
	rtnl_unlock();
	return err;
}

/**
 * efh_peer_suspect() - the request of a program that knows better to ask a peer
 * @skb: unused
 * @info: the request
 *
 * Return: 0 or a negative error.
 */
int efh_peer_suspect(struct sk_buff *skb, struct genl_info *info)
{
	static const struct efh_hint hint = { .cause = EFH_PEER_CAUSE_USER };
	struct efh_peer_setup setup = {};
	struct efh_peer *peer;
	int err;

	rtnl_lock();
	peer = efh_peer_named(info, &setup);
	err = PTR_ERR_OR_ZERO(peer);
	if (!err && !netif_running(peer->link->dev)) {
		NL_SET_ERR_MSG(info->extack, "the link is down");
		err = -ENETDOWN;
	}
	if (!err) {
		rcu_read_lock();
		efh_alive_hint(peer, &hint);
		rcu_read_unlock();
	}
	rtnl_unlock();
	return err;
}

static int efh_peer_put_alive(struct sk_buff *msg, const struct efh_peer *peer)
{
	const struct efh_alive *alive = &peer->alive;
	enum efh_peer_cause left = READ_ONCE(alive->left.cause);

	if (nla_put_u32(msg, EFH_A_PEER_STATE, efh_alive_state(peer)) ||
	    (READ_ONCE(alive->epoch_known) &&
	     (nla_put_u32(msg, EFH_A_PEER_EPOCH, READ_ONCE(alive->epoch)) ||
	      nla_put_u32(msg, EFH_A_PEER_ANSWER,
			  div_u64(READ_ONCE(alive->answer), NSEC_PER_USEC)))))
		return -EMSGSIZE;
	if (!left)
		return 0;
	if (nla_put_u32(msg, EFH_A_PEER_LEFT, left) ||
	    (left == EFH_PEER_CAUSE_ICMP &&
	     (nla_put_u8(msg, EFH_A_PEER_LEFT_ICMP_TYPE, alive->left.type) ||
	      nla_put_u8(msg, EFH_A_PEER_LEFT_ICMP_CODE, alive->left.code))))
		return -EMSGSIZE;
	return 0;
}

static int efh_peer_put_prefixes(struct sk_buff *msg,
				 const struct efh_peer *peer)
{
	unsigned int i;

	/* That it has none is told by there being none. */
	if (peer->count == 1 && !peer->prefixes->key.len)
		return 0;
	for (i = 0; i < peer->count; i++) {
		const struct efh_prefix_key *key = &peer->prefixes[i].key;
		bool ip4 = key->len >= 96 && ipv6_addr_v4mapped(&key->addr);
		struct nlattr *nest = nla_nest_start(msg, EFH_A_PEER_PREFIX);

		if (!nest ||
		    efh_attr_put_addr(msg, EFH_A_PREFIX_ADDRESS, &key->addr) ||
		    nla_put_u8(msg, EFH_A_PREFIX_LEN, key->len - (ip4 ? 96 : 0)))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int efh_peer_put(struct sk_buff *msg, struct netlink_callback *cb,
			const struct efh_peer *peer)
{
	unsigned long heard = READ_ONCE(peer->heard);
	void *header = genlmsg_put(msg, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &efh_genl_family,
				   NLM_F_MULTI, EFH_CMD_PEER_GET);

	if (!header)
		return -EMSGSIZE;
	if (nla_put_u32(msg, EFH_A_PEER_IFINDEX, peer->link->dev->ifindex) ||
	    efh_attr_put_addr(msg, EFH_A_PEER_ADDRESS, &peer->key.remote) ||
	    (peer->key.udp &&
	     nla_put_be16(msg, EFH_A_PEER_PORT, READ_ONCE(peer->port))) ||
	    nla_put_u32(msg, EFH_A_PEER_PRIORITY, peer->priority) ||
	    efh_peer_put_alive(msg, peer) ||
	    (heard && nla_put_u32(msg, EFH_A_PEER_HEARD,
				  jiffies_to_msecs(jiffies - heard))) ||
	    (peer->own && nla_put_flag(msg, EFH_A_PEER_LINK_REMOTE)) ||
	    (READ_ONCE(peer->nat) && nla_put_flag(msg, EFH_A_PEER_NAT)) ||
	    efh_peer_put_prefixes(msg, peer)) {
		genlmsg_cancel(msg, header);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, header);
	return 0;
}

/**
 * efh_peer_dump() - the request to list peers, of one link or of all
 * @msg: where to
 * @cb: goes on by position: it may meet a change, as the stack's may
 *
 * Return: octets in @msg.
 */
int efh_peer_dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct nlattr *attr = efh_compat_dump_attrs(cb)[EFH_A_PEER_IFINDEX];
	struct net *net = sock_net(cb->skb->sk);
	const struct efh_peer *peer;
	struct net_device *dev;
	struct efh_link *link;
	long i = 0;
	int err = 0;

	rtnl_lock();
	for_each_netdev(net, dev) {
		link = efh_link_of(dev);
		if (!link || (attr && dev->ifindex != nla_get_u32(attr)))
			continue;
		list_for_each_entry(peer, &link->peers, list) {
			if (i++ < cb->args[0])
				continue;
			err = efh_peer_put(msg, cb, peer);
			if (err)
				goto out;
			cb->args[0] = i;
		}
	}
out:
	rtnl_unlock();
	return msg->len ?: err;
}
