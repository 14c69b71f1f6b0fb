/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/network/forward/forward.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#endif

/* The sanitizers' own system calls are not in the list. */
#if defined(NATIVE_ARCH) && !defined(__SANITIZE_ADDRESS__)
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FORBID	      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define LOAD(argument)                                                                                                 \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[argument]) + LOW_HALF)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF 4
#else
#define LOW_HALF 0
#endif
/* The `length` instructions that follow, which end in a verdict, are for this call alone. */
#define FOR_CALL(number, length) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (length))

static int install_filter(void)
{
	/* CAP_NET_ADMIN, where it is kept, opens tables of the firewall and of routes through sockets: not here. */
	/* All that tcp.c, udp.c and forward.c do. Nothing opens a file, starts a program or sends a signal. */
	static const struct sock_filter list[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    FOR_CALL(SYS_socket, 6),
	    LOAD(0),
	    ALLOW(AF_INET),
	    ALLOW(AF_INET6),
	    FORBID,
	    FOR_CALL(SYS_setsockopt, 15),
	    LOAD(1),
	    ALLOW(SOL_SOCKET),
	    ALLOW(IPPROTO_TCP),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IPV6, 0, 3),
	    LOAD(2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPV6_TRANSPARENT, 6, 0),
	    FORBID,
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IP, 0, 3),
	    LOAD(2),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IP_TRANSPARENT, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IP_BIND_ADDRESS_NO_PORT, 1, 0),
	    FORBID,
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    ALLOW(SYS_splice),
	    ALLOW(SYS_epoll_pwait),
#ifdef SYS_epoll_wait
	    ALLOW(SYS_epoll_wait),
#endif
	    ALLOW(SYS_epoll_ctl),
	    ALLOW(SYS_accept4),
	    ALLOW(SYS_connect),
	    ALLOW(SYS_bind),
	    ALLOW(SYS_getsockopt),
	    ALLOW(SYS_getsockname),
	    ALLOW(SYS_getpeername),
	    ALLOW(SYS_shutdown),
	    ALLOW(SYS_close),
	    ALLOW(SYS_pipe2),
	    ALLOW(SYS_fcntl),
	    ALLOW(SYS_sendto),
	    ALLOW(SYS_recvfrom),
	    ALLOW(SYS_sendmsg),
	    ALLOW(SYS_recvmsg),
	    ALLOW(SYS_write),
	    ALLOW(SYS_clock_gettime),
	    ALLOW(SYS_restart_syscall),
	    ALLOW(SYS_rt_sigreturn),
	    ALLOW(SYS_exit_group),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {
	    .len = sizeof(list) / sizeof(list[0]),
	    .filter = (struct sock_filter *)list,
	};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
#else
static int install_filter(void)
{
	return 0;
}
#endif

int forward_confine(const struct forwarder *forwarder)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {{0}};
	/* To bind to the address of a client, and to mark what goes there. */
	if (forwarder->source[0] || forwarder->source[1]) /* netlink, too, is used with that right */
		kept[0].permitted = kept[0].effective = 1u << CAP_NET_ADMIN;
	/* The bounding set cannot be given up by whoever has nothing to give: then it bounds nothing either. */
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EPERM)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &header, kept) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return install_filter();
}
