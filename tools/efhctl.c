// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl OBJECT VERB: options, objects, and how a verb is found.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "efhctl.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static const char help[] =
	"Usage: efhctl [ OPTIONS ] OBJECT VERB ...\n"
	"       efhctl settings [ show ]\n"
	"       efhctl settings set [ efh-option N ] [ parcel-option N ]\n"
	"                [ control-option N ] [ timeout SECONDS ] [ memory OCTETS ]\n"
	"                [ receive { on | off } ] [ atomic { on | off } ]\n"
	"       efhctl native [ show [ PREFIX ] ]\n"
	"       efhctl native add PREFIX [ fragsize N ]\n"
	"                [ maxpacket N ] [ retransmit { on | off } ]\n"
	"       efhctl native del PREFIX\n"
	"       efhctl flow [ show [ [ to ] PREFIX ] [ dev DEVICE ] ]\n"
	"       efhctl flow flush [ [ to ] PREFIX ]\n"
	"       efhctl link [ show [ LINK ] ]\n"
	"       efhctl link set LINK [ local ADDRESS ] [ remote ADDRESS ] [ dev DEVICE ]\n"
	"                [ carrier { ip | udp } ] [ dport N ] [ sport MIN MAX ]\n"
	"                [ ttl { N | inherit } ] [ tos { N | inherit } ] [ fragsize N ]\n"
	"                [ udpcsum { on | off } ] [ retransmit { on | off } ]\n"
	"       efhctl peer [ show [ dev LINK ] [ remote ADDRESS ] ]\n"
	"       efhctl peer { add | set } dev LINK remote ADDRESS [ port N ]\n"
	"                [ priority N ] [ prefix PREFIX ]...\n"
	"       efhctl peer { del | suspect } dev LINK remote ADDRESS\n"
	"       efhctl stats [ show | reset ]\n"
	"       efhctl monitor\n"
	"       efhctl help\n"
	"OPTIONS := { -j[son] | -p[retty] | -n[etns] NAME | -h[elp] | -V[ersion] }\n"
	"SECONDS := { 60 | 1.5 | 60s | 1500ms }    OCTETS := { 4194304 | 4096K | 4M }\n";

int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs(help, stdout);
	return EXIT_SUCCESS;
}

/* the first verb stands for none; "help" is one everywhere */
int verb_run(const struct verb *verbs, int argc, char **argv)
{
	const struct verb *verb;

	if (argc == 0)
		return verbs->run(0, argv);
	for (verb = verbs; verb->name; verb++)
		if (abbreviates(argv[0], verb->name))
			return verb->run(argc - 1, argv + 1);
	if (abbreviates(argv[0], "help"))
		return cmd_help(0, NULL);
	usage_error("\"%s\" is unknown, try \"efhctl help\"", argv[0]);
}

static const struct verb objects[] = {
	{ "settings", cmd_settings },
	{ "native", cmd_native },
	{ "flow", cmd_flow },
	{ "link", cmd_link },
	{ "peer", cmd_peer },
	{ "stats", cmd_stats },
	{ "monitor", cmd_monitor },
	{ }
};

/* enter a network namespace named as "ip netns" names them */
static int enter_netns(const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		usage_error("\"%s\" is no name of a network namespace", name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, CLONE_NEWNET) ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (err)
		fprintf(stderr, "efhctl: network namespace \"%s\": %s\n",
			name, strerror(err));
	return err;
}

int main(int argc, char **argv)
{
	const char *netns = NULL;
	int i, status;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		const char *opt = argv[i] + 1;

		if (opt[0] == '-' && opt[1])
			opt++;
		if (!strcmp(opt, "V") || abbreviates(opt, "Version") ||
		    !strcmp(opt, "version")) {
			puts("efhctl, efh " VERSION);
			return EXIT_SUCCESS;
		} else if (abbreviates(opt, "json")) {
			json_wanted = true;
		} else if (abbreviates(opt, "pretty")) {
			json_pretty = true;
		} else if (abbreviates(opt, "netns")) {
			if (++i == argc)
				usage_error("option \"%s\" needs a name",
					    argv[i - 1]);
			netns = argv[i];
		} else if (abbreviates(opt, "help")) {
			return cmd_help(0, NULL);
		} else {
			usage_error("option \"%s\" is unknown, try \"efhctl help\"",
				    argv[i]);
		}
	}
	if (i == argc) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	if (netns && enter_netns(netns))
		return EXIT_FAILURE;
	status = verb_run(objects, argc - i, argv + i);
	nl_close();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "efhctl: standard output: %s\n",
			strerror(errno));
		return EXIT_FAILURE;
	}
	return status;
}
