// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl flow: what this host has learnt of each outer flow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "efhctl.h"

static const struct field fields[] = {
	{ "carrier", EFH_A_FLOW_CARRIER, add_carrier },
	{ "destination", EFH_A_FLOW_DESTINATION, add_address },
	{ "flowlabel", EFH_A_FLOW_LABEL, add_uint },
	{ "dev", EFH_A_FLOW_IFINDEX, add_device },
	{ "path_mtu", EFH_A_FLOW_PATH_MTU, add_uint },
	{ "search", EFH_A_FLOW_SEARCH, add_search },
	{ "fragment_size", EFH_A_FLOW_FRAGMENT_SIZE, add_uint },
	{ "max_packet", EFH_A_FLOW_MAX_PACKET, add_uint },
	{ "packets", EFH_A_FLOW_PACKETS, add_uint },
	{ "fragments", EFH_A_FLOW_FRAGMENTS, add_uint },
	{ "retransmitted", EFH_A_FLOW_RETRANSMITTED, add_uint },
	{ "loss_ppm", EFH_A_FLOW_LOSS, add_uint },
	{ "state", EFH_A_FLOW_STATE, add_state },
	{ "expires_ms", EFH_A_FLOW_EXPIRES, add_uint },
	{ "idle_ms", EFH_A_FLOW_IDLE, add_uint },
	{ }
};

/* which flows are meant: all unless told */
struct filter {
	struct prefix to;
	bool to_given;
	unsigned int ifindex;
	json_t *remotes;	/* if that is a link's: to where it sends */
	bool udp;		/* and how */
};

json_t *flow_json(const struct nlattr *const *attrs)
{
	json_t *flow = json_or_die(json_object());

	add_fields(flow, fields, attrs);
	return flow;
}

/* is a flow one that a link sends in? */
static bool link_sends(const struct filter *filter,
		       const struct nlattr *const *attrs)
{
	const struct nlattr *carrier = attrs[EFH_A_FLOW_CARRIER];
	json_t *flow = json_or_die(json_object());
	const json_t *remote;
	bool sends = false;
	size_t i;

	add_address(flow, "remote", attrs[EFH_A_FLOW_DESTINATION]);
	json_array_foreach(filter->remotes, i, remote)
		sends |= json_equal(remote, flow);
	json_decref(flow);
	return sends && carrier &&
	       filter->udp == (nl_uint(carrier) >= EFH_CARRIER_UDP6);
}

static bool filter_holds(const struct filter *filter,
			 const struct nlattr *const *attrs)
{
	const struct nlattr *to = attrs[EFH_A_FLOW_DESTINATION];
	const struct nlattr *dev = attrs[EFH_A_FLOW_IFINDEX];

	if (filter->to_given &&
	    !(to && prefix_holds(&filter->to, mnl_attr_get_payload(to),
				 mnl_attr_get_payload_len(to))))
		return false;
	if (json_array_size(filter->remotes))
		return link_sends(filter, attrs);
	return !filter->ifindex || (dev && nl_uint(dev) == filter->ifindex);
}

/* of a peer: where it is, if it is the link's that is asked for */
static json_t *remote_row(const struct nlmsghdr *answer,
			  const struct nlattr *const *attrs, void *data)
{
	const struct nlattr *dev = attrs[EFH_A_PEER_IFINDEX];
	struct filter *filter = data;
	json_t *remote;

	(void)answer;
	if (!dev || nl_uint(dev) != filter->ifindex)
		return NULL;
	filter->udp = attrs[EFH_A_PEER_PORT];
	remote = json_or_die(json_object());
	add_address(remote, "remote", attrs[EFH_A_PEER_ADDRESS]);
	return remote;
}

static json_t *flow_row(const struct nlmsghdr *answer,
			const struct nlattr *const *attrs, void *data)
{
	(void)answer;
	return filter_holds(data, attrs) ? flow_json(attrs) : NULL;
}

static void flow_text(const json_t *flow)
{
	const json_t *label = json_object_get(flow, "flowlabel");

	print_string("", flow, "destination");
	if (json_integer_value(label))
		printf(" flowlabel 0x%05x",
		       (unsigned int)json_integer_value(label));
	print_string(" dev ", flow, "dev");
	print_uint(" path-mtu ", flow, "path_mtu");
	print_string(" search ", flow, "search");
	print_uint(" fragment-size ", flow, "fragment_size");
	print_uint(" max-packet ", flow, "max_packet");
	print_uint(" packets ", flow, "packets");
	print_uint(" fragments ", flow, "fragments");
	if (json_integer_value(json_object_get(flow, "retransmitted")))
		print_uint(" retransmitted ", flow, "retransmitted");
	print_loss(flow);
	print_string(" state ", flow, "state");
	if (json_integer_value(json_object_get(flow, "expires_ms")))
		print_ms(" expires ", flow, "expires_ms");
	print_ms(" idle ", flow, "idle_ms");
	putchar('\n');
}

/* [ [ to ] PREFIX ] [ dev DEVICE ]; a prefix looks like no other word */
static const char *parse_filter(struct filter *filter, int argc, char **argv)
{
	const char *dev = NULL;

	memset(filter, 0, sizeof(*filter));
	for (; argc; argc--, argv++) {
		bool is_dev = abbreviates(argv[0], "dev");

		if (is_dev || abbreviates(argv[0], "to")) {
			if (argc < 2)
				usage_error("%s: a value is missing", argv[0]);
			argc--;
			argv++;
		}
		if (is_dev ? !!dev : filter->to_given)
			usage_error("\"%s\" is one word too many", argv[0]);
		if (is_dev) {
			dev = argv[0];
		} else {
			parse_prefix(argv[0], &filter->to);
			filter->to_given = true;
		}
	}
	return dev;
}

static int flow_show(int argc, char **argv)
{
	struct filter filter;
	const char *dev;
	int status;

	dev = parse_filter(&filter, argc, argv);
	if (dev) {
		filter.ifindex = parse_device(dev);
		filter.remotes = nl_dump(nl_request(EFH_CMD_PEER_GET,
						    NLM_F_DUMP),
					 EFH_A_PEER_MAX, remote_row, &filter);
		if (!filter.remotes)
			return EXIT_FAILURE;
	}
	status = print_rows(nl_dump(nl_request(EFH_CMD_FLOW_GET, NLM_F_DUMP),
				    EFH_A_FLOW_MAX, flow_row, &filter),
			    flow_text);
	json_decref(filter.remotes);
	return status;
}

static int flow_forget(const void *addr, size_t len)
{
	struct nlmsghdr *req = nl_request(EFH_CMD_FLOW_FLUSH, 0);

	if (addr)
		mnl_attr_put(req, EFH_A_FLOW_DESTINATION, len, addr);
	return nl_send(req, NULL, NULL);
}

/* the kernel forgets one destination or all: a prefix is done one by one */
static int flow_forget_within(struct filter *filter)
{
	const json_t *flow;
	struct prefix p;
	json_t *flows;
	int err = 0;
	size_t i;

	flows = nl_dump(nl_request(EFH_CMD_FLOW_GET, NLM_F_DUMP),
			EFH_A_FLOW_MAX, flow_row, filter);
	if (!flows)
		return EXIT_FAILURE;
	json_array_foreach(flows, i, flow) {
		parse_prefix(json_string_value(json_object_get(flow,
							       "destination")),
			     &p);
		err = flow_forget(p.addr, p.addr_len);
		if (err == -ENOENT)	/* gone by itself or with another */
			err = 0;
		if (err)
			break;
	}
	json_decref(flows);
	return err ? nl_error(err, NULL) : EXIT_SUCCESS;
}

static int flow_flush(int argc, char **argv)
{
	static const struct word words[] = {
		{ "to", EFH_A_FLOW_DESTINATION, NULL },
		{ }
	};
	struct filter filter;
	int err;

	if (parse_filter(&filter, argc, argv))
		usage_error("flow flush: \"dev\" is for \"flow show\" only");
	if (!filter.to_given)
		err = flow_forget(NULL, 0);
	else if (prefix_is_host(&filter.to))
		err = flow_forget(filter.to.addr, filter.to.addr_len);
	else
		return flow_forget_within(&filter);
	return err ? nl_error(err, words) : EXIT_SUCCESS;
}

int cmd_flow(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", flow_show },
		{ "flush", flow_flush },
		{ "list", flow_show },
		{ "lst", flow_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
