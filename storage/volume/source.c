/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the options of a volume mean. They are those of docker's and podman's local driver, which are mount(8)'s: type,
 * device, o. What only the machine's root can mount is refused when the volume is made, not when a container finds out.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/volume/internal.h"

void volume_source_clear(struct volume_source *source)
{
	free(source->path);
	strv_free(&source->options);
	*source = (struct volume_source){0};
}

static const char *const known[] = {"type", "device", "o", "size", "nocopy"};

static int check_keys(const struct strv *options, struct error *err)
{
	for (size_t i = 0; i < options->count; i++) {
		const char *option = options->items[i];
		bool found = false;
		for (size_t j = 0; j < ARRAY_SIZE(known); j++)
			found |=
			    strncmp(option, known[j], strlen(known[j])) == 0 && strchr("=", option[strlen(known[j])]);
		if (!found)
			return error_set(
			    err, EINVAL,
			    "unknown option \"%.*s\" of a volume: there are type, device, o, size and nocopy",
			    (int)strcspn(option, "="), option);
	}
	return 0;
}

/* Takes a word out of o=… */
static bool take(struct strv *words, const char *word)
{
	bool found = false;
	for (size_t i = words->count; i-- > 0;) {
		if (strcmp(words->items[i], word) == 0) {
			strv_remove(words, i);
			found = true;
		}
	}
	return found;
}

static int take_id(struct strv *words, const char *key, int64_t *ret, struct error *err)
{
	*ret = -1;
	for (size_t i = words->count; i-- > 0;) {
		size_t length = strlen(key);
		if (strncmp(words->items[i], key, length) != 0 || words->items[i][length] != '=')
			continue;
		int r = parse_int64(words->items[i] + length + 1, key, 0, UINT32_MAX - 1, ret, err);
		if (r < 0)
			return r;
		strv_remove(words, i);
	}
	return 0;
}

static int needs_root(const char *type, const char *device, struct error *err)
{
	return error_set(err, EOPNOTSUPP,
			 "a volume of type %s can be mounted only by the machine's root; have it mounted (mount -t %s "
			 "%s /mnt/x, or /etc/fstab) and bind that: "
			 "--opt type=none --opt o=bind --opt device=/mnt/x",
			 type, type, text_is_empty(device) ? "DEVICE" : device);
}

static int be_bind(const char *device, struct strv *words, struct volume_source *ret, struct error *err)
{
	struct stat st;
	if (text_is_empty(device) || *device != '/')
		return error_set(err, EINVAL, "a volume with o=bind needs device=PATH, the absolute path of a folder");
	if (stat(device, &st) < 0)
		return error_sys(err, errno, "the volume's device %s", device);
	ret->kind = VOLUME_BIND;
	ret->path = xstrdup(device);
	ret->no_copy = true;
	strv_add_all(&ret->options, words);
	return 0;
}

static int be_tmpfs(const char *size, struct strv *words, struct volume_source *ret, struct error *err)
{
	int64_t bytes;
	int r = size ? parse_size(size, "the volume's size", &bytes, err) : 0;
	if (r < 0)
		return r;
	ret->kind = VOLUME_TMPFS;
	strv_add_all(&ret->options, words);
	if (size)
		strv_addf(&ret->options, "size=%lld", (long long)bytes);
	return 0;
}

static int be_plain(const struct store *store, const struct volume *volume, const char *size, const char *device,
		    struct strv *words, struct volume_source *ret, struct error *err)
{
	int r;
	if ((r = take_id(words, "uid", &ret->uid, err)) < 0 || (r = take_id(words, "gid", &ret->gid, err)) < 0)
		return r;
	if (!text_is_empty(device))
		return error_set(err, EINVAL,
				 "a volume with device=%s needs its type, too: none with o=bind for a folder", device);
	for (size_t i = 0; i < words->count; i++)
		if (text_starts_with(words->items[i], "size="))
			size = words->items[i] + strlen("size=");
	if (size)
		return error_set(err, EOPNOTSUPP,
				 "the size of a volume on disk can be limited only by the machine's root (a quota of "
				 "the file system); --opt type=tmpfs --opt size=%s limits one in memory",
				 size);
	ret->kind = VOLUME_PLAIN;
	ret->path = volume_data_path(store, volume->name);
	strv_add_all(&ret->options, words);
	return 0;
}

int volume_source(const struct store *store, const struct volume *volume, struct volume_source *ret, struct error *err)
{
	auto_volume_source struct volume_source source = {.uid = -1, .gid = -1};
	auto_strv struct strv words = STRV_INIT;
	int r = check_keys(&volume->options, err);
	if (r < 0)
		return r;
	const char *type = strv_env_get(&volume->options, "type"), *device = strv_env_get(&volume->options, "device");
	const char *o = strv_env_get(&volume->options, "o"), *size = strv_env_get(&volume->options, "size");
	if (!text_is_empty(o))
		strv_split(&words, o, ',');
	bool no_copy = take(&words, "nocopy") || strv_env_get(&volume->options, "nocopy");
	take(&words, "copy");
	bool bind = take(&words, "bind"), recursive = take(&words, "rbind");
	if (bind || recursive || (type && strcmp(type, "bind") == 0))
		r = be_bind(device, &words, &source, err);
	else if (type && strcmp(type, "tmpfs") == 0)
		r = be_tmpfs(size, &words, &source, err);
	else if (!text_is_empty(type) && strcmp(type, "none") != 0)
		r = needs_root(type, device, err);
	else
		r = be_plain(store, volume, size, device, &words, &source, err);
	if (r < 0)
		return r;
	source.no_copy |= no_copy;
	*ret = source;
	source = (struct volume_source){0};
	return 0;
}
