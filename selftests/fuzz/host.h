/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host that receives by the code under test, buffers of every layout for it,
 * and the model of it that is told the same.
 */
#ifndef HOST_H
#define HOST_H

#include "model.h"

#define HOST_MAX	(65535 + 40)	/* the longest packet */
#define HOST_OPTION	0xDE		/* option types that targets use */
#define HOST_OPTION2	0x1e

/* The fuzzer's octets; 0 when they have run out */
struct script {
	const u8 *data;
	size_t left;
};

u8 take8(struct script *s);
u16 take16(struct script *s);

/* Octets that differ at every place, and for every @seed */
void host_noise(u8 *to, unsigned int n, unsigned int seed);

/* How a packet lies in memory, and what hangs on it */
enum host_layout {
	HOST_WHERE	= 0x0007,	/* linear; pages; all in pages; lists ... */
	HOST_HEAD_PAGE	= 0x0008,
	HOST_SUM	= 0x0030,	/* ip_summed << 4 */
	HOST_TAPPED	= 0x0040,	/* a clone of it is somebody else's */
	HOST_MAC	= 0x0080,	/* mac header set */
	HOST_DST	= 0x0100,
	HOST_CT		= 0x0200,
	HOST_SOCK	= 0x0400,
	HOST_LINK	= 0x0800,	/* which of the two interfaces */
	HOST_RECYCLE	= 0x1000,
	HOST_ROOM	= 0x2000,	/* more headroom */
	HOST_PIECES	= 0xc000,	/* of pages or lists: 1 to 4 */
};

/* @headers: octets that lie in front, if not all is in pages */
struct sk_buff *host_skb(const u8 *octets, unsigned int length, unsigned int headers, u16 layout);
/* Somebody else, a packet socket, keeps a clone. */
void host_tap(struct sk_buff *skb);
/* Who has a buffer: we, or the code under test */
void host_own(struct sk_buff *skb, bool ours);
u8 *host_flat(const struct sk_buff *skb);

extern struct model model;
extern bool host_joins;			/* GRO is on */
extern bool host_blind;			/* the model can't know any more */
extern struct efh_net *host_en;

extern unsigned int host_depth;		/* of what comes in between */
/* What came through, where the model can't tell whether it should have */
extern void (*host_seen)(const u8 *octets, unsigned int length);

void host_measure(void);		/* once, first of all */
void host_open(void);
void host_close(void);
/* A packet arrives: the real thing and the model get it, and must agree. */
void host_arrive(const u8 *octets, unsigned int length, struct sk_buff *skb);
/*
 * The @k-th fragment of a run whose EFH header is at @at, written from wire.rst:
 * the headers of the first, but for Next Header, Index, Offset, M and lengths.
 */
unsigned int host_piece(const u8 *run, unsigned int length, unsigned int at, unsigned int size,
			unsigned int k, u8 *to);
/* The end of a poll */
void host_poll(void);
void host_sleep(unsigned int ticks);
void host_settings(void);		/* the model's, which the script has changed */
/* What must hold at any time between packets */
void host_check(void);

/* What the last packet that came through was; NULL: none did */
extern u8 *host_whole;
extern unsigned int host_whole_length;

extern struct dst_entry host_dst;
extern struct shim_ref host_ct, host_ext;
extern struct sock host_sock;
extern struct ubuf_info host_uarg;

#endif /* HOST_H */
