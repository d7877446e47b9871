// SPDX-License-Identifier: GPL-2.0-only
/* Flows: Identifications (wire.rst section 3) and what was sent. */
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include "net.h"

/* Labels and addresses that nobody uses again must not pile up without end. */
#define EFH_FLOWS_MAX		32768
#define EFH_FLOW_IDLE		(120 * HZ)
/* Two turns are the longest a packet may live; see efh_flow_in_flight(). */
#define EFH_FLOW_TURN		(60 * HZ)
/*
 * Nobody begins another life as often; but several hosts may take turns at one
 * address, and without a label all that is sent there is one flow.
 */
#define EFH_REBORN_AGAIN	(60 * HZ)

static const struct rhashtable_params efh_flow_params = {
	.key_len = sizeof(struct efh_flow_key),
	.key_offset = offsetof(struct efh_flow, key),
	.head_offset = offsetof(struct efh_flow, node),
	.automatic_shrinking = true,
};

/* Context: process or BH; RCU read side. */
static void efh_flow_drop(struct efh_net *en, struct efh_flow *flow)
{
	local_bh_disable();
	/* Of several who drop it one removes it. */
	if (!rhashtable_remove_fast(&en->flows.flows, &flow->node,
				    efh_flow_params)) {
		efh_destination_put(en, flow->destination);
		efh_store_close(en, &flow->store);
		efh_loss_close(en, &flow->loss);
		kfree_rcu(flow, rcu);
	}
	local_bh_enable();
}

static bool efh_flow_stale(struct efh_flow *flow)
{
	if (time_before(jiffies, READ_ONCE(flow->used) + EFH_FLOW_IDLE))
		return false;
	/* The last flow keeps what is known of its destination. */
	return refcount_read(&flow->destination->flows) > 1 ||
	       (!efh_destination_expires(flow->destination) &&
		!efh_search_knows(&flow->search));
}

/* Drop flows: those to @to, all if it is NULL; or only stale ones. */
static void efh_flow_sweep(struct efh_net *en, const struct in6_addr *to,
			   bool stale)
{
	struct rhashtable_iter iter;
	struct efh_flow *flow;

	rhashtable_walk_enter(&en->flows.flows, &iter);
	rhashtable_walk_start(&iter);
	while ((flow = rhashtable_walk_next(&iter))) {
		if (IS_ERR(flow))
			continue;	/* resized: some are seen twice */
		if (to && !ipv6_addr_equal(to, &flow->key.destination.addr))
			continue;
		if (!stale || efh_flow_stale(flow))
			efh_flow_drop(en, flow);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

static void efh_flow_collect(struct work_struct *work)
{
	struct efh_flow_table *table =
		container_of(work, struct efh_flow_table, collect.work);

	efh_flow_sweep(container_of(table, struct efh_net, flows), NULL, true);
	if (atomic_read(&table->flows.nelems))
		queue_delayed_work(efh_wq, &table->collect, EFH_FLOW_IDLE / 4);
}

static void efh_flow_age(struct work_struct *work)
{
	struct efh_flow_table *table =
		container_of(work, struct efh_flow_table, age.work);
	struct efh_net *en = container_of(table, struct efh_net, flows);
	struct rhashtable_iter iter;
	struct efh_flow *flow;

	rhashtable_walk_enter(&table->flows, &iter);
	rhashtable_walk_start(&iter);
	while ((flow = rhashtable_walk_next(&iter)))
		if (!IS_ERR(flow))
			efh_store_age(en, &flow->store);
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	if (atomic_long_read(&table->kept))
		queue_delayed_work(efh_wq, &table->age, HZ);
}

/**
 * efh_flow_find() - find a flow
 * @en: the namespace
 * @key: its key
 *
 * Context: RCU read side.
 * Return: the flow or NULL.
 */
struct efh_flow *efh_flow_find(struct efh_net *en,
			       const struct efh_flow_key *key)
{
	return rhashtable_lookup(&en->flows.flows, key, efh_flow_params);
}

static struct efh_flow *efh_flow_create(struct efh_net *en,
					const struct efh_flow_key *key)
{
	struct efh_flow *flow, *old;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC | __GFP_NOWARN);
	if (!flow)
		return NULL;
	flow->destination = efh_destination_get(en, &key->destination);
	if (!flow->destination) {
		kfree(flow);
		return NULL;
	}
	flow->key = *key;
	flow->used = jiffies;
	flow->turned = jiffies;
	spin_lock_init(&flow->lock);
	efh_store_init(&flow->store);
	efh_search_init(&flow->search, flow->destination);
	efh_loss_init(&flow->loss);
	/*
	 * A random start in 64 bits: unpredictable, and two flows to one
	 * destination, or two lives of one, do not meet.
	 */
	flow->first_id = get_random_u64();
	flow->older[0] = flow->first_id;
	flow->older[1] = flow->first_id;
	atomic64_set(&flow->next_id, flow->first_id);

	old = rhashtable_lookup_get_insert_fast(&en->flows.flows, &flow->node,
						efh_flow_params);
	if (!old) {
		if (!delayed_work_pending(&en->flows.collect))
			queue_delayed_work(efh_wq, &en->flows.collect,
					   EFH_FLOW_IDLE / 4);
		return flow;
	}
	efh_destination_put(en, flow->destination);
	kfree(flow);
	return IS_ERR(old) ? NULL : old;
}

/**
 * efh_flow_get() - find a flow or enter it
 * @en: the namespace
 * @key: its key
 *
 * Context: RCU read side, BH disabled or process.
 * Return: the flow; NULL without memory or when there are too many.
 */
struct efh_flow *efh_flow_get(struct efh_net *en,
			      const struct efh_flow_key *key)
{
	struct efh_flow *flow = efh_flow_find(en, key);

	if (likely(flow) ||
	    atomic_read(&en->flows.flows.nelems) >= EFH_FLOWS_MAX)
		return flow;
	local_bh_disable();
	flow = efh_flow_create(en, key);
	local_bh_enable();
	return flow;
}

/**
 * efh_flow_next() - a packet is about to be sent
 * @flow: the flow
 * @mtu: of the path, octets
 * @size: L, octets
 *
 * Flows are spread over CPUs as their senders are, so its cache line seldom
 * travels.
 *
 * Return: its Identification.
 */
u64 efh_flow_next(struct efh_flow *flow, unsigned int mtu, unsigned int size)
{
	unsigned long now = jiffies;

	WRITE_ONCE(flow->mtu, mtu);
	WRITE_ONCE(flow->size, size);

	if (READ_ONCE(flow->used) != now)
		WRITE_ONCE(flow->used, now);
	if (time_after_eq(now, READ_ONCE(flow->turned) + EFH_FLOW_TURN)) {
		spin_lock_bh(&flow->lock);
		if (time_after_eq(now, flow->turned + EFH_FLOW_TURN)) {
			flow->older[1] = flow->older[0];
			flow->older[0] = atomic64_read(&flow->next_id);
			if (time_after(now, flow->turned + 2 * EFH_FLOW_TURN))
				flow->older[1] = flow->older[0];
			WRITE_ONCE(flow->turned, now);
		}
		spin_unlock_bh(&flow->lock);
	}
	return atomic64_fetch_inc(&flow->next_id);
}

/**
 * efh_flow_in_flight() - can a packet of ours still be on its way?
 * @flow: the flow
 * @id: its Identification
 *
 * Return: true if @id was used in this flow within the last one to two turns,
 *	a minute at the least.
 */
bool efh_flow_in_flight(struct efh_flow *flow, u64 id)
{
	u64 oldest;

	/* What is silent does not turn. */
	if (time_after(jiffies, READ_ONCE(flow->used) + 2 * EFH_FLOW_TURN))
		return false;
	spin_lock_bh(&flow->lock);
	oldest = flow->older[1];
	spin_unlock_bh(&flow->lock);
	return id - oldest < (u64)atomic64_read(&flow->next_id) - oldest;
}

/**
 * efh_flow_flush() - forget flows, and with them what was learnt
 * @en: the namespace
 * @to: only those to this destination; NULL for all
 *
 * Context: process.
 */
void efh_flow_flush(struct efh_net *en, const struct in6_addr *to)
{
	efh_flow_sweep(en, to, false);
}

static void efh_flow_forget(struct work_struct *work)
{
	struct efh_reborn *reborn = container_of(work, struct efh_reborn, work);
	struct efh_net *en = container_of(reborn, struct efh_net, flows.reborn);

	/* Not changed while there is one. */
	efh_arrival_forget(en, &reborn->remote, &reborn->local);
	efh_reassembly_forget(en, &reborn->remote, &reborn->local);
	efh_flow_flush(en, &reborn->remote);
	spin_lock_bh(&reborn->lock);
	reborn->any = false;
	spin_unlock_bh(&reborn->lock);
}

/* Have forgotten what is of another life. Context: BH disabled. Return: will it be? */
static bool efh_flow_reborn(struct efh_net *en, const struct in6_addr *local,
			    const struct in6_addr *remote)
{
	struct efh_reborn *reborn = &en->flows.reborn;
	unsigned long *again =
		&reborn->again[ipv6_addr_hash(remote) % EFH_REBORN_SLOTS];
	bool good;

	spin_lock(&reborn->lock);
	/* All tables are gone through: not as often as somebody says so. */
	good = !reborn->any && !efh_lately(reborn->when, HZ) &&
	       !efh_lately(*again, EFH_REBORN_AGAIN);
	if (good) {
		reborn->any = true;
		reborn->when = efh_now();
		*again = reborn->when;
		reborn->local = *local;
		reborn->remote = *remote;
		queue_work(efh_wq, &reborn->work);
	}
	spin_unlock(&reborn->lock);
	return good;
}

/**
 * efh_flow_lives() - who is at a flow's end proved which life he lives
 * @en: the namespace
 * @flow: the flow, in native mode
 * @local: this end
 * @epoch: which
 *
 * All that is of another one goes (wire.rst section 7). It is known by flow since
 * several hosts may have one address, and each flow goes to one of them.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_flow_lives(struct efh_net *en, struct efh_flow *flow,
		    const struct in6_addr *local, u32 epoch)
{
	spin_lock(&flow->lock);
	/* Who can't be forgotten now is found out once more with the next answer. */
	if (!flow->lives || flow->epoch == epoch ||
	    efh_flow_reborn(en, local, &flow->key.destination.addr)) {
		flow->lives = true;
		flow->epoch = epoch;
	}
	spin_unlock(&flow->lock);
}

/**
 * efh_flow_init() - make a namespace's table of flows
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_flow_init(struct efh_net *en)
{
	int err = efh_destination_init(en);

	if (err)
		return err;
	err = rhashtable_init(&en->flows.flows, &efh_flow_params);
	if (err) {
		efh_destination_exit(en);
		return err;
	}
	spin_lock_init(&en->flows.reborn.lock);
	INIT_WORK(&en->flows.reborn.work, efh_flow_forget);
	efh_advise_init(&en->flows.told);
	INIT_DELAYED_WORK(&en->flows.collect, efh_flow_collect);
	INIT_DELAYED_WORK(&en->flows.age, efh_flow_age);
	return 0;
}

/**
 * efh_flow_stop() - nobody is found out to live another life any more
 * @en: the namespace; no packet arrives in it
 *
 * Context: process.
 */
void efh_flow_stop(struct efh_net *en)
{
	cancel_work_sync(&en->flows.reborn.work);
}

/**
 * efh_flow_exit() - free it
 * @en: the namespace; no packet is sent in it any more
 *
 * Context: process.
 */
void efh_flow_exit(struct efh_net *en)
{
	cancel_delayed_work_sync(&en->flows.collect);
	cancel_delayed_work_sync(&en->flows.age);
	efh_flow_sweep(en, NULL, false);
	rhashtable_destroy(&en->flows.flows);
	efh_destination_exit(en);
}
