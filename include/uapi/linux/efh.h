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

	__EFH_CMD_MAX,
	EFH_CMD_MAX = __EFH_CMD_MAX - 1
};

/* What carries the EFH header, wire.rst section 5 */
enum efh_carrier {
	EFH_CARRIER_IPV6,
	EFH_CARRIER_IPV4,
};

/* What is known of a flow's destination */
enum efh_flow_state {
	EFH_FLOW_STATE_ACTIVE,		/* large packets leave as EFH fragments */
	EFH_FLOW_STATE_UNAWARE,		/* it refused EFH: standard fragments */
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
	EFH_A_FLOW_LABEL,		/* u32, IPv6 flow label */
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

	__EFH_A_FLOW_MAX,
	EFH_A_FLOW_MAX = __EFH_A_FLOW_MAX - 1
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
	EFH_A_EVENT_OLD,		/* u32, MTU in octets or enum efh_flow_state */
	EFH_A_EVENT_NEW,		/* u32, as OLD */
	EFH_A_EVENT_ICMP_TYPE,		/* u8, what led to it; absent: age */
	EFH_A_EVENT_ICMP_CODE,		/* u8 */
	EFH_A_EVENT_FROM,		/* binary, who sent the ICMP error */

	__EFH_A_EVENT_MAX,
	EFH_A_EVENT_MAX = __EFH_A_EVENT_MAX - 1
};

#endif /* _UAPI_LINUX_EFH_H */
