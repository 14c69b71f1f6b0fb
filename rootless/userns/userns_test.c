/* SPDX-License-Identifier: Apache-2.0 */
/* With real namespaces: as an ordinary user with subordinate ids or without, and as root. */
#include "rootless/userns/userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "rootless/userns/internal.h"

struct fixture {
	char path[64];
	int run_fd;
	struct id_mapping mapping;
};

/* One own id: needs no programs, so that it works wherever user namespaces do. Root gets a range as it would. */
static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	strcpy(fixture->path, "/tmp/userns-test-XXXXXX");
	if (!mkdtemp(fixture->path))
		return -1;
	fixture->run_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool root = geteuid() == 0;
	struct id_range uids = {0, root ? 1879048192 : geteuid(), root ? 65536 : 1};
	struct id_range gids = {0, root ? 1879048192 : getegid(), root ? 65536 : 1};
	fixture->mapping.uids = (struct id_map){.ranges = {uids}, .count = 1};
	fixture->mapping.gids = (struct id_map){.ranges = {gids}, .count = 1};
	fixture->mapping.single = !root;
	fixture->mapping.direct = true;
	*state = fixture;
	return chown(fixture->path, uids.outside, gids.outside);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int r = nftw(fixture->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	close(fixture->run_fd);
	free(fixture);
	return r;
}

/* A member in a process of its own: says the inode of its namespace (0: it failed) and lives until it is killed. */
struct member {
	pid_t pid;
	int fd;
};

static _Noreturn void be_member(int fd, const struct fixture *fixture)
{
	struct error err = ERROR_INIT;
	struct stat st = {.st_ino = 0};
	if (userns_enter(fixture->run_fd, &fixture->mapping, &err) < 0)
		fprintf(stderr, "member: %s\n", err.text);
	else if (geteuid() != 0 || getegid() != 0 || sethostname("x", 0) == 0)
		fprintf(stderr, "member: not root, or root of the machine\n");
	else if (stat("/proc/self/ns/user", &st) < 0)
		perror("stat");
	uint64_t inode = st.st_ino;
	if (write(fd, &inode, sizeof(inode)) < 0)
		_exit(1);
	/* Until the test kills us or is dead itself. */
	char end;
	_exit(read(fd, &end, 1) < 0);
}

static struct member begin_member(const struct fixture *fixture)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be_member(ends[1], fixture);
	}
	close(ends[1]);
	return (struct member){.pid = pid, .fd = ends[0]};
}

static uint64_t member_inode(const struct member *member)
{
	uint64_t inode = 0;
	assert_int_equal(read(member->fd, &inode, sizeof(inode)), sizeof(inode));
	assert_int_not_equal(inode, 0);
	return inode;
}

static void kill_member(struct member *member)
{
	kill(member->pid, SIGKILL);
	assert_int_equal(waitpid(member->pid, NULL, 0), member->pid);
	close(member->fd);
}

static int entries(const struct fixture *fixture)
{
	char key[17], path[128];
	id_mapping_key(&fixture->mapping, key);
	snprintf(path, sizeof(path), "%s/userns/%s", fixture->path, key);
	auto_closedir DIR *directory = opendir(path);
	int count = 0;
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	return count;
}

static void put_entry(const struct fixture *fixture, const char *name)
{
	char key[17], path[128];
	id_mapping_key(&fixture->mapping, key);
	snprintf(path, sizeof(path), "userns/%s/%s", key, name);
	int fd = openat(fixture->run_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void test_shared_by_the_living(void **state)
{
	const struct fixture *fixture = *state;
	assert_int_equal(userns_find(fixture->run_fd, &fixture->mapping, NULL), -ENOENT);
	struct member first = begin_member(fixture);
	uint64_t inode = member_inode(&first);
	struct member second = begin_member(fixture);
	assert_int_equal(member_inode(&second), inode);
	assert_int_equal(entries(fixture), 2);

	/* The first one dies: the namespace lives on in the second. */
	kill_member(&first);
	int fd = userns_find(fixture->run_fd, &fixture->mapping, NULL);
	assert_true(fd >= 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, inode);
	close(fd);
	struct member third = begin_member(fixture);
	assert_int_equal(member_inode(&third), inode);

	kill_member(&second);
	kill_member(&third);
	assert_int_equal(userns_find(fixture->run_fd, &fixture->mapping, NULL), -ENOENT);
	assert_int_equal(entries(fixture), 0);
}

static void test_untrue_entries(void **state)
{
	const struct fixture *fixture = *state;
	struct member member = begin_member(fixture);
	uint64_t inode = member_inode(&member);
	kill_member(&member);
	assert_int_equal(entries(fixture), 1);

	char name[64];
	struct stat st;
	/* The number belongs to somebody else now: us, in another namespace. */
	snprintf(name, sizeof(name), "%d-%llu", (int)getpid(), (unsigned long long)inode);
	put_entry(fixture, name);
	/* Inode and all are right, but the mapping is another one. */
	assert_int_equal(stat("/proc/self/ns/user", &st), 0);
	snprintf(name, sizeof(name), "%d-%llu", (int)getpid(), (unsigned long long)st.st_ino);
	put_entry(fixture, name);
	put_entry(fixture, "nonsense");
	put_entry(fixture, "1-2x");
	put_entry(fixture, "-1-5");
	assert_int_equal(entries(fixture), 6);
	assert_int_equal(userns_find(fixture->run_fd, &fixture->mapping, NULL), -ENOENT);
	assert_int_equal(entries(fixture), 0);
}

static void test_concurrent_starters(void **state)
{
	const struct fixture *fixture = *state;
	struct member members[12];
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		members[i] = begin_member(fixture);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		member_inode(&members[i]);
	assert_int_equal(entries(fixture), ARRAY_SIZE(members));
	struct member late = begin_member(fixture);
	uint64_t inode = member_inode(&late);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		kill_member(&members[i]);
	/* Among all the entries of the dead, the living one is found. */
	int fd = userns_find(fixture->run_fd, &fixture->mapping, NULL);
	assert_true(fd >= 0);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, inode);
	close(fd);
	kill_member(&late);
	assert_int_equal(userns_find(fixture->run_fd, &fixture->mapping, NULL), -ENOENT);
	assert_int_equal(entries(fixture), 0);
}

static void test_withdraw(void **state)
{
	const struct fixture *fixture = *state;
	pid_t pid = fork();
	if (pid == 0) {
		if (userns_enter(fixture->run_fd, &fixture->mapping, NULL) < 0 || entries(fixture) != 1)
			_exit(1);
		userns_withdraw(fixture->run_fd, &fixture->mapping);
		_exit(entries(fixture) == 0 ? 0 : 2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The user's own mapping, by newuidmap(1) where there are ranges: every id of it can be had. */
static void test_default_mapping(void **state)
{
	const struct fixture *fixture = *state;
	struct id_mapping mapping = fixture->mapping;
	struct error err = ERROR_INIT;
	(void)id_mapping_default(-1, false, &mapping, &err);
	pid_t pid = fork();
	if (pid == 0) {
		uint32_t last = mapping.uids.ranges[mapping.uids.count - 1].inside +
				mapping.uids.ranges[mapping.uids.count - 1].count - 1;
		if (userns_enter(fixture->run_fd, &mapping, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			_exit(1);
		}
		_exit(setresgid(mapping.single ? 0 : 1, 0, 0) < 0 || setresuid(last, last, last) < 0 ? 2 : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_refused(void **state)
{
	const struct fixture *fixture = *state;
	if (geteuid() == 0)
		skip();
	struct id_mapping mapping = fixture->mapping;
	mapping.uids.ranges[1] = (struct id_range){1, 1, 10}; /* the machine's own accounts */
	mapping.uids.count = 2;
	mapping.single = mapping.direct = false;
	struct error err = ERROR_INIT;
	pid_t pid = fork();
	if (pid == 0) {
		int r = userns_enter(fixture->run_fd, &mapping, &err);
		if (r != -EPERM || !strstr(err.text, "newuidmap"))
			fprintf(stderr, "%d %s\n", r, err.text);
		_exit(r == -EPERM && strstr(err.text, "newuidmap") && strstr(err.text, "/etc/subuid") ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void sysctl(const struct fixture *fixture, const char *folder, const char *name, const char *value)
{
	char path[64];
	(void)mkdirat(fixture->run_fd, folder, 0700);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(file_write_at(fixture->run_fd, path, value, strlen(value), 0600, 0, NULL), 0);
}

static void test_explanations(void **state)
{
	const struct fixture *fixture = *state;
	struct error err = ERROR_INIT;
	assert_int_equal(userns_explain_from(fixture->path, EPERM, &err), -EPERM);
	assert_non_null(strstr(err.text, "sandbox"));
	sysctl(fixture, "user", "max_user_namespaces", "100\n");
	assert_int_equal(userns_explain_from(fixture->path, ENOSPC, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "too many"));
	sysctl(fixture, "user", "max_user_namespaces", "0\n");
	userns_explain_from(fixture->path, ENOSPC, &err);
	assert_non_null(strstr(err.text, "sysctl -w user.max_user_namespaces=15000"));
	sysctl(fixture, "user", "max_user_namespaces", "100\n");
	sysctl(fixture, "kernel", "apparmor_restrict_unprivileged_userns", "1\n");
	userns_explain_from(fixture->path, EACCES, &err);
	assert_non_null(strstr(err.text, "AppArmor"));
	assert_non_null(strstr(err.text, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
	sysctl(fixture, "kernel", "apparmor_restrict_unprivileged_userns", "0\n");
	userns_explain_from(fixture->path, EACCES, &err);
	assert_null(strstr(err.text, "AppArmor"));
	sysctl(fixture, "kernel", "unprivileged_userns_clone", "0\n");
	userns_explain_from(fixture->path, EPERM, &err);
	assert_non_null(strstr(err.text, "kernel.unprivileged_userns_clone=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_shared_by_the_living, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_untrue_entries, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_concurrent_starters, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_withdraw, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_default_mapping, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_explanations, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
