/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/image_filter.h"
#include "src/image_forest.h"
#include "src/session.h"

struct options {
	bool all, digests, no_trunc, quiet, no_heading, history, tree;
	struct strv filters;
	const char *format, *sort;
};

static const struct cli_option table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL,
     "Intermediate images too; builds leave none, so this changes nothing"},
    {0, "digests", CLI_FLAG, offsetof(struct options, digests), NULL, "Show the digests of the manifests"},
    {'f', "filter", CLI_LIST, offsetof(struct options, filters), "KEY=VALUE",
     "Only those that match: dangling, reference, label, before, since, until, id, digest, containers, intermediate, manifest, readonly"},
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {0, "history", CLI_FLAG, offsetof(struct options, history), NULL, "Show all names of each image"},
    {0, "no-trunc", CLI_FLAG, offsetof(struct options, no_trunc), NULL, "Do not shorten ids"},
    {'n', "noheading", CLI_FLAG, offsetof(struct options, no_heading), NULL, "Print no column titles"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print only ids"},
    {0, "sort", CLI_STRING, offsetof(struct options, sort), "COLUMN", "Sort by a column",
     .values = "created|id|repository|size|tag"},
    {0, "tree", CLI_FLAG, offsetof(struct options, tree), NULL, "Show which images were made of which"},
    CLI_OPTIONS_END,
};

/* A line of the table: an image by one of its names. */
struct row {
	struct image *image;
	char *repository, *tag; /* "<none>" */
};

struct listing {
	struct store *store;
	const struct options *options;
	struct image **images;
	size_t images_count;
	struct row *rows;
	size_t count;
	struct strv used; /* an image's id for each container of it; only where a format shows them */
};

static void listing_free(struct listing *listing)
{
	image_list_free(listing->images, listing->images_count);
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->rows[i].repository);
		free(listing->rows[i].tag);
	}
	free(listing->rows);
	strv_free(&listing->used);
}

/* ---- choosing ---- */

static void add_row(struct listing *listing, struct image *image, const char *name)
{
	if ((listing->count & (listing->count - 1)) == 0)
		listing->rows =
		    xrealloc(listing->rows, (listing->count ? 2 * listing->count : 1) * sizeof(*listing->rows));
	struct row row = {.image = image};
	const char *at = name ? strchr(name, '@') : NULL;
	const char *colon = name && !at ? strrchr(name, ':') : NULL;
	row.repository = !name ? xstrdup("<none>") : xstrndup(name, (size_t)((at ? at : colon) - name));
	row.tag = xstrdup(colon ? colon + 1 : "<none>");
	listing->rows[listing->count++] = row;
}

/* Whether the name is one that was asked for. An image that was found by its id or by a digest was asked for with all
 * its names. */
static bool name_is_wanted(const struct image *image, const char *name, const char *wanted, const struct strv *filters)
{
	if (wanted && !text_starts_with(image->id, wanted) && !image_name_matches(name, wanted))
		return false;
	bool any = false, limited = false;
	for (size_t i = 0; i < filters->count; i++) {
		if (!text_starts_with(filters->items[i], "reference="))
			continue;
		const char *pattern = strchr(filters->items[i], '=') + 1;
		limited = true;
		any |= strchr(pattern, '@') || image_name_matches(name, pattern);
	}
	return any || !limited;
}

static int select_rows(struct listing *listing, const char *wanted, struct error *err)
{
	auto_image_filter struct image_filter filter = {0};
	int r = image_filter_parse(listing->store, &listing->options->filters, &filter, err);
	if (r < 0 || (r = image_list(listing->store, &listing->images, &listing->images_count, err)) < 0)
		return r;
	if (wanted && text_starts_with(wanted, "sha256:"))
		wanted += strlen("sha256:");
	for (size_t i = 0; i < listing->images_count; i++) {
		struct image *image = listing->images[i];
		if (!image_filter_match(listing->store, &filter, image))
			continue;
		for (size_t j = 0; j < image->names.count; j++)
			if (name_is_wanted(image, image->names.items[j], wanted, &listing->options->filters))
				add_row(listing, image, image->names.items[j]);
		if (image->names.count == 0 && (!wanted || text_starts_with(image->id, wanted)))
			add_row(listing, image, NULL);
	}
	return 0;
}

static int compare(const void *a, const void *b, void *column)
{
	const struct row *left = a, *right = b;
	const char *by = column;
	if (strcmp(by, "id") == 0)
		return strcmp(left->image->id, right->image->id);
	if (strcmp(by, "repository") == 0)
		return strcmp(left->repository, right->repository);
	if (strcmp(by, "tag") == 0)
		return strcmp(left->tag, right->tag);
	if (strcmp(by, "size") == 0)
		return left->image->size < right->image->size ? -1 : left->image->size > right->image->size;
	return left->image->created_ns > right->image->created_ns ? -1
								  : left->image->created_ns < right->image->created_ns;
}

/* ---- showing ---- */

static void add_size(struct json_object *json, const char *key, int64_t bytes)
{
	char text[TEXT_STAMP_MAX];
	format_human_size(text, (uint64_t)bytes);
	size_t number = strspn(text, "0123456789.");
	auto_free char *spaced = xasprintf("%.*s %s", (int)number, text, text + number);
	json_add_string(json, key, spaced);
}

static void add_times(struct json_object *json, int64_t created_ns)
{
	char duration[TEXT_STAMP_MAX], stamp[TEXT_STAMP_MAX];
	/* An image need not say when it was made. */
	auto_free char *ago = created_ns == 0
				  ? xstrdup("N/A")
				  : xasprintf("%s ago", format_human_duration(duration, (time_now_ns() - created_ns) / 1000000000));
	time_t seconds = created_ns / 1000000000;
	struct tm tm;
	strftime(stamp, sizeof(stamp), "%F %T +0000 UTC", gmtime_r(&seconds, &tm));
	json_add_string(json, "Created", ago);
	json_add_string(json, "CreatedSince", ago);
	json_add_string(json, "CreatedAt", stamp);
	json_add_string(json, "CreatedTime", stamp);
}

static void add_labels(struct json_object *json, struct store *store, struct image *image)
{
	auto_strv struct strv labels = STRV_INIT;
	struct json_object *config = NULL;
	/* An image whose configuration is damaged is listed all the same. */
	if (image_load_config(store, image, NULL) == 0 && json_get_object(image->config, "config", &config, NULL) > 0)
		json_get_map(config, "Labels", &labels, NULL);
	json_add_map(json, "Labels", &labels);
	template_mark_map(json_object_object_get(json, "Labels"));
}

static int64_t count_containers(const struct listing *listing, const struct image *image)
{
	int64_t count = 0;
	for (size_t i = 0; i < listing->used.count; i++)
		count += strcmp(listing->used.items[i], image->id) == 0;
	return count;
}

static void add_parent(struct json_object *json, const struct listing *listing, struct image *image)
{
	const struct image *parent = image_parent(listing->store, listing->images, listing->images_count, image);
	json_add_string(json, "ParentId", parent ? parent->id : "");
}

/* The names with a tag. */
static void tagged_names(const struct image *image, struct strv *ret)
{
	for (size_t i = 0; i < image->names.count; i++)
		if (!strchr(image->names.items[i], '@'))
			strv_add(ret, image->names.items[i]);
}

/* What the table needs: no more than images/<id>/image.json and the names. */
static struct json_object *table_row(const struct listing *listing, const struct row *row)
{
	const struct image *image = row->image;
	struct json_object *json = json_object_new_object();
	auto_free char *id = listing->options->no_trunc ? xasprintf("sha256:%s", image->id) : xstrndup(image->id, 12);
	json_add_string(json, "ID", id);
	json_add_string(json, "Repository", row->repository);
	json_add_string(json, "Tag", row->tag);
	json_add_string(json, "Digest", image->manifest_digest ? image->manifest_digest : "<none>");
	auto_free char *names = strv_join(&image->names, ", ");
	json_add_string(json, "History", names);
	add_times(json, image->created_ns);
	add_size(json, "Size", image->size);
	json_add_bool(json, "ReadOnly", image->read_only);
	return json;
}

/* What a template can name besides. */
static struct json_object *template_row(const struct listing *listing, const struct row *row)
{
	struct image *image = row->image;
	struct json_object *json = table_row(listing, row);
	auto_strv struct strv tags = STRV_INIT;
	tagged_names(image, &tags);
	auto_free char *config_digest = xasprintf("sha256:%s", image->id);
	json_add_string(json, "Id", image->id);
	json_add_string(json, "ConfigDigest", config_digest);
	json_add_int(json, "Containers", count_containers(listing, image));
	json_add_bool(json, "Dangling", image->names.count == 0);
	add_labels(json, listing->store, image);
	json_add_strv(json, "Names", &image->names);
	json_add_string(json, "Os", image->os ? image->os : "");
	json_add_string(json, "Arch", image->architecture ? image->architecture : "");
	add_parent(json, listing, image);
	json_add_bool(json, "ReadOnly", image->read_only);
	json_add_strv(json, "RepoDigests", &image->digests);
	json_add_strv(json, "RepoTags", &tags);
	json_add_int(json, "SharedSize", 0);
	json_add_int(json, "VirtualSize", image->size);
	return json;
}

/* What `--format json` prints of each image: podman's shape. */
static struct json_object *json_row(const struct listing *listing, struct image *image)
{
	char created[TEXT_STAMP_MAX];
	struct json_object *json = json_object_new_object();
	auto_strv struct strv tags = STRV_INIT;
	tagged_names(image, &tags);
	json_add_string(json, "Id", image->id);
	add_parent(json, listing, image);
	json_add_strv(json, "RepoTags", &tags);
	json_add_strv(json, "RepoDigests", &image->digests);
	json_add_int(json, "Size", image->size);
	json_add_int(json, "SharedSize", 0);
	json_add_int(json, "VirtualSize", image->size);
	add_labels(json, listing->store, image);
	json_add_int(json, "Containers", count_containers(listing, image));
	if (image->read_only)
		json_add_bool(json, "ReadOnly", true);
	json_add_bool(json, "Dangling", image->names.count == 0);
	json_add_string(json, "Arch", image->architecture);
	json_add_string(json, "Os", image->os);
	json_add_string(json, "Digest", image->manifest_digest);
	json_add_strv(json, "Names", &image->names);
	json_add_strv(json, "History", &image->names);
	json_add_int(json, "Created", image->created_ns / 1000000000);
	json_add_string(json, "CreatedAt", format_rfc3339_nano(created, image->created_ns));
	return json;
}

static struct json_object *column_titles(void)
{
	static const char *const titles[][2] = {
	    {"ID", "IMAGE ID"},
	    {"CreatedSince", "CREATED"},
	    {"CreatedAt", "CREATED AT"},
	    {"CreatedTime", "CREATED TIME"},
	    {"ConfigDigest", "CONFIG DIGEST"},
	    {"ParentId", "PARENT ID"},
	    {"RepoTags", "REPO TAGS"},
	    {"RepoDigests", "REPO DIGESTS"},
	    {"SharedSize", "SHARED SIZE"},
	    {"VirtualSize", "VIRTUAL SIZE"},
	    {"ReadOnly", "R/O"},
	};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_add_string(object, titles[i][0], titles[i][1]);
	return object;
}

/* Ids and JSON are of images, whose several names are not as many images. */
static bool is_first_row(const struct listing *listing, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (listing->rows[i].image == listing->rows[index].image)
			return false;
	return true;
}

/* Podman has the column where there is something to say in it. */
static bool any_read_only(const struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->rows[i].image->read_only)
			return true;
	return false;
}

static int print(struct listing *listing, struct error *err)
{
	const struct options *options = listing->options;
	const char *format = options->quiet ? "{{.ID}}" : options->format;
	bool json = format && strcmp(format, "json") == 0,
	     plain = options->quiet || !format || strcmp(format, "table") == 0;
	if (!plain) {
		int r = images_used(listing->store, &listing->used, err);
		if (r < 0)
			return r;
	}
	auto_json struct json_object *rows = json_object_new_array(), *titles = column_titles();
	for (size_t i = 0; i < listing->count; i++) {
		const struct row *row = &listing->rows[i];
		if ((json || options->quiet) && !is_first_row(listing, i))
			continue;
		json_object_array_add(rows, json    ? json_row(listing, row->image)
					    : plain ? table_row(listing, row)
						    : template_row(listing, row));
	}
	auto_strbuf struct strbuf out = STRBUF_INIT;
	auto_free char *table_format =
	    xasprintf("table {{.Repository}}\t{{.Tag}}%s\t{{.ID}}\t{{.Created}}\t{{.Size}}%s%s",
		      options->digests ? "\t{{.Digest}}" : "", options->history ? "\t{{.History}}" : "",
		      any_read_only(listing) ? "\t{{.ReadOnly}}" : "");
	int r = template_list(format, table_format, titles, rows, options->no_heading, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

/* The images that were chosen, each below the one that it was made of. */
static int print_forest(struct listing *listing, struct error *err)
{
	auto_free struct image **images = xcalloc(listing->count + 1, sizeof(struct image *));
	size_t count = 0;
	for (size_t i = 0; i < listing->count; i++)
		if (is_first_row(listing, i))
			images[count++] = listing->rows[i].image;
	return image_forest_print(listing->store, images, count, listing->options->no_heading, err);
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	if (options->tree && (options->quiet || options->format))
		return error_set(err, EINVAL, "--tree and --%s contradict each other",
				 options->quiet ? "quiet" : "format");
	auto_store struct store *store = NULL;
	CLEANUP(listing_free) struct listing listing = {.options = options};
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	listing.store = store;
	if ((r = select_rows(&listing, context->arguments.count ? context->arguments.items[0] : NULL, err)) < 0)
		return r;
	if (options->sort && listing.count)
		qsort_r(listing.rows, listing.count, sizeof(*listing.rows), compare, (void *)options->sort);
	return options->tree ? print_forest(&listing, err) : print(&listing, err);
}

const struct cli_command cmd_images = {
    .name = "images",
    .summary = "List images",
    .usage = "[OPTIONS] [IMAGE]",
    .description = "Lists the images in the store, newest first, a line for each of their names. IMAGE leaves only "
		   "those of that name (with or without its "
		   "tag; it can be a pattern with * and ?) or id.",
    .examples = "coracle images\ncoracle images --filter dangling=true -q\ncoracle images --format "
		"'{{.Repository}}:{{.Tag}} {{.Size}}' 'busy*'",
    .options = table,
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
