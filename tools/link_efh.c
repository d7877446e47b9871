// SPDX-License-Identifier: GPL-2.0-only
/*
 * ip link ... type efh: a plugin for ip(8) of iproute2.
 *
 * ip loads link_efh.so when it meets the kind "efh", and uses the struct
 * link_util that it finds there as efh_link_util. No header describes that
 * struct or the functions of ip that its own kinds use, so they are declared
 * here, as they are since iproute2 5.0; whether they still are so is looked
 * at before ip gets the struct.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/rtnetlink.h>
#include <linux/efh.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

#define REQUEST_SIZE	1024	/* what ip's own kinds take ip's buffer for */

/* as in iproute2's ip/ip_common.h */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f, struct rtattr *xstats);
	void (*print_help)(struct link_util *lu, int argc, char **argv, FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
	void *later[8];		/* members that an iproute2 to come may have */
};

/* as in iproute2's include/json_print.h; its colours play no part in JSON */
#define PRINT_JSON	2
#define NO_COLOR	0

/* weak: what is missing must not keep ip from loading this and saying so */
#pragma weak addattr_l
#pragma weak duparg2
#pragma weak incomplete_command
#pragma weak invarg
#pragma weak is_json_context
#pragma weak ll_index_to_name
#pragma weak ll_name_to_index
#pragma weak print_color_0xhex
#pragma weak print_color_bool
#pragma weak print_color_string
#pragma weak print_color_uint
#pragma weak rtnl_dsfield_a2n
int addattr_l(struct nlmsghdr *n, int maxlen, int type, const void *data,
	      int len);
void duparg2(const char *key, const char *arg) __attribute__((noreturn));
void incomplete_command(void) __attribute__((noreturn));
void invarg(const char *msg, const char *arg) __attribute__((noreturn));
bool is_json_context(void);
const char *ll_index_to_name(unsigned int ifindex);
unsigned int ll_name_to_index(const char *name);
int print_color_0xhex(int type, int color, const char *key, const char *fmt,
		      unsigned long long value);
int print_color_bool(int type, int color, const char *key, const char *fmt,
		     bool value);
int print_color_string(int type, int color, const char *key, const char *fmt,
		       const char *value);
int print_color_uint(int type, int color, const char *key, const char *fmt,
		     unsigned int value);
int rtnl_dsfield_a2n(uint32_t *id, const char *arg);

/* kinds of ip's own that differ in the members they have */
#pragma weak can_link_util
#pragma weak dummy_link_util
#pragma weak vxlan_link_util
extern const struct link_util can_link_util, dummy_link_util, vxlan_link_util;

static const char usage[] =
	"Usage: ... efh [ local ADDR ] [ remote ADDR ] [ dev NAME ]\n"
	"               [ carrier { ip | udp } ] [ dport PORT ] [ sport MIN MAX ]\n"
	"               [ ttl { TTL | inherit } ] [ tos { TOS | inherit } ]\n"
	"               [ fragsize OCTETS ] [ [no]udpcsum ] [ [no]retransmit ]\n"
	"\n"
	"Where: ADDR := { IPV6_ADDRESS | IPV4_ADDRESS }, without a remote one peers\n"
	"               are added by \"efhctl peer\"\n"
	"       TTL  := 0..255, 0 is inherit\n"
	"       TOS  := 00..ff, hexadecimal, or a name from rt_dsfield\n";

/* what is common to all words: the request, and the argument that is next */
struct parse {
	struct nlmsghdr *req;
	char **argv;
	int argc;
	int family;		/* of the addresses so far, or AF_UNSPEC */
};

struct word {
	const char *name;
	uint16_t attr;
	uint8_t value;		/* of a word that takes no argument */
	void (*put)(struct parse *p, const struct word *word);
};

static const char *next_arg(struct parse *p)
{
	if (p->argc <= 0)
		incomplete_command();
	p->argc--;
	return *p->argv++;
}

static void put(struct parse *p, uint16_t attr, const void *data, int len)
{
	if (addattr_l(p->req, REQUEST_SIZE, attr, data, len))
		exit(-1);
}

/* decimal, 0x or 0; what a value may be beyond its size the kernel says */
static unsigned int number(const char *arg, unsigned long max, const char *msg)
{
	unsigned long value;
	char *end;

	value = strtoul(arg, &end, 0);
	if (*arg < '0' || *arg > '9' || *end || value > max)
		invarg(msg, arg);
	return value;
}

static void put_address(struct parse *p, const struct word *word)
{
	const char *arg = next_arg(p);
	uint8_t addr[16];
	int family;

	if (inet_pton(AF_INET6, arg, addr) == 1)
		family = AF_INET6;
	else if (inet_pton(AF_INET, arg, addr) == 1)
		family = AF_INET;
	else
		invarg("an IPv6 or IPv4 address is expected", arg);
	if (p->family != AF_UNSPEC && p->family != family)
		invarg("local and remote are of different families", arg);
	p->family = family;
	put(p, word->attr, addr, family == AF_INET6 ? 16 : 4);
}

static void put_dev(struct parse *p, const struct word *word)
{
	const char *arg = next_arg(p);
	uint32_t ifindex = ll_name_to_index(arg);

	if (!ifindex)
		invarg("there is no such device", arg);
	put(p, word->attr, &ifindex, sizeof(ifindex));
}

static const char *const carriers[] = {
	[EFH_LINK_CARRIER_IP] = "ip",
	[EFH_LINK_CARRIER_UDP] = "udp",
};

#define N_CARRIERS	(sizeof(carriers) / sizeof(carriers[0]))

static void put_carrier(struct parse *p, const struct word *word)
{
	const char *arg = next_arg(p);
	uint32_t carrier;

	for (carrier = 0; carrier < N_CARRIERS; carrier++)
		if (!strcmp(arg, carriers[carrier]))
			break;
	if (carrier == N_CARRIERS)
		invarg("the carrier is \"ip\" or \"udp\"", arg);
	put(p, word->attr, &carrier, sizeof(carrier));
}

static void put_port(struct parse *p, const struct word *word)
{
	uint16_t port = htons(number(next_arg(p), UINT16_MAX, "invalid port"));

	put(p, word->attr, &port, sizeof(port));
}

static void put_ports(struct parse *p, const struct word *word)
{
	const struct word max = { .attr = IFLA_EFH_SPORT_MAX };

	put_port(p, word);
	put_port(p, &max);
}

static void put_ttl(struct parse *p, const struct word *word)
{
	const char *arg = next_arg(p);
	uint8_t ttl = 0;

	if (strcmp(arg, "inherit"))
		ttl = number(arg, UINT8_MAX, "invalid TTL");
	put(p, word->attr, &ttl, sizeof(ttl));
}

static void put_tos(struct parse *p, const struct word *word)
{
	const char *arg = next_arg(p);
	uint32_t id = 1;
	uint8_t tos;

	if (strcmp(arg, "inherit") && rtnl_dsfield_a2n(&id, arg))
		invarg("invalid TOS", arg);
	tos = id;
	put(p, word->attr, &tos, sizeof(tos));
}

static void put_size(struct parse *p, const struct word *word)
{
	uint32_t size = number(next_arg(p), UINT32_MAX, "invalid fragment size");

	put(p, word->attr, &size, sizeof(size));
}

static void put_value(struct parse *p, const struct word *word)
{
	put(p, word->attr, &word->value, sizeof(word->value));
}

/* the first that an argument abbreviates is meant */
static const struct word words[] = {
	{ "local", IFLA_EFH_LOCAL, 0, put_address },
	{ "remote", IFLA_EFH_REMOTE, 0, put_address },
	{ "dev", IFLA_EFH_LINK, 0, put_dev },
	{ "carrier", IFLA_EFH_CARRIER, 0, put_carrier },
	{ "dport", IFLA_EFH_DPORT, 0, put_port },
	{ "sport", IFLA_EFH_SPORT_MIN, 0, put_ports },
	{ "ttl", IFLA_EFH_TTL, 0, put_ttl },
	{ "tos", IFLA_EFH_TOS, 0, put_tos },
	{ "fragsize", IFLA_EFH_FRAGMENT_SIZE, 0, put_size },
	{ "udpcsum", IFLA_EFH_UDP_CSUM, 1, put_value },
	{ "noudpcsum", IFLA_EFH_UDP_CSUM, 0, put_value },
	{ "retransmit", IFLA_EFH_RETRANSMIT, 1, put_value },
	{ "noretransmit", IFLA_EFH_RETRANSMIT, 0, put_value },
	{ }
};

static bool abbreviates(const char *arg, const char *word)
{
	return *arg && !strncmp(arg, word, strlen(arg));
}

/* only what is given is sent, so a change leaves the rest as it is */
static int efh_parse(struct link_util *lu, int argc, char **argv,
		     struct nlmsghdr *n)
{
	struct parse p = { n, argv, argc, AF_UNSPEC };
	const struct word *word;
	uint32_t seen = 0;
	const char *arg;

	(void)lu;
	while (p.argc > 0) {
		arg = next_arg(&p);
		for (word = words; word->name; word++)
			if (abbreviates(arg, word->name))
				break;
		if (!word->name) {
			if (!abbreviates(arg, "help"))
				fprintf(stderr, "efh: unknown option \"%s\"?\n",
					arg);
			fputs(usage, stderr);
			exit(-1);
		}
		if (seen & 1U << word->attr)
			duparg2(word->name, arg);
		seen |= 1U << word->attr;
		word->put(&p, word);
	}
	return 0;
}

/* a kernel that is newer or older may leave out or resize attributes */
static const void *payload(struct rtattr *tb[], int attr, size_t len)
{
	return tb[attr] && RTA_PAYLOAD(tb[attr]) == len ? RTA_DATA(tb[attr]) :
							  NULL;
}

static void print_text(FILE *f, const char *key, const char *fmt,
		       const char *value)
{
	if (is_json_context())
		print_color_string(PRINT_JSON, NO_COLOR, key, NULL, value);
	else
		fprintf(f, fmt, value);
}

static void print_number(FILE *f, const char *key, const char *fmt,
			 unsigned int value)
{
	if (is_json_context())
		print_color_uint(PRINT_JSON, NO_COLOR, key, NULL, value);
	else
		fprintf(f, fmt, value);
}

static void print_address(FILE *f, const char *key, const char *fmt,
			  struct rtattr *tb[], int attr)
{
	const void *addr = payload(tb, attr, 16);
	int family = addr ? AF_INET6 : AF_INET;
	char text[INET6_ADDRSTRLEN];

	if (!addr)
		addr = payload(tb, attr, 4);
	if (addr)
		print_text(f, key, fmt, inet_ntop(family, addr, text,
						  sizeof(text)));
}

static void print_port(FILE *f, const char *key, const char *fmt,
		       struct rtattr *tb[], int attr)
{
	const uint16_t *port = payload(tb, attr, sizeof(*port));

	if (port)
		print_number(f, key, fmt, ntohs(*port));
}

/* @word, or "no" and @word */
static void print_switch(FILE *f, const char *key, const char *word,
			 struct rtattr *tb[], int attr)
{
	const uint8_t *on = payload(tb, attr, sizeof(*on));

	if (!on)
		return;
	if (is_json_context())
		print_color_bool(PRINT_JSON, NO_COLOR, key, NULL, *on);
	else
		fprintf(f, "%s%s ", *on ? "" : "no", word);
}

/* text in the words that make such a link, keys as ip's own tunnels have them */
static void efh_print(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	const uint32_t *link, *carrier, *size;
	const uint8_t *ttl, *tos;

	(void)lu;
	if (!tb)
		return;
	print_address(f, "local", "local %s ", tb, IFLA_EFH_LOCAL);
	print_address(f, "remote", "remote %s ", tb, IFLA_EFH_REMOTE);
	link = payload(tb, IFLA_EFH_LINK, sizeof(*link));
	if (link && *link)
		print_text(f, "link", "dev %s ", ll_index_to_name(*link));
	carrier = payload(tb, IFLA_EFH_CARRIER, sizeof(*carrier));
	if (carrier && *carrier < N_CARRIERS)
		print_text(f, "carrier", "carrier %s ", carriers[*carrier]);
	else if (carrier)
		print_number(f, "carrier", "carrier %u ", *carrier);
	if (carrier && *carrier == EFH_LINK_CARRIER_UDP) {
		print_port(f, "dport", "dport %u ", tb, IFLA_EFH_DPORT);
		print_port(f, "sport_min", "sport %u ", tb, IFLA_EFH_SPORT_MIN);
		print_port(f, "sport_max", "%u ", tb, IFLA_EFH_SPORT_MAX);
	}
	ttl = payload(tb, IFLA_EFH_TTL, sizeof(*ttl));
	if (ttl && !*ttl && !is_json_context())
		fputs("ttl inherit ", f);
	else if (ttl)
		print_number(f, "ttl", "ttl %u ", *ttl);
	tos = payload(tb, IFLA_EFH_TOS, sizeof(*tos));
	if (tos && *tos && is_json_context())
		print_color_0xhex(PRINT_JSON, NO_COLOR, "tos", NULL, *tos);
	else if (tos && *tos == 1)
		fputs("tos inherit ", f);
	else if (tos && *tos)
		fprintf(f, "tos %#x ", *tos);
	size = payload(tb, IFLA_EFH_FRAGMENT_SIZE, sizeof(*size));
	if (size && *size)
		print_number(f, "fragsize", "fragsize %u ", *size);
	if (carrier && *carrier == EFH_LINK_CARRIER_UDP)
		print_switch(f, "udp_csum", "udpcsum", tb, IFLA_EFH_UDP_CSUM);
	print_switch(f, "retransmit", "retransmit", tb, IFLA_EFH_RETRANSMIT);
}

static void efh_help(struct link_util *lu, int argc, char **argv, FILE *f)
{
	(void)lu;
	(void)argc;
	(void)argv;
	fputs(usage, f);
}

static struct link_util efh = {
	.id = EFH_LINK_KIND,
	.maxattr = IFLA_EFH_MAX,
	.parse_opt = efh_parse,
	.print_opt = efh_print,
	.print_help = efh_help,
};

/* does @p point into the program or library that is loaded at @base? */
static bool within(const void *base, const void *p)
{
	Dl_info info;

	return dladdr(p, &info) && info.dli_fbase == base;
}

/*
 * Has a kind of ip's own its members where ours are? Any difference in the
 * struct moves some of them to where a number, nothing or another pointer is.
 */
static bool as_here(const struct link_util *lu, const char *id, bool attrs,
		    bool opts, bool xstats)
{
	Dl_info ip;

	return lu && dladdr(lu, &ip) && within(ip.dli_fbase, lu->id) &&
	       !strcmp(lu->id, id) &&
	       (attrs ? lu->maxattr > 0 && lu->maxattr < 4096 : !lu->maxattr) &&
	       within(ip.dli_fbase, lu->parse_opt) == opts &&
	       within(ip.dli_fbase, lu->print_opt) == opts &&
	       within(ip.dli_fbase, lu->print_xstats) == xstats &&
	       within(ip.dli_fbase, lu->print_help) &&
	       !lu->parse_ifla_xstats && !lu->print_ifla_xstats;
}

static bool interface_known(void)
{
	return addattr_l && duparg2 && incomplete_command && invarg &&
	       is_json_context && ll_index_to_name && ll_name_to_index &&
	       print_color_0xhex && print_color_bool && print_color_string &&
	       print_color_uint && rtnl_dsfield_a2n &&
	       as_here(&can_link_util, "can", true, true, true) &&
	       as_here(&dummy_link_util, "dummy", false, false, false) &&
	       as_here(&vxlan_link_util, "vxlan", true, true, false);
}

/* what stands behind an IFUNC has to look like a function */
typedef void entry(void);

static entry *resolve(void) __attribute__((used));

/*
 * dlsym() runs this and gives ip what it returns. With NULL, ip does as if
 * there were no plugin: nothing crashes, and links are still listed.
 */
static entry *resolve(void)
{
	static bool told;

	if (interface_known())
		return (entry *)&efh;
	if (!told)
		fputs("link_efh.so: efh " VERSION " does not know this ip: links of type efh have no options here\n",
		      stderr);
	told = true;
	return NULL;
}

extern entry efh_link_util
	__attribute__((ifunc("resolve"), visibility("default")));
