/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/network/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "libpod/network/publish.h"
#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

static struct container *with_network(const char *network, const char *options)
{
	struct container *container = container_new();
	free(container->network);
	free(container->network_options);
	container->network = xstrdup(network);
	container->network_options = options ? xstrdup(options) : NULL;
	free(container->name);
	free(container->hostname);
	container->name = xstrdup("boat");
	container->hostname = xstrdup("0123456789ab");
	return container;
}

/* ---- --network ---- */

static void assert_mode(const char *text, const char *network, const char *options)
{
	auto_container struct container *container = container_new();
	struct error err = ERROR_INIT;
	if (network_mode(text, NULL, container, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(container->network, network);
	if (options)
		assert_string_equal(container->network_options, options);
	else
		assert_null(container->network_options);
}

static void assert_refused(const char *text, const char *words)
{
	auto_container struct container *container = container_new();
	struct error err = ERROR_INIT;
	assert_true(network_mode(text, NULL, container, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, words);
}

static void test_mode(void **state)
{
	(void)state;
	assert_mode("", "slirp4netns", NULL);
	assert_mode("private", "slirp4netns", NULL);
	assert_mode("none", "none", NULL);
	assert_mode("host", "host", NULL);
	assert_mode("container:boat", "container:boat", NULL);
	assert_mode("ns:/run/netns/boat", "ns:/run/netns/boat", NULL);
	assert_true(network_is_mode("slirp4netns:mtu=1500") && network_is_mode("") && !network_is_mode("bridge") && !network_is_mode("hosts"));
	assert_mode("pasta", "pasta", NULL);
	assert_mode("pasta:--mtu,1500", "pasta", "--mtu,1500");
	assert_mode("slirp4netns:mtu=1500,cidr=10.1.0.0/16", "slirp4netns", "mtu=1500,cidr=10.1.0.0/16");
	assert_refused("nonsense", "unknown network \"nonsense\"");
	assert_refused("host:x", "takes no options");
	assert_refused("container:", "container:NAME");
	assert_refused("ns:boat", "ns:/PATH");
	assert_refused("slirp4netns:nope=1", "unknown option \"nope\"");
	assert_refused("slirp4netns:mtu", "OPTION=VALUE");
	assert_refused("slirp4netns:mtu=70000", "mtu");
	assert_refused("slirp4netns:cidr=10.0.2.0/30", "cidr=10.0.2.0/30");
	assert_refused("slirp4netns:cidr=10.0.2.5/24", "first address");
	assert_refused("slirp4netns:port_handler=other", "rootlesskit or slirp4netns");
	assert_refused("slirp4netns:allow_host_loopback=maybe", "allow_host_loopback");
}

static void test_addresses(void **state)
{
	(void)state;
	char address[INET_ADDRSTRLEN];
	auto_container struct container *first = with_network("slirp4netns", NULL);
	network_address(first, address);
	assert_string_equal(address, "10.0.2.100");
	auto_container struct container *second = with_network("slirp4netns", "cidr=172.20.16.0/20,mtu=1400");
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	assert_int_equal(network_settings(second, &settings, NULL), 0);
	assert_string_equal(settings.address, "172.20.16.100");
	assert_string_equal(settings.gateway, "172.20.16.2");
	assert_string_equal(settings.dns, "172.20.16.3");
	assert_string_equal(settings.netmask, "255.255.240.0");
	assert_int_equal(settings.slirp4netns.mtu, 1400);
	auto_container struct container *third = with_network("pasta", "-a,192.168.7.7");
	network_address(third, address);
	assert_string_equal(address, "192.168.7.7");
	auto_container struct container *fourth = with_network("none", NULL);
	network_address(fourth, address);
	assert_string_equal(address, "");
}

/* ---- files ---- */

static char *hosts_of(const struct container *container, const char *host_text)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	char *text = NULL;
	struct error err = ERROR_INIT;
	assert_int_equal(network_settings(container, &settings, &err), 0);
	if (network_hosts_from(container, &settings, NULL, host_text, &text, &err) < 0)
		fail_msg("%s", err.text);
	return text;
}

static void test_hosts(void **state)
{
	(void)state;
	auto_container struct container *container = with_network("slirp4netns", "allow_host_loopback=true");
	strv_add(&container->add_hosts, "db;database:10.1.2.3");
	strv_add(&container->add_hosts, "six:[fd00::1]");
	strv_add(&container->add_hosts, "gw:host-gateway");
	auto_free char *text = hosts_of(container, "");
	assert_non_null(strstr(text, "127.0.0.1\tlocalhost\n"));
	assert_non_null(strstr(text, "::1\tlocalhost ip6-localhost ip6-loopback\n"));
	assert_non_null(strstr(text, "10.1.2.3\tdb\n10.1.2.3\tdatabase\n"));
	assert_non_null(strstr(text, "fd00::1\tsix\n"));
	assert_non_null(strstr(text, "10.0.2.2\tgw\n"));
	assert_non_null(strstr(text, "10.0.2.2\thost.containers.internal host.docker.internal\n"));
	assert_non_null(strstr(text, "10.0.2.100\t0123456789ab boat\n"));

	/* What the user says of these names stands alone. */
	auto_container struct container *own = with_network("slirp4netns", "allow_host_loopback=true");
	strv_add(&own->add_hosts, "host.docker.internal:10.9.9.9");
	auto_free char *own_text = hosts_of(own, "");
	assert_non_null(strstr(own_text, "10.9.9.9\thost.docker.internal\n"));
	assert_non_null(strstr(own_text, "10.0.2.2\thost.containers.internal\n"));

	auto_container struct container *host = with_network("host", NULL);
	auto_free char *host_text = hosts_of(host, "127.0.0.1 localhost\n10.0.0.1 printer");
	assert_string_equal(host_text, "127.0.0.1 localhost\n10.0.0.1 printer\n"
				       "127.0.0.1\thost.containers.internal host.docker.internal\n");

	auto_container struct container *none = with_network("none", NULL);
	auto_free char *none_text = hosts_of(none, "");
	assert_null(strstr(none_text, "internal"));
	assert_non_null(strstr(none_text, "127.0.0.1\t0123456789ab boat\n"));

	auto_container struct container *shared = with_network("container:boat", NULL);
	char *nothing = (char *)"";
	assert_int_equal(network_hosts(shared, &nothing, NULL), 0);
	assert_null(nothing);
}

static void test_bad_hosts(void **state)
{
	(void)state;
	const char *bad[] = {"nocolon", ":1.2.3.4", "name:", "name:notanaddress", "name:1.2.3"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_container struct container *container = with_network("slirp4netns", NULL);
		strv_add(&container->add_hosts, bad[i]);
		struct error err = ERROR_INIT;
		char *text = NULL;
		assert_int_equal(network_hosts(container, &text, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void assert_resolv(const struct container *container, const char *host_text, const char *expected)
{
	auto_network_settings struct network_settings settings = {.kind = NETWORK_NONE};
	assert_int_equal(network_settings(container, &settings, NULL), 0);
	auto_free char *text = network_resolv_conf_from(container, &settings, NULL, host_text);
	assert_string_equal(text, expected);
}

static void test_resolv_conf(void **state)
{
	(void)state;
	static const char resolved[] =
	    "# systemd\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org lan\n";
	auto_container struct container *slirp = with_network("slirp4netns", NULL);
	assert_resolv(slirp, resolved, "nameserver 10.0.2.3\nsearch example.org lan\noptions edns0 trust-ad\n");
	assert_resolv(
	    slirp,
	    "nameserver 192.168.1.1\nnameserver fe80::1%eth0\n\tnameserver 9.9.9.9 \nnameserver 8.8.8.8\ndomain x\n",
	    "nameserver 10.0.2.3\nnameserver 192.168.1.1\nnameserver 9.9.9.9\nsearch x\n");
	assert_resolv(slirp, "", "nameserver 10.0.2.3\n");
	auto_container struct container *host = with_network("host", NULL);
	assert_resolv(host, resolved, resolved);
	strv_add(&host->dns_search, "corp");
	assert_resolv(host, resolved, "nameserver 127.0.0.53\nsearch corp\noptions edns0 trust-ad\n");
	auto_container struct container *none = with_network("none", NULL);
	assert_resolv(none, "nameserver 127.0.0.1\nnameserver 1.1.1.1\n", "nameserver 1.1.1.1\n");
	auto_container struct container *own = with_network("pasta", NULL);
	strv_add(&own->dns, "127.0.0.9");
	strv_add(&own->dns_search, ".");
	strv_add(&own->dns_options, "ndots:2");
	assert_resolv(own, resolved, "nameserver 127.0.0.9\noptions ndots:2\n");
}

/* ---- ports ---- */

static struct container_port tcp_port(const char *ip, uint16_t host_port, uint16_t range)
{
	struct container_port port = {.protocol = "tcp", .host_port = host_port, .container_port = 80, .range = range};
	snprintf(port.host_ip, sizeof(port.host_ip), "%s", ip);
	return port;
}

static struct container *with_port(struct container_port port)
{
	struct container *container = with_network("slirp4netns", NULL);
	container->ports = xcalloc(1, sizeof(port));
	container->ports[0] = port;
	container->ports_count = 1;
	return container;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void test_listen(void **state)
{
	(void)state;
	auto_container struct container *container = with_port(tcp_port("127.0.0.1", 0, 3));
	auto_free int *fds = NULL;
	size_t count = 0;
	struct error err = ERROR_INIT;
	if (network_listen(container, &fds, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(count, 3);
	uint16_t first = container->ports[0].host_port;
	assert_int_not_equal(first, 0);
	for (uint16_t i = 0; i < 3; i++) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(first + i))};
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
		close(fd);
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	}

	/* Taken: by us, which is said. Nothing of the range stays open. */
	auto_container struct container *second = with_port(tcp_port("127.0.0.1", (uint16_t)(first - 1), 2));
	auto_free int *none = NULL;
	int r = network_listen(second, &none, &count, &err);
	assert_int_equal(r, -EADDRINUSE);
	char expected[128];
	snprintf(expected, sizeof(expected), "by network_test, pid %d", (int)getpid());
	if (!strstr(err.text, expected))
		fail_msg("%s", err.text);
	assert_non_null(strstr(err.text, "is in use"));
	close_all(fds, 3);
	assert_int_equal(network_listen(second, &none, &count, &err), 0);
	close_all(none, count);

	auto_container struct container *foreign = with_port(tcp_port("203.0.113.77", 0, 1));
	assert_int_equal(network_listen(foreign, &none, &count, &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err.text, "no such address"));

	auto_container struct container *host = with_port(tcp_port("", 0, 1));
	free(host->network);
	host->network = xstrdup("none");
	auto_free int *nothing = NULL;
	assert_int_equal(network_listen(host, &nothing, &count, &err), 0);
	assert_int_equal(count, 0);
}

static void test_privileged_port(void **state)
{
	(void)state;
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text, NULL, NULL),
			 0);
	bool allowed = geteuid() == 0 || atoi(text) <= 7;
	free(TAKE_PTR(text)); /* skip() does not come back */
	if (allowed)
		skip();
	auto_container struct container *container = with_port(tcp_port("", 7, 1));
	auto_free int *fds = NULL;
	size_t count;
	struct error err = ERROR_INIT;
	assert_int_equal(network_listen(container, &fds, &count, &err), -EACCES);
	assert_non_null(strstr(err.text, "ip_unprivileged_port_start=7"));
}

/* ---- the programs, for a real namespace ---- */

static bool can_be_reached(const char *address)
{
	/* The route to it is there: the address is ours inside. */
	struct sockaddr_in in = {.sin_family = AF_INET};
	inet_pton(AF_INET, address, &in.sin_addr);
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0;
}

/* As the monitor process: root in a user namespace, the container's network namespace given by descriptor. 0, or the
 * line that failed. */
static int bring_up(const char *network, const char *options, const char *address)
{
	struct id_mapping mapping = {.single = true, .direct = true};
	mapping.uids = (struct id_map){.ranges = {{0, geteuid() ? geteuid() : 1879048192, 1}}, .count = 1};
	mapping.gids = (struct id_map){.ranges = {{0, geteuid() ? getegid() : 1879048192, 1}}, .count = 1};
	struct error err = ERROR_INIT;
	int nowhere = open("/", O_PATH | O_CLOEXEC);
	if (userns_enter(nowhere, &mapping, &err) < 0)
		return __LINE__;
	int pidfd;
	pid_t pid = process_clone(CLONE_NEWNET, &pidfd);
	if (pid == 0)
		for (;;)
			pause();
	auto_container struct container *container = with_network(network, options);
	auto_close int netns = netns_open(pidfd, &err);
	struct network started;
	struct network_pids pids = {0, 0};
	int status;
	struct network_start start = {.container = container, .run_fd = -1, .directory_fd = -1, .netns_fd = netns, .pidfd = pidfd, .control_fd = -1};
	int r = netns < 0 ? netns : network_begin(&start, &started, &err);
	if (r == 0)
		r = network_ready(&start, &started, &pids, &err);
	/* What was killed comes back. */
	if (r == 0 && pids.program > 0) {
		kill(pids.program, SIGKILL);
		waitpid(pids.program, &status, 0);
		r = network_mend(&start, (struct network_lost){.program = true}, &pids, &err);
	}
	int line = r < 0 ? __LINE__ : pids.program <= 0 || pids.forwarder ? __LINE__ : setns(netns, CLONE_NEWNET) < 0 ? __LINE__ : 0;
	if (!line && !can_be_reached(address))
		line = __LINE__;
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	kill(pid, SIGKILL);
	if (pids.program > 0)
		kill(pids.program, SIGKILL);
	return line;
}

static void assert_up(const char *network, const char *options, const char *address)
{
	pid_t pid = fork();
	if (pid == 0) {
		int line = bring_up(network, options, address);
		if (line)
			fprintf(stderr, "failed in line %d\n", line);
		_exit(line != 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_slirp4netns(void **state)
{
	(void)state;
	assert_up("slirp4netns", NULL, "10.0.2.100");
	assert_up("slirp4netns", "cidr=10.77.0.0/16,mtu=1500,allow_host_loopback=true,enable_ipv6=true", "10.77.0.100");
}

static void test_pasta(void **state)
{
	(void)state;
	assert_up("pasta", NULL, "10.0.2.100");
	assert_up("pasta", "--mtu,1500,-a,10.88.0.5,-n,24,-g,10.88.0.1,--map-gw", "10.88.0.5");
}

/* The last line of a program that fails is the error. */
static void test_failing_program(void **state)
{
	(void)state;
	struct netns_helper helper;
	struct error err = ERROR_INIT;
	const char *argv[] = {"sh", "-c", "echo first >&2; echo 'cannot do it' >&2; exit 3", NULL};
	assert_int_equal(netns_helper_prepare("sh", &helper, &err), 0);
	assert_int_equal(netns_helper_begin(&helper, argv, NULL, 0, &err), 0);
	assert_int_equal(netns_helper_wait(&helper, 5000, &err), -EIO);
	assert_string_equal(err.text, "sh failed: cannot do it");

	/* One that says much on standard error is neither held up nor does it fill anything. */
	const char *loud[] = {"sh", "-c", "head -c 1000000 /dev/zero >&2; exit 1", NULL};
	assert_int_equal(netns_helper_prepare("sh", &helper, &err), 0);
	assert_int_equal(netns_helper_begin(&helper, loud, NULL, 0, &err), 0);
	assert_int_equal(netns_helper_wait(&helper, 5000, &err), -EIO);

	const char *silent[] = {"sleep", "60", NULL};
	assert_int_equal(netns_helper_prepare("sleep", &helper, &err), 0);
	assert_int_equal(netns_helper_begin(&helper, silent, NULL, 0, &err), 0);
	assert_int_equal(netns_helper_wait(&helper, 50, &err), -EIO);
	assert_string_equal(err.text, "sleep did not get ready");

	const char *missing[] = {"coracle-not-there", NULL};
	assert_int_equal(netns_helper_prepare("x", &helper, &err), 0);
	assert_int_equal(netns_helper_begin(&helper, missing, NULL, 0, &err), -ENOENT);
	netns_helper_release(&helper);
}

/* ---- taking published ports away ---- */

static void describe(const struct container *container, struct strbuf *text)
{
	for (size_t i = 0; i < container->ports_count; i++) {
		const struct container_port *port = &container->ports[i];
		strbuf_printf(text, "%s%s:%u-%u/%s", i ? " " : "", port->host_ip, port->host_port, port->container_port,
			      port->protocol);
		if (port->range > 1)
			strbuf_printf(text, "x%u", port->range);
	}
}

static void test_remove_ports(void **state)
{
	(void)state;
	static const struct container_port all[] = {
	    {"tcp", "", 8000, 80, 5}, {"udp", "", 8000, 80, 5}, {"tcp", "127.0.0.1", 9000, 80, 1}, {"tcp", "", 0, 443, 1}};
	static const struct {
		struct container_port wanted;
		const char *left;
		size_t removed; /* entries */
	} cases[] = {
	    {{"tcp", "", 0, 80, 1}, ":8001-81/tcpx4 :8000-80/udpx5 :0-443/tcp", 2},
	    {{"tcp", "", 8002, 82, 1}, ":8000-80/tcpx2 :8003-83/tcpx2 :8000-80/udpx5 127.0.0.1:9000-80/tcp :0-443/tcp", 1},
	    {{"udp", "", 0, 84, 5}, ":8000-80/tcpx5 :8000-80/udpx4 127.0.0.1:9000-80/tcp :0-443/tcp", 1},
	    {{"tcp", "127.0.0.1", 0, 80, 5}, ":8000-80/tcpx5 :8000-80/udpx5 :0-443/tcp", 1},
	    {{"tcp", "", 0, 1, 1000}, ":8000-80/udpx5", 3},
	    {{"tcp", "", 0, 443, 1}, ":8000-80/tcpx5 :8000-80/udpx5 127.0.0.1:9000-80/tcp", 1},
	    {{"tcp", "", 8001, 80, 1}, NULL, 0},
	    {{"tcp", "::1", 0, 80, 1}, NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_container struct container *container = container_new();
		auto_free struct container_port *removed = NULL;
		size_t count = 0;
		container->name = xstrdup("web");
		container->ports = xcalloc(ARRAY_SIZE(all), sizeof(*all));
		memcpy(container->ports, all, sizeof(all));
		container->ports_count = ARRAY_SIZE(all);
		int r = network_remove_ports(container, &cases[i].wanted, &removed, &count, NULL);
		assert_int_equal(r, cases[i].left ? 0 : -ENOENT);
		if (!cases[i].left)
			continue;
		auto_strbuf struct strbuf text = STRBUF_INIT;
		describe(container, &text);
		assert_string_equal(strbuf_text(&text), cases[i].left);
		assert_int_equal(count, cases[i].removed);
	}
}

static void test_can_publish(void **state)
{
	(void)state;
	static const struct {
		const char *network, *options;
		bool stopped, running;
	} cases[] = {
	    {"slirp4netns", NULL, true, true}, {"pasta", NULL, true, true}, {"bridge", NULL, true, true},
	    {"host", NULL, false, false},      {"none", NULL, false, false}, {"container:x", NULL, false, false},
	    {"ns:/x", NULL, false, false},     {"slirp4netns", "port_handler=slirp4netns", true, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_container struct container *container = with_network(cases[i].network, cases[i].options);
		assert_int_equal(network_can_publish(container, false, NULL) == 0, cases[i].stopped);
		assert_int_equal(network_can_publish(container, true, NULL) == 0, cases[i].running);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mode),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_bad_hosts),
	    cmocka_unit_test(test_resolv_conf),
	    cmocka_unit_test(test_listen),
	    cmocka_unit_test(test_privileged_port),
	    cmocka_unit_test(test_slirp4netns),
	    cmocka_unit_test(test_pasta),
	    cmocka_unit_test(test_failing_program),
	    cmocka_unit_test(test_remove_ports),
	    cmocka_unit_test(test_can_publish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
