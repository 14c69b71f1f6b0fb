/* SPDX-License-Identifier: Apache-2.0 */
/* From options to linux.resources. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "libpod/limits/limits.h"
#include "pkg/cleanup/cleanup.h"

#define CPU_PERIOD   100000
#define PERIOD_MIN   1000
#define PERIOD_MAX   1000000
#define MEMORY_MIN   (6 << 20)

/* The member object `key`, made when it is not there. */
static struct json_object *part(struct json_object *resources, const char *key)
{
	struct json_object *object = NULL;
	if (!json_object_object_get_ex(resources, key, &object) || !object) {
		object = json_object_new_object();
		json_object_object_add(resources, key, object);
	}
	return object;
}

static int64_t number(struct json_object *resources, const char *key, const char *member)
{
	struct json_object *object = NULL;
	int64_t value = 0;
	json_get_object(resources, key, &object, NULL);
	json_get_int(object, member, INT64_MIN, INT64_MAX, &value, NULL);
	return value;
}

/* ---- memory ---- */
static int parse_memory(const char *text, const char *option, bool unlimited, int64_t *ret, struct error *err)
{
	if (unlimited && strcmp(text, "-1") == 0) {
		*ret = -1;
		return 0;
	}
	int r = parse_size(text, option, ret, err);
	if (r == 0 && *ret < 0)
		return error_set(err, EINVAL, "%s %s: less than nothing", option, text);
	return r;
}

static int memory(const struct limit_options *options, struct json_object *resources, struct error *err)
{
	int64_t limit = number(resources, "memory", "limit"), reservation, swap = number(resources, "memory", "swap");
	int r;
	if (!options->memory && !options->memory_swap && !options->memory_reservation)
		return 0;
	struct json_object *object = part(resources, "memory");
	if (options->memory) {
		if ((r = parse_memory(options->memory, "--memory", false, &limit, err)) < 0)
			return r;
		if (limit && limit < MEMORY_MIN)
			return error_set(err, EINVAL, "--memory %s: less than 6m is not enough to start a program", options->memory);
		json_add_int(object, "limit", limit ? limit : -1);
		/* As docker has it: as much swap again, unless something else is said. */
		if (!options->memory_swap && (!limit || swap >= 0))
			json_add_int(object, "swap", swap = limit ? 2 * limit : -1);
	}
	if (options->memory_swap) {
		if ((r = parse_memory(options->memory_swap, "--memory-swap", true, &swap, err)) < 0)
			return r;
		if (swap > 0 && limit <= 0)
			return error_set(err, EINVAL, "--memory-swap needs --memory: it is the sum of memory and swap");
		if (swap == 0)
			swap = limit > 0 ? 2 * limit : -1;
		json_add_int(object, "swap", swap);
	}
	if (limit > 0 && swap > 0 && swap < limit)
		return error_set(err, EINVAL, "--memory-swap is memory and swap together, and cannot be less than --memory");
	if (options->memory_reservation) {
		if ((r = parse_memory(options->memory_reservation, "--memory-reservation", false, &reservation, err)) < 0)
			return r;
		json_add_int(object, "reservation", reservation);
	}
	if (limit > 0 && number(resources, "memory", "reservation") > limit)
		return error_set(err, EINVAL, "--memory-reservation cannot be more than --memory");
	return 0;
}

/* ---- processors ---- */
static int whole_processors(const char *text, int64_t *ret_quota, struct error *err)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end || !(value >= 0.01 && value <= 1e6))
		return error_set(err, EINVAL, "--cpus %s: give a number of processors from 0.01 on, as 1.5", text);
	*ret_quota = (int64_t)(value * CPU_PERIOD + 0.5);
	return 0;
}

/* "0-2,5" (cpuset(7), list format) */
static int check_set(const char *text, const char *option, struct error *err)
{
	const char *at = text;
	for (;;) {
		size_t digits = strspn(at, "0123456789");
		at += digits;
		if (digits && *at == '-') {
			digits = strspn(++at, "0123456789");
			at += digits;
		}
		if (!digits || (*at && *at != ','))
			return error_set(err, EINVAL, "%s %s: give numbers and ranges, as 0-2,5", option, text);
		if (!*at++)
			return 0;
	}
}

static int processors(const struct limit_options *options, struct json_object *resources, struct error *err)
{
	int64_t quota = options->cpu_quota;
	int r;
	if (options->cpus && (options->cpu_quota_given || options->cpu_period_given))
		return error_set(err, EINVAL, "--cpus says what --cpu-quota and --cpu-period say: give one or the other");
	if (options->cpu_period_given && (options->cpu_period < PERIOD_MIN || options->cpu_period > PERIOD_MAX))
		return error_set(err, EINVAL, "--cpu-period must lie between %d and %d microseconds", PERIOD_MIN, PERIOD_MAX);
	if (options->cpu_quota_given && quota >= 0 && quota < PERIOD_MIN)
		return error_set(err, EINVAL, "--cpu-quota must be at least %d microseconds, or -1", PERIOD_MIN);
	if (options->cpu_shares_given && options->cpu_shares && (options->cpu_shares < 2 || options->cpu_shares > 262144))
		return error_set(err, EINVAL, "--cpu-shares must lie between 2 and 262144");
	if (options->cpus) {
		if ((r = whole_processors(options->cpus, &quota, err)) < 0)
			return r;
		json_add_int(part(resources, "cpu"), "period", CPU_PERIOD);
	}
	if (options->cpus || options->cpu_quota_given)
		json_add_int(part(resources, "cpu"), "quota", quota);
	if (options->cpu_period_given)
		json_add_int(part(resources, "cpu"), "period", options->cpu_period);
	if (options->cpu_shares_given)
		json_add_int(part(resources, "cpu"), "shares", options->cpu_shares);
	if (options->cpuset_cpus) {
		if ((r = check_set(options->cpuset_cpus, "--cpuset-cpus", err)) < 0)
			return r;
		json_add_string(part(resources, "cpu"), "cpus", options->cpuset_cpus);
	}
	if (options->cpuset_mems) {
		if ((r = check_set(options->cpuset_mems, "--cpuset-mems", err)) < 0)
			return r;
		json_add_string(part(resources, "cpu"), "mems", options->cpuset_mems);
	}
	return 0;
}

/* ---- block devices ---- */
struct device_limit {
	const char *option, *member, *value; /* of the option; of blockIO; what the number is called there */
	bool size;
};

static int device_entry(const char *text, const struct device_limit *kind, struct json_object *array, struct error *err)
{
	const char *colon = strrchr(text, ':');
	int64_t value;
	struct stat st;
	if (!colon || colon == text)
		return error_set(err, EINVAL, "%s %s: give DEVICE:%s", kind->option, text, kind->size ? "SIZE" : "NUMBER");
	auto_free char *path = xstrndup(text, (size_t)(colon - text));
	if (stat(path, &st) < 0)
		return error_sys(err, errno, "%s %s", kind->option, path);
	if (!S_ISBLK(st.st_mode))
		return error_set(err, EINVAL, "%s: %s is not a block device", kind->option, path);
	int r = kind->size ? parse_size(colon + 1, kind->option, &value, err) : parse_int64(colon + 1, kind->option, 0, INT64_MAX, &value, err);
	if (r < 0)
		return r;
	struct json_object *entry = json_object_new_object();
	json_add_int(entry, "major", major(st.st_rdev));
	json_add_int(entry, "minor", minor(st.st_rdev));
	json_add_int(entry, kind->value, value);
	json_object_array_add(array, entry);
	return 0;
}

static int devices(const struct strv *texts, const struct device_limit *kind, struct json_object *resources, struct error *err)
{
	if (texts->count == 0)
		return 0;
	struct json_object *array = json_object_new_array();
	json_object_object_add(part(resources, "blockIO"), kind->member, array);
	for (size_t i = 0; i < texts->count; i++) {
		int r = device_entry(texts->items[i], kind, array, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int blocks(const struct limit_options *options, struct json_object *resources, struct error *err)
{
	const struct {
		const struct strv *texts;
		struct device_limit kind;
	} lists[] = {
	    {&options->blkio_weight_device, {"--blkio-weight-device", "weightDevice", "weight", false}},
	    {&options->device_read_bps, {"--device-read-bps", "throttleReadBpsDevice", "rate", true}},
	    {&options->device_write_bps, {"--device-write-bps", "throttleWriteBpsDevice", "rate", true}},
	    {&options->device_read_iops, {"--device-read-iops", "throttleReadIOPSDevice", "rate", false}},
	    {&options->device_write_iops, {"--device-write-iops", "throttleWriteIOPSDevice", "rate", false}},
	};
	if (options->blkio_weight_given && options->blkio_weight && (options->blkio_weight < 10 || options->blkio_weight > 1000))
		return error_set(err, EINVAL, "--blkio-weight must lie between 10 and 1000");
	if (options->blkio_weight_given)
		json_add_int(part(resources, "blockIO"), "weight", options->blkio_weight);
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lists); i++)
		r = devices(lists[i].texts, &lists[i].kind, resources, err);
	return r;
}

/* ---- the rest ---- */
static int refuse(const struct limit_options *options, struct error *err)
{
	static const char words[] = "%s: there is no such limit in version 2 of cgroups, which is the one that users can be given";
	if (options->cpu_rt_period_given)
		return error_set(err, EOPNOTSUPP, words, "--cpu-rt-period");
	if (options->cpu_rt_runtime_given)
		return error_set(err, EOPNOTSUPP, words, "--cpu-rt-runtime");
	if (options->memory_swappiness_given && options->memory_swappiness != -1)
		return error_set(err, EOPNOTSUPP, words, "--memory-swappiness");
	if (options->oom_kill_disable)
		return error_set(err, EOPNOTSUPP, words, "--oom-kill-disable");
	return 0;
}

static int files(const struct limit_options *options, struct json_object *resources, struct error *err)
{
	for (size_t i = 0; i < options->cgroup_conf.count; i++) {
		const char *text = options->cgroup_conf.items[i], *equals = strchr(text, '=');
		auto_free char *name = equals ? xstrndup(text, (size_t)(equals - text)) : NULL;
		if (!name || !strchr(name, '.') || strchr(name, '/'))
			return error_set(err, EINVAL, "--cgroup-conf %s: give FILE=VALUE with a file of the cgroup, as memory.high=1G", text);
		json_add_string(part(resources, "unified"), name, equals + 1);
	}
	return 0;
}

int limits_from_options(const struct limit_options *options, struct json_object **resources, struct error *err)
{
	auto_json struct json_object *laid = NULL;
	if (*resources) {
		if (json_object_deep_copy(*resources, &laid, NULL) < 0)
			return error_sys(err, ENOMEM, "copy the limits");
	} else {
		laid = json_object_new_object();
	}
	int r;
	if ((r = refuse(options, err)) < 0 || (r = memory(options, laid, err)) < 0 || (r = processors(options, laid, err)) < 0 ||
	    (r = blocks(options, laid, err)) < 0 || (r = files(options, laid, err)) < 0)
		return r;
	if (options->pids_limit_given)
		json_add_int(part(laid, "pids"), "limit", options->pids_limit > 0 ? options->pids_limit : -1);
	if (json_object_object_length(laid) == 0)
		return 0;
	json_object_put(*resources);
	*resources = TAKE_PTR(laid);
	return 0;
}

bool limits_are_set(struct json_object *resources)
{
	/* "--pids-limit -1", "--memory 0": no limit was asked for. */
	static const char *const numbers[][2] = {{"memory", "limit"}, {"memory", "swap"}, {"memory", "reservation"}, {"pids", "limit"},
						 {"cpu", "shares"},   {"cpu", "quota"},   {"cpu", "period"}};
	static const char *const texts[] = {"cpus", "mems"}, *const kinds[] = {"blockIO", "unified"};
	struct json_object *object = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (number(resources, numbers[i][0], numbers[i][1]) > 0)
			return true;
	if (resources && json_object_object_get_ex(resources, "cpu", &object))
		for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
			if (json_object_object_get_ex(object, texts[i], NULL))
				return true;
	for (size_t i = 0; resources && i < ARRAY_SIZE(kinds); i++)
		if (json_object_object_get_ex(resources, kinds[i], &object) && object && json_object_object_length(object) > 0)
			return true;
	return false;
}

void limits_inspect(struct json_object *resources, struct json_object *host_config)
{
	static const struct {
		const char *name, *kind, *member;
	} numbers[] = {
	    {"Memory", "memory", "limit"},	       {"MemoryReservation", "memory", "reservation"}, {"MemorySwap", "memory", "swap"},
	    {"CpuShares", "cpu", "shares"},	       {"CpuPeriod", "cpu", "period"},		       {"CpuQuota", "cpu", "quota"},
	    {"PidsLimit", "pids", "limit"},	       {"BlkioWeight", "blockIO", "weight"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_add_int(host_config, numbers[i].name, number(resources, numbers[i].kind, numbers[i].member));
	int64_t quota = number(resources, "cpu", "quota"), period = number(resources, "cpu", "period");
	json_add_int(host_config, "NanoCpus", quota > 0 ? quota * 1000000000 / (period ? period : CPU_PERIOD) : 0);
	json_add_int(host_config, "MemorySwappiness", 0);
	json_add_bool(host_config, "OomKillDisable", false);
	struct json_object *cpu = NULL;
	const char *cpus = "", *mems = "";
	json_get_object(resources, "cpu", &cpu, NULL);
	json_get_string(cpu, "cpus", &cpus, NULL);
	json_get_string(cpu, "mems", &mems, NULL);
	json_add_string(host_config, "CpusetCpus", cpus);
	json_add_string(host_config, "CpusetMems", mems);
}
