/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pkg/tar/tar.h"
#include "pkg/text/text.h"

#define BLOCK_SIZE (256 << 10)
#define HOLE_STEP  (64 << 10)

struct tar_writer {
	struct archive *archive;
	struct archive_entry *entry;
	int fd;
	bool given_up;
	locale_t locale; /* names are UTF-8, whatever the user's locale; those that are not are marked as binary */
};

static int failed(const struct tar_writer *writer, struct error *err)
{
	int number = archive_errno(writer->archive);
	return error_sys(err, number > 0 ? number : EIO, "write the archive");
}

static la_ssize_t put(struct archive *archive, void *data, const void *buffer, size_t length)
{
	const struct tar_writer *writer = data;
	ssize_t n = -1;
	errno = ECANCELED;
	do
		n = writer->given_up ? -1 : write(writer->fd, buffer, length);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(archive, errno, "%s", strerror(errno));
	return n;
}

int tar_writer_new(int fd, struct tar_writer **ret, struct error *err)
{
	auto_tar_writer struct tar_writer *writer = xcalloc(1, sizeof(*writer));
	writer->fd = fd;
	writer->archive = archive_write_new();
	writer->entry = archive_entry_new();
	writer->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!writer->archive || !writer->entry || !writer->locale)
		return error_sys(err, ENOMEM, "begin an archive");
	/* One kind of xattr records, which all tools read; no padding to whole blocks of the output, which would depend
	 * on what it is. */
	if (archive_write_set_format_pax_restricted(writer->archive) != ARCHIVE_OK ||
	    archive_write_set_options(writer->archive, "xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(writer->archive, BLOCK_SIZE) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(writer->archive, 1) != ARCHIVE_OK ||
	    archive_write_open(writer->archive, writer, NULL, put, NULL) != ARCHIVE_OK)
		return failed(writer, err);
	*ret = TAKE_PTR(writer);
	return 0;
}

void tar_writer_free(struct tar_writer *writer)
{
	archive_entry_free(writer->entry);
	/* Freeing would complete the archive. (libarchive's own way to prevent that, archive_write_fail(), leaks its buffer.) */
	writer->given_up = true;
	archive_write_free(writer->archive);
	if (writer->locale)
		freelocale(writer->locale);
	free(writer);
}

static mode_t file_type(enum tar_type type)
{
	switch (type) {
	case TAR_SYMLINK:
		return AE_IFLNK;
	case TAR_CHARACTER_DEVICE:
		return AE_IFCHR;
	case TAR_BLOCK_DEVICE:
		return AE_IFBLK;
	case TAR_DIRECTORY:
		return AE_IFDIR;
	case TAR_FIFO:
		return AE_IFIFO;
	default:
		return AE_IFREG;
	}
}

static void add_lists(struct archive_entry *to, const struct tar_entry *entry)
{
	/* The one that is added last is written first. */
	for (size_t i = entry->xattrs_count; i-- > 0;)
		archive_entry_xattr_add_entry(to, entry->xattrs[i].name, entry->xattrs[i].value,
					      entry->xattrs[i].length);
	for (size_t i = 0; entry->extents && i < entry->extents_count; i++)
		archive_entry_sparse_add_entry(to, entry->extents[i].offset, entry->extents[i].length);
	/* A file that ends with a hole, or is nothing but one. */
	if (entry->extents)
		archive_entry_sparse_add_entry(to, entry->size, 0);
}

int tar_write_entry(struct tar_writer *writer, const struct tar_entry *entry, struct error *err)
{
	struct archive_entry *to = archive_entry_clear(writer->entry);
	archive_entry_copy_pathname(to, entry->path);
	archive_entry_set_filetype(to, file_type(entry->type));
	archive_entry_set_perm(to, entry->mode);
	archive_entry_set_uid(to, entry->uid);
	archive_entry_set_gid(to, entry->gid);
	archive_entry_set_mtime(to, entry->mtime_s, 0);
	if (entry->type == TAR_HARD_LINK)
		archive_entry_copy_hardlink(to, entry->link);
	else if (entry->type == TAR_SYMLINK)
		archive_entry_copy_symlink(to, entry->link);
	else if (entry->type == TAR_FILE)
		archive_entry_set_size(to, entry->size);
	else if (entry->type != TAR_DIRECTORY && entry->type != TAR_FIFO)
		archive_entry_set_rdev(to, makedev(entry->device_major, entry->device_minor));
	add_lists(to, entry);
	locale_t before = uselocale(writer->locale);
	int r = archive_write_header(writer->archive, to);
	uselocale(before);
	return r < ARCHIVE_WARN ? failed(writer, err) : 0;
}

int tar_write_content(struct tar_writer *writer, const void *data, size_t length, struct error *err)
{
	const char *position = data;
	while (length > 0) {
		la_ssize_t n = archive_write_data(writer->archive, position, length);
		if (n < 0)
			return failed(writer, err);
		if (n == 0) /* more than the entry has room for */
			return error_set(err, EINVAL, "a file became longer while it was being written to the archive");
		position += n;
		length -= (size_t)n;
	}
	return 0;
}

int tar_write_hole(struct tar_writer *writer, int64_t length, struct error *err)
{
	static const char zeros[HOLE_STEP];
	int r = 0;
	for (; r == 0 && length > 0; length -= HOLE_STEP)
		r = tar_write_content(writer, zeros, length < HOLE_STEP ? (size_t)length : HOLE_STEP, err);
	return r;
}

int tar_writer_finish(struct tar_writer *writer, struct error *err)
{
	return archive_write_close(writer->archive) != ARCHIVE_OK ? failed(writer, err) : 0;
}
