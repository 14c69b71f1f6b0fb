/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: reading, writing, resolving and removing files by directory descriptor.
 *
 * Writing is a transaction: the content goes to a temporary name in the same directory and is renamed over the final one,
 * so that a reader, or a kill at any instruction, sees the old or the new. FILE_SYNC adds the fsync of file and directory
 * for what must outlive a power cut.
 *
 * Whatever lies under a directory that a container or an archive can write is reached only through open_beneath() or
 * open_in_root() (openat2(2)): the kernel itself refuses `..`, absolute symlinks and magic links that lead out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "pkg/error/error.h"

/* ---- opening ---- */
/* openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS: `path` must stay under dirfd. O_CLOEXEC is always added.
 * Returns the descriptor or a negative errno; no error text. */
int open_beneath(int dirfd, const char *path, int flags, mode_t mode);
/* The same with RESOLVE_IN_ROOT: absolute paths, symlinks and `..` are taken as if dirfd were `/`. */
int open_in_root(int dirfd, const char *path, int flags, mode_t mode);
/* Opens the directory `path` inside the root `dirfd`, making what is missing with `mode` and following links only inside
 * it, as `mkdir -p` in a chroot would; where a link leads to nothing, its target is made. Returns an O_PATH|O_DIRECTORY
 * descriptor or a negative errno. */
int mkdirs_in_root(int dirfd, const char *path, mode_t mode);
/* `mkdir -p path` (a path of our own, never under a container's control). 0 or negative. */
int mkdirs(const char *path, mode_t mode, struct error *err);
/* Opens `fd` anew through /proc/self/fd with other flags (an O_PATH descriptor becomes readable). */
int reopen_fd(int fd, int flags);

/* ---- whole files ---- */
/* Reads all of `path`; more than `max` bytes is -EFBIG. *ret_data is malloc'd and NUL-terminated (the NUL is not
 * counted in *ret_length, which may be NULL). */
int file_read_at(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_length, struct error *err);
/* The same from an open descriptor, from its current offset to its end. `name` is for the error text. */
int file_read_fd(int fd, const char *name, size_t max, char **ret_data, size_t *ret_length, struct error *err);

enum file_flags {
	FILE_SYNC = 1,      /* fsync the file before, and the directory after, the rename */
	FILE_EXCLUSIVE = 2, /* -EEXIST when the name is there already, instead of replacing it */
	FILE_AS_DIRECTORY = 4, /* what root writes belongs to whom the directory belongs to */
};
/* Writes `path` under dirfd as one transaction. The temporary name begins with ".tmp-". */
int file_write_at(int dirfd, const char *path, const void *data, size_t length, mode_t mode, enum file_flags flags,
		  struct error *err);

/* write(2) until all is written; 0 or negative errno. */
int write_all(int fd, const void *data, size_t length);
/* read(2) until `length` bytes or the end; the count or negative errno. */
ssize_t read_full(int fd, void *data, size_t length);

/* ---- trees ---- */
/* Removes `name` under dirfd and all below it, never following a link, with bounded descriptors and stack however deep it
 * is. Directories without permission bits are opened up first. A missing `name` is success.
 * Several may remove the same tree at once. */
int tree_remove_at(int dirfd, const char *name, struct error *err);
/* Gives everybody the permission to read `name` under dirfd and all below it, and to execute what anybody may; never follows a link. */
int tree_make_readable(int dirfd, const char *name, struct error *err);
/* The mode that a file or a directory has then. */
mode_t mode_readable_by_all(mode_t mode);
/* Copies the tree `from` (an open directory) into the open, empty directory `to`, which gets the attributes of `from` too:
 * content (reflinked where the file system can, holes kept), mode, owner, times, hard links, and xattrs and device nodes where
 * the kernel allows; never follows a link. */
int tree_copy(int from, int to, struct error *err);
/* Lays the tree `from`, a layer in overlayfs' form, over the tree `to`: whiteouts (devices 0:0, or files ".wh.<name>") remove, opaque directories
 * (user.overlay.opaque, or ".wh..wh..opq") replace, the rest covers what is there. Otherwise as tree_copy(). */
int tree_copy_layer(int from, int to, struct error *err);
/* The bytes of all that is below the directory and no directory, files with several names once. What vanishes meanwhile is
 * not counted. -EACCES where a directory must not be read. */
int tree_size(int dirfd, int64_t *ret, struct error *err);
/* fsync of everything below the directory. */
int tree_sync(int dirfd, struct error *err);
/* Gives the directory and all below it to this owner; never follows a link. */
int tree_give(int dirfd, uid_t uid, gid_t gid, struct error *err);
