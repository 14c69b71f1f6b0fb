/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-id mode: there is one id, and it can have any name.
 *
 * The container's user namespace calls it 0. A process that is to be another user gets a user namespace below that one,
 * in which the same id is called, say, 1000: it finds itself in passwd(5), is not root, and owns what lies in the
 * container, as root does. It cannot become anybody else, as no user but root can, so that nothing has to be pretended
 * to it. Of groups there is one, too; supplementary ones cannot be had.
 *
 * It has no rights over the container's other namespaces, which belong to the namespace above: capabilities that are
 * asked for (--cap-add) do little.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "rootless/userns/userns.h"

static int write_one(int directory, const char *name, const char *text, struct error *err)
{
	auto_close int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "write /proc/self/%s", name) : 0;
}

static int write_map(int directory, const char *name, uint32_t id, uint32_t now, struct error *err)
{
	char text[64];
	snprintf(text, sizeof(text), "%" PRIu32 " %" PRIu32 " 1", id, now);
	return write_one(directory, name, text, err);
}

bool one_id_is(const struct spec_process *process)
{
	return getuid() == process->uid && getgid() == process->gid;
}

int one_id_become(int proc_self, const struct spec_process *process, struct error *err)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	int r;
	if (unshare(CLONE_NEWUSER) < 0)
		return userns_explain(errno, err);
	/* The files below are ours only while others may look at us. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return error_sys(err, errno, "set the process dumpable");
	if ((r = write_one(proc_self, "setgroups", "deny", err)) < 0 ||
	    (r = write_map(proc_self, "uid_map", process->uid, uid, err)) < 0 ||
	    (r = write_map(proc_self, "gid_map", process->gid, gid, err)) < 0)
		return error_context(err, "become user %" PRIu32 ":%" PRIu32, process->uid, process->gid);
	return 0;
}

int one_id_become_inside(const struct spec_process *process, struct error *err)
{
	struct statfs fs;
	auto_close int proc_self = open_in_root(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY, 0);
	if (proc_self < 0)
		return error_sys(err, proc_self, "become user %" PRIu32 ": open /proc/self", process->uid);
	if (fstatfs(proc_self, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return error_set(err, EPERM, "become user %" PRIu32 ": /proc is not of procfs", process->uid);
	int dumpable = prctl(PR_GET_DUMPABLE);
	int r = one_id_become(proc_self, process, err);
	if (r == 0 && dumpable == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_sys(err, errno, "close this process to others");
	return r;
}

/* The id by which the namespace of process `pid` calls its only one; -1 when that cannot be told. */
static int64_t id_of(pid_t pid, const char *map)
{
	char path[64];
	uint32_t id;
	auto_free char *text = NULL;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, map);
	if (file_read_at(AT_FDCWD, path, 4096, &text, NULL, NULL) < 0 || sscanf(text, "%" SCNu32, &id) != 1)
		return -1;
	return id;
}

int one_id_join(int pidfd, const struct spec_process *process, struct error *err)
{
	pid_t pid = pidfd_pid(pidfd);
	if (pid < 0)
		return error_set(err, ESRCH, "the container is not running");
	if (id_of(pid, "uid_map") == process->uid && id_of(pid, "gid_map") == process->gid)
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	auto_close int mounts = open(path, O_RDONLY | O_CLOEXEC);
	auto_close int owner = mounts < 0 ? -1 : userns_owner(mounts);
	if (owner < 0)
		return error_sys(err, mounts < 0 ? errno : owner, "find the container's user namespace");
	int r = userns_join(owner, false, err);
	return r < 0 ? r : 1;
}
