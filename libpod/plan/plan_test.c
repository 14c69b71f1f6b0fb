/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"

/* ---- ports ---- */
static void port_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct container_port port;
	} good[] = {
	    {"80", {"tcp", "", 0, 80, 1}},
	    {"8080:80", {"tcp", "", 8080, 80, 1}},
	    {"8080:80/udp", {"udp", "", 8080, 80, 1}},
	    {"8080:80/TCP", {"tcp", "", 8080, 80, 1}},
	    {"127.0.0.1:8080:80", {"tcp", "127.0.0.1", 8080, 80, 1}},
	    {"127.0.0.1::80", {"tcp", "127.0.0.1", 0, 80, 1}},
	    {"0:80", {"tcp", "", 0, 80, 1}},
	    {"127.0.0.1:0:80/udp", {"udp", "127.0.0.1", 0, 80, 1}},
	    {"[::1]:0:80", {"tcp", "::1", 0, 80, 1}},
	    {"[::1]:8080:80", {"tcp", "::1", 8080, 80, 1}},
	    {"8000-8009:9000-9009", {"tcp", "", 8000, 9000, 10}},
	    {"1:65535", {"tcp", "", 1, 65535, 1}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_container struct container *container = container_new();
		struct error err = ERROR_INIT;
		assert_int_equal(plan_port(good[i].text, container, &err), 0);
		assert_int_equal(container->ports_count, 1);
		const struct container_port *port = &container->ports[0];
		assert_string_equal(port->protocol, good[i].port.protocol);
		assert_string_equal(port->host_ip, good[i].port.host_ip);
		assert_int_equal(port->host_port, good[i].port.host_port);
		assert_int_equal(port->container_port, good[i].port.container_port);
		assert_int_equal(port->range, good[i].port.range);
	}
}

static void port_refusals(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	     "x",	   "0",		 "65536",	   "80/sctp",	  "80:",	"a:80",	  "8080:80:90:1",
					  "1.2.3:1:2", "[::1:80:80", "[::1]80:80", "8001-8000:1-2", "8000-8002:1-2", "-1:80", "localhost:1:2",
					  "0:80-81",      "0-1:80-81",  "80:0",      "0:0"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_container struct container *container = container_new();
		struct error err = ERROR_INIT;
		assert_int_equal(plan_port(bad[i], container, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
		assert_int_equal(container->ports_count, 0);
	}
}

static void port_overlap(void **state)
{
	(void)state;
	auto_container struct container *container = container_new();
	struct error err = ERROR_INIT;
	assert_int_equal(plan_port("8000-8009:8000-8009", container, &err), 0);
	assert_int_equal(plan_port("8009:80", container, &err), -EINVAL);
	assert_int_equal(plan_port("127.0.0.1:8000:80", container, &err), -EINVAL);
	assert_int_equal(plan_port("8009:80/udp", container, &err), 0);
	assert_int_equal(plan_port("8010:80", container, &err), 0);
	assert_int_equal(plan_port("127.0.0.1:9000:80", container, &err), 0);
	assert_int_equal(plan_port("127.0.0.2:9000:80", container, &err), 0);
}

/* Ports that the host chooses are single ones. */
static void port_range_of_any(void **state)
{
	(void)state;
	auto_container struct container *container = container_new();
	assert_int_equal(plan_port("1-65535", container, NULL), 0);
	assert_int_equal(container->ports_count, 65535);
	assert_int_equal(container->ports[65534].container_port, 65535);
	assert_int_equal(container->ports[65534].range, 1);
}

static void ports_of_image(void **state)
{
	(void)state;
	struct plan plan = {.container = container_new()};
	struct create_options options = {.publish_all = true};
	struct error err = ERROR_INIT;
	static const char text[] = "{\"ExposedPorts\": {\"80/tcp\": {}, \"53/udp\": {}, \"1-60000\": {}}}";
	auto_json struct json_object *config = NULL;
	assert_int_equal(json_parse(text, strlen(text), "config", &config, &err), 0);
	strv_add(&options.publish, "8080:80");
	plan.container->network = xstrdup("slirp4netns");
	assert_int_equal(plan_ports(&options, config, &plan, &err), 0);
	assert_int_equal(plan.container->exposed.count, 60001);
	/* 80/tcp by -p, all others by -P. */
	assert_int_equal(plan.container->ports_count, 60001);
	assert_int_equal(plan.container->ports[0].host_port, 8080);
	for (size_t i = 1; i < plan.container->ports_count; i++)
		assert_int_equal(plan.container->ports[i].host_port, 0);
	strv_free(&options.publish);
	container_free(plan.container);
}

static void ports_need_a_network(void **state)
{
	(void)state;
	struct plan plan = {.container = container_new()};
	struct create_options options = {.publish_all = false};
	struct error err = ERROR_INIT;
	strv_add(&options.publish, "8080:80");
	plan.container->network = xstrdup("host");
	assert_int_equal(plan_ports(&options, NULL, &plan, &err), -EINVAL);
	assert_non_null(strstr(err.text, "host"));
	strv_free(&options.publish);
	container_free(plan.container);
}

/* ---- users ---- */
static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken line\n"
			     "redis:x:999:1000::/data:/bin/false\n"
			     "huge:x:99999999999:1::/:/\n"
			     "1234:x:77:78::/numbered:/bin/sh\n"
			     "nohome:x:5:5:::\n";
static const char group[] = "root:x:0:\nredis:x:1000:\nvideo:x:44:redis,root\naudio:x:45:other,redis\nbad:x:zz:redis\nlast:x:46:redis";

static struct user_identity resolve(const char *user, const struct strv *group_add)
{
	struct user_identity identity;
	struct error err = ERROR_INIT;
	assert_int_equal(plan_user(user, passwd, group, group_add, &identity, &err), 0);
	return identity;
}

static void identity_done(struct user_identity *identity)
{
	free(identity->groups);
	free(identity->home);
}

static void user_by_name(void **state)
{
	(void)state;
	CLEANUP(identity_done) struct user_identity redis = resolve("redis", NULL);
	assert_int_equal(redis.uid, 999);
	assert_int_equal(redis.gid, 1000);
	assert_string_equal(redis.home, "/data");
	assert_int_equal(redis.groups_count, 4);
	assert_int_equal(redis.groups[0], 44);
	assert_int_equal(redis.groups[1], 45);
	assert_int_equal(redis.groups[2], 46);
	assert_int_equal(redis.groups[3], 1000); /* its own */
	CLEANUP(identity_done) struct user_identity root = resolve("", NULL);
	assert_int_equal(root.uid, 0);
	assert_string_equal(root.home, "/root");
	assert_int_equal(root.groups_count, 2);
	CLEANUP(identity_done) struct user_identity nohome = resolve("nohome", NULL);
	assert_string_equal(nohome.home, "/");
}

static void user_by_id(void **state)
{
	(void)state;
	CLEANUP(identity_done) struct user_identity known = resolve("999", NULL);
	assert_int_equal(known.gid, 1000);
	assert_string_equal(known.home, "/data");
	CLEANUP(identity_done) struct user_identity unknown = resolve("4321", NULL);
	assert_int_equal(unknown.uid, 4321);
	assert_int_equal(unknown.gid, 0);
	assert_string_equal(unknown.home, "/");
	/* A name of digits is a name. */
	CLEANUP(identity_done) struct user_identity numbered = resolve("1234", NULL);
	assert_int_equal(numbered.uid, 77);
	assert_string_equal(numbered.home, "/numbered");
}

static void user_with_group(void **state)
{
	(void)state;
	CLEANUP(identity_done) struct user_identity named = resolve("redis:video", NULL);
	assert_int_equal(named.uid, 999);
	assert_int_equal(named.gid, 44);
	assert_int_equal(named.groups_count, 1);
	assert_int_equal(named.groups[0], 44);
	CLEANUP(identity_done) struct user_identity numbers = resolve("1:2", NULL);
	assert_int_equal(numbers.uid, 1);
	assert_int_equal(numbers.gid, 2);
	auto_strv struct strv add = STRV_INIT;
	strv_add(&add, "audio");
	strv_add(&add, "4711");
	strv_add(&add, "44");
	CLEANUP(identity_done) struct user_identity more = resolve("redis", &add);
	assert_int_equal(more.groups_count, 5);
	assert_int_equal(more.groups[3], 4711);
	assert_int_equal(more.groups[4], 1000);
}

static void user_refusals(void **state)
{
	(void)state;
	static const char *const bad[] = {"nobody", "redis:nogroup", "-1", "4294967295", "99999999999999999999", "1x", "huge"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct user_identity identity;
		struct error err = ERROR_INIT;
		assert_int_equal(plan_user(bad[i], passwd, group, NULL, &identity, &err), -EINVAL);
	}
	auto_strv struct strv add = STRV_INIT;
	strv_add(&add, "nogroup");
	struct user_identity identity;
	assert_int_equal(plan_user("redis", passwd, group, &add, &identity, NULL), -EINVAL);
	assert_int_equal(plan_user("name", "", "", NULL, &identity, NULL), -EINVAL);
}

/* ---- environment ---- */
static void env_file_with(const char *text, struct strv *env, int expected)
{
	char path[] = "/tmp/plan-test-XXXXXX";
	auto_close int fd = mkstemp(path);
	struct error err = ERROR_INIT;
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	assert_int_equal(plan_env_file(path, env, &err), expected);
	unlink(path);
}

static void env_file(void **state)
{
	(void)state;
	auto_strv struct strv env = STRV_INIT;
	strv_add(&env, "A=image");
	strv_add(&env, "B=image");
	setenv("PLAN_TEST_OWN", "mine", 1);
	unsetenv("PLAN_TEST_MISSING");
	env_file_with("# comment\n\n  A=one two  \r\nC==x\nD=\nPLAN_TEST_OWN\nPLAN_TEST_MISSING\nE=\"quoted\"", &env, 0);
	assert_string_equal(strv_env_get(&env, "A"), "one two  ");
	assert_string_equal(strv_env_get(&env, "B"), "image");
	assert_string_equal(strv_env_get(&env, "C"), "=x");
	assert_string_equal(strv_env_get(&env, "D"), "");
	assert_string_equal(strv_env_get(&env, "E"), "\"quoted\"");
	assert_string_equal(strv_env_get(&env, "PLAN_TEST_OWN"), "mine");
	assert_null(strv_env_get(&env, "PLAN_TEST_MISSING"));
	env_file_with("=x\n", &env, -EINVAL);
	env_file_with("a b=x\n", &env, -EINVAL);
	struct error err = ERROR_INIT;
	assert_int_equal(plan_env_file("/nonexistent/file", &env, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/file"));
}

static void env_from_ours(void **state)
{
	(void)state;
	auto_strv struct strv env = STRV_INIT;
	setenv("PLAN_TEST_ONE", "1", 1);
	setenv("PLAN_TEST_TWO", "2", 1);
	plan_env("PLAN_TEST_*", &env);
	assert_string_equal(strv_env_get(&env, "PLAN_TEST_ONE"), "1");
	assert_string_equal(strv_env_get(&env, "PLAN_TEST_TWO"), "2");
	assert_null(strv_env_get(&env, "PATH"));
	plan_env("PLAN_TEST_ONE=x*", &env);
	assert_string_equal(strv_env_get(&env, "PLAN_TEST_ONE"), "x*");
}

static void environment_order(void **state)
{
	(void)state;
	static const char text[] = "{\"Env\": [\"PATH=/image\", \"GONE=1\", \"KEPT=1\"]}";
	auto_json struct json_object *config = NULL;
	assert_int_equal(json_parse(text, strlen(text), "config", &config, NULL), 0);
	struct create_options options = {.terminal = true};
	auto_strv struct strv env = STRV_INIT;
	strv_add(&options.unset_env, "GONE");
	strv_add(&options.env, "KEPT=2");
	assert_int_equal(plan_environment(&options, config, "host", "/home", &env, NULL), 0);
	assert_string_equal(strv_env_get(&env, "PATH"), "/image");
	assert_string_equal(strv_env_get(&env, "TERM"), "xterm");
	assert_string_equal(strv_env_get(&env, "HOSTNAME"), "host");
	assert_string_equal(strv_env_get(&env, "HOME"), "/home");
	assert_null(strv_env_get(&env, "GONE"));
	assert_string_equal(strv_env_get(&env, "KEPT"), "2");
	strv_add(&options.env, "=x");
	assert_int_equal(plan_environment(&options, config, "host", "/home", &env, NULL), -EINVAL);
	strv_free(&options.env);
	strv_free(&options.unset_env);
}

/* ---- restart and log ---- */
static void restart_policies(void **state)
{
	(void)state;
	static const struct {
		const char *text, *policy;
		int64_t max;
		bool rm;
		int result;
	} cases[] = {
	    {NULL, "no", 0, true, 0},
	    {"", "no", 0, false, 0},
	    {"no", "no", 0, true, 0},
	    {"always", "always", 0, false, 0},
	    {"unless-stopped", "unless-stopped", 0, false, 0},
	    {"on-failure", "on-failure", 0, false, 0},
	    {"on-failure:3", "on-failure", 3, false, 0},
	    {"always", NULL, 0, true, -EINVAL},
	    {"always:3", NULL, 0, false, -EINVAL},
	    {"on-failure:x", NULL, 0, false, -EINVAL},
	    {"on-failure:", NULL, 0, false, -EINVAL},
	    {"on-failure:-1", NULL, 0, false, -ERANGE},
	    {"sometimes", NULL, 0, false, -EINVAL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_container struct container *container = container_new();
		struct create_options options = {.restart = cases[i].text, .rm = cases[i].rm};
		struct error err = ERROR_INIT;
		int r = plan_restart(&options, container, &err);
		if (cases[i].result < 0) {
			assert_true(r < 0);
			assert_null(container->restart_policy);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(container->restart_policy, cases[i].policy);
		assert_int_equal(container->restart_max, cases[i].max);
	}
}

static void log_options(void **state)
{
	(void)state;
	auto_container struct container *container = container_new();
	struct create_options options = {.log_driver = "k8s-file"};
	struct error err = ERROR_INIT;
	strv_add(&options.log_opts, "max-size=10m");
	strv_add(&options.log_opts, "max-file=3");
	assert_int_equal(plan_log(&options, container, &err), 0);
	assert_string_equal(container->log_driver, "json-file");
	assert_int_equal(container->log_max_size, 10 << 20);
	assert_int_equal(container->log_max_files, 3);
	static const char *const bad[] = {"max-size=x", "max-file=0", "max-file=", "path=/x", "max-size"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_container struct container *other = container_new();
		strv_clear(&options.log_opts);
		strv_add(&options.log_opts, bad[i]);
		assert_true(plan_log(&options, other, &err) < 0);
	}
	strv_clear(&options.log_opts);
	options.log_driver = "syslog";
	auto_container struct container *third = container_new();
	assert_int_equal(plan_log(&options, third, &err), -EINVAL);
	strv_free(&options.log_opts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(port_forms),	cmocka_unit_test(port_refusals),    cmocka_unit_test(port_overlap),
	    cmocka_unit_test(port_range_of_any), cmocka_unit_test(ports_of_image),   cmocka_unit_test(ports_need_a_network),
	    cmocka_unit_test(user_by_name),	cmocka_unit_test(user_by_id),	    cmocka_unit_test(user_with_group),
	    cmocka_unit_test(user_refusals),	cmocka_unit_test(env_file),	    cmocka_unit_test(env_from_ours),
	    cmocka_unit_test(environment_order), cmocka_unit_test(restart_policies), cmocka_unit_test(log_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
