/* SPDX-License-Identifier: Apache-2.0 */
/* From header fields to an entry. */
#include <string.h>

#include "pkg/tar/header.h"

/* Larger files than this no file system has. */
#define SIZE_LIMIT ((int64_t)1 << 60)

static int number_damaged(struct error *err)
{
	return error_set(err, EBADMSG, "the archive has a header with a damaged number");
}

/* GNU's base-256: the top bit is a mark, the next the sign, the rest big-endian two's complement. */
static int base256(const unsigned char *field, size_t length, int64_t *ret, struct error *err)
{
	bool negative = field[0] & 0x40;
	int64_t number = negative ? -1 : 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = field[i];
		if (i == 0)
			byte = negative ? byte | 0x80 : byte & 0x7f;
		if (number > (INT64_MAX >> 8) || number < (INT64_MIN >> 8))
			return number_damaged(err);
		number = (int64_t)((uint64_t)number << 8 | byte);
	}
	*ret = number;
	return 0;
}

int tar_number(const char *field, size_t length, int64_t *ret, struct error *err)
{
	if ((unsigned char)field[0] & 0x80)
		return base256((const unsigned char *)field, length, ret, err);
	size_t i = 0;
	int64_t number = 0;
	while (i < length && (field[i] == ' ' || field[i] == '\0'))
		i++;
	for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
		number = number << 3 | (field[i] - '0'); /* twelve digits at most */
	if (i < length && field[i] != ' ' && field[i] != '\0')
		return number_damaged(err);
	*ret = number;
	return 0;
}

bool tar_checksum_is_right(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	const size_t begin = offsetof(struct tar_header, checksum), end = begin + sizeof(header->checksum);
	int64_t plain = 0, historic = 0, expected;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned char byte = i >= begin && i < end ? ' ' : bytes[i];
		plain += byte;
		historic += (signed char)byte;
	}
	if (tar_number(header->checksum, sizeof(header->checksum), &expected, NULL) < 0)
		return false;
	return expected == plain || expected == historic;
}

void tar_entry_clear(struct tar_entry *entry)
{
	free(entry->path);
	free(entry->link);
	free(entry->extents);
	for (size_t i = 0; i < entry->xattrs_count; i++) {
		free(entry->xattrs[i].name);
		free(entry->xattrs[i].value);
	}
	free(entry->xattrs);
	*entry = (struct tar_entry){0};
}

static char *header_path(const struct tar_header *header)
{
	bool posix = memcmp(header->magic, "ustar\0", 6) == 0;
	char *name = xstrndup(header->name, sizeof(header->name));
	if (!posix || header->prefix[0] == '\0')
		return name;
	char *path = xasprintf("%.*s/%s", (int)strnlen(header->prefix, sizeof(header->prefix)), header->prefix, name);
	free(name);
	return path;
}

static int decode_type(const struct tar_header *header, struct tar_entry *entry, struct error *err)
{
	switch (header->type) {
	case '0':
	case '\0':
	case '7': /* contiguous file */
	case 'S': /* GNU sparse file */
		/* Before POSIX a directory was a file with a slash behind its name. */
		entry->type = header->type == '\0' && text_ends_with(entry->path, "/") ? TAR_DIRECTORY : TAR_FILE;
		return 0;
	case '1' ... '6':
		entry->type = (enum tar_type)header->type;
		return 0;
	default:
		return error_set(err, EBADMSG, "the archive has an entry of unknown type '%c' (0x%02x): %.250s",
				 header->type >= ' ' && header->type < 0x7f ? header->type : '?',
				 (unsigned char)header->type, entry->path);
	}
}

static int decode_numbers(const struct tar_header *header, const struct tar_extended *extended, struct tar_entry *entry,
			  struct error *err)
{
	int64_t mode = 0, size = 0, major = 0, minor = 0;
	int r = tar_number(header->mode, sizeof(header->mode), &mode, err);
	if (r == 0 && !extended->has_uid)
		r = tar_number(header->uid, sizeof(header->uid), &entry->uid, err);
	if (r == 0 && !extended->has_gid)
		r = tar_number(header->gid, sizeof(header->gid), &entry->gid, err);
	if (r == 0 && !extended->has_size)
		r = tar_number(header->size, sizeof(header->size), &size, err);
	if (r == 0 && !extended->has_mtime)
		r = tar_number(header->mtime, sizeof(header->mtime), &entry->mtime_s, err);
	bool device = entry->type == TAR_CHARACTER_DEVICE || entry->type == TAR_BLOCK_DEVICE;
	if (r == 0 && device)
		r = tar_number(header->device_major, sizeof(header->device_major), &major, err);
	if (r == 0 && device)
		r = tar_number(header->device_minor, sizeof(header->device_minor), &minor, err);
	if (r < 0)
		return r;
	entry->mode = (uint32_t)(mode & 07777);
	entry->size = extended->has_size ? extended->size : size;
	entry->device_major = (uint32_t)major;
	entry->device_minor = (uint32_t)minor;
	if (extended->has_uid)
		entry->uid = extended->uid;
	if (extended->has_gid)
		entry->gid = extended->gid;
	if (extended->has_mtime) {
		entry->mtime_s = extended->mtime_s;
		entry->mtime_ns = extended->mtime_ns;
	}
	return 0;
}

/* The size that a sparse file has once its holes are there. */
static int decode_sparse(const struct tar_header *header, struct tar_extended *extended, struct tar_entry *entry,
			 struct error *err)
{
	if (header->type == 'S') {
		const char *block = (const char *)header;
		int r = tar_number(block + 483, 12, &entry->size, err);
		return r < 0 ? r : tar_sparse_add_fields(entry, block + 386, 4, err);
	}
	if (entry->type != TAR_FILE || (extended->sparse_size < 0 && extended->sparse_major < 0))
		return 0;
	if (extended->sparse_size < 0)
		return error_set(err, EBADMSG, "the archive has a sparse file without its size: %.250s", entry->path);
	entry->size = extended->sparse_size;
	if (extended->sparse_name) {
		free(entry->path);
		entry->path = TAKE_PTR(extended->sparse_name);
	}
	entry->extents_count = extended->extents_count;
	entry->extents = TAKE_PTR(extended->extents);
	return 0;
}

int tar_decode(const struct tar_header *header, struct tar_extended *extended, struct tar_entry *entry,
	       struct error *err)
{
	entry->path = extended->path ? TAKE_PTR(extended->path) : header_path(header);
	int r = decode_type(header, entry, err);
	if (r == 0)
		r = decode_numbers(header, extended, entry, err);
	if (r < 0)
		return r;
	if (entry->type == TAR_HARD_LINK || entry->type == TAR_SYMLINK)
		entry->link = extended->link ? TAKE_PTR(extended->link) : xstrndup(header->link, sizeof(header->link));
	entry->xattrs_count = extended->xattrs_count;
	entry->xattrs = TAKE_PTR(extended->xattrs);
	extended->xattrs_count = 0;
	if (entry->type != TAR_FILE)
		entry->size = 0;
	entry->stored = entry->size;
	if (entry->size < 0 || entry->size > SIZE_LIMIT)
		return error_set(err, EBADMSG, "the archive has an entry of an impossible size: %.250s", entry->path);
	r = decode_sparse(header, extended, entry, err);
	if (r == 0 && (entry->size < 0 || entry->size > SIZE_LIMIT))
		return error_set(err, EBADMSG, "the archive has an entry of an impossible size: %.250s", entry->path);
	return r;
}
