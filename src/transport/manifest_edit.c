/* SPDX-License-Identifier: Apache-2.0 */
/* manifest annotate, manifest remove, manifest inspect: what a list says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/manifest_options.h"
#include "src/transport/registry_options.h"
#include "storage/pull/source.h"

/* An image of a list is named by its digest, or by the name of an image that is here. */
static int find_digest(struct store *store, const char *text, char **ret, struct error *err)
{
	auto_image struct image *image = NULL;
	if (digest_is_valid(text)) {
		*ret = xstrdup(text);
		return 0;
	}
	int r = image_find(store, text, &image, err);
	if (r < 0)
		return r == -ENOENT ? error_set(err, ENOENT, "%s is neither a digest nor an image that is here", text)
				    : r;
	if (!image->manifest_digest)
		return error_set(err, EINVAL, "image %.12s is damaged: nothing says which manifest it has", image->id);
	*ret = xstrdup(image->manifest_digest);
	return 0;
}

/* ---- annotate ---- */

struct annotate_options {
	struct manifest_settings manifest;
};

static const struct cli_option annotate_table[] = {
    MANIFEST_OPTIONS(struct annotate_options, manifest),
    CLI_OPTIONS_END,
};

static int annotate(struct manifest_list *list, void *userdata, struct error *err)
{
	return list_annotate(list, userdata, err);
}

static int run_annotate(struct cli_context *context, struct error *err)
{
	const struct annotate_options *options = context->options;
	auto_store struct store *store = NULL;
	auto_list_entry struct list_entry entry = {0};
	char id[65];
	int r = session_store(context, &store, err);
	if (r == 0)
		r = find_digest(store, context->arguments.items[1], &entry.digest, err);
	if (r == 0)
		r = manifest_settings_apply(&options->manifest, &entry, err);
	if (r == 0)
		r = list_change(store, context->arguments.items[0], annotate, &entry, id, err);
	if (r == 0)
		puts(id);
	return r;
}

const struct cli_command cmd_manifest_annotate = {
    .name = "annotate",
    .summary = "Change what a list says of one of its images",
    .usage = "[OPTIONS] LIST DIGEST|IMAGE",
    .description =
	"Changes what a list says of one of its images, and prints the list's id. What no option speaks of stays; "
	"--annotation takes the place of all annotations that there were.",
    .examples = "coracle manifest annotate --arch arm64 --variant v8 tools localhost/tools:arm",
    .options = annotate_table,
    .options_size = sizeof(struct annotate_options),
    .min_arguments = 2,
    .max_arguments = 2,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_annotate,
};

/* ---- remove ---- */

static const struct cli_option remove_table[] = {CLI_OPTIONS_END};

static int remove_digests(struct manifest_list *list, void *userdata, struct error *err)
{
	const struct strv *digests = userdata;
	int r = 0;
	for (size_t i = 0; r == 0 && i < digests->count; i++)
		r = list_remove(list, digests->items[i], err);
	return r;
}

static int run_remove(struct cli_context *context, struct error *err)
{
	auto_store struct store *store = NULL;
	auto_strv struct strv digests = STRV_INIT;
	char id[65];
	int r = session_store(context, &store, err);
	for (size_t i = 1; r == 0 && i < context->arguments.count; i++) {
		char *digest = NULL;
		r = find_digest(store, context->arguments.items[i], &digest, err);
		if (digest)
			strv_take(&digests, digest);
	}
	if (r == 0)
		r = list_change(store, context->arguments.items[0], remove_digests, &digests, id, err);
	if (r == 0)
		puts(id);
	return r;
}

const struct cli_command cmd_manifest_remove = {
    .name = "remove",
    .summary = "Take images from a list",
    .usage = "LIST DIGEST|IMAGE...",
    .description = "Takes images from a list, and prints the list's id. The images themselves stay.",
    .examples = "coracle manifest remove tools localhost/tools:arm",
    .options = remove_table,
    .min_arguments = 2,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_remove,
};

/* ---- inspect ---- */

struct inspect_options {
	struct registry_settings registry; /* first */
};

static const struct cli_option inspect_table[] = {CLI_OPTIONS_END};

static int print_json(struct json_object *json)
{
	auto_free char *out = json_text(json, true);
	puts(out);
	return 0;
}

static int print_text(const char *text, size_t length, const char *name, struct error *err)
{
	auto_json struct json_object *json = NULL;
	int r = json_parse(text, length, name, &json, err);
	if (r == 0 && !manifest_is_index(json))
		r = error_set(err, EINVAL, "%s is an image, not a list of images", name);
	return r < 0 ? r : print_json(json);
}

static int inspect_remote(const struct registry_settings *settings, const char *name, struct error *err)
{
	auto_pull_source struct pull_source source = {0};
	const struct pull_request request = registry_pull_request(settings, name);
	int r = pull_source_find_any(&request, &source, err);
	return r < 0 ? r : print_text(source.manifest.text, source.manifest.length, name, err);
}

static int inspect(struct store *store, const struct registry_settings *settings, const char *name, struct error *err)
{
	auto_list struct manifest_list *list = NULL;
	int r = text_starts_with(name, "docker://") ? -ENOENT : list_read(store, name, &list, err);
	if (r == -ENOENT) {
		error_clear(err);
		return inspect_remote(settings, name, err);
	}
	if (r < 0)
		return r;
	auto_free char *text = list_text(list->index, false);
	return print_text(text, strlen(text), name, err);
}

static int run_inspect(struct cli_context *context, struct error *err)
{
	struct inspect_options *options = context->options;
	auto_store struct store *store = NULL;
	int r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	if (r == 0)
		r = inspect(store, &options->registry, context->arguments.items[0], err);
	registry_settings_clear(&options->registry);
	return r;
}

const struct cli_command cmd_manifest_inspect = {
    .name = "inspect",
    .summary = "Show a list of images",
    .usage = "[OPTIONS] LIST",
    .description = "Shows a list as JSON: one that is here, or an index in a registry.",
    .examples = "coracle manifest inspect tools\ncoracle manifest inspect docker://registry.example.com/tools:1",
    .options = inspect_table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct inspect_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_inspect,
};
