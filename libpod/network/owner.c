/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port: the kernel's tables name the socket, /proc/<pid>/fd the process, where we may look. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/network/settings.h"
#include "pkg/cleanup/cleanup.h"

#define STATE_LISTEN      0x0a
#define STATE_UNCONNECTED 0x07

/* The socket that holds the port, of one table of /proc/net: its inode and its user. */
static bool find_socket(const char *table, unsigned int state, uint16_t port, uint64_t *ret_inode, uint32_t *ret_uid)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/self/net/%s", table);
	auto_fclose FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned int local_port, line_state;
		uint32_t uid;
		uint64_t inode;
		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %" SCNu32 " %*d %" SCNu64,
			   &local_port, &line_state, &uid, &inode) == 4 &&
		    local_port == port && line_state == state) {
			*ret_inode = inode;
			*ret_uid = uid;
			return true;
		}
	}
	return false;
}

static bool has_socket(const char *pid, const char *link)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%.10s/fd", pid);
	auto_closedir DIR *directory = opendir(path);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		char target[64];
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		if (strcmp(target, link) == 0)
			return true;
	}
	return false;
}

/* A monitor's command line ends in "<short id> <name>" of its container. */
static bool name_container(const char *pid, char *out, size_t size)
{
	char path[32], line[256];
	snprintf(path, sizeof(path), "/proc/%.10s/cmdline", pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (length <= 0)
		return false;
	line[length] = '\0';
	const char *last = memrchr(line, '\0', (size_t)length - 1), *name = last ? strchr(last + 1, ' ') : NULL;
	if (!name)
		return false;
	snprintf(out, size, "by container %s", name + 1);
	return true;
}

static bool name_process(const char *pid, char *out, size_t size)
{
	char path[32], name[64] = "";
	snprintf(path, sizeof(path), "/proc/%.10s/comm", pid);
	auto_fclose FILE *file = fopen(path, "re");
	if (!file || !fgets(name, sizeof(name), file))
		return false;
	name[strcspn(name, "\n")] = '\0';
	/* The forwarder has the socket from its monitor, which has it too and says whose it is. */
	if (strcmp(name, "coracle-forward") == 0)
		return false;
	if (strcmp(name, "coracle-monitor") == 0 && name_container(pid, out, size))
		return true;
	for (char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	snprintf(out, size, "by %s, pid %s", name, pid);
	return true;
}

bool network_port_owner(const char *protocol, uint16_t port, char *out, size_t size)
{
	bool tcp = strcmp(protocol, "tcp") == 0;
	unsigned int state = tcp ? STATE_LISTEN : STATE_UNCONNECTED;
	uint64_t inode;
	uint32_t uid;
	*out = '\0';
	if (!find_socket(tcp ? "tcp" : "udp", state, port, &inode, &uid) &&
	    !find_socket(tcp ? "tcp6" : "udp6", state, port, &inode, &uid))
		return false;
	char link[64];
	snprintf(link, sizeof(link), "socket:[%" PRIu64 "]", inode);
	auto_closedir DIR *processes = opendir("/proc");
	const struct dirent *entry;
	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) && has_socket(entry->d_name, link) &&
		    name_process(entry->d_name, out, size))
			return true;
	snprintf(out, size, "by a process of user id %" PRIu32, uid);
	return true;
}
