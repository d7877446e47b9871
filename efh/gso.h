/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_GSO_H
#define _EFH_GSO_H

#include <linux/skbuff.h>
#include "carrier.h"

/**
 * struct efh_plan - how a packet is to be sent
 * @place: where the EFH header goes; under UDP in front of the packet
 * @option: its option type
 * @nexthdr: protocol of the packet, under UDP only
 * @csum: fragments have UDP checksums
 * @size: L, octets
 * @count: N; 1 makes an atomic fragment
 * @id: Identification
 */
struct efh_plan {
	struct efh_place place;
	u8 option;
	u8 nexthdr;
	bool csum;
	unsigned int size;
	unsigned int count;
	u64 id;
};

/**
 * efh_plan_cautious() - L of a packet that would pass whole, unless the stack is right
 * @length: of it, octets
 * @room: what passes in any case, octets behind the EFH header
 *
 * Return: half of it, or less if there is no room for that, in octets.
 */
static inline unsigned int efh_plan_cautious(unsigned int length, int room)
{
	int half = round_up(DIV_ROUND_UP(length, 2), 8);

	return max_t(int, min(half, round_down(room, 8)), EFH_MIN_FRAGMENT);
}

int efh_gso_begin(struct sk_buff *skb, const struct efh_plan *plan);
struct sk_buff *efh_gso_segment(struct sk_buff *skb,
				netdev_features_t features);

#endif /* _EFH_GSO_H */
