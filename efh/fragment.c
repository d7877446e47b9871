// SPDX-License-Identifier: GPL-2.0-only
/*
 * One packet in, its EFH fragments out (wire.rst section 3).
 *
 * The headers of all fragments are a copy of one template, the run's. Pages of
 * the payload are referred to. Linear memory, which has no page of its own, is
 * copied: that costs less than the clones that could refer to it, and what is
 * made of pages alone can be joined again by GRO.
 */
#include <net/dst.h>
#include <net/ip.h>
#include <net/sock.h>
#include "carrier.h"
#include "compat.h"
#include "fragment.h"
#include "trace.h"

/* Lists in lists come from tunnels that carry what was reassembled here. */
#define EFH_DEPTH_MAX 8

/* Where reading the packet is: a place in one of its buffers. */
struct efh_reader {
	struct sk_buff *skb;	/* NULL: at its end, or where it is too deep */
	int depth;
	int frag;		/* a page fragment; -1: the linear part */
	unsigned int at;	/* in that part, octets */
	struct sk_buff *list[EFH_DEPTH_MAX];	/* what follows it, by depth */
};

/* Move on to the next buffer, depth first. */
static void efh_reader_next(struct efh_reader *r, struct sk_buff *inner)
{
	if (inner) {
		if (r->depth == EFH_DEPTH_MAX - 1) {
			r->skb = NULL;
			return;
		}
		r->list[++r->depth] = inner;
	}
	while (r->depth && !r->list[r->depth])
		r->depth--;
	r->skb = r->list[r->depth];
	if (r->skb)
		r->list[r->depth] = r->skb->next;
	r->frag = -1;
	r->at = 0;
}

/* Octets left in the part that is read; moves on from parts that are done. */
static unsigned int efh_reader_left(struct efh_reader *r)
{
	const struct skb_shared_info *shinfo;
	unsigned int size;

	while (r->skb) {
		shinfo = skb_shinfo(r->skb);
		size = r->frag < 0 ? skb_headlen(r->skb) :
		       skb_frag_size(&shinfo->frags[r->frag]);
		if (r->at < size)
			return size - r->at;
		if (++r->frag < shinfo->nr_frags)
			r->at = 0;
		else
			efh_reader_next(r, shinfo->frag_list);
	}
	return 0;
}

static void efh_reader_skip(struct efh_reader *r, unsigned int n)
{
	unsigned int now;

	for (; n; n -= now) {
		now = min(n, efh_reader_left(r));
		if (!now)
			return;
		r->at += now;
	}
}

/* Has what is read a page of its own? */
static bool efh_reader_paged(const struct efh_reader *r)
{
	return r->frag >= 0 || r->skb->head_frag;
}

/* Octets, of the next @n, before the first that have a page. */
static unsigned int efh_reader_linear(struct efh_reader *reader, unsigned int n)
{
	unsigned int linear = 0, now = efh_reader_left(reader);
	struct efh_reader r;

	if (!now || efh_reader_paged(reader))
		return 0;
	for (r = *reader; now && !efh_reader_paged(&r); now = efh_reader_left(&r)) {
		r.at += now;
		linear += now;
		if (linear >= n)
			return n;
	}
	return linear;
}

/*
 * Make sure that pages of @from may hang on @to: their owner waits for them,
 * or can't; and whoever takes them from the owner looks at @to.
 */
static bool efh_gather_zcopy(struct sk_buff *to, struct sk_buff *from)
{
	if (!(skb_shinfo(from)->flags & SKBFL_DONT_ORPHAN) ||
	    (skb_zcopy(to) && skb_zcopy(to) != skb_zcopy(from)))
		return false;
	skb_zcopy_set(to, skb_zcopy(from), NULL);
	return true;
}

/* Refer to @n octets that have a page. */
static bool efh_gather_page(struct sk_buff *to, const struct efh_reader *r,
			    unsigned int n)
{
	struct skb_shared_info *shinfo = skb_shinfo(to);
	struct sk_buff *from = r->skb;
	skb_frag_t *frag = &shinfo->frags[shinfo->nr_frags];

	if (shinfo->nr_frags == MAX_SKB_FRAGS ||
	    (skb_zcopy(from) && !efh_gather_zcopy(to, from)))
		return false;
	if (r->frag < 0) {
		struct page *page = virt_to_head_page(from->head);

		get_page(page);
		skb_fill_page_desc(to, shinfo->nr_frags, page, from->data +
				   r->at - (u8 *)page_address(page), n);
	} else {
		*frag = skb_shinfo(from)->frags[r->frag];
		skb_frag_off_add(frag, r->at);
		skb_frag_size_set(frag, n);
		__skb_frag_ref(frag);
		shinfo->nr_frags++;
	}
	shinfo->flags |= skb_shinfo(from)->flags & SKBFL_SHARED_FRAG;
	to->len += n;
	to->data_len += n;
	to->truesize += n;
	return true;
}

/* Append @n octets without copying pages; the reader moves on. */
static bool efh_gather(struct sk_buff *to, struct efh_reader *r, unsigned int n)
{
	unsigned int now;

	for (; n; n -= now) {
		now = min(n, efh_reader_left(r));
		if (!now)
			return false;
		if (!efh_reader_paged(r)) {
			if (skb_is_nonlinear(to))
				return false;
			skb_put_data(to, r->skb->data + r->at, now);
		} else if (!efh_gather_page(to, r, now)) {
			return false;
		}
		r->at += now;
	}
	return true;
}

/*
 * An empty buffer; where that is possible, out of what the CPU keeps at hand for
 * drivers that poll: what is freed in a poll is given back there.
 */
static struct sk_buff *efh_fragment_buffer(unsigned int size, bool reserves)
{
	unsigned int room = SKB_DATA_ALIGN(size) +
			    SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb;
	void *data;

	if (room > PAGE_SIZE || reserves || !in_softirq())
		return __alloc_skb(size, GFP_ATOMIC | __GFP_NOWARN,
				   reserves ? SKB_ALLOC_RX : 0, NUMA_NO_NODE);
	data = napi_alloc_frag(room);
	if (!data)
		return NULL;
	skb = napi_build_skb(data, room);
	if (!skb)
		skb_free_frag(data);
	return skb;
}

/* A buffer with the template's headers and room for @room octets more. */
static struct sk_buff *efh_fragment_headers(struct sk_buff *skb,
					    const struct efh_split *split,
					    unsigned int room)
{
	unsigned int headers = split->tunnel + split->at + EFH_HDR_LEN;
	unsigned int headroom, tailroom = 0;
	struct sk_buff *to;

	/* With the IP header where it is aligned. */
	headroom = NET_SKB_PAD + (-(split->tunnel + split->network) & 3);
	if (skb->dev) {
		headroom += LL_RESERVED_SPACE(skb->dev);
		tailroom = skb->dev->needed_tailroom;
	}
	to = efh_fragment_buffer(headroom + headers + room + tailroom,
				 skb_pfmemalloc(skb));
	if (!to)
		return NULL;
	skb_copy_header(to, skb);
	skb_gso_reset(to);
	to->ip_summed = CHECKSUM_NONE;
	skb_reserve(to, headroom);
	skb_put_data(to, skb->data - split->tunnel, headers);
	__skb_pull(to, split->tunnel);
	skb_reset_mac_header(to);
	skb_set_network_header(to, split->network);
	skb_set_transport_header(to, split->at);
	return to;
}

/* A fragment of what stands at @at, octets from data; the reader moves on. */
static struct sk_buff *efh_fragment_build(struct sk_buff *skb,
					  const struct efh_split *split,
					  const struct efh_fragment *f,
					  struct efh_reader *r, unsigned int at)
{
	bool gather = split->features & NETIF_F_SG;
	struct efh_reader start = *r;
	struct sk_buff *to;

	to = efh_fragment_headers(skb, split, !gather ? f->payload :
				  efh_reader_linear(r, f->payload));
	if (to && gather && !efh_gather(to, r, f->payload)) {
		kfree_skb(to);
		gather = false;
		*r = start;
		to = efh_fragment_headers(skb, split, f->payload);
	}
	if (!to)
		return NULL;
	if (!gather) {
		/* Any depth; and never beyond the packet's end. */
		skb_copy_bits(skb, at, skb_put(to, f->payload), f->payload);
		efh_reader_skip(r, f->payload);
	}

	/* UDP's own headers are UDP's. */
	if (!efh_carrier_udp(split->carrier))
		efh_carrier_length(to->data + split->network, split->carrier,
				   to->len - split->network);
	efh_wire_update((struct efh_hdr *)(to->data + split->at), f);
	trace_efh_fragment(split->net, to, split->carrier, f);
	return to;
}

/* Each fragment answers for its memory to the socket that did for the packet. */
static void efh_fragment_own(struct sk_buff *skb, struct sk_buff *list)
{
	struct sock *sk = skb->sk;
	struct sk_buff *to;
	int delta = -skb->truesize;

	if (!efh_compat_is_wmem(skb))
		return;
	for (to = list; to; to = to->next) {
		to->sk = sk;
		to->destructor = skb->destructor;
		delta += to->truesize;
	}
	skb->sk = NULL;
	skb->destructor = NULL;
	if (delta >= 0)
		refcount_add(delta, &sk->sk_wmem_alloc);
	else
		WARN_ON_ONCE(refcount_sub_and_test(-delta, &sk->sk_wmem_alloc));
}

/**
 * efh_fragment() - split a run into its fragments
 * @skb: the run; stays, but what a socket was charged for it moves
 * @split: how; all headers are linear; what it wants is there
 *
 * Data of the fragments starts where that of @skb does. Its times of departure
 * and arrival are those of the last.
 *
 * Context: BH disabled or process.
 * Return: a list, whose first's prev is its last; or -ENOMEM.
 */
struct sk_buff *efh_fragment(struct sk_buff *skb, const struct efh_split *split)
{
	const struct efh_hdr *h = (struct efh_hdr *)(skb->data + split->at);
	unsigned int left = skb->len - split->at - EFH_HDR_LEN;
	struct efh_fragment f = {
		.id = h->id,
		.nexthdr = h->nexthdr_cache,
		.index = h->index_ps >> EFH_INDEX_SHIFT,
		.flags = h->index_ps & (EFH_PARCEL | EFH_SUBPARCELS),
	};
	bool more = h->frag_off & htons(EFH_MORE);
	struct sk_buff *list = NULL, **link = &list, *to = NULL;
	struct efh_reader reader = {
		.skb = skb,
		.frag = -1,
		.at = split->at + EFH_HDR_LEN,
	};

	for (; left; f.index++) {
		f.offset = f.index * split->size;
		f.payload = min(left, split->size);
		f.more = left > f.payload || more;
		left -= f.payload;
		if (split->only && !(split->only & BIT_ULL(f.index))) {
			efh_reader_skip(&reader, f.payload);
			continue;
		}
		to = efh_fragment_build(skb, split, &f, &reader,
					skb->len - left - f.payload);
		if (!to) {
			kfree_skb_list(list);
			return ERR_PTR(-ENOMEM);
		}
		*link = to;
		link = &to->next;
	}
	skb_shinfo(to)->tx_flags |= skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;
	skb_shinfo(to)->tskey = skb_shinfo(skb)->tskey;
	*skb_hwtstamps(to) = *skb_hwtstamps(skb);
	efh_fragment_own(skb, list);
	list->prev = to;
	return list;
}
