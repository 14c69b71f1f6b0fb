/* SPDX-License-Identifier: Apache-2.0 */
#include "libpod/secret/secret.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/json/json.h"

#define NAME_MAX_LENGTH 64
#define HEAD_MAX        (1 << 20)

void secret_free(struct secret *secret)
{
	if (!secret)
		return;
	free(secret->name);
	strv_free(&secret->labels);
	free(secret);
}

static int check_name(const char *name, struct error *err)
{
	size_t length = strlen(name);
	bool good = length > 0 && length <= NAME_MAX_LENGTH && isalnum((unsigned char)name[0]) &&
		    isalnum((unsigned char)name[length - 1]);
	for (size_t i = 0; i < length; i++)
		good &= isalnum((unsigned char)name[i]) || strchr("-_.", name[i]);
	return good ? 0
		    : error_set(err, EINVAL,
				"only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be "
				"[a-zA-Z0-9]: %s: invalid secret name",
				name);
}

/* The directory; -ENOENT where nothing was ever made. */
static int open_secrets(struct store *store, bool make, struct error *err)
{
	if (make && mkdirat(store->root_fd, "secrets", 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "make the directory of secrets");
	int fd = openat(store->root_fd, "secrets", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : error_sys(err, errno, "open the directory of secrets");
	return fd;
}

int secret_create(struct store *store, const char *name, const void *data, size_t length, const struct strv *labels,
		  bool replace, char *ret_id, struct error *err)
{
	char id[33];
	int r = check_name(name, err);
	if (r < 0)
		return r;
	if (length == 0 || length >= SECRET_DATA_MAX)
		return error_set(err, EINVAL, "secret data must be larger than 0 and less than %d bytes",
				 SECRET_DATA_MAX);
	auto_close int secrets = open_secrets(store, true, err);
	if (secrets < 0)
		return secrets;
	text_random_hex(id, 16);
	id[SECRET_ID_LENGTH] = '\0';
	auto_json struct json_object *head = json_object_new_object();
	json_add_string(head, "id", id);
	json_add_int(head, "created", time_now_ns());
	json_add_map(head, "labels", labels);
	auto_free char *line = json_text(head, false);
	auto_strbuf struct strbuf file = STRBUF_INIT;
	strbuf_printf(&file, "%s\n", line);
	strbuf_add(&file, data, length);
	r = file_write_at(secrets, name, file.data, file.length, 0600, FILE_SYNC | (replace ? 0 : FILE_EXCLUSIVE), err);
	explicit_bzero(file.data, file.length);
	if (r == -EEXIST)
		return error_set(err, EEXIST, "%s: secret name in use", name);
	if (r < 0)
		return error_context(err, "secret %s", name);
	memcpy(ret_id, id, SECRET_ID_LENGTH + 1);
	return 0;
}

static int parse(const char *name, const char *text, size_t length, struct secret **ret, const char **ret_data,
		 struct error *err)
{
	auto_secret struct secret *secret = xcalloc(1, sizeof(*secret));
	auto_json struct json_object *head = NULL;
	const char *end = memchr(text, '\n', length), *id = "";
	if (!end)
		return error_set(err, EINVAL, "secret %s is damaged", name);
	int r = json_parse(text, (size_t)(end - text), "its first line", &head, err);
	if (r < 0 || (r = json_get_string(head, "id", &id, err)) < 0 ||
	    (r = json_get_int(head, "created", 0, INT64_MAX, &secret->created_ns, err)) < 0 ||
	    (r = json_get_map(head, "labels", &secret->labels, err)) < 0)
		return error_context(err, "secret %s", name);
	if (strlen(id) != SECRET_ID_LENGTH || !text_is_hex(id, SECRET_ID_LENGTH))
		return error_set(err, EINVAL, "secret %s has no id", name);
	memcpy(secret->id, id, SECRET_ID_LENGTH + 1);
	secret->name = xstrdup(name);
	*ret = TAKE_PTR(secret);
	*ret_data = end + 1;
	return 0;
}

static int read_secret(int secrets, const char *name, struct secret **ret, char **ret_data, size_t *ret_length,
		       struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	const char *data = NULL;
	int r = file_read_at(secrets, name, HEAD_MAX + SECRET_DATA_MAX, &text, &length, err);
	if (r < 0 || (r = parse(name, text, length, ret, &data, err)) < 0)
		return r;
	size_t head = (size_t)(data - text);
	if (ret_data && data) {
		*ret_data = xmalloc(length - head + 1);
		memcpy(*ret_data, data, length - head + 1);
		*ret_length = length - head;
	}
	explicit_bzero(text, length);
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int secret_names(struct store *store, struct strv *ret, struct error *err)
{
	int fd = open_secrets(store, false, err);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	auto_closedir DIR *directory = fdopendir(fd);
	if (!directory) {
		int r = error_sys(err, errno, "read the directory of secrets");
		close(fd);
		return r;
	}
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			strv_add(ret, entry->d_name);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_texts);
	return 0;
}

/* The name of the secret that has the id, or the only one whose id begins so; NULL. */
static int name_of(struct store *store, int secrets, const char *id, char **ret, struct error *err)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *found = NULL;
	int r = secret_names(store, &names, err);
	for (size_t i = 0; r >= 0 && *id && i < names.count; i++) {
		auto_secret struct secret *secret = NULL;
		if (read_secret(secrets, names.items[i], &secret, NULL, NULL, NULL) < 0 ||
		    !text_starts_with(secret->id, id))
			continue;
		if (found)
			return error_set(err, EINVAL, "more than one secret has an id that begins with \"%s\"", id);
		found = xstrdup(names.items[i]);
	}
	*ret = TAKE_PTR(found);
	return r;
}

int secret_find(struct store *store, const char *name, struct secret **ret, char **ret_data, size_t *ret_length,
		struct error *err)
{
	auto_close int secrets = open_secrets(store, false, err);
	auto_free char *found = NULL;
	if (secrets < 0 && secrets != -ENOENT)
		return secrets;
	int r = -ENOENT;
	if (secrets >= 0 && check_name(name, NULL) == 0)
		r = read_secret(secrets, name, ret, ret_data, ret_length, err);
	if (r != -ENOENT)
		return r;
	error_clear(err);
	if (secrets >= 0 && (r = name_of(store, secrets, name, &found, err)) < 0)
		return r;
	if (!found)
		return error_set(err, ENOENT, "no secret with name or id \"%s\": no such secret", name);
	return read_secret(secrets, found, ret, ret_data, ret_length, err);
}

int secret_remove(struct store *store, const struct secret *secret, struct error *err)
{
	auto_close int secrets = open_secrets(store, false, err);
	if (secrets < 0 || unlinkat(secrets, secret->name, 0) < 0)
		return error_sys(err, secrets < 0 ? secrets : errno, "remove the secret %s", secret->name);
	return 0;
}
