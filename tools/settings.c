// SPDX-License-Identifier: GPL-2.0-only
/*
 * efhctl settings: one set of them per network namespace.
 */
#include <stdlib.h>

#include "efhctl.h"

static const struct word words[] = {
	{ "efh-option", EFH_A_SETTINGS_EFH_OPTION, put_u8 },
	{ "parcel-option", EFH_A_SETTINGS_PARCEL_OPTION, put_u8 },
	{ "control-option", EFH_A_SETTINGS_CONTROL_OPTION, put_u8 },
	{ "timeout", EFH_A_SETTINGS_TIMEOUT, put_seconds },
	{ "memory", EFH_A_SETTINGS_MEMORY, put_octets },
	{ "receive", EFH_A_SETTINGS_RECEIVE, put_switch },
	{ "atomic", EFH_A_SETTINGS_ATOMIC, put_switch },
	{ }
};

static const struct field fields[] = {
	{ "efh_option", EFH_A_SETTINGS_EFH_OPTION, add_uint },
	{ "parcel_option", EFH_A_SETTINGS_PARCEL_OPTION, add_uint },
	{ "control_option", EFH_A_SETTINGS_CONTROL_OPTION, add_uint },
	{ "timeout_ms", EFH_A_SETTINGS_TIMEOUT, add_uint },
	{ "memory", EFH_A_SETTINGS_MEMORY, add_uint },
	{ "receive", EFH_A_SETTINGS_RECEIVE, add_bool },
	{ "atomic", EFH_A_SETTINGS_ATOMIC, add_bool },
	{ }
};

static void settings_answer(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *attrs[EFH_A_SETTINGS_MAX + 1];

	nl_attrs(answer, attrs, EFH_A_SETTINGS_MAX);
	add_fields(data, fields, attrs);
}

/* each line after its name is what "settings set" takes after it */
static void settings_text(const json_t *settings)
{
	const struct field *field = fields;
	const struct word *word;
	const json_t *value;

	for (word = words; word->name; word++, field++) {
		value = json_object_get(settings, field->key);
		if (!value)
			continue;
		if (word->put == put_switch)
			print_pair(word->name, "%s",
				   json_is_true(value) ? "on" : "off");
		else if (word->put == put_seconds)
			print_pair(word->name, "%s",
				   ms_text(json_integer_value(value)));
		else if (word->put == put_u8)
			print_pair(word->name, "0x%02x",
				   (unsigned int)json_integer_value(value));
		else
			print_pair(word->name, "%" JSON_INTEGER_FORMAT,
				   json_integer_value(value));
	}
}

static int settings_show(int argc, char **argv)
{
	json_t *settings;
	int err;

	parse_end(argc, argv);
	settings = json_or_die(json_object());
	err = nl_send(nl_request(EFH_CMD_SETTINGS_GET, 0), settings_answer,
		      settings);
	if (err)
		err = nl_error(err, NULL);
	else if (json_wanted)
		print_json(settings);
	else
		settings_text(settings);
	json_decref(settings);
	return err;
}

static int settings_set(int argc, char **argv)
{
	struct nlmsghdr *req = nl_request(EFH_CMD_SETTINGS_SET, 0);
	int err;

	if (!argc)
		usage_error("settings set: nothing to set");
	parse_words(words, req, argc, argv);
	err = nl_send(req, NULL, NULL);
	return err ? nl_error(err, words) : EXIT_SUCCESS;
}

int cmd_settings(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "show", settings_show },
		{ "set", settings_set },
		{ "list", settings_show },
		{ "lst", settings_show },
		{ }
	};

	return verb_run(verbs, argc, argv);
}
