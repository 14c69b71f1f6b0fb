/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"
#include "storage/store/store.h"

static _Noreturn void run_child(struct store *store, const struct id_mapping *mapping, mapped_function function,
				void *data, int to_parent)
{
	struct error failure = ERROR_INIT;
	sigset_t none;
	/* What the command holds back until it has put all in order (signals_hold()) may end what takes long at once. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int r = userns_enter(store->run_fd, mapping, &failure);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after entering, which makes the kernel forget it */
	if (r == 0) {
		r = function(data, &failure);
		userns_withdraw(store->run_fd, mapping);
	}
	if (r < 0)
		write_all(to_parent, &failure, sizeof(failure));
	_exit(r < 0);
}

static int begin(struct store *store, const struct id_mapping *mapping, mapped_function function, void *data,
		 struct mapped *ret, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(err, errno, "make a pipe");
	auto_close int from_child = ends[0], to_parent = ends[1];
	pid_t pid = process_clone(0, NULL);
	if (pid < 0)
		return error_sys(err, pid, "make a process");
	if (pid == 0)
		run_child(store, mapping, function, data, to_parent);
	*ret = (struct mapped){pid, TAKE_FD(from_child)};
	return 0;
}

int store_begin_mapped(struct store *store, mapped_function function, void *data, struct mapped *ret, struct error *err)
{
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	return r < 0 ? r : begin(store, &mapping, function, data, ret, err);
}

int store_finish_mapped(struct mapped *mapped, struct error *err)
{
	struct error failure = ERROR_INIT;
	ssize_t n = read_full(mapped->fd, &failure, sizeof(failure));
	int status, r = process_wait(mapped->pid, &status);
	close(TAKE_FD(mapped->fd));
	mapped->pid = 0;
	if (r < 0)
		return error_sys(err, r, "wait for a process");
	if (n == sizeof(failure))
		return error_set_status(err, failure.errnum, failure.status, "%s", failure.text);
	if (process_exit_code(status) == 128 + SIGPIPE)
		return error_sys(err, EPIPE, "write the output");
	if (process_exit_code(status) != 0)
		return error_set(err, EIO, "a process in the user namespace ended with status %d",
				 process_exit_code(status));
	return 0;
}

static int run(struct store *store, const struct id_mapping *mapping, mapped_function function, void *data,
	       struct error *err)
{
	struct mapped mapped = {0};
	int r = begin(store, mapping, function, data, &mapped, err);
	return r < 0 ? r : store_finish_mapped(&mapped, err);
}

int store_run_mapped(struct store *store, mapped_function function, void *data, struct error *err)
{
	struct id_mapping mapping;
	int r = store_mapping(store, &mapping, err);
	if (r < 0)
		return r;
	r = run(store, &mapping, function, data, err);
	if (!store_mapping_refused(store, r, &mapping))
		return r;
	error_clear(err);
	return run(store, &mapping, function, data, err);
}
