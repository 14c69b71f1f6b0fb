/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper gives up when it is up. It has no capability to begin with (but as the machine's root, and then gives
 * them up); what it can do to the user's containers it can as their owner. So it is kept from doing anything else as
 * the user: it opens nothing but what resolv.conf can be, changes no names but in its own directory, and starts
 * nothing. A mount namespace of its own it cannot have: that would take a user namespace of its own, from which others'
 * could not be reached (keeper.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "libpod/network/keeper/state.h"
#include "pkg/cleanup/cleanup.h"

/* ---- files: landlock(7) ---- */
static int allow(int ruleset, int directory, uint64_t access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = directory};
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* Where the kernel has no Landlock, the system calls are all there is to hold it. */
static int confine_files(int directory)
{
	static const char *const readable[] = {"/etc", "/run", "/var/run", "/mnt/wsl", "/nix/store"};
	const struct landlock_ruleset_attr attr = {
	    .handled_access_fs =
		LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	auto_close int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		auto_close int fd = open(readable[i], O_PATH | O_CLOEXEC);
		if (fd >= 0)
			allow(ruleset, fd, LANDLOCK_ACCESS_FS_READ_FILE);
	}
	int r = allow(ruleset, directory, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE);
	return r < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? r : -errno;
}

/* ---- capabilities ---- */
int confine_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> 32 * i);
	/* The bounding set cannot be given up by whoever has nothing to give: then it bounds nothing either. */
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (!(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EPERM)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &header, data) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* ---- system calls ---- */
static void free_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int confine_calls(void)
{
	static const int allowed[] = {
	    /* the loop, requests, netlink, the hand */
	    SCMP_SYS(epoll_wait),
	    SCMP_SYS(epoll_pwait),
	    SCMP_SYS(epoll_ctl),
	    SCMP_SYS(poll),
	    SCMP_SYS(ppoll),
	    SCMP_SYS(accept4),
	    SCMP_SYS(recvmsg),
	    SCMP_SYS(recvfrom),
	    SCMP_SYS(sendmsg),
	    SCMP_SYS(sendto),
	    SCMP_SYS(close),
	    SCMP_SYS(fcntl),
	    SCMP_SYS(flock),
	    SCMP_SYS(unlinkat),
	    SCMP_SYS(renameat),
	    SCMP_SYS(renameat2),
	    SCMP_SYS(clock_gettime),
	    SCMP_SYS(bind),
	    SCMP_SYS(listen),
	    SCMP_SYS(shutdown),
	    SCMP_SYS(setsockopt),
	    /* the resolver */
	    SCMP_SYS(read),
	    SCMP_SYS(write),
	    SCMP_SYS(socket),
	    SCMP_SYS(connect),
	    SCMP_SYS(getsockopt),
	    SCMP_SYS(getsockname),
	    SCMP_SYS(newfstatat),
	    SCMP_SYS(fstat),
	    SCMP_SYS(statx),
	    SCMP_SYS(lseek),
	    SCMP_SYS(timerfd_settime),
	    SCMP_SYS(getrandom),
	    SCMP_SYS(gettimeofday),
	    SCMP_SYS(time),
	    /* memory, and the end */
	    SCMP_SYS(brk),
	    SCMP_SYS(munmap),
	    SCMP_SYS(mremap),
	    SCMP_SYS(madvise),
	    SCMP_SYS(restart_syscall),
	    SCMP_SYS(rt_sigreturn),
	    SCMP_SYS(wait4),
	    SCMP_SYS(exit_group),
	};
	CLEANUP(free_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCGSKNS));
	/* Memory of its own, and never to be executed. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r == 0 ? seccomp_load(filter) : r;
}

int keeper_confine(int directory, struct error *err)
{
	int r = confine_capabilities(0);
	if (r == 0)
		r = confine_files(directory);
#if !defined(__SANITIZE_ADDRESS__)
	/* The sanitizers' own system calls are not in the list. */
	if (r == 0)
		r = confine_calls();
#else
	(void)confine_calls;
#endif
	return r < 0 ? error_sys(err, r, "confine the networks' keeper") : 0;
}
