// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl monitor: events as they happen, one a line.
 */
#include <linux/genetlink.h>

#include "efhctl.h"

static const struct field octets_fields[] = {
	{ "old", EFH_A_EVENT_OLD, add_uint },
	{ "new", EFH_A_EVENT_NEW, add_uint },
	{ }
};

static const struct field peer_fields[] = {
	{ "from_state", EFH_A_EVENT_OLD, add_state },
	{ "to_state", EFH_A_EVENT_NEW, add_state },
	{ }
};

static const struct field cause_fields[] = {
	{ "cause", EFH_A_EVENT_MTU_CAUSE, add_mtu_cause },
	{ "icmp_type", EFH_A_EVENT_ICMP_TYPE, add_uint },
	{ "icmp_code", EFH_A_EVENT_ICMP_CODE, add_uint },
	{ "from", EFH_A_EVENT_FROM, add_address },
	{ }
};

static const struct field link_peer_fields[] = {
	{ "dev", EFH_A_PEER_IFINDEX, add_device },
	{ "remote", EFH_A_PEER_ADDRESS, add_address },
	{ }
};

static const struct field link_peer_changes[] = {
	{ "from_state", EFH_A_EVENT_OLD, add_peer_state },
	{ "to_state", EFH_A_EVENT_NEW, add_peer_state },
	{ "cause", EFH_A_EVENT_CAUSE, add_peer_cause },
	{ "icmp_type", EFH_A_EVENT_ICMP_TYPE, add_uint },
	{ "icmp_code", EFH_A_EVENT_ICMP_CODE, add_uint },
	{ }
};

/* of a link's peer */
static json_t *peer_json(const char *name, const struct nlattr *const *attrs)
{
	const struct nlattr *peer_attrs[EFH_A_PEER_MAX + 1];
	json_t *event = json_or_die(json_object());

	json_set(event, "event", json_string(name));
	nl_nested(attrs[EFH_A_EVENT_PEER], peer_attrs, EFH_A_PEER_MAX);
	add_fields(event, link_peer_fields, peer_attrs);
	add_fields(event, link_peer_changes, attrs);
	return event;
}

/* of a flow, or of its destination */
static json_t *event_json(const char *name, const struct field *changed,
			  const struct nlattr *const *attrs)
{
	const struct nlattr *flow_attrs[EFH_A_FLOW_MAX + 1];
	json_t *event = json_or_die(json_object()), *flow;

	json_set(event, "event", json_string(name));
	if (attrs[EFH_A_EVENT_FLOW]) {
		nl_nested(attrs[EFH_A_EVENT_FLOW], flow_attrs, EFH_A_FLOW_MAX);
		flow = flow_json(flow_attrs);
		json_object_update(event, flow);
		json_decref(flow);
	}
	add_fields(event, changed, attrs);
	add_fields(event, cause_fields, attrs);
	return event;
}

static void event_text(const json_t *event)
{
	print_string("", event, "event");
	print_string(" to ", event, "destination");
	print_string(" dev ", event, "dev");
	print_string(" remote ", event, "remote");
	print_uint(" old ", event, "old");
	print_uint(" new ", event, "new");
	print_string(" old ", event, "from_state");
	print_string(" new ", event, "to_state");
	if (json_object_get(event, "old"))
		print_loss(event);
	print_string(" cause ", event, "cause");
	print_uint(" type ", event, "icmp_type");
	print_uint(" code ", event, "icmp_code");
	print_string(" by ", event, "from");
	putchar('\n');
	fflush(stdout);
}

static void monitor_event(const struct nlmsghdr *msg, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[EFH_A_EVENT_MAX + 1];
	json_t *event;

	(void)data;
	nl_attrs(msg, attrs, EFH_A_EVENT_MAX);
	if (genl->cmd == EFH_CMD_RESET_EVENT && attrs[EFH_A_EVENT_PEER])
		event = peer_json("reset", attrs);
	else if (genl->cmd == EFH_CMD_PEER_EVENT && attrs[EFH_A_EVENT_PEER])
		event = peer_json("peer", attrs);
	else if (genl->cmd == EFH_CMD_MTU_EVENT)
		event = event_json("mtu", octets_fields, attrs);
	else if (genl->cmd == EFH_CMD_LOSS_EVENT)
		event = event_json("loss", octets_fields, attrs);
	else if (genl->cmd == EFH_CMD_PEER_EVENT)
		event = event_json("peer", peer_fields, attrs);
	else
		return;
	if (json_wanted)
		print_json(event);
	else
		event_text(event);
	json_decref(event);
}

int cmd_monitor(int argc, char **argv)
{
	if (argc && abbreviates(argv[0], "help"))
		return cmd_help(0, NULL);
	parse_end(argc, argv);
	json_pretty = false;		/* an object is a line here */
	return nl_follow(monitor_event);
}
