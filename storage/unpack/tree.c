/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/unpack/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "pkg/file/file.h"

/* An archive that replaces more than this is not one of a file system. */
#define KEPT_MAX 65536

/* ---- names ---- */
int tree_clean_path(const char *path, char **ret, struct error *err)
{
	auto_free char *clean = xmalloc(strlen(path) + 1);
	size_t length = 0;
	for (const char *part = path; *part;) {
		size_t n = strcspn(part, "/");
		if (n == 2 && part[0] == '.' && part[1] == '.') {
			if (length == 0)
				return error_set(err, EBADMSG, "the archive has a name that leads out of it: %.250s",
						 path);
			while (length > 0 && clean[--length] != '/')
				;
		} else if (n > 0 && !(n == 1 && part[0] == '.')) {
			if (length > 0)
				clean[length++] = '/';
			memcpy(clean + length, part, n);
			length += n;
		}
		part += n;
		while (*part == '/')
			part++;
	}
	clean[length] = '\0';
	*ret = TAKE_PTR(clean);
	return 0;
}

void spot_free(struct spot *spot)
{
	free(spot->place);
	spot->place = NULL;
}

/* The path behind a descriptor as /proc shows it; malloc'd, or NULL with errno. */
static char *descriptor_path(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path));
	if (n < 0 || n == sizeof(path)) {
		errno = n < 0 ? errno : ENAMETOOLONG;
		return NULL;
	}
	return xstrndup(path, (size_t)n);
}

/* ---- beginning and end ---- */
/* Whether this file system takes whiteouts and opaque marks in overlay's form. */
static bool probe_xattrs(const struct tree *tree)
{
	static const char name[] = "user.overlay.opaque";
	if (fsetxattr(tree->root_fd, name, "y", 1, 0) < 0)
		return false;
	fremovexattr(tree->root_fd, name);
	if (mknodat(tree->kept_fd, "probe", S_IFCHR, makedev(0, 0)) < 0)
		return false;
	unlinkat(tree->kept_fd, "probe", 0);
	return true;
}

int tree_open(struct tree *tree, struct error *err)
{
	tree->root_path = descriptor_path(tree->root_fd);
	if (!tree->root_path)
		return error_sys(err, errno, "find the path of the staged layer; is /proc mounted?");
	tree->xattrs = probe_xattrs(tree);
	return 0;
}

static void forget_parent(struct tree *tree)
{
	free(tree->parent);
	free(tree->parent_place);
	if (tree->parent_fd >= 0)
		close(tree->parent_fd);
	tree->parent = tree->parent_place = NULL;
	tree->parent_fd = -1;
}

void tree_close(struct tree *tree)
{
	forget_parent(tree);
	free(tree->root_path);
	strv_free(&tree->devices);
	*tree = TREE_INIT;
}

/* ---- parents ---- */
/* The path of a directory in the tree, "" for its root; malloc'd. */
static int place_of_directory(const struct tree *tree, int fd, char **ret, struct error *err)
{
	auto_free char *path = descriptor_path(fd);
	if (!path)
		return error_sys(err, errno, "find a directory of the staged layer");
	size_t length = strlen(tree->root_path);
	if (strncmp(path, tree->root_path, length) != 0 || (path[length] != '\0' && path[length] != '/'))
		return error_set(err, EXDEV, "a directory of the staged layer was moved away: %s", path);
	*ret = xstrdup(path[length] ? path + length + 1 : "");
	return 0;
}

/* Makes the directory `name` in parent_fd for entries that came without one. What is there may be a whiteout, which
 * this layer's directory replaces. */
static int make_missing(struct tree *tree, int parent_fd, const char *name, struct error *err)
{
	struct stat status;
	bool whiteout = fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && whiteout_is_device(&status);
	if (whiteout && unlinkat(parent_fd, name, 0) < 0)
		return error_sys(err, errno, "remove a whiteout");
	if (mkdirat(parent_fd, name, 0755) < 0)
		return errno == EEXIST ? error_set(err, ENOTDIR, "it lies below something that is not a directory")
				       : error_sys(err, errno, "make the directory above it");
	if (!tree->xattrs) {
		auto_free char *hidden = xasprintf(".wh.%s", name);
		whiteout = unlinkat(parent_fd, hidden, 0) == 0;
	}
	if (!whiteout)
		return 0;
	auto_close int fd = open_beneath(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return fd < 0 ? error_sys(err, fd, "open a new directory") : whiteout_make_opaque(tree, fd, err);
}

/* Opens a directory, making what is missing: the descriptor. */
static int open_directory(struct tree *tree, const char *path, struct error *err)
{
	int fd = open_in_root(tree->root_fd, *path ? path : ".", O_PATH | O_DIRECTORY, 0);
	if (fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR))
		return fd >= 0 ? fd : error_sys(err, fd, "open the directory above it");
	auto_close int above = open_in_root(tree->root_fd, ".", O_PATH | O_DIRECTORY, 0);
	if (above < 0)
		return error_sys(err, above, "open the layer's root");
	auto_free char *prefix = xstrdup(path);
	for (char *part = prefix, *end; *part; part = end) {
		end = part + strcspn(part, "/");
		char next = *end;
		*end = '\0';
		fd = open_in_root(tree->root_fd, prefix, O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT || fd == -ENOTDIR) {
			int r = make_missing(tree, above, part, err);
			if (r < 0)
				return r;
			fd = open_in_root(tree->root_fd, prefix, O_PATH | O_DIRECTORY, 0);
		}
		if (fd < 0)
			return error_sys(err, fd, "open the directory above it");
		close(above);
		above = fd;
		if (next)
			*end++ = next;
	}
	return TAKE_FD(above);
}

static int enter_parent(struct tree *tree, const char *path, size_t length, struct error *err)
{
	if (tree->parent && strlen(tree->parent) == length && memcmp(tree->parent, path, length) == 0)
		return 0;
	forget_parent(tree);
	auto_free char *parent = xstrndup(path, length);
	auto_free char *place = NULL;
	auto_close int fd = open_directory(tree, parent, err);
	if (fd < 0)
		return fd;
	int r = place_of_directory(tree, fd, &place, err);
	if (r < 0)
		return r;
	tree->parent = TAKE_PTR(parent);
	tree->parent_place = TAKE_PTR(place);
	tree->parent_fd = TAKE_FD(fd);
	return 0;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int tree_find(struct tree *tree, const char *path, struct spot *ret, struct error *err)
{
	const char *name = last_component(path);
	int r = enter_parent(tree, path, name > path ? (size_t)(name - path - 1) : 0, err);
	if (r < 0)
		return r;
	*ret = (struct spot){tree->parent_fd, name, path,
			     xasprintf("%s%s%s", tree->parent_place, *tree->parent_place ? "/" : "", name)};
	return 0;
}

int tree_find_existing(struct tree *tree, const char *path, int *ret_fd, const char **ret_name)
{
	const char *name = last_component(path);
	auto_free char *parent = xstrndup(path, name > path ? (size_t)(name - path - 1) : 0);
	int fd = open_in_root(tree->root_fd, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	*ret_name = name;
	return 0;
}

char *tree_place_of(struct tree *tree, int parent_fd, const char *name, struct error *err)
{
	auto_free char *parent = NULL;
	if (place_of_directory(tree, parent_fd, &parent, err) < 0 || !parent)
		return NULL;
	return xasprintf("%s%s%s", parent, *parent ? "/" : "", name);
}

/* ---- replacing ---- */
static int keep(struct tree *tree, const struct spot *spot, struct error *err)
{
	if (tree->kept >= KEPT_MAX)
		return error_set(err, EFBIG, "the archive replaces its own files more than %d times", KEPT_MAX);
	char name[16];
	snprintf(name, sizeof(name), "%u", tree->kept);
	if (renameat(spot->parent_fd, spot->name, tree->kept_fd, name) < 0)
		return error_sys(err, errno, "move what was there before away");
	return recipe_write_kept(tree->recipe, tree->kept++, spot->place, err);
}

static int clear_present(struct tree *tree, const struct spot *spot, const struct stat *status, struct error *err)
{
	if (S_ISDIR(status->st_mode)) {
		bool removed = unlinkat(spot->parent_fd, spot->name, AT_REMOVEDIR) == 0;
		int r = removed ? 0 : keep(tree, spot, err);
		return r;
	}
	if (S_ISREG(status->st_mode) && status->st_size > 0)
		return keep(tree, spot, err);
	if (unlinkat(spot->parent_fd, spot->name, 0) < 0)
		return error_sys(err, errno, "remove what was there before");
	return 0;
}

int tree_clear(struct tree *tree, const struct spot *spot, bool directory_stays, enum tree_former *ret,
	       struct error *err)
{
	struct stat status;
	if (!tree->xattrs) {
		auto_free char *hidden = xasprintf(".wh.%s", spot->name);
		if (unlinkat(spot->parent_fd, hidden, 0) == 0) {
			*ret = TREE_WHITEOUT;
			return 0;
		}
	}
	if (fstatat(spot->parent_fd, spot->name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return error_sys(err, errno, "look at what is there");
		*ret = TREE_NOTHING;
		return 0;
	}
	if (S_ISDIR(status.st_mode) && directory_stays) {
		*ret = TREE_DIRECTORY;
		return 0;
	}
	int r = clear_present(tree, spot, &status, err);
	if (r < 0)
		return r;
	*ret = whiteout_is_device(&status) ? TREE_WHITEOUT : TREE_REPLACED;
	return 0;
}
