// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes to JSON, and JSON to text.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "efhctl.h"

#define INDENT		4
#define PAIR_WIDTH	26

bool json_wanted, json_pretty;

json_t *json_or_die(json_t *value)
{
	if (!value) {
		fputs("efhctl: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return value;
}

void json_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, json_or_die(value));
}

/* what the kernel left out stays out */
void add_fields(json_t *object, const struct field *fields,
		const struct nlattr *const *attrs)
{
	for (; fields->key; fields++)
		if (attrs[fields->attr])
			fields->add(object, fields->key, attrs[fields->attr]);
}

void add_uint(json_t *object, const char *key, const struct nlattr *attr)
{
	json_set(object, key, json_integer(nl_uint(attr)));
}

void add_bool(json_t *object, const char *key, const struct nlattr *attr)
{
	json_set(object, key, json_boolean(nl_uint(attr)));
}

void add_port(json_t *object, const char *key, const struct nlattr *attr)
{
	json_set(object, key, json_integer(ntohs(nl_uint(attr))));
}

static const char *address_text(char *text, const void *addr, size_t len)
{
	return inet_ntop(len == 16 ? AF_INET6 : AF_INET, addr, text,
			 INET6_ADDRSTRLEN);
}

void add_address(json_t *object, const char *key, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);
	char text[INET6_ADDRSTRLEN];

	if (len == 4 || len == 16)
		json_set(object, key,
			 json_string(address_text(text,
						  mnl_attr_get_payload(attr),
						  len)));
}

/* a name, or the number where a newer kernel knows more of them */
void add_name(json_t *object, const char *key, const struct nlattr *attr,
	      const char *const names[], uint64_t count)
{
	uint64_t value = nl_uint(attr);

	json_set(object, key, value < count ? json_string(names[value]) :
					      json_integer(value));
}

void add_carrier(json_t *object, const char *key, const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_CARRIER_IPV6] = "ipv6",
		[EFH_CARRIER_IPV4] = "ipv4",
		[EFH_CARRIER_UDP6] = "udp6",
		[EFH_CARRIER_UDP4] = "udp4",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_state(json_t *object, const char *key, const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_FLOW_STATE_ACTIVE] = "active",
		[EFH_FLOW_STATE_UNAWARE] = "unaware",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_search(json_t *object, const char *key, const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_SEARCH_STATE_DISABLED] = "disabled",
		[EFH_SEARCH_STATE_BASE] = "base",
		[EFH_SEARCH_STATE_SEARCHING] = "searching",
		[EFH_SEARCH_STATE_COMPLETE] = "complete",
		[EFH_SEARCH_STATE_ERROR] = "error",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_mtu_cause(json_t *object, const char *key, const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_MTU_CAUSE_AGE] = "age",
		[EFH_MTU_CAUSE_ICMP] = "icmp",
		[EFH_MTU_CAUSE_PROBE] = "probe",
		[EFH_MTU_CAUSE_BLACK_HOLE] = "black-hole",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_peer_state(json_t *object, const char *key,
		    const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_PEER_STATE_UNKNOWN] = "unknown",
		[EFH_PEER_STATE_UP] = "up",
		[EFH_PEER_STATE_SUSPECT] = "suspect",
		[EFH_PEER_STATE_DOWN] = "down",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_peer_cause(json_t *object, const char *key,
		    const struct nlattr *attr)
{
	static const char *const names[] = {
		[EFH_PEER_CAUSE_NONE] = "none",
		[EFH_PEER_CAUSE_ANSWER] = "answer",
		[EFH_PEER_CAUSE_SILENCE] = "silence",
		[EFH_PEER_CAUSE_TCP] = "tcp",
		[EFH_PEER_CAUSE_ICMP] = "icmp",
		[EFH_PEER_CAUSE_USER] = "user",
		[EFH_PEER_CAUSE_RESET] = "reset",
		[EFH_PEER_CAUSE_EPOCH] = "epoch",
		[EFH_PEER_CAUSE_PROBE] = "probe",
	};

	add_name(object, key, attr, names, ARRAY_SIZE(names));
}

void add_device(json_t *object, const char *key, const struct nlattr *attr)
{
	unsigned int ifindex = nl_uint(attr);
	char name[IF_NAMESIZE];

	if (!ifindex)
		return;
	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "if%u", ifindex);
	json_set(object, key, json_string(name));
}

json_t *json_prefix(const struct prefix *p)
{
	char text[INET6_ADDRSTRLEN];

	return json_sprintf("%s/%u", address_text(text, p->addr, p->addr_len),
			    p->len);
}

/* one line unless prettiness was asked for, and at once */
void print_json(const json_t *value)
{
	json_dumpf(value, stdout, json_pretty ? JSON_INDENT(INDENT) : 0);
	putchar('\n');
	fflush(stdout);
}

/* the answer to a "show" that may hold many; takes @rows over */
int print_rows(json_t *rows, void (*text)(const json_t *row))
{
	const json_t *row;
	size_t i;

	if (!rows)
		return EXIT_FAILURE;
	if (json_wanted)
		print_json(rows);
	else
		json_array_foreach(rows, i, row)
			text(row);
	json_decref(rows);
	return EXIT_SUCCESS;
}

/* two columns */
void print_pair(const char *name, const char *fmt, ...)
{
	va_list args;

	printf("%-*s", PAIR_WIDTH, name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* the following print nothing where @object has no such key */
void print_string(const char *before, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		printf("%s%s", before, json_string_value(value));
	else
		print_uint(before, object, key);
}

void print_uint(const char *before, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		printf("%s%" JSON_INTEGER_FORMAT, before,
		       json_integer_value(value));
}

/* seconds, with as many decimals as it takes */
const char *ms_text(json_int_t ms)
{
	static char text[32];
	int decimals = 3;

	while (decimals && !(ms % (decimals == 3 ? 10 : decimals == 2 ? 100 :
				   1000)))
		decimals--;
	snprintf(text, sizeof(text), "%.*fs", decimals, ms / 1000.0);
	return text;
}

/* of fragments, in percent; nothing where none is known of */
void print_loss(const json_t *flow)
{
	json_int_t ppm = json_integer_value(json_object_get(flow, "loss_ppm"));

	if (ppm)
		printf(" loss %.4g%%", (double)ppm / 10000);
}

void print_ms(const char *before, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		printf("%s%s", before, ms_text(json_integer_value(value)));
}

void print_switch(const char *before, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (value)
		printf("%s%s", before, json_is_true(value) ? "on" : "off");
}
