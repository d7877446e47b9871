/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_HOST_H
#define _EFH_HOST_H

#include <linux/workqueue.h>

struct efh_net;
struct sk_buff;

/* Native mode's hooks in one namespace. */
struct efh_host {
	struct work_struct reorder;
	unsigned long reordered;	/* jiffies; READ_ONCE/WRITE_ONCE */
	unsigned int last;	/* set of output hooks that is in: the work's */
	bool closing;			/* READ_ONCE/WRITE_ONCE */
};

int efh_host_init(struct efh_net *en);
void efh_host_close(struct efh_net *en);
void efh_host_exit(struct efh_net *en);
bool efh_host_unconfirmed(struct efh_net *en, const struct sk_buff *skb);

#endif /* _EFH_HOST_H */
