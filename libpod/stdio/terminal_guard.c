/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libpod/stdio/relay.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

int terminal_guard_begin(struct terminal_guard *guard, int terminal, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&set, ending[i]);
	struct terminal_guard begun = {.terminal = -1};
	begun.signal_fd = signals_take(&set, &begun.mask, err);
	if (begun.signal_fd < 0)
		return begun.signal_fd;
	int r = terminal < 0 ? 0 : terminal_make_raw(terminal, &begun.saved, err);
	if (r < 0) {
		terminal_guard_end(&begun);
		return r;
	}
	begun.terminal = terminal;
	*guard = begun;
	return 0;
}

bool terminal_guard_signal(struct terminal_guard *guard)
{
	struct signalfd_siginfo info;
	bool resized = false;
	while (read(guard->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH) {
			resized = true;
			continue;
		}
		terminal_guard_end(guard);
		raise((int)info.ssi_signo);
		_exit(128 + (int)info.ssi_signo);
	}
	return resized;
}

void terminal_guard_end(struct terminal_guard *guard)
{
	if (guard->signal_fd < 0)
		return;
	if (guard->terminal >= 0)
		terminal_restore(guard->terminal, &guard->saved);
	close(guard->signal_fd);
	sigprocmask(SIG_SETMASK, &guard->mask, NULL);
	*guard = TERMINAL_GUARD_INIT;
}
