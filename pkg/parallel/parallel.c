/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/parallel/parallel.h"

#include <pthread.h>
#include <unistd.h>

#include "pkg/text/text.h"

struct work {
	parallel_function function;
	void *userdata;
	pthread_mutex_t mutex; /* for all below */
	size_t next, count;
	int result;
	struct error error;
};

/* Takes the next one; false when there is none, or one has failed. */
static bool take(struct work *work, size_t *ret_index)
{
	pthread_mutex_lock(&work->mutex);
	bool more = work->result == 0 && work->next < work->count;
	if (more)
		*ret_index = work->next++;
	pthread_mutex_unlock(&work->mutex);
	return more;
}

static void fail(struct work *work, int result, const struct error *err)
{
	pthread_mutex_lock(&work->mutex);
	if (work->result == 0) {
		work->result = result;
		work->error = *err;
	}
	pthread_mutex_unlock(&work->mutex);
}

static void *run(void *argument)
{
	struct work *work = argument;
	size_t index;
	while (take(work, &index)) {
		struct error err = ERROR_INIT;
		int r = work->function(work->userdata, index, &err);
		if (r < 0)
			fail(work, r, &err);
	}
	return NULL;
}

int parallel_run(size_t count, size_t threads, parallel_function function, void *userdata, struct error *err)
{
	struct work work = {.function = function, .userdata = userdata, .count = count};
	if (threads > count)
		threads = count;
	if (threads == 0)
		return 0;
	auto_free pthread_t *ids = xcalloc(threads, sizeof(*ids));
	size_t started = 0;
	pthread_mutex_init(&work.mutex, NULL);
	/* The caller is one of them; where no more can be had, fewer will do. */
	while (started + 1 < threads && pthread_create(&ids[started], NULL, run, &work) == 0)
		started++;
	run(&work);
	for (size_t i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	pthread_mutex_destroy(&work.mutex);
	if (work.result < 0 && err)
		*err = work.error;
	return work.result;
}

size_t parallel_threads(size_t min, size_t max)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = processors < 1 ? 1 : (size_t)processors;
	return count < min ? min : count > max ? max : count;
}
