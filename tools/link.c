// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl link: what ip(8) does with its plugin, for where that is not. Links
 * are made, and deleted, by ip alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "efhctl.h"

static const char *const carriers[] = {
	[EFH_LINK_CARRIER_IP] = "ip",
	[EFH_LINK_CARRIER_UDP] = "udp",
};

static void put_carrier(struct nlmsghdr *req, const struct word *word,
			const char *arg)
{
	uint32_t carrier;

	for (carrier = 0; carrier < ARRAY_SIZE(carriers); carrier++)
		if (!strcmp(arg, carriers[carrier]))
			break;
	if (carrier == ARRAY_SIZE(carriers))
		usage_error("%s: \"%s\" is neither \"ip\" nor \"udp\"",
			    word->name, arg);
	mnl_attr_put_u32(req, word->attr, carrier);
}

/* of the inner packet, or a number */
static void put_inherit(struct nlmsghdr *req, const struct word *word,
			const char *arg)
{
	if (!strcmp(arg, "inherit"))
		mnl_attr_put_u8(req, word->attr, word->attr == IFLA_EFH_TOS);
	else
		put_u8(req, word, arg);
}

static const struct word words[] = {
	{ "local", IFLA_EFH_LOCAL, put_address },
	{ "remote", IFLA_EFH_REMOTE, put_address },
	{ "dev", IFLA_EFH_LINK, put_device },
	{ "carrier", IFLA_EFH_CARRIER, put_carrier },
	{ "dport", IFLA_EFH_DPORT, put_port },
	{ "sport", IFLA_EFH_SPORT_MIN, put_port },
	{ "sport", IFLA_EFH_SPORT_MAX, put_port },
	{ "ttl", IFLA_EFH_TTL, put_inherit },
	{ "tos", IFLA_EFH_TOS, put_inherit },
	{ "fragsize", IFLA_EFH_FRAGMENT_SIZE, put_u32 },
	{ "udpcsum", IFLA_EFH_UDP_CSUM, put_switch },
	{ "retransmit", IFLA_EFH_RETRANSMIT, put_switch },
	{ }
};

static void add_link_carrier(json_t *object, const char *key,
			     const struct nlattr *attr)
{
	add_name(object, key, attr, carriers, ARRAY_SIZE(carriers));
}

/* keys as ip's are for links, beside "dev" */
static const struct field fields[] = {
	{ "local", IFLA_EFH_LOCAL, add_address },
	{ "remote", IFLA_EFH_REMOTE, add_address },
	{ "link", IFLA_EFH_LINK, add_device },
	{ "carrier", IFLA_EFH_CARRIER, add_link_carrier },
	{ "dport", IFLA_EFH_DPORT, add_port },
	{ "sport_min", IFLA_EFH_SPORT_MIN, add_port },
	{ "sport_max", IFLA_EFH_SPORT_MAX, add_port },
	{ "ttl", IFLA_EFH_TTL, add_uint },
	{ "tos", IFLA_EFH_TOS, add_uint },
	{ "fragsize", IFLA_EFH_FRAGMENT_SIZE, add_uint },
	{ "udp_csum", IFLA_EFH_UDP_CSUM, add_bool },
	{ "retransmit", IFLA_EFH_RETRANSMIT, add_bool },
	{ }
};

static json_t *link_row(const struct nlmsghdr *answer,
			const struct nlattr *const *attrs, void *data)
{
	const struct nlattr *info[IFLA_INFO_MAX + 1];
	const struct nlattr *of_kind[IFLA_EFH_MAX + 1];
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(answer);
	const unsigned int *wanted = data;
	json_t *row;

	if (!attrs[IFLA_LINKINFO] || !attrs[IFLA_IFNAME])
		return NULL;
	nl_nested(attrs[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	if (!info[IFLA_INFO_KIND] || !info[IFLA_INFO_DATA] ||
	    strcmp(mnl_attr_get_str(info[IFLA_INFO_KIND]), EFH_LINK_KIND) ||
	    (*wanted && *wanted != (unsigned int)ifi->ifi_index))
		return NULL;
	nl_nested(info[IFLA_INFO_DATA], of_kind, IFLA_EFH_MAX);
	row = json_or_die(json_object());
	json_set(row, "dev",
		 json_string(mnl_attr_get_str(attrs[IFLA_IFNAME])));
	add_fields(row, fields, of_kind);
	/* in another namespace it is another's number here */
	if (attrs[IFLA_LINK_NETNSID] && json_object_get(row, "link"))
		json_set(row, "link",
			 json_sprintf("if%u", (unsigned int)
				      nl_uint(of_kind[IFLA_EFH_LINK])));
	return row;
}

static void print_inherit(const json_t *link, const char *key,
			  json_int_t inherit)
{
	if (json_integer_value(json_object_get(link, key)) == inherit)
		printf(" %s inherit", key);
	else
		printf(" %s %" JSON_INTEGER_FORMAT, key,
		       json_integer_value(json_object_get(link, key)));
}

/* in the words that "link set" takes */
static void link_text(const json_t *link)
{
	print_string("", link, "dev");
	print_string(" local ", link, "local");
	print_string(" remote ", link, "remote");
	print_string(" dev ", link, "link");
	print_string(" carrier ", link, "carrier");
	print_uint(" dport ", link, "dport");
	print_uint(" sport ", link, "sport_min");
	print_uint(" ", link, "sport_max");
	print_inherit(link, "ttl", 0);
	print_inherit(link, "tos", 1);
	print_uint(" fragsize ", link, "fragsize");
	print_switch(" udpcsum ", link, "udp_csum");
	print_switch(" retransmit ", link, "retransmit");
	putchar('\n');
}

static int other_kind(const char *name)
{
	fprintf(stderr, "efhctl: device \"%s\" is not of type " EFH_LINK_KIND "\n",
		name);
	return EXIT_FAILURE;
}

static int link_show(int argc, char **argv)
{
	unsigned int wanted = argc ? parse_device(argv[0]) : 0;
	json_t *rows;

	if (argc)
		parse_end(argc - 1, argv + 1);
	rows = nl_dump(nl_link_request(RTM_GETLINK, NLM_F_DUMP, 0),
		       IFLA_MAX, link_row, &wanted);
	if (argc && rows && !json_array_size(rows)) {
		json_decref(rows);
		return other_kind(argv[0]);
	}
	return print_rows(rows, link_text);
}

static int link_set(int argc, char **argv)
{
	struct nlattr *info, *data;
	struct nlmsghdr *req;
	int err;

	if (!argc)
		usage_error("link set: a link is missing");
	if (argc == 1)
		usage_error("link set: nothing to set");
	req = nl_link_request(RTM_NEWLINK, 0, parse_device(argv[0]));
	info = mnl_attr_nest_start(req, IFLA_LINKINFO);
	mnl_attr_put_strz(req, IFLA_INFO_KIND, EFH_LINK_KIND);
	data = mnl_attr_nest_start(req, IFLA_INFO_DATA);
	nl_words(req);
	parse_words(words, req, argc - 1, argv + 1);
	mnl_attr_nest_end(req, data);
	mnl_attr_nest_end(req, info);
	err = nl_send(req, NULL, NULL);
	if (err == -EOPNOTSUPP && !nl_explained())
		return other_kind(argv[0]);
	return err ? nl_error(err, words) : EXIT_SUCCESS;
}

int cmd_link(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", link_show },
		{ "set", link_set },
		{ "list", link_show },
		{ "lst", link_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
