/* SPDX-License-Identifier: Apache-2.0 */
/* container prune, image prune, volume prune, system prune. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/commands.h"
#include "src/network_filter.h"
#include "src/prompt.h"
#include "src/prune_store.h"
#include "src/session.h"

struct options {
	bool all, external, force, volumes;
	struct strv filters;
};

#define FILTER                                                                                             \
	{                                                                                                  \
		0, "filter", CLI_LIST, offsetof(struct options, filters), "KEY=VALUE", "Only what matches: until, label, label!" \
	}
#define FORCE                                                                           \
	{                                                                               \
		'f', "force", CLI_FLAG, offsetof(struct options, force), NULL, "Do not ask" \
	}

static const struct cli_option container_table[] = {FILTER, FORCE, CLI_OPTIONS_END};
static const struct cli_option image_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Every image that no container has, not only those without a name"},
    {0, "external", CLI_FLAG, offsetof(struct options, external), NULL, "Images that containers of other programs have, too (there are none here: without effect)"},
    FILTER,
    FORCE,
    CLI_OPTIONS_END,
};
static const struct cli_option volume_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Those with a name too (the default); --all=false leaves them"},
    {0, "filter", CLI_LIST, offsetof(struct options, filters), "KEY=VALUE", "Only what matches (see `coracle volume ls --help`)"},
    FORCE,
    CLI_OPTIONS_END,
};
static const struct cli_option system_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "Every image that no container has, not only those without a name"},
    FILTER,
    FORCE,
    {0, "volumes", CLI_FLAG, offsetof(struct options, volumes), NULL, "Volumes that no container has, too"},
    CLI_OPTIONS_END,
};

/* docker knows no other filters here. */
static int check_filters(const struct strv *filters, struct error *err)
{
	static const char *const keys[] = {"until=", "label=", "label!="};
	for (size_t i = 0; i < filters->count; i++) {
		bool known = false;
		for (size_t j = 0; j < ARRAY_SIZE(keys); j++)
			known |= text_starts_with(filters->items[i], keys[j]);
		if (!known)
			return error_set(err, EINVAL, "--filter %s: give KEY=VALUE with until, label or label!", filters->items[i]);
	}
	return 0;
}

/* What a kind of `prune` is about. Networks go after the containers that were on them. */
struct scope {
	bool containers, networks, images;
};

static int prune(struct cli_context *context, const char *warning, struct scope scope, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_pruned struct pruned pruned = {0};
	int r = check_filters(&options->filters, err);
	if (r < 0 || (r = session_store(context, &store, err)) < 0)
		return r;
	if (!options->force && !prompt_continue(warning))
		return 0;
	if (scope.containers)
		r = prune_containers(store, &options->filters, &pruned, err);
	if (r >= 0 && scope.networks)
		r = network_prune(store, &options->filters, &pruned.networks, err);
	/* docker's: `until` is for the others. */
	if (r >= 0 && options->volumes)
		r = prune_volumes(store, &options->filters, true, &pruned, err);
	if (r >= 0 && scope.images)
		r = prune_images(store, &options->filters, options->all, &pruned, err);
	/* What was removed before something failed was removed. */
	prune_report(store, &pruned);
	return r < 0 ? r : 0;
}

static int run_container(struct cli_context *context, struct error *err)
{
	return prune(context, "WARNING! This will remove all stopped containers.\n", (struct scope){.containers = true}, err);
}

static int run_image(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	return prune(context,
		     options->all ? "WARNING! This will remove all images without at least one container associated to them.\n"
				  : "WARNING! This will remove all dangling images.\n",
		     (struct scope){.images = true}, err);
}

static void volume_defaults(void *object)
{
	struct options *options = object;
	options->all = true;
}

static int run_volume(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	auto_pruned struct pruned pruned = {0};
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	if (!options->force && !prompt_continue(options->all ? "WARNING! This will remove all local volumes not used by at least one container.\n"
							     : "WARNING! This will remove anonymous local volumes not used by at least one container.\n"))
		return 0;
	r = prune_volumes(store, &options->filters, options->all, &pruned, err);
	prune_report(store, &pruned);
	return r;
}

static int run_system(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_free char *warning =
	    xasprintf("WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n%s  - %s\n\n", options->volumes ? "  - all volumes not used by at least one container\n" : "",
		      options->all ? "all images without at least one container associated to them" : "all dangling images");
	return prune(context, warning, (struct scope){.containers = true, .networks = true, .images = true}, err);
}

const struct cli_command cmd_container_prune = {
    .name = "prune",
    .summary = "Remove all containers that are not running",
    .usage = "[OPTIONS]",
    .examples = "coracle container prune --force --filter until=24h",
    .options = container_table,
    .options_size = sizeof(struct options),
    .run = run_container,
};

const struct cli_command cmd_image_prune = {
    .name = "prune",
    .summary = "Remove images that are not used",
    .usage = "[OPTIONS]",
    .description = "Removes images that have no name and that no container was made of, and layers that nothing has any more. With --all images with "
		   "names, too. An image that is mounted (image mount) stays.",
    .examples = "coracle image prune --all --filter until=720h",
    .options = image_table,
    .options_size = sizeof(struct options),
    .run = run_image,
};

const struct cli_command cmd_volume_prune = {
    .name = "prune",
    .summary = "Remove all volumes that no container has",
    .usage = "[OPTIONS]",
    .examples = "coracle volume prune --force --filter label=scratch",
    .options = volume_table,
    .options_size = sizeof(struct options),
    .defaults = volume_defaults,
    .run = run_volume,
};

const struct cli_command cmd_system_prune = {
    .name = "prune",
    .summary = "Remove all that is not used",
    .usage = "[OPTIONS]",
    .description = "Removes containers that are not running, networks of yours that no container is on, then images that have no name (with --all every image) and that no container was made of; with --volumes the "
		   "volumes that no container has, too. What was removed is gone at once; its space is given back meanwhile.",
    .examples = "coracle system prune\ncoracle system prune --all --force",
    .options = system_table,
    .options_size = sizeof(struct options),
    .run = run_system,
};
