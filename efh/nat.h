/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_NAT_H
#define _EFH_NAT_H

#include <linux/types.h>

struct efh_control_hdr;
struct efh_peer;

void efh_nat_hello(struct efh_peer *peer, __be64 nonce);
void efh_nat_known(struct efh_peer *peer);
bool efh_nat_greeted(struct efh_peer *peer, const struct efh_control_hdr *hdr,
		     __be16 port);
bool efh_nat_proved(struct efh_peer *peer, __be16 port, __be64 nonce);

#endif /* _EFH_NAT_H */
