/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start that somebody stays attached to, and a signal that ends the command before it is done: nobody would be there
 * whom the container is for. So from taking its lock until its program runs such a signal is held back and looked at
 * where it is waited; the monitor is then killed, and all that was made goes with it, before the signal has its effect.
 * Who made the container, too, holds them back (signals_hold()), from then on and until they are passed on to it
 * (libpod/stdio), so that one that comes between the parts waits for the next.
 */
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "libpod/launch/launch_internal.h"
#include "pkg/process/process.h"

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

int giving_up_begin(struct giving_up *giving_up, struct error *err)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&set, ending[i]);
	int fd = signals_take(&set, &giving_up->mask, err);
	if (fd < 0)
		return fd;
	giving_up->fd = fd;
	return 0;
}

bool giving_up_asked(struct giving_up *giving_up)
{
	struct signalfd_siginfo info;
	if (giving_up->fd >= 0 && !giving_up->signal &&
	    read(giving_up->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		giving_up->signal = (int)info.ssi_signo;
	return giving_up->signal;
}

bool giving_up_wait(struct giving_up *giving_up, int fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = giving_up->fd, .events = POLLIN}};
	while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR) {
	}
	/* What the monitor says comes first. */
	return fds[0].revents || !giving_up_asked(giving_up);
}

void giving_up_end(struct giving_up *giving_up)
{
	if (giving_up->fd < 0)
		return;
	cleanup_close(&giving_up->fd);
	giving_up->fd = -1;
	sigprocmask(SIG_SETMASK, &giving_up->mask, NULL);
	if (giving_up->signal)
		raise(giving_up->signal);
}
