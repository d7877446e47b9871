// SPDX-License-Identifier: GPL-2.0-only
/*
 * Black holes as flows meet them that know nothing by asking, and never will: TCP
 * goes on in another flow, with another flow label, each time that nothing is
 * acknowledged, so that none of them sends enough. So what is lost is counted by
 * destination; and of several flows one asks with its first packet.
 */
#include <linux/jiffies.h>
#include "destination.h"
#include "event.h"
#include "flow.h"
#include "hole.h"
#include "net.h"
#include "pmtu.h"
#include "search.h"

/* Of so many flows that begin one asks, */
#define EFH_HOLE_BEGUN		3
/* but where the last did in vain not before this is over. */
#define EFH_HOLE_SILENT		(10 * HZ)
/* Older losses are not of the same row. */
#define EFH_HOLE_ROW		(10 * HZ)

const struct efh_cause efh_hole_cause = {
	.why = EFH_MTU_CAUSE_BLACK_HOLE,
};

/* Context: the destination's lock. */
static bool efh_hole_suspect(const struct efh_hole *h)
{
	bool missed = READ_ONCE(h->missed) &&
		      time_before(jiffies, h->when + EFH_HOLE_ROW);

	return (missed || h->begun >= EFH_HOLE_BEGUN) &&
	       !efh_lately(h->asked, READ_ONCE(h->answered) ?
				     EFH_SEARCH_CONFIRM : EFH_HOLE_SILENT);
}

/**
 * efh_hole_begun() - a flow begins
 * @d: its destination
 *
 * Of several flows one shall ask with its first packet; and of those that come
 * next, as long as smaller packets alone arrive.
 *
 * Context: process or BH.
 * Return: true if this one shall.
 */
bool efh_hole_begun(struct efh_destination *d)
{
	bool suspect;

	spin_lock_bh(&d->lock);
	d->hole.begun++;
	suspect = efh_hole_suspect(&d->hole);
	spin_unlock_bh(&d->lock);
	return suspect;
}

/**
 * efh_hole_turn() - a flow that shall ask with its first packet is about to
 * @d: its destination
 *
 * Context: process or BH.
 * Return: false if another was faster.
 */
bool efh_hole_turn(struct efh_destination *d)
{
	struct efh_hole *h = &d->hole;
	bool suspect;

	spin_lock_bh(&d->lock);
	suspect = efh_hole_suspect(h);
	if (suspect) {
		h->begun = 0;
		h->asked = efh_now();
		WRITE_ONCE(h->answered, false);
	}
	spin_unlock_bh(&d->lock);
	return suspect;
}

/**
 * efh_hole_answered() - the destination does answer
 * @d: the destination
 */
void efh_hole_answered(struct efh_destination *d)
{
	if (!READ_ONCE(d->hole.answered))
		WRITE_ONCE(d->hole.answered, true);
}

/**
 * efh_hole_seen() - something of a size passes
 * @d: to this destination
 * @size: of its packet, octets
 */
void efh_hole_seen(struct efh_destination *d, u32 size)
{
	/* L is a multiple of 8. */
	if (READ_ONCE(d->hole.missed) && size + 8 > READ_ONCE(d->hole.size))
		WRITE_ONCE(d->hole.missed, 0);
}

/* Return: true if there are too many now for chance. */
static bool efh_hole_count(struct efh_destination *d, u32 size, u32 count)
{
	struct efh_hole *h = &d->hole;
	bool many;

	spin_lock_bh(&d->lock);
	/* L is a multiple of 8; what is asked is not. */
	if (abs((int)h->size - (int)size) >= 8 ||
	    time_after(jiffies, h->when + EFH_HOLE_ROW))
		WRITE_ONCE(h->missed, 0);
	count += READ_ONCE(h->missed);
	many = count >= EFH_HOLE_CHANCE;
	WRITE_ONCE(h->missed, many ? 0 : count);
	WRITE_ONCE(h->size, size);
	h->when = jiffies;
	spin_unlock_bh(&d->lock);
	return many;
}

/**
 * efh_hole_missed() - fragments of a size did not arrive, but smaller ones did
 * @en: the namespace
 * @flow: theirs
 * @size: of their packets, octets
 * @count: for how many it counts
 * @mtu: what is used, octets
 *
 * If that is too much for chance flows that know nothing by asking begin with
 * BASE.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_hole_missed(struct efh_net *en, struct efh_flow *flow, u32 size,
		     u32 count, u32 mtu)
{
	if (efh_hole_count(flow->destination, size, count))
		efh_pmtu_learn(en, flow, mtu, EFH_SEARCH_BASE, &efh_hole_cause);
}
