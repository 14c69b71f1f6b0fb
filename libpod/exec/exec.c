/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/exec/exec.h"

#include <errno.h>
#include <fcntl.h>

#include "libpod/exec/exec_internal.h"
#include "libpod/monitor/monitor.h"
#include "libpod/seccomp/seccomp.h"
#include "libpod/secret/secret.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/cgroup/cgroup.h"

static int connect_running(struct store *store, const struct container *container, int *ret_pidfd, struct error *err)
{
	struct container_state state;
	int r = container_state(store, container->id, &state, err);
	if (r < 0)
		return r;
	if (state.status == CONTAINER_PAUSED)
		return error_set(err, EBUSY, "container %s is paused; `coracle unpause %s` first", container->name, container->name);
	auto_close int monitor = state.status == CONTAINER_CREATED || state.status == CONTAINER_EXITED
				     ? -ESRCH
				     : monitor_connect(store, container->id, err);
	if (monitor == -ESRCH)
		return container_not_running(store, container, err);
	if (monitor < 0)
		return monitor;
	r = monitor_pidfd(monitor, ret_pidfd, err);
	return r == -ESRCH ? container_not_running(store, container, err) : r;
}

static int read_spec(struct store *store, const struct container *container, struct spec *spec, struct error *err)
{
	auto_close int dir = container_open(store, container->id, err);
	if (dir < 0)
		return dir;
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(dir, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	if (r < 0 || (r = spec_read(text, length, "config.json", spec, err)) < 0)
		return error_context(err, "container %s", container->name);
	return 0;
}

bool exec_has_one_id(const struct spec *spec)
{
	return spec->uid_mappings_count == 1 && spec->uid_mappings[0].size == 1;
}

int exec_start(struct runtime_exec *exec, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
	int r = runtime_exec(exec, ret_pid, ret_pidfd, err);
	/* From another session's cgroup, which has no ancestor in common with the container's that is ours to write (cgroups(7)). */
	if (r == -EACCES && exec->cgroup_fd >= 0) {
		exec->cgroup_fd = -1;
		error_clear(err);
		r = runtime_exec(exec, ret_pid, ret_pidfd, err);
	}
	return r;
}

int exec_run(struct store *store, const struct container *container, const struct exec_options *options, const struct strv *arguments,
	     int *ret_exit_code, struct error *err)
{
	auto_close int pidfd = -1;
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = connect_running(store, container, &pidfd, err);
	if (r < 0 || (r = read_spec(store, container, &spec, err)) < 0 ||
	    (r = secret_add_env(store, container, &spec.process.env, err)) < 0 ||
	    (r = exec_process(container, options, arguments, pidfd, &spec, err)) < 0)
		return r;
	auto_seccomp_filter struct seccomp_filter seccomp = {0};
	auto_close int cache_fd = openat(store->root_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spec.seccomp && (r = seccomp_oci(cache_fd, spec.seccomp, &seccomp, err)) < 0)
		return r;
	auto_close int cgroup_fd = (container->systemd ? cgroup_open_exactly : cgroup_open_of)(pidfd_pid(pidfd), container->id);
	struct runtime_exec exec = {
	    .pidfd = pidfd,
	    .spec = &spec,
	    .process = &spec.process,
	    .seccomp = spec.seccomp ? &seccomp : NULL,
	    .fake_ownership = exec_has_one_id(&spec),
	    .nested = container->uid_map.count,
	    .keep_groups = plan_keeps_groups(&spec.annotations),
	    .stdio = {-1, -1, -1},
	    .console_socket = -1,
	    .report_fd = -1,
	    .cgroup_fd = cgroup_fd >= 0 ? cgroup_fd : -1,
	    .preserve_fds = (unsigned int)options->preserve_fds,
	};
	if (options->detach) {
		r = exec_detached(&exec, err);
		if (r >= 0)
			*ret_exit_code = 0;
		return r;
	}
	const char *keys = options->detach_keys ? options->detach_keys : container->detach_keys;
	return exec_attached(&exec, options, keys, ret_exit_code, err);
}
