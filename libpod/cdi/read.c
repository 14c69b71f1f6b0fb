/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpod/cdi/internal.h"
#include "pkg/process/process.h"
#include "pkg/program/program.h"

#define FOLDERS_VARIABLE "CORACLE_CDI_DIRS"
#define FILE_MAX         (8 << 20)

void cdi_devices_free(struct cdi_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		free(devices->items[i].name);
		free(devices->items[i].path);
		json_object_put(devices->items[i].file);
	}
	free(devices->items);
	*devices = (struct cdi_devices){0};
}

static void find_folders(struct strv *ret)
{
	const char *given = getenv(FOLDERS_VARIABLE);
	strv_split(ret, text_is_empty(given) ? "/etc/cdi:/var/run/cdi" : given, ':');
}

char *cdi_folders_text(void)
{
	auto_strv struct strv folders = STRV_INIT;
	find_folders(&folders);
	return strv_join(&folders, " and ");
}

static int read_yaml(const char *path, struct json_object **ret, struct error *err)
{
	auto_free char *program = NULL;
	auto_strbuf struct strbuf text = STRBUF_INIT;
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "open %s", path);
	int r = program_find("coracle-yaml", &program, err);
	if (r < 0)
		return r;
	const char *const argv[] = {program, NULL};
	r = spawn_run(&(struct spawn){.argv = argv, .output = &text, .input_fd = fd}, err);
	return r < 0 ? error_context(err, "%s", path) : json_parse(strbuf_text(&text), text.length, path, ret, err);
}

static const struct cdi_device *find(const struct cdi_devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->items[i].name, name) == 0)
			return &devices->items[i];
	return NULL;
}

static int add_device(struct cdi_devices *devices, struct json_object *file, struct json_object *item, const char *kind,
		      const char *path, size_t folder, struct error *err)
{
	const char *name = NULL;
	struct cdi_device device = {.folder = folder};
	int r = json_object_is_type(item, json_type_object) ? json_get_string(item, "name", &name, err) : -EINVAL;
	if (r <= 0)
		return error_set(err, EINVAL, "a device has no name");
	if ((r = json_get_object(item, "containerEdits", &device.edits, err)) < 0 ||
	    (r = json_get_object(file, "containerEdits", &device.common, err)) < 0)
		return r;
	auto_free char *full = xasprintf("%s=%s", kind, name);
	const struct cdi_device *other = find(devices, full);
	if (other && other->folder == folder)
		return error_set(err, EINVAL, "the device %s is in %s, too", full, other->path);
	if (other) { /* that of the later folder counts */
		struct cdi_device *old = &devices->items[other - devices->items];
		free(old->name);
		old->name = xstrdup("");
	}
	device.name = TAKE_PTR(full);
	device.path = xstrdup(path);
	device.file = json_object_get(file);
	devices->items = xrealloc(devices->items, (devices->count + 1) * sizeof(*devices->items));
	devices->items[devices->count++] = device;
	return 0;
}

static int read_file(const char *path, size_t folder, struct cdi_devices *devices, struct error *err)
{
	auto_json struct json_object *file = NULL;
	struct json_object *items = NULL;
	const char *kind = NULL;
	int r = text_ends_with(path, ".json") ? json_read_at(AT_FDCWD, path, FILE_MAX, &file, err)
					      : read_yaml(path, &file, err);
	if (r < 0)
		return r;
	if ((r = json_get_string(file, "kind", &kind, err)) < 0 ||
	    (r = json_get_array(file, "devices", &items, err)) < 0)
		return error_context(err, "%s", path);
	if (!kind || !items)
		return error_set(err, EINVAL, "%s: no CDI specification: it has no kind or no devices", path);
	for (size_t i = 0; i < json_object_array_length(items); i++)
		if ((r = add_device(devices, file, json_object_array_get_idx(items, i), kind, path, folder, err)) < 0)
			return error_context(err, "%s", path);
	return 0;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static int read_folder(const char *path, size_t folder, struct cdi_devices *devices, struct error *err)
{
	auto_strv struct strv files = STRV_INIT;
	auto_closedir DIR *directory = opendir(path);
	if (!directory)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_sys(err, errno, "read %s", path);
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' &&
		    (text_ends_with(entry->d_name, ".json") || text_ends_with(entry->d_name, ".yaml") ||
		     text_ends_with(entry->d_name, ".yml")))
			strv_addf(&files, "%s/%s", path, entry->d_name);
	if (files.count)
		qsort(files.items, files.count, sizeof(*files.items), by_name);
	int r = 0;
	for (size_t i = 0; r == 0 && i < files.count; i++)
		r = read_file(files.items[i], folder, devices, err);
	return r;
}

int cdi_read(struct cdi_devices *ret, struct error *err)
{
	auto_strv struct strv folders = STRV_INIT;
	auto_cdi_devices struct cdi_devices devices = {0};
	int r = 0;
	find_folders(&folders);
	for (size_t i = 0; r == 0 && i < folders.count; i++)
		r = read_folder(folders.items[i], i, &devices, err);
	if (r < 0)
		return r;
	*ret = devices;
	devices = (struct cdi_devices){0};
	return 0;
}
