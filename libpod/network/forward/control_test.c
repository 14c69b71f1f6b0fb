/* SPDX-License-Identifier: Apache-2.0 */
/* What the forwarder is told while it runs. */
#include "libpod/network/forward/testing.h"

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

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ports_come_and_go),
	    cmocka_unit_test(test_target_changes),
	    cmocka_unit_test(test_nobody_tells),
	    cmocka_unit_test(test_listening),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
