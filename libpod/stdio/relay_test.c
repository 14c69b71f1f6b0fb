/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libpod/stdio/relay.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"

#define BIG (3 << 20)

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static int temporary_file(int flags)
{
	char path[] = "/tmp/relay-test-XXXXXX";
	auto_close int made = mkstemp(path);
	assert_true(made >= 0);
	int fd = open(path, O_RDWR | O_CLOEXEC | flags);
	unlink(path);
	return fd;
}

static void fill(char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		data[i] = (char)(i * 7 + i / 251);
}

/* Until all streams are over or nothing has happened for a second. */
static enum relay_event turn(struct relay *relay)
{
	struct pollfd fds[RELAY_STREAMS];
	while (relay_prepare(relay, fds) && poll(fds, RELAY_STREAMS, 1000) > 0)
		if (relay_move(relay, fds) == RELAY_DETACH)
			return RELAY_DETACH;
	return RELAY_GOES_ON;
}

/* More than a pipe holds, through a process that sends back what it gets: both directions block at times. */
static void through_a_process(int to_flags)
{
	auto_free char *data = malloc(BIG), *back = malloc(BIG);
	auto_close int from = temporary_file(0), to = temporary_file(to_flags);
	fill(data, BIG);
	assert_int_equal(write_all(from, data, BIG), 0);
	lseek(from, 0, SEEK_SET);
	int in[2], out[2];
	make_pipe(in);
	make_pipe(out);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execlp("cat", "cat", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[0] = (struct relay_stream){.from = dup(from), .to = in[1]};
	relay.streams[1] = (struct relay_stream){.from = out[0], .to = dup(to)};
	turn(&relay);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(relay.streams[0].from, -1);
	assert_int_equal(relay.streams[1].from, -1);
	assert_int_equal(pread(to, back, BIG, 0), BIG);
	assert_memory_equal(data, back, BIG);
}

static void file_to_file(void **state)
{
	(void)state;
	through_a_process(0);
}

/* splice(2) refuses files opened for appending. */
static void appended(void **state)
{
	(void)state;
	through_a_process(O_APPEND);
}

static void reader_goes(void **state)
{
	(void)state;
	int in[2], out[2];
	make_pipe(in);
	make_pipe(out);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[1] = (struct relay_stream){.from = in[0], .to = out[1]};
	close(out[0]);
	assert_int_equal(write(in[1], "x", 1), 1);
	turn(&relay);
	assert_int_equal(relay.streams[1].from, -1);
	/* So the writer is told. */
	assert_int_equal(write(in[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(in[1]);
}

static void detach(void **state)
{
	(void)state;
	int in[2], out[2];
	char data[16];
	struct detach_keys keys;
	make_pipe(in);
	make_pipe(out);
	assert_int_equal(detach_keys_parse("ctrl-p,ctrl-q", &keys, NULL), 0);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[0] = (struct relay_stream){.from = in[0], .to = out[1], .keys = &keys};
	assert_int_equal(write(in[1], "a\x10"
				      "b\x10\x11",
			       5),
			 5);
	assert_int_equal(turn(&relay), RELAY_DETACH);
	assert_int_equal(read(out[0], data, sizeof(data)), 3);
	assert_memory_equal(data, "a\x10"
				  "b",
			    3);
	close(in[1]);
	close(out[0]);
}

static void shared_terminal(void **state)
{
	(void)state;
	int master, slave, out[2], in[2];
	char data[16];
	make_pipe(in);
	make_pipe(out);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fcntl(master, F_SETFL, O_NONBLOCK);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[0] = (struct relay_stream){.from = in[0], .to = master, .shared = true};
	relay.streams[1] = (struct relay_stream){.from = master, .to = out[1], .shared = true};
	close(in[1]);
	assert_int_equal(write(slave, "word", 4), 4);
	struct pollfd fds[RELAY_STREAMS];
	for (int i = 0; i < 3; i++) {
		relay_prepare(&relay, fds);
		if (poll(fds, RELAY_STREAMS, 100) > 0)
			relay_move(&relay, fds);
	}
	/* The end of the input is not the end of the terminal. */
	assert_int_equal(relay.streams[0].from, -1);
	assert_int_equal(relay.streams[1].from, master);
	assert_int_equal(read(out[0], data, sizeof(data)), 4);
	close(slave);
	turn(&relay);
	assert_int_equal(relay.streams[1].from, -1);
	assert_true(fcntl(master, F_GETFD) >= 0);
	close(master);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

/* What was written before the end comes out; a writer that stays is not waited for. */
static void drain(void **state)
{
	(void)state;
	int in[2], out[2];
	char data[16];
	make_pipe(in);
	make_pipe(out);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[1] = (struct relay_stream){.from = in[0], .to = out[1]};
	assert_int_equal(write(in[1], "last", 4), 4);
	relay_drain(&relay, 0);
	assert_int_equal(read(out[0], data, sizeof(data)), 4);
	close(in[1]);
	close(out[0]);
}

static void drain_ends(void **state)
{
	(void)state;
	int in[2];
	auto_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	make_pipe(in);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(in[1], 1);
		execlp("yes", "yes", NULL);
		_exit(127);
	}
	close(in[1]);
	auto_relay struct relay relay = RELAY_INIT;
	relay.streams[1] = (struct relay_stream){.from = in[0], .to = dup(null)};
	alarm(20);
	relay_drain(&relay, 1000);
	alarm(0);
	relay_free(&relay);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(file_to_file), cmocka_unit_test(appended),	     cmocka_unit_test(reader_goes), cmocka_unit_test(detach),
	    cmocka_unit_test(shared_terminal), cmocka_unit_test(drain), cmocka_unit_test(drain_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
