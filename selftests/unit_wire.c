// SPDX-License-Identifier: GPL-2.0-only
/*
 * efh/wire.h in user space, under the sanitizers: the wire vectors, headers
 * of every length with garbage in them, and every boundary of checks 2 to 5
 * against a second reading of wire.rst section 4.
 *
 * Headers lie at the very end of what was allocated for them, so that a read
 * past the end does not go unseen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../efh/wire.h"

#define OPTION	EFH_OPTION_DEFAULT

static unsigned int count, failed;

static void ok(bool good, const char *what)
{
	count++;
	failed += !good;
	printf("%s %u %s\n", good ? "ok" : "not ok", count, what);
}

static const char * const reasons[] = {
	[EFH_OK] = "ok",
	[EFH_DROP_BAD_OPTION] = "bad_option",
	[EFH_DROP_BAD_INDEX] = "bad_index",
	[EFH_DROP_BAD_FRAGMENT] = "bad_fragment",
	[EFH_DROP_TOO_BIG] = "too_big",
};

/* A copy that ends where its allocation ends. */
static u8 *exact(const void *from, size_t len)
{
	u8 *to = malloc(len ? len : 1);

	if (!to)
		exit(1);
	if (len)
		memcpy(to, from, len);
	return to;
}

static unsigned int unhex(const char *hex, u8 *to, unsigned int max)
{
	unsigned int n = 0, octet;

	while (n < max && sscanf(hex + 2 * n, "%2x", &octet) == 1)
		to[n++] = octet;
	return n;
}

/* One packet of the vectors: what checks 1 to 5 say, and that encode undoes decode. */
static bool vector(const char *result, u8 *packet, unsigned int len)
{
	unsigned int at = 40, hdrlen, pointer = 0;
	struct efh_fragment f = {};
	enum efh_drop_reason got;
	struct efh_hdr again;
	u8 nexthdr = packet[6];
	bool good;
	u8 *hdr;

	while (nexthdr == 0 || nexthdr == 43) {
		nexthdr = packet[at];
		at += (packet[at + 1] + 1) * 8;
	}
	if (nexthdr != 60)
		return false;
	hdrlen = (packet[at + 1] + 1) * 8;
	if (at + hdrlen > len)
		return false;
	hdr = exact(packet + at, hdrlen);
	good = efh_wire_find(hdr, hdrlen, OPTION) >= 2;
	got = efh_wire_decode(hdr, hdrlen, OPTION, at - 40, len - at - hdrlen,
			      &f, &pointer);
	if (got > EFH_DROP_TOO_BIG) {
		good = false;
	} else if (got == EFH_OK) {
		/* the later checks need other fragments */
		good &= !strcmp(result, "held") || !strcmp(result, "packet") ||
			!strcmp(result, "mismatch") || !strcmp(result, "duplicate");
		efh_wire_encode(&again, OPTION, &f);
		if (hdrlen == EFH_HDR_LEN) {
			hdr[7] &= ~6;		/* Res */
			good &= !memcmp(&again, hdr, EFH_HDR_LEN);
		}
		good &= f.hdrlen == hdrlen && f.payload == len - at - hdrlen;
	} else {
		good &= !strcmp(result, reasons[got]);
		good &= pointer >= 2 && pointer < hdrlen;
	}
	if (!good)
		printf("# expected %s, got reason %d, pointer %u\n", result, got, pointer);
	free(hdr);
	return good;
}

static void vectors(const char *name)
{
	static char line[200000], result[32], title[128];
	FILE *file = fopen(name, "r");
	unsigned int len, seen = 0;
	static u8 packet[70000];
	char *hex;

	if (!file) {
		ok(false, "the vectors can be read");
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		char what[192];

		if (sscanf(line, "%31[^\t]\t%127[^\t]\t", result, title) != 2)
			continue;
		hex = strrchr(line, '\t') + 1;
		len = unhex(hex, packet, sizeof(packet));
		snprintf(what, sizeof(what), "vector: %s: %s", title, result);
		ok(vector(result, packet, len), what);
		seen++;
	}
	fclose(file);
	ok(seen > 200, "all vectors");
}

/* wire.rst section 4, read once more and written in its words */
static enum efh_drop_reason table(unsigned int before, u8 nexthdr, u8 cache,
				  unsigned int index, unsigned int offset,
				  bool more, unsigned int payload)
{
	unsigned int size;

	if (index == 0 && (offset != 0 || nexthdr != cache))
		return EFH_DROP_BAD_INDEX;
	if (index > 0 && (offset == 0 || nexthdr != 59))
		return EFH_DROP_BAD_INDEX;
	if (more) {
		if (payload % 8 != 0 || payload < 1024 ||
		    offset * 8 != index * payload || index > 62)
			return EFH_DROP_BAD_FRAGMENT;
	} else if (index > 0) {
		if ((8 * offset) % index != 0)
			return EFH_DROP_BAD_FRAGMENT;
		size = 8 * offset / index;
		if (size % 8 != 0 || size < 1024 || payload < 1 || payload > size)
			return EFH_DROP_BAD_FRAGMENT;
	}
	if (before + 8 * offset + payload > 65535)
		return EFH_DROP_TOO_BIG;
	return EFH_OK;
}

static unsigned int compare(unsigned int before, u8 nexthdr, unsigned int index,
			    unsigned int offset, bool more, unsigned int payload)
{
	struct efh_hdr h = {
		.nexthdr = nexthdr, .hdrlen = 1, .option = OPTION, .optlen = 12,
		.nexthdr_cache = 17, .index_ps = index << 2,
		.frag_off = __cpu_to_be16(offset << 3 | more), .id = 1,
	};
	unsigned int pointer = 0, expected_at;
	enum efh_drop_reason expected, got;
	struct efh_fragment f = {};

	expected = table(before, nexthdr, 17, index, offset, more, payload);
	got = efh_wire_decode((u8 *)&h, sizeof(h), OPTION, before, payload, &f, &pointer);
	expected_at = expected == EFH_DROP_BAD_INDEX ? 5 : 6;
	if (got != expected || (expected && pointer != expected_at)) {
		printf("# before %u next header %u index %u offset %u more %d payload %u: ",
		       before, nexthdr, index, offset, more, payload);
		printf("got %d at %u, expected %d\n", got, pointer, expected);
		return 1;
	}
	if (!got && (more || index) && f.size * index != f.offset) {
		printf("# index %u offset %u: size %u\n", index, offset, f.size);
		return 1;
	}
	return 0;
}

static void boundaries(void)
{
	static const unsigned int payloads[] = {
		0, 1, 7, 8, 9, 1016, 1023, 1024, 1025, 1032, 1440, 1441, 2048, 8184,
		8192, 32760, 65528, 65535,
	};
	unsigned int wrong = 0, index, p, offset;

	for (index = 0; index < 64; index++) {
		for (p = 0; p < sizeof(payloads) / sizeof(*payloads); p++) {
			for (offset = 0; offset < 8192; offset += index < 4 ? 1 : 7) {
				wrong += compare(0, index ? 59 : 17, index, offset, true,
						 payloads[p]);
				wrong += compare(0, index ? 59 : 17, index, offset, false,
						 payloads[p]);
			}
			/* right where it belongs, and one beside */
			for (offset = index * payloads[p] / 8; offset < 8192; offset++) {
				wrong += compare(8, index ? 59 : 17, index, offset, true,
						 payloads[p]);
				if (offset > index * payloads[p] / 8)
					break;
			}
		}
		wrong += compare(0, 17, index, index * 128, true, 1024);
		wrong += compare(0, 58, index, index * 128, false, 1024);
	}
	ok(!wrong, "checks 2 to 4 at every index and offset");

	for (wrong = 0, index = 1; index < 64; index++) {
		for (offset = index * 128; offset < 8192; offset += index) {
			unsigned int last = 65535 - 8 * offset;

			for (p = 0; p <= 48; p += 8) {
				wrong += compare(p, 59, index, offset, false, last - p);
				wrong += compare(p, 59, index, offset, false, last - p + 1);
			}
		}
	}
	ok(!wrong, "check 5 around 65535");
}

static u64 state = 0x123456789abcdef;

static u8 noise(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 24;
}

/* Headers that are mostly options: nothing is read outside, every answer is one of those named. */
static void garbage(void)
{
	static const u8 likely[] = { 0, 1, 12, OPTION, 4, 2, 0x1e, 255 };
	unsigned int round, wrong = 0, seen[__EFH_DROP_MAX] = {}, i;

	for (round = 0; round < 400000; round++) {
		unsigned int hdrlen = 8 * (1 + noise() % 5), pointer = 0;
		struct efh_fragment f = {};
		enum efh_drop_reason got;
		u8 raw[64], *hdr;
		int found;

		for (i = 0; i < hdrlen; i++)
			raw[i] = noise() % 3 ? likely[noise() % 8] : noise();
		raw[1] = hdrlen / 8 - 1;
		hdr = exact(raw, hdrlen);
		found = efh_wire_find(hdr, hdrlen, OPTION);
		if (found >= 0 && (found < 2 || found >= (int)hdrlen || hdr[found] != OPTION))
			wrong++;
		got = efh_wire_decode(hdr, hdrlen, OPTION, 0, 1440, &f, &pointer);
		if (got > EFH_DROP_TOO_BIG || (got && pointer >= hdrlen))
			wrong++;
		else
			seen[got]++;
		if (!got && (f.index > 63 || f.offset + f.payload > 65535 ||
			     (f.more && f.size != 1440)))
			wrong++;
		if (found < 0 && got != EFH_DROP_BAD_OPTION)
			wrong++;
		free(hdr);
	}
	ok(!wrong, "garbage in headers of 8 to 40 octets");
	ok(seen[EFH_DROP_BAD_OPTION] && seen[EFH_DROP_BAD_INDEX], "of which some is nearly right");
}

static void layouts(void)
{
	struct efh_fragment f = {
		.id = __cpu_to_be64(0x0102030405060708ull), .offset = 5 * 1440, .payload = 1440,
		.size = 1440, .index = 5, .nexthdr = 6, .flags = EFH_PARCEL, .more = true,
	};
	static const u8 expected[EFH_HDR_LEN] = {
		59, 1, 0xDE, 12, 6, 5 << 2 | 2, 0x1c, 0x21, 1, 2, 3, 4, 5, 6, 7, 8,
	};
	static const u8 first[8] = { 6, 1, 0xFE, 12, 6, 0, 0, 0 };
	struct efh_hdr h;

	efh_wire_encode(&h, OPTION, &f);
	ok(!memcmp(&h, expected, sizeof(h)), "encode: index 5, P, more");
	f = (struct efh_fragment){ .nexthdr = 6 };
	efh_wire_encode(&h, 0xFE, &f);
	ok(!memcmp(&h, first, sizeof(first)), "encode: atomic, another option type");
	ok(efh_wire_atomic(&f), "index 0 without more is atomic");
	f.more = true;
	ok(!efh_wire_atomic(&f), "with more it is not");
	ok(sizeof(struct efh_hdr) == EFH_HDR_LEN, "the header is 16 octets");
}

/* wire.rst section 7: a Control message, octet by octet. */
static void control(void)
{
	static const u8 wanted[EFH_CONTROL_LEN] = {
		59, 4, 0x5E, 36, 0x12, 0, 0x05, 0xDC, 1, 2, 3, 4, 0x80, 0, 0, 7,
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	};
	struct efh_control_hdr hdr;
	unsigned int i, octet;
	bool good = true;
	u8 *copy;

	efh_wire_control(&hdr, EFH_CONTROL_OPTION_DEFAULT,
			 EFH_CONTROL_PROBE_ACK, 0x01020304);
	hdr.size = __cpu_to_be16(1500);
	hdr.flow = __cpu_to_be32(EFH_CONTROL_ENDPOINT | 7);
	hdr.nonce = __cpu_to_be64(0x1122334455667788);
	ok(sizeof(hdr) == EFH_CONTROL_LEN && !memcmp(&hdr, wanted, sizeof(hdr)),
	   "a Control message");
	copy = exact(wanted, sizeof(wanted));
	ok(efh_wire_is_control((struct efh_control_hdr *)copy,
			       EFH_CONTROL_OPTION_DEFAULT), "is one");
	for (i = 0; i < 4; i++) {
		octet = copy[i];
		copy[i] ^= 1;
		good &= !efh_wire_is_control((struct efh_control_hdr *)copy,
					     EFH_CONTROL_OPTION_DEFAULT);
		copy[i] = octet;
	}
	free(copy);
	ok(good, "what differs in its first four octets is none");
}

int main(int argc, char **argv)
{
	puts("TAP version 13");
	layouts();
	vectors(argc > 1 ? argv[1] : "vectors.txt");
	boundaries();
	garbage();
	control();
	printf("1..%u\n", count);
	return !!failed;
}
