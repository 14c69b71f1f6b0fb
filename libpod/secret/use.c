/* SPDX-License-Identifier: Apache-2.0 */
/* use: a container's secrets. A text of container->secrets is "<id> <name> mount|env <uid> <gid> <mode, octal>
 * <target>". */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libpod/secret/secret.h"
#include "pkg/file/file.h"

#define DIRECTORY "secrets"

void secret_use_free(struct secret_use *use)
{
	free(use->id);
	free(use->name);
	free(use->target);
}

/* ---- the option ---- */

static int parse_id(const char *word, const char *key, uint32_t *ret, struct error *err)
{
	int64_t id;
	int r = parse_int64(word + strlen(key), "id", 0, UINT32_MAX - 1, &id, err);
	if (r == 0)
		*ret = (uint32_t)id;
	return r;
}

static int parse_word(const char *word, bool first, struct secret_use *use, struct error *err)
{
	static const char *const names[] = {"source=", "id=", "src="};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_starts_with(word, names[i])) {
			free(use->name);
			use->name = xstrdup(word + strlen(names[i]));
			return 0;
		}
	if (first && !strchr(word, '=')) {
		use->name = xstrdup(word);
		return 0;
	}
	if (text_starts_with(word, "target=")) {
		free(use->target);
		use->target = xstrdup(word + strlen("target="));
		return 0;
	}
	if (strcmp(word, "type=mount") == 0 || strcmp(word, "type=env") == 0) {
		use->env = strcmp(word, "type=env") == 0;
		return 0;
	}
	if (text_starts_with(word, "uid="))
		return parse_id(word, "uid=", &use->uid, err);
	if (text_starts_with(word, "gid="))
		return parse_id(word, "gid=", &use->gid, err);
	if (text_starts_with(word, "mode=")) {
		char *end;
		unsigned long mode = strtoul(word + 5, &end, 8);
		if (!word[5] || *end || mode > 07777)
			return error_set(err, EINVAL, "mode %s is not octal", word + 5);
		use->mode = (uint32_t)mode;
		return 0;
	}
	return error_set(err, EINVAL, "\"%s\": there are type=mount|env, target=, uid=, gid= and mode=", word);
}

static int check(const struct secret_use *use, bool owned, struct error *err)
{
	if (text_is_empty(use->name))
		return error_set(err, EINVAL, "the secret's name is missing");
	if (use->env && owned)
		return error_set(err, EINVAL, "uid, gid and mode are for type=mount: a variable has none");
	if (use->target && (!*use->target || strpbrk(use->target, use->env ? "=\n" : "\n")))
		return error_set(err, EINVAL, "target \"%s\" is no %s", use->target, use->env ? "variable" : "path");
	return 0;
}

static int parse_option(const char *option, struct secret_use *use, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	bool owned = false;
	strv_split(&words, option, ',');
	for (size_t i = 0; i < words.count; i++) {
		int r = parse_word(words.items[i], i == 0, use, err);
		if (r < 0)
			return r;
		owned |= text_starts_with(words.items[i], "uid=") || text_starts_with(words.items[i], "gid=") ||
			 text_starts_with(words.items[i], "mode=");
	}
	return check(use, owned, err);
}

/* Where it is in the container. */
static char *full_target(const struct secret_use *use, const char *name)
{
	const char *target = use->target ? use->target : name;
	return use->env || *target == '/' ? xstrdup(target) : xasprintf("/run/secrets/%s", target);
}

int secret_add_use(struct store *store, const char *option, struct container *container, struct error *err)
{
	auto_secret_use struct secret_use use = {.mode = 0444};
	auto_secret struct secret *secret = NULL;
	int r = parse_option(option, &use, err);
	if (r < 0)
		return error_context(err, "--secret %s", option);
	if ((r = secret_find(store, use.name, &secret, NULL, NULL, err)) < 0)
		return r;
	auto_free char *target = full_target(&use, secret->name);
	strv_addf(&container->secrets, "%s %s %s %" PRIu32 " %" PRIu32 " %" PRIo32 " %s", secret->id, secret->name,
		  use.env ? "env" : "mount", use.uid, use.gid, use.mode, target);
	return 0;
}

int secret_use_read(const char *text, struct secret_use *ret, struct error *err)
{
	auto_secret_use struct secret_use use = {0};
	int length = -1;
	char id[SECRET_ID_LENGTH + 1], name[65], type[6];
	if (sscanf(text, "%25s %64s %5s %" SCNu32 " %" SCNu32 " %" SCNo32 " %n", id, name, type, &use.uid, &use.gid,
		   &use.mode, &length) != 6 ||
	    length < 0 || !text[length])
		return error_set(err, EINVAL, "the container's record of its secrets is damaged");
	use.id = xstrdup(id);
	use.name = xstrdup(name);
	use.env = strcmp(type, "env") == 0;
	use.target = xstrdup(text + length);
	*ret = use;
	use = (struct secret_use){0};
	return 0;
}

/* ---- the container's copies ---- */

static int copy_one(struct store *store, const char *text, int directory, size_t index, struct error *err)
{
	auto_secret_use struct secret_use use = {0};
	auto_secret struct secret *secret = NULL;
	auto_free char *data = NULL;
	size_t length;
	char number[24];
	int r = secret_use_read(text, &use, err);
	if (r < 0 || (r = secret_find(store, use.id, &secret, &data, &length, err)) < 0)
		return r;
	if (use.env && memchr(data, '\0', length))
		return error_set(err, EINVAL, "secret %s has zero bytes, which a variable cannot have; use type=mount",
				 use.name);
	snprintf(number, sizeof(number), "%zu", index);
	auto_close int fd = openat(directory, number, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, data, length);
	explicit_bzero(data, length);
	return r < 0 ? error_sys(err, r, "copy the secret %s", use.name) : store_give(store, fd, err);
}

int secret_copy_all(struct store *store, const struct container *container, int dirfd, struct error *err)
{
	if (!container->secrets.count)
		return 0;
	if (mkdirat(dirfd, DIRECTORY, 0700) < 0)
		return error_sys(err, errno, "make a directory of the container");
	auto_close int directory = openat(dirfd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = directory < 0 ? error_sys(err, errno, "open a directory of the container")
			      : store_give(store, directory, err);
	for (size_t i = 0; r >= 0 && i < container->secrets.count; i++)
		r = copy_one(store, container->secrets.items[i], directory, i, err);
	return r;
}

int secret_open_copy(struct store *store, const struct container *container, size_t index, struct error *err)
{
	auto_free char *path = xasprintf("containers/%s/" DIRECTORY "/%zu", container->id, index);
	int fd = openat(store->root_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_sys(err, errno, "open the container's copy of secret %zu", index + 1) : fd;
}

int secret_add_env(struct store *store, const struct container *container, struct strv *env, struct error *err)
{
	for (size_t i = 0; i < container->secrets.count; i++) {
		auto_secret_use struct secret_use use = {0};
		auto_free char *data = NULL;
		int r = secret_use_read(container->secrets.items[i], &use, err);
		if (r < 0)
			return r;
		if (!use.env)
			continue;
		auto_close int fd = secret_open_copy(store, container, i, err);
		if (fd < 0 || (r = file_read_fd(fd, "secret", SECRET_DATA_MAX, &data, NULL, err)) < 0)
			return fd < 0 ? fd : r;
		auto_free char *assignment = xasprintf("%s=%s", use.target, data);
		strv_env_set(env, assignment);
	}
	return 0;
}
