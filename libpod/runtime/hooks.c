/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

char *runtime_state_text(const struct spec *spec, const char *id, const char *bundle, const char *status, pid_t pid,
			 bool pretty)
{
	auto_json struct json_object *state = json_object_new_object();
	json_add_string(state, "ociVersion", OCI_VERSION);
	json_add_string(state, "id", id ? id : "");
	json_add_string(state, "status", status);
	if (pid > 0)
		json_add_int(state, "pid", pid);
	json_add_string(state, "bundle", bundle ? bundle : "");
	if (spec->annotations.count)
		json_add_map(state, "annotations", &spec->annotations);
	return json_text(state, pretty);
}

static _Noreturn void execute_hook(const struct spec_hook *hook, int state_fd)
{
	static char *const nothing[] = {NULL};
	char *const name_only[] = {hook->path, NULL};
	reset_signals();
	umask(022);
	if (dup2(state_fd, STDIN_FILENO) >= 0) {
		close_fds_except(3, NULL, 0);
		execve(hook->path, hook->args.count ? hook->args.items : name_only,
		       hook->env.count ? hook->env.items : nothing);
	}
	_exit(127);
}

/* Waits for the hook's end, as long as its timeout allows. */
static int await_hook(const struct spec_hook *hook, pid_t pid, int pidfd, struct error *err)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int timeout = hook->timeout > 0 && hook->timeout < INT32_MAX / 1000 ? (int)hook->timeout * 1000 : -1;
	int n;
	while ((n = poll(&ended, 1, timeout)) < 0 && errno == EINTR)
		;
	if (n == 0)
		pidfd_signal(pidfd, SIGKILL);
	int status = 0;
	int r = process_wait(pid, &status);
	if (n == 0)
		return error_set(err, ETIMEDOUT, "it took longer than %lld s", (long long)hook->timeout);
	if (r < 0)
		return error_sys(err, r, "wait for it");
	if (status != 0)
		return error_set(err, EIO, "it ended with status %d", process_exit_code(status));
	return 0;
}

static int run_hook(const struct spec_hook *hook, const char *state, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int state_read = ends[0];
	auto_close int state_write = ends[1];
	auto_close int pidfd = -1;
	pid_t pid = runtime_clone(0, -1, &pidfd);
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	if (pid == 0)
		execute_hook(hook, state_read);
	close(TAKE_FD(state_read));
	/* A hook that does not read its state is none the worse for it; and the state fits into the pipe. */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigaction(SIGPIPE, &ignore, &before);
	(void)write_all(state_write, state, strlen(state));
	sigaction(SIGPIPE, &before, NULL);
	close(TAKE_FD(state_write));
	return await_hook(hook, pid, pidfd, err);
}

int runtime_run_hooks(const struct spec *spec, enum spec_hook_kind kind, const char *id, const char *bundle,
		      const char *status, pid_t pid, struct error *err)
{
	const struct spec_hooks *hooks = &spec->hooks[kind];
	if (!hooks->count)
		return 0;
	auto_free char *state = runtime_state_text(spec, id, bundle, status, pid, false);
	for (size_t i = 0; i < hooks->count; i++) {
		int r = run_hook(&hooks->items[i], state, err);
		if (r < 0)
			return error_context(err, "%s hook %s", hook_name(kind), hooks->items[i].path);
	}
	return 0;
}
