/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

/* The kernel's first real-time signal that glibc leaves to programs, and the kernel's last. SIGRTMIN and SIGRTMAX are
 * function calls; these are the numbers that they answer and that docker and podman take. */
#define REALTIME_MIN 34
#define REALTIME_MAX 64

/* By number. The real-time signals are counted from the nearer end, as kill -l does. */
static const char *const names[REALTIME_MAX + 1] = {
    [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
    [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",     [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
    [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT",
    [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",     [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
    [SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
    [SIGIO] = "SIGIO",     [SIGPWR] = "SIGPWR",       [SIGSYS] = "SIGSYS",   [34] = "SIGRTMIN",
    [35] = "SIGRTMIN+1",   [36] = "SIGRTMIN+2",       [37] = "SIGRTMIN+3",   [38] = "SIGRTMIN+4",
    [39] = "SIGRTMIN+5",   [40] = "SIGRTMIN+6",       [41] = "SIGRTMIN+7",   [42] = "SIGRTMIN+8",
    [43] = "SIGRTMIN+9",   [44] = "SIGRTMIN+10",      [45] = "SIGRTMIN+11",  [46] = "SIGRTMIN+12",
    [47] = "SIGRTMIN+13",  [48] = "SIGRTMIN+14",      [49] = "SIGRTMIN+15",  [50] = "SIGRTMAX-14",
    [51] = "SIGRTMAX-13",  [52] = "SIGRTMAX-12",      [53] = "SIGRTMAX-11",  [54] = "SIGRTMAX-10",
    [55] = "SIGRTMAX-9",   [56] = "SIGRTMAX-8",       [57] = "SIGRTMAX-7",   [58] = "SIGRTMAX-6",
    [59] = "SIGRTMAX-5",   [60] = "SIGRTMAX-4",       [61] = "SIGRTMAX-3",   [62] = "SIGRTMAX-2",
    [63] = "SIGRTMAX-1",   [64] = "SIGRTMAX",
};

/* Older names of some. */
static const struct {
	const char *name;
	int number;
} aliases[] = {{"IOT", SIGIOT}, {"CLD", SIGCHLD}, {"POLL", SIGPOLL}};

/* The whole text as a number of 0 to REALTIME_MAX; -1 when it is none. */
static int small_number(const char *text)
{
	int number = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		number = number * 10 + (*text - '0');
		if (number > REALTIME_MAX)
			return -1;
	}
	return number;
}

/* "RTMIN+3", "RTMAX-3", with any distance that stays in the range. */
static int realtime(const char *name)
{
	bool from_end = strncasecmp(name, "RTMAX-", 6) == 0;
	if (!from_end && strncasecmp(name, "RTMIN+", 6) != 0)
		return -EINVAL;
	int distance = small_number(name + 6);
	if (distance < 0 || distance > REALTIME_MAX - REALTIME_MIN)
		return -EINVAL;
	return from_end ? REALTIME_MAX - distance : REALTIME_MIN + distance;
}

int signal_from_name(const char *name)
{
	int number = small_number(name);
	if (number >= 0)
		return number ? number : -EINVAL;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i <= REALTIME_MAX; i++)
		if (names[i] && strcasecmp(name, names[i] + 3) == 0)
			return i;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(name, aliases[i].name) == 0)
			return aliases[i].number;
	return realtime(name);
}

const char *signal_to_name(int signal)
{
	return signal > 0 && signal <= REALTIME_MAX ? names[signal] : NULL;
}

void signals_hold(struct signals_held *held)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&set, ending[i]);
	if (!held->held)
		held->held = sigprocmask(SIG_BLOCK, &set, &held->mask) == 0;
}

void signals_let_through(struct signals_held *held)
{
	if (held->held)
		sigprocmask(SIG_SETMASK, &held->mask, NULL);
	held->held = false;
}

int signals_take(sigset_t *set, sigset_t *ret_mask, struct error *err)
{
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigdelset(set, number);
	}
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_sys(err, errno, "open a descriptor for signals");
	sigprocmask(SIG_BLOCK, set, ret_mask);
	return fd;
}
