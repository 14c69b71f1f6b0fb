/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-runtime: an OCI runtime with the command line that podman, containerd and the like expect of one:
 * runtime.md's operations with crun's and runc's options.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "pkg/message/message.h"
#include "src/oci/commands.h"

static const struct cli_option global_options[] = {
    {0, "root", CLI_STRING, offsetof(struct runtime_options, root), "DIR", "Where the state of containers is kept",
     .complete = CLI_COMPLETE_DIRECTORY},
    {0, "log", CLI_STRING, offsetof(struct runtime_options, log), "FILE",
     "Write the error to this file instead of standard error", .complete = CLI_COMPLETE_FILE},
    {0, "log-format", CLI_STRING, offsetof(struct runtime_options, log_format), "FORMAT", "Format of --log",
     "text|json"},
    {0, "debug", CLI_FLAG, offsetof(struct runtime_options, debug), NULL, "Print what is done"},
    {'v', "version", CLI_FLAG, offsetof(struct runtime_options, version), NULL, "Print the version"},
    CLI_OPTIONS_END,
};
static const struct cli_command program = {
    .name = "coracle-runtime",
    .summary = "Run containers from OCI bundles",
    .usage = "[OPTIONS] COMMAND",
    .options = global_options,
    .options_size = sizeof(struct runtime_options),
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
};

static void print_help(void)
{
	cli_help(&program, "coracle-runtime", stdout);
	printf("\nCommands:\n");
	for (const struct cli_command *const *command = oci_commands; *command; command++)
		printf("  %-10s %s\n", (*command)->name, (*command)->summary);
}

static int run_command(const struct runtime_options *global, int argc, char *const *argv, struct error *err)
{
	const struct cli_command *const *found = oci_commands;
	while (*found && strcmp((*found)->name, argv[0]) != 0)
		found++;
	const struct cli_command *command = *found;
	if (!command)
		return error_set(err, EINVAL, "unknown command '%s'; see coracle-runtime --help", argv[0]);
	auto_free char *path = xasprintf("coracle-runtime %s", command->name);
	auto_free void *options = xcalloc(1, command->options_size);
	struct cli_context context = {.program = "coracle-runtime",
				      .command = command,
				      .command_path = path,
				      .global = global,
				      .options = options};
	bool help = false;
	if (command->defaults)
		command->defaults(options);
	int r = cli_parse(command, path, argc - 1, argv + 1, options, &context.arguments, &help, err);
	if (r >= 0 && help)
		cli_help(command, path, stdout);
	else if (r >= 0)
		r = command->run(&context, err);
	cli_options_free(command, options);
	strv_free(&context.arguments);
	return r;
}

static int run(int argc, char **argv, struct runtime_options *global, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	bool help = false;
	int r = cli_parse(&program, "coracle-runtime", argc - 1, argv + 1, global, &words, &help, err);
	if (r < 0)
		return r;
	message_start(global->debug ? MESSAGE_DEBUG : MESSAGE_WARN, false);
	if (global->version)
		printf("coracle-runtime version %s\nspec: %s\n", CORACLE_VERSION, OCI_VERSION);
	else if (help || words.count == 0)
		print_help();
	else
		return run_command(global, (int)words.count, words.items, err);
	return 0;
}

/* A line for who started us: logrus' JSON, which podman and containerd read, or plain text. */
static char *log_line(const struct runtime_options *global, const struct error *err)
{
	if (!global->log_format || strcmp(global->log_format, "json") != 0)
		return xasprintf("%s\n", err->text);
	char stamp[TEXT_STAMP_MAX];
	auto_json struct json_object *line = json_object_new_object();
	json_add_string(line, "msg", err->text);
	json_add_string(line, "level", "error");
	json_add_string(line, "time", format_rfc3339_nano(stamp, time_now_ns()));
	auto_free char *text = json_text(line, false);
	return xasprintf("%s\n", text);
}

static void print_error(const struct runtime_options *global, const struct error *err)
{
	auto_close int fd = global->log ? open(global->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd >= 0) {
		auto_free char *line = log_line(global, err);
		if (write_all(fd, line, strlen(line)) == 0)
			return;
	}
	message_error("%s", err->text);
}

int main(int argc, char **argv)
{
	struct runtime_options global = {0};
	struct error err = ERROR_INIT;
	int r = run(argc, argv, &global, &err);
	if (r >= 0)
		return r;
	print_error(&global, &err);
	return err.status ? err.status : 1;
}
