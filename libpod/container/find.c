/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "libpod/container/container.h"
#include "libpod/container/name.h"
#include "pkg/cleanup/cleanup.h"

#define ID_LENGTH 64

static bool is_id(const char *text)
{
	return strlen(text) == ID_LENGTH && text_is_hex(text, ID_LENGTH);
}

/* Calls `found` for each entry of a directory of the store. */
static int read_list(struct store *store, const char *name, void (*found)(void *userdata, const char *entry), void *userdata,
		     struct error *err)
{
	int fd = openat(store->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s/%s", store->root, name);
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return error_sys(err, errno, "read %s/%s", store->root, name);
	}
	struct dirent *entry;
	errno = 0;
	while ((entry = readdir(directory)))
		found(userdata, entry->d_name);
	return errno ? error_sys(err, errno, "read %s/%s", store->root, name) : 0;
}

static void add_id(void *userdata, const char *entry)
{
	if (is_id(entry))
		strv_add(userdata, entry);
}

int container_ids(struct store *store, struct strv *ret, struct error *err)
{
	return read_list(store, "containers", add_id, ret, err);
}

static void add_name(void *userdata, const char *entry)
{
	if (entry[0] != '.')
		strv_add(userdata, entry);
}

int container_names(struct store *store, struct strv *ret, struct error *err)
{
	return read_list(store, "names", add_name, ret, err);
}

static int find_by_prefix(struct store *store, const char *prefix, char *ret_id, struct error *err)
{
	size_t length = strlen(prefix);
	if (length == 0 || length > ID_LENGTH || !text_is_hex(prefix, length))
		return error_set(err, ENOENT, "no such container: %s", prefix);
	auto_strv struct strv ids = STRV_INIT;
	int r = container_ids(store, &ids, err);
	if (r < 0)
		return r;
	const char *found = NULL;
	for (size_t i = 0; i < ids.count; i++) {
		if (!text_starts_with(ids.items[i], prefix))
			continue;
		if (found)
			return error_set(err, EINVAL, "%s is the beginning of more than one container's id: write more of it", prefix);
		found = ids.items[i];
	}
	if (!found)
		return error_set(err, ENOENT, "no such container: %s", prefix);
	memcpy(ret_id, found, ID_LENGTH + 1);
	return 0;
}

int container_find(struct store *store, const char *name, struct container **ret, struct error *err)
{
	char id[ID_LENGTH + 1];
	if (is_id(name) && container_read(store, name, ret, err) == 0)
		return 0;
	error_clear(err);
	if (*name == '/')
		name++; /* as docker's inspect prints names */
	/* A name is tested before it becomes part of a path. */
	if (container_name_check(name, NULL) == 0 && name_resolve(store->root_fd, name, id) == 0 && is_id(id)) {
		int r = container_read(store, id, ret, err);
		if (r != -ENOENT)
			return r;
		error_clear(err);
	}
	int r = find_by_prefix(store, name, id, err);
	return r < 0 ? r : container_read(store, id, ret, err);
}
