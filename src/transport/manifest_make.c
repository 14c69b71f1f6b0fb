/* SPDX-License-Identifier: Apache-2.0 */
/* manifest create, manifest add: images come into a list. What they are is found out before anything is changed. */
#include <errno.h>
#include <stdio.h>

#include "src/commands.h"
#include "src/session.h"
#include "src/transport/manifest_options.h"
#include "src/transport/registry_options.h"
#include "storage/list/gather.h"

struct addition {
	struct store *store;
	const struct registry_settings *registry;
	bool all;
	struct platform platform; /* of which image of an index is meant */
	struct list_entries *entries;
	size_t count; /* as many as images were named */
};

static void addition_free(struct addition *addition)
{
	for (size_t i = 0; i < addition->count; i++)
		list_entries_free(&addition->entries[i]);
	free(addition->entries);
}

static int gather(struct addition *addition, const struct strv *names, size_t first, struct error *err)
{
	const struct registry_settings *settings = addition->registry;
	const struct pull_request request = registry_pull_request(settings, NULL);
	addition->entries = xcalloc(names->count - first + 1, sizeof(*addition->entries));
	for (size_t i = first; i < names->count; i++) {
		int r = list_gather(addition->store, names->items[i], &request, addition->all, &addition->platform,
				    &addition->entries[addition->count], err);
		if (r < 0)
			return r;
		addition->count++;
	}
	return 0;
}

static int add_entries(struct manifest_list *list, void *userdata, struct error *err)
{
	const struct addition *addition = userdata;
	(void)err;
	for (size_t i = 0; i < addition->count; i++)
		for (size_t j = 0; j < addition->entries[i].count; j++)
			list_add(list, &addition->entries[i].items[j]);
	return 0;
}

/* ---- create ---- */

struct create_options {
	struct registry_settings registry; /* first */
	bool all, amend;
};

static const struct cli_option create_table[] = {
    {0, "all", CLI_FLAG, offsetof(struct create_options, all), NULL,
     "Of an index or a list add all images, not only the one for this machine"},
    {'a', "amend", CLI_FLAG, offsetof(struct create_options, amend), NULL,
     "Add to the list if there is one of this name already"},
    CLI_OPTIONS_END,
};

static int parse_name(const char *text, struct reference *ret, struct error *err)
{
	int r = reference_parse(text, ret, err);
	if (r < 0)
		return r;
	if (ret->digest)
		return error_set(err, EINVAL, "\"%s\": a list changes, and cannot be given a digest", text);
	reference_normalize_local(ret);
	return 0;
}

static int create(struct addition *addition, const char *text, bool amend, char *ret_id, struct error *err)
{
	auto_reference struct reference name = {0};
	int r = parse_name(text, &name, err);
	if (r < 0)
		return r;
	auto_free char *full = reference_text(&name);
	r = list_create(addition->store, &name, ret_id, err);
	if (r == -EEXIST && amend) {
		error_clear(err);
		r = 0;
	} else if (r == -EEXIST) {
		error_advice(err, "; --amend adds to a list that is there");
	}
	return r < 0 ? r : list_change(addition->store, full, add_entries, addition, ret_id, err);
}

static int run_create(struct cli_context *context, struct error *err)
{
	struct create_options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(addition_free) struct addition addition = {.registry = &options->registry, .all = options->all};
	char id[65];
	int r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	addition.store = store;
	platform_host(&addition.platform);
	if (r == 0)
		r = gather(&addition, &context->arguments, 1, err);
	if (r == 0)
		r = create(&addition, context->arguments.items[0], options->amend, id, err);
	registry_settings_clear(&options->registry);
	if (r == 0)
		puts(id);
	return r;
}

const struct cli_command cmd_manifest_create = {
    .name = "create",
    .summary = "Begin a list of images",
    .usage = "[OPTIONS] LIST [IMAGE...]",
    .description =
	"Begins a list (a manifest list, or image index) with the images that are named, and prints its id. An image "
	"is "
	"one that is here, or one in a registry, of which nothing but its manifest and its configuration is fetched; "
	"docker://NAME is always in a registry.",
    .examples =
	"coracle manifest create tools\ncoracle manifest create --all tools docker://registry.example.com/tools:1",
    .options = create_table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct create_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_create,
};

/* ---- add ---- */

struct add_options {
	struct registry_settings registry; /* first */
	struct manifest_settings manifest;
	bool all;
};

static const struct cli_option add_table[] = {
    {0, "all", CLI_FLAG, offsetof(struct add_options, all), NULL,
     "Of an index or a list add all images, not only the one for --os, --arch and --variant, or this machine"},
    MANIFEST_OPTIONS(struct add_options, manifest),
    CLI_OPTIONS_END,
};

static void choose_platform(const struct manifest_settings *settings, struct platform *ret)
{
	platform_host(ret);
	if (settings->architecture || settings->os)
		ret->variant = "";
	if (settings->os)
		ret->os = settings->os;
	if (settings->architecture)
		ret->architecture = settings->architecture;
	if (settings->variant)
		ret->variant = settings->variant;
}

static int apply_settings(const struct manifest_settings *settings, struct addition *addition, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < addition->count; i++)
		for (size_t j = 0; r == 0 && j < addition->entries[i].count; j++)
			r = manifest_settings_apply(settings, &addition->entries[i].items[j], err);
	return r;
}

static int run_add(struct cli_context *context, struct error *err)
{
	struct add_options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(addition_free) struct addition addition = {.registry = &options->registry, .all = options->all};
	auto_list struct manifest_list *list = NULL;
	char id[65];
	int r = registry_settings_check(&options->registry, err);
	if (r == 0)
		r = session_store(context, &store, err);
	addition.store = store;
	choose_platform(&options->manifest, &addition.platform);
	if (r == 0)
		r = list_read(store, context->arguments.items[0], &list, err);
	if (r == 0)
		r = gather(&addition, &context->arguments, 1, err);
	if (r == 0)
		r = apply_settings(&options->manifest, &addition, err);
	if (r == 0)
		r = list_change(store, context->arguments.items[0], add_entries, &addition, id, err);
	registry_settings_clear(&options->registry);
	if (r == 0)
		puts(id);
	return r;
}

const struct cli_command cmd_manifest_add = {
    .name = "add",
    .summary = "Add images to a list",
    .usage = "[OPTIONS] LIST IMAGE...",
    .description = "Adds images to a list, and prints its id. An image is one that is here, or one in a registry, of "
		   "which nothing "
		   "but its manifest and its configuration is fetched; docker://NAME is always in a registry. The list "
		   "says of it what "
		   "its configuration says, or the index through which it was found, or these options.",
    .examples =
	"coracle manifest add tools localhost/tools:amd64\ncoracle manifest add --arch arm64 --variant v8 tools "
	"docker://registry.example.com/tools:arm",
    .options = add_table,
    .shared = (const struct cli_option *const[]){registry_option_table, NULL},
    .options_size = sizeof(struct add_options),
    .min_arguments = 2,
    .max_arguments = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run_add,
};
