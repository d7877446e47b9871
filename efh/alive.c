// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a peer alive? RFC 816: what higher layers notice, errors, and answers that
 * don't come are hints, and a hint is a reason to ask, not a verdict. Who doesn't
 * answer three times is left for the next peer, which costs little if it was
 * wrong, and is asked now and then until it answers and goes on answering.
 *
 * Nobody is asked who is not sent to, but for those that were left.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include "alive.h"
#include "carrier.h"
#include "compat.h"
#include "control.h"
#include "event.h"
#include "link.h"
#include "nat.h"
#include "net.h"
#include "peer.h"

/* Who is sent to and not heard for so long is asked; who is heard, too, but less. */
#define EFH_ALIVE_SILENCE	HZ
#define EFH_ALIVE_REFRESH	(10 * HZ)
/* Asked so often in a row, and no answer; who never answered may not know how. */
#define EFH_ALIVE_ASKS		3
#define EFH_ALIVE_MUTE		(60 * HZ)
/* Between these: twice as long as answers take, but not less, nor more than; ns */
#define EFH_ALIVE_WAIT_MIN	(100ull * NSEC_PER_MSEC)
#define EFH_ALIVE_WAIT_MAX	(2ull * NSEC_PER_SEC)
/* For the answer of one that never gave any, or for all of them where another is used */
#define EFH_ALIVE_STRANGE	(1ull * NSEC_PER_SEC)
/* Who was left is asked so often, more and more seldom, until it answers: ns */
#define EFH_ALIVE_WATCH_MIN	(1ull * NSEC_PER_SEC)
#define EFH_ALIVE_WATCH_MAX	(32ull * NSEC_PER_SEC)
/* As many answers in a row show that it came to stay. */
#define EFH_ALIVE_STABLE	3
/* PROBEs that an answer may still come for: bits of alive->open */
#define EFH_ALIVE_OUTSTANDING	8

/* What a Nonce stands for: no padding. */
struct efh_alive_asked {
	struct efh_peer_key peer;
	u32 lower;
	u32 number;
};

static __be64 efh_alive_nonce(const struct efh_peer *peer, u32 number)
{
	const struct efh_net *en = efh_net(peer->link->net);
	const struct efh_alive_asked asked = {
		.peer = peer->key,
		.lower = peer->link->lower,
		.number = number,
	};

	return cpu_to_be64(siphash(&asked, sizeof(asked), &en->control.alive));
}

static void efh_alive_arm(struct efh_peer *peer, u64 wait)
{
	struct efh_alive *alive = &peer->alive;

	if (!alive->dead && netif_running(peer->link->dev))
		hrtimer_start(&alive->timer, ns_to_ktime(ktime_get_ns() + wait),
			      HRTIMER_MODE_ABS_SOFT);
}

static void efh_alive_set(struct efh_peer *peer, enum efh_peer_state state)
{
	struct efh_alive *alive = &peer->alive;
	enum efh_peer_state was = alive->state;
	struct efh_peer *each;

	if (was == state)
		return;
	WRITE_ONCE(alive->state, state);
	if (state == EFH_PEER_STATE_DOWN)
		alive->left = alive->hint;
	/* What went to one that is down, for want of another, may come here. */
	if (was == EFH_PEER_STATE_DOWN)
		list_for_each_entry_rcu(each, &peer->link->peers, list)
			WRITE_ONCE(each->alive.alone, 0);
	efh_peer_event(peer, was, state, &alive->hint);
}

/* Can its traffic go elsewhere? Context: RCU read side. */
static bool efh_alive_others(const struct efh_peer *peer)
{
	const struct efh_peer *other;

	/* Others may have other prefixes. */
	if (efh_lately(READ_ONCE(peer->alive.alone), 2 * EFH_ALIVE_SILENCE))
		return false;
	list_for_each_entry_rcu(other, &peer->link->peers, list)
		if (other != peer && efh_alive_usable(other))
			return true;
	return false;
}

/* How long an answer is waited for, ns. Context: alive->lock, RCU read side. */
static u64 efh_alive_wait(const struct efh_peer *peer)
{
	const struct efh_alive *alive = &peer->alive;

	/* A stranger may be far away; where nobody takes over there is time. */
	if (!alive->epoch_known)
		return efh_alive_others(peer) ?
		       EFH_ALIVE_STRANGE / EFH_ALIVE_ASKS : EFH_ALIVE_STRANGE;
	return clamp(2 * alive->answer, EFH_ALIVE_WAIT_MIN, EFH_ALIVE_WAIT_MAX);
}

/*
 * Is it heard, though it never answered? Then it is there, and knows nothing of this.
 * What it returned of what led to the question counts. Context: as above.
 */
static bool efh_alive_stock(const struct efh_peer *peer)
{
	return !READ_ONCE(peer->alive.epoch_known) &&
	       efh_lately(READ_ONCE(peer->heard), EFH_ALIVE_SILENCE +
			  nsecs_to_jiffies(efh_alive_wait(peer)));
}

/*
 * May silence be held against a peer? A link's only one may know nothing of this if
 * it never answered; of several one is to be heard. Context: RCU read side.
 */
static bool efh_alive_speaks(const struct efh_peer *peer)
{
	const struct efh_peer *other;

	if (READ_ONCE(peer->alive.epoch_known))
		return true;
	list_for_each_entry_rcu(other, &peer->link->peers, list)
		if (other != peer)
			return true;
	return false;
}

/* An answer: whoever was doubted is there. Context: alive->lock. */
static void efh_alive_answered(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;

	WRITE_ONCE(alive->asking, false);
	WRITE_ONCE(alive->mute, false);
	alive->hint = (struct efh_hint) { .cause = EFH_PEER_CAUSE_ANSWER };
	if (alive->state == EFH_PEER_STATE_DOWN && efh_alive_others(peer) &&
	    ++alive->proofs < EFH_ALIVE_STABLE) {
		alive->watch = EFH_ALIVE_WATCH_MIN;
		efh_alive_arm(peer, EFH_ALIVE_WATCH_MIN);
		return;
	}
	efh_alive_set(peer, EFH_PEER_STATE_UP);
}

/* The number of a PROBE that is to be sent. Context: alive->lock. */
static u32 efh_alive_next(struct efh_alive *alive)
{
	alive->asked_at = ktime_get_ns();
	alive->asks++;
	alive->open = alive->open << 1 | 1;
	/* 0 is for who isn't asked. */
	if (!++alive->asked)
		alive->asked++;
	return alive->asked;
}

/*
 * Time to look after one that is down, and ask it. If it may be a stock tunnel, what
 * comes is as good as an answer; but anybody may make that up, so only where nobody
 * is used instead. Context: alive->lock.
 */
static void efh_alive_watch(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;

	if (efh_alive_stock(peer) && !efh_alive_others(peer)) {
		efh_alive_answered(peer);
	} else if (alive->open & 1) {
		alive->proofs = 0;
		alive->watch = min(2 * alive->watch, EFH_ALIVE_WATCH_MAX);
	}
	if (alive->state == EFH_PEER_STATE_DOWN)
		efh_alive_arm(peer, alive->watch);
}

/*
 * Time is up for an answer, or for another question. Context: alive->lock.
 *
 * Return: is it to be asked again now?
 */
static bool efh_alive_due(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;
	enum efh_peer_state state = alive->state;

	if (!netif_running(peer->link->dev))
		return false;
	if (!efh_alive_speaks(peer)) {
		WRITE_ONCE(alive->mute, true);
		WRITE_ONCE(alive->asking, false);
		if (state != EFH_PEER_STATE_UP)
			efh_alive_set(peer, EFH_PEER_STATE_UNKNOWN);
		return false;
	}
	if (state == EFH_PEER_STATE_DOWN) {
		efh_alive_watch(peer);
		return true;
	}
	if (efh_alive_stock(peer)) {
		efh_alive_answered(peer);
		return false;
	}
	if (alive->asks < EFH_ALIVE_ASKS) {
		efh_alive_set(peer, EFH_PEER_STATE_SUSPECT);
		efh_alive_arm(peer, efh_alive_wait(peer));
		return true;
	}
	WRITE_ONCE(alive->asking, false);
	efh_alive_set(peer, EFH_PEER_STATE_DOWN);
	if (alive->hint.cause == EFH_PEER_CAUSE_RESET)
		efh_reset_event(peer, &alive->hint);
	alive->proofs = 0;
	alive->watch = EFH_ALIVE_WATCH_MIN;
	efh_alive_arm(peer, alive->watch);
	return false;
}

static enum hrtimer_restart efh_alive_timer(struct hrtimer *timer)
{
	struct efh_alive *alive = container_of(timer, struct efh_alive, timer);
	struct efh_peer *peer = container_of(alive, struct efh_peer, alive);
	u32 number = 0;

	rcu_read_lock();
	spin_lock(&alive->lock);
	if ((alive->asking || alive->state == EFH_PEER_STATE_DOWN) &&
	    efh_alive_due(peer))
		number = efh_alive_next(alive);
	spin_unlock(&alive->lock);
	if (number)
		efh_nat_hello(peer, efh_alive_nonce(peer, number));
	rcu_read_unlock();
	return HRTIMER_NORESTART;
}

/**
 * efh_alive_hint() - something speaks against a peer: ask it
 * @peer: the peer
 * @hint: what
 *
 * Context: RCU read side, BH disabled or process.
 * Return: was it? Not if it is being asked, or was a moment ago, or is down.
 */
bool efh_alive_hint(struct efh_peer *peer, const struct efh_hint *hint)
{
	struct efh_alive *alive = &peer->alive;
	u32 number = 0;

	if (READ_ONCE(alive->asking) || !netif_running(peer->link->dev))
		return false;
	/*
	 * Who makes them up must not have one asked all the time, nor one that
	 * can't answer.
	 */
	if (hint->cause >= EFH_PEER_CAUSE_ICMP &&
	    hint->cause != EFH_PEER_CAUSE_USER &&
	    (!READ_ONCE(alive->epoch_known) ||
	     efh_lately(READ_ONCE(alive->when), EFH_ALIVE_SILENCE / 4)))
		return false;
	spin_lock_bh(&alive->lock);
	if (!alive->asking && alive->state != EFH_PEER_STATE_DOWN) {
		WRITE_ONCE(alive->asking, true);
		alive->hint = *hint;
		alive->asks = 0;
		number = efh_alive_next(alive);
		WRITE_ONCE(alive->when, efh_now());
		efh_alive_arm(peer, efh_alive_wait(peer));
	}
	spin_unlock_bh(&alive->lock);
	if (!number)
		return false;
	local_bh_disable();
	efh_nat_hello(peer, efh_alive_nonce(peer, number));
	local_bh_enable();
	return true;
}

/* Ask, and hold nothing against who doesn't answer. Context: RCU read side, BH disabled. */
static void efh_alive_greet(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;
	unsigned long every = peer->key.udp ? EFH_ALIVE_REFRESH :
					      EFH_ALIVE_MUTE;
	u32 number = 0;

	if (READ_ONCE(alive->asking) ||
	    efh_lately(READ_ONCE(alive->greeted), every) ||
	    !netif_running(peer->link->dev))
		return;
	spin_lock_bh(&alive->lock);
	if (!alive->asking && alive->state != EFH_PEER_STATE_DOWN &&
	    !efh_lately(alive->greeted, every)) {
		number = efh_alive_next(alive);
		WRITE_ONCE(alive->greeted, efh_now());
	}
	spin_unlock_bh(&alive->lock);
	if (number)
		efh_nat_hello(peer, efh_alive_nonce(peer, number));
}

/**
 * efh_alive_unanswered() - PROBEs of a flow to a peer are not answered any more
 * @peer: the peer; it may be heard all the same
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_unanswered(struct efh_peer *peer)
{
	static const struct efh_hint probe = { .cause = EFH_PEER_CAUSE_PROBE };

	efh_alive_hint(peer, &probe);
}

/**
 * efh_alive_icmp() - an ICMP error says that a packet did not get to a peer
 * @peer: the peer
 * @type: ICMP type, of the outer IP version
 * @code: ICMP code
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_icmp(struct efh_peer *peer, u8 type, u8 code)
{
	const struct efh_hint hint = {
		.cause = EFH_PEER_CAUSE_ICMP,
		.type = type,
		.code = code,
	};

	efh_alive_hint(peer, &hint);
}

/**
 * efh_alive_sent() - something is sent to a peer
 * @peer: the peer
 * @group: to a group, of which nobody need answer
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_sent(struct efh_peer *peer, bool group)
{
	static const struct efh_hint silence = {
		.cause = EFH_PEER_CAUSE_SILENCE,
	};
	unsigned long when = READ_ONCE(peer->alive.when);
	unsigned long every = EFH_ALIVE_SILENCE;

	if (group && !READ_ONCE(peer->alive.epoch_known) &&
	    efh_alive_speaks(peer)) {
		efh_alive_greet(peer);
		return;
	}
	if (efh_lately(READ_ONCE(peer->heard), EFH_ALIVE_SILENCE))
		every = EFH_ALIVE_REFRESH;
	/* Behind a NAT it may only be unable to come in. */
	else if (READ_ONCE(peer->alive.mute) && !peer->key.udp &&
		 !efh_alive_speaks(peer))
		every = EFH_ALIVE_MUTE;
	if (!efh_lately(when, every))
		efh_alive_hint(peer, &silence);
}

/* Context: as below. */
static void efh_alive_soon(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;

	if (READ_ONCE(alive->watch) <= EFH_ALIVE_WATCH_MIN)
		return;
	spin_lock_bh(&alive->lock);
	if (alive->state == EFH_PEER_STATE_DOWN) {
		WRITE_ONCE(alive->watch, EFH_ALIVE_WATCH_MIN);
		efh_alive_arm(peer, EFH_ALIVE_WATCH_MIN);
	}
	spin_unlock_bh(&alive->lock);
}

/**
 * efh_alive_wanted() - something is to be sent, and all who could have it are down
 * @link: their link
 * @peer: the one it goes to all the same, or NULL
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_wanted(struct efh_link *link, struct efh_peer *peer)
{
	struct efh_peer *each;

	if (peer)
		WRITE_ONCE(peer->alive.alone, efh_now());
	list_for_each_entry_rcu(each, &link->peers, list)
		efh_alive_soon(each);
}

/**
 * efh_alive_gone() - is nobody there, so that senders are to hear of it?
 * @peer: one that is down
 *
 * Who never answered but was heard may be a stock tunnel that has nothing to say.
 */
bool efh_alive_gone(const struct efh_peer *peer)
{
	return READ_ONCE(peer->alive.epoch_known) ||
	       READ_ONCE(peer->heard) == READ_ONCE(peer->alive.before);
}

/**
 * efh_alive_lives() - somebody with a peer's address asks, and says which life
 *	he lives
 * @peer: the peer
 * @epoch: which
 *
 * Context: RCU read side, BH disabled.
 * Return: is he asked for that?
 */
bool efh_alive_lives(struct efh_peer *peer, u32 epoch)
{
	static const struct efh_hint other = { .cause = EFH_PEER_CAUSE_EPOCH };
	struct efh_alive *alive = &peer->alive;
	bool asked;

	if (READ_ONCE(alive->state) != EFH_PEER_STATE_DOWN)
		return READ_ONCE(alive->epoch_known) &&
		       READ_ONCE(alive->epoch) != epoch &&
		       efh_alive_hint(peer, &other);
	/* It seems to be back. */
	if (efh_lately(READ_ONCE(alive->when), EFH_ALIVE_SILENCE / 4))
		return false;
	spin_lock_bh(&alive->lock);
	asked = alive->state == EFH_PEER_STATE_DOWN;
	if (asked) {
		WRITE_ONCE(alive->when, efh_now());
		efh_alive_arm(peer, 0);
	}
	spin_unlock_bh(&alive->lock);
	return asked;
}

/**
 * efh_alive_hold() - acknowledge a PROBE when its sender has answered one himself
 * @peer: whose address it has
 * @ack: the acknowledgment
 * @epoch: what he says of his life
 *
 * Who made it up gets one message sent for it, not two.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_hold(struct efh_peer *peer, const struct efh_control *ack,
		    u32 epoch)
{
	spin_lock_bh(&peer->alive.lock);
	peer->alive.held = *ack;
	peer->alive.held_epoch = epoch;
	spin_unlock_bh(&peer->alive.lock);
}

/* Context: alive->lock. Return: what was held for this life; kind 0: nothing */
static struct efh_control efh_alive_release(struct efh_alive *alive, u32 epoch)
{
	struct efh_control held = alive->held;

	alive->held.kind = 0;
	if (alive->held_epoch != epoch)
		held.kind = 0;
	return held;
}

/**
 * efh_alive_shown() - a message came that only the peer can have sent
 * @peer: the peer
 * @epoch: what it says of his life
 *
 * As good as an answer, where one is waited for.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_alive_shown(struct efh_peer *peer, u32 epoch)
{
	struct efh_alive *alive = &peer->alive;

	if (!READ_ONCE(alive->asking))
		return;
	spin_lock_bh(&alive->lock);
	if (alive->asking && alive->epoch_known && alive->epoch == epoch)
		efh_alive_answered(peer);
	spin_unlock_bh(&alive->lock);
}

/* A life that was proved. Context: alive->lock. */
static void efh_alive_epoch(struct efh_peer *peer, u32 epoch)
{
	struct efh_alive *alive = &peer->alive;
	const struct efh_hint other = { .cause = EFH_PEER_CAUSE_EPOCH };

	if (alive->epoch_known && alive->epoch != epoch && !alive->dead) {
		efh_peer_reborn(peer);
		efh_reset_event(peer, &other);
	}
	WRITE_ONCE(alive->epoch, epoch);
	WRITE_ONCE(alive->epoch_known, true);
}

/**
 * efh_alive_proved() - a PROBE-ACK came
 * @peer: whose address it has
 * @nonce: what it proves by that it is his
 * @epoch: what he says of his life
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it proves nothing: nobody asked that, or it was answered.
 */
bool efh_alive_proved(struct efh_peer *peer, __be64 nonce, u32 epoch)
{
	struct efh_alive *alive = &peer->alive;
	struct efh_control held = {};
	bool good = false;
	unsigned int k;

	spin_lock_bh(&alive->lock);
	for (k = 0; k < EFH_ALIVE_OUTSTANDING && !good; k++)
		good = alive->open & BIT(k) &&
		       nonce == efh_alive_nonce(peer, alive->asked - k);
	if (good) {
		alive->open &= ~BIT(--k);
		/* It is the newest that is known when it was asked. */
		if (!k)
			alive->answer = efh_control_took(alive->answer,
							 ktime_get_ns() -
							 alive->asked_at);
		efh_alive_answered(peer);
		efh_alive_epoch(peer, epoch);
		held = efh_alive_release(alive, epoch);
	}
	spin_unlock_bh(&alive->lock);
	if (held.kind)
		efh_control_tell(peer, READ_ONCE(peer->port), &held);
	return good;
}

/**
 * efh_alive_start() - a link goes up: nothing is held against its peers
 * @peer: one of them
 *
 * Context: process, RTNL.
 */
void efh_alive_start(struct efh_peer *peer)
{
	struct efh_alive *alive = &peer->alive;

	spin_lock_bh(&alive->lock);
	WRITE_ONCE(alive->state, EFH_PEER_STATE_UNKNOWN);
	WRITE_ONCE(alive->asking, false);
	WRITE_ONCE(alive->mute, false);
	WRITE_ONCE(alive->when, 0);
	WRITE_ONCE(alive->greeted, 0);
	WRITE_ONCE(alive->alone, 0);
	WRITE_ONCE(alive->before, READ_ONCE(peer->heard));
	WRITE_ONCE(alive->epoch_known, false);
	alive->open = 0;
	alive->held.kind = 0;
	spin_unlock_bh(&alive->lock);
}

/**
 * efh_alive_stop() - a link goes down: who listens is told
 * @peer: one of its peers
 *
 * Context: process, RTNL; the link is not running any more.
 */
void efh_alive_stop(struct efh_peer *peer)
{
	static const struct efh_control reset = { .kind = EFH_CONTROL_RESET };

	hrtimer_cancel(&peer->alive.timer);
	if (!READ_ONCE(peer->heard))
		return;
	rcu_read_lock();
	local_bh_disable();
	efh_control_tell(peer, READ_ONCE(peer->port), &reset);
	local_bh_enable();
	rcu_read_unlock();
}

/**
 * efh_alive_usable() - may packets be sent to a peer?
 * @peer: the peer
 */
bool efh_alive_usable(const struct efh_peer *peer)
{
	return READ_ONCE(peer->alive.state) != EFH_PEER_STATE_DOWN;
}

/**
 * efh_alive_state() - what is known of a peer
 * @peer: the peer
 */
enum efh_peer_state efh_alive_state(const struct efh_peer *peer)
{
	enum efh_peer_state state = READ_ONCE(peer->alive.state);

	if (state == EFH_PEER_STATE_UNKNOWN && READ_ONCE(peer->heard))
		return EFH_PEER_STATE_UP;
	return state;
}

/**
 * efh_alive_init() - a peer of whom nothing is known
 * @peer: the peer
 */
void efh_alive_init(struct efh_peer *peer)
{
	spin_lock_init(&peer->alive.lock);
	/* Who was a peer before must not be asked the same again. */
	peer->alive.asked = get_random_u32();
	efh_compat_hrtimer(&peer->alive.timer, efh_alive_timer);
}

/**
 * efh_alive_exit() - a peer goes; nobody asks it after this
 * @peer: the peer
 *
 * Context: process.
 */
void efh_alive_exit(struct efh_peer *peer)
{
	spin_lock_bh(&peer->alive.lock);
	peer->alive.dead = true;
	spin_unlock_bh(&peer->alive.lock);
	hrtimer_cancel(&peer->alive.timer);
}
