/* SPDX-License-Identifier: Apache-2.0 */
/* With real cgroups where we may make them (as root, or where one is delegated); what is asked where there are none
 * holds everywhere. */
#include "rootless/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rootless/cgroup/find.h"

static void test_mounts(void **state)
{
	(void)state;
	const char *root, *point;
	char unified[] = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
	assert_int_equal(cgroup_parse_mount(unified, &root, &point), 0);
	assert_string_equal(root, "/");
	assert_string_equal(point, "/sys/fs/cgroup");
	char odd[] = "35 24 0:30 /a\\040b /mnt/x\\134y rw - cgroup2 cgroup2 rw";
	assert_int_equal(cgroup_parse_mount(odd, &root, &point), 0);
	assert_string_equal(root, "/a b");
	assert_string_equal(point, "/mnt/x\\y");
	char legacy[] = "36 24 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
	assert_int_equal(cgroup_parse_mount(legacy, &root, &point), -ENOENT);
}

static void test_paths(void **state)
{
	(void)state;
	char path[64];
	assert_int_equal(cgroup_join_path("/", "/cg", "/user.slice/x", path, sizeof(path)), 3);
	assert_string_equal(path, "/cg/user.slice/x");
	assert_int_equal(cgroup_join_path("/", "/cg", "/", path, sizeof(path)), 3);
	assert_string_equal(path, "/cg");
	assert_int_equal(cgroup_join_path("/user", "/cg", "/user/x", path, sizeof(path)), 3);
	assert_string_equal(path, "/cg/x");
	assert_int_equal(cgroup_join_path("/user", "/cg", "/username/x", path, sizeof(path)), -ENOENT);
	assert_int_equal(cgroup_join_path("/", "/cg", "/../x", path, sizeof(path)), -ENOENT);
	assert_int_equal(cgroup_join_path("/", "/cg", "/0123456789012345678901234567890123456789012345678901234567890",
					  path, sizeof(path)),
			 -ENAMETOOLONG);
}

static struct cgroup make(void)
{
	struct cgroup cgroup;
	struct error err = ERROR_INIT;
	char id[32];
	snprintf(id, sizeof(id), "test-%d", (int)getpid());
	assert_int_equal(cgroup_make(&(struct cgroup_request){.id = id}, &cgroup, &err), 0);
	return cgroup;
}

static void test_none_is_an_answer(void **state)
{
	(void)state;
	struct cgroup cgroup = make();
	if (cgroup.fd >= 0) {
		assert_string_equal(cgroup.reason, "");
		assert_non_null(strstr(cgroup.path, "/coracle-test-"));
		close(cgroup.fd);
		assert_int_equal(cgroup_remove(cgroup.path, 0, NULL), 0);
		assert_int_equal(access(cgroup.path, F_OK), -1);
	} else {
		assert_string_not_equal(cgroup.reason, "");
	}
	assert_int_equal(cgroup_remove("/sys/fs/cgroup/not-there", 0, NULL), 0);
}

/* A child that counts in shared memory is not enough of a witness of being frozen: the kernel's own word is. */
static void assert_event(int fd, const char *line)
{
	char text[256];
	int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(events, text, sizeof(text) - 1);
	close(events);
	assert_true(length > 0);
	text[length] = '\0';
	assert_non_null(strstr(text, line));
}

static pid_t child_in(int fd)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	int procs = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(procs, text, strlen(text)), strlen(text));
	close(procs);
	return pid;
}

static void test_life(void **state)
{
	(void)state;
	struct cgroup cgroup = make();
	if (cgroup.fd < 0)
		skip();
	assert_int_equal(mkdirat(cgroup.fd, "inner", 0755), 0);
	int inner = openat(cgroup.fd, "inner", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t first = child_in(cgroup.fd), second = child_in(inner);
	pid_t pids[2] = {0};
	assert_int_equal(cgroup_pids(cgroup.fd, pids, 2, NULL), 2);
	assert_true((pids[0] == first && pids[1] == second) || (pids[0] == second && pids[1] == first));
	assert_int_equal(cgroup_pids(cgroup.fd, pids, 1, NULL), 2);

	assert_int_equal(cgroup_freeze(cgroup.fd, true, 1000, NULL), 0);
	assert_event(cgroup.fd, "frozen 1");
	assert_int_equal(cgroup_freeze(cgroup.fd, false, 1000, NULL), 0);
	assert_event(cgroup.fd, "frozen 0");

	struct error err = ERROR_INIT;
	assert_int_equal(cgroup_remove(cgroup.path, 10, &err), -EBUSY);
	assert_int_equal(cgroup_freeze(cgroup.fd, true, 1000, NULL), 0);
	assert_int_equal(cgroup_kill(cgroup.fd, NULL), 0);
	int status;
	assert_int_equal(waitpid(first, &status, 0), first);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_int_equal(cgroup_remove_open(cgroup.fd, 1000, NULL), 0);
	assert_int_equal(access(cgroup.path, F_OK), -1);
	assert_int_equal(cgroup_remove_open(cgroup.fd, 1000, NULL), 0);
	close(inner);
	close(cgroup.fd);
}

/* As root: a user to whom a subtree is delegated gets the top of it, and one to whom none is gets none. */
static void test_delegation(void **state)
{
	(void)state;
	struct cgroup cgroup = make();
	if (cgroup.fd < 0 || geteuid() != 0)
		skip();
	assert_int_equal(mkdirat(cgroup.fd, "leaf", 0755), 0);
	assert_int_equal(fchownat(cgroup.fd, "", 1234, 1234, AT_EMPTY_PATH), 0);
	assert_int_equal(fchownat(cgroup.fd, "cgroup.procs", 1234, 1234, 0), 0);
	assert_int_equal(fchownat(cgroup.fd, "leaf", 1234, 1234, 0), 0);
	assert_int_equal(fchownat(cgroup.fd, "leaf/cgroup.procs", 1234, 1234, 0), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int procs = openat(cgroup.fd, "leaf/cgroup.procs", O_WRONLY | O_CLOEXEC);
		char path[PATH_MAX];
		if (write(procs, "0", 1) != 1 || setresgid(1234, 1234, 1234) < 0 || setresuid(1234, 1234, 1234) < 0)
			_exit(1);
		if (cgroup_find_parent(path, sizeof(path)) != 0 || strcmp(path, cgroup.path) != 0)
			_exit(2);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	pid = fork();
	if (pid == 0) {
		char path[PATH_MAX];
		_exit(setresuid(1234, 1234, 1234) < 0 || cgroup_find_parent(path, sizeof(path)) != -EACCES);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(cgroup.fd);
	assert_int_equal(cgroup_remove(cgroup.path, 1000, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mounts), cmocka_unit_test(test_paths),      cmocka_unit_test(test_none_is_an_answer),
	    cmocka_unit_test(test_life),   cmocka_unit_test(test_delegation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
