/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/list/list.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fixture {
	char path[64];
	struct store *store;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-list-test-XXXXXX");
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

static void make(struct fixture *fixture, const char *name, char *ret_id)
{
	auto_reference struct reference reference = {0};
	assert_int_equal(reference_parse(name, &reference, NULL), 0);
	if (list_create(fixture->store, &reference, ret_id, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
}

static struct manifest_list *read_list(struct fixture *fixture, const char *name)
{
	struct manifest_list *list;
	if (list_read(fixture->store, name, &list, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	return list;
}

static void fill(struct list_entry *entry, const char *digest, const char *architecture)
{
	*entry = (struct list_entry){.media_type = xstrdup(MEDIA_TYPE_OCI_MANIFEST),
				     .digest = xstrdup(digest),
				     .size = 405,
				     .os = xstrdup("linux"),
				     .architecture = xstrdup(architecture)};
}

static int add(struct manifest_list *list, void *userdata, struct error *err)
{
	(void)err;
	list_add(list, userdata);
	return 0;
}

static int annotate(struct manifest_list *list, void *userdata, struct error *err)
{
	return list_annotate(list, userdata, err);
}

static int remove_digest(struct manifest_list *list, void *userdata, struct error *err)
{
	return list_remove(list, userdata, err);
}

/* The list's text, and that it is what the stored digest and size are of. */
static char *text_of(struct fixture *fixture, const char *name)
{
	auto_list struct manifest_list *list = read_list(fixture, name);
	auto_image struct image *image = NULL;
	char digest[DIGEST_TEXT_MAX];
	char *text = list_text(list->index, false);
	assert_int_equal(digest_of(text, strlen(text), digest, NULL), 0);
	assert_string_equal(list->digest, digest);
	assert_int_equal(image_find(fixture->store, name, &image, NULL), 0);
	assert_true(image->is_list);
	assert_string_equal(image->id, list->id);
	assert_string_equal(image->manifest_digest, digest);
	assert_int_equal(image->size, strlen(text));
	return text;
}

#define EMPTY "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":["
#define ENTRY(digest, architecture, more)                                                                              \
	"{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":405,\"platform\":{"         \
	"\"architecture\":\"" architecture "\",\"os\":\"linux\"" more "}"

static void test_life(void **state)
{
	struct fixture *fixture = *state;
	char id[65], same[65];
	auto_list_entry struct list_entry first = {0}, second = {0}, change = {0};
	make(fixture, "localhost/l:1", id);
	auto_free char *empty = text_of(fixture, "l:1");
	assert_string_equal(empty, EMPTY "]}");

	fill(&first, DIGEST_A, "amd64");
	fill(&second, DIGEST_B, "arm64");
	second.variant = xstrdup("v8");
	second.source = xstrdup("docker://a.b/c");
	strv_add(&second.annotations, "x=y=z");
	assert_int_equal(list_change(fixture->store, "l:1", add, &first, same, NULL), 0);
	assert_string_equal(same, id);
	assert_int_equal(list_change(fixture->store, id, add, &second, same, NULL), 0);
	auto_free char *both = text_of(fixture, "localhost/l:1");
	assert_string_equal(both, EMPTY ENTRY(DIGEST_A, "amd64", "") "}," ENTRY(
				      DIGEST_B, "arm64", ",\"variant\":\"v8\"") ",\"annotations\":{\"x\":\"y=z\"}}]}");

	change.digest = xstrdup(DIGEST_A);
	change.os_version = xstrdup("10");
	strv_add(&change.features, "sse4");
	strv_add(&change.annotations, "a=");
	assert_int_equal(list_change(fixture->store, "l:1", annotate, &change, same, NULL), 0);
	assert_int_equal(list_change(fixture->store, "l:1", remove_digest, (void *)DIGEST_B, same, NULL), 0);
	auto_free char *one = text_of(fixture, "l:1");
	assert_string_equal(
	    one, EMPTY ENTRY(DIGEST_A, "amd64",
			     ",\"os.version\":\"10\",\"features\":[\"sse4\"]") ",\"annotations\":{\"a\":\"\"}}]}");
	auto_list struct manifest_list *list = read_list(fixture, "l:1");
	assert_int_equal(json_object_object_length(list->sources), 0);
	auto_free char *docker = list_text(list->index, true);
	assert_null(strstr(docker, "annotations"));
	assert_non_null(strstr(docker, LIST_TYPE_DOCKER));
}

/* What is added again is there once, at its old place. */
static void test_replaced(void **state)
{
	struct fixture *fixture = *state;
	char id[65];
	auto_list_entry struct list_entry first = {0}, second = {0}, again = {0};
	make(fixture, "localhost/l:1", id);
	fill(&first, DIGEST_A, "amd64");
	first.source = xstrdup("docker://a.b/c");
	fill(&second, DIGEST_B, "arm64");
	fill(&again, DIGEST_A, "s390x");
	assert_int_equal(list_change(fixture->store, "l:1", add, &first, id, NULL), 0);
	assert_int_equal(list_change(fixture->store, "l:1", add, &second, id, NULL), 0);
	assert_int_equal(list_change(fixture->store, "l:1", add, &again, id, NULL), 0);
	auto_free char *text = text_of(fixture, "l:1");
	assert_string_equal(text, EMPTY ENTRY(DIGEST_A, "s390x", "") "}," ENTRY(DIGEST_B, "arm64", "") "}]}");
	auto_list struct manifest_list *list = read_list(fixture, "l:1");
	assert_int_equal(json_object_object_length(list->sources), 0);
}

static void test_refuses(void **state)
{
	struct fixture *fixture = *state;
	char id[65], other[65];
	auto_reference struct reference name = {0};
	auto_list_entry struct list_entry entry = {0};
	struct manifest_list *list = NULL;
	make(fixture, "localhost/l:1", id);
	assert_int_equal(reference_parse("localhost/l:1", &name, NULL), 0);
	assert_int_equal(list_create(fixture->store, &name, other, &fixture->err), -EEXIST);
	assert_int_equal(list_change(fixture->store, "l:1", remove_digest, (void *)DIGEST_B, other, &fixture->err),
			 -ENOENT);
	entry.digest = xstrdup(DIGEST_B);
	assert_int_equal(list_change(fixture->store, "l:1", annotate, &entry, other, &fixture->err), -ENOENT);
	assert_int_equal(list_read(fixture->store, "l:2", &list, &fixture->err), -ENOENT);
	strv_add(&entry.annotations, "no value");
	assert_int_equal(list_entry_check(&entry, &fixture->err), -EINVAL);
	auto_free char *path = xasprintf("images/%s/image.json", id);
	assert_int_equal(file_write_at(fixture->store->root_fd, path, "{\"index\":{}}", 12, 0600, 0, NULL), 0);
	assert_int_equal(list_read(fixture->store, "l:1", &list, &fixture->err), -EINVAL);
	assert_int_equal(file_write_at(fixture->store->root_fd, path,
				       "{\"manifest\":\"x\",\"created\":1,\"index\":{\"manifests\":[]},\"sources\":{}}",
				       66, 0600, 0, NULL),
			 0);
	assert_int_equal(list_read(fixture->store, "l:1", &list, &fixture->err), -EBADMSG);
	assert_null(list);
}

/* It has names as an image has, changes under all of them, and goes with them. */
static void test_names(void **state)
{
	struct fixture *fixture = *state;
	char id[65];
	auto_image struct image *image = NULL;
	auto_reference struct reference name = {0};
	auto_list_entry struct list_entry entry = {0};
	auto_strv struct strv untagged = STRV_INIT, deleted = STRV_INIT;
	make(fixture, "localhost/l:1", id);
	assert_int_equal(image_find(fixture->store, "l:1", &image, NULL), 0);
	assert_int_equal(reference_parse("a.b/c:2", &name, NULL), 0);
	assert_int_equal(image_tag(fixture->store, &name, image->manifest_digest, image->id, NULL), 0);
	fill(&entry, DIGEST_A, "amd64");
	assert_int_equal(list_change(fixture->store, "l:1", add, &entry, id, NULL), 0);
	auto_free char *one = text_of(fixture, "l:1"), *other = text_of(fixture, "a.b/c:2");
	assert_string_equal(one, other);
	image_freep(&image);
	assert_int_equal(image_find(fixture->store, "a.b/c:2", &image, NULL), 0);
	assert_int_equal(image->names.count, 2);
	assert_int_equal(image->layers.count, 0);
	assert_int_equal(image_remove(fixture->store, image, &untagged, &deleted, NULL), 0);
	assert_int_equal(untagged.count, 2);
	struct image *gone;
	assert_int_equal(image_find(fixture->store, id, &gone, NULL), -ENOENT);
}

/* Many at once: none of their changes is lost. */
static void test_parallel(void **state)
{
	enum { PROCESSES = 8, EACH = 5 };
	struct fixture *fixture = *state;
	char id[65];
	make(fixture, "localhost/l:1", id);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		for (int j = 0; j < EACH; j++) {
			auto_list_entry struct list_entry entry = {0};
			auto_free char *digest = xasprintf("sha256:%064x", (unsigned)(i * EACH + j));
			fill(&entry, digest, "amd64");
			if (list_change(fixture->store, "l:1", add, &entry, id, NULL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	auto_list struct manifest_list *list = read_list(fixture, "l:1");
	assert_int_equal(json_object_array_length(json_object_object_get(list->index, "manifests")), PROCESSES * EACH);
}

/* From a list to the image that is meant here. */
static void test_instance(void **state)
{
	struct fixture *fixture = *state;
	char id[65], image_id[65], found[65], manifest_digest[DIGEST_TEXT_MAX];
	struct platform host;
	auto_list_entry struct list_entry entry = {0};
	auto_strv struct strv diff_ids = STRV_INIT;
	auto_free char *digest = NULL, *full = NULL;
	auto_image struct image *image = NULL;
	platform_host(&host);
	auto_free char *config =
	    xasprintf("{\"architecture\":\"%s\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		      host.architecture);
	assert_int_equal(
	    image_add(fixture->store, "{}", 2, config, strlen(config), &diff_ids, 0, image_id, manifest_digest, NULL),
	    0);
	make(fixture, "localhost/l:1", id);
	assert_int_equal(image_instance(fixture->store, id, &host, found, &digest, &fixture->err), -ENOENT);
	fill(&entry, manifest_digest, host.architecture);
	assert_int_equal(list_change(fixture->store, "l:1", add, &entry, id, NULL), 0);
	assert_int_equal(image_instance(fixture->store, id, &host, found, &digest, NULL), 0);
	assert_string_equal(found, image_id);
	assert_string_equal(digest, manifest_digest);
	assert_int_equal(image_find_to_run(fixture->store, "l:1", &image, &full, &fixture->err), 0);
	assert_string_equal(image->id, image_id);
	assert_string_equal(image->manifest_digest, manifest_digest);
	assert_string_equal(full, "localhost/l:1");
	assert_int_equal(image_find_manifest(fixture->store, DIGEST_A, found, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_parallel, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_instance, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
