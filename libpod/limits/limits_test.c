/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/limits/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pkg/file/file.h"

/* The resources as text; "error: …" when the options are refused. */
static char *resources_of(const struct limit_options *options)
{
	auto_json struct json_object *resources = NULL;
	struct error err = ERROR_INIT;
	if (limits_from_options(options, &resources, &err) < 0)
		return xasprintf("error: %s", err.text);
	return resources ? json_text(resources, false) : xstrdup("none");
}

static void says(const struct limit_options *options, const char *expected)
{
	auto_free char *text = resources_of(options);
	assert_string_equal(text, expected);
}

static void refuses(const struct limit_options *options, const char *part)
{
	auto_free char *text = resources_of(options);
	if (strncmp(text, "error: ", 7) != 0 || !strstr(text, part))
		fail_msg("%s: expected an error with '%s'", text, part);
}

static void test_options(void **state)
{
	(void)state;
	says(&(struct limit_options){0}, "none");
	says(&(struct limit_options){.memory = "64m"}, "{\"memory\":{\"limit\":67108864,\"swap\":134217728}}");
	says(&(struct limit_options){.memory = "64m", .memory_swap = "-1"}, "{\"memory\":{\"limit\":67108864,\"swap\":-1}}");
	says(&(struct limit_options){.memory = "0"}, "{\"memory\":{\"limit\":-1,\"swap\":-1}}");
	says(&(struct limit_options){.cpus = "1.5"}, "{\"cpu\":{\"period\":100000,\"quota\":150000}}");
	says(&(struct limit_options){.pids_limit = -1, .pids_limit_given = true}, "{\"pids\":{\"limit\":-1}}");
	says(&(struct limit_options){.cpuset_cpus = "0-2,5"}, "{\"cpu\":{\"cpus\":\"0-2,5\"}}");
	refuses(&(struct limit_options){.memory = "1k"}, "6m");
	refuses(&(struct limit_options){.memory = "64m", .memory_swap = "32m"}, "less than --memory");
	refuses(&(struct limit_options){.memory_swap = "32m"}, "needs --memory");
	refuses(&(struct limit_options){.memory = "64m", .memory_reservation = "65m"}, "--memory-reservation");
	refuses(&(struct limit_options){.cpus = "nan"}, "--cpus");
	refuses(&(struct limit_options){.cpus = "0"}, "--cpus");
	refuses(&(struct limit_options){.cpus = "1", .cpu_quota_given = true}, "one or the other");
	refuses(&(struct limit_options){.cpuset_cpus = "1,"}, "0-2,5");
	refuses(&(struct limit_options){.cpuset_mems = "-"}, "0-2,5");
	refuses(&(struct limit_options){.blkio_weight = 5, .blkio_weight_given = true}, "1000");
	refuses(&(struct limit_options){.oom_kill_disable = true}, "version 2");
}

static void test_lays_over(void **state)
{
	(void)state;
	auto_json struct json_object *resources = NULL;
	assert_int_equal(limits_from_options(&(struct limit_options){.memory = "64m", .cpus = "2"}, &resources, NULL), 0);
	assert_int_equal(limits_from_options(&(struct limit_options){.memory = "32m"}, &resources, NULL), 0);
	auto_free char *text = json_text(resources, false);
	assert_string_equal(text, "{\"memory\":{\"limit\":33554432,\"swap\":67108864},\"cpu\":{\"period\":100000,\"quota\":200000}}");
	/* What is refused changes nothing. */
	assert_int_equal(limits_from_options(&(struct limit_options){.memory = "128m", .cpus = "x"}, &resources, NULL), -EINVAL);
	auto_free char *same = json_text(resources, false);
	assert_string_equal(same, text);
	assert_true(limits_are_set(resources));
	assert_false(limits_are_set(NULL));
}

/* A directory with the files of a cgroup. */
static void make_files(int dir, const char *const *names)
{
	for (; *names; names++)
		assert_int_equal(file_write_at(dir, *names, "", 0, 0600, 0, NULL), 0);
}

static void holds(int dir, const char *name, const char *expected)
{
	auto_free char *text = NULL;
	assert_int_equal(file_read_at(dir, name, 4096, &text, NULL, NULL), 0);
	assert_string_equal(text, expected);
}

static void test_apply(void **state)
{
	(void)state;
	static const char *const files[] = {"memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "pids.max", "io.max", "io.weight", NULL};
	char path[] = "/tmp/coracle-limits-XXXXXX";
	assert_non_null(mkdtemp(path));
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_files(dir, files);
	auto_json struct json_object *resources = NULL;
	static const char text[] = "{\"memory\":{\"limit\":100,\"swap\":150,\"reservation\":50},\"cpu\":{\"shares\":1024,\"quota\":50000},"
				   "\"pids\":{\"limit\":-1},\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":77}]}}";
	assert_int_equal(json_parse(text, strlen(text), "test", &resources, NULL), 0);
	struct error err = ERROR_INIT;
	if (limits_apply(dir, resources, &err) < 0)
		fail_msg("%s", err.text);
	holds(dir, "memory.max", "100");
	holds(dir, "memory.swap.max", "50");
	holds(dir, "memory.low", "50");
	holds(dir, "cpu.weight", "39");
	holds(dir, "cpu.max", "50000 100000");
	holds(dir, "pids.max", "max");
	holds(dir, "io.max", "8:1 rbps=77");
	holds(dir, "io.weight", "default 4950");
	/* A controller that is not there is named. */
	assert_int_equal(unlinkat(dir, "pids.max", 0), 0);
	assert_int_equal(limits_apply(dir, resources, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "\"pids\" is not delegated"));
	assert_int_equal(tree_remove_at(AT_FDCWD, path, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_lays_over),
	    cmocka_unit_test(test_apply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
