/* SPDX-License-Identifier: Apache-2.0 */
/* Archives made by hand, opened and loaded into a store of the test's own. What the real tools make is tested by
 * test/system/load.bats. */
#include "storage/archive/archive.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/tar/compose.h"
#include "storage/image/image.h"
#include "storage/layer/layer.h"

struct fixture {
	char path[64];
	struct store *store;
	struct strbuf layer;
	char diff_id[DIGEST_TEXT_MAX], manifest_digest[DIGEST_TEXT_MAX], config_digest[DIGEST_TEXT_MAX];
	char *config, *manifest, *index;
};

static char *member_path(const char *digest)
{
	return xasprintf("blobs/sha256/%s", digest + 7);
}

/* An image of one layer with one file. */
static void make_image(struct fixture *fixture)
{
	compose_add(&fixture->layer, (struct compose){.type = '0', .name = "etc/motd", .content = "hello"});
	compose_end(&fixture->layer);
	assert_int_equal(digest_of(fixture->layer.data, fixture->layer.length, fixture->diff_id, NULL), 0);
	fixture->config = xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/"
				    "x\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
				    fixture->diff_id);
	assert_int_equal(digest_of(fixture->config, strlen(fixture->config), fixture->config_digest, NULL), 0);
	fixture->manifest =
	    xasprintf("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" MEDIA_TYPE_OCI_CONFIG
		      "\",\"digest\":\"%s\",\"size\":%zu},"
		      "\"layers\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_LAYER "\",\"digest\":\"%s\",\"size\":%zu}]}",
		      fixture->config_digest, strlen(fixture->config), fixture->diff_id, fixture->layer.length);
	assert_int_equal(digest_of(fixture->manifest, strlen(fixture->manifest), fixture->manifest_digest, NULL), 0);
	fixture->index = xasprintf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
				   "\",\"digest\":\"%s\",\"size\":%zu,"
				   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"greeting:1\"}}]}",
				   fixture->manifest_digest, strlen(fixture->manifest));
}

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/archive-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	auto_free char *root = xasprintf("%s/root", fixture->path), *run = xasprintf("%s/run", fixture->path);
	struct error err = ERROR_INIT;
	assert_int_equal(store_open(root, run, NULL, &fixture->store, &err), 0);
	make_image(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(tree_remove_at(fixture->store->root_fd, "tmp", NULL), 0);
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	strbuf_free(&fixture->layer);
	free(fixture->config);
	free(fixture->manifest);
	free(fixture->index);
	free(fixture);
	return 0;
}

static void add_bytes(struct strbuf *tar, const char *name, const void *data, size_t length)
{
	compose_header(tar, &(struct compose){.type = '0', .name = name}, length);
	strbuf_add(tar, data, length);
	compose_pad(tar);
}

static void add_text(struct strbuf *tar, const char *name, const char *text)
{
	add_bytes(tar, name, text, strlen(text));
}

static char *write_archive(const struct fixture *fixture, const struct strbuf *tar)
{
	char *path = xasprintf("%s/archive", fixture->path);
	assert_int_equal(file_write_at(AT_FDCWD, path, tar->data, tar->length, 0600, 0, NULL), 0);
	return path;
}

static void make_oci(const struct fixture *fixture, struct strbuf *tar, const char *index)
{
	auto_free char *manifest = member_path(fixture->manifest_digest), *config = member_path(fixture->config_digest),
		       *layer = member_path(fixture->diff_id);
	add_bytes(tar, layer, fixture->layer.data, fixture->layer.length);
	add_text(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	add_text(tar, config, fixture->config);
	add_text(tar, manifest, fixture->manifest);
	add_text(tar, "./index.json", index);
	compose_end(tar);
}

static int load(const struct fixture *fixture, const struct strbuf *tar, struct strv *names, char *id,
		struct error *err)
{
	auto_image_archive struct image_archive *archive = NULL;
	auto_free char *path = write_archive(fixture, tar);
	int r = image_archive_open(fixture->store, path, NULL, &archive, err);
	if (r < 0)
		return r;
	auto_layer_batch struct layer_batch *batch = layer_batch_new(fixture->store);
	for (size_t i = 0; r == 0 && i < archive->count; i++) {
		strv_add_all(names, &archive->images[i].names);
		r = image_archive_load(fixture->store, archive, i, batch, id, err);
	}
	return r;
}

static void assert_loads(struct fixture *fixture, const struct strbuf *tar, const char *name)
{
	auto_strv struct strv names = STRV_INIT;
	struct error err = ERROR_INIT;
	char id[65];
	int r = load(fixture, tar, &names, id, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.items[0], name);
	assert_int_equal(layer_exists(fixture->store, fixture->diff_id, &err), 1);
	auto_image struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, name, &image, &err), 0);
	assert_string_equal(image->id, id);
	auto_free char *path = xasprintf("layers/%s/diff/etc/motd", fixture->diff_id + 7), *content = NULL;
	assert_int_equal(file_read_at(fixture->store->root_fd, path, 100, &content, NULL, &err), 0);
	assert_string_equal(content, "hello");
}

static void assert_refused(struct fixture *fixture, const struct strbuf *tar, const char *words)
{
	auto_strv struct strv names = STRV_INIT;
	struct error err = ERROR_INIT;
	char id[65];
	assert_true(load(fixture, tar, &names, id, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	/* Nothing half made. */
	assert_int_equal(layer_exists(fixture->store, fixture->diff_id, NULL), 0);
	assert_int_equal(unlinkat(fixture->store->root_fd, "images", AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(fixture->store->root_fd, "images", 0700), 0);
	assert_int_equal(unlinkat(fixture->store->root_fd, "tmp", AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(fixture->store->root_fd, "tmp", 0700), 0);
}

static void test_oci_archive(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	make_oci(fixture, &tar, fixture->index);
	assert_loads(fixture, &tar, "localhost/greeting:1");
	assert_loads(fixture, &tar, "localhost/greeting:1"); /* a second time: all is there */
}

static void test_docker_archive(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	auto_free char *config = xasprintf("%s.json", fixture->config_digest + 7);
	auto_free char *manifest =
	    xasprintf("[{\"Config\":\"%s\",\"RepoTags\":[\"greeting:2\"],\"Layers\":[\"abc/layer.tar\"]}]", config);
	add_bytes(&tar, "real.tar", fixture->layer.data, fixture->layer.length);
	compose_add(&tar, (struct compose){.type = '2', .name = "abc/layer.tar", .link = "../real.tar"});
	add_text(&tar, config, fixture->config);
	add_text(&tar, "manifest.json", manifest);
	compose_end(&tar);
	assert_loads(fixture, &tar, "docker.io/library/greeting:2");
}

static void test_legacy_docker_archive(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT, empty = STRBUF_INIT;
	compose_end(&empty);
	add_text(&tar, "repositories", "{\"greeting\":{\"3\":\"top\"}}");
	add_text(&tar, "top/json",
		 "{\"id\":\"top\",\"parent\":\"base\",\"os\":\"linux\",\"architecture\":\"amd64\",\"created\":\"2015-"
		 "01-02T03:04:05Z\","
		 "\"config\":{\"Cmd\":[\"/x\"]},\"container_config\":{\"Cmd\":[\"/bin/sh\",\"-c\",\"#(nop) CMD\"]}}");
	add_bytes(&tar, "top/layer.tar", empty.data, empty.length);
	add_text(&tar, "base/json", "{\"id\":\"base\",\"created\":\"2015-01-01T03:04:05Z\"}");
	add_bytes(&tar, "base/layer.tar", fixture->layer.data, fixture->layer.length);
	compose_end(&tar);
	assert_loads(fixture, &tar, "docker.io/library/greeting:3");
	auto_image struct image *image = NULL;
	assert_int_equal(image_find(fixture->store, "docker.io/library/greeting:3", &image, NULL), 0);
	assert_int_equal(image->layers.count, 2);
	assert_string_equal(image->layers.items[0], fixture->diff_id);
}

static void test_a_layer_that_is_its_own_parent(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	add_text(&tar, "repositories", "{\"x\":{\"y\":\"a\"}}");
	add_text(&tar, "a/json", "{\"parent\":\"b\"}");
	add_text(&tar, "b/json", "{\"parent\":\"a\"}");
	compose_end(&tar);
	assert_refused(fixture, &tar, "own parent");
}

static void test_wrong_digests(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	make_oci(fixture, &tar, fixture->index);
	/* In the manifest, the layer, the configuration. */
	char *places[] = {memmem(tar.data, tar.length, "schemaVersion\":2,\"config", 23),
			  memmem(tar.data, tar.length, "hello", 5), memmem(tar.data, tar.length, "/x", 2)};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		assert_non_null(places[i]);
		char before = *places[i];
		*places[i] ^= 2;
		assert_refused(fixture, &tar, "digest");
		*places[i] = before;
	}
	assert_loads(fixture, &tar, "localhost/greeting:1");
}

static void test_truncation_anywhere(void **state)
{
	struct fixture *fixture = *state;
	auto_strbuf struct strbuf tar = STRBUF_INIT;
	make_oci(fixture, &tar, fixture->index);
	for (size_t length = 1; length < tar.length - 2 * (size_t)TAR_BLOCK; length += 301) {
		struct strbuf cut = {.data = tar.data, .length = length};
		assert_refused(fixture, &cut,
			       length < TAR_BLOCK        ? "not a tar archive"
			       : length % TAR_BLOCK == 0 ? ""
							 : "truncated");
	}
}

static void test_what_is_no_image(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *index, *words;
	} cases[] = {
	    {"{\"manifests\":[]}", "no image"},
	    {"{\"manifests\":{}}", "expected an array"},
	    {"{\"manifests\":[{\"digest\":\"sha256:../../../etc/passwd\",\"size\":1}]}", "not a digest"},
	    {"{\"manifests\":[{\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\","
	     "\"size\":1}]}",
	     "there is no"},
	    {"[", "index.json"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_strbuf struct strbuf tar = STRBUF_INIT;
		make_oci(fixture, &tar, cases[i].index);
		assert_refused(fixture, &tar, cases[i].words);
	}
	auto_strbuf struct strbuf other = STRBUF_INIT;
	add_text(&other, "etc/passwd", "root");
	compose_end(&other);
	assert_refused(fixture, &other, "\"import\"");
	auto_strbuf struct strbuf large = STRBUF_INIT;
	auto_free char *spaces = xmalloc(MANIFEST_SIZE_MAX + 1);
	memset(spaces, ' ', MANIFEST_SIZE_MAX + 1);
	add_bytes(&large, "manifest.json", spaces, MANIFEST_SIZE_MAX + 1);
	compose_end(&large);
	assert_refused(fixture, &large, "at most");
}

static void test_platforms(void **state)
{
	(void)state;
	static const char text[] =
	    "{\"manifests\":[{\"digest\":\"a\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":"
	    "\"v6\"}},"
	    "{\"digest\":\"b\",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}},"
	    "{\"digest\":\"c\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
	    "{\"digest\":\"d\",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
	    "{\"digest\":\"e\",\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}}]}";
	static const struct {
		struct platform platform;
		const char *digest;
	} cases[] = {
	    {{"linux", "amd64", ""}, "c"}, {{"linux", "arm", "v7"}, "b"},    {{"linux", "arm", "v6"}, "a"},
	    {{"linux", "arm", "v8"}, "b"}, {{"linux", "arm64", "v8"}, NULL}, {{"linux", "arm", "v5"}, NULL},
	};
	auto_json struct json_object *index = NULL;
	assert_int_equal(json_parse(text, strlen(text), "index", &index, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_object *found = NULL;
		struct error err = ERROR_INIT;
		const char *digest = NULL;
		int r = index_choose(index, &cases[i].platform, &found, &err);
		assert_int_equal(r, cases[i].digest ? 0 : -ENOENT);
		if (!cases[i].digest) {
			assert_non_null(strstr(err.text, "linux/arm/v6"));
			continue;
		}
		assert_int_equal(json_get_string(found, "digest", &digest, NULL), 1);
		assert_string_equal(digest, cases[i].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_oci_archive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_docker_archive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_legacy_docker_archive, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_layer_that_is_its_own_parent, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wrong_digests, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_truncation_anywhere, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_what_is_no_image, setup, teardown),
	    cmocka_unit_test(test_platforms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
