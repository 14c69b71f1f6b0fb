/* SPDX-License-Identifier: Apache-2.0 */
#include "src/ps_namespaces.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"

static const struct {
	const char *column, *key, *file;
} namespaces[] = {
    {"CGROUPNS", "Cgroup", "cgroup"}, {"IPC", "IPC", "ipc"},      {"MNT", "MNT", "mnt"}, {"NET", "NET", "net"},
    {"PIDNS", "PIDNS", "pid"},        {"USERNS", "User", "user"}, {"UTS", "UTS", "uts"},
};

/* namespaces(7): /proc/PID/ns/net is a link to "net:[4026531840]". */
static const char *number(pid_t pid, const char *file, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, file);
	ssize_t length = pid > 0 ? readlink(path, out, size - 1) : -1;
	out[length < 0 ? 0 : length] = '\0';
	char *begin = strchr(out, '[');
	if (!begin)
		return "";
	begin[strcspn(begin, "]")] = '\0';
	return begin + 1;
}

static void add(struct json_object *object, pid_t pid, bool columns)
{
	char text[64];
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		json_add_string(object, columns ? namespaces[i].column : namespaces[i].key,
				number(pid, namespaces[i].file, text, sizeof(text)));
}

void ps_add_namespaces(struct json_object *row, pid_t pid)
{
	add(row, pid, true);
}

struct json_object *ps_namespaces_object(pid_t pid)
{
	struct json_object *object = json_object_new_object();
	add(object, pid, false);
	return object;
}
