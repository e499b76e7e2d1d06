#include "cli/args.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

const struct option_spec args_common[] = {
	{ "home", "DIR" }, { "json", NULL }, { "porcelain", NULL }, { "help", NULL },
	{ "version", NULL }, { NULL, NULL }
};

/* The option that ARG names among SPECS; *VALUE is what follows its '=' or NULL. */
static const struct option_spec *
lookup(const struct option_spec *specs, const char *arg, const char **value)
{
	const char *equals = strchr(arg + 2, '=');
	size_t len = equals ? (size_t)(equals - arg - 2) : strlen(arg + 2);

	*value = equals ? equals + 1 : NULL;
	for (; specs && specs->name; specs++)
		if (strlen(specs->name) == len && memcmp(specs->name, arg + 2, len) == 0)
			return specs;
	return NULL;
}

static bool
is_option(const char *arg)
{
	return (arg[0] == '-' && arg[1] == '-') || strcmp(arg, "-h") == 0;
}

static const char *
spelled(const char *arg)
{
	return strcmp(arg, "-h") == 0 ? "--help" : arg;
}

enum err_code
args_verb(const char **out, int argc, char **argv, struct err *err)
{
	const struct option_spec *spec;
	const char *value;

	*out = NULL;
	for (int i = 1; i < argc; i++) {
		if (!is_option(argv[i])) {
			*out = argv[i];
			return OK;
		}
		if ((spec = lookup(args_common, spelled(argv[i]), &value)) == NULL)
			return err_set(err, ERR_USAGE, "unknown option %s before the command", argv[i]);
		if (spec->value && value == NULL)
			i++;
	}
	return OK;
}

static enum err_code
take(struct args *args, const struct option_spec *options, int argc, char **argv, int *i,
    struct err *err)
{
	const char *arg = spelled(argv[*i]), *value;
	const struct option_spec *spec = lookup(args_common, arg, &value);

	if (spec == NULL)
		spec = lookup(options, arg, &value);
	if (spec == NULL)
		return err_set(err, ERR_USAGE, "unknown option %s", arg);
	if (spec->value == NULL && value)
		return err_set(err, ERR_USAGE, "--%s takes no value", spec->name);
	if (spec->value && value == NULL) {
		if (*i + 1 == argc)
			return err_set(err, ERR_USAGE, "--%s needs %s after it", spec->name, spec->value);
		value = argv[++*i];
	}
	args->given[args->given_count++] = (struct given){ spec->name, value ? value : "" };
	return OK;
}

enum err_code
args_parse(struct args *out, const struct option_spec *options, int argc, char **argv,
    struct err *err)
{
	bool options_ended = false, verb_seen = false;

	*out = (struct args){
		.words = mem_alloc((size_t)argc * sizeof(*out->words)),
		.given = mem_alloc((size_t)argc * sizeof(*out->given)),
	};
	for (int i = 1; i < argc; i++) {
		if (!options_ended && strcmp(argv[i], "--") == 0) {
			options_ended = true;
		} else if (!options_ended && is_option(argv[i])) {
			if (take(out, options, argc, argv, &i, err) != OK)
				return err->code;
		} else if (verb_seen) {
			out->words[out->count++] = argv[i];
		} else {
			verb_seen = true;
		}
	}
	return OK;
}

void
args_release(struct args *args)
{
	free(args->words);
	free(args->given);
	*args = (struct args){ 0 };
}

const char *
args_option(const struct args *args, const char *name)
{
	for (size_t i = args->given_count; i-- > 0;)
		if (strcmp(args->given[i].name, name) == 0)
			return args->given[i].value;
	return NULL;
}

bool
args_switch(const struct args *args, const char *name)
{
	return args_option(args, name) != NULL;
}

const char **
args_options(const struct args *args, const char *name, size_t *count)
{
	const char **values = mem_alloc(args->given_count * sizeof(*values));

	*count = 0;
	for (size_t i = 0; i < args->given_count; i++)
		if (strcmp(args->given[i].name, name) == 0)
			values[(*count)++] = args->given[i].value;
	return values;
}

enum err_code
args_need(const struct args *args, size_t min, size_t max, struct err *err)
{
	if (args->count < min)
		return err_set(err, ERR_USAGE, "something is missing");
	if (args->count > max)
		return err_set(err, ERR_USAGE, "\"%s\" is one word too many", args->words[max]);
	return OK;
}

enum err_code
args_number(size_t *out, const char *option, const char *text, struct err *err)
{
	uint64_t n;

	if (!bytes_to_u64(&n, text, strlen(text)) || n > SIZE_MAX)
		return err_set(err, ERR_USAGE, "--%s %s: a whole number is needed", option, text);
	*out = (size_t)n;
	return OK;
}
