/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For monitor_test.c: makes what libpod/launch would make (pipes, lock, description, pid namespaces) around a plain program in place of a container.
 */
#pragma once

#include "libpod/monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "libpod/container/name.h"
#include "libpod/monitor/description.h"
#include "libpod/monitor/message.h"
#include "libpod/runtime/runtime.h"
#include "pkg/descriptors/descriptors.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

struct fixture {
	char path[64], id[65];
	struct store store;
	struct monitor_description d;
	int control, stdio[3]; /* the starting client */
	pid_t monitor;
};

static char program[4096]; /* coracle-monitor */

/* ---- the stand-in for libpod/launch ---- */
static _Noreturn void first_process(const struct monitor_description *d, const int *fds, int report, int console, const char *script)
{
	setsid();
	if (console >= 0) {
		struct winsize size = {.ws_row = d->rows, .ws_col = d->columns};
		int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		grantpt(master);
		unlockpt(master);
		int slave = open(ptsname(master), O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		ioctl(slave, TIOCSWINSZ, &size);
		descriptors_send(console, "m", 1, &master, 1, 0);
		for (int i = 0; i < 3; i++)
			dup2(slave, i);
		close(slave);
	} else {
		for (int i = 0; i < 3; i++)
			dup2(fds[i], i);
	}
	if (strcmp(script, "FAIL") == 0) {
		struct runtime_report failure = {.errnum = ENOENT, .status = 127, .text = "no such program"};
		_exit(write(report, &failure, sizeof(failure)) > 0);
	}
	execl("/bin/sh", "sh", "-c", script, NULL);
	_exit(126);
}

/* Makes the container's process and becomes its monitor. */
static _Noreturn void become_monitor(struct monitor_description *d, const char *script)
{
	int pipes[3][2], report[2], console[2] = {-1, -1}, fds[3];
	char number[16];
	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			_exit(99);
		fds[i] = pipes[i][i != 0];
	}
	if (pipe2(report, O_CLOEXEC) < 0 || (d->terminal && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console) < 0))
		_exit(99);
	pid_t pid = process_clone(CLONE_NEWPID, &d->pidfd);
	if (pid == 0) {
		if (!d->open_stdin)
			fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		first_process(d, fds, report[1], console[1], script);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(report[1]);
	if (d->terminal || !d->open_stdin)
		close(pipes[0][1]);
	d->pid = pid;
	d->host_pid = pidfd_pid(d->pidfd);
	d->report_fd = report[0];
	d->mount_fd = -1;
	d->console_fd = console[0];
	if (console[1] >= 0)
		close(console[1]);
	d->stdin_fd = d->open_stdin && !d->terminal ? pipes[0][1] : -1;
	d->stdout_fd = d->terminal ? -1 : pipes[1][0];
	d->stderr_fd = d->terminal ? -1 : pipes[2][0];
	int fd = memfd_create("description", 0);
	if (write_all(fd, d, monitor_description_size(d)) < 0)
		_exit(99);
	lseek(fd, 0, SEEK_SET);
	for (int i = 3; i < 100; i++)
		if (fcntl(i, F_GETFD) >= 0)
			fcntl(i, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	execl(program, "coracle-monitor", number, "test", NULL);
	_exit(98);
}

static int file_write_text(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->path, "/tmp/monitor_test.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->store = (struct store){.root = f->path, .run = f->path, .lock_fd = -1};
	f->store.root_fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const directories[] = {"containers", "names", "trash", "run"};
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		assert_int_equal(mkdirat(f->store.root_fd, directories[i], 0700), 0);
	f->store.run_fd = openat(f->store.root_fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text_random_hex(f->id, 32);
	auto_free char *path = xasprintf("containers/%s", f->id);
	assert_int_equal(mkdirat(f->store.root_fd, path, 0700), 0);
	assert_int_equal(symlinkat(f->id, f->store.root_fd, "names/boat"), 0);
	struct monitor_description *d = &f->d;
	*d = (struct monitor_description){.magic = MONITOR_DESCRIPTION_MAGIC, .size = sizeof(*d), .name = "boat", .stop_signal = SIGTERM,
					  .log = true, .stop_timeout_s = 10, .own_pid_namespace = true, .open_stdin = true, .stdin_once = true};
	memcpy(d->id, f->id, sizeof(d->id));
	for (size_t i = 0; i < MONITOR_CLIENTS_MAX; i++)
		d->clients[i] = (struct monitor_client){-1, -1, -1, -1, false};
	f->control = f->stdio[0] = f->stdio[1] = f->stdio[2] = -1;
	*state = f;
	return 0;
}

/* Root in the new user namespace: who is not mapped there loses the capabilities at exec. */
static void map_self(uid_t uid, gid_t gid)
{
	auto_free char *uids = xasprintf("0 %u 1", uid), *gids = xasprintf("0 %u 1", gid);
	if (file_write_text("/proc/self/setgroups", "deny") < 0 || file_write_text("/proc/self/uid_map", uids) < 0 ||
	    file_write_text("/proc/self/gid_map", gids) < 0)
		_exit(99);
}

static void start(struct fixture *f, const char *script, bool in, bool out, bool err)
{
	struct monitor_description *d = &f->d;
	struct launch_streams streams = {.attach_stdin = in, .attach_stdout = out, .attach_stderr = err, .terminal = d->terminal};
	struct stream_ends ends;
	int pair[2];
	assert_int_equal(streams_make(&streams, &ends, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	d->lock_fd = container_lock_open(&f->store, f->id, NULL);
	assert_int_equal(lock_try(d->lock_fd, LOCK_MODE_EXCLUSIVE), 0);
	d->directory_fd = container_open(&f->store, f->id, NULL);
	d->root_fd = f->store.root_fd;
	d->run_fd = fcntl(f->store.run_fd, F_DUPFD_CLOEXEC, 3);
	d->locks_fd = d->cgroup_fd = d->forward_fd = -1;
	d->program_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	d->clients[0] = (struct monitor_client){pair[1], ends.theirs[0], ends.theirs[1], ends.theirs[2], true};
	if (d->terminal)
		d->clients[0].out = fcntl(ends.theirs[0], F_DUPFD_CLOEXEC, 3);
	setenv("SCRIPT", script, 1);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	f->monitor = process_clone(CLONE_NEWUSER | CLONE_NEWPID, NULL);
	assert_true(f->monitor >= 0);
	if (f->monitor == 0) {
		map_self(uid, gid);
		close(pair[0]);
		for (int i = 0; i < 3; i++)
			cleanup_close(&ends.ours[i]);
		d->monitor_pid = (int)strtol(realpath("/proc/self", (char[4096]){0}) + 6, NULL, 10);
		become_monitor(d, script);
	}
	for (int i = 0; i < 3; i++) {
		f->stdio[i] = ends.ours[i];
		cleanup_close(&ends.theirs[i]);
	}
	if (d->terminal)
		close(d->clients[0].out);
	close(pair[1]);
	close(d->lock_fd);
	close(d->directory_fd);
	close(d->run_fd);
	close(d->program_fd);
	f->control = pair[0];
}

static void expect_reply(struct fixture *f, struct monitor_reply *reply, uint32_t type)
{
	assert_int_equal(message_receive(f->control, reply, NULL), 0);
	assert_int_equal(reply->type, type);
}

static void started(struct fixture *f)
{
	struct monitor_reply reply;
	expect_reply(f, &reply, REPLY_STARTED);
}

static int exit_code(struct fixture *f)
{
	struct monitor_reply reply;
	expect_reply(f, &reply, REPLY_EXITED);
	return reply.exit_code;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int status;
	cleanup_close(&f->control);
	for (int i = 0; i < 3; i++)
		cleanup_close(&f->stdio[i]);
	if (f->monitor > 0) {
		for (int i = 0; i < 500 && waitpid(f->monitor, &status, WNOHANG) == 0; i++)
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		kill(f->monitor, SIGKILL);
		waitpid(f->monitor, &status, 0);
	}
	close(f->store.root_fd);
	close(f->store.run_fd);
	assert_int_equal(tree_remove_at(AT_FDCWD, f->path, NULL), 0);
	free(f);
	return 0;
}

static char *read_all(int fd, size_t *ret_length)
{
	char *data = NULL;
	assert_int_equal(file_read_fd(fd, "stream", 1 << 30, &data, ret_length, NULL), 0);
	return data;
}

static struct container_state state_of(struct fixture *f)
{
	struct container_state state;
	assert_int_equal(container_state(&f->store, f->id, &state, NULL), 0);
	return state;
}

/* What was logged of one stream, over all files of a rotation. */
static char *logged(struct fixture *f, const char *stream, size_t *ret_length)
{
	struct strbuf all = STRBUF_INIT;
	for (int i = 99; i >= 0; i--) {
		auto_free char *path = i ? xasprintf("containers/%s/%s-json.log.%d", f->id, f->id, i) : xasprintf("containers/%s/%s-json.log", f->id, f->id);
		auto_free char *text = NULL;
		size_t length;
		if (file_read_at(f->store.root_fd, path, 1 << 30, &text, &length, NULL) < 0)
			continue;
		for (char *line = text, *end; *line; line = end + 1) {
			const char *name, *log;
			auto_json struct json_object *object = NULL;
			end = strchr(line, '\n');
			assert_non_null(end);
			assert_int_equal(json_parse(line, (size_t)(end - line), "log", &object, NULL), 0);
			assert_int_equal(json_get_string(object, "stream", &name, NULL), 1);
			assert_int_equal(json_get_string(object, "log", &log, NULL), 1);
			if (strcmp(name, stream) == 0)
				strbuf_puts(&all, log);
		}
	}
	if (ret_length)
		*ret_length = all.length;
	return strbuf_take(&all);
}

static int relaunch(const char *number)
{
	struct monitor_description d = {0};
	int fd = (int)strtol(number, NULL, 10);
	if (read_full(fd, &d, sizeof(d)) < 0)
		return 97;
	close(fd);
	d.program_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	const char *script = getenv("SCRIPT");
	become_monitor(&d, script ? script : "exit 96");
}
