/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libpod/stdio/relay.h"
#include "pkg/cleanup/cleanup.h"

int signal_proxy_begin(struct signal_proxy *proxy, struct error *err)
{
	/* Ours are what the kernel says of our children, pipes, terminal and mistakes. */
	static const int own[] = {SIGCHLD, SIGPIPE, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGURG, SIGSYS};
	sigset_t signals;
	sigfillset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(&signals, own[i]);
	for (int number = 1; number < NSIG; number++) {
		/* One that is ignored (nohup(1)) would be queued all the same if it were blocked. */
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigdelset(&signals, number);
	}
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_sys(err, errno, "take signals to pass them on");
	proxy->fd = fd;
	sigprocmask(SIG_BLOCK, &signals, &proxy->mask);
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
