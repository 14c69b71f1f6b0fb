/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credential helpers: docker-credential-<name> get|store|erase|list. `get` and `erase` are given the server on standard
 * input, `store` {"ServerURL", "Username", "Secret"}; `get` answers with the same. The name "<token>" says that the
 * secret is an identity token. `list` answers with {SERVER: NAME}. One that has none of that server says so, in these words, on standard output, and fails.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pkg/file/file.h"
#include "pkg/process/process.h"
#include "storage/auth/internal.h"

#define TOKEN_NAME "<token>"
#define NOT_FOUND  "credentials not found in native keychain"

/* In memory of its own: secrets must not come to a disk, and a pipe can be too small. */
static int input_of(const char *text, struct error *err)
{
	auto_close int fd = memfd_create("credentials", MFD_CLOEXEC);
	if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(err, errno, "make the input of a credential helper");
	return TAKE_FD(fd);
}

/* 1: it did it, 0: it has no such credentials. */
static int call(const char *name, const char *verb, const char *input, struct strbuf *output, struct error *err)
{
	if (text_is_empty(name) || strchr(name, '/'))
		return error_set(err, EINVAL, "\"%s\" is not the name of a credential helper", name);
	auto_free char *program = xasprintf("docker-credential-%s", name);
	const char *const argv[] = {program, verb, NULL};
	auto_close int fd = input_of(input, err);
	if (fd < 0)
		return fd;
	int r = spawn_run(&(struct spawn){.argv = argv, .output = output, .input_fd = fd}, err);
	if (r == 0)
		return 1;
	const char *said = strbuf_text(output);
	if (r != -ENOENT && strncmp(said, NOT_FOUND, strlen(NOT_FOUND)) == 0) {
		if (err)
			error_clear(err);
		return 0;
	}
	/* What went wrong it says there, too. */
	return *said && r == -EIO ? error_set(err, EIO, "%s: %.*s", program, (int)strcspn(said, "\r\n"), said) : r;
}

static void forget(struct strbuf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->length);
	strbuf_free(text);
}

int helper_get(const char *name, const char *server, struct credentials *ret, struct error *err)
{
	CLEANUP(forget) struct strbuf output = STRBUF_INIT;
	auto_json struct json_object *json = NULL;
	const char *username = NULL, *secret = NULL;
	int r = call(name, "get", server, &output, err);
	if (r <= 0)
		return r;
	if ((r = json_parse(strbuf_text(&output), output.length, "its answer", &json, err)) == 0)
		r = json_get_string(json, "Username", &username, err);
	if (r >= 0)
		r = json_get_string(json, "Secret", &secret, err);
	if (r < 0)
		return error_context(err, "docker-credential-%s", name);
	if (text_is_empty(username) || !secret)
		return 0;
	if (strcmp(username, TOKEN_NAME) == 0)
		*ret = (struct credentials){.identity_token = xstrdup(secret)};
	else
		*ret = (struct credentials){.username = xstrdup(username), .password = xstrdup(secret)};
	return 1;
}

int helper_store(const char *name, const char *server, const struct credentials *credentials, struct error *err)
{
	auto_strbuf struct strbuf output = STRBUF_INIT;
	auto_json struct json_object *json = json_object_new_object();
	bool token = credentials->identity_token;
	json_add_string(json, "ServerURL", server);
	json_add_string(json, "Username", token ? TOKEN_NAME : credentials->username);
	json_add_string(json, "Secret", token ? credentials->identity_token : credentials->password);
	auto_free char *text = json_text(json, false);
	int r = call(name, "store", text, &output, err);
	explicit_bzero(text, strlen(text));
	return r < 0 ? r : 0;
}

int helper_erase(const char *name, const char *server, struct error *err)
{
	auto_strbuf struct strbuf output = STRBUF_INIT;
	return call(name, "erase", server, &output, err);
}

int helper_list(const char *name, struct strv *ret, struct error *err)
{
	auto_strbuf struct strbuf output = STRBUF_INIT;
	auto_json struct json_object *json = NULL;
	int r = call(name, "list", "unused", &output, err);
	if (r <= 0)
		return r;
	r = json_parse(strbuf_text(&output), output.length, "its list", &json, err);
	if (r == 0 && !json_object_is_type(json, json_type_object))
		r = error_set(err, EINVAL, "its list: expected an object");
	if (r < 0)
		return error_context(err, "docker-credential-%s", name);
	json_object_object_foreach(json, server, user)
	{
		(void)user;
		strv_add(ret, server);
	}
	return 0;
}
