/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "libpod/oci/internal.h"
#include "libpod/runtime/runtime.h"
#include "libpod/seccomp/seccomp.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

#define PROCESS_MAX (4 << 20)

static int set_user(const char *text, struct spec_process *process, struct error *err)
{
	auto_strv struct strv parts = STRV_INIT;
	int64_t ids[2] = {0, 0};
	strv_split(&parts, text, ':');
	if (parts.count > 2)
		return error_set(err, EINVAL, "--user %s: expected UID[:GID]", text);
	for (size_t i = 0; i < parts.count; i++) {
		int r = parse_int64(parts.items[i], "--user", 0, UINT32_MAX, &ids[i], err);
		if (r < 0)
			return r;
	}
	process->uid = (uint32_t)ids[0];
	process->gid = (uint32_t)ids[1];
	return 0;
}

/* The container's own process with another command. */
static int process_from_options(const struct oci_exec *options, struct spec_process *process, struct error *err)
{
	strv_clear(&process->args);
	strv_add_all(&process->args, &options->args);
	for (size_t i = 0; i < options->env.count; i++)
		strv_env_set(&process->env, options->env.items[i]);
	if (options->cwd) {
		free(process->cwd);
		process->cwd = xstrdup(options->cwd);
	}
	process->terminal = options->terminal;
	process->no_new_privileges |= options->no_new_privileges;
	return options->user ? set_user(options->user, process, err) : 0;
}

static int read_process(const struct oci_exec *options, struct spec_process *process, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	struct spec_process given;
	int r;
	if ((r = file_read_at(AT_FDCWD, options->process_file, PROCESS_MAX, &text, &length, err)) < 0 ||
	    (r = spec_process_read(text, length, options->process_file, &given, err)) < 0)
		return r;
	spec_process_free(process);
	*process = given;
	process->terminal |= options->terminal;
	return 0;
}

static int prepare(int root_fd, const struct oci_exec *options, struct spec *spec, struct error *err)
{
	int r = oci_read_spec(root_fd, options->id, spec, err);
	if (r < 0)
		return r;
	struct spec_process *process = &spec->process;
	r = options->process_file ? read_process(options, process, err) : process_from_options(options, process, err);
	if (r < 0)
		return r;
	if (process->args.count == 0 || *process->cwd != '/')
		return error_set(err, EINVAL, "exec needs a command, and an absolute path to work in");
	if (process->terminal && !options->console_socket)
		return error_set(err, EINVAL, "a terminal needs --console-socket");
	return 0;
}

int oci_exec(int root_fd, const struct oci_exec *options, int *ret_exit_code, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	auto_seccomp_filter struct seccomp_filter seccomp = {0};
	auto_spec struct spec spec;
	spec_init(&spec);
	int r;
	if ((r = oci_read_record(root_fd, options->id, &record, err)) < 0 ||
	    (r = prepare(root_fd, options, &spec, err)) < 0)
		return r;
	auto_close int target = oci_open_process(&record);
	if (target < 0)
		return error_set(err, ESRCH, "container \"%s\" is not running", options->id);
	auto_close int cache = openat(root_fd, ".cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spec.seccomp && (r = seccomp_oci(cache, spec.seccomp, &seccomp, err)) < 0)
		return r;
	auto_close int console = spec.process.terminal ? oci_connect_console(options->console_socket, err) : -1;
	if (spec.process.terminal && console < 0)
		return console;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int report_read = ends[0];
	auto_close int report_write = ends[1];
	const struct runtime_exec exec = {
	    .pidfd = target,
	    .spec = &spec,
	    .process = &spec.process,
	    .seccomp = spec.seccomp ? &seccomp : NULL,
	    .stdio = {0, 1, 2},
	    .console_socket = console,
	    .report_fd = report_write,
	    .cgroup_fd = -1,
	    .preserve_fds = (unsigned int)options->preserve_fds,
	};
	pid_t pid;
	int pidfd;
	if ((r = runtime_exec(&exec, &pid, &pidfd, err)) < 0)
		return r;
	auto_close int process = pidfd;
	close(TAKE_FD(report_write));
	if ((r = runtime_read_report(report_read, err)) < 0 ||
	    (r = oci_write_pid_file(options->pid_file, pid, err)) < 0)
		return r;
	if (options->detach) {
		*ret_exit_code = 0;
		return 0;
	}
	return oci_wait(pid, process, ret_exit_code, err);
}
