/* SPDX-License-Identifier: Apache-2.0 */
#include "rootless/netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/process/process.h"

/* linux/pidfd.h, since Linux 6.11 */
#ifndef PIDFD_GET_NET_NAMESPACE
#define PIDFD_GET_NET_NAMESPACE _IO(0xFF, 4)
#endif

int netns_loopback_up(struct error *err)
{
	/* Any socket reaches the namespace's interfaces; this kind is there even where IPv4 is not. */
	auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_sys(err, errno, "bring up the loopback interface");
	return 0;
}

void netns_control_no_congestion(void)
{
	static const char reno[] = "reno"; /* which every kernel has, and every namespace may use */
	auto_close int fd = open("/proc/sys/net/ipv4/tcp_congestion_control", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, reno, sizeof(reno) - 1);
}

int netns_open(int pidfd, struct error *err)
{
	int fd = ioctl(pidfd, PIDFD_GET_NET_NAMESPACE, 0);
	if (fd >= 0)
		return fd;
	pid_t pid = pidfd_pid(pidfd);
	if (pid < 0)
		return error_sys(err, pid, "find the network namespace of a process");
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* The number is that of the process still if it is alive now. */
	if (fd >= 0 && pidfd_signal(pidfd, 0) < 0) {
		close(fd);
		return error_sys(err, ESRCH, "open %s", path);
	}
	return fd < 0 ? error_sys(err, errno, "open %s", path) : fd;
}
