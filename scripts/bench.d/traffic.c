// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic: data from one network namespace to another as programs send it, one
 * system call each datagram or chunk of a stream. What was received in a span
 * of time counts. Prints one line of JSON.
 *
 *	-k udp|tcp|gso	datagrams of -s octets; a stream; datagrams that UDP GSO
 *			makes of -s octets at a time, -g octets each, received
 *			with UDP GRO
 *	-k send		datagrams, sent by one process; nobody receives
 *	-k lockstep	datagrams, each one received before the next is sent, -c
 *			of them, by one process
 *	-a NS -b NS	from and to; -d ADDRESS: of the receiver
 *	-s OCTETS -g OCTETS -t SECONDS -c COUNT
 *	-f COUNT	flows, a datagram of each in turn
 *	-w COUNT	no more datagrams than that under way; a lost one counts as
 *			arrived after a while
 *	-S CPU -R CPU	of the sender and of the receiver; else any
 */
#include "common.h"
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PORT	9000
#define CHUNK	(128 << 10)	/* of a stream */
#define MAX_FLOWS 256
#define LEAD	200000000	/* ns, before what counts */
#define PATIENCE	50000000	/* ns without a datagram: those under way are lost */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#define UDP_GRO		104
#endif

enum kind { UDP, TCP, GSO, SEND, LOCKSTEP };

static const char * const kinds[] = { "udp", "tcp", "gso", "send", "lockstep" };

static struct {
	enum kind kind;
	const char *from, *to, *address;
	int size, segment, sender_cpu, receiver_cpu;
	double seconds;
	long count, window;
	int flows;
} options = { .flows = 1, .size = 60000, .seconds = 1, .sender_cpu = -1, .receiver_cpu = -1, .count = 100 };

/* Written by one process, read by another */
struct counts {
	volatile int ready;
	volatile uint64_t octets, calls;
} __attribute__((aligned(128)));

static struct {
	struct counts sent, received;
} *shared;

static char buffer[1 << 18];

static void count(struct counts *c, ssize_t octets)
{
	c->octets += octets;
	c->calls++;
}

/* When it is closed it is over: nothing is left for the next one to meet. */
static int stream(void)
{
	const struct linger at_once = { .l_onoff = 1 };
	int fd = must(socket(AF_INET6, SOCK_STREAM, 0));

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	return fd;
}

static int stream_to(const char *to)
{
	struct sockaddr_in6 a = address(to, PORT);
	int fd = stream();

	must(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void receiver(void)
{
	int fd, one = 1;

	enter(options.to);
	if (options.kind == TCP) {
		struct sockaddr_in6 a = address(options.address, PORT);
		int listening = stream();

		must(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
		must(bind(listening, (struct sockaddr *)&a, sizeof(a)));
		must(listen(listening, 1));
		shared->received.ready = 1;
		fd = must(accept(listening, NULL, NULL));
	} else {
		fd = udp_bound(options.address, PORT);
		if (options.kind == GSO)
			must(setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)));
		shared->received.ready = 1;
	}
	pin(options.receiver_cpu);
	for (;;) {
		ssize_t done = recv(fd, buffer, options.kind == TCP ? CHUNK : 65536, 0);

		/* the sender was stopped first */
		if (options.kind == TCP && (!done || (done < 0 && errno == ECONNRESET)))
			pause();
		count(&shared->received, must(done));
	}
}

static void wait_for_room(void)
{
	const struct timespec moment = { .tv_nsec = 20000 };
	static int64_t lost;
	int64_t last = now(), seen = 0, arrived;

	while ((int64_t)shared->sent.calls - (arrived = shared->received.calls) - lost >=
	       options.window) {
		if (arrived != seen) {
			seen = arrived;
			last = now();
		} else if (now() - last > PATIENCE) {
			lost = shared->sent.calls - arrived;
			return;
		}
		nanosleep(&moment, NULL);
	}
}

static void sender(void)
{
	int size = options.kind == TCP ? CHUNK : options.size, fds[MAX_FLOWS], i;

	enter(options.from);
	for (i = 0; i < options.flows; i++)
		fds[i] = options.kind == TCP ? stream_to(options.address) :
					       udp_connected(options.address, PORT);
	if (options.kind == GSO)
		must(setsockopt(fds[0], IPPROTO_UDP, UDP_SEGMENT, &options.segment,
				sizeof(options.segment)));
	pin(options.sender_cpu);
	shared->sent.ready = 1;
	for (i = 0;; i = (i + 1) % options.flows) {
		ssize_t done;

		if (options.window)
			wait_for_room();
		done = send(fds[i], buffer, size, 0);

		/* a full queue on the way is loss like any other */
		if (done < 0 && errno != ENOBUFS)
			die("send: %s", strerror(errno));
		if (done > 0)
			count(&shared->sent, done);
	}
}

static pid_t child(void (*run)(void), struct counts *c)
{
	pid_t pid = must(fork());

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run();
		exit(0);
	}
	while (!c->ready) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			exit(1);
		usleep(1000);
	}
	return pid;
}

static int64_t cpu_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* All that is read at one moment */
struct moment {
	int64_t at, sender, receiver;
	struct counts sent, received;
};

static struct moment look(pid_t tx, pid_t rx)
{
	return (struct moment){
		.sent = shared->sent, .received = shared->received, .at = now(),
		.sender = cpu_time(tx), .receiver = cpu_time(rx),
	};
}

static void stop(pid_t pid)
{
	if (waitpid(pid, NULL, WNOHANG) == pid)
		exit(1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void measure(void)
{
	struct timespec lead = { .tv_nsec = LEAD };
	struct timespec span = { .tv_sec = options.seconds,
				 .tv_nsec = (options.seconds - (long)options.seconds) * 1e9 };
	struct moment a, b;
	pid_t tx, rx;

	rx = child(receiver, &shared->received);
	tx = child(sender, &shared->sent);
	nanosleep(&lead, NULL);
	a = look(tx, rx);
	nanosleep(&span, NULL);
	b = look(tx, rx);
	stop(tx);
	stop(rx);
	printf("{\"seconds\": %.6f, \"sent\": %lu, \"sent_calls\": %lu, "
	       "\"received\": %lu, \"received_calls\": %lu, "
	       "\"sender_cpu\": %.6f, \"receiver_cpu\": %.6f}\n",
	       (b.at - a.at) / 1e9, b.sent.octets - a.sent.octets, b.sent.calls - a.sent.calls,
	       b.received.octets - a.received.octets, b.received.calls - a.received.calls,
	       (b.sender - a.sender) / 1e9, (b.receiver - a.receiver) / 1e9);
}

static void send_only(void)
{
	int64_t end;
	struct samples taken = {};
	int fd, i;

	pin(options.sender_cpu);
	enter(options.from);
	fd = udp_connected(options.address, PORT);
	for (i = 0; i < 10; i++)
		must(send(fd, buffer, options.size, 0));
	end = now() + options.seconds * 1e9;
	do {
		int64_t begin = now(), last;
		int sent = 0;

		do {
			must(send(fd, buffer, options.size, 0));
			sent++;
			last = now();
		} while (last - begin < SLICE);
		sample(&taken, (double)(last - begin) / sent);
	} while (now() < end);
	printf("{\"slices\": %u, \"ns\": %.1f}\n", taken.count, quartile(&taken));
}

static void lockstep(void)
{
	int64_t begin = 0;
	int tx, rx;
	long i;

	pin(options.sender_cpu);
	enter(options.to);
	rx = udp_bound(options.address, PORT);
	enter(options.from);
	tx = udp_connected(options.address, PORT);
	/* the first ones make caches, flows, neighbours */
	for (i = -10; i < options.count; i++) {
		struct pollfd p = { .fd = rx, .events = POLLIN };

		if (i == 0)
			begin = now();
		must(send(tx, buffer, options.size, 0));
		if (recv(rx, buffer, sizeof(buffer), MSG_DONTWAIT) != options.size &&
		    (poll(&p, 1, 2000) != 1 ||
		     recv(rx, buffer, sizeof(buffer), 0) != options.size))
			die("datagram %ld did not arrive", i);
	}
	printf("{\"ns\": %ld, \"count\": %ld}\n", now() - begin, options.count);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "k:a:b:d:s:g:t:c:f:w:S:R:")) != -1) {
		switch (option) {
		case 'k':
			while (strcmp(kinds[options.kind], optarg))
				if (++options.kind > LOCKSTEP)
					die("no such kind: %s", optarg);
			break;
		case 'a':
			options.from = optarg;
			break;
		case 'b':
			options.to = optarg;
			break;
		case 'd':
			options.address = optarg;
			break;
		case 's':
			options.size = atoi(optarg);
			break;
		case 'g':
			options.segment = atoi(optarg);
			break;
		case 't':
			options.seconds = atof(optarg);
			break;
		case 'c':
			options.count = atol(optarg);
			break;
		case 'f':
			options.flows = atoi(optarg);
			if (options.flows < 1 || options.flows > MAX_FLOWS)
				die("1 to %d flows", MAX_FLOWS);
			break;
		case 'w':
			options.window = atol(optarg);
			break;
		case 'S':
			options.sender_cpu = atoi(optarg);
			break;
		case 'R':
			options.receiver_cpu = atoi(optarg);
			break;
		default:
			return 1;
		}
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(buffer, 0x5a, sizeof(buffer));
	if (options.kind == LOCKSTEP)
		lockstep();
	else if (options.kind == SEND)
		send_only();
	else
		measure();
	return 0;
}
