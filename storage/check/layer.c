/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/check/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"
#include "storage/layer/layer.h"
#include "storage/layer/original.h"

#define JSON_MAX     (1 << 20)
#define THREADS_MAX  64
#define ROUNDS_MAX   3
#define DIGEST_START "sha256:"

/* ---- all processors ---- */
struct share {
	struct layer_check *layer;
	void (*function)(struct layer_check *layer, size_t index);
	atomic_size_t next;
	size_t count;
};

static void *work(void *data)
{
	struct share *share = data;
	for (size_t i; (i = atomic_fetch_add(&share->next, 1)) < share->count;)
		share->function(share->layer, i);
	return NULL;
}

void layer_parallel(struct layer_check *layer, size_t count, void (*function)(struct layer_check *layer, size_t index))
{
	struct share share = {.layer = layer, .function = function, .count = count};
	pthread_t threads[THREADS_MAX];
	cpu_set_t set;
	size_t wanted = sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1, started = 0;
	/* Where no thread can be had the work is done all the same. */
	while (started + 1 < wanted && started < THREADS_MAX && pthread_create(&threads[started], NULL, work, &share) == 0)
		started++;
	work(&share);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

/* ---- problems ---- */
/* As people know the file: without our own "diff". */
static char *shown_path(const struct node *node, const char *name)
{
	auto_free char *path = node_path(node);
	const char *inside = text_starts_with(path, "diff") ? path + strlen("diff") : path;
	return name ? xasprintf("%s/%s", inside, name) : xstrdup(*inside ? inside : "/");
}

void layer_problem(struct layer_check *layer, enum problem_kind kind, struct node *node, const char *name,
		   const char *format, ...)
{
	struct problem problem = {
	    .kind = kind, .node = node, .name = name ? xstrdup(name) : NULL, .path = shown_path(node, name)};
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&problem.text, format, arguments) < 0)
		abort();
	va_end(arguments);
	pthread_mutex_lock(&layer->lock);
	size_t count = layer->problems_count;
	if ((count & (count - 1)) == 0)
		layer->problems = xrealloc(layer->problems, (count ? 2 * count : 1) * sizeof(problem));
	layer->problems[layer->problems_count++] = problem;
	pthread_mutex_unlock(&layer->lock);
}

void layer_failed(struct layer_check *layer, const struct error *err)
{
	pthread_mutex_lock(&layer->lock);
	if (!layer->failure.errnum)
		layer->failure = *err;
	pthread_mutex_unlock(&layer->lock);
}

static int compare_problems(const void *left, const void *right)
{
	const struct problem *a = left, *b = right;
	int r = strcmp(a->path, b->path);
	return r ? r : (int)a->kind - (int)b->kind;
}

static void forget_problems(struct layer_check *layer)
{
	for (size_t i = 0; i < layer->problems_count; i++) {
		free(layer->problems[i].name);
		free(layer->problems[i].path);
		free(layer->problems[i].text);
	}
	free(layer->problems);
	layer->problems = NULL;
	layer->problems_count = 0;
}

/* ---- layer.json ---- */
struct description {
	bool present, marked; /* layer.json; damaged.json */
	bool sound;           /* it says what it must */
	bool squashed, shared;
	char mapping[17];
	bool xattrs;
};

/* Whether this file system takes xattrs, and with them overlay's form of whiteouts. */
static bool takes_xattrs(int layer_fd)
{
	auto_close int diff = openat(layer_fd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char probe;
	return diff >= 0 && (fgetxattr(diff, "user.coracle.probe", &probe, sizeof(probe)) >= 0 || errno == ENODATA);
}

static bool totals_match(struct json_object *json, const struct recipe_totals *totals, const char *hex)
{
	int64_t size = -1, tar_size = -1;
	const char *diff_id = "";
	json_get_int(json, "size", 0, INT64_MAX, &size, NULL);
	json_get_int(json, "tarSize", 0, INT64_MAX, &tar_size, NULL);
	json_get_string(json, "diffID", &diff_id, NULL);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): of a model that was read */
	return size == totals->size && tar_size == totals->tar_size && text_starts_with(diff_id, DIGEST_START) &&
	       strcmp(diff_id + strlen(DIGEST_START), hex) == 0;
}

static void describe(const struct layer_check *layer, const char *mapping, const char *hex, struct description *ret)
{
	auto_json struct json_object *json = NULL;
	const char *text = NULL;
	int r = json_read_at(layer->fd, "layer.json", JSON_MAX, &json, NULL);
	*ret = (struct description){.present = r != -ENOENT, .xattrs = takes_xattrs(layer->fd)};
	if (r == -ENOENT)
		ret->marked = (r = json_read_at(layer->fd, "damaged.json", JSON_MAX, &json, NULL)) != -ENOENT;
	ret->squashed = faccessat(layer->fd, "squashfs", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	ret->sound = r == 0 && totals_match(json, &layer->model->totals, hex) &&
		     json_get_string(json, "mapping", &text, NULL) > 0 &&
		     json_get_bool(json, "xattrs", &ret->xattrs, NULL) > 0 && strlen(text) < sizeof(ret->mapping);
	json_get_bool(json, "shared", &ret->shared, NULL);
	snprintf(ret->mapping, sizeof(ret->mapping), "%s", ret->sound ? text : mapping);
}

/* What only layer.json knows, where it can be read. */
static void keep_member(int layer_fd, struct json_object *json, const char *name)
{
	auto_json struct json_object *former = NULL;
	struct json_object *member = NULL;
	if (json_read_at(layer_fd, "layer.json", JSON_MAX, &former, NULL) < 0 &&
	    json_read_at(layer_fd, "damaged.json", JSON_MAX, &former, NULL) < 0)
		return;
	if (json_get_object(former, name, &member, NULL) > 0)
		json_object_object_add(json, name, json_object_get(member));
}

static int write_description(const struct layer_check *layer, const struct description *description, const char *hex,
			     struct error *err)
{
	auto_json struct json_object *json = json_object_new_object();
	char created[TEXT_STAMP_MAX];
	auto_free char *diff_id = xasprintf(DIGEST_START "%s", hex);
	json_add_string(json, "diffID", diff_id);
	json_add_int(json, "size", layer->model->totals.size);
	json_add_int(json, "tarSize", layer->model->totals.tar_size);
	json_add_string(json, "mapping", description->mapping);
	json_add_bool(json, "xattrs", description->xattrs);
	json_add_string(json, "created", format_rfc3339_nano(created, time_now_ns()));
	keep_member(layer->fd, json, "blob");
	if (description->shared)
		json_add_bool(json, "shared", true);
	auto_free char *text = json_text(json, false);
	int r = file_write_at(layer->fd, "layer.json", text, strlen(text), 0644, FILE_SYNC, err);
	if (r == 0)
		unlinkat(layer->fd, "damaged.json", 0);
	return r;
}

/* ---- one layer ---- */
struct result {
	bool wrong, damaged;
};

static int read_model(struct layer_check *layer, const char *hex, struct error *err)
{
	char found[DIGEST_TEXT_MAX];
	auto_close int recipe = openat(layer->fd, "recipe", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (recipe < 0)
		return errno == ENOENT ? error_set(err, EBADMSG, "its recipe is missing")
				       : error_sys(err, errno, "open its recipe");
	int r = model_read(recipe, &layer->model, err);
	if (r < 0)
		return r;
	digest_text(layer->model->totals.diff_id, found);
	if (strcmp(found + strlen(DIGEST_START), hex) != 0)
		return error_set(err, EBADMSG, "its recipe is of another layer");
	layer->nodes = model_nodes(layer->model, &layer->nodes_count);
	return 0;
}

static const char *subject_of(const char *hex, char out[32])
{
	snprintf(out, 32, "layer %.12s", hex);
	return out;
}

/* What nothing in the store could be mended from. */
static bool is_lost(const struct problem *problem)
{
	const struct inode *inode = problem->node->inode;
	bool gone = problem->kind == PROBLEM_MISSING || problem->kind == PROBLEM_OTHER;
	return problem->kind == PROBLEM_CONTENT ||
	       (gone && inode->type == INODE_FILE && inode->size > 0 && (!inode->found || inode->content_lost));
}

/* Shows what was found, having mended what can be. `last`: there is no further round, which would find again what was not
 * mended. */
static void settle(struct layer_check *layer, struct check *check, const char *hex, bool mend, bool last,
		   struct result *result)
{
	char subject[32];
	subject_of(hex, subject);
	if (layer->problems_count)
		qsort(layer->problems, layer->problems_count, sizeof(*layer->problems), compare_problems);
	for (size_t i = 0; i < layer->problems_count; i++) {
		const struct problem *problem = &layer->problems[i];
		struct error err = ERROR_INIT;
		bool lost = is_lost(problem);
		int r = lost ? -ENODATA : mend ? layer_mend(layer, problem, &err) : 0;
		lost |= r == -ENODATA;
		result->wrong = true;
		if (mend && r == 0)
			check_found(check, CHECK_MENDED, subject, "%s: %s", problem->path, problem->text);
		else if (last)
			check_found(check, lost ? CHECK_LOST : CHECK_WRONG, subject, "%s: %s%s%s", problem->path,
				    problem->text, r < 0 && !lost ? "; " : "", lost ? "" : err.text);
		result->damaged |= last && (lost || r < 0);
	}
	if (mend && layer->problems_count)
		layer_mend_times(layer);
}

static void settle_description(struct layer_check *layer, struct check *check, const char *hex,
			       const struct description *description, bool mend, struct result *result)
{
	char subject[32];
	struct error err = ERROR_INIT;
	bool good = description->sound && description->present;
	if (result->damaged || good)
		return;
	result->wrong = true;
	bool mended = mend && write_description(layer, description, hex, &err) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject_of(hex, subject), "%s%s%s",
		    description->marked    ? "it is marked as damaged, and is not any more"
		    : description->present ? "layer.json is not what it was"
					   : "layer.json is missing",
		    err.text[0] ? "; " : "", err.text);
}

/* The blob as which the layer came, where it is kept. It is no loss: what is wrong with it goes. */
static void settle_original(struct layer_check *layer, struct check *check, const char *hex, bool mend,
			    struct result *result)
{
	auto_layer_blob struct layer_blob blob = {0};
	char subject[32];
	struct error err = ERROR_INIT, failure = ERROR_INIT;
	if (result->damaged)
		return;
	auto_close int fd = layer_original_open_at(layer->fd, &blob, &err);
	if (fd == -ENOENT && !err.text[0] && faccessat(layer->fd, "blob", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (fd >= 0 && (check->quick || layer_original_verify(fd, &blob, &err) == 0))
		return;
	result->wrong = true;
	bool mended = mend && layer_original_drop(layer->fd, &failure) == 0;
	check_found(check, mended ? CHECK_MENDED : CHECK_WRONG, subject_of(hex, subject), "blob: %s%s%s",
		    err.text[0] ? err.text : "nothing says what it is", failure.text[0] ? "; " : "", failure.text);
}

/* It has nothing with which it could be checked or mended. */
static void give_up(struct check *check, const char *hex, const char *text, struct result *result)
{
	char subject[32];
	check_found(check, CHECK_LOST, subject_of(hex, subject), "%s", text);
	result->wrong = result->damaged = true;
}

/* A layer that is one file: the recipe was read, and the file has its digest. */
static void check_squashed(const struct layer_check *layer, struct check *check, const char *hex,
			   const struct description *description, struct result *result)
{
	auto_json struct json_object *json = NULL;
	struct json_object *member = NULL;
	struct stat st;
	const char *digest = "";
	int64_t size = -1;
	struct error err = ERROR_INIT;
	json_read_at(layer->fd, description->present ? "layer.json" : "damaged.json", JSON_MAX, &json, NULL);
	json_get_object(json, "squashfs", &member, NULL);
	json_get_string(member, "digest", &digest, NULL);
	json_get_int(member, "size", 0, INT64_MAX, &size, NULL);
	auto_close int fd = openat(layer->fd, "squashfs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct layer_blob blob = {.digest = (char *)digest};
	if (!description->sound || !description->present)
		give_up(check, hex, "layer.json does not say what the squashfs file must be", result);
	else if (fd < 0 || fstat(fd, &st) < 0)
		give_up(check, hex, "squashfs: it cannot be opened", result);
	else if (st.st_size != size)
		give_up(check, hex, "squashfs: it has not got its size any more", result);
	else if (!check->quick && layer_original_verify(fd, &blob, &err) < 0)
		give_up(check, hex, "squashfs: it has not got its digest any more", result);
}

static int look(struct layer_check *layer, struct error *err)
{
	layer_compare(layer);
	layer_compare_content(layer);
	layer_compare_times(layer);
	if (!layer->failure.errnum)
		return 0;
	*err = layer->failure;
	return -err->errnum;
}

/* 1 when there is to be another round. */
static int check_round(struct check *check, struct layer_check *layer, const char *hex, bool mend, bool last,
		       struct result *result, struct error *err)
{
	const struct id_mapping *mapping = &check->mapping;
	struct description description;
	char key[17];
	int r = read_model(layer, hex, err);
	if (r == -EBADMSG)
		give_up(check, hex, err->text, result);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	id_mapping_key(mapping, key);
	describe(layer, mapping->single ? "single" : key, hex, &description);
	layer->single = strcmp(description.mapping, "single") == 0;
	layer->xattrs = description.xattrs;
	layer->shared = description.shared;
	if (description.squashed) {
		check_squashed(layer, check, hex, &description, result);
		return 0;
	}
	if (!layer->foreign && !layer->single && (mapping->single || strcmp(description.mapping, key) != 0)) {
		give_up(check, hex, "its files belong to other subordinate ids than this user has now", result);
		return 0;
	}
	r = look(layer, err);
	if (r < 0)
		return r;
	last |= !mend || !layer->incomplete;
	settle(layer, check, hex, mend, last, result);
	if (last)
		settle_description(layer, check, hex, &description, mend, result);
	if (last)
		settle_original(layer, check, hex, mend, result);
	return !last;
}

static void layer_check_clear(struct layer_check *layer)
{
	forget_problems(layer);
	free(layer->nodes);
	if (layer->model)
		model_free(layer->model);
	pthread_mutex_destroy(&layer->lock);
}

/* What was mended lasts, and what is lost is marked. */
static int finish(int fd, const struct result *result, bool mend, struct error *err)
{
	if (!mend || !result->wrong)
		return 0;
	if (syncfs(fd) < 0)
		return error_sys(err, errno, "write the layer to the disk");
	return result->damaged ? layer_mark_damaged(fd, err) : 0;
}

int layer_check_one(struct check *check, const struct store_place *place, const char *hex, bool mend, bool *ret_wrong,
		    bool *ret_damaged, struct error *err)
{
	auto_free char *path = xasprintf("layers/%s", hex);
	auto_close int fd = openat(place->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "open %s/%s", place->root, path);
	struct result result = {0};
	int r = 1;
	for (int round = 1; r > 0; round++) {
		CLEANUP(layer_check_clear)
		struct layer_check layer = {.check = check, .fd = fd, .foreign = place->read_only, .lock = PTHREAD_MUTEX_INITIALIZER};
		r = check_round(check, &layer, hex, mend, round == ROUNDS_MAX, &result, err);
	}
	if (r == 0)
		r = finish(fd, &result, mend, err);
	if (r < 0)
		return error_context(err, "layer %.12s", hex);
	*ret_wrong = result.wrong;
	*ret_damaged = result.damaged;
	return 0;
}
