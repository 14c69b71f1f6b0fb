/* SPDX-License-Identifier: Apache-2.0 */
/* secret create, rm, exists */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpod/secret/secret.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"
#include "src/commands.h"
#include "src/session.h"

/* ---- create ---- */

struct create_options {
	struct strv labels, driver_opts;
	const char *driver;
	bool env, replace;
};

static const struct cli_option create_table[] = {
    {'d', "driver", CLI_STRING, offsetof(struct create_options, driver), "DRIVER",
     "Where secrets are kept: file, in the store, for your eyes only", .values = "file"},
    {0, "driver-opts", CLI_LIST, offsetof(struct create_options, driver_opts), "KEY=VALUE",
     "Options of the driver; file has none"},
    {0, "env", CLI_FLAG, offsetof(struct create_options, env), NULL,
     "The second argument is the name of an environment variable"},
    {'l', "label", CLI_LIST, offsetof(struct create_options, labels), "KEY=VALUE", "Set a label"},
    {0, "replace", CLI_FLAG, offsetof(struct create_options, replace), NULL,
     "Replace a secret that has the same name; containers that have it keep what they have"},
    CLI_OPTIONS_END,
};

static int read_data(const char *source, bool env, char **ret, size_t *ret_length, struct error *err)
{
	const char *value = env ? getenv(source) : NULL;
	if (env && !value)
		return error_set(err, ENOENT, "there is no environment variable %s", source);
	if (env) {
		*ret = xstrdup(value);
		*ret_length = strlen(value);
		return 0;
	}
	auto_close int fd =
	    strcmp(source, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(source, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", source);
	int r = file_read_fd(fd, source, SECRET_DATA_MAX, ret, ret_length, err);
	if (r == -EFBIG)
		return error_set(err, EFBIG, "secret data must be larger than 0 and less than %d bytes",
				 SECRET_DATA_MAX);
	return r;
}

static int run_create(struct cli_context *context, struct error *err)
{
	const struct create_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strv struct strv labels = STRV_INIT;
	auto_free char *data = NULL;
	size_t length = 0;
	char id[SECRET_ID_LENGTH + 1];
	if (options->driver_opts.count)
		return error_set(err, EINVAL, "--driver-opts %s: the driver file has no options",
				 options->driver_opts.items[0]);
	for (size_t i = 0; i < options->labels.count; i++) {
		const char *label = options->labels.items[i];
		auto_free char *whole = strchr(label, '=') ? xstrdup(label) : xasprintf("%s=", label);
		strv_env_set(&labels, whole);
	}
	int r = session_store(context, &store, err);
	if (r < 0 || (r = read_data(context->arguments.items[1], options->env, &data, &length, err)) < 0)
		return r;
	r = secret_create(store, context->arguments.items[0], data, length, &labels, options->replace, id, err);
	if (data)
		explicit_bzero(data, length);
	if (r == 0)
		printf("%s\n", id);
	return r;
}

const struct cli_command cmd_secret_create = {
    .name = "create",
    .summary = "Make a secret of a file, standard input or a variable",
    .usage = "[OPTIONS] NAME FILE|-|VARIABLE",
    .description = "Keeps data of at most 512 kB in the store, in a file that only you can read, and prints the "
		   "secret's id. Containers get it with --secret.",
    .examples = "printf %s \"$password\" | coracle secret create db -\ncoracle run --secret "
		"db,type=env,target=PGPASSWORD postgres",
    .options = create_table,
    .options_size = sizeof(struct create_options),
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_FILE,
    .run = run_create,
};

/* ---- rm ---- */

struct rm_options {
	bool all, ignore;
};

static const struct cli_option rm_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct rm_options, all), NULL, "All secrets"},
    {'i', "ignore", CLI_FLAG, offsetof(struct rm_options, ignore), NULL, "Say nothing of secrets that are not there"},
    CLI_OPTIONS_END,
};

static int remove_one(struct store *store, const char *name, struct error *err)
{
	auto_secret struct secret *secret = NULL;
	int r = secret_find(store, name, &secret, NULL, NULL, err);
	if (r < 0 || (r = secret_remove(store, secret, err)) < 0)
		return r;
	printf("%s\n", secret->id);
	return 0;
}

static int run_rm(struct cli_context *context, struct error *err)
{
	const struct rm_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strv struct strv names = STRV_INIT;
	bool good = true;
	if (options->all == (context->arguments.count > 0))
		return error_set(err, EINVAL, "give either names or --all");
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	session_behind(context, 0, &names);
	if (options->all && (r = secret_names(store, &names, err)) < 0)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		r = remove_one(store, names.items[i], err);
		if (r < 0 && !(r == -ENOENT && options->ignore)) {
			message_error("%s", err->text);
			good = false;
		}
		error_clear(err);
	}
	return good ? 0 : 125;
}

const struct cli_command cmd_secret_rm = {
    .name = "rm",
    .summary = "Remove secrets",
    .usage = "[OPTIONS] SECRET...",
    .description = "Removes secrets. Containers that have one keep their copy of it until they are removed themselves.",
    .options = rm_table,
    .options_size = sizeof(struct rm_options),
    .max_arguments = -1,
    .run = run_rm,
};

/* ---- exists ---- */

static const struct cli_option no_options[] = {CLI_OPTIONS_END};

static int run_exists(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_secret struct secret *secret = NULL;
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = secret_find(store, context->arguments.items[0], &secret, NULL, NULL, err);
	return r == -ENOENT ? 1 : r;
}

const struct cli_command cmd_secret_exists = {
    .name = "exists",
    .summary = "Tell whether a secret is there",
    .usage = "SECRET",
    .description = "Prints nothing. The exit status is 0 when there is such a secret, 1 when there is none, and 125 "
		   "when that cannot be told.",
    .options = no_options,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_exists,
};
