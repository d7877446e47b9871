/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* /dev/replay: what its user sees. */
#ifndef REPLAY_H
#define REPLAY_H

#include <linux/types.h>

#define REPLAY_SLOT	4096	/* octets; a large frame takes several */
#define REPLAY_DATA	64	/* where the frame begins in its slot */
#define REPLAY_SLOTS(len)	((REPLAY_DATA + (len) + REPLAY_SLOT - 1) / REPLAY_SLOT)

/**
 * struct replay_frame - what a slot begins with, the frame behind it
 * @len: octets of the frame
 * @linear: how many of them the driver copies; the others stay in pages. 0: it
 *	builds the buffer around all of them
 * @checked: the transport checksum was verified by the hardware
 */
struct replay_frame {
	__u32 len;
	__u16 linear;
	__u16 checked;
};

#endif
