/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_SEARCH_H
#define _EFH_SEARCH_H

#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct efh_cause;
struct efh_control_hdr;
struct efh_destination;
struct efh_flow;
struct efh_flow_key;
struct efh_net;

#define EFH_SEARCH_BASE		1280u	/* RFC 8899: BASE_PLPMTU */
/* CONFIRMATION_TIMER: a black hole is to be found within a second. */
#define EFH_SEARCH_CONFIRM	(HZ / 4)
/* As many PROBEs can be answered: wire.rst section 7. */
#define EFH_SEARCH_OUTSTANDING	8

/*
 * What a flow knows of its path MTU by asking (RFC 8899). The lock protects
 * all of it; use, state, due, wanted, top and raise are also read, and traffic is
 * written, without.
 */
struct efh_search {
	spinlock_t lock;		/* as said above */
	u32 use;			/* octets; 0: what ICMP says */
	unsigned long due;		/* jiffies: nothing is to be done before */
	u32 traffic;			/* fragments since the last question */
	u32 wanted;			/* as many for the next */
	u8 state;			/* enum efh_search_state */
	bool asking;			/* size, and no answer yet */
	bool heard;			/* BASE was answered since size is asked */
	bool hasty;			/* it asks with its first packet */
	u8 lost;			/* questions about size without an answer */
	u32 good;			/* PLPMTU: confirmed, octets; 0: nothing is */
	u32 bad;			/* given up; 0: nothing was */
	u32 told;			/* by ICMP; 0: nothing was */
	u32 top;			/* what route and device take */
	u32 size;			/* that is asked */
	unsigned long raise;		/* jiffies: then more may pass */
	u64 answer;			/* ns that one takes; 0: none came */
	u32 number;			/* of the last PROBE */
	u8 open;			/* bit k: the one k before that has no answer */
	/* Of the last ones, by the last bits of their number: */
	u16 sizes[EFH_SEARCH_OUTSTANDING];
	u64 when[EFH_SEARCH_OUTSTANDING];	/* ns */
};

/* A PROBE that is to be sent. */
struct efh_probe {
	__be64 nonce;
	u32 size;		/* octets of the outer packet */
};

/* As many are sent at a time. */
#define EFH_SEARCH_PROBES	3

void efh_search_init(struct efh_search *search, struct efh_destination *d);
unsigned int efh_search_mtu(struct efh_net *en, struct efh_flow *flow,
			    unsigned int local);
unsigned int efh_search_path(struct efh_net *en, const struct efh_flow_key *key,
			     unsigned int local, struct efh_flow **flow);
unsigned int efh_search_ask(struct efh_net *en, struct efh_flow *flow,
			    u32 local, struct efh_probe *probes);
bool efh_search_answer(struct efh_net *en, struct efh_flow *flow,
		       const struct efh_control_hdr *hdr);
bool efh_search_told(struct efh_net *en, struct efh_flow *flow, u32 mtu,
		     const struct efh_cause *cause);
bool efh_search_refused(struct efh_net *en, struct efh_flow *flow, __be64 nonce,
			u32 mtu, const struct efh_cause *cause);
void efh_search_passes(struct efh_flow *flow, u32 size);
void efh_search_vanishes(struct efh_net *en, struct efh_flow *flow, u32 size,
			 unsigned int count);

/**
 * efh_search_unanswered() - is nothing answered any more, be it ever so small?
 * @search: of a flow that was asked about
 */
static inline bool efh_search_unanswered(const struct efh_search *search)
{
	return READ_ONCE(search->state) == EFH_SEARCH_STATE_ERROR;
}

/**
 * efh_search_due() - is the path to be asked?
 * @search: of a flow that something is sent in
 */
static inline bool efh_search_due(const struct efh_search *search)
{
	return READ_ONCE(search->traffic) >= READ_ONCE(search->wanted) &&
	       time_after_eq(jiffies, READ_ONCE(search->due));
}

/**
 * efh_search_knows() - is something known that who asks again would miss at first?
 * @search: of a flow that is idle
 */
static inline bool efh_search_knows(const struct efh_search *search)
{
	u32 use = READ_ONCE(search->use);

	return use && use < READ_ONCE(search->top) &&
	       time_before(jiffies, READ_ONCE(search->raise));
}

/**
 * efh_search_traffic() - something is sent that takes the path MTU
 * @search: of its flow
 * @fragments: as many
 *
 * It does not matter if some go uncounted.
 */
static inline void efh_search_traffic(struct efh_search *search, u32 fragments)
{
	WRITE_ONCE(search->traffic, READ_ONCE(search->traffic) + fragments);
}

#endif /* _EFH_SEARCH_H */
