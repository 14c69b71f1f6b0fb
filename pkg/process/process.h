/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: making, waiting for and signalling processes, and running the field's own programs.
 */
#pragma once

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pkg/error/error.h"
#include "pkg/text/text.h"

/* clone3(2) with the fork semantics of copying memory: returns 0 in the child, the pid in the parent, or a negative errno.
 * `flags` are CLONE_NEW… bits and CLONE_PARENT; `ret_pidfd` may be NULL. */
pid_t process_clone(uint64_t flags, int *ret_pidfd);

/* Behind a child that had its stack in our memory (vfork(2), CLONE_VM) and may have been killed there: AddressSanitizer is to forget its frames, whose marks
 * would be taken for ours. Nothing in other builds. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define PROCESS_HAS_MARKS
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define PROCESS_HAS_MARKS
#endif
static inline void process_forget_frames(const void *low, size_t size)
{
#ifdef PROCESS_HAS_MARKS
	void __asan_unpoison_memory_region(const volatile void *address, size_t length);
	__asan_unpoison_memory_region(low, size);
#else
	(void)low, (void)size;
#endif
}
/* Where vfork's child has them: deeper in the stack than the caller. */
#define PROCESS_FRAMES_BELOW 32768
static inline __attribute__((always_inline)) void process_forget_frames_below(void)
{
	process_forget_frames((const char *)__builtin_frame_address(0) - PROCESS_FRAMES_BELOW, PROCESS_FRAMES_BELOW);
}

int pidfd_open_process(pid_t pid);          /* descriptor or negative errno */
int pidfd_signal(int pidfd, int signal);    /* 0 or negative errno */
/* Waits for a child, through signals; the wait status is in waitpid(2)'s encoding. 0 or negative errno. */
int process_wait(pid_t pid, int *ret_status);
/* A wait status as the exit code docker reports: the code itself, or 128 + signal. */
int process_exit_code(int wait_status);
/* Blocks the signals of `set` and takes them by the descriptor that is returned (signalfd(2), non-blocking). Those that are ignored (nohup(1)), which
 * would be queued all the same, are taken out of `set` before. *ret_mask: what was blocked so far, for whoever undoes it. */
int signals_take(sigset_t *set, sigset_t *ret_mask, struct error *err);
/* From signals_hold() on, SIGHUP, SIGINT, SIGQUIT and SIGTERM wait; they have their effect when they are let through. What takes signals meanwhile, and gives
 * them back, finds them waiting. */
struct signals_held {
	bool held;
	sigset_t mask; /* what was blocked before */
};
void signals_hold(struct signals_held *held);
void signals_let_through(struct signals_held *held);
#define auto_signals_held CLEANUP(signals_let_through)
/* The pid that `pidfd` names, as /proc shows it (so in the pid namespace of the mounted /proc); negative errno. */
pid_t pidfd_pid(int pidfd);

/* "TERM", "SIGTERM", "15", "RTMIN+3": the number, or -EINVAL. */
int signal_from_name(const char *name);
/* "SIGTERM"; NULL for a number that is none. */
const char *signal_to_name(int signal);

/* Looks `program` up in PATH (and then in /usr/sbin:/sbin). malloc'd, or NULL. */
char *find_program(const char *program);

/* Runs a program and waits. All descriptors but those in keep[] (which keep their numbers) are
 * closed. What it wrote to standard error goes into the error text when it fails. */
struct spawn {
	const char *const *argv; /* argv[0] is looked up in PATH unless it has a slash */
	const char *const *envp; /* NULL: ours */
	const int *keep;
	size_t keep_count;
	struct strbuf *output; /* NULL: standard output goes to /dev/null */
	int input_fd; /* standard input, above 2; 0: /dev/null */
	bool at_once;          /* our memory is copied, so that we go on while the program is being loaded */
};
/* 0 when it exited 0; otherwise negative with "<program>: <its last line>" or "… exited with status N". A program that is
 * not there is -ENOENT. A daemon that it leaves behind with our pipes is not waited for. */
int spawn_run(const struct spawn *spawn, struct error *err);
/* The same begun in the background, for two that run side by side; spawn_finish waits. */
struct spawn_handle {
	pid_t pid;
	int error_fd;
	int output_fd;
	char name[64]; /* of the program, for errors: a copy, because argv may be gone by spawn_finish() */
};
int spawn_begin(const struct spawn *spawn, struct spawn_handle *ret, struct error *err);
int spawn_finish(struct spawn_handle *handle, struct strbuf *output, struct error *err);

/* Closes every descriptor from `first` on except those in keep[] (close_range(2)). */
void close_fds_except(int first, const int *keep, size_t keep_count);
