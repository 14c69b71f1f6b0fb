/* SPDX-License-Identifier: Apache-2.0 */
/*
 * df: what the store takes. Of images it is what the layers' own records say, of each layer once; of containers what they have written (libpod/size);
 * of volumes what is in them.
 * Reclaimable is, as docker has it, what `image prune --all` frees (layers that no container needs) what `container prune` frees, and what `volume prune` does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/inspect/inspect.h"
#include "libpod/size/size.h"
#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"
#include "src/volume_view.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

struct options {
	bool verbose;
	const char *format;
};

static const struct cli_option table[] = {
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {'v', "verbose", CLI_FLAG, offsetof(struct options, verbose), NULL, "A line for each image, container and volume"},
    CLI_OPTIONS_END,
};

struct layer_use {
	char *diff_id;
	int64_t size;
	int64_t images;  /* that have it */
	bool needed;     /* by a container */
};

struct usage {
	struct image **images;
	size_t images_count;
	struct container_list containers;
	struct container_size *sizes; /* of the containers */
	struct layer_use *layers;     /* by diff id */
	size_t layers_count;
	struct volume_list volumes;
	int64_t *volume_sizes;
	struct strv used; /* volumes, once for each container that has it */
};

static void usage_free(struct usage *usage)
{
	image_list_free(usage->images, usage->images_count);
	container_list_free(&usage->containers);
	free(usage->sizes);
	for (size_t i = 0; i < usage->layers_count; i++)
		free(usage->layers[i].diff_id);
	free(usage->layers);
	volume_list_free(&usage->volumes);
	free(usage->volume_sizes);
	strv_free(&usage->used);
}

/* ---- collecting ---- */
static int compare_layers(const void *left, const void *right)
{
	return strcmp(((const struct layer_use *)left)->diff_id, ((const struct layer_use *)right)->diff_id);
}

static struct layer_use *find_layer(const struct usage *usage, const char *diff_id)
{
	struct layer_use wanted = {.diff_id = (char *)diff_id};
	return usage->layers_count ? bsearch(&wanted, usage->layers, usage->layers_count, sizeof(wanted), compare_layers) : NULL;
}

static bool comes_again(const struct strv *layers, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(layers->items[i], layers->items[index]) == 0)
			return true;
	return false;
}

static int collect_layers(struct store *store, struct usage *usage, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = layer_list(store, &ids, err);
	if (r < 0 || ids.count == 0)
		return r;
	usage->layers = xcalloc(ids.count, sizeof(*usage->layers));
	usage->layers_count = ids.count;
	for (size_t i = 0; i < ids.count; i++) {
		struct layer_facts facts = {0};
		layer_read_facts(store, ids.items[i], &facts, NULL);
		usage->layers[i] = (struct layer_use){.diff_id = xstrdup(ids.items[i]), .size = layer_room(&facts)};
	}
	qsort(usage->layers, usage->layers_count, sizeof(*usage->layers), compare_layers);
	return 0;
}

static void count_uses(struct usage *usage)
{
	for (size_t i = 0; i < usage->images_count; i++) {
		const struct strv *layers = &usage->images[i]->layers;
		for (size_t j = 0; j < layers->count; j++) {
			struct layer_use *use = find_layer(usage, layers->items[j]);
			if (use && !comes_again(layers, j))
				use->images++;
		}
	}
	for (size_t i = 0; i < usage->containers.count; i++) {
		const struct strv *layers = &usage->containers.items[i].container->layers;
		for (size_t j = 0; j < layers->count; j++) {
			struct layer_use *use = find_layer(usage, layers->items[j]);
			if (use)
				use->needed = true;
		}
	}
}

static int collect_volumes(struct store *store, struct usage *usage, struct error *err)
{
	int r = volume_select(store, NULL, &usage->volumes, err);
	if (r < 0 || (r = volumes_used(store, &usage->used, err)) < 0)
		return r;
	usage->volume_sizes = xcalloc(usage->volumes.count + 1, sizeof(*usage->volume_sizes));
	for (size_t i = 0; i < usage->volumes.count; i++) {
		r = volume_size(store, usage->volumes.items[i].name, &usage->volume_sizes[i], err);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int collect(struct store *store, struct usage *usage, struct error *err)
{
	int r = image_list(store, &usage->images, &usage->images_count, err);
	if (r >= 0)
		r = container_select(store, &(struct container_selection){.all = true}, &usage->containers, err);
	if (r >= 0)
		r = collect_layers(store, usage, err);
	if (r < 0)
		return r;
	count_uses(usage);
	usage->sizes = xcalloc(usage->containers.count + 1, sizeof(*usage->sizes));
	r = container_sizes(store, usage->containers.items, usage->containers.count, usage->sizes, err);
	return r < 0 ? r : collect_volumes(store, usage, err);
}

static int64_t count_containers(const struct usage *usage, const struct image *image)
{
	int64_t count = 0;
	for (size_t i = 0; i < usage->containers.count; i++)
		count += strcmp(usage->containers.items[i].container->image_id, image->id) == 0;
	return count;
}

/* ---- the summary ---- */
struct line {
	const char *type;
	int64_t total, active, size, reclaimable;
};

static struct line images_line(const struct usage *usage)
{
	struct line line = {.type = "Images", .total = (int64_t)usage->images_count};
	for (size_t i = 0; i < usage->images_count; i++)
		line.active += count_containers(usage, usage->images[i]) > 0;
	for (size_t i = 0; i < usage->layers_count; i++) {
		line.size += usage->layers[i].size;
		line.reclaimable += usage->layers[i].needed ? 0 : usage->layers[i].size;
	}
	return line;
}

static struct line containers_line(const struct usage *usage)
{
	struct line line = {.type = "Containers", .total = (int64_t)usage->containers.count};
	for (size_t i = 0; i < usage->containers.count; i++) {
		enum container_status status = usage->containers.items[i].state.status;
		bool active = status != CONTAINER_CREATED && status != CONTAINER_EXITED;
		line.active += active;
		line.size += usage->sizes[i].written;
		line.reclaimable += active ? 0 : usage->sizes[i].written;
	}
	return line;
}

static struct line volumes_line(const struct usage *usage)
{
	struct line line = {.type = "Local Volumes", .total = (int64_t)usage->volumes.count};
	for (size_t i = 0; i < usage->volumes.count; i++) {
		bool active = volume_count_uses(&usage->used, usage->volumes.items[i].name) > 0;
		line.active += active;
		line.size += usage->volume_sizes[i];
		line.reclaimable += active ? 0 : usage->volume_sizes[i];
	}
	return line;
}

static void add_size(struct json_object *row, const char *key, int64_t bytes)
{
	char text[TEXT_STAMP_MAX];
	json_add_string(row, key, format_human_size(text, (uint64_t)bytes));
}

static void add_line(struct json_object *rows, const struct line *line)
{
	struct json_object *row = json_object_new_object();
	char text[TEXT_STAMP_MAX];
	int percent = line->size ? (int)((double)line->reclaimable * 100 / (double)line->size) : 0;
	auto_free char *reclaimable = xasprintf("%s (%d%%)", format_human_size(text, (uint64_t)line->reclaimable), percent);
	json_add_string(row, "Type", line->type);
	json_add_int(row, "Total", line->total);
	json_add_int(row, "TotalCount", line->total);
	json_add_int(row, "Active", line->active);
	json_add_int(row, "RawSize", line->size);
	json_add_int(row, "RawReclaimable", line->reclaimable);
	add_size(row, "Size", line->size);
	json_add_string(row, "Reclaimable", line->size ? reclaimable : "0B (0%)");
	json_object_array_add(rows, row);
}

static int print_table(const char *format, const char *default_table, const char *const (*titles)[2], struct json_object *rows, struct error *err)
{
	auto_json struct json_object *headers = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	for (; titles && (*titles)[0]; titles++)
		json_add_string(headers, (*titles)[0], (*titles)[1]);
	int r = template_list(format, default_table, headers, rows, false, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

static int print_summary(const struct usage *usage, const char *format, struct error *err)
{
	static const char *const titles[][2] = {{"TotalCount", "TOTAL"}, {NULL, NULL}};
	auto_json struct json_object *rows = json_object_new_array();
	const struct line lines[] = {images_line(usage), containers_line(usage), volumes_line(usage), {.type = "Build Cache"}};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		add_line(rows, &lines[i]);
	return print_table(format, "table {{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", titles, rows, err);
}

/* ---- a line for each ---- */
static void add_ago(struct json_object *row, int64_t then_ns)
{
	char duration[TEXT_STAMP_MAX];
	auto_free char *text = xasprintf("%s ago", format_human_duration(duration, (time_now_ns() - then_ns) / 1000000000));
	json_add_string(row, "Created", text);
}

static void add_image(const struct usage *usage, const struct image *image, const char *name, struct json_object *rows)
{
	struct json_object *row = json_object_new_object();
	int64_t shared = 0, unique = 0;
	const char *colon = name ? strpbrk(strrchr(name, '/') ? strrchr(name, '/') : name, "@:") : NULL;
	auto_free char *repository = colon ? xstrndup(name, (size_t)(colon - name)) : xstrdup("<none>");
	auto_free char *id = xstrndup(image->id, 12);
	for (size_t i = 0; i < image->layers.count; i++) {
		const struct layer_use *use = find_layer(usage, image->layers.items[i]);
		if (use && !comes_again(&image->layers, i))
			*(use->images > 1 ? &shared : &unique) += use->size;
	}
	json_add_string(row, "Repository", repository);
	json_add_string(row, "Tag", colon && *colon == ':' ? colon + 1 : "<none>");
	json_add_string(row, "ID", id);
	add_ago(row, image->created_ns);
	add_size(row, "Size", shared + unique);
	add_size(row, "SharedSize", shared);
	add_size(row, "UniqueSize", unique);
	json_add_int(row, "Containers", count_containers(usage, image));
	json_object_array_add(rows, row);
}

static int print_images(const struct usage *usage, struct error *err)
{
	static const char *const titles[][2] = {
	    {"ID", "IMAGE ID"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}, {NULL, NULL}};
	auto_json struct json_object *rows = json_object_new_array();
	for (size_t i = 0; i < usage->images_count; i++) {
		const struct image *image = usage->images[i];
		for (size_t j = 0; j < image->names.count; j++)
			add_image(usage, image, image->names.items[j], rows);
		if (image->names.count == 0)
			add_image(usage, image, NULL, rows);
	}
	printf("Images space usage:\n\n");
	return print_table(NULL,
			   "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
			   titles, rows, err);
}

static int print_containers(const struct usage *usage, struct error *err)
{
	static const char *const titles[][2] = {{"ID", "CONTAINER ID"}, {"LocalVolumes", "LOCAL VOLUMES"}, {NULL, NULL}};
	auto_json struct json_object *rows = json_object_new_array();
	for (size_t i = 0; i < usage->containers.count; i++) {
		const struct container_entry *entry = &usage->containers.items[i];
		struct json_object *row = json_object_new_object();
		auto_free char *id = xstrndup(entry->container->id, 12), *status = inspect_status_text(&entry->state);
		auto_free char *command = strv_join(&entry->container->command, " ");
		if (strlen(command) > 20)
			memcpy(command + 17, "...", sizeof("..."));
		json_add_string(row, "ID", id);
		json_add_string(row, "Image", entry->container->image_name);
		json_add_string(row, "Command", command);
		json_add_int(row, "LocalVolumes", (int64_t)entry->container->volumes.count);
		add_size(row, "Size", usage->sizes[i].written);
		add_ago(row, entry->container->created_ns);
		json_add_string(row, "Status", status);
		json_add_string(row, "Names", entry->container->name);
		json_object_array_add(rows, row);
	}
	printf("\nContainers space usage:\n\n");
	return print_table(NULL,
			   "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.Created}}\t{{.Status}}\t{{.Names}}", titles,
			   rows, err);
}

static int print_volumes(const struct usage *usage, struct error *err)
{
	static const char *const titles[][2] = {{"Name", "VOLUME NAME"}, {NULL, NULL}};
	auto_json struct json_object *rows = json_object_new_array();
	for (size_t i = 0; i < usage->volumes.count; i++) {
		struct json_object *row = json_object_new_object();
		json_add_string(row, "Name", usage->volumes.items[i].name);
		json_add_int(row, "Links", volume_count_uses(&usage->used, usage->volumes.items[i].name));
		add_size(row, "Size", usage->volume_sizes[i]);
		json_object_array_add(rows, row);
	}
	printf("\nLocal Volumes space usage:\n\n");
	return print_table(NULL, "table {{.Name}}\t{{.Links}}\t{{.Size}}", titles, rows, err);
}

static int print_cache(struct error *err)
{
	static const char *const titles[][2] = {{"ID", "CACHE ID"}, {NULL, NULL}};
	auto_json struct json_object *none = json_object_new_array();
	printf("\nBuild cache usage: 0B\n\n");
	return print_table(NULL, "table {{.ID}}\t{{.Size}}\t{{.Created}}", titles, none, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(usage_free) struct usage usage = {0};
	if (options->verbose && options->format)
		return error_set(err, EINVAL, "--verbose and --format contradict each other");
	int r = session_store(context, &store, err);
	if (r < 0 || (r = collect(store, &usage, err)) < 0)
		return r;
	if (!options->verbose)
		return print_summary(&usage, options->format, err);
	if ((r = print_images(&usage, err)) < 0 || (r = print_containers(&usage, err)) < 0 || (r = print_volumes(&usage, err)) < 0)
		return r;
	return print_cache(err);
}

const struct cli_command cmd_system_df = {
    .name = "df",
    .summary = "Show what images and containers take on the disk",
    .usage = "[OPTIONS]",
    .description = "Prints how much the store takes: layers that several images have count once; of containers it is what they have written. RECLAIMABLE is what "
		   "`image prune --all` and `container prune` free.",
    .examples = "coracle system df -v\ncoracle system df --format '{{.Type}}: {{.Reclaimable}}'",
    .options = table,
    .options_size = sizeof(struct options),
    .run = run,
};
