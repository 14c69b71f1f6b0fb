/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/front/front.h"

static const struct front_entry entries[] = {
    {"ps", "List containers", "cmd_ps", NULL},           {"run", "Run", "cmd_run", NULL},
    {"container", "Manage containers", NULL, NULL},      {"container ls", "List containers", "cmd_ps", NULL},
    {"container ps", "List containers", "cmd_ps", NULL}, {"container inspect", "Show", "cmd_inspect", NULL},
};
static const struct front front = {entries, ARRAY_SIZE(entries), NULL};

static const char *find(struct error *err, int *ret_used, const char *const *words)
{
	int count = 0;
	while (words[count])
		count++;
	const struct front_entry *entry = NULL;
	*err = ERROR_INIT;
	int r = front_find(&front, count, (char *const *)words, &entry, ret_used, err);
	return r < 0 ? NULL : entry->path;
}
#define FIND(...) find(&err, &used, (const char *const[]){__VA_ARGS__, NULL})

static void test_paths(void **state)
{
	(void)state;
	struct error err;
	int used;
	assert_string_equal(FIND("run", "container", "ls"), "run");
	assert_int_equal(used, 1);
	assert_string_equal(FIND("container", "ls", "-a"), "container ls");
	assert_int_equal(used, 2);
	assert_string_equal(FIND("container"), "container");
	assert_int_equal(used, 1);
	assert_string_equal(FIND("container", "--help"), "container");
	assert_int_equal(used, 1);
}

static void test_unknown(void **state)
{
	(void)state;
	struct error err;
	int used;
	assert_null(FIND("contaner"));
	assert_string_equal(err.text, "'contaner' is not a command of 'coracle'; did you mean 'container'?");
	assert_null(FIND("container", "s"));
	assert_string_equal(err.text, "'s' is not a command of 'coracle container'; see 'coracle container --help'");
	assert_null(FIND("container", "sp"));
	assert_string_equal(err.text, "'sp' is not a command of 'coracle container'; did you mean 'ps'?");
	/* A path is not one word with a space in it, nor are the words of a group its own. */
	assert_null(FIND("inspect"));
	assert_null(FIND("nothing-like-it"));
	assert_string_equal(err.text, "'nothing-like-it' is not a command of 'coracle'; see 'coracle --help'");
}

static void test_children_have_one_name_each(void **state)
{
	(void)state;
	const struct front_entry **children = front_children(&front, &entries[2]);
	assert_string_equal(children[0]->path, "container inspect");
	assert_string_equal(children[1]->path, "container ls");
	assert_null(children[2]);
	free(children);
	children = front_children(&front, NULL);
	assert_string_equal(children[0]->path, "container");
	assert_string_equal(children[1]->path, "ps");
	assert_string_equal(children[2]->path, "run");
	assert_null(children[3]);
	free(children);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_children_have_one_name_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
