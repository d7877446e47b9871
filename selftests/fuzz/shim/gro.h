/* SPDX-License-Identifier: GPL-2.0-only */
/* The stack's part of GRO: what is held, IP headers, and who is asked next. */
#ifndef SHIM_GRO_H
#define SHIM_GRO_H

#define NAPI_GRO_FREE			1
#define NAPI_GRO_FREE_STOLEN_HEAD	2
#define INET6_PROTO_GSO_EXTHDR		1

struct napi_gro_cb {
	unsigned int data_offset, network_offset;
	struct sk_buff *last;
	__wsum csum;
	u16 count, proto;
	u16 flush;
	u8 same_flow, free, encap_mark;
};
#define NAPI_GRO_CB(skb)	((struct napi_gro_cb *)(skb)->cb)

struct offload_callbacks {
	struct sk_buff *(*gso_segment)(struct sk_buff *skb, netdev_features_t features);
	struct sk_buff *(*gro_receive)(struct list_head *head, struct sk_buff *skb);
	int (*gro_complete)(struct sk_buff *skb, int at);
};

struct net_offload {
	struct offload_callbacks callbacks;
	unsigned int flags;
};

extern const struct net_offload *inet6_offloads[256], *inet_offloads[256];
int inet_add_offload(const struct net_offload *offload, unsigned char protocol);
int inet_del_offload(const struct net_offload *offload, unsigned char protocol);
#define rcu_access_pointer(p)	(p)

static inline unsigned int skb_gro_offset(const struct sk_buff *skb)
{
	return NAPI_GRO_CB(skb)->data_offset;
}

static inline unsigned int skb_gro_len(const struct sk_buff *skb)
{
	return skb->len - NAPI_GRO_CB(skb)->data_offset;
}

static inline void skb_gro_pull(struct sk_buff *skb, unsigned int n)
{
	NAPI_GRO_CB(skb)->data_offset += n;
}

static inline int skb_gro_receive_network_offset(const struct sk_buff *skb)
{
	return NAPI_GRO_CB(skb)->network_offset;
}

/* What is not linear may be read in the first page, or is made linear. */
void *skb_gro_header(struct sk_buff *skb, unsigned int until, unsigned int at);
void *skb_gro_network_header(const struct sk_buff *skb);
void skb_gro_postpull_rcsum(struct sk_buff *skb, const void *from, unsigned int n);
#define netif_get_gro_max_size(dev, skb) ((void)(skb), (dev)->gro_max_size)
#define call_gro_receive(f, head, skb) ((f)(head, skb))

/* Take a packet, data at its network header; @deliver gets what goes on. */
void shim_gro_receive(struct sk_buff *skb, void (*deliver)(struct sk_buff *skb));
/* The end of a poll: all that is held goes on. */
void shim_gro_flush(void (*deliver)(struct sk_buff *skb));

#endif /* SHIM_GRO_H */
