// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of the command line: keywords, numbers, prefixes. Whatever is not
 * fully understood is an error; what a value may be is the kernel's to say.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "efhctl.h"

void usage_error(const char *fmt, ...)
{
	va_list args;

	fputs("efhctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_USAGE);
}

bool abbreviates(const char *arg, const char *word)
{
	return *arg && !strncmp(arg, word, strlen(arg));
}

void parse_end(int argc, char **argv)
{
	if (argc)
		usage_error("\"%s\" is one word too many", argv[0]);
}

/* digits of @base up to a character that is none; false: none or too many */
static bool parse_digits(const char **arg, unsigned int base, uint64_t *value)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = *arg, *digit;

	for (*value = 0; **arg; ++*arg) {
		digit = strchr(digits, tolower((unsigned char)**arg));
		if (!digit || digit - digits >= (int)base)
			break;
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit - digits, value))
			return false;
	}
	return *arg != start;
}

/* decimal or 0x hexadecimal, nothing before or after it */
static uint64_t parse_number(const char *name, const char *arg, uint64_t max)
{
	const char *at = arg;
	unsigned int base = 10;
	uint64_t value;

	if (at[0] == '0' && tolower((unsigned char)at[1]) == 'x') {
		at += 2;
		base = 16;
	}
	if (!parse_digits(&at, base, &value) || *at || value > max)
		usage_error("%s: \"%s\" is no number from 0 to %" PRIu64,
			    name, arg, max);
	return value;
}

void put_u8(struct nlmsghdr *req, const struct word *word, const char *arg)
{
	mnl_attr_put_u8(req, word->attr,
			parse_number(word->name, arg, UINT8_MAX));
}

void put_u32(struct nlmsghdr *req, const struct word *word, const char *arg)
{
	mnl_attr_put_u32(req, word->attr,
			 parse_number(word->name, arg, UINT32_MAX));
}

void put_port(struct nlmsghdr *req, const struct word *word, const char *arg)
{
	mnl_attr_put_u16(req, word->attr,
			 htons(parse_number(word->name, arg, UINT16_MAX)));
}

unsigned int parse_device(const char *arg)
{
	unsigned int ifindex = if_nametoindex(arg);

	if (!ifindex) {
		fprintf(stderr, "efhctl: device \"%s\": %s\n", arg,
			strerror(errno));
		exit(EXIT_FAILURE);
	}
	return ifindex;
}

void put_device(struct nlmsghdr *req, const struct word *word,
		const char *arg)
{
	mnl_attr_put_u32(req, word->attr, parse_device(arg));
}

void put_address(struct nlmsghdr *req, const struct word *word,
		 const char *arg)
{
	struct prefix p;

	if (strchr(arg, '/'))
		usage_error("%s: \"%s\" is no single address", word->name, arg);
	parse_prefix(arg, &p);
	mnl_attr_put(req, word->attr, p.addr_len, p.addr);
}

void put_prefix(struct nlmsghdr *req, const struct word *word,
		const char *arg)
{
	struct nlattr *nest;
	struct prefix p;

	parse_prefix(arg, &p);
	if (!nl_room(req, 3 * MNL_ATTR_HDRLEN + sizeof(p.addr) + MNL_ALIGNTO))
		usage_error("%s: too many of them", word->name);
	nest = mnl_attr_nest_start(req, word->attr);
	mnl_attr_put(req, EFH_A_PREFIX_ADDRESS, p.addr_len, p.addr);
	mnl_attr_put_u8(req, EFH_A_PREFIX_LEN, p.len);
	mnl_attr_nest_end(req, nest);
}

void put_switch(struct nlmsghdr *req, const struct word *word, const char *arg)
{
	bool on = !strcmp(arg, "on");

	if (!on && strcmp(arg, "off"))
		usage_error("%s: \"%s\" is neither \"on\" nor \"off\"",
			    word->name, arg);
	mnl_attr_put_u8(req, word->attr, on);
}

/* 60, 60s, 1.5 or 1500ms, in milliseconds and no finer */
void put_seconds(struct nlmsghdr *req, const struct word *word,
		 const char *arg)
{
	unsigned int unit = 1000;
	uint64_t ms, part = 0;
	const char *at = arg;
	bool good;

	good = parse_digits(&at, 10, &ms) && ms <= UINT32_MAX;
	if (good && *at == '.') {
		for (at++; isdigit((unsigned char)*at) && unit > 1; at++) {
			unit /= 10;
			part += (*at - '0') * unit;
		}
		good = unit < 1000;		/* a digit follows the point */
		unit = 1000;
		if (!strcmp(at, "s"))
			at++;
	} else if (!strcmp(at, "ms")) {
		unit = 1;
		at += 2;
	} else if (!strcmp(at, "s")) {
		at++;
	}
	ms = ms * unit + part;
	if (!good || *at || ms > UINT32_MAX)
		usage_error("%s: \"%s\" is no time in seconds or, with \"ms\" after it, milliseconds",
			    word->name, arg);
	mnl_attr_put_u32(req, word->attr, ms);
}

/* a number, or one of K, M or G octets */
void put_octets(struct nlmsghdr *req, const struct word *word,
		const char *arg)
{
	static const char units[] = "KMG";
	unsigned int shift = 0;
	uint64_t octets;
	const char *at = arg, *unit;

	if (parse_digits(&at, 10, &octets) && *at) {
		unit = strchr(units, toupper((unsigned char)*at));
		if (unit) {
			shift = 10 * (unit - units + 1);
			at++;
		}
	}
	/* JSON integers are signed */
	if (at == arg || *at || octets > (uint64_t)INT64_MAX >> shift)
		usage_error("%s: \"%s\" is no number of octets (K, M or G may follow it)",
			    word->name, arg);
	mnl_attr_put_u64(req, word->attr, octets << shift);
}

void parse_prefix(const char *arg, struct prefix *p)
{
	const char *slash = strchr(arg, '/');
	char addr[INET6_ADDRSTRLEN];
	size_t len = slash ? (size_t)(slash - arg) : strlen(arg);

	p->addr_len = 0;
	if (len < sizeof(addr)) {
		memcpy(addr, arg, len);
		addr[len] = '\0';
		if (inet_pton(AF_INET6, addr, p->addr) == 1)
			p->addr_len = 16;
		else if (inet_pton(AF_INET, addr, p->addr) == 1)
			p->addr_len = 4;
	}
	if (!p->addr_len)
		usage_error("\"%s\" is no IPv6 or IPv4 prefix", arg);
	p->len = p->addr_len * 8;
	if (slash)
		p->len = parse_number("prefix length", slash + 1, p->len);
}

bool prefix_is_host(const struct prefix *p)
{
	return p->len == p->addr_len * 8;
}

bool prefix_holds(const struct prefix *p, const void *addr, size_t len)
{
	unsigned int bits = p->len % 8, octets = p->len / 8;
	const uint8_t *octet = addr;

	if (len != p->addr_len || memcmp(addr, p->addr, octets))
		return false;
	return !bits || !((octet[octets] ^ p->addr[octets]) >> (8 - bits));
}

/* how many arguments */
static int word_takes(const struct word *word)
{
	return word[1].name && word[1].put && !strcmp(word[1].name, word->name) ?
	       2 : 1;
}

/*
 * WORD ARGUMENT ..., in any order, each once but for prefixes. Returns which,
 * a bit for each of @words.
 */
uint64_t parse_words(const struct word *words, struct nlmsghdr *req,
		     int argc, char **argv)
{
	const struct word *word;
	uint64_t seen = 0, bit;
	int i, takes;

	for (; argc; argc -= 1 + takes, argv += 1 + takes) {
		for (word = words; word->name; word++)
			if (word->put && abbreviates(argv[0], word->name))
				break;
		if (!word->name)
			usage_error("\"%s\" is unknown, try \"efhctl help\"",
				    argv[0]);
		takes = word_takes(word);
		if (argc < 1 + takes)
			usage_error("%s: a value is missing", word->name);
		bit = UINT64_C(1) << (word - words);
		if (seen & bit && word->put != put_prefix)
			usage_error("%s: given twice", word->name);
		seen |= bit;
		for (i = 0; i < takes; i++)
			word[i].put(req, &word[i], argv[1 + i]);
	}
	return seen;
}
