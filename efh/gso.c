// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splitting late: the packet gets its EFH header as one, goes through routing,
 * queueing and the device's hooks as one, and becomes fragments in the hands of
 * the driver's caller.
 */
#include <linux/ip.h>
#include <net/udp.h>
#include "compat.h"
#include "fragment.h"
#include "gso.h"
#include "net.h"
#include "run.h"

/*
 * Fill in the transport checksum, which covers all fragments. Unlike
 * skb_checksum_help() this does not copy pages that their owner may still
 * write to: that costs the receiver a wrong checksum, nobody more.
 */
static int efh_gso_checksum(struct sk_buff *skb)
{
	int start = skb_checksum_start_offset(skb);
	int field = start + skb->csum_offset;
	__wsum csum;

	if (skb_csum_is_sctp(skb))
		return skb_csum_hwoffload_help(skb, 0);
	if (skb_ensure_writable(skb, field + sizeof(__sum16)))
		return -ENOMEM;
	csum = skb_checksum(skb, start, skb->len - start, 0);
	*(__sum16 *)(skb->data + field) = csum_fold(csum) ?: CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_NONE;
	return 0;
}

/* A linear part up to here is copied to the first fragment's buffer as it is. */
#define EFH_LINEAR_MAX	256

/* Where linear memory is copied to. */
struct efh_block {
	u8 *at;
	unsigned int left;	/* octets left of it */
	unsigned int need;	/* octets still to be copied, in all */
};

struct efh_piece {
	struct page *page;
	unsigned int off;
	unsigned int size;
};

/* Pages as large as are of use and had without effort: there is a way without. */
static bool efh_block_alloc(struct efh_block *block)
{
	int order = min(get_order(block->need), PAGE_ALLOC_COSTLY_ORDER);
	gfp_t gfp = (GFP_ATOMIC & ~__GFP_HIGH) | __GFP_COMP | __GFP_NOWARN |
		    __GFP_NORETRY | __GFP_NOMEMALLOC;
	struct page *page = NULL;

	for (; !page && order > 0; order--) {
		page = alloc_pages(gfp, order);
		block->left = PAGE_SIZE << order;
	}
	if (page) {
		block->at = page_address(page);
		return true;
	}
	/* That shares pages, but has none of its own beyond one. */
	block->left = min_t(unsigned int, block->need, PAGE_SIZE);
	block->at = netdev_alloc_frag(block->left);
	return block->at;
}

/* Cut off up to @n octets, with a reference. Return: false without memory. */
static bool efh_block_cut(struct efh_block *block, unsigned int n,
			  struct efh_piece *piece)
{
	bool fresh = !block->left;

	if (fresh && !efh_block_alloc(block)) {
		block->left = 0;
		return false;
	}
	piece->page = virt_to_head_page(block->at);
	piece->off = block->at - (u8 *)page_address(piece->page);
	piece->size = min(n, block->left);
	/* A new block comes with one. */
	if (!fresh)
		get_page(piece->page);
	block->at += piece->size;
	block->left -= piece->size;
	block->need -= piece->size;
	return true;
}

static bool efh_gso_movable(struct sk_buff *skb)
{
	return !skb->head_frag && !skb_cloned(skb) && !skb_shared(skb) &&
	       !skb->pp_recycle && !skb_zcopy(skb);
}

/*
 * Move the last @n octets of a buffer's linear part to pages, if there are any.
 *
 * Return: octets moved, @n or none.
 */
static unsigned int efh_gso_move(struct sk_buff *skb, unsigned int n,
				 struct efh_block *block)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct efh_piece pieces[MAX_SKB_FRAGS];
	unsigned int count, i, left = n;
	u8 *from = skb_tail_pointer(skb) - n;

	for (count = 0; left; count++) {
		if (count + shinfo->nr_frags == MAX_SKB_FRAGS ||
		    !efh_block_cut(block, left, &pieces[count])) {
			while (count--)
				put_page(pieces[count].page);
			return 0;
		}
		memcpy(page_address(pieces[count].page) + pieces[count].off,
		       from, pieces[count].size);
		from += pieces[count].size;
		left -= pieces[count].size;
	}
	memmove(&shinfo->frags[count], &shinfo->frags[0],
		shinfo->nr_frags * sizeof(shinfo->frags[0]));
	for (i = 0; i < count; i++)
		__skb_fill_page_desc(skb, i, pieces[i].page, pieces[i].off,
				     pieces[i].size);
	shinfo->nr_frags += count;
	skb->tail -= n;
	skb->data_len += n;
	return n;
}

/* A packet takes @n octets more than whoever pays for it was told. */
static void efh_gso_charge(struct sk_buff *skb, unsigned int n)
{
	if (skb->sk && efh_compat_is_wmem(skb))
		refcount_add(n, &skb->sk->sk_wmem_alloc);
	else if (skb->destructor)
		return;
	skb->truesize += n;
}

/*
 * Give linear payload pages, which fragments can refer to and GRO can join, for
 * the price of a copy. What can't be moved is copied fragment by fragment later.
 */
static void efh_gso_pages(struct sk_buff *skb, unsigned int at)
{
	unsigned int linear = skb_headlen(skb) - at;
	struct efh_block block = {};
	unsigned int moved = 0;
	struct sk_buff *frag;

	if (linear <= EFH_LINEAR_MAX || !efh_gso_movable(skb))
		linear = 0;
	block.need = linear;
	skb_walk_frags(skb, frag)
		if (efh_gso_movable(frag))
			block.need += skb_headlen(frag);
	if (linear)
		moved = efh_gso_move(skb, linear, &block);
	skb_walk_frags(skb, frag) {
		if (!block.need || !efh_gso_movable(frag))
			continue;
		linear = efh_gso_move(frag, skb_headlen(frag), &block);
		frag->truesize += linear;
		moved += linear;
	}
	if (moved)
		efh_gso_charge(skb, moved);
}

/*
 * Make room for the EFH header and the link's in front of what is linear. Where
 * memory is left behind that it moves back there: the stack leaves room for
 * the link alone, so without that each packet would get a new buffer.
 */
static int efh_gso_room(struct sk_buff *skb)
{
	unsigned int room = EFH_HDR_LEN + LL_RESERVED_SPACE(skb->dev);
	unsigned int n = room - min(room, skb_headroom(skb));

	if (skb_end_pointer(skb) - skb_tail_pointer(skb) < n)
		return skb_cow(skb, room);
	if (n) {
		memmove(skb->data + n, skb->data, skb_headlen(skb));
		skb->data += n;
		skb->tail += n;
	}
	return 0;
}

/**
 * efh_gso_begin() - give a packet its EFH header
 * @skb: the packet, routed, data at its network header, not GSO
 * @plan: how it is to be sent
 *
 * If it is to be more than one fragment, which under UDP it must be, it is a run
 * of all of them after this.
 *
 * Context: any but hard interrupts.
 * Return: 0 or -ENOMEM; the packet reads as before then, but for a checksum that
 *	may have been filled in.
 */
int efh_gso_begin(struct sk_buff *skb, const struct efh_plan *plan)
{
	unsigned int at = plan->place.at;
	struct efh_fragment f = { .id = cpu_to_be64(plan->id) };
	u8 *header;

	if (skb->ip_summed == CHECKSUM_PARTIAL && efh_gso_checksum(skb))
		return -ENOMEM;
	/* TCP keeps a clone, whose shared info must stay as it is. */
	if (skb_cloned(skb) &&
	    skb_cow(skb, EFH_HDR_LEN + LL_RESERVED_SPACE(skb->dev)))
		return -ENOMEM;

	if (plan->count > 1 && skb->dev->features & NETIF_F_SG)
		efh_gso_pages(skb, at);
	if (efh_gso_room(skb))
		return -ENOMEM;
	if (efh_carrier_udp(plan->place.carrier)) {
		f.nexthdr = plan->nexthdr;
		header = __skb_push(skb, EFH_HDR_LEN);
		efh_wire_encode((struct efh_hdr *)header, plan->option, &f);
		skb->ip_summed = CHECKSUM_NONE;
		efh_run_mark_udp(skb, plan->place.carrier, plan->size,
				 plan->count, 0, plan->csum);
		return 0;
	}
	f.nexthdr = skb->data[plan->place.nhoff];
	header = __skb_push(skb, EFH_HDR_LEN);
	memmove(header, header + EFH_HDR_LEN, at);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, at);
	header[plan->place.nhoff] = IPPROTO_DSTOPTS;
	if (plan->place.carrier == EFH_CARRIER_IPV4)
		((struct iphdr *)header)->frag_off = htons(IP_DF);
	efh_carrier_length(header, plan->place.carrier, skb->len);
	efh_wire_encode((struct efh_hdr *)(header + at), plan->option, &f);
	/* It is no tunnel's packet any more, as far as GSO is concerned. */
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	if (plan->count > 1)
		efh_run_mark(skb, plan->place.carrier, plan->size, plan->count);
	return 0;
}

/* Can it be split? It came from anybody who may make GSO packets. */
static int efh_gso_check(const struct sk_buff *skb,
			 const struct efh_split *split)
{
	const struct efh_hdr *h = (struct efh_hdr *)skb->data;

	if (skb_shinfo(skb)->gso_type &
	    (SKB_GSO_GRE_CSUM | SKB_GSO_TUNNEL_REMCSUM) ||
	    (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM &&
	     !efh_carrier_udp(split->carrier)))
		return -EOPNOTSUPP;
	if (split->size < EFH_MIN_FRAGMENT || split->size > EFH_MAX_PACKET ||
	    skb->len <= EFH_HDR_LEN ||
	    (h->index_ps >> EFH_INDEX_SHIFT) +
	    DIV_ROUND_UP(skb->len - EFH_HDR_LEN, split->size) >
	    EFH_MAX_FRAGMENTS)
		return -EINVAL;
	return 0;
}

/* Of a run, data at its EFH header. Under UDP no IP header is right before it. */
static enum efh_carrier efh_gso_carrier(const struct sk_buff *skb)
{
	if (skb_network_header(skb) >= skb->data)
		return EFH_CARRIER_UDP6;
	return ip_hdr(skb)->version == 6 ? EFH_CARRIER_IPV6 : EFH_CARRIER_IPV4;
}

/* What UDP's checksum is made of where the device doesn't. */
static void efh_gso_sum(const struct sk_buff *skb, struct sk_buff *segs,
			unsigned int at)
{
	netdev_features_t device = skb->dev->features;
	struct sk_buff *seg;

	/* UDP asks which of the two it needs; to have it for nothing costs. */
	if (device & NETIF_F_HW_CSUM && !efh_compat_needs_ipsec(skb))
		return;
	for (seg = segs; seg; seg = seg->next) {
		SKB_GSO_CB(seg)->csum_start = seg->data + at - seg->head;
		SKB_GSO_CB(seg)->csum = skb_checksum(seg, at, seg->len - at, 0);
	}
}

/**
 * efh_gso_segment() - make fragments of a run for a device
 * @skb: the run, data at its EFH header, mac and network headers set; stays
 * @features: of the device
 *
 * Context: as GSO: RCU read side, BH disabled.
 * Return: a list of fragments, data at their mac headers; -ENOMEM; -EINVAL if
 *	@skb was tampered with; -EOPNOTSUPP in a tunnel whose checksum covers
 *	the run.
 */
struct sk_buff *efh_gso_segment(struct sk_buff *skb,
				netdev_features_t features)
{
	struct net *net = dev_net(skb->dev);
	struct efh_split split = {
		.net = net,
		.carrier = efh_gso_carrier(skb),
		.tunnel = skb_tnl_header_len(skb),
		.at = skb->data - skb_mac_header(skb),
		.size = efh_run_size(skb),
		.features = features,
	};
	struct sk_buff *segs = ERR_PTR(efh_gso_check(skb, &split));

	if (!efh_carrier_udp(split.carrier))
		split.network = skb_network_header(skb) - skb_mac_header(skb);
	if (!segs) {
		__skb_push(skb, split.at);
		segs = efh_fragment(skb, &split);
	}
	if (IS_ERR(segs)) {
		efh_stats_inc(efh_net(net), EFH_A_STATS_OUT_FAILED);
		return segs;
	}
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM)
		efh_gso_sum(skb, segs, split.at);
	/* Fragments carry no checksum that a device could fill in. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return segs;
}
