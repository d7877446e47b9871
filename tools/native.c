// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl native: destinations to which this host's own large packets leave as
 * EFH fragments.
 */
#include <stdlib.h>

#include "efhctl.h"

static const struct word words[] = {
	{ "prefix", EFH_A_NATIVE_PREFIX, NULL },
	{ "prefix length", EFH_A_NATIVE_PREFIX_LEN, NULL },
	{ "fragsize", EFH_A_NATIVE_FRAGMENT_SIZE, put_u32 },
	{ "maxpacket", EFH_A_NATIVE_MAX_PACKET, put_u32 },
	{ "retransmit", EFH_A_NATIVE_RETRANSMIT, put_switch },
	{ }
};

static const struct field fields[] = {
	{ "fragsize", EFH_A_NATIVE_FRAGMENT_SIZE, add_uint },
	{ "maxpacket", EFH_A_NATIVE_MAX_PACKET, add_uint },
	{ "retransmit", EFH_A_NATIVE_RETRANSMIT, add_bool },
	{ }
};

static json_t *native_row(const struct nlmsghdr *answer,
			  const struct nlattr *const *attrs, void *data)
{
	const struct prefix *wanted = data;
	struct prefix p;
	json_t *row;

	(void)answer;
	if (!nl_prefix(&p, attrs[EFH_A_NATIVE_PREFIX],
		       attrs[EFH_A_NATIVE_PREFIX_LEN]))
		return NULL;
	if (wanted && (p.len != wanted->len ||
		       !prefix_holds(wanted, p.addr, p.addr_len)))
		return NULL;
	row = json_or_die(json_object());
	json_set(row, "prefix", json_prefix(&p));
	add_fields(row, fields, attrs);
	return row;
}

static void native_text(const json_t *row)
{
	print_string("", row, "prefix");
	if (json_integer_value(json_object_get(row, "fragsize")))
		print_uint(" fragsize ", row, "fragsize");
	print_uint(" maxpacket ", row, "maxpacket");
	print_switch(" retransmit ", row, "retransmit");
	putchar('\n');
}

static int native_show(int argc, char **argv)
{
	struct prefix wanted;
	bool one = argc > 0;

	if (one) {
		parse_prefix(argv[0], &wanted);
		parse_end(argc - 1, argv + 1);
	}
	return print_rows(nl_dump(nl_request(EFH_CMD_NATIVE_GET, NLM_F_DUMP),
				  EFH_A_NATIVE_MAX, native_row,
				  one ? &wanted : NULL), native_text);
}

static int native_change(uint8_t cmd, int argc, char **argv)
{
	struct nlmsghdr *req = nl_request(cmd, 0);
	struct prefix p;
	int err;

	if (!argc)
		usage_error("native: a prefix is missing");
	parse_prefix(argv[0], &p);
	mnl_attr_put(req, EFH_A_NATIVE_PREFIX, p.addr_len, p.addr);
	mnl_attr_put_u8(req, EFH_A_NATIVE_PREFIX_LEN, p.len);
	if (cmd == EFH_CMD_NATIVE_DEL)
		parse_end(argc - 1, argv + 1);
	else
		parse_words(words, req, argc - 1, argv + 1);
	err = nl_send(req, NULL, NULL);
	return err ? nl_error(err, words) : EXIT_SUCCESS;
}

static int native_add(int argc, char **argv)
{
	return native_change(EFH_CMD_NATIVE_NEW, argc, argv);
}

static int native_del(int argc, char **argv)
{
	return native_change(EFH_CMD_NATIVE_DEL, argc, argv);
}

int cmd_native(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", native_show },
		{ "add", native_add },
		{ "delete", native_del },
		{ "list", native_show },
		{ "lst", native_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
