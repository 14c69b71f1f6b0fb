/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the maps of a user namespace, and becoming root in it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/internal.h"

/* ---- maps ---- */

static int write_proc(pid_t pid, const char *name, const char *text, size_t length, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	/* A map is one write(2); the kernel takes no second. */
	if (write(fd, text, length) != (ssize_t)length)
		return error_sys(err, errno, "write %s", path);
	return 0;
}

static int write_map(pid_t pid, const char *name, const struct id_map *map, struct error *err)
{
	char text[ID_RANGES_MAX * sizeof("4294967295 4294967295 4294967295")];
	size_t length = 0;
	for (size_t i = 0; i < map->count; i++)
		length += (size_t)sprintf(text + length, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", map->ranges[i].inside,
					  map->ranges[i].outside, map->ranges[i].count);
	return write_proc(pid, name, text, length, err);
}

/* For one's own single id the kernel wants setgroups(2) given up first: groups can also take permission away. */
static int write_maps(pid_t pid, const struct id_mapping *mapping, struct error *err)
{
	int r = mapping->single ? write_proc(pid, "setgroups", "deny", 4, err) : 0;
	if (r == 0)
		r = write_map(pid, "uid_map", &mapping->uids, err);
	if (r == 0)
		r = write_map(pid, "gid_map", &mapping->gids, err);
	return r;
}

static int begin_program(const char *program, pid_t pid, const struct id_map *map, struct spawn_handle *ret,
			 struct error *err)
{
	auto_strv struct strv argv = STRV_INIT;
	strv_add(&argv, program);
	strv_addf(&argv, "%d", (int)pid);
	for (size_t i = 0; i < map->count; i++) {
		strv_addf(&argv, "%" PRIu32, map->ranges[i].inside);
		strv_addf(&argv, "%" PRIu32, map->ranges[i].outside);
		strv_addf(&argv, "%" PRIu32, map->ranges[i].count);
	}
	return spawn_begin(&(struct spawn){.argv = (const char *const *)argv.items, .at_once = true}, ret, err);
}

static int run_programs(pid_t pid, const struct id_mapping *mapping, struct error *err)
{
	struct spawn_handle uids, gids;
	int r = begin_program("newuidmap", pid, &mapping->uids, &uids, err);
	if (r < 0)
		return r;
	int second = begin_program("newgidmap", pid, &mapping->gids, &gids, err);
	r = spawn_finish(&uids, NULL, second < 0 ? NULL : err);
	if (second < 0)
		return second;
	second = spawn_finish(&gids, NULL, r < 0 ? NULL : err);
	return r < 0 ? r : second;
}

int userns_map(pid_t pid, const struct id_mapping *mapping, struct error *err)
{
	int r = mapping->direct ? write_maps(pid, mapping, err) : run_programs(pid, mapping, err);
	if (r == 0)
		return 0;
	error_context(err, "map the ids of the user namespace");
	/* The programs say no more than an exit status: a refusal is what it is, unless they could not be started at
	 * all. */
	if (!mapping->direct && r == -EIO) {
		error_advice(err, " (subordinate ids: /etc/subuid and /etc/subgid)");
		if (err)
			err->errnum = EPERM;
		return -EPERM;
	}
	return r;
}

/* ---- identity ---- */

static bool setgroups_denied(void)
{
	auto_free char *text = NULL;
	return file_read_at(AT_FDCWD, "/proc/self/setgroups", 64, &text, NULL, NULL) == 0 &&
	       strncmp(text, "deny", 4) == 0;
}

int userns_become_root(bool keep_groups, struct error *err)
{
	/* Where AppArmor lets anyone make user namespaces but allows nothing in them, this is the first thing that
	 * fails. */
	if (!keep_groups && setgroups(0, NULL) < 0 && (errno != EPERM || !setgroups_denied()))
		return userns_explain(errno, err);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return userns_explain(errno, err);
	/* Where root of the machine has become an unprivileged id its /proc files went to the real root; they are ours
	 * again. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return error_sys(err, errno, "set the process dumpable");
	return 0;
}

int userns_owner(int fd)
{
	int owner = ioctl(fd, NS_GET_USERNS);
	return owner < 0 ? -errno : owner;
}

/* 1: it is our own, 0: it is not. */
static int is_ours(int fd)
{
	struct stat theirs, ours;
	if (fstat(fd, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
		return -errno;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

int userns_outermost(int fd)
{
	auto_close int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (at < 0)
		return -errno;
	for (;;) {
		auto_close int parent = ioctl(at, NS_GET_PARENT);
		/* EPERM: it lies outside of ours, so that `at` is ours itself. */
		int ours = parent < 0 ? (errno == EPERM ? 1 : -errno) : is_ours(parent);
		if (ours)
			return ours < 0 ? ours : TAKE_FD(at);
		close(at);
		at = TAKE_FD(parent);
	}
}

int userns_join(int fd, bool keep_groups, struct error *err)
{
	int ours = is_ours(fd);
	if (ours)
		return ours < 0 ? error_sys(err, ours, "look at a user namespace") : 0;
	if (setns(fd, CLONE_NEWUSER) < 0)
		return error_sys(err, errno, "join a user namespace");
	return userns_become_root(keep_groups, err);
}
