/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM efh

#if !defined(_EFH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _EFH_TRACE_H

#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include "reassembly.h"
#include "wire.h"

#define EFH_CARRIER_NAMES \
	{ EFH_CARRIER_IPV6, "ipv6" }, \
	{ EFH_CARRIER_IPV4, "ipv4" }, \
	{ EFH_CARRIER_UDP6, "udp6" }, \
	{ EFH_CARRIER_UDP4, "udp4" }

#define EFH_DROP_NAMES \
	{ EFH_DROP_BAD_OPTION, "bad_option" }, \
	{ EFH_DROP_BAD_INDEX, "bad_index" }, \
	{ EFH_DROP_BAD_FRAGMENT, "bad_fragment" }, \
	{ EFH_DROP_TOO_BIG, "too_big" }, \
	{ EFH_DROP_MISMATCH, "mismatch" }, \
	{ EFH_DROP_DUPLICATE, "duplicate" }, \
	{ EFH_DROP_ECN, "ecn" }, \
	{ EFH_DROP_TIMEOUT, "timeout" }, \
	{ EFH_DROP_EVICTED, "evicted" }, \
	{ EFH_DROP_NO_MEMORY, "no_memory" }

TRACE_EVENT(efh_fragment,
	TP_PROTO(const struct net *net, const struct sk_buff *skb, u32 carrier,
		 const struct efh_fragment *f),
	TP_ARGS(net, skb, carrier, f),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__field(const void *, skbaddr)
		__field(u32, carrier)
		__field(u64, id)
		__field(u8, index)
		__field(u32, offset)
		__field(u32, payload)
		__field(bool, more)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->skbaddr = skb;
		__entry->carrier = carrier;
		__entry->id = be64_to_cpu(f->id);
		__entry->index = f->index;
		__entry->offset = f->offset;
		__entry->payload = f->payload;
		__entry->more = f->more;
	),
	TP_printk("netns=%u skbaddr=%p carrier=%s id=%016llx index=%u offset=%u payload=%u more=%d",
		  __entry->netns, __entry->skbaddr,
		  __print_symbolic(__entry->carrier, EFH_CARRIER_NAMES),
		  __entry->id, __entry->index, __entry->offset,
		  __entry->payload, __entry->more)
);

TRACE_EVENT(efh_reassembled,
	TP_PROTO(const struct net *net, const struct efh_reassembly_key *key,
		 unsigned int fragments, unsigned int length),
	TP_ARGS(net, key, fragments, length),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__field(u32, carrier)
		__field(u64, id)
		__field(unsigned int, fragments)
		__field(unsigned int, length)
		__array(u8, source, 16)
		__array(u8, destination, 16)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->carrier = key->carrier;
		__entry->id = be64_to_cpu(key->id);
		__entry->fragments = fragments;
		__entry->length = length;
		memcpy(__entry->source, &key->source, 16);
		memcpy(__entry->destination, &key->destination, 16);
	),
	TP_printk("netns=%u carrier=%s source=%pI6c destination=%pI6c id=%016llx fragments=%u length=%u",
		  __entry->netns,
		  __print_symbolic(__entry->carrier, EFH_CARRIER_NAMES),
		  __entry->source, __entry->destination, __entry->id,
		  __entry->fragments, __entry->length)
);

TRACE_EVENT(efh_drop,
	TP_PROTO(const struct net *net, const struct sk_buff *skb, u32 reason),
	TP_ARGS(net, skb, reason),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__field(const void *, skbaddr)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->skbaddr = skb;
		__entry->reason = reason;
	),
	TP_printk("netns=%u skbaddr=%p reason=%s",
		  __entry->netns, __entry->skbaddr,
		  __print_symbolic(__entry->reason, EFH_DROP_NAMES))
);

#define EFH_MTU_CAUSE_NAMES \
	{ EFH_MTU_CAUSE_AGE, "age" }, \
	{ EFH_MTU_CAUSE_ICMP, "icmp" }, \
	{ EFH_MTU_CAUSE_PROBE, "probe" }, \
	{ EFH_MTU_CAUSE_BLACK_HOLE, "black-hole" }

TRACE_EVENT(efh_mtu,
	TP_PROTO(const struct net *net, const struct in6_addr *destination,
		 u32 label, u32 old, u32 new, u32 cause),
	TP_ARGS(net, destination, label, old, new, cause),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__array(u8, destination, 16)
		__field(u32, label)
		__field(u32, old)
		__field(u32, new)
		__field(u32, cause)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		memcpy(__entry->destination, destination, 16);
		__entry->label = label;
		__entry->old = old;
		__entry->new = new;
		__entry->cause = cause;
	),
	TP_printk("netns=%u destination=%pI6c label=%u old=%u new=%u cause=%s",
		  __entry->netns, __entry->destination, __entry->label,
		  __entry->old, __entry->new,
		  __print_symbolic(__entry->cause, EFH_MTU_CAUSE_NAMES))
);

TRACE_EVENT(efh_loss,
	TP_PROTO(const struct net *net, const struct in6_addr *destination,
		 u32 label, u32 old, u32 new, u32 rate),
	TP_ARGS(net, destination, label, old, new, rate),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__array(u8, destination, 16)
		__field(u32, label)
		__field(u32, old)
		__field(u32, new)
		__field(u32, rate)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		memcpy(__entry->destination, destination, 16);
		__entry->label = label;
		__entry->old = old;
		__entry->new = new;
		__entry->rate = rate;
	),
	TP_printk("netns=%u destination=%pI6c label=%u old=%u new=%u loss=%u/1000000",
		  __entry->netns, __entry->destination, __entry->label,
		  __entry->old, __entry->new, __entry->rate)
);

#define EFH_PEER_STATE_NAMES \
	{ EFH_PEER_STATE_UNKNOWN, "unknown" }, \
	{ EFH_PEER_STATE_UP, "up" }, \
	{ EFH_PEER_STATE_SUSPECT, "suspect" }, \
	{ EFH_PEER_STATE_DOWN, "down" }

#define EFH_PEER_CAUSE_NAMES \
	{ EFH_PEER_CAUSE_NONE, "none" }, \
	{ EFH_PEER_CAUSE_ANSWER, "answer" }, \
	{ EFH_PEER_CAUSE_SILENCE, "silence" }, \
	{ EFH_PEER_CAUSE_TCP, "tcp" }, \
	{ EFH_PEER_CAUSE_ICMP, "icmp" }, \
	{ EFH_PEER_CAUSE_USER, "user" }, \
	{ EFH_PEER_CAUSE_RESET, "reset" }, \
	{ EFH_PEER_CAUSE_EPOCH, "epoch" }, \
	{ EFH_PEER_CAUSE_PROBE, "probe" }

TRACE_EVENT(efh_peer,
	TP_PROTO(const struct net *net, int ifindex,
		 const struct in6_addr *remote, u32 old, u32 new, u32 cause),
	TP_ARGS(net, ifindex, remote, old, new, cause),
	TP_STRUCT__entry(
		__field(unsigned int, netns)
		__field(int, ifindex)
		__array(u8, remote, 16)
		__field(u32, old)
		__field(u32, new)
		__field(u32, cause)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->ifindex = ifindex;
		memcpy(__entry->remote, remote, 16);
		__entry->old = old;
		__entry->new = new;
		__entry->cause = cause;
	),
	TP_printk("netns=%u ifindex=%d remote=%pI6c old=%s new=%s cause=%s",
		  __entry->netns, __entry->ifindex, __entry->remote,
		  __print_symbolic(__entry->old, EFH_PEER_STATE_NAMES),
		  __print_symbolic(__entry->new, EFH_PEER_STATE_NAMES),
		  __print_symbolic(__entry->cause, EFH_PEER_CAUSE_NAMES))
);

#endif /* _EFH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
