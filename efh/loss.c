// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the destination says of loss (REPORT, wire.rst section 7), and the largest
 * packet that is worth sending at it.
 */
#include "control.h"
#include "event.h"
#include "loss.h"
#include "net.h"

/* No REPORT for so long: nothing is known. */
#define EFH_LOSS_AGE		(15 * HZ)

/**
 * efh_loss_init() - a flow that has sent nothing
 * @loss: its loss
 */
void efh_loss_init(struct efh_loss *loss)
{
	spin_lock_init(&loss->lock);
	loss->answered = jiffies - HZ;
}

/* Context: loss->lock. */
static void efh_loss_set(struct efh_net *en, struct efh_loss *loss, u32 advised)
{
	if (!loss->advised != !advised)
		atomic_add(advised ? 1 : -1, &en->flows.advised);
	WRITE_ONCE(loss->advised, advised);
}

/**
 * efh_loss_close() - a flow ends
 * @en: the namespace
 * @loss: its loss; nothing is advised in it after this
 */
void efh_loss_close(struct efh_net *en, struct efh_loss *loss)
{
	spin_lock_bh(&loss->lock);
	efh_loss_set(en, loss, 0);
	loss->closed = true;
	spin_unlock_bh(&loss->lock);
}

static bool efh_loss_old(const struct efh_loss *loss)
{
	return time_after_eq(jiffies, READ_ONCE(loss->heard) + EFH_LOSS_AGE);
}

/* Context: loss->lock. */
static void efh_loss_clear(struct efh_loss *loss)
{
	memset(&loss->toll, 0, sizeof(loss->toll));
	loss->again = 0;
	WRITE_ONCE(loss->rate, 0);
}

/* What a REPORT says; false if it can't be. */
static bool efh_loss_read(const struct efh_control_hdr *hdr,
			  struct efh_toll *toll)
{
	u64 missing = be64_to_cpu(hdr->missing), packets, fragments;

	*toll = (struct efh_toll) {
		.whole = ntohl(hdr->count_a),
		.given_up = ntohl(hdr->count_b),
		.received = upper_32_bits(missing),
		.lost = lower_32_bits(missing),
	};
	packets = toll->whole + toll->given_up;
	fragments = toll->received + toll->lost;
	return packets && fragments >= packets &&
	       fragments <= packets * EFH_MAX_FRAGMENTS;
}

static void efh_loss_add(struct efh_flow *flow, const struct efh_toll *now)
{
	u64 resent = atomic64_read(&flow->store.resent), fragments;
	struct efh_loss *loss = &flow->loss;
	struct efh_toll *toll = &loss->toll;

	efh_worth_add(toll, now);
	if (loss->newest)
		loss->again = efh_worth_late(loss->again,
					     resent - loss->resent);
	loss->resent = resent;
	fragments = toll->received + toll->lost + loss->again;
	WRITE_ONCE(loss->rate, div64_u64((toll->lost + loss->again) * 1000000,
					 fragments));
}

/**
 * efh_loss_report() - a REPORT came
 * @en: the namespace
 * @flow: the flow that it is about; NULL if there is none
 * @hdr: the message
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it proves nothing, or was heard before.
 */
bool efh_loss_report(struct efh_net *en, struct efh_flow *flow,
		     const struct efh_control_hdr *hdr)
{
	u64 id = be64_to_cpu(hdr->nonce);
	u32 old = 0, new = 0;
	struct efh_loss *loss;
	struct efh_toll toll;
	bool heed;

	if (!flow || !efh_flow_in_flight(flow, id) ||
	    !efh_loss_read(hdr, &toll))
		return false;
	loss = &flow->loss;
	spin_lock(&loss->lock);
	heed = !loss->closed && (!loss->newest || (s64)(id - loss->newest) > 0);
	if (heed) {
		if (efh_loss_old(loss))
			efh_loss_clear(loss);
		efh_loss_add(flow, &toll);
		loss->newest = id;
		WRITE_ONCE(loss->heard, jiffies);
		old = loss->advised ?: EFH_MAX_PACKET;
		new = efh_worth_size(&loss->toll, READ_ONCE(flow->size),
				     READ_ONCE(flow->mtu), old);
		efh_loss_set(en, loss, new == EFH_MAX_PACKET ? 0 : new);
	}
	spin_unlock(&loss->lock);
	if (new != old)
		efh_loss_event(en, flow, old, new);
	return heed;
}

/* Nobody says anything of loss any more. */
static void efh_loss_forget(struct efh_net *en, struct efh_flow *flow)
{
	struct efh_loss *loss = &flow->loss;
	u32 old;

	spin_lock_bh(&loss->lock);
	/* A REPORT may just have come. */
	old = efh_loss_old(loss) ? loss->advised : 0;
	if (old) {
		efh_loss_set(en, loss, 0);
		efh_loss_clear(loss);
	}
	spin_unlock_bh(&loss->lock);
	if (old)
		efh_loss_event(en, flow, old, EFH_MAX_PACKET);
}

/**
 * efh_loss_advised() - the largest packet that is worth sending in a flow
 * @en: the namespace
 * @flow: the flow
 *
 * Context: RCU read side.
 * Return: as many octets to be fragmented; 0: any number.
 */
u32 efh_loss_advised(struct efh_net *en, struct efh_flow *flow)
{
	u32 advised = READ_ONCE(flow->loss.advised);

	if (likely(!advised) || !efh_loss_old(&flow->loss))
		return advised;
	efh_loss_forget(en, flow);
	return 0;
}
