/* SPDX-License-Identifier: Apache-2.0 */
/* Whose address the server sees, and what the forwarder is left that shows it. */
#include "libpod/network/forward/testing.h"

static void test_confined(void **state)
{
	(void)state;
	/* Servers that see the client's address cost it CAP_NET_ADMIN. */
	static const struct {
		const char *source, *permitted, *effective;
	} cases[] = {{"own", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"},
		     {"client", "CapPrm:\t0000000000001000", "CapEff:\t0000000000001000"},
		     {"all", "CapPrm:\t0000000000001000", "CapEff:\t0000000000001000"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture fixture = start_as(cases[i].source);
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/status", (int)fixture.forwarder.pid);
		auto_free char *text = NULL;
		assert_int_equal(file_read_at(AT_FDCWD, path, 65536, &text, NULL, NULL), 0);
		assert_non_null(strstr(text, cases[i].permitted));
		assert_non_null(strstr(text, cases[i].effective));
		assert_non_null(strstr(text, "CapBnd:\t0000000000000000"));
		assert_non_null(strstr(text, "NoNewPrivs:\t1"));
#ifndef __SANITIZE_ADDRESS__
		assert_non_null(strstr(text, "Seccomp:\t2"));
#endif
		stop(&fixture);
	}
}

/* The sanitizers' own system calls are not in the filter. */
#ifndef __SANITIZE_ADDRESS__
/* What is within reach of whoever finds a hole in it, and what is not. */
enum attempt { TRANSPARENT, TRANSPARENT6, MARKS, NO_DELAY, FIREWALL, FIREWALL6, NETLINK, PACKETS, EXECUTE };

static void attempt(enum attempt attempt)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
	char *const argv[] = {(char *)"true", NULL};
	static const struct {
		bool six;
		int level, option;
	} options[] = {{false, IPPROTO_IP, IP_TRANSPARENT}, {true, IPPROTO_IPV6, IPV6_TRANSPARENT}, {false, SOL_SOCKET, SO_MARK},
		       {false, IPPROTO_TCP, TCP_NODELAY},   {false, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */},
		       {true, IPPROTO_IPV6, 64 /* IP6T_SO_SET_REPLACE */}};
	if (attempt <= FIREWALL6)
		_exit(setsockopt(options[attempt].six ? fd6 : fd, options[attempt].level, options[attempt].option, &on,
				 sizeof(on)) < 0);
	if (attempt == EXECUTE)
		execve("/bin/true", argv, argv + 1);
	_exit(socket(attempt == NETLINK ? AF_NETLINK : AF_PACKET, SOCK_RAW, 0) < 0);
}

static void test_out_of_reach(void **state)
{
	(void)state;
	for (enum attempt which = TRANSPARENT; which <= EXECUTE; which++) {
		struct forwarder forwarder = {.source = {true, true}, .netlink = -1};
		int status;
		pid_t pid = fork();
		if (pid == 0) {
			if (forward_confine(&forwarder) < 0)
				_exit(9);
			attempt(which);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (which <= NO_DELAY)
			assert_int_equal(status, 0);
		else
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	}
}
#endif

/* ---- whose address the server sees ---- */

/* A client with this address of the machine's own. */
static int dial_from(const struct fixture *fixture, int port, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	inet_pton(AF_INET, address, &in.sin_addr);
	int fd = socket(AF_INET, (port == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 10};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	in.sin_port = htons(fixture->ports[port].host_port);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void expect_seen(int fd, const char *expected)
{
	char seen[INET_ADDRSTRLEN] = "";
	assert_true(read(fd, seen, sizeof(seen) - 1) > 0);
	assert_string_equal(seen, expected);
	close(fd);
}

static void test_client_address(void **state)
{
	(void)state;
	assert_int_equal(give_address("203.0.113.7"), 0);
	struct fixture fixture = start_as("client");
	expect_seen(dial_from(&fixture, WHO, "203.0.113.7"), "203.0.113.7");
	expect_seen(dial_from(&fixture, WHO, "127.0.0.1"), ADDRESS);
	/* Many of them, one after the other and at once. */
	int fds[500];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial_from(&fixture, WHO, "203.0.113.7");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		expect_seen(fds[i], "203.0.113.7");
	/* Nobody listens: that is known at once, not after a while. */
	char byte;
	int fd = dial_from(&fixture, NOBODY, "203.0.113.7");
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	stop(&fixture);

	fixture = start_as("own");
	expect_seen(dial_from(&fixture, WHO, "203.0.113.7"), ADDRESS);
	stop(&fixture);
}

static void expect_echo(int fd, size_t number)
{
	size_t got = 0;
	assert_int_equal(send(fd, &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(recv(fd, &got, sizeof(got), 0), sizeof(got));
	assert_int_equal(got, number);
}

/* More clients than there are flows, each of them with a route of its own: the oldest ones go, and what remains of them
 * is answered. */
static void test_many_datagrams(void **state)
{
	(void)state;
	assert_int_equal(give_address("203.0.113.7"), 0);
	struct fixture fixture = start_as("all");
	int kept = dial_from(&fixture, DATAGRAM, "203.0.113.7");
	expect_echo(kept, 1);
	for (size_t i = 0; i < 5000; i++) {
		int fd = dial_from(&fixture, DATAGRAM, i % 2 ? "203.0.113.7" : "127.0.0.1");
		expect_echo(fd, i);
		close(fd);
	}
	expect_echo(kept, 2);
	close(kept);
	stop(&fixture);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_confined),
#ifndef __SANITIZE_ADDRESS__
	    cmocka_unit_test(test_out_of_reach),
#endif
	    cmocka_unit_test(test_client_address),
	    cmocka_unit_test(test_many_datagrams),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
