/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libpod/oci/internal.h"
#include "libpod/runtime/runtime.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

#define KILL_TIMEOUT_MS 10000

/* Every signal but those that are ours is handed on to the child. */
int oci_wait(pid_t pid, int pidfd, int *ret_exit_code, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	auto_close int signals = signalfd(-1, &all, SFD_CLOEXEC);
	if (signals < 0)
		return error_sys(err, errno, "wait for signals");
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	while (!(fds[0].revents & POLLIN)) {
		struct signalfd_siginfo info;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return error_sys(err, errno, "wait for the container");
		if ((fds[1].revents & POLLIN) && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
		    info.ssi_signo != SIGCHLD)
			pidfd_signal(pidfd, (int)info.ssi_signo);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	int status;
	int r = process_wait(pid, &status);
	if (r < 0)
		return error_sys(err, r, "wait for the container");
	*ret_exit_code = process_exit_code(status);
	return 0;
}

/* ---- kill ---- */

/* "pid:[4026531836]" of a process, as a text. */
static bool read_pid_namespace(const char *pid, char *out, size_t size)
{
	auto_free char *path = xasprintf("/proc/%s/ns/pid", pid);
	ssize_t n = readlink(path, out, size - 1);
	if (n < 0)
		return false;
	out[n] = '\0';
	return true;
}

/* One pass over the processes that there are; SIGKILL of pid 1 takes the rest with it. */
static int signal_all(const struct oci_record *record, int signal, struct error *err)
{
	char wanted[64], own[64];
	auto_free char *first = xasprintf("%d", record->pid);
	if (!read_pid_namespace(first, wanted, sizeof(wanted)) || !read_pid_namespace("self", own, sizeof(own)) ||
	    strcmp(wanted, own) == 0)
		return error_set(err, EINVAL, "container \"%s\" has no pid namespace of its own", record->id);
	auto_closedir DIR *proc = opendir("/proc");
	if (!proc)
		return error_sys(err, errno, "open /proc");
	for (struct dirent *entry; (entry = readdir(proc));) {
		char namespace[64];
		int64_t pid;
		if (parse_int64(entry->d_name, "pid", 1, INT32_MAX, &pid, NULL) < 0)
			continue;
		auto_close int pidfd = pidfd_open_process((pid_t)pid);
		if (pidfd >= 0 && read_pid_namespace(entry->d_name, namespace, sizeof(namespace)) &&
		    strcmp(namespace, wanted) == 0)
			pidfd_signal(pidfd, signal);
	}
	return 0;
}

int oci_kill(int root_fd, const char *id, int signal, bool all, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	int r = oci_read_record(root_fd, id, &record, err);
	if (r < 0)
		return r;
	auto_close int pidfd = oci_open_process(&record);
	if (pidfd < 0)
		return error_set(err, ESRCH, "container \"%s\" is not running", id);
	if (all && signal != SIGKILL)
		return signal_all(&record, signal, err);
	r = pidfd_signal(pidfd, signal);
	return r < 0 ? error_sys(err, r, "signal container %s", id) : 0;
}

/* ---- delete ---- */

static int end_process(const char *id, int pidfd, struct error *err)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int r = pidfd_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return error_sys(err, r, "kill container %s", id);
	int n;
	while ((n = poll(&ended, 1, KILL_TIMEOUT_MS)) < 0 && errno == EINTR)
		;
	return n > 0 ? 0 : error_set(err, ETIMEDOUT, "container \"%s\" does not end", id);
}

int oci_delete(int root_fd, const char *id, bool force, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = oci_read_record(root_fd, id, &record, err);
	if (r == -ENOENT && force) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	auto_close int pidfd = oci_open_process(&record);
	if (pidfd >= 0) {
		const char *status = oci_status(root_fd, &record);
		if (!force && strcmp(status, "running") == 0)
			return error_set(err, EBUSY, "container \"%s\" is running; kill it first, or use --force", id);
		if ((r = end_process(id, pidfd, err)) < 0)
			return r;
	}
	/* A container that was killed while it was being made may have no configuration yet. */
	bool has_spec = oci_read_spec(root_fd, id, &spec, NULL) >= 0;
	if ((r = tree_remove_at(root_fd, id, err)) < 0)
		return r;
	return has_spec ? runtime_run_hooks(&spec, SPEC_HOOK_POSTSTOP, id, record.bundle, "stopped", 0, err) : 0;
}
