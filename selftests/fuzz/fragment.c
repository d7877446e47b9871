// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: what is sent. A packet in whatever buffers it may come - linear
 * parts, pages, lists in lists, clones, pages that somebody waits for - is
 * split by efh/, each fragment compared octet for octet with what wire.rst
 * section 3 makes of it, and all of them received again, in any order.
 *
 * The input: how (16 bits), L (16), the length (16), which allocation fails
 * (8), the order (8), extension headers before (8), then the buffers.
 */
#include "fragment.h"
#include "gso.h"
#include "net.h"
#include "run.h"
#include "host.h"

enum {
	IPV4		= 0x0001,
	LATE		= 0x0002,	/* split for the device, not before */
	UNSPLIT		= 0x0004,	/* the receiver gets the run */
	GATHERS		= 0x0008,	/* the device does: NETIF_F_SG */
	JOINS		= 0x0010,	/* the receiver has GRO */
	TUNNEL		= 0x0020,	/* another header before the run's mac header */
	TAPPED		= 0x0040,
	SOCK		= 0x0080,
	PARTIAL		= 0x0100,	/* the checksum is left to the device */
	DST		= 0x0200,
	CT		= 0x0400,
	WAITS		= 0x0800,	/* for pages: MSG_ZEROCOPY */
	WAITS_ON	= 0x1000,	/* and they are not copied for who keeps them */
	ATOMIC		= 0x2000,
	ROOM		= 0x4000,
	TWICE		= 0x8000,	/* a fragment comes twice */
};

#define DEPTH	10	/* lists in lists: more than efh/ goes into */

static u8 packet[HOST_MAX];

/* Buffers as the script has them, for the @left octets at @from. */
static void fill(struct script *s, struct sk_buff *skb, const u8 **from, unsigned int *left,
		 unsigned int depth)
{
	struct sk_buff **link = &skb_shinfo(skb)->frag_list, *child;
	u8 what = take8(s), pages = what % 18, children = what >> 5;
	struct page *page = NULL;
	unsigned int n, at = 0;

	for (; pages && *left; pages--) {
		if (skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS)
			break;
		n = min(1u + take16(s) % 8192, *left);
		/* in a page of its own, or behind the last one */
		if (page && at + n <= page->size) {
			get_page(page);
		} else {
			page = shim_page(n + (n % 3 ? 0 : 4000));
			page->owned = skb_zcopy(skb);
			at = 0;
		}
		memcpy(page->data + at, *from, n);
		skb_fill_page_desc(skb, skb_shinfo(skb)->nr_frags, page, at, n);
		at += n;
		skb->len += n;
		skb->data_len += n;
		skb->truesize += n;
		*from += n;
		*left -= n;
	}
	for (; children && *left && depth < DEPTH; children--) {
		what = take8(s);
		n = what & 1 ? min((unsigned int)take16(s), *left) : 0;
		child = alloc_skb(n + 64, GFP_KERNEL);
		skb_reserve(child, 64);
		skb_put_data(child, *from, n);
		*from += n;
		*left -= n;
		if (what & 2)
			shim_head_frag(child);
		fill(s, child, from, left, depth + 1);
		if (what & 4)
			host_tap(child);
		*link = child;
		link = &child->next;
		skb->len += child->len;
		skb->data_len += child->len;
		skb->truesize += child->truesize;
	}
}

static struct sk_buff *build(struct script *s, unsigned int how, unsigned int headers,
			     unsigned int length)
{
	u8 what = take8(s);
	unsigned int linear = headers + (what & 1 ? take16(s) : what & 2 ? length : 0);
	struct sk_buff *skb, *rest;
	const u8 *from = packet;
	unsigned int left = length;

	linear = min(linear, length);
	skb = alloc_skb((how & ROOM ? 256 : 16) + linear + 8, GFP_KERNEL);
	skb_reserve(skb, how & ROOM ? 256 : 16);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, headers);
	skb_put_data(skb, from, linear);
	from += linear;
	left -= linear;
	if (what & 4)
		shim_head_frag(skb);
	if (how & WAITS && left) {
		host_uarg.flags = SKBFL_ZEROCOPY_ENABLE | SKBFL_SHARED_FRAG |
				  (how & WAITS_ON ? SKBFL_DONT_ORPHAN : 0);
		skb_zcopy_set(skb, &host_uarg, NULL);
	}
	fill(s, skb, &from, &left, 0);
	if (left) {
		struct sk_buff **link = &skb_shinfo(skb)->frag_list;

		while (*link)
			link = &(*link)->next;
		rest = alloc_skb(left, GFP_KERNEL);
		skb_put_data(rest, from, left);
		*link = rest;
		skb->len += rest->len;
		skb->data_len += rest->len;
		skb->truesize += rest->truesize;
	}
	skb->protocol = htons(how & IPV4 ? ETH_P_IP : ETH_P_IPV6);
	skb->dev = &shim_dev[0];
	shim_dev[0].features = how & GATHERS ? NETIF_F_SG : 0;
	shim_dev[0].needed_tailroom = how & ROOM ? 16 : 0;
	if (how & PARTIAL && length >= headers + 8) {
		skb->ip_summed = CHECKSUM_PARTIAL;
		skb->csum_start = skb_headroom(skb) + headers;
		skb->csum_offset = 6;
		skb->csum_not_inet = how & CT && how & DST;
	}
	if (how & DST)
		skb_dst_set(skb, dst_clone(&host_dst));
	if (how & CT) {
		host_ct.refs++;
		skb->nfct = &host_ct;
		host_ext.refs++;
		skb->ext = &host_ext;
	}
	if (how & SOCK)
		skb_set_owner_w(skb, &host_sock);
	if (how & TAPPED)
		host_tap(skb);
	return skb;
}

/* Headers before the place of EFH. Return: where that is. */
static unsigned int put_headers(unsigned int how, u8 before, unsigned int *nhoff)
{
	unsigned int at = 40;

	memset(packet, 0, 256);
	if (how & IPV4) {
		*packet = 0x45 + (before & 3);
		packet[6] = 0x40;
		packet[8] = 64;
		packet[9] = IPPROTO_UDP;
		memcpy(packet + 12, "\xc0\0\2\1", 4);
		memcpy(packet + 16, &shim_local4, 4);
		*nhoff = 9;
		memset(packet + 20, 1, 12);
		return (*packet & 15) * 4;
	}
	*packet = 0x6c;
	packet[3] = 7;
	packet[6] = IPPROTO_UDP;
	packet[7] = 64;
	memcpy(packet + 8, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(packet + 24, &shim_local6, 16);
	*nhoff = 6;
	if (before & 1) {
		packet[*nhoff] = NEXTHDR_HOP;
		memcpy(packet + at, "\x11\0\1\4\0\0\0\0", 8);
		*nhoff = at;
		at += 8;
	}
	if (before & 2) {
		packet[*nhoff] = NEXTHDR_DEST;
		memcpy(packet + at, "\x11\1\x1e\2\0\0\1\6\0\0\0\0\0\0\0\0", 16);
		*nhoff = at;
		at += 16;
	}
	if (before & 4) {
		packet[*nhoff] = NEXTHDR_ROUTING;
		memcpy(packet + at, "\x11\2\x04\0", 4);
		*nhoff = at;
		at += 24;
	}
	return at;
}

static void put_length(u8 *octets, unsigned int length)
{
	bool ip6 = *octets >> 4 == 6;

	/* 0 says that it is more than the field can tell */
	if (length > 65535u + (ip6 ? 40 : 0))
		length = ip6 ? 40 : 0;
	if (ip6) {
		octets[4] = (length - 40) >> 8;
		octets[5] = length - 40;
	} else {
		octets[2] = length >> 8;
		octets[3] = length;
		ip_send_check((struct iphdr *)octets);
	}
}

/* The whole packet with an EFH header, as if it were one fragment */
static u8 *with_efh(const struct efh_plan *plan, const u8 *whole, unsigned int length)
{
	unsigned int at = plan->place.at, i;
	u8 *octets = malloc(length + 16), *h = octets + at;

	memcpy(octets, whole, at);
	memcpy(octets + at + 16, whole + at, length - at);
	h[0] = whole[plan->place.nhoff];
	h[1] = 1;
	h[2] = plan->option;
	h[3] = 12;
	h[4] = h[0];
	h[5] = 0;
	h[6] = 0;
	h[7] = 0;
	for (i = 0; i < 8; i++)
		h[8 + i] = plan->id >> (56 - 8 * i);
	octets[plan->place.nhoff] = IPPROTO_DSTOPTS;
	put_length(octets, length + 16);
	return octets;
}

/* One fragment: its octets, and that its buffer is one that a device takes */
static void check_fragment(struct sk_buff *seg, unsigned int front, const u8 *expected,
			   unsigned int length, unsigned int headers, unsigned int how)
{
	struct skb_shared_info *shared = skb_shinfo(seg);
	u8 *octets = host_flat(seg);
	int i;

	SHIM_BUG_ON(seg->len != front + length || memcmp(octets + front, expected, length));
	free(octets);
	SHIM_BUG_ON(shared->frag_list || shared->gso_size || skb_headlen(seg) < front + headers);
	SHIM_BUG_ON(!(how & GATHERS) && skb_is_nonlinear(seg));
	SHIM_BUG_ON(skb_network_header(seg) != seg->data + front);
	SHIM_BUG_ON(seg->ip_summed == CHECKSUM_PARTIAL || seg->truesize < seg->len);
	SHIM_BUG_ON(skb_headroom(seg) < LL_RESERVED_SPACE(&shim_dev[0]));
	SHIM_BUG_ON(!(how & DST) != !seg->_skb_refdst || !(how & CT) != !seg->nfct ||
		    !(how & CT) != !seg->ext || !(how & SOCK) != !seg->sk);
	/* who waits for a page is told when it is free */
	for (i = 0; i < shared->nr_frags; i++)
		SHIM_BUG_ON(shared->frags[i].page->owned && skb_zcopy(seg) != &host_uarg);
}

/* From one host to the other, as a veth does it */
static void arrive(struct sk_buff *seg, unsigned int front)
{
	u8 *octets;

	if (front) {
		skb_pull(seg, front);
		skb_reset_network_header(seg);
	}
	SHIM_BUG_ON(skb_orphan_frags_rx(seg, GFP_KERNEL));
	skb_orphan(seg);
	skb_dst_drop(seg);
	nf_reset_ct(seg);
	skb_ext_reset(seg);
	seg->dev = &shim_dev[1];
	octets = host_flat(seg);
	host_arrive(octets, seg->len, seg);
	free(octets);
}

/* Split for a device. Return: the list; *front octets stand before the IP header. */
static struct sk_buff *split_late(struct sk_buff *skb, const struct efh_plan *plan,
				  unsigned int how, unsigned int *front)
{
	const struct net_offload *ops = (how & IPV4 ? inet_offloads : inet6_offloads)[60];
	unsigned int tunnel = how & TUNNEL ? 24 : 0;
	struct sk_buff *segs, *seg;
	u8 *before;

	*front = 14;
	if (skb_headroom(skb) < 14 + tunnel)
		tunnel = 0;
	host_noise(skb_push(skb, 14 + tunnel), 14 + tunnel, 5);
	skb_pull(skb, tunnel);
	skb->shim_tunnel = tunnel;
	skb_reset_mac_header(skb);
	before = skb->data - tunnel;
	skb_pull(skb, 14 + plan->place.at);
	skb_reset_transport_header(skb);
	segs = ops->callbacks.gso_segment(skb, shim_dev[0].features);
	for (seg = IS_ERR(segs) ? NULL : segs; seg; seg = seg->next) {
		/* outer headers, and those of the link, in front of each */
		SHIM_BUG_ON(skb_headroom(seg) < tunnel || skb_mac_header(seg) != seg->data);
		SHIM_BUG_ON(memcmp(seg->data - tunnel, before, 14 + tunnel));
	}
	return segs;
}

/* Receive what was split, in some order; the result must be what was sent. */
static void receive(struct sk_buff **seg, unsigned int count, unsigned int front, u8 order,
		    unsigned int how)
{
	unsigned int i, k, state;

	for (i = 0; i < count; i++)
		host_own(seg[i], true);
	for (i = 0; order == 1 && i < count / 2; i++)
		swap(seg[i], seg[count - 1 - i]);
	for (i = 0, state = order; order > 1 && i < count; i++) {
		state = state * 1103515245 + 12345;
		k = state / 65536 % count;
		swap(seg[i], seg[k]);
	}
	for (i = 0; i < count; i++) {
		struct sk_buff *twin = NULL;

		if (how & TWICE && i == order % count && i != count - 1 && !skb_zcopy(seg[i]))
			twin = skb_clone(seg[i], GFP_KERNEL);
		if (twin)
			host_own(twin, true);
		arrive(seg[i], front);
		if (twin)
			arrive(twin, front);
	}
	host_poll();
}

/* What was sent is what was received, but for a checksum left to be filled in. */
static void check_whole(u8 *whole, unsigned int length, unsigned int headers, bool partial)
{
	__wsum sum;

	SHIM_BUG_ON(!host_whole || host_whole_length != length);
	if (partial) {
		sum = csum_partial(host_whole + headers, length - headers, 0);
		SHIM_BUG_ON(csum_fold(sum));
		memcpy(whole + headers + 6, host_whole + headers + 6, 2);
	}
	SHIM_BUG_ON(memcmp(whole, host_whole, length));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	host_measure();
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct script s = { data, size };
	unsigned int how = take16(&s), length, i, front = 0, err, n;
	struct efh_plan plan = {
		.place.carrier = how & IPV4 ? EFH_CARRIER_IPV4 : EFH_CARRIER_IPV6,
		.option = 0xDE,
		.size = 1024 + take16(&s) % 60000 / 8 * 8,
	};
	struct sk_buff *skb, *segs, *seg[64];
	static u8 piece[HOST_MAX];
	u8 fail, order, *sent, *flat;
	bool partial;

	length = take16(&s);
	fail = take8(&s);
	order = take8(&s);
	plan.place.at = put_headers(how, take8(&s), &plan.place.nhoff);
	plan.id = 0x1122334455667788ull + length;
	/* what wire.rst section 3 permits to be sent */
	length = min(length, 65535u - (how & IPV4 ? plan.place.at : plan.place.at - 40));
	length = min(length, (how & ATOMIC ? 1 : 64) * plan.size);
	if (!length)
		return 0;
	plan.count = DIV_ROUND_UP(length, plan.size);
	host_noise(packet + plan.place.at, length, length);
	/* where a checksum is still to be filled in; no pseudo header here */
	if (how & PARTIAL)
		memset(packet + plan.place.at + 6, 0, 2);
	length += plan.place.at;
	put_length(packet, length);

	host_open();
	host_joins = how & JOINS;
	skb = build(&s, how, plan.place.at, length);
	shim_check_skb(skb);
	partial = skb->ip_summed == CHECKSUM_PARTIAL && !skb->csum_not_inet;

	rcu_read_lock();
	shim_fail_after = fail;
	err = efh_gso_begin(skb, &plan);
	SHIM_BUG_ON(err && !shim_failed);
	flat = host_flat(skb);
	if (partial) {
		/* filled in by now, or still as it was */
		i = err ? 0 : 16;
		memcpy(packet + plan.place.at + 6, flat + plan.place.at + i + 6, 2);
	}
	sent = with_efh(&plan, packet, length);
	SHIM_BUG_ON(skb->len != (err ? length : length + 16) ||
		    memcmp(flat, err ? packet : sent, skb->len));
	free(flat);
	segs = NULL;
	if (!err) {
		SHIM_BUG_ON(skb_network_header(skb) != skb->data ||
			    skb_headlen(skb) < plan.place.at + 16 ||
			    skb->ip_summed == CHECKSUM_PARTIAL);
		SHIM_BUG_ON(efh_is_run(skb) != (plan.count > 1));
		SHIM_BUG_ON(plan.count > 1 && (efh_run_size(skb) != plan.size ||
					       skb_shinfo(skb)->gso_segs != plan.count));
	}
	if (!err && plan.count > 1 && !(how & UNSPLIT)) {
		/* lengths beyond what a header, or GSO, can tell are split before */
		if (how & LATE && length + 16 <= efh_run_max(plan.place.carrier) &&
		    plan.size + 16 <= U16_MAX) {
			segs = split_late(skb, &plan, how, &front);
		} else {
			struct efh_split split = {
				.net = &shim_net, .carrier = plan.place.carrier,
				.at = plan.place.at, .size = plan.size,
				.features = shim_dev[0].features,
			};

			segs = efh_fragment(skb, &split);
		}
		err = IS_ERR(segs);
		SHIM_BUG_ON(err && !shim_failed);
		if (!err)
			SHIM_BUG_ON(how & SOCK && skb->sk);
		kfree_skb(skb);
		skb = NULL;
	}
	rcu_read_unlock();
	shim_fail_after = 0;

	if (!err && segs) {
		unsigned int truesize = 0;

		SHIM_BUG_ON(!segs->prev || segs->prev->next);
		for (i = 0; segs; i++) {
			SHIM_BUG_ON(i == plan.count);
			n = host_piece(sent, length + 16, plan.place.at, plan.size, i, piece);
			seg[i] = segs;
			segs = segs->next;
			seg[i]->next = NULL;
			seg[i]->prev = NULL;
			check_fragment(seg[i], front, piece, n, plan.place.at + 16, how);
			truesize += seg[i]->truesize;
		}
		SHIM_BUG_ON(i != plan.count);
		SHIM_BUG_ON(host_sock.sk_wmem_alloc.n != (how & SOCK ? truesize : 0));
		receive(seg, plan.count, front, order, how);
		check_whole(packet, length, plan.place.at, partial);
	} else if (!err && length + 16 <= efh_run_max(plan.place.carrier) &&
		   plan.size + 16 <= U16_MAX) {
		/* atomic, or a run that nobody has split */
		receive(&skb, 1, 0, 0, how & ~TWICE);
		check_whole(packet, length, plan.place.at, partial);
	} else {
		kfree_skb(skb);
	}
	free(sent);
	host_close();
	return 0;
}
