/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last steps before exec. Their order matters:
 *
 *	limits, keyring       while all capabilities are there
 *	single id: user       a user namespace, which brings all capabilities with it
 *	bounding set          needs CAP_SETPCAP
 *	groups, gid, uid      need CAP_SETGID, CAP_SETUID; the permitted set is kept over the change (PR_SET_KEEPCAPS)
 *	seccomp               without no_new_privs it needs CAP_SYS_ADMIN: before the capabilities go; with it, after
 *	capabilities
 *	no_new_privs, seccomp
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libpod/runtime/runtime_internal.h"
#include "libpod/seccomp/seccomp.h"
#include "pkg/file/file.h"
#include "pkg/message/message.h"

#define DEFAULT_UMASK 022

int process_enter_directory(const struct spec *spec, const struct spec_process *process, bool make, struct error *err)
{
	char now[PATH_MAX];
	if (chdir("/") < 0)
		return error_sys(err, errno, "enter the root directory");
	/* openat2 does not follow /proc/…/fd/N: a descriptor that somebody left open is no way out. */
	auto_close int fd = open_in_root(AT_FDCWD, process->cwd, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT && make)
		fd = mkdirs_in_root(AT_FDCWD, process->cwd, 0755);
	if (fd < 0) {
		if (fd == -EROFS)
			error_set(err, EROFS, "the working directory \"%s\" is not there, and cannot be made: the root file system is read-only", process->cwd);
		else
			error_sys(err, fd, "chdir to \"%s\"", process->cwd);
		denied_explain(spec, process, process->cwd, err);
		if (err)
			err->status = fd == -ENOENT ? 127 : 126;
		return fd;
	}
	if (fchdir(fd) < 0) {
		int r = error_sys(err, errno, "chdir to \"%s\"", process->cwd);
		denied_explain(spec, process, process->cwd, err);
		return r;
	}
	/* The system call, not the library's function, which would hide the answer that matters here. */
	long length = syscall(SYS_getcwd, now, sizeof(now));
	if (length < 0 || *now != '/')
		return error_set(err, EPERM, "the working directory \"%s\" is outside the container", process->cwd);
	return 0;
}

int process_set_oom_score(const struct spec_process *process, struct error *err)
{
	char text[16];
	if (!process->has_oom_score_adj)
		return 0;
	int length = snprintf(text, sizeof(text), "%d", process->oom_score_adj);
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, text, (size_t)length);
	/* Making oneself less likely to be killed is for the host's root. */
	if (r == -EACCES || r == -EPERM) {
		message_debug("oom_score_adj %d is not allowed here; it stays as it is", process->oom_score_adj);
		return 0;
	}
	return r < 0 ? error_sys(err, r, "set oom_score_adj to %d", process->oom_score_adj) : 0;
}

/* A pipe that its user opens again, as /dev/stdout, must be the user's. */
static void give_pipe(int fd, uid_t uid)
{
	struct stat st;
	if (uid != 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fchown(fd, uid, (gid_t)-1) < 0)
		message_debug("standard stream %d cannot be given to user %u", fd, uid);
}

int process_take_stdio(const struct spec_process *process, const int stdio[3], struct error *err)
{
	int fds[3];
	/* None may be overwritten before it was taken. */
	for (int i = 0; i < 3; i++) {
		fds[i] = stdio[i] < 0   ? open("/dev/null", O_RDWR | O_CLOEXEC)
			 : stdio[i] < 3 ? fcntl(stdio[i], F_DUPFD_CLOEXEC, 3)
					: stdio[i];
		if (fds[i] < 0)
			return error_sys(err, errno, "take the standard streams");
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0)
			return error_sys(err, errno, "take the standard streams");
		give_pipe(i, process->uid);
	}
	return 0;
}

static int apply_rlimits(const struct spec_process *process, struct error *err)
{
	for (size_t i = 0; i < process->rlimits_count; i++) {
		const struct spec_rlimit *wanted = &process->rlimits[i];
		struct rlimit limit = {wanted->soft, wanted->hard}, now = {0};
		if (setrlimit((__rlimit_resource_t)wanted->resource, &limit) == 0)
			continue;
		int errnum = errno;
		error_sys(err, errnum, "set %s to %llu:%llu", rlimit_name(wanted->resource),
			  (unsigned long long)wanted->soft, (unsigned long long)wanted->hard);
		if (errnum == EPERM && getrlimit((__rlimit_resource_t)wanted->resource, &now) == 0)
			error_advice(err, "; the hard limit here is %llu", (unsigned long long)now.rlim_max);
		return -errnum;
	}
	return 0;
}

static int drop_bounding_set(uint64_t keep, struct error *err)
{
	for (int i = 0; i < 64; i++) {
		if (keep & (1ULL << i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* the kernel knows no more */
			return 0;
		return error_sys(err, errno, "drop %s from the bounding set", capability_name(i));
	}
	return 0;
}

static int set_groups(const struct spec_process *process, bool keep, struct error *err)
{
	if (keep || setgroups(process->additional_gids_count, process->additional_gids) == 0)
		return 0;
	/* Where ids were mapped without newgidmap(1), groups cannot be changed at all: ours stay, they are nobody's
	 * here. */
	if (errno == EPERM && process->additional_gids_count == 0)
		return 0;
	return error_sys(err, errno, "set the additional groups");
}

static int set_ids(const struct spec_process *process, bool keep_groups, struct error *err)
{
	int r = set_groups(process, keep_groups, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_sys(err, errno, "keep the capabilities");
	if (setresgid(process->gid, process->gid, process->gid) < 0)
		r = error_sys(err, errno, "become group %u", process->gid);
	else if (setresuid(process->uid, process->uid, process->uid) < 0)
		r = error_sys(err, errno, "become user %u", process->uid);
	if (r == -EINVAL)
		error_advice(err, "; the container has no such id: more subordinate ids are needed (subuid(5))");
	return r;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
	    {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
	};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* All of them, as far as the kernel knows any. */
static int known_capabilities(uint64_t *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

static int apply_capabilities(const struct spec_capabilities *wanted, uint64_t have, struct error *err)
{
	int r = set_capabilities(wanted->effective & have, wanted->permitted & have, wanted->inheritable & have);
	if (r < 0)
		return error_sys(err, r, "set the capabilities");
	/* Only what is inheritable and permitted can be ambient (capabilities(7)); other tools' specifications ask for
	 * more. */
	uint64_t ambient = wanted->ambient & wanted->inheritable & wanted->permitted & have;
	for (int i = 0; i < 64; i++)
		if ((ambient & (1ULL << i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return error_sys(err, errno, "raise the ambient capability %s", capability_name(i));
	return 0;
}

static int install_filters(const struct launch_pad *pad, struct error *err)
{
	/* Only root expects to be able to give files away. */
	int r = pad->fake_ownership && pad->process->uid == 0 ? seccomp_install_fake_ownership(err) : 0;
	return r < 0 || !pad->seccomp ? r : seccomp_install(pad->seccomp, err);
}

/* apparmor.d(5), selinux(8): the label of what is executed next. */
static int set_label(const char *path, const char *text, struct error *err)
{
	struct statfs fs;
	auto_close int fd = open_in_root(AT_FDCWD, path, O_WRONLY, 0);
	if (fd < 0)
		return error_sys(err, fd, "set the label \"%s\"", text);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return error_set(err, EPERM, "set the label \"%s\": /%s is not of procfs", text, path);
	int r = write_all(fd, text, strlen(text));
	return r < 0 ? error_sys(err, r, "set the label \"%s\"", text) : 0;
}

static int set_labels(const struct spec_process *process, struct error *err)
{
	int r = 0;
	if (!text_is_empty(process->selinux_label))
		r = set_label("/proc/thread-self/attr/exec", process->selinux_label, err);
	if (r < 0 || text_is_empty(process->apparmor_profile))
		return r;
	auto_free char *text = xasprintf("exec %s", process->apparmor_profile);
	return set_label("/proc/thread-self/attr/exec", text, err);
}

static int set_personality(const struct spec *spec, struct error *err)
{
	if (!spec->personality)
		return 0;
	if (personality(strcmp(spec->personality, "LINUX32") == 0 ? PER_LINUX32 : PER_LINUX) < 0)
		return error_sys(err, errno, "set the personality %s", spec->personality);
	return 0;
}

int process_apply(const struct launch_pad *pad, struct error *err)
{
	const struct spec_process *process = pad->process;
	const struct spec_capabilities *capabilities = &process->capabilities;
	uint64_t have = 0;
	int r;
	umask(process->umask >= 0 ? (mode_t)process->umask : DEFAULT_UMASK);
	/* The host user's keys are not the container's. A full quota (a few hundred containers) is no reason not to
	 * start. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if ((r = set_personality(pad->spec, err)) < 0)
		return r;
	if ((r = set_labels(process, err)) < 0 || (r = apply_rlimits(process, err)) < 0)
		return r;
	/* A new user namespace comes with a full bounding set. */
	if (pad->fake_ownership && !one_id_is(process) && (r = one_id_become_inside(process, err)) < 0)
		return r;
	if ((capabilities->present && (r = drop_bounding_set(capabilities->bounding, err)) < 0) ||
	    (!pad->fake_ownership && (r = set_ids(process, pad->keep_groups, err)) < 0))
		return r;
	if ((r = known_capabilities(&have)) < 0 || (r = set_capabilities(have, have, 0)) < 0)
		return error_sys(err, r, "set the capabilities");
	if (!process->no_new_privileges && (r = install_filters(pad, err)) < 0)
		return r;
	if (capabilities->present && (r = apply_capabilities(capabilities, have, err)) < 0)
		return r;
	if (!process->no_new_privileges)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(err, errno, "set no_new_privs");
	return install_filters(pad, err);
}
