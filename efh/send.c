// SPDX-License-Identifier: GPL-2.0-only
/*
 * Outwards: this host's own packets, those of its links among them, that exceed
 * the path MTU leave as EFH fragments, after every table has seen them whole.
 */
#include <linux/icmpv6.h>
#include <linux/netfilter_bridge.h>
#include <net/addrconf.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include "advise.h"
#include "carrier.h"
#include "compat.h"
#include "encap.h"
#include "fragment.h"
#include "gso.h"
#include "link.h"
#include "net.h"
#include "offload.h"
#include "path.h"
#include "peer.h"
#include "pmtu.h"
#include "port.h"
#include "retransmit.h"
#include "run.h"
#include "send.h"

/* What passes the device and is no larger gains nothing from a path MTU. */
#define EFH_SEND_MIN	1060u	/* IPv4 header, EFH, EFH_MIN_FRAGMENT */

/**
 * struct efh_sending - a packet at the output hook
 * @en: the namespace
 * @state: the hook's
 * @tunnel: it is a link's
 * @link: that link; NULL if its addresses were translated
 * @fragment_size: limit of L, octets; 0: none
 * @max_packet: octets
 * @retransmit: fragments of it may be sent again
 * @flow: its flow; NULL without memory for one
 * @carrier: its family
 * @believed: what the stack believes that the path takes, octets
 * @local: what route and device take, octets
 * @mtu: what the path takes, octets
 * @plain: what may go without EFH, octets
 */
struct efh_sending {
	struct efh_net *en;
	const struct nf_hook_state *state;
	struct efh_link *link;
	struct efh_flow *flow;
	enum efh_carrier carrier;
	bool tunnel;
	bool retransmit;
	u32 fragment_size;
	u32 max_packet;
	unsigned int believed;
	unsigned int local;
	unsigned int mtu;
	unsigned int plain;
};

/*
 * Ours, and not on a detour: forwarded and bridged packets stay what they
 * are; IPsec and a VRF's device pass packets here again in their final form.
 */
static bool efh_send_own(const struct sk_buff *skb,
			 const struct nf_hook_state *state,
			 enum efh_carrier carrier)
{
	/* Some tunnels leave debris in cb, but those name their socket. */
	if (!state->sk &&
	    (carrier == EFH_CARRIER_IPV6 ? IP6CB(skb)->iif != 0 :
					   IPCB(skb)->flags & IPSKB_FORWARDED))
		return false;
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	if (nf_bridge_info_exists(skb))
		return false;
#endif
#ifdef CONFIG_XFRM
	if (skb_dst(skb)->xfrm)
		return false;
#endif
	return !netif_is_l3_master(state->out);
}

/*
 * The datagram socket whose options hold for a packet. Streams size their
 * segments by the route; and what IPsec or a tunnel sends names the socket of
 * what is inside, which may be of another kind.
 */
static const struct sock *efh_send_socket(const struct efh_sending *s)
{
	const struct sock *sk = s->state->sk;

	if (!sk || s->tunnel || !sk_fullsock(sk) ||
	    (sk->sk_type != SOCK_DGRAM && sk->sk_type != SOCK_RAW))
		return NULL;
	if (sk->sk_family == AF_INET6 ||
	    (sk->sk_family == AF_INET && s->carrier == EFH_CARRIER_IPV4))
		return sk;
	return NULL;
}

/* With the later modes of MTU discovery the route's word does not count. */
static bool efh_send_use_route(const struct efh_sending *s)
{
	const struct sock *sk = efh_send_socket(s);

	if (!sk)
		return true;
	return s->carrier == EFH_CARRIER_IPV6 ?
	       inet6_sk(sk)->pmtudisc < IPV6_PMTUDISC_PROBE :
	       ip_sk_use_pmtu(sk);
}

/* What route and device take, octets. */
static unsigned int efh_send_local_mtu(const struct sk_buff *skb,
				       const struct efh_sending *s)
{
	const struct dst_entry *dst = skb_dst(skb);
	const struct net_device *dev = s->state->out;
	unsigned int mtu = READ_ONCE(dev->mtu);
	const struct inet6_dev *idev;

	if (s->carrier == EFH_CARRIER_IPV6) {
		idev = __in6_dev_get(dev);
		if (idev)
			mtu = min_t(unsigned int, mtu,
				    READ_ONCE(idev->cnf.mtu6));
	}
	mtu -= lwtunnel_headroom(dst->lwtstate, mtu);
	if (s->tunnel)
		return min(mtu, efh_path_route_mtu(dst, s->carrier));
	return efh_send_use_route(s) ? min(mtu, s->believed) : mtu;
}

static bool efh_send_fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) :
				 skb->len <= mtu;
}

/* IPV6_DONTFRAG, IPV6_MTU_DISCOVER and their IPv4 kin. */
static bool efh_send_may_split(const struct sk_buff *skb,
			       const struct efh_sending *s)
{
	const struct sock *sk = efh_send_socket(s);

	if (!sk)
		return true;
	if (s->carrier == EFH_CARRIER_IPV4)
		return skb->ignore_df || ip_sk_ignore_df(sk);
	return (skb->ignore_df || ip6_sk_ignore_df(sk)) &&
	       !efh_compat_dontfrag(sk);
}

static void efh_send_flow_key(const struct sk_buff *skb,
			      const struct efh_sending *s,
			      struct efh_flow_key *key)
{
	struct in6_addr *to = &key->destination.addr;
	const struct net_device *dev = s->state->out;

	if (s->carrier == EFH_CARRIER_IPV4) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, to);
	} else {
		*to = ipv6_hdr(skb)->daddr;
		key->label = be32_to_cpu(ip6_flowlabel(ipv6_hdr(skb)));
	}
	key->carrier = s->carrier;
	key->destination.scope = efh_carrier_scope(dev, dev->ifindex, to);
}

/*
 * Does the stack, but nobody else, believe that the path takes less than EFH needs, as
 * IPv4 can? Errors about whatever may have told it so; it knows how to send such.
 */
static bool efh_send_misled(const struct sk_buff *skb,
			    const struct efh_sending *s,
			    const struct efh_flow_key *key)
{
	struct efh_flow *flow;
	unsigned int route;

	if (likely(s->local >= EFH_SEND_MIN) || s->tunnel ||
	    s->local != s->believed)
		return false;
	route = efh_path_route_mtu(skb_dst(skb), s->carrier);
	return route >= EFH_SEND_MIN &&
	       efh_search_path(s->en, key, route, &flow) >= EFH_SEND_MIN;
}

/* The packet can't be sent: count it, and tell who has no socket to hear. */
static void efh_send_too_big(struct sk_buff *skb, const struct efh_sending *s)
{
	const struct sock *sk = s->state->sk;

	efh_stats_inc(s->en, EFH_A_STATS_OUT_FAILED);
	if (s->tunnel) {
		bool ip6 = s->carrier == EFH_CARRIER_IPV6;
		unsigned int at = ip6 ? sizeof(struct ipv6hdr) : ip_hdrlen(skb);
		u8 inner = ip6 ? ipv6_hdr(skb)->nexthdr : ip_hdr(skb)->protocol;

		/* IPsec hides it. */
		if (s->link &&
		    (inner == IPPROTO_IPV6 || inner == IPPROTO_IPIP))
			efh_link_too_big(s->link, skb, at, s->mtu - at);
		return;
	}
	/* Streams hear of it, too, from the output function. */
	if (sk && sk_fullsock(sk) && !sk->sk_kern_sock &&
	    (efh_send_socket(s) || sk->sk_type == SOCK_STREAM))
		return;
	if (s->carrier == EFH_CARRIER_IPV6)
		icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, s->mtu);
	else
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
			  htonl(s->mtu));
}

/* Leave a packet that fits the route, but not the path, to the stack. */
static void efh_send_standard(struct sk_buff *skb, const struct efh_sending *s)
{
	skb->ignore_df = 1;
	if (s->carrier == EFH_CARRIER_IPV6)
		IP6CB(skb)->frag_max_size = s->plain;
	else
		IPCB(skb)->frag_max_size = s->plain;
}

/* How a packet is sent; false if it can't be (wire.rst section 3). */
static bool efh_send_plan(struct sk_buff *skb, const struct efh_sending *s,
			  struct efh_plan *plan)
{
	struct efh_place found = { .carrier = s->carrier };
	unsigned int headers, length, size;

	/* A fragment, of whatever kind, is not fragmented again. */
	if (efh_carrier_place(skb, &plan->place) ||
	    efh_carrier_find(skb, plan->option, &found) ||
	    !efh_compat_readable(skb))
		return false;
	headers = plan->place.at + EFH_HDR_LEN;
	length = skb->len - plan->place.at;
	size = s->mtu > headers ? round_down(s->mtu - headers, 8) : 0;
	if (size >= EFH_MIN_FRAGMENT && skb->len <= s->mtu &&
	    skb->len > s->plain)
		size = efh_plan_cautious(length, (int)s->plain - (int)headers);
	if (s->fragment_size)
		size = min(size, s->fragment_size);
	if (length > size && size < EFH_MIN_FRAGMENT)
		return false;
	plan->size = size;
	plan->count = length > size ? DIV_ROUND_UP(length, size) : 1;
	return plan->count <= EFH_MAX_FRAGMENTS &&
	       efh_carrier_before(s->carrier, plan->place.at,
				  skb->data[plan->place.nhoff]) + length <=
	       s->max_packet;
}

/*
 * Can a run's IP header tell its length? If not, nobody asks before it is split,
 * but for one who gets a copy of what is sent to a group.
 */
static bool efh_send_told(const struct sk_buff *skb, enum efh_carrier carrier)
{
	return skb->len <= efh_run_max(carrier) ||
	       !(carrier == EFH_CARRIER_IPV6 ?
		 ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr) :
		 ipv4_is_multicast(ip_hdr(skb)->daddr));
}

/*
 * Can the path to the device take a run? Its segments' length must be one that
 * GSO can tell, and a route that encapsulates wants fragments.
 */
static bool efh_send_late(const struct sk_buff *skb, const struct efh_plan *plan)
{
	return efh_offload_ready() && efh_send_told(skb, plan->place.carrier) &&
	       EFH_HDR_LEN + plan->size < GSO_BY_FRAGS &&
	       !lwtunnel_xmit_redirect(skb_dst(skb)->lwtstate);
}

/* Is it a link's, and more than the stack believes that the route takes? */
static bool efh_send_beyond(const struct sk_buff *skb,
			    const struct efh_sending *s)
{
	return s->tunnel && unlikely(!efh_send_fits(skb, s->believed)) &&
	       efh_path_direct(skb_dst(skb));
}

/* Out; by the stack's last step if that lets it pass. */
static int efh_send_out(struct sk_buff *skb, const struct efh_sending *s)
{
	if (efh_send_beyond(skb, s))
		return efh_path_output(s->en, skb);
	return s->state->okfn(s->en->net, s->state->sk, skb);
}

/* A run, fragment by fragment; taken. */
static int efh_send_early(struct sk_buff *skb, const struct efh_sending *s,
			  const struct efh_plan *plan)
{
	struct efh_split split = {
		.net = s->en->net,
		.carrier = s->carrier,
		.at = plan->place.at,
		.size = plan->size,
		.features = s->state->out->features,
	};
	struct sk_buff *segs, *seg, *next;
	int err = 0, ret;

	segs = efh_fragment(skb, &split);
	if (IS_ERR(segs)) {
		kfree_skb(skb);
		return PTR_ERR(segs);
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		/* Without one fragment the others are in vain. */
		if (err && err != NET_XMIT_CN) {
			kfree_skb(seg);
			continue;
		}
		ret = efh_send_out(seg, s);
		err = ret ?: err;
	}
	return err;
}

/* One packet as planned; taken. */
static int efh_send_split(struct sk_buff *skb, const struct efh_sending *s,
			  struct efh_plan *plan)
{
	int err;

	if (!s->tunnel && plan->count > 1 && efh_advise_due(s->en))
		efh_advise_socket(s->en, s->flow, skb, plan->place.at);
	plan->id = efh_flow_next(s->flow, s->mtu, plan->size);
	err = efh_gso_begin(skb, plan);
	if (!err && s->retransmit && plan->count > 1)
		efh_store_keep(s->en, s->flow, skb, plan, NULL);
	if (err)
		kfree_skb(skb);
	else if (plan->count == 1 || efh_send_late(skb, plan))
		err = efh_send_out(skb, s);
	else
		err = efh_send_early(skb, s, plan);
	/* With congestion something of the flow was lost, not necessarily this. */
	if (err && err != NET_XMIT_CN) {
		efh_stats_inc(s->en, EFH_A_STATS_OUT_FAILED);
		return err;
	}
	atomic64_add(plan->count, &s->flow->fragments);
	efh_search_traffic(&s->flow->search, plan->count);
	efh_stats_inc(s->en, EFH_A_STATS_OUT_PACKETS);
	if (s->link)
		efh_link_count(s->link, EFH_LINK_OUT_LARGE);
	efh_stats_add(s->en, EFH_A_STATS_OUT_FRAGMENTS, plan->count);
	return err;
}

/* A segment of a GSO packet; taken. */
static int efh_send_segment(struct sk_buff *skb, const struct efh_sending *s,
			    struct efh_plan *plan, bool standard)
{
	if (!standard && !efh_send_fits(skb, s->plain) &&
	    efh_send_plan(skb, s, plan))
		return efh_send_split(skb, s, plan);
	if (!standard && !efh_send_fits(skb, s->mtu)) {
		efh_send_too_big(skb, s);
		kfree_skb_reason(skb, SKB_DROP_REASON_PKT_TOO_BIG);
		return -EMSGSIZE;
	}
	if (!standard)
		return efh_send_out(skb, s);
	efh_send_standard(skb, s);
	return s->state->okfn(s->en->net, s->state->sk, skb);
}

/* A GSO packet; taken. */
static int efh_send_segments(struct sk_buff *skb, const struct efh_sending *s,
			     struct efh_plan *plan, bool standard)
{
	netdev_features_t features = netif_skb_features(skb) & ~NETIF_F_GSO_MASK;
	struct sk_buff *segs, *seg, *next;
	int err = 0, ret;

	segs = skb_gso_segment(skb, features);
	if (IS_ERR_OR_NULL(segs)) {
		efh_stats_inc(s->en, EFH_A_STATS_OUT_FAILED);
		kfree_skb(skb);
		return -ENOMEM;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		ret = efh_send_segment(seg, s, plan, standard);
		if (ret && !err)
			err = ret;
	}
	return err;
}

/* Taken; and what the sender is told of it, by kernels that do. */
static unsigned int efh_send_stolen(const struct efh_sending *s, int err)
{
	if (err > 0 && efh_send_socket(s))
		err = net_xmit_errno(err);
	return NF_STOLEN | (err < 0 ? -err << NF_VERDICT_QBITS : 0);
}

/*
 * Let the hooks behind us see the packet while it is one. Connection tracking
 * confirms at the last priority as well, and where it was there before us it
 * runs after us: a connection never confirmed does not exist for the answer.
 *
 * Return: as nf_hook_slow(): 1 if the packet is still here.
 */
static int efh_send_behind(struct sk_buff *skb, const struct efh_sending *s)
{
	const struct netns_nf *nf = &s->en->net->nf;
	const struct nf_hook_entries *e;
	struct nf_hook_state state = *s->state;
	nf_hookfn *own;
	unsigned int i;

	if (s->carrier == EFH_CARRIER_IPV6) {
		own = efh_send_hook6;
		e = rcu_dereference(nf->hooks_ipv6[NF_INET_POST_ROUTING]);
	} else {
		own = efh_send_hook4;
		e = rcu_dereference(nf->hooks_ipv4[NF_INET_POST_ROUTING]);
	}
	for (i = 0; e && i < e->num_hook_entries; i++)
		if (e->hooks[i].hook == own && ++i < e->num_hook_entries)
			return nf_hook_slow(skb, &state, e, i);
	return 1;
}

/* A packet of its final size: a PROBE, and all that a link sends under UDP. */
static unsigned int efh_send_as_is(struct sk_buff *skb,
				   const struct efh_sending *s)
{
	int err;

	/* A table may have sent it another way, which takes less. */
	if (!efh_send_beyond(skb, s) ||
	    !efh_send_fits(skb, efh_send_local_mtu(skb, s)))
		return NF_ACCEPT;
	err = efh_send_behind(skb, s);
	if (err == 1)
		err = efh_path_output(s->en, skb);
	return efh_send_stolen(s, err);
}

/* The packet exceeds the path MTU, or shall be an atomic fragment. */
static unsigned int efh_send(struct sk_buff *skb, const struct efh_sending *s,
			     bool fits)
{
	struct efh_plan plan = {
		.place.carrier = s->carrier,
		.option = READ_ONCE(s->en->settings.efh_option),
	};
	/* Without memory for a flow the stack does what it can. */
	bool standard = !s->flow ||
			efh_pmtu_unaware(s->en, s->flow->destination);
	unsigned int length = skb->len;
	bool gso = skb_is_gso(skb);
	int err;

	if (!gso && !standard && !efh_send_plan(skb, s, &plan)) {
		if (fits)
			return efh_send_as_is(skb, s);
		efh_send_too_big(skb, s);
		return NF_DROP_ERR(-EMSGSIZE);
	}
	if (efh_send_fits(skb, s->plain) && (standard || gso))
		return NF_ACCEPT;
	if (!gso && standard) {
		efh_send_standard(skb, s);
		return NF_ACCEPT;
	}
	err = efh_send_behind(skb, s);
	if (err == 1 && !gso && skb->len != length &&
	    !efh_send_plan(skb, s, &plan)) {
		efh_send_too_big(skb, s);
		return NF_DROP_ERR(-EMSGSIZE);
	}
	if (err == 1)
		err = gso ? efh_send_segments(skb, s, &plan, standard) :
			    efh_send_split(skb, s, &plan);
	return efh_send_stolen(s, err);
}

/* What is set for its destination; false if nothing is. */
static bool efh_send_native(struct efh_sending *s, const struct in6_addr *to)
{
	const struct efh_native *native = efh_native_lookup(s->en, to);

	if (!native)
		return false;
	s->fragment_size = native->fragment_size;
	s->max_packet = native->max_packet;
	s->retransmit = native->retransmit;
	return true;
}

/* What is set for the link that made it. */
static void efh_send_tunnel(const struct sk_buff *skb, struct efh_sending *s)
{
	const struct efh_peer *peer = efh_encap_peer(s->en, skb, s->carrier);
	const struct efh_link_config *config;

	s->max_packet = EFH_MAX_PACKET;
	if (!peer)
		return;
	s->link = peer->link;
	config = rcu_dereference(s->link->config);
	s->fragment_size = config->fragment_size;
	s->retransmit = config->retransmit;
}

/* Is it a Control message? Those are as large as they shall be. */
static bool efh_send_control(struct sk_buff *skb, const struct efh_sending *s)
{
	bool ip6 = s->carrier == EFH_CARRIER_IPV6;
	unsigned int at = ip6 ? sizeof(struct ipv6hdr) : ip_hdrlen(skb);

	return (ip6 ? ipv6_hdr(skb)->nexthdr : ip_hdr(skb)->protocol) ==
	       IPPROTO_DSTOPTS &&
	       pskb_may_pull(skb, at + EFH_CONTROL_LEN) &&
	       efh_wire_is_control((void *)(skb_network_header(skb) + at),
				   READ_ONCE(s->en->settings.control_option));
}

/* Ask what the path takes, the way that this packet goes. */
static void efh_send_probe(const struct sk_buff *skb,
			   const struct efh_sending *s)
{
	struct efh_path path = {
		.carrier = s->carrier,
		.remote = s->flow->key.destination.addr,
	};
	struct efh_probe probes[EFH_SEARCH_PROBES];
	struct dst_entry *dst = skb_dst(skb);
	struct efh_peer *peer;
	struct sk_buff *probe;
	unsigned int count, i;

	if (s->carrier == EFH_CARRIER_IPV6)
		path.local = ipv6_hdr(skb)->saddr;
	else
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &path.local);
	/* A socket's route may go at any time. */
	if (!dst_hold_safe(dst))
		return;
	local_bh_disable();
	count = efh_search_ask(s->en, s->flow, s->local, probes);
	for (i = 0; i < count; i++) {
		probe = efh_control_probe(s->en, s->flow, &probes[i], skb);
		/* Without the large one the small one would tell a lie. */
		if (!probe)
			break;
		efh_path_by(s->en, &path, s->tunnel ? s->state->sk : NULL,
			    probe, dst_clone(dst), s->flow->key.label);
		efh_stats_inc(s->en, EFH_A_STATS_CONTROL_OUT);
	}
	peer = s->tunnel && efh_search_unanswered(&s->flow->search) ?
	       efh_encap_peer(s->en, skb, s->carrier) : NULL;
	if (peer)
		efh_alive_unanswered(peer);
	local_bh_enable();
	dst_release(dst);
}

/* If it is due. */
static void efh_send_ask(const struct sk_buff *skb, struct efh_sending *s)
{
	if (!s->flow || !efh_search_due(&s->flow->search) ||
	    !efh_send_use_route(s) ||
	    efh_pmtu_unaware(s->en, s->flow->destination) ||
	    efh_multicast(&s->flow->key.destination.addr))
		return;
	efh_send_probe(skb, s);
	s->mtu = efh_search_mtu(s->en, s->flow, s->local);
}

static unsigned int efh_send_hook(struct sk_buff *skb,
				  const struct nf_hook_state *state,
				  enum efh_carrier carrier)
{
	struct efh_net *en = efh_net(state->net);
	bool atomic = READ_ONCE(en->settings.atomic);
	bool udp = efh_port_sender(state->sk), fits;
	struct efh_sending s = {
		.en = en,
		.state = state,
		.carrier = carrier,
	};
	struct efh_flow_key key = {};

	s.tunnel = udp || efh_encap_sender(en, state->sk);
	/* A run comes by once more where a copy is looped back. */
	if ((list_empty(&en->natives.list) && !s.tunnel) ||
	    (efh_is_run(skb) && !udp) || !efh_send_own(skb, state, carrier))
		return NF_ACCEPT;
	s.believed = dst_mtu(skb_dst(skb));
	if (skb->len <= min(s.believed, EFH_SEND_MIN) && !atomic)
		return NF_ACCEPT;
	if (udp || efh_send_control(skb, &s))
		return efh_send_as_is(skb, &s);
	s.local = efh_send_local_mtu(skb, &s);
	s.mtu = s.local;
	efh_send_flow_key(skb, &s, &key);
	if (!s.tunnel && !efh_send_native(&s, &key.destination.addr))
		return NF_ACCEPT;

	if (!efh_send_may_split(skb, &s)) {
		if (efh_send_fits(skb, s.local))
			return NF_ACCEPT;
		efh_send_too_big(skb, &s);
		return NF_DROP_ERR(-EMSGSIZE);
	}

	if (efh_send_misled(skb, &s, &key))
		return NF_ACCEPT;
	s.mtu = efh_search_path(en, &key, s.local, &s.flow);
	efh_send_ask(skb, &s);
	fits = efh_send_fits(skb, s.mtu);
	s.plain = s.tunnel ? min(s.mtu, s.believed) : s.mtu;
	if (efh_send_fits(skb, s.plain) &&
	    (!atomic || skb->len + EFH_HDR_LEN > s.mtu))
		return NF_ACCEPT;
	/* Only now: to most packets of a link it does not matter which. */
	if (s.tunnel)
		efh_send_tunnel(skb, &s);
	if (!s.flow) {
		s.flow = efh_flow_get(en, &key);
		efh_send_ask(skb, &s);
	}
	return efh_send(skb, &s, fits);
}

/**
 * efh_send_hook6() - last after routing, IPv6
 * @priv: unused
 * @skb: the packet
 * @state: the hook's
 */
unsigned int efh_send_hook6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return efh_send_hook(skb, state, EFH_CARRIER_IPV6);
}

/**
 * efh_send_hook4() - last after routing, IPv4
 * @priv: unused
 * @skb: the packet
 * @state: the hook's
 */
unsigned int efh_send_hook4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return efh_send_hook(skb, state, EFH_CARRIER_IPV4);
}
