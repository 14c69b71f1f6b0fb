/* SPDX-License-Identifier: Apache-2.0 */
/* pax extended headers: POSIX.1-2001 pax(1), "pax Extended Header"; GNU tar manual, "Sparse Formats". */
#include <string.h>

#include "pkg/tar/header.h"

void tar_extended_init(struct tar_extended *extended)
{
	*extended =
	    (struct tar_extended){.sparse_major = -1, .sparse_minor = -1, .sparse_size = -1, .pending_offset = -1};
}

void tar_extended_clear(struct tar_extended *extended)
{
	free(extended->path);
	free(extended->link);
	free(extended->sparse_name);
	free(extended->extents);
	for (size_t i = 0; i < extended->xattrs_count; i++) {
		free(extended->xattrs[i].name);
		free(extended->xattrs[i].value);
	}
	free(extended->xattrs);
	tar_extended_init(extended);
}

static int set_text(char **target, const char *value, size_t length, struct error *err)
{
	if (memchr(value, '\0', length))
		return error_set(err, EBADMSG, "the archive has a name with a zero byte in it");
	free(*target);
	*target = xstrndup(value, length);
	return 0;
}

static int parse_number(const char *key, const char *value, int64_t *ret, struct error *err)
{
	return parse_int64(value, key, INT64_MIN, INT64_MAX, ret, err) < 0
		   ? error_set(err, EBADMSG, "the archive has a pax header with \"%s=%.40s\", which is no number", key,
			       value)
		   : 0;
}

/* Seconds with an optional fraction, of which nine digits count. */
static int parse_time_value(struct tar_extended *extended, const char *value, struct error *err)
{
	const char *point = strchr(value, '.');
	auto_free char *whole = xstrndup(value, point ? (size_t)(point - value) : strlen(value));
	int64_t seconds;
	uint32_t ns = 0;
	int r = parse_number("mtime", *whole && strcmp(whole, "-") != 0 ? whole : "0", &seconds, err);
	if (r < 0)
		return r;
	uint32_t unit = 100000000;
	for (const char *p = point ? point + 1 : ""; *p; p++, unit /= 10) {
		if (*p < '0' || *p > '9')
			return error_set(err, EBADMSG, "the archive has a pax header with the time \"%.40s\"", value);
		ns += (uint32_t)(*p - '0') * unit;
	}
	if (*value == '-' && ns > 0 && seconds > INT64_MIN) {
		seconds--;
		ns = 1000000000 - ns;
	}
	extended->mtime_s = seconds;
	extended->mtime_ns = ns;
	extended->has_mtime = true;
	return 0;
}

static int add_xattr(struct tar_extended *extended, const char *name, const char *value, size_t length)
{
	extended->xattrs = xrealloc(extended->xattrs, (extended->xattrs_count + 1) * sizeof(*extended->xattrs));
	struct tar_xattr *xattr = &extended->xattrs[extended->xattrs_count++];
	xattr->name = xstrdup(name);
	xattr->value = xmalloc(length + 1);
	memcpy(xattr->value, value, length);
	xattr->value[length] = '\0';
	xattr->length = length;
	return 0;
}

static int take_sparse(struct tar_extended *extended, const char *key, const char *value, size_t length,
		       struct error *err)
{
	int64_t number;
	if (strcmp(key, "map") == 0)
		return tar_sparse_parse_map(extended, value, err);
	if (strcmp(key, "name") == 0)
		return set_text(&extended->sparse_name, value, length, err);
	int r = parse_number(key, value, &number, err);
	if (r < 0)
		return r;
	if (strcmp(key, "major") == 0) {
		extended->sparse_major = number;
	} else if (strcmp(key, "minor") == 0) {
		extended->sparse_minor = number;
	} else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
		extended->sparse_size = number;
	} else if (strcmp(key, "offset") == 0) {
		extended->pending_offset = number;
	} else if (strcmp(key, "numbytes") == 0) {
		if (extended->pending_offset < 0)
			return error_set(err, EBADMSG, "the archive has a sparse file whose map is damaged");
		r = tar_extent_add(&extended->extents, &extended->extents_count, extended->pending_offset, number, err);
		extended->pending_offset = -1;
	}
	return r; /* "numblocks" says nothing more */
}

static int take_record(struct tar_extended *extended, const char *key, const char *value, size_t length,
		       struct error *err)
{
	static const char xattr_prefix[] = "SCHILY.xattr.", sparse_prefix[] = "GNU.sparse.";
	if (text_starts_with(key, xattr_prefix))
		return add_xattr(extended, key + sizeof(xattr_prefix) - 1, value, length);
	if (length == 0)
		return 0; /* "delete the value": the header's own counts */
	if (text_starts_with(key, sparse_prefix))
		return take_sparse(extended, key + sizeof(sparse_prefix) - 1, value, length, err);
	if (strcmp(key, "path") == 0)
		return set_text(&extended->path, value, length, err);
	if (strcmp(key, "linkpath") == 0)
		return set_text(&extended->link, value, length, err);
	if (strcmp(key, "mtime") == 0)
		return parse_time_value(extended, value, err);
	struct {
		const char *key;
		bool *has;
		int64_t *number;
	} numbers[] = {
	    {"size", &extended->has_size, &extended->size},
	    {"uid", &extended->has_uid, &extended->uid},
	    {"gid", &extended->has_gid, &extended->gid},
	};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(key, numbers[i].key) != 0)
			continue;
		*numbers[i].has = true;
		return parse_number(key, value, numbers[i].number, err);
	}
	return 0;
}

int tar_extended_parse(struct tar_extended *extended, char *data, size_t length, struct error *err)
{
	char *position = data, *end = data + length;
	while (position < end) {
		size_t digits = 0, record = 0;
		while (position + digits < end && digits < 8 && position[digits] >= '0' && position[digits] <= '9')
			record = record * 10 + (size_t)(position[digits++] - '0');
		if (digits == 0 || record < digits + 3 || record > (size_t)(end - position) ||
		    position[digits] != ' ' || position[record - 1] != '\n')
			return error_set(err, EBADMSG, "the archive has a damaged pax header");
		char *key = position + digits + 1, *newline = position + record - 1;
		char *equals = memchr(key, '=', (size_t)(newline - key));
		if (!equals || equals == key)
			return error_set(err, EBADMSG, "the archive has a damaged pax header");
		*equals = *newline = '\0';
		int r = take_record(extended, key, equals + 1, (size_t)(newline - equals - 1), err);
		if (r < 0)
			return r;
		position += record;
	}
	return 0;
}
