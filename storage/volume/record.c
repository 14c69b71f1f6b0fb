/* SPDX-License-Identifier: Apache-2.0 */
/* volume.json, and finding volumes by it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "storage/volume/internal.h"

#define RECORD_FILE "volume.json"
#define RECORD_MAX  (1 << 20)

enum {
	GONE_AGE_S = 60, /* between the making of a symlink and that of its container is less than this */
};

int volume_write(int dirfd, const struct volume *volume, struct error *err)
{
	auto_json struct json_object *object = json_object_new_object();
	json_add_string(object, "name", volume->name);
	json_add_string(object, "driver", volume->driver);
	json_add_int(object, "created", volume->created_ns);
	json_add_map(object, "labels", &volume->labels);
	json_add_map(object, "options", &volume->options);
	json_add_bool(object, "anonymous", volume->anonymous);
	auto_free char *text = json_text(object, false);
	return file_write_at(dirfd, RECORD_FILE, text, strlen(text), 0600, FILE_SYNC, err);
}

static int parse(struct json_object *object, struct volume *volume, struct error *err)
{
	const char *name = NULL, *driver = NULL;
	int r;
	if ((r = json_get_string(object, "name", &name, err)) < 0 ||
	    (r = json_get_string(object, "driver", &driver, err)) < 0 ||
	    (r = json_get_int(object, "created", INT64_MIN, INT64_MAX, &volume->created_ns, err)) < 0 ||
	    (r = json_get_map(object, "labels", &volume->labels, err)) < 0 ||
	    (r = json_get_map(object, "options", &volume->options, err)) < 0 ||
	    (r = json_get_bool(object, "anonymous", &volume->anonymous, err)) < 0)
		return r;
	if (!name || !driver)
		return error_set(err, EINVAL, "name or driver is missing");
	volume->name = xstrdup(name);
	volume->driver = xstrdup(driver);
	return 0;
}

int volume_read(struct store *store, const char *name, struct volume *ret, struct error *err)
{
	auto_json struct json_object *object = NULL;
	auto_volume struct volume volume = {0};
	auto_free char *path = xasprintf(VOLUMES "/%s/" RECORD_FILE, name);
	int r =
	    volume_name_check(name, NULL) < 0 ? -ENOENT : json_read_at(store->root_fd, path, RECORD_MAX, &object, err);
	if (r == -ENOENT) {
		error_clear(err);
		return error_set(err, ENOENT, "no such volume: %s", name);
	}
	if (r == 0)
		r = parse(object, &volume, err);
	if (r == 0 && strcmp(volume.name, name) != 0)
		r = error_set(err, EINVAL, "the record is of volume %s", volume.name);
	if (r < 0)
		return error_context(err, "volume %s", name);
	*ret = volume;
	volume = (struct volume){0};
	return 0;
}

int volume_mend(struct store *store, const char *name, struct error *err)
{
	auto_free char *path = xasprintf(VOLUMES "/%s", name);
	auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open volume %s", name);
	auto_volume struct volume volume = {
	    .name = xstrdup(name), .driver = xstrdup("local"), .created_ns = time_now_ns()};
	return volume_write(fd, &volume, err);
}

int volume_find(struct store *store, const char *name, struct volume *ret, struct error *err)
{
	int r = volume_read(store, name, ret, err);
	if (r != -ENOENT || !*name)
		return r;
	auto_strv struct strv names = STRV_INIT;
	const char *found = NULL;
	if (volume_names(store, &names, NULL) < 0)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		if (!text_starts_with(names.items[i], name))
			continue;
		if (found)
			return error_set(err, EINVAL,
					 "several volumes have names that begin with \"%s\"; give more of it", name);
		found = names.items[i];
	}
	if (!found)
		return r;
	error_clear(err);
	return volume_read(store, found, ret, err);
}

/* Whether there is a volume behind the name. */
static bool is_there(int dirfd, const char *name)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, 0) == 0)
		return S_ISDIR(st.st_mode);
	if (errno == ENOENT && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) &&
	    st.st_ctime + GONE_AGE_S < time(NULL))
		unlinkat(dirfd, name, 0);
	return false;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static int add_names(struct store *store, const char *path, struct strv *ret, struct error *err)
{
	int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "read %s/%s", store->root, path);
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return error_sys(err, errno, "read %s/%s", store->root, path);
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && is_there(fd, entry->d_name))
			strv_add(ret, entry->d_name);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return 0;
}

int volume_names(struct store *store, struct strv *ret, struct error *err)
{
	return add_names(store, VOLUMES, ret, err);
}

int volume_names_of(struct store *store, const char *container, struct strv *ret, struct error *err)
{
	auto_free char *path = xasprintf("containers/%s/" VOLUMES, container);
	auto_strv struct strv entries = STRV_INIT;
	int r = add_names(store, path, &entries, err);
	for (size_t i = 0; i < entries.count; i++) {
		char target[128];
		auto_free char *link = xasprintf("%s/%s", path, entries.items[i]);
		/* One that was kept has left its symlink here. */
		if (readlinkat(store->root_fd, link, target, sizeof(target)) < 0)
			strv_add(ret, entries.items[i]);
	}
	return r;
}
