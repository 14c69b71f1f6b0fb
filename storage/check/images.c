/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and references. What an image's directory says twice (image.json repeats the configuration) is mended from the
 * original; a manifest or a configuration that has not got its digest any more is lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pkg/digest/digest.h"
#include "pkg/file/file.h"
#include "storage/check/check.h"
#include "storage/image/internal.h"
#include "storage/layer/layer.h"
#include "storage/list/list.h"

/* What a living process writes it has renamed by then. */
#define WRITING_S 60

struct image_check {
	struct check *check;
	const char *id;
	char subject[32];
	int fd; /* images/<id>/ */
	struct strv manifests; /* digests of the good ones */
	bool damaged;
};

static void found_damage(struct image_check *work, const char *text)
{
	work->damaged = true;
	check_found(work->check, CHECK_LOST, work->subject, "%s", text);
}

/* ---- manifests ---- */
static bool is_left_over(const struct check *check, int dirfd, const char *name)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (check->repair || st.st_ctime + WRITING_S < time(NULL));
}

static int manifest_is_good(struct image_check *work, int dirfd, const char *name)
{
	auto_free char *data = NULL, *digest = xasprintf("sha256:%s", name), *id = xasprintf("sha256:%s", work->id);
	auto_json struct json_object *json = NULL;
	struct json_object *config = NULL;
	const char *configured = NULL;
	size_t length;
	if (file_read_at(dirfd, name, IMAGE_JSON_MAX, &data, &length, NULL) < 0 || !digest_is_valid(digest) ||
	    digest_check(data, length, digest, "", NULL) < 0 || json_parse(data, length, "", &json, NULL) < 0)
		return 0;
	/* One that was made before configurations had digests names none. */
	if (json_get_object(json, "config", &config, NULL) > 0 && json_get_string(config, "digest", &configured, NULL) > 0)
		return strcmp(configured, id) == 0;
	return 1;
}

static void remove_stray(struct image_check *work, int dirfd, const char *name, const char *what)
{
	bool mended = work->check->repair && tree_remove_at(dirfd, name, NULL) == 0;
	check_found(work->check, mended ? CHECK_MENDED : CHECK_WRONG, work->subject, "%s %s", name, what);
}

static void check_manifest(struct image_check *work, int dirfd, const char *name)
{
	if (name[0] == '.') {
		if (is_left_over(work->check, dirfd, name))
			remove_stray(work, dirfd, name, "was left by a process that was killed");
	} else if (manifest_is_good(work, dirfd, name)) {
		strv_addf(&work->manifests, "sha256:%s", name);
	} else {
		check_found(work->check, CHECK_LOST, work->subject, "manifest %.12s has not got its digest any more", name);
		/* Who brings the image again brings the manifest only where there is none. */
		if (work->check->repair)
			unlinkat(dirfd, name, 0);
	}
}

static void check_manifests(struct image_check *work)
{
	int fd = openat(work->fd, "manifests", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		cleanup_close(&fd);
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			check_manifest(work, fd, entry->d_name);
	if (work->manifests.count == 0)
		found_damage(work, "it has no manifest");
}

/* ---- configuration and summary ---- */
static int read_config(struct image_check *work, struct image *image)
{
	auto_free char *data = NULL, *digest = xasprintf("sha256:%s", work->id);
	size_t length;
	if (file_read_at(work->fd, "config", IMAGE_JSON_MAX, &data, &length, NULL) < 0 ||
	    digest_check(data, length, digest, "", NULL) < 0 ||
	    json_parse(data, length, "config", &image->config, NULL) < 0 ||
	    image_fill_from_config(image, image->config, NULL) < 0) {
		found_damage(work, "its configuration has not got its digest any more");
		return -EBADMSG;
	}
	return 0;
}

/* Whether it is known how large the image is: a layer.json that is wrong is a finding of its own. */
static bool check_layers_of(struct image_check *work, struct image *image)
{
	struct check *check = work->check;
	bool known = true;
	for (size_t i = 0; i < image->layers.count; i++) {
		const char *diff_id = image->layers.items[i];
		struct layer_facts facts = {0};
		auto_free char *path = NULL;
		bool there = layer_tree_path(check->store, diff_id, &path, NULL) == 0;
		known &= layer_read_facts(check->store, diff_id, &facts, NULL) > 0;
		image->size += facts.size;
		if (there && !strv_contains(&check->damaged_layers, diff_id))
			continue;
		auto_free char *text = xasprintf("its layer %.12s is %s; load or pull the image again",
						 strchr(diff_id, ':') + 1, there ? "damaged" : "not there");
		found_damage(work, text);
	}
	return known;
}

static bool same_texts(const struct strv *left, const struct strv *right)
{
	bool same = left->count == right->count;
	for (size_t i = 0; same && i < left->count; i++)
		same = strcmp(left->items[i], right->items[i]) == 0;
	return same;
}

static bool same_text(const char *left, const char *right)
{
	return left && right ? strcmp(left, right) == 0 : left == right;
}

static bool summary_is_good(const struct image_check *work, const struct image *image)
{
	auto_image struct image *summary = NULL;
	if (faccessat(work->fd, "image.json", F_OK, 0) < 0 || image_read(work->check->store, work->id, &summary, NULL) < 0)
		return false;
	return same_texts(&summary->layers, &image->layers) && summary->size == image->size &&
	       summary->created_ns == image->created_ns && same_text(summary->architecture, image->architecture) &&
	       same_text(summary->os, image->os) && same_text(summary->variant, image->variant) &&
	       summary->manifest_digest && strv_contains(&work->manifests, summary->manifest_digest);
}

static void check_summary(struct image_check *work, const struct image *image)
{
	if (work->damaged || summary_is_good(work, image))
		return;
	struct error err = ERROR_INIT;
	bool mended = false;
	if (work->check->repair)
		mended = image_write_summary(work->fd, image, strchr(work->manifests.items[0], ':') + 1, &err) == 0;
	if (mended)
		unlinkat(work->fd, "damaged.json", 0);
	check_found(work->check, mended ? CHECK_MENDED : CHECK_WRONG, work->subject,
		    "image.json does not say what the configuration says%s%s", err.text[0] ? "; " : "", err.text);
}

static void check_strays(struct image_check *work)
{
	static const char *const known[] = {"config", "manifests", "image.json", "damaged.json"};
	auto_close int copy = reopen_fd(work->fd, O_RDONLY | O_DIRECTORY);
	auto_closedir DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	if (directory)
		copy = -1;
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		const char *name = entry->d_name;
		bool expected = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			expected |= strcmp(name, known[i]) == 0;
		if (!expected && (name[0] != '.' || is_left_over(work->check, work->fd, name)))
			remove_stray(work, work->fd, name, "is there, and should not be");
	}
}

/* A manifest list is image.json alone, which knows its digest; its names are of it whatever it says by now. */
static bool is_list(struct check *check, const char *id)
{
	auto_image struct image *image = NULL;
	return image_read(check->store, id, &image, NULL) == 0 && image->is_list;
}

static void check_list(struct check *check, const char *id)
{
	auto_list struct manifest_list *list = NULL;
	struct error err = ERROR_INIT;
	auto_free char *subject = xasprintf("list %.12s", id);
	if (list_read(check->store, id, &list, &err) < 0)
		check_found(check, CHECK_LOST, subject, "%s", err.text);
}

static int check_image(struct check *check, const struct store_place *place, const char *id, struct error *err)
{
	if (is_list(check, id)) {
		check_list(check, id);
		return 0;
	}
	auto_free char *path = xasprintf("images/%s", id);
	auto_image struct image *image = xcalloc(1, sizeof(*image));
	struct image_check work = {.check = check, .id = id};
	snprintf(work.subject, sizeof(work.subject), "image %.12s", id);
	memcpy(image->id, id, sizeof(image->id) - 1);
	auto_close int fd = openat(place->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "open %s/%s", place->root, path);
	work.fd = fd;
	check_manifests(&work);
	bool lost = read_config(&work, image) < 0;
	if (!lost && check_layers_of(&work, image))
		check_summary(&work, image);
	check_strays(&work);
	strv_free(&work.manifests);
	if (work.damaged)
		strv_add(&check->damaged_images, id);
	return lost && check->repair ? image_mark_damaged(check->store, id, err) : 0;
}

/* ---- references ---- */
struct reference_list {
	struct strv names;
	struct ref *refs;
	struct strv strays;
};

static void reference_list_free(struct reference_list *list)
{
	strv_free(&list->names);
	strv_free(&list->strays);
	free(list->refs);
}

/* Taken down first: mending changes what is walked. */
static int add_reference(void *context, const char *name, const struct ref *ref)
{
	struct reference_list *list = context;
	list->refs = xrealloc(list->refs, (list->names.count + 1) * sizeof(*list->refs));
	list->refs[list->names.count] = *ref;
	strv_add(&list->names, name);
	return 0;
}

static int add_stray(void *context, const char *path)
{
	struct reference_list *list = context;
	strv_add(&list->strays, path);
	return 0;
}

/* The image has another manifest, which its name can lead to; a name by digest cannot. */
static int mend_reference(struct check *check, const char *text, const struct ref *ref, struct error *err)
{
	auto_reference struct reference name = {0};
	auto_image struct image *image = NULL;
	int r = reference_parse(text, &name, err);
	if (r < 0)
		return r;
	if (name.tag && image_read(check->store, ref->id, &image, NULL) == 0 && image->manifest_digest)
		return image_tag(check->store, &name, image->manifest_digest, ref->id, err);
	return image_untag(check->store, &name, err);
}

static void check_reference(struct check *check, const char *name, const struct ref *ref)
{
	struct error err = ERROR_INIT;
	auto_free char *image = xasprintf("images/%s", ref->id);
	auto_free char *manifest = xasprintf("%s/manifests/%s", image, strchr(ref->manifest, ':') + 1);
	auto_free char *subject = xasprintf("name %s", name);
	int place = store_find(check->store, image).fd;
	bool there = faccessat(place, image, F_OK, 0) == 0;
	if (there && (faccessat(store_find(check->store, manifest).fd, manifest, F_OK, 0) == 0 || is_list(check, ref->id)))
		return;
	/* What can be loaded again keeps its name. */
	bool mended = check->repair && !(there && strv_contains(&check->damaged_images, ref->id)) &&
		      (there || store_places_are_readable(check->store)) &&
		      mend_reference(check, name, ref, &err) == 0;
	if (there)
		check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject,
			    "it means a manifest that image %.12s does not have", ref->id);
	else
		check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject, "its image %.12s is not there", ref->id);
}

static void check_stray(struct check *check, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	bool left = name[0] == '.';
	if (left && !is_left_over(check, check->store->root_fd, path))
		return;
	bool mended = check->repair && unlinkat(check->store->root_fd, path, 0) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, path,
		    left ? "it was left by a process that was killed"
			 : "the reference is damaged; give the image this name again with 'coracle tag'");
}

static int check_references(struct check *check, struct error *err)
{
	CLEANUP(reference_list_free) struct reference_list list = {0};
	int r = refs_walk(check->store, add_reference, &list, err);
	if (r == 0)
		r = refs_walk_strays(check->store, add_stray, &list, err);
	for (size_t i = 0; r == 0 && i < list.names.count; i++)
		check_reference(check, list.names.items[i], &list.refs[i]);
	for (size_t i = 0; r == 0 && i < list.strays.count; i++)
		check_stray(check, list.strays.items[i]);
	return r;
}

/* ---- all ---- */
static int list_images(const struct store_place *place, struct strv *ret, struct error *err)
{
	int fd = openat(place->fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s/images", place->root);
		cleanup_close(&fd);
		return r;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (strlen(entry->d_name) == 64 && text_is_hex(entry->d_name, 64))
			strv_add(ret, entry->d_name);
	return 0;
}

static int check_place(struct check *check, const struct store_place *place, struct error *err)
{
	auto_strv struct strv ids = STRV_INIT;
	int r = list_images(place, &ids, err);
	for (size_t i = 0; r == 0 && i < ids.count; i++)
		r = check_image(check, place, ids.items[i], err);
	return r;
}

int check_images(struct check *check, struct error *err)
{
	bool repair = check->repair;
	auto_close int lock = store_lock(check->store, repair ? LOCK_MODE_EXCLUSIVE : LOCK_MODE_SHARED, err);
	int r = lock < 0 ? lock : 0;
	for (size_t i = 0; r == 0 && i < store_places(check->store); i++) {
		struct store_place place;
		bool readable = store_place(check->store, i, &place);
		check->repair = repair && !place.read_only;
		if (readable)
			r = check_place(check, &place, err);
	}
	check->repair = repair;
	return r == 0 ? check_references(check, err) : r;
}
