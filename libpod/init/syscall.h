/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall: the kernel's entry, for a program without a C library. x86-64 and 64-bit ARM.
 */
#pragma once

#include <asm/unistd.h>
#include <stdint.h>

#define SYSTEM_write           __NR_write
#define SYSTEM_close           __NR_close
#define SYSTEM_close_range     __NR_close_range
#define SYSTEM_ioctl           __NR_ioctl
#define SYSTEM_fcntl           __NR_fcntl
#define SYSTEM_prctl           __NR_prctl
#define SYSTEM_kill            __NR_kill
#define SYSTEM_clone           __NR_clone
#define SYSTEM_execve          __NR_execve
#define SYSTEM_exit_group      __NR_exit_group
#define SYSTEM_wait4           __NR_wait4
#define SYSTEM_getpid          __NR_getpid
#define SYSTEM_setpgid         __NR_setpgid
#define SYSTEM_rt_sigprocmask  __NR_rt_sigprocmask
#define SYSTEM_rt_sigtimedwait __NR_rt_sigtimedwait

#define IOCTL_TIOCSPGRP 0x5410
#define PRCTL_SET_NAME  15

typedef uint64_t kernel_sigset_t;

/* Four arguments are as many as are needed; a fifth is always 0. The result or a negative errno. */
static inline long system_call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#else
#error "coracle-init knows x86-64 and 64-bit ARM"
#endif
}

/* _start: the stack pointer is the argument. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl start\n\tbrk #1\n");
#endif
