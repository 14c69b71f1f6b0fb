/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coracle-monitor itself: what a client, the disk and the process table show of it. Executed with --relaunch, this test stands in for coracle at a restart.
 */
#include "libpod/monitor/testing.h"

static void test_output(void **state)
{
	struct fixture *f = *state;
	start(f, "echo out; echo error >&2; printf unfinished; exit 3", false, true, true);
	started(f);
	auto_free char *out = read_all(f->stdio[1], NULL), *err = read_all(f->stdio[2], NULL);
	assert_string_equal(out, "out\nunfinished");
	assert_string_equal(err, "error\n");
	assert_int_equal(exit_code(f), 3);
	/* Whoever has heard of the exit finds the state on disk and the lock free. */
	struct container_state s = state_of(f);
	assert_int_equal(s.status, CONTAINER_EXITED);
	assert_int_equal(s.exit_code, 3);
	assert_true(s.finished_ns >= s.started_ns && s.started_ns > 0);
	auto_free char *log_out = logged(f, "stdout", NULL), *log_err = logged(f, "stderr", NULL);
	assert_string_equal(log_out, "out\nunfinished");
	assert_string_equal(log_err, "error\n");
	auto_close int dirfd = openat(f->store.run_fd, f->id, O_PATH | O_CLOEXEC);
	assert_int_equal(dirfd, -1);
}

static void write_pattern(int fd, size_t size)
{
	static char block[65536];
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = i % 64 == 63 ? '\n' : (char)('0' + (i * 7 + i / 64) % 75);
	for (size_t done = 0; done < size; done += sizeof(block))
		if (write_all(fd, block, sizeof(block)) < 0)
			_exit(1);
}

static void copy_through(struct fixture *f, bool log)
{
	const size_t size = 64 << 20;
	f->d.log = log;
	start(f, "cat", true, true, false);
	started(f);
	pid_t writer = fork();
	if (writer == 0) {
		close(f->stdio[1]);
		write_pattern(f->stdio[0], size);
		_exit(0);
	}
	close(f->stdio[0]);
	f->stdio[0] = -1;
	size_t length, log_length;
	auto_free char *out = read_all(f->stdio[1], &length);
	assert_int_equal(length, size);
	for (size_t at = 65536; at < size; at += 65536)
		assert_memory_equal(out, out + at, 65536);
	assert_int_equal(exit_code(f), 0);
	waitpid(writer, NULL, 0);
	auto_free char *text = logged(f, "stdout", &log_length);
	assert_int_equal(log_length, log ? size : 0);
	if (log)
		assert_memory_equal(text, out, size);
}

static void test_copy_logged(void **state)
{
	copy_through(*state, true);
}

static void test_copy_unlogged(void **state)
{
	copy_through(*state, false);
}

/* A client that does not read stops the container, and nothing else. */
static void test_back_pressure(void **state)
{
	struct fixture *f = *state;
	start(f, "head -c 3000000 /dev/zero; touch /tmp/monitor_test.$$ && rm /tmp/monitor_test.$$; exit 4", false, true, false);
	started(f);
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	assert_int_equal(state_of(f).status, CONTAINER_RUNNING);
	auto_close int other = monitor_connect(&f->store, f->id, NULL), pidfd = -1;
	assert_int_equal(monitor_pidfd(other, &pidfd, NULL), 0);
	assert_true(pidfd >= 0);
	size_t length;
	free(read_all(f->stdio[1], &length));
	assert_int_equal(length, 3000000);
	assert_int_equal(exit_code(f), 4);
}

/* What remains at the exit fits into the client's pipe: a slow client does not keep the monitor. */
static void test_slow_reader_at_exit(void **state)
{
	struct fixture *f = *state;
	start(f, "head -c 120000 /dev/zero | tr '\\0' x", false, true, false);
	started(f);
	assert_int_equal(exit_code(f), 0);
	size_t length;
	free(read_all(f->stdio[1], &length));
	assert_int_equal(length, 120000);
}

static void test_client_dies(void **state)
{
	struct fixture *f = *state;
	/* More than fits into the pipes: it waits for the client, until there is none. */
	start(f, "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done", true, true, true);
	started(f);
	auto_close int waiting = monitor_connect(&f->store, f->id, NULL);
	assert_true(waiting >= 0);
	close(f->control);
	for (int i = 0; i < 3; i++)
		close(f->stdio[i]);
	f->control = f->stdio[0] = f->stdio[1] = f->stdio[2] = -1;
	int code = -1;
	assert_int_equal(monitor_wait(&f->store, f->id, waiting, 10000, &code, NULL), 0);
	assert_int_equal(code, 0);
	auto_free char *out = logged(f, "stdout", NULL);
	assert_true(text_ends_with(out, "line 29998\nline 29999\n"));
}

static void test_two_clients(void **state)
{
	struct fixture *f = *state;
	start(f, "read go; head -c 1000000 /dev/zero | tr '\\0' a; echo done", true, true, false);
	started(f);
	auto_close int other = monitor_connect(&f->store, f->id, NULL);
	int stdio[3];
	struct launch_streams streams = {.attach_stdout = true, .attach_stderr = true};
	assert_int_equal(monitor_attach(other, &streams, stdio, NULL), 0);
	assert_int_equal(stdio[0], -1);
	assert_int_equal(write_all(f->stdio[0], "go\n", 3), 0);
	pid_t reader = fork();
	size_t length;
	if (reader == 0) {
		char *mine = read_all(f->stdio[1], &length);
		_exit(length == 1000005 && text_ends_with(mine, "adone\n") ? 0 : 1);
	}
	free(read_all(stdio[1], &length));
	int status = -1;
	waitpid(reader, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(length, 1000005);
	assert_int_equal(exit_code(f), 0);
	close(stdio[1]);
	close(stdio[2]);
}

static void test_input_stays_open(void **state)
{
	struct fixture *f = *state;
	f->d.stdin_once = false;
	start(f, "cat", true, true, false);
	started(f);
	assert_int_equal(write_all(f->stdio[0], "one ", 4), 0);
	close(f->stdio[0]);
	f->stdio[0] = -1;
	auto_close int other = monitor_connect(&f->store, f->id, NULL);
	int stdio[3];
	struct launch_streams streams = {.attach_stdin = true};
	assert_int_equal(monitor_attach(other, &streams, stdio, NULL), 0);
	assert_int_equal(write_all(stdio[0], "two", 3), 0);
	char text[8] = "";
	assert_int_equal(read_full(f->stdio[1], text, 7), 7);
	assert_string_equal(text, "one two");
	assert_int_equal(monitor_stop(other, SIGTERM, 0, NULL), 0);
	assert_int_equal(exit_code(f), 137);
	close(stdio[0]);
}

static void test_input_nobody_reads(void **state)
{
	struct fixture *f = *state;
	signal(SIGPIPE, SIG_IGN);
	start(f, "exec <&-; sleep 0.2", true, true, false);
	started(f);
	char block[4096] = "";
	ssize_t n = 1;
	while (n > 0)
		n = write(f->stdio[0], block, sizeof(block));
	assert_int_equal(errno, EPIPE);
	assert_int_equal(exit_code(f), 0);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	start(f, "trap 'echo caught' TERM; echo ready; while :; do sleep 0.05; done", false, true, false);
	started(f);
	char text[16] = "";
	assert_int_equal(read_full(f->stdio[1], text, 6), 6);
	auto_close int other = monitor_connect(&f->store, f->id, NULL);
	int64_t before = time_now_ns();
	assert_int_equal(monitor_stop(other, SIGTERM, 1, NULL), 0);
	assert_int_equal(read_full(f->stdio[1], text, 7), 7);
	assert_memory_equal(text, "caught\n", 7);
	assert_int_equal(state_of(f).status, CONTAINER_STOPPING);
	assert_int_equal(exit_code(f), 137);
	int64_t took = time_now_ns() - before;
	assert_true(took > 900000000 && took < 3000000000);
	assert_true(state_of(f).stopped_by_user);
	int code = 0;
	assert_int_equal(monitor_wait(&f->store, f->id, other, 5000, &code, NULL), 0);
	assert_int_equal(code, 137);
	assert_int_equal(monitor_connect(&f->store, f->id, NULL), -ESRCH);
}

static bool grows_now(struct fixture *f)
{
	auto_free char *before = logged(f, "stdout", NULL);
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	auto_free char *after = logged(f, "stdout", NULL);
	return strlen(after) > strlen(before);
}

/* On a machine that is busy a moment may pass, and what was written before is logged a little later. */
static bool comes_to(struct fixture *f, bool growing)
{
	for (int i = 0; i < 10; i++)
		if (grows_now(f) == growing)
			return true;
	return false;
}

static bool grows(struct fixture *f)
{
	return comes_to(f, true);
}

static bool stands_still(struct fixture *f)
{
	return comes_to(f, false);
}

static void test_pause(void **state)
{
	struct fixture *f = *state;
	start(f, "(while :; do echo tick; sleep 0.02; done) & while :; do echo tock; sleep 0.02; done", false, false, false);
	started(f);
	auto_close int other = monitor_connect(&f->store, f->id, NULL);
	assert_true(grows(f));
	assert_int_equal(monitor_pause(other, NULL), 0);
	assert_int_equal(state_of(f).status, CONTAINER_PAUSED);
	assert_int_equal(monitor_pause(other, NULL), -EALREADY);
	assert_true(stands_still(f));
	assert_int_equal(monitor_unpause(other, NULL), 0);
	assert_int_equal(state_of(f).status, CONTAINER_RUNNING);
	assert_int_equal(monitor_unpause(other, NULL), -EINVAL);
	assert_true(grows(f));
	assert_int_equal(monitor_pause(other, NULL), 0);
	assert_int_equal(monitor_stop(other, SIGKILL, 5, NULL), 0); /* also of a paused one */
	assert_int_equal(exit_code(f), 137);
}

/* Who holds it need not live to let it go. */
static void test_hold(void **state)
{
	struct fixture *f = *state;
	start(f, "while :; do echo tock; sleep 0.02; done", false, false, false);
	started(f);
	auto_close int holder = monitor_connect(&f->store, f->id, NULL), other = monitor_connect(&f->store, f->id, NULL);
	assert_int_equal(monitor_hold(holder, NULL), 0);
	assert_int_equal(state_of(f).status, CONTAINER_PAUSED);
	assert_int_equal(monitor_hold(other, NULL), -EALREADY);
	assert_true(stands_still(f));
	close(TAKE_FD(holder));
	assert_true(grows(f));
	assert_int_equal(state_of(f).status, CONTAINER_RUNNING);
	/* Unpaused by somebody and paused by another it is not the holder's any more. */
	holder = monitor_connect(&f->store, f->id, NULL);
	assert_int_equal(monitor_hold(holder, NULL), 0);
	assert_int_equal(monitor_unpause(other, NULL), 0);
	assert_int_equal(monitor_pause(other, NULL), 0);
	close(TAKE_FD(holder));
	assert_true(stands_still(f));
	assert_int_equal(state_of(f).status, CONTAINER_PAUSED);
	assert_int_equal(monitor_stop(other, SIGKILL, 5, NULL), 0);
	assert_int_equal(exit_code(f), 137);
}

/* Nobody outlives the monitor, and nothing says that the container runs. */
static void test_monitor_killed(void **state)
{
	struct fixture *f = *state;
	start(f, "sleep 1000 & sleep 1000", false, true, false);
	started(f);
	auto_close int other = monitor_connect(&f->store, f->id, NULL), pidfd = -1;
	assert_int_equal(monitor_pidfd(other, &pidfd, NULL), 0);
	kill(f->monitor, SIGKILL);
	struct pollfd pollfd = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&pollfd, 1, 5000), 1);
	int code = 0;
	assert_int_equal(monitor_wait(&f->store, f->id, other, 5000, &code, NULL), 0);
	assert_int_equal(code, 137);
	assert_int_equal(state_of(f).status, CONTAINER_EXITED);
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	f->d.log_max_size = 20000;
	f->d.log_max_files = 50;
	start(f, "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done", false, false, false);
	started(f);
	assert_int_equal(exit_code(f), 0);
	auto_free char *out = logged(f, "stdout", NULL);
	const char *at = out;
	for (int i = 0; i < 5000; i++) {
		char line[32];
		int n = snprintf(line, sizeof(line), "line %d\n", i);
		assert_memory_equal(at, line, (size_t)n);
		at += n;
	}
	struct stat st;
	auto_free char *first = xasprintf("containers/%s/%s-json.log.1", f->id, f->id);
	assert_int_equal(fstatat(f->store.root_fd, first, &st, 0), 0);
	assert_true(st.st_size <= 20000 && st.st_size > 19000);
}

static void test_removed(void **state)
{
	struct fixture *f = *state;
	f->d.remove = true;
	start(f, "echo x", false, true, false);
	started(f);
	assert_int_equal(exit_code(f), 0);
	auto_free char *path = xasprintf("containers/%s", f->id), *trash = xasprintf("trash/%s", f->id);
	struct stat st;
	char owner[65];
	assert_int_equal(fstatat(f->store.root_fd, path, &st, 0), -1);
	assert_int_equal(name_resolve(f->store.root_fd, "boat", owner), -ENOENT);
	waitpid(f->monitor, NULL, 0);
	f->monitor = 0;
	assert_int_equal(fstatat(f->store.root_fd, trash, &st, 0), -1);
}

static void test_not_executed(void **state)
{
	struct fixture *f = *state;
	struct monitor_reply reply;
	start(f, "FAIL", false, true, false);
	expect_reply(f, &reply, REPLY_FAILED);
	assert_int_equal(reply.status, 127);
	assert_int_equal(reply.errnum, ENOENT);
	assert_string_equal(reply.text, "no such program");
	struct container_state s = state_of(f);
	assert_int_equal(s.status, CONTAINER_CREATED);
	assert_int_equal(s.exit_code, 127);
	assert_string_equal(s.error, "no such program");
}

static void test_restart(void **state)
{
	struct fixture *f = *state;
	f->d.restart_policy = RESTART_ON_FAILURE;
	f->d.restart_max = 3;
	start(f, "echo again; exit 7", false, true, false);
	started(f);
	for (int i = 0; i < 3; i++)
		started(f);
	auto_free char *out = read_all(f->stdio[1], NULL);
	assert_string_equal(out, "again\nagain\nagain\nagain\n");
	assert_int_equal(exit_code(f), 7);
	assert_int_equal(state_of(f).restart_count, 3);
	auto_free char *log = logged(f, "stdout", NULL);
	assert_string_equal(log, out);
}

static void test_stop_ends_restarting(void **state)
{
	struct fixture *f = *state;
	f->d.restart_policy = RESTART_ALWAYS;
	start(f, "exit 5", false, true, false);
	for (int i = 0; i < 4; i++)
		started(f);
	auto_close int other = monitor_connect(&f->store, f->id, NULL);
	assert_int_equal(monitor_stop(other, SIGTERM, 10, NULL), 0);
	int code = -1;
	assert_int_equal(monitor_wait(&f->store, f->id, other, 3000, &code, NULL), 0);
	assert_int_equal(code, 5);
}

static void test_socket_made_anew(void **state)
{
	struct fixture *f = *state;
	start(f, "sleep 1000", false, true, false);
	started(f);
	auto_free char *path = xasprintf("%s/control", f->id);
	for (int i = 0; i < 3; i++) {
		/* The socket, its directory, the run directory. */
		if (i < 2)
			assert_int_equal(unlinkat(f->store.run_fd, path, 0), 0);
		if (i == 1)
			unlinkat(f->store.run_fd, f->id, AT_REMOVEDIR);
		if (i == 2) {
			assert_int_equal(tree_remove_at(f->store.root_fd, "run", NULL), 0);
			close(f->store.run_fd);
			mkdirat(f->store.root_fd, "run", 0700);
			f->store.run_fd = openat(f->store.root_fd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		auto_close int other = monitor_connect(&f->store, f->id, NULL), pidfd = -1;
		assert_true(other >= 0);
		assert_int_equal(monitor_pidfd(other, &pidfd, NULL), 0);
	}
	assert_int_equal(monitor_kill(f->control, 0, NULL), 0);
	assert_int_equal(monitor_kill(f->control, SIGKILL, NULL), 0);
	assert_int_equal(exit_code(f), 137);
}

static void test_terminal(void **state)
{
	struct fixture *f = *state;
	f->d.terminal = true;
	f->d.rows = 33;
	f->d.columns = 44;
	start(f, "stty size; read line; stty size; echo got $line; tty >/dev/null && exit 6", true, true, true);
	started(f);
	char text[8] = "";
	assert_int_equal(read_full(f->stdio[0], text, 7), 7);
	assert_string_equal(text, "33 44\r\n");
	assert_int_equal(monitor_resize(f->control, 50, 60, NULL), 0);
	assert_int_equal(write_all(f->stdio[0], "hello\n", 6), 0);
	auto_free char *out = read_all(f->stdio[0], NULL);
	assert_non_null(strstr(out, "50 60\r\ngot hello\r\n"));
	assert_int_equal(exit_code(f), 6);
	auto_free char *log = logged(f, "stdout", NULL);
	assert_non_null(strstr(log, "33 44\r\n"));
}

static long rollup(pid_t pid, const char *what)
{
	auto_free char *path = xasprintf("/proc/%d/smaps_rollup", pid), *text = NULL;
	assert_int_equal(file_read_at(AT_FDCWD, path, 65536, &text, NULL, NULL), 0);
	long total = 0;
	for (const char *at = text; (at = strstr(at, what)); at++)
		total += strtol(at + strlen(what), NULL, 10);
	return total;
}

/* Also after much traffic. */
static void test_memory(void **state)
{
	struct fixture *f = *state;
	f->d.log_max_size = 1000000;
	start(f, "head -c 5000000 /dev/zero | tr '\\0' '\\n'; sleep 1000", false, false, false);
	started(f);
	long kb = 0;
	for (int i = 0; i < 100; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
		kb = rollup(f->monitor, "Anonymous:"); /* the pages of the program's file are all monitors' together */
		if (i > 30 && kb <= 150)
			break;
	}
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(kb, 1, 150);
#endif
	assert_int_equal(monitor_kill(f->control, SIGKILL, NULL), 0);
	assert_int_equal(exit_code(f), 137);
}

/* The last words of a monitor that goes while something that it was asked is still unread are heard. */
static void test_last_words(void **state)
{
	(void)state;
	int pair[2];
	struct monitor_request request = {.type = REQUEST_WAIT};
	struct monitor_reply reply = {.type = REPLY_EXITED, .exit_code = 9}, received;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(message_send(pair[0], &request, sizeof(request), NULL, 0), 0);
	assert_int_equal(message_send(pair[1], &reply, sizeof(reply), NULL, 0), 0);
	close(pair[1]);
	assert_int_equal(message_receive(pair[0], &received, NULL), 0);
	assert_int_equal(received.type, REPLY_EXITED);
	assert_int_equal(received.exit_code, 9);
	assert_int_equal(message_receive(pair[0], &received, NULL), -ECONNRESET);
	close(pair[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
	/* This test is in build/libpod/monitor, the program in build. */
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 32);
	for (int i = 0; i < 3 && n > 0; i++)
		while (n > 0 && program[--n] != '/') {
		}
	snprintf(program + n, sizeof(program) - (size_t)n, "/coracle-monitor");
	if (argc == 3 && strcmp(argv[1], "--relaunch") == 0)
		return relaunch(argv[2]);
	const struct CMUnitTest tests[] = {
	    TEST(test_output),		TEST(test_copy_logged),		TEST(test_copy_unlogged),     TEST(test_back_pressure),
	    TEST(test_slow_reader_at_exit), TEST(test_client_dies),	TEST(test_two_clients),	      TEST(test_input_stays_open),
	    TEST(test_input_nobody_reads), TEST(test_stop),		TEST(test_pause), TEST(test_hold),	      TEST(test_monitor_killed),
	    TEST(test_rotation),	TEST(test_removed),		TEST(test_not_executed),      TEST(test_restart),
	    TEST(test_stop_ends_restarting), TEST(test_socket_made_anew), TEST(test_terminal),	      TEST(test_memory),
	    cmocka_unit_test(test_last_words),
	};
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
