/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/change.h"
#include "storage/image/image.h"
#include "storage/manifest/manifest.h"
#include "storage/unpack/batch.h"

struct options {
	struct strv changes;
	const char *message;
	const char *os, *architecture, *variant;
	bool quiet;
};

static const struct cli_option table[] = {
    {'c', "change", CLI_LIST, offsetof(struct options, changes), "INSTRUCTION",
     "Apply an instruction of a Dockerfile to the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, "
     "USER, VOLUME, WORKDIR"},
    {'m', "message", CLI_STRING, offsetof(struct options, message), "TEXT", "Set the comment in the image's history"},
    {0, "os", CLI_STRING, offsetof(struct options, os), "OS", "Set the operating system of the image"},
    {0, "arch", CLI_STRING, offsetof(struct options, architecture), "ARCH", "Set the architecture of the image"},
    {0, "variant", CLI_STRING, offsetof(struct options, variant), "VARIANT", "Set the variant of the architecture"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print no progress"},
    CLI_OPTIONS_END,
};

/* Everything about the request that can be wrong is found before the archive is read. */
struct request {
	const char *file;
	bool named;
	struct reference name;
	struct json_object *config; /* the "config" member */
};

static void request_free(struct request *request)
{
	reference_free(&request->name);
	json_object_put(request->config);
}

static int make_request(const struct cli_context *context, struct request *request, struct error *err)
{
	const struct options *options = context->options;
	const struct strv *arguments = &context->arguments;
	request->file = arguments->items[0];
	request->config = json_object_new_object();
	if (text_starts_with(request->file, "http://") || text_starts_with(request->file, "https://"))
		return error_set(err, EINVAL,
				 "import does not fetch: download %s first, or pipe it (curl -L %s | coracle import -)",
				 request->file, request->file);
	for (size_t i = 0; i < options->changes.count; i++) {
		int r = change_apply(request->config, options->changes.items[i], err);
		if (r < 0)
			return r;
	}
	request->named = arguments->count > 1;
	if (!request->named)
		return 0;
	int r = reference_parse(arguments->items[1], &request->name, err);
	if (r < 0)
		return r;
	if (request->name.digest)
		return error_set(err, EINVAL, "an imported image cannot be given a digest: \"%s\"",
				 arguments->items[1]);
	reference_normalize_local(&request->name);
	return 0;
}

/* The image's configuration: image-spec 1.1, "Image Configuration". */
static char *make_config(const struct options *options, const struct request *request, const char *diff_id)
{
	auto_json struct json_object *json = json_object_new_object();
	auto_strv struct strv diff_ids = STRV_INIT;
	struct json_object *rootfs = json_object_new_object(), *history = json_object_new_array(),
			   *entry = json_object_new_object();
	struct platform platform;
	char created[TEXT_STAMP_MAX];
	const char *name = strcmp(request->file, "-") == 0 ? "standard input" : request->file;
	auto_free char *created_by = xasprintf("coracle import %s", name),
		       *comment = xasprintf("Imported from %s", name);
	platform_host(&platform);
	format_rfc3339_nano(created, time_now_ns());
	strv_add(&diff_ids, diff_id);
	json_add_string(json, "created", created);
	json_add_string(json, "architecture", options->architecture ? options->architecture : platform.architecture);
	json_add_string(json, "os", options->os ? options->os : platform.os);
	json_add_string(json, "variant",
			options->variant                              ? options->variant
			: options->architecture || !*platform.variant ? NULL
								      : platform.variant);
	json_object_object_add(json, "config", json_object_get(request->config));
	json_add_string(rootfs, "type", "layers");
	json_add_strv(rootfs, "diff_ids", &diff_ids);
	json_object_object_add(json, "rootfs", rootfs);
	json_add_string(entry, "created", created);
	json_add_string(entry, "created_by", created_by);
	json_add_string(entry, "comment", options->message ? options->message : comment);
	json_object_array_add(history, entry);
	json_object_object_add(json, "history", history);
	return json_text(json, false);
}

static int import_layer(struct layer_batch *batch, const char *file, struct unpack_result *ret, struct error *err)
{
	bool standard_input = strcmp(file, "-") == 0;
	auto_close int fd =
	    standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_sys(err, errno, "open %s", file);
	struct unpack_request request = {
	    .fd = fd, .offset = -1, .length = -1, .name = standard_input ? "standard input" : file};
	int r = layer_batch_add(batch, &request, ret, err);
	/* A layer may be empty; an archive that somebody brings to be imported is not meant to. */
	if (r == 0 && ret->tar_size == 0)
		r = error_set(err, EINVAL, "it is empty, and no tar archive");
	return r < 0 ? error_context(err, "%s", request.name) : 0;
}

/* Under the store's lock. One that was there already has not been kept, and may have been removed since. */
static int place_layer(struct layer_batch *batch, const struct unpack_result *layer, struct error *err)
{
	struct layer_facts facts;
	int r = layer_batch_place(batch, err);
	if (r == 0)
		r = layer_batch_has(batch, layer->diff_id, &facts, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return error_set(err, EAGAIN, "another process has removed the same layer meanwhile; import it again");
}

static int add_image(struct store *store, const struct request *request, const struct unpack_result *layer,
		     const char *config, char *ret_id, struct error *err)
{
	char digest[DIGEST_TEXT_MAX], manifest_digest[DIGEST_TEXT_MAX];
	auto_strv struct strv diff_ids = STRV_INIT;
	strv_add(&diff_ids, layer->diff_id);
	int r = digest_of(config, strlen(config), digest, err);
	if (r < 0)
		return r;
	auto_free char *manifest = manifest_make(digest, strlen(config), &diff_ids, &layer->tar_size);
	r = image_add(store, manifest, strlen(manifest), config, strlen(config), &diff_ids, layer->size, ret_id,
		      manifest_digest, err);
	if (r < 0 || !request->named)
		return r;
	return image_tag(store, &request->name, manifest_digest, ret_id, err);
}

static int run(struct cli_context *context, struct error *err)
{
	CLEANUP(request_free) struct request request = {0};
	auto_store struct store *store = NULL;
	struct unpack_result layer = {0};
	char id[65];
	int r = make_request(context, &request, err);
	if (r == 0)
		r = session_store(context, &store, err);
	if (r < 0)
		return r;
	auto_layer_batch struct layer_batch *batch = layer_batch_new(store);
	store_empty_trash(store, NULL); /* what imports left that were killed */
	r = import_layer(batch, request.file, &layer, err);
	if (r < 0)
		return r;
	/* Only now: who writes to a pipe may take his time, in which others remove images. */
	auto_close int lock = store_lock(store, LOCK_MODE_SHARED, err);
	r = lock < 0 ? lock : place_layer(batch, &layer, err);
	if (r < 0)
		return r;
	auto_free char *config = make_config(context->options, &request, layer.diff_id);
	r = add_image(store, &request, &layer, config, id, err);
	if (r < 0)
		return r;
	printf("sha256:%s\n", id);
	return 0;
}

const struct cli_command cmd_import = {
    .name = "import",
    .summary = "Make an image of a file system's tar",
    .usage = "[OPTIONS] FILE|- [NAME[:TAG]]",
    .description = "Makes an image of one layer of a tar, compressed with gzip, zstd, xz or bzip2, or not, such as "
		   "`export` writes. `-` is standard input.",
    .examples = "coracle import rootfs.tar.xz trixie\ndebootstrap ... && tar -C root -c . | coracle import -c 'CMD "
		"[\"bash\"]' - trixie",
    .options = table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_FILE,
    .run = run,
};
