// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target: what arrives. A script of fragments, of time, of settings, of
 * allocations that fail and of other CPUs that come in between is played to
 * efh/ and to the model; after each step both must have done the same.
 *
 * The input: an octet of how (1: GRO is on; 2: what is held at the end is not
 * waited for), then steps: an octet that says which, and what it takes.
 */
#include "net.h"
#include "host.h"

/* So that a script ends: steps, each of which may begin a packet; fragments */
#define STEPS		200
#define ARRIVALS	160

static const u8 sources[8][16] = {
	{ 0x20, 1, 0x0d, 0xb8, [15] = 1 }, { 0x20, 1, 0x0d, 0xb8, [15] = 3 },
	{ 0x20, 1, 0x0d, 0xb8, 1, [15] = 1 }, { 0x20, 1, 0x0d, 0xb8, 2, [15] = 1 },
	{ 0xfe, 0x80, [15] = 1 }, { 0xfe, 0x80, [15] = 3 },
	{ 0x20, 2, [15] = 1 }, { 0x26, [15] = 9 },
};
static const u16 sizes[] = {
	1024, 1032, 1040, 1224, 1440, 1448, 2048, 4096, 8184, 8192, 1016, 32760,
};

static u8 packet[HOST_MAX];
static unsigned int steps, arrivals, noise;
static bool raw;	/* octets of anybody's came, with whatever tags */

/* Says of a fragment whose it is, for when the model can't. */
struct tag {
	u32 magic;
	u8 who, id, index;
	u8 none;
	u16 size;
};
#define TAG	0x45464820

static void tag_seen(const u8 *octets, unsigned int length)
{
	unsigned int at = *octets >> 4 == 6 ? 40 : (*octets & 15) * 4, k = 0;
	struct tag first, t;

	if (length > at && *octets >> 4 == 6 && octets[6] == 0)
		at += 8 * (octets[at + 1] + 1);
	if (raw || length < at + sizeof(first))
		return;
	memcpy(&first, octets + at, sizeof(first));
	if (first.magic != TAG || !first.size)
		return;
	for (; at + sizeof(t) <= length; at += first.size, k++) {
		memcpy(&t, octets + at, sizeof(t));
		if (t.magic == TAG && t.who == first.who && t.id == first.id &&
		    t.size == first.size && t.index == k)
			continue;
		fprintf(stderr, "at %u, fragment %u: %08x of %02x, %u, size %u, index %u; "
			"Index 0 is of %02x, %u, size %u\n", at, k, t.magic, t.who, t.id, t.size,
			t.index, first.who, first.id, first.size);
		shim_die(__FILE__, __LINE__, "fragments that do not belong together");
	}
}

/* Length and whatever else would not get to the hook */
static unsigned int finish(unsigned int length)
{
	unsigned int i, sum = 0, link;

	if (*packet >> 4 == 6) {
		length = max(length, 40u);
		packet[4] = (length - 40) >> 8;
		packet[5] = length - 40;
		/* few sources, so that nothing knows them by half */
		link = packet[23] & 7;
		memcpy(packet + 8, sources[link], 16);
		return length;
	}
	if ((*packet & 15) < 5)
		*packet = 0x45;
	length = max(min(length, 65535u), (*packet & 15) * 4u);
	packet[2] = length >> 8;
	packet[3] = length;
	memcpy(packet + 12, "\xc0\0\2", 3);
	packet[15] &= 7;
	packet[10] = 0;
	packet[11] = 0;
	for (i = 0; i < (*packet & 15) * 4u; i += 2)
		sum += packet[i] << 8 | packet[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	packet[10] = ~sum >> 8;
	packet[11] = ~sum;
	return length;
}

static void arrive(unsigned int length, unsigned int headers, u16 layout)
{
	if (arrivals++ >= ARRIVALS)
		return;
	length = finish(min(length, (unsigned int)HOST_MAX));
	host_arrive(packet, length, host_skb(packet, length, headers, layout));
}

/* An IP header for protocol 60, with another header before it if asked for */
static unsigned int put_ip(u8 who, u8 ecn, unsigned int *nhoff)
{
	unsigned int at = 40;

	memset(packet, 0, 60);
	if (who & 0x20) {
		*packet = who & 0x80 ? 0x46 : 0x45;
		packet[1] = 0xb8 | ecn;
		packet[6] = 0x40;
		packet[8] = 64;
		packet[9] = IPPROTO_DSTOPTS;
		packet[15] = who & 7;
		memcpy(packet + 16, (who & 0x18) == 0x18 ? &shim_group4 : &shim_local4, 4);
		if ((who & 0x18) == 0x10)
			packet[19] ^= 1;
		*nhoff = 9;
		memset(packet + 20, 1, 4);	/* No Operation */
		return who & 0x80 ? 24 : 20;
	}
	*packet = 0x6b;
	packet[1] = 0x80 | ecn << 4;
	packet[6] = IPPROTO_DSTOPTS;
	packet[7] = 64;
	packet[23] = who & 7;
	memcpy(packet + 24, (who & 0x18) == 0x18 ? &shim_group6 : &shim_local6, 16);
	if ((who & 0x18) == 0x10)
		packet[39] ^= 1;
	*nhoff = 6;
	if (who & 0x80) {
		packet[6] = NEXTHDR_HOP;
		memcpy(packet + 40, "\x3c\0\1\4\0\0\0\0", 8);
		*nhoff = 40;
		at += 8;
	}
	return at;
}

/* EFH, beside padding or worse; @kind: 3 bits. Return: its end. */
static unsigned int put_efh(unsigned int at, u8 kind, u8 next, u8 cache, u8 index_ps,
			    unsigned int offset, bool more, u8 id)
{
	unsigned int end = at + (kind >= 3 ? 24 : 16), efh = at + 2;

	memset(packet + at, 0, end - at);
	if (kind == 3 || kind == 4)
		packet[at + 16] = 1;		/* PadN, 6 octets of it */
	if (kind == 3 || kind == 4)
		packet[at + 17] = 6;
	if (kind == 5)
		efh += 8;			/* behind Pad1s */
	if (kind == 6)
		memcpy(packet + at + 16, "\x1e\6", 2);	/* beside somebody else's */
	packet[at] = next;
	packet[at + 1] = (end - at) / 8 - 1;
	packet[efh] = model.option;
	packet[efh + 1] = kind == 7 ? 20 : 12;
	packet[efh + 2] = cache;
	packet[efh + 3] = index_ps;
	packet[efh + 4] = offset >> 8;
	packet[efh + 5] = (offset & 0xf8) | more;
	packet[efh + 13] = id;
	return end;
}

struct shape {
	u8 who, id, misc;
	u16 size, layout;
};

/* misc: P and S, ECN, Next Header, and beside what the option stands */
static void fragment(const struct shape *p, unsigned int index, bool more, unsigned int offset,
		     unsigned int payload)
{
	u8 cache = p->misc & 0x10 ? IPPROTO_TCP : IPPROTO_UDP;
	struct tag tag = { TAG, p->who & 0x3f, p->id, index, 0, 0 };
	unsigned int nhoff, end;

	end = put_efh(put_ip(p->who, p->misc >> 2 & 3, &nhoff), p->misc >> 5, index ? 59 : cache,
		      cache, index << 2 | (p->misc & 3), offset, more, p->id);
	payload = min(payload, (p->who & 0x20 ? 65535 : HOST_MAX) - end);
	/* L is what the header and the length say, not what was meant */
	tag.size = more ? payload : index ? (offset & 0xfff8) / index : 0;
	if ((tag.who & 0x18) == 8)		/* the same as 0 */
		tag.who &= ~8;
	if ((p->who & 0x26) == 4)		/* of a link-local source */
		tag.who |= p->layout & HOST_LINK ? 0x40 : 0;
	host_noise(packet + end, payload, noise++);
	if (payload >= sizeof(tag))
		memcpy(packet + end, &tag, sizeof(tag));
	arrive(end + payload, end, p->layout);
}

static void take_shape(struct script *s, struct shape *p)
{
	u8 size;

	p->who = take8(s);
	p->id = take8(s) & 7;
	p->misc = take8(s);
	size = take8(s);
	p->size = size < 0xf0 ? sizes[size % ARRAY_SIZE(sizes)] : take16(s);
	p->layout = take16(s);
}

static void step_fragment(struct script *s)
{
	u8 what = take8(s), odd;
	unsigned int index = what >> 2, offset, payload;
	struct shape p;

	take_shape(s, &p);
	offset = index * p.size;
	payload = what & 1 ? p.size : 1 + take16(s) % max(p.size, 1);
	if (what & 2) {
		odd = take8(s);
		offset += (s8)odd / 16 * 8;
		payload += (s8)(odd << 4) / 16;
	}
	fragment(&p, index, what & 1, offset & 0xffff, payload & 0xffff);
}

/* A packet: all of its fragments, in some order; one lost, twice, or with CE */
static void step_packet(struct script *s)
{
	unsigned int count = 1 + take8(s) % 64, last = take16(s), order = take8(s), i, k, state;
	u8 odd = take8(s), index[64], misc, who;
	struct shape p;

	take_shape(s, &p);
	if (p.size < 8)
		return;
	count = min(count, 1 + 65535u / p.size);
	last = 1 + last % p.size;
	for (i = 0; i < count; i++)
		index[i] = order == 1 ? count - 1 - i : i;
	for (i = 0, state = order; order > 1 && i < count; i++) {
		state = state * 1103515245 + 12345;
		k = state / 65536 % count;
		swap(index[i], index[k]);
	}
	misc = p.misc;
	who = p.who;
	for (i = 0; i < count; i++) {
		bool more = index[i] < count - 1;

		k = index[i];
		p.misc = misc;
		/* more headers before the first than before the others */
		p.who = order & 0x80 && k ? who & 0x7f : who;
		if (odd >> 6 && k == (odd & 0x3f)) {
			if (odd >> 6 == 2)
				continue;
			if (odd >> 6 == 3)
				p.misc |= 3 << 2;
			else
				fragment(&p, k, more, k * p.size, more ? p.size : last);
		}
		fragment(&p, k, more, k * p.size, more ? p.size : last);
	}
}

/* Octets as they are, and payload after them */
static void step_raw(struct script *s)
{
	unsigned int n = take8(s), i, payload;
	u16 layout;

	raw = true;
	memset(packet, 0, 40);
	for (i = 0; i < n; i++)
		packet[i] = take8(s);
	if (*packet >> 4 != 4)
		*packet = (*packet & 15) | 0x60;
	payload = take16(s);
	layout = take16(s);
	payload = min(payload, HOST_MAX - n);
	host_noise(packet + n, payload, noise++);
	arrive(n + payload, n, layout);
}

static void step(struct script *s);

static struct script *between;
static unsigned int locks;

static void preempt(void)
{
	if (!locks || --locks)
		return;
	host_depth++;
	step(between);
	host_depth--;
}

static void step_settings(struct script *s, u8 what)
{
	u8 value = take8(s);

	switch (what % 4) {
	case 0:
		/* without GRO: what a run costs once taken apart is not known */
		model.memory = host_joins ? 1ull << 30 : value * 4096ull;
		break;
	case 1:
		model.timeout = 100 + value * 500u;
		break;
	case 2:
		model.linkless = value & 1;
		model.receive = !(value & 2);
		break;
	case 3:
		/* GRO does not look which type those that it holds have */
		if (!host_depth)
			host_poll();
		model.option = value & 1 ? HOST_OPTION : HOST_OPTION2;
		break;
	}
	host_settings();
}

static void step(struct script *s)
{
	u8 what = take8(s);
	unsigned int ticks;

	switch (what % 16) {
	case 0 ... 4:
		step_fragment(s);
		break;
	case 5 ... 8:
		step_packet(s);
		break;
	case 9:
	case 10:
		step_raw(s);
		break;
	case 11:
		ticks = take16(s) * (what & 0x80 ? 10u : 1u);
		if (!host_depth) {
			host_sleep(ticks);
		} else {
			jiffies += ticks % 100000;
			shim_work();
		}
		break;
	case 12:
		step_settings(s, what >> 4);
		break;
	case 13:
		shim_fail_after = 1 + what / 16;
		break;
	case 14:
		if (!host_depth && !host_joins) {
			locks = 1 + what / 16;
			host_blind = true;
		}
		break;
	case 15:
		if (!host_depth)
			host_poll();
		break;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	host_measure();
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct script s = { data, size };
	u8 how = take8(&s);

	host_open();
	host_joins = how & 1;
	host_seen = tag_seen;
	shim_preempt = preempt;
	between = &s;
	locks = 0;
	noise = 0;
	arrivals = 0;
	raw = false;
	for (steps = 0; s.left && steps < STEPS; steps++)
		step(&s);
	locks = 0;
	shim_fail_after = 0;
	host_poll();
	if (!(how & 2)) {
		host_sleep(model.timeout + 1);
		SHIM_BUG_ON(efh_reassembly_bytes(host_en) || efh_reassembly_packets(host_en));
	}
	host_close();
	return 0;
}
