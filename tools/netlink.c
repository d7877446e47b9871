// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "efh", or rtnetlink: one socket, one request at a
 * time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>

#include "efhctl.h"

#define REQUEST_SIZE	8192
#define ANSWER_SIZE	65536		/* more than the kernel puts in one */
#define DUMP_TRIES	8

static struct mnl_socket *sock;
static uint16_t family_id;
static uint32_t group_events;
static uint32_t sequence;

static char request[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
static const struct nlmsghdr *asked;	/* the request last sent */
static size_t words_at;			/* where its words' attributes begin, to its end */
static bool links;			/* rtnetlink it is */
static char answers[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

/* what the kernel said of the last request that failed */
static struct {
	char text[256];
	uint16_t attr;			/* in the request, 0: not told */
	bool missing;			/* attr should have been there */
	bool ranged;
	uint64_t min, max;
} reason;

static void die(const char *what)
{
	fprintf(stderr, "efhctl: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

uint64_t nl_uint(const struct nlattr *attr)
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return mnl_attr_get_u8(attr);
	case 2:
		return mnl_attr_get_u16(attr);
	case 4:
		return mnl_attr_get_u32(attr);
	case 8:
		return mnl_attr_get_u64(attr);
	}
	return 0;
}

bool nl_prefix(struct prefix *p, const struct nlattr *addr,
	       const struct nlattr *len)
{
	if (!addr || !len)
		return false;
	p->addr_len = mnl_attr_get_payload_len(addr);
	p->len = nl_uint(len);
	if (p->addr_len != 4 && p->addr_len != 16)
		return false;
	memcpy(p->addr, mnl_attr_get_payload(addr), p->addr_len);
	return true;
}

static void nl_sort(const struct nlattr *attr, const struct nlattr **attrs,
		    unsigned int attr_max)
{
	if (mnl_attr_get_type(attr) <= attr_max)
		attrs[mnl_attr_get_type(attr)] = attr;
}

/* @attrs, one more than @attr_max long: the attributes by type, or NULL */
void nl_attrs(const struct nlmsghdr *answer, const struct nlattr **attrs,
	      unsigned int attr_max)
{
	const struct nlattr *attr;

	memset(attrs, 0, (attr_max + 1) * sizeof(*attrs));
	mnl_attr_for_each(attr, answer, links ? sizeof(struct ifinfomsg) :
						sizeof(struct genlmsghdr))
		nl_sort(attr, attrs, attr_max);
}

void nl_nested(const struct nlattr *nest, const struct nlattr **attrs,
	       unsigned int attr_max)
{
	const struct nlattr *attr;

	memset(attrs, 0, (attr_max + 1) * sizeof(*attrs));
	mnl_attr_for_each_nested(attr, nest)
		nl_sort(attr, attrs, attr_max);
}

/* which attribute of the request lies, or has what lies, at @offset */
static uint16_t reason_attr(uint32_t offset)
{
	const struct nlattr *attr;
	uint32_t start;

	mnl_attr_for_each(attr, asked, words_at) {
		start = (const char *)attr - (const char *)asked;
		if (offset >= start && offset - start < attr->nla_len)
			return mnl_attr_get_type(attr);
	}
	return 0;
}

/* the extended acknowledgement behind @fixed octets of @msg */
static void reason_read(const struct nlmsghdr *msg, size_t fixed)
{
	const struct nlattr *policy[NL_POLICY_TYPE_ATTR_MAX + 1];
	const struct nlattr *told[NLMSGERR_ATTR_MAX + 1] = { };
	const struct nlattr *attr;

	memset(&reason, 0, sizeof(reason));
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, msg, fixed)
		nl_sort(attr, told, NLMSGERR_ATTR_MAX);

	attr = told[NLMSGERR_ATTR_MSG];
	if (attr)
		snprintf(reason.text, sizeof(reason.text), "%.*s",
			 (int)mnl_attr_get_payload_len(attr),
			 mnl_attr_get_str(attr));
	if (told[NLMSGERR_ATTR_OFFS])
		reason.attr = reason_attr(nl_uint(told[NLMSGERR_ATTR_OFFS]));
	if (told[NLMSGERR_ATTR_MISS_TYPE]) {
		reason.attr = nl_uint(told[NLMSGERR_ATTR_MISS_TYPE]);
		reason.missing = true;
	}
	if (told[NLMSGERR_ATTR_POLICY]) {
		nl_nested(told[NLMSGERR_ATTR_POLICY], policy,
			  NL_POLICY_TYPE_ATTR_MAX);
		if (policy[NL_POLICY_TYPE_ATTR_MIN_VALUE_U] &&
		    policy[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]) {
			reason.min = nl_uint(policy[NL_POLICY_TYPE_ATTR_MIN_VALUE_U]);
			reason.max = nl_uint(policy[NL_POLICY_TYPE_ATTR_MAX_VALUE_U]);
			reason.ranged = true;
		}
	}
}

/* did the kernel say more of it than a number? */
bool nl_explained(void)
{
	return reason.text[0] || reason.attr;
}

/*
 * Print why a request failed: the word that the kernel points at, its text
 * or, where it gave none, the error's. @words: those of the request, or NULL.
 */
int nl_error(int err, const struct word *words)
{
	const struct word *word = NULL;

	fputs("efhctl: ", stderr);
	for (; reason.attr && words && words->name; words++)
		if (words->attr == reason.attr)
			word = words;
	if (word)
		fprintf(stderr, "%s: ", word->name);
	if (reason.text[0])
		fputs(reason.text, stderr);
	else if (reason.missing)
		fprintf(stderr, "attribute %u is missing", reason.attr);
	else
		fputs(strerror(-err), stderr);
	if (reason.ranged)
		fprintf(stderr, " (%" PRIu64 " to %" PRIu64 "%s)", reason.min,
			reason.max, word && word->put == put_seconds ? " ms" :
			"");
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static struct nlmsghdr *nl_prepare(void *buf, uint8_t cmd, uint8_t version,
				   uint16_t flags)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	req->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(req, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return req;
}

/* what follows in @req are attributes that words stand for */
void nl_words(const struct nlmsghdr *req)
{
	words_at = mnl_nlmsg_get_payload_len(req);
}

/* begin a request; it goes to the family, whose number nl_send() finds out */
struct nlmsghdr *nl_request(uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *req = nl_prepare(request, cmd, EFH_GENL_VERSION,
					  flags);

	nl_words(req);
	return req;
}

/* the same of rtnetlink: about a link, or all if @ifindex is 0 */
struct nlmsghdr *nl_link_request(uint16_t type, uint16_t flags,
				 unsigned int ifindex)
{
	struct nlmsghdr *req = mnl_nlmsg_put_header(request);
	struct ifinfomsg *ifi;

	links = true;
	req->nlmsg_type = type;
	req->nlmsg_flags = NLM_F_REQUEST | flags;
	ifi = mnl_nlmsg_put_extra_header(req, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	nl_words(req);
	return req;
}

/* can @req take @len more octets of attributes? */
bool nl_room(const struct nlmsghdr *req, size_t len)
{
	return req->nlmsg_len + len <= REQUEST_SIZE;
}

/* an error's or a dump's last message: its code and what explains it */
static int nl_verdict(const struct nlmsghdr *msg)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(msg);
	size_t fixed = sizeof(*error);
	int code;

	if (msg->nlmsg_type == NLMSG_DONE) {
		fixed = sizeof(int);
		if (mnl_nlmsg_get_payload_len(msg) < fixed)
			return 0;
		memcpy(&code, error, sizeof(code));
	} else {
		if (mnl_nlmsg_get_payload_len(msg) < fixed)
			return -EBADMSG;
		code = error->error;
		if (!(msg->nlmsg_flags & NLM_F_CAPPED))
			fixed += MNL_ALIGN(error->msg.nlmsg_len) -
				 sizeof(error->msg);
	}
	if (code)
		reason_read(msg, MNL_ALIGN(fixed));
	return code;
}

/* send @req and hand on the answers until the kernel says that was all */
static int nl_talk(struct nlmsghdr *req, nl_answer_fn answer, void *data)
{
	const struct nlmsghdr *msg;
	bool interrupted = false;
	ssize_t got;
	int len;

	asked = req;
	memset(&reason, 0, sizeof(reason));
	if ((req->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		req->nlmsg_flags |= NLM_F_ACK;
	req->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(sock, req, req->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		got = mnl_socket_recvfrom(sock, answers, sizeof(answers));
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		len = got;
		for (msg = (const struct nlmsghdr *)answers;
		     mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len)) {
			if (msg->nlmsg_seq != sequence)
				continue;
			if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			if (msg->nlmsg_type == NLMSG_ERROR)
				return nl_verdict(msg);
			if (msg->nlmsg_type == NLMSG_DONE) {
				int err = nl_verdict(msg);

				return err ? err : interrupted ? -EINTR : 0;
			}
			if (msg->nlmsg_type >= NLMSG_MIN_TYPE && answer)
				answer(msg, data);
		}
	}
}

static void family_groups(const struct nlattr *groups)
{
	const struct nlattr *group, *attrs[CTRL_ATTR_MCAST_GRP_MAX + 1];

	mnl_attr_for_each_nested(group, groups) {
		nl_nested(group, attrs, CTRL_ATTR_MCAST_GRP_MAX);
		if (attrs[CTRL_ATTR_MCAST_GRP_NAME] &&
		    attrs[CTRL_ATTR_MCAST_GRP_ID] &&
		    !strcmp(mnl_attr_get_str(attrs[CTRL_ATTR_MCAST_GRP_NAME]),
			    EFH_GENL_MCGRP_EVENTS))
			group_events = nl_uint(attrs[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static void family_answer(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[CTRL_ATTR_MAX + 1];

	(void)data;
	nl_attrs(answer, attrs, CTRL_ATTR_MAX);
	if (attrs[CTRL_ATTR_FAMILY_ID])
		family_id = nl_uint(attrs[CTRL_ATTR_FAMILY_ID]);
	if (attrs[CTRL_ATTR_MCAST_GROUPS])
		family_groups(attrs[CTRL_ATTR_MCAST_GROUPS]);
}

/* asking for the family makes the kernel load the module where it can */
static void nl_family(void)
{
	char buf[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *req;
	int err;

	req = nl_prepare(buf, CTRL_CMD_GETFAMILY, 1, 0);
	req->nlmsg_type = GENL_ID_CTRL;
	mnl_attr_put_strz(req, CTRL_ATTR_FAMILY_NAME, EFH_GENL_NAME);
	err = nl_talk(req, family_answer, NULL);
	if (err == -ENOENT) {
		fputs("efhctl: the efh module is not loaded\n", stderr);
		exit(EXIT_FAILURE);
	}
	if (err)
		exit(nl_error(err, NULL));
}

static void nl_open(void)
{
	int on = 1;

	sock = mnl_socket_open2(links ? NETLINK_ROUTE : NETLINK_GENERIC,
				SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink socket");
	mnl_socket_setsockopt(sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(sock, NETLINK_CAP_ACK, &on, sizeof(on));
	if (!links)
		nl_family();
}

void nl_close(void)
{
	if (sock)
		mnl_socket_close(sock);
	sock = NULL;
}

int nl_send(struct nlmsghdr *req, nl_answer_fn answer, void *data)
{
	if (!sock)
		nl_open();
	if (!links)
		req->nlmsg_type = family_id;
	return nl_talk(req, answer, data);
}

struct dump {
	json_t *rows;
	unsigned int attr_max;
	nl_row_fn row;
	void *data;
};

static void dump_answer(const struct nlmsghdr *answer, void *data)
{
	struct dump *dump = data;
	const struct nlattr *attrs[dump->attr_max + 1];
	json_t *row;

	nl_attrs(answer, attrs, dump->attr_max);
	row = dump->row(answer, attrs, dump->data);
	if (row)
		json_array_append_new(dump->rows, row);
}

/*
 * All that a dump yields and @row doesn't pass over by returning NULL, as an
 * array; NULL after an error, which is printed. A dump that a change got in
 * the way of begins again.
 */
json_t *nl_dump(struct nlmsghdr *req, unsigned int attr_max, nl_row_fn row,
		void *data)
{
	struct dump dump = { NULL, attr_max, row, data };
	int err, tries = DUMP_TRIES;

	dump.rows = json_or_die(json_array());
	do {
		json_array_clear(dump.rows);
		err = nl_send(req, dump_answer, &dump);
	} while (err == -EINTR && --tries);
	if (err == -EINTR) {
		fputs("efhctl: what is shown changed meanwhile and may be inconsistent\n",
		      stderr);
	} else if (err) {
		nl_error(err, NULL);
		json_decref(dump.rows);
		return NULL;
	}
	return dump.rows;
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* has the family gone? a socket isn't told that its group has */
static bool family_gone(const struct nlmsghdr *msg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[CTRL_ATTR_MAX + 1];

	if (msg->nlmsg_type != GENL_ID_CTRL || genl->cmd != CTRL_CMD_DELFAMILY)
		return false;
	nl_attrs(msg, attrs, CTRL_ATTR_MAX);
	return attrs[CTRL_ATTR_FAMILY_ID] &&
	       nl_uint(attrs[CTRL_ATTR_FAMILY_ID]) == family_id;
}

/* hand on events until SIGINT or SIGTERM, which come only while it waits */
int nl_follow(nl_answer_fn event)
{
	struct sigaction action = { .sa_handler = stop };
	uint32_t group_ctrl = GENL_ID_CTRL;
	const struct nlmsghdr *msg;
	sigset_t held, before;
	struct pollfd wait;
	ssize_t got;
	int len;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &before);
	sigdelset(&before, SIGINT);
	sigdelset(&before, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	nl_open();
	if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group_ctrl,
				  sizeof(group_ctrl)) < 0 ||
	    mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group_events,
				  sizeof(group_events)) < 0)
		die("multicast group " EFH_GENL_MCGRP_EVENTS);

	wait.fd = mnl_socket_get_fd(sock);
	wait.events = POLLIN;
	while (!stopped) {
		if (ppoll(&wait, 1, NULL, &before) < 0)
			continue;
		got = mnl_socket_recvfrom(sock, answers, sizeof(answers));
		if (got < 0 && errno == ENOBUFS) {
			fputs("efhctl: events were lost\n", stderr);
			continue;
		}
		if (got < 0)
			die(EFH_GENL_MCGRP_EVENTS);
		len = got;
		for (msg = (const struct nlmsghdr *)answers;
		     mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len)) {
			if (family_gone(msg)) {
				fputs("efhctl: the efh module was unloaded\n",
				      stderr);
				return EXIT_FAILURE;
			}
			if (msg->nlmsg_type == family_id)
				event(msg, NULL);
		}
	}
	return EXIT_SUCCESS;
}
