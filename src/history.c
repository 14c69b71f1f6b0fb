/* SPDX-License-Identifier: Apache-2.0 */
/* history: how an image came to be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkg/template/template.h"
#include "src/commands.h"
#include "src/session.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

/* Of what a step was made by, so much is shown. */
#define CREATED_BY_SHOWN 45

struct options {
	const char *format;
	bool human, no_trunc, quiet;
};

static const struct cli_option table[] = {
    {0, "format", CLI_STRING, offsetof(struct options, format), "FORMAT", "json, table TEMPLATE, or a Go template"},
    {'H', "human", CLI_FLAG, offsetof(struct options, human), NULL, "Sizes and dates for people (on by default)"},
    {0, "no-trunc", CLI_FLAG, offsetof(struct options, no_trunc), NULL, "Do not shorten ids and commands"},
    {'q', "quiet", CLI_FLAG, offsetof(struct options, quiet), NULL, "Print only ids"},
    CLI_OPTIONS_END,
};

static void defaults(void *options)
{
	((struct options *)options)->human = true;
}

struct listing {
	struct store *store;
	const struct options *options;
	struct image *image;
	struct image **images; /* all; the steps that are images have their ids */
	size_t images_count;
	struct json_object *rows;
};

static void listing_free(struct listing *listing)
{
	if (listing->image)
		image_free(listing->image);
	image_list_free(listing->images, listing->images_count);
	json_object_put(listing->rows);
}

/* A step; texts are borrowed from the configuration. */
struct step {
	const struct image *step_image; /* NULL: not here */
	const char *created, *created_by, *comment;
	int64_t size;
};

static const char *text_of(struct json_object *object, const char *key)
{
	const char *text = "";
	json_get_string(object, key, &text, NULL);
	return text;
}

/* The image as it was after so many steps, if it is here. */
static const struct image *image_after(const struct listing *listing, size_t steps, size_t all)
{
	if (steps == all)
		return listing->image;
	for (size_t i = 0; i < listing->images_count; i++)
		if (image_is_begun_by(listing->store, listing->images[i], listing->image, steps))
			return listing->images[i];
	return NULL;
}

/* ---- rows ---- */
static void add_tags(struct json_object *row, const struct image *image)
{
	auto_strv struct strv none = STRV_INIT;
	json_add_strv(row, "Tags", image ? &image->names : &none);
}

static struct json_object *json_row(const struct step *step)
{
	struct json_object *row = json_object_new_object();
	json_add_string(row, "id", step->step_image ? step->step_image->id : "<missing>");
	json_add_string(row, "created", step->created);
	json_add_string(row, "CreatedBy", step->created_by);
	json_add_int(row, "size", step->size);
	if (*step->comment)
		json_add_string(row, "comment", step->comment);
	if (step->step_image && step->step_image->names.count)
		json_add_strv(row, "tags", &step->step_image->names);
	return row;
}

static void add_times(struct json_object *row, const struct step *step, bool human)
{
	char duration[TEXT_STAMP_MAX], stamp[TEXT_STAMP_MAX] = "";
	int64_t created_ns;
	auto_free char *since = xstrdup("N/A");
	auto_free char *seconds = xstrdup("");
	if (parse_rfc3339(step->created, &created_ns) == 0) {
		time_t time = created_ns / 1000000000;
		struct tm tm;
		gmtime_r(&time, &tm);
		free(since);
		since = xasprintf("%s ago", format_human_duration(duration, (time_now_ns() - created_ns) / 1000000000));
		strftime(stamp, sizeof(stamp), "%FT%TZ", &tm);
		free(seconds);
		seconds = xstrdup(stamp);
		strftime(stamp, sizeof(stamp), "%F %T +0000 UTC", &tm);
	}
	json_add_string(row, "Created", human ? since : seconds);
	json_add_string(row, "CreatedSince", since);
	json_add_string(row, "CreatedAt", stamp);
}

static void add_size(struct json_object *row, int64_t size, bool human)
{
	char text[TEXT_STAMP_MAX];
	format_human_size(text, (uint64_t)size);
	int number = (int)strspn(text, "0123456789.");
	auto_free char *shown =
	    human ? xasprintf("%.*s %s", number, text, text + number) : xasprintf("%lld", (long long)size);
	json_add_string(row, "Size", shown);
}

static struct json_object *table_row(const struct listing *listing, const struct step *step)
{
	const struct options *options = listing->options;
	struct json_object *row = json_object_new_object();
	const char *id = step->step_image ? step->step_image->id : "<missing>";
	size_t most = options->no_trunc ? SIZE_MAX : CREATED_BY_SHOWN;
	/* A program's template gets what the image has; people get lines. */
	bool raw = options->no_trunc && options->format && !text_starts_with(options->format, "table");
	auto_free char *short_id = xstrndup(id, options->no_trunc ? strlen(id) : 12),
		       *by = raw ? xstrdup(step->created_by)
				 : text_for_table(step->created_by, most, CREATED_BY_SHOWN - 3),
		       *comment = raw ? xstrdup(step->comment) : text_for_table(step->comment, SIZE_MAX, 0);
	json_add_string(row, "ID", short_id);
	add_times(row, step, options->human);
	json_add_string(row, "CreatedBy", by);
	add_size(row, step->size, options->human);
	json_add_string(row, "Comment", comment);
	add_tags(row, step->step_image);
	return row;
}

/* ---- steps ---- */
static int add_step(struct listing *listing, const struct step *step)
{
	bool json = listing->options->format && strcmp(listing->options->format, "json") == 0;
	return json_object_array_add(listing->rows, json ? json_row(step) : table_row(listing, step));
}

static int next_size(const struct listing *listing, size_t *layer, int64_t *ret, struct error *err)
{
	if (*layer == 0)
		return 0;
	return layer_size(listing->store, listing->image->layers.items[--*layer], ret, err);
}

/* Newest first. Layers of which the history does not tell are the lowest. */
static int collect(struct listing *listing, struct error *err)
{
	struct json_object *history = NULL;
	size_t layer = listing->image->layers.count;
	json_get_array(listing->image->config, "history", &history, NULL);
	size_t count = history ? json_object_array_length(history) : 0;
	for (size_t i = count; i-- > 0;) {
		struct json_object *entry = json_object_array_get_idx(history, i);
		bool empty = false;
		struct step step = {.step_image = image_after(listing, i + 1, count),
				    .created = text_of(entry, "created"),
				    .created_by = text_of(entry, "created_by"),
				    .comment = text_of(entry, "comment")};
		json_get_bool(entry, "empty_layer", &empty, NULL);
		int r = empty ? 0 : next_size(listing, &layer, &step.size, err);
		if (r < 0)
			return r;
		add_step(listing, &step);
	}
	for (bool top = count == 0; layer > 0; top = false) {
		struct step step = {
		    .step_image = top ? listing->image : NULL, .created = "", .created_by = "", .comment = ""};
		int r = next_size(listing, &layer, &step.size, err);
		if (r < 0)
			return r;
		add_step(listing, &step);
	}
	return 0;
}

static int print(const struct listing *listing, struct error *err)
{
	static const char *const titles[][2] = {
	    {"CreatedBy", "CREATED BY"}, {"CreatedAt", "CREATED AT"}, {"CreatedSince", "CREATED"}};
	auto_json struct json_object *headers = json_object_new_object();
	auto_strbuf struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		json_add_string(headers, titles[i][0], titles[i][1]);
	int r = template_list(listing->options->quiet ? "{{.ID}}" : listing->options->format,
			      "table {{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", headers,
			      listing->rows, false, &out, err);
	if (r >= 0)
		fputs(strbuf_text(&out), stdout);
	return r;
}

static int run(struct cli_context *context, struct error *err)
{
	const struct options *options = context->options;
	auto_store struct store *store = NULL;
	CLEANUP(listing_free) struct listing listing = {.options = options, .rows = json_object_new_array()};
	if (options->quiet && options->format)
		return error_set(err, EINVAL, "--quiet and --format contradict each other");
	int r = session_store(context, &store, err);
	if (r < 0)
		return r;
	listing.store = store;
	r = image_find_instance(store, context->arguments.items[0], &listing.image, err);
	if (r == 0)
		r = image_load_config(store, listing.image, err);
	if (r == 0)
		r = image_list(store, &listing.images, &listing.images_count, err);
	if (r == 0)
		r = collect(&listing, err);
	return r < 0 ? r : print(&listing, err);
}

const struct cli_command cmd_history = {
    .name = "history",
    .summary = "Show how an image was made",
    .usage = "[OPTIONS] IMAGE",
    .description = "Lists the steps by which an image was made, the last one first, with the size of the layer that "
		   "each gave. Steps that are "
		   "images here have their ids.",
    .examples = "coracle history web\ncoracle history --no-trunc --format '{{.CreatedBy}}' web",
    .options = table,
    .options_size = sizeof(struct options),
    .defaults = defaults,
    .min_arguments = 1,
    .max_arguments = 1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = run,
};
