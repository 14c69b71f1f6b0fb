/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "storage/layer/layer.h"

struct fixture {
	char path[64];
	struct store *store;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-image-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *run = xasprintf("%s/run", fixture->path), *root = xasprintf("%s/root", fixture->path);
	if (store_open(root, run, NULL, &fixture->store, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture);
	return 0;
}

static char *diff_id(int number)
{
	return xasprintf("sha256:%064x", (unsigned)number);
}

static void make_layer(struct fixture *fixture, int number)
{
	auto_free char *id = diff_id(number), *diff = xasprintf("layers/%s/diff", strchr(id, ':') + 1);
	auto_free char *json = xasprintf("layers/%064x/layer.json", (unsigned)number);
	auto_close int fd = mkdirs_in_root(fixture->store->root_fd, diff, 0700);
	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fixture->store->root_fd, json, "{}", 2, 0600, 0, NULL), 0);
}

/* An image of layers first … last; `salt` makes it another image. */
struct made {
	char id[65], manifest[72];
};
static struct made make_image(struct fixture *fixture, const char *salt, int first, int last)
{
	struct made made;
	auto_strv struct strv layers = STRV_INIT;
	auto_strbuf struct strbuf list = STRBUF_INIT;
	for (int i = first; i <= last; i++) {
		make_layer(fixture, i);
		strv_take(&layers, diff_id(i));
		strbuf_printf(&list, "%s\"%s\"", i > first ? "," : "", layers.items[i - first]);
	}
	auto_free char *config =
	    xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-05-0%dT10:00:00Z\","
		      "\"config\":{\"Labels\":{\"salt\":\"%s\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
		      first, salt, strbuf_text(&list));
	auto_free char *manifest = xasprintf("{\"salt\":\"%s\"}", salt);
	int r = image_add(fixture->store, manifest, strlen(manifest), config, strlen(config), &layers,
			  (int64_t)1000 * last, made.id, made.manifest, &fixture->err);
	if (r < 0)
		fail_msg("%s", fixture->err.text);
	return made;
}

static void tag(struct fixture *fixture, const char *text, const struct made *made)
{
	auto_reference struct reference name = {0};
	assert_int_equal(reference_parse(text, &name, NULL), 0);
	if (image_tag(fixture->store, &name, made->manifest, made->id, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
}

static void assert_finds(struct fixture *fixture, const char *text, const struct made *made)
{
	auto_image struct image *image = NULL;
	if (image_find(fixture->store, text, &image, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	assert_string_equal(image->id, made->id);
	auto_image struct image *to_run = NULL;
	auto_free char *full = NULL;
	assert_int_equal(image_find_to_run(fixture->store, text, &to_run, &full, &fixture->err), 0);
	assert_string_equal(to_run->id, made->id);
	assert_non_null(to_run->config);
	assert_non_null(full);
}

static void assert_lacks(struct fixture *fixture, const char *text, int errnum, const char *words)
{
	struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, text, &image, &fixture->err), -errnum);
	if (!strstr(fixture->err.text, words))
		fail_msg("%s", fixture->err.text);
	assert_null(image);
}

static void test_add_and_read(void **state)
{
	struct fixture *fixture = *state;
	struct made made = make_image(fixture, "a", 1, 3);
	auto_image struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, made.id, &image, &fixture->err), 0);
	assert_string_equal(image->manifest_digest, made.manifest);
	assert_string_equal(image->architecture, "amd64");
	assert_null(image->variant);
	assert_int_equal(image->layers.count, 3);
	assert_int_equal(image->size, 3000);
	assert_int_equal(image->created_ns, 1714557600LL * 1000000000);
	assert_int_equal(image->names.count, 0);
	assert_null(image->config);
	assert_int_equal(image_load_config(fixture->store, image, NULL), 0);
	assert_non_null(image->config);
	/* Byte for byte, and again is the same. */
	auto_free char *path = xasprintf("images/%s/manifests/%s", made.id, made.manifest + 7), *data = NULL;
	assert_int_equal(file_read_at(fixture->store->root_fd, path, 100, &data, NULL, NULL), 0);
	assert_string_equal(data, "{\"salt\":\"a\"}");
	struct made again = make_image(fixture, "a", 1, 3);
	assert_string_equal(again.id, made.id);
}

static void test_refuses_other_layers(void **state)
{
	struct fixture *fixture = *state;
	struct made made;
	auto_strv struct strv layers = STRV_INIT;
	strv_take(&layers, diff_id(1));
	const char *config = "{\"rootfs\":{\"diff_ids\":[]}}";
	assert_int_equal(image_add(fixture->store, "{}", 2, config, strlen(config), &layers, 0, made.id, made.manifest,
				   &fixture->err),
			 -EINVAL);
	assert_non_null(strstr(fixture->err.text, "other layers"));
	config = "{\"rootfs\":{\"diff_ids\":[\"sha256:../../../../etc\"]}}";
	assert_int_equal(image_add(fixture->store, "{}", 2, config, strlen(config), &layers, 0, made.id, made.manifest,
				   &fixture->err),
			 -EINVAL);
	assert_lacks(fixture, "0", ENOENT, "no such image");
}

static void test_names(void **state)
{
	struct fixture *fixture = *state;
	struct made a = make_image(fixture, "a", 1, 1), b = make_image(fixture, "b", 2, 2),
		    c = make_image(fixture, "c", 3, 3);
	tag(fixture, "docker.io/library/box:latest", &a);
	assert_finds(fixture, "box", &a);
	assert_finds(fixture, "docker.io/box", &a);
	tag(fixture, "localhost/box:latest", &b);
	assert_finds(fixture, "box", &b);
	assert_finds(fixture, "docker.io/box:latest", &a);
	tag(fixture, "quay.io/some/one/tool:v1", &c);
	assert_finds(fixture, "tool:v1", &c);
	assert_finds(fixture, "one/tool:v1", &c);
	assert_lacks(fixture, "tool", ENOENT, "no such image: tool");
	assert_lacks(fixture, "ne/tool:v1", ENOENT, "no such image");
	tag(fixture, "other.io:80/tool:v1", &c);
	assert_finds(fixture, "tool:v1", &c);
	tag(fixture, "third.io/tool:v1", &a);
	assert_lacks(fixture, "tool:v1", EINVAL, "whole name");
	assert_lacks(fixture, "quay.io/some:v1", ENOENT, "no such image");
	assert_lacks(fixture, "BOX", EINVAL, "lower case");
	assert_lacks(fixture, "../box", EINVAL, "host name");
}

static void test_digests_and_ids(void **state)
{
	struct fixture *fixture = *state;
	struct made a = make_image(fixture, "a", 1, 1), b = make_image(fixture, "b", 2, 2);
	tag(fixture, "localhost/box:latest", &a);
	auto_free char *pulled = xasprintf("quay.io/x/y@%s", b.manifest);
	tag(fixture, pulled, &b);
	assert_finds(fixture, pulled, &b);
	auto_free char *by_digest = xasprintf("box@%s", a.manifest),
		       *with_tag = xasprintf("localhost/box:old@%s", a.manifest);
	assert_finds(fixture, by_digest, &a);
	assert_finds(fixture, with_tag, &a);
	auto_free char *wrong = xasprintf("box@%s", b.manifest);
	assert_lacks(fixture, wrong, ENOENT, "no such image");
	auto_free char *id = xasprintf("sha256:%s", a.id), *part = xasprintf("%.5s", b.id);
	assert_finds(fixture, id, &a);
	assert_finds(fixture, part, &b);
	auto_image struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, part, &image, NULL), 0);
	assert_int_equal(image->names.count, 1);
	assert_string_equal(image->names.items[0], pulled);
	assert_string_equal(image->digests.items[0], pulled);
	assert_lacks(fixture, "sha256:0000", ENOENT, "no such image");
	/* Every id begins with nothing. */
	assert_lacks(fixture, "sha256:", EINVAL, "");
}

static void test_ambiguous_id(void **state)
{
	struct fixture *fixture = *state;
	bool seen[16] = {false};
	for (int i = 0; i < 17; i++) {
		char salt[8];
		snprintf(salt, sizeof(salt), "%d", i);
		struct made made = make_image(fixture, salt, 1, 1);
		int digit = made.id[0] <= '9' ? made.id[0] - '0' : made.id[0] - 'a' + 10;
		char start[] = {made.id[0], '\0'};
		if (seen[digit]) {
			assert_lacks(fixture, start, EINVAL, "several");
			return;
		}
		seen[digit] = true;
		assert_finds(fixture, start, &made);
	}
	fail();
}

static void test_list(void **state)
{
	struct fixture *fixture = *state;
	struct made a = make_image(fixture, "a", 1, 1), b = make_image(fixture, "b", 2, 2),
		    c = make_image(fixture, "c", 3, 3);
	tag(fixture, "localhost/z:1", &b);
	tag(fixture, "localhost/a:1", &b);
	tag(fixture, "localhost/a:2", &b);
	tag(fixture, "localhost/a/deep/er:2", &a);
	/* What is half written, damaged or strange does not stop it. */
	struct made lost = {.manifest = "sha256:"
					"0000000000000000000000000000000000000000000000000000000000000000",
			    .id = "0000000000000000000000000000000000000000000000000000000000000000"};
	tag(fixture, "localhost/lost:1", &lost);
	int root = fixture->store->root_fd;
	assert_int_equal(file_write_at(root, "refs/localhost/a/:bad", "nonsense", 8, 0600, 0, NULL), 0);
	assert_int_equal(mkdirat(root, "images/strange", 0700), 0);
	auto_free char *summary = xasprintf("images/%s/image.json", c.id);
	assert_int_equal(file_write_at(root, summary, "{", 1, 0600, 0, NULL), 0);

	struct image **images;
	size_t count;
	assert_int_equal(image_list(fixture->store, &images, &count, &fixture->err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(images[0]->id, c.id);
	assert_int_equal(images[0]->names.count, 0);
	assert_int_equal(images[0]->layers.count, 1);
	assert_string_equal(images[1]->id, b.id);
	auto_free char *names = strv_join(&images[1]->names, " ");
	assert_string_equal(names, "localhost/a:1 localhost/a:2 localhost/z:1");
	assert_int_equal(images[1]->digests.count, 2);
	assert_string_equal(images[2]->names.items[0], "localhost/a/deep/er:2");
	image_list_free(images, count);
	assert_lacks(fixture, "localhost/lost:1", ENOENT, "no such image");
}

static bool is_there(struct fixture *fixture, const char *path)
{
	return faccessat(fixture->store->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_remove(void **state)
{
	struct fixture *fixture = *state;
	struct made a = make_image(fixture, "a", 1, 3), b = make_image(fixture, "b", 2, 5);
	tag(fixture, "localhost/x/a:1", &a);
	tag(fixture, "localhost/x/a:2", &a);
	tag(fixture, "localhost/x:b", &b);
	auto_image struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, "x/a:1", &image, NULL), 0);
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	assert_int_equal(image_remove(fixture->store, image, &untagged, &deleted, &fixture->err), 0);
	auto_free char *names = strv_join(&untagged, " "), *layer = diff_id(1);
	assert_string_equal(names, "localhost/x/a:1 localhost/x/a:2");
	assert_int_equal(deleted.count, 1);
	assert_string_equal(deleted.items[0], layer);
	assert_lacks(fixture, "x/a:1", ENOENT, "no such image");
	assert_lacks(fixture, a.id, ENOENT, "no such image");
	assert_false(is_there(fixture, "refs/localhost/x/a"));
	assert_finds(fixture, "x:b", &b);
	assert_int_equal(layer_exists(fixture->store, layer, NULL), 0);
	auto_free char *kept = diff_id(2);
	assert_int_equal(layer_exists(fixture->store, kept, NULL), 1);
}

static void test_unused_layers(void **state)
{
	struct fixture *fixture = *state;
	make_image(fixture, "a", 1, 2);
	make_layer(fixture, 7);
	make_layer(fixture, 8);
	auto_strv struct strv keep = STRV_INIT, deleted = STRV_INIT;
	strv_take(&keep, diff_id(8));
	assert_int_equal(image_remove_unused_layers(fixture->store, &keep, &deleted, &fixture->err), 0);
	assert_int_equal(deleted.count, 1);
	auto_free char *seven = diff_id(7);
	assert_string_equal(deleted.items[0], seven);
	struct error err = ERROR_INIT;
	assert_int_equal(layer_exists(fixture->store, "sha256:../../x", &err), -EINVAL);
}

/* One process names and another takes the name away, in one directory: neither fails for the other. */
static void test_tagging_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct made made = make_image(fixture, "a", 1, 1);
	pid_t children[2];
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		auto_reference struct reference name = {0};
		int failed = reference_parse(i ? "localhost/deep/one:1" : "localhost/deep/two:1", &name, NULL);
		for (int n = 0; n < 100 && failed == 0; n++) {
			failed = image_tag(fixture->store, &name, made.manifest, made.id, NULL);
			if (failed == 0)
				failed = image_untag(fixture->store, &name, NULL);
		}
		_exit(failed != 0);
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_false(is_there(fixture, "refs/localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_add_and_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refuses_other_layers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_digests_and_ids, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_ambiguous_id, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unused_layers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_tagging_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
