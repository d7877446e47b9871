/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bench's programs share. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER	(64 << 20)	/* of a socket */

#define die(...) \
	do { \
		fprintf(stderr, __VA_ARGS__); \
		fprintf(stderr, "\n"); \
		exit(1); \
	} while (0)

#define must(call) \
	({ \
		typeof(call) _result = (call); \
		if (_result < 0) \
			die("%s: %s", #call, strerror(errno)); \
		_result; \
	})

static inline int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What follows happens in the network namespace of that name. */
static inline void enter(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	must(setns(fd, CLONE_NEWNET));
	close(fd);
}

/* What follows runs on one CPU; -1: on any. */
static inline void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set));
}

static inline struct sockaddr_in6 address(const char *text, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET6, text, &a.sin6_addr) != 1)
		die("%s is no IPv6 address", text);
	return a;
}

static inline int udp_socket(void)
{
	int fd = must(socket(AF_INET6, SOCK_DGRAM, 0)), size = BUFFER;

	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	return fd;
}

static inline int udp_bound(const char *text, int port)
{
	struct sockaddr_in6 a = address(text, port);
	int fd = udp_socket();

	must(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static inline int udp_connected(const char *text, int port)
{
	struct sockaddr_in6 a = address(text, port);
	int fd = udp_socket();

	must(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

#define SLICE	5000000		/* ns, a piece of a measurement */

/*
 * What a piece of work took, many times. What disturbs it only makes it longer:
 * the lower quartile keeps out the moments in which the machine did something
 * else.
 */
struct samples {
	unsigned int count, room;
	double *values;
};

static inline void sample(struct samples *s, double value)
{
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->values = realloc(s->values, s->room * sizeof(*s->values));
		if (!s->values)
			die("no memory");
	}
	s->values[s->count++] = value;
}

static inline int compare_samples(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double quartile(struct samples *s)
{
	if (!s->count)
		die("nothing was measured");
	qsort(s->values, s->count, sizeof(*s->values), compare_samples);
	return s->values[s->count / 4];
}

#endif
