// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: efh/wire.h. What a header says is compared with what a second reader
 * of the page finds in it, and what is written is read back.
 *
 * The input: what counts before the header (16 bits), the payload's length
 * (16), the option type's last bits (8), the header.
 */
#include "wire.h"
#include "host.h"

static void same(const struct efh_fragment *f, const struct model_header *h)
{
	SHIM_BUG_ON(f->id != cpu_to_be64(h->id));
	SHIM_BUG_ON(f->offset != 8 * h->offset);
	SHIM_BUG_ON(f->index != h->index);
	SHIM_BUG_ON(f->nexthdr != h->nh_cache);
	SHIM_BUG_ON(f->flags != (h->p << 1 | h->s));
	SHIM_BUG_ON(f->more != h->m);
}

/* What is written says what was to be said, and reads as it. */
static void again(const struct efh_fragment *f, u8 option, unsigned int before)
{
	struct efh_fragment read = {};
	struct model_header h;
	struct efh_hdr hdr;
	unsigned int pointer;

	memset(&hdr, 0xff, sizeof(hdr));
	efh_wire_encode(&hdr, option, f);
	SHIM_BUG_ON(efh_wire_find((u8 *)&hdr, sizeof(hdr), option) != 2);
	SHIM_BUG_ON(efh_wire_decode((u8 *)&hdr, sizeof(hdr), option, before, f->payload, &read,
				    &pointer));
	SHIM_BUG_ON(model_check((u8 *)&hdr, sizeof(hdr), option, before, f->payload, &h, &pointer));
	same(&read, &h);
	same(f, &h);
	SHIM_BUG_ON(read.size != f->size || read.payload != f->payload);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct script s = { data, size };
	unsigned int before = take16(&s), payload = take16(&s), length, pointer = ~0u, expected_at = ~0u;
	u8 option = take8(&s) % 4 ? 0xDE : 1 + take8(&s), *header;
	enum efh_drop_reason reason;
	enum model_counter expected;
	struct efh_fragment f = {};
	struct model_header h = {};
	int at;

	/* Pad1 and PadN are nobody's to choose. */
	if (option < 2)
		option = 0x5E;
	if (s.left < 8)
		return 0;
	/* to its last octet, and with the length that it says it has */
	length = min(s.left, (size_t)2048) & ~7u;
	header = malloc(length);
	memcpy(header, s.data, length);
	header[1] = length / 8 - 1;

	at = efh_wire_find(header, length, option);
	SHIM_BUG_ON(at != model_find(header, length, option));
	reason = efh_wire_decode(header, length, option, before, payload, &f, &pointer);
	expected = model_check(header, length, option, before, payload, &h, &expected_at);
	/* both begin with the checks' reasons in their order */
	SHIM_BUG_ON((int)reason != (int)expected);
	if (reason) {
		SHIM_BUG_ON(pointer != expected_at || pointer >= length);
		SHIM_BUG_ON(at < 0 && reason != EFH_DROP_BAD_OPTION);
	} else {
		same(&f, &h);
		SHIM_BUG_ON(f.size != h.size || f.hdrlen != length || f.payload != payload);
		SHIM_BUG_ON(efh_wire_atomic(&f) != (h.index == 0 && h.m == 0));
		again(&f, option, before);
	}
	free(header);
	return 0;
}
