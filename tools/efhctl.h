/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * efhctl: configure and watch the Extended Fragment Header module.
 *
 * Every answer of the kernel becomes a JSON value first; text is a rendering
 * of that value, so both outputs always say the same.
 */
#ifndef _EFHCTL_H
#define _EFHCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <libmnl/libmnl.h>
#include <jansson.h>
#include <linux/efh.h>

#define EXIT_USAGE	255		/* as ip(8) exits */

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* efhctl.c: verbs of an object; the first that a word abbreviates is meant */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);	/* arguments after the verb */
};

int verb_run(const struct verb *verbs, int argc, char **argv);
int cmd_help(int argc, char **argv);

/* one per object */
int cmd_settings(int argc, char **argv);
int cmd_native(int argc, char **argv);
int cmd_flow(int argc, char **argv);
int cmd_link(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_monitor(int argc, char **argv);

/* parse.c: words of the command line */
struct prefix {
	uint8_t addr[16];
	unsigned int addr_len;		/* octets: 4 or 16 */
	unsigned int len;		/* bits */
};

/*
 * a word whose argument becomes an attribute; without put(), its name only. Two
 * of a name in a row are one with two arguments.
 */
struct word {
	const char *name;
	uint16_t attr;
	void (*put)(struct nlmsghdr *req, const struct word *word,
		    const char *arg);
};

void usage_error(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
bool abbreviates(const char *arg, const char *word);
void parse_prefix(const char *arg, struct prefix *p);
bool prefix_holds(const struct prefix *p, const void *addr, size_t len);
bool prefix_is_host(const struct prefix *p);
void parse_end(int argc, char **argv);
uint64_t parse_words(const struct word *words, struct nlmsghdr *req,
		     int argc, char **argv);
unsigned int parse_device(const char *arg);
void put_u8(struct nlmsghdr *req, const struct word *word, const char *arg);
void put_u32(struct nlmsghdr *req, const struct word *word, const char *arg);
void put_port(struct nlmsghdr *req, const struct word *word, const char *arg);
void put_device(struct nlmsghdr *req, const struct word *word,
		const char *arg);
void put_address(struct nlmsghdr *req, const struct word *word,
		 const char *arg);
void put_prefix(struct nlmsghdr *req, const struct word *word,
		const char *arg);
void put_switch(struct nlmsghdr *req, const struct word *word,
		const char *arg);
void put_seconds(struct nlmsghdr *req, const struct word *word,
		 const char *arg);
void put_octets(struct nlmsghdr *req, const struct word *word,
		const char *arg);

/*
 * netlink.c: requests return 0 or a negative errno, whose explanation
 * nl_error() prints.
 */
typedef void (*nl_answer_fn)(const struct nlmsghdr *answer, void *data);
typedef json_t *(*nl_row_fn)(const struct nlmsghdr *answer,
			     const struct nlattr *const *attrs, void *data);

struct nlmsghdr *nl_request(uint8_t cmd, uint16_t flags);
struct nlmsghdr *nl_link_request(uint16_t type, uint16_t flags,
				 unsigned int ifindex);
void nl_words(const struct nlmsghdr *req);
bool nl_room(const struct nlmsghdr *req, size_t len);
int nl_send(struct nlmsghdr *req, nl_answer_fn answer, void *data);
json_t *nl_dump(struct nlmsghdr *req, unsigned int attr_max, nl_row_fn row,
		void *data);
bool nl_explained(void);
int nl_error(int err, const struct word *words);
int nl_follow(nl_answer_fn event);
void nl_close(void);
void nl_attrs(const struct nlmsghdr *answer, const struct nlattr **attrs,
	      unsigned int attr_max);
void nl_nested(const struct nlattr *nest, const struct nlattr **attrs,
	       unsigned int attr_max);
uint64_t nl_uint(const struct nlattr *attr);
bool nl_prefix(struct prefix *p, const struct nlattr *addr,
	       const struct nlattr *len);

/* print.c: attributes to JSON, JSON to text */
extern bool json_wanted, json_pretty;

/* a JSON key, the attribute it comes from, and how */
struct field {
	const char *key;
	uint16_t attr;
	void (*add)(json_t *object, const char *key, const struct nlattr *attr);
};

json_t *json_or_die(json_t *value);
void json_set(json_t *object, const char *key, json_t *value);
void add_fields(json_t *object, const struct field *fields,
		const struct nlattr *const *attrs);
void add_uint(json_t *object, const char *key, const struct nlattr *attr);
void add_bool(json_t *object, const char *key, const struct nlattr *attr);
void add_address(json_t *object, const char *key, const struct nlattr *attr);
void add_port(json_t *object, const char *key, const struct nlattr *attr);
void add_name(json_t *object, const char *key, const struct nlattr *attr,
	      const char *const names[], uint64_t count);
void add_carrier(json_t *object, const char *key, const struct nlattr *attr);
void add_state(json_t *object, const char *key, const struct nlattr *attr);
void add_peer_state(json_t *object, const char *key,
		    const struct nlattr *attr);
void add_search(json_t *object, const char *key, const struct nlattr *attr);
void add_mtu_cause(json_t *object, const char *key, const struct nlattr *attr);
void add_peer_cause(json_t *object, const char *key,
		    const struct nlattr *attr);
void add_device(json_t *object, const char *key, const struct nlattr *attr);
json_t *json_prefix(const struct prefix *p);

void print_json(const json_t *value);
int print_rows(json_t *rows, void (*text)(const json_t *row));
void print_pair(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void print_string(const char *before, const json_t *object, const char *key);
void print_uint(const char *before, const json_t *object, const char *key);
void print_loss(const json_t *flow);
void print_ms(const char *before, const json_t *object, const char *key);
void print_switch(const char *before, const json_t *object, const char *key);
const char *ms_text(json_int_t ms);

/* flow.c: what a flow and an event about one say of it */
json_t *flow_json(const struct nlattr *const *attrs);

#endif /* _EFHCTL_H */
