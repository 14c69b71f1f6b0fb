/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/seccomp/seccomp_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"

#define DOCKER_CAPABILITIES 0xa80425fbULL
#define UNKNOWN_CALL        1999 /* no kernel has as many */

struct cache {
	char path[40];
	int fd;
};

static int setup(void **state)
{
	struct cache *cache = xcalloc(1, sizeof(*cache));
	strcpy(cache->path, "/tmp/coracle-seccomp-XXXXXX");
	if (!mkdtemp(cache->path))
		return -1;
	cache->fd = open(cache->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = cache;
	return cache->fd < 0;
}

static int teardown(void **state)
{
	struct cache *cache = *state;
	close(cache->fd);
	tree_remove_at(AT_FDCWD, cache->path, NULL);
	free(cache);
	return 0;
}

/* What `call` comes to under the filter: its errno, 0, or 1000 + the signal that ended it. */
static int under(const struct seccomp_filter *filter, bool fake, long (*call)(void))
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if ((fake && seccomp_install_fake_ownership(NULL) < 0) || (filter && seccomp_install(filter, NULL) < 0))
			_exit(250);
		_exit(call() < 0 ? errno : 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static long call_getpid(void)
{
	return syscall(SYS_getpid);
}
static long call_mount(void)
{
	return syscall(SYS_mount, "", "/nowhere", "", 0, NULL);
}
static long call_unknown(void)
{
	return syscall(UNKNOWN_CALL);
}
static long call_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}
static long call_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}
static long call_unshare(void)
{
	return syscall(SYS_unshare, CLONE_NEWUTS);
}
static long call_clone_newuts(void)
{
	return syscall(SYS_clone, CLONE_NEWUTS, 0, 0, 0, 0);
}
static long call_chroot(void)
{
	return syscall(SYS_chroot, "/nowhere");
}
static long call_reboot(void)
{
	return syscall(SYS_reboot, 0, 0, 0, 0);
}
static long call_vsock(void)
{
	return syscall(SYS_socket, 40, SOCK_STREAM, 0);
}
static long call_unix(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}
static long call_linux32(void)
{
	return syscall(SYS_personality, PER_LINUX32);
}
static long call_bad_personality(void)
{
	return syscall(SYS_personality, 0x0040000);
}
static long call_io_uring(void)
{
	return syscall(425, 0, NULL);
}
static long call_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid;
}

static void get_default(int cache_fd, uint64_t capabilities, struct seccomp_filter *ret)
{
	struct error err = ERROR_INIT;
	if (seccomp_default(cache_fd, capabilities, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_default_profile(void **state)
{
	(void)state;
	auto_seccomp_filter struct seccomp_filter filter = {0};
	get_default(-1, DOCKER_CAPABILITIES, &filter);
	assert_int_equal(under(&filter, false, call_getpid), 0);
	assert_int_equal(under(&filter, false, call_fork), 0);
	assert_int_equal(under(&filter, false, call_unix), 0);
	assert_int_equal(under(&filter, false, call_linux32), 0);
	assert_int_equal(under(&filter, false, call_mount), EPERM);
	assert_int_equal(under(&filter, false, call_keyctl), EPERM);
	assert_int_equal(under(&filter, false, call_unshare), EPERM);
	assert_int_equal(under(&filter, false, call_clone_newuts), EPERM);
	assert_int_equal(under(&filter, false, call_vsock), EPERM);
	assert_int_equal(under(&filter, false, call_reboot), EPERM);
	assert_int_equal(under(&filter, false, call_io_uring), EPERM);
	assert_int_equal(under(&filter, false, call_chroot), ENOENT);
	/* A C library falls back to the older call on this answer, and only on this. */
	assert_int_equal(under(&filter, false, call_clone3), ENOSYS);
	assert_int_equal(under(&filter, false, call_unknown), ENOSYS);
	assert_int_equal(under(&filter, false, call_bad_personality), ENOSYS);
}

static void test_capabilities_open_what_needs_them(void **state)
{
	(void)state;
	auto_seccomp_filter struct seccomp_filter admin = {0}, none = {0};
	get_default(-1, DOCKER_CAPABILITIES | 1ULL << CAP_SYS_ADMIN, &admin);
	get_default(-1, 0, &none);
	assert_int_equal(under(&admin, false, call_mount), ENOENT);
	assert_int_equal(under(&admin, false, call_clone3), EINVAL);
	assert_int_equal(under(&none, false, call_chroot), EPERM);
}

static void write_whole(int dirfd, const char *name, const char *data, size_t length)
{
	int fd = openat(dirfd, name, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, data, length), 0);
	close(fd);
}

/* The one that the filter of these capabilities is in: of two, the other is the same by its OCI text. */
static char *file_of(const struct cache *cache, uint64_t capabilities)
{
	extern const char seccomp_default_profile[];
	const struct cache_key key = cache_key_make("docker", seccomp_default_profile, capabilities);
	char *name =
	    xasprintf("seccomp/%016llx%016llx", (unsigned long long)key.parts[0], (unsigned long long)key.parts[1]);
	assert_int_equal(faccessat(cache->fd, name, F_OK, 0), 0);
	return name;
}

static void check_same(const struct seccomp_filter *a, const struct seccomp_filter *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->program, b->program, a->count * (size_t)8);
	assert_string_equal(a->oci, b->oci);
	assert_int_equal(a->flags, b->flags);
}

static void test_cache_is_used_and_not_trusted(void **state)
{
	struct cache *cache = *state;
	auto_seccomp_filter struct seccomp_filter first = {0}, second = {0}, third = {0}, fourth = {0}, other = {0};
	get_default(cache->fd, DOCKER_CAPABILITIES, &first);
	auto_free char *name = file_of(cache, DOCKER_CAPABILITIES);
	struct stat before, after;
	assert_int_equal(fstatat(cache->fd, name, &before, 0), 0);
	get_default(cache->fd, DOCKER_CAPABILITIES, &second);
	assert_int_equal(fstatat(cache->fd, name, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	check_same(&first, &second);

	/* One bit of the program is another: it is compiled again, and the file replaced. */
	auto_free char *data = NULL;
	size_t length;
	assert_int_equal(file_read_at(cache->fd, name, 1 << 20, &data, &length, NULL), 0);
	data[100] ^= 1;
	write_whole(cache->fd, name, data, length);
	get_default(cache->fd, DOCKER_CAPABILITIES, &third);
	check_same(&first, &third);
	assert_int_equal(fstatat(cache->fd, name, &after, 0), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);

	data[100] ^= 1;
	write_whole(cache->fd, name, data, length / 2);
	get_default(cache->fd, DOCKER_CAPABILITIES, &fourth);
	check_same(&first, &fourth);

	/* Other capabilities are another program. */
	get_default(cache->fd, 0, &other);
	assert_int_equal(under(&other, false, call_chroot), EPERM);
}

static void test_a_cache_that_cannot_be_written_is_no_error(void **state)
{
	struct cache *cache = *state;
	auto_seccomp_filter struct seccomp_filter filter = {0};
	int fd = openat(cache->fd, "seccomp", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	get_default(cache->fd, DOCKER_CAPABILITIES, &filter);
	assert_int_equal(under(&filter, false, call_mount), EPERM);
}

static void test_oci_text_says_the_same(void **state)
{
	(void)state;
	auto_seccomp_filter struct seccomp_filter filter = {0}, again = {0};
	struct error err = ERROR_INIT;
	get_default(-1, DOCKER_CAPABILITIES, &filter);
	assert_null(strstr(filter.oci, "includes"));
	assert_null(strstr(filter.oci, "archMap"));
	if (seccomp_oci(-1, filter.oci, &again, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(filter.count, again.count);
	assert_memory_equal(filter.program, again.program, filter.count * (size_t)8);
}

/* An exec, which has the OCI text only, finds what the start has compiled. */
static void test_cache_serves_both_forms(void **state)
{
	struct cache *cache = *state;
	auto_seccomp_filter struct seccomp_filter filter = {0}, again = {0};
	get_default(cache->fd, DOCKER_CAPABILITIES, &filter);
	const struct cache_key key = cache_key_make("oci", filter.oci, 0);
	assert_int_equal(cache_read(cache->fd, &key, &again), 1);
	check_same(&filter, &again);
}

static void check_profile(const char *text, long (*call)(void), int expected)
{
	auto_seccomp_filter struct seccomp_filter filter = {0};
	struct error err = ERROR_INIT;
	if (seccomp_profile(-1, text, DOCKER_CAPABILITIES, &filter, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(under(&filter, false, call), expected);
}

static void test_profiles_of_the_user(void **state)
{
	(void)state;
	check_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_"
		      "ACT_ERRNO\"}]}",
		      call_chroot, EPERM);
	check_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"chroot\",\"action\":\"SCMP_ACT_"
		      "ERRNO\",\"errnoRet\":99}]}",
		      call_chroot, 99);
	check_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_"
		      "ACT_KILL_PROCESS\"}]}",
		      call_chroot, 1000 + SIGSYS);
	check_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\",\"no_such_call\"],"
		      "\"action\":\"SCMP_ACT_ERRNO\","
		      "\"excludes\":{\"caps\":[\"CAP_SYS_CHROOT\"]}}]}",
		      call_chroot, ENOENT);
	check_profile(
	    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_ERRNO\","
	    "\"includes\":{\"minKernel\":\"99.0\"}}]}",
	    call_chroot, ENOENT);
	/* The same argument twice: either will do. */
	check_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"socket\"],\"action\":\"SCMP_"
		      "ACT_ERRNO\",\"errnoRet\":77,"
		      "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":40,\"op\":"
		      "\"SCMP_CMP_EQ\"}]}]}",
		      call_unix, 77);
}

static void check_bad(const char *text, const char *words)
{
	struct seccomp_filter filter = {0};
	struct error err = ERROR_INIT;
	assert_true(seccomp_profile(-1, text, 0, &filter, &err) < 0);
	assert_null(filter.program);
	if (!strstr(err.text, words))
		fail_msg("'%s' is not in '%s'", words, err.text);
}

static void test_errors(void **state)
{
	(void)state;
	check_bad("{", "not valid JSON");
	check_bad("[]", "expected an object");
	check_bad("{}", "defaultAction is missing");
	check_bad("{\"defaultAction\":\"SCMP_ACT_NOPE\"}", "unknown action 'SCMP_ACT_NOPE'");
	check_bad("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "not supported");
	check_bad("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_ERRNO\"}]}",
		  "syscalls[0]: names is missing");
	check_bad("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
		  "ERRNO\",\"args\":[{\"index\":6,"
		  "\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		  "args[0]: index");
	check_bad("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_"
		  "ERRNO\",\"args\":[{\"index\":0,"
		  "\"value\":1,\"op\":\"EQ\"}]}]}",
		  "unknown operator 'EQ'");
	check_bad("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_PDP11\"]}", "SCMP_ARCH_PDP11");
	check_bad("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_NOPE\"]}", "SECCOMP_NOPE");
}

static long call_chown(void)
{
	return syscall(SYS_fchownat, AT_FDCWD, "/nowhere", 1, 1, 0);
}
static long call_setuid(void)
{
	return syscall(SYS_setresuid, 12345, 12345, 12345);
}
static long call_setgroups(void)
{
	return syscall(SYS_setgroups, 1, (gid_t[]){12345});
}
static long call_mknod_device(void)
{
	return syscall(SYS_mknodat, AT_FDCWD, "/nowhere/device", S_IFBLK | 0600, 0x801);
}
static long call_mknod_fifo(void)
{
	return syscall(SYS_mknodat, AT_FDCWD, "/nowhere/fifo", S_IFIFO | 0600, 0);
}
static long call_nothing(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/nowhere", O_RDONLY);
}

static void test_fake_ownership(void **state)
{
	(void)state;
	assert_int_equal(under(NULL, true, call_chown), 0);
	assert_int_equal(under(NULL, true, call_setuid), 0);
	assert_int_equal(under(NULL, true, call_setgroups), 0);
	assert_int_equal(under(NULL, true, call_mknod_device), 0);
	assert_int_equal(under(NULL, true, call_mknod_fifo), ENOENT);
	assert_int_equal(under(NULL, true, call_nothing), ENOENT);
	auto_seccomp_filter struct seccomp_filter filter = {0};
	get_default(-1, DOCKER_CAPABILITIES, &filter);
	assert_int_equal(under(&filter, true, call_setuid), 0);
	assert_int_equal(under(&filter, true, call_mount), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_default_profile),
	    cmocka_unit_test(test_capabilities_open_what_needs_them),
	    cmocka_unit_test_setup_teardown(test_cache_is_used_and_not_trusted, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cache_serves_both_forms, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_cache_that_cannot_be_written_is_no_error, setup, teardown),
	    cmocka_unit_test(test_oci_text_says_the_same),
	    cmocka_unit_test(test_profiles_of_the_user),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_fake_ownership),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
