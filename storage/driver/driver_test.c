/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each driver in a real user and mount namespace. What is checked is what a container sees; what a driver cannot do on
 * this machine (no /dev/fuse) is said and left out, the kernel's overlay and copies never.
 */
#include "storage/driver/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/layer/layer.h"

struct fixture {
	char path[64];
	struct store *store;
	struct strv layers;
	char *container;
	bool single;
	struct error err;
};

/* In a child nothing of cmocka works: it says where it failed, and ends. */
#define REQUIRE(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));           \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static int open_fixture(void **state, const char *name)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	snprintf(fixture->path, sizeof(fixture->path), "/tmp/coracle-driver-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->path));
	assert_int_equal(chmod(fixture->path, 0755), 0);
	auto_free char *root = xasprintf("%s/%s", fixture->path, name), *run = xasprintf("%s/run", fixture->path);
	if (store_open(root, run, NULL, &fixture->store, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	fixture->container = xasprintf("%s/containers/one", root);
	struct id_mapping mapping;
	assert_int_equal(store_mapping(fixture->store, &mapping, NULL), 0);
	fixture->single = mapping.single;
	*state = fixture;
	return 0;
}

static int set_up(void **state)
{
	return open_fixture(state, "root");
}

/* All that options of mount(2) and of fuse-overlayfs would trip over, and longer than fsconfig(2) takes a string. */
static int set_up_strange(void **state)
{
	char name[512];
	size_t length = (size_t)snprintf(name, sizeof(name), "a:b,c\\d e\\\\f\\,g/");
	memset(name + length, 'x', 200);
	memcpy(name + length + 200, "/y:z", 4);
	memset(name + length + 204, 'y', 100);
	name[length + 304] = '\0';
	return open_fixture(state, name);
}

static int remove_all(void *data, struct error *err)
{
	const struct fixture *fixture = data;
	int r = tree_remove_at(fixture->store->root_fd, "layers", err);
	return r < 0 ? r : tree_remove_at(fixture->store->root_fd, "containers", err);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (store_run_mapped(fixture->store, remove_all, fixture, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
	assert_int_equal(tree_remove_at(AT_FDCWD, fixture->path, NULL), 0);
	store_free(fixture->store);
	strv_free(&fixture->layers);
	free(fixture->container);
	free(fixture);
	return 0;
}

/* ---- layers, made as root of the user namespace ---- */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	REQUIRE(fd >= 0);
	REQUIRE(write_all(fd, text, strlen(text)) == 0);
	close(fd);
}

static bool has(const char *path, const char *text)
{
	char found[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, found, sizeof(found) - 1);
	close(fd);
	return n >= 0 && strcmp(found, text) == 0;
}

struct layer {
	struct fixture *fixture;
	void (*fill)(int number);
	int number;
};

static int fill_layer(void *data, struct error *err)
{
	(void)err;
	const struct layer *layer = data;
	const char *id = layer->fixture->layers.items[layer->number];
	auto_free char *diff = xasprintf("layers/%s/diff", strchr(id, ':') + 1);
	auto_close int fd = mkdirs_in_root(layer->fixture->store->root_fd, diff, 0755);
	REQUIRE(fd >= 0);
	REQUIRE(fchdir(fd) == 0);
	layer->fill(layer->number);
	return 0;
}

static void add_layers(struct fixture *fixture, int count, void (*fill)(int number))
{
	for (int i = 0; i < count; i++) {
		strv_addf(&fixture->layers, "sha256:%064d", i);
		struct layer layer = {fixture, fill, i};
		if (store_run_mapped(fixture->store, fill_layer, &layer, &fixture->err) < 0)
			fail_msg("%s", fixture->err.text);
	}
}

static void fill_two(int number)
{
	if (number == 0) {
		put("a", "a");
		put("gone", "x");
		put("owned", "o");
		/* With one id there is no other owner; then this is nothing. */
		REQUIRE(chown("owned", 1000, 1001) == 0 || errno == EINVAL);
		REQUIRE(chmod("owned", 04750) == 0);
		REQUIRE(mkdir("dir", 0755) == 0 && mkdir("opaque", 0755) == 0 && mkdir("replaced", 0755) == 0);
		put("dir/x", "1");
		put("dir/y", "1");
		put("opaque/old", "1");
		put("replaced/f", "1");
		REQUIRE(link("a", "b") == 0);
		REQUIRE(symlink("/etc/x", "link") == 0);
	} else {
		REQUIRE(mkdir("dir", 0711) == 0 && mkdir("opaque", 0755) == 0);
		put("dir/x", "2");
		put("opaque/new", "2");
		put("replaced", "2");
		REQUIRE(mknod("gone", S_IFCHR, makedev(0, 0)) == 0);
		REQUIRE(setxattr("opaque", "user.overlay.opaque", "y", 1, 0) == 0);
	}
}

/* ---- a container ---- */

static int receive_descriptor(int socket)
{
	char byte;
	struct iovec iov = {&byte, 1};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)};
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&message))
		return -1;
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

struct run {
	struct rootfs *rootfs;
	void (*look)(const struct rootfs *rootfs);
};

static _Noreturn void first_process(const struct run *run, int socket)
{
	struct error err = ERROR_INIT;
	REQUIRE(unshare(CLONE_NEWNS) == 0);
	REQUIRE(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) == 0);
	if (rootfs_mount(run->rootfs, socket, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	REQUIRE(chdir(run->rootfs->target) == 0);
	run->look(run->rootfs);
	_exit(0);
}

/* The part of the monitor: root in the user namespace, outside of the mount namespace; serves, and waits. */
static int monitor(void *data, struct error *err)
{
	const struct run *run = data;
	int sockets[2];
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	pid_t pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0)
		first_process(run, sockets[1]);
	close(sockets[1]);
	pid_t server = 0;
	if (run->rootfs->driver == DRIVER_FUSE_OVERLAYFS) {
		int fuse = receive_descriptor(sockets[0]);
		REQUIRE(fuse >= 0);
		int r = rootfs_serve_fuse(run->rootfs, 0, fuse, &server, err);
		close(fuse);
		if (r < 0)
			return r;
	}
	int status, served;
	REQUIRE(waitpid(pid, &status, 0) == pid);
	/* The server ends with the mount, which ended with its only namespace. */
	if (server)
		REQUIRE(waitpid(server, &served, 0) == server);
	char path[512];
	snprintf(path, sizeof(path), "%s/a", run->rootfs->target);
	if (run->rootfs->driver != DRIVER_VFS)
		REQUIRE(access(path, F_OK) < 0);
	return status == 0 ? 0 : error_set(err, EIO, "the container ended with status %d", status);
}

static void run(struct fixture *fixture, struct rootfs *rootfs, void (*look)(const struct rootfs *rootfs))
{
	struct run data = {rootfs, look};
	if (store_run_mapped(fixture->store, monitor, &data, &fixture->err) < 0)
		fail_msg("%s: %s", driver_name(rootfs->driver), fixture->err.text);
}

static void prepare(struct fixture *fixture, enum driver driver, struct rootfs *ret)
{
	auto_stage struct stage stage = STAGE_INIT;
	assert_int_equal(store_stage(fixture->store, &stage, NULL), 0);
	int r = stage_place(&stage, "containers/one", false, NULL);
	assert_true(r == 0 || r == -EEXIST);
	if (rootfs_prepare(fixture->store, driver, &fixture->layers, fixture->container, ret, &fixture->err) < 0)
		fail_msg("%s", fixture->err.text);
}

static bool can_fuse(void)
{
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	auto_free char *program = find_program("fuse-overlayfs");
	if (fd < 0 || !program)
		print_message("fuse-overlayfs is not tested: no %s\n", program ? "/dev/fuse" : "fuse-overlayfs");
	return fd >= 0 && program;
}

/* ---- what a container sees ---- */

static bool single; /* for the children, which see the parent's memory */

static void look_at_two(const struct rootfs *rootfs)
{
	(void)rootfs;
	struct stat st, other;
	REQUIRE(has("a", "a") && has("dir/x", "2") && has("dir/y", "1"));
	REQUIRE(access("gone", F_OK) < 0 && errno == ENOENT);
	REQUIRE(has("opaque/new", "2") && access("opaque/old", F_OK) < 0);
	REQUIRE(has("replaced", "2"));
	REQUIRE(stat("dir", &st) == 0 && (st.st_mode & 07777) == 0711);
	REQUIRE(stat("a", &st) == 0 && stat("b", &other) == 0 && st.st_ino == other.st_ino);
	REQUIRE(stat("owned", &st) == 0 && (st.st_mode & 07777) == 04750);
	REQUIRE(single || (st.st_uid == 1000 && st.st_gid == 1001));
	/* A copy-up keeps owner and mode; a removal is a whiteout; a directory in place of a file is opaque. */
	REQUIRE(chmod("owned", 0640) == 0);
	REQUIRE(stat("owned", &st) == 0 && (st.st_mode & 07777) == 0640);
	REQUIRE(single || (st.st_uid == 1000 && st.st_gid == 1001));
	REQUIRE(unlink("a") == 0 && unlink("dir/y") == 0);
	REQUIRE(unlink("opaque/new") == 0 && rmdir("opaque") == 0 && mkdir("opaque", 0755) == 0);
	put("dir/x", "3");
}

static void look_again(const struct rootfs *rootfs)
{
	(void)rootfs;
	struct stat st;
	REQUIRE(access("a", F_OK) < 0 && access("dir/y", F_OK) < 0);
	REQUIRE(access("opaque/old", F_OK) < 0 && access("opaque/new", F_OK) < 0 && access("opaque", F_OK) == 0);
	REQUIRE(has("dir/x", "3") && has("b", "a"));
	REQUIRE(stat("owned", &st) == 0 && (st.st_mode & 07777) == 0640);
}

static void check_two(struct fixture *fixture, enum driver driver)
{
	single = fixture->single;
	add_layers(fixture, 2, fill_two);
	for (int i = 0; i < 2; i++) {
		auto_rootfs struct rootfs rootfs = {0};
		prepare(fixture, driver, &rootfs);
		run(fixture, &rootfs, i == 0 ? look_at_two : look_again);
	}
	/* The layers are as they were. */
	auto_free char *diff = xasprintf("layers/%s/diff", strchr(fixture->layers.items[1], ':') + 1);
	auto_close int fd = openat(fixture->store->root_fd, diff, O_PATH | O_CLOEXEC);
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(fd, "dir/x", 10, &text, NULL, NULL), 0);
	assert_string_equal(text, "2");
}

static void test_overlay(void **state)
{
	check_two(*state, DRIVER_OVERLAY);
}

static void test_fuse(void **state)
{
	if (can_fuse())
		check_two(*state, DRIVER_FUSE_OVERLAYFS);
}

static void test_vfs(void **state)
{
	check_two(*state, DRIVER_VFS);
}

static void look_read_only(const struct rootfs *rootfs)
{
	(void)rootfs;
	REQUIRE(has("dir/x", "2") && access("gone", F_OK) < 0);
	REQUIRE(mkdir("new", 0755) < 0 && errno == EROFS);
	REQUIRE(unlink("a") < 0 && errno == EROFS);
}

static void look_one_layer(const struct rootfs *rootfs)
{
	(void)rootfs;
	REQUIRE(has("dir/x", "1"));
	REQUIRE(mkdir("new", 0755) < 0 && errno == EROFS);
}

static void check_read_only(struct fixture *fixture, enum driver driver)
{
	auto_rootfs struct rootfs rootfs = {0};
	prepare(fixture, driver, &rootfs);
	free(rootfs.upper);
	free(rootfs.work);
	rootfs.upper = rootfs.work = NULL;
	run(fixture, &rootfs, look_read_only);
	strv_remove(&rootfs.lowers, 1);
	run(fixture, &rootfs, look_one_layer);
}

static void test_read_only(void **state)
{
	struct fixture *fixture = *state;
	add_layers(fixture, 2, fill_two);
	check_read_only(fixture, DRIVER_OVERLAY);
	if (can_fuse())
		check_read_only(fixture, DRIVER_FUSE_OVERLAYFS);
}

enum { MANY = 130 };

static void fill_many(int number)
{
	char name[16];
	snprintf(name, sizeof(name), "%d", number);
	put(name, name);
	put("all", name);
}

static void look_at_many(const struct rootfs *rootfs)
{
	(void)rootfs;
	for (int i = 0; i < MANY; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", i);
		REQUIRE(has(name, name));
	}
	REQUIRE(has("all", "129"));
}

static void test_many_layers(void **state)
{
	struct fixture *fixture = *state;
	add_layers(fixture, MANY, fill_many);
	for (enum driver driver = DRIVER_OVERLAY; driver <= DRIVER_VFS; driver++) {
		if (driver == DRIVER_FUSE_OVERLAYFS && !can_fuse())
			continue;
		auto_rootfs struct rootfs rootfs = {0};
		prepare(fixture, driver, &rootfs);
		run(fixture, &rootfs, look_at_many);
	}
}

static void look_at_repeated(const struct rootfs *rootfs)
{
	(void)rootfs;
	REQUIRE(has("dir/x", "1") && has("gone", "x") && has("opaque/old", "1") && has("replaced/f", "1"));
}

/* An image may have a layer twice. */
static void test_repeated_layer(void **state)
{
	struct fixture *fixture = *state;
	add_layers(fixture, 2, fill_two);
	strv_add(&fixture->layers, fixture->layers.items[0]);
	auto_rootfs struct rootfs rootfs = {0};
	prepare(fixture, DRIVER_OVERLAY, &rootfs);
	assert_int_equal(rootfs.lowers.count, 2);
	assert_non_null(strstr(rootfs.lowers.items[1], "0000/diff"));
	run(fixture, &rootfs, look_at_repeated);
}

/* What a --rm container leaves when it is killed must not keep it from starting again. */
static void look_at_volatile(const struct rootfs *rootfs)
{
	(void)rootfs;
	put("dir/x", "v");
}

static void test_volatile(void **state)
{
	struct fixture *fixture = *state;
	add_layers(fixture, 2, fill_two);
	for (int i = 0; i < 2; i++) {
		auto_rootfs struct rootfs rootfs = {0};
		prepare(fixture, DRIVER_OVERLAY, &rootfs);
		rootfs.volatile_upper = true;
		run(fixture, &rootfs, look_at_volatile);
	}
}

/* ---- choosing ---- */

static void test_choose(void **state)
{
	struct fixture *fixture = *state;
	struct store *store = fixture->store;
	enum driver driver = DRIVER_VFS;
	auto_free char *reason = NULL, *again = NULL;
	assert_int_equal(driver_choose(store, &driver, &reason, &fixture->err), 0);
	if (driver != DRIVER_OVERLAY)
		fail_msg("%s", reason);
	assert_string_equal(reason, "");
	assert_int_equal(faccessat(store->root_fd, "cache/driver", F_OK, 0), 0);
	/* The answer is kept: it is read, not found again. */
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(store->root_fd, "cache/driver", 1000, &text, NULL, NULL), 0);
	*strchr(text, '\n') = '\0';
	auto_free char *changed = xasprintf("%s\nvfs\nso it is\n", text);
	assert_int_equal(file_write_at(store->root_fd, "cache/driver", changed, strlen(changed), 0600, 0, NULL), 0);
	assert_int_equal(driver_choose(store, &driver, &again, &fixture->err), 0);
	assert_int_equal(driver, DRIVER_VFS);
	assert_string_equal(again, "so it is");
	/* Another kernel, another file system: asked again. */
	assert_int_equal(file_write_at(store->root_fd, "cache/driver", "x\nvfs\n\n", 7, 0600, 0, NULL), 0);
	assert_int_equal(driver_choose(store, &driver, NULL, &fixture->err), 0);
	assert_int_equal(driver, DRIVER_OVERLAY);
	store->driver = xstrdup("vfs");
	assert_int_equal(driver_choose(store, &driver, NULL, &fixture->err), 0);
	assert_int_equal(driver, DRIVER_VFS);
	free(store->driver);
	store->driver = xstrdup("btrfs");
	assert_int_equal(driver_choose(store, &driver, NULL, &fixture->err), -EINVAL);
	assert_non_null(strstr(fixture->err.text, "btrfs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_overlay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_fuse, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_vfs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_read_only, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_many_layers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_repeated_layer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_volatile, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_choose, set_up, tear_down),
	    {"test_overlay_strange_path", test_overlay, set_up_strange, tear_down, NULL},
	    {"test_fuse_strange_path", test_fuse, set_up_strange, tear_down, NULL},
	    {"test_vfs_strange_path", test_vfs, set_up_strange, tear_down, NULL},
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
