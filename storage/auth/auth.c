/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/lock/lock.h"
#include "storage/auth/internal.h"

#define FILE_MAX ((size_t)4 * 1024 * 1024)

static void free_secret(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void credentials_clear(struct credentials *credentials)
{
	free_secret(&credentials->username);
	free_secret(&credentials->password);
	free_secret(&credentials->identity_token);
}

/* ---- places ---- */

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return text_is_empty(value) ? NULL : value;
}

static void add_home_file(struct strv *ret, const char *variable, const char *below_home, const char *file)
{
	const char *home = environment("HOME");
	if (environment(variable))
		strv_addf(ret, "%s/%s", environment(variable), file);
	else if (home)
		strv_addf(ret, "%s/%s/%s", home, below_home, file);
}

void auth_files_to_write(const char *authfile, struct strv *ret)
{
	if (!authfile)
		authfile = environment("REGISTRY_AUTH_FILE");
	if (authfile) {
		strv_add(ret, authfile);
		return;
	}
	if (environment("XDG_RUNTIME_DIR"))
		strv_addf(ret, "%s/containers/auth.json", environment("XDG_RUNTIME_DIR"));
	else if (access("/run/containers", X_OK) == 0 || errno != EACCES) /* root's, on some machines, and nobody else's */
		strv_addf(ret, "/run/containers/%u/auth.json", getuid());
	add_home_file(ret, "XDG_CONFIG_HOME", ".config", "containers/auth.json");
}

void auth_files_to_read(const char *authfile, struct strv *ret, bool *ret_named)
{
	bool named = authfile || environment("REGISTRY_AUTH_FILE");
	auth_files_to_write(authfile, ret);
	if (!named)
		add_home_file(ret, "DOCKER_CONFIG", ".docker", "config.json");
	if (ret_named)
		*ret_named = named;
}

/* ---- files ---- */

static inline void bytes_free(char *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}
DEFINE_CLEANUP(char *, bytes_free)

/* 1: read; 0: there is none, or an empty one (mktemp's), and *ret is an empty tree. */
static int read_tree(const char *path, struct json_object **ret, struct error *err)
{
	CLEANUP(bytes_freep) char *text = NULL;
	auto_json struct json_object *tree = NULL;
	size_t length = 0;
	int r = file_read_at(AT_FDCWD, path, FILE_MAX, &text, &length, err);
	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && strspn(text, " \t\r\n") == length)) {
		if (err)
			error_clear(err);
		*ret = json_object_new_object();
		return 0;
	}
	if (r == 0)
		r = json_parse(text, length, path, &tree, err);
	if (r == 0 && !json_object_is_type(tree, json_type_object))
		r = error_set(err, EINVAL, "%s: expected an object", path);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(tree);
	return 1;
}

static int write_tree(const char *path, struct json_object *tree, struct error *err)
{
	CLEANUP(bytes_freep) char *text = json_text(tree, true);
	/* What is a link stays one. */
	char resolved[PATH_MAX];
	return file_write_at(AT_FDCWD, realpath(path, resolved) ? resolved : path, text, strlen(text), 0600, FILE_SYNC,
			     err);
}

/* ---- finding ---- */

int auth_files_find(const char *authfile, const char *repository, struct credentials *ret, struct error *err)
{
	auto_strv struct strv files = STRV_INIT;
	bool named;
	auth_files_to_read(authfile, &files, &named);
	for (size_t i = 0; i < files.count; i++) {
		auto_json struct json_object *tree = NULL;
		int r = read_tree(files.items[i], &tree, err);
		if (r == 0 && named && access(files.items[i], F_OK) < 0)
			return error_sys(err, errno, "read %s", files.items[i]);
		if (r > 0 && (r = auth_entry_find(tree, repository, ret, err)) < 0)
			return error_context(err, "%s", files.items[i]);
		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- changing ---- */

static int store_in(const char *path, const char *host, const struct credentials *credentials, struct error *err)
{
	auto_json struct json_object *tree = NULL;
	auto_close int lock = lock_directory_of(path, 0700, err);
	if (lock < 0)
		return lock;
	int r = read_tree(path, &tree, err);
	if (r >= 0 && (r = auth_entry_store(tree, host, credentials, err)) < 0)
		return error_context(err, "%s", path);
	return r < 0 ? r : write_tree(path, tree, err);
}

/* Whether the file exists and has an entry for the host. */
static bool has_entry(const char *path, const char *host)
{
	auto_json struct json_object *tree = NULL;
	return read_tree(path, &tree, NULL) > 0 && auth_entry_is_there(tree, host);
}

char *auth_file_to_store(const char *authfile, const char *host)
{
	auto_strv struct strv files = STRV_INIT;
	size_t i = 0;
	auth_files_to_write(authfile, &files);
	while (i + 1 < files.count && !has_entry(files.items[i], host))
		i++;
	return xstrdup(files.items[i]); /* NOLINT(clang-analyzer-core.NullDereference): there is at least one */
}

int auth_files_store(const char *authfile, const char *host, const struct credentials *credentials, struct error *err)
{
	auto_free char *path = auth_file_to_store(authfile, host);
	return store_in(path, host, credentials, err);
}

static int erase_in(const char *path, const char *host, struct error *err)
{
	auto_json struct json_object *tree = NULL;
	if (access(path, F_OK) < 0)
		return 0;
	auto_close int lock = lock_directory_of(path, 0700, err);
	if (lock < 0)
		return lock;
	int r = read_tree(path, &tree, err);
	if (r > 0 && (r = host ? auth_entry_erase(tree, host, err) : auth_entry_erase_all(tree, err)) < 0)
		return error_context(err, "%s", path);
	if (r > 0 && write_tree(path, tree, err) < 0)
		return err ? -err->errnum : -EIO;
	return r;
}

int auth_files_erase(const char *authfile, const char *host, struct error *err)
{
	auto_strv struct strv files = STRV_INIT;
	int removed = 0;
	auth_files_to_write(authfile, &files);
	for (size_t i = 0; i < files.count; i++) {
		int r = erase_in(files.items[i], host, err);
		if (r < 0)
			return r;
		removed |= r;
	}
	return removed;
}
