/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpod/oci/internal.h"
#include "libpod/runtime/runtime.h"
#include "libpod/seccomp/seccomp.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

#define CONFIG_MAX (16 << 20)

/* A container on its way: what is there is taken back unless it was finished. */
struct creation {
	const struct oci_create *options;
	int root_fd;
	int dir; /* <root>/<id>; -1: not made yet */
	int cache;
	char *bundle, *config; /* the configuration's text */
	struct spec spec;
	struct seccomp_filter seccomp;
	int wait_fd, ready_read, ready_write, report_read, report_write;
	int console;
	struct oci_helper helper;
	pid_t pid;
	bool finished;
};

static void creation_end(struct creation *creation)
{
	oci_helper_end(&creation->helper);
	const int fds[] = {creation->dir,         creation->cache,       creation->wait_fd,      creation->ready_read,
			   creation->ready_write, creation->report_read, creation->report_write, creation->console};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (creation->dir >= 0 && !creation->finished)
		tree_remove_at(creation->root_fd, creation->options->id, NULL);
	free(creation->bundle);
	free(creation->config);
	seccomp_filter_free(&creation->seccomp);
	spec_free(&creation->spec);
}
#define auto_creation CLEANUP(creation_end)

static void creation_init(struct creation *creation, int root_fd, const struct oci_create *options)
{
	*creation = (struct creation){.options = options,
				      .root_fd = root_fd,
				      .dir = -1,
				      .cache = -1,
				      .wait_fd = -1,
				      .ready_read = -1,
				      .ready_write = -1,
				      .report_read = -1,
				      .report_write = -1,
				      .console = -1,
				      .helper = OCI_HELPER_INIT};
	spec_init(&creation->spec);
}

/* Limits want a cgroup of the container's own, which is its caller's to make. Rules for devices are kept by the user
 * namespace anyway: nobody in it can make or open a device that was not mounted. */
int oci_check_resources(const struct spec *spec, struct error *err)
{
	static const char *const limits[] = {"memory",         "cpu",     "pids", "blockIO",
					     "hugepageLimits", "network", "rdma", "unified"};
	for (size_t i = 0; spec->resources && i < ARRAY_SIZE(limits); i++) {
		struct json_object *value;
		if (!json_object_object_get_ex(spec->resources, limits[i], &value) || !value)
			continue;
		bool empty = (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0) ||
			     (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0);
		if (!empty)
			return error_set(err, ENOTSUP, "linux.resources.%s: limits are not supported", limits[i]);
	}
	return 0;
}

static int read_bundle(struct creation *creation, struct error *err)
{
	const struct oci_create *options = creation->options;
	creation->bundle = realpath(options->bundle, NULL);
	if (!creation->bundle)
		return error_sys(err, errno, "bundle %s", options->bundle);
	auto_free char *config =
	    options->config ? xstrdup(options->config) : xasprintf("%s/config.json", creation->bundle);
	struct spec *spec = &creation->spec;
	size_t length;
	int r;
	if ((r = file_read_at(AT_FDCWD, config, CONFIG_MAX, &creation->config, &length, err)) < 0 ||
	    (r = spec_read(creation->config, length, config, spec, err)) < 0)
		return r;
	if (!spec->root_path)
		return error_set(err, EINVAL, "%s: root is missing", config);
	if (*spec->root_path != '/') {
		char *absolute = xasprintf("%s/%s", creation->bundle, spec->root_path);
		free(spec->root_path);
		spec->root_path = absolute;
	}
	if ((r = spec_validate(spec, err)) < 0 || (r = oci_check_resources(spec, err)) < 0)
		return error_context(err, "%s", config);
	if (spec->process.terminal && !options->console_socket)
		return error_set(err, EINVAL, "%s: process.terminal: a terminal needs --console-socket", config);
	return 0;
}

/* What can be kept for all containers of this state directory is in it under a name that no container is listed by. */
static int prepare_filter(struct creation *creation, struct error *err)
{
	if (mkdirat(creation->root_fd, ".cache", 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make the cache");
	creation->cache = openat(creation->root_fd, ".cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return creation->spec.seccomp ? seccomp_oci(creation->cache, creation->spec.seccomp, &creation->seccomp, err)
				      : 0;
}

/* The directory is what takes the name: of two that create the same, one wins. */
static int make_directory(struct creation *creation, struct error *err)
{
	const char *id = creation->options->id;
	if (mkdirat(creation->root_fd, id, 0700) < 0)
		return errno == EEXIST ? error_set(err, EEXIST, "container \"%s\" exists already", id)
				       : error_sys(err, errno, "make %s", id);
	creation->dir = openat(creation->root_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (creation->dir < 0) {
		int errnum = errno;
		unlinkat(creation->root_fd, id, AT_REMOVEDIR);
		return error_sys(err, errnum, "open %s", id);
	}
	int r = file_write_at(creation->dir, "config.json", creation->config, strlen(creation->config), 0600, 0, err);
	if (r < 0)
		return r;
	if (mkfifoat(creation->dir, "start", 0600) < 0 || mkfifoat(creation->dir, "report", 0600) < 0)
		return error_sys(err, errno, "make a FIFO");
	return 0;
}

static int open_channels(struct creation *creation, struct error *err)
{
	int ready[2];
	/* Both ways, so that there never is an end of file: the start comes long after us. */
	creation->wait_fd = openat(creation->dir, "start", O_RDWR | O_CLOEXEC);
	creation->report_read = openat(creation->dir, "report", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	creation->report_write = openat(creation->dir, "report", O_WRONLY | O_CLOEXEC);
	if (creation->wait_fd < 0 || creation->report_read < 0 || creation->report_write < 0 ||
	    pipe2(ready, O_CLOEXEC) < 0)
		return error_sys(err, errno, "open the channels to the container");
	creation->ready_read = ready[0];
	creation->ready_write = ready[1];
	fcntl(creation->report_read, F_SETFL, 0);
	if (!creation->spec.process.terminal)
		return 0;
	creation->console = oci_connect_console(creation->options->console_socket, err);
	return creation->console < 0 ? creation->console : 0;
}

int oci_connect_console(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, ENAMETOOLONG, "console socket %s: the path is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_sys(err, errno, "console socket %s", path);
	return TAKE_FD(fd);
}

static int say(int fd, char byte, struct error *err)
{
	int r = write_all(fd, &byte, 1);
	return r < 0 ? error_sys(err, r, "speak to the container") : 0;
}

static int run_hooks(struct creation *creation, struct error *err)
{
	static const enum spec_hook_kind kinds[] = {SPEC_HOOK_PRESTART, SPEC_HOOK_CREATE_RUNTIME};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = runtime_run_hooks(&creation->spec, kinds[i], creation->options->id, creation->bundle,
					  "creating", creation->pid, err);
		if (r < 0)
			return r;
	}
	return say(creation->wait_fd, 'h', err);
}

/* Until the first process waits for its start, or has said why it cannot. */
static int await_ready(struct creation *creation, struct error *err)
{
	for (;;) {
		char byte;
		ssize_t n = read_full(creation->ready_read, &byte, 1);
		if (n <= 0)
			break;
		if (byte == 'r')
			return 0;
		int r = run_hooks(creation, err);
		if (r < 0)
			return r;
	}
	int r = runtime_read_report(creation->report_read, err);
	return r < 0 ? r : error_set(err, ECHILD, "the container's process was killed while it was being made");
}

static int keep_record(struct creation *creation, struct error *err)
{
	struct oci_record record = {
	    .id = (char *)creation->options->id,
	    .bundle = creation->bundle,
	    .pid = creation->pid,
	    .created_ns = time_now_ns(),
	};
	bool zombie;
	int r = oci_process_start(creation->pid, &record.pid_start, &zombie);
	if (r < 0)
		return error_sys(err, r, "find the container's process");
	if ((r = oci_write_record(creation->dir, &record, err)) < 0)
		return r;
	return oci_write_pid_file(creation->options->pid_file, creation->pid, err);
}

static int give_birth(struct creation *creation, struct error *err)
{
	const struct oci_birth birth = {
	    .spec = &creation->spec,
	    .id = creation->options->id,
	    .bundle = creation->bundle,
	    .cache_fd = creation->cache,
	    .console_socket = creation->console,
	    .wait_fd = creation->wait_fd,
	    .ready_fd = creation->ready_write,
	    .report_fd = creation->report_write,
	    .preserve_fds = creation->options->preserve_fds,
	    .seccomp = creation->spec.seccomp ? &creation->seccomp : NULL,
	};
	int r = say(creation->wait_fd, 'm', err);
	if (r >= 0)
		r = oci_birth(&birth, &creation->helper, &creation->pid, err);
	close(TAKE_FD(creation->ready_write));
	close(TAKE_FD(creation->report_write));
	return r;
}

static int create(struct creation *creation, struct error *err)
{
	int r = oci_check_id(creation->options->id, err);
	if (r < 0 || (r = read_bundle(creation, err)) < 0 || (r = prepare_filter(creation, err)) < 0 ||
	    (r = make_directory(creation, err)) < 0 || (r = open_channels(creation, err)) < 0 ||
	    (r = give_birth(creation, err)) < 0 || (r = await_ready(creation, err)) < 0)
		return r;
	/* On failure the helper's end is the process's, too: it was told to let go only now. */
	if ((r = keep_record(creation, err)) < 0) {
		kill(creation->pid, SIGKILL);
		return r;
	}
	creation->finished = true;
	return 0;
}

int oci_create(int root_fd, const struct oci_create *options, struct error *err)
{
	auto_creation struct creation creation;
	creation_init(&creation, root_fd, options);
	return create(&creation, err);
}

int oci_start(int root_fd, const char *id, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = oci_read_record(root_fd, id, &record, err);
	if (r < 0)
		return r;
	const char *status = oci_status(root_fd, &record);
	if (strcmp(status, "created") != 0)
		return error_set(err, EINVAL, "container \"%s\" cannot be started: it is %s", id, status);
	if ((r = oci_read_spec(root_fd, id, &spec, err)) < 0)
		return r;
	auto_free char *start_path = xasprintf("%s/start", id);
	auto_free char *report_path = xasprintf("%s/report", id);
	/* The container holds the other ends; when it has died meanwhile, nobody does. */
	auto_close int report = openat(root_fd, report_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	auto_close int start = openat(root_fd, start_path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (report < 0 || start < 0)
		return errno == ENXIO ? error_set(err, ESRCH, "container \"%s\" has died", id)
				      : error_sys(err, errno, "start container %s", id);
	/* Who unlinks it is the one who starts. */
	if (unlinkat(root_fd, start_path, 0) < 0)
		return error_sys(err, errno, "start container %s", id);
	fcntl(report, F_SETFL, 0);
	if ((r = say(start, 'x', err)) < 0 || (r = runtime_read_report(report, err)) < 0)
		return r;
	return runtime_run_hooks(&spec, SPEC_HOOK_POSTSTART, id, record.bundle, "running", record.pid, err);
}

int oci_run(int root_fd, const struct oci_create *options, int *ret_exit_code, struct error *err)
{
	/* The helper that makes the process goes; its child is to be ours then. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return error_sys(err, errno, "become a subreaper");
	auto_creation struct creation creation;
	creation_init(&creation, root_fd, options);
	int r = create(&creation, err);
	if (r < 0)
		return r;
	oci_helper_end(&creation.helper);
	auto_close int pidfd = pidfd_open_process(creation.pid);
	if (pidfd < 0)
		return error_sys(err, pidfd, "open the container's process");
	if ((r = oci_start(root_fd, options->id, err)) < 0) {
		oci_delete(root_fd, options->id, true, NULL);
		return r;
	}
	int code = 0;
	if ((r = oci_wait(creation.pid, pidfd, &code, err)) < 0 ||
	    (r = oci_delete(root_fd, options->id, true, err)) < 0)
		return r;
	*ret_exit_code = code;
	return 0;
}
