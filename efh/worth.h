/* SPDX-License-Identifier: GPL-2.0-only */
/* What size is worth sending at a loss: figures alone, so that it can be tried. */
#ifndef _EFH_WORTH_H
#define _EFH_WORTH_H

#include "wire.h"

#ifdef __KERNEL__
#include <linux/math64.h>
#else
#define div64_u64(a, b) ((a) / (b))
#define div_u64(a, b) ((a) / (b))
#endif

/* What is of late fades, which in whole numbers would never come to an end. */
#define EFH_WORTH_SCALE		64
/* So many packets given up are no chance. */
#define EFH_WORTH_CHANCE	(4 * EFH_WORTH_SCALE)

/* Logarithms are in parts of 2^20. */
#define EFH_WORTH_ONE	20
/* -ln(1 - 5 %): so many packets may be lost */
#define EFH_WORTH_LOST	53785u

/**
 * struct efh_toll - what became of packets sent in fragments: less than 2^41 of each
 * @whole: packets that arrived
 * @given_up: packets that did not
 * @received: fragments that arrived
 * @lost: fragments that did not
 */
struct efh_toll {
	u64 whole;
	u64 given_up;
	u64 received;
	u64 lost;
};

/* -ln(1 - part / all) = 2 atanh(part / (2 all - part)), to its fifth power. */
static inline u64 efh_worth_log(u64 part, u64 all)
{
	u64 y = div64_u64(part << EFH_WORTH_ONE, 2 * all - part);
	u64 y3 = y * y * y >> 2 * EFH_WORTH_ONE;
	u64 y5 = y3 * y * y >> 2 * EFH_WORTH_ONE;

	return 2 * (y + div_u64(y3, 3) + div_u64(y5, 5));
}

/**
 * efh_worth() - how many fragments a packet may have at a loss
 * @toll: what became of those before it
 *
 * The logarithm of the chance to arrive falls in a line with the number of
 * fragments, whether each is lost by itself or several in a row: two points of it
 * are known, that of one fragment and that of a packet. The line is followed to
 * the loss that is borne. Where loss has little to do with size that is far away.
 * Two at the least: a flow without fragments would not hear that the loss has ended.
 *
 * Documentation/architecture.rst, "The size that fits the loss".
 *
 * Return: 2 to EFH_MAX_FRAGMENTS.
 */
static inline unsigned int efh_worth(const struct efh_toll *toll)
{
	u64 packets = toll->whole + toll->given_up;
	u64 fragments = toll->received + toll->lost;
	u64 one, all, borne, count;

	if (!toll->given_up || fragments <= packets)
		return EFH_MAX_FRAGMENTS;
	one = efh_worth_log(toll->lost, fragments);
	all = efh_worth_log(toll->given_up, packets);
	/* Half as many again as of single fragments, if that is more. */
	borne = one + one / 2;
	if (borne < EFH_WORTH_LOST)
		borne = EFH_WORTH_LOST;
	if (all <= one)
		return EFH_MAX_FRAGMENTS;
	count = 1 + div64_u64((borne - one) * (fragments - packets),
			      (all - one) * packets);
	if (count < 2)
		return 2;
	return count < EFH_MAX_FRAGMENTS ? count : EFH_MAX_FRAGMENTS;
}

/* Each count leaves four fifths of those before it. */
static inline u64 efh_worth_late(u64 before, u64 now)
{
	return before - div_u64(before, 5) + now * EFH_WORTH_SCALE;
}

/**
 * efh_worth_add() - a count more
 * @toll: what became of packets of late, times EFH_WORTH_SCALE
 * @now: what became of those after them
 */
static inline void efh_worth_add(struct efh_toll *toll,
				 const struct efh_toll *now)
{
	toll->whole = efh_worth_late(toll->whole, now->whole);
	toll->given_up = efh_worth_late(toll->given_up, now->given_up);
	toll->received = efh_worth_late(toll->received, now->received);
	toll->lost = efh_worth_late(toll->lost, now->lost);
}

/**
 * efh_worth_size() - the largest packet that is worth sending
 * @toll: what became of packets of late, times EFH_WORTH_SCALE
 * @size: L, octets
 * @mtu: of the path, octets: what fits it is not sent in fragments
 * @old: what was worth it before, octets
 *
 * It changes by a quarter or not at all: those who are told work on it.
 *
 * Return: octets; EFH_MAX_PACKET is any number.
 */
static inline u32 efh_worth_size(const struct efh_toll *toll, u32 size, u32 mtu,
				 u32 old)
{
	unsigned int count = efh_worth(toll), least = mtu / size + 1;
	u32 new = (count > least ? count : least) * size;

	if (count == EFH_MAX_FRAGMENTS || new > EFH_MAX_PACKET)
		new = EFH_MAX_PACKET;
	if (new < old - old / 5)
		return toll->given_up < EFH_WORTH_CHANCE ? old : new;
	return new == EFH_MAX_PACKET || new > old + old / 4 ? new : old;
}

#endif /* _EFH_WORTH_H */
