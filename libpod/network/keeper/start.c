/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the keeper, or making one: where the two meet is the directory <run directory>/network, which is locked
 * meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libpod/network/keeper/keeper.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"
#include "storage/store/store.h"

#define DIRECTORY      "network"
#define AWAIT_MS       3000
#define AWAIT_STEP_MS  20
#define ARGUMENT_FIRST 3 /* the descriptors that the keeper is given have the numbers 3 to 6 */

int keeper_connect(int run_fd, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_sys(err, errno, "make a socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" DIRECTORY "/socket", run_fd);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return TAKE_FD(fd);
	if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED || errno == ECONNRESET)
		return -ENOENT;
	return error_sys(err, errno, "reach the networks' keeper");
}

static int open_directory(int run_fd, struct error *err)
{
	if (mkdirat(run_fd, DIRECTORY, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make a directory in the run directory");
	int fd = openat(run_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open a directory in the run directory") : fd;
}

static int lock_directory(int run_fd, struct error *err)
{
	auto_close int lock = open_directory(run_fd, err);
	if (lock < 0)
		return lock;
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(err, errno, "lock a directory in the run directory");
	return TAKE_FD(lock);
}

static int mapping_file(const struct id_mapping *mapping, struct error *err)
{
	auto_close int fd = memfd_create("mapping", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, mapping, sizeof(*mapping));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, r < 0 ? r : errno, "hand on the mapping");
	return TAKE_FD(fd);
}

/* The child of a child: nobody has to wait for it. It has these descriptors, in this order from 3 on, and no others. */
static _Noreturn void execute(const char *path, const struct store *store, const int *fds, size_t count)
{
	if (process_clone(0, NULL) != 0)
		_exit(0);
	/* Whoever starts a container may hold signals back meanwhile (libpod/launch/give_up.c). */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high[8];
	for (size_t i = 0; i < count; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
	for (size_t i = 0; i < count; i++)
		dup2(high[i], ARGUMENT_FIRST + (int)i);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	close_range(ARGUMENT_FIRST + (unsigned int)count, ~0u, 0);
	execl(path, "coracle-network", "3", "4", "5", "6", store->root, store->run, NULL);
	_exit(127);
}

static int run_program(const struct store *store, const struct id_mapping *mapping, struct error *err)
{
	auto_free char *path = NULL;
	int r = program_find("coracle-network", &path, err), ends[2];
	if (r < 0)
		return r;
	/* Not the one that is locked: a lock is shared by all copies of a descriptor. */
	auto_close int directory = open_directory(store->run_fd, err), file = directory < 0 ? -1 : mapping_file(mapping, err);
	if (file < 0)
		return directory < 0 ? directory : file;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int ready = ends[0];
	const int fds[] = {directory, store->run_fd, file, ends[1]};
	pid_t pid = process_clone(0, NULL);
	if (pid == 0)
		execute(path, store, fds, ARRAY_SIZE(fds));
	close(ends[1]);
	if (pid < 0)
		return error_sys(err, pid, "start the networks' keeper");
	int status;
	process_wait(pid, &status);
	struct error answer;
	if (read_full(ready, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		return error_set(err, ECONNRESET,
				 "the networks' keeper (coracle-network) could not be started, or was killed");
	if (answer.errnum && err)
		*err = answer;
	return answer.errnum ? -answer.errnum : 0;
}

/* One that is there, or a new one; -ECONNRESET: it was killed meanwhile. */
static int start_once(const struct store *store, const struct id_mapping *mapping, bool *ret_new, struct error *err)
{
	int fd = keeper_connect(store->run_fd, err);
	if (fd != -ENOENT)
		return fd;
	auto_close int lock = lock_directory(store->run_fd, err);
	if (lock < 0)
		return lock;
	/* Another may have been faster. */
	fd = keeper_connect(store->run_fd, err);
	if (fd != -ENOENT)
		return fd;
	int r = run_program(store, mapping, err);
	if (r < 0)
		return r;
	*ret_new = true;
	fd = keeper_connect(store->run_fd, err);
	return fd == -ENOENT ? error_set(err, ECONNRESET, "the networks' keeper (coracle-network) ended at once") : fd;
}

int keeper_start(const struct store *store, const struct id_mapping *mapping, bool *ret_new, struct error *err)
{
	*ret_new = false;
	int fd = start_once(store, mapping, ret_new, err);
	for (int i = 0; fd == -ECONNRESET && i < KEEPER_TRIES; i++) {
		error_clear(err);
		fd = start_once(store, mapping, ret_new, err);
	}
	return fd;
}

int keeper_await(int run_fd, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = AWAIT_STEP_MS * 1000000L};
	int fd = keeper_connect(run_fd, err);
	for (int waited = 0; fd == -ENOENT && waited < AWAIT_MS; waited += AWAIT_STEP_MS) {
		nanosleep(&pause, NULL);
		fd = keeper_connect(run_fd, err);
	}
	return fd;
}

void keeper_forget(int run_fd)
{
	auto_close int lock = lock_directory(run_fd, NULL);
	auto_close int fd = lock < 0 ? -1 : keeper_connect(run_fd, NULL);
	if (lock >= 0 && fd == -ENOENT)
		unlinkat(lock, "socket", 0);
}
