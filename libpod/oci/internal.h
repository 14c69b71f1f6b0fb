/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "libpod/oci/oci.h"

int oci_write_record(int dir, const struct oci_record *record, struct error *err);
/* A pidfd of the process, if it still is the one that was recorded (and no zombie); -ESRCH. */
int oci_open_process(const struct oci_record *record);
int oci_process_start(pid_t pid, uint64_t *ret, bool *ret_zombie);
int oci_write_pid_file(const char *path, pid_t pid, struct error *err);
int oci_connect_console(const char *path, struct error *err);
/* Waits for a child, handing on the signals that we get meanwhile. */
int oci_wait(pid_t pid, int pidfd, int *ret_exit_code, struct error *err);
/* Refuses what this runtime does not do: limits. */
int oci_check_resources(const struct spec *spec, struct error *err);

struct seccomp_filter;

/* The container's first process, made by a helper in the right user namespace. */
struct oci_birth {
	const struct spec *spec;
	const char *id, *bundle;
	int cache_fd; /* for the kept answer of coracle-subid */
	int console_socket;
	int wait_fd, ready_fd, report_fd;
	int64_t preserve_fds;
	const struct seccomp_filter *seccomp;
};
struct oci_helper {
	pid_t pid; /* of the helper; it stays until oci_helper_end */
	int hold;  /* our end: it goes when this is closed */
};
#define OCI_HELPER_INIT ((struct oci_helper){.hold = -1})
int oci_birth(const struct oci_birth *birth, struct oci_helper *ret_helper, pid_t *ret_pid, struct error *err);
void oci_helper_end(struct oci_helper *helper);
