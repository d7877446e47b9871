// SPDX-License-Identifier: GPL-2.0-only
/*
 * frames: a receiver alone. Frames made in advance come out of the interface
 * replay0, a burst with one system call, and it is measured how long that takes
 * until all of them have been dealt with: driver, stack and program, on one CPU
 * that is never idle, so that its time is its work. A burst ends with a small
 * datagram, which is read last. For comparison, in turn, the same frames, but
 * for another station and of a protocol that nobody knows: what the driver and
 * dropping them takes.
 *
 *	-k replay	datagrams of -s octets, -p of them a burst, as the
 *			sender's stack makes them: caught once, sent again and
 *			again, read by a socket
 *	-k spread	fragments without end of -n packets in the making from as
 *			many sources, in random order, -f fragments each; with
 *			-n 1 one packet after the other
 *	-k hold		the first fragment of each of -n packets; tells how much
 *			memory is gone then, but for their buffers'
 *	-a NS -i DEVICE -b NS -d ADDRESS	from, by, to
 *	-e efh|stock	which kind of fragments to forge
 *	-l OCTETS	of a frame that the driver copies, while the rest stays in
 *			pages; 0: it builds the buffer around the frame; by default
 *			the IP and extension headers, as eth_get_headlen() has it
 *	-q FRAMES	come with each interrupt; all of a burst by default
 *	-s OCTETS -p PACKETS -n PACKETS -f FRAGMENTS -t SECONDS -c CPU
 */
#include "common.h"
#include <glob.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/mman.h>
#include "replay/replay.h"

#define PORT		9001	/* and, for each CPU, two further ones */
#define BURST		240		/* frames */

#define IP_AT		ETH_HLEN
#define NEXT_AT		(IP_AT + 6)
#define SOURCE_AT	(IP_AT + 8)
#define EXT_AT		(IP_AT + 40)

#define NH_UDP		17
#define NH_FRAGMENT	44
#define NH_NONE		59
#define NH_OPTIONS	60
#define NH_UNKNOWN	253	/* RFC 3692 */

#define PAYLOAD		1024	/* of a forged fragment */

enum kind { REPLAY, SPREAD, HOLD };

static const char * const kinds[] = { "replay", "spread", "hold" };

enum forge { EFH, STOCK };

static const char * const forges[] = { "efh", "stock" };

static struct {
	enum kind kind;
	enum forge forge;
	const char *from, *to, *device, *address;
	int size, packets, fragments, cpu, linear;
	unsigned int slots;
	uint32_t each;
	double seconds;
} options = { .size = 60000, .packets = 5, .fragments = 8, .cpu = -1, .linear = -1, .slots = 1,
	      .each = BURST, .seconds = 1 };

struct frame {
	unsigned int len;	/* of octets */
	struct virtio_net_hdr hint;	/* as packet sockets give and take it */
	uint8_t octets[65536];
};

static struct frame *frames;	/* of one burst, the end in the last one */
static unsigned int frames_count;

/* Bursts that are received, and bursts that are not */
static struct ring {
	int fd;
	uint8_t *memory;
	uint8_t **frames;	/* where each begins */
} received, ignored;

static int data_fd, end_fd, tx_fd, lock_fd;

/* Of what is measured: 0, of the end of a burst: 1 */
static int port(int which)
{
	return PORT + 2 * (options.cpu > 0 ? options.cpu : 0) + which;
}

static unsigned int headers_len(const uint8_t *octets)
{
	switch (octets[NEXT_AT]) {
	case NH_OPTIONS:
		return EXT_AT + 16;
	case NH_FRAGMENT:
		return EXT_AT + 8;
	default:
		return EXT_AT;
	}
}

static unsigned int linear(const uint8_t *octets)
{
	return options.linear < 0 ? headers_len(octets) : (unsigned int)options.linear;
}

static void ring_put(struct ring *r, unsigned int n, const struct frame *f, unsigned int slot)
{
	struct replay_frame *head = (void *)(r->memory + slot * REPLAY_SLOT);
	unsigned int copied = linear(f->octets);

	r->frames[n] = (uint8_t *)head + REPLAY_DATA;
	memcpy(r->frames[n], f->octets, f->len);
	head->len = f->len;
	head->linear = copied < f->len ? copied : f->len;
	/* what the sender's stack left to its hardware */
	head->checked = f->hint.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
}

static void ring_open(struct ring *r)
{
	unsigned int slots = 0, i;

	for (i = 0; i < frames_count; i++)
		slots += REPLAY_SLOTS(frames[i].len);
	r->fd = must(open("/dev/replay", O_RDWR));
	r->memory = mmap(NULL, slots * REPLAY_SLOT, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->memory == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	r->frames = calloc(frames_count, sizeof(*r->frames));
	slots = 0;
	for (i = 0; i < frames_count; i++) {
		ring_put(r, i, &frames[i], slots);
		slots += REPLAY_SLOTS(frames[i].len);
	}
}

/* All frames arrive, in order. */
static void ring_go(struct ring *r)
{
	must(write(r->fd, &options.each, sizeof(options.each)));
}

static void read_end(void)
{
	char octet[64];

	if (recv(end_fd, octet, sizeof(octet), 0) < 0)
		die("a burst has no end: %s", strerror(errno));
}

static int replay_burst(struct ring *r)
{
	static char buffer[65536];
	int i;

	ring_go(r);
	for (i = 0; r == &received && i < options.packets; i++)
		if (recv(data_fd, buffer, sizeof(buffer), 0) != options.size)
			die("packet %d of a burst did not arrive: %s", i, strerror(errno));
	read_end();
	return options.packets;
}

/* What nobody will take */
static void to_nobody(uint8_t *octets)
{
	static const uint8_t station[ETH_ALEN] = { 2, 0, 0, 0, 0xff, 0xff };

	memcpy(octets, station, ETH_ALEN);
	octets[NEXT_AT] = NH_UNKNOWN;
}

static int open_capture(void)
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(options.device),
	};
	int fd = must(socket(AF_PACKET, SOCK_RAW, 0)), size = BUFFER, one = 1;

	/* one after the other: another's frames look the same */
	lock_fd = must(open("/dev/replay", O_RDWR));
	must(flock(lock_fd, LOCK_EX));
	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	must(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)));
	must(bind(fd, (struct sockaddr *)&where, sizeof(where)));
	return fd;
}

/* What the stack has just sent */
static void catch_frames(int capture)
{
	struct sockaddr_ll where;

	for (;;) {
		struct frame *f = &frames[frames_count];
		struct iovec parts[] = {
			{ &f->hint, sizeof(f->hint) }, { f->octets, sizeof(f->octets) },
		};
		struct msghdr m = {
			.msg_name = &where, .msg_namelen = sizeof(where),
			.msg_iov = parts, .msg_iovlen = 2,
		};
		ssize_t len = recvmsg(capture, &m, MSG_DONTWAIT) - (ssize_t)sizeof(f->hint);
		uint8_t next = f->octets[NEXT_AT];

		if (len < 0)
			return;
		if (f->hint.gso_type)
			die("a frame is to be segmented by the device");
		if (where.sll_pkttype != PACKET_OUTGOING || len < EXT_AT ||
		    where.sll_protocol != htons(ETH_P_IPV6) ||
		    (next != NH_UDP && next != NH_FRAGMENT && next != NH_OPTIONS))
			continue;
		f->len = len;
		if (++frames_count > BURST + 1)
			die("a burst of more than %d frames", BURST);
	}
}

static void sockets(void)
{
	struct timeval patience = { .tv_sec = 3 };

	frames = calloc(BURST + 2, sizeof(*frames));
	enter(options.to);
	data_fd = udp_bound(options.address, port(0));
	end_fd = udp_bound(options.address, port(1));
	must(setsockopt(data_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	must(setsockopt(end_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	enter(options.from);
	tx_fd = udp_connected(options.address, port(0));
}

static void catch_end(int capture)
{
	struct sockaddr_in6 a = address(options.address, port(1));
	unsigned int before = frames_count;

	must(sendto(tx_fd, "end", 3, 0, (struct sockaddr *)&a, sizeof(a)));
	read_end();
	catch_frames(capture);
	if (frames_count != before + 1)
		die("the end of a burst is %u frames", frames_count - before);
}

static void catch_packets(int capture)
{
	static char buffer[65536];
	int i;

	memset(buffer, 0x5a, sizeof(buffer));
	/* the first ones may make caches, flows, neighbours */
	for (i = -2; i < options.packets; i++) {
		if (i == 0) {
			catch_frames(capture);
			frames_count = 0;
		}
		must(send(tx_fd, buffer, options.size, 0));
		if (recv(data_fd, buffer, sizeof(buffer), 0) != options.size)
			die("packet %d did not arrive: %s", i, strerror(errno));
		catch_frames(capture);
	}
	if (!frames_count)
		die("no frames were seen");
}

static void fill_rings(void)
{
	unsigned int i;

	ring_open(&received);
	for (i = 0; i + 1 < frames_count; i++)
		to_nobody(frames[i].octets);
	ring_open(&ignored);
}

/* Both kinds in turn; prints what a burst of each takes. */
static void measure(int (*burst)(struct ring *r), const char *what, uint64_t octets)
{
	struct ring *rings[] = { &received, &ignored };
	int64_t end = now() + options.seconds * 1e9;
	struct samples taken[2] = {};
	int i, count = 0;

	burst(&ignored);
	burst(&received);
	do {
		for (i = 0; i < 2; i++) {
			int64_t begin = now(), last;
			int bursts = 0;

			do {
				count = burst(rings[i]);
				bursts++;
				last = now();
			} while (last - begin < SLICE);
			sample(&taken[i], (double)(last - begin) / bursts);
		}
	} while (now() < end);
	printf("{\"frames\": %u, \"%s\": %u, \"octets\": %lu, \"slices\": %u, "
	       "\"received_ns\": %.1f, \"ignored_ns\": %.1f}\n",
	       frames_count - 1, what, count, octets, taken[0].count,
	       quartile(&taken[0]), quartile(&taken[1]));
}

static void replay(void)
{
	int capture = open_capture();

	catch_packets(capture);
	catch_end(capture);
	close(capture);
	close(lock_fd);
	fill_rings();
	measure(replay_burst, "packets", (uint64_t)options.packets * options.size);
}

/* A packet in the making: how far it is */
struct slot {
	uint32_t id;
	uint32_t next;
};

static struct slot *slots[2];	/* of the packets received, and ignored */

static uint32_t random_below(uint32_t limit)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (x >> 32) * limit >> 32;
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

/* What all forged frames have in common */
static void forge_common(struct frame *f, const struct frame *end)
{
	unsigned int header = options.forge == STOCK ? 8 : 16;

	f->len = EXT_AT + header + PAYLOAD;
	memset(&f->hint, 0, sizeof(f->hint));
	memcpy(f->octets, end->octets, EXT_AT);
	put16(f->octets + IP_AT + 4, f->len - EXT_AT);
	f->octets[NEXT_AT] = options.forge == STOCK ? NH_FRAGMENT : NH_OPTIONS;
	f->octets[EXT_AT] = NH_NONE;
	if (options.forge != STOCK) {
		/* wire.rst section 2 */
		f->octets[EXT_AT + 1] = 1;
		f->octets[EXT_AT + 2] = 0xde;
		f->octets[EXT_AT + 3] = 12;
		f->octets[EXT_AT + 4] = NH_NONE;
	}
}

/* The next fragment of one packet; its source has the number of its slot. */
static void forge(uint8_t *octets, struct slot *packet, unsigned int number)
{
	unsigned int k = packet->next, offset = k * PAYLOAD;
	int more = k + 1 < (unsigned int)options.fragments;

	put32(octets + SOURCE_AT + 12, number + 1);
	put32(octets + SOURCE_AT + 8, 0xefff);
	if (options.forge == STOCK) {
		put16(octets + EXT_AT + 2, offset | more);
		put32(octets + EXT_AT + 4, packet->id);
	} else {
		octets[EXT_AT + 5] = k << 2;
		put16(octets + EXT_AT + 6, offset | more);
		put32(octets + EXT_AT + 12, packet->id);
	}
	packet->next = more ? k + 1 : 0;
	packet->id += !more;
}

static int spread_burst(struct ring *r)
{
	struct slot *packets = slots[r == &ignored];
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		unsigned int n = options.slots > 1 ? random_below(options.slots) : 0;

		forge(r->frames[i], &packets[n], n);
	}
	ring_go(r);
	read_end();
	return BURST;
}

static void forged_rings(void)
{
	int capture = open_capture(), i;

	catch_frames(capture);
	frames_count = 0;
	catch_end(capture);
	close(capture);
	close(lock_fd);
	frames[BURST] = frames[0];
	forge_common(&frames[0], &frames[BURST]);
	for (i = 1; i < BURST; i++)
		frames[i] = frames[0];
	frames_count = BURST + 1;
	fill_rings();
	for (i = 0; i < 2; i++)
		slots[i] = calloc(options.slots, sizeof(struct slot));
}

/* From each packet its first fragments; how many, a random number or one */
static void fill(unsigned int most)
{
	unsigned int n, left, used = 0, i;

	for (n = 0; n < options.slots; n++) {
		for (left = most > 1 ? random_below(most) : 1; left; left--) {
			forge(received.frames[used++], &slots[0][n], n);
			if (used < BURST)
				continue;
			ring_go(&received);
			read_end();
			used = 0;
		}
	}
	/* a burst is always full: the rest of it goes to nobody */
	for (i = used; used && i < BURST; i++)
		to_nobody(received.frames[i]);
	if (used) {
		ring_go(&received);
		read_end();
	}
	for (i = used; used && i < BURST; i++)
		memcpy(received.frames[i], frames[BURST].octets, ETH_ALEN);
	for (i = used; used && i < BURST; i++)
		received.frames[i][NEXT_AT] =
			options.forge == STOCK ? NH_FRAGMENT : NH_OPTIONS;
	memcpy(slots[1], slots[0], options.slots * sizeof(struct slot));
}

static void spread(void)
{
	forged_rings();
	if (options.slots > 1)
		fill(options.fragments);
	measure(spread_burst, "fragments", 0);
}

/* The sum of all numbers behind a name in a file of proc or sys */
static long sum(const char *file, const char *name)
{
	FILE *f = fopen(file, "r");
	long total = 0, value;
	char line[256];

	if (!f)
		die("%s: %s", file, strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line + strspn(line, " "), name, &value) == 1)
			total += value;
	fclose(f);
	return total;
}

/* Give back what caches of objects keep of those that were freed. */
static void shrink(void)
{
	glob_t caches;
	FILE *f;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
		die("/sys/kernel/slab: no cache");
	for (i = 0; i < caches.gl_pathc; i++) {
		f = fopen(caches.gl_pathv[i], "w");
		if (!f || fputs("1\n", f) < 0 || fclose(f))
			die("%s: %s", caches.gl_pathv[i], strerror(errno));
	}
	globfree(&caches);
}

/* What the pages of a cache of objects take. */
static long cache(const char *name)
{
	char file[64];
	long slabs;

	snprintf(file, sizeof(file), "/sys/kernel/slab/%s/slabs", name);
	slabs = sum(file, "%ld");
	snprintf(file, sizeof(file), "/sys/kernel/slab/%s/order", name);
	return (slabs << sum(file, "%ld")) * sysconf(_SC_PAGESIZE);
}

/* Free memory, octets; what CPUs keep at hand is free, too, and so are here buffers. */
static long memory(void)
{
	shrink();
	return sum("/proc/meminfo", "MemFree: %ld") * 1024 +
	       sum("/proc/zoneinfo", "count: %ld") * sysconf(_SC_PAGESIZE) +
	       cache("skbuff_head_cache") + cache("skbuff_small_head");
}

static void hold(void)
{
	long before;

	forged_rings();
	before = memory();
	fill(1);
	printf("{\"packets\": %u, \"octets\": %ld}\n", options.slots,
	       before - memory());
}

static int number(const char * const *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	die("no such kind: %s", name);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "k:e:a:b:i:d:s:p:n:f:t:c:l:q:")) != -1) {
		switch (option) {
		case 'k':
			options.kind = number(kinds, 3, optarg);
			break;
		case 'e':
			options.forge = number(forges, 2, optarg);
			break;
		case 'a':
			options.from = optarg;
			break;
		case 'b':
			options.to = optarg;
			break;
		case 'i':
			options.device = optarg;
			break;
		case 'd':
			options.address = optarg;
			break;
		case 's':
			options.size = atoi(optarg);
			break;
		case 'p':
			options.packets = atoi(optarg);
			break;
		case 'n':
			options.slots = atol(optarg);
			break;
		case 'f':
			options.fragments = atoi(optarg);
			break;
		case 't':
			options.seconds = atof(optarg);
			break;
		case 'c':
			options.cpu = atoi(optarg);
			break;
		case 'q':
			options.each = atoi(optarg);
			break;
		case 'l':
			options.linear = atoi(optarg);
			break;
		default:
			return 1;
		}
	}
	pin(options.cpu);
	sockets();
	if (options.kind == REPLAY)
		replay();
	else if (options.kind == SPREAD)
		spread();
	else
		hold();
	return 0;
}
