// SPDX-License-Identifier: GPL-2.0-only
/* Load, unload and the life of a network namespace. */
#include <linux/module.h>
#include <linux/efh.h>

static int __init efh_init(void)
{
	return 0;
}
module_init(efh_init);

static void __exit efh_exit(void)
{
}
module_exit(efh_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Extended Fragment Header: IPv6 fragmentation done right");
