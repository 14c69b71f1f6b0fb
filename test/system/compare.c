/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare: says what the process that it is can see and do, a fact a line, in words that are the same wherever the
 * facts are. It is run in a container of coracle and in one of podman, and compare.bats holds the two against each
 * other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- the process ---- */

static void print_status(void)
{
	static const char *const wanted[] = {"CapInh",   "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
					     "Seccomp:", "SigBlk", "SigIgn", "SigCgt", "Groups"};
	char line[512];
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				printf("status %s", line);
	if (file)
		fclose(file);
}

static void print_file(const char *name, const char *path)
{
	char text[4096] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n > 0)
		text[strcspn(text, "\n")] = '\0';
	printf("%s %s\n", name, n < 0 ? strerror(errno) : text);
	if (fd >= 0)
		close(fd);
}

static void print_process(void)
{
	char path[PATH_MAX];
	printf("ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
	mode_t mask = umask(0);
	printf("umask %04o\n", mask);
	printf("pid %d parent %d session %d\n", getpid(), getppid(), getsid(0) == getpid());
	printf("cwd %s\n", getcwd(path, sizeof(path)) ? path : strerror(errno));
	printf("dumpable %d securebits %d keepcaps %d no_new_privs %d\n", prctl(PR_GET_DUMPABLE),
	       prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("personality %d nice %d\n", personality(0xffffffff), getpriority(PRIO_PROCESS, 0));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit = {0};
		getrlimit(i, &limit);
		printf("rlimit %d %lld %lld\n", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
	}
	for (int fd = 0; fd < 1024; fd++)
		if (fd > 2 && fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d is open\n", fd);
	for (char **variable = environ; *variable; variable++)
		printf("env %s\n", strncmp(*variable, "HOSTNAME=", 9) == 0 ? "HOSTNAME" : *variable);
	print_file("oom_score_adj", "/proc/self/oom_score_adj");
	print_file("coredump_filter", "/proc/self/coredump_filter");
	print_file("timerslack_ns", "/proc/self/timerslack_ns");
	print_file("cgroup", "/proc/self/cgroup");
	print_file("ping_group_range", "/proc/sys/net/ipv4/ping_group_range");
	print_file("ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_unprivileged_port_start");
	print_file("uid_map", "/proc/self/uid_map");
	print_file("setgroups", "/proc/self/setgroups");
}

/* ---- file systems ---- */

/* "mount POINT TYPE OPTIONS". What the file system says of itself (paths, sizes of the machine) is left out but for the
 * mode. */
static void print_mounts(void)
{
	char line[8192], point[PATH_MAX], options[1024];
	FILE *file = fopen("/proc/self/mountinfo", "r");
	while (file && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, " - ");
		char type[64] = "", source[PATH_MAX] = "", super[4096] = "";
		if (sscanf(line, "%*s %*s %*s %*s %4095s %1023s", point, options) == 2 && rest &&
		    sscanf(rest, " - %63s %4095s %4095s", type, source, super) >= 2)
			printf("mount %s %s %s%s%s%s\n", point, type, options, strstr(super, "size=") ? " sized" : "",
			       strstr(super, "mode=755") ? " mode=755" : "",
			       strncmp(super, "ro", 2) == 0 ? " super-ro" : "");
	}
	if (file)
		fclose(file);
}

static void print_devices(const char *path)
{
	struct stat st;
	char inner[PATH_MAX], target[PATH_MAX];
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (lstat(inner, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(inner, target, sizeof(target) - 1);
			target[n < 0 ? 0 : n] = '\0';
			printf("dev %s -> %s\n", inner, target);
		} else {
			printf("dev %s %o %u:%u %u:%u\n", inner, st.st_mode, major(st.st_rdev), minor(st.st_rdev),
			       st.st_uid, st.st_gid);
		}
		if (S_ISDIR(st.st_mode))
			print_devices(inner);
	}
	if (directory)
		closedir(directory);
}

static bool is_process(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 && (path[6] >= '0' && path[6] <= '9');
}

/* Files that can be opened for writing: nothing is written. And, in /proc, those that have something to read. */
static void walk(const char *path, int depth)
{
	struct stat st;
	char inner[PATH_MAX], byte;
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) >= sizeof(inner) ||
		    is_process(inner) || lstat(inner, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 12)
			walk(inner, depth + 1);
		if (!S_ISREG(st.st_mode))
			continue;
		int fd = open(inner, O_WRONLY | O_NONBLOCK);
		if (fd >= 0) {
			printf("writable %s\n", inner);
			close(fd);
		}
		if (strncmp(path, "/proc", 5) != 0 || strcmp(inner, "/proc/kmsg") == 0 ||
		    strcmp(inner, "/proc/locks") == 0 || depth > 1)
			continue;
		fd = open(inner, O_RDONLY | O_NONBLOCK);
		if (fd >= 0 && read(fd, &byte, 1) == 1)
			printf("readable %s\n", inner);
		if (fd >= 0)
			close(fd);
	}
	if (directory)
		closedir(directory);
}

static void print_directory(const char *path)
{
	DIR *directory = opendir(path);
	int count = -2;
	while (directory && readdir(directory))
		count++;
	printf("directory %s %s\n", path, !directory ? strerror(errno) : count > 0 ? "has something" : "is empty");
	if (directory)
		closedir(directory);
}

/* ---- system calls ---- */

#define LAST_CALL 470

/* In a child: a call with arguments that are good for nothing, so that what comes back says whether it was let through.
 */
static void call(long number, int out)
{
	/* Those that end or leave the process, or wait for ever, with these arguments or any. */
	alarm(2);
	errno = 0;
	long result = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
	int word = result == -1 ? errno : 0;
	if (write(out, &word, sizeof(word)) < 0)
		_exit(1);
	_exit(0);
}

static void print_call(long number)
{
	int ends[2], word = -1, status;
	if (pipe(ends) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		close(ends[0]);
		call(number, ends[1]);
	}
	close(ends[1]);
	struct pollfd end = {.fd = ends[0], .events = POLLIN};
	if (poll(&end, 1, 300) > 0 && read(ends[0], &word, sizeof(word)) != sizeof(word))
		word = -1;
	kill(pid, SIGKILL);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ends[0]);
	printf("syscall %ld %s\n", number, word == EPERM ? "EPERM" : word == ENOSYS ? "ENOSYS" : "let through");
}

int main(void)
{
	signal(SIGTTOU, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	print_status();
	print_process();
	print_mounts();
	print_devices("/dev");
	static const char *const directories[] = {"/proc/acpi",
						  "/proc/asound",
						  "/proc/scsi",
						  "/proc/bus",
						  "/proc/fs",
						  "/proc/irq",
						  "/sys/firmware",
						  "/sys/fs/selinux",
						  "/sys/fs/cgroup",
						  "/sys/fs/bpf",
						  "/sys/kernel/debug",
						  "/sys/kernel/tracing",
						  "/sys/kernel/security",
						  "/sys/dev/block",
						  "/sys/devices/virtual/powercap",
						  "/sys/module",
						  "/sys/fs/fuse/connections",
						  "/sys/class/net"};
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		print_directory(directories[i]);
	walk("/proc", 0);
	walk("/sys", 0);
	for (long number = 0; number <= LAST_CALL; number++)
		print_call(number);
	return 0;
}
