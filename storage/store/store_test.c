/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"

struct fixture {
	char path[64];
	char *root, *run;
	struct store *store;
	struct error err;
};

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	strcpy(fixture->path, "/tmp/coracle-store-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	fixture->root = xasprintf("%s/a/b/root", fixture->path);
	fixture->run = xasprintf("%s/run", fixture->path);
	if (store_open(fixture->root, fixture->run, NULL, &fixture->store, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	store_free(fixture->store);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	free(fixture->root);
	free(fixture->run);
	free(fixture);
	return 0;
}

static int count_entries(struct fixture *fixture, const char *name)
{
	int fd = openat(fixture->store->root_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fdopendir(fd);
	assert_non_null(directory);
	int count = 0;
	while (readdir(directory))
		count++;
	return count - 2;
}

static void put_file(int dirfd, const char *name)
{
	assert_int_equal(file_write_at(dirfd, name, "x", 1, 0600, 0, NULL), 0);
}

static void test_open_again(void **state)
{
	struct fixture *fixture = *state;
	assert_string_equal(fixture->store->root, fixture->root);
	auto_store struct store *again = NULL;
	assert_int_equal(store_open(fixture->root, fixture->run, "vfs", &again, NULL), 0);
	assert_string_equal(again->driver, "vfs");
	struct stat st;
	assert_int_equal(stat(fixture->root, &st), 0);
	assert_int_equal(st.st_mode & 0777, geteuid() == 0 ? 0711 : 0700);
	auto_free char *layers = xasprintf("%s/layers", fixture->root);
	assert_int_equal(stat(layers, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Root is not the root of its containers, and that one must be able to fill it. */
	assert_int_not_equal(st.st_uid, 0);
	assert_int_equal(count_entries(fixture, "mnt"), 0);
	assert_false(again->network_file_system);
}

static void test_usual_places(void **state)
{
	struct fixture *fixture = *state;
	/* Root's are /var/lib and /run, which a test leaves alone. */
	if (geteuid() == 0)
		skip();
	setenv("XDG_DATA_HOME", fixture->path, 1);
	setenv("XDG_RUNTIME_DIR", fixture->path, 1);
	auto_store struct store *store = NULL;
	assert_int_equal(store_open(NULL, NULL, NULL, &store, NULL), 0);
	auto_free char *expected = xasprintf("%s/coracle", fixture->path);
	assert_string_equal(store->root, expected);
	assert_string_equal(store->run, expected);
	/* What XDG_RUNTIME_DIR names is gone after a logout. */
	auto_free char *gone = xasprintf("%s/gone", fixture->path), *in_tmp = xasprintf("/tmp/coracle-%u", geteuid());
	setenv("XDG_RUNTIME_DIR", gone, 1);
	auto_store struct store *other = NULL;
	assert_int_equal(store_open(NULL, NULL, NULL, &other, NULL), 0);
	assert_string_equal(other->run, in_tmp);
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "", 1);
	struct store *none = NULL;
	assert_int_equal(store_open(NULL, NULL, NULL, &none, &fixture->err), -ENOENT);
	assert_non_null(strstr(fixture->err.text, "HOME"));
}

static void test_stage_and_place(void **state)
{
	struct fixture *fixture = *state;
	struct stage stage = STAGE_INIT;
	assert_int_equal(store_stage(fixture->store, &stage, NULL), 0);
	put_file(stage.fd, "f");
	assert_int_equal(count_entries(fixture, "tmp"), 2);
	assert_int_equal(stage_place(&stage, "layers/one", true, NULL), 0);
	assert_int_equal(stage.fd, -1);
	stage_drop(&stage);
	assert_int_equal(count_entries(fixture, "tmp"), 0);
	assert_int_equal(faccessat(fixture->store->root_fd, "layers/one/f", F_OK, 0), 0);

	/* The place is taken: what is there stays, and so does the stage, until it is dropped. */
	struct stage second = STAGE_INIT;
	assert_int_equal(store_stage(fixture->store, &second, NULL), 0);
	put_file(second.fd, "g");
	assert_int_equal(stage_place(&second, "layers/one", false, &fixture->err), -EEXIST);
	assert_int_equal(count_entries(fixture, "tmp"), 2);
	stage_drop(&second);
	assert_int_equal(count_entries(fixture, "tmp"), 0);
	assert_int_not_equal(faccessat(fixture->store->root_fd, "layers/one/g", F_OK, 0), 0);
}

static void test_trash(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(mkdirat(fixture->store->root_fd, "layers/x", 0700), 0);
	put_file(fixture->store->root_fd, "layers/x/f");
	assert_int_equal(store_trash(fixture->store, "layers/x", NULL), 0);
	assert_int_equal(store_trash(fixture->store, "layers/x", NULL), -ENOENT);
	assert_int_equal(count_entries(fixture, "trash"), 1);
	assert_int_equal(store_empty_trash(fixture->store, NULL), 0);
	assert_int_equal(count_entries(fixture, "trash"), 0);
}

/* The stage of a killed process is swept, that of a living one is not. */
static void test_sweep(void **state)
{
	struct fixture *fixture = *state;
	auto_stage struct stage living = STAGE_INIT;
	assert_int_equal(store_stage(fixture->store, &living, NULL), 0);
	pid_t child = fork();
	if (child == 0) {
		struct stage stage = STAGE_INIT;
		if (store_stage(fixture->store, &stage, NULL) < 0)
			_exit(1);
		put_file(stage.fd, "f");
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_entries(fixture, "tmp"), 4);
	assert_int_equal(store_empty_trash(fixture->store, &fixture->err), 0);
	assert_int_equal(count_entries(fixture, "tmp"), 2);
	assert_int_equal(count_entries(fixture, "trash"), 0);
	put_file(living.fd, "f");
	assert_int_equal(stage_place(&living, "layers/living", false, NULL), 0);
}

/* On a network file system locks are this machine's: what another machine stages has none here, and is not ours to
 * sweep. */
static void test_sweep_with_local_locks(void **state)
{
	struct fixture *fixture = *state;
	auto_free char *locks = xasprintf("%s/locks", fixture->path);
	assert_int_equal(mkdir(locks, 0700), 0);
	fixture->store->lock_fd = open(locks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int lock = store_lock(fixture->store, LOCK_MODE_EXCLUSIVE, NULL);
	assert_true(lock >= 0);
	assert_int_equal(faccessat(fixture->store->lock_fd, "store.lock", F_OK, 0), 0);
	pid_t child = fork();
	if (child == 0) {
		struct stage stage = STAGE_INIT;
		_exit(store_stage(fixture->store, &stage, NULL) < 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(mkdirat(fixture->store->root_fd, "tmp/0123456789abcdef01234567", 0700), 0);
	assert_int_equal(count_entries(fixture, "tmp"), 2);
	assert_int_equal(store_empty_trash(fixture->store, NULL), 0);
	assert_int_equal(count_entries(fixture, "tmp"), 1);
	assert_int_equal(faccessat(fixture->store->root_fd, "tmp/0123456789abcdef01234567", F_OK, 0), 0);
	assert_int_equal(faccessat(fixture->store->lock_fd, "store.lock", F_OK, 0), 0);
}

/* Many stage, place and sweep at once; nothing living is lost, nothing remains. */
static void test_sweeping_at_once(void **state)
{
	struct fixture *fixture = *state;
	enum { CHILDREN = 4, ROUNDS = 50 };
	for (int i = 0; i < CHILDREN; i++) {
		if (fork() != 0)
			continue;
		int failed = 0;
		for (int n = 0; n < ROUNDS && !failed; n++) {
			auto_stage struct stage stage = STAGE_INIT;
			auto_free char *path = xasprintf("layers/%d-%d", i, n);
			failed = store_stage(fixture->store, &stage, NULL) < 0 || mkdirat(stage.fd, "d", 0700) < 0 ||
				 store_empty_trash(fixture->store, NULL) < 0 ||
				 (n % 2 && stage_place(&stage, path, false, NULL) < 0);
		}
		_exit(failed);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_entries(fixture, "tmp"), 0);
	assert_int_equal(count_entries(fixture, "layers"), CHILDREN * ROUNDS / 2);
}

static void test_lock(void **state)
{
	struct fixture *fixture = *state;
	auto_close int shared = store_lock(fixture->store, LOCK_MODE_SHARED, NULL);
	assert_true(shared >= 0);
	auto_close int also = store_lock(fixture->store, LOCK_MODE_SHARED, NULL);
	assert_true(also >= 0);
	auto_close int fd = lock_file_open(fixture->store->root_fd, "store.lock", NULL);
	assert_int_equal(lock_try(fd, LOCK_MODE_EXCLUSIVE), -EAGAIN);
	close(TAKE_FD(shared));
	close(TAKE_FD(also));
	assert_int_equal(lock_try(fd, LOCK_MODE_EXCLUSIVE), 0);
}

static int ask_mask(void *data, struct error *err)
{
	const int *result = data;
	sigset_t blocked;
	(void)err;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	bool held = sigismember(&blocked, SIGINT) || sigismember(&blocked, SIGTERM);
	return write(*result, held ? "held" : "free", 4) == 4 ? 0 : -errno;
}

/* What copies a whole image for a container can be ended, though the command holds back what ends it. */
static void test_mapped_children_hear_signals(void **state)
{
	struct fixture *fixture = *state;
	struct signals_held held = {0};
	char text[5] = "";
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	signals_hold(&held);
	assert_int_equal(store_run_mapped(fixture->store, ask_mask, &ends[1], &fixture->err), 0);
	signals_let_through(&held);
	assert_int_equal(read(ends[0], text, 4), 4);
	assert_string_equal(text, "free");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_open_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_usual_places, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_stage_and_place, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_trash, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sweep_with_local_locks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sweeping_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_mapped_children_hear_signals, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
