/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the field's own programs (newuidmap, pasta, fusermount3 …).
 *
 * The child is made with vfork(2): it borrows our memory until it execs, so that no page table is copied, and reports a
 * failed exec through a variable. It does nothing there but system calls, on a plan that was worked out before. That
 * holds us until the program is loaded, which with a set-user-ID one takes more than half a millisecond; where that is
 * too long, the child is a fork, and says on its standard error what failed.
 *
 * The end is the exit of the process, not the end of its output: a program that leaves a daemon behind, which still
 * holds the pipes, does not hold us up.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

#define STDIO_COUNT 3

static bool is_program(const char *path)
{
	struct stat st;
	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *find_in(const char *directories, const char *program)
{
	for (;;) {
		size_t length = strcspn(directories, ":");
		/* An empty entry means the working directory, which nobody wants programs from. */
		if (length) {
			auto_free char *path = xasprintf("%.*s/%s", (int)length, directories, program);
			if (is_program(path))
				return TAKE_PTR(path);
		}
		if (!directories[length])
			return NULL;
		directories += length + 1;
	}
}

char *find_program(const char *program)
{
	if (!*program)
		return NULL;
	if (strchr(program, '/'))
		return is_program(program) ? xstrdup(program) : NULL;
	const char *path = getenv("PATH");
	char *found = find_in(path ? path : "/usr/local/bin:/usr/bin:/bin", program);
	return found ? found : find_in("/usr/sbin:/sbin", program);
}

/* ---- the child ---- */

struct plan {
	const char *path;
	const struct spawn *spawn;
	int error_fd;
	int output_fd;        /* -1: /dev/null */
	volatile int failure; /* errno of what went wrong in the child */
};

static bool prepare_child(const struct plan *plan)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int input = plan->spawn->input_fd > 0 ? plan->spawn->input_fd : null;
	if (null < 0 || dup2(input, STDIN_FILENO) < 0)
		return false;
	if (dup2(plan->output_fd < 0 ? null : plan->output_fd, STDOUT_FILENO) < 0 ||
	    dup2(plan->error_fd, STDERR_FILENO) < 0)
		return false;
	const struct spawn *spawn = plan->spawn;
	close_fds_except(STDIO_COUNT, spawn->keep, spawn->keep_count);
	for (size_t i = 0; i < spawn->keep_count; i++)
		if (fcntl(spawn->keep[i], F_SETFD, 0) < 0)
			return false;
	/* What exec passes on besides descriptors: an ignored SIGPIPE and the mask. */
	sigset_t none;
	sigemptyset(&none);
	return signal(SIGPIPE, SIG_DFL) != SIG_ERR && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* vfork's child must not return from the function that called it; and nothing else may live in that one's frame. */
static __attribute__((noinline)) pid_t start(struct plan *plan)
{
	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): see the head of this file */
	pid_t pid = plan->spawn->at_once ? fork() : vfork();
	if (pid == 0) {
		/* Nothing but system calls, deeper in the stack than what we come back to. */
		if (prepare_child(plan)) /* NOLINT(clang-analyzer-unix.Vfork) */
			execve(plan->path, (char *const *)plan->spawn->argv,
			       plan->spawn->envp ? (char *const *)plan->spawn->envp : environ);
		plan->failure = errno;
		if (plan->spawn->at_once)
			dprintf(plan->error_fd, "%s: %s\n", plan->path, strerror(plan->failure));
		_exit(127);
	}
	int failure = errno;
	process_forget_frames_below();
	return pid < 0 ? -failure : pid;
}

/* ---- the parent ---- */

/* Both ends clear of the standard descriptors, even when we were started without them: the child puts those in place
 * one after the other. */
static int make_pipe(int *ret_read, int *ret_write)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		if (ends[i] >= STDIO_COUNT)
			continue;
		int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, STDIO_COUNT);
		int saved = errno;
		close(ends[i]);
		ends[i] = moved;
		if (moved < 0) {
			close(ends[!i]);
			return -saved;
		}
	}
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

int spawn_begin(const struct spawn *spawn, struct spawn_handle *ret, struct error *err)
{
	const char *name = base_name(spawn->argv[0]);
	auto_free char *path = find_program(spawn->argv[0]);
	if (!path)
		return error_set(err, ENOENT, "the program %s is not there", spawn->argv[0]);
	auto_close int error_read = -1, error_write = -1, output_read = -1, output_write = -1;
	int r = make_pipe(&error_read, &error_write);
	if (r == 0 && spawn->output)
		r = make_pipe(&output_read, &output_write);
	if (r < 0)
		return error_sys(err, r, "start %s", name);
	struct plan plan = {.path = path, .spawn = spawn, .error_fd = error_write, .output_fd = output_write};
	pid_t pid = start(&plan);
	if (pid < 0)
		return error_sys(err, pid, "start %s", name);
	if (plan.failure) {
		int status;
		process_wait(pid, &status);
		return error_sys(err, plan.failure, "start %s", name);
	}
	*ret = (struct spawn_handle){
	    .pid = pid,
	    .error_fd = TAKE_FD(error_read),
	    .output_fd = TAKE_FD(output_read),
	};
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return 0;
}

/* One read; closes the descriptor at its end. The number of bytes. */
static size_t take_output(int *fd, struct strbuf *into)
{
	char chunk[4096];
	ssize_t n = read(*fd, chunk, sizeof(chunk));
	if (n > 0) {
		strbuf_add(into, chunk, (size_t)n);
		return (size_t)n;
	}
	if (n < 0 && errno == EINTR)
		return 0;
	close(*fd);
	*fd = -1;
	return 0;
}

/* What lies in the pipe now, and no more: whoever still holds the other end is not waited for. */
static void take_rest(int *fd, struct strbuf *into)
{
	int left = 0;
	if (*fd < 0 || ioctl(*fd, FIONREAD, &left) < 0)
		return;
	while (*fd >= 0 && left > 0)
		left -= (int)take_output(fd, into);
}

/* The last line is all that is shown: what is long before it is let go. */
#define ERROR_KEPT ((size_t)8192)

static void cut_front(struct strbuf *errors)
{
	if (errors->length < 2 * ERROR_KEPT)
		return;
	memmove(errors->data, errors->data + errors->length - ERROR_KEPT, ERROR_KEPT);
	strbuf_truncate(errors, ERROR_KEPT);
}

/* Takes in both outputs until the process has exited and what it left in the pipes is read. */
static int collect(struct spawn_handle *handle, struct strbuf *output, struct strbuf *errors)
{
	auto_close int pidfd = pidfd_open_process(handle->pid);
	if (pidfd < 0)
		return pidfd;
	struct pollfd polls[] = {
	    {.fd = pidfd, .events = POLLIN}, {.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	while (!polls[0].revents) {
		polls[1].fd = handle->error_fd;
		polls[2].fd = handle->output_fd;
		if (poll(polls, ARRAY_SIZE(polls), -1) < 0) {
			if (errno != EINTR)
				return -errno;
			polls[0].revents = 0;
			continue;
		}
		if (polls[1].revents) {
			take_output(&handle->error_fd, errors);
			cut_front(errors);
		}
		if (polls[2].revents)
			take_output(&handle->output_fd, output);
	}
	return 0;
}

/* The last line with anything in it, fit for a terminal; "" when there is none. */
static const char *last_line(struct strbuf *errors)
{
	while (errors->length && isspace((unsigned char)errors->data[errors->length - 1]))
		strbuf_truncate(errors, errors->length - 1);
	if (text_is_empty(errors->data))
		return "";
	char *line = memrchr(errors->data, '\n', errors->length);
	line = line ? line + 1 : errors->data;
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return line;
}

static int failure(const char *name, int status, struct strbuf *errors, struct error *err)
{
	const char *line = last_line(errors);
	/* Most programs say their name themselves. */
	size_t length = strlen(name);
	if (strncmp(line, name, length) == 0 && line[length] == ':')
		line += length + 1 + strspn(line + length + 1, " ");
	if (*line)
		return error_set(err, EIO, "%s: %s", name, line);
	if (WIFSIGNALED(status)) {
		const char *signal_name = signal_to_name(WTERMSIG(status));
		return error_set(err, EIO, "%s was killed by %s", name, signal_name ? signal_name : "a signal");
	}
	return error_set(err, EIO, "%s exited with status %d", name, WEXITSTATUS(status));
}

int spawn_finish(struct spawn_handle *handle, struct strbuf *output, struct error *err)
{
	auto_strbuf struct strbuf errors = STRBUF_INIT, unwanted = STRBUF_INIT;
	if (!output)
		output = &unwanted;
	int status;
	int r = collect(handle, output, &errors);
	if (r == 0) {
		take_rest(&handle->error_fd, &errors);
		take_rest(&handle->output_fd, output);
	}
	cleanup_close(&handle->error_fd);
	cleanup_close(&handle->output_fd);
	handle->error_fd = handle->output_fd = -1;
	int waited = process_wait(handle->pid, &status);
	if (r == 0)
		r = waited;
	if (r < 0)
		return error_sys(err, r, "wait for %s", handle->name);
	return status ? failure(handle->name, status, &errors, err) : 0;
}

int spawn_run(const struct spawn *spawn, struct error *err)
{
	struct spawn_handle handle = {.pid = -1, .error_fd = -1, .output_fd = -1};
	int r = spawn_begin(spawn, &handle, err);
	return r < 0 ? r : spawn_finish(&handle, spawn->output, err);
}
