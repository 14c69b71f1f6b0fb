/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"
#include "rootless/netns/netns.h"

#define LOG_SIZE    4096
#define KEEP_MAX    8192 /* a published range of thousands of ports is thousands of descriptors */
#define STDIO_COUNT 3
#define KILLED_MS   5000

static int make_log(void)
{
	auto_close int fd = memfd_create("helper-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, LOG_SIZE) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int netns_helper_prepare(const char *name, struct netns_helper *ret, struct error *err)
{
	struct netns_helper helper = NETNS_HELPER_INIT;
	helper.name = name;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "start %s", name);
	helper.ready_read = ends[0];
	helper.ready_write = ends[1];
	helper.log_fd = make_log();
	if (helper.log_fd < 0) {
		int r = error_sys(err, helper.log_fd, "start %s", name);
		netns_helper_release(&helper);
		return r;
	}
	*ret = helper;
	return 0;
}

/* ---- the child, which borrows our memory until it execs (vfork(2)): system calls only ---- */

struct start {
	const char *path;
	const char *const *argv;
	const int *keep;
	size_t keep_count;
	int log_fd;
	pid_t parent;
	volatile int failure;
};

static bool prepare_child(const struct start *start)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(start->log_fd, STDERR_FILENO) < 0)
		return false;
	close_fds_except(STDIO_COUNT, start->keep, start->keep_count);
	for (size_t i = 0; i < start->keep_count; i++)
		if (fcntl(start->keep[i], F_SETFD, 0) < 0)
			return false;
	sigset_t none;
	sigemptyset(&none);
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return false;
	/* Dead already: then the signal would never come. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != start->parent)
		return false;
	return true;
}

/* Its parent does not borrow us its memory: the child has a copy of ours, and tells of a failure in the log. */
static pid_t start_sibling(struct start *start)
{
	pid_t pid = process_clone(CLONE_PARENT, NULL);
	if (pid == 0) {
		if (prepare_child(start))
			execv(start->path, (char *const *)start->argv);
		dprintf(STDERR_FILENO, "%s\n", strerror(errno));
		_exit(127);
	}
	return pid;
}

static __attribute__((noinline)) pid_t start_child(struct start *start)
{
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0) {
		if (prepare_child(start)) /* NOLINT(clang-analyzer-unix.Vfork) */
			execv(start->path, (char *const *)start->argv);
		start->failure = errno;
		_exit(127);
	}
	int failure = errno;
	process_forget_frames_below();
	return pid < 0 ? -failure : pid;
}

int netns_helper_begin(struct netns_helper *helper, const char *const *argv, const int *keep, size_t keep_count,
		       struct error *err)
{
	auto_free char *path = find_program(argv[0]);
	if (!path)
		return error_set(err, ENOENT, "the program %s is not there", argv[0]);
	if (keep_count >= KEEP_MAX)
		return error_set(err, E2BIG, "start %s: more than %d descriptors", helper->name, KEEP_MAX);
	auto_free int *all = xcalloc(keep_count + 1, sizeof(*all));
	if (keep_count)
		memcpy(all, keep, keep_count * sizeof(*all));
	all[keep_count] = helper->ready_write;
	struct start start = {.path = path,
			      .argv = argv,
			      .keep = all,
			      .keep_count = keep_count + 1,
			      .log_fd = helper->log_fd,
			      .parent = helper->sibling ? getppid() : getpid()};
	pid_t pid = helper->sibling ? start_sibling(&start) : start_child(&start);
	if (pid < 0)
		return error_sys(err, pid, "start %s", helper->name);
	int status;
	if (start.failure) {
		process_wait(pid, &status);
		return error_sys(err, start.failure, "start %s", helper->name);
	}
	helper->pid = pid;
	helper->pidfd = pidfd_open_process(pid);
	if (helper->pidfd < 0) {
		int r = error_sys(err, helper->pidfd, "start %s", helper->name);
		netns_helper_kill(helper);
		return r;
	}
	return 0;
}

/* The last line that has something in it, fit for a terminal. */
static const char *last_line(char *text)
{
	size_t length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return line;
}

static int failed(struct netns_helper *helper, const char *words, struct error *err)
{
	char text[LOG_SIZE + 1];
	ssize_t length = pread(helper->log_fd, text, LOG_SIZE, 0);
	text[length > 0 ? length : 0] = '\0';
	const char *line = last_line(text);
	error_set(err, EIO, "%s %s%s%s", helper->name, words, *line ? ": " : "", line);
	netns_helper_kill(helper);
	return -EIO;
}

int netns_helper_wait(struct netns_helper *helper, int timeout_ms, struct error *err)
{
	for (;;) {
		struct pollfd polls[] = {{.fd = helper->ready_read, .events = POLLIN},
					 {.fd = helper->pidfd, .events = POLLIN}};
		int n = poll(polls, ARRAY_SIZE(polls), timeout_ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "wait for %s", helper->name);
		if (n == 0)
			return failed(helper, "did not get ready", err);
		if (polls[0].revents & POLLIN)
			return 0;
		return failed(helper, "failed", err);
	}
}

void netns_helper_release(struct netns_helper *helper)
{
	cleanup_close(&helper->pidfd);
	cleanup_close(&helper->ready_read);
	cleanup_close(&helper->ready_write);
	cleanup_close(&helper->log_fd);
	*helper = NETNS_HELPER_INIT;
}

void netns_helper_kill(struct netns_helper *helper)
{
	int status;
	if (helper->pid > 0) {
		kill(helper->pid, SIGKILL);
		/* Who is not its parent sees it end, and no more. */
		if (process_wait(helper->pid, &status) == -ECHILD && helper->pidfd >= 0)
			poll(&(struct pollfd){.fd = helper->pidfd, .events = POLLIN}, 1, KILLED_MS);
	}
	netns_helper_release(helper);
}
