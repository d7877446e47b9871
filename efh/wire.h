/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EFH option: encode, decode, check (wire.rst sections 2 to 4).
 *
 * Knows octets and nothing of the kernel, so that unit tests and fuzzers run
 * the very code that runs here.
 */
#ifndef _EFH_WIRE_H
#define _EFH_WIRE_H

#include <linux/types.h>
#include <asm/byteorder.h>
#include <linux/efh.h>

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <stdbool.h>
#include <string.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#endif

/* RFC 8200 section 4.2 and 4.7 */
#define EFH_PAD1		0
#define EFH_PADN		1
#define EFH_NEXTHDR_NONE	59

/**
 * enum efh_drop_reason - why a fragment was discarded: wire.rst section 4
 *
 * Each has a counter of its name.
 */
enum efh_drop_reason {
	EFH_OK,
	EFH_DROP_BAD_OPTION,
	EFH_DROP_BAD_INDEX,
	EFH_DROP_BAD_FRAGMENT,
	EFH_DROP_TOO_BIG,
	EFH_DROP_MISMATCH,
	EFH_DROP_DUPLICATE,
	EFH_DROP_ECN,
	EFH_DROP_TIMEOUT,
	EFH_DROP_EVICTED,
	EFH_DROP_NO_MEMORY,

	__EFH_DROP_MAX
};

/**
 * struct efh_fragment - one fragment as its own header describes it
 * @id: Identification, as on the wire: only ever compared
 * @offset: of the payload in the Fragmentable Part, octets
 * @payload: octets after the header
 * @size: L, octets; 0 for an atomic fragment
 * @hdrlen: the Destination Options header that holds the option, octets
 * @index: 0 to 63
 * @nexthdr: NH Cache
 * @flags: EFH_PARCEL and EFH_SUBPARCELS
 * @more: M
 */
struct efh_fragment {
	__be64 id;
	u32 offset;
	u32 payload;
	u16 size;
	u16 hdrlen;
	u8 index;
	u8 nexthdr;
	u8 flags;
	bool more;
};

/**
 * efh_wire_atomic() - is it the whole packet?
 * @f: a decoded fragment
 */
static inline bool efh_wire_atomic(const struct efh_fragment *f)
{
	return !f->index && !f->more;
}

/**
 * efh_wire_find() - look for the EFH option
 * @hdr: a Destination Options header
 * @hdrlen: its length by its own Hdr Ext Len, octets, all readable
 * @option: the option type in use
 *
 * Return: the option's offset in the header, or -1 where there is none (the
 * header is then somebody else's, well-formed or not).
 */
static inline int efh_wire_find(const u8 *hdr, unsigned int hdrlen, u8 option)
{
	unsigned int at = 2;

	while (at < hdrlen) {
		if (hdr[at] == option)
			return at;
		if (hdr[at] == EFH_PAD1)
			at++;
		else if (at + 1 < hdrlen)
			at += 2 + hdr[at + 1];
		else
			break;
	}
	return -1;
}

/* Check 1: Return the option's offset; or -1, with *@pointer at the offence. */
static inline int efh_wire_option(const u8 *hdr, unsigned int hdrlen, u8 option,
				  unsigned int *pointer)
{
	unsigned int at = 2, len;
	int found = -1;

	while (at < hdrlen) {
		*pointer = at;
		if (hdr[at] == EFH_PAD1) {
			at++;
			continue;
		}
		if (at + 1 >= hdrlen)
			return -1;
		len = hdr[at + 1];
		if (at + 2 + len > hdrlen)
			return -1;
		if (hdr[at] == option) {
			if (found >= 0 || len != EFH_OPTION_LEN)
				return -1;
			found = at;
		} else if (hdr[at] != EFH_PADN) {
			return -1;
		}
		at += 2 + len;
	}
	return found;
}

/* Checks 3 and 4, and L, which each fragment tells by itself. */
static inline bool efh_wire_size(struct efh_fragment *f)
{
	u32 size;

	if (efh_wire_atomic(f)) {
		f->size = 0;
		return true;
	}
	if (f->more) {
		size = f->payload;
		if (f->index == EFH_MAX_FRAGMENTS - 1 ||
		    f->offset != f->index * size)
			return false;
	} else {
		size = f->offset / f->index;
		if (f->offset != f->index * size || !f->payload ||
		    f->payload > size)
			return false;
	}
	f->size = size;
	return size >= EFH_MIN_FRAGMENT && size <= EFH_MAX_PACKET &&
	       !(size % 8);
}

/* What the option at @at says. */
static inline void efh_wire_read(const u8 *hdr, unsigned int at,
				 struct efh_fragment *f)
{
	__be16 frag_off;

	memcpy(&frag_off, hdr + at + 4, sizeof(frag_off));
	memcpy(&f->id, hdr + at + 6, sizeof(f->id));
	f->offset = __be16_to_cpu(frag_off) & EFH_OFFSET_MASK;
	f->more = __be16_to_cpu(frag_off) & EFH_MORE;
	f->nexthdr = hdr[at + 2];
	f->index = hdr[at + 3] >> EFH_INDEX_SHIFT;
	f->flags = hdr[at + 3] & (EFH_PARCEL | EFH_SUBPARCELS);
}

/**
 * efh_wire_decode() - read the EFH option and make checks 1 to 5
 * @hdr: the Destination Options header that holds it
 * @hdrlen: its length, octets, all readable
 * @option: the option type in use
 * @unfragmentable: octets before it that count towards 65535: extension
 *	headers under IPv6, the IP header under IPv4
 * @payload: octets after it
 * @f: where to put what was read
 * @pointer: where to put the offending octet's offset in @hdr
 *
 * Return: EFH_OK, or the reason to discard the fragment.
 */
static inline enum efh_drop_reason
efh_wire_decode(const u8 *hdr, unsigned int hdrlen, u8 option,
		unsigned int unfragmentable, unsigned int payload,
		struct efh_fragment *f, unsigned int *pointer)
{
	int at = efh_wire_option(hdr, hdrlen, option, pointer);

	if (at < 0)
		return EFH_DROP_BAD_OPTION;
	efh_wire_read(hdr, at, f);
	f->hdrlen = hdrlen;
	f->payload = payload;

	*pointer = at + 3;
	if (f->index ? !f->offset || hdr[0] != EFH_NEXTHDR_NONE :
		       f->offset || hdr[0] != f->nexthdr)
		return EFH_DROP_BAD_INDEX;

	*pointer = at + 4;
	if (!efh_wire_size(f))
		return EFH_DROP_BAD_FRAGMENT;
	if (unfragmentable + f->offset + payload > EFH_MAX_PACKET)
		return EFH_DROP_TOO_BIG;
	return EFH_OK;
}

/**
 * efh_wire_decode_run() - read the EFH option of consecutive fragments in one
 * @hdr: that of the first, but for M, which is the last one's
 * @hdrlen: its length, octets, all readable
 * @option: the option type in use
 * @unfragmentable: as for efh_wire_decode()
 * @size: L, octets
 * @payload: of all of them, octets
 * @f: where to put what was read
 * @pointer: where to put the offending octet's offset in @hdr
 *
 * Each was checked when it was put there; this is about what was done to them
 * since.
 *
 * Return: EFH_OK, or the reason to discard them.
 */
static inline enum efh_drop_reason
efh_wire_decode_run(const u8 *hdr, unsigned int hdrlen, u8 option,
		    unsigned int unfragmentable, unsigned int size,
		    unsigned int payload, struct efh_fragment *f,
		    unsigned int *pointer)
{
	int at = efh_wire_option(hdr, hdrlen, option, pointer);

	if (at < 0 || hdrlen != EFH_HDR_LEN)
		return EFH_DROP_BAD_OPTION;
	efh_wire_read(hdr, at, f);
	f->hdrlen = hdrlen;
	f->payload = payload;
	f->size = size;
	*pointer = at + 4;
	if (size < EFH_MIN_FRAGMENT || size > EFH_MAX_PACKET || !payload ||
	    f->offset != f->index * size || (f->more && payload % size) ||
	    f->index + (payload + size - 1) / size > EFH_MAX_FRAGMENTS)
		return EFH_DROP_BAD_FRAGMENT;
	if (unfragmentable + f->offset + payload > EFH_MAX_PACKET)
		return EFH_DROP_TOO_BIG;
	return EFH_OK;
}

/**
 * efh_wire_update() - write what differs between fragments of a packet
 * @h: a header with all that doesn't
 * @f: what to say: offset, index, nexthdr, flags, more
 */
static inline void efh_wire_update(struct efh_hdr *h,
				   const struct efh_fragment *f)
{
	h->nexthdr = f->index ? EFH_NEXTHDR_NONE : f->nexthdr;
	h->index_ps = f->index << EFH_INDEX_SHIFT | f->flags;
	h->frag_off = __cpu_to_be16(f->offset | (f->more ? EFH_MORE : 0));
}

/**
 * efh_wire_encode() - write the header a sender emits
 * @h: where to, EFH_HDR_LEN octets
 * @option: the option type in use
 * @f: what to say: id, offset, index, nexthdr, flags, more
 */
static inline void efh_wire_encode(struct efh_hdr *h, u8 option,
				   const struct efh_fragment *f)
{
	h->hdrlen = EFH_HDR_LEN / 8 - 1;
	h->option = option;
	h->optlen = EFH_OPTION_LEN;
	h->nexthdr_cache = f->nexthdr;
	h->id = f->id;
	efh_wire_update(h, f);
}

/**
 * efh_wire_plain() - is it a header as efh_wire_encode() writes it?
 * @h: a Destination Options header, EFH_HDR_LEN octets readable
 * @option: the option type in use
 */
static inline bool efh_wire_plain(const struct efh_hdr *h, u8 option)
{
	return h->hdrlen == EFH_HDR_LEN / 8 - 1 && h->option == option &&
	       h->optlen == EFH_OPTION_LEN;
}

/**
 * efh_wire_is_control() - is it a Control message?
 * @hdr: a Destination Options header, EFH_CONTROL_LEN octets readable
 * @option: the option type in use
 *
 * Return: true for any version and kind.
 */
static inline bool efh_wire_is_control(const struct efh_control_hdr *hdr,
				       u8 option)
{
	return hdr->nexthdr == EFH_NEXTHDR_NONE &&
	       hdr->hdrlen == EFH_CONTROL_LEN / 8 - 1 &&
	       hdr->option == option && hdr->optlen == EFH_CONTROL_OPTION_LEN;
}

/**
 * efh_wire_control() - begin a Control message
 * @hdr: where to; size, flow and nonce are left to the caller, the rest is 0
 * @option: the option type in use
 * @kind: what it is
 * @epoch: this endpoint's
 */
static inline void efh_wire_control(struct efh_control_hdr *hdr, u8 option,
				    enum efh_control_kind kind, u32 epoch)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->nexthdr = EFH_NEXTHDR_NONE;
	hdr->hdrlen = EFH_CONTROL_LEN / 8 - 1;
	hdr->option = option;
	hdr->optlen = EFH_CONTROL_OPTION_LEN;
	hdr->kind = EFH_CONTROL_VERSION << 4 | kind;
	hdr->epoch = __cpu_to_be32(epoch);
}

#endif /* _EFH_WIRE_H */
