// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments once more: what was sent of late is kept by reference, and of it
 * goes out again what the destination says is missing (NACK, wire.rst section
 * 7). Never more than twice, never what nobody can wait for any more, and all in
 * all no more than a part of what is sent.
 */
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "carrier.h"
#include "encap.h"
#include "fragment.h"
#include "gso.h"
#include "link.h"
#include "net.h"
#include "path.h"
#include "pmtu.h"
#include "retransmit.h"
#include "udp.h"

/* Packets that a flow keeps at the most: a power of 2. */
#define EFH_STORE_PACKETS	256
#define EFH_STORE_LIFE		(2 * HZ)
/*
 * Octets of a flow: of one that was asked for nothing in so many octets, no more
 * than what stays in caches.
 */
#define EFH_STORE_MAX		SZ_8M
#define EFH_STORE_MIN		SZ_1M
#define EFH_STORE_QUIET		SZ_64M
/* Of all flows of a namespace; beyond it nothing more is kept for a while. */
#define EFH_STORE_TOTAL		SZ_64M

/*
 * What may be sent again to a destination: this part of what is sent there, in
 * whatever flows; and as many octets at once.
 */
#define EFH_BUDGET_PART		10
#define EFH_BUDGET_MAX		SZ_256K

/* skb->cb of what is kept: a run, data at its IP header; under UDP at EFH's. */
struct efh_kept {
	u64 id;
	u64 once;		/* bit k: Index k was sent again */
	u64 twice;		/* once more */
	unsigned long when;	/* jiffies */
	u16 size;		/* L, octets */
	u16 at;			/* of the EFH header */
	u16 flow;		/* of the inner packet, under UDP, as efh_inner has it */
	u8 ttl;			/* likewise */
	u8 dsfield;		/* likewise */
};

static struct efh_kept *efh_kept(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct efh_kept) > sizeof(skb->cb));
	return (struct efh_kept *)skb->cb;
}

/**
 * efh_store_init() - a flow that has sent nothing
 * @store: its store
 */
void efh_store_init(struct efh_store *store)
{
	spin_lock_init(&store->lock);
}

/* Take out what is in a slot; put before @gone. Context: store->lock. */
static void efh_store_forget(struct efh_net *en, struct efh_store *store,
			     struct sk_buff **slot, struct sk_buff **gone)
{
	struct sk_buff *skb = *slot;

	if (!skb)
		return;
	store->bytes -= skb->truesize;
	atomic_long_sub(skb->truesize, &en->flows.kept);
	skb->next = *gone;
	*gone = skb;
	*slot = NULL;
}

static struct sk_buff **efh_store_slot(struct efh_store *store, u64 id)
{
	return &store->ring[id % EFH_STORE_PACKETS];
}

static void efh_store_free(struct sk_buff *skb)
{
	struct sk_buff *next;

	for (; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		consume_skb(skb);
	}
}

/* Down to what may be kept, but for @id itself. Context: store->lock. */
static void efh_store_trim(struct efh_net *en, struct efh_store *store, u64 id,
			   struct sk_buff **gone)
{
	unsigned int limit = store->quiet < EFH_STORE_QUIET ? EFH_STORE_MAX :
							      EFH_STORE_MIN;

	if (id - store->oldest >= EFH_STORE_PACKETS)
		store->oldest = id - EFH_STORE_PACKETS + 1;
	for (; store->bytes > limit && store->oldest != id; store->oldest++)
		efh_store_forget(en, store,
				 efh_store_slot(store, store->oldest), gone);
}

/* A clone that holds the data, and nothing else that could miss it. */
static struct sk_buff *efh_store_clone(struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);

	if (!clone)
		return NULL;
	skb_dst_drop(clone);
	nf_reset_ct(clone);
	skb_ext_reset(clone);
	clone->dev = NULL;
	return clone;
}

static void efh_store_put(struct efh_net *en, struct efh_store *store,
			  struct sk_buff *skb)
{
	u64 id = efh_kept(skb)->id;
	struct sk_buff *gone = NULL, **slot;

	spin_lock_bh(&store->lock);
	if (!store->ring && !store->closed) {
		store->ring = kcalloc(EFH_STORE_PACKETS, sizeof(*store->ring),
				      GFP_ATOMIC | __GFP_NOWARN);
		store->oldest = id;
	}
	/* Another CPU may have been so fast that this is history. */
	if (!store->ring || (s64)(id - store->oldest) < 0) {
		skb->next = NULL;
		gone = skb;
		goto out;
	}
	slot = efh_store_slot(store, id);
	efh_store_forget(en, store, slot, &gone);
	*slot = skb;
	store->bytes += skb->truesize;
	store->quiet = min_t(unsigned int, store->quiet + skb->len,
			     EFH_STORE_QUIET);
	atomic_long_add(skb->truesize, &en->flows.kept);
	efh_store_trim(en, store, id, &gone);
out:
	spin_unlock_bh(&store->lock);
	efh_store_free(gone);
}

/**
 * efh_store_keep() - a packet is about to be sent in fragments
 * @en: the namespace
 * @flow: its flow
 * @skb: a run of all fragments, data at its IP header; under UDP at EFH's
 * @plan: how it is sent
 * @inner: what is known of it, under UDP
 *
 * Context: BH disabled or process.
 */
void efh_store_keep(struct efh_net *en, struct efh_flow *flow,
		    struct sk_buff *skb, const struct efh_plan *plan,
		    const struct efh_inner *inner)
{
	atomic_t *budget = &flow->destination->budget;
	struct sk_buff *clone;

	/* As long as nothing is lost it is only read. */
	if (atomic_read(budget) < EFH_BUDGET_MAX)
		atomic_add(skb->len / EFH_BUDGET_PART, budget);
	/* Who lends pages wants them back soon. */
	if (skb_zcopy(skb) ||
	    atomic_long_read(&en->flows.kept) > EFH_STORE_TOTAL)
		return;
	clone = efh_store_clone(skb);
	if (!clone)
		return;
	*efh_kept(clone) = (struct efh_kept) {
		.id = plan->id,
		.when = jiffies,
		.size = plan->size,
		.at = inner ? 0 : plan->place.at,
		.flow = inner ? inner->flow : 0,
		.ttl = inner ? inner->ttl : 0,
		.dsfield = inner ? inner->dsfield : 0,
	};
	efh_store_put(en, &flow->store, clone);
	if (!delayed_work_pending(&en->flows.age))
		queue_delayed_work(efh_wq, &en->flows.age, EFH_STORE_LIFE / 2);
}

/* Forget what is too old; or all. */
static void efh_store_sweep(struct efh_net *en, struct efh_store *store,
			    bool all)
{
	struct sk_buff *gone = NULL;
	bool any = false;
	int i;

	spin_lock_bh(&store->lock);
	store->closed |= all;
	for (i = 0; store->ring && i < EFH_STORE_PACKETS; i++) {
		struct sk_buff **slot = &store->ring[i];

		if (*slot && (all || time_after(jiffies, efh_kept(*slot)->when +
							 EFH_STORE_LIFE)))
			efh_store_forget(en, store, slot, &gone);
		any |= !!*slot;
	}
	if (!any) {
		kfree(store->ring);
		store->ring = NULL;
	}
	spin_unlock_bh(&store->lock);
	efh_store_free(gone);
}

/**
 * efh_store_age() - forget what nobody can ask for any more
 * @en: the namespace
 * @store: a flow's store
 */
void efh_store_age(struct efh_net *en, struct efh_store *store)
{
	if (READ_ONCE(store->bytes))
		efh_store_sweep(en, store, false);
}

/**
 * efh_store_close() - a flow ends
 * @en: the namespace
 * @store: its store; nothing is kept in it after this
 */
void efh_store_close(struct efh_net *en, struct efh_store *store)
{
	efh_store_sweep(en, store, true);
}

static unsigned int efh_kept_count(struct sk_buff *skb)
{
	const struct efh_kept *kept = efh_kept(skb);

	return DIV_ROUND_UP(skb->len - kept->at - EFH_HDR_LEN, kept->size);
}

/* Of what is asked for, what may be sent. Context: store->lock. */
static u64 efh_store_choose(struct sk_buff *skb, u64 missing, atomic_t *budget)
{
	struct efh_kept *kept = efh_kept(skb);
	unsigned int length = kept->at + EFH_HDR_LEN + kept->size;
	unsigned int count = efh_kept_count(skb);
	u64 left, one, chosen = 0;

	left = missing & GENMASK_ULL(count - 1, 0) & ~kept->twice;
	/* Who has nothing of the end can't say how much there is of it. */
	if (!missing)
		left = BIT_ULL(count - 1) & ~kept->twice;
	for (; left; left ^= one) {
		one = left & -left;
		if (atomic_sub_return(length, budget) < 0) {
			atomic_add(length, budget);
			break;
		}
		chosen |= one;
	}
	kept->twice |= kept->once & chosen;
	kept->once |= chosen;
	return chosen;
}

/* Return: a clone of what is to be sent again, and which of it; or NULL. */
static struct sk_buff *efh_store_take(struct efh_flow *flow, u64 id,
				      u64 missing, u64 *chosen)
{
	struct sk_buff *skb = NULL, *clone = NULL;
	struct efh_store *store = &flow->store;

	spin_lock_bh(&store->lock);
	store->quiet = 0;
	if (store->ring)
		skb = *efh_store_slot(store, id);
	if (skb && efh_kept(skb)->id == id &&
	    time_before(jiffies, efh_kept(skb)->when + EFH_STORE_LIFE)) {
		clone = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
		*chosen = clone ? efh_store_choose(skb, missing,
						   &flow->destination->budget) : 0;
	}
	spin_unlock_bh(&store->lock);
	if (clone && !*chosen) {
		consume_skb(clone);
		clone = NULL;
	}
	return clone;
}

/* Fragments of a kept run under an IP carrier; if the path still takes them. */
static void efh_retransmit_ip(struct efh_net *en, const struct efh_path *to,
			      struct efh_flow *flow, struct sk_buff *skb,
			      struct efh_split *split)
{
	bool ip6 = to->carrier == EFH_CARRIER_IPV6;
	struct sk_buff *segs, *seg, *next;
	struct dst_entry *dst;

	dst = efh_path_route(en, to, ip6 ? ntohl(ip6_flowlabel(ipv6_hdr(skb))) : 0,
			     ip6 ? ipv6_get_dsfield(ipv6_hdr(skb)) :
				   ip_hdr(skb)->tos, skb->mark);
	if (!dst)
		return;
	if (split->at + EFH_HDR_LEN + split->size >
	    efh_search_mtu(en, flow, to->peer ?
			   efh_path_route_mtu(dst, to->carrier) : dst_mtu(dst)))
		goto out;
	skb->dev = dst->dev;
	segs = efh_fragment(skb, split);
	if (IS_ERR(segs))
		goto out;
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		efh_path_again(en, seg, dst);
	}
out:
	dst_release(dst);
}

static void efh_retransmit_udp(const struct efh_path *to, struct sk_buff *skb,
			       struct efh_split *split, u16 sport)
{
	const struct efh_kept *kept = efh_kept(skb);
	struct efh_inner inner = {
		.flow = kept->flow,
		.ttl = kept->ttl,
		.dsfield = kept->dsfield,
	};
	struct sk_buff *segs, *seg, *next;

	segs = efh_fragment(skb, split);
	if (IS_ERR(segs))
		return;
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		efh_udp_again(seg, &inner, to->peer, sport);
	}
}

/*
 * Who misses not all fragments of full size has one: so the path takes them. Who
 * has the end alone may have it since that is smaller.
 */
static void efh_retransmit_learn(struct efh_net *en, struct efh_flow *flow,
				 struct sk_buff *skb, u64 missing)
{
	const struct efh_kept *kept = efh_kept(skb);
	unsigned int count = efh_kept_count(skb), size, end;
	u64 full = GENMASK_ULL(count - 2, 0);

	end = skb->len - kept->at - EFH_HDR_LEN - (count - 1) * kept->size;
	size = efh_carrier_udp(flow->key.carrier) ?
	       efh_carrier_len(flow->key.carrier) : kept->at;
	size += EFH_HDR_LEN + kept->size;
	if ((missing & full) != full)
		efh_search_passes(flow, size);
	else if (!(missing & BIT_ULL(count - 1)) && end < kept->size &&
		 !kept->once)
		efh_search_vanishes(en, flow, size, count - 1);
}

/**
 * efh_retransmit() - a NACK came
 * @en: the namespace
 * @from: whose it is, by its addresses
 * @hdr: the message
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it proves nothing: nothing of the kind was sent.
 */
bool efh_retransmit(struct efh_net *en, const struct efh_path *from,
		    const struct efh_control_hdr *hdr)
{
	struct efh_flow *flow = efh_path_flow(en, from, hdr->flow);
	struct efh_split split = {
		.net = en->net,
		.carrier = from->carrier,
		.features = NETIF_F_SG,
	};
	u64 id = be64_to_cpu(hdr->nonce);
	struct sk_buff *skb;

	if (!flow || !efh_flow_in_flight(flow, id))
		return false;
	if (from->peer && !netif_running(from->peer->link->dev))
		return true;
	skb = efh_store_take(flow, id, be64_to_cpu(hdr->missing),
			     &split.only);
	if (!skb)
		return true;
	efh_retransmit_learn(en, flow, skb, be64_to_cpu(hdr->missing));
	split.at = efh_kept(skb)->at;
	split.size = efh_kept(skb)->size;
	efh_stats_add(en, EFH_A_STATS_RETRANSMIT_OUT, hweight64(split.only));
	atomic64_add(hweight64(split.only), &flow->store.resent);
	if (efh_carrier_udp(from->carrier))
		efh_retransmit_udp(from, skb, &split, flow->key.label);
	else
		efh_retransmit_ip(en, from, flow, skb, &split);
	consume_skb(skb);
	return true;
}
