/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello: the program of the built-in image of the same name. It prints what it can see of its own isolation, so that
 * the first container that somebody starts says what a container is. Linked statically: there is nothing else in the
 * image.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LABEL "  %-14s"

static void label(const char *text)
{
	printf(LABEL, text);
}

/* The value of "<key>:\t<value>" in /proc/self/status, "" when there is none. */
static const char *status_value(const char *key, char *value, size_t size)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[4096];
	size_t length = strlen(key);
	*value = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, length) != 0 || line[length] != ':')
			continue;
		char *text = line + length + 1;
		text += strspn(text, " \t");
		text[strcspn(text, "\n")] = '\0';
		snprintf(value, size, "%s", text);
		break;
	}
	if (file)
		fclose(file);
	return value;
}

/* ---- who ---- */
static void print_ids(void)
{
	char groups[1024];
	status_value("Groups", groups, sizeof(groups));
	label("user");
	printf("uid %u, gid %u", (unsigned int)getuid(), (unsigned int)getgid());
	printf(*groups ? ", groups %s\n" : "\n", groups);
}

static void print_id_map(const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned int inside, outside, count;
	const char *text = name;
	while (file && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3) {
		label(text);
		text = "";
		if (count == 1)
			printf("%u here is %u outside\n", inside, outside);
		else if (inside == 0 && outside == 0 && count == 4294967295U)
			printf("none: ids are the same outside\n");
		else
			printf("%u-%u here are %u-%u outside\n", inside, inside + count - 1, outside, outside + count - 1);
	}
	if (file)
		fclose(file);
}

/* ---- what it may ---- */
static const char *const capabilities[] = {
    "chown",           "dac_override",  "dac_read_search", "fowner",      "fsetid",      "kill",           "setgid",
    "setuid",          "setpcap",       "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
    "ipc_lock",        "ipc_owner",     "sys_module",      "sys_rawio",   "sys_chroot",  "sys_ptrace",     "sys_pacct",
    "sys_admin",       "sys_boot",      "sys_nice",        "sys_resource", "sys_time",   "sys_tty_config", "mknod",
    "lease",           "audit_write",   "audit_control",   "setfcap",     "mac_override", "mac_admin",     "syslog",
    "wake_alarm",      "block_suspend", "audit_read",      "perfmon",     "bpf",         "checkpoint_restore",
};
#define CAPABILITY_COUNT (sizeof(capabilities) / sizeof(capabilities[0]))

static void print_capabilities(void)
{
	char text[64];
	unsigned long long set = strtoull(status_value("CapEff", text, sizeof(text)), NULL, 16);
	size_t column = 0;
	label("capabilities");
	if (set == 0)
		printf("none");
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(set >> i & 1))
			continue;
		if (column > 60) {
			printf("\n" LABEL, "");
			column = 0;
		}
		column += (size_t)printf("%s%s", column ? " " : "", capabilities[i]);
	}
	printf("\n");
}

static void print_seccomp(void)
{
	char mode[16], filters[16];
	status_value("Seccomp", mode, sizeof(mode));
	status_value("Seccomp_filters", filters, sizeof(filters));
	label("seccomp");
	if (strcmp(mode, "2") == 0)
		printf("filtered, by %s filter%s\n", *filters ? filters : "a", strcmp(filters, "1") == 0 || !*filters ? "" : "s");
	else
		printf("%s\n", strcmp(mode, "1") == 0 ? "strict" : "off: every system call is allowed");
	label("no_new_privs");
	printf("%s\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "on: set-user-ID programs gain nothing" : "off");
}

/* ---- what it is in ---- */
/* The first namespaces of the machine have fixed inodes (include/linux/proc_ns.h), but for net and mnt before Linux 6.18. */
static const struct {
	const char *name;
	unsigned long initial;
} namespaces[] = {
    {"user", 0xeffffffdUL}, {"pid", 0xeffffffcUL},    {"mnt", 0xeffffff8UL},  {"net", 0xeffffff9UL},
    {"ipc", 0xefffffffUL},  {"uts", 0xeffffffeUL},    {"cgroup", 0xeffffffbUL}, {"time", 0xeffffffaUL},
};

static void print_namespaces(void)
{
	char own[128] = "", shared[128] = "";
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		char path[64];
		struct stat status;
		snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i].name);
		if (stat(path, &status) < 0)
			continue;
		char *list = status.st_ino == namespaces[i].initial ? shared : own;
		size_t used = strlen(list);
		snprintf(list + used, sizeof(own) - used, "%s%s", used ? " " : "", namespaces[i].name);
	}
	label("namespaces");
	printf("its own: %s\n", *own ? own : "none");
	if (*shared) {
		label("");
		printf("the machine's: %s\n", shared);
	}
}

static void print_processes(void)
{
	DIR *directory = opendir("/proc");
	int count = 0;
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	if (directory)
		closedir(directory);
	label("process");
	printf("pid %d; %d process%s to be seen\n", (int)getpid(), count, count == 1 ? "" : "es");
}

static void print_first_line(const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	if (file && fgets(line, sizeof(line), file)) {
		label(name);
		line[strcspn(line, "\n")] = '\0';
		printf("%s\n", line);
	}
	if (file)
		fclose(file);
}

static void print_network(void)
{
	FILE *file = fopen("/proc/net/dev", "re");
	char line[512];
	label("network");
	for (int i = 0; file && fgets(line, sizeof(line), file); i++) {
		char *name = line + strspn(line, " ");
		name[strcspn(name, ":")] = '\0';
		if (i >= 2)
			printf("%s%s", i > 2 ? " " : "", name);
	}
	printf("\n");
	if (file)
		fclose(file);
}

/* A line of mountinfo, proc(5): id parent major:minor root target options tags… - type source super-options. */
static void print_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192], target[1024], options[1024], type[128];
	const char *text = "mounts";
	while (file && fgets(line, sizeof(line), file)) {
		const char *separator = strstr(line, " - ");
		if (!separator || sscanf(line, "%*s %*s %*s %*s %1023s %1023s", target, options) != 2 ||
		    sscanf(separator, " - %127s", type) != 1)
			continue;
		label(text);
		text = "";
		printf("%-28s %-10s %s\n", target, type, strncmp(options, "ro", 2) == 0 ? "read-only" : "read-write");
	}
	if (file)
		fclose(file);
}

int main(void)
{
	struct utsname names;
	printf("Hello from a container. This is what it can see of its isolation:\n\n");
	print_ids();
	print_id_map("uid map", "/proc/self/uid_map");
	print_id_map("gid map", "/proc/self/gid_map");
	print_capabilities();
	print_seccomp();
	print_namespaces();
	print_processes();
	if (uname(&names) == 0) {
		label("hostname");
		printf("%s, on Linux %s\n", names.nodename, names.release);
	}
	print_network();
	print_first_line("cgroup", "/proc/self/cgroup");
	print_mounts();
	printf("\nThe same, with a shell: coracle run -it docker.io/library/busybox\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
