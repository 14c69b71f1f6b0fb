/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/output.h"
#include "src/transport/registry_options.h"
#include "storage/push/push.h"

struct options {
	struct registry_settings registry; /* first */
	bool all_tags, quiet, force_compression, force_compression_given, remove_signatures, level_given, compress;
	const char *digest_file, *format, *compression, *key_file, *passphrase_file, *gpg_key;
	int64_t level;
};

static const struct cli_option table[] = {
    {'a', "all-tags", CLI_FLAG, offsetof(struct options, all_tags), NULL,
     "Push all images of the repository that are here"},
    {0, "compress", CLI_FLAG, offsetof(struct options, compress), NULL, "For directories, which save makes", .hidden = true},
    {0, "compression-format", CLI_STRING, offsetof(struct options, compression), "FORMAT",
     "Compress layers that are sent with gzip (the default) or zstd (zstd:chunked is the same)",
     .values = REGISTRY_COMPRESSIONS},
    {0, "compression-level", CLI_INT, offsetof(struct options, level), "NUMBER",
     "How well: 1 to 9 for gzip, 1 to 20 for zstd", .given_offset = offsetof(struct options, level_given)},
    {0, "digestfile", CLI_STRING, offsetof(struct options, digest_file), "FILE",
     "Write the digest of the manifest to FILE", .complete = CLI_COMPLETE_FILE},
    {0, "force-compression", CLI_FLAG, offsetof(struct options, force_compression), NULL,
     "Send layers even if the registry has them in another compression (as when --compression-format is given)",
     .given_offset = offsetof(struct options, force_compression_given)},
    {'f', "format", CLI_STRING, offsetof(struct options, format), "FORMAT",
     "Format of the manifest: oci or v2s2 (Docker's); that of the image by default", .values = "oci|v2s2"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print nothing"},
    {0, "remove-signatures", CLI_FLAG, offsetof(struct options, remove_signatures), NULL,
     "Push no signatures of the image (as always: images here have none)"},
    {0, "sign-by", CLI_STRING, offsetof(struct options, gpg_key), "KEY", "GPG's; refused", .hidden = true},
    {0, "sign-by-sigstore-private-key", CLI_STRING, offsetof(struct options, key_file), "FILE",
     "Sign the image with this key, and store the signature beside it", .complete = CLI_COMPLETE_FILE},
    {0, "sign-passphrase-file", CLI_STRING, offsetof(struct options, passphrase_file), "FILE",
     "Read the key's passphrase from FILE", .complete = CLI_COMPLETE_FILE},
    CLI_OPTIONS_END,
};

static int check(const struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->all_tags && context->arguments.count > 1)
		return error_set(err, EINVAL,
				 "--all-tags pushes each image to its own name; there can be no destination");
	if (options->all_tags && options->digest_file)
		return error_set(err, EINVAL, "--digestfile is for one image, not for --all-tags");
	if (options->compress)
		return error_set(err, EINVAL,
				 "--compress is for directories, and what goes to a registry is compressed anyway; 'coracle "
				 "save --compress --format docker-dir' makes a directory");
	if (options->gpg_key)
		return registry_refuse_gpg(options->gpg_key, err);
	if (options->passphrase_file && !options->key_file)
		return error_set(err, EINVAL, "--sign-passphrase-file is for --sign-by-sigstore-private-key");
	if (options->level_given && (options->level < 1 || options->level > 20))
		return error_set(err, EINVAL, "--compression-level is a number from 1 to 9, of zstd from 1 to 20");
	return 0;
}

static int push_one(struct store *store, struct push_request *request, const struct options *options, const char *name,
		    struct error *err)
{
	char digest[DIGEST_TEXT_MAX];
	auto_progress struct progress *progress = options->quiet ? NULL : progress_begin(STDERR_FILENO);
	request->name = name;
	request->progress = progress;
	int r = image_push(store, request, digest, err);
	if (r == 0 && options->digest_file)
		r = output_write(options->digest_file, digest, err);
	if (r < 0)
		return r;
	progress_endp(&progress);
	progress = NULL;
	if (!options->quiet)
		fprintf(stderr, "%s: digest: %s\n", request->destination ? request->destination : name, digest);
	return 0;
}

/* The names here that are tags of the repository `name`. */
static int find_tags(struct store *store, const char *name, struct strv *ret, struct error *err)
{
	auto_reference struct reference wanted = {0};
	struct image **images;
	size_t count;
	int r = reference_parse(name, &wanted, err);
	if (r < 0)
		return r;
	if (wanted.tag || wanted.digest)
		return error_set(err, EINVAL, "--all-tags takes a repository, without a tag: \"%s\"", name);
	reference_normalize_docker(&wanted);
	auto_free char *repository = reference_repository(&wanted);
	auto_free char *prefix = xasprintf("%s:", repository);
	if ((r = image_list(store, &images, &count, err)) < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < images[i]->names.count; j++)
			if (text_starts_with(images[i]->names.items[j], prefix))
				strv_add(ret, images[i]->names.items[j]);
	image_list_free(images, count);
	return ret->count ? 0 : error_set(err, ENOENT, "no image here has a tag of %s", repository);
}

static int push_tags(struct store *store, struct push_request *request, const struct options *options, const char *name,
		     struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	int r = find_tags(store, name, &names, err);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = push_one(store, request, options, names.items[i], err);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	struct options *options = context->options;
	auto_store struct store *store = NULL;
	int r = check(context, err);
	if (r == 0)
		r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	struct push_request request = {
	    .destination = context->arguments.count > 1 ? context->arguments.items[1] : NULL,
	    .authfile = options->registry.authfile,
	    .username = options->registry.username,
	    .password = options->registry.password,
	    .certificate_directory = options->registry.certificate_directory,
	    .tls_verify = registry_tls_verify(&options->registry),
	    .compression = registry_compression(options->compression),
	    .compression_level = options->level_given ? (int)options->level : -1,
	    .force_compression =
		options->force_compression_given ? options->force_compression : options->compression != NULL,
	    .format = options->format,
	    .sign_by_sigstore = options->key_file,
	    .passphrase_file = options->passphrase_file,
	    .retries = registry_retries(&options->registry),
	    .retry_delay_s = registry_retry_delay(&options->registry),
	};
	if (r == 0)
		r = (options->all_tags ? push_tags : push_one)(store, &request, options, context->arguments.items[0],
							       err);
	registry_settings_clear(&options->registry);
	return r;
}

const struct cli_command cmd_push = {
    .name = "push",
    .summary = "Push an image to a registry",
    .usage = "[OPTIONS] IMAGE [DESTINATION]",
    .description =
	"Sends an image to a registry: under its own name, or as DESTINATION. Layers that the registry has, also in "
	"another of its repositories, are not sent; the others are packed and sent several at once. The "
	"manifest of an image that was pulled stays as it is, if no layer had to be packed anew.",
    .examples = "coracle push registry.example.com/app\ncoracle push localhost/app registry.example.com/app:1.2",
    .options = table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
