/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of random archives, in which names come again, links lead to each other, and whiteouts hide what was there a moment ago. Of what
 * was just unpacked the check must find nothing wrong; damage it must find, and mend.
 */
#include "storage/check/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "storage/unpack/fixture.h"

#define RANDOM_LAYERS 400
#define ENTRIES_MAX   12

/* ---- looking at a layer ---- */
struct view {
	struct check check;
	struct layer_check layer;
};

static void view_open(struct view *view, const struct layer *layer)
{
	struct error err = ERROR_INIT;
	*view = (struct view){.layer = {.fd = layer->fd,
					.single = geteuid() != 0,
					.xattrs = layer->xattrs,
					.lock = PTHREAD_MUTEX_INITIALIZER}};
	view->layer.check = &view->check;
	int r = model_read(layer->recipe, &view->layer.model, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	view->layer.nodes = model_nodes(view->layer.model, &view->layer.nodes_count);
	layer_compare(&view->layer);
	layer_compare_content(&view->layer);
	layer_compare_times(&view->layer);
	assert_string_equal(view->layer.failure.text, "");
}

static void view_close(struct view *view)
{
	for (size_t i = 0; i < view->layer.problems_count; i++) {
		free(view->layer.problems[i].name);
		free(view->layer.problems[i].path);
		free(view->layer.problems[i].text);
	}
	free(view->layer.problems);
	free(view->layer.nodes);
	model_free(view->layer.model);
}
#define auto_view CLEANUP(view_close)

static void assert_nothing_wrong(const struct layer *layer, int seed)
{
	auto_view struct view view;
	view_open(&view, layer);
	for (size_t i = 0; i < view.layer.problems_count; i++)
		print_error("seed %d: %s: %s\n", seed, view.layer.problems[i].path, view.layer.problems[i].text);
	assert_int_equal(view.layer.problems_count, 0);
}

/* ---- random archives ---- */
static const char *const names[] = {"a", "b", "a/b", "a/c", "b/a", "b/a/c", "c", "c/d", "l", "l/a", "l/b/c", ""};
static const char *const links[] = {"a", "b", "a/b", "l", "c/d", "/b", "../a", "b/a"};
static const char *const whiteouts[] = {".wh.a", "a/.wh.b", "l/.wh.a", ".wh.c", "b/.wh..wh..opq", "l/.wh..wh..opq", ".wh..wh.x"};
static const char *const contents[] = {"", "x", "some content", "other content"};

#define PICK(array) ((array)[(size_t)rand_r(seed) % ARRAY_SIZE(array)])

static void add_random(struct strbuf *tar, unsigned int *seed)
{
	struct compose entry = {.name = PICK(names),
				.mode = 0100 | (unsigned)rand_r(seed) % 07777,
				.uid = (unsigned)rand_r(seed) % 3,
				.gid = (unsigned)rand_r(seed) % 3,
				.mtime = 1 + rand_r(seed) % 1000000};
	switch (rand_r(seed) % 10) {
	case 0:
	case 1:
	case 2:
		entry.type = '0';
		entry.content = PICK(contents);
		break;
	case 3:
	case 4:
		entry.type = '5';
		break;
	case 5:
		entry.type = '2';
		entry.link = PICK(links);
		break;
	case 6:
		entry.type = '1';
		entry.link = PICK(links);
		break;
	case 7:
		entry.type = rand_r(seed) % 2 ? '6' : '3';
		break;
	default:
		entry.type = '0';
		entry.name = PICK(whiteouts);
		break;
	}
	if (entry.type == '5' || (entry.type == '0' && entry.content))
		entry.pax = rand_r(seed) % 4 ? NULL : rand_r(seed) % 2 ? "SCHILY.xattr.user.one=1\n" : "SCHILY.xattr.user.two=2\n";
	compose_add(tar, entry);
}

/* Not every one is an archive that can be unpacked. */
static bool make_random(struct layer *layer, unsigned int seed)
{
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	for (int i = rand_r(&seed) % ENTRIES_MAX; i >= 0; i--)
		add_random(&tar, &seed);
	compose_end(&tar);
	if (unpack(layer, &tar, NULL) < 0)
		return false;
	unlinkat(layer->fd, "kept", AT_REMOVEDIR);
	return true;
}

static void test_what_was_just_unpacked_is_good(void **state)
{
	(void)state;
	int unpacked = 0;
	for (int seed = 0; seed < RANDOM_LAYERS; seed++) {
		auto_layer struct layer layer;
		if (!make_random(&layer, (unsigned)seed))
			continue;
		unpacked++;
		assert_nothing_wrong(&layer, seed);
	}
	assert_true(unpacked > RANDOM_LAYERS / 10);
}

/* ---- damage ---- */
static void damage(const struct view *view, unsigned int *seed)
{
	const struct node *node = view->layer.nodes[(size_t)rand_r(seed) % view->layer.nodes_count];
	auto_free char *path = node_path(node), *extra = xasprintf("%s/extra", path);
	switch (rand_r(seed) % 5) {
	case 0:
		tree_remove_at(view->layer.fd, path, NULL);
		break;
	case 1:
		/* A link has no mode, and what was removed a moment ago neither. */
		if (fchmodat(view->layer.fd, path, 0700 | (mode_t)rand_r(seed) % 0777, AT_SYMLINK_NOFOLLOW) < 0)
			assert_true(errno == EOPNOTSUPP || errno == ENOENT || errno == ENOTDIR);
		break;
	case 2:
		utimensat(view->layer.fd, path, NULL, AT_SYMLINK_NOFOLLOW);
		break;
	case 3:
		tree_remove_at(view->layer.fd, path, NULL);
		mkdirat(view->layer.fd, path, 0755);
		break;
	default:
		mkdirat(view->layer.fd, extra, 0755);
		break;
	}
}

static int compare_paths(const void *left, const void *right)
{
	return strcmp(((const struct problem *)left)->path, ((const struct problem *)right)->path);
}

/* Mends all that it can, and returns whether that is all. */
static bool mend(const struct layer *layer, int seed)
{
	auto_view struct view view;
	bool all = true;
	view_open(&view, layer);
	if (view.layer.problems_count)
		qsort(view.layer.problems, view.layer.problems_count, sizeof(struct problem), compare_paths);
	for (size_t i = 0; i < view.layer.problems_count; i++) {
		const struct problem *problem = &view.layer.problems[i];
		struct error err = ERROR_INIT;
		int r = problem->kind == PROBLEM_CONTENT ? -ENODATA : layer_mend(&view.layer, problem, &err);
		if (r < 0 && r != -ENODATA)
			print_error("seed %d: %s: %s: %s\n", seed, problem->path, problem->text, err.text);
		assert_true(r == 0 || r == -ENODATA);
		all &= r == 0;
	}
	layer_mend_times(&view.layer);
	return all;
}

static void test_damage_is_mended(void **state)
{
	(void)state;
	int mended = 0;
	for (int seed = 0; seed < RANDOM_LAYERS; seed++) {
		auto_layer struct layer layer;
		unsigned int random = (unsigned)seed;
		if (!make_random(&layer, random))
			continue;
		{
			auto_view struct view view;
			view_open(&view, &layer);
			for (int i = 0; i < 3; i++)
				damage(&view, &random);
		}
		if (!mend(&layer, seed))
			continue;
		mended++;
		assert_nothing_wrong(&layer, seed);
	}
	assert_true(mended > RANDOM_LAYERS / 20);
}

/* ---- recipes that no unpacking makes ---- */
static void test_a_wrong_recipe_is_refused(void **state)
{
	(void)state;
	static const char diff_id[DIGEST_SHA256_SIZE];
	for (int kind = 0; kind < 3; kind++) {
		auto_layer struct layer layer;
		auto_recipe_writer struct recipe_writer *writer = NULL;
		struct model *model = NULL;
		struct error err = ERROR_INIT;
		struct recipe_entry entry = {.tar = {.type = TAR_FILE, .path = (char *)"f"}};
		struct recipe_totals totals = {0};
		memcpy(totals.diff_id, diff_id, sizeof(diff_id));
		layer_make(&layer);
		assert_int_equal(recipe_writer_new(layer.recipe, &writer, NULL), 0);
		assert_int_equal(recipe_write_entry(writer, &entry, NULL), 0);
		if (kind == 0) {
			entry.tar.path = (char *)"f/below";
			assert_int_equal(recipe_write_entry(writer, &entry, NULL), 0);
		} else if (kind == 1) {
			assert_int_equal(recipe_write_kept(writer, 0, "never/there", NULL), 0);
		} else {
			entry.tar = (struct tar_entry){.type = TAR_HARD_LINK, .path = (char *)"h", .link = (char *)"../f"};
			assert_int_equal(recipe_write_entry(writer, &entry, NULL), 0);
		}
		assert_int_equal(recipe_write_end(writer, &totals, NULL), 0);
		assert_int_equal(model_read(layer.recipe, &model, &err), -EBADMSG);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_was_just_unpacked_is_good),
	    cmocka_unit_test(test_damage_is_mended),
	    cmocka_unit_test(test_a_wrong_recipe_is_refused),
	};
	umask(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
