/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_CENSUS_H
#define _EFH_CENSUS_H

#include <linux/types.h>

/* What came of the packets from one Identification on. */
struct efh_count {
	u64 from;
	unsigned long since;	/* jiffies */
	u32 begun;		/* packets of which anything came */
	u32 whole;
	u32 received;		/* fragments */
};

/*
 * What came of a flow, a while at a time. What is not whole a while after its own
 * is over is taken to be given up. Protected by the lock of what it is part of.
 */
struct efh_census {
	unsigned long turn;	/* jiffies: when this while is over */
	unsigned long trouble;	/* jiffies: when something was lost last */
	bool troubled;		/* ever */
	struct efh_count now;
	struct efh_count before;
};

/**
 * struct efh_tally - what has become of a while's packets
 * @count: what came of them
 * @until: Identification of the first one after them
 * @took: how long the while was, jiffies
 */
struct efh_tally {
	struct efh_count count;
	u64 until;
	unsigned long took;
};

void efh_census_init(struct efh_census *census, u64 id);
void efh_census_began(struct efh_census *census, u64 id);
void efh_census_came(struct efh_census *census, u64 id, unsigned int fragments);
void efh_census_whole(struct efh_census *census, u64 id);
void efh_census_trouble(struct efh_census *census);
bool efh_census_turn(struct efh_census *census, u64 next, unsigned long turn,
		     struct efh_tally *over);

#endif /* _EFH_CENSUS_H */
