// SPDX-License-Identifier: GPL-2.0-only
/* Packet buffers; see skbuff.h. */
#include "kernel.h"

struct sk_buff *shim_buffers;
static struct page *shim_heads;		/* pages that are found by an address in them */

/* Pages */

struct page *shim_page(unsigned int size)
{
	struct page *page = shim_alloc(sizeof(*page));

	if (!page)
		return NULL;
	*page = (struct page){ .refs = 1, .size = size, .data = shim_alloc(size) };
	if (!page->data) {
		shim_free(page);
		return NULL;
	}
	return page;
}

void get_page(struct page *page)
{
	SHIM_BUG_ON(page->refs < 1);
	page->refs++;
}

void put_page(struct page *page)
{
	struct page **link;

	SHIM_BUG_ON(page->refs < 1);
	if (--page->refs)
		return;
	for (link = &shim_heads; *link; link = &(*link)->next) {
		if (*link == page) {
			*link = page->next;
			break;
		}
	}
	shim_free(page->data);
	shim_free(page);
}

struct page *virt_to_head_page(const void *p)
{
	static struct page slab;	/* may be asked for, not referred to */
	struct page *page;

	for (page = shim_heads; page; page = page->next)
		if ((const u8 *)p >= page->data && (const u8 *)p < page->data + page->size)
			return page;
	return &slab;
}

/* One that is found by an address in it */
static struct page *shim_found_page(unsigned int size)
{
	struct page *page = shim_page(size);

	if (page) {
		page->next = shim_heads;
		shim_heads = page;
	}
	return page;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	(void)gfp;
	return shim_found_page(PAGE_SIZE << order);
}

void *netdev_alloc_frag(unsigned int size)
{
	struct page *page = shim_found_page(size);

	return page ? page->data : NULL;
}

void shim_head_frag(struct sk_buff *skb)
{
	u8 *old = skb->head, *head = netdev_alloc_frag(skb->end + 8);

	SHIM_BUG_ON(skb->cloned || !head);
	memcpy(head, old, skb->end);
	skb->data = head + (skb->data - old);
	skb->head = head;
	skb->head_frag = true;
	skb->shared->head_page = virt_to_head_page(head);
	shim_free(old);
}

void skb_fill_page_desc(struct sk_buff *skb, int i, struct page *page, int offset, int size)
{
	SHIM_BUG_ON(i >= MAX_SKB_FRAGS);
	skb->shared->frags[i] = (skb_frag_t){ page, offset, size };
	skb->shared->nr_frags = i + 1;
}

bool skb_can_coalesce(struct sk_buff *skb, int i, const struct page *page, unsigned int offset)
{
	const skb_frag_t *last = &skb->shared->frags[i - 1];

	return i && last->page == page && last->offset + last->size == offset;
}

/* Life */

static struct sk_buff *shim_enlist(struct sk_buff *skb)
{
	skb->shim_next = shim_buffers;
	skb->shim_prev = &shim_buffers;
	if (shim_buffers)
		shim_buffers->shim_prev = &skb->shim_next;
	shim_buffers = skb;
	return skb;
}

static struct skb_shared_info *shim_shared(void)
{
	struct skb_shared_info *shared = shim_alloc(sizeof(*shared));

	if (shared) {
		memset(shared, 0, offsetof(struct skb_shared_info, frags));
		shared->dataref = 1;
	}
	return shared;
}

static struct sk_buff *shim_build(u8 *head, unsigned int size)
{
	struct sk_buff *skb = kzalloc(sizeof(*skb), GFP_ATOMIC);

	if (!skb)
		return NULL;
	skb->shared = shim_shared();
	if (!skb->shared) {
		shim_free(skb);
		return NULL;
	}
	skb->head = head;
	skb->data = head;
	skb->end = size;
	skb->users = 1;
	skb->mac_header = U16_MAX;
	skb->transport_header = U16_MAX;
	skb->truesize = SKB_TRUESIZE(size);
	return shim_enlist(skb);
}

struct sk_buff *alloc_skb(unsigned int size, gfp_t gfp)
{
	/* in the kernel head and shared info are one allocation */
	u8 *head = shim_alloc(size);
	struct sk_buff *skb = head ? shim_build(head, size) : NULL;

	(void)gfp;
	if (!skb)
		shim_free(head);
	return skb;
}

struct sk_buff *napi_build_skb(void *data, unsigned int size)
{
	struct sk_buff *skb = shim_build(data, size -
					 SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));

	if (skb) {
		skb->head_frag = true;
		skb->shared->head_page = virt_to_head_page(data);
	}
	return skb;
}

struct sk_buff *skb_get(struct sk_buff *skb)
{
	SHIM_BUG_ON(skb->users < 1);
	skb->users++;
	return skb;
}

/* Give back what a buffer refers to, but for its octets. */
static void shim_release_refs(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
}

static void shim_release_head(struct sk_buff *skb, const struct skb_shared_info *shared)
{
	if (shared->head_page)
		put_page(shared->head_page);
	else
		shim_free(skb->head);
}

static void shim_release_data(struct sk_buff *skb)
{
	struct skb_shared_info *shared = skb->shared;
	int i;

	SHIM_BUG_ON(shared->dataref < 1 || (shared->dataref > 1 && !skb->cloned));
	if (--shared->dataref)
		return;
	skb_zcopy_clear(skb, true);
	for (i = 0; i < shared->nr_frags; i++)
		put_page(shared->frags[i].page);
	kfree_skb_list(shared->frag_list);
	shim_release_head(skb, shared);
	shim_free(shared);
}

void kfree_skb(struct sk_buff *skb)
{
	if (!skb)
		return;
	SHIM_BUG_ON(skb->users < 1);
	if (--skb->users)
		return;
	shim_release_refs(skb);
	shim_release_data(skb);
	*skb->shim_prev = skb->shim_next;
	if (skb->shim_next)
		skb->shim_next->shim_prev = skb->shim_prev;
	shim_free(skb);
}

void kfree_skb_list(struct sk_buff *list)
{
	struct sk_buff *next;

	for (; list; list = next) {
		next = list->next;
		kfree_skb(list);
	}
}

/* All that describes the packet, but for its octets and whose memory it is */
static void shim_copy_header(struct sk_buff *to, const struct sk_buff *from)
{
	struct sk_buff old = *to;

	*to = *from;
	to->shim_next = old.shim_next;
	to->shim_prev = old.shim_prev;
	to->shim_ours = old.shim_ours;
	to->next = old.next;
	to->prev = old.prev;
	to->users = old.users;
	to->sk = old.sk;
	to->destructor = old.destructor;
	to->len = old.len;
	to->data_len = old.data_len;
	to->truesize = old.truesize;
	to->head = old.head;
	to->data = old.data;
	to->tail = old.tail;
	to->end = old.end;
	to->shared = old.shared;
	to->cloned = old.cloned;
	to->head_frag = old.head_frag;
	to->pp_recycle = old.pp_recycle;
	if (!(to->_skb_refdst & SKB_DST_NOREF))
		dst_clone(skb_dst(to));
	if (to->nfct)
		to->nfct->refs++;
	if (to->ext)
		to->ext->refs++;
}

void skb_copy_header(struct sk_buff *to, const struct sk_buff *from)
{
	SHIM_BUG_ON(to->_skb_refdst || to->nfct || to->ext);
	shim_copy_header(to, from);
	to->shared->gso_size = from->shared->gso_size;
	to->shared->gso_segs = from->shared->gso_segs;
	to->shared->gso_type = from->shared->gso_type;
}

/* Make @to, without octets or references, a twin of @from. */
static struct sk_buff *shim_twin(struct sk_buff *to, struct sk_buff *from)
{
	shim_copy_header(to, from);
	to->next = NULL;
	to->prev = NULL;
	to->users = 1;
	to->len = from->len;
	to->data_len = from->data_len;
	to->truesize = from->truesize;
	to->head = from->head;
	to->data = from->data;
	to->tail = from->tail;
	to->end = from->end;
	to->shared = from->shared;
	to->head_frag = from->head_frag;
	to->pp_recycle = from->pp_recycle;
	to->cloned = true;
	from->cloned = true;
	from->shared->dataref++;
	return to;
}

int skb_orphan_frags_rx(struct sk_buff *skb, gfp_t gfp)
{
	struct skb_shared_info *shared = skb->shared;
	int i;

	if (!skb_zcopy(skb))
		return 0;
	if (skb_unclone(skb, gfp))
		return -ENOMEM;
	shared = skb->shared;
	for (i = 0; i < shared->nr_frags; i++) {
		struct page *page = shim_page(shared->frags[i].size);

		if (!page)
			return -ENOMEM;
		memcpy(page->data, skb_frag_address(&shared->frags[i]), page->size);
		put_page(shared->frags[i].page);
		shared->frags[i] = (skb_frag_t){ page, 0, page->size };
	}
	skb_zcopy_clear(skb, false);
	return 0;
}

static int shim_orphan_frags(struct sk_buff *skb)
{
	return skb->shared->flags & SKBFL_DONT_ORPHAN ? 0 : skb_orphan_frags_rx(skb, GFP_ATOMIC);
}

struct sk_buff *skb_clone(struct sk_buff *skb, gfp_t gfp)
{
	struct sk_buff *twin;

	if (shim_orphan_frags(skb))
		return NULL;
	twin = kzalloc(sizeof(*twin), gfp);
	return twin ? shim_twin(shim_enlist(twin), skb) : NULL;
}

struct sk_buff *skb_morph(struct sk_buff *to, struct sk_buff *from)
{
	int users = to->users;

	SHIM_BUG_ON(to == from);
	shim_release_refs(to);
	shim_release_data(to);
	shim_twin(to, from);
	to->users = users;
	return to;
}

int pskb_expand_head(struct sk_buff *skb, int headroom, int tailroom, gfp_t gfp)
{
	struct skb_shared_info *old = skb->shared, *shared;
	unsigned int size = headroom + skb->end + tailroom;
	struct sk_buff *frag;
	u8 *head;
	int i;

	(void)gfp;
	SHIM_BUG_ON(headroom < 0 || skb_shared(skb));
	head = shim_alloc(size);
	if (!head)
		return -ENOMEM;
	if (skb_cloned(skb) && shim_orphan_frags(skb)) {
		shim_free(head);
		return -ENOMEM;
	}
	shared = shim_shared();
	if (!shared) {
		shim_free(head);
		return -ENOMEM;
	}
	memcpy(head + headroom, skb->head, skb->tail);
	i = shared->dataref;
	*shared = *old;
	shared->dataref = i;
	shared->head_page = NULL;
	if (skb_cloned(skb)) {
		if (skb_zcopy(skb))
			shared->uarg->refs++;
		for (i = 0; i < shared->nr_frags; i++)
			get_page(shared->frags[i].page);
		for (frag = shared->frag_list; frag; frag = frag->next)
			skb_get(frag);
		shim_release_data(skb);
	} else {
		shim_release_head(skb, old);
		shim_free(old);
	}
	if (!skb->sk)
		skb->truesize += size - skb->end;
	skb->data = head + headroom + (skb->data - skb->head);
	skb->head = head;
	skb->shared = shared;
	skb->head_frag = false;
	skb->end = size;
	skb->tail += headroom;
	skb->network_header += headroom;
	skb->transport_header += headroom;
	if (skb_mac_header_was_set(skb))
		skb->mac_header += headroom;
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		skb->csum_start += headroom;
	skb->cloned = false;
	return 0;
}

int skb_unclone(struct sk_buff *skb, gfp_t gfp)
{
	return skb_cloned(skb) ? pskb_expand_head(skb, 0, 0, gfp) : 0;
}

int skb_cow(struct sk_buff *skb, unsigned int headroom)
{
	unsigned int more = headroom > skb_headroom(skb) ? headroom - skb_headroom(skb) : 0;

	return more || skb_cloned(skb) ?
	       pskb_expand_head(skb, round_up(more, NET_SKB_PAD), 0, GFP_ATOMIC) : 0;
}

int skb_ensure_writable(struct sk_buff *skb, unsigned int n)
{
	if (!pskb_may_pull(skb, n))
		return -ENOMEM;
	return skb_unclone(skb, GFP_ATOMIC);
}

/* Octets */

void skb_reserve(struct sk_buff *skb, unsigned int n)
{
	SHIM_BUG_ON(skb->len || skb->tail + n > skb->end);
	skb->data += n;
	skb->tail += n;
}

void *skb_put(struct sk_buff *skb, unsigned int n)
{
	u8 *at = skb_tail_pointer(skb);

	SHIM_BUG_ON(skb_is_nonlinear(skb) || n > skb->end - skb->tail);
	skb->tail += n;
	skb->len += n;
	return at;
}

void *skb_push(struct sk_buff *skb, unsigned int n)
{
	SHIM_BUG_ON(n > skb_headroom(skb));
	skb->data -= n;
	skb->len += n;
	return skb->data;
}

void *skb_pull(struct sk_buff *skb, unsigned int n)
{
	SHIM_BUG_ON(n > skb_headlen(skb));
	skb->data += n;
	skb->len -= n;
	return skb->data;
}

void __skb_trim(struct sk_buff *skb, unsigned int len)
{
	SHIM_BUG_ON(skb_is_nonlinear(skb) || len > skb->len);
	skb->len = len;
	skb->tail = skb->data - skb->head + len;
}

void *skb_put_data(struct sk_buff *skb, const void *from, unsigned int n)
{
	return memcpy(skb_put(skb, n), from, n);
}

/* Take away the first @n octets of what is behind the linear part. */
static void shim_cut(struct sk_buff *skb, unsigned int n)
{
	struct skb_shared_info *shared = skb->shared;
	struct sk_buff *frag, *twin;
	unsigned int now, fail;
	int i, gone = 0;

	skb->len -= n;
	skb->data_len -= n;
	for (i = 0; i < shared->nr_frags && n; i++) {
		now = min(n, shared->frags[i].size);
		shared->frags[i].offset += now;
		shared->frags[i].size -= now;
		n -= now;
		if (!shared->frags[i].size) {
			put_page(shared->frags[i].page);
			gone++;
		}
	}
	shared->nr_frags -= gone;
	memmove(shared->frags, shared->frags + gone, shared->nr_frags * sizeof(*shared->frags));
	while (n && n >= shared->frag_list->len) {
		frag = shared->frag_list;
		n -= frag->len;
		shared->frag_list = frag->next;
		kfree_skb(frag);
	}
	frag = shared->frag_list;
	if (!n)
		return;
	if (skb_shared(frag) || skb_cloned(frag)) {
		/* who else has it keeps it whole; here memory does not fail */
		fail = shim_fail_after;
		shim_fail_after = 0;
		twin = skb_clone(frag, GFP_ATOMIC);
		SHIM_BUG_ON(skb_unclone(twin, GFP_ATOMIC));
		shim_fail_after = fail;
		twin->next = frag->next;
		shared->frag_list = twin;
		kfree_skb(frag);
		frag = twin;
	}
	now = min(n, skb_headlen(frag));
	skb_pull(frag, now);
	shim_cut(frag, n - now);
}

bool pskb_may_pull(struct sk_buff *skb, unsigned int n)
{
	unsigned int more;

	if (n <= skb_headlen(skb))
		return true;
	if (n > skb->len)
		return false;
	more = n - skb_headlen(skb);
	if ((skb->tail + more > skb->end || skb_cloned(skb)) &&
	    pskb_expand_head(skb, 0, skb->tail + more > skb->end ?
				     skb->tail + more - skb->end + 128 : 0, GFP_ATOMIC))
		return false;
	SHIM_BUG_ON(skb_copy_bits(skb, skb_headlen(skb), skb_tail_pointer(skb), more));
	shim_cut(skb, more);
	skb->tail += more;
	skb->len += more;
	return true;
}

/* Call @part for each run of octets in the @n from @at, in their order. */
static int shim_walk(const struct sk_buff *skb, int at, int n,
		     void (*part)(void *arg, const u8 *p, int n), void *arg)
{
	const struct sk_buff *frag;
	int i, size, now;

	for (i = -1; n && i < skb->shared->nr_frags; i++) {
		const skb_frag_t *page = &skb->shared->frags[i < 0 ? 0 : i];

		size = i < 0 ? (int)skb_headlen(skb) : (int)page->size;
		if (at >= size) {
			at -= size;
			continue;
		}
		now = min(n, size - at);
		SHIM_BUG_ON(i >= 0 && page->offset + page->size > page->page->size);
		part(arg, (i < 0 ? skb->data : (u8 *)skb_frag_address(page)) + at, now);
		n -= now;
		at = 0;
	}
	for (frag = skb->shared->frag_list; n && frag; frag = frag->next) {
		if (at >= (int)frag->len) {
			at -= frag->len;
			continue;
		}
		now = min(n, (int)frag->len - at);
		if (shim_walk(frag, at, now, part, arg))
			return -1;
		n -= now;
		at = 0;
	}
	return n ? -1 : 0;
}

static void shim_copy_part(void *arg, const u8 *p, int n)
{
	u8 **to = arg;

	memcpy(*to, p, n);
	*to += n;
}

int skb_copy_bits(const struct sk_buff *skb, int at, void *to, int n)
{
	return shim_walk(skb, at, n, shim_copy_part, &to);
}

/* Sums */

__sum16 csum_fold(__wsum sum)
{
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~((sum & 0xFFFF) + (sum >> 16));
}

__wsum csum_add(__wsum a, __wsum b)
{
	u64 sum = (u64)a + b;

	return (u32)sum + (u32)(sum >> 32);
}

__wsum csum_sub(__wsum a, __wsum b)
{
	return csum_add(a, ~b);
}

__wsum csum_partial(const void *p, int n, __wsum sum)
{
	const u8 *octet = p;
	u64 total = 0;
	u16 pair;

	for (; n > 1; n -= 2, octet += 2) {
		memcpy(&pair, octet, 2);
		total += pair;
	}
	if (n)
		total += *octet;
	return csum_add(sum, csum_add((u32)total, (u32)(total >> 32)));
}

__wsum csum_block_add(__wsum a, __wsum b, int offset)
{
	return csum_add(a, offset & 1 ? b << 8 | b >> 24 : b);
}

struct shim_sum {
	__wsum sum;
	int at;
};

static void shim_sum_part(void *arg, const u8 *p, int n)
{
	struct shim_sum *s = arg;

	s->sum = csum_block_add(s->sum, csum_partial(p, n, 0), s->at);
	s->at += n;
}

__wsum skb_checksum(const struct sk_buff *skb, int at, int n, __wsum sum)
{
	struct shim_sum s = { .sum = sum };

	SHIM_BUG_ON(shim_walk(skb, at, n, shim_sum_part, &s));
	return s.sum;
}

void *skb_pull_rcsum(struct sk_buff *skb, unsigned int n)
{
	u8 *from = skb->data;

	skb_pull(skb, n);
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_sub(skb->csum, csum_partial(from, n, 0));
	else if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_start_offset(skb) < 0)
		skb->ip_summed = CHECKSUM_NONE;
	return skb->data;
}

void skb_postpush_rcsum(struct sk_buff *skb, const void *from, unsigned int n)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_add(skb->csum, csum_partial(from, n, 0));
}

int skb_csum_hwoffload_help(struct sk_buff *skb, netdev_features_t features)
{
	(void)features;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_not_inet = false;
	return 0;
}

void ip_send_check(struct iphdr *h)
{
	h->check = 0;
	h->check = csum_fold(csum_partial(h, h->ihl * 4, 0));
}

/* What hangs on a buffer */

struct dst_entry *dst_clone(struct dst_entry *dst)
{
	if (dst)
		dst->refs++;
	return dst;
}

void dst_release(struct dst_entry *dst)
{
	if (!dst)
		return;
	SHIM_BUG_ON(dst->refs < 1);
	dst->refs--;
}

void skb_dst_drop(struct sk_buff *skb)
{
	if (!(skb->_skb_refdst & SKB_DST_NOREF))
		dst_release(skb_dst(skb));
	skb->_skb_refdst = 0;
}

static void shim_ref_put(struct shim_ref **ref)
{
	SHIM_BUG_ON(*ref && (*ref)->refs < 1);
	if (*ref)
		(*ref)->refs--;
	*ref = NULL;
}

static void shim_ref_copy(struct shim_ref **to, struct shim_ref *from)
{
	if (from)
		from->refs++;
	shim_ref_put(to);
	*to = from;
}

void nf_reset_ct(struct sk_buff *skb)
{
	shim_ref_put(&skb->nfct);
}

void nf_copy(struct sk_buff *to, const struct sk_buff *from)
{
	shim_ref_copy(&to->nfct, from->nfct);
}

void skb_ext_reset(struct sk_buff *skb)
{
	shim_ref_put(&skb->ext);
}

void skb_ext_copy(struct sk_buff *to, const struct sk_buff *from)
{
	shim_ref_copy(&to->ext, from->ext);
}

void skb_orphan(struct sk_buff *skb)
{
	if (skb->destructor)
		skb->destructor(skb);
	skb->destructor = NULL;
	skb->sk = NULL;
}

void sock_wfree(struct sk_buff *skb)
{
	skb->sk->sk_wmem_alloc.n -= skb->truesize;
}

void skb_set_owner_w(struct sk_buff *skb, struct sock *sk)
{
	skb_orphan(skb);
	skb->sk = sk;
	skb->destructor = sock_wfree;
	sk->sk_wmem_alloc.n += skb->truesize;
}

bool is_skb_wmem(const struct sk_buff *skb)
{
	return skb->destructor == sock_wfree;
}

void skb_zcopy_set(struct sk_buff *skb, struct ubuf_info *uarg, bool *have_ref)
{
	if (!uarg || skb_zcopy(skb))
		return;
	if (have_ref && *have_ref)
		*have_ref = false;
	else
		uarg->refs++;
	skb->shared->uarg = uarg;
	skb->shared->flags |= uarg->flags;
}

void skb_zcopy_clear(struct sk_buff *skb, bool success)
{
	struct ubuf_info *uarg = skb_zcopy(skb);

	(void)success;
	if (!uarg)
		return;
	SHIM_BUG_ON(uarg->refs < 1);
	uarg->refs--;
	skb->shared->uarg = NULL;
	skb->shared->flags &= ~SKBFL_ALL_ZEROCOPY;
}

/* For the targets */

void shim_check_skb(const struct sk_buff *skb)
{
	const struct skb_shared_info *shared = skb->shared;
	const struct sk_buff *frag;
	unsigned int behind = 0;
	int i;

	SHIM_BUG_ON(skb->users < 1 || shared->dataref < 1);
	SHIM_BUG_ON(skb->data_len > skb->len);
	SHIM_BUG_ON(skb->tail > skb->end);
	SHIM_BUG_ON(skb->data - skb->head + skb_headlen(skb) != skb->tail);
	SHIM_BUG_ON(shared->nr_frags > MAX_SKB_FRAGS);
	for (i = 0; i < shared->nr_frags; i++) {
		const skb_frag_t *page = &shared->frags[i];

		SHIM_BUG_ON(page->page->refs < 1 ||
			    page->offset + page->size > page->page->size);
		behind += page->size;
	}
	for (frag = shared->frag_list; frag; frag = frag->next) {
		shim_check_skb(frag);
		behind += frag->len;
	}
	SHIM_BUG_ON(behind != skb->data_len);
}
