// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows as their destination sees them: which packets are late, and when their
 * source is to be asked for what is missing (NACK, wire.rst section 7).
 *
 * A fragment is missing if a later one came. That it is lost, and not merely
 * late, is told by time: by how late fragments of this flow have been when they
 * did come, and by answers that turned out to be needless.
 */
#include <linux/hrtimer.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "arrival.h"
#include "carrier.h"
#include "census.h"
#include "compat.h"
#include "control.h"
#include "net.h"
#include "path.h"
#include "worth.h"

/*
 * Sources and labels that somebody makes up must not pile up without end, nor
 * keep out those that have completed a packet.
 */
#define EFH_ARRIVALS_MAX	32768
#define EFH_ARRIVALS_STRANGERS	2048
#define EFH_ARRIVAL_IDLE	(10 * HZ)
/*
 * Packets of a flow that are watched, by the last bits of Identification: a few at
 * first, for most have no more under way, and strangers need none to exist.
 */
#define EFH_ARRIVAL_WATCHED_MIN	8
#define EFH_ARRIVAL_WATCHED	64
/* At so many packets of a while it is looked what they lack. */
#define EFH_ARRIVAL_SAMPLE	64
/* Identifications of packets that can be under way at a time */
#define EFH_ARRIVAL_NEAR	65536ull
/* So many whole ones far from all that came before show that it is elsewhere. */
#define EFH_ARRIVAL_VOTES	16

/* From here on nanoseconds. How late what is not lost is taken to be: */
#define EFH_ARRIVAL_LATE	(20ull * NSEC_PER_MSEC)
#define EFH_ARRIVAL_LATE_MIN	(2ull * NSEC_PER_MSEC)
#define EFH_ARRIVAL_LATE_MAX	(200ull * NSEC_PER_MSEC)
/* How long nothing must come to take it for the end */
#define EFH_ARRIVAL_TAIL	(10ull * NSEC_PER_MSEC)
#define EFH_ARRIVAL_PACE_MAX	(50ull * NSEC_PER_MSEC)
/* So much later will do: one interrupt for the timers of many flows */
#define EFH_ARRIVAL_SLACK	(1ull * NSEC_PER_MSEC)
/* How long an answer takes, as long as none has come */
#define EFH_ARRIVAL_ANSWER	(100 * NSEC_PER_MSEC)
/* After that its source does not have a packet any more. */
#define EFH_ARRIVAL_GONE	(2 * NSEC_PER_SEC)

/* A fragment is sent again twice; that the end is missing is asked beside. */
#define EFH_ARRIVAL_ASK		3
/* wire.rst: 64 a second, so as many in a row, and the rest spread evenly. */
#define EFH_ARRIVAL_BURST	8
#define EFH_ARRIVAL_SPACING	(NSEC_PER_SEC / (64 - EFH_ARRIVAL_BURST))
/* Who doesn't answer as many in a row is asked only now and then. */
#define EFH_ARRIVAL_FRUITLESS	16
#define EFH_ARRIVAL_PAUSE	NSEC_PER_SEC

enum efh_watched_state {
	EFH_WATCHED_FREE,
	EFH_WATCHED_WAITING,
	EFH_WATCHED_OVER,	/* whole, after it was asked for */
};

/**
 * struct efh_watched - a packet that is not whole, or was asked for
 * @id: Identification
 * @last: when something came of it
 * @late: since when something is known to be missing; 0: nothing is
 * @due: when to ask; when over, when it became whole
 * @asked: when its source was last asked
 * @asks: how often
 * @state: what it is
 */
struct efh_watched {
	u64 id;
	u64 last;
	u64 late;
	u64 due;
	u64 asked;
	u8 asks;
	u8 state;
};

/*
 * Found under RCU, freed after a grace period; dropped once idle, or with its
 * namespace. The lock nests outside that of a reassembly.
 */
struct efh_arrival {
	struct rhash_head node;
	struct efh_arrival_key key;
	struct efh_net *en;			/* constant */
	unsigned long used;			/* jiffies; READ_ONCE/WRITE_ONCE */
	spinlock_t lock;			/* all from here on */
	struct hrtimer timer;
	bool dead;				/* dropped, but found before */
	u8 fruitless;				/* asked in a row, and nothing came */
	u8 votes;				/* whole packets near newest, less others */
	u8 watches;				/* places in watched, a power of 2 */
	u64 newest;				/* Identification */
	u64 done;				/* bit k: newest - k was whole */
	u64 armed;				/* for when; 0: not */
	u64 window;				/* what is not lost may be as late */
	u64 decayed;				/* when window last shrank */
	u64 pace;				/* what may lie between two fragments */
	u64 answer;				/* what an answer takes; 0: none came */
	u64 spent;				/* asking is paid for until then */
	u64 paused;				/* no asking until then */
	struct efh_watched *watched;		/* NULL: never was any */
	struct efh_census census;
	struct efh_tally tally;			/* that is to be reported, */
	bool report;				/* if this says so */
	struct rcu_head rcu;
};

/* What is to be asked, out of the lock. */
struct efh_asking {
	u64 id;
	u64 missing;
};

static const struct rhashtable_params efh_arrival_params = {
	.key_len = sizeof(struct efh_arrival_key),
	.key_offset = offsetof(struct efh_arrival, key),
	.head_offset = offsetof(struct efh_arrival, node),
	.automatic_shrinking = true,
};

static struct efh_watched *efh_arrival_place(struct efh_arrival *a, u64 id)
{
	return &a->watched[id & (a->watches - 1)];
}

/* What is watched of a packet; NULL if nothing is. */
static struct efh_watched *efh_arrival_watched(struct efh_arrival *a, u64 id)
{
	struct efh_watched *w;

	if (!a->watched)
		return NULL;
	w = efh_arrival_place(a, id);
	return w->state != EFH_WATCHED_FREE && w->id == id ? w : NULL;
}

static bool efh_arrival_newer(u64 id, u64 than)
{
	return (s64)(id - than) > 0;
}

/* Can a packet be of the same time as the newest, or is it made up? */
static bool efh_arrival_near(const struct efh_arrival *a, u64 id)
{
	return id - a->newest + EFH_ARRIVAL_NEAR < 2 * EFH_ARRIVAL_NEAR;
}

static void efh_arrival_arm(struct efh_arrival *a, u64 due)
{
	if (a->dead || (a->armed && a->armed <= due))
		return;
	a->armed = due;
	hrtimer_start_range_ns(&a->timer, ns_to_ktime(due), EFH_ARRIVAL_SLACK,
			       HRTIMER_MODE_ABS_SOFT);
}

/* Something came so late, and was not lost. */
static void efh_arrival_widen(struct efh_arrival *a, u64 late)
{
	a->window = clamp(late + late / 4, a->window, EFH_ARRIVAL_LATE_MAX);
}

/* Reordering ends, too. */
static void efh_arrival_decay(struct efh_arrival *a, u64 now)
{
	if (now - a->decayed < NSEC_PER_SEC)
		return;
	a->decayed = now;
	a->window -= (a->window - EFH_ARRIVAL_LATE_MIN) / 8;
}

static void efh_watched_late(struct efh_arrival *a, struct efh_watched *w,
			     u64 now)
{
	if (w->late)
		return;
	w->late = now;
	w->due = now + a->window;
	efh_arrival_arm(a, w->due);
}

/* Has a packet been whole, not long ago? What comes of it then is a copy. */
static bool efh_arrival_done(const struct efh_arrival *a, u64 id)
{
	return a->newest - id < 64 && a->done & BIT_ULL(a->newest - id);
}

/* A packet is the newest: what is not whole of the one before is late. */
static void efh_arrival_advance(struct efh_arrival *a, u64 id, u64 now)
{
	struct efh_watched *before;
	u64 step = id - a->newest;

	if (!efh_arrival_newer(id, a->newest))
		return;
	before = efh_arrival_watched(a, a->newest);
	if (before && before->state == EFH_WATCHED_WAITING)
		efh_watched_late(a, before, now);
	a->newest = id;
	a->done = step < 64 ? a->done << step : 0;
}

static u64 efh_arrival_answer(const struct efh_arrival *a)
{
	return 2 * (a->answer ?: EFH_ARRIVAL_ANSWER) + EFH_ARRIVAL_TAIL;
}

/*
 * Count what came of a packet that has not been whole before. What is newer than
 * the newest is made up: it was not near.
 */
static void efh_arrival_count(struct efh_arrival *a, u64 id,
			      unsigned int came, bool first, bool whole)
{
	struct efh_census *census = &a->census;

	if (efh_arrival_newer(id, a->newest) || efh_arrival_done(a, id))
		return;
	efh_census_came(census, id, came);
	if (first)
		efh_census_began(census, id);
	if (whole)
		efh_census_whole(census, id);
	if (time_before(jiffies, census->turn) ||
	    !efh_census_turn(census, a->newest + 1,
			     nsecs_to_jiffies(EFH_ARRIVAL_ASK *
					      efh_arrival_answer(a)),
			     &a->tally))
		return;
	a->report = true;
	efh_arrival_arm(a, ktime_get_ns());
}

/*
 * Something came of a packet that was whole after it was asked for: it was late
 * and not lost, or the answer, needless. To be learnt from once a packet; that
 * it took so long has other causes, too.
 */
static void efh_watched_again(struct efh_arrival *a, struct efh_watched *w,
			      u64 now)
{
	if (w->late && now - w->due < EFH_ARRIVAL_GONE)
		efh_arrival_widen(a, 2 * a->window);
	w->late = 0;
}

/* Something came of a packet that was asked for. */
static void efh_watched_answered(struct efh_arrival *a, struct efh_watched *w,
				 u64 now, unsigned int came)
{
	a->fruitless = 0;
	a->paused = 0;
	efh_stats_add(a->en, EFH_A_STATS_RETRANSMIT_USED, came);
	/* Of the second time it could be either's. */
	if (w->asks == 1)
		a->answer = efh_control_took(a->answer, now - w->asked);
}

/* A packet that was watched is whole. */
static void efh_watched_whole(struct efh_arrival *a, struct efh_watched *w,
			      u64 now, unsigned int came)
{
	w->state = EFH_WATCHED_FREE;
	if (w->asks) {
		efh_watched_answered(a, w, now, came);
		w->state = EFH_WATCHED_OVER;
		w->due = now;
	} else if (w->late) {
		efh_arrival_widen(a, now - w->late);
	}
}

/* More places, if there is memory; what is watched stays. */
static void efh_arrival_grow(struct efh_arrival *a, u8 watches)
{
	struct efh_watched *old = a->watched, *new;
	u8 i, places = a->watches;

	new = kcalloc(watches, sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return;
	a->watched = new;
	a->watches = watches;
	for (i = 0; i < places; i++)
		if (old[i].state != EFH_WATCHED_FREE)
			*efh_arrival_place(a, old[i].id) = old[i];
	kfree(old);
}

/* Begin to watch a packet; NULL if a newer one has its place. */
static struct efh_watched *efh_arrival_watch(struct efh_arrival *a, u64 id,
					     u64 now)
{
	struct efh_watched *w;

	if (!a->watched && !a->dead)
		efh_arrival_grow(a, EFH_ARRIVAL_WATCHED_MIN);
	if (!a->watched || efh_arrival_done(a, id) ||
	    (a->votes && !efh_arrival_near(a, id)))
		return NULL;
	w = efh_arrival_place(a, id);
	if (w->state != EFH_WATCHED_FREE && a->watches < EFH_ARRIVAL_WATCHED) {
		efh_arrival_grow(a, EFH_ARRIVAL_WATCHED);
		w = efh_arrival_place(a, id);
	}
	if (w->state == EFH_WATCHED_WAITING && efh_arrival_newer(w->id, id) &&
	    efh_arrival_near(a, w->id))
		return NULL;
	*w = (struct efh_watched) {
		.id = id,
		.last = now,
		.state = EFH_WATCHED_WAITING,
	};
	return w;
}

static void efh_arrival_note(struct efh_arrival *a, u64 id, u64 came,
			     u64 missing, bool first)
{
	struct efh_watched *w;
	u64 now;

	spin_lock_bh(&a->lock);
	now = ktime_get_ns();
	efh_arrival_decay(a, now);
	if (efh_arrival_near(a, id))
		efh_arrival_advance(a, id, now);
	w = efh_arrival_watched(a, id);
	if (!w || w->state != EFH_WATCHED_OVER)
		efh_arrival_count(a, id, hweight64(came), first, false);
	w = w ?: efh_arrival_watch(a, id, now);
	if (!w)
		goto out;
	if (w->state == EFH_WATCHED_OVER) {
		efh_watched_again(a, w, now);
		goto out;
	}
	if (w->asks)
		efh_watched_answered(a, w, now, hweight64(came));
	else
		a->pace = clamp(now - w->last, a->pace - a->pace / 8,
				EFH_ARRIVAL_PACE_MAX);
	w->last = now;
	if (missing || id != a->newest)
		efh_watched_late(a, w, now);
	if (!w->late || w->asks) {
		w->due = now + a->window + 4 * a->pace +
			 (missing ? 0 : EFH_ARRIVAL_TAIL);
		efh_arrival_arm(a, w->due);
	}
out:
	spin_unlock_bh(&a->lock);
}

/* Of what is due the next may be asked for; or else later. */
static bool efh_arrival_may_ask(struct efh_arrival *a, struct efh_watched *w,
				u64 now)
{
	if (now < a->paused) {
		w->state = EFH_WATCHED_FREE;
		return false;
	}
	a->spent = max(a->spent, now);
	if (a->spent + EFH_ARRIVAL_SPACING >
	    now + EFH_ARRIVAL_BURST * EFH_ARRIVAL_SPACING) {
		w->due = now + EFH_ARRIVAL_SPACING;
		return false;
	}
	a->spent += EFH_ARRIVAL_SPACING;
	if (a->fruitless == EFH_ARRIVAL_FRUITLESS)
		a->paused = now + EFH_ARRIVAL_PAUSE;
	else
		a->fruitless++;
	return true;
}

static struct efh_reassembly_key efh_arrival_packet(const struct efh_arrival *a,
						    u64 id)
{
	return (struct efh_reassembly_key) {
		.source = a->key.source,
		.destination = a->key.destination,
		.id = cpu_to_be64(id),
		.scope = a->key.scope,
		.carrier = a->key.carrier,
	};
}

static bool efh_watched_ask(struct efh_arrival *a, struct efh_watched *w,
			    u64 now, struct efh_asking *asking)
{
	const struct efh_reassembly_key key = efh_arrival_packet(a, w->id);

	if (w->asks == EFH_ARRIVAL_ASK || now - w->last > EFH_ARRIVAL_GONE ||
	    !efh_reassembly_missing(a->en, &key, &asking->missing)) {
		w->state = EFH_WATCHED_FREE;
		return false;
	}
	if (!efh_arrival_may_ask(a, w, now))
		return false;
	efh_census_trouble(&a->census);
	asking->id = w->id;
	w->asks++;
	w->asked = now;
	w->late = w->late ?: now;
	w->due = now + efh_arrival_answer(a);
	return true;
}

/* All that is due. Return: how many are to be asked for. */
static unsigned int efh_arrival_due(struct efh_arrival *a, u64 now,
				    struct efh_asking *asking)
{
	unsigned int i, count = 0;
	u64 next = 0;

	for (i = 0; i < a->watches; i++) {
		struct efh_watched *w = &a->watched[i];

		if (w->state != EFH_WATCHED_WAITING)
			continue;
		if (w->due <= now &&
		    efh_watched_ask(a, w, now, &asking[count]))
			count++;
		if (w->state == EFH_WATCHED_WAITING &&
		    (!next || w->due < next))
			next = w->due;
	}
	if (next)
		efh_arrival_arm(a, next);
	return count;
}

/*
 * As many fragments as are missing of packets that were given up: of those of
 * them that are still held it is seen.
 */
static u32 efh_arrival_lost(const struct efh_arrival *a,
			    const struct efh_tally *tally, u32 given_up)
{
	u64 span = tally->until - tally->count.from, at;
	u64 step = span / EFH_ARRIVAL_SAMPLE + 1;
	u32 held = 0, lost = 0;

	for (at = 0; at < span; at += step) {
		const struct efh_reassembly_key key =
			efh_arrival_packet(a, tally->count.from + at);
		unsigned int lacks = efh_reassembly_lacks(a->en, &key);

		held += !!lacks;
		lost += lacks;
	}
	return held ? div_u64((u64)given_up * lost, held) : given_up;
}

/* Tell what became of packets (REPORT, wire.rst section 7). */
static void efh_arrival_report(const struct efh_arrival *a,
			       const struct efh_tally *tally, u64 newest)
{
	const struct efh_count *count = &tally->count;
	u64 span = tally->until - count->from;
	struct efh_toll toll = {
		.whole = count->whole,
		.given_up = count->begun - min(count->whole, count->begun),
		.received = count->received,
	};
	u32 unseen;

	if (toll.given_up)
		toll.lost = efh_arrival_lost(a, tally, toll.given_up);
	/*
	 * Nothing came of a packet: of all others' size. But other addresses of
	 * its source may share the flow, without a label at the least; and if most
	 * are gone, it's not for size.
	 */
	unseen = a->key.label && toll.given_up && span > count->begun ?
		 min_t(u64, span - count->begun, U32_MAX) : 0;
	if (unseen && unseen <= count->begun / 2) {
		toll.given_up += unseen;
		toll.lost += div_u64((u64)unseen * (toll.received + toll.lost),
				     count->begun);
	}
	efh_control_report(a->en, &a->key, newest,
			   jiffies_to_msecs(tally->took), &toll);
}

static enum hrtimer_restart efh_arrival_ask(struct hrtimer *timer)
{
	struct efh_arrival *a = container_of(timer, struct efh_arrival, timer);
	struct efh_asking asking[EFH_ARRIVAL_WATCHED];
	unsigned int i, count;
	struct efh_tally tally;
	bool report;
	u64 newest;

	rcu_read_lock();
	spin_lock(&a->lock);
	a->armed = 0;
	count = a->watched ? efh_arrival_due(a, ktime_get_ns(), asking) : 0;
	report = a->report;
	a->report = false;
	tally = a->tally;
	newest = a->newest;
	spin_unlock(&a->lock);
	for (i = 0; i < count; i++)
		efh_control_nack(a->en, &a->key, asking[i].id,
				 asking[i].missing);
	if (report)
		efh_arrival_report(a, &tally, newest);
	rcu_read_unlock();
	return HRTIMER_NORESTART;
}

static struct efh_arrival *efh_arrival_find(struct efh_net *en,
					    const struct efh_arrival_key *key)
{
	return rhashtable_lookup(&en->arrivals.flows, key, efh_arrival_params);
}

static struct efh_arrival *efh_arrival_create(struct efh_net *en,
					      const struct efh_arrival_key *key,
					      u64 id)
{
	struct efh_arrival *a, *old;

	/* Nobody is asked by all that are in a group. */
	if (efh_multicast(&key->destination))
		return NULL;
	if (atomic_read(&en->arrivals.flows.nelems) >=
	    (efh_reassembly_knows(en, &key->source) ? EFH_ARRIVALS_MAX :
						      EFH_ARRIVALS_STRANGERS))
		return NULL;
	a = kzalloc(sizeof(*a), GFP_ATOMIC | __GFP_NOWARN);
	if (!a)
		return NULL;
	a->key = *key;
	a->en = en;
	a->used = jiffies;
	a->newest = id;
	efh_census_init(&a->census, id);
	a->window = EFH_ARRIVAL_LATE;
	a->decayed = ktime_get_ns();
	spin_lock_init(&a->lock);
	efh_compat_hrtimer(&a->timer, efh_arrival_ask);
	old = rhashtable_lookup_get_insert_fast(&en->arrivals.flows, &a->node,
						efh_arrival_params);
	if (old) {
		kfree(a);
		return IS_ERR(old) ? NULL : old;
	}
	if (!delayed_work_pending(&en->arrivals.collect))
		queue_delayed_work(efh_wq, &en->arrivals.collect,
				   EFH_ARRIVAL_IDLE);
	return a;
}

static struct efh_arrival *efh_arrival_get(struct efh_net *en,
					   const struct efh_arrival_key *key,
					   __be64 id)
{
	struct efh_arrival *a = efh_arrival_find(en, key);
	unsigned long now = jiffies;

	if (unlikely(!a)) {
		local_bh_disable();
		a = efh_arrival_create(en, key, be64_to_cpu(id));
		local_bh_enable();
	}
	if (a && READ_ONCE(a->used) != now)
		WRITE_ONCE(a->used, now);
	return a;
}

/**
 * efh_arrival_held() - fragments came, and their packet is not whole
 * @en: the namespace
 * @key: the flow
 * @id: Identification
 * @came: bit k: Index k came just now
 * @missing: bit k: Index k is known to be missing
 * @first: nothing had come of the packet before
 *
 * Context: RCU read side, BH disabled or process.
 */
void efh_arrival_held(struct efh_net *en, const struct efh_arrival_key *key,
		      __be64 id, u64 came, u64 missing, bool first)
{
	struct efh_arrival *a = efh_arrival_get(en, key, id);

	if (a)
		efh_arrival_note(a, be64_to_cpu(id), came, missing, first);
}

/**
 * efh_arrival_whole() - a packet is whole
 * @en: the namespace
 * @key: its flow
 * @id: Identification
 * @came: as many fragments came just now
 * @first: that is all of them
 *
 * Context: RCU read side, BH disabled or process.
 */
void efh_arrival_whole(struct efh_net *en, const struct efh_arrival_key *key,
		       __be64 id, unsigned int came, bool first)
{
	struct efh_arrival *a = efh_arrival_get(en, key, id);
	u64 number = be64_to_cpu(id), now;
	struct efh_watched *w;

	if (!a)
		return;
	spin_lock_bh(&a->lock);
	w = efh_arrival_watched(a, number);
	/* Most packets nobody has to think of again. */
	now = a->watched ? ktime_get_ns() : 0;
	/*
	 * Whatever was made up before, this is where the flow is; unless more of it
	 * was elsewhere, and this is made up.
	 */
	if (efh_arrival_near(a, number)) {
		a->votes = min(a->votes + 1, EFH_ARRIVAL_VOTES);
	} else if (a->votes) {
		a->votes--;
		goto out;
	} else {
		a->newest = number;
		a->done = 0;
		efh_census_init(&a->census, number);
	}
	efh_arrival_advance(a, number, now);
	efh_arrival_count(a, number, came, first, true);
	if (a->newest - number < 64)
		a->done |= BIT_ULL(a->newest - number);
	if (w && w->state == EFH_WATCHED_OVER)
		efh_watched_again(a, w, now);
	else if (w)
		efh_watched_whole(a, w, now, came);
out:
	spin_unlock_bh(&a->lock);
}

/* Context: process. */
static void efh_arrival_drop(struct efh_arrival *a)
{
	struct efh_watched *watched;

	spin_lock_bh(&a->lock);
	a->dead = true;
	watched = a->watched;
	a->watched = NULL;
	spin_unlock_bh(&a->lock);
	hrtimer_cancel(&a->timer);
	kfree(watched);
	kfree_rcu(a, rcu);
}

static bool efh_arrival_goes(const struct efh_arrival *a,
			     const struct in6_addr *source,
			     const struct in6_addr *destination)
{
	if (source)
		return ipv6_addr_equal(source, &a->key.source) &&
		       ipv6_addr_equal(destination, &a->key.destination);
	return time_after_eq(jiffies, READ_ONCE(a->used) + EFH_ARRIVAL_IDLE);
}

/* Drop flows: those between two ends, if @source is given, or idle ones. */
static void efh_arrival_sweep(struct efh_net *en, const struct in6_addr *source,
			      const struct in6_addr *destination)
{
	struct rhashtable *flows = &en->arrivals.flows;
	struct rhashtable_iter iter;
	struct efh_arrival *a;

	rhashtable_walk_enter(flows, &iter);
	rhashtable_walk_start(&iter);
	while ((a = rhashtable_walk_next(&iter))) {
		if (IS_ERR(a))
			continue;	/* resized: some are seen twice */
		if (efh_arrival_goes(a, source, destination) &&
		    !rhashtable_remove_fast(flows, &a->node,
					    efh_arrival_params))
			efh_arrival_drop(a);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

static void efh_arrival_collect(struct work_struct *work)
{
	struct efh_arrival_table *table =
		container_of(work, struct efh_arrival_table, collect.work);

	efh_arrival_sweep(container_of(table, struct efh_net, arrivals), NULL,
			  NULL);
	if (atomic_read(&table->flows.nelems))
		queue_delayed_work(efh_wq, &table->collect, EFH_ARRIVAL_IDLE);
}

/**
 * efh_arrival_forget() - a source lives another life
 * @en: the namespace
 * @source: its address, mapped for IPv4
 * @destination: one of this host's
 *
 * Context: process.
 */
void efh_arrival_forget(struct efh_net *en, const struct in6_addr *source,
			const struct in6_addr *destination)
{
	efh_arrival_sweep(en, source, destination);
}

/**
 * efh_arrival_init() - make a namespace's table of arriving flows
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_arrival_init(struct efh_net *en)
{
	INIT_DELAYED_WORK(&en->arrivals.collect, efh_arrival_collect);
	return rhashtable_init(&en->arrivals.flows, &efh_arrival_params);
}

static void efh_arrival_free(void *entry, void *unused)
{
	struct efh_arrival *a = entry;

	hrtimer_cancel(&a->timer);
	kfree(a->watched);
	kfree(a);
}

/**
 * efh_arrival_exit() - free it
 * @en: the namespace; no fragment can arrive any more, and a grace period
 *	has passed since the last one did
 *
 * Context: process.
 */
void efh_arrival_exit(struct efh_net *en)
{
	cancel_delayed_work_sync(&en->arrivals.collect);
	rhashtable_free_and_destroy(&en->arrivals.flows, efh_arrival_free, NULL);
}
