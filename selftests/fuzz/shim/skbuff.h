/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet buffers. Every buffer, its data and every page is an allocation of its
 * own size, so that the address sanitizer sees each octet too far; what hangs
 * on them is counted, so that what is forgotten shows.
 */
#ifndef SHIM_SKBUFF_H
#define SHIM_SKBUFF_H

#define MAX_SKB_FRAGS		17
#define SMP_CACHE_BYTES		64

#define CHECKSUM_NONE		0
#define CHECKSUM_UNNECESSARY	1
#define CHECKSUM_COMPLETE	2
#define CHECKSUM_PARTIAL	3
#define CSUM_MANGLED_0		((__sum16)0xFFFF)

#define SKBTX_ANY_TSTAMP	0x85
#define SKBFL_ZEROCOPY_ENABLE	BIT(0)
#define SKBFL_SHARED_FRAG	BIT(1)
#define SKBFL_PURE_ZEROCOPY	BIT(2)
#define SKBFL_DONT_ORPHAN	BIT(3)
#define SKBFL_MANAGED_FRAG_REFS	BIT(4)
#define SKBFL_ALL_ZEROCOPY	(SKBFL_ZEROCOPY_ENABLE | SKBFL_SHARED_FRAG | \
				 SKBFL_PURE_ZEROCOPY | SKBFL_DONT_ORPHAN | \
				 SKBFL_MANAGED_FRAG_REFS)

#define SKB_DST_NOREF		1ul
#define SKB_GSO_DODGY		BIT(1)
#define SKB_GSO_TCP_FIXEDID	BIT(3)
#define SKB_GSO_FCOE		BIT(5)
#define SKB_GSO_GRE_CSUM	BIT(7)
#define SKB_GSO_UDP_TUNNEL_CSUM	BIT(11)
#define SKB_GSO_TUNNEL_REMCSUM	BIT(13)

#define NET_SKB_PAD		64

enum skb_drop_reason {
	SKB_CONSUMED,
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_IPV6_BAD_EXTHDR,
	SKB_DROP_REASON_PKT_TOO_BIG,
	SKB_DROP_REASON_DUP_FRAG,
	SKB_DROP_REASON_IP_INHDR,
	SKB_DROP_REASON_FRAG_REASM_TIMEOUT,
	SKB_DROP_REASON_NOMEM,
};

struct page {
	int refs;
	unsigned int size;
	bool owned;		/* somebody waits for it: see struct ubuf_info */
	u8 *data;
	struct page *next;	/* of those that hold heads */
};

typedef struct {
	struct page *page;
	unsigned int offset, size;
} skb_frag_t;

/* Whose the pages are until they have left */
struct ubuf_info {
	int refs;
	u8 flags;
};

/* A connection, or an extension: what many buffers refer to */
struct shim_ref {
	int refs;
};

struct skb_shared_hwtstamps {
	s64 hwtstamp;
};

struct skb_shared_info {
	int dataref;
	u8 flags;
	u8 nr_frags;
	u8 tx_flags;
	u16 gso_size, gso_segs;
	u32 gso_type;
	u32 tskey;
	struct skb_shared_hwtstamps hwtstamps;
	struct sk_buff *frag_list;
	struct ubuf_info *uarg;
	struct page *head_page;		/* in which the head is, or NULL */
	skb_frag_t frags[MAX_SKB_FRAGS];
};

struct sk_buff {
	union {
		struct {
			struct sk_buff *next, *prev;
		};
		struct list_head list;
	};
	struct net_device *dev;
	struct sock *sk;
	void (*destructor)(struct sk_buff *skb);
	char cb[48] __aligned(8);
	unsigned long _skb_refdst;
	struct shim_ref *nfct, *ext;
	int users;
	unsigned int len, data_len, truesize;
	u8 *head, *data;
	unsigned int tail, end;
	struct skb_shared_info *shared;
	u16 mac_header, network_header, transport_header;
	u16 mac_len;
	__be16 protocol;
	bool cloned;
	bool head_frag, pp_recycle, csum_not_inet, ignore_df, tstamp_type, encapsulation;
	u8 ip_summed, csum_level, pkt_type;
	__wsum csum;
	u16 csum_start, csum_offset;
	u32 priority, mark, hash;
	bool l4_hash, sw_hash;
	s64 tstamp;

	bool shim_ours;			/* the harness's, not the code's under test */
	bool shim_listed;		/* seen in a frag list */
	u16 shim_tunnel;		/* octets of a tunnel's headers before the mac header */
	struct sk_buff *shim_next, **shim_prev;
};

extern struct sk_buff *shim_buffers;	/* all that live */

/* IP's own, in cb */
struct inet_skb_parm {
	int iif;
	u16 flags;
	u16 frag_max_size;
	u8 opt[16];
};

struct inet6_skb_parm {
	int iif;
	u16 flags;
	u16 frag_max_size;
	u16 offsets[8];
};
#define IPCB(skb)		((struct inet_skb_parm *)(skb)->cb)
#define IP6CB(skb)		((struct inet6_skb_parm *)(skb)->cb)
#define IP6SKB_FRAGMENTED	16
#define inet6_iif(skb)		(IP6CB(skb)->iif ?: (skb)->dev->ifindex)

/* Sizes */
#define SKB_DATA_ALIGN(n)	round_up(n, SMP_CACHE_BYTES)
#define SKB_TRUESIZE(n) \
	((n) + SKB_DATA_ALIGN(sizeof(struct sk_buff)) + \
	 SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

#define skb_shinfo(skb)		((skb)->shared)
#define skb_hwtstamps(skb)	(&(skb)->shared->hwtstamps)

static inline unsigned int skb_headlen(const struct sk_buff *skb)
{
	return skb->len - skb->data_len;
}

static inline bool skb_is_nonlinear(const struct sk_buff *skb)
{
	return skb->data_len;
}

static inline bool skb_has_frag_list(const struct sk_buff *skb)
{
	return skb->shared->frag_list;
}

static inline bool skb_shared(const struct sk_buff *skb)
{
	return skb->users != 1;
}

static inline bool skb_cloned(const struct sk_buff *skb)
{
	return skb->cloned && skb->shared->dataref != 1;
}

static inline unsigned int skb_headroom(const struct sk_buff *skb)
{
	return skb->data - skb->head;
}

static inline int skb_tailroom(const struct sk_buff *skb)
{
	return skb_is_nonlinear(skb) ? 0 : skb->end - skb->tail;
}

static inline u8 *skb_tail_pointer(const struct sk_buff *skb)
{
	return skb->head + skb->tail;
}

static inline u8 *skb_end_pointer(const struct sk_buff *skb)
{
	return skb->head + skb->end;
}

static inline unsigned int skb_end_offset(const struct sk_buff *skb)
{
	return skb->end;
}

static inline bool skb_is_gso(const struct sk_buff *skb)
{
	return skb->shared->gso_size;
}

static inline void skb_gso_reset(struct sk_buff *skb)
{
	skb->shared->gso_size = 0;
	skb->shared->gso_segs = 0;
	skb->shared->gso_type = 0;
}

static inline void skb_mark_not_on_list(struct sk_buff *skb)
{
	skb->next = NULL;
}

#define skb_list_walk_safe(first, skb, next_skb) \
	for ((skb) = (first), (next_skb) = (skb) ? (skb)->next : NULL; (skb); \
	     (skb) = (next_skb), (next_skb) = (skb) ? (skb)->next : NULL)
#define skb_walk_frags(skb, iter) \
	for (iter = (skb)->shared->frag_list; iter; iter = iter->next)

/* Life */
struct sk_buff *alloc_skb(unsigned int size, gfp_t gfp);
#define __alloc_skb(size, gfp, flags, node) ((void)(flags), (void)(node), alloc_skb(size, gfp))
#define SKB_ALLOC_RX		2
#define NUMA_NO_NODE		(-1)
#define skb_pfmemalloc(skb)	((void)(skb), false)
/* Out of memory that was asked for as a frag, for a buffer and nothing else */
struct sk_buff *napi_build_skb(void *data, unsigned int size);
struct sk_buff *skb_clone(struct sk_buff *skb, gfp_t gfp);
struct sk_buff *skb_morph(struct sk_buff *to, struct sk_buff *from);
struct sk_buff *skb_get(struct sk_buff *skb);
void kfree_skb(struct sk_buff *skb);
void kfree_skb_list(struct sk_buff *list);
#define consume_skb(skb)	kfree_skb(skb)
#define kfree_skb_reason(skb, reason) ((void)(reason), kfree_skb(skb))
int pskb_expand_head(struct sk_buff *skb, int headroom, int tailroom, gfp_t gfp);
int skb_unclone(struct sk_buff *skb, gfp_t gfp);
int skb_ensure_writable(struct sk_buff *skb, unsigned int n);

int skb_cow(struct sk_buff *skb, unsigned int headroom);
#define skb_cow_head(skb, headroom) skb_cow(skb, headroom)
void skb_copy_header(struct sk_buff *to, const struct sk_buff *from);

/* Octets */
void skb_reserve(struct sk_buff *skb, unsigned int n);
void *skb_put(struct sk_buff *skb, unsigned int n);
void *skb_push(struct sk_buff *skb, unsigned int n);
void *skb_pull(struct sk_buff *skb, unsigned int n);
#define __skb_push(skb, n)	skb_push(skb, n)
#define __skb_pull(skb, n)	skb_pull(skb, n)
void __skb_trim(struct sk_buff *skb, unsigned int len);
void *skb_put_data(struct sk_buff *skb, const void *from, unsigned int n);
bool pskb_may_pull(struct sk_buff *skb, unsigned int n);
int skb_copy_bits(const struct sk_buff *skb, int at, void *to, int n);
void *skb_pull_rcsum(struct sk_buff *skb, unsigned int n);
void skb_postpush_rcsum(struct sk_buff *skb, const void *from, unsigned int n);

/* Pages */
struct page *shim_page(unsigned int size);
void get_page(struct page *page);
void put_page(struct page *page);
struct page *virt_to_head_page(const void *p);
#define page_address(p)		((void *)(p)->data)
#define skb_frag_size(f)	((f)->size)
#define skb_frag_off(f)		((f)->offset)
#define skb_frag_page(f)	((f)->page)
#define skb_frag_address(f)	((void *)((f)->page->data + (f)->offset))
#define skb_frag_size_set(f, n)	((f)->size = (n))
#define skb_frag_size_add(f, n)	((f)->size += (n))
#define skb_frag_size_sub(f, n)	((f)->size -= (n))
#define skb_frag_off_add(f, n)	((f)->offset += (n))
#define __skb_frag_ref(f)	get_page((f)->page)
#define skb_frag_unref(skb, i)	put_page((skb)->shared->frags[i].page)
#define skb_frags_readable(skb)	((void)(skb), true)
void *netdev_alloc_frag(unsigned int size);
/* The shared info is an allocation of its own. */
#define napi_alloc_frag(size) \
	netdev_alloc_frag((size) - SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))
#define skb_free_frag(data)	put_page(virt_to_head_page(data))
struct page *alloc_pages(gfp_t gfp, unsigned int order);
#define __skb_fill_page_desc(skb, i, page, at, n) \
	((skb)->shared->frags[i] = (skb_frag_t){ page, at, n })
void skb_fill_page_desc(struct sk_buff *skb, int i, struct page *page, int offset, int size);
bool skb_can_coalesce(struct sk_buff *skb, int i, const struct page *page, unsigned int offset);

/* Headers, as offsets from head; ~0: not set */
static inline u8 *skb_network_header(const struct sk_buff *skb)
{
	return skb->head + skb->network_header;
}

static inline u8 *skb_transport_header(const struct sk_buff *skb)
{
	return skb->head + skb->transport_header;
}

static inline u8 *skb_mac_header(const struct sk_buff *skb)
{
	return skb->head + skb->mac_header;
}

static inline bool skb_mac_header_was_set(const struct sk_buff *skb)
{
	return skb->mac_header != U16_MAX;
}

static inline void skb_reset_network_header(struct sk_buff *skb)
{
	skb->network_header = skb->data - skb->head;
}

static inline void skb_set_network_header(struct sk_buff *skb, int at)
{
	skb->network_header = skb->data - skb->head + at;
}

static inline void skb_reset_mac_header(struct sk_buff *skb)
{
	skb->mac_header = skb->data - skb->head;
}

static inline void skb_reset_transport_header(struct sk_buff *skb)
{
	skb->transport_header = skb->data - skb->head;
}

static inline void skb_set_transport_header(struct sk_buff *skb, int at)
{
	skb->transport_header = skb->data - skb->head + at;
}

static inline int skb_network_offset(const struct sk_buff *skb)
{
	return skb_network_header(skb) - skb->data;
}

static inline struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb)
{
	return (struct ipv6hdr *)skb_network_header(skb);
}

static inline struct iphdr *ip_hdr(const struct sk_buff *skb)
{
	return (struct iphdr *)skb_network_header(skb);
}

#define ip_hdrlen(skb)		(ip_hdr(skb)->ihl * 4u)
void ip_send_check(struct iphdr *h);
int ip6_find_1stfragopt(struct sk_buff *skb, u8 **nexthdr);
#define ip_route_input_noref(skb, daddr, saddr, dscp, dev) \
	((void)(skb), (void)(daddr), (void)(saddr), (void)(dev), 0)
#define ip4h_dscp(h)		((h)->tos & 0xFC)
#define inet6_test_bit(bit, sk)	((void)(sk), false)

/* Sums */
__wsum csum_partial(const void *p, int n, __wsum sum);
__wsum csum_add(__wsum a, __wsum b);
__wsum csum_sub(__wsum a, __wsum b);
__wsum csum_block_add(__wsum a, __wsum b, int offset);
__sum16 csum_fold(__wsum sum);
__wsum skb_checksum(const struct sk_buff *skb, int at, int n, __wsum sum);
#define skb_csum_is_sctp(skb)	((skb)->csum_not_inet)
#define skb_checksum_start_offset(skb) \
	((int)(skb)->csum_start - (int)skb_headroom(skb))
int skb_csum_hwoffload_help(struct sk_buff *skb, netdev_features_t features);

/* What hangs on a buffer */
static inline struct dst_entry *skb_dst(const struct sk_buff *skb)
{
	return (struct dst_entry *)(skb->_skb_refdst & ~SKB_DST_NOREF);
}

static inline void skb_dst_set(struct sk_buff *skb, struct dst_entry *dst)
{
	skb->_skb_refdst = (unsigned long)dst;
}

static inline void skb_dst_set_noref(struct sk_buff *skb, struct dst_entry *dst)
{
	skb->_skb_refdst = (unsigned long)dst | SKB_DST_NOREF;
}

struct dst_entry *dst_clone(struct dst_entry *dst);
void skb_dst_drop(struct sk_buff *skb);
void nf_reset_ct(struct sk_buff *skb);
void nf_copy(struct sk_buff *to, const struct sk_buff *from);
void skb_ext_reset(struct sk_buff *skb);
void skb_ext_copy(struct sk_buff *to, const struct sk_buff *from);
void skb_orphan(struct sk_buff *skb);
void skb_set_owner_w(struct sk_buff *skb, struct sock *sk);
void sock_wfree(struct sk_buff *skb);
bool is_skb_wmem(const struct sk_buff *skb);
#define skb_tnl_header_len(skb)	((int)(skb)->shim_tunnel)

static inline void skb_clear_hash(struct sk_buff *skb)
{
	skb->hash = 0;
	skb->l4_hash = false;
	skb->sw_hash = false;
}

static inline struct ubuf_info *skb_zcopy(const struct sk_buff *skb)
{
	return skb->shared->flags & SKBFL_ZEROCOPY_ENABLE ? skb->shared->uarg : NULL;
}

void skb_zcopy_set(struct sk_buff *skb, struct ubuf_info *uarg, bool *have_ref);
void skb_zcopy_clear(struct sk_buff *skb, bool success);

/* For the targets */

/* Have the head in a page, as some drivers do. */
void shim_head_frag(struct sk_buff *skb);
/* Copy pages that somebody waits for, as is done before others may keep them. */
int skb_orphan_frags_rx(struct sk_buff *skb, gfp_t gfp);
/* Lengths, data and pages of a buffer and all that hangs on it agree. */
void shim_check_skb(const struct sk_buff *skb);

#endif /* SHIM_SKBUFF_H */
