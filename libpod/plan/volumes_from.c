/* SPDX-License-Identifier: Apache-2.0 */
/* --volumes-from: the folders and volumes of another container, as it has them. What they are says its record, how they
 * are mounted its specification. */
#include <errno.h>
#include <string.h>

#include "libpod/plan/mount_request.h"
#include "pkg/file/file.h"


static int read_spec(struct store *store, const struct container *other, struct spec *ret, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	auto_close int dirfd = container_open(store, other->id, err);
	int r = dirfd < 0 ? dirfd : file_read_at(dirfd, "config.json", SPEC_TEXT_MAX, &text, &length, err);
	return r < 0 ? r : spec_read(text, length, "config.json", ret, err);
}

/* Of its mount options those that say how it is to be used, not what executes them. */
static void take_options(const struct spec *spec, const char *destination, struct mount_request *request)
{
	static const char *const taken[] = {"ro",     "noexec",  "suid",  "dev",   "private",
					    "shared", "rshared", "slave", "rslave"};
	for (size_t i = 0; i < spec->mounts_count; i++) {
		if (strcmp(spec->mounts[i].destination, destination) != 0)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(taken); j++)
			if (strv_contains(&spec->mounts[i].options, taken[j]))
				strv_add(&request->options, taken[j]);
		request->no_recursion = strv_contains(&spec->mounts[i].options, "bind");
	}
}

static const char *volume_at(const struct container *other, const char *destination, size_t *ret_length)
{
	for (size_t i = 0; i < other->volumes.count; i++) {
		const char *colon = strchr(other->volumes.items[i], ':');
		*ret_length = colon ? (size_t)(colon - other->volumes.items[i]) : 0;
		if (colon && strcmp(colon + 1, destination) == 0)
			return other->volumes.items[i];
	}
	return NULL;
}

static int add_one(const struct container *other, const struct spec *spec, const char *text, const struct strv *parts,
		   const struct strv *words, struct mount_requests *requests, struct error *err)
{
	const char *type = parts->items[0], *destination = parts->items[1];
	size_t length = 0;
	if ((strcmp(type, "bind") != 0 && strcmp(type, "volume") != 0) || mount_requests_have(requests, destination))
		return 0;
	auto_mount_request struct mount_request request = {.shown = xasprintf("--volumes-from %s", text),
							   .destination = xstrdup(destination)};
	const char *name = volume_at(other, destination, &length);
	request.kind = name ? MOUNT_VOLUME : MOUNT_BIND;
	request.source = name ? xstrndup(name, length) : xstrdup(parts->items[2]);
	take_options(spec, destination, &request);
	int r = 0;
	for (size_t i = 0; r == 0 && i < words->count; i++)
		if (!strv_contains(&request.options, words->items[i]) && strcmp(words->items[i], "rw") != 0)
			r = mount_request_word(&request, words->items[i], err);
	return r < 0 ? r : mount_requests_add(requests, &request, err);
}

int mount_requests_from(struct store *store, const char *text, struct mount_requests *requests, struct error *err)
{
	const char *colon = strchr(text, ':');
	auto_free char *name = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	auto_strv struct strv words = STRV_INIT;
	auto_container struct container *other = NULL;
	auto_spec struct spec spec;
	spec_init(&spec);
	if (colon)
		strv_split(&words, colon + 1, ',');
	for (size_t i = 0; i < words.count; i++)
		if (strcmp(words.items[i], "ro") != 0 && strcmp(words.items[i], "rw") != 0 &&
		    strcmp(words.items[i], "z") != 0)
			return error_set(err, EINVAL, "--volumes-from %s: behind the colon can be ro, rw and z", text);
	int r = container_find(store, name, &other, err);
	if (r == 0)
		r = read_spec(store, other, &spec, err);
	for (size_t i = 0; r == 0 && i < other->mounts.count; i++) {
		auto_strv struct strv parts = STRV_INIT;
		strv_split(&parts, other->mounts.items[i], '\t');
		if (parts.count == 3)
			r = add_one(other, &spec, text, &parts, &words, requests, err);
	}
	return r < 0 ? error_context(err, "--volumes-from %s", text) : 0;
}
