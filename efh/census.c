// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes of a flow and what does not, as its destination counts it for its
 * REPORTs (wire.rst section 7): by Identification, so that a packet counts with
 * its own time, however late its fragments are.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/typecheck.h>
#include "census.h"

/* How long a while is, unless what is asked for takes longer to come */
#define EFH_CENSUS_WHILE	(HZ / 2ul)
#define EFH_CENSUS_WHILE_MAX	(2ul * HZ)
/* After a loss it is told for so long, once a while, that there was none. */
#define EFH_CENSUS_AFTER	(30 * HZ)
/*
 * A REPORT and three NACKs about each packet are no larger than as many
 * fragments, be they ever so small.
 */
#define EFH_CENSUS_WORTH	4

/* The while that a packet is of; NULL if it is over. */
static struct efh_count *efh_census_of(struct efh_census *census, u64 id)
{
	if ((s64)(id - census->now.from) >= 0)
		return &census->now;
	return (s64)(id - census->before.from) >= 0 ? &census->before : NULL;
}

/**
 * efh_census_init() - a flow begins
 * @census: its census
 * @id: Identification that came first
 */
void efh_census_init(struct efh_census *census, u64 id)
{
	const struct efh_count none = { .from = id, .since = jiffies };

	*census = (struct efh_census) {
		.turn = jiffies + EFH_CENSUS_WHILE,
		.now = none,
		.before = none,
	};
}

/**
 * efh_census_began() - the first came of a packet
 * @census: its flow's
 * @id: Identification
 */
void efh_census_began(struct efh_census *census, u64 id)
{
	struct efh_count *count = efh_census_of(census, id);

	if (count)
		count->begun++;
}

/**
 * efh_census_came() - something came of a packet
 * @census: its flow's
 * @id: Identification
 * @fragments: as many
 */
void efh_census_came(struct efh_census *census, u64 id, unsigned int fragments)
{
	struct efh_count *count = efh_census_of(census, id);

	if (count)
		count->received += fragments;
}

/**
 * efh_census_whole() - a packet is whole
 * @census: its flow's
 * @id: Identification
 */
void efh_census_whole(struct efh_census *census, u64 id)
{
	struct efh_count *count = efh_census_of(census, id);

	if (count)
		count->whole++;
}

/**
 * efh_census_trouble() - something was lost, be it sent again or not
 * @census: the flow's
 */
void efh_census_trouble(struct efh_census *census)
{
	census->troubled = true;
	census->trouble = jiffies;
}

/**
 * efh_census_turn() - a while is over
 * @census: a flow's
 * @next: Identification after the newest
 * @turn: how long what is asked for may take, jiffies
 * @over: where to put what became of the packets of the one before, of which
 *	nothing more counts now
 *
 * Return: true if their source is to be told.
 */
bool efh_census_turn(struct efh_census *census, u64 next, unsigned long turn,
		     struct efh_tally *over)
{
	over->count = census->before;
	over->until = census->now.from;
	over->took = census->now.since - census->before.since;
	census->before = census->now;
	census->now = (struct efh_count) { .from = next, .since = jiffies };
	census->turn = jiffies + clamp(turn, EFH_CENSUS_WHILE,
				       EFH_CENSUS_WHILE_MAX);
	if (over->count.begun > over->count.whole)
		efh_census_trouble(census);
	return census->troubled && over->count.received >= EFH_CENSUS_WORTH &&
	       time_before(jiffies, census->trouble + EFH_CENSUS_AFTER);
}
