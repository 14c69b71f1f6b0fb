/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --mount type=TYPE,KEY=VALUE…, read: a line of CSV (values with commas in double quotes). The keys are docker's and
 * podman's; which type has which, a table says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libpod/plan/mount_request.h"
#include "pkg/file/file.h"

static const char *const type_names[] = {[MOUNT_BIND] = "bind",   [MOUNT_VOLUME] = "volume", [MOUNT_TMPFS] = "tmpfs",
					 [MOUNT_IMAGE] = "image", [MOUNT_DEVPTS] = "devpts", [MOUNT_RAMFS] = "ramfs"};

#define BIT(kind) (1u << MOUNT_##kind)
#define MEMORY    (BIT(TMPFS) | BIT(RAMFS))
#define ALL       (BIT(BIND) | BIT(VOLUME) | BIT(TMPFS) | BIT(IMAGE) | BIT(DEVPTS) | BIT(RAMFS))

enum key {
	KEY_TYPE,
	KEY_SOURCE,
	KEY_DESTINATION,
	KEY_READ_ONLY,
	KEY_READ_WRITE,
	KEY_PROPAGATION,
	KEY_NOT_RECURSIVE,
	KEY_RECURSIVE,
	KEY_MAKE_SOURCE,
	KEY_CHOWN,
	KEY_IDMAP,
	KEY_SUBPATH,
	KEY_NO_COPY,
	KEY_DRIVER,
	KEY_LABEL,
	KEY_VOLUME_OPTION,
	KEY_SIZE,
	KEY_MODE,
	KEY_COPY_UP,
	KEY_NO_COPY_UP,
	KEY_WORD,   /* the key itself is the mount's option */
	KEY_OPTION, /* key=value is */
	KEY_IDLE,   /* says nothing that is not so anyway */
};

static const struct {
	const char *name;
	enum key key;
	unsigned int kinds;
} keys[] = {
    {"type", KEY_TYPE, ALL},
    {"source", KEY_SOURCE, BIT(BIND) | BIT(VOLUME) | BIT(IMAGE)},
    {"src", KEY_SOURCE, BIT(BIND) | BIT(VOLUME) | BIT(IMAGE)},
    {"destination", KEY_DESTINATION, ALL},
    {"dst", KEY_DESTINATION, ALL},
    {"target", KEY_DESTINATION, ALL},
    {"readonly", KEY_READ_ONLY, ALL},
    {"ro", KEY_READ_ONLY, ALL},
    {"readwrite", KEY_READ_WRITE, ALL},
    {"rw", KEY_READ_WRITE, ALL},
    {"bind-propagation", KEY_PROPAGATION, BIT(BIND) | BIT(VOLUME)},
    {"bind-nonrecursive", KEY_NOT_RECURSIVE, BIT(BIND)},
    {"bind-recursive", KEY_RECURSIVE, BIT(BIND)},
    {"bind-create-src", KEY_MAKE_SOURCE, BIT(BIND)},
    {"consistency", KEY_IDLE, BIT(BIND) | BIT(VOLUME)},
    {"relabel", KEY_IDLE, BIT(BIND) | BIT(VOLUME)},
    {"U", KEY_CHOWN, BIT(BIND) | BIT(VOLUME) | MEMORY},
    {"chown", KEY_CHOWN, BIT(BIND) | BIT(VOLUME) | MEMORY},
    {"idmap", KEY_IDMAP, BIT(BIND) | BIT(VOLUME)},
    {"subpath", KEY_SUBPATH, BIT(VOLUME) | BIT(IMAGE)},
    {"volume-subpath", KEY_SUBPATH, BIT(VOLUME)},
    {"image-subpath", KEY_SUBPATH, BIT(IMAGE)},
    {"volume-nocopy", KEY_NO_COPY, BIT(VOLUME)},
    {"nocopy", KEY_NO_COPY, BIT(VOLUME)},
    {"volume-driver", KEY_DRIVER, BIT(VOLUME)},
    {"volume-label", KEY_LABEL, BIT(VOLUME)},
    {"volume-opt", KEY_VOLUME_OPTION, BIT(VOLUME)},
    {"tmpfs-size", KEY_SIZE, BIT(TMPFS)},
    {"size", KEY_SIZE, BIT(TMPFS)},
    {"tmpfs-mode", KEY_MODE, MEMORY},
    {"mode", KEY_MODE, MEMORY},
    {"tmpcopyup", KEY_COPY_UP, MEMORY},
    {"notmpcopyup", KEY_NO_COPY_UP, MEMORY},
    {"nosuid", KEY_WORD, ALL},
    {"suid", KEY_WORD, ALL},
    {"nodev", KEY_WORD, ALL},
    {"dev", KEY_WORD, ALL},
    {"noexec", KEY_WORD, ALL},
    {"exec", KEY_WORD, ALL},
    {"uid", KEY_OPTION, BIT(DEVPTS) | BIT(TMPFS)},
    {"gid", KEY_OPTION, BIT(DEVPTS) | BIT(TMPFS)},
    {"mode", KEY_OPTION, BIT(DEVPTS)},
    {"max", KEY_OPTION, BIT(DEVPTS)},
};

/* ---- CSV ---- */
static int split_csv(const char *text, struct strv *ret, struct error *err)
{
	auto_strbuf struct strbuf field = STRBUF_INIT;
	bool quoted = false;
	for (const char *c = text; *c; c++) {
		if (*c == '"' && quoted && c[1] == '"')
			strbuf_putc(&field, *c++);
		else if (*c == '"' && (quoted || field.length == 0))
			quoted = !quoted;
		else if (*c == ',' && !quoted) {
			strv_add(ret, strbuf_text(&field));
			strbuf_truncate(&field, 0);
		} else
			strbuf_putc(&field, *c);
	}
	strv_add(ret, strbuf_text(&field));
	return quoted ? error_set(err, EINVAL, "--mount %s: a quote is not closed", text) : 0;
}

/* ---- keys ---- */
static int parse_flag(const struct mount_request *request, const char *name, const char *value, bool *ret,
		      struct error *err)
{
	auto_free char *what = xasprintf("%s: %s", request->shown, name);
	*ret = true;
	return value ? parse_bool(value, what, ret, err) : 0;
}

/* docker's: what becomes of what is mounted below. */
static int set_recursion(struct mount_request *request, const char *value, struct error *err)
{
	if (strcmp(value, "disabled") == 0)
		request->no_recursion = true;
	else if (strcmp(value, "writable") == 0)
		request->top_only = true;
	else if (strcmp(value, "enabled") != 0 && strcmp(value, "readonly") != 0)
		return error_set(err, EINVAL, "%s: bind-recursive is enabled, disabled, writable or readonly",
				 request->shown);
	return 0;
}

static int set_propagation(struct mount_request *request, const char *value, struct error *err)
{
	if (text_ends_with(value, "private") || text_ends_with(value, "shared") || text_ends_with(value, "slave"))
		return mount_request_word(request, value, err);
	return error_set(err, EINVAL, "%s: bind-propagation is private, rprivate, shared, rshared, slave or rslave",
			 request->shown);
}

static int set_mode(struct mount_request *request, const char *value, struct error *err)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);
	if (*end || !*value || mode > 07777)
		return error_set(err, EINVAL, "%s: tmpfs-mode is an octal mode of at most 7777", request->shown);
	strv_addf(&request->options, "mode=%lo", mode);
	return 0;
}

static int set_size(struct mount_request *request, const char *value, struct error *err)
{
	int64_t bytes;
	int r = parse_size(value, request->shown, &bytes, err);
	if (r == 0)
		strv_addf(&request->options, "size=%lld", (long long)bytes);
	return r;
}

static void replace(char **text, const char *value)
{
	free(*text);
	*text = xstrdup(value);
}

static void add_label(struct strv *labels, const char *value)
{
	auto_free char *label = xasprintf("%s%s", value, strchr(value, '=') ? "" : "=");
	strv_env_set(labels, label);
}

/* Those that need a value. */
static int set_value(struct mount_request *request, enum key key, const char *name, const char *value,
		     struct error *err)
{
	switch (key) {
	case KEY_SOURCE:
		replace(&request->source, value);
		return 0;
	case KEY_DESTINATION:
		free(request->destination);
		request->destination = mount_destination(value);
		return request->destination
			   ? 0
			   : error_set(err, EINVAL, "%s: the target \"%s\" must be an absolute path other than /",
				       request->shown, value);
	case KEY_PROPAGATION:
		return set_propagation(request, value, err);
	case KEY_RECURSIVE:
		return set_recursion(request, value, err);
	case KEY_SUBPATH:
		replace(&request->subpath, value);
		return 0;
	case KEY_DRIVER:
		replace(&request->driver, value);
		return 0;
	case KEY_LABEL:
		add_label(&request->labels, value);
		return 0;
	case KEY_VOLUME_OPTION:
		strv_add(&request->volume_options, value);
		return 0;
	case KEY_SIZE:
		return set_size(request, value, err);
	case KEY_MODE:
		return set_mode(request, value, err);
	default:
		strv_addf(&request->options, "%s=%s", name, value);
		return 0;
	}
}

static int set_flag(struct mount_request *request, enum key key, const char *name, const char *value, bool *make_source,
		    struct error *err)
{
	bool on;
	int r = parse_flag(request, name, value, &on, err);
	if (r < 0)
		return r;
	switch (key) {
	case KEY_READ_ONLY:
		strv_add(&request->options, on ? "ro" : "rw");
		request->writable = !on;
		break;
	case KEY_READ_WRITE:
		strv_add(&request->options, on ? "rw" : "ro");
		request->writable = on;
		break;
	case KEY_NOT_RECURSIVE:
		request->no_recursion = on;
		break;
	case KEY_MAKE_SOURCE:
		*make_source = on;
		break;
	case KEY_CHOWN:
		request->chown = on;
		break;
	case KEY_NO_COPY:
		request->no_copy = on;
		break;
	case KEY_COPY_UP:
		strv_add(&request->options, on ? "tmpcopyup" : "notmpcopyup");
		break;
	case KEY_NO_COPY_UP:
		strv_add(&request->options, on ? "notmpcopyup" : "tmpcopyup");
		break;
	default:
		if (on)
			strv_add(&request->options, name);
	}
	return 0;
}

static bool is_flag(enum key key)
{
	return key == KEY_READ_ONLY || key == KEY_READ_WRITE || key == KEY_NOT_RECURSIVE || key == KEY_MAKE_SOURCE ||
	       key == KEY_CHOWN || key == KEY_NO_COPY || key == KEY_COPY_UP || key == KEY_NO_COPY_UP || key == KEY_WORD;
}

static int set_key(struct mount_request *request, const char *field, bool *make_source, struct error *err)
{
	const char *equals = strchr(field, '='), *value = equals ? equals + 1 : NULL;
	auto_free char *name = equals ? xstrndup(field, (size_t)(equals - field)) : xstrdup(field);
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		known = true;
		if (!(keys[i].kinds & (1u << request->kind)))
			continue;
		if (keys[i].key == KEY_TYPE || keys[i].key == KEY_IDLE)
			return 0;
		if (keys[i].key == KEY_IDMAP) {
			free(request->idmap);
			request->idmap = xstrdup(field);
			return 0;
		}
		if (is_flag(keys[i].key))
			return set_flag(request, keys[i].key, name, value, make_source, err);
		if (!value)
			return error_set(err, EINVAL, "%s: %s needs a value", request->shown, name);
		return set_value(request, keys[i].key, name, value, err);
	}
	return error_set(err, EINVAL, known ? "%s: %s is not for mounts of type %s" : "%s: unknown key %s",
			 request->shown, name, type_names[request->kind]);
}

/* ---- the whole ---- */
static int find_type(struct mount_request *request, const struct strv *fields, struct error *err)
{
	const char *type = strv_env_get(fields, "type");
	request->kind = MOUNT_VOLUME;
	if (!type)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
		if (strcmp(type_names[i], type) != 0)
			continue;
		request->kind = (enum mount_kind)i;
		return 0;
	}
	return error_set(err, EINVAL, "%s: the type is bind, volume, tmpfs, image, devpts or ramfs", request->shown);
}

static int find_source(struct mount_request *request, bool make_source, struct error *err)
{
	if (request->kind == MOUNT_VOLUME && request->source && *request->source)
		return volume_name_check(request->source, err) < 0 ? error_context(err, "%s", request->shown) : 0;
	if (request->kind != MOUNT_BIND && request->kind != MOUNT_IMAGE)
		return 0;
	if (text_is_empty(request->source))
		return error_set(err, EINVAL, "%s: a mount of type %s needs a source", request->shown,
				 type_names[request->kind]);
	if (request->kind == MOUNT_IMAGE)
		return 0;
	auto_free char *given = xstrdup(request->source);
	int r = make_source ? mkdirs(given, 0755, err) : 0;
	return r < 0 ? r : mount_request_source(request, given, err);
}

int mount_request_mount(const char *text, struct mount_request *ret, struct error *err)
{
	auto_mount_request struct mount_request request = {.shown = xasprintf("--mount %s", text)};
	auto_strv struct strv fields = STRV_INIT;
	bool make_source = false;
	int r = split_csv(text, &fields, err);
	if (r == 0)
		r = find_type(&request, &fields, err);
	/* podman's default; docker has no such thing. Later words win. */
	if (request.kind == MOUNT_TMPFS)
		strv_add(&request.options, "tmpcopyup");
	for (size_t i = 0; r == 0 && i < fields.count; i++)
		r = set_key(&request, fields.items[i], &make_source, err);
	if (r < 0 || (r = find_source(&request, make_source, err)) < 0)
		return r;
	if (!request.destination)
		return error_set(err, EINVAL, "%s: give the target: destination=PATH", request.shown);
	if ((r = mount_request_check(&request, err)) < 0)
		return r;
	*ret = request;
	request = (struct mount_request){0};
	return 0;
}
