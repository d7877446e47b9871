// SPDX-License-Identifier: GPL-2.0-only
/*
 * efh/worth.h in user space, under the sanitizers: the size that fits a loss, at
 * losses whose answer is known, at the ends of what counts may be, and over time.
 */
#include <math.h>
#include <stdio.h>
#include "../efh/worth.h"

#define L	1440
#define MTU	1500
#define MOST	(1ull << 40)

static unsigned int count, failed;

static void ok(int good, const char *what)
{
	count++;
	failed += !good;
	printf("%s %u %s\n", good ? "ok" : "not ok", count, what);
}

/* packets of n fragments, begun to be lost with rate, so many in a row */
static struct efh_toll toll(double packets, unsigned int n, double rate,
			    double row)
{
	double gone = 1 - pow(1 - rate, n + row - 1);
	double lost = 1 - pow(1 - rate, row);

	return (struct efh_toll) {
		.whole = packets * (1 - gone) + 0.5,
		.given_up = packets * gone + 0.5,
		.received = packets * n * (1 - lost) + 0.5,
		.lost = packets * n * lost + 0.5,
	};
}

/* what is to be: the largest whose loss is 5 %, or half more than of one fragment */
static double expected(double rate, double row)
{
	double one = -row * log(1 - rate), borne = fmax(-log(0.95), 1.5 * one);

	return fmin(fmax(borne / -log(1 - rate) - (row - 1), 2), EFH_MAX_FRAGMENTS);
}

static void known(void)
{
	static const double rates[] = { 1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2 };
	static const unsigned int sizes[] = { 2, 3, 8, 42, 64 };
	static const double rows[] = { 1, 2, 5 };
	unsigned int i, j, k;
	char what[100];

	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		for (j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
			for (k = 0; k < sizeof(rows) / sizeof(*rows); k++) {
				struct efh_toll t = toll(1e6, sizes[j], rates[i], rows[k]);
				double got = efh_worth(&t), want = expected(rates[i], rows[k]);

				/* where hardly any is whole, the next size tells more */
				if (t.whole < t.given_up / 9)
					continue;
				/* whole numbers, and a row of losses may go beyond a packet's end */
				snprintf(what, sizeof(what),
					 "%g lost, %g in a row, %u fragments: %g of %.1f",
					 rates[i], rows[k], sizes[j], got, want);
				ok(fabs(got - want) <= 1.5 + 0.12 * want, what);
			}
}

static void ends(void)
{
	struct efh_toll t = { 0 };

	ok(efh_worth(&t) == EFH_MAX_FRAGMENTS, "nothing sent");
	t = (struct efh_toll) { .whole = MOST, .received = MOST * 42 };
	ok(efh_worth(&t) == EFH_MAX_FRAGMENTS, "nothing lost");
	t = (struct efh_toll) { .given_up = 1, .lost = 1 };
	ok(efh_worth(&t) == EFH_MAX_FRAGMENTS, "packets of one fragment say nothing of size");
	t = (struct efh_toll) { .given_up = MOST, .lost = MOST * 64 };
	ok(efh_worth(&t) == 2, "all lost");
	t = (struct efh_toll) { .given_up = MOST, .lost = MOST, .received = MOST * 63 };
	ok(efh_worth(&t) >= 2 && efh_worth(&t) < 8, "of each packet a fragment");
	t = (struct efh_toll) { .whole = 1, .given_up = MOST, .lost = 1, .received = MOST * 2 };
	ok(efh_worth(&t) == 2, "counts that can hardly be");
	t = (struct efh_toll) { .whole = MOST, .given_up = MOST / 50, .lost = MOST, .received = MOST * 41 };
	ok(efh_worth(&t) == EFH_MAX_FRAGMENTS, "loss in few packets: for that size makes no difference");
}

static void over_time(void)
{
	struct efh_toll of_late = { 0 }, now;
	u32 size = EFH_MAX_PACKET, old;
	int i, changes = 0;

	now = toll(17, 42, 0.01, 1);
	now.given_up = 1;
	efh_worth_add(&of_late, &now);
	ok(efh_worth_size(&of_late, L, MTU, size) == EFH_MAX_PACKET, "one packet is chance");
	now = toll(17, 42, 0.2, 1);
	for (i = 0; i < 10; i++)
		efh_worth_add(&of_late, &now);
	size = efh_worth_size(&of_late, L, MTU, size);
	ok(size == 2 * L, "a fifth lost: two fragments");
	now = toll(350, 2, 0.2, 1);
	for (i = 0; i < 10; i++) {
		efh_worth_add(&of_late, &now);
		size = efh_worth_size(&of_late, L, MTU, size);
	}
	ok(size == 2 * L, "and so it stays");
	ok(efh_worth_size(&of_late, 1024, 9000, EFH_MAX_PACKET) == 9 * 1024,
	   "no less than what is sent in fragments");
	now = (struct efh_toll) { .whole = 350, .received = 700 };
	for (i = 0; size != EFH_MAX_PACKET && i < 100; i++) {
		efh_worth_add(&of_late, &now);
		old = size;
		size = efh_worth_size(&of_late, L, MTU, size);
		changes += size != old;
		if (size < old)
			ok(0, "it only grows when nothing is lost any more");
	}
	ok(i < 50, "all is well again within 25 seconds of twice a second");
	printf("# %d whiles, %d changes\n", i, changes);
	ok(changes > 2 && changes < 18, "by steps of a quarter or more");
	for (i = 0; i < 1000; i++)
		efh_worth_add(&of_late, &(struct efh_toll) { 0 });
	ok(of_late.given_up < EFH_WORTH_SCALE && of_late.whole < EFH_WORTH_SCALE, "and forgotten in the end");
}

int main(void)
{
	known();
	ends();
	over_time();
	printf("1..%u\n", count);
	return failed ? 1 : 0;
}
