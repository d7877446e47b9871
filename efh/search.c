// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the path of a flow takes, found by asking: Packetization Layer Path MTU
 * Discovery for datagrams, RFC 8899, whose names these are. A PROBE as large as
 * a fragment that is answered proves that such fragments pass; errors of routers
 * are hints that make one ask.
 *
 * It differs in where it starts: at what route and routers say, as RFC 8201 has
 * it, so that nothing is smaller for it. And in when it asks: with traffic only,
 * so there is no timer, and again after half as long again as answers take, not
 * after 15 s. Whether large ones alone are lost is told by a small one that goes
 * with them.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/siphash.h>
#include "carrier.h"
#include "control.h"
#include "destination.h"
#include "event.h"
#include "hole.h"
#include "net.h"
#include "pmtu.h"
#include "search.h"

#define EFH_SEARCH_MAX_PROBES	3
/* What is larger is no wire: its MTU is known to those who route. */
#define EFH_SEARCH_TOP		9216u
/* Between what passes and what doesn't not more than this is left open. */
#define EFH_SEARCH_GAP		32u
/* A flow that sends less does not ask, or not again: fragments. */
#define EFH_SEARCH_FEW		64
#define EFH_SEARCH_SOME		16

/* PROBE_TIMER: half as long again as an answer takes, but from and to; ns */
#define EFH_SEARCH_WAIT_MIN	(100ull * NSEC_PER_MSEC)
#define EFH_SEARCH_WAIT_MAX	(1ull * NSEC_PER_SEC)
/* Who never answered may not know how. */
#define EFH_SEARCH_MUTE		(600 * HZ)
/* What is too large or too small to be asked is looked at again after this. */
#define EFH_SEARCH_LOOK		(10 * HZ)

/* MTUs that links are known to have, octets. */
static const u16 efh_search_known[] = {
	EFH_SEARCH_BASE, 1400, 1420, 1480, 1492, 1500, 4352, 9000,
};

/* What a Nonce stands for: no padding. */
struct efh_search_asked {
	struct efh_flow_key flow;
	u32 number;
	u64 life;
};

static __be64 efh_search_nonce(const struct efh_net *en,
			       const struct efh_flow *flow, u32 number)
{
	const struct efh_search_asked asked = {
		.flow = flow->key,
		.number = number,
		.life = flow->first_id,
	};

	return cpu_to_be64(siphash(&asked, sizeof(asked),
				   &en->control.search));
}

/**
 * efh_search_mtu() - the path MTU of a flow
 * @en: the namespace
 * @flow: the flow
 * @local: what route and device say, octets
 *
 * Return: octets.
 */
unsigned int efh_search_mtu(struct efh_net *en, struct efh_flow *flow,
			    unsigned int local)
{
	u32 mtu = READ_ONCE(flow->search.use);

	return mtu ? min(mtu, local) :
		     efh_pmtu_get(en, flow->destination, local);
}

/**
 * efh_search_path() - the path MTU for what is to be sent
 * @en: the namespace
 * @key: its flow
 * @local: what route and device say, octets
 * @flow: where to put the flow; NULL if there is none yet: its end may be known
 *
 * Context: RCU read side.
 * Return: octets.
 */
unsigned int efh_search_path(struct efh_net *en, const struct efh_flow_key *key,
			     unsigned int local, struct efh_flow **flow)
{
	struct efh_destination *d;

	*flow = efh_flow_find(en, key);
	if (*flow)
		return efh_search_mtu(en, *flow, local);
	d = efh_destination_find(en, &key->destination);
	return d ? efh_pmtu_get(en, d, local) : local;
}

/* From now on. Context: search->lock, as for all that follows. */
static void efh_search_next(struct efh_search *s, unsigned long wait,
			    u32 traffic)
{
	WRITE_ONCE(s->due, jiffies + wait);
	WRITE_ONCE(s->wanted, traffic);
}

static void efh_search_use(struct efh_net *en, struct efh_flow *flow, u32 mtu,
			   const struct efh_cause *cause)
{
	u32 was = efh_search_mtu(en, flow, flow->search.top);

	WRITE_ONCE(flow->search.use, mtu);
	if (was != mtu)
		efh_event(en, EFH_CMD_MTU_EVENT, flow->destination, flow, was,
			  mtu, cause);
}

/* Ask for a size, from now on. */
static void efh_search_size(struct efh_search *s, enum efh_search_state state,
			    u32 size)
{
	WRITE_ONCE(s->state, state);
	s->size = size;
	s->lost = 0;
	s->heard = false;
	s->asking = false;
	efh_search_next(s, 0, 1);
}

static void efh_search_complete(struct efh_net *en, struct efh_flow *flow)
{
	struct efh_search *s = &flow->search;

	efh_search_size(s, EFH_SEARCH_STATE_COMPLETE, s->good);
	efh_search_next(s, EFH_SEARCH_CONFIRM, EFH_SEARCH_SOME);
	WRITE_ONCE(s->raise,
		   jiffies + efh_pmtu_lifetime(en, flow->destination));
}

/* The next size between what passes and what doesn't; 0 if there is none. */
static u32 efh_search_larger(const struct efh_search *s)
{
	u32 bound = min_not_zero(s->bad, s->top + 1);
	bool known = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(efh_search_known); i++) {
		if (efh_search_known[i] > s->good &&
		    efh_search_known[i] < min(bound, s->top))
			return efh_search_known[i];
		known |= efh_search_known[i] == s->good;
	}
	if (s->top > s->good && s->top < bound)
		return s->top;
	if (s->good == s->told || bound - s->good <= EFH_SEARCH_GAP)
		return 0;
	/* That of a link which is known: likely there is no more to be found. */
	if (known)
		return s->good + EFH_SEARCH_GAP;
	return s->good + (bound - s->good) / 2;
}

static void efh_search_on(struct efh_net *en, struct efh_flow *flow)
{
	struct efh_search *s = &flow->search;
	u32 larger = efh_search_larger(s);

	if (larger)
		efh_search_size(s, EFH_SEARCH_STATE_SEARCHING, larger);
	else
		efh_search_complete(en, flow);
}

/* It is not for asking: by route and ICMP alone. */
static void efh_search_disable(struct efh_search *s, unsigned long wait)
{
	WRITE_ONCE(s->use, 0);
	WRITE_ONCE(s->state, EFH_SEARCH_STATE_DISABLED);
	s->asking = false;
	s->open = 0;
	efh_search_next(s, wait, 1);
}

/* Nothing is known. */
static void efh_search_begin(struct efh_net *en, struct efh_flow *flow,
			     u32 top)
{
	struct efh_search *s = &flow->search;

	efh_search_disable(s, EFH_SEARCH_LOOK);
	WRITE_ONCE(s->top, top);
	s->good = 0;
	s->bad = 0;
	s->told = 0;
	if (top <= EFH_SEARCH_BASE || top > EFH_SEARCH_TOP)
		return;
	efh_search_size(s, EFH_SEARCH_STATE_BASE,
			max(efh_pmtu_get(en, flow->destination, top),
			    EFH_SEARCH_BASE));
}

/* Route or device say something new. What was found holds. */
static void efh_search_local(struct efh_net *en, struct efh_flow *flow,
			     u32 top)
{
	struct efh_search *s = &flow->search;
	bool more = top > s->top;

	if (s->state == EFH_SEARCH_STATE_BASE || top <= EFH_SEARCH_BASE ||
	    top > EFH_SEARCH_TOP) {
		efh_search_begin(en, flow, top);
		return;
	}
	WRITE_ONCE(s->top, top);
	s->good = min(s->good, top);
	WRITE_ONCE(s->use, min(s->use, top));
	if (more || s->size > top)
		efh_search_on(en, flow);
}

/* More may pass than did: PMTU_RAISE_TIMER. */
static void efh_search_raise(struct efh_net *en, struct efh_flow *flow)
{
	flow->search.bad = 0;
	flow->search.told = 0;
	efh_search_on(en, flow);
}

/* Of all that was asked nothing was answered, be it ever so small. */
static void efh_search_silent(struct efh_search *s)
{
	if (!s->good) {
		efh_search_disable(s, EFH_SEARCH_MUTE);
		return;
	}
	/* That is not for want of MTU. */
	efh_search_size(s, EFH_SEARCH_STATE_ERROR, s->size);
	efh_search_next(s, HZ, 1);
}

/* A size was asked for, and there is no answer in time. */
static void efh_search_lost(struct efh_net *en, struct efh_flow *flow)
{
	struct efh_search *s = &flow->search;

	/* Once is enough to see that it is still silent. */
	if (++s->lost < EFH_SEARCH_MAX_PROBES &&
	    (s->state != EFH_SEARCH_STATE_ERROR || s->heard))
		return;
	if (!s->heard) {
		efh_search_silent(s);
		return;
	}
	s->bad = s->size;
	/* Fragments of that size did pass, or were taken to. */
	if (s->size <= s->good || !s->good || s->size == s->use) {
		s->good = EFH_SEARCH_BASE;
		efh_search_use(en, flow, s->good, &efh_hole_cause);
	}
	efh_search_on(en, flow);
}

/* Does a PROBE of BASE go with the one of a size? */
static bool efh_search_both(const struct efh_search *s)
{
	return s->lost || s->state == EFH_SEARCH_STATE_BASE ||
	       s->state == EFH_SEARCH_STATE_ERROR;
}

/* How long an answer may take, jiffies. */
static unsigned long efh_search_wait(const struct efh_search *s)
{
	u64 wait = clamp(s->answer + s->answer / 2, EFH_SEARCH_WAIT_MIN,
			 EFH_SEARCH_WAIT_MAX);

	return nsecs_to_jiffies(s->answer ? wait : EFH_SEARCH_WAIT_MAX) + 1;
}

static void efh_search_probe(struct efh_net *en, struct efh_flow *flow,
			     u32 size, struct efh_probe *probe)
{
	struct efh_search *s = &flow->search;
	unsigned int slot = ++s->number % EFH_SEARCH_OUTSTANDING;

	s->sizes[slot] = size;
	s->when[slot] = ktime_get_ns();
	s->open = s->open << 1 | 1;
	probe->size = size;
	probe->nonce = efh_search_nonce(en, flow, s->number);
}

/**
 * efh_search_ask() - something is sent in a flow, and its path is to be asked
 * @en: the namespace
 * @flow: the flow
 * @local: what route and device take, octets
 * @probes: where to put what is to be sent, as many as EFH_SEARCH_PROBES
 *
 * Context: RCU read side.
 * Return: how many.
 */
unsigned int efh_search_ask(struct efh_net *en, struct efh_flow *flow,
			    u32 local, struct efh_probe *probes)
{
	struct efh_search *s = &flow->search;
	unsigned int count = 0;

	spin_lock_bh(&s->lock);
	if (!efh_search_due(s))
		goto out;
	WRITE_ONCE(s->traffic, 0);
	if (s->hasty && !s->number && !efh_hole_turn(flow->destination)) {
		s->hasty = false;
		efh_search_next(s, 0, EFH_SEARCH_FEW);
		goto out;
	}
	if (s->state == EFH_SEARCH_STATE_DISABLED ||
	    (s->state == EFH_SEARCH_STATE_ERROR &&
	     time_after_eq(jiffies, s->raise)))
		efh_search_begin(en, flow, local);
	else if (s->top != local)
		efh_search_local(en, flow, local);
	else if (s->asking)
		efh_search_lost(en, flow);
	else if (s->state == EFH_SEARCH_STATE_COMPLETE &&
		 time_after_eq(jiffies, s->raise))
		efh_search_raise(en, flow);
	if (s->state == EFH_SEARCH_STATE_DISABLED ||
	    time_before(jiffies, s->due))
		goto out;
	efh_search_probe(en, flow, s->size, &probes[count++]);
	/* There may be no second chance. */
	if (s->hasty && s->state == EFH_SEARCH_STATE_BASE)
		efh_search_probe(en, flow, s->size, &probes[count++]);
	if (s->size != EFH_SEARCH_BASE && efh_search_both(s))
		efh_search_probe(en, flow, EFH_SEARCH_BASE, &probes[count++]);
	s->asking = true;
	efh_search_next(s, efh_search_wait(s), 1);
out:
	spin_unlock_bh(&s->lock);
	return count;
}

/* A size passes. */
static void efh_search_good(struct efh_net *en, struct efh_flow *flow, u32 size)
{
	static const struct efh_cause found = { .why = EFH_MTU_CAUSE_PROBE };
	struct efh_search *s = &flow->search;
	enum efh_search_state was = s->state;

	if (size == EFH_SEARCH_BASE && efh_search_both(s)) {
		s->heard = true;
		if (s->hasty && s->asking &&
		    s->state == EFH_SEARCH_STATE_BASE && size < s->size)
			efh_hole_missed(en, flow, s->size, EFH_HOLE_CHANCE / 2,
					s->size);
	}
	if (s->state == EFH_SEARCH_STATE_DISABLED || size > s->top ||
	    size < s->size || size < s->good)
		return;
	s->good = size;
	if (s->bad && s->bad <= size)
		s->bad = 0;
	if (s->told && s->told < size)
		s->told = 0;
	efh_search_use(en, flow, size, &found);
	if (was == EFH_SEARCH_STATE_COMPLETE) {
		efh_search_size(s, was, size);
		efh_search_next(s, EFH_SEARCH_CONFIRM, EFH_SEARCH_SOME);
	} else {
		efh_search_on(en, flow);
	}
}

/*
 * Which of the PROBEs that were not answered yet has a Nonce? It is answered now.
 * Return: where it is kept; EFH_SEARCH_OUTSTANDING if none has.
 */
static unsigned int efh_search_find(const struct efh_net *en,
				    struct efh_flow *flow, __be64 nonce)
{
	struct efh_search *s = &flow->search;
	unsigned int k;

	for (k = 0; k < EFH_SEARCH_OUTSTANDING; k++)
		if (s->open & BIT(k) &&
		    nonce == efh_search_nonce(en, flow, s->number - k)) {
			s->open &= ~BIT(k);
			return (s->number - k) % EFH_SEARCH_OUTSTANDING;
		}
	return EFH_SEARCH_OUTSTANDING;
}

/**
 * efh_search_answer() - a PROBE-ACK about a flow came
 * @en: the namespace
 * @flow: the flow
 * @hdr: the message
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it proves nothing: nobody asked that, or it was answered.
 */
bool efh_search_answer(struct efh_net *en, struct efh_flow *flow,
		       const struct efh_control_hdr *hdr)
{
	struct efh_search *s = &flow->search;
	bool good = false;
	unsigned int slot;

	spin_lock_bh(&s->lock);
	slot = efh_search_find(en, flow, hdr->nonce);
	if (slot < EFH_SEARCH_OUTSTANDING)
		good = s->sizes[slot] == ntohs(hdr->size);
	if (good) {
		s->answer = efh_control_took(s->answer, ktime_get_ns() -
							s->when[slot]);
		/* Now it is known how long to wait for the other. */
		if (s->asking &&
		    time_before(jiffies + efh_search_wait(s), s->due))
			efh_search_next(s, efh_search_wait(s), 1);
		efh_hole_answered(flow->destination);
		efh_hole_seen(flow->destination, s->sizes[slot]);
		efh_search_good(en, flow, s->sizes[slot]);
	}
	spin_unlock_bh(&s->lock);
	return good;
}

/* A router says that less passes than is used: from there on. */
static void efh_search_shrink(struct efh_net *en, struct efh_flow *flow,
			      u32 mtu, const struct efh_cause *cause)
{
	struct efh_search *s = &flow->search;

	s->good = EFH_SEARCH_BASE;
	s->bad = 0;
	s->told = mtu;
	/* What is still on its way proves nothing of now. */
	s->open = 0;
	efh_search_use(en, flow, mtu, cause);
	efh_search_size(s, EFH_SEARCH_STATE_SEARCHING, mtu);
}

/**
 * efh_search_told() - a router says that a fragment was too large
 * @en: the namespace
 * @flow: the flow
 * @mtu: what it takes, octets
 * @cause: the error
 *
 * It is taken at its word until what it says, and more than that, was asked for.
 *
 * Context: RCU read side, BH disabled.
 * Return: false if the flow knows nothing by asking, or, from now on, can't.
 */
bool efh_search_told(struct efh_net *en, struct efh_flow *flow, u32 mtu,
		     const struct efh_cause *cause)
{
	struct efh_search *s = &flow->search;
	bool known;

	spin_lock_bh(&s->lock);
	if (s->use && mtu < EFH_SEARCH_BASE)
		efh_search_disable(s, EFH_SEARCH_MUTE);
	known = s->use;
	if (known && mtu < s->use)
		efh_search_shrink(en, flow, mtu, cause);
	spin_unlock_bh(&s->lock);
	return known;
}

/* What is asked for is too large, a router says; it may say what is not. */
static void efh_search_smaller(struct efh_net *en, struct efh_flow *flow,
			       u32 mtu)
{
	struct efh_search *s = &flow->search;

	s->bad = s->size;
	s->told = mtu;
	if (mtu > s->good)
		efh_search_size(s, s->state, mtu);
	else
		efh_search_on(en, flow);
}

/* A PROBE was too large, a router says. */
static void efh_search_too_large(struct efh_net *en, struct efh_flow *flow,
				 u32 size, u32 mtu,
				 const struct efh_cause *cause)
{
	struct efh_search *s = &flow->search;

	if (efh_carrier_ip6(flow->key.carrier))
		mtu = max(mtu, EFH_SEARCH_BASE);
	if (mtu < EFH_SEARCH_BASE)
		efh_search_disable(s, EFH_SEARCH_MUTE);
	else if (mtu < s->use)
		efh_search_shrink(en, flow, mtu, cause);
	else if (size == s->size)
		efh_search_smaller(en, flow, mtu);
}

/**
 * efh_search_refused() - a router, or who it was for, sends an error about a
 *	Control message
 * @en: the namespace
 * @flow: the flow it would be about
 * @nonce: what it had for one
 * @mtu: what the router takes, octets; 0 if it is not about that
 * @cause: the error
 *
 * Context: RCU read side.
 * Return: false if no PROBE of the flow is waiting for an answer that had it.
 */
bool efh_search_refused(struct efh_net *en, struct efh_flow *flow, __be64 nonce,
			u32 mtu, const struct efh_cause *cause)
{
	struct efh_search *s = &flow->search;
	unsigned int slot;
	u32 size = 0;

	spin_lock_bh(&s->lock);
	slot = efh_search_find(en, flow, nonce);
	if (slot < EFH_SEARCH_OUTSTANDING)
		size = s->sizes[slot];
	if (mtu && mtu < size)
		efh_search_too_large(en, flow, size, mtu, cause);
	spin_unlock_bh(&s->lock);
	return size;
}

/**
 * efh_search_passes() - the destination holds a fragment
 * @flow: its flow
 * @size: of its packet, octets
 *
 * A question about that is answered by it.
 *
 * Context: BH disabled.
 */
void efh_search_passes(struct efh_flow *flow, u32 size)
{
	struct efh_search *s = &flow->search;

	efh_hole_seen(flow->destination, size);
	spin_lock(&s->lock);
	/* L is a multiple of 8. */
	if (s->state == EFH_SEARCH_STATE_COMPLETE && s->asking &&
	    size + 8 > s->good) {
		efh_search_size(s, EFH_SEARCH_STATE_COMPLETE, s->good);
		efh_search_next(s, EFH_SEARCH_CONFIRM, EFH_SEARCH_SOME);
	}
	spin_unlock(&s->lock);
}

/**
 * efh_search_vanishes() - of a packet the destination holds the smaller end alone
 * @en: the namespace
 * @flow: its flow
 * @size: of its full fragments' packets, octets
 * @count: how many there were of them
 *
 * A flow that asks does so at once. One that does not may never: TCP goes on in
 * another one, with another flow label, each time that nothing is acknowledged,
 * so that none of them sends enough. So it is counted by destination; flows that
 * know nothing by asking then begin with BASE.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_search_vanishes(struct efh_net *en, struct efh_flow *flow, u32 size,
			 unsigned int count)
{
	struct efh_destination *d = flow->destination;
	struct efh_search *s = &flow->search;
	u32 mtu;

	spin_lock(&s->lock);
	mtu = s->use ?: efh_destination_peek(d, &d->mtu) ?:
	      READ_ONCE(flow->mtu);
	/* It may be of another time, with another size. L is a multiple of 8. */
	if (size <= EFH_SEARCH_BASE || size > EFH_SEARCH_TOP || size > mtu ||
	    size + 8 <= mtu)
		goto out;
	if (s->use && !s->asking)
		efh_search_next(s, 0, 1);
	efh_hole_missed(en, flow, size, count, mtu);
out:
	spin_unlock(&s->lock);
}

/**
 * efh_search_init() - a flow that has sent nothing
 * @search: its search
 * @d: its destination
 */
void efh_search_init(struct efh_search *search, struct efh_destination *d)
{
	spin_lock_init(&search->lock);
	search->hasty = efh_hole_begun(d);
	efh_search_next(search, 0, search->hasty ? 0 : EFH_SEARCH_FEW);
}
