// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protocol 60 in GRO and GSO.
 *
 * Under IPv6 the stack knows it as an extension header to step over. Ours
 * takes that place, and steps over those that hold no EFH to whoever is next.
 * Under IPv4 nobody else is there.
 */
#include <net/gro.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include "compat.h"
#include "gro.h"
#include "gso.h"
#include "net.h"
#include "offload.h"
#include "run.h"

/* The stack's; constant while ours is installed. */
static const struct net_offload *efh_offload_stock;

/* Who takes part in offloads behind an extension header. */
static const struct net_offload *efh_offload_ops(u8 nexthdr)
{
	return rcu_dereference(inet6_offloads[nexthdr]);
}

/* Is it one more to step over? Destination options behind others hold no EFH. */
static bool efh_offload_over(int nexthdr, const struct net_offload *ops)
{
	return nexthdr == IPPROTO_DSTOPTS ||
	       (ops && ops->flags & INET6_PROTO_GSO_EXTHDR);
}

/*
 * Step over one header in GRO, as ipv6_gro_receive() does.
 *
 * Return: Next Header, or -1.
 */
static int efh_offload_gro_step(struct list_head *head, struct sk_buff *skb)
{
	unsigned int at = skb_gro_offset(skb), len;
	const struct ipv6_opt_hdr *h;
	struct sk_buff *p;

	h = skb_gro_header(skb, at + sizeof(*h), at);
	if (!h)
		return -1;
	len = ipv6_optlen(h);
	h = skb_gro_header(skb, at + len, at);
	if (!h)
		return -1;
	list_for_each_entry(p, head, list)
		if (NAPI_GRO_CB(p)->same_flow &&
		    (skb_headlen(p) < at + len || memcmp(p->data + at, h, len)))
			NAPI_GRO_CB(p)->same_flow = 0;
	skb_gro_pull(skb, len);
	skb_gro_postpull_rcsum(skb, h, len);
	return h->nexthdr;
}

static struct sk_buff *efh_offload_receive6(struct list_head *head,
					    struct sk_buff *skb)
{
	const struct net_offload *ops;
	int nexthdr;

	if (efh_gro_wants(skb))
		return efh_gro_receive(head, skb, EFH_CARRIER_IPV6);
	do {
		nexthdr = efh_offload_gro_step(head, skb);
		ops = nexthdr < 0 ? NULL : efh_offload_ops(nexthdr);
	} while (efh_offload_over(nexthdr, ops));
	if (!ops || !ops->callbacks.gro_receive) {
		NAPI_GRO_CB(skb)->flush = 1;
		return NULL;
	}
	skb_set_transport_header(skb, skb_gro_offset(skb));
	NAPI_GRO_CB(skb)->proto = nexthdr;
	return call_gro_receive(ops->callbacks.gro_receive, head, skb);
}

static int efh_offload_complete6(struct sk_buff *skb, int at)
{
	const struct ipv6_opt_hdr *h;
	const struct net_offload *ops;

	if (efh_is_run(skb)) {
		efh_gro_complete(skb, at, EFH_CARRIER_IPV6);
		return 0;
	}
	do {
		h = (struct ipv6_opt_hdr *)(skb->data + at);
		ops = efh_offload_ops(h->nexthdr);
		at += ipv6_optlen(h);
	} while (efh_offload_over(h->nexthdr, ops));
	if (!ops || !ops->callbacks.gro_complete)
		return -EPROTONOSUPPORT;
	return ops->callbacks.gro_complete(skb, at);
}

/*
 * Is data of a run at its EFH header? Then that is linear. The option type may
 * be another namespace's; options before a Routing header are another header.
 */
static bool efh_offload_run(struct sk_buff *skb)
{
	const struct efh_hdr *h;

	if (!efh_is_run(skb) || !pskb_may_pull(skb, EFH_HDR_LEN))
		return false;
	h = (struct efh_hdr *)skb->data;
	return efh_wire_plain(h, h->option) && h->nexthdr != NEXTHDR_ROUTING;
}

static struct sk_buff *efh_offload_segment6(struct sk_buff *skb,
					    netdev_features_t features)
{
	const struct net_offload *ops;
	const struct ipv6_opt_hdr *h;
	u8 nexthdr;

	do {
		if (efh_offload_run(skb))
			return efh_gso_segment(skb, features);
		if (!pskb_may_pull(skb, sizeof(*h)))
			return ERR_PTR(-EINVAL);
		h = (struct ipv6_opt_hdr *)skb->data;
		if (!pskb_may_pull(skb, ipv6_optlen(h)))
			return ERR_PTR(-EINVAL);
		h = (struct ipv6_opt_hdr *)skb->data;
		nexthdr = h->nexthdr;
		__skb_pull(skb, ipv6_optlen(h));
		ops = efh_offload_ops(nexthdr);
	} while (efh_offload_over(nexthdr, ops));
	if (!ops || !ops->callbacks.gso_segment)
		return ERR_PTR(-EPROTONOSUPPORT);
	skb_reset_transport_header(skb);
	return ops->callbacks.gso_segment(skb, features);
}

static struct sk_buff *efh_offload_receive4(struct list_head *head,
					    struct sk_buff *skb)
{
	if (efh_gro_wants(skb))
		return efh_gro_receive(head, skb, EFH_CARRIER_IPV4);
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

static int efh_offload_complete4(struct sk_buff *skb, int at)
{
	efh_gro_complete(skb, at, EFH_CARRIER_IPV4);
	return 0;
}

static struct sk_buff *efh_offload_segment4(struct sk_buff *skb,
					    netdev_features_t features)
{
	return efh_offload_run(skb) ? efh_gso_segment(skb, features) :
				      ERR_PTR(-EPROTONOSUPPORT);
}

static const struct net_offload efh_offload4 = {
	.callbacks = {
		.gso_segment = efh_offload_segment4,
		.gro_receive = efh_offload_receive4,
		.gro_complete = efh_offload_complete4,
	},
};

/*
 * Ours in inet6_offloads. Allocated, not static: where somebody has put himself
 * before it, it must stay when this module goes, and then is as the stack's.
 */
static struct net_offload *efh_offload6;

static bool efh_offload_replace(const struct net_offload *old,
				const struct net_offload *new)
{
	return cmpxchg((__force const struct net_offload **)
		       &inet6_offloads[IPPROTO_DSTOPTS], old, new) == old;
}

/* Can runs be split? */
static bool efh_offload_on;

/**
 * efh_offload_ready() - will a run be split before a driver gets it?
 *
 * Context: RCU read side; efh_offload_exit() waits for those who got a yes.
 */
bool efh_offload_ready(void)
{
	return READ_ONCE(efh_offload_on);
}

/**
 * efh_offload_init() - take part in GRO and GSO
 *
 * Return: 0; -EBUSY if somebody else has IPv4's protocol 60; -EAGAIN if
 *	somebody else's registration for IPv6 came in between; -ENOMEM.
 */
int efh_offload_init(void)
{
	efh_offload6 = kzalloc(sizeof(*efh_offload6), GFP_KERNEL);
	if (!efh_offload6)
		return -ENOMEM;
	efh_offload6->callbacks = efh_offload4.callbacks;
	efh_offload6->callbacks.gso_segment = efh_offload_segment6;
	efh_offload6->callbacks.gro_receive = efh_offload_receive6;
	efh_offload6->callbacks.gro_complete = efh_offload_complete6;
	if (inet_add_offload(&efh_offload4, IPPROTO_DSTOPTS)) {
		pr_err("IPv4 protocol 60 has another module's offloads\n");
		kfree(efh_offload6);
		return -EBUSY;
	}
	efh_offload_stock = (__force const struct net_offload *)
		rcu_access_pointer(inet6_offloads[IPPROTO_DSTOPTS]);
	if (!efh_offload_replace(efh_offload_stock, efh_offload6)) {
		pr_err("another module changes the offloads of IPv6 destination options\n");
		inet_del_offload(&efh_offload4, IPPROTO_DSTOPTS);
		kfree(efh_offload6);
		return -EAGAIN;
	}
	WRITE_ONCE(efh_offload_on, true);
	return 0;
}

/* As if nobody took part, and nobody stepped over the header either. */
static void efh_offload_disarm(void)
{
	memset(&efh_offload6->callbacks, 0, sizeof(efh_offload6->callbacks));
}

/**
 * efh_offload_exit() - take part no longer
 *
 * Runs that wait in a queue can't be split any more; the stack drops them. It
 * must not take what GRO still holds for what is behind the header: where that
 * can't be waited for, an entry without callbacks stays in the stack's place.
 *
 * Context: process. Afterwards no packet is in our handlers.
 */
void efh_offload_exit(void)
{
	bool ours = false;

	WRITE_ONCE(efh_offload_on, false);
	if (efh_gro_stop()) {
		ours = efh_offload_replace(efh_offload6, efh_offload_stock);
		if (!ours) {
			efh_offload_disarm();
			WRITE_ONCE(efh_offload6->flags, INET6_PROTO_GSO_EXTHDR);
		}
	} else {
		pr_warn("a device keeps fragments in GRO; GRO and GSO behind IPv6 destination options are off\n");
		efh_offload_disarm();
	}
	/* Waits for those who are in either. */
	inet_del_offload(&efh_offload4, IPPROTO_DSTOPTS);
	if (ours)
		kfree(efh_offload6);
}
