/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-id mode: every file and process is the one user's. Programs that give files away or become another user
 * (package managers, servers that drop root) are told that it worked, by a filter that answers 0 to these system calls.
 * Only device nodes are faked by mknod; pipes and sockets are made.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libpod/seccomp/seccomp_internal.h"

#define X32_BIT 0x40000000U

/* One way of calling the kernel: its numbers, and which argument of mknod and mknodat is the mode. */
struct abi {
	uint32_t architecture;
	const uint16_t *numbers;
	size_t count;
	uint16_t mknod, mknodat; /* 0: none */
};

#if defined(__x86_64__)
static const uint16_t native_numbers[] = {SYS_chown,    SYS_fchown,   SYS_lchown,   SYS_fchownat,  SYS_setuid,
					  SYS_setgid,   SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
					  SYS_setfsuid, SYS_setfsgid, SYS_setgroups};
/* i386, from its table: lchown fchown chown … with 16-bit ids, then the …32 ones, and fchownat. */
static const uint16_t compat_numbers[] = {16,  95,  182, 23,  46,  70,  71,  138, 139, 164, 170, 81, 198,
					  203, 204, 206, 207, 208, 210, 212, 213, 214, 215, 216, 298};
static const struct abi abis[] = {
    {AUDIT_ARCH_X86_64, native_numbers, ARRAY_SIZE(native_numbers), SYS_mknod, SYS_mknodat},
    {AUDIT_ARCH_I386, compat_numbers, ARRAY_SIZE(compat_numbers), 14, 297},
};
#elif defined(__aarch64__)
static const uint16_t native_numbers[] = {SYS_fchown,   SYS_fchownat, SYS_setuid,    SYS_setgid,
					  SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
					  SYS_setfsuid, SYS_setfsgid, SYS_setgroups};
/* 32-bit ARM: the numbers of i386, but for fchownat and mknodat. */
static const uint16_t compat_numbers[] = {16,  95,  182, 23,  46,  70,  71,  138, 139, 164, 170, 81, 198,
					  203, 204, 206, 207, 208, 210, 212, 213, 214, 215, 216, 325};
static const struct abi abis[] = {
    {AUDIT_ARCH_AARCH64, native_numbers, ARRAY_SIZE(native_numbers), 0, SYS_mknodat},
    {AUDIT_ARCH_ARM, compat_numbers, ARRAY_SIZE(compat_numbers), 14, 324},
};
#endif

#define PROGRAM_MAX 256
struct program {
	struct sock_filter code[PROGRAM_MAX];
	uint16_t count;
};

static void emit(struct program *program, struct sock_filter instruction)
{
	program->code[program->count++] = instruction;
}

static void emit_load(struct program *program, size_t offset)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct program *program, uint32_t value)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value));
}

/* Skips `skip` instructions unless the accumulator is `value`. */
static void emit_unless(struct program *program, uint32_t value, uint8_t skip)
{
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

static void emit_mknod(struct program *program, uint16_t number, unsigned int mode_argument)
{
	if (!number)
		return;
	emit_unless(program, number, 6);
	emit_load(program, offsetof(struct seccomp_data, args) + mode_argument * sizeof(uint64_t));
	emit(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT));
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 2, 0));
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 1, 0));
	emit_return(program, SECCOMP_RET_ALLOW);
	emit_return(program, SECCOMP_RET_ERRNO | 0);
}

static void emit_abi(struct program *program, const struct abi *abi)
{
	emit_load(program, offsetof(struct seccomp_data, arch));
	uint16_t jump = program->count;
	emit_unless(program, abi->architecture, 0);
	emit_load(program, offsetof(struct seccomp_data, nr));
	/* x32 has the numbers of x86-64 with a bit more. */
	if (abi->architecture == AUDIT_ARCH_X86_64)
		emit(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_BIT));
	for (size_t i = 0; i < abi->count; i++) {
		emit_unless(program, abi->numbers[i], 1);
		emit_return(program, SECCOMP_RET_ERRNO | 0);
	}
	emit_mknod(program, abi->mknod, 1);
	emit_mknod(program, abi->mknodat, 2);
	emit_return(program, SECCOMP_RET_ALLOW);
	program->code[jump].jf = (uint8_t)(program->count - jump - 1);
}

int seccomp_install_fake_ownership(struct error *err)
{
	struct program program = {.count = 0};
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++)
		emit_abi(&program, &abis[i]);
	emit_return(&program, SECCOMP_RET_ALLOW);
	const struct seccomp_filter filter = {.program = program.code, .count = program.count};
	int r = seccomp_install(&filter, err);
	return r < 0 ? error_context(err, "single-id mode") : 0;
}
