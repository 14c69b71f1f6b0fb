/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/blobs.h"

#include <string.h>

#include "pkg/file/file.h"
#include "storage/reference/reference.h"

enum {
	FILE_MAX = 1 << 16,
	KEPT_MAX = 32, /* lines */
};

enum { FIELD_DIGEST, FIELD_SIZE, FIELD_MEDIA_TYPE, FIELD_COMPRESSION, FIELD_REPOSITORY, FIELD_COUNT };

static char *file_path(const char *diff_id)
{
	const char *colon = strchr(diff_id, ':');
	return xasprintf("layers/%s/blobs", colon ? colon + 1 : diff_id);
}

static char *line_of(const struct layer_blob *blob)
{
	return xasprintf("%s %lld %s %s %s", blob->digest, (long long)blob->size, blob->media_type, blob->compression,
			 blob->repository);
}

static void read_lines(struct store *store, const char *diff_id, struct strv *ret)
{
	auto_free char *path = file_path(diff_id), *text = NULL;
	if (file_read_at(store->root_fd, path, FILE_MAX, &text, NULL, NULL) == 0)
		strv_split(ret, text, '\n');
}

static bool parse_line(const char *line, struct layer_blob *ret)
{
	auto_strv struct strv fields = STRV_INIT;
	int64_t size;
	strv_split(&fields, line, ' ');
	if (fields.count != FIELD_COUNT || !digest_is_valid(fields.items[FIELD_DIGEST]) ||
	    parse_int64(fields.items[FIELD_SIZE], "size", 0, INT64_MAX, &size, NULL) < 0)
		return false;
	*ret = (struct layer_blob){xstrdup(fields.items[FIELD_DIGEST]), size, xstrdup(fields.items[FIELD_MEDIA_TYPE]),
				   xstrdup(fields.items[FIELD_COMPRESSION]), xstrdup(fields.items[FIELD_REPOSITORY])};
	return true;
}

void layer_blobs_free(struct layer_blobs *blobs)
{
	for (size_t i = 0; i < blobs->count; i++) {
		free(blobs->items[i].digest);
		free(blobs->items[i].media_type);
		free(blobs->items[i].compression);
		free(blobs->items[i].repository);
	}
	free(blobs->items);
	*blobs = (struct layer_blobs){0};
}

void layer_blobs_read(struct store *store, const char *diff_id, struct layer_blobs *ret)
{
	auto_strv struct strv lines = STRV_INIT;
	read_lines(store, diff_id, &lines);
	ret->items = xcalloc(lines.count + 1, sizeof(*ret->items));
	ret->count = 0;
	for (size_t i = 0; i < lines.count; i++)
		ret->count += parse_line(lines.items[i], &ret->items[ret->count]);
}

int layer_blobs_note(struct store *store, const char *diff_id, const struct layer_blob *blob, struct error *err)
{
	auto_strv struct strv lines = STRV_INIT;
	auto_free char *path = file_path(diff_id), *line = line_of(blob);
	auto_strbuf struct strbuf text = STRBUF_INIT;
	read_lines(store, diff_id, &lines);
	if (strv_contains(&lines, line))
		return 0;
	for (size_t i = lines.count > KEPT_MAX ? lines.count - KEPT_MAX : 0; i < lines.count; i++)
		if (*lines.items[i])
			strbuf_printf(&text, "%s\n", lines.items[i]);
	strbuf_printf(&text, "%s\n", line);
	return file_write_at(store->root_fd, path, text.data, text.length, 0644, 0, err);
}
