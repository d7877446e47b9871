/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_ALIVE_H
#define _EFH_ALIVE_H

#include <linux/types.h>
#include <linux/efh.h>

struct efh_control;
struct efh_link;
struct efh_peer;

/**
 * struct efh_hint - why a peer is looked at
 * @cause: the kind
 * @type: ICMP type, of the outer IP version
 * @code: ICMP code
 */
struct efh_hint {
	enum efh_peer_cause cause;
	u8 type;
	u8 code;
};

void efh_alive_init(struct efh_peer *peer);
void efh_alive_exit(struct efh_peer *peer);
void efh_alive_sent(struct efh_peer *peer, bool group);
void efh_alive_wanted(struct efh_link *link, struct efh_peer *peer);
bool efh_alive_gone(const struct efh_peer *peer);
bool efh_alive_hint(struct efh_peer *peer, const struct efh_hint *hint);
void efh_alive_unanswered(struct efh_peer *peer);
void efh_alive_icmp(struct efh_peer *peer, u8 type, u8 code);
bool efh_alive_proved(struct efh_peer *peer, __be64 nonce, u32 epoch);
bool efh_alive_lives(struct efh_peer *peer, u32 epoch);
void efh_alive_hold(struct efh_peer *peer, const struct efh_control *ack,
		    u32 epoch);
void efh_alive_shown(struct efh_peer *peer, u32 epoch);
void efh_alive_start(struct efh_peer *peer);
void efh_alive_stop(struct efh_peer *peer);
bool efh_alive_usable(const struct efh_peer *peer);
enum efh_peer_state efh_alive_state(const struct efh_peer *peer);

#endif /* _EFH_ALIVE_H */
