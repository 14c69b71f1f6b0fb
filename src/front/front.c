/* SPDX-License-Identifier: Apache-2.0 */
#include "src/front/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/message/message.h"
#include "pkg/program/program.h"
#include "pkg/terminal/terminal.h"
#include "src/global.h"

/* What docker and podman end with when they failed themselves, and not what they ran. */
enum { STATUS_FAILED = 125 };

static const struct cli_option global_table[] = {
    {0, "root", CLI_STRING, offsetof(struct global_options, root), "DIR",
     "Where images, containers and volumes are kept", .complete = CLI_COMPLETE_DIRECTORY},
    {0, "runroot", CLI_STRING, offsetof(struct global_options, runroot), "DIR",
     "Where the sockets of running containers are kept", .complete = CLI_COMPLETE_DIRECTORY},
    {0, "log-level", CLI_STRING, offsetof(struct global_options, log_level), "LEVEL",
     "Print messages of this level and above", MESSAGE_LEVELS},
    {0, "storage-driver", CLI_STRING, offsetof(struct global_options, storage_driver), "NAME",
     "How images and containers are put together, instead of what a probe chooses", "overlay|fuse-overlayfs|vfs"},
    {'v', "version", CLI_FLAG, offsetof(struct global_options, version), NULL, "Print the version"},
    CLI_OPTIONS_END,
};

const struct cli_command front_command = {
    .name = "coracle",
    .summary = "Containers for one user: no root, no daemon",
    .usage = "[OPTIONS] COMMAND",
    .options = global_table,
    .options_size = sizeof(struct global_options),
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
};

/* A program that was started with 0, 1 or 2 closed would take the first file it opens for its standard output. */
static void open_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			int opened =
			    open("/dev/null", O_RDWR); /* the lowest free one; kept open across exec by intent */
			if (opened < 0)
				_exit(STATUS_FAILED);
		}
}

static int hand_over(const struct front *front, const struct front_entry *entry, char **argv, struct error *err)
{
	if (!front->other_program)
		return error_set(err, EINVAL, "this program does not hold '%s'; call coracle", entry->path);
	auto_free char *path = NULL;
	int r = program_find(front->other_program, &path, err);
	if (r < 0)
		return error_context(err, "coracle %s", entry->path);
	execv(path, argv);
	return error_sys(err, errno, "start %s", path);
}

/* `all` is the program's whole argv. */
static int run_command(const struct front *front, const struct front_entry *entry, int argc, char **argv, char **all,
		       const struct global_options *global, struct error *err)
{
	const struct cli_command *command = entry->command;
	auto_free char *path = xasprintf("coracle %s", entry->path);
	auto_free void *options = xcalloc(1, command->options_size);
	if (command->defaults)
		command->defaults(options);
	struct cli_context context = {.program = "coracle",
				      .command = command,
				      .command_path = path,
				      .global = global,
				      .options = options,
				      .command_line = all};
	bool help = false;
	int r = cli_parse(command, path, argc, argv, options, &context.arguments, &help, err);
	if (r >= 0 && help)
		front_print_command_help(front, entry, stdout);
	else if (r >= 0)
		r = command->run(&context, err);
	cli_options_free(command, options);
	strv_free(&context.arguments);
	return r;
}

/* `coracle container`, `coracle container --help`: the words after the group's name can be no other than options. */
static int run_group(const struct front *front, const struct front_entry *group, int argc, char **argv,
		     struct error *err)
{
	const struct cli_command command = {.name = group->path, .summary = group->summary, .usage = "COMMAND"};
	auto_free char *path = xasprintf("coracle %s", group->path);
	auto_strv struct strv arguments = STRV_INIT;
	bool help = false;
	int r = cli_parse(&command, path, argc, argv, NULL, &arguments, &help, err);
	if (r >= 0)
		front_print_group_help(front, group, stdout);
	return r;
}

/* `coracle help container ls` */
static int run_help(const struct front *front, int argc, char **argv, char **all, struct error *err)
{
	if (argc == 0 || argv[0][0] == '-') {
		front_print_help(front, stdout);
		return 0;
	}
	const struct front_entry *entry;
	int used;
	int r = front_find(front, argc, argv, &entry, &used, err);
	if (r < 0)
		return r;
	if (!entry->symbol)
		front_print_group_help(front, entry, stdout);
	else if (!entry->command)
		return hand_over(front, entry, all, err);
	else
		front_print_command_help(front, entry, stdout);
	return 0;
}

static int run(const struct front *front, int argc, char **argv, struct error *err)
{
	struct global_options global = {0};
	auto_strv struct strv arguments = STRV_INIT;
	bool help = false;
	int r = cli_parse(&front_command, front_command.name, argc - 1, argv + 1, &global, &arguments, &help, err);
	if (r < 0)
		return r;
	message_start(message_level_from_name(global.log_level), terminal_use_color(STDERR_FILENO));

	int count = (int)arguments.count;
	char **words = argv + argc - count;
	if (!help && global.version) {
		printf("coracle version %s\n", CORACLE_VERSION);
		return 0;
	}
	if (help || count == 0) {
		front_print_help(front, stdout);
		return 0;
	}
	if (!strcmp(words[0], "help"))
		return run_help(front, count - 1, words + 1, argv, err);

	const struct front_entry *entry;
	int used;
	r = front_find(front, count, words, &entry, &used, err);
	if (r < 0)
		return r;
	if (!entry->symbol)
		return run_group(front, entry, count - used, words + used, err);
	if (!entry->command)
		return hand_over(front, entry, argv, err);
	return run_command(front, entry, count - used, words + used, argv, &global, err);
}

int front_main(int argc, char **argv, const struct front *front)
{
	open_standard_descriptors();
	/* A store whose owner cannot read what he has put there is none. */
	umask(umask(0) & (S_IRWXG | S_IRWXO));
	struct error err = ERROR_INIT;
	int r = run(front, argc, argv, &err);
	if (fflush(stdout) != 0 && r == 0)
		r = error_sys(&err, errno, "write to standard output");
	if (r >= 0)
		return r;
	message_error("%s", err.text);
	return err.status ? err.status : STATUS_FAILED;
}
