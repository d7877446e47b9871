// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that loads the plugin named as ip does, and has the names that ip
 * has for it. Exit status 0: it got a link_util; 1: it did not. With MOVED, a
 * link_util has one more member in the middle; with MISSING, a name is gone.
 */
#include <dlfcn.h>
#include <stdio.h>

static void some(void)
{
}

struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
#ifdef MOVED
	void (*more)(void);
#endif
	void (*parse_opt)(void);
	void (*print_opt)(void);
	void (*print_xstats)(void);
	void (*print_help)(void);
	void (*parse_ifla_xstats)(void);
	void (*print_ifla_xstats)(void);
} can_link_util = { NULL, "can", 9, .parse_opt = some, .print_opt = some,
		    .print_xstats = some, .print_help = some },
  dummy_link_util = { .id = "dummy", .print_help = some },
  vxlan_link_util = { NULL, "vxlan", 9, .parse_opt = some, .print_opt = some,
		      .print_help = some };

#define NAME(name) void name(void) { }
NAME(addattr_l)
NAME(duparg2)
NAME(incomplete_command)
NAME(invarg)
NAME(is_json_context)
NAME(ll_index_to_name)
NAME(ll_name_to_index)
NAME(print_color_0xhex)
NAME(print_color_bool)
NAME(print_color_string)
NAME(print_color_uint)
#ifndef MISSING
NAME(rtnl_dsfield_a2n)
#endif

int main(int argc, char **argv)
{
	void *plugin = argc == 2 ? dlopen(argv[1], RTLD_LAZY) : NULL;

	if (!plugin) {
		fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "which?");
		return 2;
	}
	return !dlsym(plugin, "efh_link_util");
}
