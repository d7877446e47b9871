// SPDX-License-Identifier: GPL-2.0-only
/* The frag list that a packet's fragments hang in; payload is never copied. */
#include <linux/skbuff.h>
#include "fraglist.h"
#include "wire.h"

/*
 * Who walks a packet's buffers with an array counts on little more than
 * MAX_SKB_FRAGS of them (WireGuard by skb_cow_data()): longer lists are hung
 * in groups, small enough to be copied as one by those who must.
 */
#define EFH_LIST_MAX	16
#define EFH_LIST_GROUP	(EFH_MAX_FRAGMENTS / EFH_LIST_MAX)

/* An empty buffer that has @list as its frag list. */
static struct sk_buff *efh_fraglist_holder(struct sk_buff *list, u8 ip_summed)
{
	struct sk_buff *holder = alloc_skb(0, GFP_ATOMIC | __GFP_NOWARN), *frag;

	if (!holder)
		return NULL;
	holder->ip_summed = ip_summed;
	skb_shinfo(holder)->frag_list = list;
	for (frag = list; frag; frag = frag->next) {
		skb_shinfo(holder)->flags |= skb_shinfo(frag)->flags &
					     SKBFL_SHARED_FRAG;
		holder->len += frag->len;
		holder->data_len += frag->len;
		holder->truesize += frag->truesize;
	}
	return holder;
}

/**
 * efh_fraglist_group() - hang a list in groups, if it is long
 * @link: the pointer that points at it; nobody else walks it
 *
 * What memory does not suffice for stays as it is.
 *
 * Context: any but hard interrupts.
 * Return: what that takes, octets of truesize.
 */
unsigned int efh_fraglist_group(struct sk_buff **link)
{
	const struct sk_buff *skb = *link;
	unsigned int taken = 0;
	int count;

	/* A clone's list would change with it. */
	for (count = 0; skb && !skb_shared(skb) && count <= EFH_LIST_MAX; count++)
		skb = skb->next;
	if (count <= EFH_LIST_MAX)
		return 0;
	while (*link) {
		struct sk_buff *last = *link, *rest, *holder;
		int i;

		for (i = 1; i < EFH_LIST_GROUP && last->next; i++)
			last = last->next;
		rest = last->next;
		last->next = NULL;
		holder = efh_fraglist_holder(*link, (*link)->ip_summed);
		if (!holder) {
			last->next = rest;
			break;
		}
		taken += SKB_TRUESIZE(0);
		holder->next = rest;
		*link = holder;
		link = &holder->next;
	}
	return taken;
}

/**
 * efh_fraglist_hang() - hang a list of fragments behind the first
 * @skb: the first, data at its payload, nobody else's
 * @list: the others, data at theirs
 *
 * Where the first itself has a frag list, an empty buffer takes it over, as the
 * stack's reassembly does. Lengths and the state of the checksum are those of all.
 *
 * Context: any but hard interrupts.
 * Return: false without memory; then all is as it was.
 */
bool efh_fraglist_hang(struct sk_buff *skb, struct sk_buff *list)
{
	struct sk_buff **link = &skb_shinfo(skb)->frag_list, *frag;

	if (*link) {
		frag = efh_fraglist_holder(*link, skb->ip_summed);
		if (!frag)
			return false;
		/* The list was counted with skb already. */
		skb->truesize += SKB_TRUESIZE(0);
		*link = frag;
		link = &frag->next;
	}

	for (frag = list; frag; frag = frag->next) {
		skb_shinfo(skb)->flags |= skb_shinfo(frag)->flags &
					  SKBFL_SHARED_FRAG;
		if (frag->ip_summed != skb->ip_summed)
			skb->ip_summed = CHECKSUM_NONE;
		else if (skb->ip_summed == CHECKSUM_COMPLETE)
			skb->csum = csum_add(skb->csum, frag->csum);
	}
	efh_fraglist_group(&list);
	*link = list;
	for (frag = list; frag; frag = frag->next) {
		skb->len += frag->len;
		skb->data_len += frag->len;
		skb->truesize += frag->truesize;
	}
	return true;
}
