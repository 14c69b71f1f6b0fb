/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition: waits for a state of a container.
 *
 * An end is told by its monitor, with the exit code, also of a container of --rm, which is gone a moment later. All other states are looked at again and again: the
 * monitor tells nobody of them.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libpod/control/control.h"
#include "libpod/monitor/monitor.h"

#define BIT(status) (1u << (status))

static const struct {
	const char *name;
	unsigned int bits;
} conditions[] = {
    {"created", BIT(CONTAINER_CREATED)},      {"configured", BIT(CONTAINER_CREATED)},
    {"initialized", BIT(CONTAINER_STARTING)}, {"running", BIT(CONTAINER_RUNNING)},
    {"paused", BIT(CONTAINER_PAUSED)},        {"stopping", BIT(CONTAINER_STOPPING)},
    {"restarting", BIT(CONTAINER_RESTARTING)},
    {"stopped", BIT(CONTAINER_EXITED)},       {"exited", BIT(CONTAINER_EXITED)},
    {"removing", CONTROL_WAIT_REMOVED},
};

int control_condition(const char *name, unsigned int *set, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
		if (strcmp(conditions[i].name, name) == 0) {
			*set |= conditions[i].bits;
			return 0;
		}
	return error_set(err, EINVAL,
			 "a container is never \"%s\"; there are created, initialized, running, paused, restarting, stopping, "
			 "stopped, exited and removing",
			 name);
}

static void sleep_ns(int64_t ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	nanosleep(&time, NULL);
}

/*
 * The time of one look: until it has ended (0), or the time is over (-ETIMEDOUT), or there is nobody who could tell. The connection to the monitor (*monitor, -1 at first) is kept
 * from look to look: one that is made anew each time can miss the end of a container that leaves nothing, which is all that tells its exit code.
 */
static int wait_a_moment(struct store *store, const struct container *container, int *monitor, int64_t interval_ns,
			 int *ret_exit_code, struct error *err)
{
	if (*monitor < 0)
		*monitor = monitor_connect(store, container->id, err);
	if (*monitor >= 0) {
		int r = monitor_wait(store, container->id, *monitor, (int)(interval_ns / 1000000), ret_exit_code, err);
		if (r < 0 && r != -ETIMEDOUT)
			close(TAKE_FD(*monitor));
		return r;
	}
	error_clear(err);
	sleep_ns(interval_ns);
	return -ETIMEDOUT;
}

/* One that is gone is neither running nor anything else any more. */
static int gone(const struct container *container, unsigned int wanted, int *ret_exit_code, struct error *err)
{
	if (!(wanted & (CONTROL_WAIT_REMOVED | BIT(CONTAINER_EXITED))))
		return error_set(err, ENOENT, "container %s was removed while it was waited for", container->name);
	error_clear(err);
	*ret_exit_code = -1;
	return 0;
}

int control_wait_condition(struct store *store, const struct container *container, unsigned int wanted,
			   int64_t interval_ns, int *ret_exit_code, struct error *err)
{
	auto_close int monitor = -1;
	for (;;) {
		struct container_state state;
		int r = container_state(store, container->id, &state, err);
		if (r == -ENOENT)
			return gone(container, wanted, ret_exit_code, err);
		if (r < 0)
			return r;
		if (wanted & BIT(state.status)) {
			*ret_exit_code = state.status == CONTAINER_EXITED ? state.exit_code : -1;
			return 0;
		}
		if (!(wanted & BIT(CONTAINER_EXITED))) {
			sleep_ns(interval_ns);
			continue;
		}
		r = wait_a_moment(store, container, &monitor, interval_ns, ret_exit_code, err);
		if (r != -ETIMEDOUT && r != -ENOENT)
			return r;
		error_clear(err);
	}
}
