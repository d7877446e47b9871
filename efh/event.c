// SPDX-License-Identifier: GPL-2.0-only
/* What user space is told unasked; and a flow as both faces show it. */
#include <net/ipv6.h>
#include "attr.h"
#include "event.h"
#include "link.h"
#include "net.h"
#include "netlink.h"
#include "trace.h"

/**
 * efh_put_flow() - put a flow's attributes into a message
 * @msg: the message
 * @d: its destination
 * @flow: the flow; NULL for what concerns the destination alone
 *
 * Context: RCU read side.
 * Return: 0 or -EMSGSIZE.
 */
int efh_put_flow(struct sk_buff *msg, struct efh_destination *d,
		 struct efh_flow *flow)
{
	const struct in6_addr *to = &d->key.addr;
	u32 mtu = efh_destination_peek(d, &d->mtu);

	if (nla_put_u32(msg, EFH_A_FLOW_CARRIER,
			flow ? flow->key.carrier : efh_carrier_of(to)) ||
	    efh_attr_put_addr(msg, EFH_A_FLOW_DESTINATION, to) ||
	    nla_put_u32(msg, EFH_A_FLOW_IFINDEX, d->key.scope) ||
	    nla_put_u32(msg, EFH_A_FLOW_STATE,
			efh_destination_peek(d, &d->unaware)) ||
	    nla_put_u32(msg, EFH_A_FLOW_EXPIRES,
			jiffies_to_msecs(efh_destination_expires(d))))
		return -EMSGSIZE;
	if (!flow)
		return 0;
	return nla_put_u32(msg, EFH_A_FLOW_LABEL, flow->key.label) ||
	       nla_put_u32(msg, EFH_A_FLOW_PATH_MTU,
			   READ_ONCE(flow->search.use) ?: mtu ?:
			   READ_ONCE(flow->mtu)) ||
	       nla_put_u32(msg, EFH_A_FLOW_SEARCH,
			   READ_ONCE(flow->search.state)) ||
	       nla_put_u64_64bit(msg, EFH_A_FLOW_RETRANSMITTED,
				 atomic64_read(&flow->store.resent),
				 EFH_A_FLOW_PAD) ||
	       nla_put_u32(msg, EFH_A_FLOW_FRAGMENT_SIZE,
			   READ_ONCE(flow->size)) ||
	       nla_put_u32(msg, EFH_A_FLOW_MAX_PACKET,
			   READ_ONCE(flow->loss.advised) ?: EFH_MAX_PACKET) ||
	       nla_put_u32(msg, EFH_A_FLOW_LOSS, READ_ONCE(flow->loss.rate)) ||
	       nla_put_u64_64bit(msg, EFH_A_FLOW_PACKETS,
				 efh_flow_packets(flow), EFH_A_FLOW_PAD) ||
	       nla_put_u64_64bit(msg, EFH_A_FLOW_FRAGMENTS,
				 atomic64_read(&flow->fragments),
				 EFH_A_FLOW_PAD) ||
	       nla_put_u32(msg, EFH_A_FLOW_IDLE,
			   jiffies_to_msecs(jiffies - READ_ONCE(flow->used))) ?
	       -EMSGSIZE : 0;
}

/* Return: a message, if anybody listens. */
static struct sk_buff *efh_event_open(struct net *net)
{
	if (!genl_has_listeners(&efh_genl_family, net, 0))
		return NULL;
	return genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC | __GFP_NOWARN);
}

static void efh_event_send(struct net *net, struct sk_buff *msg, int error)
{
	if (error)
		nlmsg_free(msg);
	else
		genlmsg_multicast_netns(&efh_genl_family, net, msg, 0, 0,
					GFP_ATOMIC);
}

static int efh_event_fill(struct sk_buff *msg, enum efh_cmd cmd,
			  struct efh_destination *d, struct efh_flow *flow,
			  u32 old, u32 new, const struct efh_cause *cause)
{
	void *header = genlmsg_put(msg, 0, 0, &efh_genl_family, 0, cmd);
	struct nlattr *nest;

	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(msg, EFH_A_EVENT_FLOW);
	if (!nest || efh_put_flow(msg, d, flow))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	if (nla_put_u32(msg, EFH_A_EVENT_OLD, old) ||
	    nla_put_u32(msg, EFH_A_EVENT_NEW, new))
		return -EMSGSIZE;
	if (nla_put_u32(msg, EFH_A_EVENT_MTU_CAUSE, cause->why) ||
	    (cause->why == EFH_MTU_CAUSE_ICMP &&
	     (nla_put_u8(msg, EFH_A_EVENT_ICMP_TYPE, cause->type) ||
	      nla_put_u8(msg, EFH_A_EVENT_ICMP_CODE, cause->code) ||
	      efh_attr_put_addr(msg, EFH_A_EVENT_FROM, &cause->from))))
		return -EMSGSIZE;
	genlmsg_end(msg, header);
	return 0;
}

/**
 * efh_event() - tell who listens that something changed
 * @en: the namespace
 * @cmd: EFH_CMD_MTU_EVENT or EFH_CMD_PEER_EVENT
 * @d: the destination it is about
 * @flow: the flow it was seen in; NULL if in none
 * @old: MTU in octets, or enum efh_flow_state
 * @new: likewise
 * @cause: what led to it; NULL for age
 *
 * Context: any but hard interrupts, RCU read side.
 */
void efh_event(struct efh_net *en, enum efh_cmd cmd, struct efh_destination *d,
	       struct efh_flow *flow, u32 old, u32 new,
	       const struct efh_cause *cause)
{
	static const struct efh_cause age = { .why = EFH_MTU_CAUSE_AGE };
	struct sk_buff *msg = efh_event_open(en->net);

	cause = cause ?: &age;
	if (cmd == EFH_CMD_MTU_EVENT)
		trace_efh_mtu(en->net, &d->key.addr, flow ? flow->key.label : 0,
			      old, new, cause->why);
	if (msg)
		efh_event_send(en->net, msg,
			       efh_event_fill(msg, cmd, d, flow, old, new,
					      cause));
}

static int efh_loss_event_fill(struct sk_buff *msg, struct efh_flow *flow,
			       u32 old, u32 new)
{
	void *header = genlmsg_put(msg, 0, 0, &efh_genl_family, 0,
				   EFH_CMD_LOSS_EVENT);
	struct nlattr *nest;

	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(msg, EFH_A_EVENT_FLOW);
	if (!nest || efh_put_flow(msg, flow->destination, flow))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	if (nla_put_u32(msg, EFH_A_EVENT_OLD, old) ||
	    nla_put_u32(msg, EFH_A_EVENT_NEW, new))
		return -EMSGSIZE;
	genlmsg_end(msg, header);
	return 0;
}

/**
 * efh_loss_event() - tell who listens that other packets are worth sending
 * @en: the namespace
 * @flow: the flow
 * @old: the largest that were, octets
 * @new: that are
 *
 * Context: any but hard interrupts, RCU read side.
 */
void efh_loss_event(struct efh_net *en, struct efh_flow *flow, u32 old, u32 new)
{
	struct sk_buff *msg = efh_event_open(en->net);

	trace_efh_loss(en->net, &flow->key.destination.addr, flow->key.label,
		       old, new, READ_ONCE(flow->loss.rate));
	if (msg)
		efh_event_send(en->net, msg,
			       efh_loss_event_fill(msg, flow, old, new));
}

static int efh_peer_event_fill(struct sk_buff *msg, enum efh_cmd cmd,
			       const struct efh_peer *peer, u32 old, u32 new,
			       const struct efh_hint *hint)
{
	void *header = genlmsg_put(msg, 0, 0, &efh_genl_family, 0, cmd);
	struct nlattr *nest;

	if (!header)
		return -EMSGSIZE;
	nest = nla_nest_start(msg, EFH_A_EVENT_PEER);
	if (!nest ||
	    nla_put_u32(msg, EFH_A_PEER_IFINDEX, peer->link->dev->ifindex) ||
	    efh_attr_put_addr(msg, EFH_A_PEER_ADDRESS, &peer->key.remote))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	if ((cmd == EFH_CMD_PEER_EVENT &&
	     (nla_put_u32(msg, EFH_A_EVENT_OLD, old) ||
	      nla_put_u32(msg, EFH_A_EVENT_NEW, new))) ||
	    nla_put_u32(msg, EFH_A_EVENT_CAUSE, hint->cause) ||
	    (hint->cause == EFH_PEER_CAUSE_ICMP &&
	     (nla_put_u8(msg, EFH_A_EVENT_ICMP_TYPE, hint->type) ||
	      nla_put_u8(msg, EFH_A_EVENT_ICMP_CODE, hint->code))))
		return -EMSGSIZE;
	genlmsg_end(msg, header);
	return 0;
}

static void efh_peer_tell(const struct efh_peer *peer, enum efh_cmd cmd, u32 old,
			  u32 new, const struct efh_hint *hint)
{
	struct net *net = dev_net(peer->link->dev);
	struct sk_buff *msg = efh_event_open(net);

	if (msg)
		efh_event_send(net, msg,
			       efh_peer_event_fill(msg, cmd, peer, old, new,
						   hint));
}

/**
 * efh_peer_event() - tell who listens that a link's peer is seen otherwise
 * @peer: the peer
 * @old: how it was seen
 * @new: how it is
 * @hint: what led to it
 *
 * Context: any but hard interrupts, RCU read side.
 */
void efh_peer_event(const struct efh_peer *peer, enum efh_peer_state old,
		    enum efh_peer_state new, const struct efh_hint *hint)
{
	trace_efh_peer(peer->link->net, peer->link->dev->ifindex,
		       &peer->key.remote, old, new, hint->cause);
	efh_peer_tell(peer, EFH_CMD_PEER_EVENT, old, new, hint);
}

/**
 * efh_reset_event() - tell who listens that a peer went away, or lives another life
 * @peer: the peer
 * @hint: what led to it
 *
 * Context: any but hard interrupts, RCU read side.
 */
void efh_reset_event(const struct efh_peer *peer, const struct efh_hint *hint)
{
	efh_peer_tell(peer, EFH_CMD_RESET_EVENT, 0, 0, hint);
}
