// SPDX-License-Identifier: GPL-2.0-only
/* The stack's part of GRO; see gro.h. */
#include "kernel.h"

const struct net_offload *inet6_offloads[256], *inet_offloads[256];

int inet_add_offload(const struct net_offload *offload, unsigned char protocol)
{
	SHIM_BUG_ON(inet_offloads[protocol]);
	inet_offloads[protocol] = offload;
	return 0;
}

int inet_del_offload(const struct net_offload *offload, unsigned char protocol)
{
	SHIM_BUG_ON(inet_offloads[protocol] != offload);
	inet_offloads[protocol] = NULL;
	return 0;
}

/* The newest is the first, as in the kernel. */
static struct list_head shim_held = { &shim_held, &shim_held };

static const skb_frag_t *shim_frag0(const struct sk_buff *skb)
{
	return !skb_headlen(skb) && skb->shared->nr_frags ? &skb->shared->frags[0] : NULL;
}

void *skb_gro_header(struct sk_buff *skb, unsigned int until, unsigned int at)
{
	const skb_frag_t *frag = shim_frag0(skb);

	if (frag && until <= frag->size)
		return (u8 *)skb_frag_address(frag) + at;
	return pskb_may_pull(skb, until) ? skb->data + at : NULL;
}

void *skb_gro_network_header(const struct sk_buff *skb)
{
	const skb_frag_t *frag = shim_frag0(skb);

	return (frag ? (u8 *)skb_frag_address(frag) : skb->data) +
	       NAPI_GRO_CB(skb)->network_offset;
}

void skb_gro_postpull_rcsum(struct sk_buff *skb, const void *from, unsigned int n)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		NAPI_GRO_CB(skb)->csum = csum_sub(NAPI_GRO_CB(skb)->csum,
						  csum_partial(from, n, 0));
}

static struct sk_buff *shim_gro_ip(struct sk_buff *skb)
{
	const struct net_offload *ops;
	unsigned int n;
	struct sk_buff *p;
	u8 *ip, protocol;
	u16 flush;

	ip = skb_gro_header(skb, sizeof(struct iphdr), 0);
	if (!ip)
		goto no;
	if (*ip >> 4 == 6) {
		const struct ipv6hdr *h = (struct ipv6hdr *)ip;

		n = sizeof(*h);
		ip = skb_gro_header(skb, n, 0);
		h = (struct ipv6hdr *)ip;
		if (!ip)
			goto no;
		protocol = h->nexthdr;
		flush = ntohs(h->payload_len) != skb->len - n;
	} else {
		const struct iphdr *h = (struct iphdr *)ip;

		n = sizeof(*h);
		protocol = h->protocol;
		flush = h->ihl != 5 || ip_is_fragment(h) || ntohs(h->tot_len) != skb->len ||
			csum_fold(csum_partial(ip, n, 0));
		if (flush)
			goto no;
	}
	list_for_each_entry(p, &shim_held, list) {
		const u8 *other = p->data;

		if (!NAPI_GRO_CB(p)->same_flow)
			continue;
		if (*other >> 4 != *ip >> 4 ||
		    (*ip >> 4 == 4 ? memcmp(other + 12, ip + 12, 8) || other[9] != ip[9] :
		     memcmp(other + 8, ip + 8, 32) || other[6] != ip[6] ||
		     /* the flow label; traffic classes may differ */
		     (other[1] ^ ip[1]) & 0x0f || memcmp(other + 2, ip + 2, 2)))
			NAPI_GRO_CB(p)->same_flow = 0;
	}
	NAPI_GRO_CB(skb)->flush |= flush;
	ops = *ip >> 4 == 6 ? inet6_offloads[protocol] : inet_offloads[protocol];
	if (!ops || !ops->callbacks.gro_receive)
		goto no;
	skb_gro_pull(skb, n);
	skb_gro_postpull_rcsum(skb, ip, n);
	return ops->callbacks.gro_receive(&shim_held, skb);
no:
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

static void shim_gro_complete(struct sk_buff *skb, void (*deliver)(struct sk_buff *skb))
{
	list_del(&skb->list);
	SHIM_BUG_ON(!skb_headlen(skb));
	if (NAPI_GRO_CB(skb)->count == 1) {
		skb_shinfo(skb)->gso_size = 0;
	} else if (*skb->data >> 4 == 6) {
		struct ipv6hdr *h = (struct ipv6hdr *)skb->data;

		h->payload_len = htons(skb->len - sizeof(*h));
		inet6_offloads[h->nexthdr]->callbacks.gro_complete(skb, sizeof(*h));
	} else {
		struct iphdr *h = (struct iphdr *)skb->data;

		h->tot_len = htons(skb->len);
		ip_send_check(h);
		inet_offloads[h->protocol]->callbacks.gro_complete(skb, sizeof(*h));
	}
	deliver(skb);
}

void shim_gro_receive(struct sk_buff *skb, void (*deliver)(struct sk_buff *skb))
{
	struct napi_gro_cb *cb = NAPI_GRO_CB(skb);
	struct sk_buff *p, *done;
	unsigned int held = 0, fail;

	BUILD_BUG_ON(sizeof(*cb) > sizeof(skb->cb));
	SHIM_BUG_ON(skb->data != skb_network_header(skb));
	memset(cb, 0, sizeof(*cb));
	cb->count = 1;
	cb->flush = skb_has_frag_list(skb);
	cb->csum = skb->csum;
	list_for_each_entry(p, &shim_held, list) {
		NAPI_GRO_CB(p)->same_flow = p->dev == skb->dev &&
			p->nfct == skb->nfct && p->_skb_refdst == skb->_skb_refdst;
		held++;
	}
	done = shim_gro_ip(skb);
	cb = NAPI_GRO_CB(skb);
	if (cb->same_flow) {
		/* its octets are another's now, or all of it */
		if (cb->free == NAPI_GRO_FREE_STOLEN_HEAD) {
			SHIM_BUG_ON(!skb->head_frag);
			get_page(skb->shared->head_page);
			skb->shared->nr_frags = 0;
		}
		if (cb->free) {
			SHIM_BUG_ON(skb->shared->nr_frags || skb->shared->frag_list);
			kfree_skb(skb);
		}
		skb = NULL;
	}
	if (done)
		shim_gro_complete(done, deliver);
	if (!skb)
		return;
	if (cb->flush) {
		deliver(skb);
		return;
	}
	if (held - !!done >= 8)
		shim_gro_complete(list_entry(shim_held.prev, struct sk_buff, list), deliver);
	cb->last = skb;
	skb_shinfo(skb)->gso_size = skb_gro_len(skb);
	/* GRO made sure that there is room */
	fail = shim_fail_after;
	shim_fail_after = 0;
	SHIM_BUG_ON(!pskb_may_pull(skb, skb_gro_offset(skb)));
	shim_fail_after = fail;
	list_add(&skb->list, &shim_held);
}

void shim_gro_flush(void (*deliver)(struct sk_buff *skb))
{
	/* the oldest first */
	while (!list_empty(&shim_held))
		shim_gro_complete(list_entry(shim_held.prev, struct sk_buff, list), deliver);
}
