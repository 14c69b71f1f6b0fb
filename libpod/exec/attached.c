/* SPDX-License-Identifier: Apache-2.0 */
/* attached: the command stays until the process has ended, or the user has detached from its terminal. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/exec/exec_internal.h"
#include "libpod/stdio/relay.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/process/process.h"

/* What the last writes of a process to a terminal may take to come out at the other end while others still have it open. */
#define TERMINAL_DRAIN_MS 50

/* What is needed from the clone to the end. */
struct attachment {
	struct relay relay;
	int theirs[3];      /* the ends made for the process; -1 where it has one of ours or none */
	int report[2];
	int console[2];
	int master;
	pid_t pid;
	int pidfd;
};

static void attachment_free(struct attachment *attachment)
{
	relay_free(&attachment->relay);
	for (size_t i = 0; i < 3; i++)
		cleanup_close(&attachment->theirs[i]);
	for (size_t i = 0; i < 2; i++) {
		cleanup_close(&attachment->report[i]);
		cleanup_close(&attachment->console[i]);
	}
	cleanup_close(&attachment->master);
	cleanup_close(&attachment->pidfd);
}

/* A pipe of the shell's: not one with a name, which is a file of the host's. */
static bool is_pipe(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/* A pipe for standard stream `i`, with our end in the relay. */
static int make_stream(struct attachment *attachment, int i, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	int ours = i == STDIN_FILENO ? ends[1] : ends[0];
	attachment->theirs[i] = i == STDIN_FILENO ? ends[0] : ends[1];
	attachment->relay.streams[i] =
	    (struct relay_stream){.from = i == STDIN_FILENO ? STDIN_FILENO : ours, .to = i == STDIN_FILENO ? ours : i};
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(err, errno, "set up a pipe");
	return 0;
}

static int make_streams(struct attachment *attachment, struct runtime_exec *exec, bool interactive, struct error *err)
{
	for (int i = interactive ? STDIN_FILENO : STDOUT_FILENO; i <= STDERR_FILENO; i++) {
		if (is_pipe(i)) {
			exec->stdio[i] = i;
			continue;
		}
		int r = make_stream(attachment, i, err);
		if (r < 0)
			return r;
		exec->stdio[i] = attachment->theirs[i];
	}
	return 0;
}

static void drop(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

static int start(struct attachment *attachment, struct runtime_exec *exec, const struct exec_options *options, struct error *err)
{
	int r = options->terminal ? exec_console_pair(&attachment->console[0], &attachment->console[1], err)
				  : make_streams(attachment, exec, options->interactive, err);
	if (r < 0)
		return r;
	if (pipe2(attachment->report, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	exec->report_fd = attachment->report[1];
	exec->console_socket = attachment->console[1];
	if ((r = exec_start(exec, &attachment->pid, &attachment->pidfd, err)) < 0)
		return r;
	/* Only the process has these now: its end is their end. */
	for (size_t i = 0; i < 3; i++)
		drop(&attachment->theirs[i]);
	drop(&attachment->report[1]);
	drop(&attachment->console[1]);
	descriptors_close_inherited(exec->preserve_fds);
	if ((r = runtime_read_report(attachment->report[0], err)) < 0)
		process_wait(attachment->pid, &(int){0});
	return r;
}

static int take_terminal(struct attachment *attachment, bool interactive, struct detach_keys *keys, struct error *err)
{
	int master = attachment->master = exec_console_receive(attachment->console[0], err);
	if (master < 0)
		return master;
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(err, errno, "set up the terminal");
	if (interactive)
		attachment->relay.streams[0] = (struct relay_stream){.from = STDIN_FILENO, .to = master, .shared = true, .keys = keys};
	attachment->relay.streams[1] = (struct relay_stream){.from = master, .to = STDOUT_FILENO, .shared = true};
	return 0;
}

static void resize(int master)
{
	struct winsize size;
	if (terminal_get_size(STDIN_FILENO, &size) >= 0)
		terminal_set_size(master, &size);
}

/* Until the process has ended: 0; or the detach keys were typed: 1. */
static int carry(struct attachment *attachment, struct terminal_guard *guard, const struct signal_proxy *proxy, struct error *err)
{
	enum { PROCESS = RELAY_STREAMS, SIZES, SIGNALS, COUNT };
	for (;;) {
		struct pollfd fds[COUNT];
		relay_prepare(&attachment->relay, fds);
		fds[PROCESS] = (struct pollfd){.fd = attachment->pidfd, .events = POLLIN};
		fds[SIZES] = (struct pollfd){.fd = guard->signal_fd, .events = POLLIN};
		fds[SIGNALS] = (struct pollfd){.fd = proxy->fd, .events = POLLIN};
		if (poll(fds, COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_sys(err, errno, "wait for the process");
		}
		if (fds[SIZES].revents && terminal_guard_signal(guard))
			resize(attachment->master);
		for (int number; fds[SIGNALS].revents && (number = signal_proxy_next(proxy)) > 0;)
			pidfd_signal(attachment->pidfd, number);
		if (relay_move(&attachment->relay, fds) == RELAY_DETACH)
			return 1;
		if (fds[PROCESS].revents) {
			relay_drain(&attachment->relay, attachment->master >= 0 ? TERMINAL_DRAIN_MS : 0);
			return 0;
		}
	}
}

int exec_attached(struct runtime_exec *exec, const struct exec_options *options, const char *detach_keys, int *ret_exit_code, struct error *err)
{
	CLEANUP(attachment_free) struct attachment attachment = {
	    .relay = RELAY_INIT, .theirs = {-1, -1, -1}, .report = {-1, -1}, .console = {-1, -1}, .master = -1, .pidfd = -1};
	auto_terminal_guard struct terminal_guard guard = TERMINAL_GUARD_INIT;
	auto_signal_proxy struct signal_proxy proxy = SIGNAL_PROXY_INIT;
	struct detach_keys keys;
	int r;
	if ((r = detach_keys_parse(detach_keys ? detach_keys : DETACH_KEYS_DEFAULT, &keys, err)) < 0 ||
	    (r = start(&attachment, exec, options, err)) < 0)
		return r;
	/* A reader of ours that goes away ends a stream, not us: the process's exit code is still to come. */
	signal(SIGPIPE, SIG_IGN);
	if (options->terminal && ((r = take_terminal(&attachment, options->interactive, &keys, err)) < 0 ||
				  (r = terminal_guard_begin(&guard, options->interactive && isatty(STDIN_FILENO) ? STDIN_FILENO : -1, err)) < 0))
		return r;
	/* Without a terminal, whose hanging up would end it, the process is told by the signals that we get that it is not wanted any more. */
	if (!options->terminal && (r = signal_proxy_begin(&proxy, err)) < 0)
		return r;
	if ((r = carry(&attachment, &guard, &proxy, err)) < 0)
		return r;
	if (r > 0) {
		*ret_exit_code = 0;
		return exec_keep_terminal(attachment.master, err);
	}
	int status;
	if ((r = process_wait(attachment.pid, &status)) < 0)
		return error_sys(err, r, "wait for the process");
	*ret_exit_code = process_exit_code(status);
	return 0;
}
