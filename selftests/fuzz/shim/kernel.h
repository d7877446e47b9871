/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel as far as efh's hot path sees it, in user space: force-included
 * before each of its files, whose own #includes find empty ones. One CPU; time
 * moves, memory runs out, and another CPU comes in between when a fuzzer says
 * so. Whatever the kernel would answer with a BUG ends the program.
 */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sk_buff;

/* Types and compiler */

typedef uint8_t u8, __u8;
typedef uint16_t u16, __u16, __be16, __sum16;
typedef uint32_t u32, __u32, __be32, __wsum;
typedef uint64_t u64, __u64, __be64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned int gfp_t;
typedef u64 netdev_features_t;

#define KERNEL_VERSION(a, b, c)	(((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE	KERNEL_VERSION(7, 2, 0)

#define __percpu
#define __rcu
#define __force
#define __maybe_unused		__attribute__((unused))
#define __aligned(n)		__attribute__((aligned(n)))
#define noinline		__attribute__((noinline))
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define READ_ONCE(x)		(*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value)	(*(volatile __typeof__(x) *)&(x) = (value))
#define IS_ENABLED(x)		0

#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define min(a, b) \
	({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) \
	({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof(*(a)))
#define round_down(x, n)	((x) / (n) * (n))
#define round_up(x, n)		(((x) + (n) - 1) / (n) * (n))
#define DIV_ROUND_UP(x, n)	(((x) + (n) - 1) / (n))
#define div_u64(a, b)		((u64)(a) / (u32)(b))
#define div64_u64(a, b)		((u64)(a) / (u64)(b))
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(high, low)	(~0ULL >> (63 - (high)) & ~0ULL << (low))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)
#define U8_MAX			UINT8_MAX
#define U16_MAX			UINT16_MAX
#define swap(a, b) \
	do { __typeof__(a) old_ = (a); (a) = (b); (b) = old_; } while (0)

void shim_die(const char *file, int line, const char *what)
	__attribute__((noreturn));
/* What the kernel would call a bug, and what a target finds wrong. */
#define SHIM_BUG_ON(x) \
	do { if (x) shim_die(__FILE__, __LINE__, #x); } while (0)
#define BUG_ON(x)		SHIM_BUG_ON(x)
#define WARN_ON_ONCE(x)		({ SHIM_BUG_ON(x); false; })
#define WARN_ON(x)		WARN_ON_ONCE(x)
#define BUILD_BUG_ON(x)		_Static_assert(!(x), #x)

#define htons(x)		__builtin_bswap16(x)
#define htonl(x)		__builtin_bswap32(x)
#define ntohs(x)		htons(x)
#define ntohl(x)		htonl(x)
#define cpu_to_be64(x)		__builtin_bswap64(x)
#define be32_to_cpu(x)		htonl(x)
#define be64_to_cpu(x)		cpu_to_be64(x)
#define __cpu_to_be16(x)	htons(x)
#define __cpu_to_be32(x)	htonl(x)
#define __be16_to_cpu(x)	htons(x)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as the macros say");
_Static_assert(sizeof(long) == 8, "as in the kernels the module is for");

#define ENOENT	2
#define EAGAIN	11
#define ENOMEM	12
#define EBUSY	16
#define EINVAL	22
#define EMSGSIZE 90
#define EPROTONOSUPPORT 93
#define EOPNOTSUPP 95
#define ERR_PTR(error)		((void *)(long)(error))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= -4095ul)
#define IS_ERR_OR_NULL(p)	(!(p) || IS_ERR(p))

/* Memory: fails when it is told to */

#define GFP_ATOMIC	1u
#define GFP_KERNEL	2u
#define __GFP_NOWARN	4u
#define __GFP_HIGH	8u
#define __GFP_COMP	16u
#define __GFP_NORETRY	32u
#define __GFP_NOMEMALLOC 64u
#define PAGE_SIZE	4096u
#define PAGE_ALLOC_COSTLY_ORDER 3

static inline int get_order(unsigned long size)
{
	int order;

	for (order = 0; (unsigned long)PAGE_SIZE << order < size; order++)
		;
	return order;
}

extern unsigned int shim_fail_after;	/* this allocation fails; 0: none */
extern unsigned int shim_failed;	/* how many have */
extern long shim_live;			/* objects not freed yet */

void *shim_alloc(size_t size);
void shim_free(const void *p);

void *kzalloc(size_t size, gfp_t gfp);
#define kvcalloc(n, size, gfp)	kzalloc((n) * (size), gfp)
#define kfree(p)		shim_free(p)
#define kvfree(p)		shim_free(p)

/* What is only counted: one CPU, and locks that check who uses them */

typedef struct { int n; } atomic_t, refcount_t;
typedef struct { long n; } atomic_long_t;
typedef struct { s64 n; } atomic64_t;

#define atomic_read(a)		((a)->n)
#define atomic_inc(a)		((a)->n++)
#define atomic_dec(a)		((a)->n--)
#define atomic_long_read(a)	((a)->n)
#define atomic_long_add(i, a)	((a)->n += (long)(i))
#define atomic_long_sub(i, a)	((a)->n -= (long)(i))
#define atomic_long_inc(a)	((a)->n++)
#define atomic_long_dec(a)	((a)->n--)
#define refcount_add(i, a)	((a)->n += (i))
#define refcount_sub_and_test(i, a) (!((a)->n -= (i)))
#define atomic64_read(a)	((a)->n)
#define atomic64_add(i, a)	((a)->n += (s64)(i))

typedef struct { bool held; } spinlock_t;

extern void (*shim_preempt)(void);	/* called before a lock is taken, none held */
void shim_lock(spinlock_t *lock);
void shim_unlock(spinlock_t *lock);
#define spin_lock_init(l)	((l)->held = false)
#define spin_lock(l)		shim_lock(l)
#define spin_lock_bh(l)		shim_lock(l)
#define spin_unlock(l)		shim_unlock(l)
#define spin_unlock_bh(l)	shim_unlock(l)
#define lockdep_assert_held(l)	SHIM_BUG_ON(!(l)->held)
#define local_bh_disable()	((void)0)
#define local_bh_enable()	((void)0)
#define cond_resched()		((void)0)
#define in_softirq()		true

#define alloc_percpu(type)	((type *)kzalloc(sizeof(type), GFP_KERNEL))
#define free_percpu(p)		shim_free(p)
#define per_cpu_ptr(p, cpu)	((void)(cpu), p)
#define this_cpu_ptr(p)		(p)
#define __this_cpu_inc(x)	((x)++)
#define __this_cpu_dec(x)	((x)--)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)

typedef struct { u64 n; } u64_stats_t;
struct u64_stats_sync { char none; };
#define u64_stats_init(s)	((void)(s))
#define u64_stats_update_begin(s) ((void)(s))
#define u64_stats_update_end(s)	((void)(s))
#define u64_stats_fetch_begin(s) ((void)(s), 0u)
#define u64_stats_fetch_retry(s, start) ((void)(s), (void)(start), false)
#define u64_stats_add(c, i)	((c)->n += (i))
#define u64_stats_read(c)	((c)->n)

/* RCU: what is given up is freed when no reader is left */

struct rcu_head {
	struct rcu_head *next;
	void *object;
	void (*func)(struct rcu_head *head);
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
void shim_rcu_defer(struct rcu_head *head, void *object,
		    void (*func)(struct rcu_head *head));
#define kfree_rcu(p, member)	shim_rcu_defer(&(p)->member, p, NULL)
#define rcu_dereference(p)	(p)

/* Lists */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

static inline void list_add_tail(struct list_head *entry, struct list_head *list)
{
	entry->next = list;
	entry->prev = list->prev;
	list->prev->next = entry;
	list->prev = entry;
}

static inline void list_del_init(struct list_head *entry)
{
	SHIM_BUG_ON(entry->next->prev != entry || entry->prev->next != entry);
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
	INIT_LIST_HEAD(entry);
}

static inline void list_del(struct list_head *entry)
{
	list_del_init(entry);
	entry->next = NULL;
	entry->prev = NULL;
}

static inline void list_add(struct list_head *entry, struct list_head *list)
{
	list_add_tail(entry, list->next);
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry_or_null(list, type, member) \
	(list_empty(list) ? NULL : list_entry((list)->next, type, member))
#define list_for_each_entry(p, list, member) \
	for (p = list_entry((list)->next, __typeof__(*p), member); \
	     &p->member != (list); p = list_entry(p->member.next, __typeof__(*p), member))

/* A hash table that never grows */

struct rhash_head {
	struct rhash_head *next;
};

struct rhashtable_params {
	u16 key_len, key_offset, head_offset;
	bool automatic_shrinking;
};

#define SHIM_BUCKETS 64
struct rhashtable {
	atomic_t nelems;
	struct rhashtable_params params;
	struct rhash_head *bucket[SHIM_BUCKETS];
};

int rhashtable_init(struct rhashtable *table, const struct rhashtable_params *params);
void *rhashtable_lookup(struct rhashtable *table, const void *key,
			const struct rhashtable_params params);
void *rhashtable_lookup_get_insert_fast(struct rhashtable *table,
					struct rhash_head *node,
					const struct rhashtable_params params);
int rhashtable_remove_fast(struct rhashtable *table, struct rhash_head *node,
			   const struct rhashtable_params params);
/* Objects may be removed while they are looked at, and no others. */
struct rhashtable_iter {
	struct rhashtable *table;
	struct rhash_head *next;
	unsigned int bucket;
};
#define rhashtable_walk_enter(t, iter) \
	(*(iter) = (struct rhashtable_iter){ .table = (t) })
#define rhashtable_walk_start(iter)	((void)(iter), rcu_read_lock())
#define rhashtable_walk_stop(iter)	((void)(iter), rcu_read_unlock())
#define rhashtable_walk_exit(iter)	((void)(iter))
void *rhashtable_walk_next(struct rhashtable_iter *iter);
void rhashtable_free_and_destroy(struct rhashtable *table,
				 void (*free)(void *object, void *arg), void *arg);

typedef struct { u64 key[2]; } siphash_key_t;
u64 siphash(const void *data, size_t len, const siphash_key_t *key);
void get_random_bytes(void *p, size_t len);

/* Time, and work that waits for it */

extern unsigned long jiffies;
#define HZ			1000
#define msecs_to_jiffies(ms)	((unsigned long)(ms))
#define msleep(ms)		((void)(ms))
#define fsleep(us)		((void)(us))
#define synchronize_net()	((void)0)
#define cmpxchg(p, old, new) \
	({ __typeof__(*(p)) was_ = *(p); if (was_ == (old)) *(p) = (new); was_; })
#define pr_err(...)		((void)0)
#define pr_warn(...)		((void)0)
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define time_in_range_open(a, b, c) (time_after_eq(a, b) && time_before(a, c))

struct work_struct {
	void (*func)(struct work_struct *work);
};

struct delayed_work {
	struct work_struct work;
	bool pending;
	unsigned long due;
	struct delayed_work *next;
};

struct workqueue_struct;

/* What has one is not run here. */
struct hrtimer {
	enum hrtimer_restart { HRTIMER_NORESTART } (*function)(struct hrtimer *timer);
};
#define hrtimer_setup(timer, f, clock, mode) ((timer)->function = (f))

#define INIT_DELAYED_WORK(w, f) \
	(*(w) = (struct delayed_work){ .work.func = (f) })
#define delayed_work_pending(w)	((w)->pending)
bool queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
			unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
		      unsigned long delay);
bool cancel_delayed_work_sync(struct delayed_work *work);
/* Let time pass, and what is due run. */
void shim_sleep(unsigned long ticks);
/* Run what is due now or would be: another CPU's work. */
void shim_work(void);

/* Tracepoints: what they are given is looked at, no more */

#define TRACE_EVENT(name, proto, args, ...) \
	static inline __maybe_unused void trace_##name(proto) {}
#define TP_PROTO(...)		__VA_ARGS__
#define TP_ARGS(...)

/* Addresses and headers */

struct in6_addr {
	union {
		u8 s6_addr[16];
		__be32 s6_addr32[4];
	};
};

struct ipv6hdr {
	u8 priority : 4, version : 4;
	u8 flow_lbl[3];
	__be16 payload_len;
	u8 nexthdr;
	u8 hop_limit;
	struct in6_addr saddr;
	struct in6_addr daddr;
};

struct iphdr {
	u8 ihl : 4, version : 4;
	u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	u8 ttl;
	u8 protocol;
	__sum16 check;
	__be32 saddr;
	__be32 daddr;
};

struct ipv6_opt_hdr {
	u8 nexthdr;
	u8 hdrlen;
};

struct ipv6_rt_hdr {
	u8 nexthdr;
	u8 hdrlen;
	u8 type;
	u8 segments_left;
};

#define ipv6_optlen(h)		(((h)->hdrlen + 1) << 3)

#define AF_INET			2
#define AF_INET6		10
#define ETH_P_IP		0x0800
#define ETH_P_IPV6		0x86DD
#define IPPROTO_ICMP		1
#define IPPROTO_TCP		6
#define IPPROTO_UDP		17
#define IPPROTO_ICMPV6		58
#define IPPROTO_DSTOPTS		60
#define NEXTHDR_HOP		0
#define NEXTHDR_ROUTING		43
#define NEXTHDR_FRAGMENT	44
#define NEXTHDR_ICMP		58
#define NEXTHDR_DEST		60
#define IP_DF			0x4000
#define IP_MF			0x2000
#define IP_OFFSET		0x1FFF
#define IPV6_ADDR_LINKLOCAL	0x0020u
#define IPV6_FLOWINFO_MASK	htonl(0x0FFFFFFF)
#define IPV6_MAXPLEN		65535u
#define IP_MAX_MTU		65535u

static inline bool ipv6_addr_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] && a->s6_addr32[2] == htonl(0xFFFF);
}

static inline bool ipv6_addr_any(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] && !a->s6_addr32[2] && !a->s6_addr32[3];
}

static inline bool ipv4_is_multicast(__be32 addr)
{
	return (addr & htonl(0xF0000000)) == htonl(0xE0000000);
}

static inline bool ipv4_is_zeronet(__be32 addr)
{
	return !(addr & htonl(0xFF000000));
}

static inline bool ipv4_is_lbcast(__be32 addr)
{
	return addr == htonl(0xFFFFFFFF);
}

static inline void ipv6_addr_set_v4mapped(__be32 addr, struct in6_addr *to)
{
	*to = (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xFFFF), addr } };
}

static inline bool ipv6_addr_is_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xFF;
}

static inline unsigned int ipv6_addr_type(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xFE && a->s6_addr[1] >> 6 == 2 ?
	       IPV6_ADDR_LINKLOCAL : 0;
}

static inline u8 ipv6_get_dsfield(const struct ipv6hdr *h)
{
	return h->priority << 4 | h->flow_lbl[0] >> 4;
}

static inline void ipv6_change_dsfield(struct ipv6hdr *h, u8 mask, u8 value)
{
	u8 dsfield = (ipv6_get_dsfield(h) & mask) | value;

	h->priority = dsfield >> 4;
	h->flow_lbl[0] = (h->flow_lbl[0] & 0x0F) | (dsfield & 0x0F) << 4;
}

static inline __be32 ip6_flowinfo(const struct ipv6hdr *h)
{
	__be32 first;

	memcpy(&first, h, sizeof(first));
	return first & IPV6_FLOWINFO_MASK;
}

static inline __be32 ip6_flowlabel(const struct ipv6hdr *h)
{
	return *(const __be32 *)h & htonl(0x000FFFFF);
}

static inline bool ip_is_fragment(const struct iphdr *h)
{
	return h->frag_off & htons(IP_MF | IP_OFFSET);
}

/* ECN: the result for each set of code points, 0xff where RFC 3168 forbids it */
#define INET_ECN_CE		3
#define INET_ECN_MASK		3
extern const u8 ip_frag_ecn_table[16];

/* Devices, routes, namespaces: one host */

#define NETIF_F_SG		1ull
#define NETIF_F_GSO_MASK	0xff0000ull

struct net_device {
	int ifindex;
	unsigned int gro_max_size;
	u64 features;
	unsigned int mtu;
	unsigned short hard_header_len, needed_headroom, needed_tailroom;
	u8 pcpu_stat_type;
	bool lltx;
};
#define LL_RESERVED_SPACE(dev) \
	(round_up((dev)->hard_header_len + (dev)->needed_headroom, 16) + 16)

struct dst_entry {
	int refs;
	int error;
};

struct sock {
	refcount_t sk_wmem_alloc;
	u16 sk_family, sk_type;
};

struct nf_hook_entries;

struct net {
	struct {
		unsigned int inum;
	} ns;
	void *generic;
};
#define net_generic(net, id)	((void)(id), (net)->generic)
extern struct net shim_net;
#define dev_net(dev)		((void)(dev), &shim_net)

struct nf_hook_state {
	struct net *net;
	struct net_device *in, *out;
	struct sock *sk;
	int (*okfn)(struct net *net, struct sock *sk, struct sk_buff *skb);
};
#define NF_DROP		0
#define NF_ACCEPT	1
#define NF_STOLEN	2
#define NET_XMIT_CN	2

struct inet6_dev {
	struct {
		atomic_t mc_forwarding;
	} cnf;
	struct ifmcaddr6 *mc_list;
};

struct ifmcaddr6 {
	struct in6_addr mca_addr;
	struct ifmcaddr6 *next;
};

struct in_device {
	struct ip_mc_list *mc_list;
	bool mforward;
};
#define IN_DEV_MFORWARD(d)	((d)->mforward)

struct ip_mc_list {
	__be32 multiaddr;
	struct ip_mc_list *next_rcu;
};

struct flowi6 {
	int flowi6_iif;
	u32 flowi6_mark;
	u8 flowi6_proto;
	__be32 flowlabel;
	struct in6_addr daddr, saddr;
};

struct rt6_info {
	struct dst_entry dst;
	u32 rt6i_flags;
};
#define RTF_LOCAL		1u
#define RTF_ANYCAST		2u
#define RT6_LOOKUP_F_HAS_SADDR	1
#define RTN_UNICAST		1
#define RTN_LOCAL		2
#define RTN_BROADCAST		3
#define RTN_MULTICAST		5

/* The addresses of the one host */
extern const struct in6_addr shim_local6, shim_group6;
extern const __be32 shim_local4, shim_group4;
extern struct net_device shim_dev[2];
extern bool shim_dev_gone;

#define l3mdev_master_ifindex_rcu(dev) ((void)(dev), 0)
struct inet6_dev *__in6_dev_get(const struct net_device *dev);
struct in_device *__in_dev_get_rcu(const struct net_device *dev);
unsigned int inet_addr_type_dev_table(struct net *net, struct net_device *dev, __be32 addr);
struct dst_entry *ip6_route_input_lookup(struct net *net, struct net_device *dev,
					 struct flowi6 *fl6, const struct sk_buff *skb,
					 int flags);
struct net_device *dev_get_by_index_rcu(struct net *net, int index);
void dst_release(struct dst_entry *dst);

/* ICMP errors: how many were sent, and what they say, in any order */

#define ICMPV6_PARAMPROB	4
#define ICMPV6_HDR_FIELD	0
#define ICMPV6_TIME_EXCEED	3
#define ICMPV6_EXC_FRAGTIME	1
#define ICMP_PARAMETERPROB	12
#define ICMP_TIME_EXCEEDED	11
#define ICMP_EXC_FRAGTIME	1

struct shim_icmp {
	unsigned int count;
	u64 sum;
};
extern struct shim_icmp shim_icmp;

void icmpv6_send(struct sk_buff *skb, u8 type, u8 code, u32 info);
void icmp_send(struct sk_buff *skb, int type, int code, __be32 info);

#include "skbuff.h"
#include "gro.h"
#include "links.h"

#endif /* SHIM_KERNEL_H */
