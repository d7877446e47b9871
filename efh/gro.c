// SPDX-License-Identifier: GPL-2.0-only
/*
 * Joining early: fragments that follow one another become a run while the
 * driver still polls. A run of all fragments never sees reassembly proper; what
 * comes out of order, or in several polls, makes several runs, which meet
 * there. Whether they are for this host is asked later: a run that is forwarded
 * is split again into the fragments it was made of.
 *
 * A fragment that does not go on where its packet's run ends sends that run
 * ahead of it. So reassembly sees all in the order of arrival.
 */
#include <linux/delay.h>
#include <net/gro.h>
#include "carrier.h"
#include "compat.h"
#include "gro.h"
#include "net.h"
#include "run.h"

/* Cleared when the module goes; from then on nothing new is joined. */
static bool efh_gro_joins = true;
/* Runs that GRO holds and will give to efh_gro_complete(). */
static atomic_t efh_gro_held;

/**
 * efh_gro_wants() - is it a fragment as senders make it?
 * @skb: the packet in GRO, at its Destination Options header
 *
 * Anything more unusual is left to those who have more time.
 *
 * Context: as GRO: RCU read side, BH disabled.
 */
bool efh_gro_wants(struct sk_buff *skb)
{
	unsigned int at = skb_gro_offset(skb);
	const struct efh_hdr *h = skb_gro_header(skb, at + EFH_HDR_LEN, at);
	const struct efh_settings *settings =
		&efh_net(dev_net(skb->dev))->settings;

	return h && READ_ONCE(settings->receive) &&
	       efh_wire_plain(h, READ_ONCE(settings->efh_option));
}

/*
 * May GRO take it? @f is filled in then, and data in GRO is at the payload; else
 * @f has the Identification.
 */
static bool efh_gro_open(struct sk_buff *skb, enum efh_carrier carrier,
			 struct efh_fragment *f)
{
	unsigned int at = skb_gro_offset(skb), pointer;
	unsigned int before = efh_carrier_len(carrier);
	const struct efh_hdr *h = skb_gro_header(skb, at + EFH_HDR_LEN, at);

	f->id = h->id;
	if (NAPI_GRO_CB(skb)->flush || NAPI_GRO_CB(skb)->encap_mark ||
	    skb_is_gso(skb) || skb_cloned(skb) || skb_zcopy(skb) ||
	    (skb->ip_summed == CHECKSUM_PARTIAL && !efh_carrier_udp(carrier)) ||
	    at - efh_compat_gro_network(skb) != before ||
	    !READ_ONCE(efh_gro_joins))
		return false;
	if (efh_wire_decode((u8 *)h, EFH_HDR_LEN, h->option,
			    efh_carrier_before(carrier, before,
					       h->nexthdr_cache),
			    skb_gro_len(skb) - EFH_HDR_LEN, f, &pointer) ||
	    /* Those that nobody reads travel on as they are. */
	    h->frag_off & htons(EFH_RESERVED) || !efh_compat_readable(skb))
		return false;
	skb_gro_pull(skb, EFH_HDR_LEN);
	skb_gro_postpull_rcsum(skb, h, EFH_HDR_LEN);
	NAPI_GRO_CB(skb)->proto = IPPROTO_DSTOPTS;
	return true;
}

/*
 * All that splitting a run repeats must be the same in both; addresses and
 * Next Header were compared.
 */
static bool efh_gro_same_ip(const void *a, const void *b,
			    enum efh_carrier carrier)
{
	if (efh_carrier_ip6(carrier)) {
		const struct ipv6hdr *x = a, *y = b;

		return !memcmp(x, y, offsetof(struct ipv6hdr, payload_len)) &&
		       x->hop_limit == y->hop_limit;
	} else {
		const struct iphdr *x = a, *y = b;

		/*
		 * Without DF a router would be right to fragment the run. With
		 * it Identification says nothing (RFC 6864); around a tunnel
		 * GSO counts it up in some kernels, and keeps it in others.
		 */
		return x->tos == y->tos &&
		       (x->id == y->id || efh_carrier_udp(carrier)) &&
		       x->frag_off == y->frag_off &&
		       x->frag_off == htons(IP_DF) && x->ttl == y->ttl;
	}
}

static struct efh_hdr *efh_gro_header(const struct sk_buff *run, unsigned int at)
{
	return (struct efh_hdr *)(run->data + at);
}

/*
 * The run of a packet, if one is held. @at: the EFH header, octets from data
 *
 * Fragments of one packet may have IP headers that make two flows of them to
 * GRO, and something else may look like a run; that it leaves early is no harm.
 */
static struct sk_buff *efh_gro_find(struct list_head *head, unsigned int at,
				    __be64 id)
{
	struct sk_buff *run;

	list_for_each_entry(run, head, list)
		if (skb_headlen(run) >= at + EFH_HDR_LEN &&
		    efh_gro_header(run, at)->id == id)
			return run;
	return NULL;
}

/* Does a fragment, whose IP header is @ip, go on where a run ends? */
static bool efh_gro_next(const struct sk_buff *run, unsigned int at,
			 const void *ip, const struct efh_fragment *f,
			 enum efh_carrier carrier)
{
	const struct efh_hdr *h = efh_gro_header(run, at);
	unsigned int next = (h->index_ps >> EFH_INDEX_SHIFT) +
			    NAPI_GRO_CB(run)->count;

	/* Who stepped over such a header holds what is behind it. */
	return NAPI_GRO_CB(run)->same_flow &&
	       NAPI_GRO_CB(run)->proto == IPPROTO_DSTOPTS &&
	       f->index == next && f->size == skb_shinfo(run)->gso_size &&
	       f->nexthdr == h->nexthdr_cache &&
	       f->flags == (h->index_ps & (EFH_PARCEL | EFH_SUBPARCELS)) &&
	       efh_gro_same_ip(run->data + at - efh_carrier_len(carrier), ip,
			       carrier);
}

/*
 * Is there room for one more? The EFH header does not count: it is gone before
 * anybody sees the packet.
 */
static bool efh_gro_room(const struct sk_buff *run, unsigned int payload,
			 enum efh_carrier carrier)
{
	return run->len + payload <= efh_run_max(carrier) &&
	       run->len - EFH_HDR_LEN + payload <
	       efh_compat_gro_max_size(run);
}

/* Does the first page fragment of @skb go on where the last of @to ends? */
static bool efh_gro_adjacent(const struct sk_buff *to, const struct sk_buff *skb,
			     unsigned int offset)
{
	const struct skb_shared_info *shinfo = skb_shinfo(to);
	const skb_frag_t *frag = &skb_shinfo(skb)->frags[0];

	return shinfo->nr_frags && skb_shinfo(skb)->nr_frags &&
	       skb_frag_size(frag) > offset &&
	       skb_can_coalesce((struct sk_buff *)to, shinfo->nr_frags,
				skb_frag_page(frag),
				skb_frag_off(frag) + offset);
}

/* Move page fragments to @to, without the first @offset octets, if they fit. */
static bool efh_gro_pages(struct sk_buff *to, struct sk_buff *skb,
			  unsigned int offset)
{
	struct skb_shared_info *dst = skb_shinfo(to), *src = skb_shinfo(skb);
	bool adjacent = efh_gro_adjacent(to, skb, offset);
	unsigned int i;

	if (!src->nr_frags || skb_frag_size(&src->frags[0]) <= offset ||
	    dst->nr_frags + src->nr_frags - adjacent > MAX_SKB_FRAGS)
		return false;
	skb_frag_off_add(&src->frags[0], offset);
	skb_frag_size_sub(&src->frags[0], offset);
	if (adjacent) {
		skb_frag_size_add(&dst->frags[dst->nr_frags - 1],
				  skb_frag_size(&src->frags[0]));
		skb_frag_unref(skb, 0);
	}
	for (i = adjacent; i < src->nr_frags; i++)
		dst->frags[dst->nr_frags++] = src->frags[i];
	src->nr_frags = 0;
	return true;
}

/* Append linear payload whose buffer is a page, and page fragments after it. */
static bool efh_gro_head_page(struct sk_buff *to, struct sk_buff *skb,
			      unsigned int offset)
{
	struct skb_shared_info *dst = skb_shinfo(to), *src = skb_shinfo(skb);
	struct page *page = virt_to_head_page(skb->head);

	if (!skb->head_frag ||
	    dst->nr_frags + 1 + src->nr_frags > MAX_SKB_FRAGS)
		return false;
	skb_fill_page_desc(to, dst->nr_frags, page, skb->data + offset -
			   (u8 *)page_address(page), skb_headlen(skb) - offset);
	memcpy(&dst->frags[dst->nr_frags], src->frags,
	       src->nr_frags * sizeof(*src->frags));
	dst->nr_frags += src->nr_frags;
	return true;
}

/*
 * The send buffer of a local sender stays charged until the run is received, by
 * way of the run's truesize; where that can't be, its memory is nobody's.
 */
static void efh_gro_own(struct sk_buff *run, struct sk_buff *skb)
{
	if (run->sk == skb->sk && run->destructor == skb->destructor &&
	    (!skb->destructor || skb->destructor == sock_wfree))
		return;
	skb_orphan(run);
	skb_orphan(skb);
}

/* Cut @n octets off the front of the page fragments; no more than the first has. */
static void efh_gro_eat(struct sk_buff *skb, unsigned int n)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	skb_frag_off_add(&shinfo->frags[0], n);
	skb_frag_size_sub(&shinfo->frags[0], n);
	skb->data_len -= n;
	skb->len -= n;
	if (skb_frag_size(&shinfo->frags[0]))
		return;
	skb_frag_unref(skb, 0);
	memmove(&shinfo->frags[0], &shinfo->frags[1],
		--shinfo->nr_frags * sizeof(shinfo->frags[0]));
}

/*
 * Append a fragment's payload to a run. What is in pages moves; what is not
 * keeps its buffer, in the run's frag list.
 */
static void efh_gro_append(struct sk_buff *run, struct sk_buff *skb)
{
	struct sk_buff *to = NAPI_GRO_CB(run)->last;
	unsigned int offset = skb_gro_offset(skb), len = skb_gro_len(skb);
	unsigned int headlen = skb_headlen(skb), truesize = skb->truesize;
	u8 shared = skb_shinfo(skb)->flags & SKBFL_SHARED_FRAG;
	bool movable = to->pp_recycle == skb->pp_recycle;

	efh_gro_own(run, skb);
	skb_shinfo(run)->flags |= shared;
	skb_shinfo(to)->flags |= shared;
	if (movable && headlen <= offset &&
	    efh_gro_pages(to, skb, offset - headlen)) {
		skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
		truesize -= skb->truesize;
		skb->len = headlen;
		skb->data_len = 0;
		NAPI_GRO_CB(skb)->free = NAPI_GRO_FREE;
	} else if (movable && headlen > offset &&
		   efh_gro_head_page(to, skb, offset)) {
		skb->truesize = SKB_DATA_ALIGN(sizeof(struct sk_buff));
		truesize -= skb->truesize;
		skb_orphan(skb);
		NAPI_GRO_CB(skb)->free = NAPI_GRO_FREE_STOLEN_HEAD;
	} else {
		if (offset > headlen)
			efh_gro_eat(skb, offset - headlen);
		__skb_pull(skb, min(offset, headlen));
		skb->destructor = NULL;
		skb->sk = NULL;
		if (to == run)
			skb_shinfo(run)->frag_list = skb;
		else
			to->next = skb;
		NAPI_GRO_CB(run)->last = skb;
		to = run;
	}
	run->len += len;
	run->data_len += len;
	run->truesize += truesize;
	if (to != run) {
		to->len += len;
		to->data_len += len;
		to->truesize += truesize;
	}
	NAPI_GRO_CB(run)->count++;
	NAPI_GRO_CB(skb)->same_flow = 1;
}

/* The same for the checksum, which covers all that was received of it. */
static void efh_gro_checksum(struct sk_buff *run, struct sk_buff *skb)
{
	if (run->ip_summed == CHECKSUM_COMPLETE &&
	    skb->ip_summed == CHECKSUM_COMPLETE)
		NAPI_GRO_CB(run)->csum = csum_add(NAPI_GRO_CB(run)->csum,
						  NAPI_GRO_CB(skb)->csum);
	else
		run->ip_summed = CHECKSUM_NONE;
}

static void efh_gro_join(struct sk_buff *run, struct sk_buff *skb,
			 const struct efh_fragment *f, unsigned int at,
			 enum efh_carrier carrier)
{
	if (NAPI_GRO_CB(run)->count == 1) {
		/* UDP's handlers are a socket's: the stack asks whether it is there. */
		if (!efh_carrier_udp(carrier))
			atomic_inc(&efh_gro_held);
		skb_shinfo(run)->gso_type |= EFH_RUN_TYPE;
	}
	efh_gro_checksum(run, skb);
	efh_gro_append(run, skb);
	if (!f->more)
		efh_gro_header(run, at)->frag_off &= ~htons(EFH_MORE);
}

/**
 * efh_gro_receive() - a fragment in GRO
 * @head: what is held
 * @skb: the fragment, at its EFH header, of which efh_gro_wants() said yes
 * @carrier: which
 *
 * Fragments of a packet keep their order, so one run of it is held at most; and
 * packets are whole in the order in which they would be without GRO, so nothing
 * that ends with a final fragment is held.
 *
 * Context: as GRO: RCU read side, BH disabled.
 * Return: what is to be flushed now, or NULL.
 */
struct sk_buff *efh_gro_receive(struct list_head *head, struct sk_buff *skb,
				enum efh_carrier carrier)
{
	unsigned int at = skb_gro_offset(skb);
	struct efh_fragment f;
	struct sk_buff *run;

	if (!efh_gro_open(skb, carrier, &f)) {
		NAPI_GRO_CB(skb)->flush = 1;
		return efh_gro_find(head, at, f.id);
	}
	run = efh_gro_find(head, at, f.id);
	if (run && efh_gro_next(run, at, skb_gro_network_header(skb), &f,
				carrier) &&
	    efh_gro_room(run, f.payload, carrier)) {
		efh_gro_join(run, skb, &f, at, carrier);
		return f.more ? NULL : run;
	}
	NAPI_GRO_CB(skb)->flush |= !f.more;
	return run;
}

/**
 * efh_gro_complete() - a run leaves GRO
 * @skb: what is held, two packets or more in it
 * @at: its Destination Options header, octets from data
 * @carrier: which
 *
 * Lengths in the IP header are right already.
 *
 * Context: as GRO: RCU read side, BH disabled.
 */
void efh_gro_complete(struct sk_buff *skb, int at, enum efh_carrier carrier)
{
	if (efh_carrier_udp(carrier)) {
		unsigned int tunnel = skb_shinfo(skb)->gso_type;

		/*
		 * Each was checked, or is as it left a local sender. UDP's
		 * checksum now is that of the pseudo header: what is still to
		 * be made, and NAT must know that it is.
		 */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = 0;
		if (tunnel & SKB_GSO_UDP_TUNNEL_CSUM) {
			skb->ip_summed = CHECKSUM_PARTIAL;
			skb->csum_start = skb->data + at -
					  sizeof(struct udphdr) - skb->head;
			skb->csum_offset = offsetof(struct udphdr, check);
		}
		efh_run_mark_udp(skb, carrier, skb_shinfo(skb)->gso_size,
				 NAPI_GRO_CB(skb)->count, at,
				 tunnel & SKB_GSO_UDP_TUNNEL_CSUM);
		return;
	}
	atomic_dec(&efh_gro_held);
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_partial(skb->data, at + EFH_HDR_LEN,
					 NAPI_GRO_CB(skb)->csum);
	/* What GRO took for the size of segments was that of payload: L. */
	efh_run_mark(skb, carrier, skb_shinfo(skb)->gso_size,
		     NAPI_GRO_CB(skb)->count);
}

/**
 * efh_gro_stop() - let go of what GRO holds
 *
 * Context: process.
 * Return: true if efh_gro_complete() will not be called any more; false if
 *	something is held that no poll asks for, or was freed with its device.
 */
bool efh_gro_stop(void)
{
	unsigned long end = jiffies + 2 * HZ;

	WRITE_ONCE(efh_gro_joins, false);
	synchronize_net();
	while (atomic_read(&efh_gro_held) && time_before(jiffies, end))
		fsleep(1000);
	return !atomic_read(&efh_gro_held);
}
