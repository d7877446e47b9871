/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Extended Fragment Header (EFH): what user space sees.
 *
 * The wire layout (Documentation/wire.rst, section numbers given below) and
 * the generic netlink family "efh" (Documentation/netlink/efh.yaml).
 */
#ifndef _UAPI_LINUX_EFH_H
#define _UAPI_LINUX_EFH_H

#include <linux/types.h>
#include <asm/byteorder.h>

/* Option types, wire.rst section 1: defaults, each a setting per namespace */
#define EFH_OPTION_DEFAULT		0xDE
#define EFH_PARCEL_OPTION_DEFAULT	0x9E
#define EFH_CONTROL_OPTION_DEFAULT	0x5E

/* The EFH option, wire.rst section 2 */
#define EFH_OPTION_LEN			12	/* Opt Len: octets after it */
#define EFH_HDR_LEN			16	/* the header a sender emits */
#define EFH_MAX_FRAGMENTS		64
#define EFH_MIN_FRAGMENT		1024	/* payload of a non-final fragment */
#define EFH_MAX_PACKET			65535

#define EFH_INDEX_SHIFT			2	/* in struct efh_hdr index_ps */
#define EFH_PARCEL			0x02	/* P */
#define EFH_SUBPARCELS			0x01	/* S */
#define EFH_OFFSET_MASK			0xFFF8	/* in frag_off: octets as is */
#define EFH_RESERVED			0x0006	/* Res */
#define EFH_MORE			0x0001	/* M */

/**
 * struct efh_hdr - the Destination Options header that a sender emits
 * @nexthdr: Next Header: the payload's protocol in Index 0, else 59
 * @hdrlen: Hdr Ext Len in 8-octet units beyond the first: 1
 * @option: option type, EFH_OPTION_DEFAULT unless set otherwise
 * @optlen: EFH_OPTION_LEN
 * @nexthdr_cache: the payload's protocol, in every fragment
 * @index_ps: Index (6 bits), P, S
 * @frag_off: Fragment Offset (13 bits), Res (2 bits), M
 * @id: Identification
 */
struct efh_hdr {
	__u8	nexthdr;
	__u8	hdrlen;
	__u8	option;
	__u8	optlen;
	__u8	nexthdr_cache;
	__u8	index_ps;
	__be16	frag_off;
	__be64	id;
} __attribute__((packed));

/* The Control option, wire.rst section 7 */
#define EFH_CONTROL_OPTION_LEN		36
#define EFH_CONTROL_LEN			40	/* the header with it */
#define EFH_CONTROL_VERSION		1
#define EFH_CONTROL_ENDPOINT		0x80000000 /* in flow: none, the endpoint */

enum efh_control_kind {
	EFH_CONTROL_PROBE = 1,
	EFH_CONTROL_PROBE_ACK,
	EFH_CONTROL_REPORT,
	EFH_CONTROL_NACK,
	EFH_CONTROL_RESET,
};

/**
 * struct efh_control_hdr - the Destination Options header of a Control message
 * @nexthdr: Next Header: 59
 * @hdrlen: Hdr Ext Len in 8-octet units beyond the first: 4
 * @option: option type, EFH_CONTROL_OPTION_DEFAULT unless set otherwise
 * @optlen: EFH_CONTROL_OPTION_LEN
 * @kind: version (4 bits) and enum efh_control_kind
 * @flags: 0
 * @size: of a PROBE, octets from the outer IP header
 * @epoch: drawn when the sender started
 * @flow: flow label or UDP port, or EFH_CONTROL_ENDPOINT and more
 * @nonce: or Identification
 * @missing: bits or counts, by kind
 * @count_a: by kind
 * @count_b: by kind
 */
struct efh_control_hdr {
	__u8	nexthdr;
	__u8	hdrlen;
	__u8	option;
	__u8	optlen;
	__u8	kind;
	__u8	flags;
	__be16	size;
	__be32	epoch;
	__be32	flow;
	__be64	nonce;
	__be64	missing;
	__be32	count_a;
	__be32	count_b;
} __attribute__((packed));

/* Generic netlink */
#define EFH_GENL_NAME		"efh"
#define EFH_GENL_VERSION	1
#define EFH_GENL_MCGRP_EVENTS	"events"

enum efh_cmd {
	EFH_CMD_UNSPEC,
	EFH_CMD_SETTINGS_GET,
	EFH_CMD_SETTINGS_SET,
	EFH_CMD_NATIVE_NEW,
	EFH_CMD_NATIVE_DEL,
	EFH_CMD_NATIVE_GET,
	EFH_CMD_FLOW_GET,
	EFH_CMD_FLOW_FLUSH,
	EFH_CMD_STATS_GET,
	EFH_CMD_STATS_RESET,
	EFH_CMD_MTU_EVENT,
	EFH_CMD_PEER_EVENT,
	EFH_CMD_PEER_NEW,
	EFH_CMD_PEER_DEL,
	EFH_CMD_PEER_SET,
	EFH_CMD_PEER_GET,
	EFH_CMD_PEER_SUSPECT,
	EFH_CMD_RESET_EVENT,
	EFH_CMD_LOSS_EVENT,

	__EFH_CMD_MAX,
	EFH_CMD_MAX = __EFH_CMD_MAX - 1
};

/* What carries the EFH header, wire.rst section 5 */
enum efh_carrier {
	EFH_CARRIER_IPV6,
	EFH_CARRIER_IPV4,
	EFH_CARRIER_UDP6,
	EFH_CARRIER_UDP4,
};

/* A link of kind "efh": rtnetlink, IFLA_INFO_DATA */
#define EFH_LINK_KIND		"efh"
#define EFH_LINK_PORT		8060
#define EFH_LINK_SPORT_MIN	49152	/* wire.rst section 5 */
#define EFH_LINK_SPORT_MAX	65535

enum efh_link_carrier {
	EFH_LINK_CARRIER_IP,		/* IPv6 or IPv4, as the local address is */
	EFH_LINK_CARRIER_UDP,
};

enum efh_link_attr {
	IFLA_EFH_UNSPEC,
	IFLA_EFH_LOCAL,			/* binary, 4 or 16 octets: the outer source */
	IFLA_EFH_REMOTE,		/* binary, of the same family; absent: peers */
	IFLA_EFH_LINK,			/* u32, ifindex of the lower device or VRF, 0: any */
	IFLA_EFH_CARRIER,		/* u32, enum efh_link_carrier */
	IFLA_EFH_DPORT,			/* be16, UDP port of both ends */
	IFLA_EFH_SPORT_MIN,		/* be16, first of the source ports */
	IFLA_EFH_SPORT_MAX,		/* be16, last */
	IFLA_EFH_TTL,			/* u8, outer hop limit, 0: the inner one */
	IFLA_EFH_TOS,			/* u8, outer traffic class, 1: the inner DSCP */
	IFLA_EFH_FRAGMENT_SIZE,		/* u32, limit of L in octets, 0: none */
	IFLA_EFH_UDP_CSUM,		/* u8, 0 or 1: UDP checksum over IPv6 */
	IFLA_EFH_RETRANSMIT,		/* u8, 0 or 1 */

	__IFLA_EFH_MAX,
	IFLA_EFH_MAX = __IFLA_EFH_MAX - 1
};

/* What is known of a flow's destination */
enum efh_flow_state {
	EFH_FLOW_STATE_ACTIVE,		/* large packets leave as EFH fragments */
	EFH_FLOW_STATE_UNAWARE,		/* it refused EFH: standard fragments */
};

/* How a flow's path MTU is known, by the names of RFC 8899 */
enum efh_search_state {
	EFH_SEARCH_STATE_DISABLED,	/* by route and ICMP alone */
	EFH_SEARCH_STATE_BASE,		/* asked for the first time */
	EFH_SEARCH_STATE_SEARCHING,	/* asked for more than is known to pass */
	EFH_SEARCH_STATE_COMPLETE,	/* found */
	EFH_SEARCH_STATE_ERROR,		/* found, but nothing is answered any more */
};

/* What led to a change of a flow's path MTU */
enum efh_mtu_cause {
	EFH_MTU_CAUSE_AGE,		/* what a router said is forgotten */
	EFH_MTU_CAUSE_ICMP,		/* a router's word */
	EFH_MTU_CAUSE_PROBE,		/* a PROBE of that size was answered */
	EFH_MTU_CAUSE_BLACK_HOLE,	/* smaller ones are answered, larger ones not */
};

/* settings: one set per network namespace */
enum efh_settings_attr {
	EFH_A_SETTINGS_UNSPEC,
	EFH_A_SETTINGS_EFH_OPTION,	/* u8, option type */
	EFH_A_SETTINGS_PARCEL_OPTION,	/* u8, option type */
	EFH_A_SETTINGS_CONTROL_OPTION,	/* u8, option type */
	EFH_A_SETTINGS_TIMEOUT,		/* u32, reassembly timeout in ms */
	EFH_A_SETTINGS_MEMORY,		/* u64, reassembly bound in octets */
	EFH_A_SETTINGS_RECEIVE,		/* u8, 0 or 1: EFH is received */
	EFH_A_SETTINGS_ATOMIC,		/* u8, 0 or 1: small packets leave as atomic fragments */
	EFH_A_SETTINGS_PAD,

	__EFH_A_SETTINGS_MAX,
	EFH_A_SETTINGS_MAX = __EFH_A_SETTINGS_MAX - 1
};

/* native: destinations to which large packets leave as EFH fragments */
enum efh_native_attr {
	EFH_A_NATIVE_UNSPEC,
	EFH_A_NATIVE_PREFIX,		/* binary, 4 or 16 octets */
	EFH_A_NATIVE_PREFIX_LEN,	/* u8, bits */
	EFH_A_NATIVE_FRAGMENT_SIZE,	/* u32, limit of L in octets, 0: none */
	EFH_A_NATIVE_MAX_PACKET,	/* u32, largest packet in octets */
	EFH_A_NATIVE_RETRANSMIT,	/* u8, 0 or 1 */

	__EFH_A_NATIVE_MAX,
	EFH_A_NATIVE_MAX = __EFH_A_NATIVE_MAX - 1
};

/* flow: one outer flow to one destination */
enum efh_flow_attr {
	EFH_A_FLOW_UNSPEC,
	EFH_A_FLOW_CARRIER,		/* u32, enum efh_carrier */
	EFH_A_FLOW_DESTINATION,		/* binary, 4 or 16 octets */
	EFH_A_FLOW_LABEL,		/* u32, IPv6 flow label; under UDP the source port */
	EFH_A_FLOW_IFINDEX,		/* u32, L3 domain or link-local scope, 0: none */
	EFH_A_FLOW_PATH_MTU,		/* u32, octets of an outer packet */
	EFH_A_FLOW_FRAGMENT_SIZE,	/* u32, L in octets as last used */
	EFH_A_FLOW_MAX_PACKET,		/* u32, largest packet now advised */
	EFH_A_FLOW_PACKETS,		/* u64 */
	EFH_A_FLOW_FRAGMENTS,		/* u64 */
	EFH_A_FLOW_STATE,		/* u32, enum efh_flow_state */
	EFH_A_FLOW_EXPIRES,		/* u32, ms until what was learnt is forgotten */
	EFH_A_FLOW_IDLE,		/* u32, ms since the last packet */
	EFH_A_FLOW_PAD,
	EFH_A_FLOW_SEARCH,		/* u32, enum efh_search_state */
	EFH_A_FLOW_RETRANSMITTED,	/* u64, fragments sent again */
	EFH_A_FLOW_LOSS,		/* u32, fragments lost of a million, of late */

	__EFH_A_FLOW_MAX,
	EFH_A_FLOW_MAX = __EFH_A_FLOW_MAX - 1
};

/* What is known of a peer */
enum efh_peer_state {
	EFH_PEER_STATE_UNKNOWN,		/* nothing has come from it yet */
	EFH_PEER_STATE_UP,		/* it was heard */
	EFH_PEER_STATE_SUSPECT,		/* it did not answer at once */
	EFH_PEER_STATE_DOWN,		/* nor later: others come first */
};

/* What led to a change of a peer's state */
enum efh_peer_cause {
	EFH_PEER_CAUSE_NONE,
	EFH_PEER_CAUSE_ANSWER,		/* it answered */
	EFH_PEER_CAUSE_SILENCE,		/* it was sent to, and asked in passing */
	EFH_PEER_CAUSE_TCP,		/* a TCP connection over the link repeats itself */
	EFH_PEER_CAUSE_ICMP,		/* an ICMP error about a packet to it */
	EFH_PEER_CAUSE_USER,		/* "efhctl peer suspect" */
	EFH_PEER_CAUSE_RESET,		/* it said that it goes */
	EFH_PEER_CAUSE_EPOCH,		/* it lives another life */
	EFH_PEER_CAUSE_PROBE,		/* PROBEs of a flow to it were not answered */
};

/* peer: a remote endpoint of a link */
enum efh_peer_attr {
	EFH_A_PEER_UNSPEC,
	EFH_A_PEER_IFINDEX,		/* u32, the link */
	EFH_A_PEER_ADDRESS,		/* binary, 4 or 16 octets, outer */
	EFH_A_PEER_PORT,		/* be16, where it listens; UDP only */
	EFH_A_PEER_PRIORITY,		/* u32, of those with one prefix the lowest is used */
	EFH_A_PEER_PREFIX,		/* nest of enum efh_prefix_attr, several; none: all */
	EFH_A_PEER_STATE,		/* u32, enum efh_peer_state */
	EFH_A_PEER_HEARD,		/* u32, ms since it was last heard; absent: never */
	EFH_A_PEER_LINK_REMOTE,		/* flag: the link's own remote */
	EFH_A_PEER_NAT,			/* flag: behind a NAT, as far as known */
	EFH_A_PEER_EPOCH,		/* u32, of its life; absent: it never answered */
	EFH_A_PEER_ANSWER,		/* u32, us that an answer takes; likewise */
	EFH_A_PEER_LEFT,		/* u32, enum efh_peer_cause: why it was last left */
	EFH_A_PEER_LEFT_ICMP_TYPE,	/* u8, where that was ICMP */
	EFH_A_PEER_LEFT_ICMP_CODE,	/* u8 */

	__EFH_A_PEER_MAX,
	EFH_A_PEER_MAX = __EFH_A_PEER_MAX - 1
};

/* An inner prefix that is behind a peer */
enum efh_prefix_attr {
	EFH_A_PREFIX_UNSPEC,
	EFH_A_PREFIX_ADDRESS,		/* binary, 4 or 16 octets */
	EFH_A_PREFIX_LEN,		/* u8, bits */

	__EFH_A_PREFIX_MAX,
	EFH_A_PREFIX_MAX = __EFH_A_PREFIX_MAX - 1
};

/*
 * stats: u64 counters of one network namespace. The in_ and drop counters
 * count fragments and add up: in_fragments = in_delivered +
 * reassembly_fragments + the sum of the drop counters (bad_option to
 * no_memory).
 */
enum efh_stats_attr {
	EFH_A_STATS_UNSPEC,
	EFH_A_STATS_IN_FRAGMENTS,	/* EFH headers that arrived */
	EFH_A_STATS_IN_ATOMIC,		/* of these, atomic ones delivered */
	EFH_A_STATS_IN_DELIVERED,	/* fragments delivered in a whole packet */
	EFH_A_STATS_REASSEMBLED,	/* packets made of more than one fragment */
	EFH_A_STATS_OUT_PACKETS,	/* packets sent in fragments */
	EFH_A_STATS_OUT_FRAGMENTS,
	EFH_A_STATS_OUT_FAILED,		/* packets that could not be */
	EFH_A_STATS_BAD_OPTION,
	EFH_A_STATS_BAD_INDEX,
	EFH_A_STATS_BAD_FRAGMENT,
	EFH_A_STATS_TOO_BIG,
	EFH_A_STATS_MISMATCH,
	EFH_A_STATS_DUPLICATE,
	EFH_A_STATS_ECN,
	EFH_A_STATS_TIMEOUT,
	EFH_A_STATS_EVICTED,
	EFH_A_STATS_NO_MEMORY,
	EFH_A_STATS_CONTROL_IN,
	EFH_A_STATS_CONTROL_OUT,
	EFH_A_STATS_CONTROL_INVALID,
	EFH_A_STATS_RETRANSMIT_OUT,
	EFH_A_STATS_RETRANSMIT_USED,
	EFH_A_STATS_SEGMENT_CHECKSUM,
	EFH_A_STATS_ICMP_IN,		/* ICMP errors about our fragments, heeded */
	EFH_A_STATS_ICMP_INVALID,	/* ICMP errors that prove nothing, ignored */
	EFH_A_STATS_REASSEMBLY_BYTES,	/* held now */
	EFH_A_STATS_REASSEMBLY_PACKETS,	/* held now */
	EFH_A_STATS_REASSEMBLY_FRAGMENTS, /* held now */
	EFH_A_STATS_PAD,

	__EFH_A_STATS_MAX,
	EFH_A_STATS_MAX = __EFH_A_STATS_MAX - 1
};

/* event: what the multicast group "events" carries */
enum efh_event_attr {
	EFH_A_EVENT_UNSPEC,
	EFH_A_EVENT_FLOW,		/* nest of enum efh_flow_attr */
	EFH_A_EVENT_OLD,		/* u32, octets or a state: of a flow, of a PEER */
	EFH_A_EVENT_NEW,		/* u32, as OLD */
	EFH_A_EVENT_ICMP_TYPE,		/* u8, of the error that led to it */
	EFH_A_EVENT_ICMP_CODE,		/* u8 */
	EFH_A_EVENT_FROM,		/* binary, who sent the ICMP error */
	EFH_A_EVENT_PEER,		/* nest of enum efh_peer_attr, instead of FLOW */
	EFH_A_EVENT_CAUSE,		/* u32, enum efh_peer_cause, of PEER */
	EFH_A_EVENT_MTU_CAUSE,		/* u32, enum efh_mtu_cause, of FLOW */

	__EFH_A_EVENT_MAX,
	EFH_A_EVENT_MAX = __EFH_A_EVENT_MAX - 1
};

#endif /* _UAPI_LINUX_EFH_H */
