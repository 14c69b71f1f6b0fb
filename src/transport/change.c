/* SPDX-License-Identifier: Apache-2.0 */
#include "src/transport/change.h"

#include <string.h>
#include <strings.h>

#include "pkg/process/process.h"
#include "pkg/text/text.h"

/* ---- values ---- */
/* A word as a Dockerfile has it: quotes and backslashes hold it together and go away. Moves *position behind it. */
static char *take_word(const char **position)
{
	auto_strbuf struct strbuf word = STRBUF_INIT;
	char quote = '\0';
	const char *p = *position;
	for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? '\0' : *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			strbuf_putc(&word, *++p);
		else
			strbuf_putc(&word, *p);
	}
	*position = p + strspn(p, " \t");
	return strbuf_take(&word);
}

static void take_words(const char *value, struct strv *ret)
{
	while (*value)
		strv_take(ret, take_word(&value));
}

/* An array of strings in JSON: true; anything else is not in the "exec form". */
static bool take_exec_form(const char *value, struct strv *ret)
{
	auto_json struct json_object *array = NULL;
	if (*value != '[' || json_parse(value, strlen(value), "value", &array, NULL) < 0 ||
	    !json_object_is_type(array, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(array); i++)
		if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
			return false;
	for (size_t i = 0; i < json_object_array_length(array); i++)
		strv_add(ret, json_object_get_string(json_object_array_get_idx(array, i)));
	return true;
}

static struct json_object *member_object(struct json_object *config, const char *key)
{
	struct json_object *object = NULL;
	if (!json_object_object_get_ex(config, key, &object) || !json_object_is_type(object, json_type_object)) {
		object = json_object_new_object();
		json_object_object_add(config, key, object);
	}
	return object;
}

/* ---- instructions ---- */
static int set_command(struct json_object *config, const char *key, const char *value, struct error *err)
{
	(void)err;
	auto_strv struct strv words = STRV_INIT;
	if (!take_exec_form(value, &words)) {
		strv_add(&words, "/bin/sh");
		strv_add(&words, "-c");
		strv_add(&words, value);
	}
	json_add_strv(config, key, &words);
	return 0;
}

static int set_text(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv words = STRV_INIT;
	take_words(value, &words);
	if (words.count != 1)
		return error_set(err, EINVAL, "expected one word");
	json_add_string(config, key, words.items[0]);
	return 0;
}

/* One that does not begin at the root is below the one before, as a Dockerfile has it. */
static int set_directory(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv words = STRV_INIT, parts = STRV_INIT, kept = STRV_INIT;
	const char *before = "";
	take_words(value, &words);
	if (words.count != 1 || !*words.items[0])
		return error_set(err, EINVAL, "expected one word");
	int r = json_get_string(config, key, &before, err);
	if (r < 0)
		return r;
	auto_free char *joined = xasprintf("%s/%s", *words.items[0] == '/' ? "" : before, words.items[0]);
	strv_split(&parts, joined, '/');
	for (size_t i = 0; i < parts.count; i++) {
		if (strcmp(parts.items[i], "..") == 0 && kept.count > 0)
			strv_remove(&kept, kept.count - 1);
		else if (*parts.items[i] && strcmp(parts.items[i], ".") != 0 && strcmp(parts.items[i], "..") != 0)
			strv_add(&kept, parts.items[i]);
	}
	auto_free char *path = strv_join(&kept, "/"), *absolute = xasprintf("/%s", path);
	json_add_string(config, key, absolute);
	return 0;
}

static int set_signal(struct json_object *config, const char *key, const char *value, struct error *err)
{
	if (signal_from_name(value) < 0)
		return error_set(err, EINVAL, "there is no signal \"%s\"", value);
	return set_text(config, key, value, err);
}

static int add_text(struct json_object *config, const char *key, const char *value, struct error *err)
{
	struct json_object *array = NULL;
	(void)err;
	if (!json_object_object_get_ex(config, key, &array) || !json_object_is_type(array, json_type_array)) {
		array = json_object_new_array();
		json_object_object_add(config, key, array);
	}
	json_object_array_add(array, json_object_new_string(value));
	return 0;
}

/* "KEY=value KEY=value …", or in the old form "KEY the rest". */
static int take_pairs(const char *value, struct strv *ret, struct error *err)
{
	size_t first = strcspn(value, " \t");
	if (!memchr(value, '=', first)) {
		const char *rest = value + first + strspn(value + first, " \t");
		if (!*rest)
			return error_set(err, EINVAL, "expected KEY=VALUE");
		strv_addf(ret, "%.*s=%s", (int)first, value, rest);
		return 0;
	}
	take_words(value, ret);
	for (size_t i = 0; i < ret->count; i++)
		if (ret->items[i][0] == '=' || !strchr(ret->items[i], '='))
			return error_set(err, EINVAL, "expected KEY=VALUE, not \"%s\"", ret->items[i]);
	return 0;
}

static int add_environment(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv pairs = STRV_INIT, environment = STRV_INIT;
	int r = take_pairs(value, &pairs, err);
	if (r == 0)
		r = json_get_strv(config, key, &environment, err);
	for (size_t i = 0; r >= 0 && i < pairs.count; i++)
		strv_env_set(&environment, pairs.items[i]);
	if (r < 0)
		return r;
	json_add_strv(config, key, &environment);
	return 0;
}

static int add_labels(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv pairs = STRV_INIT;
	int r = take_pairs(value, &pairs, err);
	for (size_t i = 0; r == 0 && i < pairs.count; i++) {
		char *equals = strchr(pairs.items[i], '=');
		*equals = '\0';
		json_add_string(member_object(config, key), pairs.items[i], equals + 1);
	}
	return r;
}

static int parse_port(const char *text, size_t length, int64_t *ret, struct error *err)
{
	auto_free char *number = xstrndup(text, length);
	return parse_int64(number, "port", 1, 65535, ret, err);
}

/* "80", "53/udp", "8000-8010/tcp": a range is as many ports, as elsewhere. */
static int add_port(struct json_object *ports, const char *text, struct error *err)
{
	const char *slash = strchr(text, '/'), *protocol = slash ? slash : "/tcp";
	size_t length = slash ? (size_t)(slash - text) : strlen(text), first_length = strcspn(text, "-/");
	int64_t first, last;
	if (strcmp(protocol, "/tcp") != 0 && strcmp(protocol, "/udp") != 0 && strcmp(protocol, "/sctp") != 0)
		return error_set(err, EINVAL, "a port is NUMBER, NUMBER/tcp or NUMBER/udp, not \"%s\"", text);
	int r = parse_port(text, first_length, &first, err);
	last = first;
	if (r == 0 && text[first_length] == '-')
		r = parse_port(text + first_length + 1, length - first_length - 1, &last, err);
	if (r == 0 && last < first)
		return error_set(err, EINVAL, "the range of ports %s ends before it begins", text);
	for (int64_t port = first; r == 0 && port <= last; port++) {
		auto_free char *key = xasprintf("%lld%s", (long long)port, protocol);
		json_object_object_add(ports, key, json_object_new_object());
	}
	return r;
}

static int add_ports(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv ports = STRV_INIT;
	int r = 0;
	take_words(value, &ports);
	for (size_t i = 0; r == 0 && i < ports.count; i++)
		r = add_port(member_object(config, key), ports.items[i], err);
	return r;
}

static int add_volumes(struct json_object *config, const char *key, const char *value, struct error *err)
{
	auto_strv struct strv paths = STRV_INIT;
	(void)err;
	if (!take_exec_form(value, &paths))
		take_words(value, &paths);
	for (size_t i = 0; i < paths.count; i++)
		json_object_object_add(member_object(config, key), paths.items[i], json_object_new_object());
	return 0;
}

static const struct {
	const char *instruction;
	const char *key;
	int (*apply)(struct json_object *config, const char *key, const char *value, struct error *err);
} instructions[] = {
    {"CMD", "Cmd", set_command},
    {"ENTRYPOINT", "Entrypoint", set_command},
    {"ENV", "Env", add_environment},
    {"EXPOSE", "ExposedPorts", add_ports},
    {"LABEL", "Labels", add_labels},
    {"ONBUILD", "OnBuild", add_text},
    {"STOPSIGNAL", "StopSignal", set_signal},
    {"USER", "User", set_text},
    {"VOLUME", "Volumes", add_volumes},
    {"WORKDIR", "WorkingDir", set_directory},
};

int change_apply(struct json_object *config, const char *instruction, struct error *err)
{
	const char *text = instruction + strspn(instruction, " \t");
	size_t length = strcspn(text, " \t=");
	auto_free char *value = xstrdup(text + length + strspn(text + length, text[length] == '=' ? "=" : " \t"));
	size_t end = strlen(value);
	while (end > 0 && strchr(" \t\r\n", value[end - 1]))
		value[--end] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (strlen(instructions[i].instruction) != length ||
		    strncasecmp(instructions[i].instruction, text, length) != 0)
			continue;
		int r = *value ? instructions[i].apply(config, instructions[i].key, value, err)
			       : error_set(err, EINVAL, "%s needs a value", instructions[i].instruction);
		return r < 0 ? error_context(err, "invalid change \"%s\"", instruction) : 0;
	}
	return error_set(err, EINVAL,
			 "invalid change \"%s\": it must begin with CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
			 "STOPSIGNAL, USER, VOLUME or WORKDIR",
			 instruction);
}
