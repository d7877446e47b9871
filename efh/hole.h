/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_HOLE_H
#define _EFH_HOLE_H

#include <linux/types.h>

struct efh_cause;
struct efh_destination;
struct efh_flow;
struct efh_net;

/* So many fragments in a row are not lost by chance while smaller ones arrive. */
#define EFH_HOLE_CHANCE		64

/*
 * What tells of a black hole on the way to a destination, of whatever flows.
 * Protected by the destination's lock; missed, size and answered are also read, and
 * set to 0 or true, without.
 */
struct efh_hole {
	u32 missed;		/* fragments in a row that did not arrive, */
	u32 size;		/* of packets of so many octets, */
	unsigned long when;	/* the last at this time, jiffies */
	u32 begun;		/* flows, since one was told to ask at once, */
	unsigned long asked;	/* at this time; 0: none was; */
	bool answered;		/* and something was answered since */
};

extern const struct efh_cause efh_hole_cause;

bool efh_hole_begun(struct efh_destination *d);
bool efh_hole_turn(struct efh_destination *d);
void efh_hole_answered(struct efh_destination *d);
void efh_hole_seen(struct efh_destination *d, u32 size);
void efh_hole_missed(struct efh_net *en, struct efh_flow *flow, u32 size,
		     u32 count, u32 mtu);

#endif /* _EFH_HOLE_H */
