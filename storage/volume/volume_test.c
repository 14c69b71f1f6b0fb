/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"

struct fixture {
	char directory[64];
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->directory, "/tmp/volume-test.XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	auto_free char *root = xasprintf("%s/root", fixture->directory), *run = xasprintf("%s/run", fixture->directory);
	assert_int_equal(store_open(root, run, NULL, &fixture->store, NULL), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->directory, NULL), 0);
	free(fixture);
	return 0;
}

static void make(struct store *store, const char *name)
{
	auto_volume struct volume volume = {.name = xstrdup(name)};
	strv_add(&volume.labels, "a=b=c");
	assert_int_equal(volume_create(store, &volume, NULL), 0);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);
	assert_int_equal(file_write_at(AT_FDCWD, path, text, strlen(text), 0640, 0, NULL), 0);
}

static bool has_file(const char *directory, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", directory, name);
	return access(path, F_OK) == 0;
}

/* ---- records ---- */
static void test_record(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture->store;
	struct error err = ERROR_INIT;
	auto_volume struct volume volume = {0}, again = {.name = xstrdup("one")}, found = {0};
	make(store, "one");
	assert_int_equal(volume_read(store, "one", &volume, NULL), 0);
	assert_string_equal(volume.driver, "local");
	assert_string_equal(strv_env_get(&volume.labels, "a"), "b=c");
	assert_true(volume.created_ns > 0 && !volume.anonymous);
	assert_int_equal(volume_create(store, &again, &err), -EEXIST);
	assert_string_equal(err.text, "volume one already exists");
	assert_int_equal(volume_read(store, "../images", &found, NULL), -ENOENT);
	assert_int_equal(volume_find(store, "o", &found, NULL), 0);
	make(store, "only");
	assert_int_equal(volume_find(store, "on", &found, NULL), -EINVAL);
	assert_int_equal(volume_remove(store, "one", NULL), 0);
	assert_int_equal(volume_remove(store, "one", NULL), -ENOENT);
}

static void test_names(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "0", "a.b-c_d"}, *const bad[] = {"",   ".",   "..",      "a/b",
										 "-a", "a b", "\xc3\xa4"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(volume_name_check(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(volume_name_check(bad[i], NULL), -EINVAL);
}

/* ---- those of a container ---- */
static void test_anonymous(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture->store;
	auto_strv struct strv names = STRV_INIT;
	auto_volume struct volume volume = {.name = xstrdup("aa"), .anonymous = true}, read = {0};
	assert_int_equal(volume_link(store, "aa", "c1", NULL), 0);
	assert_int_equal(volume_names(store, &names, NULL), 0);
	assert_int_equal(names.count, 0); /* its container is not there yet, and may come */
	assert_int_equal(mkdirat(store->root_fd, "containers/c1", 0700), 0);
	assert_int_equal(mkdirat(store->root_fd, "containers/c1/volumes", 0700), 0);
	auto_close int volumes = openat(store->root_fd, "containers/c1/volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(volume_make_at(store, volumes, &volume, NULL), 0);
	assert_int_equal(volume_names(store, &names, NULL), 0);
	assert_int_equal(names.count, 1);
	strv_clear(&names);
	assert_int_equal(volume_names_of(store, "c1", &names, NULL), 0);
	assert_int_equal(names.count, 1);
	assert_int_equal(volume_keep(store, "aa", NULL), 0);
	assert_int_equal(volume_keep(store, "aa", NULL), 0);
	strv_clear(&names);
	assert_int_equal(volume_names_of(store, "c1", &names, NULL), 0);
	assert_int_equal(names.count, 0);
	assert_int_equal(tree_remove_at(store->root_fd, "containers/c1", NULL), 0);
	assert_int_equal(volume_read(store, "aa", &read, NULL), 0);
	assert_true(read.anonymous);
}

/* ---- the first use ---- */
static int open_source(const struct fixture *fixture)
{
	auto_free char *path = xasprintf("%s/source", fixture->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(path, "x", "X");
	write_file(path, "y", "Y");
	assert_int_equal(chmod(path, 02751), 0);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_fill(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;
	make(fixture->store, "v");
	auto_free char *data = volume_data_path(fixture->store, "v");
	auto_close int from = open_source(fixture);
	assert_true(volume_is_fresh(data));
	assert_int_equal(volume_fill(data, &(struct volume_fill){from, getuid(), getgid()}, NULL), 0);
	assert_false(volume_is_fresh(data));
	assert_true(has_file(data, "x") && has_file(data, "y"));
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02751);
	/* Once: what is removed stays so. */
	auto_free char *x = xasprintf("%s/x", data);
	unlink(x);
	assert_int_equal(volume_fill(data, &(struct volume_fill){from, getuid(), getgid()}, NULL), 0);
	assert_false(has_file(data, "x"));
}

/* Killed while it was copied, and while it was moved in. */
static void test_fill_again(void **state)
{
	struct fixture *fixture = *state;
	make(fixture->store, "v");
	auto_free char *data = volume_data_path(fixture->store, "v"), *volume = xasprintf("%s/..", data),
		       *temp = xasprintf("%s/fill.tmp", volume), *fill = xasprintf("%s/fill", volume);
	auto_close int from = open_source(fixture);
	assert_int_equal(mkdir(temp, 0700), 0);
	write_file(temp, "half", "h");
	assert_int_equal(volume_fill(data, &(struct volume_fill){from, getuid(), getgid()}, NULL), 0);
	assert_true(has_file(data, "x") && !has_file(data, "half") && !has_file(volume, "fill.tmp"));

	write_file(volume, "fresh", "");
	assert_int_equal(mkdir(fill, 0700), 0);
	write_file(fill, "rest", "r");
	/* All of it was there already: not from the source again. */
	assert_int_equal(volume_fill(data, &(struct volume_fill){from, getuid(), getgid()}, NULL), 0);
	assert_true(has_file(data, "rest") && has_file(data, "x") && !has_file(volume, "fill") &&
		    !volume_is_fresh(data));
}

static void test_fill_not(void **state)
{
	struct fixture *fixture = *state;
	make(fixture->store, "v");
	auto_free char *data = volume_data_path(fixture->store, "v");
	auto_close int from = open_source(fixture);
	write_file(data, "own", "o");
	assert_int_equal(volume_fill(data, &(struct volume_fill){from, getuid(), getgid()}, NULL), 0);
	assert_true(has_file(data, "own") && !has_file(data, "x") && !volume_is_fresh(data));
}

/* ---- options ---- */
static int source_of(const struct fixture *fixture, const char *const *options, struct volume_source *ret,
		     struct error *err)
{
	auto_volume struct volume volume = {.name = xstrdup("v")};
	for (; *options; options++)
		strv_env_set(&volume.options, *options);
	return volume_source(fixture->store, &volume, ret, err);
}
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_source(void **state)
{
	struct fixture *fixture = *state;
	struct error err = ERROR_INIT;
	auto_volume_source struct volume_source plain = {0}, bind = {0}, tmpfs = {0}, none = {0};
	assert_int_equal(source_of(fixture, OPTIONS("o=uid=5,gid=6,noexec"), &plain, &err), 0);
	assert_int_equal(plain.kind, VOLUME_PLAIN);
	assert_int_equal(plain.uid, 5);
	assert_int_equal(plain.gid, 6);
	assert_true(strv_contains(&plain.options, "noexec") && plain.options.count == 1);
	assert_int_equal(source_of(fixture, OPTIONS("type=none", "o=bind,ro", "device=/tmp"), &bind, &err), 0);
	assert_int_equal(bind.kind, VOLUME_BIND);
	assert_string_equal(bind.path, "/tmp");
	assert_int_equal(source_of(fixture, OPTIONS("type=tmpfs", "size=2m", "o=mode=700"), &tmpfs, &err), 0);
	assert_int_equal(tmpfs.kind, VOLUME_TMPFS);
	assert_true(strv_contains(&tmpfs.options, "size=2097152") && strv_contains(&tmpfs.options, "mode=700"));
	assert_int_equal(source_of(fixture, OPTIONS("type=nfs", "device=:/srv"), &none, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "mount -t nfs :/srv /mnt/x"));
	assert_int_equal(source_of(fixture, OPTIONS("type=none", "o=bind", "device=relative"), &none, &err), -EINVAL);
	assert_int_equal(source_of(fixture, OPTIONS("size=1m"), &none, &err), -EOPNOTSUPP);
	assert_int_equal(source_of(fixture, OPTIONS("typ=tmpfs"), &none, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_record, setup, teardown),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test_setup_teardown(test_anonymous, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fill_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fill_not, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_source, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
