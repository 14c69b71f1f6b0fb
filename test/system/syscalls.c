/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls: tries system calls that a container should be refused, and a few that it should not, with arguments that do no harm where they are
 * allowed. Prints "name errno" for each, or "name ok". With the argument "32" it makes them by int 0x80, as a 32-bit program does (x86_64 only);
 * with "keyring" it prints the number of its session keyring.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	long number;
	long arguments[6];
} calls[] = {
    {"mount", SYS_mount, {0}},
    {"umount2", SYS_umount2, {0}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {-1}},
    {"keyctl", SYS_keyctl, {0, -3}},
    {"add_key", SYS_add_key, {0}},
    {"request_key", SYS_request_key, {0}},
    {"bpf", SYS_bpf, {0}},
    {"reboot", SYS_reboot, {0}},
    {"kexec_load", SYS_kexec_load, {0}},
    {"init_module", SYS_init_module, {0}},
    {"finit_module", SYS_finit_module, {-1}},
    {"delete_module", SYS_delete_module, {0}},
    {"pivot_root", SYS_pivot_root, {0}},
    {"swapon", SYS_swapon, {0}},
    {"acct", SYS_acct, {0}},
    {"settimeofday", SYS_settimeofday, {0}},
    {"quotactl", SYS_quotactl, {0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {-1}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"fsopen", 430, {0}},
    {"move_mount", 429, {-1, 0, -1}},
    {"mount_setattr", 442, {-1}},
    {"clone_newuser", SYS_clone, {CLONE_NEWUSER | SIGCHLD}},
    {"clone3", 435, {0}},
    {"personality", SYS_personality, {0xffffffff}},
    {"chroot", SYS_chroot, {0}},
    {"getpid", SYS_getpid, {0}},
};

#ifdef __x86_64__
static const struct {
	const char *name;
	int number;
} calls32[] = {{"getpid", 20}, {"mount", 21}, {"reboot", 88}, {"unshare", 310}, {"keyctl", 288}, {"bpf", 357}};

static void try_32(void)
{
	for (size_t i = 0; i < sizeof(calls32) / sizeof(*calls32); i++) {
		int result;
		__asm__ volatile("int $0x80" : "=a"(result) : "a"(calls32[i].number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory", "r8", "r9", "r10", "r11");
		printf("%s %s\n", calls32[i].name, result < 0 ? strerrorname_np(-result) : "ok");
	}
}
#else
static void try_32(void)
{
}
#endif

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "keyring") == 0)
		printf("%ld\n", syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* KEY_SPEC_SESSION_KEYRING */, 1));
	else if (argc > 1)
		try_32();
	for (size_t i = 0; argc == 1 && i < sizeof(calls) / sizeof(*calls); i++) {
		const long *a = calls[i].arguments;
		long result = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (result == 0 && calls[i].number == SYS_clone)
			_exit(0);
		printf("%s %s\n", calls[i].name, result < 0 ? strerrorname_np(errno) : "ok");
	}
	return 0;
}
