// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay: an interface whose hardware is a piece of memory. A program maps
 * /dev/replay, lays frames into it, and with each write() the driver receives
 * all of them, in polls of 64, as drivers do: headers are copied, the rest
 * stays in pages, or the buffer is built around the frame. What is written is
 * how many frames come with each interrupt. Each open file is a queue of its
 * own. What is sent through the interface is thrown away.
 */
#include <linux/etherdevice.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/vmalloc.h>
#include "replay.h"

#define REPLAY_ROOM	(NET_SKB_PAD + NET_IP_ALIGN)

static struct net_device *replay_dev;

struct replay {
	struct napi_struct napi;
	void *memory;
	struct page **pages;
	unsigned int slots;
	unsigned int next;	/* to be received */
	unsigned int left;	/* until the next interrupt */
};

static int replay_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc_obj(struct replay, GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static void replay_free(struct replay *r)
{
	vfree(r->memory);
	kvfree(r->pages);
	r->memory = NULL;
	r->pages = NULL;
}

/* As many octets of the memory as are left, a page each. */
static void replay_add_pages(struct replay *r, struct sk_buff *skb, unsigned int slot,
			     unsigned int offset, unsigned int left)
{
	while (left) {
		unsigned int len = min_t(unsigned int, left, PAGE_SIZE - offset);

		get_page(r->pages[slot]);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, r->pages[slot++], offset, len,
				left > 2048 ? PAGE_SIZE : 2048);
		left -= len;
		offset = 0;
	}
}

static struct sk_buff *replay_skb(struct replay *r, unsigned int slot,
				  const struct replay_frame *f)
{
	const void *data = (void *)f + REPLAY_DATA;
	struct sk_buff *skb;
	void *buffer;

	if (f->linear) {
		skb = napi_alloc_skb(&r->napi, max_t(unsigned int, f->linear, 128));
		if (!skb)
			return NULL;
		skb_put_data(skb, data, f->linear);
		replay_add_pages(r, skb, slot, REPLAY_DATA + f->linear, f->len - f->linear);
	} else {
		unsigned int size = SKB_DATA_ALIGN(REPLAY_ROOM + f->len) +
				    SKB_DATA_ALIGN(sizeof(struct skb_shared_info));

		buffer = napi_alloc_frag(size);
		skb = buffer ? napi_build_skb(buffer, size) : NULL;
		if (!skb)
			return NULL;
		skb_reserve(skb, REPLAY_ROOM);
		/* the hardware would write it here */
		skb_put_data(skb, data, f->len);
	}
	skb->protocol = eth_type_trans(skb, replay_dev);
	if (f->checked)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return skb;
}

static int replay_poll(struct napi_struct *napi, int budget)
{
	struct replay *r = container_of(napi, struct replay, napi);
	int done = 0;

	while (done < budget && r->left && r->next < r->slots) {
		const struct replay_frame *f = r->memory + r->next * REPLAY_SLOT;
		struct sk_buff *skb = NULL;

		if (REPLAY_SLOTS(f->len) <= r->slots - r->next)
			skb = replay_skb(r, r->next, f);
		r->next += REPLAY_SLOTS(f->len);
		r->left--;
		if (skb)
			napi_gro_receive(napi, skb);
		done++;
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}

static int replay_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct replay *r = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned int i, slots = size / REPLAY_SLOT;

	if (r->memory || vma->vm_pgoff)
		return -EINVAL;
	r->memory = vmalloc_user(size);
	r->pages = kvcalloc(slots, sizeof(*r->pages), GFP_KERNEL);
	if (!r->memory || !r->pages) {
		replay_free(r);
		return -ENOMEM;
	}
	for (i = 0; i < slots; i++)
		r->pages[i] = vmalloc_to_page(r->memory + i * REPLAY_SLOT);
	r->slots = slots;
	netif_napi_add(replay_dev, &r->napi, replay_poll);
	napi_enable(&r->napi);
	return remap_vmalloc_range(vma, r->memory, 0);
}

static int replay_release(struct inode *inode, struct file *file)
{
	struct replay *r = file->private_data;

	if (r->slots) {
		napi_disable(&r->napi);
		netif_napi_del(&r->napi);
	}
	replay_free(r);
	kfree(r);
	return 0;
}

/* All frames arrive, so many with each interrupt. */
static ssize_t replay_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct replay *r = file->private_data;
	__u32 each;

	if (!r->slots || size != sizeof(each))
		return -EINVAL;
	if (copy_from_user(&each, from, size))
		return -EFAULT;
	if (!each)
		return -EINVAL;
	r->next = 0;
	while (READ_ONCE(r->next) < r->slots) {
		unsigned int before = r->next;

		local_bh_disable();
		r->left = each;
		napi_schedule(&r->napi);
		local_bh_enable();
		/* if it could not run at once another thread does it */
		while (READ_ONCE(r->left) && READ_ONCE(r->next) < r->slots)
			cond_resched();
		if (r->next == before)
			return -EIO;
	}
	return size;
}

static const struct file_operations replay_fops = {
	.owner = THIS_MODULE,
	.open = replay_open,
	.release = replay_release,
	.mmap = replay_mmap,
	.write = replay_write,
};

static struct miscdevice replay_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "replay",
	.fops = &replay_fops,
};

static netdev_tx_t replay_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops replay_ops = {
	.ndo_start_xmit = replay_xmit,
	.ndo_set_mac_address = eth_mac_addr,
};

static int __init replay_init(void)
{
	int err;

	/* what is mapped has pages of that size */
	BUILD_BUG_ON(REPLAY_SLOT != PAGE_SIZE);
	replay_dev = alloc_etherdev(0);
	if (!replay_dev)
		return -ENOMEM;
	strscpy(replay_dev->name, "replay0", IFNAMSIZ);
	replay_dev->netdev_ops = &replay_ops;
	replay_dev->max_mtu = ETH_MAX_MTU;
	eth_hw_addr_random(replay_dev);
	err = register_netdev(replay_dev);
	if (err)
		goto free;
	err = misc_register(&replay_misc);
	if (!err)
		return 0;
	unregister_netdev(replay_dev);
free:
	free_netdev(replay_dev);
	return err;
}

static void __exit replay_exit(void)
{
	misc_deregister(&replay_misc);
	unregister_netdev(replay_dev);
	free_netdev(replay_dev);
}

module_init(replay_init);
module_exit(replay_exit);
MODULE_DESCRIPTION("An interface that receives frames made in advance");
MODULE_LICENSE("GPL");
