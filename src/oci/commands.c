/* SPDX-License-Identifier: Apache-2.0 */
#include "src/oci/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/runtime/runtime.h"
#include "pkg/json/json.h"
#include "pkg/process/process.h"

static int open_root(const struct cli_context *context, struct error *err)
{
	const struct runtime_options *global = context->global;
	return oci_open_root(global->root, err);
}

static const char *argument(const struct cli_context *context, size_t index)
{
	return index < context->arguments.count ? context->arguments.items[index] : NULL;
}

/* ---- create, run ---- */

static const struct cli_option create_options[] = {
    {'b', "bundle", CLI_STRING, offsetof(struct oci_create, bundle), "DIR",
     "The bundle (default: the working directory)", .complete = CLI_COMPLETE_DIRECTORY},
    {'f', "config", CLI_STRING, offsetof(struct oci_create, config), "FILE",
     "The configuration, instead of the bundle's config.json", .complete = CLI_COMPLETE_FILE},
    {0, "console-socket", CLI_STRING, offsetof(struct oci_create, console_socket), "PATH",
     "UNIX socket that gets the terminal's master", .complete = CLI_COMPLETE_FILE},
    {0, "pid-file", CLI_STRING, offsetof(struct oci_create, pid_file), "FILE", "Write the process id to this file",
     .complete = CLI_COMPLETE_FILE},
    {0, "preserve-fds", CLI_INT, offsetof(struct oci_create, preserve_fds), "N",
     "Hand on N more descriptors, from 3 on"},
    CLI_OPTIONS_END,
};

static int check_preserve(int64_t count, struct error *err)
{
	if (count < 0 || count > 1024)
		return error_set(err, EINVAL, "--preserve-fds must be from 0 to 1024");
	return 0;
}

static int prepare_create(struct cli_context *context, struct error *err)
{
	struct oci_create *options = context->options;
	options->id = argument(context, 0);
	if (!options->bundle)
		options->bundle = ".";
	return check_preserve(options->preserve_fds, err);
}

static int run_create(struct cli_context *context, struct error *err)
{
	int r = prepare_create(context, err);
	auto_close int root = r < 0 ? r : open_root(context, err);
	return root < 0 ? root : oci_create(root, context->options, err);
}

static int run_run(struct cli_context *context, struct error *err)
{
	int code = 0;
	int r = prepare_create(context, err);
	auto_close int root = r < 0 ? r : open_root(context, err);
	if (root < 0 || (r = oci_run(root, context->options, &code, err)) < 0)
		return root < 0 ? root : r;
	return code;
}

static const struct cli_command create_command = {
    .name = "create",
    .summary = "Create a container, which then waits for its start",
    .usage = "[OPTIONS] ID",
    .options = create_options,
    .options_size = sizeof(struct oci_create),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_create,
};
static const struct cli_command run_command = {
    .name = "run",
    .summary = "Create and start a container, and wait for its end",
    .usage = "[OPTIONS] ID",
    .options = create_options,
    .options_size = sizeof(struct oci_create),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_run,
};

/* ---- start, state ---- */

static int run_start(struct cli_context *context, struct error *err)
{
	auto_close int root = open_root(context, err);
	return root < 0 ? root : oci_start(root, argument(context, 0), err);
}

static const struct cli_command start_command = {
    .name = "start",
    .summary = "Start a container that was created",
    .usage = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_start,
};

static int run_state(struct cli_context *context, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	auto_spec struct spec spec;
	spec_init(&spec);
	auto_close int root = open_root(context, err);
	int r = root < 0 ? root : oci_read_record(root, argument(context, 0), &record, err);
	if (r < 0)
		return r;
	const char *status = oci_status(root, &record);
	if (strcmp(status, "creating") != 0 && (r = oci_read_spec(root, record.id, &spec, err)) < 0)
		return r;
	bool alive = strcmp(status, "created") == 0 || strcmp(status, "running") == 0;
	auto_free char *text =
	    runtime_state_text(&spec, record.id, record.bundle, status, alive ? record.pid : 0, true);
	puts(text);
	return 0;
}

static const struct cli_command state_command = {
    .name = "state",
    .summary = "Print the state of a container",
    .usage = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_state,
};

/* ---- kill, delete ---- */

struct kill_options {
	bool all;
};
static const struct cli_option kill_options[] = {
    {'a', "all", CLI_FLAG, offsetof(struct kill_options, all), NULL, "Signal all processes of the container"},
    CLI_OPTIONS_END,
};

static int run_kill(struct cli_context *context, struct error *err)
{
	const struct kill_options *options = context->options;
	const char *name = argument(context, 1) ? argument(context, 1) : "SIGTERM";
	int signal = signal_from_name(name);
	if (signal <= 0)
		return error_set(err, EINVAL, "unknown signal '%s'", name);
	auto_close int root = open_root(context, err);
	return root < 0 ? root : oci_kill(root, argument(context, 0), signal, options->all, err);
}

static const struct cli_command kill_command = {
    .name = "kill",
    .summary = "Send a signal to a container",
    .usage = "[OPTIONS] ID [SIGNAL]",
    .options = kill_options,
    .options_size = sizeof(struct kill_options),
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_kill,
};

struct delete_options {
	bool force;
};
static const struct cli_option delete_options[] = {
    {'f', "force", CLI_FLAG, offsetof(struct delete_options, force), NULL,
     "Kill it when it is running; one that is not there is no error"},
    CLI_OPTIONS_END,
};

static int run_delete(struct cli_context *context, struct error *err)
{
	const struct delete_options *options = context->options;
	auto_close int root = open_root(context, err);
	return root < 0 ? root : oci_delete(root, argument(context, 0), options->force, err);
}

static const struct cli_command delete_command = {
    .name = "delete",
    .summary = "Delete a container that is not running",
    .usage = "[OPTIONS] ID",
    .options = delete_options,
    .options_size = sizeof(struct delete_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_delete,
};

/* ---- list ---- */

struct list_options {
	bool quiet;
	const char *format;
};
static const struct cli_option list_options[] = {
    {'q', "quiet", CLI_FLAG, offsetof(struct list_options, quiet), NULL, "Print the names only"},
    {'f', "format", CLI_STRING, offsetof(struct list_options, format), "FORMAT", "How to print them", "table|json"},
    CLI_OPTIONS_END,
};

static struct json_object *list_row(const struct oci_record *record, const char *status, const char *created)
{
	struct json_object *row = json_object_new_object();
	json_add_string(row, "id", record->id);
	json_add_int(row, "pid", strcmp(status, "stopped") == 0 ? 0 : record->pid);
	json_add_string(row, "status", status);
	json_add_string(row, "bundle", record->bundle);
	json_add_string(row, "created", created);
	json_add_string(row, "owner", record->owner);
	return row;
}

static void list_one(int root, const char *id, const struct list_options *options, struct json_object *rows)
{
	auto_oci_record struct oci_record record = {0};
	char created[TEXT_STAMP_MAX];
	/* Deleted meanwhile. */
	if (oci_read_record(root, id, &record, NULL) < 0)
		return;
	const char *status = oci_status(root, &record);
	format_rfc3339_nano(created, record.created_ns);
	if (options->quiet)
		puts(id);
	else if (rows)
		json_object_array_add(rows, list_row(&record, status, created));
	else
		printf("%-24s %-8d %-10s %-32s %-30s %s\n", id, strcmp(status, "stopped") == 0 ? 0 : record.pid, status,
		       record.bundle, created, record.owner);
}

static int run_list(struct cli_context *context, struct error *err)
{
	const struct list_options *options = context->options;
	auto_strv struct strv ids = STRV_INIT;
	auto_close int root = open_root(context, err);
	int r = root < 0 ? root : oci_list(root, &ids, err);
	if (r < 0)
		return r;
	bool json = options->format && strcmp(options->format, "json") == 0 && !options->quiet;
	auto_json struct json_object *rows = json ? json_object_new_array() : NULL;
	if (!json && !options->quiet)
		printf("%-24s %-8s %-10s %-32s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
	for (size_t i = 0; i < ids.count; i++)
		list_one(root, ids.items[i], options, rows);
	if (!json)
		return 0;
	auto_free char *text = json_text(rows, true);
	puts(text);
	return 0;
}

static const struct cli_command list_command = {
    .name = "list",
    .summary = "List the containers",
    .usage = "[OPTIONS]",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = run_list,
};

/* ---- exec ---- */

static const struct cli_option exec_options[] = {
    {'p', "process", CLI_STRING, offsetof(struct oci_exec, process_file), "FILE",
     "The process object, instead of a command", .complete = CLI_COMPLETE_FILE},
    {'e', "env", CLI_LIST, offsetof(struct oci_exec, env), "KEY=VALUE", "Set a variable of the environment"},
    {0, "cwd", CLI_STRING, offsetof(struct oci_exec, cwd), "DIR", "The working directory"},
    {'u', "user", CLI_STRING, offsetof(struct oci_exec, user), "UID[:GID]", "The user"},
    {'t', "tty", CLI_FLAG, offsetof(struct oci_exec, terminal), NULL, "Give it a terminal"},
    {'d', "detach", CLI_FLAG, offsetof(struct oci_exec, detach), NULL, "Do not wait for its end"},
    {0, "no-new-privs", CLI_FLAG, offsetof(struct oci_exec, no_new_privileges), NULL, "Set no_new_privs"},
    {0, "console-socket", CLI_STRING, offsetof(struct oci_exec, console_socket), "PATH",
     "UNIX socket that gets the terminal's master", .complete = CLI_COMPLETE_FILE},
    {0, "pid-file", CLI_STRING, offsetof(struct oci_exec, pid_file), "FILE", "Write the process id to this file",
     .complete = CLI_COMPLETE_FILE},
    {0, "preserve-fds", CLI_INT, offsetof(struct oci_exec, preserve_fds), "N", "Hand on N more descriptors, from 3 on"},
    CLI_OPTIONS_END,
};

static int run_exec(struct cli_context *context, struct error *err)
{
	struct oci_exec *options = context->options;
	options->id = argument(context, 0);
	for (size_t i = 1; i < context->arguments.count; i++)
		strv_add(&options->args, context->arguments.items[i]);
	int code = 0;
	int r = check_preserve(options->preserve_fds, err);
	auto_close int root = r < 0 ? r : open_root(context, err);
	r = root < 0 ? root : oci_exec(root, options, &code, err);
	strv_free(&options->args);
	return r < 0 ? r : code;
}

static const struct cli_command exec_command = {
    .name = "exec",
    .summary = "Execute a command in a running container",
    .usage = "[OPTIONS] ID [COMMAND] [ARG...]",
    .options = exec_options,
    .options_size = sizeof(struct oci_exec),
    .min_arguments = 1,
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .run = run_exec,
};

/* ---- features ---- */

static int run_features(struct cli_context *context, struct error *err)
{
	(void)context;
	(void)err;
	auto_free char *text = oci_features();
	puts(text);
	return 0;
}

static const struct cli_command features_command = {
    .name = "features",
    .summary = "Print what this runtime can do",
    .usage = "",
    .run = run_features,
};

const struct cli_command *const oci_commands[] = {
    &create_command, &start_command, &run_command,  &state_command,    &kill_command,
    &delete_command, &exec_command,  &list_command, &features_command, NULL,
};
