/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libpod/copy/copy.h"
#include "src/commands.h"
#include "src/session.h"

struct options {
	bool archive, follow_link, overwrite, quiet;
};

static const struct cli_option table[] = {
    {'a', "archive", CLI_FLAG, offsetof(struct options, archive), NULL,
     "Keep owners; otherwise files become the container's user's"},
    {'L', "follow-link", CLI_FLAG, offsetof(struct options, follow_link), NULL,
     "Copy what SOURCE leads to, when it is a symlink"},
    {0, "overwrite", CLI_FLAG, offsetof(struct options, overwrite), NULL,
     "Let directories take the place of what is none, and the other way round"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print nothing; that is so anyway", .hidden = true},
    CLI_OPTIONS_END,
};

/* "CONTAINER:PATH"; what begins with a slash or a dot is a path of the host, whatever colons it has. */
static int parse(struct store *store, const char *text, struct container **ret_container, struct copy_place *ret,
		 struct error *err)
{
	const char *colon = strchr(text, ':');
	*ret = (struct copy_place){.path = text};
	if (!colon || *text == '/' || *text == '.' || colon == text) {
		return *text ? 0 : error_set(err, EINVAL, "the path must not be empty");
	}
	auto_free char *name = xstrndup(text, (size_t)(colon - text));
	int r = container_find(store, name, ret_container, err);
	if (r < 0)
		return r;
	if (!colon[1])
		return error_set(err, EINVAL, "%s: give a path behind the colon", text);
	*ret = (struct copy_place){*ret_container, colon + 1};
	return 0;
}

static bool is_stream(const struct copy_place *place)
{
	return !place->container && strcmp(place->path, "-") == 0;
}

static int check(const struct copy_place *from, const struct copy_place *to, struct error *err)
{
	if (!from->container && !to->container)
		return error_set(err, EINVAL, "one of the two must be in a container: CONTAINER:PATH");
	if (is_stream(from) && isatty(STDIN_FILENO))
		return error_set(err, EINVAL, "standard input is a terminal, not an archive");
	if (is_stream(to) && isatty(STDOUT_FILENO))
		return error_set(err, EINVAL, "an archive is not written to a terminal: redirect standard output");
	return 0;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_container struct container *source = NULL, *destination = NULL;
	struct copy_place from, to;
	int r = session_store(context, &store, err);
	if (r < 0 || (r = parse(store, context->arguments.items[0], &source, &from, err)) < 0 ||
	    (r = parse(store, context->arguments.items[1], &destination, &to, err)) < 0 ||
	    (r = check(&from, &to, err)) < 0)
		return r;
	const struct copy_options copy = {
	    .keep_owners = options->archive, .follow_link = options->follow_link, .overwrite = options->overwrite};
	return copy_run(store, &from, &to, &copy, err);
}

const struct cli_command cmd_cp = {
    .name = "cp",
    .summary = "Copy files between a container and the host",
    .usage = "[OPTIONS] SOURCE DESTINATION",
    .description = "Copies a file or a directory. SOURCE and DESTINATION are paths, or CONTAINER:PATH; the container "
		   "need not be running, and both can be containers. "
		   "A path in a container that begins with no slash begins in its working directory. What is mounted "
		   "in the container, volumes and (while it runs) tmpfs, "
		   "belongs to it.\n\n"
		   "A DESTINATION that is a directory gets the source in it; of a SOURCE that ends with /. it gets "
		   "what is in it. One that is not there is made, in a directory "
		   "that is there. With - as SOURCE a tar archive on standard input is unpacked into the directory "
		   "DESTINATION; with - as DESTINATION a tar "
		   "archive is written to standard output.\n\n"
		   "Modes and times are kept. What is copied into a container becomes its user's, unless --archive "
		   "keeps the owners; what is copied out becomes yours.",
    .examples = "coracle cp web:/etc/nginx/nginx.conf .\ncoracle cp page.html web:/var/www/\ncoracle cp web:/var/log - "
		"| tar -t",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_FILE,
    .run = run,
};
