/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register of living members: empty files <runroot>/userns/<mapping key>/<pid>-<inode of the namespace>.
 *
 * A file is a hint and never believed. What it names is looked at through one descriptor of /proc/<pid>, which stays
 * with that very process: a number that was reused meanwhile cannot slip in between two looks. The namespace must have
 * the inode of the file's name and the mapping that is wanted, both of which the kernel says. Whoever finds a file that
 * is not true removes it; when its number is announced again at that moment, a member goes unlisted, which costs the
 * next starter a namespace of its own. There is no lock: several that start at once with none alive each make one, and
 * go on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "rootless/idmap/decide.h"
#include "rootless/userns/internal.h"

#define MEMBER_NAME_MAX sizeof("2147483647-18446744073709551615")
#define DIRECTORY_MAX   sizeof("userns/0123456789abcdef")

static void directory_path(const struct id_mapping *mapping, char *out)
{
	char key[17];
	id_mapping_key(mapping, key);
	snprintf(out, DIRECTORY_MAX, "userns/%s", key);
}

pid_t userns_pid_in_proc(void)
{
	char text[16];
	ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	int pid;
	return sscanf(text, "%d", &pid) == 1 && pid > 0 ? pid : -ESRCH;
}

static bool has_map(int process_fd, const char *name, const struct id_map *expected)
{
	auto_free char *text = NULL;
	struct id_map map;
	if (file_read_at(process_fd, name, 65536, &text, NULL, NULL) < 0 || id_map_parse(text, &map) < 0)
		return false;
	return map.count == expected->count &&
	       memcmp(map.ranges, expected->ranges, map.count * sizeof(map.ranges[0])) == 0;
}

/* The namespace of the member that the file `name` speaks of: a descriptor; -ESRCH when the file is not true; another
 * negative errno when that cannot be told (no more descriptors). */
static int open_member(const char *name, const struct id_mapping *mapping)
{
	int pid;
	uint64_t inode;
	int end = -1;
	if (sscanf(name, "%d-%" SCNu64 "%n", &pid, &inode, &end) != 2 || name[end] || pid <= 0)
		return -ESRCH;
	char path[sizeof("/proc/2147483647")];
	snprintf(path, sizeof(path), "/proc/%d", pid);
	auto_close int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int namespace = process < 0 ? -1 : openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -ESRCH;
	struct stat st;
	if (fstat(namespace, &st) < 0 || st.st_ino != inode || !has_map(process, "uid_map", &mapping->uids) ||
	    !has_map(process, "gid_map", &mapping->gids))
		return -ESRCH;
	return TAKE_FD(namespace);
}

int userns_find(int run_fd, const struct id_mapping *mapping, struct error *err)
{
	char path[DIRECTORY_MAX];
	directory_path(mapping, path);
	int fd = openat(run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "open %s in the run directory", path);
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read %s in the run directory", path);
		close(fd);
		return r;
	}
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		int namespace = open_member(entry->d_name, mapping);
		if (namespace >= 0)
			return namespace;
		if (namespace != -ESRCH)
			return error_sys(err, namespace, "look for a living user namespace");
		unlinkat(fd, entry->d_name, 0);
	}
	return -ENOENT;
}

/* ---- our own entry ---- */

static int member_name(char *out)
{
	struct stat st;
	pid_t pid = userns_pid_in_proc();
	if (pid < 0)
		return pid;
	if (stat("/proc/self/ns/user", &st) < 0)
		return -errno;
	snprintf(out, MEMBER_NAME_MAX, "%d-%" PRIu64, (int)pid, (uint64_t)st.st_ino);
	return 0;
}

static int open_directory(int run_fd, const struct id_mapping *mapping)
{
	char path[DIRECTORY_MAX];
	directory_path(mapping, path);
	int fd = openat(run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	if ((mkdirat(run_fd, "userns", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(run_fd, path, 0700) < 0 && errno != EEXIST))
		return -errno;
	fd = openat(run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int userns_announce(int run_fd, const struct id_mapping *mapping, struct error *err)
{
	char name[MEMBER_NAME_MAX];
	int r = member_name(name);
	if (r < 0)
		return error_sys(err, r, "announce the user namespace");
	auto_close int directory = open_directory(run_fd, mapping);
	if (directory < 0)
		return error_sys(err, directory, "announce the user namespace in the run directory");
	auto_close int fd = openat(directory, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(err, errno, "announce the user namespace in the run directory");
	return 0;
}

void userns_withdraw(int run_fd, const struct id_mapping *mapping)
{
	char name[MEMBER_NAME_MAX], path[DIRECTORY_MAX];
	directory_path(mapping, path);
	auto_close int directory = openat(run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory >= 0 && member_name(name) == 0)
		unlinkat(directory, name, 0);
}
