/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libpod/stdio/relay.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

int signal_proxy_begin(struct signal_proxy *proxy, struct error *err)
{
	/* Ours are what the kernel says of our children, pipes, terminal and mistakes. */
	static const int own[] = {SIGCHLD, SIGPIPE, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGURG, SIGSYS};
	sigset_t signals;
	sigfillset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(&signals, own[i]);
	int fd = signals_take(&signals, &proxy->mask, err);
	if (fd < 0)
		return error_context(err, "signals that are passed on");
	proxy->fd = fd;
	return 0;
}

int signal_proxy_next(const struct signal_proxy *proxy)
{
	struct signalfd_siginfo info;
	return read(proxy->fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

void signal_proxy_end(struct signal_proxy *proxy)
{
	if (proxy->fd < 0)
		return;
	close(proxy->fd);
	sigprocmask(SIG_SETMASK, &proxy->mask, NULL);
	*proxy = SIGNAL_PROXY_INIT;
}
