/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/layer/squash.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"
#include "storage/layer/hold.h"
#include "storage/layer/layer.h"

/* Threads of the low-level variant serve a container's processes side by side; the other has one. */
static char *find_server(void)
{
	char *program = find_program("squashfuse_ll");
	return program ? program : find_program("squashfuse");
}

static char *file_of(const char *tree_path)
{
	return xasprintf("%.*s/squashfs", (int)(strrchr(tree_path, '/') - tree_path), tree_path);
}

bool layer_is_squashed(const char *tree_path)
{
	auto_free char *file = file_of(tree_path);
	return faccessat(AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int squash_check_programs(struct error *err)
{
	auto_free char *program = find_server();
	if (!program)
		return error_set(err, ENOENT,
				 "the image is a single squashfs file, and squashfuse is not installed; install the "
				 "package squashfuse");
	if (faccessat(AT_FDCWD, "/dev/fuse", R_OK | W_OK, AT_EACCESS) < 0)
		return error_set(err, ENOENT,
				 "the image is a single squashfs file, and /dev/fuse cannot be opened (ask the "
				 "administrator to allow it: chmod 666 /dev/fuse)");
	return 0;
}

/* Without default_permissions: what is mounted over it asks, by the owners that it shows; here some of them may have no
 * number. */
int squash_mount(const char *tree_path, int *ret_fd, struct error *err)
{
	char options[128];
	auto_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open /dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("squashfuse", tree_path, "fuse.squashfuse", MS_NODEV | MS_RDONLY, options) < 0)
		return error_sys(err, errno, "mount the squashfs file of a layer");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static _Noreturn void serve(const char *program, int file, int fuse_fd, pid_t parent)
{
	char mount_point[32], archive[32];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_fds_except(3, (const int[]){fuse_fd, file}, 2);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    fcntl(fuse_fd, F_SETFD, 0) < 0 || fcntl(file, F_SETFD, 0) < 0)
		_exit(125);
	snprintf(mount_point, sizeof(mount_point), "/dev/fd/%d", fuse_fd);
	snprintf(archive, sizeof(archive), "/proc/self/fd/%d", file);
	execl(program, program, "-f", archive, mount_point, NULL);
	_exit(127);
}

/* By a descriptor: something may be mounted over the way to the file before the program has opened it. */
int squash_serve(const char *tree_path, int fuse_fd, pid_t *ret_pid, struct error *err)
{
	auto_free char *program = find_server(), *path = file_of(tree_path);
	if (!program)
		return squash_check_programs(err);
	auto_close int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return error_sys(err, errno, "open %s", path);
	pid_t parent = getpid(), pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "start squashfuse");
	if (pid == 0)
		serve(program, file, fuse_fd, parent);
	*ret_pid = pid;
	return 0;
}

static int reveal(const char *tree_path, struct revealed *revealed, struct error *err)
{
	auto_close int fd = -1;
	pid_t pid = 0;
	int r = squash_check_programs(err);
	if (r == 0)
		r = squash_mount(tree_path, &fd, err);
	if (r == 0)
		r = squash_serve(tree_path, fd, &pid, err);
	if (r < 0)
		return r;
	revealed->servers = xrealloc(revealed->servers, (revealed->count + 1) * sizeof(pid_t));
	revealed->servers[revealed->count++] = pid;
	return 0;
}

void revealed_end(struct revealed *revealed)
{
	for (size_t i = 0; i < revealed->count; i++) {
		int status;
		kill(revealed->servers[i], SIGKILL);
		process_wait(revealed->servers[i], &status);
	}
	free(revealed->servers);
	*revealed = (struct revealed){0};
}

/* The store's directories are to be seen with what is mounted below them. */
static int enter_mount_namespace(struct store *store, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return error_sys(err, errno, "make a mount namespace");
	return store_reopen(store, err);
}

int layers_reveal(struct store *store, const struct strv *diff_ids, struct revealed *ret, struct error *err)
{
	auto_strv struct strv revealed = STRV_INIT;
	for (size_t i = 0; i < diff_ids->count; i++) {
		auto_free char *path = NULL;
		/* Those are trees, whatever has come into their place meanwhile. */
		if (layer_held(store, diff_ids->items[i]) >= 0)
			continue;
		int r = layer_tree_path(store, diff_ids->items[i], &path, err);
		if (r < 0)
			return r;
		if (!layer_is_squashed(path) || strv_contains(&revealed, path))
			continue;
		if (revealed.count == 0)
			r = enter_mount_namespace(store, err);
		if (r == 0)
			r = reveal(path, ret, err);
		if (r < 0)
			return r;
		strv_add(&revealed, path);
	}
	return 0;
}
