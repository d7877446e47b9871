// SPDX-License-Identifier: GPL-2.0-only
/* Memory, locks, RCU, time, hash tables, and the host's addresses; see kernel.h. */
#include "kernel.h"

void shim_die(const char *file, int line, const char *what)
{
	const char *name = strrchr(file, '/');

	fflush(stdout);
	fprintf(stderr, "%s:%d: %s\n", name ? name + 1 : file, line, what);
	abort();
}

/* Memory */

unsigned int shim_fail_after, shim_failed;
long shim_live;

void *shim_alloc(size_t size)
{
	void *p;

	if (shim_fail_after && !--shim_fail_after) {
		shim_failed++;
		return NULL;
	}
	p = malloc(size);
	SHIM_BUG_ON(!p);
	shim_live++;
	return p;
}

void *kzalloc(size_t size, gfp_t gfp)
{
	void *p = shim_alloc(size);

	(void)gfp;
	return p ? memset(p, 0, size) : NULL;
}

void shim_free(const void *p)
{
	if (!p)
		return;
	shim_live--;
	free((void *)p);
}

/* Locks */

void (*shim_preempt)(void);
static unsigned int shim_locks;

void shim_lock(spinlock_t *lock)
{
	if (!shim_locks && shim_preempt)
		shim_preempt();
	SHIM_BUG_ON(lock->held);
	lock->held = true;
	shim_locks++;
}

void shim_unlock(spinlock_t *lock)
{
	SHIM_BUG_ON(!lock->held);
	lock->held = false;
	shim_locks--;
}

/* RCU */

static struct rcu_head *shim_deferred;
static unsigned int shim_readers;

void rcu_read_lock(void)
{
	shim_readers++;
}

void rcu_read_unlock(void)
{
	struct rcu_head *head;

	SHIM_BUG_ON(!shim_readers);
	if (--shim_readers)
		return;
	SHIM_BUG_ON(shim_locks);
	while (shim_deferred) {
		head = shim_deferred;
		shim_deferred = head->next;
		if (head->func)
			head->func(head);
		else
			shim_free(head->object);
	}
}

void shim_rcu_defer(struct rcu_head *head, void *object, void (*func)(struct rcu_head *head))
{
	*head = (struct rcu_head){ shim_deferred, object, func };
	shim_deferred = head;
	rcu_read_lock();
	rcu_read_unlock();
}

/* Hash tables */

static u64 shim_hash(const void *data, size_t len)
{
	const u8 *octet = data;
	u64 hash = 0xcbf29ce484222325;

	for (; len; len--)
		hash = (hash ^ *octet++) * 0x100000001b3;
	return hash ^ hash >> 29;
}

static struct rhash_head **shim_bucket(struct rhashtable *table, const void *key)
{
	return &table->bucket[shim_hash(key, table->params.key_len) % SHIM_BUCKETS];
}

static void *shim_object(struct rhashtable *table, struct rhash_head *node)
{
	return (char *)node - table->params.head_offset;
}

int rhashtable_init(struct rhashtable *table, const struct rhashtable_params *params)
{
	*table = (struct rhashtable){ .params = *params };
	return 0;
}

void *rhashtable_lookup(struct rhashtable *table, const void *key,
			const struct rhashtable_params params)
{
	struct rhash_head *node;

	SHIM_BUG_ON(!shim_readers);
	for (node = *shim_bucket(table, key); node; node = node->next) {
		char *object = shim_object(table, node);

		if (!memcmp(object + params.key_offset, key, params.key_len))
			return object;
	}
	return NULL;
}

void *rhashtable_lookup_get_insert_fast(struct rhashtable *table, struct rhash_head *node,
					const struct rhashtable_params params)
{
	const char *key = (char *)shim_object(table, node) + params.key_offset;
	void *old = rhashtable_lookup(table, key, params), *memory;

	if (old)
		return old;
	/* a table that is too full wants more */
	memory = shim_alloc(1);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	shim_free(memory);
	node->next = *shim_bucket(table, key);
	*shim_bucket(table, key) = node;
	table->nelems.n++;
	return NULL;
}

int rhashtable_remove_fast(struct rhashtable *table, struct rhash_head *node,
			   const struct rhashtable_params params)
{
	const char *key = (char *)shim_object(table, node) + params.key_offset;
	struct rhash_head **link;

	for (link = shim_bucket(table, key); *link; link = &(*link)->next) {
		if (*link == node) {
			*link = node->next;
			table->nelems.n--;
			return 0;
		}
	}
	return -ENOENT;
}

void *rhashtable_walk_next(struct rhashtable_iter *iter)
{
	struct rhash_head *node;

	while (!iter->next && iter->bucket < SHIM_BUCKETS)
		iter->next = iter->table->bucket[iter->bucket++];
	node = iter->next;
	if (!node)
		return NULL;
	iter->next = node->next;
	return (char *)node - iter->table->params.head_offset;
}

void rhashtable_free_and_destroy(struct rhashtable *table,
				 void (*free)(void *object, void *arg), void *arg)
{
	struct rhash_head *node, *next;
	int i;

	for (i = 0; i < SHIM_BUCKETS; i++) {
		for (node = table->bucket[i]; node; node = next) {
			next = node->next;
			free(shim_object(table, node), arg);
		}
	}
	memset(table, 0, sizeof(*table));
}

u64 siphash(const void *data, size_t len, const siphash_key_t *key)
{
	return shim_hash(data, len) ^ key->key[0];
}

void get_random_bytes(void *p, size_t len)
{
	memset(p, 0x5a, len);
}

/* Time. It begins a minute before it wraps. */

unsigned long jiffies = -60000ul;
static struct delayed_work *shim_pending;

bool cancel_delayed_work_sync(struct delayed_work *work)
{
	struct delayed_work **link;

	if (!work->pending)
		return false;
	for (link = &shim_pending; *link != work; link = &(*link)->next)
		SHIM_BUG_ON(!*link);
	*link = work->next;
	work->pending = false;
	return true;
}

bool queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
			unsigned long delay)
{
	(void)queue;
	if (work->pending)
		return false;
	SHIM_BUG_ON((long)delay < 0);
	work->pending = true;
	work->due = jiffies + delay;
	work->next = shim_pending;
	shim_pending = work;
	return true;
}

bool mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
		      unsigned long delay)
{
	bool was = cancel_delayed_work_sync(work);

	queue_delayed_work(queue, work, delay);
	return was;
}

static void shim_run(struct delayed_work *work)
{
	cancel_delayed_work_sync(work);
	work->work.func(&work->work);
}

static struct delayed_work *shim_first(void)
{
	struct delayed_work *work, *first = shim_pending;

	for (work = shim_pending; work; work = work->next)
		if (time_before(work->due, first->due))
			first = work;
	return first;
}

void shim_sleep(unsigned long ticks)
{
	unsigned long end = jiffies + ticks;
	struct delayed_work *work;
	unsigned int again = 0;

	SHIM_BUG_ON(shim_readers || shim_locks);
	while ((work = shim_first()) && time_before_eq(work->due, end)) {
		/* work that waits for nothing would be work without end */
		again = time_after(work->due, jiffies) ? 0 : again + 1;
		SHIM_BUG_ON(again > 8);
		if (!again)
			jiffies = work->due;
		shim_run(work);
	}
	if (time_before(jiffies, end))
		jiffies = end;
}

void shim_work(void)
{
	struct delayed_work *work = shim_first();

	if (work && !shim_locks)
		shim_run(work);
}

/* The host */

const u8 ip_frag_ecn_table[16] = {
	/* CE with Not-ECT is forbidden; else CE stays what it is */
	[1 << 3 | 1] = 0xff, [1 << 3 | 1 | 2] = 0xff, [1 << 3 | 1 | 4] = 0xff,
	[1 << 3 | 1 | 2 | 4] = 0xff,
	[1 << 3] = INET_ECN_CE, [1 << 3 | 2] = INET_ECN_CE, [1 << 3 | 4] = INET_ECN_CE,
	[1 << 3 | 2 | 4] = INET_ECN_CE,
};

const struct in6_addr shim_local6 = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 2 } };
const struct in6_addr shim_group6 = { .s6_addr = { 0xff, 2, [15] = 0x99 } };
const __be32 shim_local4 = htonl(0xc0000202), shim_group4 = htonl(0xe0000099);
struct net shim_net;
struct net_device shim_dev[2];
bool shim_dev_gone;
struct shim_icmp shim_icmp;

struct inet6_dev *__in6_dev_get(const struct net_device *dev)
{
	static struct ifmcaddr6 group;
	static struct inet6_dev idev = { .mc_list = &group };

	(void)dev;
	group.mca_addr = shim_group6;
	return &idev;
}

struct in_device *__in_dev_get_rcu(const struct net_device *dev)
{
	static struct ip_mc_list group;
	static struct in_device in_dev = { .mc_list = &group };

	(void)dev;
	group.multiaddr = shim_group4;
	return &in_dev;
}

unsigned int inet_addr_type_dev_table(struct net *net, struct net_device *dev, __be32 addr)
{
	(void)net;
	(void)dev;
	return addr == shim_local4 ? RTN_LOCAL :
	       (addr & htonl(0xf0000000)) == htonl(0xe0000000) ? RTN_MULTICAST : RTN_UNICAST;
}

struct dst_entry *ip6_route_input_lookup(struct net *net, struct net_device *dev,
					 struct flowi6 *fl6, const struct sk_buff *skb,
					 int flags)
{
	static struct rt6_info local = { .rt6i_flags = RTF_LOCAL }, other;

	(void)net;
	(void)dev;
	(void)skb;
	(void)flags;
	return dst_clone(ipv6_addr_equal(&fl6->daddr, &shim_local6) ? &local.dst : &other.dst);
}

struct net_device *dev_get_by_index_rcu(struct net *net, int index)
{
	(void)net;
	SHIM_BUG_ON(!shim_readers);
	SHIM_BUG_ON(index < 1 || index > 2);
	return shim_dev_gone ? NULL : &shim_dev[index - 1];
}

static void shim_icmp_sent(struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	u64 says;

	/* it quotes the packet: that must be one */
	shim_check_skb(skb);
	SHIM_BUG_ON(skb->data != skb_network_header(skb) || !skb->dev);
	says = (u64)type << 40 | (u64)code << 32 | info;
	shim_icmp.count++;
	shim_icmp.sum += says * says;
}

void icmpv6_send(struct sk_buff *skb, u8 type, u8 code, u32 info)
{
	SHIM_BUG_ON(skb_headlen(skb) < sizeof(struct ipv6hdr));
	SHIM_BUG_ON(ipv6_hdr(skb)->version != 6);
	shim_icmp_sent(skb, type, code, info);
}

void icmp_send(struct sk_buff *skb, int type, int code, __be32 info)
{
	SHIM_BUG_ON(skb_headlen(skb) < sizeof(struct iphdr) || ip_hdr(skb)->version != 4);
	shim_icmp_sent(skb, type, code, ntohl(info));
}

int ip6_find_1stfragopt(struct sk_buff *skb, u8 **nexthdr)
{
	(void)skb;
	(void)nexthdr;
	return -EINVAL;		/* sending: no target comes by here */
}

/* What was freed stays so for as long as a script takes, not much longer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "malloc_context_size=6:quarantine_size_mb=16";
}
