/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/output.h"
#include "src/transport/registry_options.h"
#include "storage/list/push.h"

struct options {
	struct registry_settings registry; /* first */
	bool all, quiet, remove, remove_signatures;
	const char *digest_file, *format, *compression, *key_file, *passphrase_file, *gpg_key;
};

static const struct cli_option table[] = {
    {0, "all", CLI_FLAG, offsetof(struct options, all), NULL,
     "Push the images of the list too, as by default; --all=false pushes the list alone"},
    {0, "compression-format", CLI_STRING, offsetof(struct options, compression), "FORMAT",
     "Compress layers that are sent with gzip (the default) or zstd (zstd:chunked is the same)",
     .values = REGISTRY_COMPRESSIONS},
    {0, "digestfile", CLI_STRING, offsetof(struct options, digest_file), "FILE", "Write the digest of the list to FILE",
     .complete = CLI_COMPLETE_FILE},
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT",
     "Format of the list, and of the images that are here: oci (the default) or v2s2 (Docker's, which has no "
     "annotations)",
     .values = "oci|v2s2"},
    {'p', "purge", CLI_FLAG, offsetof(struct options, remove), NULL, "As --rm", .hidden = true},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print no progress"},
    {0, "remove-signatures", CLI_FLAG, offsetof(struct options, remove_signatures), NULL,
     "Push no signatures of the images (as always)"},
    {0, "rm", CLI_FLAG, offsetof(struct options, remove), NULL, "Remove the list when it has been pushed"},
    {0, "sign-by", CLI_STRING, offsetof(struct options, gpg_key), "KEY", "GPG's; refused", .hidden = true},
    {0, "sign-by-sigstore-private-key", CLI_STRING, offsetof(struct options, key_file), "FILE",
     "Sign the images and the list with this key, and store the signatures beside them", .complete = CLI_COMPLETE_FILE},
    {0, "sign-passphrase-file", CLI_STRING, offsetof(struct options, passphrase_file), "FILE",
     "Read the key's passphrase from FILE", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static void defaults(void *options)
{
	((struct options *)options)->all = true;
}

static int remove_list(struct store *store, const char *name, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	auto_close int lock = store_lock(store, LOCK_MODE_EXCLUSIVE, err);
	if (lock < 0)
		return lock;
	int r = image_find(store, name, &image, err);
	return r < 0 ? r : image_remove(store, image, &untagged, &deleted, err);
}

static int push(struct store *store, struct list_push_request *request, const struct options *options,
		struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	auto_progress struct progress *progress = options->quiet ? NULL : progress_begin(STDERR_FILENO);
	request->images.progress = progress;
	int r = list_push(store, request, digest, err);
	if (r == 0 && options->digest_file)
		r = output_write(options->digest_file, digest, err);
	if (r < 0)
		return r;
	puts(digest);
	return options->remove ? remove_list(store, request->name, err) : 0;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	auto_store struct store *store = NULL;
	if (options->passphrase_file && !options->key_file)
		return error_set(err, EINVAL, "--sign-passphrase-file is for --sign-by-sigstore-private-key");
	int r = registry_refuse_gpg(options->gpg_key, err);
	if (r == 0)
		r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	struct list_push_request request = {
	    .name = context->arguments.items[0],
	    .images = registry_push_request(&options->registry),
	    .index_only = !options->all,
	};
	request.images.destination = context->arguments.count > 1 ? context->arguments.items[1] : NULL;
	request.images.compression =
	    registry_compression(options->compression);
	request.images.format = options->format;
	request.images.sign_by_sigstore = options->key_file;
	request.images.passphrase_file = options->passphrase_file;
	if (r == 0)
		r = push(store, &request, options, err);
	registry_settings_clear(&options->registry);
	if (r == 0)
		r = store_empty_trash(store, err);
	return r;
}

const struct cli_command cmd_manifest_push = {
    .name = "push",
    .summary = "Push a list of images to a registry",
    .usage = "[OPTIONS] LIST [DESTINATION]",
    .description =
	"Pushes the images of a list to a registry, and then the list itself as an index: under its own name, or as "
	"DESTINATION. Images of the list that are in a registry are copied from there. Prints the digest of the index.",
    .examples = "coracle manifest push tools registry.example.com/tools:1\ncoracle manifest push --format v2s2 --rm "
		"registry.example.com/tools:1",
    .options = table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct options),
    .defaults = defaults,
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
