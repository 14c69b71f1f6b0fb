/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/list/list.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/file/file.h"
#include "storage/manifest/manifest.h"

void list_free(struct manifest_list *list)
{
	json_object_put(list->index);
	json_object_put(list->sources);
	free(list->name);
	free(list);
}

/* ---- reading ---- */

static int fill(struct manifest_list *list, struct json_object *json, struct error *err)
{
	struct json_object *index = NULL, *sources = NULL, *manifests = NULL;
	const char *digest = "";
	int r = json_get_object(json, "index", &index, err);
	if (r > 0)
		r = json_get_array(index, "manifests", &manifests, err);
	if (r > 0)
		r = json_get_object(json, "sources", &sources, err);
	if (r > 0)
		r = json_get_string(json, "manifest", &digest, err);
	if (r > 0)
		r = json_get_int(json, "created", INT64_MIN, INT64_MAX, &list->created_ns, err);
	if (r <= 0)
		return r < 0 ? r : error_set(err, EINVAL, "it is damaged; make the list anew");
	list->index = json_object_get(index);
	list->sources = json_object_get(sources);
	auto_free char *text = list_text(index, false);
	r = digest_of(text, strlen(text), list->digest, err);
	if (r == 0 && strcmp(digest, list->digest) != 0)
		return error_set(err, EBADMSG, "it has not got its digest any more; make the list anew");
	return r;
}

static int read_id(struct store *store, const char *id, struct manifest_list **ret, struct error *err)
{
	auto_list struct manifest_list *list = xcalloc(1, sizeof(*list));
	auto_json struct json_object *json = NULL;
	auto_free char *path = xasprintf("images/%s/image.json", id);
	memcpy(list->id, id, sizeof(list->id));
	int r = json_read_at(store_find(store, path).fd, path, MANIFEST_SIZE_MAX, &json, err);
	if (r == 0)
		r = fill(list, json, err);
	if (r < 0)
		return error_context(err, "the list %.12s", id);
	*ret = TAKE_PTR(list);
	return 0;
}

int list_read(struct store *store, const char *name, struct manifest_list **ret, struct error *err)
{
	auto_image struct image *image = NULL;
	int r = image_find(store, name, &image, err);
	if (r < 0)
		return r;
	if (!image->is_list)
		return error_set(err, EINVAL, "%s is an image, not a list of images", name);
	auto_list struct manifest_list *list = NULL;
	r = read_id(store, image->id, &list, err);
	if (r < 0 || !list)
		return r;
	list->name = TAKE_PTR(image->found_name);
	*ret = TAKE_PTR(list);
	return 0;
}

/* ---- writing ---- */

static struct json_object *make_summary(const struct manifest_list *list, size_t size)
{
	struct json_object *json = json_object_new_object();
	json_add_string(json, "manifest", list->digest);
	json_add_int(json, "created", list->created_ns);
	json_add_int(json, "size", (int64_t)size);
	json_object_object_add(json, "layers", json_object_new_array());
	json_object_object_add(json, "index", json_object_get(list->index));
	json_object_object_add(json, "sources", json_object_get(list->sources));
	return json;
}

static int write_list(int dirfd, struct manifest_list *list, struct error *err)
{
	auto_free char *text = list_text(list->index, false);
	int r = digest_of(text, strlen(text), list->digest, err);
	if (r < 0)
		return r;
	auto_json struct json_object *json = make_summary(list, strlen(text));
	auto_free char *summary = json_text(json, false);
	if (strlen(summary) > MANIFEST_SIZE_MAX)
		return error_set(err, EFBIG, "the list would be larger than %d bytes, which no registry takes",
				 MANIFEST_SIZE_MAX);
	return file_write_at(dirfd, "image.json", summary, strlen(summary), 0600, FILE_SYNC, err);
}

struct locks {
	int store, lists;
};

static void locks_close(struct locks *locks)
{
	cleanup_close(&locks->lists);
	cleanup_close(&locks->store);
}

static int take_locks(struct store *store, struct locks *ret, struct error *err)
{
	CLEANUP(locks_close) struct locks locks = {-1, -1};
	locks.store = store_lock(store, LOCK_MODE_SHARED, err);
	if (locks.store < 0)
		return locks.store;
	locks.lists = lock_file_open(store->lock_fd >= 0 ? store->lock_fd : store->root_fd, "lists.lock", err);
	int r = locks.lists < 0 ? locks.lists : lock_take(locks.lists, LOCK_MODE_EXCLUSIVE, err);
	if (r < 0)
		return r;
	*ret = locks;
	locks = (struct locks){-1, -1};
	return 0;
}

static int place(struct store *store, struct manifest_list *list, struct error *err)
{
	auto_stage struct stage stage = STAGE_INIT;
	auto_free char *path = xasprintf("images/%s", list->id);
	int r = store_stage(store, &stage, err);
	if (r == 0)
		r = write_list(stage.fd, list, err);
	return r < 0 ? r : stage_place(&stage, path, true, err);
}

static int check_free(struct store *store, const struct reference *name, struct error *err)
{
	auto_image struct image *image = NULL;
	auto_free char *text = reference_text(name);
	int r = image_find(store, text, &image, err);
	if (r == 0)
		return error_set(err, EEXIST, "the name %s is taken by %s %.12s", text,
				 image->is_list ? "the list" : "the image", image->id);
	if (r == -ENOENT)
		error_clear(err);
	return r == -ENOENT ? 0 : r;
}

int list_create(struct store *store, const struct reference *name, char *ret_id, struct error *err)
{
	CLEANUP(locks_close) struct locks locks = {-1, -1};
	auto_list struct manifest_list *list = xcalloc(1, sizeof(*list));
	int r = take_locks(store, &locks, err);
	if (r == 0)
		r = check_free(store, name, err);
	if (r < 0)
		return r;
	text_random_hex(list->id, 32);
	list->created_ns = time_now_ns();
	list->index = json_object_new_object();
	list->sources = json_object_new_object();
	json_object_object_add(list->index, "manifests", json_object_new_array());
	r = place(store, list, err);
	if (r == 0)
		r = image_tag(store, name, list->digest, list->id, err);
	if (r == 0)
		memcpy(ret_id, list->id, sizeof(list->id));
	return r;
}

int list_change(struct store *store, const char *name, list_changer change, void *userdata, char *ret_id,
		struct error *err)
{
	CLEANUP(locks_close) struct locks locks = {-1, -1};
	auto_list struct manifest_list *list = NULL;
	int r = take_locks(store, &locks, err);
	if (r == 0)
		r = list_read(store, name, &list, err);
	if (r == 0)
		r = change(list, userdata, err);
	if (r < 0 || !list)
		return r;
	auto_free char *path = xasprintf("images/%s", list->id);
	struct store_place where = store_find(store, path);
	if (where.read_only)
		return error_set(err, EROFS, "the list %s lies in the additional image store %s, which is only read", name,
				 where.root);
	auto_close int fd = openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? error_sys(err, errno, "open %s/%s", store->root, path) : write_list(fd, list, err);
	if (r == 0)
		memcpy(ret_id, list->id, sizeof(list->id));
	return r;
}
