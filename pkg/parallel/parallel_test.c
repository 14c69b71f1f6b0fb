/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/parallel/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 1000

struct counts {
	atomic_int done[COUNT];
	atomic_int calls;
	size_t fails_at;
};

static int count_one(void *userdata, size_t index, struct error *err)
{
	struct counts *counts = userdata;
	counts->calls++;
	counts->done[index]++;
	return index == counts->fails_at ? error_set(err, EBADMSG, "number %zu", index) : 0;
}

static void test_each_once(void **state)
{
	(void)state;
	for (size_t threads = 1; threads < 20; threads += 6) {
		struct counts counts = {.fails_at = COUNT};
		assert_int_equal(parallel_run(COUNT, threads, count_one, &counts, NULL), 0);
		for (size_t i = 0; i < COUNT; i++)
			assert_int_equal(counts.done[i], 1);
	}
	assert_int_equal(parallel_run(0, 4, count_one, NULL, NULL), 0);
}

/* Each waits for the other: one after the other they would wait for ever. */
static int meet(void *userdata, size_t index, struct error *err)
{
	(void)index;
	(void)err;
	pthread_barrier_wait(userdata);
	return 0;
}

static void test_at_the_same_time(void **state)
{
	(void)state;
	pthread_barrier_t barrier;
	assert_int_equal(pthread_barrier_init(&barrier, NULL, 4), 0);
	assert_int_equal(parallel_run(8, 4, meet, &barrier, NULL), 0);
	pthread_barrier_destroy(&barrier);
}

static void test_first_failure_ends_it(void **state)
{
	(void)state;
	struct counts counts = {.fails_at = 10};
	struct error err = ERROR_INIT;
	assert_int_equal(parallel_run(COUNT, 1, count_one, &counts, &err), -EBADMSG);
	assert_string_equal(err.text, "number 10");
	assert_int_equal(counts.calls, 11);
	struct counts several = {.fails_at = 10};
	assert_int_equal(parallel_run(COUNT, 4, count_one, &several, &err), -EBADMSG);
	assert_string_equal(err.text, "number 10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_once),
	    cmocka_unit_test(test_at_the_same_time),
	    cmocka_unit_test(test_first_failure_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
