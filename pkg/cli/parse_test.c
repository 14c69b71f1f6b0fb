/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/cli/cli.h"

struct options {
	int64_t first; /* so that no given_offset is 0 */
	bool all, interactive, tty;
	const char *name, *pull, *color;
	int64_t count, memory, timeout, verbose;
	bool timeout_given;
	struct strv env, filters, attach;
	const char *old;
};

static const struct cli_option shared_table[] = {
    {'e', "env", CLI_LIST, offsetof(struct options, env), "KEY=VALUE", "Set a variable", NULL, CLI_COMPLETE_NONE, false,
     0},
    CLI_OPTIONS_END,
};
static const struct cli_option own_table[] = {
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL, "All", NULL, CLI_COMPLETE_NONE, false, 0},
    {'i', "interactive", CLI_FLAG, offsetof(struct options, interactive), NULL, "Keep stdin open", NULL,
     CLI_COMPLETE_NONE, false, 0},
    {'t', "tty", CLI_FLAG, offsetof(struct options, tty), NULL, "A terminal", NULL, CLI_COMPLETE_NONE, false, 0},
    {'n', "name", CLI_STRING, offsetof(struct options, name), "NAME", "Name", NULL, CLI_COMPLETE_NONE, false, 0},
    {0, "pull", CLI_STRING, offsetof(struct options, pull), "WHEN", "Pull", "always|missing|never", CLI_COMPLETE_NONE,
     false, 0},
    {0, "color", CLI_OPTIONAL, offsetof(struct options, color), "always", "Colour", NULL, CLI_COMPLETE_NONE, false, 0},
    {'c', "count", CLI_INT, offsetof(struct options, count), NULL, "Count", NULL, CLI_COMPLETE_NONE, false, 0},
    {'m', "memory", CLI_SIZE, offsetof(struct options, memory), NULL, "Memory", NULL, CLI_COMPLETE_NONE, false, 0},
    {0, "timeout", CLI_DURATION, offsetof(struct options, timeout), NULL, "Time-out", NULL, CLI_COMPLETE_NONE, false,
     offsetof(struct options, timeout_given)},
    {'v', "verbose", CLI_COUNT, offsetof(struct options, verbose), NULL, "Say more", NULL, CLI_COMPLETE_NONE, false, 0},
    {'f', "filter", CLI_COMMA_LIST, offsetof(struct options, filters), NULL, "Filter", NULL, CLI_COMPLETE_NONE, false,
     0},
    {0, "attach", CLI_LIST, offsetof(struct options, attach), NULL, "Attach", "stdin|stdout", CLI_COMPLETE_NONE, false,
     0},
    {0, "old", CLI_STRING, offsetof(struct options, old), NULL, "Old", NULL, CLI_COMPLETE_NONE, true, 0},
    CLI_OPTIONS_END,
};
static const struct cli_option *const shared[] = {shared_table, NULL};

static const struct cli_command command = {
    .name = "test",
    .summary = "Test",
    .usage = "[OPTIONS] THING [ARG...]",
    .options = own_table,
    .options_size = sizeof(struct options),
    .max_arguments = -1,
    .shared = shared,
};

struct result {
	struct options options;
	struct strv arguments;
	struct error err;
	bool help;
	int r;
};

static void parse_as(struct result *result, const struct cli_command *as, const char *const *argv)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	*result = (struct result){0};
	result->r = cli_parse(as, "coracle test", argc, (char *const *)argv, &result->options, &result->arguments,
			      &result->help, &result->err);
}

static void result_free(struct result *result)
{
	cli_options_free(&command, &result->options);
	strv_free(&result->arguments);
}

#define PARSE_AS(as, ...)                                                                                              \
	CLEANUP(result_free) struct result result;                                                                     \
	parse_as(&result, as, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define PARSE(...) PARSE_AS(&command, __VA_ARGS__)

static void assert_error(const struct result *result, const char *part)
{
	assert_int_equal(result->r, -EINVAL);
	if (!strstr(result->err.text, part))
		fail_msg("'%s' is not in '%s'", part, result->err.text);
}

static void test_long_forms(void **state)
{
	(void)state;
	PARSE("--name", "x", "--pull=never", "--all", "--tty=false", "-e", "A=1", "--env=B=2", "rest");
	assert_int_equal(result.r, 0);
	assert_string_equal(result.options.name, "x");
	assert_string_equal(result.options.pull, "never");
	assert_true(result.options.all);
	assert_false(result.options.tty);
	assert_int_equal(result.options.env.count, 2);
	assert_string_equal(result.options.env.items[1], "B=2");
	assert_int_equal(result.arguments.count, 1);
	assert_string_equal(result.arguments.items[0], "rest");
	assert_false(result.help);
}

static void test_groups_end_in_a_value(void **state)
{
	(void)state;
	PARSE("-itnx", "-tc", "5", "-m=2k", "-vvv", "-a=false", "--verbose");
	assert_int_equal(result.r, 0);
	assert_true(result.options.interactive && result.options.tty);
	assert_string_equal(result.options.name, "x");
	assert_int_equal(result.options.count, 5);
	assert_int_equal(result.options.memory, 2048);
	assert_int_equal(result.options.verbose, 4);
	assert_false(result.options.all);
}

static void test_values_of_kinds(void **state)
{
	(void)state;
	const int64_t second = 1000000000;
	{
		PARSE("--timeout", "10");
		assert_int_equal(result.options.timeout, 10 * second);
		assert_true(result.options.timeout_given);
	}
	{
		PARSE("--timeout=1m30s");
		assert_int_equal(result.options.timeout, 90 * second);
	}
	{
		PARSE("--timeout=-1");
		assert_int_equal(result.options.timeout, -second);
	}
	{
		PARSE("--filter", "a=1,b=2", "-f", "c", "--filter=");
		assert_int_equal(result.options.filters.count, 3);
		assert_string_equal(result.options.filters.items[1], "b=2");
		assert_false(result.options.timeout_given);
	}
	{
		PARSE("--env", "A=1,2");
		assert_int_equal(result.options.env.count, 1);
	}
	{
		PARSE("--count", "-3");
		assert_int_equal(result.options.count, -3);
	}
}

static void test_optional_value_never_takes_the_next_word(void **state)
{
	(void)state;
	{
		PARSE("--color", "never");
		assert_string_equal(result.options.color, "always");
		assert_string_equal(result.arguments.items[0], "never");
	}
	{
		PARSE("--color=never");
		assert_string_equal(result.options.color, "never");
	}
	{
		PARSE("--color=");
		assert_string_equal(result.options.color, "");
	}
}

static void test_last_one_counts(void **state)
{
	(void)state;
	PARSE("--name=a", "--name=b", "--all", "--all=false");
	assert_string_equal(result.options.name, "b");
	assert_false(result.options.all);
}

static void test_options_after_arguments(void **state)
{
	(void)state;
	PARSE("one", "-a", "--", "-n", "--all", "--");
	assert_int_equal(result.r, 0);
	assert_true(result.options.all);
	assert_null(result.options.name);
	assert_int_equal(result.arguments.count, 4);
	assert_string_equal(result.arguments.items[1], "-n");
	assert_string_equal(result.arguments.items[3], "--");
}

static void test_stop_at_positional(void **state)
{
	(void)state;
	struct cli_command stopping = command;
	stopping.flags = CLI_STOP_AT_POSITIONAL;
	{
		PARSE_AS(&stopping, "-a", "image", "-it", "--help", "--", "--nonsense");
		assert_int_equal(result.r, 0);
		assert_true(result.options.all);
		assert_false(result.options.tty);
		assert_int_equal(result.arguments.count, 5);
		assert_string_equal(result.arguments.items[3], "--");
	}
	{
		PARSE_AS(&stopping, "--", "-a");
		assert_false(result.options.all);
		assert_string_equal(result.arguments.items[0], "-a");
	}
}

static void test_dash_alone_is_an_argument(void **state)
{
	(void)state;
	PARSE("-", "");
	assert_int_equal(result.arguments.count, 2);
	assert_string_equal(result.arguments.items[0], "-");
}

static void test_help(void **state)
{
	(void)state;
	struct cli_command strict = command;
	strict.min_arguments = 3;
	{
		PARSE_AS(&strict, "--help", "--nonsense");
		assert_int_equal(result.r, 0);
		assert_true(result.help);
	}
	{
		PARSE_AS(&strict, "-ah");
		assert_true(result.help);
	}
	static const struct cli_option table[] = {
	    {'h', "hostname", CLI_STRING, offsetof(struct options, name), NULL, "Host name", NULL, CLI_COMPLETE_NONE,
	     false, 0},
	    CLI_OPTIONS_END,
	};
	struct cli_command with_h = command;
	with_h.options = table;
	{
		PARSE_AS(&with_h, "-h", "box");
		assert_false(result.help);
		assert_string_equal(result.options.name, "box");
	}
	assert_false(cli_has_short_help(&with_h));
	assert_true(cli_has_short_help(&command));
}

static void test_hidden_options_work(void **state)
{
	(void)state;
	PARSE("--old", "x");
	assert_string_equal(result.options.old, "x");
}

static void test_errors_name_the_option(void **state)
{
	(void)state;
	{
		PARSE("--nmae", "x");
		assert_error(&result, "unknown option --nmae; did you mean --name?");
	}
	{
		PARSE("--zzzzzz=1");
		assert_error(&result, "unknown option --zzzzzz; see 'coracle test --help'");
	}
	{
		PARSE("--odl=1"); /* a hidden one is not offered */
		assert_null(strstr(result.err.text, "--old"));
	}
	{
		PARSE("-ix");
		assert_error(&result, "unknown option -x in -ix");
	}
	{
		PARSE("--name");
		assert_error(&result, "option --name needs a value: --name NAME");
	}
	{
		PARSE("-tn");
		assert_error(&result, "option -n needs a value");
	}
	{
		PARSE("--pull=sometimes");
		assert_error(&result, "--pull: 'sometimes' is not a choice; use always, missing or never");
	}
	{
		PARSE("--pull=");
		assert_error(&result, "--pull: ''");
	}
	{
		PARSE("--pull=alwaysx");
		assert_error(&result, "is not a choice");
	}
	{
		PARSE("--attach=stdin", "--attach=stdwho");
		assert_error(&result, "--attach: 'stdwho' is not a choice; use stdin or stdout");
	}
	{
		PARSE("--all=maybe");
		assert_error(&result, "--all");
	}
	{
		PARSE("--count=many");
		assert_error(&result, "--count");
	}
}

static void test_number_of_arguments(void **state)
{
	(void)state;
	struct cli_command counted = command;
	counted.min_arguments = 1;
	counted.max_arguments = 2;
	{
		PARSE_AS(&counted);
		assert_error(&result, "coracle test needs at least 1 argument: coracle test [OPTIONS] THING [ARG...]");
	}
	{
		PARSE_AS(&counted, "a", "b", "c");
		assert_error(&result, "needs at most 2 arguments");
	}
	counted.max_arguments = 1;
	{
		PARSE_AS(&counted, "a", "b");
		assert_error(&result, "needs exactly 1 argument:");
	}
	counted.min_arguments = counted.max_arguments = 0;
	{
		PARSE_AS(&counted, "a");
		assert_error(&result, "coracle test takes no arguments");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_long_forms),
	    cmocka_unit_test(test_groups_end_in_a_value),
	    cmocka_unit_test(test_values_of_kinds),
	    cmocka_unit_test(test_optional_value_never_takes_the_next_word),
	    cmocka_unit_test(test_last_one_counts),
	    cmocka_unit_test(test_options_after_arguments),
	    cmocka_unit_test(test_stop_at_positional),
	    cmocka_unit_test(test_dash_alone_is_an_argument),
	    cmocka_unit_test(test_help),
	    cmocka_unit_test(test_hidden_options_work),
	    cmocka_unit_test(test_errors_name_the_option),
	    cmocka_unit_test(test_number_of_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
