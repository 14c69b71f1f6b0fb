/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper: what stays behind of a command that goes before its process: see exec.h.
 *
 * It holds nothing but the terminal's other end, and it ends with the process: a container that ends takes the process along, and this is then
 * told by wait4(2), or by the terminal's hanging up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "libpod/exec/exec_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

/* Nothing of the command's surroundings may be kept from ending by what stays: no stream, no terminal, no folder. */
static void leave(int keep)
{
	setsid();
	if (chdir("/") < 0)
		_exit(125);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; null >= 0 && i < 3; i++)
		dup2(null, i);
	close_fds_except(3, &keep, keep >= 0 ? 1 : 0);
}

static void read_to_end(int master)
{
	char data[4096];
	ssize_t n;
	fcntl(master, F_SETFL, 0);
	do
		n = read(master, data, sizeof(data));
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* In the keeper: starts the process, and stays with it. What goes wrong before that is told as what goes wrong in the process is. */
static void keep(struct runtime_exec *exec, int console)
{
	struct error err = ERROR_INIT;
	pid_t pid;
	int pidfd, status;
	if (exec_start(exec, &pid, &pidfd, &err) < 0) {
		struct runtime_report report = {.errnum = err.errnum, .status = err.status};
		snprintf(report.text, sizeof(report.text), "%.*s", (int)sizeof(report.text) - 1, err.text);
		write_all(exec->report_fd, &report, sizeof(report));
		_exit(125);
	}
	leave(console);
	int master = console < 0 ? -1 : exec_console_receive(console, NULL);
	if (master >= 0)
		read_to_end(master);
	process_wait(pid, &status);
	_exit(0);
}

int exec_detached(struct runtime_exec *exec, struct error *err)
{
	auto_close int console_ours = -1, console_theirs = -1, report_ours = -1, report_theirs = -1;
	int ends[2];
	int r = exec->process->terminal ? exec_console_pair(&console_ours, &console_theirs, err) : 0;
	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	report_ours = ends[0];
	report_theirs = ends[1];
	exec->console_socket = console_theirs;
	exec->report_fd = report_theirs;
	pid_t keeper = process_clone(0, NULL);
	if (keeper < 0)
		return error_sys(err, keeper, "make a process");
	if (keeper == 0)
		keep(exec, console_ours);
	close(TAKE_FD(report_theirs));
	if ((r = runtime_read_report(report_ours, err)) < 0)
		process_wait(keeper, &(int){0});
	return r;
}

int exec_keep_terminal(int master, struct error *err)
{
	pid_t keeper = process_clone(0, NULL);
	if (keeper < 0)
		return error_sys(err, keeper, "make a process that keeps the terminal");
	if (keeper > 0)
		return 0;
	leave(master);
	read_to_end(master);
	_exit(0);
}
