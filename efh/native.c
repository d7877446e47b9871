// SPDX-License-Identifier: GPL-2.0-only
/* Native prefixes: where this host's own large packets leave as EFH. */
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include "net.h"

/**
 * efh_native_lookup() - the longest prefix that holds a destination
 * @en: the namespace
 * @to: the destination
 *
 * Context: RCU read side.
 * Return: the entry or NULL.
 */
const struct efh_native *efh_native_lookup(struct efh_net *en,
					   const struct in6_addr *to)
{
	const struct efh_native *native;

	/* An IPv6 prefix short enough to cover mapped addresses means no IPv4. */
	list_for_each_entry_rcu(native, &en->natives.list, list)
		if (ipv6_prefix_equal(&native->prefix, to, native->prefix_len) &&
		    efh_carrier_of(&native->prefix) == efh_carrier_of(to))
			return native;
	return NULL;
}

/**
 * efh_native_find() - an entry by its prefix
 * @en: the namespace
 * @prefix: the prefix
 * @len: its length, bits
 *
 * Context: genl's mutex.
 * Return: the entry or NULL.
 */
struct efh_native *efh_native_find(struct efh_net *en,
				   const struct in6_addr *prefix, u8 len)
{
	struct efh_native *native;

	list_for_each_entry(native, &en->natives.list, list)
		if (native->prefix_len == len &&
		    ipv6_addr_equal(&native->prefix, prefix))
			return native;
	return NULL;
}

/**
 * efh_native_add() - enter a prefix that is not listed
 * @en: the namespace
 * @template: what to enter
 *
 * Context: genl's mutex.
 * Return: 0 or -ENOMEM.
 */
int efh_native_add(struct efh_net *en, const struct efh_native *template)
{
	struct efh_native *native, *next;

	native = kmemdup(template, sizeof(*template), GFP_KERNEL);
	if (!native)
		return -ENOMEM;
	list_for_each_entry(next, &en->natives.list, list)
		if (next->prefix_len < native->prefix_len)
			break;
	list_add_tail_rcu(&native->list, &next->list);
	return 0;
}

/**
 * efh_native_del() - remove a prefix
 * @en: the namespace
 * @native: the entry
 *
 * Context: genl's mutex.
 */
void efh_native_del(struct efh_net *en, struct efh_native *native)
{
	list_del_rcu(&native->list);
	kfree_rcu(native, rcu);
}

/**
 * efh_native_init() - start with no prefix
 * @en: the namespace
 */
void efh_native_init(struct efh_net *en)
{
	INIT_LIST_HEAD(&en->natives.list);
}

/**
 * efh_native_exit() - remove all prefixes
 * @en: the namespace
 */
void efh_native_exit(struct efh_net *en)
{
	struct efh_native *native, *next;

	list_for_each_entry_safe(native, next, &en->natives.list, list)
		efh_native_del(en, native);
}
