// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments in, packets out (wire.rst section 4).
 *
 * Equal sizes make presence one bit in a map and completeness one comparison.
 * Fragments hang in a list in Index order; payload is never copied.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <net/inet_ecn.h>
#include <net/inet_frag.h>
#include "carrier.h"
#include "cb.h"
#include "compat.h"
#include "fraglist.h"
#include "net.h"
#include "trace.h"

/*
 * One packet in the making, in two cache lines: there may be many. Found under
 * RCU; age is protected by the table's lock, which nests inside lock, and what
 * stands behind known by that. Who sets dead takes it out of the hash under the
 * same lock, and frees it after a grace period; what hangs on it is then his
 * alone.
 */
struct efh_reassembly {
	struct rhash_head node;
	struct efh_reassembly_key key;
	union {
		struct list_head age;	/* in the list of its kind; */
		struct rcu_head rcu;	/* it is in none when it is freed */
	};
	unsigned long born;		/* jiffies; constant */
	u8 known;			/* enum efh_age; constant */

	bool dead;
	u8 nexthdr;
	u8 flags;
	u8 last;			/* Index of the final fragment, if held */
	u8 end;				/* Index of the first one in tail */
	u8 ecn;				/* set of code points seen, RFC 3168 5.3 */
	u16 size;			/* L, octets */
	unsigned int bytes;		/* truesize of all, and this */
	spinlock_t lock;
	u64 present;			/* bit k: Index k is held */
	struct sk_buff *head;		/* in Index order */
	struct sk_buff *tail;
};

#define EFH_LAST_UNKNOWN 0xff

static const struct rhashtable_params efh_reassembly_params = {
	.key_len = sizeof(struct efh_reassembly_key),
	.key_offset = offsetof(struct efh_reassembly, key),
	.head_offset = offsetof(struct efh_reassembly, node),
	.automatic_shrinking = true,
};

/* Known sources: a slot holds half of the hash, never 0. */
static u32 *efh_known_slot(struct efh_reassembly_table *table,
			   const struct in6_addr *source, u32 *mark)
{
	u64 hash = siphash(source, sizeof(*source), &table->known_key);

	*mark = (u32)(hash >> 32) | 1;
	return &table->known[hash % EFH_KNOWN_SLOTS];
}

static bool efh_known(struct efh_reassembly_table *table,
		      const struct in6_addr *source)
{
	u32 mark, *slot = efh_known_slot(table, source, &mark);

	return READ_ONCE(*slot) == mark;
}

static void efh_known_add(struct efh_reassembly_table *table,
			  const struct in6_addr *source)
{
	u32 mark, *slot = efh_known_slot(table, source, &mark);

	if (READ_ONCE(*slot) != mark)
		WRITE_ONCE(*slot, mark);
}

static void efh_reassembly_charge(struct efh_net *en, struct efh_reassembly *r,
				  struct sk_buff *skb)
{
	r->bytes += skb->truesize;
	atomic_long_add(skb->truesize, &en->reassembly.bytes[r->known]);
	atomic_long_add(efh_cb(skb)->count, &en->reassembly.fragments);
}

/* From here on a fragment of it is the first of another. Context: r->lock. */
static void efh_reassembly_end(struct efh_net *en, struct efh_reassembly *r)
{
	r->dead = true;
	rhashtable_remove_fast(&en->reassembly.packets, &r->node,
			       efh_reassembly_params);
}

/*
 * Give up a packet that was ended. Its fragments are the caller's, its memory
 * stays until the end of the grace period.
 */
static void efh_reassembly_release(struct efh_net *en, struct efh_reassembly *r)
{
	struct efh_reassembly_table *table = &en->reassembly;

	spin_lock_bh(&table->lock);
	list_del_init(&r->age);
	spin_unlock_bh(&table->lock);
	atomic_long_sub(r->bytes, &table->bytes[r->known]);
	atomic_long_sub(hweight64(r->present), &table->fragments);
	kfree_rcu(r, rcu);
}

static void efh_drop_list(struct efh_net *en, struct sk_buff *skb,
			  enum efh_drop_reason reason)
{
	struct sk_buff *next;

	for (; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		efh_drop(en, skb, efh_cb(skb)->count, reason);
	}
}

/* End a packet that is not complete. Context: RCU read side. */
static void efh_reassembly_kill(struct efh_net *en, struct efh_reassembly *r,
				enum efh_drop_reason reason)
{
	struct sk_buff *head;

	spin_lock_bh(&r->lock);
	if (r->dead) {
		spin_unlock_bh(&r->lock);
		return;
	}
	efh_reassembly_end(en, r);
	head = r->head;
	spin_unlock_bh(&r->lock);

	if (reason == EFH_DROP_TIMEOUT && head && !efh_cb(head)->index)
		efh_carrier_time_exceeded(en->net, head, r->key.carrier);
	/* Held no more, and dropped: as close to one another as can be. */
	efh_reassembly_release(en, r);
	efh_drop_list(en, head, reason);
}

/* Claim the oldest of a list, if it is older than @before (jiffies). */
static struct efh_reassembly *efh_reassembly_oldest(struct efh_net *en,
						    enum efh_age age,
						    unsigned long before)
{
	struct efh_reassembly_table *table = &en->reassembly;
	struct efh_reassembly *r;

	spin_lock_bh(&table->lock);
	r = list_first_entry_or_null(&table->age[age], struct efh_reassembly,
				     age);
	if (r && time_before_eq(r->born, before))
		list_del_init(&r->age);
	else
		r = NULL;
	spin_unlock_bh(&table->lock);
	return r;
}

/**
 * efh_reassembly_bytes() - what packets in the making hold
 * @en: the namespace
 *
 * Return: octets, buffers and bookkeeping.
 */
u64 efh_reassembly_bytes(struct efh_net *en)
{
	const atomic_long_t *bytes = en->reassembly.bytes;

	return atomic_long_read(&bytes[EFH_AGE_STRANGER]) +
	       atomic_long_read(&bytes[EFH_AGE_KNOWN]);
}

/*
 * One step towards the memory bound. A quarter of it is the strangers': halves
 * that a known source left behind must not keep newcomers out.
 *
 * Return: true if a packet was evicted.
 */
static bool efh_reassembly_evict(struct efh_net *en)
{
	const atomic_long_t *bytes = en->reassembly.bytes;
	u64 bound = READ_ONCE(en->settings.memory);
	struct efh_reassembly *r;
	enum efh_age first;

	if (efh_reassembly_bytes(en) <= bound)
		return false;
	rcu_read_lock();
	first = (u64)atomic_long_read(&bytes[EFH_AGE_STRANGER]) > bound / 4 ?
		EFH_AGE_STRANGER : EFH_AGE_KNOWN;
	r = efh_reassembly_oldest(en, first, jiffies) ?:
	    efh_reassembly_oldest(en, !first, jiffies);
	if (r)
		efh_reassembly_kill(en, r, EFH_DROP_EVICTED);
	rcu_read_unlock();
	return r;
}

static unsigned long efh_reassembly_timeout(struct efh_net *en)
{
	return msecs_to_jiffies(READ_ONCE(en->settings.timeout));
}

/* Have the expiry run when the oldest packet is due. */
static void efh_reassembly_arm(struct efh_net *en)
{
	struct efh_reassembly_table *table = &en->reassembly;
	unsigned long due, first = 0;
	struct efh_reassembly *r;
	bool any = false;
	int age;

	spin_lock_bh(&table->lock);
	for (age = 0; age < __EFH_AGE_MAX; age++) {
		r = list_first_entry_or_null(&table->age[age],
					     struct efh_reassembly, age);
		if (!r)
			continue;
		due = r->born + efh_reassembly_timeout(en);
		if (!any || time_before(due, first))
			first = due;
		any = true;
	}
	spin_unlock_bh(&table->lock);
	if (!any) {
		/* A timeout that has changed is the next packet's, too. */
		if (!delayed_work_pending(&table->expire))
			return;
		first = jiffies + efh_reassembly_timeout(en);
	}
	mod_delayed_work(efh_wq, &table->expire,
			 time_after(first, jiffies) ? first - jiffies : 0);
}

static void efh_reassembly_expire(struct work_struct *work)
{
	struct efh_reassembly_table *table =
		container_of(work, struct efh_reassembly_table, expire.work);
	struct efh_net *en = container_of(table, struct efh_net, reassembly);
	unsigned long before = jiffies - efh_reassembly_timeout(en);
	struct efh_reassembly *r;
	int age;

	for (age = 0; age < __EFH_AGE_MAX; age++) {
		for (;;) {
			rcu_read_lock();
			r = efh_reassembly_oldest(en, age, before);
			if (r)
				efh_reassembly_kill(en, r, EFH_DROP_TIMEOUT);
			rcu_read_unlock();
			if (!r)
				break;
			cond_resched();
		}
	}
	efh_reassembly_arm(en);
}

/*
 * Enter a new packet; another CPU may be faster, then it is that one's.
 *
 * Context: RCU read side.
 * Return: the packet; NULL without memory.
 */
static struct efh_reassembly *
efh_reassembly_create(struct efh_net *en, const struct efh_reassembly_key *key,
		      const struct efh_fragment *f)
{
	struct efh_reassembly_table *table = &en->reassembly;
	struct efh_reassembly *r, *old;

	r = kzalloc(sizeof(*r), GFP_ATOMIC | __GFP_NOWARN);
	if (!r)
		return NULL;
	r->key = *key;
	r->born = jiffies;
	spin_lock_init(&r->lock);
	r->nexthdr = f->nexthdr;
	r->flags = f->flags;
	r->size = f->size;
	r->last = EFH_LAST_UNKNOWN;
	r->bytes = sizeof(*r);
	r->known = efh_known(table, &key->source) ? EFH_AGE_KNOWN :
						    EFH_AGE_STRANGER;

	/* Locked before it can be found, so that nobody ends it unaged. */
	spin_lock_bh(&r->lock);
	old = rhashtable_lookup_get_insert_fast(&table->packets, &r->node,
						efh_reassembly_params);
	if (!old) {
		atomic_long_add(sizeof(*r), &table->bytes[r->known]);
		spin_lock(&table->lock);
		list_add_tail(&r->age, &table->age[r->known]);
		spin_unlock(&table->lock);
	}
	spin_unlock_bh(&r->lock);

	if (old) {
		kfree(r);
		return IS_ERR(old) ? NULL : old;
	}
	if (!delayed_work_pending(&table->expire))
		queue_delayed_work(efh_wq, &table->expire,
				   efh_reassembly_timeout(en));
	return r;
}

/* Where a buffer's payload ends in that of the packet, octets. */
static unsigned int efh_reassembly_until(const struct efh_reassembly *r,
					 struct sk_buff *skb)
{
	return efh_cb(skb)->index * r->size + skb->len;
}

/* Checks 6 and 7, of a fragment or of a run as one. Context: r->lock. */
static enum efh_drop_reason efh_reassembly_check(struct efh_reassembly *r,
						 struct sk_buff *skb,
						 const struct efh_fragment *f)
{
	u8 end = f->index + efh_cb(skb)->count - 1;

	if (f->size != r->size || f->nexthdr != r->nexthdr ||
	    f->flags != r->flags)
		return EFH_DROP_MISMATCH;
	if (r->last == EFH_LAST_UNKNOWN) {
		/* A final one with something non-final there or beyond it. */
		if (!f->more && r->present >> end)
			return EFH_DROP_MISMATCH;
	} else if (end > r->last || f->more != (end < r->last) ||
		   (!f->more && efh_reassembly_until(r, skb) !=
				efh_reassembly_until(r, r->tail))) {
		return EFH_DROP_MISMATCH;
	}
	return r->present & GENMASK_ULL(end, f->index) ? EFH_DROP_DUPLICATE :
							 EFH_OK;
}

/*
 * Put a fragment at its place in the list.
 *
 * Return: the pointer that points at it. Context: r->lock.
 */
static struct sk_buff **efh_reassembly_insert(struct efh_reassembly *r,
					      struct sk_buff *skb)
{
	u8 index = efh_cb(skb)->index;
	struct sk_buff **link = &r->head;

	if (r->tail && r->end < index)
		link = &r->tail->next;
	else
		while (*link && efh_cb(*link)->index < index)
			link = &(*link)->next;
	skb->next = *link;
	*link = skb;
	if (!skb->next) {
		r->tail = skb;
		r->end = index;
	}
	return link;
}

/*
 * Make @skb, which arrived last, the first of the list: the caller, and those
 * above it, hold that pointer. A clone takes its place. Where that fails the
 * list is as it was.
 */
static bool efh_reassembly_head(struct efh_reassembly *r, struct sk_buff *skb,
				struct sk_buff **link)
{
	struct sk_buff *first = r->head, *twin, *rest;

	if (first == skb)
		return true;
	twin = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (!twin)
		return false;
	nf_reset_ct(twin);
	skb_ext_reset(twin);
	twin->next = skb->next;
	*link = twin;

	rest = first->next;
	skb_mark_not_on_list(first);
	skb_morph(skb, first);
	consume_skb(first);
	/* A packet is as late as the last of it. */
	efh_compat_copy_tstamp(skb, twin);
	skb->next = rest;
	r->head = skb;
	return true;
}

/*
 * Make the packet of the list. Context: as efh_reassembly_add(); @r is dead,
 * so the list is ours.
 */
static enum efh_drop_reason efh_reassembly_join(struct efh_reassembly *r,
						struct sk_buff *skb,
						struct sk_buff **link)
{
	unsigned int length = efh_reassembly_until(r, r->tail);
	struct net_device *dev = skb->dev;
	unsigned long dst = skb->_skb_refdst;
	struct sk_buff *rest;
	bool headed;

	if (ip_frag_ecn_table[r->ecn] == 0xff)
		return EFH_DROP_ECN;
	/* Index 0 may stand behind more headers than the others. */
	if (efh_carrier_before(r->key.carrier, efh_cb(r->head)->at,
			       r->nexthdr) + length > EFH_MAX_PACKET)
		return EFH_DROP_TOO_BIG;

	/* The route is this skb's, whichever fragment it becomes. */
	skb->_skb_refdst = 0;
	headed = efh_reassembly_head(r, skb, link);
	skb->_skb_refdst = dst;
	skb->dev = dev;
	if (!headed || skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		return EFH_DROP_NO_MEMORY;

	rest = skb->next;
	skb_mark_not_on_list(skb);
	if (!efh_fraglist_hang(skb, rest)) {
		skb->next = rest;
		return EFH_DROP_NO_MEMORY;
	}
	skb_clear_hash(skb);
	return EFH_OK;
}

/* Nothing that lives shorter than a reassembly may hang on what is held. */
static void efh_reassembly_strip(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb->dev = NULL;
}

/**
 * efh_reassembly_whole() - a packet is whole
 * @en: the namespace
 * @skb: the packet
 * @key: its reassembly key
 * @count: of fragments it came in
 *
 * Context: any but hard interrupts.
 */
void efh_reassembly_whole(struct efh_net *en, struct sk_buff *skb,
			  const struct efh_reassembly_key *key,
			  unsigned int count)
{
	skb->truesize += efh_fraglist_group(&skb_shinfo(skb)->frag_list);
	efh_known_add(&en->reassembly, &key->source);
	efh_stats_inc(en, EFH_A_STATS_REASSEMBLED);
	efh_stats_add(en, EFH_A_STATS_IN_DELIVERED, count);
	trace_efh_reassembled(en->net, key, count, skb->len);
}

/* What is known to be missing, as NACK tells it. Context: r->lock. */
static u64 efh_reassembly_gaps(const struct efh_reassembly *r)
{
	u8 known = fls64(r->present);

	/* A final one that is held is the highest. */
	return known ? GENMASK_ULL(known - 1, 0) & ~r->present : 0;
}

/* Hold what was checked. Return: is the packet whole? Context: r->lock. */
static bool efh_reassembly_hold(struct efh_net *en, struct efh_reassembly *r,
				struct sk_buff *skb,
				const struct efh_fragment *f, u8 ecn,
				struct sk_buff ***link)
{
	u8 end = f->index + efh_cb(skb)->count - 1;

	efh_reassembly_charge(en, r, skb);
	*link = efh_reassembly_insert(r, skb);
	r->present |= GENMASK_ULL(end, f->index);
	r->ecn |= BIT(ecn);
	if (!f->more)
		r->last = end;
	return r->last != EFH_LAST_UNKNOWN && !efh_reassembly_gaps(r);
}

/**
 * efh_reassembly_add() - take a fragment, or a run, that passed checks 1 to 5
 * @en: the namespace
 * @skb: the fragment, data at its payload, efh_cb() filled in
 * @key: its reassembly key
 * @f: the fragment as decoded, not atomic
 * @ecn: in: its ECN code point; out: the packet's
 * @held: where to put what is held then
 *
 * @skb is taken, unless it completed a packet: then it has become that
 * packet, with Index 0's headers still in front of its data; or unless it is a
 * run, not all of which may be held: then it is as it was.
 *
 * Context: RCU read side, BH disabled or process.
 * Return: what became of @skb.
 */
enum efh_added efh_reassembly_add(struct efh_net *en, struct sk_buff *skb,
				  const struct efh_reassembly_key *key,
				  const struct efh_fragment *f, u8 *ecn,
				  struct efh_held *held)
{
	unsigned int count = efh_cb(skb)->count;
	enum efh_drop_reason reason;
	struct efh_reassembly *r;
	struct sk_buff **link;
	bool whole;

	for (;;) {
		r = rhashtable_lookup(&en->reassembly.packets, key,
				      efh_reassembly_params);
		if (!r)
			r = efh_reassembly_create(en, key, f);
		if (!r) {
			efh_drop(en, skb, count, EFH_DROP_NO_MEMORY);
			return EFH_ADD_DROPPED;
		}
		spin_lock_bh(&r->lock);
		if (!r->dead)
			break;
		/* It ended between our look and our lock. */
		spin_unlock_bh(&r->lock);
	}
	reason = efh_reassembly_check(r, skb, f);
	if (reason) {
		spin_unlock_bh(&r->lock);
		if (count > 1)
			return EFH_ADD_APART;
		efh_drop(en, skb, count, reason);
		return EFH_ADD_DROPPED;
	}
	held->first = !r->present;
	whole = efh_reassembly_hold(en, r, skb, f, *ecn, &link);
	if (whole)
		efh_reassembly_end(en, r);
	else
		efh_reassembly_strip(skb);
	held->missing = efh_reassembly_gaps(r);
	spin_unlock_bh(&r->lock);

	if (!whole) {
		while (efh_reassembly_evict(en))
			;
		return EFH_ADD_HELD;
	}

	efh_reassembly_release(en, r);
	reason = efh_reassembly_join(r, skb, link);
	if (reason) {
		efh_drop_list(en, r->head, reason);
		return EFH_ADD_DROPPED;
	}
	*ecn = ip_frag_ecn_table[r->ecn];
	efh_reassembly_whole(en, skb, key, r->last + 1);
	return EFH_ADD_WHOLE;
}

/**
 * efh_reassembly_holds() - is this packet in the making?
 * @en: the namespace
 * @key: its reassembly key
 *
 * Context: RCU read side.
 */
bool efh_reassembly_holds(struct efh_net *en,
			  const struct efh_reassembly_key *key)
{
	return rhashtable_lookup(&en->reassembly.packets, key,
				 efh_reassembly_params);
}

/*
 * Three NACKs, as many as there are about a packet, take no more than a fragment
 * of so many octets: 88 each under UDP and IPv6, and 38 for Ethernet; less its
 * own 64 and 38.
 */
#define EFH_REASSEMBLY_WORTH	276

/**
 * efh_reassembly_missing() - what is missing of a packet in the making
 * @en: the namespace
 * @key: its reassembly key
 * @missing: where to put it: bit k stands for Index k, up to the highest held;
 *	0: its end
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it isn't in the making, or if so little is held of it that
 *	asking takes more.
 */
bool efh_reassembly_missing(struct efh_net *en,
			    const struct efh_reassembly_key *key, u64 *missing)
{
	struct efh_reassembly *r = rhashtable_lookup(&en->reassembly.packets,
						     key, efh_reassembly_params);
	bool asks;

	if (!r)
		return false;
	spin_lock_bh(&r->lock);
	*missing = efh_reassembly_gaps(r);
	/* All but the final one have EFH_MIN_FRAGMENT octets at the least. */
	asks = !r->dead && (r->last == EFH_LAST_UNKNOWN ||
			    r->present != BIT_ULL(r->last) ||
			    r->tail->len >= EFH_REASSEMBLY_WORTH);
	spin_unlock_bh(&r->lock);
	return asks;
}

/**
 * efh_reassembly_lacks() - how many fragments are missing of a packet in the making
 * @en: the namespace
 * @key: its reassembly key
 *
 * Context: RCU read side, BH disabled.
 * Return: as many as are known to be, at the least one; 0 if it isn't in the making.
 */
unsigned int efh_reassembly_lacks(struct efh_net *en,
				  const struct efh_reassembly_key *key)
{
	struct efh_reassembly *r = rhashtable_lookup(&en->reassembly.packets,
						     key, efh_reassembly_params);
	unsigned int count;

	if (!r)
		return 0;
	spin_lock_bh(&r->lock);
	count = r->dead ? 0 : hweight64(efh_reassembly_gaps(r)) +
			      (r->last == EFH_LAST_UNKNOWN);
	spin_unlock_bh(&r->lock);
	return count;
}

/**
 * efh_reassembly_packets() - how many packets are in the making
 * @en: the namespace
 */
unsigned int efh_reassembly_packets(struct efh_net *en)
{
	return atomic_read(&en->reassembly.packets.nelems);
}

/**
 * efh_reassembly_settings() - heed a changed timeout or memory bound at once
 * @en: the namespace
 *
 * Context: process.
 */
void efh_reassembly_settings(struct efh_net *en)
{
	while (efh_reassembly_evict(en))
		cond_resched();
	efh_reassembly_arm(en);
}

/**
 * efh_reassembly_knows() - has a source completed a packet, as far as remembered?
 * @en: the namespace
 * @source: its address, mapped for IPv4
 */
bool efh_reassembly_knows(struct efh_net *en, const struct in6_addr *source)
{
	return efh_known(&en->reassembly, source);
}

/**
 * efh_reassembly_forget() - a source lives another life: of the old one is no more
 * @en: the namespace
 * @source: its address, mapped for IPv4
 * @destination: one of this host's
 *
 * Context: process.
 */
void efh_reassembly_forget(struct efh_net *en, const struct in6_addr *source,
			   const struct in6_addr *destination)
{
	struct rhashtable_iter iter;
	struct efh_reassembly *r;

	rhashtable_walk_enter(&en->reassembly.packets, &iter);
	rhashtable_walk_start(&iter);
	while ((r = rhashtable_walk_next(&iter))) {
		if (IS_ERR(r))
			continue;	/* resized: some are seen twice */
		if (ipv6_addr_equal(source, &r->key.source) &&
		    ipv6_addr_equal(destination, &r->key.destination))
			efh_reassembly_kill(en, r, EFH_DROP_EVICTED);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

/**
 * efh_reassembly_init() - make a namespace's reassembly table
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_reassembly_init(struct efh_net *en)
{
	struct efh_reassembly_table *table = &en->reassembly;
	int age, err;

	table->known = kvcalloc(EFH_KNOWN_SLOTS, sizeof(*table->known),
				GFP_KERNEL);
	if (!table->known)
		return -ENOMEM;
	err = rhashtable_init(&table->packets, &efh_reassembly_params);
	if (err) {
		kvfree(table->known);
		return err;
	}
	get_random_bytes(&table->known_key, sizeof(table->known_key));
	spin_lock_init(&table->lock);
	for (age = 0; age < __EFH_AGE_MAX; age++)
		INIT_LIST_HEAD(&table->age[age]);
	INIT_DELAYED_WORK(&table->expire, efh_reassembly_expire);
	return 0;
}

static void efh_reassembly_free(void *entry, void *unused)
{
	struct efh_reassembly *r = entry;

	kfree_skb_list(r->head);
	kfree(r);
}

/**
 * efh_reassembly_exit() - free the table and all that is held
 * @en: the namespace; no fragment can arrive any more, and a grace period
 *	has passed since the last one did
 *
 * Context: process.
 */
void efh_reassembly_exit(struct efh_net *en)
{
	struct efh_reassembly_table *table = &en->reassembly;

	cancel_delayed_work_sync(&table->expire);
	rhashtable_free_and_destroy(&table->packets, efh_reassembly_free, NULL);
	kvfree(table->known);
}
