// SPDX-License-Identifier: GPL-2.0-only
/*
 * Remote endpoints of links: which one a packet goes to, by inner prefix, and
 * which one it came from, by both outer addresses.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "link.h"
#include "net.h"
#include "peer.h"

static const struct rhashtable_params efh_peer_params = {
	.key_len = sizeof(struct efh_peer_key),
	.key_offset = offsetof(struct efh_peer, key),
	.head_offset = offsetof(struct efh_peer, node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params efh_prefix_params = {
	.key_len = sizeof(struct efh_prefix_key),
	.key_offset = offsetof(struct efh_prefix, key),
	.head_offset = offsetof(struct efh_prefix, node),
	.automatic_shrinking = true,
};

/* The longest prefixes that hold an address; several peers may have them. */
static struct rhlist_head *efh_prefix_longest(struct efh_link *link,
					      const struct in6_addr *addr)
{
	struct efh_prefix_key key;
	unsigned long len, size = EFH_PREFIX_BITS + 1;
	struct rhlist_head *list;

	for (;;) {
		len = find_last_bit(link->lengths, size);
		if (len >= size)
			return NULL;
		ipv6_addr_prefix(&key.addr, addr, len);
		key.len = len;
		list = rhltable_lookup(&link->prefixes, &key, efh_prefix_params);
		if (list)
			return list;
		size = len;
	}
}

static bool efh_peer_better(const struct efh_peer *peer,
			    const struct efh_peer *than)
{
	bool usable = efh_alive_usable(peer);

	if (usable != efh_alive_usable(than))
		return usable;
	if (!usable && efh_alive_gone(peer) != efh_alive_gone(than))
		return efh_alive_gone(than);
	return READ_ONCE(peer->priority) < READ_ONCE(than->priority);
}

/**
 * efh_peer_select() - the peer an inner packet is to be sent to
 * @link: the link
 * @to: inner destination, mapped for IPv4
 *
 * Of those that have the longest prefix and are not down, the one with the lowest
 * priority; if all are down, of these, or of those of them that may be there.
 *
 * Context: RCU read side.
 * Return: the peer or NULL.
 */
struct efh_peer *efh_peer_select(struct efh_link *link,
				 const struct in6_addr *to)
{
	struct rhlist_head *node, *list = efh_prefix_longest(link, to);
	struct efh_peer *best = NULL;
	struct efh_prefix *prefix;

	rhl_for_each_entry_rcu(prefix, node, list, node)
		if (!best || efh_peer_better(prefix->peer, best))
			best = prefix->peer;
	return best;
}

/**
 * efh_peer_holds() - is an inner source behind a peer?
 * @peer: the peer
 * @from: inner source, mapped for IPv4
 *
 * Context: RCU read side.
 * Return: true if a packet to @from could be sent to that peer.
 */
bool efh_peer_holds(const struct efh_peer *peer, const struct in6_addr *from)
{
	struct rhlist_head *node, *list = efh_prefix_longest(peer->link, from);
	struct efh_prefix *prefix;

	rhl_for_each_entry_rcu(prefix, node, list, node)
		if (prefix->peer == peer)
			return true;
	return false;
}

/**
 * efh_peer_find() - who sent an outer packet
 * @en: the namespace
 * @key: both its ends
 * @skb: the packet, with the device it came in on
 *
 * Context: RCU read side.
 * Return: the peer, of the link whose lower device or L3 domain fits, rather
 *	than of one that has none; or NULL.
 */
struct efh_peer *efh_peer_find(struct efh_net *en,
			       const struct efh_peer_key *key,
			       const struct sk_buff *skb)
{
	struct rhlist_head *node, *list;
	struct efh_peer *peer, *best = NULL;

	list = rhltable_lookup(&en->peers.table, key, efh_peer_params);
	rhl_for_each_entry_rcu(peer, node, list, node)
		if (efh_link_heads(peer->link, skb) &&
		    (!best || peer->link->lower))
			best = peer;
	return best;
}

/**
 * efh_peer_pretended() - was a packet made on this host in the name of a peer?
 * @peer: the peer that its addresses name
 * @skb: the packet, with the device it came in on
 *
 * Who binds to any address (IP_FREEBIND), as everybody may, could put into a link
 * what he likes. It is counted by the link.
 *
 * Context: RCU read side.
 * Return: true if so, and the peer is not on this host.
 */
bool efh_peer_pretended(const struct efh_peer *peer, const struct sk_buff *skb)
{
	const struct in6_addr *remote = &peer->key.remote;
	const struct net_device *dev = skb->dev;

	/* By a VRF's device it could not be told from what came by a port. */
	if (!(dev->flags & IFF_LOOPBACK) ||
	    (ipv6_addr_v4mapped(remote) ?
	     inet_addr_type(dev_net(dev), remote->s6_addr32[3]) == RTN_LOCAL :
	     ipv6_chk_addr(dev_net(dev), remote, NULL, 0)))
		return false;
	efh_link_count(peer->link, EFH_LINK_IN_SOURCE);
	return true;
}

/**
 * efh_peer_at() - who is at the other end, without a packet of his
 * @en: the namespace
 * @key: both ends
 * @scope: L3 domain, or link of a link-local address
 *
 * Context: RCU read side.
 * Return: the peer, of a link whose lower side is there; or NULL.
 */
struct efh_peer *efh_peer_at(struct efh_net *en,
			     const struct efh_peer_key *key, u32 scope)
{
	struct rhlist_head *node, *list;
	struct efh_peer *peer;

	list = rhltable_lookup(&en->peers.table, key, efh_peer_params);
	rhl_for_each_entry_rcu(peer, node, list, node)
		if (efh_link_within(peer->link, scope))
			return peer;
	return NULL;
}

/**
 * efh_peer_by_remote() - a link's peer by its address
 * @link: the link
 * @remote: the address, mapped for IPv4
 *
 * Context: RTNL.
 * Return: the peer or NULL.
 */
struct efh_peer *efh_peer_by_remote(struct efh_link *link,
				    const struct in6_addr *remote)
{
	struct efh_peer *peer;

	list_for_each_entry(peer, &link->peers, list)
		if (ipv6_addr_equal(&peer->key.remote, remote))
			return peer;
	return NULL;
}

static void efh_prefix_list(struct efh_link *link, struct efh_prefix *prefix)
{
	if (!link->prefix_count[prefix->key.len]++)
		set_bit(prefix->key.len, link->lengths);
}

static void efh_prefix_unlist(struct efh_link *link, struct efh_prefix *prefix)
{
	rhltable_remove(&link->prefixes, &prefix->node, efh_prefix_params);
	if (!--link->prefix_count[prefix->key.len])
		clear_bit(prefix->key.len, link->lengths);
}

static void efh_prefixes_remove(struct efh_link *link,
				struct efh_prefix *prefixes, unsigned int count)
{
	while (count--)
		efh_prefix_unlist(link, &prefixes[count]);
	if (prefixes)
		kvfree_rcu_mightsleep(prefixes);
}

/* Enter prefixes for a peer; without any, all there is. */
static int efh_prefixes_insert(struct efh_peer *peer,
			       const struct efh_peer_setup *setup)
{
	unsigned int i, count = setup->count ?: 1;
	struct efh_link *link = peer->link;
	struct efh_prefix *prefixes;
	int err;

	prefixes = kvcalloc(count, sizeof(*prefixes), GFP_KERNEL_ACCOUNT);
	if (!prefixes)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		if (setup->count)
			prefixes[i].key = setup->prefixes[i];
		prefixes[i].peer = peer;
		err = rhltable_insert(&link->prefixes, &prefixes[i].node,
				      efh_prefix_params);
		if (err) {
			efh_prefixes_remove(link, prefixes, i);
			return err;
		}
		efh_prefix_list(link, &prefixes[i]);
	}
	peer->prefixes = prefixes;
	peer->count = count;
	return 0;
}

static void efh_peer_free(struct rcu_head *rcu)
{
	struct efh_peer *peer = container_of(rcu, struct efh_peer, rcu);
	int i;

	for (i = 0; i < EFH_PEER_ROUTES; i++)
		dst_cache_destroy(&peer->routes[i]);
	kfree(peer);
}

/* What is known of, and held from, a peer that lives another life. */
static void efh_peer_forget(struct work_struct *work)
{
	const struct efh_peer *peer = container_of(work, struct efh_peer,
						   reborn);
	struct efh_net *en = efh_net(peer->link->net);

	efh_arrival_forget(en, &peer->key.remote, &peer->key.local);
	efh_reassembly_forget(en, &peer->key.remote, &peer->key.local);
	efh_flow_flush(en, &peer->key.remote);
}

/**
 * efh_peer_reborn() - a peer turned out to live another life
 * @peer: the peer, not deleted
 *
 * All that is of the old one goes.
 *
 * Context: any but hard interrupts.
 */
void efh_peer_reborn(struct efh_peer *peer)
{
	queue_work(efh_wq, &peer->reborn);
}

static struct efh_peer *efh_peer_alloc(struct efh_link *link,
				       const struct efh_peer_setup *setup)
{
	struct efh_peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	int i, err = 0;

	if (!peer)
		return NULL;
	for (i = 0; !err && i < EFH_PEER_ROUTES; i++)
		err = dst_cache_init(&peer->routes[i],
				     GFP_KERNEL_ACCOUNT);
	if (err) {
		efh_peer_free(&peer->rcu);
		return NULL;
	}
	peer->link = link;
	peer->key.local = link->local;
	peer->key.remote = setup->remote;
	peer->key.udp = link->udp;
	peer->key.port = link->udp ? link->dport : 0;
	peer->own = setup->own;
	peer->home = setup->port ?: link->dport;
	peer->port = peer->home;
	peer->fixed = setup->port;
	peer->priority = setup->priority;
	INIT_WORK(&peer->reborn, efh_peer_forget);
	efh_alive_init(peer);
	return peer;
}

/* Another link must not have it already: who would get its packets? */
static bool efh_peer_taken(struct efh_net *en, const struct efh_peer *peer)
{
	struct rhlist_head *node, *list;
	struct efh_peer *other;
	bool taken = false;

	rcu_read_lock();
	list = rhltable_lookup(&en->peers.table, &peer->key, efh_peer_params);
	rhl_for_each_entry_rcu(other, node, list, node)
		taken |= other->link->lower == peer->link->lower;
	rcu_read_unlock();
	return taken;
}

/**
 * efh_peer_add() - give a link a peer
 * @link: the link
 * @setup: what is asked for
 * @extack: where to say what is wrong
 *
 * Context: process, RTNL.
 * Return: the peer; -EEXIST; -ENOMEM.
 */
struct efh_peer *efh_peer_add(struct efh_link *link,
			      const struct efh_peer_setup *setup,
			      struct netlink_ext_ack *extack)
{
	struct efh_net *en = efh_net(link->net);
	struct efh_peer *peer = efh_peer_alloc(link, setup);
	int err;

	if (!peer)
		return ERR_PTR(-ENOMEM);
	if (efh_peer_taken(en, peer)) {
		NL_SET_ERR_MSG(extack,
			       "a link from that local address has this peer already");
		efh_peer_free(&peer->rcu);
		return ERR_PTR(-EEXIST);
	}
	err = efh_prefixes_insert(peer, setup);
	if (err)
		goto err_free;
	err = rhltable_insert(&en->peers.table, &peer->node, efh_peer_params);
	if (err)
		goto err_prefixes;
	list_add_tail_rcu(&peer->list, &link->peers);
	return peer;

err_prefixes:
	efh_prefixes_remove(link, peer->prefixes, peer->count);
	/* Packets found it by them. */
	synchronize_net();
	efh_alive_exit(peer);
err_free:
	call_rcu(&peer->rcu, efh_peer_free);
	return ERR_PTR(err);
}

/**
 * efh_peer_describe() - what to ask for to get another such peer
 * @peer: the peer
 * @setup: where to put all but the address; the caller frees the prefixes
 *
 * Context: process, RTNL.
 * Return: 0 or -ENOMEM.
 */
int efh_peer_describe(const struct efh_peer *peer, struct efh_peer_setup *setup)
{
	unsigned int i;

	setup->prefixes = kvcalloc(peer->count, sizeof(*setup->prefixes),
				   GFP_KERNEL);
	if (!setup->prefixes)
		return -ENOMEM;
	setup->port = peer->fixed ? peer->home : 0;
	setup->priority = peer->priority;
	setup->count = peer->count;
	for (i = 0; i < peer->count; i++)
		setup->prefixes[i] = peer->prefixes[i].key;
	return 0;
}

/**
 * efh_peer_replace() - give a peer other prefixes
 * @peer: the peer
 * @setup: the prefixes
 *
 * Context: process, RTNL.
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int efh_peer_replace(struct efh_peer *peer, const struct efh_peer_setup *setup)
{
	struct efh_prefix *old = peer->prefixes;
	unsigned int count = peer->count;
	int err = efh_prefixes_insert(peer, setup);

	/* For a moment it has both: no packet meets neither. */
	if (!err)
		efh_prefixes_remove(peer->link, old, count);
	return err;
}

/**
 * efh_peer_port() - a peer turned out to be at another port
 * @peer: the peer
 * @port: where
 *
 * Context: RCU read side or RTNL.
 */
void efh_peer_port(struct efh_peer *peer, __be16 port)
{
	int i;

	WRITE_ONCE(peer->port, port);
	WRITE_ONCE(peer->proved, 0);
	WRITE_ONCE(peer->checked, 0);
	/* Routes may depend on it. */
	for (i = 0; i < EFH_PEER_ROUTES; i++)
		dst_cache_reset(&peer->routes[i]);
}

/**
 * efh_peer_fix_port() - a peer is told to be at a port
 * @peer: the peer
 * @port: where, and nowhere else
 *
 * Context: process, RTNL.
 */
void efh_peer_fix_port(struct efh_peer *peer, __be16 port)
{
	WRITE_ONCE(peer->fixed, true);
	WRITE_ONCE(peer->home, port);
	WRITE_ONCE(peer->nat, false);
	efh_peer_port(peer, port);
}

/**
 * efh_peer_del() - take a peer from its link
 * @peer: the peer
 *
 * Context: process, RTNL. Packets may still be on their way to it for a grace
 *	period.
 */
void efh_peer_del(struct efh_peer *peer)
{
	struct efh_net *en = efh_net(peer->link->net);

	rhltable_remove(&en->peers.table, &peer->node, efh_peer_params);
	list_del_rcu(&peer->list);
	efh_alive_exit(peer);
	cancel_work_sync(&peer->reborn);
	efh_prefixes_remove(peer->link, peer->prefixes, peer->count);
	call_rcu(&peer->rcu, efh_peer_free);
}

/**
 * efh_peer_link_init() - a link without peers
 * @link: the link
 *
 * Return: 0 or -ENOMEM.
 */
int efh_peer_link_init(struct efh_link *link)
{
	INIT_LIST_HEAD(&link->peers);
	return rhltable_init(&link->prefixes, &efh_prefix_params);
}

/**
 * efh_peer_link_exit() - a link's peers end with it
 * @link: the link; no packet is sent by it any more
 *
 * Context: process, RTNL.
 */
void efh_peer_link_exit(struct efh_link *link)
{
	struct efh_peer *peer, *next;

	list_for_each_entry_safe(peer, next, &link->peers, list)
		efh_peer_del(peer);
	/* Nobody who received for it reads its prefixes after this. */
	synchronize_net();
	rhltable_destroy(&link->prefixes);
}

/**
 * efh_peer_net_init() - make a namespace's table of peers
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_peer_net_init(struct efh_net *en)
{
	return rhltable_init(&en->peers.table, &efh_peer_params);
}

/**
 * efh_peer_net_exit() - free it
 * @en: the namespace, without links
 */
void efh_peer_net_exit(struct efh_net *en)
{
	rhltable_destroy(&en->peers.table);
}
