// SPDX-License-Identifier: GPL-2.0-only
/* wire.rst section 4, once more; see model.h. Numbers are the page's. */
#include <stdlib.h>
#include <string.h>
#include "model.h"

/* @n bits from bit @at of the octets, counted as pictures of headers count. */
static uint64_t bits(const uint8_t *octets, unsigned int at, unsigned int n)
{
	uint64_t value = 0;

	for (; n; n--, at++)
		value = value * 2 + (octets[at / 8] >> (7 - at % 8)) % 2;
	return value;
}

static unsigned int number(const uint8_t *octets, unsigned int n)
{
	return bits(octets, 0, 8 * n);
}

/* Section 2: what an option is: Pad1 is one octet, all others tell their length. */
static bool option_length(const uint8_t *header, unsigned int length, unsigned int at,
			  unsigned int *octets)
{
	if (header[at] == 0) {
		*octets = 1;
		return true;
	}
	if (at + 1 >= length)
		return false;
	*octets = 2 + header[at + 1];
	return true;
}

int model_find(const uint8_t *header, unsigned int length, uint8_t option)
{
	unsigned int at = 2, octets;

	while (at < length) {
		if (header[at] == option)
			return at;
		if (!option_length(header, length, at, &octets))
			return -1;
		at += octets;
	}
	return -1;
}

/* Check 1 */
static int check_option(const uint8_t *header, unsigned int length, uint8_t option,
			unsigned int *pointer)
{
	unsigned int at, octets = 0;
	int found = -1;

	for (at = 2; at < length; at += octets) {
		bool is_efh = header[at] == option;
		bool is_padding = header[at] == 0 || header[at] == 1;

		*pointer = at;
		if (!option_length(header, length, at, &octets) || at + octets > length)
			return -1;		/* not within its header */
		if (!is_efh && !is_padding)
			return -1;		/* another option */
		if (is_efh && found >= 0)
			return -1;		/* a second one */
		if (is_efh && header[at + 1] != 12)
			return -1;		/* Opt Len is not 12 */
		if (is_efh)
			found = at;
	}
	return found;
}

enum model_counter model_check(const uint8_t *header, unsigned int length, uint8_t option,
			       unsigned int before, unsigned int payload,
			       struct model_header *h, unsigned int *pointer)
{
	int at = check_option(header, length, option, pointer);
	const uint8_t *efh = header + at;

	if (at < 0)
		return MODEL_BAD_OPTION;
	h->next_header = header[0];
	h->nh_cache = bits(efh, 16, 8);
	h->index = bits(efh, 24, 6);
	h->p = bits(efh, 30, 1);
	h->s = bits(efh, 31, 1);
	h->offset = bits(efh, 32, 13);
	h->m = bits(efh, 47, 1);
	h->id = bits(efh, 48, 64);
	h->size = 0;

	*pointer = at + 3;			/* the Index octet */
	if (h->index == 0) {
		if (h->offset != 0 || h->next_header != h->nh_cache)
			return MODEL_BAD_INDEX;
	} else {
		if (h->offset == 0 || h->next_header != 59)
			return MODEL_BAD_INDEX;
	}

	*pointer = at + 4;			/* the Offset octet */
	if (h->m == 1) {
		if (payload % 8 != 0 || payload < 1024 || h->index > 62 ||
		    8 * h->offset != h->index * payload)
			return MODEL_BAD_FRAGMENT;
		h->size = payload;
	} else if (h->index > 0) {
		if (8 * h->offset % h->index != 0)
			return MODEL_BAD_FRAGMENT;
		h->size = 8 * h->offset / h->index;
		if (h->size % 8 != 0 || h->size < 1024 || payload < 1 || payload > h->size)
			return MODEL_BAD_FRAGMENT;
	}
	if (before + 8 * h->offset + payload > 65535)
		return MODEL_TOO_BIG;
	return MODEL_NONE;
}

/* Section 2: where EFH stands in an IP packet, if it does */
bool model_place(const struct model *m, const uint8_t *packet, unsigned int length,
		 struct model_fragment *f)
{
	unsigned int at, nhoff, size, headers;
	uint8_t protocol;

	if (packet[0] >> 4 == 4) {
		f->nhoff = 9;
		f->at = (packet[0] & 15) * 4;
		if (packet[9] != 60 || (number(packet + 6, 2) & 0x3FFF))
			return false;
		if (f->at + 2 > length)
			return false;
		f->end = f->at + 8 * (packet[f->at + 1] + 1);
		return f->end <= length && model_find(packet + f->at, f->end - f->at, m->option) >= 0;
	}

	nhoff = 6;
	at = 40;
	for (headers = 0; headers < MODEL_HEADERS; headers++) {
		protocol = packet[nhoff];
		if (protocol != 0 && protocol != 43 && protocol != 60)
			return false;
		if (at + 4 > length)
			return false;
		size = 8 * (packet[at + 1] + 1);
		if (protocol == 60 && at + size <= length && at + size <= 65535 &&
		    model_find(packet + at, size, m->option) >= 0) {
			f->nhoff = nhoff;
			f->at = at;
			f->end = at + size;
			return true;
		}
		if (protocol == 43 && packet[at + 3] != 0)
			return false;		/* on its way to somewhere else */
		nhoff = at;
		at += size;
	}
	return false;
}

/* What counts towards 65535 before the EFH header; under IPv4 tunnels don't ask. */
static unsigned int unfragmentable(const struct model_key *key, unsigned int at,
				   uint8_t nh_cache)
{
	if (key->version == 6)
		return at - 40;
	return nh_cache == 4 || nh_cache == 41 ? 0 : at;
}

static void make_key(struct model_key *key, const struct model_arrival *a, uint64_t id)
{
	const uint8_t *packet = a->octets;

	memset(key, 0, sizeof(*key));
	key->version = packet[0] >> 4;
	key->id = id;
	if (key->version == 6) {
		memcpy(key->source, packet + 8, 16);
		memcpy(key->destination, packet + 24, 16);
		if (packet[8] == 0xFE && (packet[9] & 0xC0) == 0x80)
			key->link = a->link;
	} else {
		memcpy(key->source, packet + 12, 4);
		memcpy(key->destination, packet + 16, 4);
	}
}

static unsigned int ecn_of(const uint8_t *packet)
{
	return (packet[0] >> 4 == 6 ? bits(packet, 4, 8) : packet[1]) & 3;
}

static void set_ce(uint8_t *packet)
{
	if (packet[0] >> 4 == 6)
		packet[1] |= 0x30;
	else
		packet[1] |= 3;
}

/* Lengths, and under IPv4 the checksum that covers them */
static void set_length(uint8_t *packet, unsigned int length)
{
	unsigned int i, sum = 0;

	if (packet[0] >> 4 == 6) {
		packet[4] = (length - 40) >> 8;
		packet[5] = length - 40;
		return;
	}
	packet[2] = length >> 8;
	packet[3] = length;
	packet[10] = 0;
	packet[11] = 0;
	for (i = 0; i < (packet[0] & 15) * 4u; i += 2)
		sum += number(packet + i, 2);
	while (sum > 0xFFFF)
		sum = (sum & 0xFFFF) + (sum >> 16);
	packet[10] = ~sum >> 8;
	packet[11] = ~sum;
}

/* The packet of Index 0 without EFH, and the payloads of all in their order */
static void put_together(struct model_arrival *a, const struct model_fragment *f, int last,
			 uint8_t nh_cache, bool ce)
{
	unsigned int length = f[0].at;
	int i;

	for (i = 0; i <= last; i++)
		length += f[i].length - f[i].end;
	a->whole = malloc(length);
	a->whole_trusted = true;
	memcpy(a->whole, f[0].octets, f[0].at);
	length = f[0].at;
	for (i = 0; i <= last; i++) {
		memcpy(a->whole + length, f[i].octets + f[i].end, f[i].length - f[i].end);
		length += f[i].length - f[i].end;
		a->whole_trusted &= f[i].trusted;
	}
	a->whole_length = length;
	a->whole[f[0].nhoff] = nh_cache;
	if (ce)
		set_ce(a->whole);
	set_length(a->whole, length);
}

/* Packets in the making */

unsigned int model_held(const struct model *m)
{
	unsigned int i, k, held = 0;

	for (i = 0; i < m->packets; i++)
		for (k = 0; k < 64; k++)
			held += m->packet[i]->fragment[k].octets != NULL;
	return held;
}

static uint64_t bytes_of(const struct model *m, bool known)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < m->packets; i++)
		if (m->packet[i]->known == known)
			bytes += m->packet[i]->bytes;
	return bytes;
}

uint64_t model_bytes(const struct model *m)
{
	return bytes_of(m, false) + bytes_of(m, true);
}

static bool is_known(const struct model *m, const struct model_key *key)
{
	unsigned int i;

	for (i = 0; i < m->knowns; i++)
		if (!memcmp(m->known[i], key->source, 16))
			return true;
	return false;
}

/* Forget a packet; how many fragments of it were held */
static unsigned int forget(struct model *m, struct model_packet *p)
{
	unsigned int i, count = 0;

	for (i = 0; i < 64; i++) {
		count += p->fragment[i].octets != NULL;
		free(p->fragment[i].octets);
	}
	for (i = 0; m->packet[i] != p; i++)
		;
	m->packets--;
	memmove(m->packet + i, m->packet + i + 1, (m->packets - i) * sizeof(*m->packet));
	free(p);
	return count;
}

static void drop(struct model *m, struct model_packet *p, enum model_counter reason)
{
	m->counter[reason] += forget(m, p);
}

static void icmp(struct model *m, unsigned int type, unsigned int code, unsigned int info)
{
	uint64_t says = (uint64_t)type << 40 | (uint64_t)code << 32 | info;

	m->icmp.count++;
	m->icmp.sum += says * says;
}

/* "At the bound the oldest incomplete packet goes first": architecture.rst, Memory */
static void evict(struct model *m)
{
	unsigned int i;
	bool known;

	while (m->packets && model_bytes(m) > m->memory) {
		known = bytes_of(m, false) <= m->memory / 4;
		if (!bytes_of(m, known))
			known = !known;
		for (i = 0; m->packet[i]->known != known; i++)
			;
		drop(m, m->packet[i], MODEL_EVICTED);
	}
}

void model_settle(struct model *m, uint64_t ticks)
{
	unsigned int i;

	evict(m);
	m->now += ticks;
	for (i = 0; i < m->packets;) {
		struct model_packet *p = m->packet[i];

		if (p->born + m->timeout > m->now) {
			i++;
			continue;
		}
		if (p->fragment[0].octets && !m->linkless) {
			if (p->key.version == 6)
				icmp(m, 3, 1, 0);
			else
				icmp(m, 11, 1, 0);
		}
		drop(m, p, MODEL_TIMEOUT);
	}
}

void model_free(struct model *m)
{
	while (m->packets)
		forget(m, m->packet[0]);
}

/* Checks 6 and 7 */
static enum model_counter check_held(const struct model_packet *p, const struct model_header *h,
				     const struct model_fragment *f)
{
	unsigned int i;

	if (h->size != p->first.size || h->nh_cache != p->first.nh_cache ||
	    h->p != p->first.p || h->s != p->first.s)
		return MODEL_MISMATCH;
	if (h->m == 0 && p->last >= 0) {
		const struct model_fragment *final = &p->fragment[p->last];

		if ((int)h->index != p->last ||
		    f->length - f->end != final->length - final->end)
			return MODEL_MISMATCH;	/* does not agree with the one held */
	}
	if (h->m == 0 && p->last < 0)
		for (i = h->index; i < 64; i++)
			if (p->fragment[i].octets)
				return MODEL_MISMATCH;	/* lies beyond it, or is not final */
	if (h->m == 1 && p->last >= 0 && (int)h->index >= p->last)
		return MODEL_MISMATCH;
	if (p->fragment[h->index].octets)
		return MODEL_DUPLICATE;
	return MODEL_NONE;
}

static bool complete(const struct model_packet *p)
{
	int i;

	for (i = 0; i <= p->last; i++)
		if (!p->fragment[i].octets)
			return false;
	return p->last >= 0;
}

static struct model_packet *find_packet(const struct model *m, const struct model_key *key)
{
	unsigned int i;

	for (i = 0; i < m->packets; i++)
		if (!memcmp(&m->packet[i]->key, key, sizeof(*key)))
			return m->packet[i];
	return NULL;
}

static struct model_packet *new_packet(struct model *m, const struct model_key *key,
				       const struct model_header *h)
{
	struct model_packet *p = calloc(1, sizeof(*p));

	if (m->packets == MODEL_PACKETS)
		abort();
	p->key = *key;
	p->first = *h;
	p->born = m->now;
	p->known = is_known(m, key);
	p->bytes = m->bookkeeping;
	p->last = -1;
	m->packet[m->packets++] = p;
	return p;
}

/* All are there: the result of it */
static enum model_verdict finish(struct model *m, struct model_packet *p, struct model_arrival *a)
{
	unsigned int total, count = p->last + 1;
	bool ce = p->ecn & 1 << 3, not_ect = p->ecn & 1 << 0;
	enum model_counter reason = MODEL_NONE;
	const struct model_fragment *final = &p->fragment[p->last];

	total = unfragmentable(&p->key, p->fragment[0].at, p->first.nh_cache) + p->last * p->first.size +
		final->length - final->end;
	if (ce && not_ect)
		reason = MODEL_ECN;		/* RFC 3168 section 5.3 */
	else if (total > 65535)
		reason = MODEL_TOO_BIG;		/* Index 0 may have more headers */
	else if (a->no_memory)
		reason = MODEL_NO_MEMORY;
	if (reason) {
		drop(m, p, reason);
		return MODEL_TAKEN;
	}
	put_together(a, p->fragment, p->last, p->first.nh_cache, ce);
	if (!is_known(m, &p->key))
		memcpy(m->known[m->knowns++ % MODEL_PACKETS], p->key.source, 16);
	m->counter[MODEL_REASSEMBLED]++;
	m->counter[MODEL_IN_DELIVERED] += count;
	forget(m, p);
	return MODEL_WHOLE;
}

enum model_verdict model_receive(struct model *m, struct model_arrival *a)
{
	struct model_fragment f = { .link = a->link, .trusted = a->trusted };
	enum model_counter reason;
	struct model_packet *p;
	unsigned int pointer = 0;
	struct model_header h;
	struct model_key key;

	if (!m->receive || !model_place(m, a->octets, a->length, &f) || !a->local)
		return MODEL_PASS;

	m->counter[MODEL_IN_FRAGMENTS]++;
	make_key(&key, a, 0);
	reason = model_check(a->octets + f.at, f.end - f.at, m->option,
			     key.version == 6 ? f.at - 40 : 0, a->length - f.end, &h, &pointer);
	if (!reason && unfragmentable(&key, f.at, h.nh_cache) + 8 * h.offset + a->length - f.end > 65535)
		reason = MODEL_TOO_BIG;
	if (reason) {
		pointer += f.at;
		if (key.version == 6)
			icmp(m, 4, 0, pointer);
		else if (pointer <= 255)	/* ICMPv4 has no more bits for it */
			icmp(m, 12, 0, pointer << 24);
		m->counter[reason]++;
		return MODEL_TAKEN;
	}
	key.id = h.id;
	f.octets = (uint8_t *)a->octets;
	f.length = a->length;

	if (h.index == 0 && h.m == 0) {		/* atomic: touches no state */
		if (a->no_memory) {
			m->counter[MODEL_NO_MEMORY]++;
			return MODEL_TAKEN;
		}
		put_together(a, &f, 0, h.nh_cache, ecn_of(a->octets) == 3);
		m->counter[MODEL_IN_ATOMIC]++;
		m->counter[MODEL_IN_DELIVERED]++;
		return MODEL_WHOLE;
	}

	p = find_packet(m, &key);
	if (!p && a->no_memory) {
		m->counter[MODEL_NO_MEMORY]++;
		return MODEL_TAKEN;
	}
	if (!p)
		p = new_packet(m, &key, &h);
	reason = check_held(p, &h, &f);
	if (reason) {
		m->counter[reason]++;
		return MODEL_TAKEN;
	}
	f.octets = memcpy(malloc(a->length), a->octets, a->length);
	p->fragment[h.index] = f;
	p->bytes += a->truesize;
	p->ecn |= 1 << ecn_of(a->octets);
	if (h.m == 0)
		p->last = h.index;
	if (complete(p))
		return finish(m, p, a);
	evict(m);
	return MODEL_TAKEN;
}
