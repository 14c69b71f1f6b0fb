/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: how much of the machine a container may use: --memory, --cpus, --pids-limit …
 *
 * Options become `linux.resources` of the OCI runtime specification, which is kept in the container's config.json and is what counts at every start and
 * for `update`; that becomes the files of a version 2 cgroup (Documentation/admin-guide/cgroup-v2 of Linux). A file that is not there means a controller that was
 * not delegated to the user: a limit that was asked for is never passed over in silence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libpod/container/container.h"
#include "pkg/cli/cli.h"
#include "pkg/json/json.h"
#include "pkg/text/text.h"

/* The options of run, create and update. Sizes are texts, since memory-swap can be -1. */
struct limit_options {
	const char *memory, *memory_reservation, *memory_swap;
	const char *cpus, *cpuset_cpus, *cpuset_mems;
	int64_t memory_swappiness, cpu_shares, cpu_quota, cpu_period, cpu_rt_period, cpu_rt_runtime, pids_limit, blkio_weight;
	bool memory_swappiness_given, cpu_shares_given, cpu_quota_given, cpu_period_given, cpu_rt_period_given, cpu_rt_runtime_given, pids_limit_given,
	    blkio_weight_given;
	bool oom_kill_disable;
	struct strv blkio_weight_device, device_read_bps, device_write_bps, device_read_iops, device_write_iops;
	struct strv cgroup_conf; /* "memory.high=1G": files of the cgroup */
};

#define LIMIT_AT(base, member) ((base) + offsetof(struct limit_options, member))
#define LIMIT_NUMBER(base, name, member, value, help) \
	{0, name, CLI_INT, LIMIT_AT(base, member), value, help, .given_offset = LIMIT_AT(base, member##_given)}
/* Rows of an option table, for options whose struct limit_options is at offset `base`; without --cgroup-conf, which only a new container has. */
#define LIMIT_OPTIONS(base)                                                                                                               \
	{0, "blkio-weight", CLI_INT, LIMIT_AT(base, blkio_weight), "NUMBER", "Share of block input and output: 10 to 1000", .given_offset = LIMIT_AT(base, blkio_weight_given)}, \
	{0, "blkio-weight-device", CLI_LIST, LIMIT_AT(base, blkio_weight_device), "DEVICE:NUMBER", "The same for one device"},                           \
	LIMIT_NUMBER(base, "cpu-period", cpu_period, "MICROSECONDS", "Length of the period of --cpu-quota (100000)"),                     \
	LIMIT_NUMBER(base, "cpu-quota", cpu_quota, "MICROSECONDS", "Processor time in each period"),                                      \
	LIMIT_NUMBER(base, "cpu-rt-period", cpu_rt_period, "MICROSECONDS", "Not with cgroup version 2"),                                  \
	LIMIT_NUMBER(base, "cpu-rt-runtime", cpu_rt_runtime, "MICROSECONDS", "Not with cgroup version 2"),                                \
	{'c', "cpu-shares", CLI_INT, LIMIT_AT(base, cpu_shares), "NUMBER", "Share of the processors beside other containers: 2 to 262144 (1024)", .given_offset = LIMIT_AT(base, cpu_shares_given)}, \
	{0, "cpus", CLI_STRING, LIMIT_AT(base, cpus), "NUMBER", "Processors at most, as 1.5"},                                            \
	{0, "cpuset-cpus", CLI_STRING, LIMIT_AT(base, cpuset_cpus), "LIST", "Only these processors, as 0-2,5"},                           \
	{0, "cpuset-mems", CLI_STRING, LIMIT_AT(base, cpuset_mems), "LIST", "Only the memory of these nodes"},                            \
	{0, "device-read-bps", CLI_LIST, LIMIT_AT(base, device_read_bps), "DEVICE:SIZE", "Bytes a second that are read from a device"},   \
	{0, "device-read-iops", CLI_LIST, LIMIT_AT(base, device_read_iops), "DEVICE:NUMBER", "Reads a second from a device"},             \
	{0, "device-write-bps", CLI_LIST, LIMIT_AT(base, device_write_bps), "DEVICE:SIZE", "Bytes a second that are written to a device"}, \
	{0, "device-write-iops", CLI_LIST, LIMIT_AT(base, device_write_iops), "DEVICE:NUMBER", "Writes a second to a device"},            \
	{'m', "memory", CLI_STRING, LIMIT_AT(base, memory), "SIZE", "Memory at most"},                                                    \
	{0, "memory-reservation", CLI_STRING, LIMIT_AT(base, memory_reservation), "SIZE", "Memory that is left to it when there is little"}, \
	{0, "memory-swap", CLI_STRING, LIMIT_AT(base, memory_swap), "SIZE", "Memory and swap together at most; -1: as much swap as there is"}, \
	LIMIT_NUMBER(base, "memory-swappiness", memory_swappiness, "NUMBER", "Not with cgroup version 2"),                                \
	LIMIT_NUMBER(base, "pids-limit", pids_limit, "NUMBER", "Processes and threads at most; -1: any number")

/* Checks them and lays them over *resources (an object, or NULL, which becomes one when there is anything to say). -EINVAL: a value that cannot be;
 * -EOPNOTSUPP: what version 2 of cgroups does not have. */
int limits_from_options(const struct limit_options *options, struct json_object **resources, struct error *err);

/* Whether anything is limited. */
bool limits_are_set(struct json_object *resources);

/* Writes all limits into the cgroup. -EOPNOTSUPP: the controller is not there: the text says which one, and how an administrator delegates it. */
int limits_apply(int cgroup_fd, struct json_object *resources, struct error *err);

/* Adds the members of docker's HostConfig: Memory, NanoCpus, PidsLimit …; zero where nothing is limited. */
void limits_inspect(struct json_object *resources, struct json_object *host_config);
