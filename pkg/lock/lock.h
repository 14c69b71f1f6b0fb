/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: open-file-description locks (fcntl(2), F_OFD_SETLK).
 *
 * Such a lock belongs to the open file, goes with its last descriptor, and survives exec when the descriptor does: it is
 * the one fact about a process that cannot be stale. Unlike flock(2) it can be *tested* without being taken (F_OFD_GETLK),
 * so that `ps` looking at 200 containers never makes a `start` fail.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "pkg/error/error.h"

enum lock_mode {
	LOCK_MODE_SHARED,
	LOCK_MODE_EXCLUSIVE,
};

/* Opens (making it, mode 0600) the lock file `name` under dirfd, O_RDWR|O_CLOEXEC. The descriptor or negative errno. */
int lock_file_open(int dirfd, const char *name, struct error *err);
/* Waits for the lock. 0 or negative (-EINTR is retried). */
int lock_take(int fd, enum lock_mode mode, struct error *err);
/* -EAGAIN, without error text, when somebody else holds it. */
int lock_try(int fd, enum lock_mode mode);
/* 1 when another open file holds a lock that stands against an exclusive one, 0 when none does, negative errno. */
int lock_is_held(int fd);
int lock_drop(int fd);

/* For a file that is changed by being read and written anew, under one name: locks the directory that it is in, so that
 * nothing is left behind. What is missing of the way to it is made, with `mode`. A descriptor; closing it lets go. By
 * flock(2), which not every network file system has: there nobody waits. */
int lock_directory_of(const char *path, mode_t mode, struct error *err);
