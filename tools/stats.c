// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl stats: the counters of a network namespace.
 */
#include <stdlib.h>

#include "efhctl.h"

static const struct field fields[] = {
	{ "in_fragments", EFH_A_STATS_IN_FRAGMENTS, add_uint },
	{ "in_atomic", EFH_A_STATS_IN_ATOMIC, add_uint },
	{ "in_delivered", EFH_A_STATS_IN_DELIVERED, add_uint },
	{ "reassembled", EFH_A_STATS_REASSEMBLED, add_uint },
	{ "out_packets", EFH_A_STATS_OUT_PACKETS, add_uint },
	{ "out_fragments", EFH_A_STATS_OUT_FRAGMENTS, add_uint },
	{ "out_failed", EFH_A_STATS_OUT_FAILED, add_uint },
	{ "bad_option", EFH_A_STATS_BAD_OPTION, add_uint },
	{ "bad_index", EFH_A_STATS_BAD_INDEX, add_uint },
	{ "bad_fragment", EFH_A_STATS_BAD_FRAGMENT, add_uint },
	{ "too_big", EFH_A_STATS_TOO_BIG, add_uint },
	{ "mismatch", EFH_A_STATS_MISMATCH, add_uint },
	{ "duplicate", EFH_A_STATS_DUPLICATE, add_uint },
	{ "ecn", EFH_A_STATS_ECN, add_uint },
	{ "timeout", EFH_A_STATS_TIMEOUT, add_uint },
	{ "evicted", EFH_A_STATS_EVICTED, add_uint },
	{ "no_memory", EFH_A_STATS_NO_MEMORY, add_uint },
	{ "control_in", EFH_A_STATS_CONTROL_IN, add_uint },
	{ "control_out", EFH_A_STATS_CONTROL_OUT, add_uint },
	{ "control_invalid", EFH_A_STATS_CONTROL_INVALID, add_uint },
	{ "retransmit_out", EFH_A_STATS_RETRANSMIT_OUT, add_uint },
	{ "retransmit_used", EFH_A_STATS_RETRANSMIT_USED, add_uint },
	{ "segment_checksum", EFH_A_STATS_SEGMENT_CHECKSUM, add_uint },
	{ "icmp_in", EFH_A_STATS_ICMP_IN, add_uint },
	{ "icmp_invalid", EFH_A_STATS_ICMP_INVALID, add_uint },
	{ "reassembly_bytes", EFH_A_STATS_REASSEMBLY_BYTES, add_uint },
	{ "reassembly_packets", EFH_A_STATS_REASSEMBLY_PACKETS, add_uint },
	{ "reassembly_fragments", EFH_A_STATS_REASSEMBLY_FRAGMENTS, add_uint },
	{ }
};

static void stats_answer(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[EFH_A_STATS_MAX + 1];

	nl_attrs(answer, attrs, EFH_A_STATS_MAX);
	add_fields(data, fields, attrs);
}

static void stats_text(const json_t *stats)
{
	const struct field *field;
	const json_t *value;

	for (field = fields; field->key; field++) {
		value = json_object_get(stats, field->key);
		if (value)
			print_pair(field->key, "%" JSON_INTEGER_FORMAT,
				   json_integer_value(value));
	}
}

static int stats_show(int argc, char **argv)
{
	json_t *stats;
	int err;

	parse_end(argc, argv);
	stats = json_or_die(json_object());
	err = nl_send(nl_request(EFH_CMD_STATS_GET, 0), stats_answer, stats);
	if (err)
		err = nl_error(err, NULL);
	else if (json_wanted)
		print_json(stats);
	else
		stats_text(stats);
	json_decref(stats);
	return err;
}

static int stats_reset(int argc, char **argv)
{
	int err;

	parse_end(argc, argv);
	err = nl_send(nl_request(EFH_CMD_STATS_RESET, 0), NULL, NULL);
	return err ? nl_error(err, NULL) : EXIT_SUCCESS;
}

int cmd_stats(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", stats_show },
		{ "reset", stats_reset },
		{ "list", stats_show },
		{ "lst", stats_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
