/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program itself, between the network namespace of the test and one of a "container": a process with an address of
 * its own on its loopback interface and servers (testing.h). Runs as an ordinary user, in a user namespace of
 * its own.
 */
#include "libpod/network/forward/testing.h"

static void test_echo(void **state)
{
	(void)state;
	struct fixture fixture = start();
	echo_once(&fixture, AF_INET);
	if (has_ipv6())
		echo_once(&fixture, AF_INET6);
	stop(&fixture);
}

static uint32_t next_random(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

/* Much more than fits any buffer on the way, to a server that sends it back while we do not read for a while; every
 * byte is compared. */
static void test_bulk(void **state)
{
	(void)state;
	enum { WORDS = 16 << 20 }; /* 64 MiB */
	struct fixture fixture = start();
	int fd = dial(&fixture, ECHO, AF_INET);
	pid_t writer = fork();
	if (writer == 0) {
		static uint32_t block[16384];
		uint32_t seed = 1;
		for (int i = 0; i < WORDS; i += 16384) {
			for (int w = 0; w < 16384; w++)
				block[w] = next_random(&seed);
			if (write_all(fd, block, sizeof(block)) < 0)
				_exit(1);
		}
		_exit(shutdown(fd, SHUT_WR) < 0);
	}
	usleep(200000);
	static uint32_t block[16384];
	uint32_t seed = 1;
	for (int i = 0; i < WORDS; i += 16384) {
		assert_int_equal(read_full(fd, block, sizeof(block)), sizeof(block));
		for (int w = 0; w < 16384; w++)
			if (block[w] != next_random(&seed))
				fail_msg("word %d is not what was sent", i + w);
	}
	char reply[8];
	assert_int_equal(read_full(fd, reply, sizeof(reply)), 3);
	int status;
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	close(fd);
	stop(&fixture);
}

static void test_nobody_listens(void **state)
{
	(void)state;
	struct fixture fixture = start();
	char byte;
	for (int i = 0; i < 50; i++) {
		int fd = dial(&fixture, NOBODY, AF_INET);
		assert_int_equal(read(fd, &byte, 1), -1);
		assert_int_equal(errno, ECONNRESET);
		close(fd);
	}
	echo_once(&fixture, AF_INET);
	stop(&fixture);
}

static void test_reset_is_passed_on(void **state)
{
	(void)state;
	struct fixture fixture = start();
	char byte = 'x';
	int fd = dial(&fixture, RESET, AF_INET);
	assert_int_equal(write(fd, &byte, 1), 1);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	/* Also where our half is ended and nothing flows any more. */
	fd = dial(&fixture, RESET, AF_INET);
	assert_int_equal(write(fd, &byte, 1), 1);
	shutdown(fd, SHUT_WR);
	assert_int_equal(read(fd, &byte, 1), -1);
	close(fd);
	stop(&fixture);
}

static int count_descriptors(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	int count = -3;
	auto_closedir DIR *directory = opendir(path);
	while (directory && readdir(directory))
		count++;
	return count;
}

/* All at once, each with its own byte on the way; afterwards nothing of them is left in the forwarder. */
static void test_many(void **state)
{
	(void)state;
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	int count = limit.rlim_max > 20000 ? 3000 : 100;
	struct fixture fixture = start();
	auto_free int *fds = calloc((size_t)count, sizeof(*fds));
	int before = count_descriptors(fixture.forwarder.pid);
	for (int i = 0; i < count; i++)
		fds[i] = dial(&fixture, MANY, AF_INET);
	for (int i = 0; i < count; i++) {
		char byte = 0;
		assert_int_equal(read(fds[i], &byte, 1), 1);
		assert_int_equal(byte, 'm');
	}
	for (int i = 0; i < count; i++) {
		reset(fds[i]);
	}
	int left = 0;
	for (int i = 0; i < 200 && (left = count_descriptors(fixture.forwarder.pid)) > before + 64; i++)
		usleep(20000);
	assert_true(left <= before + 64);
	echo_once(&fixture, AF_INET);
	stop(&fixture);
}

/* With few descriptors those that do not fit wait, and are served when others go. In a process of its own, which gives
 * up its limit. */
static int few_descriptors(void)
{
	struct rlimit limit = {.rlim_cur = 160, .rlim_max = 160};
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 2;
	struct fixture fixture = start();
	int fds[60];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial(&fixture, MANY, AF_INET);
	usleep(200000);
	int result = 0, served = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		served += poll(&(struct pollfd){.fd = fds[i], .events = POLLIN}, 1, 0) == 1;
	if (served < 5 || served > 20)
		result = 3;
	for (size_t i = 0; i < ARRAY_SIZE(fds) && !result; i++) {
		char byte;
		if (read(fds[i], &byte, 1) != 1 || byte != 'm')
			result = 4;
		reset(fds[i]);
	}
	stop(&fixture);
	return result;
}

static void test_few_descriptors(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(few_descriptors());
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_datagrams(void **state)
{
	(void)state;
	struct fixture fixture = start();
	int families[] = {AF_INET, AF_INET6};
	for (size_t f = 0; f < (has_ipv6() ? 2 : 1); f++) {
		int fds[40];
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			fds[i] = dial(&fixture, DATAGRAM, families[f]);
			assert_int_equal(send(fds[i], &i, sizeof(i), 0), sizeof(i));
		}
		/* Connected sockets: an answer from another address than the one that was asked would not get here. */
		for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
			size_t got = 0;
			assert_int_equal(recv(fds[i], &got, sizeof(got), 0), sizeof(got));
			assert_int_equal(got, i);
			close(fds[i]);
		}
		static char large[60000], back[65536];
		memset(large, 'l', sizeof(large));
		int fd = dial(&fixture, DATAGRAM, families[f]);
		assert_int_equal(send(fd, large, sizeof(large), 0), sizeof(large));
		assert_int_equal(recv(fd, back, sizeof(back), 0), sizeof(large));
		assert_memory_equal(large, back, sizeof(large));
		assert_int_equal(send(fd, "", 0, 0), 0); /* an empty datagram is one too */
		assert_int_equal(recv(fd, back, sizeof(back), 0), 0);
		close(fd);
	}
	stop(&fixture);
}

/* Clients that are gone hold nothing while the server does not answer: it has a minute or two for that. */
static void test_clients_that_give_up(void **state)
{
	(void)state;
	struct fixture fixture = start();
	int waiting[4];
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		waiting[i] = dial(&fixture, FULL, AF_INET);
	usleep(200000);
	int before = count_descriptors(fixture.forwarder.pid);
	for (size_t i = 0; i < 100; i++)
		reset(dial(&fixture, FULL, AF_INET));
	for (int i = 0; i < 100 && count_descriptors(fixture.forwarder.pid) > before; i++)
		usleep(20000);
	assert_true(count_descriptors(fixture.forwarder.pid) <= before);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		close(waiting[i]);
	stop(&fixture);
}

static in_port_t seen_port(int fd)
{
	in_port_t port = 0;
	assert_int_equal(send(fd, "who", 3, 0), 3);
	assert_int_equal(recv(fd, &port, sizeof(port), 0), sizeof(port));
	return port;
}

/* Whoever sends from ever new addresses and is not answered takes nothing away from those who are. */
static void test_flood_of_datagrams(void **state)
{
	(void)state;
	struct fixture fixture = start();
	int kept = dial(&fixture, DATAGRAM, AF_INET);
	in_port_t port = seen_port(kept);
	for (size_t i = 0; i < 6000; i++) {
		int fd = dial(&fixture, DATAGRAM, AF_INET);
		assert_int_equal(send(fd, "quiet", 5, 0), 5);
		close(fd);
		/* Not more at once than the listening socket has room for. */
		if (i % 50 == 0)
			usleep(2000);
	}
	assert_int_equal(seen_port(kept), port);
	/* And others still come. */
	for (size_t i = 0; i < 100; i++) {
		int fd = dial(&fixture, DATAGRAM, AF_INET);
		seen_port(fd);
		close(fd);
	}
	assert_int_equal(seen_port(kept), port);
	close(kept);
	stop(&fixture);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),
	    cmocka_unit_test(test_bulk),
	    cmocka_unit_test(test_nobody_listens),
	    cmocka_unit_test(test_reset_is_passed_on),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_few_descriptors),
	    cmocka_unit_test(test_datagrams),
	    cmocka_unit_test(test_clients_that_give_up),
	    cmocka_unit_test(test_flood_of_datagrams),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
