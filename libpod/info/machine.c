/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "libpod/info/info_internal.h"
#include "pkg/file/file.h"

#define SMALL_FILE_MAX (64 << 10)

char *info_read_line(const char *path)
{
	char *text;
	if (file_read_at(AT_FDCWD, path, SMALL_FILE_MAX, &text, NULL, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

char *info_architecture(void)
{
	struct utsname kernel;
	if (uname(&kernel) < 0)
		return xstrdup("unknown");
	static const char *const names[][2] = {
	    {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"armv6l", "arm"}, {"i686", "386"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(kernel.machine, names[i][0]) == 0)
			return xstrdup(names[i][1]);
	return xstrdup(kernel.machine);
}

/* A value of os-release(5), without its quotes; malloc'd, "" when it is not there. */
static char *release_value(const char *text, const char *key)
{
	auto_free char *copy = xstrdup(text);
	size_t length = strlen(key);
	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, key, length) != 0 || line[length] != '=')
			continue;
		char *value = line + length + 1;
		if (*value != '"' && *value != '\'')
			return xstrdup(value);
		return xstrndup(value + 1, strcspn(value + 1, (char[]){*value, '\0'}));
	}
	return xstrdup("");
}

static void add_distribution(struct json_object *host)
{
	auto_free char *text = NULL;
	if (file_read_at(AT_FDCWD, "/etc/os-release", SMALL_FILE_MAX, &text, NULL, NULL) < 0 &&
	    file_read_at(AT_FDCWD, "/usr/lib/os-release", SMALL_FILE_MAX, &text, NULL, NULL) < 0)
		text = xstrdup("ID=unknown");
	static const char *const members[][2] = {
	    {"distribution", "ID"}, {"version", "VERSION_ID"}, {"codename", "VERSION_CODENAME"}, {"name", "PRETTY_NAME"}};
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		auto_free char *value = release_value(text, members[i][1]);
		json_add_string(object, members[i][0], value);
	}
	json_object_object_add(host, "distribution", object);
}

/* Since the machine was started, as podman has it. */
static void add_utilization(struct json_object *host)
{
	auto_free char *line = info_read_line("/proc/stat");
	unsigned long long user, nice, system, idle;
	if (!line || sscanf(line, "cpu %llu %llu %llu %llu", &user, &nice, &system, &idle) != 4)
		return;
	double all = (double)(user + nice + system + idle);
	struct json_object *object = json_object_new_object();
	const double percents[] = {100 * (double)(user + nice) / all, 100 * (double)system / all, 100 * (double)idle / all};
	static const char *const names[] = {"userPercent", "systemPercent", "idlePercent"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char text[32];
		snprintf(text, sizeof(text), "%.2f", percents[i]);
		json_object_object_add(object, names[i], json_object_new_double_s(percents[i], text));
	}
	json_object_object_add(host, "cpuUtilization", object);
}

static void add_memory(struct json_object *host)
{
	struct sysinfo info;
	if (sysinfo(&info) < 0)
		return;
	json_add_int(host, "memFree", (int64_t)info.freeram * info.mem_unit);
	json_add_int(host, "memTotal", (int64_t)info.totalram * info.mem_unit);
	json_add_int(host, "swapFree", (int64_t)info.freeswap * info.mem_unit);
	json_add_int(host, "swapTotal", (int64_t)info.totalswap * info.mem_unit);
	auto_free char *uptime = xasprintf("%ldh %ldm %ld.00s (Approximately %.2f days)", info.uptime / 3600, info.uptime / 60 % 60,
					   info.uptime % 60, (double)info.uptime / 86400);
	json_add_string(host, "uptime", uptime);
}

void info_machine(struct json_object *host)
{
	struct utsname kernel;
	char name[HOST_NAME_MAX + 1] = "";
	uname(&kernel);
	gethostname(name, sizeof(name) - 1);
	auto_free char *architecture = info_architecture();
	json_add_string(host, "arch", architecture);
	json_add_int(host, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	add_utilization(host);
	add_distribution(host);
	json_add_string(host, "hostname", name);
	json_add_string(host, "kernel", kernel.release);
	add_memory(host);
	json_add_string(host, "os", "linux");
	/* A static program needs no interpreter to be mapped (getauxval(3)). */
	json_add_string(host, "linkmode", getauxval(AT_BASE) ? "dynamic" : "static");
}
