/* SPDX-License-Identifier: Apache-2.0 */
/*
 * description: all that coracle-monitor knows of its container, as plain data. libpod/launch lays it into a memfd and executes coracle-monitor with the
 * descriptor's number; for a restart the monitor lays what it then knows into one and executes `coracle --relaunch`, which adds the new
 * process and executes coracle-monitor again. Descriptors keep their numbers through both; those that are -1 are not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpod/network/forward/protocol.h"

#define MONITOR_DESCRIPTION_MAGIC 0x6d6f6e34u /* changes with the structure */
#define MONITOR_CLIENTS_MAX	  64

enum restart_policy {
	RESTART_NO,
	RESTART_ON_FAILURE,
	RESTART_ALWAYS,
	RESTART_UNLESS_STOPPED,
};

/* Somebody on the control socket. `in` is read, the others are written; with a terminal in and out are one socket. */
struct monitor_client {
	int32_t control;
	int32_t in, out, err;
	bool waits; /* wants to hear REPLY_EXITED */
};

struct monitor_description {
	uint32_t magic, size;

	/* ---- the container's process; set anew at every start ---- */
	int32_t pid;	   /* in the monitor's pid namespace; 0: none */
	int32_t host_pid;  /* as the host's /proc shows it */
	int32_t pidfd;
	int32_t mount_fd;  /* its mount namespace, held so that its exit does not wait for the unmounting; -1: not held */
	int32_t report_fd;  /* of the executor: end of file when the program was executed, a struct runtime_report when not */
	int32_t console_fd; /* with a terminal: its master comes from here */
	int32_t stdin_fd, stdout_fd, stderr_fd; /* our ends of the process' pipes */
	int32_t cgroup_fd; /* directory of its cgroup, where there is one */

	/* ---- where things are ---- */
	int32_t lock_fd;      /* holds the container's lock */
	int32_t directory_fd; /* containers/<id> */
	int32_t root_fd, run_fd;
	int32_t locks_fd;     /* struct store's lock_fd */
	int32_t program_fd;   /* coracle itself, to be executed for a restart */
	int32_t helper_pids[12]; /* in the monitor's pid namespace */
	uint32_t helper_count;
	int32_t network_pid, forwarder_pid; /* those of them that are started again when they die; 0: there is none */
	int32_t forward_fd;		    /* what the forwarder is told goes there: libpod/network/forward/protocol.h */
	int32_t monitor_pid;  /* as the host's /proc shows it */
	bool own_pid_namespace; /* the monitor is pid 1 of one: all in it are its to kill */

	/* ---- settings ---- */
	bool terminal, open_stdin, stdin_once, remove;
	bool helper_listens; /* a helper has the published ports open itself */
	bool single_id; /* the user namespace has one id only */
	bool log; /* json-file */
	int64_t log_max_size, log_max_files;
	int32_t stop_signal;
	int64_t stop_timeout_s;
	int64_t timeout_s; /* of each run of the process; 0: none */
	enum restart_policy restart_policy;
	int64_t restart_max; /* of on-failure; 0: without limit */
	uint16_t rows, columns;
	char id[65];
	char name[256];
	char member[128]; /* relative to run_fd: the file that announces us in the user namespace */

	/* ---- what happened so far ---- */
	int32_t restart_count;
	int64_t backoff_ms;
	int64_t started_ns;
	bool was_started; /* it ran once before: a start that fails does not make it new again */

	struct monitor_client clients[MONITOR_CLIENTS_MAX];
	uint32_t ports_count;
	struct forward_port ports[FORWARD_LISTENERS_MAX]; /* published, kept open over restarts and the death of a forwarder */
};

/* What `coracle --mend`, which brings helpers of the network back, tells the monitor at its end. */
struct monitor_mended {
	int32_t network_pid, forwarder_pid; /* 0: not begun */
	int32_t errnum;			    /* positive; 0: all that was missing is there */
	char text[1008];
};

/* What is in use of it: only that is written, read and in anybody's memory. */
static inline size_t monitor_description_size(const struct monitor_description *description)
{
	return offsetof(struct monitor_description, ports) + description->ports_count * sizeof(description->ports[0]);
}
