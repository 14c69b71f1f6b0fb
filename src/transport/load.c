/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/commands.h"
#include "src/session.h"
#include "storage/archive/archive.h"
#include "storage/policy/policy.h"

struct options {
	const char *input;
	bool quiet;
	const char *signature_policy;
};

static const struct cli_option table[] = {
    {'i', "input", CLI_STRING, offsetof(struct options, input), "FILE",
     "Read the archive or directory FILE instead of standard input", .complete = CLI_COMPLETE_FILE},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print no progress"},
    {0, "signature-policy", CLI_STRING, offsetof(struct options, signature_policy), "FILE",
     "The policy for signatures, instead of the usual file", .complete = CLI_COMPLETE_FILE, .hidden = true},
    CLI_OPTIONS_END,
};

/* Several names are a line each; an image without one is called by its id. */
static void add_names(const struct archive_image *image, const char *id, struct strbuf *loaded)
{
	for (size_t i = 0; i < image->names.count; i++)
		strbuf_printf(loaded, "Loaded image: %s\n", image->names.items[i]);
	if (image->names.count == 0)
		strbuf_printf(loaded, "Loaded image: sha256:%s\n", id);
}

static int load_all(struct store *store, struct image_archive *archive, struct strbuf *loaded, struct error *err)
{
	auto_layer_batch struct layer_batch *batch = layer_batch_new(store);
	store_empty_trash(store, NULL); /* what loads left that were killed */
	for (size_t i = 0; i < archive->count; i++) {
		char id[65];
		int r = image_archive_load(store, archive, i, batch, id, err);
		if (r < 0)
			return r;
		add_names(&archive->images[i], id, loaded);
	}
	return 0;
}

/* Before anything of an image is used. */
static int check_policy(const struct image_archive *archive, const struct options *options, struct error *err)
{
	auto_policy struct policy *policy = NULL;
	auto_free char *path = options->input && strcmp(options->input, "-") != 0 ? realpath(options->input, NULL) : NULL;
	int r = policy_read(options->signature_policy, &policy, err);
	return r < 0 ? r : policy_check_archive(policy, archive->transport, path, err);
}

/* The progress has ended when it returns: what is printed then does not get between its lines. */
static int load(struct store *store, const struct options *options, struct strbuf *loaded, struct error *err)
{
	auto_progress struct progress *progress = options->quiet ? NULL : progress_begin(STDERR_FILENO);
	auto_image_archive struct image_archive *archive = NULL;
	int r = image_archive_open(store, options->input, progress, &archive, err);
	if (r == 0)
		r = check_policy(archive, options, err);
	return r < 0 ? r : load_all(store, archive, loaded, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_strbuf struct strbuf loaded = STRBUF_INIT;
	if (!options->input && isatty(STDIN_FILENO))
		return error_set(
		    err, EINVAL,
		    "cannot read an archive from the terminal: name one with --input, or redirect standard input");
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	r = load(store, options, &loaded, err);
	fputs(strbuf_text(&loaded), stdout);
	return r;
}

const struct cli_command cmd_load = {
    .name = "load",
    .summary = "Load images from an archive",
    .usage = "[OPTIONS]",
    .description = "Brings the images of an archive into the store: one that docker save or podman save made "
		   "(docker-archive), an OCI archive, a directory in "
		   "OCI layout, or one with a manifest and blobs (docker-dir, skopeo's dir:); archives may be compressed with gzip, zstd, xz or bzip2, or not. All digests are verified. Layers that "
		   "are in the store already are not unpacked "
		   "again. Where the signature policy (containers-policy.json(5)) has a section for the kind of archive, it is asked.",
    .examples = "coracle load -i busybox.tar\nssh host podman save busybox | coracle load",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 0,
    .run = run,
};
