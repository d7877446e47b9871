// SPDX-License-Identifier: GPL-2.0-only
/* What is learnt of a destination: soft state, forgotten in time. */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include "net.h"

static const struct rhashtable_params efh_destination_params = {
	.key_len = sizeof(struct efh_destination_key),
	.key_offset = offsetof(struct efh_destination, key),
	.head_offset = offsetof(struct efh_destination, node),
	.automatic_shrinking = true,
};

/**
 * efh_destination_find() - find a destination
 * @en: the namespace
 * @key: its address and scope
 *
 * Context: RCU read side.
 * Return: the destination, no reference; NULL if nothing was sent to it.
 */
struct efh_destination *
efh_destination_find(struct efh_net *en, const struct efh_destination_key *key)
{
	return rhashtable_lookup(&en->flows.destinations.table, key,
				 efh_destination_params);
}

/**
 * efh_destination_get() - find a destination or enter it
 * @en: the namespace
 * @key: its address and scope
 *
 * Context: RCU read side.
 * Return: a reference; NULL without memory.
 */
struct efh_destination *
efh_destination_get(struct efh_net *en, const struct efh_destination_key *key)
{
	struct rhashtable *table = &en->flows.destinations.table;
	struct efh_destination *d, *new;

	for (;;) {
		d = rhashtable_lookup(table, key, efh_destination_params);
		if (d && refcount_inc_not_zero(&d->flows))
			return d;
		new = kzalloc(sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
		if (!new)
			return NULL;
		new->key = *key;
		refcount_set(&new->flows, 1);
		/* Of the first packet's fragments some may be lost. */
		atomic_set(&new->budget, EFH_MAX_PACKET);
		spin_lock_init(&new->lock);
		d = rhashtable_lookup_get_insert_fast(table, &new->node,
						      efh_destination_params);
		if (!d)
			return new;
		kfree(new);
		if (IS_ERR(d))
			return NULL;
		/* One that is just going is out of the table in a moment. */
		if (refcount_inc_not_zero(&d->flows))
			return d;
		cpu_relax();
	}
}

/**
 * efh_destination_put() - let go of a destination
 * @en: the namespace
 * @d: the destination; ends with its last flow
 *
 * Context: BH disabled, so that nobody waits long for its removal.
 */
void efh_destination_put(struct efh_net *en, struct efh_destination *d)
{
	if (!refcount_dec_and_test(&d->flows))
		return;
	rhashtable_remove_fast(&en->flows.destinations.table, &d->node,
			       efh_destination_params);
	kfree_rcu(d, rcu);
}

/**
 * efh_destination_learn() - remember something for a time
 * @d: the destination
 * @what: &d->mtu or &d->unaware
 * @value: what to remember; something smaller that is still good stays
 * @lifetime: for how long, jiffies
 * @old: where to put what it replaces, 0 for nothing
 *
 * Return: true if it is new.
 */
bool efh_destination_learn(struct efh_destination *d, struct efh_learnt *what,
			   u32 value, unsigned long lifetime, u32 *old)
{
	bool new;

	spin_lock_bh(&d->lock);
	*old = time_before(jiffies, what->expires) ? what->value : 0;
	new = !*old || value < *old;
	if (new) {
		WRITE_ONCE(what->value, value);
		what->expires = jiffies + lifetime;
	}
	spin_unlock_bh(&d->lock);
	return new;
}

/**
 * efh_destination_recall() - what is known
 * @d: the destination
 * @what: &d->mtu or &d->unaware
 * @forgot: where to put what was forgotten just now for its age, else 0
 *
 * Return: the value, 0 for nothing.
 */
u32 efh_destination_recall(struct efh_destination *d, struct efh_learnt *what,
			   u32 *forgot)
{
	u32 value = READ_ONCE(what->value);

	*forgot = 0;
	if (likely(!value))
		return 0;
	spin_lock_bh(&d->lock);
	value = what->value;
	if (value && time_after_eq(jiffies, what->expires)) {
		*forgot = value;
		value = 0;
		WRITE_ONCE(what->value, 0);
	}
	spin_unlock_bh(&d->lock);
	return value;
}

/**
 * efh_destination_peek() - what is known, for those who only look
 * @d: the destination
 * @what: &d->mtu or &d->unaware
 *
 * Return: the value, 0 for nothing.
 */
u32 efh_destination_peek(struct efh_destination *d,
			 const struct efh_learnt *what)
{
	u32 value;

	spin_lock_bh(&d->lock);
	value = time_before(jiffies, what->expires) ? what->value : 0;
	spin_unlock_bh(&d->lock);
	return value;
}

/**
 * efh_destination_expires() - how long something is still known
 * @d: the destination
 *
 * Return: jiffies from now until all is forgotten; 0 if nothing is known.
 */
unsigned long efh_destination_expires(struct efh_destination *d)
{
	const struct efh_learnt *what[] = { &d->mtu, &d->unaware };
	unsigned long left = 0;
	int i;

	spin_lock_bh(&d->lock);
	for (i = 0; i < ARRAY_SIZE(what); i++)
		if (what[i]->value && time_before(jiffies, what[i]->expires))
			left = max(left, what[i]->expires - jiffies);
	spin_unlock_bh(&d->lock);
	return left;
}

/**
 * efh_destination_init() - make a namespace's table of destinations
 * @en: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int efh_destination_init(struct efh_net *en)
{
	return rhashtable_init(&en->flows.destinations.table,
			       &efh_destination_params);
}

/**
 * efh_destination_exit() - free it
 * @en: the namespace; all flows have let go
 */
void efh_destination_exit(struct efh_net *en)
{
	rhashtable_destroy(&en->flows.destinations.table);
}
