/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References: refs/<domain>/<path>/:<tag>, or @<digest> for what was pulled by its digest. No part of a path begins
 * with a colon or an at sign, so that a repository can have others below it.
 *
 * A directory goes with its last entry; who is making one just then finds it gone and makes it anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "storage/image/internal.h"

enum {
	REF_MAX = 512,
	MAKE_TRIES = 100,
};

static char *directory_path(const struct reference *name)
{
	return xasprintf("refs/%s/%s", name->domain, name->path);
}

static char *file_name(const struct reference *name)
{
	return name->tag ? xasprintf(":%s", name->tag) : xasprintf("@%s", name->digest);
}

static int check_full(const struct reference *name, struct error *err)
{
	if (name->domain && (name->tag || name->digest))
		return 0;
	return error_set(err, EINVAL, "\"%s\" is not a full image name", name->path);
}

static int parse_ref(const char *text, struct ref *ret)
{
	enum { DIGEST = sizeof("sha256:") - 1 + 64 };
	struct ref ref;
	if (strnlen(text, 2 * DIGEST + 3) != 2 * DIGEST + 2 || text[DIGEST] != ' ' || text[2 * DIGEST + 1] != '\n')
		return -EINVAL;
	char id[DIGEST + 1];
	memcpy(ref.manifest, text, DIGEST);
	memcpy(id, text + DIGEST + 1, DIGEST);
	ref.manifest[DIGEST] = id[DIGEST] = '\0';
	if (!digest_is_valid(ref.manifest) || !digest_is_valid(id))
		return -EINVAL;
	memcpy(ref.id, id + strlen("sha256:"), sizeof(ref.id));
	*ret = ref;
	return 0;
}

static int read_ref(int dirfd, const char *path, struct ref *ret, struct error *err)
{
	char text[REF_MAX];
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	ssize_t length = read_full(fd, text, sizeof(text) - 1);
	if (length < 0)
		return error_sys(err, (int)length, "read %s", path);
	text[length] = '\0';
	if (parse_ref(text, ret) < 0)
		return error_set(err, EINVAL,
				 "the reference %s is damaged; give the image this name again with 'coracle tag'",
				 path);
	return 1;
}

int ref_read(struct store *store, const struct reference *name, struct ref *ret, struct error *err)
{
	int r = check_full(name, err);
	if (r < 0)
		return r;
	auto_free char *directory = directory_path(name), *file = file_name(name);
	auto_free char *path = xasprintf("%s/%s", directory, file);
	r = 0;
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			r = read_ref(place.fd, path, ret, err);
	}
	return r;
}

/* ---- walking ---- */

struct walk {
	ref_visitor visitor;
	stray_visitor strays; /* NULL: nobody wants to know of them */
	void *context;
	struct strbuf path; /* "localhost/a" */
	bool deep;
	const struct store *store;
	size_t place; /* that is being walked */
};

static int walk_directory(struct walk *walk, int fd, struct error *err);

static int visit_stray(struct walk *walk, const char *name)
{
	if (!walk->strays)
		return 0;
	auto_free char *path = xasprintf("refs/%s/%s", strbuf_text(&walk->path), name);
	return walk->strays(walk->context, path);
}

/* A name means what it means in the first place that has it. */
static bool is_shadowed(const struct walk *walk)
{
	auto_free char *path = xasprintf("refs/%s", strbuf_text(&walk->path));
	struct store_place place;
	for (size_t i = 0; i < walk->place; i++)
		if (store_place(walk->store, i, &place) && faccessat(place.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

static int visit_reference(struct walk *walk, int dirfd, const char *name)
{
	struct ref ref;
	struct error err = ERROR_INIT;
	int r = read_ref(dirfd, name, &ref, &err);
	/* What is damaged, cannot be read or has just been removed names nothing. */
	if (r == -EINVAL || r == -EACCES)
		return visit_stray(walk, name);
	if (r <= 0 || !walk->visitor)
		return 0;
	strbuf_printf(&walk->path, "/%s", name);
	bool shadowed = is_shadowed(walk);
	strbuf_truncate(&walk->path, walk->path.length - strlen(name) - 1);
	if (shadowed)
		return 0;
	strbuf_puts(&walk->path, name);
	return walk->visitor(walk->context, strbuf_text(&walk->path), &ref);
}

static int walk_entry(struct walk *walk, int dirfd, const char *name, struct error *err)
{
	size_t length = walk->path.length;
	int r;
	if (name[0] == ':' || name[0] == '@') {
		r = visit_reference(walk, dirfd, name);
	} else if (name[0] == '.') {
		r = visit_stray(walk, name);
	} else {
		if (!walk->deep)
			return 0;
		int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT || errno == ENOTDIR ? 0 : error_sys(err, errno, "open %s", name);
		strbuf_printf(&walk->path, "%s%s", length ? "/" : "", name);
		r = walk_directory(walk, fd, err);
	}
	strbuf_truncate(&walk->path, length);
	return r;
}

/* Takes `fd`. As deep as a name has parts, and it has at most 255 characters. */
static int walk_directory(struct walk *walk, int fd, struct error *err)
{
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s", strbuf_text(&walk->path));
		close(fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		int r = walk_entry(walk, fd, entry->d_name, err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int walk_from(const struct store_place *place, const char *path, struct walk *walk, struct error *err)
{
	int fd = openat(place->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_sys(err, errno, "open %s/%s", place->root, path);
	return walk_directory(walk, fd, err);
}

static int walk_places(struct store *store, const char *path, struct walk *walk, struct error *err)
{
	int r = 0;
	walk->store = store;
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		walk->place = i;
		if (store_place(store, i, &place))
			r = walk_from(&place, path, walk, err);
	}
	return r;
}

int refs_walk(struct store *store, ref_visitor visitor, void *context, struct error *err)
{
	struct walk walk = {.visitor = visitor, .context = context, .deep = true};
	int r = walk_places(store, "refs", &walk, err);
	strbuf_free(&walk.path);
	return r;
}

int refs_walk_strays(struct store *store, stray_visitor visitor, void *context, struct error *err)
{
	struct walk walk = {.strays = visitor, .context = context, .deep = true};
	struct store_place own;
	store_place(store, 0, &own);
	int r = walk_from(&own, "refs", &walk, err);
	strbuf_free(&walk.path);
	return r;
}

int refs_walk_repository(struct store *store, const struct reference *name, ref_visitor visitor, void *context,
			 struct error *err)
{
	struct walk walk = {.visitor = visitor, .context = context};
	auto_free char *path = directory_path(name);
	strbuf_printf(&walk.path, "%s/%s", name->domain, name->path);
	int r = walk_places(store, path, &walk, err);
	strbuf_free(&walk.path);
	return r;
}

/* ---- changing ---- */

/* The way to a reference must last as the reference does: all directories from it up to refs/, whoever made them. */
static int sync_way(struct store *store, const char *directory, struct error *err)
{
	auto_free char *path = xstrdup(directory);
	for (char *slash; (slash = strrchr(path, '/'));) {
		*slash = '\0';
		auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			return error_sys(err, errno, "write %s/%s to the disk", store->root, path);
	}
	return 0;
}

int image_tag(struct store *store, const struct reference *name, const char *manifest_digest, const char *id,
	      struct error *err)
{
	int r = check_full(name, err);
	if (r < 0)
		return r;
	auto_free char *directory = directory_path(name), *file = file_name(name);
	auto_free char *line = xasprintf("%s sha256:%s\n", manifest_digest, id);
	struct ref ref;
	if (parse_ref(line, &ref) < 0)
		return error_set(err, EINVAL, "\"%s\" and \"%s\" are not the digests of an image", manifest_digest, id);
	for (int i = 0; i < MAKE_TRIES; i++) {
		auto_close int made = mkdirs_in_root(store->root_fd, directory, 0700);
		auto_close int fd = made < 0 ? made : reopen_fd(made, O_RDONLY | O_DIRECTORY);
		r = fd < 0 ? error_sys(err, fd, "make %s/%s", store->root, directory)
			   : file_write_at(fd, file, line, strlen(line), 0600, FILE_SYNC, err);
		if (r == 0)
			r = sync_way(store, directory, err);
		if (r != -ENOENT)
			break;
	}
	return r < 0 ? error_context(err, "name the image %s/%s%s", name->domain, name->path, file) : 0;
}

int image_untag(struct store *store, const struct reference *name, struct error *err)
{
	int r = check_full(name, err);
	if (r < 0)
		return r;
	auto_free char *directory = directory_path(name), *file = file_name(name);
	auto_free char *path = xasprintf("%s/%s", directory, file);
	if (faccessat(store->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && store_find(store, path).read_only)
		return error_set(err, EROFS, "the name %s/%s%s is in the additional image store %s, which is only read",
				 name->domain, name->path, file, store_find(store, path).root);
	if (unlinkat(store->root_fd, path, 0) < 0)
		return error_sys(err, errno, "remove the name %s/%s%s", name->domain, name->path, file);
	for (char *slash; (slash = strrchr(directory, '/')); *slash = '\0')
		if (unlinkat(store->root_fd, directory, AT_REMOVEDIR) < 0)
			break;
	return 0;
}
