/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper's two hands give up. Both begin as root of the user namespace of the living.
 *
 * The one inside changes the filter and opens sockets, and that is all that it can do afterwards: it keeps two
 * capabilities over the shared network namespace, has an empty file system, and a list of system calls. The one outside
 * executes the uplink, a program of others' that makes itself a sandbox: it keeps what that needs to be made, which no
 * list of ours can know, and loses what no network program has a use for. That binds the uplink too.
 *
 * What is not allowed fails and does not kill: libnftables and the uplink programs have versions that we have not seen.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/network/keeper/hand_protocol.h"
#include "pkg/cleanup/cleanup.h"

#define CAPABILITY(number) (UINT64_C(1) << (number))

static void free_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* ---- inside ---- */

/* An empty directory is its root. An outer container or a security module can refuse the mounts: Landlock and the list
 * of system calls hold it then. */
static void leave_files(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0555") < 0 ||
	    chdir("/tmp") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return;
	umount2(".", MNT_DETACH);
}

static int forbid_files(void)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	auto_close int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int allow_calls(void)
{
	static const int allowed[] = {
	    SCMP_SYS(recvmsg),    SCMP_SYS(recvfrom),    SCMP_SYS(sendmsg),       SCMP_SYS(sendto),
	    SCMP_SYS(socket),     SCMP_SYS(bind),        SCMP_SYS(listen),        SCMP_SYS(setsockopt),
	    SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(close),         SCMP_SYS(fcntl),
	    SCMP_SYS(poll),       SCMP_SYS(ppoll),       SCMP_SYS(select),        SCMP_SYS(pselect6),
	    SCMP_SYS(read),       SCMP_SYS(write),       SCMP_SYS(lseek),         SCMP_SYS(fstat),
	    SCMP_SYS(brk),        SCMP_SYS(munmap),      SCMP_SYS(mremap),        SCMP_SYS(madvise),
	    SCMP_SYS(getpid),     SCMP_SYS(time),        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	    SCMP_SYS(getrandom),  SCMP_SYS(futex),       SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall),
	    SCMP_SYS(exit_group),
	};
	CLEANUP(free_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r == 0 ? seccomp_load(filter) : r;
}

int inside_confine(struct error *err)
{
	leave_files();
	int r = confine_capabilities(CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_NET_BIND_SERVICE));
	if (r == 0)
		r = forbid_files();
#if !defined(__SANITIZE_ADDRESS__)
	/* The sanitizers' own system calls are not in the list. */
	if (r == 0)
		r = allow_calls();
#else
	(void)allow_calls;
#endif
	return r < 0 ? error_sys(err, r, "confine the process in the networks' namespace") : 0;
}

/* ---- outside ---- */
static int forbid_calls(void)
{
	static const int forbidden[] = {
	    /* other processes, and what there is of the kernel to be reached */
	    SCMP_SYS(ptrace),
	    SCMP_SYS(process_vm_readv),
	    SCMP_SYS(process_vm_writev),
	    SCMP_SYS(process_madvise),
	    SCMP_SYS(pidfd_getfd),
	    SCMP_SYS(kcmp),
	    SCMP_SYS(bpf),
	    SCMP_SYS(perf_event_open),
	    SCMP_SYS(userfaultfd),
	    SCMP_SYS(io_uring_setup),
	    SCMP_SYS(io_uring_enter),
	    SCMP_SYS(io_uring_register),
	    SCMP_SYS(keyctl),
	    SCMP_SYS(add_key),
	    SCMP_SYS(request_key),
	    SCMP_SYS(syslog),
	    SCMP_SYS(personality),
	    SCMP_SYS(open_by_handle_at),
	    SCMP_SYS(mknod),
	    SCMP_SYS(mknodat),
	    SCMP_SYS(fanotify_init),
	    SCMP_SYS(move_pages),
	    SCMP_SYS(migrate_pages),
	    SCMP_SYS(quotactl),
	    SCMP_SYS(quotactl_fd),
	    /* the machine */
	    SCMP_SYS(kexec_load),
	    SCMP_SYS(kexec_file_load),
	    SCMP_SYS(init_module),
	    SCMP_SYS(finit_module),
	    SCMP_SYS(delete_module),
	    SCMP_SYS(reboot),
	    SCMP_SYS(swapon),
	    SCMP_SYS(swapoff),
	    SCMP_SYS(acct),
	    SCMP_SYS(settimeofday),
	    SCMP_SYS(clock_settime),
	    SCMP_SYS(clock_adjtime),
	    SCMP_SYS(adjtimex),
	    SCMP_SYS(sethostname),
	    SCMP_SYS(setdomainname),
	};
	CLEANUP(free_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(forbidden); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
	return r == 0 ? seccomp_load(filter) : r;
}

int hand_confine(struct error *err)
{
	/* slirp4netns(1) and pasta(1): namespaces and mounts of their own, the interface, ports below 1024; and what it
	 * takes to give these up. */
	int r = confine_capabilities(CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_NET_ADMIN) |
				     CAPABILITY(CAP_NET_BIND_SERVICE) | CAPABILITY(CAP_SETPCAP));
	if (r == 0)
		r = forbid_calls();
	return r < 0 ? error_sys(err, r, "confine the process that starts the networks' uplink") : 0;
}
