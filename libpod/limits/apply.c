/* SPDX-License-Identifier: Apache-2.0 */
/* From linux.resources to the files of a cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libpod/limits/limits.h"
#include "pkg/cleanup/cleanup.h"

/* Where the files of each controller begin, and what users call it. */
static int missing(const char *file, struct error *err)
{
	auto_free char *controller = xstrndup(file, strcspn(file, "."));
	error_set(err, EOPNOTSUPP, "the limit cannot be set: the cgroup controller \"%s\" is not delegated to you", controller);
	error_advice(err,
		     "; an administrator delegates it with: mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' "
		     ">/etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload (and you log in anew)");
	return -EOPNOTSUPP;
}

static int put(int cgroup_fd, const char *file, const char *value, struct error *err)
{
	auto_close int fd = openat(cgroup_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? missing(file, err) : error_sys(err, errno, "set %s of the cgroup", file);
	if (write(fd, value, strlen(value)) < 0)
		return error_sys(err, errno, "set %s of the cgroup to \"%s\"", file, value);
	return 0;
}

static int put_number(int cgroup_fd, const char *file, int64_t value, struct error *err)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRId64, value);
	return put(cgroup_fd, file, value < 0 ? "max" : text, err);
}

/* 1: it is there. */
static int find(struct json_object *object, const char *key, int64_t *ret, struct error *err)
{
	return json_get_int(object, key, INT64_MIN, INT64_MAX, ret, err);
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int apply_memory(int cgroup_fd, struct json_object *memory, struct error *err)
{
	int64_t limit = 0, swap = 0, reservation = 0;
	int has_limit, has_swap, has_reservation, r = 0;
	if ((has_limit = find(memory, "limit", &limit, err)) < 0 || (has_swap = find(memory, "swap", &swap, err)) < 0 ||
	    (has_reservation = find(memory, "reservation", &reservation, err)) < 0)
		return -EINVAL;
	/* Where the kernel accounts no swap there is none to be limited. */
	bool accounted = faccessat(cgroup_fd, "memory.swap.max", F_OK, 0) == 0 || faccessat(cgroup_fd, "memory.max", F_OK, 0) < 0;
	if (has_limit && limit)
		r = put_number(cgroup_fd, "memory.max", limit, err);
	/* There it is memory and swap together, here swap alone. */
	if (r == 0 && has_swap && swap && accounted)
		r = put_number(cgroup_fd, "memory.swap.max", swap < 0 ? -1 : limit > 0 && swap > limit ? swap - limit : 0, err);
	if (r == 0 && has_reservation)
		r = put_number(cgroup_fd, "memory.low", reservation, err);
	return r;
}

static int apply_cpu(int cgroup_fd, struct json_object *cpu, struct error *err)
{
	int64_t shares = 0, quota = 0, period = 0;
	int has_shares, has_quota, has_period, r = 0;
	const char *cpus = NULL, *mems = NULL;
	if ((has_shares = find(cpu, "shares", &shares, err)) < 0 || (has_quota = find(cpu, "quota", &quota, err)) < 0 ||
	    (has_period = find(cpu, "period", &period, err)) < 0 || json_get_string(cpu, "cpus", &cpus, err) < 0 ||
	    json_get_string(cpu, "mems", &mems, err) < 0)
		return -EINVAL;
	if (has_shares && shares) /* 2…262144 to 1…10000, as all tools do */
		r = put_number(cgroup_fd, "cpu.weight", within(1 + (within(shares, 2, 262144) - 2) * 9999 / 262142, 1, 10000), err);
	if (r == 0 && (has_quota || has_period)) {
		char text[64];
		if (quota > 0)
			snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, quota, period ? period : 100000);
		else
			snprintf(text, sizeof(text), "max %" PRId64, period ? period : 100000);
		r = put(cgroup_fd, "cpu.max", text, err);
	}
	if (r == 0 && !text_is_empty(cpus))
		r = put(cgroup_fd, "cpuset.cpus", cpus, err);
	if (r == 0 && !text_is_empty(mems))
		r = put(cgroup_fd, "cpuset.mems", mems, err);
	return r;
}

/* ---- block devices ---- */
/* The file has its name from the scheduler that is used: io.bfq.weight (1…1000), or io.weight (1…10000). `device`: "8:0", or NULL. */
static int put_weight(int cgroup_fd, const char *device, int64_t weight, struct error *err)
{
	bool bfq = faccessat(cgroup_fd, "io.bfq.weight", F_OK, 0) == 0;
	int64_t value = bfq ? weight : 1 + (within(weight, 10, 1000) - 10) * 9999 / 990;
	auto_free char *text = xasprintf("%s %" PRId64, device ? device : "default", value);
	return put(cgroup_fd, bfq ? "io.bfq.weight" : "io.weight", text, err);
}

static int each_device(int cgroup_fd, struct json_object *block, const char *list, const char *key, struct error *err)
{
	struct json_object *array = NULL;
	int r = json_get_array(block, list, &array, err);
	for (size_t i = 0; r > 0 && i < json_object_array_length(array); i++) {
		struct json_object *entry = json_object_array_get_idx(array, i);
		int64_t major = 0, minor = 0, value = 0;
		if (find(entry, "major", &major, err) < 0 || find(entry, "minor", &minor, err) < 0 || find(entry, key ? "rate" : "weight", &value, err) < 0)
			return -EINVAL;
		auto_free char *device = xasprintf("%" PRId64 ":%" PRId64, major, minor);
		auto_free char *text = key ? xasprintf("%s %s=%" PRId64, device, key, value) : NULL;
		int done = key ? put(cgroup_fd, "io.max", text, err) : put_weight(cgroup_fd, device, value, err);
		if (done < 0)
			return done;
	}
	return r < 0 ? r : 0;
}

static int apply_block(int cgroup_fd, struct json_object *block, struct error *err)
{
	static const char *const lists[][2] = {
	    {"weightDevice", NULL},	       {"throttleReadBpsDevice", "rbps"},  {"throttleWriteBpsDevice", "wbps"},
	    {"throttleReadIOPSDevice", "riops"}, {"throttleWriteIOPSDevice", "wiops"},
	};
	int64_t weight = 0;
	int r = find(block, "weight", &weight, err);
	if (r > 0 && weight)
		r = put_weight(cgroup_fd, NULL, weight, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(lists); i++)
		r = each_device(cgroup_fd, block, lists[i][0], lists[i][1], err);
	return r < 0 ? r : 0;
}

static int apply_files(int cgroup_fd, struct json_object *unified, struct error *err)
{
	json_object_object_foreach(unified, name, value)
	{
		if (strchr(name, '/') || !json_object_is_type(value, json_type_string))
			return error_set(err, EINVAL, "linux.resources.unified: %s is not a file of a cgroup with a text", name);
		int r = put(cgroup_fd, name, json_object_get_string(value), err);
		if (r < 0)
			return r;
	}
	return 0;
}

int limits_apply(int cgroup_fd, struct json_object *resources, struct error *err)
{
	struct json_object *part = NULL;
	int64_t pids = 0;
	int r = json_get_object(resources, "memory", &part, err);
	if (r > 0)
		r = apply_memory(cgroup_fd, part, err);
	if (r >= 0 && (r = json_get_object(resources, "cpu", &part, err)) > 0)
		r = apply_cpu(cgroup_fd, part, err);
	if (r >= 0 && (r = json_get_object(resources, "pids", &part, err)) > 0 && (r = find(part, "limit", &pids, err)) > 0 && pids)
		r = put_number(cgroup_fd, "pids.max", pids, err);
	if (r >= 0 && (r = json_get_object(resources, "blockIO", &part, err)) > 0)
		r = apply_block(cgroup_fd, part, err);
	if (r >= 0 && (r = json_get_object(resources, "unified", &part, err)) > 0)
		r = apply_files(cgroup_fd, part, err);
	return r < 0 ? r : 0;
}
