// SPDX-License-Identifier: GPL-2.0-only
/* What attributes of rtnetlink and of generic netlink have in common. */
#include <net/ipv6.h>
#include <net/netlink.h>
#include "attr.h"
#include "wire.h"

/**
 * efh_attr_addr() - read an address of 4 or 16 octets
 * @attr: the attribute
 * @addr: where to put it, mapped for IPv4
 * @extack: where to say what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int efh_attr_addr(const struct nlattr *attr, struct in6_addr *addr,
		  struct netlink_ext_ack *extack)
{
	if (nla_len(attr) == sizeof(struct in6_addr)) {
		*addr = nla_get_in6_addr(attr);
		if (!ipv6_addr_v4mapped(addr))
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "IPv4-mapped address: give the IPv4 one");
		return -EINVAL;
	}
	if (nla_len(attr) == sizeof(struct in_addr)) {
		ipv6_addr_set_v4mapped(nla_get_in_addr(attr), addr);
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, attr, "an address has 4 or 16 octets");
	return -EINVAL;
}

/**
 * efh_attr_prefix() - read a prefix, which may have no bits beyond its length
 * @attrs: a request's attributes
 * @addr: which of them is the address
 * @len: which the length
 * @prefix: where to put it, mapped for IPv4
 * @extack: where to say what is wrong
 *
 * Return: bits of the mapped prefix or -EINVAL.
 */
int efh_attr_prefix(struct nlattr **attrs, int addr, int len,
		    struct in6_addr *prefix, struct netlink_ext_ack *extack)
{
	struct in6_addr masked;
	int bits;

	if (!attrs[addr] || !attrs[len]) {
		NL_SET_ERR_MSG(extack, "prefix or its length is missing");
		return -EINVAL;
	}
	if (efh_attr_addr(attrs[addr], prefix, extack))
		return -EINVAL;
	bits = nla_get_u8(attrs[len]);
	if (nla_len(attrs[addr]) == sizeof(struct in_addr)) {
		if (bits > 32) {
			NL_SET_ERR_MSG_ATTR(extack, attrs[len],
					    "an IPv4 prefix has 32 bits at most");
			return -EINVAL;
		}
		bits += 96;
	}
	ipv6_addr_prefix(&masked, prefix, bits);
	if (!ipv6_addr_equal(&masked, prefix)) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[addr],
				    "prefix has bits beyond its length");
		return -EINVAL;
	}
	return bits;
}

/**
 * efh_attr_fragment_size() - read a limit of L (wire.rst section 2)
 * @attr: the attribute
 * @size: where to put it, octets; 0: none
 * @extack: where to say what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int efh_attr_fragment_size(const struct nlattr *attr, u32 *size,
			   struct netlink_ext_ack *extack)
{
	*size = nla_get_u32(attr);
	if (!*size || (*size >= EFH_MIN_FRAGMENT && *size <= EFH_MAX_PACKET &&
		       *size % 8 == 0))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "fragment size must be a multiple of 8 from 1024 to 65528");
	return -EINVAL;
}

/**
 * efh_attr_put_addr() - put an address into a message
 * @msg: the message
 * @attr: the attribute
 * @addr: the address, mapped for IPv4: then 4 octets are put
 *
 * Return: 0 or -EMSGSIZE.
 */
int efh_attr_put_addr(struct sk_buff *msg, int attr,
		      const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return nla_put_in_addr(msg, attr, addr->s6_addr32[3]);
	return nla_put_in6_addr(msg, attr, addr);
}
