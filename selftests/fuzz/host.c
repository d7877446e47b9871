// SPDX-License-Identifier: GPL-2.0-only
/* A host made of the code under test, and the model beside it; see host.h. */
#include "net.h"
#include "offload.h"
#include "pmtu.h"
#include "receive.h"
#include "run.h"
#include "host.h"

struct model model;
struct efh_net *host_en;
bool host_joins, host_blind;
unsigned int host_depth;
void (*host_seen)(const u8 *octets, unsigned int length);
u8 *host_whole;
unsigned int host_whole_length;

struct dst_entry host_dst;
struct shim_ref host_ct, host_ext;
struct sock host_sock;
struct ubuf_info host_uarg;

unsigned int efh_net_id;
struct workqueue_struct *efh_wq;

/* Not this target's */
unsigned int efh_pmtu_icmp6(struct sk_buff *skb, const struct nf_hook_state *state)
{
	(void)skb;
	(void)state;
	return NF_ACCEPT;
}

unsigned int efh_pmtu_icmp4(struct sk_buff *skb, const struct nf_hook_state *state)
{
	return efh_pmtu_icmp6(skb, state);
}

/* Who sent what, and asking for what is missing, is not either. */
void efh_arrival_held(struct efh_net *en, const struct efh_arrival_key *key, __be64 id,
		      u64 came, u64 missing, bool first)
{
	(void)first;
	SHIM_BUG_ON(!came || came & missing);
}

void efh_arrival_whole(struct efh_net *en, const struct efh_arrival_key *key, __be64 id,
		       unsigned int came, bool first)
{
	(void)first;
	SHIM_BUG_ON(!came || came > EFH_MAX_FRAGMENTS);
}

/* The script */

u8 take8(struct script *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->data++;
}

u16 take16(struct script *s)
{
	u16 high = take8(s);

	return high << 8 | take8(s);
}

#define NOISE (1 << 17)

void host_noise(u8 *to, unsigned int n, unsigned int seed)
{
	static u8 noise[NOISE];
	static bool made;
	u64 state = 0x123456789abcdef;
	unsigned int i;

	for (i = 0; !made && i < NOISE; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		noise[i] = state >> 24;
	}
	made = true;
	memcpy(to, noise + seed * 7919 % (NOISE - HOST_MAX), n);
}

/* Buffers */

/* Hang @n octets on @skb, in @pieces of pages or of buffers of a list. */
static void host_hang(struct sk_buff *skb, const u8 *octets, unsigned int n, unsigned int pieces,
		      bool list)
{
	struct sk_buff **link = &skb_shinfo(skb)->frag_list, *frag;
	unsigned int now, at;

	for (; n; n -= now, octets += now, pieces--) {
		struct page *page;

		now = pieces > 1 ? max(n / pieces, 1u) : n;
		at = now % 5 * 4;
		if (list) {
			frag = alloc_skb(now + at, GFP_KERNEL);
			skb_reserve(frag, at);
			skb_put_data(frag, octets, now);
			*link = frag;
			link = &frag->next;
			skb->truesize += frag->truesize;
		} else {
			page = shim_page(now + at);
			memcpy(page->data + at, octets, now);
			skb_fill_page_desc(skb, skb_shinfo(skb)->nr_frags, page, at, now);
			skb->truesize += now + at;
		}
		skb->len += now;
		skb->data_len += now;
	}
}

struct sk_buff *host_skb(const u8 *octets, unsigned int length, unsigned int headers, u16 layout)
{
	unsigned int where = layout & HOST_WHERE, headroom = layout & HOST_ROOM ? 192 : 16;
	unsigned int linear = length, pieces = 1 + (layout >> 14);
	unsigned int fail = shim_fail_after;
	struct sk_buff *skb;

	shim_fail_after = 0;
	headers = min(headers, length);
	/* 0 and 1: all of it; 2 and 3: headers; 4: a little more; 5: the IP
	 * header, as the stack makes sure; 6: a list; 7: nothing, as some
	 * drivers do for GRO, else as 5
	 */
	if (where == 2 || where == 3 || where == 6)
		linear = headers;
	else if (where == 4)
		linear = min(length, headers + (length - headers) / 3);
	else if (where == 5 || (where == 7 && !host_joins))
		linear = *octets >> 4 == 6 ? 40 : (*octets & 15) * 4u;
	else if (where == 7)
		linear = 0;
	linear = min(linear, length);
	/* room to pull headers to, but not for all there can be */
	skb = alloc_skb(headroom + max(linear, 128u), GFP_KERNEL);
	skb_reserve(skb, headroom);
	if (layout & HOST_MAC)
		skb->mac_header = headroom - 14;
	skb_reset_network_header(skb);
	skb_put_data(skb, octets, linear);
	if (layout & HOST_HEAD_PAGE)
		shim_head_frag(skb);
	skb->pp_recycle = layout & HOST_RECYCLE;
	host_hang(skb, octets + linear, length - linear, pieces, where == 6);
	skb->protocol = htons(*octets >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	skb->dev = &shim_dev[!!(layout & HOST_LINK)];
	skb->ip_summed = (layout & HOST_SUM) >> 4;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, 0, length, 0);
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		skb->csum_start = headroom + headers;
		skb->csum_offset = 6;
	}
	if (layout & HOST_DST && layout & HOST_RECYCLE)
		skb_dst_set_noref(skb, &host_dst);
	else if (layout & HOST_DST)
		skb_dst_set(skb, dst_clone(&host_dst));
	if (layout & HOST_CT) {
		host_ct.refs++;
		skb->nfct = &host_ct;
		host_ext.refs++;
		skb->ext = &host_ext;
	}
	if (layout & HOST_SOCK)
		skb_set_owner_w(skb, &host_sock);
	if (layout & HOST_TAPPED)
		host_tap(skb);
	shim_fail_after = fail;
	return skb;
}

u8 *host_flat(const struct sk_buff *skb)
{
	u8 *octets = malloc(skb->len + 1);

	shim_check_skb(skb);
	SHIM_BUG_ON(skb_copy_bits(skb, 0, octets, skb->len));
	return octets;
}

/* Clones that others hold: what they see may not change. */
#define TAPS 8
static struct {
	struct sk_buff *skb;
	u8 *octets;
	u16 gso_size;
} taps[TAPS];
static unsigned int tap;

static void host_untap(unsigned int i)
{
	u8 *octets;

	if (!taps[i].skb)
		return;
	octets = host_flat(taps[i].skb);
	SHIM_BUG_ON(memcmp(octets, taps[i].octets, taps[i].skb->len));
	SHIM_BUG_ON(skb_shinfo(taps[i].skb)->gso_size != taps[i].gso_size);
	free(octets);
	free(taps[i].octets);
	kfree_skb(taps[i].skb);
	taps[i].skb = NULL;
}

void host_tap(struct sk_buff *skb)
{
	host_untap(tap);
	taps[tap].skb = skb_clone(skb, GFP_KERNEL);
	taps[tap].skb->shim_ours = true;
	skb_dst_drop(taps[tap].skb);
	taps[tap].octets = host_flat(taps[tap].skb);
	taps[tap].gso_size = skb_shinfo(skb)->gso_size;
	tap = (tap + 1) % TAPS;
}

void host_own(struct sk_buff *skb, bool ours)
{
	struct sk_buff *frag;

	skb->shim_ours = ours;
	for (frag = skb_shinfo(skb)->frag_list; frag; frag = frag->next)
		host_own(frag, ours);
}

/* Packets on their way: what was sent is what must come out of GRO. */

struct sent {
	struct sent *next;
	u8 *octets;
	unsigned int length, truesize, link;
	bool trusted;
};
static struct sent *sent;

static void host_sent(const u8 *octets, unsigned int length, const struct sk_buff *skb)
{
	struct sent *s = malloc(sizeof(*s)), **link = &sent;

	*s = (struct sent){
		.octets = memcpy(malloc(length), octets, length),
		.length = length,
		.truesize = skb->truesize,
		.link = skb->dev->ifindex,
		.trusted = skb->ip_summed == CHECKSUM_UNNECESSARY,
	};
	while (*link)
		link = &(*link)->next;
	*link = s;
}

/* Take what was sent out of the list, the oldest of those that are the same. */
static struct sent *host_find(const u8 *octets, unsigned int length, unsigned int link_index)
{
	struct sent **link, *s;

	for (link = &sent; (s = *link); link = &s->next) {
		if (s->length == length && s->link == link_index &&
		    !memcmp(s->octets, octets, length)) {
			*link = s->next;
			return s;
		}
	}
	shim_die(__FILE__, __LINE__, "a packet, or a fragment of a run, that nobody sent");
}

unsigned int host_piece(const u8 *run, unsigned int length, unsigned int at,
			       unsigned int size, unsigned int k, u8 *to)
{
	unsigned int end = at + 16, first = run[at + 5] >> 2, payload, offset;
	bool more = run[at + 7] & 1;

	payload = min(size, length - end - k * size);
	more |= end + (k + 1) * size < length;
	memcpy(to, run, end);
	memcpy(to + end, run + end + k * size, payload);
	offset = (first + k) * size / 8;
	to[at] = first + k ? 59 : run[at + 4];
	to[at + 5] = (first + k) << 2 | (run[at + 5] & 3);
	to[at + 6] = offset >> 5;
	to[at + 7] = (offset & 31) << 3 | (run[at + 7] & 6) | more;
	length = end + payload;
	if (*to >> 4 == 6) {
		to[4] = (length - 40) >> 8;
		to[5] = length - 40;
	} else {
		to[2] = length >> 8;
		to[3] = length;
		ip_send_check((struct iphdr *)to);
	}
	return length;
}

/* Where the EFH header of a run stands, whose option type may be an old one */
static unsigned int host_run_at(const u8 *octets, unsigned int length)
{
	struct model_fragment f;
	struct model old = { .option = HOST_OPTION };

	if (!model_place(&old, octets, length, &f)) {
		old.option = HOST_OPTION2;
		SHIM_BUG_ON(!model_place(&old, octets, length, &f));
	}
	return f.at;
}

/* Counters */

static const struct {
	enum efh_stats_attr real;
	enum model_counter model;
} counters[] = {
	{ EFH_A_STATS_IN_FRAGMENTS, MODEL_IN_FRAGMENTS },
	{ EFH_A_STATS_IN_ATOMIC, MODEL_IN_ATOMIC },
	{ EFH_A_STATS_IN_DELIVERED, MODEL_IN_DELIVERED },
	{ EFH_A_STATS_REASSEMBLED, MODEL_REASSEMBLED },
	{ EFH_A_STATS_BAD_OPTION, MODEL_BAD_OPTION },
	{ EFH_A_STATS_BAD_INDEX, MODEL_BAD_INDEX },
	{ EFH_A_STATS_BAD_FRAGMENT, MODEL_BAD_FRAGMENT },
	{ EFH_A_STATS_TOO_BIG, MODEL_TOO_BIG },
	{ EFH_A_STATS_MISMATCH, MODEL_MISMATCH },
	{ EFH_A_STATS_DUPLICATE, MODEL_DUPLICATE },
	{ EFH_A_STATS_ECN, MODEL_ECN },
	{ EFH_A_STATS_TIMEOUT, MODEL_TIMEOUT },
	{ EFH_A_STATS_EVICTED, MODEL_EVICTED },
	{ EFH_A_STATS_NO_MEMORY, MODEL_NO_MEMORY },
};

static void host_counters(u64 *to)
{
	u64 real[EFH_STATS_SUMS];
	unsigned int i;

	efh_stats_read(host_en, real);
	memset(to, 0, MODEL_COUNTERS * sizeof(*to));
	for (i = 0; i < ARRAY_SIZE(counters); i++)
		to[counters[i].model] = real[counters[i].real];
}

static const char * const names[MODEL_COUNTERS] = {
	"none", "bad_option", "bad_index", "bad_fragment", "too_big", "mismatch", "duplicate",
	"ecn", "timeout", "evicted", "no_memory", "in_fragments", "in_atomic", "in_delivered",
	"reassembled",
};

static void host_differ(const char *what, u64 got, u64 expected)
{
	fprintf(stderr, "%s: %llu, the model has %llu\n", what, (unsigned long long)got,
		(unsigned long long)expected);
	shim_die(__FILE__, __LINE__, "the model differs");
}

/* Held buffers: nothing hangs on them, and their sizes are what is counted. */
static u64 host_held_bytes(void)
{
	struct sk_buff *skb, *frag;
	u64 bytes = 0;

	for (skb = shim_buffers; skb; skb = skb->shim_next)
		skb->shim_listed = false;
	for (skb = shim_buffers; skb; skb = skb->shim_next)
		for (frag = skb_shinfo(skb)->frag_list; frag; frag = frag->next)
			frag->shim_listed = true;
	for (skb = shim_buffers; skb; skb = skb->shim_next) {
		if (skb->shim_ours || skb->shim_listed)
			continue;
		SHIM_BUG_ON(skb->_skb_refdst || skb->nfct || skb->dev || skb->sk);
		shim_check_skb(skb);
		bytes += skb->truesize;
	}
	return bytes;
}

void host_check(void)
{
	u64 real[MODEL_COUNTERS], sum = 0;
	u64 held = atomic_long_read(&host_en->reassembly.fragments);
	unsigned int packets = efh_reassembly_packets(host_en), i;
	u64 bytes = efh_reassembly_bytes(host_en);

	if (host_depth)
		return;
	host_counters(real);
	for (i = MODEL_BAD_OPTION; i < MODEL_DROPS; i++)
		sum += real[i];
	SHIM_BUG_ON(real[MODEL_IN_FRAGMENTS] != real[MODEL_IN_DELIVERED] + held + sum);
	SHIM_BUG_ON(bytes > model.memory);
	if (bytes != host_held_bytes() + packets * (u64)model.bookkeeping)
		host_differ("bytes counted", bytes,
			    host_held_bytes() + packets * (u64)model.bookkeeping);
	if (host_blind)
		return;
	for (i = 0; i < MODEL_COUNTERS; i++)
		if (real[i] != model.counter[i])
			host_differ(names[i], real[i], model.counter[i]);
	if (packets != model.packets)
		host_differ("packets held", packets, model.packets);
	if (held != model_held(&model))
		host_differ("fragments held", held, model_held(&model));
	/* what a run that is taken apart costs the model can't know */
	if (!host_joins && bytes != model_bytes(&model))
		host_differ("bytes", bytes, model_bytes(&model));
	if (shim_icmp.count != model.icmp.count)
		host_differ("ICMP errors", shim_icmp.count, model.icmp.count);
	if (shim_icmp.sum != model.icmp.sum)
		host_differ("what ICMP errors say", shim_icmp.sum, model.icmp.sum);
}

/* Life */

void host_settings(void)
{
	host_en->settings.receive = model.receive;
	host_en->settings.efh_option = model.option;
	host_en->settings.timeout = model.timeout;
	host_en->settings.memory = model.memory;
	shim_dev_gone = model.linkless;
	efh_reassembly_settings(host_en);
	if (!host_depth)
		host_sleep(0);
}

static long live;	/* objects that stay as long as the module */

void host_open(void)
{
	unsigned int i;

	SHIM_BUG_ON(shim_live != live || shim_buffers);
	host_en = kzalloc(sizeof(*host_en), GFP_KERNEL);
	shim_net.generic = host_en;
	host_en->net = &shim_net;
	for (i = 0; i < 2; i++)
		shim_dev[i] = (struct net_device){
			.ifindex = i + 1, .mtu = 65535 + 40, .hard_header_len = 14,
			.gro_max_size = 65536,
		};
	shim_icmp = (struct shim_icmp){};
	SHIM_BUG_ON(efh_stats_init(host_en) || efh_reassembly_init(host_en));
	host_dst.refs = 1;
	host_blind = false;
	host_joins = false;
	shim_fail_after = 0;
	shim_failed = 0;
	i = model.bookkeeping;
	model = (struct model){
		.receive = true, .option = HOST_OPTION, .memory = EFH_MEMORY,
		.timeout = EFH_TIMEOUT_MS, .bookkeeping = i,
	};
	host_settings();
}

void host_close(void)
{
	unsigned int i;

	shim_fail_after = 0;
	host_poll();
	SHIM_BUG_ON(sent && !host_blind);
	while (sent) {
		struct sent *s = sent;

		sent = s->next;
		free(s->octets);
		free(s);
	}
	efh_reassembly_exit(host_en);
	efh_stats_exit(host_en);
	kfree(host_en);
	for (i = 0; i < TAPS; i++)
		host_untap(i);
	model_free(&model);
	free(host_whole);
	host_whole = NULL;
	SHIM_BUG_ON(shim_buffers);
	SHIM_BUG_ON(shim_live != live);
	SHIM_BUG_ON(host_dst.refs != 1);
	SHIM_BUG_ON(host_ct.refs || host_ext.refs || host_sock.sk_wmem_alloc.n || host_uarg.refs);
}

/* Receiving */

static bool host_local(const u8 *octets)
{
	if (*octets >> 4 == 6)
		return !memcmp(octets + 24, &shim_local6, 16) || !memcmp(octets + 24, &shim_group6, 16);
	return !memcmp(octets + 16, &shim_local4, 4) || !memcmp(octets + 16, &shim_group4, 4);
}

/* A run that goes elsewhere is split into what it was made of. */
static void host_forward(struct sk_buff *skb, const struct sent *first)
{
	const struct net_offload * const *offloads;
	struct sk_buff *segs, *seg, *next;
	const struct sent *s = first;
	unsigned int at, fail = shim_fail_after;
	u8 *octets;

	shim_fail_after = 0;
	octets = host_flat(skb);
	at = *octets >> 4 == 6 ? 40 : 20;
	SHIM_BUG_ON(skb_cow_head(skb, 64));
	skb_reset_mac_header(skb);
	skb->mac_header -= 14;
	skb_pull(skb, at);
	skb_reset_transport_header(skb);
	offloads = *octets >> 4 == 6 ? inet6_offloads : inet_offloads;
	shim_fail_after = fail;
	segs = offloads[IPPROTO_DSTOPTS]->callbacks.gso_segment(skb, NETIF_F_SG);
	SHIM_BUG_ON(IS_ERR(segs) && !shim_failed);
	if (!IS_ERR(segs)) {
		skb_list_walk_safe(segs, seg, next) {
			u8 *got = host_flat(seg);

			/* a mac header is in front */
			SHIM_BUG_ON(!s || seg->len != s->length + 14 ||
				    memcmp(got + 14, s->octets, s->length));
			free(got);
			s = s->next;
			kfree_skb(seg);
		}
		SHIM_BUG_ON(s);
	}
	free(octets);
}

/* The model gets what the real thing has had, fragment by fragment. */
static enum model_verdict host_model(const struct sent *s, struct model_arrival *whole,
				     bool no_memory)
{
	enum model_verdict verdict, result = MODEL_TAKEN;

	for (; s; s = s->next) {
		struct model_arrival a = {
			.octets = s->octets, .length = s->length, .truesize = s->truesize,
			.link = s->link, .trusted = s->trusted,
			.local = host_local(s->octets), .no_memory = no_memory,
		};

		verdict = model_receive(&model, &a);
		if (verdict == MODEL_WHOLE) {
			SHIM_BUG_ON(result == MODEL_WHOLE);
			*whole = a;
		}
		if (verdict != MODEL_TAKEN)
			result = verdict;
	}
	return result;
}

/* What is right about a whole packet whatever is in it */
static void host_good_packet(const struct sk_buff *skb, const u8 *octets)
{
	SHIM_BUG_ON(skb_network_header(skb) != skb->data || skb_shared(skb) || skb->next);
	SHIM_BUG_ON(skb_headlen(skb) < (*octets >> 4 == 6 ? 40u : (*octets & 15) * 4u));
	if (*octets >> 4 == 6)
		SHIM_BUG_ON(skb->len != 40u + (octets[4] << 8 | octets[5]));
	else
		SHIM_BUG_ON(skb->len != (octets[2] << 8u | octets[3]) ||
			    csum_fold(csum_partial(octets, (*octets & 15) * 4, 0)));
	SHIM_BUG_ON(skb->truesize < skb->len);
	SHIM_BUG_ON(skb_mac_header_was_set(skb) && skb->mac_header > skb->network_header);
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		__sum16 got = csum_fold(skb->csum);
		__sum16 real = csum_fold(skb_checksum(skb, 0, skb->len, 0));

		SHIM_BUG_ON(got != real && (u16)(got + real) != 0xFFFF);
	}
}

/* Past GRO: @skb meets the hook. */
static void host_deliver(struct sk_buff *skb)
{
	struct nf_hook_state state = { .net = &shim_net };
	struct sent *made_of = NULL, **link = &made_of, *s;
	unsigned int length = skb->len, failed = shim_failed, verdict, size = 0, count = 1, at = 0, i, n;
	unsigned long dst = skb->_skb_refdst;
	struct net_device *dev = skb->dev;
	enum model_verdict expected;
	struct model_arrival whole = {};
	u64 before[MODEL_COUNTERS], after[MODEL_COUNTERS];
	u8 *octets = host_flat(skb), *got;
	static u8 piece[HOST_MAX];

	host_own(skb, false);
	if (efh_is_run(skb)) {
		size = efh_run_size(skb);
		count = skb_shinfo(skb)->gso_segs;
		at = host_run_at(octets, length);
		SHIM_BUG_ON(count != DIV_ROUND_UP(length - at - 16, size));
	}
	for (i = 0; i < count; i++) {
		n = count > 1 ? host_piece(octets, length, at, size, i, piece) : length;
		*link = host_find(count > 1 ? piece : octets, n, dev->ifindex);
		(*link)->next = NULL;
		link = &(*link)->next;
	}
	host_counters(before);
	memset(skb->cb, 0, sizeof(skb->cb));
	IP6CB(skb)->iif = dev->ifindex;
	if (*octets >> 4 == 4)
		IPCB(skb)->iif = dev->ifindex;

	rcu_read_lock();
	/* the stack has made sure of that much */
	n = shim_fail_after;
	shim_fail_after = 0;
	SHIM_BUG_ON(!pskb_may_pull(skb, *octets >> 4 == 6 ? 40 : (*octets & 15) * 4));
	shim_fail_after = n;
	verdict = *octets >> 4 == 6 ? efh_receive_hook6(NULL, skb, &state) :
				      efh_receive_hook4(NULL, skb, &state);
	rcu_read_unlock();
	host_counters(after);
	failed = shim_failed - failed;

	/* Memory has run out: where, the counters tell. */
	if (failed && count > 1)
		host_blind = true;
	expected = MODEL_PASS;
	if (!host_blind) {
		bool passed = verdict == NF_ACCEPT &&
			      !memcmp(before, after, sizeof(after));
		bool lost = after[MODEL_NO_MEMORY] != before[MODEL_NO_MEMORY];

		SHIM_BUG_ON(lost && !failed);
		if (!failed || !passed)
			expected = host_model(made_of, &whole, lost);
		if ((verdict == NF_ACCEPT) != (expected != MODEL_TAKEN))
			host_differ("verdict", verdict, expected);
	}

	free(host_whole);
	host_whole = NULL;
	if (verdict == NF_ACCEPT) {
		got = host_flat(skb);
		host_good_packet(skb, got);
		SHIM_BUG_ON(skb->dev != dev || skb->_skb_refdst != dst);
		if (expected == MODEL_WHOLE) {
			if (skb->len != whole.whole_length)
				host_differ("length", skb->len, whole.whole_length);
			SHIM_BUG_ON(memcmp(got, whole.whole, skb->len));
			SHIM_BUG_ON(skb->ip_summed == CHECKSUM_UNNECESSARY && !whole.whole_trusted);
			SHIM_BUG_ON(skb_is_gso(skb));
		} else if (!host_blind) {
			SHIM_BUG_ON(skb->len != length || memcmp(got, octets, length));
			if (count > 1 && octets[at + 2] == model.option)
				host_forward(skb, made_of);
		}
		if (host_blind && host_seen)
			host_seen(got, skb->len);
		host_whole = got;
		host_whole_length = skb->len;
		kfree_skb(skb);
	} else {
		SHIM_BUG_ON(verdict != NF_STOLEN);
	}
	free(whole.whole);
	free(octets);
	while ((s = made_of)) {
		made_of = s->next;
		free(s->octets);
		free(s);
	}
	host_check();
}

void host_arrive(const u8 *octets, unsigned int length, struct sk_buff *skb)
{
	static u8 piece[HOST_MAX];
	unsigned int at, k, n;

	if (efh_is_run(skb)) {
		at = host_run_at(octets, length);
		for (k = 0; k < skb_shinfo(skb)->gso_segs; k++) {
			n = host_piece(octets, length, at, efh_run_size(skb), k, piece);
			host_sent(piece, n, skb);
		}
	} else {
		host_sent(octets, length, skb);
	}
	if (host_joins && !host_depth) {
		host_own(skb, true);
		shim_gro_receive(skb, host_deliver);
	} else {
		host_deliver(skb);
	}
}

/* What the code under test asks for each packet in the making, octets */
void host_measure(void)
{
	static u8 packet[40 + 16 + 1024];
	struct nf_hook_state state = { .net = &shim_net };
	struct ipv6hdr *h = (struct ipv6hdr *)packet;
	struct sk_buff *skb;
	unsigned int truesize;

	h->version = 6;
	h->nexthdr = IPPROTO_DSTOPTS;
	h->daddr = shim_local6;
	memcpy(packet + 40, "\x11\1\xde\x0c\x11\0\0\1", 8);
	model.bookkeeping = 0;
	SHIM_BUG_ON(efh_offload_init());
	live = shim_live;
	host_open();
	skb = host_skb(packet, sizeof(packet), 56, 0);
	truesize = skb->truesize;
	rcu_read_lock();
	SHIM_BUG_ON(efh_receive_hook6(NULL, skb, &state) != NF_STOLEN);
	rcu_read_unlock();
	truesize = efh_reassembly_bytes(host_en) - truesize;
	SHIM_BUG_ON(efh_reassembly_packets(host_en) != 1);
	host_close();
	model.bookkeeping = truesize;
}

void host_poll(void)
{
	shim_gro_flush(host_deliver);
}

void host_sleep(unsigned int ticks)
{
	shim_sleep(ticks);
	if (!host_blind)
		model_settle(&model, ticks);
	host_check();
}
