/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs: reading logs in docker's json-file format ({"log":"…\n","stream":"stdout","time":"…"} a line), rotated files included (<log>.1 …), and following them across
 * rotation and restarts. The writer is in the monitor (libpod/monitor/log_writer.c).
 */
#pragma once

#include "libpod/container/container.h"

struct logs_options {
	bool follow, timestamps;
	const char *prefix; /* before each line, and a blank behind it; NULL: none */
	int64_t tail;       /* -1: all */
	int64_t since_ns, until_ns; /* 0: none */
};
/* Prints to standard output and error, as the container wrote them. */
int logs_show(struct store *store, const struct container *container, const struct logs_options *options, struct error *err);
