// SPDX-License-Identifier: GPL-2.0-only
/* Links as rtnetlink, and so ip, knows them: IFLA_INFO_DATA in and out. */
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/rtnetlink.h>
#include "attr.h"
#include "carrier.h"
#include "compat.h"
#include "encap.h"
#include "link.h"
#include "net.h"
#include "peer.h"
#include "port.h"

static const struct nla_policy efh_link_policy[IFLA_EFH_MAX + 1] = {
	[IFLA_EFH_LOCAL] = { .type = NLA_BINARY,
			     .len = sizeof(struct in6_addr) },
	[IFLA_EFH_REMOTE] = { .type = NLA_BINARY,
			      .len = sizeof(struct in6_addr) },
	[IFLA_EFH_LINK] = { .type = NLA_U32 },
	[IFLA_EFH_CARRIER] = NLA_POLICY_MAX(NLA_U32, EFH_LINK_CARRIER_UDP),
	[IFLA_EFH_DPORT] = { .type = NLA_BE16 },
	[IFLA_EFH_SPORT_MIN] = { .type = NLA_BE16 },
	[IFLA_EFH_SPORT_MAX] = { .type = NLA_BE16 },
	[IFLA_EFH_TTL] = { .type = NLA_U8 },
	[IFLA_EFH_TOS] = { .type = NLA_U8 },
	[IFLA_EFH_FRAGMENT_SIZE] = { .type = NLA_U32 },
	[IFLA_EFH_UDP_CSUM] = NLA_POLICY_MAX(NLA_U8, 1),
	[IFLA_EFH_RETRANSMIT] = NLA_POLICY_MAX(NLA_U8, 1),
};

static int efh_link_fault(struct netlink_ext_ack *extack,
			  const struct nlattr *attr, const char *text)
{
	if (extack) {
		extack->bad_attr = attr;
		extack->_msg = text;
	}
	return -EINVAL;
}

/* An address that an end of a path can have. */
static int efh_link_addr(const struct nlattr *attr, struct in6_addr *addr,
			 struct netlink_ext_ack *extack)
{
	if (efh_attr_addr(attr, addr, extack))
		return -EINVAL;
	if (!efh_unicast(addr))
		return efh_link_fault(extack, attr,
				      "a unicast address is needed");
	return 0;
}

/* What is said of settings goes over what is in @config. */
static int efh_link_configure(const struct efh_link *link,
			      struct efh_link_config *config,
			      struct nlattr **data,
			      struct netlink_ext_ack *extack)
{
	struct nlattr *size = data[IFLA_EFH_FRAGMENT_SIZE];
	struct nlattr *min = data[IFLA_EFH_SPORT_MIN];
	struct nlattr *max = data[IFLA_EFH_SPORT_MAX];
	struct nlattr *csum = data[IFLA_EFH_UDP_CSUM];

	if (!link->udp && (min || max || csum))
		return efh_link_fault(extack, min ?: max ?: csum,
				      "only a link with carrier udp has ports and a UDP checksum");
	if (data[IFLA_EFH_RETRANSMIT])
		config->retransmit = nla_get_u8(data[IFLA_EFH_RETRANSMIT]);
	if (data[IFLA_EFH_TTL])
		config->ttl = nla_get_u8(data[IFLA_EFH_TTL]);
	if (data[IFLA_EFH_TOS])
		config->tos = nla_get_u8(data[IFLA_EFH_TOS]);
	if (csum)
		config->udp_csum = nla_get_u8(csum);
	if (csum && !config->udp_csum &&
	    efh_link_carrier(link) == EFH_CARRIER_UDP4)
		return efh_link_fault(extack, csum,
				      "UDP under IPv4 always has a checksum");
	if (min)
		config->sport_min = ntohs(nla_get_be16(min));
	if (max)
		config->sport_max = ntohs(nla_get_be16(max));
	if (!config->sport_min || config->sport_min > config->sport_max)
		return efh_link_fault(extack, min ?: max,
				      "source ports are from 1 to 65535, the first not above the last");
	return size ? efh_attr_fragment_size(size, &config->fragment_size,
					     extack) : 0;
}

/* Where on the path it stands: said when it is made or once later. */
static int efh_link_read_place(struct efh_link *link, struct nlattr **data,
			       struct netlink_ext_ack *extack)
{
	struct nlattr *dport = data[IFLA_EFH_DPORT];
	struct nlattr *early = data[IFLA_EFH_REMOTE] ?: data[IFLA_EFH_LINK] ?:
			       data[IFLA_EFH_CARRIER] ?: dport;

	if (!data[IFLA_EFH_LOCAL])
		return early ? efh_link_fault(extack, early,
					      "a link needs a local address first") : 0;
	if (efh_link_addr(data[IFLA_EFH_LOCAL], &link->local, extack))
		return -EINVAL;
	if (data[IFLA_EFH_LINK])
		link->lower = nla_get_u32(data[IFLA_EFH_LINK]);
	if (link->lower && !__dev_get_by_index(link->net, link->lower)) {
		efh_link_fault(extack, data[IFLA_EFH_LINK],
			       "no such lower device");
		return -ENODEV;
	}
	if (!link->lower &&
	    ipv6_addr_type(&link->local) & IPV6_ADDR_LINKLOCAL)
		return efh_link_fault(extack, data[IFLA_EFH_LOCAL],
				      "a link-local address needs a lower device");
	link->udp = data[IFLA_EFH_CARRIER] &&
		    nla_get_u32(data[IFLA_EFH_CARRIER]) == EFH_LINK_CARRIER_UDP;
	link->dport = htons(EFH_LINK_PORT);
	if (!dport)
		return 0;
	link->dport = nla_get_be16(dport);
	if (!link->udp || !link->dport)
		return efh_link_fault(extack, dport, link->udp ?
				      "port 0 is none" :
				      "only a link with carrier udp has ports");
	return 0;
}

static int efh_link_remote(struct efh_link *link, struct nlattr *attr,
			   struct efh_peer_setup *setup,
			   struct netlink_ext_ack *extack)
{
	int err = efh_link_addr(attr, &setup->remote, extack);

	if (err)
		return err;
	if (ipv6_addr_v4mapped(&setup->remote) !=
	    ipv6_addr_v4mapped(&link->local))
		return efh_link_fault(extack, attr,
				      "local and remote are of different families");
	if (ipv6_addr_equal(&setup->remote, &link->local))
		return efh_link_fault(extack, attr,
				      "remote is the local address");
	if (!link->lower &&
	    ipv6_addr_type(&setup->remote) & IPV6_ADDR_LINKLOCAL)
		return efh_link_fault(extack, attr,
				      "a link-local address needs a lower device");
	setup->own = true;
	return 0;
}

/* The stack then knows who stands on whom, and how deep. */
static int efh_link_lower(struct efh_link *link, struct netlink_ext_ack *extack)
{
	struct net_device *lower;
	int err;

	if (!link->lower)
		return 0;
	lower = __dev_get_by_index(link->net, link->lower);
	if (!lower)
		return -ENODEV;
	err = netdev_upper_dev_link(lower, link->dev, extack);
	if (!err)
		link->lower_dev = lower;
	return err;
}

/* It stands there from now on: undone by the device's end, too. */
static int efh_link_place(struct efh_link *link, struct netlink_ext_ack *extack)
{
	int err = efh_link_lower(link, extack);

	if (!err && link->udp)
		err = efh_port_get(link, extack);
	return err;
}

/* It stands nowhere again. It has no peers, but packets may have met one. */
static void efh_link_unplace(struct efh_link *link)
{
	synchronize_net();
	if (link->port)
		efh_port_put(link);
	efh_link_lower_put(link);
	link->local = in6addr_any;
	link->lower = 0;
	link->udp = false;
}

static void efh_link_headroom(struct efh_link *link)
{
	link->dev->needed_headroom = LL_MAX_HEADER + EFH_HDR_LEN +
				     efh_carrier_len(efh_link_carrier(link));
}

/* The link's own remote gets another address, or begins to be. */
static int efh_link_move(struct efh_link *link, struct efh_peer_setup *setup,
			 struct netlink_ext_ack *extack)
{
	struct efh_peer *peer, *before = NULL;

	if (!setup->own)
		return 0;
	list_for_each_entry(peer, &link->peers, list)
		if (peer->own)
			before = peer;
	if (before && ipv6_addr_equal(&before->key.remote, &setup->remote))
		return 0;
	if (before && efh_peer_describe(before, setup))
		return -ENOMEM;
	peer = efh_peer_add(link, setup, extack);
	kvfree(setup->prefixes);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	if (before)
		efh_peer_del(before);
	return 0;
}

static int efh_link_new(struct net_device *dev, struct net *net,
			struct nlattr **tb, struct nlattr **data,
			struct netlink_ext_ack *extack)
{
	struct efh_link *link = netdev_priv(dev);
	struct nlattr *nothing[IFLA_EFH_MAX + 1] = {};
	struct efh_peer_setup setup = {};
	struct efh_link_config *config, asked = {
		.ttl = EFH_LINK_TTL,
		.udp_csum = true,
		.retransmit = true,
		.sport_min = EFH_LINK_SPORT_MIN,
		.sport_max = EFH_LINK_SPORT_MAX,
	};
	int err;

	link->dev = dev;
	link->net = net;
	if (!data)
		data = nothing;
	err = efh_link_read_place(link, data, extack);
	if (err)
		return err;
	if (data[IFLA_EFH_REMOTE]) {
		err = efh_link_remote(link, data[IFLA_EFH_REMOTE], &setup,
				      extack);
		if (err)
			return err;
	} else {
		dev->flags &= ~IFF_POINTOPOINT;
	}
	err = efh_encap_net_start(efh_net(net));
	if (err)
		return err;
	err = efh_link_configure(link, &asked, data, extack);
	if (err)
		return err;
	config = kmemdup(&asked, sizeof(asked), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	efh_link_headroom(link);
	err = register_netdevice(dev);
	if (err) {
		kfree(config);
		return err;
	}
	/* Nobody can have set it up meanwhile. */
	rcu_assign_pointer(link->config, config);
	list_add_tail(&link->list, &efh_net(net)->links);
	err = efh_link_place(link, extack) ?:
	      efh_link_move(link, &setup, extack);
	if (err)
		unregister_netdevice(dev);
	return err;
}

EFH_COMPAT_NEWLINK(efh_link_newlink, efh_link_new)

/* Asked for, and different from what is. */
static bool efh_link_differs(struct nlattr *attr, const void *value, int len)
{
	return attr && (nla_len(attr) != len || memcmp(nla_data(attr), value, len));
}

/* Where it stands is not for change. */
static int efh_link_stays(const struct efh_link *link, struct nlattr **data,
			  struct netlink_ext_ack *extack)
{
	u32 carrier = link->udp ? EFH_LINK_CARRIER_UDP : EFH_LINK_CARRIER_IP;
	struct in6_addr local;

	if (data[IFLA_EFH_DPORT] && !link->udp)
		return efh_link_fault(extack, data[IFLA_EFH_DPORT],
				      "only a link with carrier udp has ports");
	if ((data[IFLA_EFH_LOCAL] &&
	     (efh_link_addr(data[IFLA_EFH_LOCAL], &local, extack) ||
	      !ipv6_addr_equal(&local, &link->local))) ||
	    efh_link_differs(data[IFLA_EFH_LINK], &link->lower, sizeof(u32)) ||
	    efh_link_differs(data[IFLA_EFH_CARRIER], &carrier, sizeof(u32)) ||
	    efh_link_differs(data[IFLA_EFH_DPORT], &link->dport,
			     sizeof(__be16))) {
		NL_SET_ERR_MSG(extack, "local, dev, carrier and dport stay as the link was made");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int efh_link_change(struct efh_link *link, bool places,
			   struct nlattr **data, struct netlink_ext_ack *extack)
{
	struct efh_link_config *config, *old = rtnl_dereference(link->config);
	struct efh_peer_setup setup = {};
	int err;

	config = kmemdup(old, sizeof(*old), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	err = efh_link_configure(link, config, data, extack);
	if (!err && data[IFLA_EFH_REMOTE])
		err = efh_link_remote(link, data[IFLA_EFH_REMOTE], &setup,
				      extack);
	if (!err && places)
		err = efh_link_place(link, extack);
	if (err) {
		kfree(config);
		return err;
	}
	/* Before there is whom to send to. */
	efh_link_headroom(link);
	rcu_assign_pointer(link->config, config);
	err = efh_link_move(link, &setup, extack);
	if (err) {
		rcu_assign_pointer(link->config, old);
		kfree_rcu(config, rcu);
		return err;
	}
	if (setup.own)
		link->dev->flags |= IFF_POINTOPOINT;
	kfree_rcu(old, rcu);
	return 0;
}

static int efh_link_changelink(struct net_device *dev, struct nlattr *tb[],
			       struct nlattr *data[],
			       struct netlink_ext_ack *extack)
{
	struct efh_link *link = netdev_priv(dev);
	bool places = !efh_link_placed(link);
	int err;

	if (!data)
		return 0;
	/* The outer side may be somebody else's. */
	if (!ns_capable(link->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack, "takes CAP_NET_ADMIN where the link's outer packets are");
		return -EPERM;
	}
	err = places ? efh_link_read_place(link, data, extack) :
		       efh_link_stays(link, data, extack);
	if (!err)
		err = efh_link_change(link, places, data, extack);
	if (err && places)
		efh_link_unplace(link);
	return err;
}

static size_t efh_link_size(const struct net_device *dev)
{
	return 2 * nla_total_size(sizeof(struct in6_addr)) +
	       3 * nla_total_size(sizeof(u32)) +
	       3 * nla_total_size(sizeof(__be16)) +
	       4 * nla_total_size(sizeof(u8));
}

static int efh_link_fill(struct sk_buff *msg, const struct net_device *dev)
{
	const struct efh_link *link = netdev_priv(dev);
	const struct efh_link_config *config = rtnl_dereference(link->config);
	const struct efh_peer *peer;

	list_for_each_entry(peer, &link->peers, list)
		if (peer->own &&
		    efh_attr_put_addr(msg, IFLA_EFH_REMOTE, &peer->key.remote))
			return -EMSGSIZE;
	if (efh_link_placed(link) &&
	    (efh_attr_put_addr(msg, IFLA_EFH_LOCAL, &link->local) ||
	     nla_put_u32(msg, IFLA_EFH_LINK, link->lower) ||
	     nla_put_u32(msg, IFLA_EFH_CARRIER, link->udp ?
			 EFH_LINK_CARRIER_UDP : EFH_LINK_CARRIER_IP)))
		return -EMSGSIZE;
	if (nla_put_u8(msg, IFLA_EFH_TTL, config->ttl) ||
	    nla_put_u8(msg, IFLA_EFH_TOS, config->tos) ||
	    nla_put_u32(msg, IFLA_EFH_FRAGMENT_SIZE, config->fragment_size) ||
	    nla_put_u8(msg, IFLA_EFH_RETRANSMIT, config->retransmit))
		return -EMSGSIZE;
	if (!link->udp)
		return 0;
	if (nla_put_be16(msg, IFLA_EFH_DPORT, link->dport) ||
	    nla_put_be16(msg, IFLA_EFH_SPORT_MIN, htons(config->sport_min)) ||
	    nla_put_be16(msg, IFLA_EFH_SPORT_MAX, htons(config->sport_max)) ||
	    nla_put_u8(msg, IFLA_EFH_UDP_CSUM, config->udp_csum))
		return -EMSGSIZE;
	return 0;
}

static struct net *efh_link_net(const struct net_device *dev)
{
	return ((struct efh_link *)netdev_priv(dev))->net;
}

struct rtnl_link_ops efh_link_rtnl_ops __read_mostly = {
	.kind = EFH_LINK_KIND,
	.maxtype = IFLA_EFH_MAX,
	.policy = efh_link_policy,
	.priv_size = sizeof(struct efh_link),
	.setup = efh_link_setup,
	.newlink = efh_link_newlink,
	.changelink = efh_link_changelink,
	.dellink = efh_link_dellink,
	.get_size = efh_link_size,
	.fill_info = efh_link_fill,
	.get_link_net = efh_link_net,
};
