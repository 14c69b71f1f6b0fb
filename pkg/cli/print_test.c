/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/cli/cli.h"

struct options {
	bool all;
	const char *name, *when;
};

static const struct cli_option table[] = {
    {'n', "name", CLI_STRING, offsetof(struct options, name), "NAME", "Give it a name", NULL, CLI_COMPLETE_NONE, false,
     0},
    {0, "color", CLI_OPTIONAL, offsetof(struct options, when), "always", "Colour the output", "always|never",
     CLI_COMPLETE_NONE, false, 0},
    {'a', "all", CLI_FLAG, offsetof(struct options, all), NULL,
     "All of them, and this is a text that does not fit on the rest of the line, so that it is wrapped", NULL,
     CLI_COMPLETE_NONE, false, 0},
    {0, "secret", CLI_FLAG, offsetof(struct options, all), NULL, "Hidden", NULL, CLI_COMPLETE_NONE, true, 0},
    CLI_OPTIONS_END,
};

static const struct cli_command command = {
    .name = "test",
    .summary = "Test things",
    .usage = "[OPTIONS] THING",
    .description = "It tests\nthings.\n\n    as is\n\n.not a macro, it's a \\dot",
    .examples = "coracle test -a\ncoracle test thing\n",
    .options = table,
    .options_size = sizeof(struct options),
};

static char *help_text(void)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	cli_help(&command, "coracle test", out);
	fclose(out);
	return text;
}

static void test_help(void **state)
{
	(void)state;
	auto_free char *text = help_text();
	assert_string_equal(text, "Usage:  coracle test [OPTIONS] THING\n"
				  "\n"
				  "Test things\n"
				  "\n"
				  "It tests things.\n"
				  "\n"
				  "    as is\n"
				  "\n"
				  ".not a macro, it's a \\dot\n"
				  "\n"
				  "Options:\n"
				  "  -a, --all              All of them, and this is a text that does not fit on\n"
				  "                         the rest of the line, so that it is wrapped\n"
				  "      --color[=always]   Colour the output (always|never)\n"
				  "  -n, --name NAME        Give it a name\n"
				  "  -h, --help             Print this help\n"
				  "\n"
				  "Examples:\n"
				  "  coracle test -a\n"
				  "  coracle test thing\n");
}

static void test_long_left_column_stands_alone(void **state)
{
	(void)state;
	const struct cli_row rows[] = {{"short", "text"}, {"a-left-column-that-is-longer-than-fits", "other text"}};
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	cli_print_rows(rows, 2, out);
	fclose(out);
	assert_string_equal(text, "  short   text\n  a-left-column-that-is-longer-than-fits\n          other text\n");
	free(text);
}

static void test_manual(void **state)
{
	(void)state;
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	cli_manual(&command, "coracle test", (const char *const[]){"coracle", "coracle-run", NULL}, out);
	fclose(out);
	assert_non_null(strstr(text, ".TH \"CORACLE-TEST\" 1 "));
	assert_non_null(strstr(text, "\ncoracle\\-test \\- Test things\n"));
	assert_non_null(strstr(text, "\n\\&.not a macro, it\\(aqs a \\edot\n"));
	assert_non_null(strstr(text, "\n\\fB\\-n\\fR, \\fB\\-\\-name\\fR \\fINAME\\fR\nGive it a name.\n"));
	assert_non_null(strstr(text, "\\fB\\-\\-color\\fR[=\\fIalways\\fR]\nColour the output (always|never).\n"));
	assert_non_null(strstr(text, "\ncoracle test \\-a\ncoracle test thing\n.RE\n"));
	assert_non_null(strstr(text, "\\fBcoracle\\-run\\fR(1)\n"));
	assert_null(strstr(text, "secret"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_help),
	    cmocka_unit_test(test_long_left_column_stands_alone),
	    cmocka_unit_test(test_manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
