/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a copy: a child for each end, which says what went wrong through a pipe of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/copy/internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"


/* ---- in the child ---- */
static int work(const struct copy_job *job, const struct copy_end *end, struct error *err)
{
	return job->source ? copy_pack(end, job->options, job->stream, job->fd, err)
			   : copy_unpack(end, job->options, job->stream, job->fd, err);
}

static int work_on_host(const struct copy_job *job, struct error *err)
{
	struct id_mapping mapping;
	char *cwd = getcwd(NULL, 0);
	auto_free char *directory = cwd ? cwd : xstrdup("/"),
		       *path = *job->place->path == '/' ? xstrdup(job->place->path)
							: xasprintf("%s/%s", directory, job->place->path);
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(err, errno, "open /");
	int r = store_mapping(job->store, &mapping, err);
	if (r < 0)
		return r;
	const struct copy_end end = {
	    .root = root, .host = true, .path = path, .shown = job->place->path, .mapping = &mapping};
	return work(job, &end, err);
}

static int read_spec(struct store *store, const struct container *container, struct spec *ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	auto_close int dirfd = container_open(store, container->id, err);
	int r = dirfd < 0 ? dirfd : file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	return r < 0 ? r : spec_read(text, length, "config.json", ret, err);
}

static int work_in_container(const struct copy_job *job, struct error *err)
{
	const struct container *container = job->place->container;
	const char *given = job->place->path, *cwd = container->working_dir ? container->working_dir : "/";
	auto_free char *path =
	    *given == '/' ? xstrdup(given) : xasprintf("%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, given);
	auto_free char *shown = xasprintf("%s:%s", container->name, given);
	auto_copy_root struct copy_root root = COPY_ROOT_INIT;
	auto_spec struct spec spec;
	spec_init(&spec);
	int r = read_spec(job->store, container, &spec, err);
	if (r < 0 || (r = copy_root_open(job->store, container, &spec, &root, err)) < 0)
		return error_context(err, "container %s", container->name);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of ids, which makes the kernel forget it */
	bool one_id = spec.uid_mappings_count == 1 && spec.uid_mappings[0].size == 1;
	const struct copy_end end = {.root = root.fd,
				     .path = path,
				     .shown = shown,
				     .one_id = one_id,
				     .uid = spec.process.uid,
				     .gid = spec.process.gid};
	return work(job, &end, err);
}

static _Noreturn void run_child(const struct copy_job *job, int errors)
{
	struct error failure = ERROR_INIT;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	umask(0); /* modes are the source's */
	if (job->other >= 0)
		close(job->other);
	int r = job->place->container ? work_in_container(job, &failure) : work_on_host(job, &failure);
	if (r < 0)
		write_all(errors, &failure, sizeof(failure));
	_exit(r < 0);
}

/* ---- in the command ---- */
int copy_begin(const struct copy_job *job, struct copy_child *ret, struct error *err)
{
	int ends[2] = {-1, -1};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int from_child = ends[0], to_parent = ends[1];
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	if (pid == 0)
		run_child(job, to_parent);
	*ret = (struct copy_child){pid, TAKE_FD(from_child)};
	return 0;
}

int copy_finish(struct copy_child *child, struct error *err)
{
	struct error failure = ERROR_INIT;
	ssize_t n = read_full(child->errors, &failure, sizeof(failure));
	int status, r = process_wait(child->pid, &status);
	close(TAKE_FD(child->errors));
	if (r < 0)
		return error_sys(err, r, "wait for a process");
	if (n == sizeof(failure))
		return error_set(err, failure.errnum, "%s", failure.text);
	return process_exit_code(status)
		   ? error_set(err, EIO, "a process that copies ended with status %d", process_exit_code(status))
		   : 0;
}

static bool is_stream(const struct copy_place *place)
{
	return !place->container && strcmp(place->path, "-") == 0;
}

static int finish_both(struct copy_child *packing, struct copy_child *unpacking, struct error *err)
{
	struct error other = ERROR_INIT;
	int packed = copy_finish(packing, err), unpacked = copy_finish(unpacking, &other);
	/* One that cannot write on was left by the other, whose reason is the better one. */
	if (unpacked < 0 && (packed == 0 || packed == -EPIPE)) {
		error_clear(err);
		return error_set(err, other.errnum, "%s", other.text);
	}
	return packed < 0 ? packed : unpacked;
}

int copy_run(struct store *store, const struct copy_place *from, const struct copy_place *to,
	     const struct copy_options *options, struct error *err)
{
	int ends[2];
	struct copy_child packing = {.errors = -1}, unpacking = {.errors = -1};
	struct copy_job pack = {store, from, options, true, is_stream(to), STDOUT_FILENO, -1},
			unpack = {store, to, options, false, is_stream(from), STDIN_FILENO, -1};
	int r;
	if (pack.stream || unpack.stream) {
		r = copy_begin(pack.stream ? &pack : &unpack, &packing, err);
		return r < 0 ? r : copy_finish(&packing, err);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int out = ends[1], in = ends[0];
	pack.fd = unpack.other = out;
	unpack.fd = pack.other = in;
	if ((r = copy_begin(&pack, &packing, err)) < 0)
		return r;
	r = copy_begin(&unpack, &unpacking, err);
	close(TAKE_FD(out));
	close(TAKE_FD(in));
	if (r < 0) {
		copy_finish(&packing, NULL);
		return r;
	}
	return finish_both(&packing, &unpacking, err);
}
