/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/control/control.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "libpod/monitor/monitor.h"
#include "libpod/volumes/volumes.h"

#define STOP_TRIES 1000 /* 10 ms each */
#define NAP (&(struct timespec){.tv_nsec = 10000000})

static bool is_alive(enum container_status status)
{
	return status != CONTAINER_CREATED && status != CONTAINER_EXITED;
}

/* A connection to the monitor; -ESRCH, with a text that says what the container is instead, when it is not running. */
static int connect_running(struct store *store, const struct container *container, struct error *err)
{
	int fd = monitor_connect(store, container->id, err);
	return fd == -ESRCH ? container_not_running(store, container, err) : fd;
}

/* What was asked of a process that is not there, between two lives of the container, fails in words that say so. */
static int asked(struct store *store, const struct container *container, int r, const char *what, struct error *err)
{
	if (r == -ESRCH)
		return container_not_running(store, container, err);
	return r < 0 ? error_context(err, "%s %s", what, container->name) : r;
}

/* Until it has ended; one with --rm may be gone altogether by then. */
static int wait_for_end(struct store *store, const struct container *container, int fd, struct error *err)
{
	int exit_code;
	int r = monitor_wait(store, container->id, fd, -1, &exit_code, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	return 0;
}

/* 1: the monitor has not heard us. It has ended; or it was just executing coracle for the next start of the container, and what came last was lost. */
static int stop_once(struct store *store, const struct container *container, int64_t timeout_s, bool restart, struct error *err)
{
	auto_close int fd = monitor_connect(store, container->id, err);
	/* Ended, and gone with --rm. */
	if (fd == -ESRCH || fd == -ENOENT) {
		error_clear(err);
		return 0;
	}
	if (fd < 0)
		return fd;
	int r = (restart ? monitor_stop_to_restart : monitor_stop)(fd, container->stop_signal, timeout_s, err);
	if (r == -ESRCH)
		error_clear(err);
	return r == -ESRCH ? 1 : r < 0 ? r : wait_for_end(store, container, fd, err);
}

static int stop(struct store *store, const struct container *container, int64_t timeout_s, bool restart, struct error *err)
{
	int64_t timeout = timeout_s == CONTROL_OWN_TIMEOUT ? container->stop_timeout_s : timeout_s;
	int r = 1;
	for (int i = 0; r > 0 && i < STOP_TRIES; i++) {
		if (i)
			nanosleep(NAP, NULL);
		r = stop_once(store, container, timeout, restart, err);
	}
	return r > 0 ? error_set(err, EBUSY, "the monitor of container %s closes every connection", container->name) : r;
}

int control_stop(struct store *store, const struct container *container, int64_t timeout_s, struct error *err)
{
	return stop(store, container, timeout_s, false, err);
}

int control_stop_to_restart(struct store *store, const struct container *container, int64_t timeout_s, struct error *err)
{
	return stop(store, container, timeout_s, true, err);
}

int control_kill(struct store *store, const struct container *container, int signal, struct error *err)
{
	bool ends = signal == SIGKILL || signal == container->stop_signal;
	int r = -ESRCH;
	for (int i = 0; r == -ESRCH && i < STOP_TRIES; i++) {
		struct container_state state;
		if (i) {
			error_clear(err);
			nanosleep(NAP, NULL);
		}
		auto_close int fd = connect_running(store, container, err);
		if (fd < 0)
			return fd;
		r = monitor_kill(fd, signal, err);
		/* What this signal does is known, and the next command may rely on it; what others do is the process's own affair. */
		if (r == 0 && signal == SIGKILL)
			return wait_for_end(store, container, fd, err);
		/* As stop: the monitor that was just executing coracle for the next start has not heard us. */
		if (r == -ESRCH && (!ends || container_state(store, container->id, &state, NULL) < 0 || !is_alive(state.status)))
			return container_not_running(store, container, err);
	}
	return r;
}

int control_pause(struct store *store, const struct container *container, struct error *err)
{
	auto_close int fd = connect_running(store, container, err);
	if (fd < 0)
		return fd;
	return asked(store, container, monitor_pause(fd, err), "pause", err);
}

int control_unpause(struct store *store, const struct container *container, struct error *err)
{
	auto_close int fd = connect_running(store, container, err);
	if (fd < 0)
		return fd;
	return asked(store, container, monitor_unpause(fd, err), "unpause", err);
}

int control_hold(struct store *store, const struct container *container, struct error *err)
{
	auto_close int fd = connect_running(store, container, err);
	if (fd < 0)
		return fd;
	int r = asked(store, container, monitor_hold(fd, err), "pause", err);
	return r < 0 ? r : TAKE_FD(fd);
}

int control_wait(struct store *store, const struct container *container, int *ret_exit_code, struct error *err)
{
	auto_close int fd = monitor_connect(store, container->id, err);
	if (fd < 0 && fd != -ESRCH)
		return fd;
	if (fd >= 0)
		return monitor_wait(store, container->id, fd, -1, ret_exit_code, err);
	error_clear(err);
	struct container_state state;
	int r = container_state(store, container->id, &state, err);
	if (r >= 0)
		*ret_exit_code = state.exit_code;
	return r;
}

/* What is to be removed must not live. */
static int end(struct store *store, const struct container *container, bool force, int64_t timeout_s, struct error *err)
{
	struct container_state state;
	int r = container_state(store, container->id, &state, err);
	if (r < 0 || !is_alive(state.status))
		return r;
	if (!force)
		return error_set(err, EBUSY, "container %s is %s: stop it first, or remove it with --force", container->name,
				 container_status_name(state.status));
	return control_stop(store, container, timeout_s, err);
}

int control_remove(struct store *store, const struct container *container, bool force, int64_t timeout_s, struct error *err)
{
	int r = end(store, container, force, timeout_s, err);
	if (r < 0)
		return r;
	r = container_remove(store, container->id, err);
	/* A --rm container's monitor may have been faster. */
	return r == -ENOENT && force ? 0 : r;
}

int control_remove_with_volumes(struct store *store, const struct container *container, bool force, int64_t timeout_s, struct error *err)
{
	auto_strv struct strv volumes = STRV_INIT;
	int r = end(store, container, force, timeout_s, err);
	if (r < 0 || (r = volumes_left_by(store, container, &volumes, err)) < 0)
		return r;
	r = container_remove_with_volumes(store, container->id, err);
	if (r == -ENOENT && force)
		r = 0;
	/* Those that had become volumes of their own. */
	return r < 0 ? r : volumes_remove_unused(store, &volumes, err);
}
