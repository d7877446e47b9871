// SPDX-License-Identifier: GPL-2.0-only
/* What user space is told unasked; and a flow as both faces show it. */
#include <net/ipv6.h>
#include "event.h"
#include "net.h"
#include "netlink.h"

/**
 * efh_put_addr() - put an address into a message
 * @msg: the message
 * @attr: the attribute
 * @addr: the address, mapped for IPv4: then 4 octets are put
 *
 * Return: 0 or -EMSGSIZE.
 */
int efh_put_addr(struct sk_buff *msg, int attr, const struct in6_addr *addr)
{
	if (efh_carrier_of(addr) == EFH_CARRIER_IPV4)
		return nla_put_in_addr(msg, attr, addr->s6_addr32[3]);
	return nla_put_in6_addr(msg, attr, addr);
}

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

	if (nla_put_u32(msg, EFH_A_FLOW_CARRIER, efh_carrier_of(to)) ||
	    efh_put_addr(msg, EFH_A_FLOW_DESTINATION, to) ||
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
			   mtu ?: READ_ONCE(flow->mtu)) ||
	       nla_put_u32(msg, EFH_A_FLOW_FRAGMENT_SIZE,
			   READ_ONCE(flow->size)) ||
	       nla_put_u32(msg, EFH_A_FLOW_MAX_PACKET, EFH_MAX_PACKET) ||
	       nla_put_u64_64bit(msg, EFH_A_FLOW_PACKETS,
				 efh_flow_packets(flow), EFH_A_FLOW_PAD) ||
	       nla_put_u64_64bit(msg, EFH_A_FLOW_FRAGMENTS,
				 atomic64_read(&flow->fragments),
				 EFH_A_FLOW_PAD) ||
	       nla_put_u32(msg, EFH_A_FLOW_IDLE,
			   jiffies_to_msecs(jiffies - READ_ONCE(flow->used))) ?
	       -EMSGSIZE : 0;
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
	if (cause && (nla_put_u8(msg, EFH_A_EVENT_ICMP_TYPE, cause->type) ||
		      nla_put_u8(msg, EFH_A_EVENT_ICMP_CODE, cause->code) ||
		      efh_put_addr(msg, EFH_A_EVENT_FROM, &cause->from)))
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
 * @cause: the ICMP error that led to it; NULL for age
 *
 * Context: any but hard interrupts, RCU read side.
 */
void efh_event(struct efh_net *en, enum efh_cmd cmd, struct efh_destination *d,
	       struct efh_flow *flow, u32 old, u32 new,
	       const struct efh_cause *cause)
{
	struct sk_buff *msg;

	if (!genl_has_listeners(&efh_genl_family, en->net, 0))
		return;
	msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!msg)
		return;
	if (efh_event_fill(msg, cmd, d, flow, old, new, cause)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_multicast_netns(&efh_genl_family, en->net, msg, 0, 0,
				GFP_ATOMIC);
}
