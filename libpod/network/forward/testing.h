/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the forwarder: a container that serves, which is a process in a network namespace, and the program in
 * front of it, told over its control socket as by a monitor.
 */
#pragma once

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
		/* Nothing is said to that, and to this which port the client has. */
		if (n == 5 && memcmp(data, "quiet", 5) == 0)
			continue;
		if (n == 3 && memcmp(data, "who", 3) == 0)
			n = (ssize_t)sizeof(in_port_t), memcpy(data, &((struct sockaddr_in *)&from)->sin_port, sizeof(in_port_t));
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

/* Port 7: takes no connection, and has no room for them to wait. */
static _Noreturn void serve_nobody(int listening)
{
	listen(listening, 0);
	for (;;)
		pause();
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
		start_server(serve_nobody, serve_socket(SOCK_STREAM, 7));
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

enum { ECHO, DATAGRAM, NOBODY, MANY, RESET, WHO, FULL, PORTS };

struct fixture {
	pid_t container;
	struct netns_helper forwarder;
	struct container_port ports[PORTS];
	int control;
};

static __attribute__((unused)) struct fixture start_as(const char *source)
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

static __attribute__((unused)) struct fixture start(void)
{
	return start_as("client");
}

static __attribute__((unused)) void stop(struct fixture *fixture)
{
	/* It has to be alive still: whatever the test did to it. */
	assert_int_equal(kill(fixture->forwarder.pid, 0), 0);
	assert_int_equal(waitpid(fixture->forwarder.pid, NULL, WNOHANG), 0);
	netns_helper_kill(&fixture->forwarder);
	close(fixture->control);
	kill(fixture->container, SIGKILL);
	waitpid(fixture->container, NULL, 0);
}

static __attribute__((unused)) int dial(const struct fixture *fixture, int port, int family)
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

static __attribute__((unused)) bool has_ipv6(void)
{
	return access("/proc/net/if_inet6", F_OK) == 0;
}

static __attribute__((unused)) void echo_once(const struct fixture *fixture, int family)
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


/* Into a user namespace of our own, with the network namespace that belongs to it. */
static __attribute__((unused)) int setup(void **state)
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
