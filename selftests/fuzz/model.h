/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A receiver written from Documentation/wire.rst section 4 alone: slow, and
 * plain enough to be compared with the page. It shares nothing with efh/.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum model_counter {
	MODEL_NONE,			/* as a reason: nothing is wrong */
	MODEL_BAD_OPTION,
	MODEL_BAD_INDEX,
	MODEL_BAD_FRAGMENT,
	MODEL_TOO_BIG,
	MODEL_MISMATCH,
	MODEL_DUPLICATE,
	MODEL_ECN,
	MODEL_TIMEOUT,
	MODEL_EVICTED,
	MODEL_NO_MEMORY,
	MODEL_DROPS,			/* how many reasons, and the first of the rest */
	MODEL_IN_FRAGMENTS = MODEL_DROPS,
	MODEL_IN_ATOMIC,
	MODEL_IN_DELIVERED,
	MODEL_REASSEMBLED,
	MODEL_COUNTERS
};

/* What an EFH header says, as the picture in section 2 has it */
struct model_header {
	uint8_t next_header;
	uint8_t nh_cache;
	unsigned int index;
	unsigned int p, s;
	unsigned int offset;		/* in units of 8 octets */
	unsigned int m;
	uint64_t id;
	unsigned int size;		/* L; 0 for an atomic fragment */
};

/* The option's place in a Destination Options header, or -1 */
int model_find(const uint8_t *header, unsigned int length, uint8_t option);
/* Checks 1 to 5; on failure *pointer is the offending octet's place. */
enum model_counter model_check(const uint8_t *header, unsigned int length, uint8_t option,
			       unsigned int before, unsigned int payload,
			       struct model_header *h, unsigned int *pointer);

#define MODEL_HEADERS	8	/* EFH is looked for in so many */
#define MODEL_PACKETS	256	/* room for packets and sources: more than a script has */

struct model_key {
	uint8_t version;
	uint8_t source[16], destination[16];
	uint64_t id;
	uint32_t link;
};

struct model_fragment {
	uint8_t *octets;		/* all of it; NULL: not held */
	unsigned int length;
	unsigned int nhoff, at, end;	/* Next Header field, EFH header, its end */
	unsigned int link;
	bool trusted;			/* its checksum was verified */
};

struct model_packet {
	struct model_key key;
	struct model_header first;	/* of the fragment that came first */
	uint64_t born;
	bool known;
	unsigned long bytes;
	unsigned int ecn;		/* bit n: code point n was seen */
	struct model_fragment fragment[64];
	int last;			/* Index of the final fragment; -1: not held */
};

struct model_icmp {
	unsigned int count;
	uint64_t sum;			/* of the squares of what they say: in any order */
};

struct model {
	/* settings */
	bool receive;
	uint8_t option;
	uint64_t memory;
	uint64_t timeout;
	uint64_t now;
	bool linkless;			/* the interface is gone */
	unsigned long bookkeeping;	/* octets for each packet in the making */

	uint64_t counter[MODEL_COUNTERS];
	struct model_icmp icmp;
	struct model_packet *packet[MODEL_PACKETS];	/* oldest first */
	unsigned int packets;
	uint8_t known[MODEL_PACKETS][16];
	unsigned int knowns;
};

enum model_verdict {
	MODEL_PASS,			/* nothing of ours */
	MODEL_TAKEN,
	MODEL_WHOLE
};

/* A packet that arrives, and what becomes of it */
struct model_arrival {
	const uint8_t *octets;
	unsigned int length;
	unsigned int truesize;
	unsigned int link;
	bool local;			/* for this host */
	bool trusted;
	bool no_memory;			/* memory runs out where it is needed */
	/* if whole */
	uint8_t *whole;
	unsigned int whole_length;
	bool whole_trusted;
};

/* Where in a packet EFH stands, if it does */
bool model_place(const struct model *m, const uint8_t *packet, unsigned int length,
		 struct model_fragment *f);
enum model_verdict model_receive(struct model *m, struct model_arrival *a);
/* Time passes, or a setting has changed. */
void model_settle(struct model *m, uint64_t ticks);
unsigned int model_held(const struct model *m);
uint64_t model_bytes(const struct model *m);
void model_free(struct model *m);

#endif /* MODEL_H */
