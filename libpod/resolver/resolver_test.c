/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/resolver/resolver.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <net/if.h>
#include <poll.h>
#include <resolv.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A resolver with the network "web", which answers on a port of loopback, and somebody there who asks. */
struct fixture {
	struct resolver *resolver;
	int asker;
	struct sockaddr_in server;
};

static struct resolver_address address(const char *text)
{
	struct resolver_address parsed;
	assert_true(resolver_parse_address(text, &parsed));
	return parsed;
}

static int bound(int type, struct sockaddr_in *ret)
{
	socklen_t length = sizeof(*ret);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &length), 0);
	return fd;
}

static void add_network(struct resolver *resolver, const char *name, bool internal)
{
	struct resolver_network network = {.name = name, .domain = "dns.test", .internal = internal};
	assert_int_equal(resolver_add_network(resolver, &network, NULL), 0);
}

static void add_member(struct resolver *resolver, const char *network, const char *id, const char *name, const char *alias, const char *at)
{
	struct resolver_address addresses[] = {address(at)};
	const char *const names[] = {name, alias, NULL};
	struct resolver_member member = {.id = id, .names = names, .addresses = addresses, .addresses_count = 1};
	assert_int_equal(resolver_add_member(resolver, network, &member, NULL), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct sockaddr_in other;
	struct resolver_options options = {.resolv_conf = "/dev/null"};
	assert_int_equal(resolver_new(&options, &fixture->resolver, NULL), 0);
	add_network(fixture->resolver, "web", false);
	int udp = bound(SOCK_DGRAM, &fixture->server), tcp = bound(SOCK_STREAM, &other);
	assert_int_equal(listen(tcp, 5), 0);
	assert_int_equal(resolver_add_sockets(fixture->resolver, "web", udp, tcp, NULL), 0);
	add_member(fixture->resolver, "web", "1", "one", "api", "10.89.0.2");
	fixture->asker = bound(SOCK_DGRAM, &other);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	resolver_free(fixture->resolver);
	close(fixture->asker);
	free(fixture);
	return 0;
}

/* ---- asking ---- */
struct answer {
	unsigned char bytes[4096];
	int length, id, rcode, count;
};

static void send_bytes(struct fixture *fixture, const void *bytes, size_t length)
{
	assert_int_equal(sendto(fixture->asker, bytes, length, 0, (struct sockaddr *)&fixture->server, sizeof(fixture->server)), (ssize_t)length);
}

static bool receive(struct fixture *fixture, struct answer *ret, int tries)
{
	for (int i = 0; i < tries; i++) {
		struct pollfd fd = {.fd = resolver_fd(fixture->resolver), .events = POLLIN};
		poll(&fd, 1, 10);
		resolver_turn(fixture->resolver);
		ssize_t n = recv(fixture->asker, ret->bytes, sizeof(ret->bytes), MSG_DONTWAIT);
		if (n <= 0)
			continue;
		ns_msg message;
		assert_int_equal(ns_initparse(ret->bytes, (int)n, &message), 0);
		ret->length = (int)n;
		ret->id = ns_msg_id(message);
		ret->rcode = ns_msg_getflag(message, ns_f_rcode);
		ret->count = ns_msg_count(message, ns_s_an);
		return true;
	}
	return false;
}

static struct answer ask(struct fixture *fixture, const char *name, int type)
{
	static uint16_t id;
	unsigned char query[512];
	struct answer answer = {.rcode = -1};
	int length = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof(query));
	assert_true(length > 0);
	id++;
	query[0] = (unsigned char)(id >> 8), query[1] = (unsigned char)id;
	send_bytes(fixture, query, (size_t)length);
	assert_true(receive(fixture, &answer, 500));
	assert_int_equal(answer.id, id);
	return answer;
}

static const char *text_of(struct answer *answer, int index)
{
	static char text[NS_MAXDNAME];
	ns_msg message;
	ns_rr record;
	assert_int_equal(ns_initparse(answer->bytes, answer->length, &message), 0);
	assert_int_equal(ns_parserr(&message, ns_s_an, index, &record), 0);
	if (ns_rr_type(record) == ns_t_ptr)
		assert_true(ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record), text, sizeof(text)) > 0);
	else
		inet_ntop(ns_rr_type(record) == ns_t_aaaa ? AF_INET6 : AF_INET, ns_rr_rdata(record), text, sizeof(text));
	return text;
}

static void says(struct answer answer, const char *wanted)
{
	assert_int_equal(answer.rcode, ns_r_noerror);
	assert_int_equal(answer.count, 1);
	assert_string_equal(text_of(&answer, 0), wanted);
}

static void has(struct answer answer, int rcode, int count)
{
	assert_int_equal(answer.rcode, rcode);
	assert_int_equal(answer.count, count);
}

/* ---- tests ---- */
static void test_names(void **state)
{
	struct fixture *fixture = *state;
	says(ask(fixture, "one", ns_t_a), "10.89.0.2");
	says(ask(fixture, "ONE", ns_t_a), "10.89.0.2");
	says(ask(fixture, "api", ns_t_a), "10.89.0.2");
	says(ask(fixture, "one.dns.test", ns_t_a), "10.89.0.2");
	/* It is there, but not with such an address. */
	has(ask(fixture, "one", ns_t_aaaa), ns_r_noerror, 0);
	has(ask(fixture, "nobody.dns.test", ns_t_a), ns_r_nxdomain, 0);

	resolver_remove_member(fixture->resolver, "web", "1");
	has(ask(fixture, "one.dns.test", ns_t_a), ns_r_nxdomain, 0);
	add_member(fixture->resolver, "web", "1", "one", NULL, "fd00::2");
	says(ask(fixture, "one", ns_t_aaaa), "fd00::2");
	has(ask(fixture, "one", ns_t_a), ns_r_noerror, 0);
}

static void test_reverse(void **state)
{
	struct fixture *fixture = *state;
	struct answer answer = ask(fixture, "2.0.89.10.in-addr.arpa", ns_t_ptr);
	has(answer, ns_r_noerror, 1);
	assert_string_equal(text_of(&answer, 0), "one");
}

static void test_round_robin(void **state)
{
	struct fixture *fixture = *state;
	char before[64] = "";
	add_member(fixture->resolver, "web", "2", "two", "api", "10.89.0.3");
	for (int i = 0; i < 4; i++) {
		struct answer answer = ask(fixture, "api", ns_t_a);
		has(answer, ns_r_noerror, 2);
		assert_string_not_equal(text_of(&answer, 0), before);
		snprintf(before, sizeof(before), "%.63s", text_of(&answer, 0));
	}
}

/* Who asks sees the names of the networks that he is on, whichever gateway he asks. */
static void test_who_asks(void **state)
{
	struct fixture *fixture = *state;
	add_network(fixture->resolver, "other", false);
	add_member(fixture->resolver, "other", "3", "three", NULL, "10.89.1.3");
	has(ask(fixture, "three.dns.test", ns_t_a), ns_r_nxdomain, 0);
	add_member(fixture->resolver, "other", "4", "four", NULL, "127.0.0.1");
	says(ask(fixture, "three", ns_t_a), "10.89.1.3");
	has(ask(fixture, "one.dns.test", ns_t_a), ns_r_nxdomain, 0);
	resolver_remove_network(fixture->resolver, "other");
	says(ask(fixture, "one", ns_t_a), "10.89.0.2");
}

static void test_internal(void **state)
{
	struct fixture *fixture = *state;
	add_network(fixture->resolver, "inside", true);
	add_member(fixture->resolver, "inside", "5", "five", NULL, "127.0.0.1");
	says(ask(fixture, "five", ns_t_a), "127.0.0.1");
	has(ask(fixture, "example.org", ns_t_a), ns_r_nxdomain, 0);
}

static void test_host(void **state)
{
	struct fixture *fixture = *state;
	struct resolver_address host[] = {address("10.0.2.2")};
	assert_int_equal(resolver_set_host(fixture->resolver, host, 1, NULL), 0);
	says(ask(fixture, "host.containers.internal", ns_t_a), "10.0.2.2");
	says(ask(fixture, "host.docker.internal", ns_t_a), "10.0.2.2");
}

static void test_garbage(void **state)
{
	struct fixture *fixture = *state;
	unsigned char bytes[600];
	srand(7);
	for (int i = 0; i < 3000; i++) {
		size_t length = (size_t)rand() % sizeof(bytes);
		for (size_t j = 0; j < length; j++)
			bytes[j] = (unsigned char)rand();
		/* Half of them a question's header in front, so that more is looked at. */
		if (i % 2 && length > 12)
			memcpy(bytes + 2, "\1\0\0\1\0\0\0\0\0\0", 10);
		send_bytes(fixture, bytes, length);
		resolver_turn(fixture->resolver);
		recv(fixture->asker, bytes, sizeof(bytes), MSG_DONTWAIT);
	}
	while (recv(fixture->asker, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0) {
	}
	says(ask(fixture, "one", ns_t_a), "10.89.0.2");
}

/* A hundred members, and lookups one after the other. It is far more than 10,000 a second; the bound is for a build with sanitizers on a machine that is busy. */
static void test_rate(void **state)
{
	struct fixture *fixture = *state;
	struct timespec begin, end;
	enum { LOOKUPS = 10000 };
	for (int i = 0; i < 100; i++) {
		char id[16], name[16], at[32];
		snprintf(id, sizeof(id), "m%d", i);
		snprintf(name, sizeof(name), "member%d", i);
		snprintf(at, sizeof(at), "10.89.7.%d", i + 1);
		add_member(fixture->resolver, "web", id, name, NULL, at);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < LOOKUPS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "member%d", i % 100);
		has(ask(fixture, name, ns_t_a), ns_r_noerror, 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	print_message("%.0f lookups a second\n", LOOKUPS / seconds);
	assert_true(seconds < 10);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* ---- one who floods ---- */

/* A name server on port 53, in namespaces of our own, that says nothing. */
static int silent_server(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	assert_int_equal(unshare(CLONE_NEWUSER | CLONE_NEWNET), 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &loopback), 0);
	inet_pton(AF_INET, "127.0.0.53", &in.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static int asker_at(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, text, &in.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

/* Sends the query so often; whether the server hears of the name. */
static bool is_asked(struct fixture *fixture, int asker, const char *name, size_t times, int server)
{
	unsigned char query[512], heard[512];
	bool found = false;
	int length = res_mkquery(ns_o_query, name, ns_c_in, ns_t_a, NULL, 0, NULL, query, sizeof(query));
	assert_true(length > 0);
	for (size_t i = 0; i < times; i++) {
		assert_int_equal(sendto(asker, query, (size_t)length, 0, (struct sockaddr *)&fixture->server, sizeof(fixture->server)), length);
		for (int turn = 0; turn < 3; turn++)
			resolver_turn(fixture->resolver);
		for (ssize_t n; (n = recv(server, heard, sizeof(heard), 0)) > 0;)
			found |= n == length && memcmp(heard + 2, query + 2, (size_t)length - 2) == 0;
	}
	return found;
}

static void test_who_floods(void **state)
{
	(void)state;
	struct fixture fixture = {.asker = -1};
	char path[] = "/tmp/resolver-test-XXXXXX";
	struct sockaddr_in other;
	int file = mkstemp(path), server = silent_server(), flooder = asker_at("127.0.0.2"), calm = asker_at("127.0.0.3"), third = asker_at("127.0.0.4");
	assert_true(write(file, "nameserver 127.0.0.53\n", 22) == 22);
	struct resolver_options options = {.resolv_conf = path};
	assert_int_equal(resolver_new(&options, &fixture.resolver, NULL), 0);
	add_network(fixture.resolver, "web", false);
	int udp = bound(SOCK_DGRAM, &fixture.server), tcp = bound(SOCK_STREAM, &other);
	assert_int_equal(listen(tcp, 5), 0);
	assert_int_equal(resolver_add_sockets(fixture.resolver, "web", udp, tcp, NULL), 0);
	assert_true(is_asked(&fixture, flooder, "flood.example", 1000, server));
	assert_true(is_asked(&fixture, calm, "calm.example", 1, server));
	assert_true(is_asked(&fixture, calm, "flood.example", 1000, server));
	assert_true(is_asked(&fixture, third, "third.example", 1, server));
	resolver_free(fixture.resolver);
	unlink(path);
	close(file);
	close(server);
	close(flooder);
	close(calm);
	close(third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_names),	 TEST(test_reverse), TEST(test_round_robin), TEST(test_who_asks),
	    TEST(test_internal), TEST(test_host),    TEST(test_garbage),     TEST(test_rate),
	    cmocka_unit_test(test_who_floods), /* the last one: it moves into other namespaces */
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
