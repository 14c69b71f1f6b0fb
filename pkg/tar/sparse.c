/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/tar/header.h"

static int map_damaged(struct error *err)
{
	return error_set(err, EBADMSG, "the archive has a sparse file whose map is damaged");
}

int tar_extent_add(struct tar_extent **extents, size_t *count, int64_t offset, int64_t length, struct error *err)
{
	if (*count >= TAR_EXTENTS_MAX)
		return error_set(err, EFBIG, "the archive has a sparse file with more than %d pieces", TAR_EXTENTS_MAX);
	if ((*count & (*count - 1)) == 0) /* full at each power of two */
		*extents = xrealloc(*extents, (*count ? *count * 2 : 1) * sizeof(**extents));
	(*extents)[(*count)++] = (struct tar_extent){offset, length};
	return 0;
}

static bool take_decimal(const char **position, int64_t *ret)
{
	const char *p = *position;
	int64_t number = 0;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *p - '0', &number))
			return false;
	*position = p;
	*ret = number;
	return true;
}

int tar_sparse_parse_map(struct tar_extended *extended, const char *value, struct error *err)
{
	while (*value) {
		int64_t offset, length;
		if (!take_decimal(&value, &offset) || *value++ != ',' || !take_decimal(&value, &length))
			return map_damaged(err);
		if (*value && *value++ != ',')
			return map_damaged(err);
		int r = tar_extent_add(&extended->extents, &extended->extents_count, offset, length, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int tar_sparse_add_fields(struct tar_entry *entry, const char *fields, size_t count, struct error *err)
{
	for (size_t i = 0; i < count && fields[i * 24] != '\0'; i++) {
		int64_t offset, length;
		int r = tar_number(fields + i * 24, 12, &offset, err);
		if (r == 0)
			r = tar_number(fields + i * 24 + 12, 12, &length, err);
		if (r == 0)
			r = tar_extent_add(&entry->extents, &entry->extents_count, offset, length, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int tar_sparse_check(const struct tar_entry *entry, struct error *err)
{
	int64_t end = 0, sum = 0;
	for (size_t i = 0; i < entry->extents_count; i++) {
		const struct tar_extent *extent = &entry->extents[i];
		if (extent->offset < end || extent->length < 0 ||
		    __builtin_add_overflow(extent->offset, extent->length, &end) || end > entry->size)
			return map_damaged(err);
		sum += extent->length;
	}
	return sum == entry->stored ? 0 : map_damaged(err);
}
