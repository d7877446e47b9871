// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl peer: the remote endpoints of links of kind "efh".
 */
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "efhctl.h"

/* bits of what parse_words() has met, in either of the following */
#define SEEN_DEV	0x1
#define SEEN_REMOTE	0x2

/* which peer */
static const struct word key_words[] = {
	{ "dev", EFH_A_PEER_IFINDEX, put_device },
	{ "remote", EFH_A_PEER_ADDRESS, put_address },
	{ }
};

static const struct word words[] = {
	{ "dev", EFH_A_PEER_IFINDEX, put_device },
	{ "remote", EFH_A_PEER_ADDRESS, put_address },
	{ "port", EFH_A_PEER_PORT, put_port },
	{ "priority", EFH_A_PEER_PRIORITY, put_u32 },
	{ "prefix", EFH_A_PEER_PREFIX, put_prefix },
	{ }
};

static const struct field config_fields[] = {
	{ "dev", EFH_A_PEER_IFINDEX, add_device },
	{ "remote", EFH_A_PEER_ADDRESS, add_address },
	{ "port", EFH_A_PEER_PORT, add_port },
	{ "priority", EFH_A_PEER_PRIORITY, add_uint },
	{ }
};

static const struct field state_fields[] = {
	{ "state", EFH_A_PEER_STATE, add_peer_state },
	{ "heard_ms", EFH_A_PEER_HEARD, add_uint },
	{ "answer_us", EFH_A_PEER_ANSWER, add_uint },
	{ "epoch", EFH_A_PEER_EPOCH, add_uint },
	{ "left", EFH_A_PEER_LEFT, add_peer_cause },
	{ "icmp_type", EFH_A_PEER_LEFT_ICMP_TYPE, add_uint },
	{ "icmp_code", EFH_A_PEER_LEFT_ICMP_CODE, add_uint },
	{ }
};

/* the kernel goes by the link at most */
static bool asked_for(const struct nlmsghdr *req,
		      const struct nlattr *const *attrs)
{
	const struct nlattr *wanted, *attr;

	mnl_attr_for_each(wanted, req, sizeof(struct genlmsghdr)) {
		attr = attrs[mnl_attr_get_type(wanted)];
		if (!attr || attr->nla_len != wanted->nla_len ||
		    memcmp(mnl_attr_get_payload(attr),
			   mnl_attr_get_payload(wanted),
			   mnl_attr_get_payload_len(attr)))
			return false;
	}
	return true;
}

static json_t *peer_prefixes(const struct nlmsghdr *answer)
{
	const struct nlattr *nest, *attrs[EFH_A_PREFIX_MAX + 1];
	json_t *prefixes = json_or_die(json_array());
	struct prefix p;

	mnl_attr_for_each(nest, answer, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(nest) != EFH_A_PEER_PREFIX)
			continue;
		nl_nested(nest, attrs, EFH_A_PREFIX_MAX);
		if (nl_prefix(&p, attrs[EFH_A_PREFIX_ADDRESS],
			      attrs[EFH_A_PREFIX_LEN]))
			json_array_append_new(prefixes, json_prefix(&p));
	}
	return prefixes;
}

static json_t *peer_row(const struct nlmsghdr *answer,
			const struct nlattr *const *attrs, void *data)
{
	json_t *peer;

	if (!asked_for(data, attrs))
		return NULL;
	peer = json_or_die(json_object());
	add_fields(peer, config_fields, attrs);
	json_set(peer, "prefixes", peer_prefixes(answer));
	add_fields(peer, state_fields, attrs);
	json_set(peer, "link_remote",
		 json_boolean(attrs[EFH_A_PEER_LINK_REMOTE]));
	if (attrs[EFH_A_PEER_NAT])
		json_set(peer, "nat", json_true());
	return peer;
}

/* up to the state in the words that "peer add" takes */
static void peer_text(const json_t *peer)
{
	const json_t *prefix;
	size_t i;

	print_string("dev ", peer, "dev");
	print_string(" remote ", peer, "remote");
	print_uint(" port ", peer, "port");
	print_uint(" priority ", peer, "priority");
	json_array_foreach(json_object_get(peer, "prefixes"), i, prefix)
		printf(" prefix %s", json_string_value(prefix));
	print_string(" state ", peer, "state");
	print_ms(" heard ", peer, "heard_ms");
	print_uint(" answer ", peer, "answer_us");
	if (json_object_get(peer, "answer_us"))
		fputs("us", stdout);
	print_uint(" epoch ", peer, "epoch");
	print_string(" left ", peer, "left");
	print_uint(" type ", peer, "icmp_type");
	print_uint(" code ", peer, "icmp_code");
	if (json_is_true(json_object_get(peer, "link_remote")))
		fputs(" link-remote", stdout);
	if (json_is_true(json_object_get(peer, "nat")))
		fputs(" nat", stdout);
	putchar('\n');
}

static int peer_show(int argc, char **argv)
{
	struct nlmsghdr *req = nl_request(EFH_CMD_PEER_GET, NLM_F_DUMP);

	parse_words(key_words, req, argc, argv);
	return print_rows(nl_dump(req, EFH_A_PEER_MAX, peer_row, req),
			  peer_text);
}

static int peer_change(uint8_t cmd, const struct word *allowed, int argc,
		       char **argv)
{
	struct nlmsghdr *req = nl_request(cmd, 0);
	uint64_t seen;
	int err;

	seen = parse_words(allowed, req, argc, argv);
	if (!(seen & SEEN_DEV))
		usage_error("peer: \"dev\" is missing");
	if (!(seen & SEEN_REMOTE))
		usage_error("peer: \"remote\" is missing");
	if (cmd == EFH_CMD_PEER_SET && seen == (SEEN_DEV | SEEN_REMOTE))
		usage_error("peer set: nothing to set");
	err = nl_send(req, NULL, NULL);
	return err ? nl_error(err, allowed) : EXIT_SUCCESS;
}

static int peer_add(int argc, char **argv)
{
	return peer_change(EFH_CMD_PEER_NEW, words, argc, argv);
}

static int peer_set(int argc, char **argv)
{
	return peer_change(EFH_CMD_PEER_SET, words, argc, argv);
}

static int peer_del(int argc, char **argv)
{
	return peer_change(EFH_CMD_PEER_DEL, key_words, argc, argv);
}

static int peer_suspect(int argc, char **argv)
{
	return peer_change(EFH_CMD_PEER_SUSPECT, key_words, argc, argv);
}

int cmd_peer(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", peer_show },
		{ "add", peer_add },
		{ "set", peer_set },
		{ "delete", peer_del },
		{ "suspect", peer_suspect },
		{ "list", peer_show },
		{ "lst", peer_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
