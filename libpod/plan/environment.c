/* SPDX-License-Identifier: Apache-2.0 */
/* environment: --env, --env-file, --env-host, and what the image and the container itself set. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "libpod/plan/plan_internal.h"
#include "pkg/file/file.h"

#define ENV_FILE_MAX	(1 << 20)
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

void plan_env(const char *assignment, struct strv *env)
{
	if (strchr(assignment, '=')) {
		strv_env_set(env, assignment);
		return;
	}
	size_t length = strlen(assignment);
	bool prefix = length && assignment[length - 1] == '*';
	for (char **own = environ; *own; own++) {
		size_t key = strcspn(*own, "=");
		if (prefix ? strncmp(*own, assignment, length - 1) == 0 : key == length && strncmp(*own, assignment, length) == 0)
			strv_env_set(env, *own);
	}
}

int plan_env_file(const char *path, struct strv *env, struct error *err)
{
	auto_free char *text = NULL;
	int r = file_read_at(AT_FDCWD, path, ENV_FILE_MAX, &text, NULL, err);
	if (r < 0)
		return error_context(err, "environment file");
	size_t number = 0;
	/* A byte order mark, which editors of other systems write, is no part of the first name. */
	size_t mark = text_starts_with(text, "\xef\xbb\xbf") ? 3 : 0;
	for (char *rest = text + mark, *line; (line = strsep(&rest, "\n"));) {
		number++;
		line += strspn(line, " \t");
		size_t length = strlen(line);
		if (length && line[length - 1] == '\r')
			line[length - 1] = '\0';
		if (!*line || *line == '#')
			continue;
		size_t key = strcspn(line, "=");
		if (key == 0 || strcspn(line, " \t") < key)
			return error_set(err, EINVAL, "environment file %s, line %zu: \"%s\" is not KEY=value", path, number, line);
		plan_env(line, env);
	}
	return 0;
}

/* podman: --http-proxy, which is on; whatever else says such a variable comes later and wins. */
static void pass_proxies(struct strv *env)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		plan_env(names[i], env);
}

/* $NAME and ${NAME} by what is in `env` (nothing, where it is not); \$ is a dollar. */
static int merge(const char *assignment, struct strv *env, struct error *err)
{
	auto_strbuf struct strbuf text = STRBUF_INIT;
	size_t key = strcspn(assignment, "=");
	if (!key || !assignment[key])
		return error_set(err, EINVAL, "--env-merge \"%s\" is not KEY=value", assignment);
	strbuf_add(&text, assignment, key + 1);
	for (const char *at = assignment + key + 1; *at;) {
		if (at[0] == '\\' && at[1] == '$') {
			strbuf_putc(&text, '$');
			at += 2;
			continue;
		}
		bool braces = at[0] == '$' && at[1] == '{';
		const char *name = at + 1 + braces;
		size_t length = at[0] == '$' ? strspn(name, NAME_CHARACTERS) : 0;
		if (braces && (!length || name[length] != '}'))
			return error_set(err, EINVAL, "--env-merge \"%s\": ${ needs a name and }", assignment);
		if (!length) {
			strbuf_putc(&text, *at++);
			continue;
		}
		auto_free char *variable = xstrndup(name, length);
		const char *value = strv_env_get(env, variable);
		strbuf_puts(&text, value ? value : "");
		at = name + length + braces;
	}
	strv_env_set(env, strbuf_text(&text));
	return 0;
}

int plan_environment(const struct create_options *options, struct json_object *image_config, const char *hostname, const char *home,
		     struct strv *env, struct error *err)
{
	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(env, "container=coracle");
	if (options->terminal)
		strv_add(env, "TERM=xterm");
	strv_addf(env, "HOSTNAME=%s", hostname);
	strv_addf(env, "HOME=%s", home);

	if (options->http_proxy)
		pass_proxies(env);
	auto_strv struct strv image_env = STRV_INIT;
	int r = json_get_strv(image_config, "Env", &image_env, err);
	if (r < 0)
		return r;
	for (char **host = options->env_host ? environ : NULL; host && *host; host++)
		strv_env_set(env, *host);
	for (size_t i = 0; i < image_env.count; i++)
		strv_env_set(env, image_env.items[i]);
	for (size_t i = 0; i < options->env_merge.count; i++)
		if ((r = merge(options->env_merge.items[i], env, err)) < 0)
			return r;
	if (options->unset_env_all)
		strv_clear(env);
	for (size_t i = 0; i < options->unset_env.count; i++)
		strv_env_unset(env, options->unset_env.items[i]);
	for (size_t i = 0; i < options->env_files.count; i++) {
		r = plan_env_file(options->env_files.items[i], env, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < options->env.count; i++) {
		if (options->env.items[i][0] == '=' || !options->env.items[i][0])
			return error_set(err, EINVAL, "--env \"%s\" is not KEY=value", options->env.items[i]);
		plan_env(options->env.items[i], env);
	}
	return 0;
}
