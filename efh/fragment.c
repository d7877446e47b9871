// SPDX-License-Identifier: GPL-2.0-only
/*
 * One packet in, its EFH fragments out (wire.rst section 3).
 *
 * A fragment has headers of its own and refers to the packet's payload: pages
 * by reference; linear memory, which has no page of its own, by a clone that
 * shows a part of it, where the device gathers frag lists. What can't be
 * referred to is copied.
 */
#include <net/dst.h>
#include <net/ip.h>
#include <net/sock.h>
#include "compat.h"
#include "fragment.h"
#include "trace.h"

/*
 * Up to here a copy into the header's buffer is cheaper than a reference; the
 * buffer stays within 512 octets.
 */
#define EFH_COPY_MAX 96

/* Lists in lists come from tunnels that carry what was reassembled here. */
#define EFH_DEPTH_MAX 8

/* Where reading the packet is: a place in one of its buffers. */
struct efh_reader {
	struct sk_buff *skb;
	struct sk_buff *list[EFH_DEPTH_MAX];	/* what follows it, by depth */
	int depth;
	int frag;		/* a page fragment; -1: the linear part */
	unsigned int at;	/* in that part, octets */
	unsigned int before;	/* in the buffer before that part, octets */
};

/* Where a fragment grows. */
struct efh_writer {
	struct sk_buff *to;
	struct sk_buff *tail;	/* the last of its frag list */
	bool open;		/* the tail is ours to hang pages on */
	bool listable;		/* the device gathers frag lists */
};

/* Move on to the next buffer, depth first. */
static bool efh_reader_next(struct efh_reader *r, struct sk_buff *inner)
{
	if (inner) {
		if (r->depth == EFH_DEPTH_MAX - 1)
			return false;
		r->list[++r->depth] = inner;
	}
	while (r->depth && !r->list[r->depth])
		r->depth--;
	r->skb = r->list[r->depth];
	if (!r->skb)
		return false;
	r->list[r->depth] = r->skb->next;
	r->frag = -1;
	r->at = 0;
	r->before = 0;
	return true;
}

/* Octets left in the part that is read; moves on from parts that are done. */
static unsigned int efh_reader_left(struct efh_reader *r)
{
	const struct skb_shared_info *shinfo;
	unsigned int size;

	for (;;) {
		shinfo = skb_shinfo(r->skb);
		size = r->frag < 0 ? skb_headlen(r->skb) :
		       skb_frag_size(&shinfo->frags[r->frag]);
		if (r->at < size)
			return size - r->at;
		if (++r->frag < shinfo->nr_frags) {
			r->before += size;
			r->at = 0;
		} else if (!efh_reader_next(r, shinfo->frag_list)) {
			return 0;
		}
	}
}

/* Hang an empty buffer, or a clone, at the end of the frag list. */
static bool efh_writer_list(struct efh_writer *w, struct sk_buff *skb, bool open)
{
	if (!skb)
		return false;
	if (w->tail)
		w->tail->next = skb;
	else
		skb_shinfo(w->to)->frag_list = skb;
	w->tail = skb;
	w->open = open;
	w->to->len += skb->len;
	w->to->data_len += skb->len;
	w->to->truesize += skb->truesize;
	return true;
}

static void efh_writer_grow(struct sk_buff *skb, unsigned int n)
{
	skb->len += n;
	skb->data_len += n;
	skb->truesize += n;
}

/* The buffer that takes the next @n octets of pages of @from, or NULL. */
static struct sk_buff *efh_writer_pages(struct efh_writer *w,
					struct sk_buff *from, unsigned int n)
{
	struct sk_buff *to = w->tail ?: w->to;

	if ((w->tail && !w->open) ||
	    skb_shinfo(to)->nr_frags == MAX_SKB_FRAGS) {
		if (!w->listable ||
		    !efh_writer_list(w, alloc_skb(0, GFP_ATOMIC), true))
			return NULL;
		to = w->tail;
	}
	if (skb_zcopy(from)) {
		/*
		 * Its owner waits for the pages, or can't; and whoever takes
		 * them from the owner looks at the fragment, not at its list.
		 */
		if (!(skb_shinfo(from)->flags & SKBFL_DONT_ORPHAN) || w->tail ||
		    (skb_zcopy(to) && skb_zcopy(to) != skb_zcopy(from)))
			return NULL;
		skb_zcopy_set(to, skb_zcopy(from), NULL);
	}
	skb_shinfo(to)->flags |= skb_shinfo(from)->flags & SKBFL_SHARED_FRAG;
	efh_writer_grow(to, n);
	if (to != w->to)
		efh_writer_grow(w->to, n);
	return to;
}

/* Refer to @n octets of a page fragment. */
static bool efh_writer_page(struct efh_writer *w, struct sk_buff *from,
			    const skb_frag_t *page, unsigned int at,
			    unsigned int n)
{
	struct sk_buff *to = efh_writer_pages(w, from, n);
	skb_frag_t *frag;

	if (!to)
		return false;
	frag = &skb_shinfo(to)->frags[skb_shinfo(to)->nr_frags++];
	*frag = *page;
	skb_frag_off_add(frag, at);
	skb_frag_size_set(frag, n);
	__skb_frag_ref(frag);
	return true;
}

/* Refer to @n octets of linear memory. */
static bool efh_writer_linear(struct efh_writer *w, struct sk_buff *from,
			      unsigned int at, unsigned int n)
{
	struct sk_buff *to;

	if (n <= skb_tailroom(w->to) && !skb_is_nonlinear(w->to)) {
		skb_put_data(w->to, from->data + at, n);
		return true;
	}
	if (from->head_frag) {
		struct page *page = virt_to_head_page(from->head);
		unsigned int off = from->data + at - (u8 *)page_address(page);

		to = efh_writer_pages(w, from, n);
		if (!to)
			return false;
		get_page(page);
		skb_fill_page_desc(to, skb_shinfo(to)->nr_frags, page, off, n);
		return true;
	}
	/* A clone shows the other's page fragments and list, too. */
	if (!w->listable || skb_is_nonlinear(from) || skb_zcopy(from))
		return false;
	to = skb_clone(from, GFP_ATOMIC);
	if (!to)
		return false;
	/* Only payload: it may stay with a receiver longer than all this. */
	skb_dst_drop(to);
	nf_reset_ct(to);
	skb_ext_reset(to);
	__skb_pull(to, at);
	__skb_trim(to, n);
	/* Its share: the buffer is counted once, not with every clone of it. */
	to->truesize = SKB_DATA_ALIGN(sizeof(*to)) + n;
	return efh_writer_list(w, to, false);
}

/* Refer to @n octets; the reader moves on. */
static bool efh_gather(struct efh_writer *w, struct efh_reader *r,
		       unsigned int n)
{
	unsigned int now;
	bool done;

	for (; n; n -= now) {
		now = min(n, efh_reader_left(r));
		if (!now)
			return false;
		if (r->frag < 0)
			done = efh_writer_linear(w, r->skb, r->at, now);
		else
			done = efh_writer_page(w, r->skb,
					       &skb_shinfo(r->skb)->frags[r->frag],
					       r->at, now);
		if (!done)
			return false;
		r->at += now;
	}
	return true;
}

/* Copy @n octets; the reader moves on. */
static bool efh_copy(struct sk_buff *to, struct efh_reader *r, unsigned int n)
{
	unsigned int now;

	for (; n; n -= now) {
		now = min(n, efh_reader_left(r));
		if (!now || skb_copy_bits(r->skb, r->before + r->at,
					  skb_put(to, now), now))
			return false;
		r->at += now;
	}
	return true;
}

/* As the stack's own fragmentation does. */
static void efh_copy_metadata(struct sk_buff *to, struct sk_buff *from)
{
	memcpy(to->cb, from->cb, sizeof(to->cb));
	to->pkt_type = from->pkt_type;
	to->priority = from->priority;
	to->protocol = from->protocol;
	skb_dst_set(to, dst_clone(skb_dst(from)));
	to->dev = from->dev;
	to->mark = from->mark;
	to->ignore_df = from->ignore_df;
	skb_copy_hash(to, from);
#ifdef CONFIG_NET_SCHED
	to->tc_index = from->tc_index;
#endif
	nf_copy(to, from);
	skb_ext_copy(to, from);
	skb_copy_secmark(to, from);
	efh_compat_copy_tstamp(to, from);
	if (from->sk)
		skb_set_owner_w(to, from->sk);
}

/* A buffer with the headers of a fragment and room for @room octets more. */
static struct sk_buff *efh_fragment_headers(struct sk_buff *skb,
					    const struct efh_split *split,
					    unsigned int room)
{
	unsigned int headroom = LL_RESERVED_SPACE(skb->dev);
	unsigned int at = split->place.at;
	struct sk_buff *to;

	to = alloc_skb(headroom + at + EFH_HDR_LEN + room +
		       skb->dev->needed_tailroom, GFP_ATOMIC);
	if (!to)
		return NULL;
	skb_reserve(to, headroom);
	skb_reset_network_header(to);
	skb_put_data(to, skb_network_header(skb), at);
	to->data[split->place.nhoff] = IPPROTO_DSTOPTS;
	skb_set_transport_header(to, at);
	skb_put(to, EFH_HDR_LEN);
	return to;
}

static struct sk_buff *efh_fragment_build(struct sk_buff *skb,
					  const struct efh_split *split,
					  const struct efh_fragment *f,
					  struct efh_reader *r)
{
	struct efh_writer w = {
		.listable = skb->dev->features & NETIF_F_FRAGLIST,
	};
	struct efh_reader start = *r;
	u8 *header;

	w.to = efh_fragment_headers(skb, split, EFH_COPY_MAX);
	if (!w.to)
		return NULL;
	if (!efh_gather(&w, r, f->payload)) {
		kfree_skb(w.to);
		*r = start;
		w.to = efh_fragment_headers(skb, split, f->payload);
		if (!w.to)
			return NULL;
		if (!efh_copy(w.to, r, f->payload)) {
			kfree_skb(w.to);
			return NULL;
		}
	}

	header = skb_network_header(w.to);
	if (split->place.carrier == EFH_CARRIER_IPV4)
		((struct iphdr *)header)->frag_off = htons(IP_DF);
	efh_carrier_length(header, split->place.carrier, w.to->len);
	efh_wire_encode((struct efh_hdr *)(header + split->place.at),
			split->option, f);
	efh_copy_metadata(w.to, skb);
	return w.to;
}

/*
 * Fill in the transport checksum, which covers all fragments. Unlike
 * skb_checksum_help() this does not copy pages that their owner may still
 * write to: that costs the receiver a wrong checksum, nobody more.
 */
static int efh_fragment_checksum(struct sk_buff *skb)
{
	int start = skb_checksum_start_offset(skb);
	int field = start + skb->csum_offset;
	__wsum csum;

	if (skb->csum_not_inet)
		return skb_csum_hwoffload_help(skb, 0);
	if (skb_ensure_writable(skb, field + sizeof(__sum16)))
		return -ENOMEM;
	csum = skb_checksum(skb, start, skb->len - start, 0);
	*(__sum16 *)(skb->data + field) = csum_fold(csum) ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
	return 0;
}

/*
 * Give a buffer's page fragments to one of their own, behind it in @list, so
 * that a clone shows the linear part alone. Where that can't be done the
 * linear part is copied later.
 */
static void efh_fragment_part(struct sk_buff *skb, unsigned int at,
			      struct sk_buff **list)
{
	struct skb_shared_info *from = skb_shinfo(skb), *to;
	struct sk_buff *pages;

	/* None of its owner's pages are in it: he need not wait for it. */
	if (!skb_is_nonlinear(skb) && !skb_cloned(skb) && !skb_shared(skb))
		skb_zcopy_clear(skb, true);
	if (!from->nr_frags || skb_headlen(skb) <= at + EFH_COPY_MAX ||
	    skb->head_frag || skb_zcopy(skb) || skb_cloned(skb) ||
	    skb_shared(skb) || from->frag_list)
		return;
	pages = alloc_skb(0, GFP_ATOMIC);
	if (!pages)
		return;
	to = skb_shinfo(pages);
	memcpy(to->frags, from->frags, from->nr_frags * sizeof(*from->frags));
	to->nr_frags = from->nr_frags;
	to->flags = from->flags;
	from->nr_frags = 0;
	pages->pp_recycle = skb->pp_recycle;
	pages->len = skb->data_len;
	pages->data_len = skb->data_len;
	skb->len -= skb->data_len;
	skb->data_len = 0;
	pages->next = *list;
	*list = pages;
}

/*
 * Take a packet apart, so that a clone of a buffer of it shows the buffer's
 * linear part alone: its frag list goes to @list, and page fragments that
 * follow linear payload get buffers of their own.
 */
static int efh_fragment_detach(struct sk_buff *skb, unsigned int at,
			       struct sk_buff **list)
{
	struct sk_buff *frag;

	if (skb_has_frag_list(skb)) {
		/* The list is the clones' too; the linear part is copied. */
		if (skb_unclone(skb, GFP_ATOMIC))
			return -ENOMEM;
		*list = skb_shinfo(skb)->frag_list;
		skb_shinfo(skb)->frag_list = NULL;
		for (frag = *list; frag; frag = frag->next) {
			skb->len -= frag->len;
			skb->data_len -= frag->len;
		}
	}
	if (skb->dev->features & NETIF_F_FRAGLIST) {
		for (frag = *list; frag; frag = frag->next)
			efh_fragment_part(frag, 0, &frag->next);
		efh_fragment_part(skb, at, list);
	}
	return 0;
}

/* A packet's time of departure is that of its last fragment. */
static void efh_fragment_timestamp(struct sk_buff *to, struct sk_buff *skb)
{
	skb_shinfo(to)->tx_flags |= skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;
	skb_shinfo(to)->tskey = skb_shinfo(skb)->tskey;
}

static int efh_fragment_send(struct sk_buff *skb, const struct efh_split *split,
			     unsigned int length, struct sk_buff *list)
{
	struct efh_reader reader = {
		.skb = skb,
		.list = { list },
		.frag = -1,
		.at = split->place.at,
	};
	struct efh_fragment f = {
		.id = cpu_to_be64(split->id),
		.nexthdr = skb_network_header(skb)[split->place.nhoff],
	};
	struct sk_buff *to;
	int err, congestion = 0;

	for (f.index = 0; f.index < split->count; f.index++) {
		f.offset = f.index * split->size;
		f.more = f.index < split->count - 1;
		f.payload = f.more ? split->size : length - f.offset;
		to = efh_fragment_build(skb, split, &f, &reader);
		if (!to)
			return -ENOMEM;
		if (!f.more)
			efh_fragment_timestamp(to, skb);
		trace_efh_fragment(split->net, to, split->place.carrier, &f);
		err = split->output(split->net, split->sk, to);
		/* Something of the flow was lost, not necessarily this. */
		if (err == NET_XMIT_CN)
			congestion = err;
		/* Without one fragment the others are in vain. */
		else if (err)
			return err;
	}
	return congestion;
}

/**
 * efh_fragment() - send a packet in fragments
 * @skb: the packet, routed, data at its network header, not GSO; taken
 * @split: how; @split->count fits the packet's length
 *
 * Context: RCU read side, BH disabled or process.
 * Return: 0 or NET_XMIT_CN when all left; -ENOMEM; or what @split->output
 *	returned when it stopped.
 */
int efh_fragment(struct sk_buff *skb, const struct efh_split *split)
{
	unsigned int length = skb->len - split->place.at;
	struct sk_buff *list = NULL;
	int err = 0;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		err = efh_fragment_checksum(skb);
	if (!err)
		err = efh_fragment_detach(skb, split->place.at, &list);
	if (!err)
		err = efh_fragment_send(skb, split, length, list);
	if (err && err != NET_XMIT_CN)
		kfree_skb(skb);
	else
		consume_skb(skb);
	kfree_skb_list(list);
	return err;
}
