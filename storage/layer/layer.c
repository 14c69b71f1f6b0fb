/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/json/json.h"
#include "pkg/file/file.h"
#include "storage/layer/hold.h"
#include "storage/reference/reference.h"

enum {
	LAYER_JSON_MAX = 1024 * 1024,
};

static const char *hex_of(const char *digest)
{
	const char *colon = strchr(digest, ':');
	return colon ? colon + 1 : digest;
}

/* 1, or 0 when the layer is not there. */
static int read_json(struct store *store, const char *diff_id, struct json_object **ret, struct error *err)
{
	if (!digest_is_valid(diff_id))
		return error_set(err, EINVAL, "\"%s\" is not a diff id", diff_id);
	auto_free char *path = xasprintf("layers/%s/layer.json", hex_of(diff_id));
	int r = json_read_at(store_find(store, path).fd, path, LAYER_JSON_MAX, ret, err);
	if (r == -ENOENT) {
		error_clear(err);
		return 0;
	}
	if (r < 0) {
		error_context(err, "layer %s", diff_id);
		return error_advice(err, "; 'coracle system check --repair' mends it");
	}
	return 1;
}

int layer_exists(struct store *store, const char *diff_id, struct error *err)
{
	auto_json struct json_object *json = NULL;
	return read_json(store, diff_id, &json, err);
}

int layer_read_facts(struct store *store, const char *diff_id, struct layer_facts *ret, struct error *err)
{
	auto_json struct json_object *json = NULL;
	struct layer_facts facts = {0};
	int r = read_json(store, diff_id, &json, err);
	if (r <= 0)
		return r;
	r = json_get_int(json, "size", 0, INT64_MAX, &facts.size, err);
	if (r >= 0)
		r = json_get_int(json, "tarSize", 0, INT64_MAX, &facts.tar_size, err);
	struct json_object *blob = NULL;
	if (r >= 0 && (r = json_get_object(json, "blob", &blob, err)) > 0)
		r = json_get_int(blob, "size", 0, INT64_MAX, &facts.kept, err);
	if (r >= 0 && (r = json_get_object(json, "squashfs", &blob, err)) > 0)
		r = json_get_int(blob, "size", 0, INT64_MAX, &facts.squashed, err);
	if (r < 0)
		return error_context(err, "layer %s", diff_id);
	*ret = facts;
	return 1;
}

int64_t layer_room(const struct layer_facts *facts)
{
	return (facts->squashed ? facts->squashed : facts->size) + facts->kept;
}

bool layer_is_foreign(struct store *store, const char *diff_id)
{
	auto_json struct json_object *json = NULL;
	auto_free char *path = xasprintf("layers/%s/diff", hex_of(diff_id));
	struct store_place place = store_find(store, path);
	struct id_mapping mapping;
	struct stat st;
	const char *made_with = NULL;
	char key[17];
	if (!place.read_only)
		return false;
	if (read_json(store, diff_id, &json, NULL) <= 0 || json_get_string(json, "mapping", &made_with, NULL) <= 0 ||
	    store_mapping(store, &mapping, NULL) < 0)
		return true;
	if (mapping.single)
		return strcmp(made_with, "single") != 0 || fstatat(place.fd, path, &st, 0) < 0 ||
		       st.st_uid != geteuid();
	id_mapping_key(&mapping, key);
	return strcmp(made_with, key) != 0;
}

int layer_size(struct store *store, const char *diff_id, int64_t *ret, struct error *err)
{
	auto_free char *path = xasprintf("layers/%s/layer.json", hex_of(diff_id));
	auto_json struct json_object *json = NULL;
	int r = json_read_at(store_find(store, path).fd, path, LAYER_JSON_MAX, &json, err);
	if (r == 0)
		r = json_get_int(json, "size", 0, INT64_MAX, ret, err);
	return r < 0 ? error_context(err, "layer %s", diff_id) : 0;
}

static int is_gone(const struct store *store, const char *diff_id, struct error *err)
{
	error_set(err, ENOENT, "layer %.12s is not there any more; load or pull its image again", hex_of(diff_id));
	return store_explain_missing(store, err);
}

int layer_open(struct store *store, const char *diff_id, struct error *err)
{
	int held = layer_held(store, diff_id);
	if (held >= 0)
		return reopen_fd(held, O_RDONLY | O_DIRECTORY);
	auto_free char *path = xasprintf("layers/%s", hex_of(diff_id));
	struct store_place place = store_find(store, path);
	int fd = openat(place.fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? is_gone(store, diff_id, err) : error_sys(err, errno, "open %s/%s", place.root, path);
}

int layer_tree_path(struct store *store, const char *diff_id, char **ret, struct error *err)
{
	auto_free char *path = xasprintf("layers/%s/diff", hex_of(diff_id));
	struct store_place place = store_find(store, path);
	if (place.read_only || faccessat(place.fd, path, F_OK, 0) == 0) {
		*ret = xasprintf("%s/%s", place.root, path);
		return 0;
	}
	return is_gone(store, diff_id, err);
}

int layer_list(struct store *store, struct strv *ret, struct error *err)
{
	struct store_place own;
	store_place(store, 0, &own);
	return layer_list_place(&own, ret, err);
}

int layer_list_place(const struct store_place *place, struct strv *ret, struct error *err)
{
	int fd = openat(place->fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/layers", place->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strlen(entry->d_name) == 64 && text_is_hex(entry->d_name, 64))
			strv_addf(ret, "sha256:%s", entry->d_name);
	return 0;
}

/* A damaged layer is taken out of its place first. Killed between the two, the layer is missing, and nobody was told
 * that it is there. */
int layer_place(struct stage *stage, const char *diff_id, struct error *err)
{
	struct store *store = stage->store;
	auto_free char *path = xasprintf("layers/%s", hex_of(diff_id));
	int r = stage_place(stage, path, false, err);
	if (r != -EEXIST || layer_exists(store, diff_id, NULL) != 0)
		return r;
	error_clear(err);
	r = store_trash(store, path, err);
	if (r == 0 || r == -ENOENT)
		r = stage_place(stage, path, false, err);
	store_empty_trash(store, NULL);
	return r;
}

int layer_replace(struct stage *stage, const char *diff_id, struct error *err)
{
	struct store *store = stage->store;
	auto_free char *path = xasprintf("layers/%s", hex_of(diff_id)), *staged = xasprintf("tmp/%s", stage->name);
	if (renameat2(store->root_fd, staged, store->root_fd, path, RENAME_EXCHANGE) == 0)
		return store_trash(store, staged, err); /* the former; the stage is empty for who drops it */
	/* NFS cannot exchange. Killed between the two, it has lost the layer, which the next load or pull brings. */
	int r = store_trash(store, path, err);
	return r == 0 || r == -ENOENT ? stage_place(stage, path, false, err) : r;
}

int layer_mark_damaged(int layer_fd, struct error *err)
{
	if (renameat(layer_fd, "layer.json", layer_fd, "damaged.json") < 0 && errno != ENOENT)
		return error_sys(err, errno, "mark the layer as damaged");
	return fsync(layer_fd) < 0 ? error_sys(err, errno, "mark the layer as damaged") : 0;
}
