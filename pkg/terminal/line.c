/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking at a terminal. While a secret is typed the terminal does not echo; a signal that would end or stop the program
 * must not leave it so. Those signals are held off while it waits and taken from a descriptor: the settings are put
 * back first, and then the signal does what it does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/terminal/terminal.h"

#define LINE_MAX_LENGTH 4096

static const int held[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};

static int set_echo(int fd, const struct termios *saved, bool echo)
{
	struct termios settings = *saved;
	if (!echo) {
		settings.c_lflag &= ~(tcflag_t)ECHO;
		settings.c_lflag |= ECHONL;
	}
	return tcsetattr(fd, TCSAFLUSH, &settings) < 0 ? -errno : 0;
}

/* The signal does to us what it would have done; we come back from being stopped, or where it is ignored. */
static void obey(int signal_number, const sigset_t *before)
{
	sigset_t held_now;
	sigprocmask(SIG_SETMASK, before, &held_now);
	raise(signal_number);
	sigprocmask(SIG_SETMASK, &held_now, NULL);
}

/* Waits for a line: 0 when there is one to read, or the number of a signal. */
static int wait_for_line(int fd, int signal_fd)
{
	struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
	while (poll(polls, ARRAY_SIZE(polls), -1) < 0)
		if (errno != EINTR)
			return 0;
	struct signalfd_siginfo info;
	if (polls[1].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info))
		return (int)info.ssi_signo;
	return 0;
}

/* A terminal gives a line at a time. The length, without its end; 0 also at the end of input. */
static ssize_t read_line(int fd, char *line, size_t size)
{
	ssize_t n = read(fd, line, size - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	line[n] = '\0';
	return n;
}

static ssize_t ask(int fd, const char *prompt, bool echo, const struct termios *saved, int signal_fd,
		   const sigset_t *before, char *line)
{
	for (;;) {
		int r = set_echo(fd, saved, echo);
		if (r < 0 || (r = write_all(fd, prompt, strlen(prompt))) < 0)
			return r;
		int signal_number = wait_for_line(fd, signal_fd);
		if (!signal_number)
			return read_line(fd, line, LINE_MAX_LENGTH);
		terminal_restore(fd, saved);
		write_all(fd, "\n", 1);
		obey(signal_number, before);
	}
}

int terminal_ask(int fd, const char *prompt, bool echo, char **ret, struct error *err)
{
	struct termios saved;
	sigset_t signals, before;
	char line[LINE_MAX_LENGTH];
	if (tcgetattr(fd, &saved) < 0)
		return error_sys(err, errno, "read the terminal's settings");
	sigemptyset(&signals);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		sigaddset(&signals, held[i]);
	auto_close int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0)
		return error_sys(err, errno, "wait for signals");
	sigprocmask(SIG_BLOCK, &signals, &before);
	ssize_t n = ask(fd, prompt, echo, &saved, signal_fd, &before, line);
	terminal_restore(fd, &saved);
	sigprocmask(SIG_SETMASK, &before, NULL);
	char *copy = n < 0 ? NULL : strdup(line);
	explicit_bzero(line, sizeof(line));
	if (!copy)
		return error_sys(err, n < 0 ? (int)n : ENOMEM, "read from the terminal");
	*ret = copy;
	return 0;
}
