/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container leaves behind whose monitor was killed, and that shares another pid namespace (--pid): its first
 * process dies with the monitor, but no namespace ends with it, and its children live on. They are known by their root
 * file system, which has the container's id in its source: nothing but the container's own processes can have it, and a
 * process that has it keeps it, whatever has become of its parents, its session and its name.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libpod/container/survivors.h"
#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "pkg/text/text.h"

#define MOUNTINFO_MAX (4 << 20)
#define PASSES_MAX    200
#define PASS_NS       5000000

/* proc_pid_mountinfo(5): "ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS… - TYPE SOURCE SUPER". The drivers give an overlay
 * the end of its upper directory's path as SOURCE; a copied tree is the ROOT of a mount. */
static bool has_root_of(const char *mountinfo, const char *id)
{
	auto_free char *upper = xasprintf(" containers/%s/upper ", id), *tree = xasprintf("/containers/%s/rootfs ", id);
	for (const char *line = mountinfo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		auto_free char *text = xstrndup(line, strcspn(line, "\n"));
		const char *behind = strstr(text, " - ");
		if (behind && (strstr(text, tree) || strstr(behind, upper)))
			return true;
	}
	return false;
}

/* Whether the process has mounts of its own at all: most have ours. */
static bool has_our_mounts(int process)
{
	char theirs[64], ours[64];
	ssize_t n = readlinkat(process, "ns/mnt", theirs, sizeof(theirs)),
		m = readlink("/proc/self/ns/mnt", ours, sizeof(ours));
	return n > 0 && n == m && memcmp(theirs, ours, (size_t)n) == 0;
}

static bool kill_if_of(const char *pid, const char *id)
{
	auto_free char *path = xasprintf("/proc/%s", pid), *mountinfo = NULL;
	/* First the descriptor: what is found out then is of the process that gets the signal. */
	auto_close int pidfd = pidfd_open_process((pid_t)strtol(pid, NULL, 10));
	auto_close int process = pidfd < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || has_our_mounts(process) ||
	    file_read_at(process, "mountinfo", MOUNTINFO_MAX, &mountinfo, NULL, NULL) < 0)
		return false;
	return has_root_of(mountinfo, id) && pidfd_signal(pidfd, SIGKILL) == 0;
}

static bool kill_all(const char *id)
{
	bool any = false;
	auto_closedir DIR *directory = opendir("/proc");
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		if (isdigit((unsigned char)entry->d_name[0]))
			any |= kill_if_of(entry->d_name, id);
	return any;
}

void survivors_kill(const char *id)
{
	/* Those that were made while we looked are found the next time; the dead have no mounts any more. */
	for (int i = 0; i < PASSES_MAX && kill_all(id); i++)
		nanosleep(&(struct timespec){.tv_nsec = PASS_NS}, NULL);
}
