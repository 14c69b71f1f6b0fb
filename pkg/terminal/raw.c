/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "pkg/terminal/terminal.h"

/* A background process group may set a terminal when it blocks SIGTTOU (tcsetattr(3p)). */
static int set(int fd, const struct termios *settings)
{
	sigset_t ttou, before;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &before);
	int r;
	do
		r = tcsetattr(fd, TCSANOW, settings) < 0 ? -errno : 0;
	while (r == -EINTR);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int terminal_make_raw(int fd, struct termios *ret_saved, struct error *err)
{
	struct termios saved;
	if (tcgetattr(fd, &saved) < 0)
		return error_sys(err, errno, "read the terminal's settings");
	struct termios raw = saved;
	cfmakeraw(&raw);
	int r = set(fd, &raw);
	if (r < 0)
		return error_sys(err, r, "set the terminal to raw mode");
	*ret_saved = saved;
	return 0;
}

void terminal_restore(int fd, const struct termios *saved)
{
	int before = errno;
	set(fd, saved);
	errno = before;
}

int terminal_get_size(int fd, struct winsize *ret)
{
	return ioctl(fd, TIOCGWINSZ, ret) < 0 ? -errno : 0;
}

int terminal_set_size(int fd, const struct winsize *size)
{
	return ioctl(fd, TIOCSWINSZ, size) < 0 ? -errno : 0;
}
