/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/share/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "storage/layer/layer.h"

#define JSON_MAX ((size_t)1024 * 1024)

struct work {
	struct store *store;
	struct shared *shared; /* in memory that the mapped process shares */
};

static int open_directory(struct store *store, const char *name, struct error *err)
{
	auto_close int fd = openat(store->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, mode_readable_by_all(st.st_mode) & 07777) < 0)
		return error_sys(err, errno, "let others read %s/%s", store->root, name);
	return TAKE_FD(fd);
}

/* ---- layers ---- */
static int mark(int layer_fd, struct json_object *json, struct error *err)
{
	json_add_bool(json, "shared", true);
	auto_free char *text = json_text(json, false);
	return file_write_at(layer_fd, "layer.json", text, strlen(text), 0644, 0, err);
}

static int share_layer(struct work *work, int layers_fd, const char *hex, struct error *err)
{
	auto_json struct json_object *json = NULL;
	bool done = false;
	auto_close int fd = openat(layers_fd, hex, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* It was removed just now, or is damaged, and nobody is to use it. */
	if (fd < 0 || json_read_at(fd, "layer.json", JSON_MAX, &json, NULL) < 0)
		return 0;
	if (json_get_bool(json, "shared", &done, NULL) > 0 && done)
		return 0;
	int r = tree_make_readable(layers_fd, hex, err);
	if (r == 0)
		r = mark(fd, json, err);
	if (r < 0)
		return error_context(err, "layer %.12s", hex);
	work->shared->layers++;
	return 0;
}

static int share_layers(void *data, struct error *err)
{
	struct work *work = data;
	auto_strv struct strv layers = STRV_INIT;
	auto_close int fd = open_directory(work->store, "layers", err);
	int r = fd < 0 ? fd : layer_list(work->store, &layers, err);
	for (size_t i = 0; r == 0 && i < layers.count; i++)
		r = share_layer(work, fd, strchr(layers.items[i], ':') + 1, err);
	return r;
}

/* ---- images ---- */
static int share_images(struct work *work, struct error *err)
{
	auto_close int fd = open_directory(work->store, "images", err);
	auto_close int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	auto_closedir DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	if (!directory)
		return fd < 0 ? fd : error_sys(err, errno, "read %s/images", work->store->root);
	copy = -1;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		int r = tree_make_readable(fd, entry->d_name, err);
		if (r < 0)
			return r;
		work->shared->images++;
	}
	return tree_make_readable(work->store->root_fd, "refs", err);
}

int store_share(struct store *store, struct shared *ret, struct error *err)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return error_sys(err, errno, "get memory");
	struct work work = {store, shared};
	auto_close int root = open_directory(store, ".", err);
	int r = root < 0 ? root : store_run_mapped(store, share_layers, &work, err);
	/* Names last: who finds an image finds its layers open. */
	if (r == 0)
		r = share_images(&work, err);
	if (r == 0)
		*ret = *shared;
	munmap(shared, sizeof(*shared));
	return r;
}
