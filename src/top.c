/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/top/top.h"
#include "libpod/top/ps.h"

#include <errno.h>
#include <stdio.h>

#include "libpod/filter/filter.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool latest;
};

static const struct cli_option table[] = {
    {'l', "latest", CLI_FLAG, offsetof(struct options, latest), NULL, "The container that was created last"},
    CLI_OPTIONS_END,
};

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (!options->latest && context->arguments.count == 0)
		return error_set(err, EINVAL, "give the name of a container, or --latest");
	auto_store struct store *store = NULL;
	auto_container_list struct container_list list = {0};
	auto_strv struct strv names = STRV_INIT, wanted = STRV_INIT, columns = STRV_INIT;
	if (!options->latest)
		strv_add(&names, context->arguments.items[0]);
	session_behind(context, options->latest ? 0 : 1, &wanted);
	int r = session_store(context, &store, err);
	if (r < 0 || (r = container_select(store, &(struct container_selection){.names = &names, .latest = options->latest}, &list, err)) < 0)
		return r;
	if (list.count == 0)
		return error_set(err, ENOENT, "there is no container");
	if (top_is_for_ps(&wanted))
		return top_ps(store, list.items[0].container, &wanted, err);
	/* podman takes one list with commas too. */
	auto_free char *joined = strv_join(&wanted, ",");
	strv_clear(&wanted);
	if (*joined)
		strv_split(&wanted, joined, ',');
	auto_json struct json_object *rows = NULL;
	if ((r = top_list(store, list.items[0].container, &wanted, &rows, &columns, err)) < 0)
		return r;
	auto_json struct json_object *titles = json_object_new_object();
	auto_strbuf struct strbuf format = STRBUF_INIT, out = STRBUF_INIT;
	strbuf_puts(&format, "table ");
	for (size_t i = 0; i < columns.count; i++) {
		strbuf_printf(&format, "%s{{.%s}}", i ? "\t" : "", columns.items[i]);
		json_add_string(titles, columns.items[i], top_title(columns.items[i]));
	}
	r = template_list(NULL, strbuf_text(&format), titles, rows, false, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

const struct cli_command cmd_top = {
    .name = "top",
    .summary = "Show the processes of a container",
    .usage = "[OPTIONS] CONTAINER [COLUMN... | PS-OPTION...]",
    .description = "Lists the processes that run in a container, with its own ids. COLUMN is one of user, group, pid, hpid (the process id outside), ppid, pcpu, etime, "
		   "tty, time, comm, args, state, nice, rss, vsz. Options of ps(1), such as -ef or aux, call the ps of the container with them or, where it has none, this "
		   "machine's, of which the container's processes are shown.",
    .examples = "coracle top web\ncoracle top web pid user args\ncoracle top web -ef",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .flags = CLI_STOP_AT_POSITIONAL,
    .complete = CLI_COMPLETE_RUNNING_CONTAINER,
    .run = run,
};
