/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/settings/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/cleanup/cleanup.h"
#include "pkg/file/file.h"
#include "pkg/toml/toml.h"

#define SYSTEM    CORACLE_SYSCONFDIR "/coracle"
#define FILE_NAME "coracle.conf"
#define FILE_MAX  ((size_t)1024 * 1024)

void settings_free(struct settings *settings)
{
	free(settings->driver);
	free(settings->network_program);
	strv_free(&settings->additional_image_stores);
	*settings = (struct settings){0};
}

/* ---- the keys ---- */

static int take_word(struct json_object *value, const char *known, char **ret, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	if (!json_object_is_type(value, json_type_string))
		return error_set(err, EINVAL, "expected a string");
	const char *text = json_object_get_string(value);
	strv_split(&words, known, ' ');
	if (!strv_contains(&words, text))
		return error_set(err, EINVAL, "\"%.100s\" is none of: %s", text, known);
	free(*ret);
	*ret = xstrdup(text);
	return 0;
}

static int take_driver(struct json_object *value, struct settings *settings, struct error *err)
{
	return take_word(value, "overlay fuse-overlayfs vfs", &settings->driver, err);
}

static int take_stores(struct json_object *value, struct settings *settings, struct error *err)
{
	auto_strv struct strv paths = STRV_INIT;
	if (!json_object_is_type(value, json_type_array))
		return error_set(err, EINVAL, "expected an array of absolute paths");
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		const char *path = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
		if (path[0] != '/')
			return error_set(err, EINVAL, "[%zu]: expected an absolute path", i);
		strv_add(&paths, path);
	}
	strv_free(&settings->additional_image_stores);
	settings->additional_image_stores = paths;
	paths = STRV_INIT;
	return 0;
}

static int take_keep(struct json_object *value, struct settings *settings, struct error *err)
{
	if (!json_object_is_type(value, json_type_boolean))
		return error_set(err, EINVAL, "expected true or false");
	settings->keep_compressed_blobs = json_object_get_boolean(value);
	return 0;
}

static int take_program(struct json_object *value, struct settings *settings, struct error *err)
{
	return take_word(value, "slirp4netns pasta", &settings->network_program, err);
}

static const struct {
	const char *table, *name;
	int (*take)(struct json_object *value, struct settings *settings, struct error *err);
} keys[] = {
    {"storage", "driver", take_driver},
    {"storage", "additional_image_stores", take_stores},
    {"storage", "keep_compressed_blobs", take_keep},
    {"network", "program", take_program},
};

/* ---- a file ---- */

static int take_key(const char *table, const char *name, struct json_object *value, struct settings *settings,
		    struct error *err)
{
	auto_strbuf struct strbuf known = STRBUF_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].table, table) != 0)
			continue;
		if (strcmp(keys[i].name, name) != 0) {
			strbuf_printf(&known, "%s%s", known.length ? ", " : "", keys[i].name);
			continue;
		}
		int r = keys[i].take(value, settings, err);
		return r < 0 ? error_context(err, "%s.%s", table, name) : 0;
	}
	return error_set(err, EINVAL, "unknown key \"%.100s\"; [%s] has %s", name, table, strbuf_text(&known));
}

static int take_table(const char *table, struct json_object *value, const char *path, struct settings *settings,
		      struct error *err)
{
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		known |= strcmp(keys[i].table, table) == 0;
	if (!known || !json_object_is_type(value, json_type_object))
		return error_set(err, EINVAL, "%s:%zu: unknown %s \"%.100s\"; there are [storage] and [network]", path,
				 toml_line(value), json_object_is_type(value, json_type_object) ? "table" : "key",
				 table);
	json_object_object_foreach(value, name, member)
	{
		int r = take_key(table, name, member, settings, err);
		if (r < 0)
			return error_context(err, "%s:%zu", path, toml_line(member));
	}
	return 0;
}

/* `path` is from `dirfd`, `shown` what a person knows it by. 1, or 0 when there is no such file. */
static int read_file(int dirfd, const char *path, const char *shown, struct settings *settings, struct error *err)
{
	auto_json struct json_object *tree = NULL;
	auto_free char *text = NULL;
	size_t length;
	int r = file_read_at(dirfd, path, FILE_MAX, &text, &length, err);
	if (r == -ENOENT || r == -ENOTDIR) {
		error_clear(err);
		return 0;
	}
	if (r < 0)
		return error_context(err, "the settings %s", shown);
	if ((r = toml_parse(text, length, shown, &tree, err)) < 0)
		return r;
	json_object_object_foreach(tree, table, value)
	{
		if ((r = take_table(table, value, shown, settings, err)) < 0)
			return r;
	}
	return 1;
}

/* ---- all of them ---- */

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static int read_drop_ins(int directory_fd, struct settings *settings, struct error *err)
{
	int fd = openat(directory_fd, FILE_NAME ".d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	auto_strv struct strv names = STRV_INIT;
	if (!directory)
		return errno == ENOENT ? 0 : error_sys(err, errno, "read " SYSTEM "/" FILE_NAME ".d");
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && text_ends_with(entry->d_name, ".conf"))
			strv_add(&names, entry->d_name);
	if (names.count)
		qsort(names.items, names.count, sizeof(*names.items), compare_texts);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < names.count; i++) {
		auto_free char *shown = xasprintf(SYSTEM "/" FILE_NAME ".d/%s", names.items[i]);
		r = read_file(fd, names.items[i], shown, settings, err);
	}
	return r;
}

static int read_system(struct settings *settings, struct error *err)
{
	auto_close int fd = open(SYSTEM, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(err, errno, "open " SYSTEM);
	int r = read_file(fd, FILE_NAME, SYSTEM "/" FILE_NAME, settings, err);
	return r < 0 ? r : read_drop_ins(fd, settings, err);
}

/* Those of a home that is somebody else's and closed to us are not ours: under su(1), and for the monitor of a container of the machine's root. */
static bool is_anothers(const char *home)
{
	struct stat st;
	return home && stat(home, &st) == 0 && st.st_uid != geteuid();
}

static int read_users(struct settings *settings, struct error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	auto_free char *path = NULL;
	if (config && config[0] == '/')
		path = xasprintf("%s/coracle/" FILE_NAME, config);
	else if (home && home[0] == '/')
		path = xasprintf("%s/.config/coracle/" FILE_NAME, home);
	int r = path ? read_file(AT_FDCWD, path, path, settings, err) : 0;
	if (r == -EACCES && is_anothers(home)) {
		error_clear(err);
		return 0;
	}
	return r;
}

int settings_read(struct settings *ret, struct error *err)
{
	auto_settings struct settings settings = {0};
	const char *only = getenv("CORACLE_CONF");
	int r;
	if (!text_is_empty(only)) {
		r = read_file(AT_FDCWD, only, only, &settings, err);
		if (r == 0)
			r = error_set(err, ENOENT, "%s, which CORACLE_CONF names, is not there", only);
	} else if ((r = read_system(&settings, err)) >= 0) {
		r = read_users(&settings, err);
	}
	if (r < 0)
		return r;
	*ret = settings;
	settings = (struct settings){0};
	return 0;
}
