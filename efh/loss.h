/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_LOSS_H
#define _EFH_LOSS_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include "worth.h"

struct efh_control_hdr;
struct efh_flow;
struct efh_net;

/*
 * What a flow's destination says of loss. The lock protects all of it but
 * answered; advised, heard and rate are also read without.
 */
struct efh_loss {
	spinlock_t lock;		/* as said above */
	bool closed;			/* its flow ends */
	u32 advised;			/* octets to be fragmented; 0: any number */
	u32 rate;			/* fragments lost of a million, of late */
	unsigned long heard;		/* jiffies: the last REPORT */
	u64 newest;			/* Identification in it; 0: none came */
	u64 resent;			/* fragments sent again until then */
	struct efh_toll toll;		/* of late, times EFH_WORTH_SCALE; */
	u64 again;			/* and what was sent again, likewise */
	unsigned long answered;		/* jiffies: when an inner source was told */
};

void efh_loss_init(struct efh_loss *loss);
void efh_loss_close(struct efh_net *en, struct efh_loss *loss);
bool efh_loss_report(struct efh_net *en, struct efh_flow *flow,
		     const struct efh_control_hdr *hdr);
u32 efh_loss_advised(struct efh_net *en, struct efh_flow *flow);

#endif /* _EFH_LOSS_H */
