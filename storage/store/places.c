/* SPDX-License-Identifier: Apache-2.0 */
/* The places where images are: the store itself, and additional ones that are only read. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "storage/store/internal.h"

struct additional_store {
	char *root;
	int fd;     /* -1: it cannot be used */
	int errnum; /* why */
};

/* What it must let us read to be of use. */
static int open_usable(const char *root)
{
	static const char *const names[] = {"images", "refs", "layers"};
	auto_close int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (faccessat(fd, names[i], R_OK | X_OK, 0) < 0)
			return -errno;
	return TAKE_FD(fd);
}

static bool is_same_directory(int left, int right)
{
	struct stat a, b;
	return fstat(left, &a) == 0 && fstat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void store_open_additional(struct store *store)
{
	const struct strv *roots = &store->settings.additional_image_stores;
	if (roots->count == 0)
		return;
	store->additional = xcalloc(roots->count, sizeof(*store->additional));
	for (size_t i = 0; i < roots->count; i++) {
		int fd = open_usable(roots->items[i]);
		/* Who fills it has it in his settings too. */
		if (fd >= 0 && is_same_directory(fd, store->root_fd)) {
			close(fd);
			continue;
		}
		store->additional[store->additional_count++] =
		    (struct additional_store){xstrdup(roots->items[i]), fd < 0 ? -1 : fd, fd < 0 ? -fd : 0};
	}
}

void store_close_additional(struct store *store)
{
	for (size_t i = 0; i < store->additional_count; i++) {
		free(store->additional[i].root);
		cleanup_close(&store->additional[i].fd);
	}
	free(store->additional);
}

size_t store_places(const struct store *store)
{
	return 1 + store->additional_count;
}

bool store_place(const struct store *store, size_t index, struct store_place *ret)
{
	if (index == 0) {
		*ret = (struct store_place){store->root, store->root_fd, false, 0};
		return true;
	}
	const struct additional_store *additional = &store->additional[index - 1];
	*ret = (struct store_place){additional->root, additional->fd, true, additional->errnum};
	return additional->fd >= 0;
}

struct store_place store_find(const struct store *store, const char *path)
{
	struct store_place place, own;
	store_place(store, 0, &own);
	for (size_t i = 0; store->additional_count > 0 && i < store_places(store); i++)
		if (store_place(store, i, &place) && faccessat(place.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return place;
	return own;
}

static int reopen(const char *path, int fd, struct error *err)
{
	auto_close int opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return opened < 0 || dup3(opened, fd, O_CLOEXEC) < 0 ? error_sys(err, errno, "open %s", path) : 0;
}

int store_reopen(struct store *store, struct error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < store_places(store); i++) {
		struct store_place place;
		if (store_place(store, i, &place))
			r = reopen(place.root, place.fd, err);
	}
	return r;
}

static const char *first_unreadable(const struct store *store, int *ret_errnum)
{
	struct store_place place;
	for (size_t i = 1; i < store_places(store); i++)
		if (!store_place(store, i, &place)) {
			*ret_errnum = place.errnum;
			return place.root;
		}
	return NULL;
}

bool store_places_are_readable(const struct store *store)
{
	int errnum;
	return !first_unreadable(store, &errnum);
}

int store_explain_missing(const struct store *store, struct error *err)
{
	int errnum;
	const char *root = first_unreadable(store, &errnum);
	if (root)
		error_advice(err, "; the additional image store %s cannot be read: %s", root, strerror(errnum));
	return -ENOENT;
}
