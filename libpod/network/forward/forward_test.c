/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program itself, between the network namespace of the test and one of a "container": a process with an address of
 * its own on its loopback interface and servers that this file has. Runs as an ordinary user, in a user namespace of
 * its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libpod/monitor/message.h"
#include "libpod/network/forward/forward.h"
#include "libpod/network/forward/protocol.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

#define ADDRESS "10.99.0.100"

/* ---- the container ---- */

/* Gives `lo` of a fresh namespace an address, by ioctl: netdevice(7). */
static int give_address(const char *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo:1"};
	struct sockaddr_in in = {.sin_family = AF_INET};
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	int r = ioctl(fd, SIOCSIFADDR, &request);
	close(fd);
	return r;
}

static int serve_socket(int type, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;
	inet_pton(AF_INET, ADDRESS, &in.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || (type == SOCK_STREAM && listen(fd, 4096) < 0))
		_exit(3);
	return fd;
}

static void reset(int fd)
{
	struct linger linger = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* Port 1: sends all back until the client has ended its half, then "end", then closes. */
static _Noreturn void serve_echo(int listening)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (fork() == 0) {
			static char data[65536];
			ssize_t n;
			while ((n = read(fd, data, sizeof(data))) > 0)
				if (write_all(fd, data, (size_t)n) < 0)
					_exit(1);
			_exit(n < 0 || write_all(fd, "end", 3) < 0);
		}
		close(fd);
	}
}

/* Port 4: one byte to each client, all connections kept by one process. */
static _Noreturn void serve_many(int listening)
{
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			(void)!write(fd, "m", 1);
	}
}

static _Noreturn void serve_datagrams(int fd)
{
	static char data[65536];
	for (;;) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);
		if (n >= 0)
			sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, length);
	}
}

/* Port 5: takes the connection and resets it at the first byte. */
static _Noreturn void serve_reset(int listening)
{
	for (;;) {
		char byte;
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0 && read(fd, &byte, 1) >= 0)
			reset(fd);
	}
}

/* Port 6: tells who connects. */
static _Noreturn void serve_who(int listening)
{
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		char text[INET_ADDRSTRLEN] = "";
		int fd = accept4(listening, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
		inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text));
		if (fd >= 0 && write(fd, text, strlen(text)) > 0)
			close(fd);
	}
}

static void start_server(void (*serve)(int), int fd)
{
	if (fork() == 0)
		serve(fd);
	close(fd);
}

static pid_t start_container(int *ret_netns)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int pidfd;
	/* All that it starts goes with it. */
	pid_t pid = process_clone(CLONE_NEWPID | CLONE_NEWNET, &pidfd);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct rlimit limit;
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (netns_loopback_up(NULL) < 0 || give_address(ADDRESS) < 0)
			_exit(2);
		start_server(serve_echo, serve_socket(SOCK_STREAM, 1));
		start_server(serve_datagrams, serve_socket(SOCK_DGRAM, 2));
		start_server(serve_many, serve_socket(SOCK_STREAM, 4));
		start_server(serve_reset, serve_socket(SOCK_STREAM, 5));
		start_server(serve_who, serve_socket(SOCK_STREAM, 6));
		(void)!write(ends[1], "r", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	char byte;
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	*ret_netns = netns_open(pidfd, NULL);
	assert_true(*ret_netns >= 0);
	close(pidfd);
	return pid;
}

/* ---- the forwarder in front of it ---- */

enum { ECHO, DATAGRAM, NOBODY, MANY, RESET, WHO, PORTS };

struct fixture {
	pid_t container;
	struct netns_helper forwarder;
	struct container_port ports[PORTS];
	int control;
};

static struct fixture start_as(const char *source)
{
	struct fixture fixture = {.container = -1};
	int netns;
	fixture.container = start_container(&netns);
	for (int i = 0; i < PORTS; i++) {
		struct container_port port = {.container_port = (uint16_t)(i + 1), .range = 1};
		snprintf(port.protocol, sizeof(port.protocol), "%s", i == DATAGRAM ? "udp" : "tcp");
		fixture.ports[i] = port;
	}
	struct container container = {.network = (char *)"slirp4netns", .ports = fixture.ports, .ports_count = PORTS};
	struct error err = ERROR_INIT;
	auto_free int *fds = NULL;
	size_t count;
	if (network_listen(&container, &fds, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(count, PORTS);

	assert_int_equal(netns_helper_prepare("coracle-forward", &fixture.forwarder, &err), 0);
	auto_strv struct strv argv = STRV_INIT;
	strv_add(&argv, getenv("CORACLE_FORWARD"));
	strv_addf(&argv, "%d", netns);
	strv_addf(&argv, "%d", fixture.forwarder.ready_write);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fixture.control = pair[0];
	strv_addf(&argv, "%d", pair[1]);
	strv_add(&argv, source);
	strv_add(&argv, ADDRESS);
	int keep[PORTS + 2];
	for (int i = 0; i < PORTS; i++) {
		strv_addf(&argv, "%d:%d", fds[i], i + 1);
		keep[i] = fds[i];
	}
	keep[PORTS] = netns;
	keep[PORTS + 1] = pair[1];
	if (netns_helper_begin(&fixture.forwarder, (const char *const *)argv.items, keep, PORTS + 2, &err) < 0)
		fail_msg("%s", err.text);
	close(pair[1]);
	if (netns_helper_wait(&fixture.forwarder, 5000, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < PORTS; i++)
		close(fds[i]);
	close(netns);
	return fixture;
}

static struct fixture start(void)
{
	return start_as("client");
}

static void stop(struct fixture *fixture)
{
	/* It has to be alive still: whatever the test did to it. */
	assert_int_equal(kill(fixture->forwarder.pid, 0), 0);
	assert_int_equal(waitpid(fixture->forwarder.pid, NULL, WNOHANG), 0);
	netns_helper_kill(&fixture->forwarder);
	close(fixture->control);
	kill(fixture->container, SIGKILL);
	waitpid(fixture->container, NULL, 0);
}

static int dial(const struct fixture *fixture, int port, int family)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(fixture->ports[port].host_port)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = in.sin_port, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int type = port == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM, fd = socket(family, type | SOCK_CLOEXEC, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct timeval patience = {.tv_sec = 10};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	int r = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof(in))
				  : connect(fd, (struct sockaddr *)&in6, sizeof(in6));
	assert_int_equal(r, 0);
	return fd;
}

static bool has_ipv6(void)
{
	return access("/proc/net/if_inet6", F_OK) == 0;
}

/* ---- tests ---- */

static void echo_once(const struct fixture *fixture, int family)
{
	char reply[16];
	int fd = dial(fixture, ECHO, family);
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(read_full(fd, reply, 5), 5);
	assert_memory_equal(reply, "hello", 5);
	/* Half-closed: the end of what we say arrives, and what is said after that comes back. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(read_full(fd, reply, sizeof(reply)), 3);
	assert_memory_equal(reply, "end", 3);
	close(fd);
}

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

/* ---- what is told while it runs ---- */

static int tell(const struct fixture *fixture, const struct forward_request *request, const int *fds, size_t count)
{
	struct forward_reply reply = {.errnum = -1};
	assert_int_equal(message_send(fixture->control, request, sizeof(*request), fds, count), 0);
	assert_int_equal(recv(fixture->control, &reply, sizeof(reply), 0), sizeof(reply));
	return reply.errnum;
}

static int refused(const struct fixture *fixture)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(fixture->ports[ECHO].host_port)};
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ? errno : 0;
}

static void say(int fd)
{
	char reply[5];
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(read_full(fd, reply, 5), 5);
}

static void test_ports_come_and_go(void **state)
{
	(void)state;
	struct fixture fixture = start();
	int held = dial(&fixture, ECHO, AF_INET);
	say(held);
	uint16_t before = fixture.ports[ECHO].host_port;
	fixture.ports[ECHO].host_port = 0;
	struct container container = {.network = (char *)"slirp4netns", .ports = fixture.ports, .ports_count = 1};
	auto_free int *fds = NULL;
	size_t count;
	assert_int_equal(network_listen(&container, &fds, &count, NULL), 0);
	struct forward_request request = {.type = FORWARD_ADD, .port = 1, .count = 1};
	assert_int_equal(tell(&fixture, &request, fds, 1), 0);
	close(fds[0]);
	echo_once(&fixture, AF_INET);
	/* A count that is another than that of the descriptors. */
	assert_int_equal(tell(&fixture, &request, NULL, 0), EINVAL);

	request.type = FORWARD_REMOVE;
	assert_int_equal(listening_set("tcp", "", fixture.ports[ECHO].host_port, 1, &request.listening), 0);
	assert_int_equal(tell(&fixture, &request, NULL, 0), 0);
	assert_int_equal(refused(&fixture), ECONNREFUSED);
	fixture.ports[ECHO].host_port = before;
	echo_once(&fixture, AF_INET);
	/* What was connected to a port goes on without it. */
	listening_set("tcp", "", before, 1, &request.listening);
	assert_int_equal(tell(&fixture, &request, NULL, 0), 0);
	assert_int_equal(refused(&fixture), ECONNREFUSED);
	say(held);
	close(held);
	request.type = 99;
	assert_int_equal(tell(&fixture, &request, NULL, 0), EOPNOTSUPP);
	stop(&fixture);
}

static void test_target_changes(void **state)
{
	(void)state;
	struct fixture fixture = start();
	char byte;
	int held = dial(&fixture, ECHO, AF_INET);
	say(held);
	struct forward_request request = {.type = FORWARD_TARGET, .target = ADDRESS};
	assert_int_equal(tell(&fixture, &request, NULL, 0), 0);
	say(held); /* nothing has changed */
	strcpy(request.target, "127.0.0.1"); /* where nobody listens */
	assert_int_equal(tell(&fixture, &request, NULL, 0), 0);
	assert_int_equal(read(held, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(held);
	strcpy(request.target, "nonsense");
	assert_int_equal(tell(&fixture, &request, NULL, 0), EINVAL);
	strcpy(request.target, ADDRESS);
	assert_int_equal(tell(&fixture, &request, NULL, 0), 0);
	echo_once(&fixture, AF_INET);
	stop(&fixture);
}

static void test_nobody_tells(void **state)
{
	(void)state;
	struct fixture fixture = start();
	shutdown(fixture.control, SHUT_RDWR);
	echo_once(&fixture, AF_INET);
	echo_once(&fixture, AF_INET);
	stop(&fixture);
}

static void test_listening(void **state)
{
	(void)state;
	static const struct {
		const char *own, *asked;
		int first, count;
		bool has;
	} cases[] = {
	    {"127.0.0.1", "127.0.0.1", 0, 1, true}, {"127.0.0.1", "127.0.0.2", 0, 1, false}, {"127.0.0.1", "", 0, 1, false},
	    {"", "", 0, 1, true},		    {"", "127.0.0.1", 0, 1, false},	     {"127.0.0.1", "127.0.0.1", -3, 4, true},
	    {"127.0.0.1", "127.0.0.1", -3, 3, false}, {"127.0.0.1", "127.0.0.1", 1, 9, false}, {"0.0.0.0", "0.0.0.0", 0, 1, true},
	    {"127.0.0.1", "::1", 0, 1, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct container_port port = {.protocol = "tcp", .container_port = 1, .range = 1};
		snprintf(port.host_ip, sizeof(port.host_ip), "%s", cases[i].own);
		struct container container = {.network = (char *)"slirp4netns", .ports = &port, .ports_count = 1};
		auto_free int *fds = NULL;
		size_t count;
		struct listening asked;
		assert_int_equal(network_listen(&container, &fds, &count, NULL), 0);
		assert_int_equal(listening_set("tcp", cases[i].asked, (uint16_t)(port.host_port + cases[i].first),
					       (uint16_t)cases[i].count, &asked), 0);
		assert_int_equal(listening_has(&asked, fds[0]), cases[i].has);
		asked.tcp = false;
		assert_false(listening_has(&asked, fds[0]));
		close(fds[0]);
	}
	struct listening none;
	assert_int_equal(listening_set("tcp", "nonsense", 1, 1, &none), -EINVAL);
	auto_close int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(listening_of(file, &none) < 0);
}

static void test_confined(void **state)
{
	(void)state;
	/* Servers that see the client's address cost it CAP_NET_ADMIN. */
	static const struct {
		const char *source, *permitted, *effective;
	} cases[] = {{"own", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"},
		     {"client", "CapPrm:\t0000000000001000", "CapEff:\t0000000000001000"}};
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
		struct forwarder forwarder = {.source = {true, true}};
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
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

/* Into a user namespace of our own, with the network namespace that belongs to it. */
static int setup(void **state)
{
	(void)state;
	bool root = geteuid() == 0;
	struct id_mapping mapping = {.single = true, .direct = true};
	mapping.uids = (struct id_map){.ranges = {{0, root ? 1879048192 : geteuid(), 1}}, .count = 1};
	mapping.gids = (struct id_map){.ranges = {{0, root ? 1879048192 : getegid(), 1}}, .count = 1};
	int nowhere = open("/", O_PATH | O_CLOEXEC);
	struct error err = ERROR_INIT;
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[length > 0 ? length : 0] = '\0';
	char *build = strstr(self, "/libpod/network/forward/");
	if (!build)
		return -1;
	snprintf(build, sizeof("/coracle-forward"), "/coracle-forward");
	setenv("CORACLE_FORWARD", self, 1);
	int r = userns_enter(nowhere, &mapping, &err);
	close(nowhere);
	if (r == 0 && (unshare(CLONE_NEWNET) < 0 || netns_loopback_up(&err) < 0))
		r = -1;
	if (r < 0)
		print_error("%s\n", err.text);
	return r;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_echo),           cmocka_unit_test(test_bulk),
	    cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_reset_is_passed_on),
	    cmocka_unit_test(test_many),           cmocka_unit_test(test_few_descriptors),
	    cmocka_unit_test(test_datagrams),      cmocka_unit_test(test_confined),
	    cmocka_unit_test(test_ports_come_and_go), cmocka_unit_test(test_target_changes),
#ifndef __SANITIZE_ADDRESS__
	    cmocka_unit_test(test_out_of_reach),
#endif
	    cmocka_unit_test(test_client_address), cmocka_unit_test(test_nobody_tells),   cmocka_unit_test(test_listening),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
