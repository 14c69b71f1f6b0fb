/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/oci/internal.h"
#include "pkg/file/file.h"
#include "pkg/process/process.h"

#define CONFIG_MAX (16 << 20)
#define RECORD_MAX (1 << 20)

void oci_record_free(struct oci_record *record)
{
	free(record->id);
	free(record->bundle);
	free(record->owner);
	*record = (struct oci_record){0};
}

/* $XDG_RUNTIME_DIR, /run for root, or a directory of our own in /tmp. */
static char *usual_root(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (run && *run == '/')
		return xasprintf("%s/coracle-runtime", run);
	if (geteuid() == 0)
		return xstrdup("/run/coracle-runtime");
	return xasprintf("/tmp/coracle-runtime-%u", geteuid());
}

int oci_open_root(const char *root, struct error *err)
{
	auto_free char *path = root ? xstrdup(root) : usual_root();
	struct stat st;
	int r = mkdirs(path, 0700, err);
	if (r < 0)
		return r;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, errno, "open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return error_set(err, EPERM, "%s belongs to somebody else, or others may write it", path);
	return TAKE_FD(fd);
}

int oci_check_id(const char *id, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	if (!*id || *id == '.' || strspn(id, allowed) != strlen(id) || strlen(id) > NAME_MAX)
		return error_set(err, EINVAL,
				 "\"%s\" is no name for a container: it is made of letters, digits and _+-. and does "
				 "not begin with a dot",
				 id);
	return 0;
}

/* The password file may be behind name services, which a static program cannot load; the name is for people only. */
static const char *owner_name(void)
{
	const char *name = getenv("USER");
	return name ? name : "";
}

int oci_write_record(int dir, const struct oci_record *record, struct error *err)
{
	auto_json struct json_object *object = json_object_new_object();
	json_add_string(object, "id", record->id);
	json_add_string(object, "bundle", record->bundle);
	json_add_int(object, "pid", record->pid);
	json_add_int(object, "pidStart", (int64_t)record->pid_start);
	json_add_int(object, "created", record->created_ns);
	json_add_string(object, "owner", owner_name());
	auto_free char *text = json_text(object, false);
	return file_write_at(dir, "record.json", text, strlen(text), 0600, 0, err);
}

static int parse_record(struct json_object *object, struct oci_record *ret, struct error *err)
{
	const char *bundle = "", *owner = "";
	int64_t pid = 0, start = 0;
	int r;
	if ((r = json_get_string(object, "bundle", &bundle, err)) < 0 ||
	    (r = json_get_string(object, "owner", &owner, err)) < 0 ||
	    (r = json_get_int(object, "pid", 1, INT32_MAX, &pid, err)) < 0 ||
	    (r = json_get_int(object, "pidStart", 0, INT64_MAX, &start, err)) < 0 ||
	    (r = json_get_int(object, "created", 0, INT64_MAX, &ret->created_ns, err)) < 0)
		return r;
	ret->bundle = xstrdup(bundle);
	ret->owner = xstrdup(owner);
	ret->pid = (pid_t)pid;
	ret->pid_start = (uint64_t)start;
	return 0;
}

int oci_read_record(int root_fd, const char *id, struct oci_record *ret, struct error *err)
{
	auto_oci_record struct oci_record record = {0};
	auto_json struct json_object *object = NULL;
	int r = oci_check_id(id, err);
	if (r < 0)
		return r;
	if (faccessat(root_fd, id, F_OK, 0) < 0)
		return error_set(err, ENOENT, "container \"%s\" does not exist", id);
	auto_free char *path = xasprintf("%s/record.json", id);
	record.id = xstrdup(id);
	r = json_read_at(root_fd, path, RECORD_MAX, &object, err);
	if (r == -ENOENT) { /* creating, or killed at that */
		error_clear(err);
		record.bundle = xstrdup("");
		record.owner = xstrdup("");
	} else if (r < 0 || (r = parse_record(object, &record, err)) < 0) {
		return error_context(err, "container %s", id);
	}
	*ret = record;
	record = (struct oci_record){0};
	return 0;
}

int oci_read_spec(int root_fd, const char *id, struct spec *ret, struct error *err)
{
	auto_free char *path = xasprintf("%s/config.json", id);
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(root_fd, path, CONFIG_MAX, &text, &length, err);
	return r < 0 ? r : spec_read(text, length, path, ret, err);
}

/* /proc/PID/stat: the name, in parentheses, may hold anything; behind the last one the state is field 3 and the start
 * field 22. */
int oci_process_start(pid_t pid, uint64_t *ret, bool *ret_zombie)
{
	char path[40], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	const char *at = strrchr(text, ')');
	char state;
	if (!at || sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			  &state, ret) != 2)
		return -ESRCH;
	*ret_zombie = state == 'Z' || state == 'X';
	return 0;
}

int oci_open_process(const struct oci_record *record)
{
	uint64_t start;
	bool zombie;
	if (record->pid <= 0)
		return -ESRCH;
	/* Opened first: what is looked at then is what the descriptor stands for, or it has ended. */
	auto_close int pidfd = pidfd_open_process(record->pid);
	if (pidfd < 0)
		return -ESRCH;
	if (oci_process_start(record->pid, &start, &zombie) < 0 || zombie || start != record->pid_start)
		return -ESRCH;
	return TAKE_FD(pidfd);
}

const char *oci_status(int root_fd, const struct oci_record *record)
{
	auto_free char *start = xasprintf("%s/start", record->id);
	if (record->pid <= 0)
		return "creating";
	auto_close int pidfd = oci_open_process(record);
	if (pidfd < 0)
		return "stopped";
	return faccessat(root_fd, start, F_OK, 0) == 0 ? "created" : "running";
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int oci_list(int root_fd, struct strv *ret, struct error *err)
{
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return error_sys(err, errno, "list containers");
	for (struct dirent *entry; (entry = readdir(directory));)
		if (*entry->d_name != '.')
			strv_add(ret, entry->d_name);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return 0;
}

int oci_write_pid_file(const char *path, pid_t pid, struct error *err)
{
	char text[16];
	if (!path)
		return 0;
	int length = snprintf(text, sizeof(text), "%d", pid);
	int r = file_write_at(AT_FDCWD, path, text, (size_t)length, 0644, 0, err);
	return r < 0 ? error_context(err, "pid file %s", path) : 0;
}
