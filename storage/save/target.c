/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/save/target.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pkg/file/file.h"

#define TEMPORARY ".being-saved"

int target_open(int fd, bool directory, struct target *ret, struct error *err)
{
	*ret = TARGET_INIT;
	if (!directory)
		return tar_writer_new(fd, &ret->tar, err);
	ret->directory = fd;
	return 0;
}

void target_close(struct target *target)
{
	if (target->tar)
		tar_writer_free(target->tar);
	if (target->file >= 0) {
		close(target->file);
		unlinkat(target->directory, TEMPORARY, 0);
	}
	free(target->name);
	strv_free(&target->names);
}

bool target_has(const struct target *target, const char *name)
{
	return strv_contains(&target->names, name);
}

static int make_directory(struct target *target, const char *path, struct error *err)
{
	if (target_has(target, path))
		return 0;
	strv_add(&target->names, path);
	if (target->tar)
		return tar_write_entry(
		    target->tar, &(struct tar_entry){.type = TAR_DIRECTORY, .path = (char *)path, .mode = 0755}, err);
	return mkdirat(target->directory, path, 0755) < 0 && errno != EEXIST ? error_sys(err, errno, "make %s", path)
									     : 0;
}

/* The directories of a layout are few, and never deep. Without entries of theirs skopeo cannot unpack an archive. */
static int make_parents(struct target *target, const char *name, struct error *err)
{
	auto_free char *path = xstrdup(name);
	int r = 0;
	for (char *slash = strchr(path, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = make_directory(target, path, err);
		*slash = '/';
	}
	return r;
}

int target_begin(struct target *target, const char *name, int64_t size, struct error *err)
{
	int r = make_parents(target, name, err);
	if (r < 0)
		return r;
	strv_add(&target->names, name);
	if (target->tar)
		return tar_write_entry(
		    target->tar,
		    &(struct tar_entry){.type = TAR_FILE, .path = (char *)name, .mode = 0644, .size = size}, err);
	target->file =
	    openat(target->directory, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (target->file < 0)
		return error_sys(err, errno, "make %s", name);
	target->name = xstrdup(name);
	return 0;
}

int target_write(struct target *target, const void *data, size_t length, struct error *err)
{
	if (target->tar)
		return tar_write_content(target->tar, data, length, err);
	int r = write_all(target->file, data, length);
	return r < 0 ? error_sys(err, r, "write %s", target->name) : 0;
}

int target_end(struct target *target, struct error *err)
{
	if (target->tar)
		return 0;
	auto_free char *name = TAKE_PTR(target->name);
	if (close(TAKE_FD(target->file)) < 0 || renameat(target->directory, TEMPORARY, target->directory, name) < 0) {
		int r = error_sys(err, errno, "write %s", name);
		unlinkat(target->directory, TEMPORARY, 0);
		return r;
	}
	return 0;
}

int target_add(struct target *target, const char *name, const void *data, size_t length, struct error *err)
{
	if (target_has(target, name))
		return 0;
	int r = target_begin(target, name, (int64_t)length, err);
	if (r == 0)
		r = target_write(target, data, length, err);
	return r < 0 ? r : target_end(target, err);
}

int target_finish(struct target *target, struct error *err)
{
	return target->tar ? tar_writer_finish(target->tar, err) : 0;
}
