/* SPDX-License-Identifier: Apache-2.0 */
/* Where the source goes: docker's rules (docker-cp(1)). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/copy/internal.h"
#include "pkg/file/file.h"

#define LINKS_MAX 40

void copy_target_clear(struct copy_target *target)
{
	cleanup_close(&target->directory);
	free(target->path);
	free(target->name);
}

/* "/a/b" is "/a" and "b". */
static void part(const char *path, struct copy_target *ret)
{
	const char *slash = strrchr(path, '/');
	free(ret->path);
	free(ret->name);
	ret->path = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	ret->name = xstrdup(slash + 1);
}

static int open_directory(const struct copy_end *to, struct copy_target *ret, struct error *err)
{
	cleanup_close(&ret->directory);
	ret->directory = open_in_root(to->root, ret->path, O_PATH | O_DIRECTORY, 0);
	return ret->directory < 0 ? error_sys(err, ret->directory, "%s: the directory %s", to->shown, ret->path) : 0;
}

/* The path without slashes and dots at its end; whether it had any, and so must be a directory. */
static char *strip(const char *path, bool *ret_directory)
{
	size_t length = strlen(path);
	*ret_directory = false;
	while (length > 1 && (path[length - 1] == '/' || (path[length - 1] == '.' && path[length - 2] == '/'))) {
		length--;
		*ret_directory = true;
	}
	return xstrndup(path, length);
}

/* A link at the end of the path is what it leads to, be it there or not. */
static int follow_links(const struct copy_end *to, struct copy_target *ret, struct error *err)
{
	char link[PATH_MAX];
	for (int i = 0; i < LINKS_MAX; i++) {
		int r = open_directory(to, ret, err);
		if (r < 0)
			return r;
		ssize_t length = *ret->name ? readlinkat(ret->directory, ret->name, link, sizeof(link) - 1) : -1;
		if (length < 0)
			return 0;
		link[length] = '\0';
		bool directory;
		auto_free char *path = *link == '/' ? xstrdup(link) : xasprintf("%s/%s", ret->path, link),
			       *clean = strip(path, &directory);
		part(clean, ret);
	}
	return error_sys(err, ELOOP, "%s", to->shown);
}

static int into_directory(const struct copy_end *to, const struct copy_header *what, struct copy_target *ret,
			  struct error *err)
{
	auto_free char *path = xasprintf("%s%s%s", ret->path, text_ends_with(ret->path, "/") ? "" : "/", ret->name);
	free(ret->path);
	ret->path = TAKE_PTR(path);
	free(ret->name);
	ret->name = xstrdup(what->contents ? "" : what->name);
	return open_directory(to, ret, err);
}

int copy_find_target(const struct copy_end *to, const struct copy_header *what, struct copy_target *ret,
		     struct error *err)
{
	auto_copy_target struct copy_target target = {.directory = -1};
	bool must_be_directory;
	auto_free char *path = strip(to->path, &must_be_directory);
	struct stat st;
	part(path, &target);
	int r = follow_links(to, &target, err);
	if (r < 0)
		return r;
	bool root = !*target.name;
	bool there = root || fstatat(target.directory, target.name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	bool directory = root || (there && S_ISDIR(st.st_mode));
	if (!there && errno != ENOENT)
		return error_sys(err, errno, "%s", to->shown);
	if (directory)
		r = into_directory(to, what, &target, err);
	else if (there && what->is_directory)
		r = error_set(err, ENOTDIR, "%s is a file: a directory cannot be copied to it", to->shown);
	else if (must_be_directory && (there || !what->is_directory))
		r = error_set(err, there ? ENOTDIR : ENOENT, "%s: there is no such directory", to->shown);
	if (r < 0)
		return r;
	*ret = target;
	target = (struct copy_target){.directory = -1};
	return 0;
}
